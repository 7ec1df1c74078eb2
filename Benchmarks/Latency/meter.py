"""Runs a program between the virtual microphone and the virtual speaker and hears with PipeWire's own recorder."""
import os
import signal
import subprocess
import tempfile
import time
import wave

import numpy as np

import sounds

TICKS = os.sysconf("SC_CLK_TCK")
# The meter's own player and recorder are not to be what stalls: below the sound server, above everything ordinary.
PRIORITY = ["chrt", "-f", "40"] if os.geteuid() == 0 else []


def processor_seconds(pid):
    """User and system time of a process, all threads."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Meter:
    def __init__(self, environment, folder):
        self.environment = {**os.environ, **environment}
        self.folder = folder

    def start(self, command, log=subprocess.DEVNULL, errors=subprocess.STDOUT):
        return subprocess.Popen(
            command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=errors)

    @staticmethod
    def stop(process):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def link(self, source, sink):
        for _ in range(100):
            done = subprocess.run(
                ["pw-link", source, sink], env=self.environment, capture_output=True, text=True)
            if done.returncode == 0 or "exists" in done.stderr:
                return
            time.sleep(0.05)
        raise RuntimeError(f"{source} could not be linked to {sink}: {done.stderr.strip()}")

    def share(self, process, seconds):
        """Share of a core that the process takes while it is left alone."""
        before, start = processor_seconds(process.pid), time.monotonic()
        time.sleep(seconds)
        return (processor_seconds(process.pid) - before) / (time.monotonic() - start)

    def ear(self, path, running):
        """Records the microphone on the left and the speaker on the right."""
        recorder = self.start(PRIORITY + [
            "pw-record", "--target", "0", "-P", "{ node.name=latency-ear }", "--format", "f32", "--rate",
            str(sounds.RATE), "--channels", "2", "--latency", "2048", path])
        running.append(recorder)
        self.link("vmic:capture_MONO", "latency-ear:input_FL")
        self.link("vspk:monitor_FL", "latency-ear:input_FR")
        return recorder

    def mouth(self, path, running):
        """Plays into the microphone."""
        player = self.start(PRIORITY + [
            "pw-cat", "-p", "--target", "0", "-P", "{ node.name=latency-mouth }", "--latency", "2048", path])
        running.append(player)
        self.link("latency-mouth:output_MONO", "vmic:playback_MONO")
        return player

    def measure(self, command, sound, count, by_onset=False, settle=2.5, seed=1):
        """Delays of one run of a program, its share of a core, and what it printed."""
        track = (sounds.track(sound, count, seed) * 32_767).astype("<i2")
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            with wave.open(f"{folder}/played.wav", "wb") as file:
                file.setparams((1, 2, sounds.RATE, len(track), "NONE", ""))
                file.writeframes(track.tobytes())
            return self._run(folder, command, len(track) / sounds.RATE, sound, by_onset, settle)

    def _run(self, folder, command, seconds, sound, by_onset, settle):
        running = []
        with open(f"{folder}/log", "w+") as log:
            try:
                recorder = self.ear(f"{folder}/heard.wav", running)
                program = self.start(command, log, subprocess.STDOUT)
                running.append(program)
                time.sleep(settle)
                player = self.mouth(f"{folder}/played.wav", running)
                share = self.share(program, seconds - 0.2) if program.poll() is None else 0.0
                player.wait(seconds + 10)
                time.sleep(0.5)
                ended = program.poll() is not None
                self.stop(recorder)
            finally:
                for process in reversed(running):
                    self.stop(process)
            log.seek(0)
            text = log.read()
        both = recording(f"{folder}/heard.wav")
        played, found, lost, duplicated = sounds.delays(both[:, 0], both[:, 1], sound, by_onset)
        return {
            "played": played, "delays": found, "lost": lost, "duplicated": duplicated, "share": share,
            "ended": ended, "log": text,
        }


def recording(path):
    """Samples of two channels. The header's length is not to be trusted: the recorder was interrupted."""
    with open(path, "rb") as file:
        content = file.read()
    start = content.find(b"data") + 8
    count = (len(content) - start) // 8 * 8
    return np.frombuffer(content[start:start + count], "<f4").reshape(-1, 2)
