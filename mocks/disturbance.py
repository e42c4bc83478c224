"""
The generic faults on the way of an answer: late, refused for a while, never sent, or cut off.

Around an agency's application, so that its records, its journal and its contract know nothing of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from joinedup.mocks.app import respond
from joinedup.mocks.engine import Engine
from joinedup.mocks.faults_generic import (
    DROPPED,
    EVERY,
    LATENCY,
    LATENCY_S,
    RETRY_AFTER_S,
    TRUNCATED,
    UNAVAILABLE,
)
from joinedup.mocks.member import NO_ID
from joinedup.mocks.messages import Refusal, problem

ON_THE_WAY = frozenset({LATENCY, UNAVAILABLE, DROPPED, TRUNCATED})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# The extension of a request's scope by which a server lets its connection be ended: a function without arguments.
CLOSE = "joinedup.close"

Sleep = Callable[[float], Awaitable[Any]]


class Disturbed:
    """
    An agency's application with the generic faults that its engine has at the moment.

    Args:
        sleep: how an answer is made late.
    """

    def __init__(self, app: ASGIApp, engine: Engine[Any], sleep: Sleep = asyncio.sleep) -> None:
        self.app, self.engine, self.sleep = app, engine, sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        faults = self.engine.faults & ON_THE_WAY
        if not faults:
            await self.app(scope, receive, send)
        elif UNAVAILABLE in faults and self._is_turn(UNAVAILABLE):
            await _refuse(scope, receive, send)
        else:
            await self._disturb(faults, scope, receive, send)

    async def _disturb(self, faults: frozenset[str], scope: Scope, receive: Receive, send: Send) -> None:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, keep)
        if LATENCY in faults:
            await self.sleep(LATENCY_S)
        if DROPPED in faults and scope["method"] not in SAFE and self._is_turn(DROPPED):
            messages.clear()
            scope["extensions"][CLOSE]()
        elif TRUNCATED in faults and messages[-1]["body"] and self._is_turn(TRUNCATED):
            body = messages[-1]["body"]
            messages[-1] = {**messages[-1], "body": body[: len(body) // 2], "more_body": True}
        for message in messages:
            await send(message)
        if messages and messages[-1].get("more_body"):
            scope["extensions"][CLOSE]()

    def _is_turn(self, fault: str) -> bool:
        """Whether it is the turn of this one: each third, counted from the last reset."""
        self.engine.disturbed[fault] += 1
        return self.engine.disturbed[fault] % EVERY == 0


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    headers = (("Retry-After", str(RETRY_AFTER_S)), ("Cache-Control", "no-store"))
    refusal = Refusal(503, "The service is busy; try again later.", headers=headers)
    while (await receive()).get("more_body"):
        pass  # what is left unread would be taken for the next request
    await respond(problem(refusal, NO_ID), scope["method"], send)
