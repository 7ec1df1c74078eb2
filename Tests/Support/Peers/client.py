"""A client of profile v1 that shares no code with the product: Python's `websockets`. It does what it is told.

    client.py URL [HOSTED-USER] < STEPS

STEPS is a JSON list of sessions, which run at once; a session is a list of steps, and a step has `do` and its arguments (see Client). Prints a JSON list of transcripts.
"""
import asyncio
import json
import sys
import time
import wave

import websockets
from websockets.legacy.client import WebSocketClientProtocol, connect

import opus

PATH = "/v1/audio/voice-conversion"


class Protocol(WebSocketClientProtocol):
    server_pings = 0
    answers_pings = True

    async def pong(self, data=b""):
        self.server_pings += 1
        if self.answers_pings:
            await super().pong(data)


class Client:
    def __init__(self, socket):
        self.socket = socket
        self.start = time.monotonic()
        self.events = []  # text messages with their times, in order
        self.sent = bytearray()
        self.received = bytearray()
        self.frame_sizes = []
        self.decoder = None  # of a session with packets
        self.changed = asyncio.Condition()
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        try:
            async for message in self.socket:
                async with self.changed:
                    if isinstance(message, bytes):
                        self.received.extend(self.decoder.samples(message) if self.decoder else message)
                        self.frame_sizes.append(len(message))
                    else:
                        self.events.append({"at": time.monotonic() - self.start, **json.loads(message)})
                    self.changed.notify_all()
        except websockets.ConnectionClosed:
            pass
        async with self.changed:
            self.closed_at = time.monotonic() - self.start
            self.changed.notify_all()

    async def run(self, steps):
        for step in steps:
            step = dict(step)
            action = getattr(self, "do_" + step.pop("do"))
            try:
                await action(**step)
            except websockets.ConnectionClosed:
                break
        if not self.reader.done():
            self.reader.cancel()

    async def do_auth(self, token, **fields):
        message = {
            "type": "auth", "token": token, "model": "elevenlabs/voice-conversion-v1", "voice": "none",
            "format": "pcm_16le_16k_mono", "max_duration_seconds": 20, **fields,
        }
        if message["format"] == "opus_16k_mono":
            self.decoder = opus.Decoder()
        await self.do_json({name: value for name, value in message.items() if value is not None})

    async def do_json(self, value):
        await self.socket.send(json.dumps(value))

    async def do_text(self, text):
        await self.socket.send(text)

    async def do_binary(self, bytes):
        await self.socket.send(b"\0" * bytes)

    async def do_hex(self, data):
        await self.socket.send(bytes.fromhex(data))

    async def do_opus(self, samples, packet=320, speed=1.0, file=None, bits_per_second=24_000):
        """As do_audio, in Opus packets; as much silence as the encoder's delay follows."""
        encoder = opus.Encoder(bits_per_second, packet_samples=packet)
        data = self.sound(samples, file)
        self.sent.extend(data)
        due = time.monotonic()
        for message in encoder.packets(data + bytes(2 * encoder.delay_samples), everything=True):
            if speed:
                await asyncio.sleep(due - time.monotonic())
                due = (max(due, time.monotonic()) if speed < 1.5 else due) + packet / 16000 / speed
            await self.socket.send(message)

    async def do_save(self, file):
        """Writes what was received as a WAV file."""
        with wave.open(file, "wb") as sink:
            sink.setnchannels(1)
            sink.setsampwidth(2)
            sink.setframerate(16_000)
            sink.writeframes(bytes(self.received))

    async def do_audio(self, samples, frame=320, speed=1.0, file=None):
        """Sends a sawtooth, or the beginning of a WAV file; `speed` 0 sends as fast as it goes."""
        data = self.sound(samples, file)
        due = time.monotonic()
        for offset in range(0, len(data), 2 * frame):
            if speed:
                await asyncio.sleep(due - time.monotonic())
                # Below the ceiling, what was not sent in time is not caught up with: the machine may be busy.
                due = (max(due, time.monotonic()) if speed < 1.5 else due) + frame / 16000 / speed
            part = data[offset:offset + 2 * frame]
            self.sent.extend(part)
            await self.socket.send(part)

    @staticmethod
    def sound(samples, file):
        if file:
            with wave.open(file) as source:
                return source.readframes(samples)
        return b"".join(
            ((n * 37) % 8000 - 4000).to_bytes(2, "little", signed=True) for n in range(samples))

    async def do_wait(self, type, seconds=10, count=1):
        """Until so many messages of a type came, or for type "close" until the end."""
        def happened():
            if type == "close":
                return hasattr(self, "closed_at")
            return len([event for event in self.events if event.get("type") == type]) >= count
        async with self.changed:
            await asyncio.wait_for(
                self.changed.wait_for(lambda: happened() or hasattr(self, "closed_at")), seconds)

    async def do_pinged(self, count, seconds):
        """Until the server has pinged so often, or the end."""
        async def happened():
            while self.socket.server_pings < count and not hasattr(self, "closed_at"):
                await asyncio.sleep(0.02)
        await asyncio.wait_for(happened(), seconds)

    async def do_sleep(self, seconds):
        await asyncio.sleep(seconds)

    async def do_ping(self):
        await asyncio.wait_for(await self.socket.ping(), 45)
        self.events.append({"at": time.monotonic() - self.start, "type": "(pong)"})

    async def do_deaf(self):
        """Answers no ping any more."""
        self.socket.answers_pings = False

    async def do_abort(self):
        """The connection breaks without a word."""
        self.socket.transport.abort()
        await self.socket.wait_closed()

    async def do_close(self):
        await self.socket.close(1000)

    async def do_mark(self, text):
        """Says on standard error how far it is."""
        print(text, file=sys.stderr, flush=True)

    def transcript(self):
        ready = next((event for event in self.events if event.get("type") == "ready"), {})
        delay = ready.get("delay_samples", 0)
        expected = bytes(2 * delay) + bytes(self.sent)
        differing = sum(
            1 for index in range(0, min(len(expected), len(self.received)), 2)
            if expected[index:index + 2] != self.received[index:index + 2])
        return {
            "events": self.events, "close_code": self.socket.close_code, "close_reason": self.socket.close_reason,
            "closed_at": getattr(self, "closed_at", None), "samples_sent": len(self.sent) // 2,
            "samples_received": len(self.received) // 2, "differing_samples": differing,
            "frame_bytes_max": max(self.frame_sizes, default=0),
            "loudest": max((abs(int.from_bytes(self.received[i:i + 2], "little", signed=True))
                            for i in range(0, len(self.received), 2)), default=0),
            "server_pings": self.socket.server_pings,
        }


async def one(url, hosted_user, steps):
    headers = {"X-Quota-User": hosted_user} if hosted_user else {}
    async with connect(
            url, create_protocol=Protocol, ping_interval=None, open_timeout=60, close_timeout=20, max_size=1 << 20,
            extra_headers=headers) as socket:
        client = Client(socket)
        await client.run(steps)
        return client


async def main():
    sessions = json.load(sys.stdin)
    hosted_user = sys.argv[2] if len(sys.argv) > 2 else None
    clients = await asyncio.gather(*(one(sys.argv[1] + PATH, hosted_user, steps) for steps in sessions))
    print(json.dumps([client.transcript() for client in clients]))


asyncio.run(main())
