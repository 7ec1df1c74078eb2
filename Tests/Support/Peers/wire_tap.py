"""Stands between a client and a relay and notes when audio passed, by the kernel's receive time stamps.

Bytes that the tap read late, several frames at once, are known to have come between two stamps only. The fullest window
counts what certainly fell into it, so a tap that was kept from running never accuses the client.
"""
import socket
import struct
import threading
import time

SO_TIMESTAMPNS = 35  # Linux asm-generic/socket.h; Python has no name for it.
BINARY = 0x2
CONTINUATION = 0x0


class FrameCounter:
    """Splits a client's WebSocket stream (RFC 6455 section 5.2) into payload portions."""

    def __init__(self):
        self.head = b""
        self.upgraded = False
        self.payload_left = 0
        self.is_audio = False  # of the frame at hand
        self.message_is_audio = False  # of the message that a continuation belongs to

    def portions(self, data):
        """Sizes of the audio payload portions in `data`, in order."""
        data = self.head + data
        self.head = b""
        sizes = []
        if not self.upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.head = data
                return sizes
            self.upgraded = True
            data = data[end + 4:]
        while data:
            if self.payload_left:
                part = data[:self.payload_left]
                data = data[len(part):]
                self.payload_left -= len(part)
                if self.is_audio:
                    sizes.append(len(part))
                continue
            header = self.header(data)
            if header is None:
                self.head = data
                return sizes
            size, self.payload_left = header
            data = data[size:]
        return sizes

    def header(self, data):
        """Header and payload length; None when the header is not complete."""
        if len(data) < 2:
            return None
        opcode, length, size = data[0] & 0x0F, data[1] & 0x7F, 2
        extra = {126: 2, 127: 8}.get(length, 0)
        size += extra + (4 if data[1] & 0x80 else 0)
        if len(data) < size:
            return None
        if extra:
            length = int.from_bytes(data[2:2 + extra], "big")
        if opcode in (0x1, BINARY):
            self.message_is_audio = opcode == BINARY
        self.is_audio = opcode == BINARY or (opcode == CONTINUATION and self.message_is_audio)
        return size, length


class Wire:
    """What passed on one connection."""

    def __init__(self):
        self.counter = FrameCounter()
        self.arrivals = []  # (earliest, latest, bytes)
        self.last = 0.0

    def note(self, data, stamp):
        sizes = self.counter.portions(data)
        for index, size in enumerate(sizes):
            earliest = stamp if index == len(sizes) - 1 else self.last
            self.arrivals.append((earliest, stamp, size))
        self.last = stamp

    def fullest_window(self, seconds=1.0):
        """The most bytes that certainly came within one window, both ends included."""
        fullest = 0
        for start, _, _ in self.arrivals:
            inside = sum(size for low, high, size in self.arrivals if low >= start and high <= start + seconds)
            fullest = max(fullest, inside)
        return fullest

    def span(self):
        return self.arrivals[-1][1] - self.arrivals[0][1] if self.arrivals else 0.0


class WireTap:
    """Forwards connections to `target_port`; `wires` has them by the port that the relay sees."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.wires = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            relay = socket.create_connection(("127.0.0.1", self.target_port))
            relay.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire = self.wires[relay.getsockname()[1]] = Wire()
            threading.Thread(target=self.forward_up, args=(client, relay, wire), daemon=True).start()
            threading.Thread(target=self.forward_down, args=(relay, client), daemon=True).start()

    @staticmethod
    def forward_up(client, relay, wire):
        try:
            while True:
                data, ancillary, _, _ = client.recvmsg(65536, 256)
                if not data:
                    break
                stamp = time.time()
                for level, kind, value in ancillary:
                    if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                        seconds, nanoseconds = struct.unpack("qq", value[:16])
                        stamp = seconds + nanoseconds / 1e9
                wire.note(data, stamp)
                relay.sendall(data)
        except OSError:
            pass
        WireTap.shut(relay)

    @staticmethod
    def forward_down(relay, client):
        try:
            while data := relay.recv(65536):
                client.sendall(data)
        except OSError:
            pass
        WireTap.shut(client)

    @staticmethod
    def shut(end):
        try:
            end.shutdown(socket.SHUT_WR)
        except OSError:
            pass
