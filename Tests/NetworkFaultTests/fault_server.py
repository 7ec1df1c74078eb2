"""The other end of the bad line: a WebSocket echo server, or a proxy that holds bytes back. Prints its port.

Written on sockets alone (RFC 6455), so that nothing but Python is needed. Ends when its standard input does.
"""
import argparse
import base64
import hashlib
import os
import socket
import ssl
import struct
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["echo", "heads", "reset", "flood", "proxy"])
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--hold", type=float, default=0, help="seconds that the proxy gathers bytes before it passes them on")
parser.add_argument("--forgets", action="store_true", help="nothing is left of its connections when it is killed")
parser.add_argument("--after", type=float, default=2, help="seconds until the reset")
arguments = parser.parse_args()

context = None
if arguments.cert:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.cert, arguments.key)


def exactly(stream, count):
    data = bytearray()
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def head(stream):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += exactly(stream, 1)
    return data.decode().split("\r\n")


def frame(opcode, payload):
    if len(payload) < 126:
        return bytes([0x80 | opcode, len(payload)]) + payload
    if len(payload) < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, len(payload)) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, len(payload)) + payload


def receive(stream):
    """One frame: opcode and payload. Messages of several frames are not needed here."""
    first, second = exactly(stream, 2)
    assert first & 0xF0 == 0x80 and second & 0x80, "a final, masked frame is expected"
    count = second & 0x7F
    if count == 126:
        count, = struct.unpack("!H", exactly(stream, 2))
    elif count == 127:
        count, = struct.unpack("!Q", exactly(stream, 8))
    key = exactly(stream, 4)
    data = exactly(stream, count)
    mask = int.from_bytes((key * (count // 4 + 1))[:count], "big")
    return first & 0x0F, (int.from_bytes(data, "big") ^ mask).to_bytes(count, "big")


def accept(stream):
    fields = dict((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head(stream)))
    digest = hashlib.sha1((fields["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    stream.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")


def reset_later(connection):
    time.sleep(arguments.after)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())


def serve(connection):
    stream = context.wrap_socket(connection, server_side=True) if context else connection
    accept(stream)
    if arguments.role == "reset":
        threading.Thread(target=reset_later, args=(stream,), daemon=True).start()
    while arguments.role == "flood":
        stream.sendall(frame(2, bytes(4096)))
    while True:
        opcode, payload = receive(stream)
        if opcode == 9:
            stream.sendall(frame(10, payload))
        elif opcode in (1, 2):
            # "heads" answers with little, so that only the way here is full.
            stream.sendall(frame(opcode, payload[:16] if arguments.role == "heads" else payload))
        elif opcode == 8:
            stream.sendall(frame(8, payload))
            if context:
                stream.unwrap()
            break
    stream.close()


def hold(source, sink):
    """Passes bytes on in bursts, as a proxy that buffers does."""
    gathered, started = b"", time.monotonic()
    source.settimeout(0.05)
    try:
        while True:
            try:
                data = source.recv(65536)
                if not data:
                    break
                gathered += data
            except TimeoutError:
                pass
            if gathered and time.monotonic() - started >= arguments.hold:
                sink.sendall(gathered)
                gathered, started = b"", time.monotonic()
        sink.sendall(gathered)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


def tunnel(connection):
    host, _, port = head(connection)[0].split(" ")[1].rpartition(":")
    target = socket.create_connection((host, int(port)))
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    threading.Thread(target=hold, args=(target, connection), daemon=True).start()
    hold(connection, target)


def guarded(connection):
    try:
        (tunnel if arguments.role == "proxy" else serve)(connection)
    except (OSError, EOFError):
        pass
    finally:
        connection.close()


def accept_all(listener):
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if arguments.forgets:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        threading.Thread(target=guarded, args=(connection,), daemon=True).start()


listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
print(listener.getsockname()[1], flush=True)
threading.Thread(target=accept_all, args=(listener,), daemon=True).start()
while sys.stdin.buffer.raw.read(1):
    pass
os._exit(0)
