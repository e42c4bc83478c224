"""
The process that serves the agencies: each on a port of its own or all at one address, and one port to control them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from joinedup.mocks.app import Endpoint, application, joined, respond
from joinedup.mocks.cast import Cast
from joinedup.mocks.clock import Work
from joinedup.mocks.control import WAITING, control
from joinedup.mocks.disturbance import CLOSE, Disturbed
from joinedup.mocks.listening import CONTROL, LOOPBACKS, PUBLIC, Listening
from joinedup.mocks.member import NO_ID
from joinedup.mocks.messages import Answer, Incoming, Refusal, problem
from joinedup.mocks.public import OneAddress
from joinedup.mocks.transports import Http, in_background

# How late what falls due by real time may be noticed.
TICK_S = 0.05
AT_ONCE = 8


class ControlEndpoint(Endpoint):
    """The control plane's; an operation that waits for others leaves the loop to them."""

    async def answer(self, incoming: Incoming) -> Answer:
        """The engine's answer."""
        if incoming.path in WAITING and incoming.method != "GET":
            return await asyncio.to_thread(self.engine.answer, incoming)
        return self.engine.answer(incoming)


class LoopbackOnly:
    """
    Lets in who calls from this machine and names it as this machine.

    A page in a browser that is lured here names another host or origin (DNS rebinding, cross-site requests).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = joined(scope.get("headers", []))
        caller = (scope.get("client") or ("",))[0]
        named = [headers.get("host", ""), *([headers["origin"]] if "origin" in headers else [])]
        if caller in LOOPBACKS and all(_host(name) in LOOPBACKS for name in named):
            await self.app(scope, receive, send)
            return
        refusal = Refusal(403, "The control plane is for callers on this machine alone.")
        answer = problem(refusal, NO_ID).having(("Cache-Control", "no-store"))
        await respond(answer, scope["method"], send)


def _host(name: str) -> str:
    try:
        return urlsplit(name if "://" in name else f"//{name}").hostname or ""
    except ValueError:
        return ""


def step_by_step(cast: Cast, loop: asyncio.AbstractEventLoop) -> Callable[[Iterator[Work]], int]:
    """Moves the clock on the loop and waits, after each piece of work, for what it has sent to be answered."""

    async def step(moving: Iterator[Work]) -> bool:
        work = next(moving, None)
        waited = await answered()
        # An answer that comes at the end of the way lets the next of its lane go, which is due by then.
        while work is None and waited:
            cast.clock.perform_due()
            waited = await answered()
        return work is not None

    async def answered() -> bool:
        waited = bool(cast.deliveries.under_way)
        while cast.deliveries.under_way:
            await asyncio.sleep(0.002)
        return waited

    def move(moving: Iterator[Work]) -> int:
        count = 0
        while asyncio.run_coroutine_threadsafe(step(moving), loop).result():
            count += 1
        return count

    return move


async def _perform_due(cast: Cast) -> None:
    """Do what falls due while real time goes by."""
    while True:
        await asyncio.sleep(TICK_S)
        cast.clock.perform_due()


def announced_as_json(announcement: dict[str, Any]) -> None:
    """One line of JSON on standard output."""
    print(json.dumps(announcement), flush=True)


class _Closable(HttpToolsProtocol):
    """A protocol that lets an application end the connection: how an answer never arrives, or half of it does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the connection to the application."""
        super().connection_made(transport)
        app = self.app

        async def closable(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[CLOSE] = transport.close
            await app(scope, receive, send)

        self.app = closable


class _Server(uvicorn.Server):
    """A server that leaves signals to the process, which has several of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(
    cast: Cast,
    listening: Listening = Listening(),  # noqa: B008 - a frozen value
    *,
    announce: Callable[[dict[str, Any]], None] = announced_as_json,
    until_input_ends: bool = True,
) -> None:
    """
    Serve until a signal, or until standard input ends, so that this process goes with the one that started it.

    Args:
        announce: told once where everything is, when it answers.

    Raises:
        SetupError: a port cannot be listened on.
    """
    with listening.sockets(cast.engines) as sockets:
        asyncio.run(_run(cast, listening, sockets, announce, until_input_ends))


async def _run(
    cast: Cast,
    listening: Listening,
    sockets: dict[str, socket.socket],
    announce: Callable[[dict[str, Any]], None],
    until_input_ends: bool,
) -> None:
    addresses = listening.addresses(cast.engines, sockets)
    cast.serve_at(addresses)
    apps = _applications(cast, listening, addresses[CONTROL])
    servers = {name: _Server(_config(app, listening, name)) for name, app in apps.items()}
    stop = _stopper(list(servers.values()))
    if until_input_ends:
        threading.Thread(target=_watch_input, args=(stop,), daemon=True).start()
    # Collections in the middle of a request show as outliers; what is loaded by now stays anyway.
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    serving = [asyncio.create_task(server.serve([sockets[name]])) for name, server in servers.items()]
    while not all(server.started or server.should_exit for server in servers.values()):
        await asyncio.sleep(0.005)
    announce(cast.announcement(addresses, addresses[CONTROL]))
    ticking = asyncio.create_task(_perform_due(cast))
    await asyncio.gather(*serving)
    ticking.cancel()


def _applications(cast: Cast, listening: Listening, control_address: str) -> dict[str, ASGIApp]:
    """One application for each socket."""
    apps: dict[str, ASGIApp] = {
        name: Disturbed(application(engine), engine) for name, engine in cast.engines.items()
    }
    if listening.public is not None:
        shown = {name: app for name, app in apps.items() if listening.is_public(name)}
        apps = {name: app for name, app in apps.items() if name not in shown}
        apps[PUBLIC] = OneAddress(shown, listening.public)
    return {**apps, CONTROL: _control(cast, control_address)}


def _control(cast: Cast, address: str) -> ASGIApp:
    """The control plane of agencies that are served from here, and how they reach others."""
    loop = asyncio.get_running_loop()
    cast.far = in_background(Http(cast.addresses), loop, ThreadPoolExecutor(AT_ONCE, "deliveries"))
    engine = control(cast)
    engine.serve_at(address, "")
    engine.state.is_served = True
    engine.state.move = step_by_step(cast, loop)
    return LoopbackOnly(application(engine, ControlEndpoint(engine)))


def _config(app: ASGIApp, listening: Listening, name: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Closable,
        log_level="critical",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
        **(tls.settings() if (tls := listening.tls_of(name)) else {}),
    )


def _stopper(servers: list[_Server]) -> Callable[[], None]:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)

    def stop_from_anywhere() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(stop)

    return stop_from_anywhere


def _watch_input(stop: Callable[[], None]) -> None:
    # Read from the descriptor: a thread that waits within a buffered reader holds its lock, and the exit fails.
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    stop()
