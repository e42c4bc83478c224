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
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from joinedup.mocks.app import Application, Reply, application
from joinedup.mocks.cast import Cast
from joinedup.mocks.clock import Work
from joinedup.mocks.control import WAITING, control
from joinedup.mocks.disturbance import Disturbed
from joinedup.mocks.listening import CONTROL, LOOPBACKS, PUBLIC, Listening
from joinedup.mocks.member import NO_ID
from joinedup.mocks.messages import Incoming, Refusal, problem
from joinedup.mocks.public import OneAddress
from joinedup.mocks.transports import Http, in_background
from joinedup.mocks.wire import Server

uvloop: ModuleType | None
try:
    import uvloop
except ImportError:
    uvloop = None

# How late what falls due by real time may be noticed.
TICK_S = 0.05
# Looking through the objects made since the last time takes half a microsecond each, and requests wait for it: that is
# done while there are none, and under load seldom.
MANY_YOUNG, MOST_YOUNG = 10_000, 200_000
AT_ONCE = 8


class LoopbackOnly:
    """
    Lets in who calls from this machine and names it as this machine.

    A page in a browser that is lured here names another host or origin (DNS rebinding, cross-site requests); a proxy
    on this machine says whom it calls for.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    def __call__(self, incoming: Incoming) -> Reply:
        headers = incoming.headers
        named = [headers.get("host", ""), *([headers["origin"]] if "origin" in headers else [])]
        callers = [incoming.peer, *headers.get("x-forwarded-for", incoming.peer).split(",")]
        is_from_here = LOOPBACKS.issuperset(caller.strip() for caller in callers)
        if is_from_here and all(_host(name) in LOOPBACKS for name in named):
            return self.app(incoming)
        refusal = Refusal(403, "The control plane is for callers on this machine alone.")
        return problem(refusal, NO_ID).having(("Cache-Control", "no-store"))


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


async def _tick(cast: Cast, servers: list[Server]) -> None:
    """Do what falls due while real time goes by, and look for garbage while nobody waits."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(TICK_S)
        cast.clock.perform_due()
        quiet_since = max(server.heard_at for server in servers)
        if loop.time() - quiet_since > TICK_S and gc.get_count()[0] > MANY_YOUNG:
            gc.collect(1)


def announced_as_json(announcement: dict[str, Any]) -> None:
    """One line of JSON on standard output."""
    print(json.dumps(announcement), flush=True)


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
        _run_on_loop(_run(cast, listening, sockets, announce, until_input_ends))


def _run_on_loop(serving: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop, which is twice as fast, where there is one: everywhere but on Windows."""
    if uvloop is None:
        asyncio.run(serving)
    else:
        uvloop.run(serving)


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
    servers = [Server(app, sockets[name], listening.context_of(name)) for name, app in apps.items()]
    stopped = _stopping()
    if until_input_ends:
        threading.Thread(target=_watch_input, args=(stopped, asyncio.get_running_loop()), daemon=True).start()
    # What is loaded by now stays anyway.
    gc.freeze()
    gc.set_threshold(MOST_YOUNG, 50, 50)
    for server in servers:
        await server.start()
    announce(cast.announcement(addresses, addresses[CONTROL]))
    ticking = asyncio.create_task(_tick(cast, servers))
    await stopped.wait()
    ticking.cancel()
    await asyncio.gather(*(server.stop() for server in servers))


def _applications(cast: Cast, listening: Listening, control_address: str) -> dict[str, Application]:
    """One application for each socket."""
    agencies = {name: Disturbed(application(engine), engine) for name, engine in cast.engines.items()}
    apps: dict[str, Application] = {n: app for n, app in agencies.items() if not listening.is_public(n)}
    if listening.public is not None:
        shown = {name: app for name, app in agencies.items() if listening.is_public(name)}
        apps[PUBLIC] = OneAddress(shown, listening.public)
    return {**apps, CONTROL: _control(cast, control_address)}


def _control(cast: Cast, address: str) -> Application:
    """The control plane of agencies that are served from here, and how they reach others."""
    loop = asyncio.get_running_loop()
    cast.far = in_background(Http(cast.addresses), loop, ThreadPoolExecutor(AT_ONCE, "deliveries"))
    engine = control(cast)
    engine.serve_at(address, "")
    engine.state.is_served = True
    engine.state.move = step_by_step(cast, loop)
    answer = application(engine)

    def reply(incoming: Incoming) -> Reply:
        # An operation that waits for others leaves the loop to them.
        if incoming.path in WAITING and incoming.method != "GET":
            return asyncio.to_thread(answer, incoming)
        return answer(incoming)

    return LoopbackOnly(reply)


def _stopping() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


def _watch_input(stopped: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    # Read from the descriptor: a thread that waits within a buffered reader holds its lock, and the exit fails.
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(stopped.set)
