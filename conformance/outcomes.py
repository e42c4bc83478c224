"""
What a check can find, how outcomes fold, and the verdict that follows.

There are eight outcomes and no others. A fault of the harness or of the set-up is never charged to the
system under test, and never hides a failure that is known.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Outcome(enum.StrEnum):
    """The outcome of one check for one requirement, worst first."""

    HARNESS_ERROR = "harness_error"
    SETUP_ERROR = "setup_error"
    FAIL = "fail"
    BLOCKED = "blocked"
    REVIEW = "review"
    WARN = "warn"
    PASS = "pass"  # noqa: S105 - an outcome, not a password
    NOT_APPLICABLE = "not_applicable"


class Level(enum.StrEnum):
    """How binding a requirement is; MUST gives ``fail`` and SHOULD gives ``warn``."""

    MUST = "MUST"
    SHOULD = "SHOULD"

    @property
    def outcome(self) -> Outcome:
        """The outcome of a requirement of this level that is not met."""
        return Outcome.FAIL if self is Level.MUST else Outcome.WARN


class Cause(enum.StrEnum):
    """Where the reason for a ``blocked`` outcome lies."""

    SYSTEM = "system"
    OUTSIDE = "outside"


_SEVERITY = {outcome: rank for rank, outcome in enumerate(Outcome)}


def fold(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of several outcomes; ``not_applicable`` where there are none."""
    return min(outcomes, key=_SEVERITY.__getitem__, default=Outcome.NOT_APPLICABLE)


@dataclass(frozen=True)
class Judged:
    """One requirement of one system as the verdict sees it."""

    level: Level
    outcome: Outcome
    cause: Cause = Cause.OUTSIDE
    waived: bool = False


class Verdict(enum.StrEnum):
    """What a run says of a system, or of all that were under test."""

    CONFORMANT = "conformant"
    NOT_CONFORMANT = "not_conformant"
    NO_VERDICT = "no_verdict"


@dataclass(frozen=True)
class Decision:
    """A verdict, the exit code that carries it, and the reason in one line."""

    verdict: Verdict
    exit_code: int
    reason: str


HARNESS_FAULT = Decision(Verdict.NO_VERDICT, 4, "the harness itself failed; please report it")
NOT_MET = Decision(Verdict.NOT_CONFORMANT, 1, "a required point is not met")
SETUP_FAULT = Decision(Verdict.NO_VERDICT, 3, "configuration, network or environment stood in the way")
INCOMPLETE = Decision(Verdict.NO_VERDICT, 5, "the run did not finish, or no check ran")
REVIEW_OPEN = Decision(Verdict.NO_VERDICT, 6, "a named person has yet to review a point")
STRICT = Decision(Verdict.NOT_CONFORMANT, 1, "a recommended point is not met, and --strict was given")
EXCEPTED = Decision(
    Verdict.CONFORMANT, 0, "every required point that applies is met or has an agreed exception"
)
MET = Decision(Verdict.CONFORMANT, 0, "every required point that applies is met")

DECISIONS_WORST_FIRST = (HARNESS_FAULT, NOT_MET, SETUP_FAULT, INCOMPLETE, REVIEW_OPEN, STRICT, EXCEPTED, MET)


def decide(judged: Iterable[Judged], *, complete: bool = True, strict: bool = False) -> Decision:
    """
    The verdict of one system: the first line of the table that is true.

    Args:
        judged: every requirement of the system's profile.
        complete: whether the record has its last event.
        strict: whether a ``warn`` is held against the system.
    """
    points = list(judged)
    seen = {point.outcome for point in points if not point.waived}
    blocked_must = [
        p for p in points if p.outcome is Outcome.BLOCKED and p.level is Level.MUST and not p.waived
    ]
    must_fail = any(p.outcome is Outcome.FAIL and p.level is Level.MUST and not p.waived for p in points)
    lines = (
        (Outcome.HARNESS_ERROR in seen, HARNESS_FAULT),
        (must_fail or any(p.cause is Cause.SYSTEM for p in blocked_must), NOT_MET),
        (Outcome.SETUP_ERROR in seen or bool(blocked_must), SETUP_FAULT),
        (not complete or not points, INCOMPLETE),
        (Outcome.REVIEW in seen, REVIEW_OPEN),
        (strict and Outcome.WARN in seen, STRICT),
        (any(point.waived for point in points), EXCEPTED),
    )
    return next((decision for true, decision in lines if true), MET)


def decide_run(systems: Iterable[Decision]) -> Decision:
    """The verdict of a run: the worst line that is true for any system under test."""
    decisions = list(systems)
    if not decisions:
        return INCOMPLETE
    return min(decisions, key=DECISIONS_WORST_FIRST.index)
