"""
Requests over plain sockets, as fast as Python sends them: one connection for each user and server, kept open.

It blocks as sockets do, and so lets others go on where the process has sockets that give way, as Locust's has.
"""

from __future__ import annotations

import socket
import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlencode, urlsplit

from joinedup.conformance.exchanges import Step

LARGEST_HEAD = 64_000
_CHUNK = 65_536
_BODILESS = frozenset({204, 205, 304})
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Whose second sending changes nothing (RFC 9110, 9.2.2): no other request is ever sent again.
_IDEMPOTENT = (b"GET ", b"HEAD ", b"OPTIONS ", b"PUT ", b"DELETE ", b"TRACE ")
IDLE_S = 0.5
"""How long a connection has been idle before it is looked at again: the server may have closed it meanwhile."""


class NoAnswerError(Exception):
    """Raised where a request got no whole answer; the message is a phrase."""


@dataclass(frozen=True)
class Address:
    """Where a system answers: ``prefix`` is the path of its base URL."""

    scheme: str
    host: str
    port: int
    prefix: str

    @property
    def authority(self) -> str:
        """Host and port as the header Host has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@lru_cache(maxsize=1000)
def address_of(base_url: str) -> Address:
    """The parts of a base URL."""
    parts = urlsplit(base_url)
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    return Address(parts.scheme, parts.hostname or "", port, parts.path.rstrip("/"))


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: names of headers in lower case, the body as it was before it was compressed."""

    status: int
    headers: dict[str, str]
    body: bytes


def target_of(address: Address, step: Step) -> str:
    """Path and query as they go over the wire."""
    query = f"?{urlencode([(n, v if isinstance(v, str) else _plain(v)) for n, v in step.query])}"
    return address.prefix + step.url_path() + (query if step.query else "")


def _plain(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def encoded(
    method: str, target: str, authority: str, headers: Mapping[str, str], content: bytes | None
) -> bytes:
    """A request as bytes."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if content is not None or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(content or b'')}")
    head = "\r\n".join([*lines, "", ""])
    try:
        return head.encode("latin-1") + (content or b"")
    except UnicodeEncodeError:
        return head.encode() + (content or b"")


@dataclass
class Connections:
    """
    The connections of one user.

    Args:
        timeout_s: for one whole answer.
        trust: whom to believe who a server is, by base address.
        largest: bytes of one answer.
    """

    timeout_s: float = 10.0
    trust: Mapping[Address, ssl.SSLContext] = field(default_factory=dict)
    largest: int = 5_000_000
    _open: dict[tuple[str, int], tuple[socket.socket, float]] = field(default_factory=dict)

    def send(self, address: Address, request: bytes, *, head: bool = False) -> Answered:
        """
        Send a request and read its answer.

        Args:
            head: whether it is a HEAD request, whose answer has no body.

        Raises:
            NoAnswerError: there was none, or it was not whole.
        """
        deadline = time.monotonic() + self.timeout_s
        key = (address.host, address.port)
        kept = self._kept(key)
        try:
            connection = kept or self._connect(address)
            try:
                answered, stays = self._exchange(connection, request, deadline, head)
            except (ConnectionError, _SilentError):
                connection.close()
                if kept is None or not request.startswith(_IDEMPOTENT):
                    raise
                # The server may have closed a connection that was kept, before it saw the request.
                connection = self._connect(address)
                answered, stays = self._exchange(connection, request, deadline, head)
        except TimeoutError:
            raise NoAnswerError(f"no answer within {self.timeout_s:g} s") from None
        except _ClosedError as error:
            raise NoAnswerError(str(error)) from None
        except (OSError, ValueError, zlib.error) as error:
            raise NoAnswerError(_fault(error)) from None
        if stays:
            self._open[key] = (connection, time.monotonic())
        else:
            connection.close()
        return answered

    def _kept(self, key: tuple[str, int]) -> socket.socket | None:
        """The connection that was kept, unless its server has closed it since."""
        connection, since = self._open.pop(key, (None, 0.0))
        if connection is None or time.monotonic() - since < IDLE_S or _is_quiet(connection):
            return connection
        connection.close()
        return None

    def close(self) -> None:
        """Close every connection."""
        for connection, _ in self._open.values():
            connection.close()
        self._open.clear()

    def _connect(self, address: Address) -> socket.socket:
        plain = socket.create_connection((address.host, address.port), self.timeout_s)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme == "http":
            return plain
        context = self.trust.get(address) or ssl.create_default_context()
        return context.wrap_socket(plain, server_hostname=address.host)

    def _exchange(
        self, connection: socket.socket, request: bytes, deadline: float, head: bool
    ) -> tuple[Answered, bool]:
        try:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            connection.sendall(request)
            return _Reader(connection, deadline, self.largest).answer(head)
        except BaseException:
            connection.close()
            raise


class _ClosedError(Exception):
    """Raised where a connection ends too early."""


class _SilentError(_ClosedError):
    """Raised where a connection ends before the first byte of an answer."""


def _is_quiet(connection: socket.socket) -> bool:
    """Whether a connection that nobody uses is open, and nothing has come that nobody asked for."""
    connection.settimeout(0)
    try:
        connection.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        pass
    return False


def _fault(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "no connection could be made"
    if isinstance(error, OSError):
        return f"the connection failed ({type(error).__name__})"
    return "the answer was no HTTP"


class _Reader:
    """Reads one answer."""

    def __init__(self, connection: socket.socket, deadline: float, largest: int) -> None:
        self.connection, self.deadline, self.largest = connection, deadline, largest
        self.buffer, self.has_begun, self.is_old = b"", False, False

    def answer(self, is_head: bool) -> tuple[Answered, bool]:
        """The answer, and whether the connection may be used again."""
        status, headers = self._head()
        while 100 <= status < 200:
            status, headers = self._head()
        asked = headers.get("connection", "").lower()
        stays = asked == "keep-alive" if self.is_old else asked != "close"
        if is_head or status in _BODILESS:
            return Answered(status, headers, b""), stays
        body, framed = self._body(headers)
        encoding = headers.get("content-encoding", "").lower()
        if encoding in ("gzip", "deflate", "x-gzip"):
            body = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, self.largest)
        return Answered(status, headers, body), stays and framed

    def _head(self) -> tuple[int, dict[str, str]]:
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if len(self.buffer) > LARGEST_HEAD:
                raise ValueError("head")
            self._more()
        first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
        self.buffer = self.buffer[end + 4 :]
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        version, status, *_ = first.split(" ", 2)
        if not version.startswith("HTTP/1."):
            raise ValueError("version")
        self.is_old = version == "HTTP/1.0"
        return int(status), headers

    def _body(self, headers: Mapping[str, str]) -> tuple[bytes, bool]:
        """The body, and whether its end was told."""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunks(), True
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"])), True
        try:
            while True:
                self._more()
        except _ClosedError:
            return self.buffer, False

    def _chunks(self) -> bytes:
        parts = []
        while True:
            while (end := self.buffer.find(b"\r\n")) < 0:
                self._more()
            size = int(self.buffer[:end].partition(b";")[0], 16)
            self.buffer = self.buffer[end + 2 :]
            parts.append(self._exactly(size))
            if size == 0:
                self._trailers()
                return b"".join(parts)
            self._exactly(2)

    def _trailers(self) -> None:
        while not self.buffer.startswith(b"\r\n") and b"\r\n\r\n" not in self.buffer:
            self._more()

    def _exactly(self, size: int) -> bytes:
        if size > self.largest:
            raise _ClosedError("the answer is larger than limits.max_response_bytes")
        while len(self.buffer) < size:
            self._more()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _more(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.connection.settimeout(left)
        chunk = self.connection.recv(_CHUNK)
        if not chunk:
            error = _ClosedError if self.has_begun else _SilentError
            raise error("the connection ended before the answer did")
        self.has_begun = True
        if len(self.buffer) > self.largest + LARGEST_HEAD:
            raise _ClosedError("the answer is larger than limits.max_response_bytes")
        self.buffer += chunk
