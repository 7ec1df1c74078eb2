"""The voice relay of the tests' server, on a socket that asked for the upgrade: RFC 6455 by hand, and an echo.

An ACTION {"voice": {…}} makes a connection go wrong: "error": the frame before the close, "close": [code, reason],
"after": samples until then (0: before `ready`), "held": true (not before POST /_release/ID either), "reset": true (RST
instead of a close), "deaf": true (reads and answers nothing any more), "heartbeat_seconds".
"""
import base64, hashlib, json, socket, struct, time


def frame(opcode, payload):
    length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
    return bytes([0x80 | opcode]) + length + payload


class Voice:
    def __init__(self, handler, world, action, entry):
        self.handler, self.world, self.action, self.entry = handler, world, action.get("voice", {}), entry
        self.samples = 0

    def read(self):
        head = self.take(2)
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack(">H", self.take(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.take(8))[0]
        mask = self.take(4)
        data = self.take(length)
        key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        return head[0] & 0x0F, (int.from_bytes(data, "big") ^ key).to_bytes(length, "big")

    def take(self, count):
        data = self.handler.rfile.read(count)
        if len(data) < count:
            raise ConnectionResetError
        return data

    def send(self, opcode, payload):
        self.handler.wfile.write(frame(opcode, payload))
        self.handler.wfile.flush()

    def say(self, **message):
        self.send(1, json.dumps(message).encode())

    def close(self, code, reason=""):
        self.send(8, struct.pack(">H", code) + reason.encode())
        while self.read()[0] != 8:
            pass

    def fail(self):
        if self.action.get("reset"):
            linger = struct.pack("ii", 1, 0)
            self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.handler.connection.close()
            raise ConnectionResetError
        if self.action.get("deaf"):
            time.sleep(30)
            raise ConnectionResetError
        if "error" in self.action:
            self.say(type="error", **self.action["error"])
        self.close(*self.action["close"])

    def run(self):
        digest = hashlib.sha1((self.handler.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
                              .encode()).digest()
        self.handler.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")
        self.handler.close_connection = True
        try:
            self.converse()
        except OSError:
            pass
        self.entry["ended"] = str(self.samples)

    def converse(self):
        asked = json.loads(self.read()[1])
        self.entry["body"] = json.dumps(asked)
        fails = "close" in self.action or "reset" in self.action or "deaf" in self.action
        if fails and not self.action.get("after"):
            return self.fail()
        if asked["token"] not in (self.world.access, self.world.key):
            self.say(type="error", code="invalid_token", message=asked["token"] + " is not known")
            return self.close(4401, "INVALID_AUTH")
        self.say(type="ready", session_id=f"v2v_{self.world.counts['GET /v1/audio/voice-conversion']}",
                 reserved_credits=1_500_000, heartbeat_seconds=self.action.get("heartbeat_seconds", 5),
                 features=["end", "usage"], formats=["pcm_16le_16k_mono"])
        while True:
            opcode, data = self.read()
            if opcode == 2:
                self.samples += len(data) // 2
                self.send(2, data)
                if fails and self.samples >= self.action["after"]:
                    seconds = self.samples / 16000
                    if self.action.get("held"):
                        self.world.released.wait()
                    self.say(type="usage", seconds=seconds, credits_used=int(seconds * 2500))
                    return self.fail()
            elif opcode == 9:
                self.send(10, data)
            elif opcode == 8:
                return self.send(8, data)
            elif opcode == 1 and json.loads(data).get("type") == "end":
                seconds = self.samples / 16000
                self.say(type="done", seconds=seconds, credits_used=int(seconds * 2500), credits_refunded=1)
                return self.close(1000)
