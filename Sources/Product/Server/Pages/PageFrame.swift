/// What all pages have around their content.
struct PageFrame: Sendable {
    /// An entry of the navigation.
    struct Place: Sendable {
        let title: String
        let path: String
    }

    let title: String
    var isWide = false
    var places: [Place] = []
    /// The path of the place that is shown.
    var current = ""
    /// Paths of this server's own scripts.
    var scripts: [String] = []

    func around(_ content: HTML) -> HTML {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(title) · Quota on this machine</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="\(Stylesheet.path)">
        \(scripts.map { "<script src=\"\($0)\" defer></script>" as HTML })
        </head>
        <body>
        <header class="top"><a class="brand" href="/">Quota on this machine</a>\(navigation)</header>
        <main\(isWide ? " class=\"wide\"" as HTML : "")>
        \(content)
        </main>
        <footer>A local server of quota-voice.</footer>
        </body>
        </html>

        """
    }

    private var navigation: HTML? {
        guard !places.isEmpty else { return nil }
        let links: [HTML] = places.map { place in
            let mark: HTML = place.path == current ? " aria-current=\"page\"" : ""
            return "<a href=\"\(place.path)\"\(mark)>\(place.title)</a>"
        }
        return "<nav>\(links)</nav>"
    }
}
