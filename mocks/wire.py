"""
HTTP/1.1 as the agencies speak it: requests off a connection, answers onto it.

::

    bytes ─ httptools ─ Incoming ─ application ─ Answer ─ one write
                                        │
                                        ├── Spoilt: late, half of it, or nothing
                                        └── awaitable: an Answer later

An agency answers at once and on the loop, so a request costs no task, no scope and no messages between the two.
Requests that come together on one connection are answered in order, and while an answer is awaited, or the caller does
not read, nothing more is read from it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import time
import traceback
from collections import deque
from collections.abc import Awaitable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote

import httptools

from joinedup.mocks.app import Application, head_of
from joinedup.mocks.messages import Answer, Incoming, Spoilt
from joinedup.mocks.reading import MAX_BODY

# All that comes before a body; of what is longer no more is read than comes at once.
MAX_HEAD = 64 * 1024
KEPT_ALIVE_S = 60.0
GRACE_S = 1.0

_STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}" for each in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FAILED = Answer(500)
_MALFORMED, _TOO_LONG = Answer(400), Answer(431)


class Server:
    """
    An application on a socket.

    Args:
        context: for TLS; None for plain HTTP.

    ``heard_at`` is when something came last, by the clock of the loop.
    """

    def __init__(
        self, application: Application, listening: socket.socket, context: ssl.SSLContext | None = None
    ) -> None:
        self.application, self.socket, self.context = application, listening, context
        self.connections: set[Connection] = set()
        self.under_way: set[tuple[str, ...]] = set()
        self.is_stopping = False
        self.heard_at = 0.0
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Answer from now on."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self, loop), sock=self.socket, ssl=self.context, backlog=2048
        )

    async def stop(self) -> None:
        """Take no more; what is being answered has a moment to be."""
        assert self._listener is not None
        self.is_stopping = True
        self._listener.close()
        for connection in tuple(self.connections):
            connection.finish()
        until = time.monotonic() + GRACE_S
        while self.connections and time.monotonic() < until:
            await asyncio.sleep(0.01)
        for connection in tuple(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One connection; the methods named ``on_…`` are called by httptools while it reads what came."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self._server, self._loop = server, loop
        self._parser = httptools.HttpRequestParser(self)
        self._read: deque[tuple[Incoming, bool]] = deque()
        self._later: asyncio.Task[None] | None = None
        self._is_full = False
        self._mark: tuple[str, ...] | None = None
        self._is_reading = self._is_in_body = self._is_too_long = False
        self._fed = self._chunk = 0
        self._heard_at = loop.time()

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody called."""
        self._transport = transport
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._server.connections.add(self)
        self._expiry = self._loop.call_later(KEPT_ALIVE_S, self._expire)

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone; what is still to be answered is answered to nobody."""
        self._server.connections.discard(self)
        self._expiry.cancel()
        self._unmark()

    def _expire(self) -> None:
        """Close what has been silent for so long."""
        left = self._heard_at + KEPT_ALIVE_S - self._loop.time()
        if left <= 0 and self._later is None:
            self._transport.close()
        else:
            self._expiry = self._loop.call_later(max(left, 1.0), self._expire)

    def finish(self) -> None:
        """Close, once what is being answered is."""
        if self._later is None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def pause_writing(self) -> None:
        """The caller does not read what was answered."""
        self._is_full = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The caller reads again."""
        self._is_full = False
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """Read what came, then answer what is whole."""
        if self._transport.is_closing():
            return
        self._heard_at = self._server.heard_at = self._loop.time()
        self._chunk = len(data)
        self._fed += self._chunk
        refusal: Answer | None = None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # answered as though nothing else had been offered (RFC 9110, 7.8), and closed
        except httptools.HttpParserError:
            refusal = _TOO_LONG if self._is_too_long else _MALFORMED
        self._answer_those_read()
        if self._is_reading and not self._is_in_body and self._fed > MAX_HEAD:
            refusal = _TOO_LONG
        if refusal is not None:
            self._write(refusal, "", keeps_alive=False)
        elif self._is_reading and self._is_in_body:
            self._await_the_rest()

    def _await_the_rest(self) -> None:
        """Ask for a body that waits to be asked for, and mark the request as under way."""
        if (
            self._headers.pop("expect", "").lower() == "100-continue"
            and not self._read
            and self._later is None
        ):
            self._transport.write(_CONTINUE)
        if self._mark is None:
            mark = self._named()
            if mark is not None and mark not in self._server.under_way:
                self._mark = mark
                self._server.under_way.add(mark)

    def _named(self) -> tuple[str, ...] | None:
        """What tells a repeated request from another one; None where it has no X-Request-ID."""
        request_id = self._headers.get("x-request-id")
        if request_id is None:
            return None
        return self._method, self._path, self._headers.get("authorization", ""), request_id

    def _unmark(self) -> None:
        if self._mark is not None:
            self._server.under_way.discard(self._mark)
            self._mark = None

    # Reading

    def on_message_begin(self) -> None:
        self._is_reading, self._is_in_body = True, False
        self._fed = 0
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_body:
            return  # a trailer, which never counts as a header (RFC 9110, 6.5.1)
        key, text = _header_name(name), value.decode("latin-1")
        headers = self._headers
        # Those of one name are joined by a comma (RFC 9110, 5.3).
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        if self._fed + self._chunk > MAX_HEAD and self._head_size() > MAX_HEAD:
            self._is_too_long = True
            raise ValueError("The head is too long.")
        self._is_in_body = True
        self._method = self._parser.get_method().decode("ascii")
        url = httptools.parse_url(self._url)
        path = url.path.decode("ascii")
        self._path = unquote(path) if "%" in path else path
        self._query = url.query or b""

    def _head_size(self) -> int:
        return len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers.items())

    def on_body(self, part: bytes) -> None:
        if self._size <= MAX_BODY:
            self._body.append(part[: MAX_BODY + 1 - self._size])
            self._size += len(self._body[-1])

    def on_message_complete(self) -> None:
        self._is_reading = False
        under_way = self._server.under_way
        repeated = bool(under_way) and self._mark is None and self._named() in under_way
        self._unmark()
        incoming = Incoming(
            self._method, self._path, self._query, self._headers, b"".join(self._body), repeated, self._peer
        )
        self._read.append((incoming, self._parser.should_keep_alive() and not self._parser.should_upgrade()))

    # Answering

    def _answer_those_read(self) -> None:
        while self._read and self._later is None and not self._is_full and not self._transport.is_closing():
            incoming, keeps_alive = self._read.popleft()
            try:
                reply = self._server.application(incoming)
            except Exception:
                reply = self._failed()
            if isinstance(reply, Answer):
                self._write(reply, incoming.method, keeps_alive=keeps_alive)
            else:
                self._transport.pause_reading()
                self._later = self._loop.create_task(self._answer_later(reply, incoming.method, keeps_alive))

    async def _answer_later(self, reply: Spoilt | Awaitable[Answer], method: str, keeps_alive: bool) -> None:
        try:
            if isinstance(reply, Spoilt):
                await asyncio.sleep(reply.late_s)
                self._write_spoilt(reply, method, keeps_alive)
            else:
                self._write(await reply, method, keeps_alive=keeps_alive)
        except Exception:
            self._write(self._failed(), method, keeps_alive=False)
        finally:
            self._later = None
            self._go_on()

    def _go_on(self) -> None:
        """Answer what waited, and read again where nothing stands against it."""
        self._answer_those_read()
        if self._later is None and not self._is_full and not self._transport.is_closing():
            self._transport.resume_reading()

    def _write(self, answer: Answer, method: str, *, keeps_alive: bool) -> None:
        if self._transport.is_closing():
            return
        keeps_alive = keeps_alive and not self._server.is_stopping
        try:
            head, body = written(answer, keeps_alive)
        except ValueError:
            head, body = written(self._failed(), keeps_alive)
        self._transport.write(head if method == "HEAD" else head + body)
        if not keeps_alive:
            self._transport.close()

    def _write_spoilt(self, spoilt: Spoilt, method: str, keeps_alive: bool) -> None:
        if spoilt.share == 1:
            self._write(spoilt.answer, method, keeps_alive=keeps_alive)
        elif not self._transport.is_closing():
            if spoilt.share:
                head, body = written(spoilt.answer, keeps_alive)
                self._transport.write(head + body[: int(len(body) * spoilt.share)])
            self._transport.close()

    def _failed(self) -> Answer:
        print(f"joinedup mock: {traceback.format_exc()}", file=sys.stderr, flush=True)
        return _FAILED


def written(answer: Answer, keeps_alive: bool) -> tuple[bytes, bytes]:
    """
    An answer's head and body as bytes.

    Raises:
        ValueError: a header holds a line break, or what is not of Latin-1.
    """
    body = answer.written
    lines = [_STATUS_LINES[answer.status], _date(int(time.time()))]
    lines += [f"{name}: {value}" for name, value in head_of(answer, len(body))]
    if not keeps_alive:
        lines.append("connection: close")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ValueError("A header holds a line break.")
    return f"{head}\r\n\r\n".encode("latin-1"), body


@lru_cache(128)
def _header_name(name: bytes) -> str:
    return name.decode("latin-1").lower()


@lru_cache(1)
def _date(second: int) -> str:
    return f"date: {formatdate(second, usegmt=True)}"
