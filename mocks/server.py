"""
The process that serves the agencies: each on a free port of the loopback interface, and one port to control them.
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

import msgspec
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from joinedup.mocks.app import application, read_at_most, respond
from joinedup.mocks.cast import Cast
from joinedup.mocks.messages import Answer

LOOPBACK = "127.0.0.1"
LARGEST_HEAD = 256 * 1024


class Control:
    """
    The control plane, for tests: loopback only.

    ``POST /reset`` puts every agency back to its seed, ``POST /clock`` with ``{"advance_s": n}`` moves the clock,
    ``GET /breaches`` gives the answers that broke their contract.
    """

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.operations: dict[tuple[str, str], Callable[[bytes], Answer]] = {
            ("POST", "/reset"): self.reset,
            ("POST", "/clock"): self.move_clock,
            ("GET", "/breaches"): self.breaches,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_at_most(receive, 1024)
        operation = self.operations.get((scope["method"], scope["path"]))
        answer = operation(body) if operation else Answer(404, {"error": "There is no such operation."})
        await respond(answer, scope["method"], send)

    def reset(self, body: bytes) -> Answer:
        self.cast.reset()
        return Answer(204)

    def move_clock(self, body: bytes) -> Answer:
        try:
            seconds = float(msgspec.json.decode(body)["advance_s"])
        except (ValueError, KeyError, TypeError):
            return Answer(400, {"error": 'Send {"advance_s": seconds}.'})
        self.cast.clock.advance(seconds)
        return Answer(200, {"now": self.cast.clock.now().isoformat()})

    def breaches(self, body: bytes) -> Answer:
        return Answer(200, {"breaches": self.cast.breaches()})


class _Server(uvicorn.Server):
    """A server that leaves signals to the process, which has several of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(cast: Cast, *, until_input_ends: bool = True) -> None:
    """
    Serve until a signal, or until standard input ends, so that this process goes with the one that started it.

    One line of JSON on standard output says where everything is, once it answers.
    """
    asyncio.run(_run(cast, until_input_ends))


async def _run(cast: Cast, until_input_ends: bool) -> None:
    sockets = {name: _free_socket() for name in (*cast.engines, "control")}
    addresses = {name: _address(found) for name, found in sockets.items()}
    cast.serve_at(addresses)
    apps: dict[str, ASGIApp] = {name: application(engine) for name, engine in cast.engines.items()}
    apps["control"] = Control(cast)
    servers = {name: _Server(_config(app)) for name, app in apps.items()}
    stop = _stopper(list(servers.values()))
    if until_input_ends:
        threading.Thread(target=_watch_input, args=(stop,), daemon=True).start()
    # Collections in the middle of a request show as outliers; what is loaded by now stays anyway.
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    serving = [asyncio.create_task(server.serve([sockets[name]])) for name, server in servers.items()]
    while not all(server.started for server in servers.values()):
        await asyncio.sleep(0.005)
    print(json.dumps(cast.announcement(addresses, addresses["control"])), flush=True)
    await asyncio.gather(*serving)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        lifespan="off",
        server_header=False,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
    )


def _free_socket() -> socket.socket:
    # Named as TCP, because asyncio switches off the waiting for more (Nagle) only where the protocol says so.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((LOOPBACK, 0))
    return found


def _address(found: socket.socket) -> str:
    return f"http://{LOOPBACK}:{found.getsockname()[1]}"


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
