"""
Servers that write whatever bytes a test wants on a connection, and keep what they were sent: ``listening(speak)``.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Wire:
    """One listener on this machine: what it was sent, and whether it is to stop."""

    base_url: str
    requests: list[bytes] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)


Speak = Callable[[Wire, socket.socket, bytes], None]


@contextlib.contextmanager
def listening(speak: Speak) -> Iterator[Wire]:
    """A listener that answers each request by writing what it likes, ended with the test."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(f"http://127.0.0.1:{listener.getsockname()[1]}")
        threads: list[threading.Thread] = []
        connections: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connections.append(connection)
                    threads.append(threading.Thread(target=converse, args=(wire, connection, speak)))
                    threads[-1].start()

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield wire
        finally:
            wire.stop.set()
            for one in (listener, *connections):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def converse(wire: Wire, connection: socket.socket, speak: Speak) -> None:
    """Read requests of one connection and let each be answered, until either side has enough."""
    with connection, contextlib.suppress(OSError):
        while (request := heard(connection)) and not wire.stop.is_set():
            wire.requests.append(request)
            speak(wire, connection, request)


def heard(connection: socket.socket) -> bytes:
    """One request as it went over the wire; empty where there is no more."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        head += piece
    head, _, body = head.partition(b"\r\n\r\n")
    wanted = next(
        (
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ),
        0,
    )
    while len(body) < wanted:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def says(content: bytes) -> Speak:
    """Write the same bytes whatever is asked."""
    return lambda _wire, connection, _request: connection.sendall(content)


def says_and_ends(content: bytes) -> Speak:
    """Write some bytes and close."""

    def speak(_wire: Wire, connection: socket.socket, _request: bytes) -> None:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_RDWR)

    return speak


def repeats(first: bytes, piece: bytes, pause_s: float = 0.0) -> Speak:
    """Write something, then the same piece again and again."""

    def speak(wire: Wire, connection: socket.socket, _request: bytes) -> None:
        connection.sendall(first)
        while not wire.stop.wait(pause_s):
            connection.sendall(piece)

    return speak


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def head(*headers: str) -> bytes:
    """The start of an answer whose body is yet to come."""
    return "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode()
