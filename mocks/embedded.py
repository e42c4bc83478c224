"""
The agencies within a test's own process: ``https://police.agencies.example`` and the others, and no port opened.

Clients of httpx, sync and async, are routed by respx to the same applications that a server would run. Nothing there
waits for anything: an application answers within the call, and an answer that a fault makes late costs no
time but moves the agencies' clock, or is a timeout where the client would not have waited so long.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any
from urllib.parse import unquote

import httpx
import msgspec
import respx

from joinedup.mocks.app import application, head_of
from joinedup.mocks.cast import Cast
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.control import control
from joinedup.mocks.disturbance import Disturbed
from joinedup.mocks.handle import Handle, served_systems
from joinedup.mocks.messages import Answer, Incoming, Spoilt
from joinedup.mocks.reading import MAX_BODY

DOMAIN = "agencies.example"
FIRST_SEED = 1
# Where a test's own servers are, which stay within reach.
OF_THIS_MACHINE = r"^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?|testserver)$"
JSON_TYPE = {"content-type": "application/json"}


class ControlError(Exception):
    """Raised when the control plane refuses; the message is its answer."""


class Agencies(Handle):
    """
    The agencies, for a test in the same process.

    ``addresses`` are those of others that they deliver to, by name: a product of one's own that is to be notified.
    ``control`` is the address of the control plane, for documents that call it; a test has the methods here.
    """

    def __init__(self, systems: Collection[str] = tuple(AGENCIES)) -> None:
        self.cast = Cast(systems, seed=FIRST_SEED)
        self.addresses = self.cast.addresses
        places = {name: f"https://{name}.{DOMAIN}" for name in self.cast.engines}
        self.cast.serve_at(places)
        self.control = f"https://control.{DOMAIN}"
        announced = self.cast.announcement(places, self.control)
        self.systems, self.callers = served_systems(announced), announced["callers"]
        self._plane = control(self.cast)
        self._apps: dict[str, Callable[[Incoming], Answer | Spoilt]] = {
            f"{name}.{DOMAIN}": Disturbed(application(engine), engine)
            for name, engine in self.cast.engines.items()
        }
        self._apps[f"control.{DOMAIN}"] = application(self._plane)
        # Agencies are no more thread-safe than a server with one loop; a delivery may call back within a call.
        self._lock = threading.RLock()

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """
        Call an operation of the control plane.

        Raises:
            ControlError: it refused.
        """
        path, _, query = path.partition("?")
        sent = b"" if body is None else msgspec.json.encode(body)
        incoming = Incoming(method, path, query.encode(), JSON_TYPE if sent else {}, sent)
        with self._lock:
            answer = self._plane.answer(incoming)
        if answer.status >= 400:
            raise ControlError(f"{method} {path}: {answer.body}")
        return dict(answer.body or {})

    def begin(self) -> None:
        """Back to the first seed, with no snapshot and nobody else to deliver to: how every test begins."""
        self.addresses.clear()
        self._plane.reset()
        self.reset(FIRST_SEED)

    @contextlib.contextmanager
    def routed(self) -> Iterator[respx.MockRouter]:
        """
        Clients of httpx reach the agencies as long as the context lasts.

        Hosts of this machine are reached as ever. Any other host is refused, unless a respx router of the test
        answers for it.
        """
        with respx.MockRouter(assert_all_called=False) as router:
            router.route(host__in=tuple(self._apps)).mock(side_effect=self._respond)
            router.route(host__regex=OF_THIS_MACHINE).pass_through()
            yield router

    def _respond(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            reply = self._apps[request.url.host](_incoming(request))
            spoilt = reply if isinstance(reply, Spoilt) else Spoilt(reply)
            self._wait(spoilt.late_s, request)
        if not spoilt.share:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            )
        return _response(spoilt, request)

    def _wait(self, seconds: float, request: httpx.Request) -> None:
        """Let the time go by that an answer is late."""
        if not seconds:
            return
        patience = (request.extensions.get("timeout") or {}).get("read")
        self.cast.clock.advance(seconds if patience is None else min(patience, seconds))
        if patience is not None and patience < seconds:
            raise httpx.ReadTimeout("The read operation timed out.", request=request)


def _incoming(request: httpx.Request) -> Incoming:
    path, _, query = request.url.raw_path.partition(b"?")
    headers = dict(request.headers.items())  # those of one name are joined already
    return Incoming(
        request.method, unquote(path.decode("ascii")), query, headers, request.read()[: MAX_BODY + 1]
    )


def _response(spoilt: Spoilt, request: httpx.Request) -> httpx.Response:
    """What the caller gets of an answer."""
    body = spoilt.answer.written
    sent = b"" if request.method == "HEAD" else body[: int(len(body) * spoilt.share)]
    stream = httpx.ByteStream(sent) if spoilt.share == 1 else _Broken(sent, request)
    headers = head_of(spoilt.answer, len(body))
    return httpx.Response(spoilt.answer.status, headers=headers, stream=stream)


class _Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body whose connection ends before it does."""

    def __init__(self, body: bytes, request: httpx.Request) -> None:
        self._body, self._request = body, request

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        raise self._error()

    async def __aiter__(self) -> Any:
        yield self._body
        raise self._error()

    def _error(self) -> httpx.RemoteProtocolError:
        said = "peer closed connection without sending complete message body"
        return httpx.RemoteProtocolError(said, request=self._request)
