"""
Odd requests over real connections: the examples of each contract, spoilt in every way that bytes can be.

Whatever comes, what an agency says is whole answers of HTTP/1.1 without a 5xx, it ends in time, and nothing fails
behind it. ``make many-cases`` sends a few hundred to each agency.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from example_requests import Example

from joinedup.mocks.app import Application
from joinedup.mocks.server import uvloop
from joinedup.mocks.wire import Server

Bytes = Callable[[bytes, random.Random], list[bytes]]

ANSWERED_WITHIN_S = 30
_HEAD = re.compile(rb"HTTP/1\.1 ([0-9]{3}) [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)
WITHOUT_BODY = frozenset({100, 204, 304})

HEADERS = (
    b"Content-Length: 5",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999999",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: gzip",
    b"Expect: 100-continue",
    b"Expect: nonsense",
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
    b"Connection: \xff, close, keep-alive",
    b"Host: one.example\r\nHost: two.example",
    b"X-Request-ID: \xff\xfe\xfd",
    b"X-Correlation-ID: \xc3\xa9",
    b"X-Request-ID: a\x00b",
    b"Authorization: Bearer \xff.\xff.\xff",
    b"Authorization: Basic \xff",
    b'If-Match: *\r\nIf-Match: W/"1"',
    b"Accept: ;;;q=2, */*;q=x, \xff",
    b"Content-Type: \xff/\xff; charset=\xff",
    b"Content-Encoding: gzip",
    b"Range: bytes=0-1",
    b"X: " + b"v" * 70_000,
    b"\r\n".join(b"X-%d: v" % number for number in range(3000)),
    b" a line that goes on",
    b"no colon",
    b": no name",
)
TARGETS = (
    b"*",
    b"//",
    b"/%",
    b"/%zz",
    b"/v1/%00",
    b"/v1/contacts/%ff%fe",
    b"/v1/../../etc/passwd",
    b"/v1/status?%",
    b"/v1/status?a=%ff&a=\xff",
    b"/v1/status#fragment",
    b"/\xc3\xa9",
    b"/" + b"a/" * 5000,
    b"/?" + b"a" * 70_000,
    b"http://elsewhere.example/v1/status",
    b"http://[::1",
    b"http://a:99999999/",
    b"elsewhere.example:443",
    b"",
)
METHODS = (
    b"get",
    b"TRACE",
    b"CONNECT",
    b"PRI",
    b"OPTIONS",
    b"PURGE",
    b"M-SEARCH",
    b"G\x00T",
    b"",
    b"X" * 5000,
)
VERSIONS = (b"HTTP/0.9", b"HTTP/1.0", b"HTTP/1.10", b"HTTP/2.0", b"http/1.1", b"", b"HTTP/1.1 HTTP/1.1")
BODIES = (
    b"{",
    b"[" * 30_000,
    b'{"a":' * 10_000,
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"1e400",
    b"NaN",
    b"-",
    b'"\\ud800"',
    b'{"a": 1, "a": 2}',
    b"\x00" * 100,
    b'"' + b"a" * 70_000 + b'"',
    b"9" * 20_000,
    b"null",
    b"a=%ff&=&&&b",
)
CHUNKS = (
    b"zz\r\nab\r\n0\r\n\r\n",
    b"-2\r\nab\r\n0\r\n\r\n",
    b"ffffffffffffffffff\r\nab\r\n0\r\n\r\n",
    b"2;a=b;c\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n",
    b"2\r\n{}0\r\n\r\n",
    b"2\n{}\n0\n\n",
    b"1\r\n{\r\n" * 500 + b"0\r\n\r\n",
    b"5\r\nab",
)
NO_REQUESTS = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,  # how TLS begins
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\r\n" * 5000,
    b"\x00" * 100_000,
    b"HTTP/1.1 200 OK\r\n\r\n",
)


def _changed(request: bytes, choose: random.Random) -> list[bytes]:
    found = bytearray(request)
    for _ in range(choose.randint(1, 5)):
        found[choose.randrange(len(found))] = choose.randrange(256)
    return [bytes(found)]


def _cut(request: bytes, choose: random.Random) -> list[bytes]:
    return [request[: choose.randrange(len(request))]]


def _shortened(request: bytes, choose: random.Random) -> list[bytes]:
    at, length = choose.randrange(len(request)), choose.randint(1, 40)
    return [request[:at] + request[at + length :]]


def _lengthened(request: bytes, choose: random.Random) -> list[bytes]:
    at = choose.randrange(len(request))
    return [request[:at] + choose.randbytes(choose.randint(1, 40)) + request[at:]]


def _several(request: bytes, choose: random.Random) -> list[bytes]:
    return [request * choose.randint(2, 30)]


def _in_pieces(request: bytes, choose: random.Random) -> list[bytes]:
    size = choose.choice((1, 7, 100))
    return [request[at : at + size] for at in range(0, len(request), size)]


def _with_header(request: bytes, choose: random.Random) -> list[bytes]:
    line, _, rest = request.partition(b"\r\n")
    return [b"\r\n".join((line, choose.choice(HEADERS), rest))]


def _with_start(place: int, values: tuple[bytes, ...]) -> Bytes:
    def spoil(request: bytes, choose: random.Random) -> list[bytes]:
        line, _, rest = request.partition(b"\r\n")
        words = line.split(b" ")
        words[place] = choose.choice(values)
        return [b" ".join(words) + b"\r\n" + rest]

    return spoil


def _with_body(request: bytes, choose: random.Random) -> list[bytes]:
    head, body = _without_length(request), choose.choice(BODIES)
    return [head + b"Content-Length: %d\r\n\r\n" % len(body) + body]


def _with_chunks(request: bytes, choose: random.Random) -> list[bytes]:
    return [_without_length(request) + b"Transfer-Encoding: chunked\r\n\r\n", choose.choice(CHUNKS)]


def _without_length(request: bytes) -> bytes:
    lines = request.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return b"".join(line + b"\r\n" for line in lines if not line.lower().startswith(b"content-length:"))


def _other_line_ends(request: bytes, choose: random.Random) -> list[bytes]:
    return [request.replace(b"\r\n", choose.choice((b"\n", b"\r", b"\n\r", b"\r\r\n")))]


def _no_request(request: bytes, choose: random.Random) -> list[bytes]:
    return [choose.choice((*NO_REQUESTS, choose.randbytes(choose.randint(1, 5000))))]


ODDITIES: dict[str, Bytes] = {
    "as it is": lambda request, _: [request],
    "bytes changed": _changed,
    "cut off": _cut,
    "bytes left out": _shortened,
    "bytes put in": _lengthened,
    "several at once": _several,
    "in pieces": _in_pieces,
    "odd header": _with_header,
    "odd method": _with_start(0, METHODS),
    "odd target": _with_start(1, TARGETS),
    "odd version": _with_start(2, VERSIONS),
    "odd body": _with_body,
    "odd chunks": _with_chunks,
    "other line ends": _other_line_ends,
    "no request": _no_request,
}


@dataclass
class Heard:
    """
    What came back to odd requests.

    Args:
        statuses: of all answers; 0 counts the connections that ended without one.
        failures: what should not have been, in words.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    requests: int = 0


@contextlib.contextmanager
def on_a_socket(application: Application, failures: list[str]) -> Iterator[tuple[str, int]]:
    """An application on a connection of this machine; what fails behind it is added to ``failures``."""
    listening = socket.create_server(("127.0.0.1", 0))
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop() if uvloop else asyncio.new_event_loop()
    loop.set_exception_handler(lambda _, context: failures.append(f"behind the connection: {context}"))
    server = Server(application, listening)
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def send_odd(application: Application, requests: list[Example], number: int, seed: int) -> Heard:
    """
    Send so many odd requests, each on a connection of its own.

    Args:
        requests: what they are made from; each kind of oddity has its turn.
    """
    heard, choose = Heard(), random.Random(seed)
    with on_a_socket(application, heard.failures) as address:
        for turn in range(number):
            name = tuple(ODDITIES)[turn % len(ODDITIES)]
            example = requests[turn // len(ODDITIES) % len(requests)]
            pieces = ODDITIES[name](as_bytes(example), choose)
            heard.requests += 1
            if wrong := _wrong_with(said(address, pieces), heard.statuses):
                heard.failures.append(f"{example.label}, {name}: {wrong} to {b''.join(pieces)[:500]!r}")
    return heard


def as_bytes(example: Example) -> bytes:
    """A request as it goes over a connection."""
    sent = example.incoming
    target = example.path + (f"?{sent.query.decode()}" if sent.query else "")
    lines = [f"{sent.method} {target} HTTP/1.1", "Host: agency.example"]
    lines += [f"{name}: {value}" for name, value in sent.headers.items()]
    lines += [f"content-length: {len(sent.body)}"] if sent.body else []
    return "\r\n".join([*lines, "", ""]).encode() + sent.body


def said(address: tuple[str, int], pieces: list[bytes]) -> bytes | None:
    """All that comes back until the connection ends; None where it does not."""
    back = b""
    try:
        with socket.create_connection(address, timeout=ANSWERED_WITHIN_S) as connection:
            _say(connection, pieces)
            # Cut off where a refusal left something unread.
            with contextlib.suppress(ConnectionError):
                while part := connection.recv(65_536):
                    back += part
    except TimeoutError:
        return None
    return back


def _say(connection: socket.socket, pieces: list[bytes]) -> None:
    """Send it, as far as somebody takes it in: a refusal may end the connection while there is more to send."""
    try:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
    except TimeoutError:
        raise
    except OSError:
        return


def _wrong_with(back: bytes | None, statuses: Counter[int]) -> str:
    """Why what came back is not a number of whole answers without a 5xx; empty where it is."""
    if back is None:
        return f"no end within {ANSWERED_WITHIN_S} s"
    if not back:
        statuses[0] += 1
    while back:
        head = _HEAD.match(back)
        if head is None:
            return f"no answer of HTTP/1.1 but {back[:200]!r}"
        status = int(head[1])
        statuses[status] += 1
        length = _LENGTH.search(head[0])
        size = int(length[1]) if length and status not in WITHOUT_BODY else 0
        if len(back) < head.end() + size:
            return f"half an answer, {back[:200]!r}"
        if status >= 500:
            return f"{status}"
        back = back[head.end() + size :]
    return ""
