"""
An agency as an ASGI application.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from joinedup.mocks.engine import Engine
from joinedup.mocks.messages import Answer, Incoming
from joinedup.mocks.reading import MAX_BODY


class Endpoint:
    """Turns ASGI messages into what the engine reads, and its answers into ASGI messages."""

    def __init__(self, engine: Engine[Any]) -> None:
        self.engine = engine
        self.under_way: set[tuple[str, ...]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = joined(scope["headers"])
        incoming = Incoming(scope["method"], scope["path"], scope["query_string"], headers)
        with self._marked(incoming) as repeated:
            body = await read_at_most(receive, MAX_BODY + 1)
            answer = await self.answer(replace(incoming, body=body, repeated=repeated))
        await respond(answer, incoming.method, send)

    async def answer(self, incoming: Incoming) -> Answer:
        """The engine's answer."""
        return self.engine.answer(incoming)

    @contextlib.contextmanager
    def _marked(self, incoming: Incoming) -> Iterator[bool]:
        """Whether the same caller has a request with this X-Request-ID under way; from now on it has."""
        names = ("authorization", "x-request-id")
        key = (incoming.method, incoming.path, *(incoming.headers.get(name, "") for name in names))
        repeated = "x-request-id" in incoming.headers and key in self.under_way
        self.under_way.add(key)
        try:
            yield repeated
        finally:
            if not repeated:
                self.under_way.discard(key)


class ContractPage:
    """The contract as it is served, with the addresses of this process in it; nobody needs a token to read it."""

    def __init__(self, engine: Engine[Any]) -> None:
        self.engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = Answer(200, self.engine.contract)
        if scope["method"] not in ("GET", "HEAD"):
            answer = Answer(405, None, (("Allow", "GET, HEAD"),))
        await respond(answer, scope["method"], send)


async def read_at_most(receive: Receive, most: int) -> bytes:
    """The body, of which no more than ``most`` bytes are kept."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        if size < most:
            parts.append(part[: most - size])
            size += len(parts[-1])
        if not message.get("more_body") or message["type"] == "http.disconnect":
            return b"".join(parts)


def joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name, those of one name joined by a comma (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


async def respond(answer: Answer, method: str, send: Send) -> None:
    """Send an answer; of one to HEAD only the headers."""
    body = b"" if answer.body is None else msgspec.json.encode(answer.body)
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
    if answer.body is not None:
        headers.append((b"content-type", answer.media_type.encode()))
    if answer.status != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def application(engine: Engine[Any], endpoint: Endpoint | None = None) -> ASGIApp:
    """The agency's application: its contract at ``/openapi.json``, everything else by the engine."""
    app = Starlette(routes=[Route("/openapi.json", ContractPage(engine))])
    app.router.redirect_slashes = False
    # Not a route of its own: a pattern for every path would leave out those that hold a line break.
    app.router.default = endpoint or Endpoint(engine)
    return app
