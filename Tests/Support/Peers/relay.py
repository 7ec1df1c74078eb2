"""A relay of profile v1 that shares no code with the product: Python's `websockets`. It echoes what it is sent, or misbehaves.

    relay.py FOLDER [--cert PEM --key PEM]

Prints its ports as one JSON line and ends with its standard input. A client's token is `sk-quota-test-NAME`; what the
relay does with it stands in FOLDER/NAME.case.json, what came of it in FOLDER/NAME.report.json. Without a case the token
is refused. The second port leads through a tap that watches the rate.
"""
import argparse
import asyncio
import collections
import http
import json
import os
import ssl
import sys
import threading

import websockets
from websockets.legacy.server import WebSocketServerProtocol, serve

import opus
from wire_tap import WireTap

TOKEN = "sk-quota-test-"

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--cert")
parser.add_argument("--key")
arguments = parser.parse_args()

CASE = {
    "delay_samples": 0,  # how much later the echo comes
    "declares_delay": True,
    "features": ["end", "usage"],
    "formats": ["pcm_16le_16k_mono", "opus_16k_mono"],
    "heartbeat_seconds": 5,
    "answer_bytes": 0,  # size of the answer's frames; 0: as they came
    "adds_unknown": False,  # types and fields that the client doesn't know
    "fault": None,  # what goes wrong: a name of Fault
    "at": "audio",  # when: auth, ready, audio, voice, end
    "samples": 8000,  # for audio: after so many
    "code": 1000,
    "reason": "",
    "error": None,  # code and message of an error frame before the close; {token} stands for the client's
    "text": "",  # for the fault "text"
    "bytes": 1,  # for the fault "binary"
}


class Ended(Exception):
    """The fault has happened; nothing more is to be said."""


class Protocol(WebSocketServerProtocol):
    client_pings = 0

    async def process_request(self, path, headers):
        """`?status=N` answers the upgrade with N."""
        if "?status=" in path:
            return http.HTTPStatus(int(path.split("=")[1])), [("Content-Type", "text/plain")], b"no\n"
        return None

    async def pong(self, data=b""):
        self.client_pings += 1
        await super().pong(data)


class Session:
    def __init__(self, socket):
        self.socket = socket
        self.case = dict(CASE)
        self.name = None
        self.waiting = bytearray()
        self.samples_in = 0
        self.sizes = collections.Counter()
        self.texts = []
        self.decoder = None  # of a session with packets
        self.encoder = None

    async def run(self):
        try:
            await self.converse()
        except (Ended, websockets.ConnectionClosed):
            pass
        if self.name:
            await self.socket.wait_closed()
            self.report()

    async def converse(self):
        self.auth = await self.socket.recv()
        token = json.loads(self.auth)["token"]
        name = token[len(TOKEN):]
        path = os.path.join(arguments.folder, name + ".case.json")
        if not token.startswith(TOKEN) or not name.isalnum() or not os.path.exists(path):
            await self.say(type="error", code="INVALID_AUTH", message="no such key")
            await self.socket.close(4401, "INVALID_AUTH: no such key")
            return
        self.name = name
        with open(path, encoding="utf-8") as file:
            self.case.update(json.load(file))
        await self.misbehave("auth")
        await self.ready()
        await self.misbehave("ready")
        self.waiting.extend(bytes(2 * self.case["delay_samples"]))
        while True:
            message = await self.socket.recv()
            if isinstance(message, bytes):
                await self.audio(message)
            elif await self.text(message):
                return

    async def ready(self):
        ready = {
            "type": "ready", "session_id": "v2v_python", "reserved_credits": 1_500_000,
            "heartbeat_seconds": self.case["heartbeat_seconds"], "features": self.case["features"],
            "formats": self.case["formats"],
        }
        if json.loads(self.auth)["format"] == "opus_16k_mono":
            self.decoder = opus.Decoder()
            self.encoder = opus.Encoder(32_000)
        if self.case["declares_delay"]:
            ready["delay_samples"] = self.case["delay_samples"] + (self.encoder.delay_samples if self.encoder else 0)
        if self.case["adds_unknown"]:
            await self.say(type="weather", sky={"clouds": [1, 2.5e3, None, True]}, text="\u00e9\U0001f600\\\"")
            ready["mood"] = {"deep": [[[]]]}
        await self.say(**ready)

    async def audio(self, data):
        self.sizes[len(data)] += 1
        if self.decoder:
            data = self.decoder.samples(data)
        before = self.samples_in
        self.samples_in += len(data) // 2
        self.waiting.extend(data)
        if before < self.case["samples"] <= self.samples_in:
            await self.misbehave("audio")
        if self.case["adds_unknown"]:
            await self.say(type="lyrics", line=self.samples_in)
        await self.answer(self.case["answer_bytes"] or len(data))
        if "usage" in self.case["features"] and before // 16000 != self.samples_in // 16000:
            await self.say(type="usage", seconds=self.samples_in / 16000, credits_used=self.credits(), new_field=None)

    async def answer(self, size, everything=False):
        while len(self.waiting) - 2 * self.case["delay_samples"] >= size or (everything and self.waiting):
            frame = bytes(self.waiting[:size])
            del self.waiting[:size]
            await self.send(frame)
        if everything and self.encoder:
            for packet in self.encoder.packets(bytes(2 * self.encoder.delay_samples), everything=True):
                await self.socket.send(packet)

    async def send(self, frame):
        for message in self.encoder.packets(frame) if self.encoder else [frame]:
            await self.socket.send(message)

    async def text(self, message):
        """Whether the session is over."""
        self.texts.append(message)
        if json.loads(message).get("type") == "voice":
            await self.misbehave("voice")
        if json.loads(message).get("type") != "end":
            return False
        await self.misbehave("end")
        await self.answer(self.case["answer_bytes"] or 640, everything=True)
        await self.say(
            type="done", seconds=self.samples_in / 16000, credits_used=self.credits(), credits_refunded=1)
        await self.socket.close(1000)
        return True

    def credits(self):
        return -(-self.samples_in * 2500 // 16000)

    async def say(self, **message):
        await self.socket.send(json.dumps(message))

    async def misbehave(self, moment):
        fault = self.case["fault"]
        if fault is None or self.case["at"] != moment:
            return
        if fault == "unless_pcm" and json.loads(self.auth)["format"] == "pcm_16le_16k_mono":
            return
        if fault in ("close", "unless_pcm"):
            if self.case["error"]:
                error = self.case["error"]
                token = json.loads(self.auth)["token"]
                await self.say(type="error", code=error["code"], message=error["message"].replace("{token}", token))
            await self.socket.close(self.case["code"], self.case["reason"])
        elif fault == "abort":
            self.socket.transport.abort()
        elif fault == "die":
            os._exit(1)
        elif fault == "silent":
            # Reads nothing any more, so it answers no ping; the connection stays open.
            self.socket.transport.pause_reading()
            await asyncio.sleep(60)
        elif fault == "mute":
            # Answers pings and nothing else.
            async for _ in self.socket:
                pass
        elif fault == "text":
            await self.socket.send(self.case["text"])
            async for _ in self.socket:
                pass
        elif fault == "binary":
            await self.socket.send(bytes(self.case["bytes"]))
            async for _ in self.socket:
                pass
        elif fault == "short":
            # Says that it is done and keeps `samples` of the answer.
            del self.waiting[:2 * self.case["samples"]]
            return
        elif fault == "close_without_done":
            await self.answer(640, everything=True)
            await self.socket.close(1000)
        raise Ended

    def report(self):
        wire = tap.wires.get(self.socket.remote_address[1]) if self.socket.remote_address else None
        report = {
            "path": self.socket.path,
            "headers": [f"{name}: {value}" for name, value in self.socket.request_headers.raw_items()],
            "auth": self.auth,
            "texts": self.texts,
            "samples": self.samples_in,
            "frame_sizes": {str(size): count for size, count in self.sizes.items()},
            "fullest_window": wire.fullest_window() if wire else None,
            "wire_seconds": wire.span() if wire else None,
            "client_pings": self.socket.client_pings,
            "close_code": self.socket.close_code,
        }
        path = os.path.join(arguments.folder, self.name + ".report.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(report, file)
        os.replace(path + ".new", path)


async def main():
    global tap
    context = None
    if arguments.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.cert, arguments.key)
    server = await serve(
        lambda socket: Session(socket).run(), "127.0.0.1", 0, create_protocol=Protocol, ping_interval=None,
        max_size=1 << 20, close_timeout=3, ssl=context)
    port = server.sockets[0].getsockname()[1]
    tap = WireTap(port)
    print(json.dumps({"port": port, "tap_port": tap.port}), flush=True)
    await asyncio.Future()


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
asyncio.run(main())
