"""
One address for several agencies: each below a path of its own name, as in ``https://mocks.example/police/v1/status``.

Below ``/way-back/`` it answers what only whoever holds its key can, so that a caller from outside sees that it has
come to these agencies and not to somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from joinedup.conformance.way_back import WAY_BACK, proof_of
from joinedup.mocks.app import respond
from joinedup.mocks.listening import Public
from joinedup.mocks.member import NO_ID
from joinedup.mocks.messages import Answer, Refusal, problem

_NONCE = re.compile(r"[0-9a-f]{16,64}")


class OneAddress:
    """The applications of several agencies as one; the contract of each is written for the address that it has here."""

    def __init__(self, apps: Mapping[str, ASGIApp], public: Public) -> None:
        self.apps, self.public = apps, public
        self.base = urlsplit(public.url).path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A proxy in front may or may not have taken off the path that it is reached by.
        name, _, rest = scope["path"].removeprefix(self.base).removeprefix("/").partition("/")
        if name in self.apps:
            inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}
            await self.apps[name](inner, receive, _below(send, f"{self.base}/{name}"))
        elif name == WAY_BACK and _NONCE.fullmatch(rest):
            proof = {"proof": proof_of(self.public.proof, rest)}
            await respond(Answer(200, proof, (("Cache-Control", "no-store"),)), scope["method"], send)
        else:
            refusal = Refusal(404, "There is nothing at this address.")
            answer = problem(refusal, NO_ID).having(("Cache-Control", "no-store"))
            await respond(answer, scope["method"], send)


def _below(send: Send, path: str) -> Send:
    """Sends with every Location that begins with a slash put below a path."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (name, path.encode() + value if name == b"location" and value[:1] == b"/" else value)
                for name, value in message["headers"]
            ]
            message = {**message, "headers": headers}
        await send(message)

    return sending
