"""
Findings: one thing that is wrong, with its evidence; and the results that checks hand over.

A finding is ``(rule, system, operation)``. Its title names the rule and holds no value, count or identifier, so
that it means the same in every run. Expected and actual are sentences already masked (see ``redaction``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from joinedup.conformance.outcomes import Cause, Outcome


@dataclass(frozen=True)
class Finding:
    """
    One thing that is wrong with one system.

    Args:
        rule: stable kebab-case name of the rule that was broken, e.g. ``undeclared-status``.
        requirements: ids of the requirements that it breaks, most specific first.
        title: the rule in plain words, free of values.
        expected: one sentence.
        actual: one sentence, masked.
        where: method and path template, or a JSON pointer into the contract (``#/paths/...``).
        operations: labels of the operations that show it (``GET /v1/children/{childId}``), sorted.
        cause: what findings with one cause share; empty means rule, requirement and where.
        family: what findings share that a server shows in many places for one reason; empty for those that stand alone.
        count: how many exchanges showed it.
        confirmed: whether a replay showed it again. What is read from the contract alone needs no replay.
        steps: requests that show it again, the last one judged, as ``exchanges.Step.as_record`` writes them.
        advice: what to do about it, where more can be said than the expectation says.
        evidence: (heading, text) pairs, masked: request, response, the part of the contract.
    """

    rule: str
    requirements: tuple[str, ...]
    title: str
    expected: str
    actual: str
    where: str
    operations: tuple[str, ...] = ()
    cause: str = ""
    count: int = 1
    confirmed: bool = True
    steps: tuple[dict[str, object], ...] = ()
    advice: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    family: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Findings with the same key are one finding."""
        return (self.rule, *self.requirements, self.cause or self.where)


@dataclass(frozen=True)
class Result:
    """
    What one check found for one requirement.

    Args:
        requirement: the requirement's id.
        outcome: one of the eight.
        reason: one sentence, for every outcome but ``pass``.
        cause: where the reason of a ``blocked`` lies.
        blocked_by: name of the rule whose finding in the same system stood in the way; empty where none did.
        not_tested: parts that could not be produced from outside, each a short phrase.
    """

    requirement: str
    outcome: Outcome
    reason: str = ""
    cause: Cause = Cause.OUTSIDE
    not_tested: tuple[str, ...] = field(default=())
    blocked_by: str = ""
