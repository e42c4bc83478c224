"""
An agency as an application: whoever serves it gives it requests and sends what it replies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from joinedup.mocks.engine import Engine
from joinedup.mocks.messages import Answer, Headers, Incoming, Spoilt

CONTRACT = "/openapi.json"

Reply = Answer | Spoilt | Awaitable[Answer]
Application = Callable[[Incoming], Reply]


def application(engine: Engine[Any]) -> Callable[[Incoming], Answer]:
    """The agency's application: its contract at ``/openapi.json``, everything else by the engine."""

    def answer(incoming: Incoming) -> Answer:
        if incoming.path == CONTRACT:
            return _contract_page(engine, incoming)
        return engine.answer(incoming)

    return answer


def _contract_page(engine: Engine[Any], incoming: Incoming) -> Answer:
    """The contract with the addresses of this process in it; nobody needs a token to read it."""
    if incoming.method not in ("GET", "HEAD"):
        return Answer(405, None, (("Allow", "GET, HEAD"),))
    return Answer(200, engine.contract)


def head_of(answer: Answer, length: int) -> Headers:
    """The headers, with what they say of a body of that length."""
    if answer.body is not None:
        return (*answer.headers, ("content-type", answer.media_type), ("content-length", str(length)))
    return answer.headers if answer.status == 204 else (*answer.headers, ("content-length", "0"))
