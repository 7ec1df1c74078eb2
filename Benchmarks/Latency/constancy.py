"""One live session for a long time: is its delay what it was, and did it ever run dry?

usage: constancy.py BINARY DOCS [--minutes COUNT] [--voice NAME] [--note SENTENCE]

A chirp every 0.6 s goes into the virtual microphone of a sound system of its own; PipeWire's recorder hears microphone
and speaker in one file, which is looked at when all is over. Beside it cyclictest, where it is installed, wakes up every
2 ms at a priority above every sound thread: what it is late by is the machine's doing.
"""
import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import wave

import numpy as np

import sounds
from meter import Meter, processor_seconds, recording
from soundsystem import SoundSystem
from subjects import ours

# Silence around a cut between two sounds.
GUARD = int(0.2 * sounds.RATE)


def late(folder, seconds):
    """cyclictest, counting how late it wakes, by the microsecond up to 20 ms; None where it can't run."""
    if os.geteuid() != 0 or not shutil.which("cyclictest"):
        return None
    with open(os.path.join(folder, "late"), "w") as file:
        return subprocess.Popen(
            ["cyclictest", "-q", "-m", "-p", "90", "-t", "1", "-i", "2000", "-h", "20000", "-D", str(int(seconds))],
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.DEVNULL)


def lateness(folder):
    """Wake-ups of cyclictest, those late by more than 1 and 2.7 ms, and the latest in ms."""
    with open(os.path.join(folder, "late")) as file:
        text = file.read()
    counts = {int(a): int(b) for a, b in re.findall(r"^(\d{6}) (\d+)$", text, re.M)}
    beyond = sum(int(count) for count in re.findall(r"Histogram Overflows: (\d+)", text))
    latest = re.search(r"Max Latencies: (\d+)", text)
    return {
        "wakes": sum(counts.values()) + beyond,
        "1 ms": beyond + sum(count for delay, count in counts.items() if delay > 1_000),
        "2.7 ms": beyond + sum(count for delay, count in counts.items() if delay > 2_667),
        "latest": int(latest.group(1)) / 1_000 if latest else None,
    }


def minutes(both, length):
    """Cuts the recording into parts of so many samples, each in the silence before a sound."""
    begin = 0
    while begin < len(both):
        loud = np.flatnonzero(np.abs(both[begin + length:begin + length + 2 * sounds.RATE, 0]) > 0.02)
        quiet = loud[np.flatnonzero(np.diff(loud, prepend=-10 * GUARD) > GUARD)] if len(loud) else []
        # The first sound may have begun before.
        cut = begin + length + int(quiet[-1]) - GUARD // 2 if len(quiet) else len(both)
        yield begin / sounds.RATE, both[begin:cut]
        begin = cut


def run(binary, folder, seconds, voice):
    sound = SoundSystem(folder)
    meter = Meter(sound.environment, folder)
    running = []
    track = (sounds.track(sounds.chirp(), int(seconds / sounds.INTERVAL), 1) * 32_767).astype("<i2")
    with wave.open(f"{folder}/played.wav", "wb") as file:
        file.setparams((1, 2, sounds.RATE, len(track), "NONE", ""))
        file.writeframes(track.tobytes())
    try:
        recorder = meter.ear(f"{folder}/heard.wav", running)
        with open(f"{folder}/log", "w") as log:
            command = ours(binary, "--local", "--latency", "low", "--voice", voice)
            program = meter.start(command, log, subprocess.STDOUT)
        running.append(program)
        time.sleep(2.5)
        machine = late(folder, seconds)
        player = meter.mouth(f"{folder}/played.wav", running)
        before = processor_seconds(program.pid)
        start = time.monotonic()
        while player.poll() is None and program.poll() is None:
            time.sleep(1)
        share = (processor_seconds(program.pid) - before) / (time.monotonic() - start) if program.poll() is None else 0
        if machine:
            machine.wait(20)
        ended = program.poll() is not None
        meter.stop(recorder)
    finally:
        for process in reversed(running):
            meter.stop(process)
        sound.stop()
    if ended:
        sys.exit("constancy: the session ended by itself:\n" + open(f"{folder}/log").read()[-1_000:])
    return share, bool(machine)


def statuses(folder):
    with open(f"{folder}/log") as file:
        return [json.loads(line) for line in file if line.startswith('{"') and '"event":"status"' in line]


def plot(path, points, title):
    """Delay over time, each sound a point."""
    width, height, left, top = 900, 260, 60, 40
    last = max(time for time, _ in points)
    low, high = min(5 * (min(delay for _, delay in points) // 5), 20), max(delay for _, delay in points) + 2
    high = max(high, low + 10)

    def place(time, delay):
        return left + (width - left - 20) * time / last, top + (height - top - 40) * (high - delay) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="12" fill="#222"><rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="16" y="22" font-size="14" font-weight="bold">{title}</text>',
    ]
    for mark in np.arange(low, high, 5 if high - low < 40 else 10):
        y = place(0, mark)[1]
        parts.append(f'<line x1="{left}" x2="{width - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{mark:.0f}</text>')
    step = next(step for step in (1, 5, 10, 30) if last / 60 / step <= 13)
    for minute in range(0, int(last / 60) + 1, step):
        x = place(minute * 60, low)[0]
        parts.append(f'<text x="{x:.1f}" y="{height - 14}" text-anchor="middle">{minute} min</text>')
    for moment, delay in points:
        x, y = place(moment, delay)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.2" fill="#1f5fbf" fill-opacity="0.5"/>')
    with open(path, "w") as file:
        file.write("\n".join(parts + ["</svg>", ""]))


def write(options, facts, points, title):
    plot(os.path.join(options.docs, "constancy.svg"), points, title)
    text = "\n".join(f"- {fact}" for fact in facts)
    with open(os.path.join(options.docs, "constancy.md"), "w") as file:
        file.write(f"""# One session for {options.minutes:.0f} minutes

Written by `make constancy` on {datetime.date.today().isoformat()}: `live --local --latency low --voice {options.voice}`
between the virtual microphone and speaker of a sound system of its own, a chirp every 0.6 s, heard by `pw-record`.
{options.note}

{text}

![Delay over time](constancy.svg)
""")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("docs")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--voice", default="none")
    parser.add_argument("--note", default="", help="a sentence about the circumstances")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="constancy.", dir="/tmp") as folder:
        share, hasMachine = run(os.path.abspath(options.binary), folder, options.minutes * 60, options.voice)
        points, played, lost, twice = [], 0, 0, 0
        for start, part in minutes(recording(f"{folder}/heard.wav"), 60 * sounds.RATE):
            count, found, missing, double = sounds.delays(part[:, 0], part[:, 1], sounds.chirp(), False)
            played, lost, twice = played + count, lost + missing, twice + double
            points += [(start + index * sounds.INTERVAL, delay) for index, delay in enumerate(found)]
            if found:
                print(f"{start / 60:5.1f} min  {np.median(found):6.2f} ms  {min(found):6.2f} to {max(found):6.2f}  "
                      f"{missing} lost of {count}")
        last = statuses(folder)[-1]
        machine = lateness(folder) if hasMachine else None
    delays = np.array([delay for _, delay in points])
    middle, high = np.median(delays), np.percentile(delays, 95)
    facts = [
        f"Delay: median {middle:.2f} ms, p95 {high:.2f}, max {delays.max():.2f}; of {played} sounds {lost} lost and "
        f"{twice} heard twice.",
        f"Xruns: microphone {last['input']['xruns']}, speaker {last['output']['xruns']}; concealments: "
        f"{last['concealments']}, {last['concealed_ms']:.1f} ms in all; {100 * share:.1f} % of a core.",
    ]
    if machine:
        facts.append(
            f"The machine: a thread above all others was woken {machine['1 ms']} times more than 1 ms late and "
            f"{machine['2.7 ms']} times more than 2.7 ms, {machine['latest']:.1f} ms at the latest, of "
            f"{machine['wakes']}. What the speaker holds at this setting is 2.7 ms.")
    print("\n".join(facts))
    write(options, facts, points, f"Delay of one session, ms: median {middle:.1f}, p95 {high:.1f}, {lost} of {played} lost")


main()
