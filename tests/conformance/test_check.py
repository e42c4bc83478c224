"""A pass is earned, and what a check says about one requirement says nothing about another."""

from __future__ import annotations

import pytest

from joinedup.conformance.catalogue import Requirement, Source
from joinedup.conformance.check import (
    Check,
    Ended,
    blocked,
    first_of,
    not_applicable,
    setup_fault,
    why_not_judged,
)
from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Cause, Level, Outcome

NOTHING = "nothing could be put to the test"


def check() -> Check:
    """A check that may speak of two requirements."""
    return Check("social-care", ("AUT-01", "AUT-02"))


def finding(*requirements: str) -> Finding:
    """Something wrong."""
    return Finding("open-door", requirements, "A door is open", "Closed.", "Open.", "GET /")


def outcomes(running: Check) -> list[tuple[str, str, str]]:
    """Requirement, outcome and reason of each result."""
    return [(r.requirement, str(r.outcome), r.reason) for r in running.results()]


def test_silence_is_no_pass() -> None:
    """A check that reports nothing and proves nothing leaves its requirements blocked."""
    assert outcomes(check()) == [("AUT-01", "blocked", NOTHING), ("AUT-02", "blocked", NOTHING)]


def test_proof_earns_a_pass_for_what_was_proved() -> None:
    """Only the requirement that was put to the test passes."""
    running = check()
    running.proves("AUT-01")
    assert outcomes(running) == [("AUT-01", "pass", ""), ("AUT-02", "blocked", NOTHING)]


def test_proof_of_nothing_in_particular_is_proof_of_all() -> None:
    """Without names, all requirements of the check were proved."""
    running = check()
    running.proves()
    assert [outcome for _, outcome, _ in outcomes(running)] == ["pass", "pass"]


def test_no_times_is_no_proof() -> None:
    """A loop that never ran has proved nothing."""
    running = check()
    running.proves("AUT-01", "AUT-02", times=0)
    assert outcomes(running) == [("AUT-01", "blocked", NOTHING), ("AUT-02", "blocked", NOTHING)]


def test_a_finding_shows_that_its_requirement_was_tested() -> None:
    """What a finding names was tested; the level decides later what the finding means."""
    running = check()
    running.report(finding("AUT-02"))
    assert outcomes(running) == [("AUT-01", "blocked", NOTHING), ("AUT-02", "pass", "")]
    assert [f.rule for f in running.findings] == ["open-door"]


@pytest.mark.parametrize(
    ("ended", "proved", "expected"),
    [
        (not_applicable("no security"), False, ("not_applicable", "no security")),
        (not_applicable("no security"), True, ("pass", "")),
        (blocked("no object", Cause.SYSTEM), False, ("blocked", "no object")),
        (blocked("no object", Cause.SYSTEM), True, ("blocked", "no object")),
        (setup_fault("no token"), False, ("setup_error", "no token")),
        (setup_fault("no token"), True, ("setup_error", "no token")),
    ],
)
def test_how_a_check_that_cannot_go_on_ends(ended: Ended, proved: bool, expected: tuple[str, str]) -> None:
    """What stands in the way outweighs a partial proof; ``not_applicable`` does not outweigh any."""
    running = Check("social-care", ("AUT-01",))
    if proved:
        running.proves("AUT-01")
    running.ends(ended)
    assert outcomes(running) == [("AUT-01", *expected)]


def test_the_first_end_counts() -> None:
    """A later reason does not replace the first one."""
    running = Check("social-care", ("AUT-01",))
    running.ends(blocked("first", Cause.SYSTEM))
    running.ends(setup_fault("second"))
    assert running.results() == [Result("AUT-01", Outcome.BLOCKED, "first", Cause.SYSTEM)]


def test_an_end_of_one_requirement_leaves_the_other() -> None:
    """A named requirement ends; the others go on."""
    running = check()
    running.proves("AUT-01")
    running.ends(not_applicable("no second key"), "AUT-02")
    assert outcomes(running) == [("AUT-01", "pass", ""), ("AUT-02", "not_applicable", "no second key")]


def test_untested_parts_are_named_once_with_any_outcome() -> None:
    """A part that cannot be produced from outside is listed once, beside the outcome of the rest."""
    running = check()
    running.proves("AUT-01")
    running.leaves_out("an expired token")
    running.leaves_out("an expired token", "AUT-01")
    running.leaves_out("a token of another audience", "AUT-01")
    assert [result.not_tested for result in running.results()] == [
        ("an expired token", "a token of another audience"),
        ("an expired token",),
    ]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a, b"),
        (list("abcdef"), "a, b, c, d, e, f"),
        (list("abcdefg"), "a, b, c, d, e, f and 1 more"),
        (list("abcdefghij"), "a, b, c, d, e, f and 4 more"),
    ],
)
def test_a_list_in_a_sentence_stays_short(values: list[str], sentence: str) -> None:
    """At most six are named; how many more there are is said."""
    assert first_of(values) == sentence


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (finding("AUT-01"), finding("AUT-01"), True),
        (finding("AUT-01"), finding("AUT-02"), False),
        (
            Finding("r", ("AUT-01",), "t", "e", "a", "GET /x", cause="c"),
            Finding("r", ("AUT-01",), "t", "e", "a", "GET /y", cause="c"),
            True,
        ),
        (
            Finding("r", ("AUT-01",), "t", "e", "a", "GET /x"),
            Finding("r", ("AUT-01",), "t", "e", "a", "GET /y"),
            False,
        ),
    ],
)
def test_one_cause_is_one_finding(one: Finding, other: Finding, same: bool) -> None:
    """Findings are the same by rule, requirements and cause, or by place where no cause is given."""
    assert (one.key == other.key) is same


@pytest.mark.parametrize(
    ("when", "said", "outcome"),
    [
        ("", {}, None),
        ("batch", {}, None),
        ("create", {}, Outcome.NOT_APPLICABLE),
        ("capability:read-child", {"read-child": True}, None),
        ("capability:read-child", {"read-child": False}, Outcome.NOT_APPLICABLE),
        ("capability:read-child", {}, Outcome.SETUP_ERROR),
        ("batch or capability:read-child", {"search-children": True}, Outcome.SETUP_ERROR),
    ],
)
def test_a_capability_has_to_be_declared(when: str, said: dict[str, bool], outcome: Outcome | None) -> None:
    """What a system cannot do is not applicable; of what the configuration says nothing, the configuration is at fault."""
    source = Source("A law", "1", "https://law.example/1", verified=True)
    requirement = Requirement("ABC-01", Level.MUST, "It answers.", "It works.", source, "GP1", when)
    able = {f"capability:{name}" for name, has in said.items() if has}
    ended = why_not_judged(requirement, {"batch", *able}, "social-care", said)
    assert (ended and ended.outcome) == outcome
    assert outcome is not Outcome.SETUP_ERROR or "systems.social-care.capabilities" in str(ended)
