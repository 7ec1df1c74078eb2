#!/usr/bin/env python3
"""Judges the voices of the built command beside other converters and writes docs/voices.md with its pictures.

usage: run.py BINARY CACHE DOCS

Converts every recording with BINARY at fixed ratios through voices of a temporary configuration folder, so that all
converters do the same work. What was found stays in CACHE/*.json, from which `plots.py CACHE DOCS` can write the
pages again.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pesq

import custom
import formants
import judge
import pitch
import plots
from sound import RATE, aligned, delay_milliseconds, frame_levels, read, speech_frames, write
from words import VARIANTS, Recogniser

HERE = pathlib.Path(__file__).parent
DIRECTIONS = {"male": {"pitch": 1.7, "formants": 1.15}, "female": {"pitch": 0.6, "formants": 0.87}}
PEERS = ["world", "rubberband", "rubberband-short", "soundtouch", "sox"]


def convert(binary, source, target, voice, configuration):
    """All of a folder by the command; its results get their originals' names."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [binary, "convert", source, "--local", "--voice", voice, "-o", folder + "/", "--quiet"], check=True,
            env={**os.environ, "XDG_CONFIG_HOME": configuration})
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for path in sorted(source.glob("*.wav")):
            shutil.move(pathlib.Path(folder, "%s.%s.wav" % (path.stem, voice)), target / path.name)


def with_pink_noise(source, target):
    """The recordings in pink noise, 10 dB below their level."""
    target.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted(source.glob("*.wav"))):
        samples = read(path)
        spectrum = np.fft.rfft(np.random.default_rng(number).standard_normal(len(samples)))
        spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE), 20))
        noise = np.fft.irfft(spectrum, len(samples))
        noise *= np.sqrt((samples**2).mean() / (noise**2).mean() / 10)
        # Room for both; the level of the whole does not matter here.
        write(target / path.name, (samples + noise) / max(1, np.abs(samples + noise).max()))


def join_speakers(source, target):
    """One recording of each speaker with at least 5 s: where a speaker lands needs a few sentences to show."""
    target.mkdir(parents=True, exist_ok=True)
    speakers = {}
    for path in sorted(source.glob("*.wav")):
        speakers.setdefault(path.stem.split("-")[0], []).append(read(path))
    for name, parts in speakers.items():
        if name != "command" and sum(map(len, parts)) >= 5 * RATE:
            write(target / (name + ".wav"), np.concatenate(parts))


def landings(cache):
    """The median pitch and the formant spacing of every speaker in every voice."""
    found = {voice: {} for voice in plots.LANDINGS}
    for direction in DIRECTIONS:
        for voice in found:
            for path in sorted((cache / "converted" / direction / voice).glob("*.wav")):
                samples = read(path)
                f0 = pitch.harvest(samples)
                # Harvest hears a pitch in pauses too.
                speech = speech_frames(frame_levels(samples))[: len(f0)]
                voiced = (f0 > 0) & speech
                found[voice][path.stem] = {
                    "pitch": float(np.median(f0[voiced])), "spacing": formants.spacing(samples, voiced)}
    return found


def voice_file(folder, name, pitch_ratio, formant_ratio):
    voice = {"name": name, "summary": "Fixed ratios.", "pitch": {"ratio": pitch_ratio},
             "formants": {"ratio": formant_ratio}}
    (folder / (name + ".json")).write_text(json.dumps(voice))


def convert_all(binary, cache):
    with tempfile.TemporaryDirectory() as configuration:
        voices = pathlib.Path(configuration, "quota-voice/voices")
        voices.mkdir(parents=True)
        for direction, ratios in DIRECTIONS.items():
            there, back = "judge-" + direction, "judge-back-" + direction
            voice_file(voices, there, ratios["pitch"], ratios["formants"])
            voice_file(voices, back, 1 / ratios["pitch"], 1 / ratios["formants"])
            source, target = cache / "recordings" / direction, cache / "converted" / direction
            convert(binary, source, target / "ours", there, configuration)
            convert(binary, target / "ours", target / "ours-and-back", back, configuration)
            with_pink_noise(source, cache / "noisy" / direction)
            convert(binary, cache / "noisy" / direction, target / "ours-in-noise", there, configuration)
            join_speakers(source, cache / "speakers" / direction)
            for voice in plots.LANDINGS:
                convert(binary, cache / "speakers" / direction, target / voice, voice, configuration)
        same = cache / "recordings/same"
        for (source, target), presets in custom.ALL_PAIRS.items():
            custom.learn(binary, same, configuration, source, target)
            for voice in [custom.voice_name(source, target), *presets]:
                convert(binary, same / source, cache / "converted/same" / source / voice, voice, configuration)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda work: convert_by_peer(cache, *work), [(d, p) for d in DIRECTIONS for p in PEERS]))


def convert_by_peer(cache, direction, peer):
    # They never change, so one rendering serves (remove CACHE/converted after a change of peers.py); an unfinished one
    # bears another name.
    target = cache / "converted" / direction / peer
    if target.exists():
        return
    ratios = ["--pitch", str(DIRECTIONS[direction]["pitch"]), "--formants", str(DIRECTIONS[direction]["formants"])]
    (cache / "peers.json").unlink(missing_ok=True)
    unfinished = target.with_name(peer + ".tmp")
    subprocess.run(
        [sys.executable, HERE / "peers.py", peer, cache / "recordings" / direction, unfinished, *ratios], check=True)
    unfinished.rename(target)


def judge_one(cache, direction, path, known):
    """Figures of all conversions of one recording, by converter; `known` are those that were judged before."""
    ratio, factor = DIRECTIONS[direction].values()
    original = judge.Original(path)
    converted = cache / "converted" / direction
    reference = read(converted / "world" / path.name)
    figures = dict(known)
    for name in ["ours", *PEERS]:
        if name in figures:
            continue
        world = None if name == "world" else reference
        figures[name] = judge.compare(
            original, read(converted / name / path.name), ratio, factor, world=world)
    noisy = judge.compare(original, read(converted / "ours-in-noise" / path.name), ratio, factor)
    figures["ours-in-noise"] = {key: noisy[key] for key in ("seconds", "gross_error", "f0_frame_error") if key in noisy}
    back = read(converted / "ours-and-back" / path.name)
    back = aligned(back, delay_milliseconds(original.samples, back), len(original.samples))
    quality = pesq.pesq(RATE, original.samples, back, "wb")
    figures["ours-and-back"] = {"seconds": original.seconds, "pesq": float(quality)}
    figures.setdefault("unconverted", {"seconds": original.seconds})
    return direction, path.stem, figures


def hear_all(cache, direction, name, texts):
    """Word errors of one converter by recording.

    A recogniser adapts to what it hears, so each converter has one of its own and all hear the files in one order.
    """
    recogniser = Recogniser(texts.values())
    folder = cache / "recordings" if name == "unconverted" else cache / "converted"
    folder = folder / direction / ("" if name == "unconverted" else name)
    errors = {}
    for path in sorted((cache / "recordings" / direction).glob("*.wav")):
        if path.stem in texts:
            samples, original = read(folder / path.name), read(path)
            samples = aligned(samples, delay_milliseconds(original, samples), len(original))
            errors[path.stem] = recogniser.errors(samples, texts[path.stem])
    return direction, name, errors


def is_heard(known, name, texts):
    """Whether word errors of all recordings by this converter are known, in all variants."""
    each = [figures.get(name, {}).get("wrong_default_each", ()) for stem, figures in known.items() if stem in texts]
    return bool(each) and all(len(errors) == VARIANTS for errors in each)


def judge_all(cache):
    texts = json.loads((cache / "recordings/texts.json").read_text())
    # What the peers make never changes, so it is judged once: remove CACHE/peers.json after a change of the judge.
    kept = cache / "peers.json"
    known = json.loads(kept.read_text()) if kept.exists() else {direction: {} for direction in DIRECTIONS}
    results = {direction: {} for direction in DIRECTIONS}
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        work = [
            pool.submit(judge_one, cache, direction, path, known[direction].get(path.stem, {}))
            for direction in DIRECTIONS for path in sorted((cache / "recordings" / direction).glob("*.wav"))]
        hearings = [
            pool.submit(hear_all, cache, direction, name, texts)
            for direction in DIRECTIONS for name in ["unconverted", "ours", *PEERS]
            if name == "ours" or not is_heard(known[direction], name, texts)]
        for number, done in enumerate(concurrent.futures.as_completed(work), 1):
            direction, name, figures = done.result()
            results[direction][name] = figures
            print("judge: %d of %d, %s" % (number, len(work), name), flush=True)
        for hearing in hearings:
            direction, converter, errors = hearing.result()
            for name, counts in errors.items():
                results[direction][name][converter].update(counts)
    peers = ["unconverted", *PEERS]
    kept.write_text(json.dumps({
        direction: {name: {peer: found[peer] for peer in peers} for name, found in files.items()}
        for direction, files in results.items()}))
    return results


def main():
    binary, cache, docs = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    # One thread each: the work is spread by recordings.
    os.environ["OMP_NUM_THREADS"] = "1"
    if not (cache / "recordings/same/ph").exists():
        subprocess.run([sys.executable, HERE / "recordings.py", cache / "recordings"], check=True)
    print("judge: converting", flush=True)
    convert_all(binary, cache)
    (cache / "landings.json").write_text(json.dumps(landings(cache), indent=1))
    found = custom.figures(cache / "recordings/same", cache / "converted/same")
    (cache / "custom.json").write_text(json.dumps(found, indent=1))
    (cache / "results.json").write_text(json.dumps(judge_all(cache), indent=1))
    plots.write_pages(cache, docs)


if __name__ == "__main__":
    main()
