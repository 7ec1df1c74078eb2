/// Keeps the balance and the running sessions of the overview fresh.
enum LiveScript {
    static let path = "/assets/live.js"

    static let text = #"""
        'use strict';
        const list = document.getElementById('live');

        // By text nodes alone: names come from people.
        function cell(row, text, isNumber) {
          const cell = row.insertCell();
          cell.textContent = text;
          if (isNumber) cell.className = 'number';
        }

        function show(data) {
          document.getElementById('balance').textContent = data.balance;
          const table = document.createElement('table');
          for (const session of data.sessions) {
            const row = table.insertRow();
            cell(row, session.voice);
            cell(row, session.seconds.toFixed(1) + ' s', true);
            cell(row, '$' + (session.credits / 1e6).toFixed(4), true);
            if (!session.meter) continue;
            for (const [name, level] of [['Microphone', session.meter.input], ['Converted', session.meter.output]]) {
              const meter = document.createElement('meter');
              meter.title = name;
              meter.max = 1;
              meter.value = level;
              row.insertCell().append(meter);
            }
            cell(row, Math.round(session.meter.delayMilliseconds) + ' ms', true);
          }
          if (!data.sessions.length) {
            const text = document.createElement('p');
            text.className = 'soft';
            text.textContent = 'Nobody.';
            list.replaceChildren(text);
          } else {
            list.replaceChildren(table);
          }
        }

        async function poll() {
          if (!document.hidden) {
            try {
              const answer = await fetch('/dashboard/live');
              if (answer.status === 401) { location.href = '/login'; return; }
              if (answer.ok) show(await answer.json());
            } catch { /* The server is away: the next turn asks again. */ }
          }
          setTimeout(poll, 1000);
        }
        poll();

        """#
}
