"""
The generic faults on the way of an answer: late, refused for a while, never sent, or cut off.

Around an agency's application, so that its records, its journal and its contract know nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from joinedup.mocks.messages import Answer, Incoming, Refusal, Spoilt, problem

ON_THE_WAY = frozenset({LATENCY, UNAVAILABLE, DROPPED, TRUNCATED})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Disturbed:
    """An agency's application with the generic faults that its engine has at the moment."""

    def __init__(self, app: Callable[[Incoming], Answer], engine: Engine[Any]) -> None:
        self.app, self.engine = app, engine

    def __call__(self, incoming: Incoming) -> Answer | Spoilt:
        faults = self.engine.faults
        if not faults or faults.isdisjoint(ON_THE_WAY):
            return self.app(incoming)
        if UNAVAILABLE in faults and self._is_turn(UNAVAILABLE):
            return _busy()
        return self._disturbed(faults, incoming)

    def _disturbed(self, faults: frozenset[str], incoming: Incoming) -> Spoilt:
        answer, share = self.app(incoming), 1.0
        if DROPPED in faults and incoming.method not in SAFE and self._is_turn(DROPPED):
            share = 0.0
        elif TRUNCATED in faults and _has_body(answer, incoming) and self._is_turn(TRUNCATED):
            share = 0.5
        return Spoilt(answer, LATENCY_S if LATENCY in faults else 0.0, share)

    def _is_turn(self, fault: str) -> bool:
        """Whether it is the turn of this one: each third, counted from the last reset."""
        self.engine.disturbed[fault] += 1
        return self.engine.disturbed[fault] % EVERY == 0


def _has_body(answer: Answer, incoming: Incoming) -> bool:
    return answer.body is not None and incoming.method != "HEAD"


def _busy() -> Answer:
    headers = (("Retry-After", str(RETRY_AFTER_S)), ("Cache-Control", "no-store"))
    return problem(Refusal(503, "The service is busy; try again later.", headers=headers), NO_ID)
