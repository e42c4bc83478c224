"""
Patterns that take for ever on a text that nearly matches, told by how the time grows and not by one slow answer.

Only places whose declared pattern can hang, or whose format such patterns are often written for, are tried; the texts grow
by two letters at a time and stop as soon as an answer takes a second.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.patterns import can_hang
from joinedup.conformance.places import Base, Place, places_of
from joinedup.conformance.samples import type_of
from joinedup.conformance.schemas import UNSAFE_PATTERN

FEW = 2
"""So many letters take no time even where two more double it, also on a slow machine."""
SHORTEST, LONGEST, STEP = 16, 40, 2
STOP_S = 1.0
LEAST_S = 0.5
RATIO, OVER_SHORT = 2.5, 20
"""A polynomial in 20 letters grows by a tenth to a fifth with each step; an exponential one more than doubles."""
LETTERS = ("a", "1", " ")
_OFTEN_SLOW = frozenset({"email", "idn-email", "hostname"})


def slow_places(base: Base) -> Iterator[Place]:
    """The places of an operation whose pattern may hang."""
    for place in places_of(base.target.contract, base.operation, base.step.media_type):
        if place.location not in ("body", "query") or type_of(place.schema) != "string":
            continue
        pattern = str(place.schema.get(UNSAFE_PATTERN) or place.schema.get("pattern") or "")
        if place.schema.get("format") in _OFTEN_SLOW or (pattern and can_hang(pattern)):
            yield place


def grows(times: Callable[[int], float]) -> bool:
    """
    Whether the time of an answer, in seconds by the number of letters, more than doubles with two letters more.

    A time that looks so is taken once more, and the shorter one counts, for a busy machine may be slow once.
    """
    short, before = times(FEW), times(SHORTEST)
    for length in range(SHORTEST + STEP, LONGEST + 1, STEP):
        now = times(length)
        if _explodes(now, before, short):
            now = min(now, times(length))
            if _explodes(now, before, short):
                return True
        if now > STOP_S:
            return False
        before = now
    return False


def _explodes(now: float, before: float, short: float) -> bool:
    return now > LEAST_S and now > RATIO * before and now > OVER_SHORT * short


def judge(base: Base, place: Place) -> Suspicion | None:
    """A place where an answer takes more than twice as long with each two letters more."""
    for letter in LETTERS:
        last: list[Exchange] = []

        def times(length: int, letter: str = letter, last: list[Exchange] = last) -> float:
            exchange = base.send(place, letter * length + "!")
            if exchange is None:
                return 0
            last[:] = [exchange]
            limit = base.target.configuration.limits.timeout_s
            return exchange.response.seconds if exchange.response is not None else limit

        if grows(times):
            return _suspicion(base, place, last[0], functools.partial(grows, times))
    return None


def _suspicion(base: Base, place: Place, exchange: Exchange, again: Callable[[], bool]) -> Suspicion:
    return Suspicion(
        rule="slow-pattern",
        requirements=("CON-API-12",),
        title="The time of an answer explodes with the length of a text",
        expected=f"About the same time for a few letters more in {place.label}.",
        actual="More than twice the time for two letters more, and more than twenty times that of a short text.",
        exchanges=(*base.lead, exchange),
        expectation=Expectation(answered=True),
        where=f"{base.operation.label}, {place.label}",
        cause=f"slow {place.name}",
        advice="Rewrite the pattern so that no repeat holds a repeat, or use an engine without backtracking.",
        again=again,
    )
