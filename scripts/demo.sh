#!/bin/sh
# The main job, once: a recording of the repository in another voice, through a relay in the same process.
set -eu
out=demo-out
voice=rachel
binary=$(swift build -c release --show-bin-path)/quota-voice

mkdir -p "$out"
cp fixtures/speech-male.wav "$out/original.wav"
"$binary" convert "$out/original.wav" --loopback --voice "$voice" -o "$out/$voice.wav" --force
sox -M "$out/original.wav" "$out/$voice.wav" -n rate 16k spectrogram -x 900 -y 250 -z 80 \
    -t "above: original; below: $voice" -o "$out/before-after.png"
echo
echo "before:      $out/original.wav"
echo "after:       $out/$voice.wav"
echo "spectrogram: $out/before-after.png"
