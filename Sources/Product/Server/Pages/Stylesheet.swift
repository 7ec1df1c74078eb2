/// The one stylesheet of all pages: readable on a phone, light and dark by the system's choice, no external host.
enum Stylesheet {
    static let path = "/assets/quota.css"

    static let text = """
        :root { color-scheme: light dark; --ink: #1b1d22; --soft: #5c6270; --paper: #f4f5f8; --card: #ffffff;
          --line: #d9dce4; --accent: #3a4fd0; --on-accent: #ffffff; --good: #1d7a46; --bad: #b3261e; --warn: #8a5a00;
          --tint: #eceefb }
        @media (prefers-color-scheme: dark) { :root { --ink: #e9eaf0; --soft: #a3a9b8; --paper: #14161b;
          --card: #1e2128; --line: #363b47; --accent: #98a6ff; --on-accent: #10142e; --good: #6fd39b; --bad: #ff9d94;
          --warn: #f0c067; --tint: #272c42 } }
        * { box-sizing: border-box }
        body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--paper);
          color: var(--ink); font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif; overflow-wrap: anywhere }
        header.top { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline;
          padding: .9rem clamp(1rem, 4vw, 2.5rem); border-bottom: 1px solid var(--line); background: var(--card) }
        header.top .brand { font-weight: 700; color: var(--ink); text-decoration: none; margin-right: auto }
        header.top nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem }
        header.top nav a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none }
        main { width: 100%; max-width: 27rem; margin: 0 auto; padding: clamp(1rem, 5vw, 3rem) 1rem; flex: 1 }
        main.wide { max-width: 62rem }
        footer { padding: 1rem; text-align: center; color: var(--soft); font-size: .875rem }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: .9rem;
          padding: clamp(1.1rem, 5vw, 1.9rem); margin: 0 0 1.25rem }
        h1 { font-size: 1.45rem; line-height: 1.25; margin: 0 0 .75rem } h2 { font-size: 1.1rem; margin: 0 0 .75rem }
        p { margin: 0 0 .9rem } a { color: var(--accent) } .soft { color: var(--soft); font-size: .9375rem }
        .big { font-size: 2rem; font-weight: 650; margin: 0 0 .5rem; font-variant-numeric: tabular-nums }
        label { display: block; font-weight: 600; margin: 0 0 .3rem }
        input[type=text], input[type=email], input[type=password], input[type=url], input[type=number], select, textarea {
          width: 100%; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line);
          border-radius: .55rem; padding: .65rem .75rem; margin: 0 0 1rem }
        label.check + .actions { margin-top: 1rem } label.check { font-weight: 400; display: flex; gap: .5rem; align-items: baseline }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
        button, .button { font: inherit; font-weight: 600; min-height: 2.9rem; padding: .6rem 1.1rem; cursor: pointer;
          border-radius: .55rem; border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent);
          text-decoration: none; display: inline-block; text-align: center; white-space: nowrap }
        button.plain, .button.plain { background: transparent; color: var(--ink); border-color: var(--line) }
        button.danger { background: transparent; color: var(--bad); border-color: currentColor }
        button.small { min-height: 2.2rem; padding: .25rem .7rem; font-weight: 500 }
        button.link { all: unset; color: var(--accent); text-decoration: underline; cursor: pointer }
        button[disabled] { opacity: .5; cursor: default }
        .actions { display: flex; flex-direction: column; gap: .65rem }
        .wide .actions { flex-direction: row; flex-wrap: wrap } form.inline { display: inline }
        ul.scopes { list-style: none; margin: 0 0 1rem; padding: 0; border-top: 1px solid var(--line) }
        ul.scopes li { padding: .55rem 0 .55rem 1.8rem; position: relative; border-bottom: 1px solid var(--line) }
        ul.scopes li::before { content: "\\2713"; position: absolute; left: .3rem; color: var(--good); font-weight: 700 }
        ul.scopes li.costly { font-weight: 600 }
        ul.scopes li.costly::before { content: "$"; color: var(--warn) }
        .note { border-left: 4px solid var(--accent); background: var(--tint); padding: .7rem .9rem; border-radius: .4rem;
          margin: 0 0 1rem } .note.bad { border-color: var(--bad) } .note.good { border-color: var(--good) }
        .note > :last-child { margin-bottom: 0 } .note .code { background: none; padding: 0 }
        form + p { margin-top: 1rem } p:last-child { margin-bottom: 0 }
        .scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .9375rem }
        th, td { text-align: left; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line);
          vertical-align: top; overflow-wrap: normal } th { color: var(--soft); font-weight: 600; white-space: nowrap }
        td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
        code, .code { font: .875rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
        .code { display: block; background: var(--tint); padding: .7rem .9rem; border-radius: .4rem; margin: 0 0 1rem }
        .grid { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)) }
        .grid .card { margin: 0 } .grid { margin: 0 0 1.25rem }
        .plus { color: var(--good) } .minus { color: var(--ink) } .fault { color: var(--bad) }
        meter { width: 100%; min-width: 6rem; height: .9rem }
        """
}
