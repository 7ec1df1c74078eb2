"""A small CONNECT proxy for the tests. Prints its port, then one line for each request; ends with its standard input."""
import argparse
import os
import socket
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("--authorization", help="the value that Proxy-Authorization must have")
parser.add_argument("--status", default="200 Connection established")
parser.add_argument("--answer", choices=["whole", "dribble", "garbage", "endless", "silent", "hang-up", "early"],
                    default="whole")
parser.add_argument("--redirect", type=int, help="the loopback port that every tunnel leads to")
arguments = parser.parse_args()


def say(*words):
    print(*words, flush=True)


def head(connection):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        if not piece:
            raise OSError("ended in the request")
        data += piece
    return data.decode().split("\r\n")


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


def serve(connection):
    lines = head(connection)
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    say("request", lines[0], "|", fields.get("host"), "|", fields.get("proxy-authorization", "none"))
    if arguments.authorization and fields.get("proxy-authorization") != arguments.authorization:
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n")
        return connection.close()
    if arguments.answer == "garbage":
        connection.sendall(b"220 mail.example ESMTP\r\n")
        return pump(connection, connection)
    if arguments.answer == "endless":
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
    if arguments.answer == "silent":
        return time.sleep(3600)
    if arguments.answer == "hang-up":
        return connection.close()
    if not arguments.status.startswith("2"):
        connection.sendall(f"HTTP/1.1 {arguments.status}\r\nContent-Length: 4\r\n\r\nnope".encode())
        return connection.close()
    name, _, port = lines[0].split(" ")[1].rpartition(":")
    # The name is the proxy's to resolve: this one sends every name to loopback.
    if name.endswith((".test", ".localhost")) or arguments.redirect:
        name = "127.0.0.1"
    target = socket.create_connection((name.strip("[]"), arguments.redirect or int(port)))
    answer = f"HTTP/1.1 {arguments.status}\r\nVia: 1.1 test\r\nX-Long: {'y' * 3000}\r\n\r\n".encode()
    if arguments.answer == "dribble":
        for index in range(0, len(answer), 7):
            connection.sendall(answer[index:index + 7])
            if index % 70 == 0:
                time.sleep(0.001)
    elif arguments.answer == "early":
        connection.sendall(answer + target.recv(65536))
    else:
        connection.sendall(answer)
    threading.Thread(target=pump, args=(target, connection), daemon=True).start()
    pump(connection, target)


def guarded(connection):
    try:
        serve(connection)
    except OSError as error:
        say("error", error)
        connection.close()


def accept_all(listener):
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=guarded, args=(connection,), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0))
say("port", listener.getsockname()[1])
threading.Thread(target=accept_all, args=(listener,), daemon=True).start()
while sys.stdin.buffer.read(65536):
    pass
os._exit(0)
