"""
Sequences of requests that are judged together, and shown twice before they are reported.

An attempt does a whole sequence on objects of its own and gives what looked wrong. Done anew, it must look wrong in the
same way, or it is no finding that anybody should act on.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from joinedup.conformance.check import Check, Ended, blocked
from joinedup.conformance.evidence import Suspicion, confirm
from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.findings import Finding
from joinedup.conformance.target import Target

PAUSE_S = 0.2
PAUSES = 2

Attempt = Callable[["Tried"], Iterable[Suspicion]]


@dataclass
class Tried:
    """
    What a sequence put to the test.

    Args:
        proved: how often a promise was really tested.
        why_not: why a part of it could not be, in the order in which that was found.
    """

    proved: int = 0
    why_not: list[str] = field(default_factory=list)

    def lacks(self, reason: str) -> None:
        """Note why something was not tested."""
        if reason not in self.why_not:
            self.why_not.append(reason)


def run(target: Target, attempt: Attempt, tried: Tried) -> list[Finding]:
    """Do a sequence, and where something looked wrong, do it anew before it is said."""
    suspicions = list(attempt(tried))

    @functools.cache
    def second() -> frozenset[tuple[str, str]]:
        return frozenset((found.rule, found.cause) for found in attempt(Tried()))

    def again(found: Suspicion) -> Callable[[], bool]:
        return lambda: (found.rule, found.cause) in second()

    return [confirm(target, replace(found, again=again(found))) for found in suspicions]


def conclude(check: Check, tried: Tried, otherwise: Ended, *requirements: str) -> None:
    """Give the check what was proved; where nothing was, the reasons, or ``otherwise`` where there are none."""
    asked = requirements or check.requirements
    broken = {id for finding in check.findings for id in finding.requirements}
    silent = [id for id in asked if id not in broken]
    if tried.proved:
        check.proves(*asked, times=tried.proved)
    elif silent and tried.why_not and not broken:
        check.ends(blocked("not exercised, because " + "; ".join(tried.why_not[:3])), *silent)
    elif silent:
        check.ends(otherwise, *silent)


def settled(target: Target, step: Step, is_good: Callable[[Exchange], bool]) -> Exchange:
    """The answer to a step as soon as it is good, else the last: a change may take a moment to be seen everywhere."""
    exchange = target.client.send(step)
    for _ in range(PAUSES):
        if is_good(exchange):
            break
        time.sleep(PAUSE_S)
        exchange = target.client.send(step)
    return exchange
