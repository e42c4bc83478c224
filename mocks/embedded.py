"""
The agencies within a test's own process: ``https://police.agencies.example`` and the others, and no port opened.

Clients of httpx, sync and async, are routed by respx to the same applications that a server would run. Nothing there
waits for anything: an application runs to its end within the call, and an answer that a fault makes late costs no
time but moves the agencies' clock, or is a timeout where the client would not have waited so long.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Coroutine, Iterator
from typing import Any
from urllib.parse import unquote

import httpx
import msgspec
import respx
from starlette.types import ASGIApp, Message, Scope

from joinedup.mocks.app import application
from joinedup.mocks.cast import Cast
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.control import control
from joinedup.mocks.disturbance import CLOSE, Disturbed
from joinedup.mocks.handle import Handle, served_systems
from joinedup.mocks.messages import Incoming

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
        self._apps: dict[str, ASGIApp] = {
            f"{name}.{DOMAIN}": Disturbed(application(engine), engine, self._be_late)
            for name, engine in self.cast.engines.items()
        }
        self._apps[f"control.{DOMAIN}"] = application(self._plane)
        self._late_s = 0.0
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
            self._late_s = 0.0
            response = _answer(self._apps[request.url.host], request)
            self._wait(request)
        if response is None:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            )
        return response

    async def _be_late(self, seconds: float) -> None:
        self._late_s = seconds

    def _wait(self, request: httpx.Request) -> None:
        """Let the time go by that an answer is late."""
        if not self._late_s:
            return
        patience = (request.extensions.get("timeout") or {}).get("read")
        self.cast.clock.advance(self._late_s if patience is None else min(patience, self._late_s))
        if patience is not None and patience < self._late_s:
            raise httpx.ReadTimeout("The read operation timed out.", request=request)


def _answer(app: ASGIApp, request: httpx.Request) -> httpx.Response | None:
    """What an application answers; None where it ends the connection instead."""
    content, messages = request.read(), []
    closed: list[bool] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    scope = {**_scope(request), "extensions": {CLOSE: lambda: closed.append(True)}}
    _finish(app(scope, receive, send))  # type: ignore[arg-type]
    if not messages:
        return None
    body = b"".join(message.get("body", b"") for message in messages[1:])
    stream = _Broken(body, request) if closed else httpx.ByteStream(body)
    return httpx.Response(messages[0]["status"], headers=messages[0]["headers"], stream=stream)


def _scope(request: httpx.Request) -> Scope:
    path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 0),
        "server": (request.url.host, request.url.port or 443),
    }


def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end what waits for nothing, whether or not a loop is running."""
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise RuntimeError("An embedded agency waits for something, which only a served one may.")


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
