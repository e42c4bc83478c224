"""The six good-practice questions that a council asks, and how a run answers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from joinedup.conformance.catalogue import QUESTIONS
from joinedup.conformance.outcomes import Outcome
from joinedup.reports.account import Point
from joinedup.reports.attestations import Attestation

# Whether a system links with others shows only when it does: points on one system alone answer these in part.
NEED_JOURNEYS = frozenset({"GP1", "GP4"})
TESTED = frozenset({Outcome.PASS, Outcome.FAIL, Outcome.WARN})


class Judged(Protocol):
    """What an answer needs to know of a requirement."""

    @property
    def point(self) -> Point: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def checks(self) -> tuple[str, ...]: ...
    @property
    def attested(self) -> Attestation | None: ...


def answer(
    judgements: Sequence[Judged],
    complete: bool,
    *,
    journeys: bool = False,
    played: Sequence[Outcome] = (),
) -> list[dict[str, object]]:
    """
    Each question with its status, how that is known, and how many points stand behind it.

    A status is ``yes``, ``mostly`` (a recommended point is not met), ``in_part`` (something could not be judged),
    ``no`` (a required point is not met) or ``not_tested``. What a run left open is never a ``yes``, and without a journey
    between agencies no run answers whether the system links with others; what each journey came to (``played``) counts
    for those questions beside the points.
    """
    return [
        _answer(
            id_,
            [j for j in judgements if j.point.question == id_],
            complete,
            journeys,
            [outcome for outcome in played if outcome in TESTED and id_ in NEED_JOURNEYS],
        )
        for id_ in QUESTIONS
    ]


def _answer(
    question: str, asked: Sequence[Judged], complete: bool, journeys: bool, played: Sequence[Outcome]
) -> dict[str, object]:
    relevant = [j for j in asked if j.outcome is not Outcome.NOT_APPLICABLE or _is_untested(j)]
    tested = [j for j in relevant if j.outcome in TESTED and not j.attested]
    attested = [j for j in relevant if j.attested]
    return {
        "id": question,
        "text": QUESTIONS[question],
        "status": _status(
            relevant, [*tested, *attested], complete and (journeys or question not in NEED_JOURNEYS), played
        ),
        "basis": "tested" if tested or played else "attested" if attested else "not tested",
        "journeys": len(played),
        "journeys_met": played.count(Outcome.PASS),
        "needs_journeys": question in NEED_JOURNEYS and not journeys,
        "points": len(relevant),
        "tested": len(tested),
        "attested": len(attested),
        "met": sum(j.outcome is Outcome.PASS for j in tested),
    }


def _is_untested(judgement: Judged) -> bool:
    """Whether a point stands in the catalogue as one that no check can prove."""
    return judgement.point.excluded is not None and not judgement.checks


def _status(
    relevant: Sequence[Judged], known: Sequence[Judged], complete: bool, played: Sequence[Outcome]
) -> str:
    outcomes = {judgement.outcome for judgement in known} | set(played)
    lines = (
        (not outcomes, "not_tested"),
        (Outcome.FAIL in outcomes, "no"),
        (len(known) < len(relevant) or not complete, "in_part"),
        (Outcome.WARN in outcomes, "mostly"),
    )
    return next((status for true, status in lines if true), "yes")
