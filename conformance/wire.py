"""
What httpx does not bound: the time of a whole answer, byte by byte, and what an encoded body becomes.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpcore
import httpx

PIECE = 65_536
# Sent again without harm where a connection that was kept turned out to be dead or dirty.
REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass
class Passage:
    """
    One request on its way.

    Args:
        ends: the moment of ``time.monotonic`` at which it must be over.
        connected: whether a connection was opened for it.
        received: bytes that were read for it.
    """

    ends: float
    connected: bool = False
    received: int = 0

    def left(self) -> float:
        """Seconds that are left; at least a thousandth, for 0 would not wait at all."""
        return max(self.ends - time.monotonic(), 0.001)

    def may_be_stale(self, method: str) -> bool:
        """Whether the connection, and not the answer, may have been at fault, so that sending again is right."""
        return not self.connected and (not self.received or method in REPEATABLE)


_passages = threading.local()


@contextlib.contextmanager
def ending(at: float) -> Iterator[Passage]:
    """Let no read and no write of this thread go on beyond a moment of ``time.monotonic``."""
    _passages.now = Passage(at)
    try:
        yield _passages.now
    finally:
        del _passages.now


def _passage() -> Passage:
    """The request that this thread is about; one without an end where there is none."""
    passage: Passage = getattr(_passages, "now", None) or Passage(time.monotonic() + threading.TIMEOUT_MAX)
    return passage


class _TimedStream(httpcore.NetworkStream):
    """A connection on which nothing lasts longer than the request may."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        passage = _passage()
        if time.monotonic() >= passage.ends:
            raise httpcore.ReadTimeout
        read = self._stream.read(max_bytes, passage.left())
        passage.received += len(read)
        return read

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _passage().left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, _passage().left()))

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _TimedBackend(httpcore.SyncBackend):
    """Opens connections that keep to the time of a request."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        passage = _passage()
        passage.connected = True
        stream = super().connect_tcp(host, port, passage.left(), local_address, socket_options=socket_options)
        return _TimedStream(stream)


def timed_transport(trust: ssl.SSLContext | None = None) -> httpx.HTTPTransport:
    """A transport that keeps to ``ending`` and trusts the usual authorities where none are given."""
    transport = httpx.HTTPTransport(
        verify=trust or True, trust_env=False, limits=httpx.Limits(max_keepalive_connections=4)
    )
    # httpx has no setting for it; a dripping answer in the client's tests holds it.
    transport._pool._network_backend = _TimedBackend()
    return transport


def decoded(pieces: Iterable[bytes], encodings: str) -> Iterator[bytes]:
    """
    A body without its content encodings, never more than a piece of it in memory.

    Raises:
        zlib.error: it is not encoded so, ends too early, or in a way that is neither gzip nor deflate.
    """
    for encoding in reversed([name.strip().lower() for name in encodings.split(",") if name.strip()]):
        if encoding in ("gzip", "x-gzip"):
            pieces = _inflated(pieces, (zlib.MAX_WBITS | 16,))
        elif encoding == "deflate":
            # Some servers mean the bare format by it (RFC 9110, 8.4.1.2).
            pieces = _inflated(pieces, (zlib.MAX_WBITS, -zlib.MAX_WBITS))
        elif encoding != "identity":
            pieces = _refused(pieces, encoding)
    yield from pieces


def _refused(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    if any(pieces):
        raise zlib.error(f"the content encoding {encoding} is not known")
    yield from ()


def _inflated(pieces: Iterable[bytes], formats: tuple[int, ...]) -> Iterator[bytes]:
    inflater = None
    for piece in pieces:
        inflater = inflater or _inflater(piece, formats)
        while piece and not inflater.eof:
            yield inflater.decompress(piece, PIECE)
            piece = inflater.unconsumed_tail
    if inflater is not None and not inflater.eof:
        raise zlib.error("the encoded body ends too early")


def _inflater(piece: bytes, formats: tuple[int, ...]) -> zlib._Decompress:
    for window in formats[:-1]:
        with contextlib.suppress(zlib.error):
            zlib.decompressobj(window).decompress(piece, 1)
            return zlib.decompressobj(window)
    return zlib.decompressobj(formats[-1])
