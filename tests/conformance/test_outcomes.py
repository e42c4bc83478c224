"""Outcomes fold worst first, and the verdict is the first line of the table that is true."""

from __future__ import annotations

import itertools

import pytest

from joinedup.conformance.outcomes import (
    Cause,
    Decision,
    Judged,
    Level,
    Outcome,
    Verdict,
    decide,
    decide_run,
    fold,
)

MUST, SHOULD = Level.MUST, Level.SHOULD
WORST_FIRST = [
    "harness_error",
    "setup_error",
    "fail",
    "blocked",
    "review",
    "warn",
    "pass",
    "not_applicable",
]

# One point of a profile for each thing that can be the matter with it.
HARNESS = Judged(MUST, Outcome.HARNESS_ERROR)
HARNESS_OF_SHOULD = Judged(SHOULD, Outcome.HARNESS_ERROR)
SETUP = Judged(MUST, Outcome.SETUP_ERROR)
SETUP_OF_SHOULD = Judged(SHOULD, Outcome.SETUP_ERROR)
FAILED = Judged(MUST, Outcome.FAIL)
WAIVED_FAIL = Judged(MUST, Outcome.FAIL, waived=True)
BLOCKED_BY_THEM = Judged(MUST, Outcome.BLOCKED, Cause.SYSTEM)
BLOCKED_OUTSIDE = Judged(MUST, Outcome.BLOCKED, Cause.OUTSIDE)
BLOCKED_SHOULD = Judged(SHOULD, Outcome.BLOCKED, Cause.SYSTEM)
WAIVED_BLOCKED = Judged(MUST, Outcome.BLOCKED, Cause.SYSTEM, waived=True)
REVIEW = Judged(MUST, Outcome.REVIEW)
WARNED = Judged(SHOULD, Outcome.WARN)
PASSED = Judged(MUST, Outcome.PASS)
ABSENT = Judged(MUST, Outcome.NOT_APPLICABLE)


def test_there_are_eight_outcomes_and_no_others() -> None:
    """The names of the outcomes, worst first, are those that every report uses."""
    assert [str(outcome) for outcome in Outcome] == WORST_FIRST


@pytest.mark.parametrize(("worse", "better"), list(itertools.pairwise(WORST_FIRST)))
def test_the_worse_of_two_outcomes_stands_for_both(worse: str, better: str) -> None:
    """Neighbours in the order fold to the worse one, in whichever order they come."""
    assert fold([Outcome(worse), Outcome(better)]) == worse
    assert fold([Outcome(better), Outcome(worse)]) == worse


def test_nothing_folds_to_not_applicable() -> None:
    """Where there is no outcome at all, nothing applied."""
    assert fold([]) == "not_applicable"


@pytest.mark.parametrize(("level", "outcome"), [(MUST, "fail"), (SHOULD, "warn")])
def test_the_level_decides_what_a_broken_requirement_is(level: Level, outcome: str) -> None:
    """A broken MUST is a fail and a broken SHOULD a warn."""
    assert level.outcome == outcome


@pytest.mark.parametrize(
    ("points", "verdict", "exit_code"),
    [
        # one point alone: each line of the table
        ([HARNESS], "no_verdict", 4),
        ([HARNESS_OF_SHOULD], "no_verdict", 4),
        ([FAILED], "not_conformant", 1),
        ([BLOCKED_BY_THEM], "not_conformant", 1),
        ([SETUP], "no_verdict", 3),
        ([SETUP_OF_SHOULD], "no_verdict", 3),
        ([BLOCKED_OUTSIDE], "no_verdict", 3),
        ([], "no_verdict", 5),
        ([REVIEW], "no_verdict", 6),
        ([PASSED], "conformant", 0),
        ([WARNED], "conformant", 0),
        ([BLOCKED_SHOULD], "conformant", 0),
        ([ABSENT], "conformant", 0),
        # an accepted exception takes its point out of the verdict, and no other
        ([WAIVED_FAIL], "conformant", 0),
        ([WAIVED_BLOCKED], "conformant", 0),
        ([WAIVED_FAIL, FAILED], "not_conformant", 1),
        ([WAIVED_BLOCKED, BLOCKED_OUTSIDE], "no_verdict", 3),
        ([WAIVED_FAIL, REVIEW], "no_verdict", 6),
        # two lines true at once: the first counts
        ([FAILED, HARNESS], "no_verdict", 4),
        ([SETUP, HARNESS], "no_verdict", 4),
        ([SETUP, FAILED], "not_conformant", 1),
        ([BLOCKED_OUTSIDE, BLOCKED_BY_THEM], "not_conformant", 1),
        ([REVIEW, BLOCKED_OUTSIDE], "no_verdict", 3),
        ([REVIEW, SETUP], "no_verdict", 3),
        ([REVIEW, FAILED], "not_conformant", 1),
        ([PASSED, WARNED, ABSENT], "conformant", 0),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_the_verdict_of_a_system(points: list[Judged], verdict: str, exit_code: int, backwards: bool) -> None:
    """The verdict is the first line that is true, whatever the order of the points."""
    decision = decide(reversed(points) if backwards else points)
    assert (decision.verdict, decision.exit_code) == (verdict, exit_code)


@pytest.mark.parametrize(
    ("points", "complete", "strict", "exit_code"),
    [
        ([PASSED], False, False, 5),
        ([WARNED], False, True, 5),
        ([REVIEW], False, False, 5),
        ([FAILED], False, False, 1),
        ([SETUP], False, False, 3),
        ([HARNESS], False, False, 4),
        ([WARNED], True, True, 1),
        ([BLOCKED_SHOULD], True, True, 0),
        ([PASSED, ABSENT], True, True, 0),
        ([REVIEW, WARNED], True, True, 6),
        ([Judged(SHOULD, Outcome.WARN, waived=True)], True, True, 0),
    ],
)
def test_an_unfinished_record_and_strictness(
    points: list[Judged], complete: bool, strict: bool, exit_code: int
) -> None:
    """A record without its end never gives conformant and hides no failure; --strict makes a warn count, last."""
    assert decide(points, complete=complete, strict=strict).exit_code == exit_code


@pytest.mark.parametrize(
    ("systems", "exit_code"),
    [
        ([[PASSED], [PASSED]], 0),
        ([[PASSED], [FAILED]], 1),
        ([[FAILED], [SETUP]], 1),
        ([[SETUP], [FAILED]], 1),
        ([[FAILED], [HARNESS]], 4),
        ([[PASSED], [SETUP]], 3),
        ([[REVIEW], [BLOCKED_OUTSIDE]], 3),
        ([[REVIEW], []], 5),
        ([[PASSED], [REVIEW]], 6),
        ([[WAIVED_FAIL], [PASSED]], 0),
    ],
)
def test_the_verdict_of_a_run(systems: list[list[Judged]], exit_code: int) -> None:
    """The first line that is true for any system: a set-up fault in one never hides a failure in another."""
    assert decide_run(decide(points) for points in systems).exit_code == exit_code


def test_strictness_of_one_system_is_not_lost_in_a_run() -> None:
    """A system that is not conformant by --strict makes the run so."""
    decisions = [decide([PASSED]), decide([WARNED], strict=True)]
    assert decide_run(decisions).verdict is Verdict.NOT_CONFORMANT


def test_a_run_without_systems_gives_no_verdict() -> None:
    """A run that tested nothing has proved nothing."""
    assert decide_run([]).exit_code == 5


def test_every_decision_says_why_in_one_line() -> None:
    """Each exit code comes with a reason that a log line can hold."""
    every = [[HARNESS], [FAILED], [SETUP], [], [REVIEW], [PASSED]]
    decisions: list[Decision] = [decide(points) for points in every]
    assert len({decision.reason for decision in decisions}) == 6
    assert all(decision.reason and "\n" not in decision.reason for decision in decisions)
