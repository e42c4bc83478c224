"""
What requests does not bound: the time of a whole answer, headers included, and what an encoded body becomes.

Every setting of a timeout bounds one read; a server that sends a byte a second never exceeds it.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from joinedup.conformance.client import KEPT_OF_CUT
from joinedup.conformance.wire import PIECE, decoded


class Expiry:
    """
    The moment at which an answer has to be there: what is open then is closed.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._close: Callable[[], object] | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def closes(self, close: Callable[[], object]) -> None:
        """Name what is to be closed at that moment."""
        self._close = close

    def cancel(self) -> None:
        """The answer is there."""
        self._timer.cancel()

    def _end(self) -> None:
        self.over = True
        with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
            if self._close is not None:
                self._close()


_expiries = threading.local()


@contextlib.contextmanager
def expiring(seconds: float) -> Iterator[Expiry]:
    """Let no answer that this thread waits for take longer."""
    _expiries.now = Expiry(seconds)
    try:
        yield _expiries.now
    finally:
        _expiries.now.cancel()
        del _expiries.now


def _guard(connection: HTTPConnection) -> None:
    expiry: Expiry | None = getattr(_expiries, "now", None)
    if expiry is not None and connection.sock is not None:
        held = connection.sock
        expiry.closes(lambda: held.shutdown(socket.SHUT_RDWR))


class _Connection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3 itself
        _guard(self)
        return super().getresponse()


class _SecureConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3 itself
        _guard(self)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class BoundedAdapter(HTTPAdapter):
    """Connections that keep to ``expiring`` and trust the given authorities beside the usual ones."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, with connections of ours."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._trust)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def body_of(response: requests.Response, expiry: Expiry, most: int) -> tuple[bytes, bool]:
    """
    The body of a streamed answer, and whether it was cut because it is larger than ``most`` bytes.

    Raises:
        requests.ReadTimeout: it was not whole in time.
        zlib.error: it is not encoded as it says.
    """
    expiry.closes(response.raw.shutdown)
    body = bytearray()
    pieces = response.raw.stream(PIECE, decode_content=False)
    for piece in decoded(pieces, response.headers.get("Content-Encoding", "")):
        body += piece
        if len(body) > most:
            response.raw.close()
            return bytes(body[: min(most, KEPT_OF_CUT)]), True
    if expiry.over:
        raise requests.ReadTimeout("no whole answer in time", request=response.request)
    return bytes(body), False
