"""The table and the plot of what was measured."""
import datetime
import html
import os
import platform

import numpy as np


class Row:
    def __init__(self, subject, results):
        self.subject = subject
        self.delays = np.array([delay for result in results for delay in result["delays"]])
        self.played = sum(result["played"] for result in results)
        self.lost = sum(result["lost"] for result in results)
        self.duplicated = sum(result["duplicated"] for result in results)
        self.share = float(np.mean([result["share"] for result in results]))
        self.ended = any(result["ended"] for result in results)
        self.status = results[-1]["status"]

    def at(self, percentile):
        return float(np.percentile(self.delays, percentile)) if len(self.delays) else None


def figure(value, digits=1):
    return "–" if value is None else f"{value:.{digits}f}"


def table(rows):
    lines = ["| from microphone to speaker | median | p95 | max | lost | twice | of a core |",
             "|---|---:|---:|---:|---:|---:|---:|"]
    for row in rows:
        lost = "–" if row.subject.silent else f"{row.lost} of {row.played}"
        twice = "–" if row.subject.silent else f"{row.duplicated}"
        lines.append(
            f"| {row.subject.words} | {figure(row.at(50))} | {figure(row.at(95))} | {figure(row.at(100))} | {lost} "
            f"| {twice} | {100 * row.share:.1f} % |")
    return "\n".join(lines)


STAGES = [
    ("capture", "(a period of the microphone, within the next ones)"), ("filters", "resampling filters"),
    ("converter", "converter, and the way there and back"),
    ("codec", "codec's look-ahead, both ways"), ("playout", "jitter buffer"),
    ("ring", "ring to the speaker's thread"), ("playback", "speaker's queue"),
    ("measured", "whole, as the session measures it"),
]
TIMES = [
    ("capture_to_wire", "microphone's wake-up → bytes given to the socket"),
    ("speech_to_wire", "a packet's first sample recorded → bytes given to the socket"),
    ("wire_to_buffer", "bytes in the socket → jitter buffer"),
    ("capture_to_ring", "microphone's wake-up → speaker's ring filled"),
]


def stages(rows):
    """Where the sessions themselves see the time go."""
    ours = [row for row in rows if row.status and not row.subject.silent]
    lines = ["| ms | " + " | ".join(row.subject.name for row in ours) + " |", "|---|" + "---:|" * len(ours)]
    for key, words in STAGES:
        cells = [figure(row.status["delay_ms"].get(key), 2) for row in ours]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    for key, words in TIMES:
        for place in ("p50", "p99"):
            cells = [figure(row.status.get("stage_ms", {}).get(f"{key}_{place}"), 3) for row in ours]
            if any(cell != "–" for cell in cells):
                lines.append(f"| {words}, {place} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(rows):
    """Each sound's delay as a point on one axis; the median as a bar."""
    heard = [row for row in rows if not row.subject.silent]
    left, width, pitch, top = 420, 520, 30, 46
    limit = max([20.0, *(row.at(100) for row in heard if len(row.delays))]) * 1.05
    height = top + pitch * len(heard) + 40

    def place(milliseconds):
        return left + width * milliseconds / limit

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 80}" height="{height}" '
        f'font-family="sans-serif" font-size="13" fill="#222">',
        f'<rect width="{left + width + 80}" height="{height}" fill="white"/>',
        '<text x="16" y="24" font-size="15" font-weight="bold">Microphone to speaker, ms: each sound a point, '
        'the median a bar</text>',
    ]
    step = next(step for step in (5, 10, 20, 50, 100) if limit / step <= 11)
    for mark in range(0, int(limit) + 1, step):
        parts.append(f'<line x1="{place(mark):.1f}" x2="{place(mark):.1f}" y1="{top - 8}" y2="{height - 32}" '
                     'stroke="#ddd"/>')
        parts.append(f'<text x="{place(mark):.1f}" y="{height - 14}" text-anchor="middle">{mark}</text>')
    for index, row in enumerate(heard):
        middle = top + pitch * index + pitch / 2
        colour = "#1f5fbf" if row.subject.ours else "#b0561f"
        words = html.escape(row.subject.words.replace("`", ""))
        parts.append(f'<text x="{left - 12}" y="{middle + 4:.1f}" text-anchor="end" font-size="11">{words}</text>')
        for number, delay in enumerate(row.delays):
            spread = (number * 7 % 11 - 5) * 1.1
            parts.append(f'<circle cx="{place(delay):.1f}" cy="{middle + spread:.1f}" r="2.2" fill="{colour}" '
                         'fill-opacity="0.45"/>')
        if not len(row.delays):
            parts.append(f'<text x="{left + 8}" y="{middle + 4:.1f}" font-size="11" fill="{colour}">all lost</text>')
            continue
        median = row.at(50)
        parts.append(f'<line x1="{place(median):.1f}" x2="{place(median):.1f}" y1="{middle - 11:.1f}" '
                     f'y2="{middle + 11:.1f}" stroke="{colour}" stroke-width="2.5"/>')
        lost = f", {row.lost} lost" if row.lost else ""
        parts.append(f'<text x="{place(row.at(100)) + 8:.1f}" y="{middle + 4:.1f}" font-size="11" fill="{colour}">'
                     f'{median:.1f}{lost}</text>')
    return "\n".join(parts + ["</svg>", ""])


def write(rows, docs):
    with open(os.path.join(docs, "latency.svg"), "w") as file:
        file.write(plot(rows))
    day = datetime.date.today().isoformat()
    system = ".".join(platform.release().split(".")[:2])
    with open(os.path.join(docs, "latency.md"), "w") as file:
        file.write(f"""# Delay from the microphone to the speaker

Written by `make latency` on {day}, {os.cpu_count()} processors, Linux {system}. A sound system of its own
(PipeWire, 48 kHz) with a virtual microphone and a virtual speaker, which add no delay; `pw-record` hears both in one
recording, so that each difference is exact to the sample. All subjects in turns, in one run. Milliseconds.

{table(rows)}

![The delays of all sounds](latency.svg)

`none` and the relay's `none` go through the whole converter with its delay; `rachel` changes the waveform, so its delay is
between the first rise of the level here and there, which includes how long the voice takes to rise.

## Stage by stage
What the sessions report of themselves at the end (`live --json`); a jitter buffer's depth is that of the moment. From
the filters to the speaker's queue the stages add up to the whole. A period of the microphone is not one of them: its
first sample waits for its last, which itself waits for nothing, and the jitter buffer evens that out, so it is within
the converter's and the buffer's time. The whole is reckoned with the speaker's queue as full as it shall be, so in this
process it is up to some milliseconds more than what is measured from outside.

{stages(rows)}
""")
