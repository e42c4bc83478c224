"""What a run does not know: points and operations that were not tested, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from joinedup.conformance.outcomes import Outcome
from joinedup.reports.account import FAULTS, Account, Exercised, Point, System
from joinedup.reports.judgement import Judgement

EXCLUSIONS = {
    "not_observable": "cannot be seen from outside",
    "unsafe": "cannot be tested without harm",
    "attested": "a named person has to attest it",
    "planned": "no check exists yet",
    "journeys": "no journey that was played spoke of this system",
}


def exclusion(point: Point) -> str:
    """Why a requirement is not tested, as one phrase."""
    if not point.excluded:
        return ""
    reason = EXCLUSIONS.get(point.excluded.reason, point.excluded.reason)
    return f"{reason}: {point.excluded.note}" if point.excluded.note else reason


def not_tested(account: Account, judgements: Mapping[str, Sequence[Judgement]]) -> list[dict[str, object]]:
    """What this run does not know, each with the reason, by system."""
    gaps: list[dict[str, object]] = []
    for name, points in judgements.items():
        for judgement in points:
            gaps += _gaps(name, judgement)
        gaps += _operations_not_tested(account, account.systems[name])
    return gaps


def _gaps(system: str, judgement: Judgement) -> list[dict[str, object]]:
    what = judgement.point.plain or judgement.point.text
    gap = {"system": system, "requirement": judgement.point.id, "operation": None, "what": what}
    if judgement.attested:
        until = f"attested by {judgement.attested.person}, until {judgement.attested.expires}; not tested"
        return [{**gap, "reason": until}]
    if judgement.outcome in (*FAULTS, Outcome.BLOCKED, Outcome.REVIEW):
        return [{**gap, "reason": judgement.reason}]
    if not judgement.checks:
        return [{**gap, "reason": part} for part in judgement.not_tested]
    return [
        {**gap, "what": part, "reason": "could not be produced from outside"} for part in judgement.not_tested
    ]


def _operations_not_tested(account: Account, system: System) -> list[dict[str, object]]:
    gap: dict[str, object] = {"system": system.system, "requirement": None}
    left_out: list[dict[str, object]] = [
        {**gap, "operation": operation, "what": operation, "reason": _left_out(reason)}
        for operation, reason in sorted(system.left_out.items())
    ]
    failed = [
        e
        for e in account.exercised.values()
        if e.system == system.system and not e.succeeded and e.operation not in system.left_out
    ]
    return left_out + [
        {**gap, "operation": e.operation, "what": e.operation, "reason": _never_succeeded(e)}
        for e in sorted(failed, key=lambda exercised: exercised.operation)
    ]


def _left_out(reason: str) -> str:
    return reason if reason.startswith("left out") else f"left out: {reason}"


def _never_succeeded(exercised: Exercised) -> str:
    answers = ", ".join(str(status) for status in exercised.last_statuses)
    return f"no call of it ever succeeded; last answers: {answers}" if answers else "it was never called"
