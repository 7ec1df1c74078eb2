"""Two network namespaces joined by a bad line, for the tests of faults. Needs root and /dev/net/tun.

Each namespace has one TUN device; this process carries the packets between them and loses, delays, reorders, holds or
drops them as told. It is what veth and netem do, but netem is a kernel option that small kernels lack, and here the
dice have a seed. The namespaces have no other way out, belong to this process alone and vanish with it.

Client side 10.77.0.1 and fd77::1, server side 10.77.0.2 and fd77::2.

standard input, one command each line, answered by "ok" or a value:
    line [key=value ...]     the line from now on, both ways; what is not named is perfect again:
                             loss, reorder, duplicate (0 to 1), delay, jitter (ms), rate (bytes/s), queue (bytes),
                             mtu (larger packets vanish without a word), down (1: nothing passes)
    link up|down             the client's network interface
    server ARGUMENT ...      starts fault_server.py on the server side; answers its port
    relay PROGRAM KEYS       starts PROGRAM serve on the server side with that file of keys; answers its port
    tap PORT                 from now on notes what leaves the client for that port
    fullest                  bytes noted, and the most of them that left within any one second
    signal NAME              sends a signal to the last server
    counts                   packets carried and lost
It ends, with all that it started, when its standard input does.
"""
import ctypes
import fcntl
import heapq
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
libc = ctypes.CDLL(None, use_errno=True)


class Side:
    """One namespace with its device. The thread that made it stays in it and starts processes there."""

    def __init__(self, number):
        self.number = number
        self.failure = None
        self.jobs = []
        self.wake = threading.Condition()
        ready = threading.Event()
        threading.Thread(target=self.live, args=(ready,), daemon=True).start()
        ready.wait()
        if self.failure:
            raise self.failure

    def live(self, ready):
        try:
            if libc.unshare(CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "a network namespace can't be made")
            self.namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"fault0", IFF_TUN | IFF_NO_PI))
            for words in (
                "link set lo up",
                f"address add 10.77.0.{self.number}/24 dev fault0",
                f"address add fd77::{self.number}/64 dev fault0 nodad",
                "link set fault0 mtu 1500 up",
            ):
                subprocess.run(["ip", *words.split()], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.failure = error
            return
        finally:
            ready.set()
        while True:
            with self.wake:
                self.wake.wait_for(lambda: self.jobs)
                job, done = self.jobs.pop(0)
            job()
            done.set()

    def run(self, job):
        """Runs the job on this side's thread, so that what it starts lives in this namespace."""
        done = threading.Event()
        with self.wake:
            self.jobs.append((job, done))
            self.wake.notify()
        done.wait()


class Line:
    """One direction."""

    perfect = dict(loss=0.0, reorder=0.0, duplicate=0.0, delay=0.0, jitter=0.0, rate=0.0, queue=65536.0, mtu=1e9,
                   down=0.0)

    def __init__(self, dice):
        self.dice = dice
        self.free_at = 0.0
        self.last_due = 0.0
        self.carried = self.lost = 0
        self.set({})

    def set(self, values):
        self.__dict__.update(self.perfect)
        self.__dict__.update(values)

    def due(self, now, size):
        """When the packet arrives: a list, empty when it is lost."""
        if self.down or size > self.mtu or self.dice.random() < self.loss:
            self.lost += 1
            return []
        start = now
        if self.rate:
            start = max(now, self.free_at)
            if (start - now) * self.rate + size > self.queue:
                self.lost += 1
                return []
            start = self.free_at = start + size / self.rate
        self.carried += 1
        wait = max(0.0, self.delay + self.dice.uniform(-self.jitter, self.jitter)) / 1000
        if self.dice.random() < self.reorder:
            # Overtakes all that is under way.
            return [start]
        self.last_due = max(self.last_due, start + wait)
        return [self.last_due] * (2 if self.dice.random() < self.duplicate else 1)


class Tap:
    """What TCP payload leaves the client's interface for the first time, by the kernel's own time stamps."""

    ETH_P_ALL, SO_TIMESTAMPNS, SO_RCVBUFFORCE, OUTGOING = 0x0003, 35, 33, 4

    def __init__(self, port):
        self.port = port
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(self.ETH_P_ALL))
        # Nothing is missed, however late this process gets to it.
        self.socket.setsockopt(socket.SOL_SOCKET, self.SO_RCVBUFFORCE, 64 << 20)
        self.socket.bind(("fault0", self.ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, self.SO_TIMESTAMPNS, 1)
        self.ends = {}  # the highest sequence number seen, by the client's port
        self.departures = []  # (nanoseconds, bytes)
        self.lock = threading.Lock()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            packet, ancillary, _, address = self.socket.recvmsg(65536, 256)
            if address[2] != self.OUTGOING or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
                continue
            segment = packet[(packet[0] & 15) * 4:int.from_bytes(packet[2:4], "big")]
            source, target, sequence = struct.unpack("!HHI", segment[:8])
            size = len(segment) - (segment[12] >> 4) * 4
            if target != self.port:
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            end = sequence + size + (segment[13] >> 1 & 1)  # SYN counts as one
            beyond = (end - self.ends.setdefault(source, end - size)) % 2**32
            if beyond == 0 or beyond > 2**31:
                continue  # sent before
            fresh = min(size, beyond)
            self.ends[source] = end % 2**32
            with self.lock:
                self.departures.append((seconds * 10**9 + nanoseconds, fresh))

    def fullest(self):
        while select.select([self.socket], [], [], 0.05)[0]:
            time.sleep(0.01)
        with self.lock:
            departures = sorted(self.departures)
        fullest = inside = first = 0
        for time_now, size in departures:
            inside += size
            while time_now - departures[first][0] > 10**9:
                inside -= departures[first][1]
                first += 1
            fullest = max(fullest, inside)
        return sum(size for _, size in departures), fullest


class Network:
    def __init__(self, seed):
        self.client, self.server = Side(1), Side(2)
        dice = random.Random(seed)
        self.lines = {self.client.tun: Line(dice), self.server.tun: Line(dice)}
        self.other = {self.client.tun: self.server.tun, self.server.tun: self.client.tun}
        self.lock = threading.Lock()
        self.processes = []
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self):
        waiting = []
        count = 0
        while True:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, device, packet = heapq.heappop(waiting)
                try:
                    os.write(device, packet)
                except OSError:
                    pass  # The interface is down: the packet is lost, as on a real one.
            timeout = max(0, waiting[0][0] - now) if waiting else 1
            for device in select.select(list(self.lines), [], [], timeout)[0]:
                try:
                    packet = os.read(device, 65536)
                except OSError:
                    continue
                with self.lock:
                    times = self.lines[device].due(time.monotonic(), len(packet))
                for due in times:
                    count += 1
                    heapq.heappush(waiting, (due, count, self.other[device], packet))

    def command(self, words):
        name, arguments = words[0], words[1:]
        if name == "line":
            values = {key: float(value) for key, value in (word.split("=") for word in arguments)}
            assert set(values) <= set(Line.perfect), values
            with self.lock:
                for line in self.lines.values():
                    line.set(values)
        elif name == "link":
            self.client.run(lambda: subprocess.run(["ip", "link", "set", "fault0", arguments[0]], check=True))
        elif name == "server":
            return self.start_server(arguments)
        elif name == "relay":
            return self.start_relay(*arguments)
        elif name == "tap":
            self.client.run(lambda: setattr(self, "tap", Tap(int(arguments[0]))))
        elif name == "fullest":
            return "%d %d" % self.tap.fullest()
        elif name == "signal":
            self.processes[-1].send_signal(getattr(signal, "SIG" + arguments[0]))
        elif name == "counts":
            return " ".join(f"{line.carried} {line.lost}" for line in self.lines.values())
        else:
            raise ValueError(name)
        return "ok"

    def start_server(self, arguments):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fault_server.py")
        started = []
        self.server.run(lambda: started.append(subprocess.Popen(
            [sys.executable, script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)))
        self.processes += started
        return started[0].stdout.readline().strip()

    def start_relay(self, program, keys):
        """The relay's greeting has its URL in it."""
        started = []
        arguments = [program, "serve", "--host", "10.77.0.2", "--port", "0", "--token-file", keys,
                     "--lateness", "0"]
        self.server.run(lambda: started.append(subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)))
        self.processes += started
        for line in started[0].stdout:
            if found := re.search(r"ws://10\.77\.0\.2:(\d+)", line):
                threading.Thread(target=started[0].stdout.read, daemon=True).start()
                return found[1]
        return "the relay ended"


def main():
    if "--probe" in sys.argv:
        if os.geteuid() != 0:
            return print("only root can make network namespaces")
        try:
            Network(1)
        except (OSError, subprocess.CalledProcessError) as error:
            return print(f"network namespaces with TUN devices can't be made here: {error}")
        return print("ok")
    network = Network(int(sys.argv[1]))
    print(os.getpid(), network.client.namespace, network.server.namespace, flush=True)
    try:
        for text in sys.stdin:
            print(network.command(text.split()), flush=True)
    finally:
        for process in network.processes:
            process.kill()
            process.wait()


main()
