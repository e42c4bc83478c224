"""
Servers that misbehave: each is a socket on 127.0.0.1 that speaks as its table entry says, ended by who started it.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

MEGABYTE = 1_000_000
Speak = Callable[["Misbehaving", socket.socket, bytes], None]


@dataclass
class Misbehaving:
    """
    A server while it runs.

    Args:
        base_url: where it listens.
        stop: set when it is to end; whoever waits, waits for this.
        count: of the requests that it has been sent.
    """

    base_url: str
    stop: threading.Event = field(default_factory=threading.Event)
    count: Iterator[int] = field(default_factory=itertools.count)


def head(*headers: str, status: str = "200 OK", media_type: str = "application/json") -> bytes:
    """The beginning of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {media_type}", *headers, "", ""]).encode()


def answer(body: bytes, *headers: str, status: str = "200 OK", media_type: str = "application/json") -> bytes:
    """A whole answer."""
    return head(f"Content-Length: {len(body)}", *headers, status=status, media_type=media_type) + body


def says(text: bytes) -> Speak:
    """The same to everybody."""
    return lambda server, connection, request: connection.sendall(text)


def says_and_hangs_up(text: bytes) -> Speak:
    """The same to everybody, and the connection is closed."""

    def speak(server: Misbehaving, connection: socket.socket, request: bytes) -> None:
        connection.sendall(text)
        raise ConnectionAbortedError

    return speak


def repeats(beginning: bytes, part: bytes, every_s: float = 0.0) -> Speak:
    """A beginning, then one part again and again for as long as anybody listens."""

    def speak(server: Misbehaving, connection: socket.socket, request: bytes) -> None:
        connection.sendall(beginning)
        while not server.stop.wait(every_s):
            connection.sendall(part)

    return speak


def waits(server: Misbehaving, connection: socket.socket, request: bytes) -> None:
    """Nothing, until the end."""
    server.stop.wait()


THING = {"id": "7d0c5a52-0b3f-4a4c-9c39-5d6c6a1f2b10", "name": "Amber"}


def _behaves(request: bytes) -> bytes:
    """What the contract promises, for a request that carries the token."""
    first, _, rest = request.partition(b"\r\n")
    method, path, _ = first.split(b" ", 2)
    if path.startswith(b"/v1/things") and b"bearer canary-token" not in rest.lower():
        return answer(b'{"title": "Unauthorised"}', "WWW-Authenticate: Bearer", status="401 Unauthorized")
    if path.partition(b"?")[0] == b"/v1/things" and method == b"GET":
        return answer(json.dumps({"items": [THING]}).encode())
    if path == b"/v1/things" and method == b"POST":
        return answer(json.dumps(THING).encode(), status="201 Created")
    if path == b"/v1/things/" + str(THING["id"]).encode() and method == b"GET":
        return answer(json.dumps(THING).encode())
    if path == b"/v1/status":
        return answer(b'{"up": true}')
    return answer(b'{"title": "Not found"}', status="404 Not Found")


def dies_after(number: int, then: Speak) -> Speak:
    """As it should, for so many requests; after that another way of speaking."""

    def speak(server: Misbehaving, connection: socket.socket, request: bytes) -> None:
        if next(server.count) < number:
            connection.sendall(_behaves(request))
        else:
            then(server, connection, request)

    return speak


def drops(server: Misbehaving, connection: socket.socket, request: bytes) -> None:
    """No answer, and the connection is closed."""
    raise ConnectionAbortedError


BOMB = gzip.compress(bytes(100 * MEGABYTE), 9)
PAGE = b"<!doctype html><title>Sign in</title><form method=post><input name=user><input name=password></form>"
OTHER = json.dumps({"weather": {"city": "Example", "degrees": [1, 2, 3]}, "links": None}).encode()


@dataclass(frozen=True)
class Miscreant:
    """
    A way to misbehave.

    Args:
        speak: what is answered to a request.
        ends: how a run against it ends: ``not_conformant`` or ``no_verdict``.
        says: part of the reason, where there is no verdict.
        secure: whether the client comes with TLS; then ``speak`` answers its first bytes.
    """

    speak: Speak
    ends: str = "not_conformant"
    says: str = ""
    secure: bool = False


def _silent(speak: Speak, says: str, *, secure: bool = False) -> Miscreant:
    return Miscreant(speak, "no_verdict", says, secure)


MISCREANTS: Mapping[str, Mapping[str, Miscreant]] = {
    # With these nothing can be exchanged: the set-up is at fault.
    "nothing-to-talk-to": {
        "hangs": _silent(waits, "no answer within 0.5 s"),
        "drops-connections": _silent(drops, "the connection was dropped"),
        "no-http": _silent(says_and_hangs_up(b"220 mail.example ESMTP\r\n"), "the answer was no HTTP"),
        "one-byte-a-second": _silent(repeats(b"", b"H", 1.0), "no answer within 0.5 s"),
        "header-byte-by-byte": _silent(
            repeats(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", 0.1), "no answer within 0.5 s"
        ),
        "megabyte-of-headers": _silent(
            says(head(*[f"X-{n}: {'y' * 900}" for n in range(1_000)])), "the answer was no HTTP"
        ),
        "endless-headers": _silent(
            repeats(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"y" * 9_000 + b"\r\n"), "the answer was no HTTP"
        ),
        "always-503": _silent(says(answer(b"busy", status="503 Service Unavailable")), "no system behind it"),
        "login-page": _silent(says(answer(PAGE, media_type="text/html; charset=utf-8")), "a login page"),
        "redirect-to-login": _silent(
            says(answer(b"", "Location: /login", status="302 Found")), "answered 302"
        ),
        "redirect-loop": _silent(
            says(answer(b"", "Location: /v1/things", status="307 Temporary Redirect")), "answered 307"
        ),
        "redirect-to-another-host": _silent(
            says(answer(b"", "Location: http://192.0.2.1/v1", status="302 Found")), "answered 302"
        ),
        "endless-redirect": _silent(
            repeats(head("Location: /v1", status="302 Found"), b"x" * 65_536), "answered 302"
        ),
        "always-404": _silent(says(answer(b"{}", status="404 Not Found")), "a path that does not exist"),
        "always-401": _silent(says(answer(b"{}", status="401 Unauthorized")), "answered 401"),
        "http-for-tls": _silent(says(answer(b"{}")), "what came is no TLS", secure=True),
        "malformed-tls": _silent(
            says_and_hangs_up(b"\x16\x03\x03\x00\x2a" + b"\xff" * 42), "a TLS handshake", secure=True
        ),
        "silent-tls": _silent(waits, "a TLS handshake", secure=True),
    },
    # These answer, and what they answer is charged to them.
    "wrong-answers": {
        "always-empty-object": Miscreant(says(answer(b"{}"))),
        "always-500": Miscreant(says(answer(b'{"error": "no"}', status="500 Internal Server Error"))),
        "another-system": Miscreant(says(answer(OTHER))),
        "wrong-length": Miscreant(says_and_hangs_up(head("Content-Length: 500") + b'{"items": []}')),
        "more-than-its-length": Miscreant(says(head("Content-Length: 2") + b"{}" * 50)),
    },
    "too-much": {
        "endless-body": Miscreant(
            repeats(head("Transfer-Encoding: chunked"), b"10000\r\n" + b" " * 65_536 + b"\r\n")
        ),
        "decompression-bomb": Miscreant(says(answer(BOMB, "Content-Encoding: gzip"))),
        "bomb-in-a-bomb": Miscreant(says(answer(gzip.compress(BOMB), "Content-Encoding: gzip, gzip"))),
        "deep-json": Miscreant(says(answer(b"[" * 200_000))),
    },
    # These begin well; what was found before they ended stands, and a set-up fault is never charged to them.
    "ends-half-way": {
        "dies-half-way": _silent(dies_after(30, drops), "no answer"),
        "hangs-half-way": _silent(dies_after(30, waits), "no answer"),
    },
}
"""How each server speaks and how a run against it ends, by group and name. A group is checked in one run."""


@contextlib.contextmanager
def misbehaving(miscreant: Miscreant) -> Iterator[Misbehaving]:
    """A server that misbehaves so, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        scheme = "https" if miscreant.secure else "http"
        server = Misbehaving(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_accept, args=(listener, server, miscreant), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stop.set()
            # Closing does not wake accept everywhere; a last connection does.
            with contextlib.suppress(OSError):
                socket.create_connection(listener.getsockname(), 1).close()
            thread.join(5)


def _accept(listener: socket.socket, server: Misbehaving, miscreant: Miscreant) -> None:
    while not server.stop.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_talk, args=(connection, server, miscreant), daemon=True).start()


def _talk(connection: socket.socket, server: Misbehaving, miscreant: Miscreant) -> None:
    with connection, contextlib.suppress(OSError):
        connection.settimeout(20)
        while not server.stop.is_set():
            request = connection.recv(65_536) if miscreant.secure else _request(connection)
            if not request:
                return
            miscreant.speak(server, connection, request)


def _request(connection: socket.socket) -> bytes:
    """One request: its head, and as much body as it says."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65_536)
        if not more:
            return b""
        received += more
    start, _, body = received.partition(b"\r\n\r\n")
    missing = _length(start) - len(body)
    while missing > 0:
        more = connection.recv(65_536)
        if not more:
            return b""
        received += more
        missing -= len(more)
    return received


def _length(start: bytes) -> int:
    for line in start.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
