"""What the six questions are answered with."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from joinedup.conformance.outcomes import Level, Outcome
from joinedup.reports.account import Point
from joinedup.reports.questions import answer


@dataclass(frozen=True)
class Judged:
    """A requirement as the questions see it."""

    point: Point
    outcome: Outcome
    attested: None = None
    checks: tuple[str, ...] = ("a check",)


def met(question: str) -> Judged:
    """A point of a question that was tested and is met."""
    return Judged(Point("X-01", Level.MUST, question=question), Outcome.PASS)


@pytest.mark.parametrize(
    ("question", "journeys", "status"),
    [("GP1", False, "in_part"), ("GP1", True, "yes"), ("GP4", False, "in_part"), ("GP3", False, "yes")],
)
def test_links_with_others_are_only_known_from_journeys(question: str, journeys: bool, status: str) -> None:
    """One system alone never answers whether it links with others."""
    answers = {a["id"]: a for a in answer([met(question)], complete=True, journeys=journeys)}
    assert (answers[question]["status"], answers[question]["needs_journeys"]) == (status, status == "in_part")


@pytest.mark.parametrize(("outcome", "status"), [(Outcome.PASS, "yes"), (Outcome.FAIL, "no")])
def test_journeys_alone_answer_whether_systems_link(outcome: Outcome, status: str) -> None:
    """What a journey between agencies came to is a test of its own."""
    answers = {a["id"]: a for a in answer([], complete=True, journeys=True, played=[outcome])}
    assert [(answers[id_]["status"], answers[id_]["basis"]) for id_ in ("GP1", "GP4")] == [
        (status, "tested")
    ] * 2
    assert answers["GP2"]["status"] == "not_tested"


def test_journeys_are_counted() -> None:
    """A “no” that comes from journeys alone says how many there were, and how many went as they should."""
    played = [Outcome.PASS, Outcome.FAIL, Outcome.BLOCKED]
    answers = {a["id"]: a for a in answer([met("GP4")], complete=True, journeys=True, played=played)}
    assert {key: answers["GP4"][key] for key in ("status", "met", "journeys", "journeys_met")} == {
        "status": "no",
        "met": 1,
        "journeys": 2,
        "journeys_met": 1,
    }
    assert answers["GP3"]["journeys"] == 0
