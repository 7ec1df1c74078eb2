"""What is measured: our sessions, and the programs that carry sound from a microphone to a speaker as well."""
import os
import re
import subprocess
import time
from dataclasses import dataclass, field

import sounds

FORMAT = ["-r", "48000", "-f", "S16_LE", "-c", "2"]


@dataclass
class Subject:
    name: str
    words: str
    command: list
    environment: dict = field(default_factory=dict)
    sound: str = "chirp"
    ours: bool = False
    # Seconds until the delay is what it stays at: a jitter buffer begins deep.
    settle: float = 2.5
    # Nothing shall come out of it; its processor time alone is of interest.
    silent: bool = False

    @property
    def wave(self):
        return sounds.vowel() if self.sound == "vowel" else sounds.chirp()


def gstreamer(period, buffer):
    times = [f"latency-time={period}", f"buffer-time={buffer}"]
    return ["gst-launch-1.0", "-q", "alsasrc", "device=vmic", *times, "!", "audioconvert", "!", "alsasink",
            "device=vspk", *times]


def ours(binary, *options):
    return [binary, "live", "-i", "vmic", "-o", "vspk", "--json", *options]


def subjects(binary, relay):
    """All subjects, in the order of the table."""
    local = ["--local", "--latency", "low"]
    remote = ["--relay", relay.url, "--insecure"]
    key = {"QUOTA_API_KEY": relay.key}
    found = [
        Subject("bypass", "ours, in-process, own voice, `--latency low`", ours(binary, *local, "--bypass"), ours=True),
        Subject("none", "ours, in-process, voice `none`, `--latency low`", ours(binary, *local, "--voice", "none"),
                ours=True),
        Subject("voice", "ours, in-process, voice `rachel`, `--latency low` (by onset)",
                ours(binary, *local, "--voice", "rachel"), sound="vowel", ours=True),
        Subject("relay-low", "ours, through a relay on loopback, voice `none`, `--latency low`",
                ours(binary, *remote, "--voice", "none", "--latency", "low"), key, ours=True, settle=9),
        Subject("relay", "ours, through a relay on loopback, voice `none`",
                ours(binary, *remote, "--voice", "none"), key, ours=True, settle=9),
        Subject("alsaloop-10", "`alsaloop -t 10000`", ["alsaloop", "-C", "vmic", "-P", "vspk", "-t", "10000", *FORMAT]),
        Subject("alsaloop-20", "`alsaloop -t 20000`", ["alsaloop", "-C", "vmic", "-P", "vspk", "-t", "20000", *FORMAT]),
        Subject("pw-loopback", "`pw-loopback` (within the sound server's graph)",
                ["pw-loopback", "-C", "vmic", "-P", "vspk"]),
        Subject("gst-1.3", "`gst-launch-1.0 alsasrc ! alsasink`, 10.7 ms in periods of 1.3 ms", gstreamer(1_333, 10_667)),
        Subject("gst-5", "`gst-launch-1.0 alsasrc ! alsasink`, 20 ms in periods of 5 ms", gstreamer(5_000, 20_000)),
        Subject("idle", "ours, in-process, muted", ours(binary, *local, "--voice", "rachel", "--mute"), ours=True,
                silent=True),
        Subject("relay-idle", "ours, through a relay on loopback, muted",
                ours(binary, *remote, "--voice", "none", "--mute"), key, ours=True, silent=True),
    ]
    if takes_opus(binary, relay):
        opus = Subject("relay-opus", "ours, through a relay on loopback, Opus, voice `none` (by onset)",
                       ours(binary, *remote, "--voice", "none", "--wire", "opus"), key, sound="vowel", ours=True,
                       settle=9)
        found.insert(5, opus)
    return found


def takes_opus(binary, relay):
    """Whether live sessions of this build know Opus: one that does gets as far as the device, which is not there."""
    tried = subprocess.run(
        [binary, "live", "--relay", relay.url, "--insecure", "--wire", "opus", "-i", "nobody:here", "-o", "nobody:here"],
        env={**os.environ, "QUOTA_API_KEY": relay.key}, capture_output=True, text=True, timeout=20)
    return "--wire" not in tried.stderr


class Relay:
    """A relay of this binary on loopback."""
    key = "sk-quota-latency"

    def __init__(self, binary, folder):
        keys = os.path.join(folder, "keys")
        with open(keys, "w") as file:
            file.write(f"{self.key} 100000000\n")
        self.log = os.path.join(folder, "relay.log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [binary, "serve", "--port", "0", "--token-file", keys], stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT)
        for _ in range(200):
            with open(self.log) as log:
                match = re.search(r"(wss?://\S+)", log.read())
            if match:
                self.url = match.group(1)
                return
            time.sleep(0.05)
        raise RuntimeError("the relay did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
