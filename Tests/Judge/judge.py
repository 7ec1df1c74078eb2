#!/usr/bin/env python3
"""Judges converted recordings against their originals.

usage: judge.py ORIGINALS CONVERTED --pitch RATIO --formants FACTOR [--world FOLDER] [--texts JSON] [--no-words]
                [--json FILE]

ORIGINALS and CONVERTED are folders with files of the same names, or two files. Figures are in percent, dB and ms and
taken after the delay was found and removed; `FIGURES` says what each means.
"""
import argparse
import functools
import json
import pathlib

import numpy as np

import events
import pitch
import spectrum
from sound import RATE, aligned, delay_milliseconds, frame_levels, read, speech_frames

FIGURES = {
    "delay": "ms that the file lies behind its original",
    "f0_error": "median pitch beside the wanted one, %",
    "gross_error": "frames more than 20 % beside the wanted pitch, %",
    "voicing_error": "frames with a pitch where the original has none or the other way round, %",
    "f0_frame_error": "either of the two, %",
    "f0_cents": "spread of the pitch around the wanted one, cents",
    "warp": "factor by which the envelope was moved",
    "warp_error": "the same beside the wanted factor, %",
    "envelope": "distance of the envelope from the original's moved by the wanted factor, dB",
    "harmonicity": "change of harmonics to noise, dB",
    "to_world": "log-mel distance to what WORLD makes of the same conversion, dB",
    "pre_echo": "rise of energy before onsets, dB",
    "clicks": "clicks added per second",
    "level": "change of level, dB",
    "clipped": "samples at full scale, %",
    "silence": "change of level in pauses, dB",
    "wrong_closed": "word errors, closed vocabulary, %",
    "wrong_default": "word errors, default language model, %",
}
# Medians where a single stray file says nothing; the others are means weighted by duration.
MEDIANS = {"delay", "warp", "warp_error", "f0_error"}
COUNTS = {"clicks", "words", "wrong_closed", "wrong_default"}


class Original:
    """A recording and what is known of it, found once for all its conversions."""

    def __init__(self, path):
        self.samples = read(path)
        self.seconds = len(self.samples) / RATE

    @functools.cached_property
    def levels(self):
        return frame_levels(self.samples)

    @functools.cached_property
    def truth(self):
        return pitch.Truth(pitch.harvest(self.samples), pitch.dio(self.samples))

    @functools.cached_property
    def envelopes(self):
        return spectrum.envelopes(self.samples, self.truth.f0)

    @functools.cached_property
    def harmonicity(self):
        return pitch.harmonicity(self.samples, self.truth.f0)


def compare(original, converted, ratio, factor, world=None, text=None, recogniser=None):
    """All figures of one conversion; those that a recording gives no occasion for are missing."""
    delay = delay_milliseconds(original.samples, converted)
    result = aligned(converted, delay, len(original.samples))
    speech = speech_frames(original.levels)
    figures = {"seconds": original.seconds, "delay": delay, "clipped": events.clipped_share(converted)}
    figures.update(voice_figures(original, result, speech, ratio, factor))
    if world is not None:
        in_step = aligned(result, delay_milliseconds(world, result), len(world))
        figures["to_world"] = spectrum.log_mel_distance(world, in_step)
    figures["pre_echo"] = events.pre_echo(original.samples, result)
    figures["clicks"] = events.clicks(result) - events.clicks(original.samples)
    figures["level"] = events.level_change(original.samples, result, speech)
    figures["silence"] = events.silence_change(original.samples, result, speech)
    if recogniser and text:
        figures.update(recogniser.errors(result, text))
    return {name: value for name, value in figures.items() if value is not None}


def voice_figures(original, result, speech, ratio, factor):
    f0 = pitch.harvest(result, max(40, 55 * ratio), min(800, 600 * max(1, ratio) ** 0.6))
    count = min(len(f0), len(original.truth.f0), len(speech))
    f0, speech = f0[:count], speech[:count]
    figures, right = pitch.compare(original.truth.first(count), f0, ratio, speech)
    levels = original.levels[:count]
    loud = np.flatnonzero(right & (levels > np.percentile(levels, 98) - 25))
    if len(loud) > 20:
        before, after = original.envelopes[loud], spectrum.envelopes(result, f0)[loud]
        figures["warp"] = spectrum.found_factor(before[::2], after[::2])
        figures["warp_error"] = 100 * (figures["warp"] / factor - 1)
        figures["envelope"] = spectrum.distance(spectrum.moved(before, factor), spectrum.moved(after, 1))
        change = (pitch.harmonicity(result, f0) - original.harmonicity[:count])[right]
        if not np.isnan(change).all():
            figures["harmonicity"] = float(np.nanmedian(change))
    return figures


def summary(results):
    """One figure each for many recordings."""
    total = {}
    for name in FIGURES:
        having = [result for result in results if name in result]
        if not having:
            continue
        values = np.array([result[name] for result in having])
        seconds = np.array([result["seconds"] for result in having])
        if name in MEDIANS:
            total[name] = float(np.median(values))
        elif name == "clicks":
            total[name] = float(values.sum() / seconds.sum())
        elif name in COUNTS:
            count = sum(result["words"] for result in having)
            total[name] = 100 * float(values.sum() / count)
            if name + "_each" in having[0]:
                each = np.array([result[name + "_each"] for result in having])
                total[name + "_spread"] = 100 * float(each.sum(0).std(ddof=1) * each.shape[1] / count)
        else:
            total[name] = float((values * seconds).sum() / seconds.sum())
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("originals", type=pathlib.Path)
    parser.add_argument("converted", type=pathlib.Path)
    parser.add_argument("--pitch", type=float, required=True)
    parser.add_argument("--formants", type=float, required=True)
    parser.add_argument("--world", type=pathlib.Path)
    parser.add_argument("--texts", type=pathlib.Path)
    parser.add_argument("--no-words", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()

    texts = json.loads(options.texts.read_text()) if options.texts else {}
    recogniser = None
    if texts and not options.no_words:
        from words import Recogniser

        recogniser = Recogniser(texts.values())
    alone = options.originals.is_file()
    results = {}
    for path in [options.originals] if alone else sorted(options.originals.glob("*.wav")):
        other = options.converted if alone else options.converted / path.name
        if not other.exists():
            raise SystemExit("judge: %s is missing" % other)
        reference = options.world and (options.world if alone else options.world / path.name)
        results[path.stem] = compare(
            Original(path), read(other), options.pitch, options.formants,
            world=read(reference) if reference and reference.exists() else None, text=texts.get(path.stem),
            recogniser=recogniser)
    total = summary(list(results.values()))
    for name in FIGURES:
        if name in total:
            spread = "" if name + "_spread" not in total else ", ±%.1f among variants" % total[name + "_spread"]
            print("%-16s %9.3f   %s%s" % (name, total[name], FIGURES[name], spread))
    if options.json:
        options.json.write_text(json.dumps({"summary": total, "files": results}, indent=1))


if __name__ == "__main__":
    main()
