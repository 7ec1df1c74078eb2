"""A sound system of its own."""
import os
import subprocess
import time


class SoundSystem:
    """Tests/Rig/start-sound.sh, in a folder with a short path."""

    def __init__(self, folder):
        here = os.path.dirname(os.path.abspath(__file__))
        self.process = subprocess.Popen(
            [os.path.join(here, "../../Tests/Rig/start-sound.sh"), folder], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        path = os.path.join(folder, "environment")
        for _ in range(600):
            if os.path.exists(path):
                break
            time.sleep(0.1)
        with open(path) as file:
            self.environment = dict(line.rstrip("\n").split("=", 1) for line in file)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)
