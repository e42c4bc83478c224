"""
The service on a free port of the loopback interface, for as long as a test needs it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn

from service.app import TOKEN_PATH, Service, create_app
from service.tokens import CLIENTS, Client

START_S = 10.0


@dataclass(frozen=True)
class Identity:
    """One caller: what a configuration needs to get a token for it."""

    organisation: str
    token_url: str
    client_id: str
    client_secret: str
    scope: str


@dataclass(frozen=True)
class Identities:
    """
    Who may call.

    Args:
        own: the default caller, with every scope.
        other: a second organisation, without ``referrals.manage``.
        reader: the first organisation with ``referrals.read`` only.
    """

    own: Identity
    other: Identity
    reader: Identity


@dataclass(frozen=True)
class Serving:
    """
    A service that is running.

    Args:
        base_url: without a trailing slash; the contract's paths follow it.
        contract_url: where its OpenAPI document is read.
        identities: who may call it.
        reset: makes it forget everything but the tokens.
        service: the service itself, to make tokens with one thing wrong: ``serving.service.token(exp=0)``.
    """

    base_url: str
    contract_url: str
    identities: Identities
    reset: Callable[[], None]
    service: Service


@contextlib.contextmanager
def serving(
    style: str = "cursor", defects: frozenset[str] = frozenset(), *, quota: int = 0
) -> Iterator[Serving]:
    """Run the service in a thread and stop it at the end; takes what ``create_app`` takes."""
    app = create_app(style, defects, quota=quota)
    service: Service = app.state.service
    with hosted(app) as base_url:
        yield Serving(base_url, f"{base_url}/openapi.json", _identities(base_url), service.reset, service)


@contextlib.contextmanager
def hosted(app: object) -> Iterator[str]:
    """An application on a free port of the loopback interface, in a thread; gives its address."""
    # Named as TCP: asyncio switches Nagle's delay off only then, and it costs 40 ms an answer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        with _running(app, listener):
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def _running(app: object, listener: socket.socket) -> Iterator[None]:
    """An application served on a bound socket by a thread, from its first readiness to its end."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # the framework's own application type is wider than uvicorn's
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        http="h11",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        _wait(server, thread)
        yield
    finally:
        server.should_exit = True
        thread.join()


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    """Wait until the server listens; raises RuntimeError where it ends or takes too long."""
    until = time.monotonic() + START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("the test service did not start")
        time.sleep(0.005)


def _identities(base_url: str) -> Identities:
    return Identities(*(_identity(client, base_url) for client in CLIENTS))


def _identity(client: Client, base_url: str) -> Identity:
    return Identity(
        client.organisation, base_url + TOKEN_PATH, client.client_id, client.secret, " ".join(client.scopes)
    )
