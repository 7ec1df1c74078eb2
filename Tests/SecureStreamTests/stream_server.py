"""A small server with one behaviour, for the tests of SecureStream. Prints its port, ends when its standard input does.

It is Python's own TLS, so that both sides of a test don't share code.
"""
import argparse
import errno
import os
import socket
import ssl
import struct
import sys
import threading

parser = argparse.ArgumentParser()
parser.add_argument("behaviour")
parser.add_argument("--bind", default="127.0.0.1")
parser.add_argument("--unix")
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--tls-min", default="TLSv1_2")
parser.add_argument("--tls-max", default="TLSv1_3")
parser.add_argument("--ciphers", default="ALL:@SECLEVEL=0")
parser.add_argument("--client-ca")
arguments = parser.parse_args()

context = None
if arguments.cert:
    import warnings

    warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1 are what some tests are about.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(arguments.ciphers)
    context.minimum_version = ssl.TLSVersion[arguments.tls_min]
    context.maximum_version = ssl.TLSVersion[arguments.tls_max]
    context.load_cert_chain(arguments.cert, arguments.key)
    context.set_alpn_protocols(["http/1.1"])
    if arguments.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(arguments.client_ca)


def echo(stream):
    while data := stream.recv(65536):
        stream.sendall(data)


def close_cleanly(stream):
    if context:
        stream.unwrap()


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def serve(connection):
    behaviour = arguments.behaviour
    if behaviour == "http":
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        return connection.close()
    if behaviour == "banner":
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        connection.recv(4096)
        return connection.close()
    if behaviour == "silent":
        while connection.recv(4096):
            pass
        return connection.close()
    if behaviour == "hang-up":
        return connection.close()
    stream = connection
    if context:
        stream = context.wrap_socket(connection, server_side=True)
    if behaviour == "echo":
        echo(stream)
        close_cleanly(stream)
    elif behaviour == "hello":
        stream.sendall(b"hello")
        close_cleanly(stream)
    elif behaviour == "cut":
        stream.sendall(b"hello")
    elif behaviour == "reset":
        stream.sendall(b"hello")
        stream.recv(1)
        reset(stream)
    elif behaviour == "stall":
        threading.Event().wait()
    elif behaviour == "slow-sink":
        # Nothing is read until the other side has filled every buffer; then all must arrive.
        nudged.wait()
        total = 0
        while data := stream.recv(65536):
            total += len(data)
        stream.sendall(str(total).encode())
        close_cleanly(stream)
    stream.close()


lock = threading.Lock()
nudged = threading.Event()


def say(*words):
    with lock:
        print(*words, flush=True)


def guarded(connection):
    try:
        serve(connection)
    except (OSError, ssl.SSLError) as error:
        say("error", type(error).__name__, str(error).replace("\n", " "))
        connection.close()


def accept_all(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=guarded, args=(connection,), daemon=True).start()


if context:
    context.sni_callback = lambda stream, name, _: say("sni", name)


def listen_alone():
    """A listener and, so that a name that leads to both families finds nobody else, its port of the other family."""
    families = (socket.AF_INET6, socket.AF_INET) if ":" in arguments.bind else (socket.AF_INET, socket.AF_INET6)
    while True:
        listener, other = socket.socket(families[0]), None
        listener.bind((arguments.bind, 0))
        try:
            other = socket.socket(families[1])
            other.bind(("127.0.0.1" if families[1] == socket.AF_INET else "::1", listener.getsockname()[1]))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                listener.close()
                continue
        return listener, other


if arguments.unix:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(arguments.unix)
else:
    listener, other_family = listen_alone()
listener.listen(16)
say("port", 0 if arguments.unix else listener.getsockname()[1])
threading.Thread(target=accept_all, args=(listener,), daemon=True).start()
while sys.stdin.buffer.raw.read(1):
    nudged.set()
os._exit(0)
