"""Microphone to speaker: our live sessions beside other programs, interleaved, heard by PipeWire's own recorder.

usage: run.py BINARY CACHE DOCS [-n COUNT] [--rounds COUNT] [--only NAME]...

Writes DOCS/latency.md and DOCS/latency.svg, unless --only names a part of the subjects.
"""
import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

import report
from meter import Meter
from soundsystem import SoundSystem
from subjects import Relay, subjects


def last_status(text):
    """What a session of ours said of itself last."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"') and '"event":"status"' in line]
    return lines[-1] if lines else None


def measure_idle(meter, subject, folder):
    with open(os.path.join(folder, "idle.log"), "w+") as log:
        program = meter.start(subject.command, log)
        # After five idle seconds a session lets its devices rest.
        time.sleep(8)
        share = meter.share(program, 5)
        meter.stop(program)
        log.seek(0)
        return {"played": 0, "delays": [], "lost": 0, "duplicated": 0, "share": share, "ended": False,
                "log": log.read()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("cache")
    parser.add_argument("docs")
    parser.add_argument("-n", type=int, default=24, help="sounds for each subject, over all rounds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    options = parser.parse_args()
    os.makedirs(options.cache, exist_ok=True)
    folder = subprocess.check_output(["mktemp", "-d", "/tmp/latency.XXXXXX"], text=True).strip()
    sound, relay = SoundSystem(folder), None
    results = {}
    try:
        relay = Relay(options.binary, folder)
        chosen = subjects(options.binary, relay)
        unknown = set(options.only) - {subject.name for subject in chosen}
        if unknown:
            sys.exit(f"latency: no {', '.join(sorted(unknown))}; there is {', '.join(s.name for s in chosen)}")
        chosen = [subject for subject in chosen if not options.only or subject.name in options.only]
        for turn in range(options.rounds):
            for subject in chosen:
                meter = Meter({**sound.environment, **subject.environment}, folder)
                if subject.silent:
                    result = measure_idle(meter, subject, folder) if turn == 0 else None
                else:
                    count = max(1, -(-options.n // options.rounds))
                    result = meter.measure(
                        subject.command, subject.wave, count, subject.sound == "vowel",
                        settle=subject.settle, seed=turn + 1)
                if result is None:
                    continue
                result["status"] = last_status(result.pop("log"))
                results.setdefault(subject.name, []).append(result)
                middle = f"{np.median(result['delays']):.2f} ms" if result["delays"] else "-"
                print(f"{turn + 1} {subject.name:12} {middle:>10}  {result['lost']} lost of {result['played']}  "
                      f"{100 * result['share']:.1f} % of a core", flush=True)
    finally:
        if relay:
            relay.stop()
        sound.stop()
        subprocess.run(["rm", "-rf", folder], check=True)
    with open(os.path.join(options.cache, "latency.json"), "w") as file:
        json.dump(results, file)
    rows = [report.Row(subject, results[subject.name]) for subject in chosen]
    table = report.table(rows)
    print(table)
    if not options.only:
        report.write(rows, options.docs)


main()
