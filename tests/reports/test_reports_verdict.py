"""From the record to the verdict: every line of the table, merging, levels, questions and gaps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Cause, Outcome

MET = (Result("AUT-01", Outcome.PASS), Result("CON-01", Outcome.PASS), Result("ERR-01", Outcome.PASS))
READABLE = Finding(
    rule="foreign-object-readable",
    requirements=("AUT-01",),
    title="A record can be read by another organisation",
    expected="403 or 404.",
    actual="200.",
    where="GET /v1/children/{childId}",
    operations=("GET /v1/children/{childId}",),
)
UNCLEAR = replace(READABLE, rule="plain-error", requirements=("ERR-01",), title="Errors are not in the form")


def found(requirement: str, outcome: Outcome, **fields: Any) -> tuple[Result, ...]:
    """Everything met but one requirement."""
    return (
        *(r for r in MET if r.requirement != requirement),
        Result(requirement, outcome, "because", **fields),
    )


TABLE = [
    (MET, {}, "conformant", 0),
    ((*MET, READABLE), {}, "not_conformant", 1),
    ((*MET, replace(READABLE, confirmed=False)), {}, "conformant", 0),
    ((*MET, UNCLEAR), {}, "conformant", 0),
    ((*MET, UNCLEAR), {"strict": True}, "not_conformant", 1),
    (found("AUT-01", Outcome.FAIL), {}, "not_conformant", 1),
    (found("ERR-01", Outcome.FAIL), {}, "conformant", 0),
    (found("ERR-01", Outcome.WARN), {"strict": True}, "not_conformant", 1),
    (found("AUT-01", Outcome.BLOCKED), {}, "no_verdict", 3),
    (found("AUT-01", Outcome.BLOCKED, cause=Cause.SYSTEM), {}, "not_conformant", 1),
    (found("ERR-01", Outcome.BLOCKED), {}, "conformant", 0),
    (found("AUT-01", Outcome.SETUP_ERROR), {}, "no_verdict", 3),
    ((*found("CON-01", Outcome.SETUP_ERROR), READABLE), {}, "not_conformant", 1),
    ((*found("CON-01", Outcome.HARNESS_ERROR), READABLE), {}, "no_verdict", 4),
    (found("ERR-01", Outcome.REVIEW), {}, "no_verdict", 6),
    (MET, {"finished": False}, "no_verdict", 5),
    ((*MET, READABLE), {"finished": False}, "not_conformant", 1),
    (MET[:2], {"finished": False}, "no_verdict", 5),
    (MET[1:], {}, "no_verdict", 3),
    (MET[:2], {}, "conformant", 0),
    ((), {}, "no_verdict", 5),
    (tuple(replace(result, outcome=Outcome.NOT_APPLICABLE) for result in MET), {}, "no_verdict", 5),
    ((*MET, Result("ELSE-01", Outcome.FAIL)), {}, "conformant", 0),
    ((*MET, Result("ELSE-01", Outcome.HARNESS_ERROR)), {}, "no_verdict", 4),
    ((*MET, Result("", Outcome.SETUP_ERROR)), {}, "no_verdict", 3),
    ((*MET, replace(READABLE, requirements=("ELSE-01",))), {"strict": True}, "conformant", 0),
]


@pytest.mark.parametrize(("found", "how", "verdict", "code"), TABLE)
def test_the_first_true_line_of_the_table_decides(
    story: Any, found: tuple[Result | Finding, ...], how: dict[str, bool], verdict: str, code: int
) -> None:
    """The verdict and its exit code follow from what was recorded, by the table."""
    computed = story.start().system().check(*found).verdict(**how)
    assert (computed["verdict"], computed["exit_code"]) == (verdict, code)
    assert computed["systems"][0]["verdict"] == verdict


@pytest.mark.parametrize(
    ("event", "fields", "code"),
    [
        ("error", {"outcome": "setup_error", "reason": "This looks like real people."}, 3),
        ("error", {"outcome": "harness_error", "system": "social-care"}, 4),
        ("error", {"outcome": "nonsense"}, 5),
        ("check", {"system": "social-care", "check": "x", "results": "nonsense"}, 5),
        ("something-new", {"of": "a later version"}, 0),
        (
            "check",
            {"system": None, "check": "x", "results": [{"requirement": "", "outcome": "harness_error"}]},
            4,
        ),
        (
            "check",
            {"system": "partner", "check": "x", "results": [{"requirement": "", "outcome": "setup_error"}]},
            3,
        ),
    ],
)
def test_what_no_check_can_report_still_counts(story: Any, event: str, fields: Any, code: int) -> None:
    """Faults outside every requirement, and lines that say nothing, keep a run from a verdict."""
    story.start().system().system("partner", under_test=False).check(*MET)
    assert story.write(event, **fields).verdict()["exit_code"] == code


def test_the_run_is_as_good_as_its_worst_system(story: Any) -> None:
    """One system that fails decides the run; the other keeps its own verdict."""
    story.start().system("a").system("b").check(*MET, system="a").check(*MET, READABLE, system="b")
    verdict = story.verdict()
    assert verdict["verdict"] == "not_conformant"
    assert {s["system"]: s["verdict"] for s in verdict["systems"]} == {
        "a": "conformant",
        "b": "not_conformant",
    }


def test_a_partner_is_not_judged(story: Any) -> None:
    """What is wrong with a system that is not under test decides nothing."""
    story.start().system().system("partner", under_test=False).check(*MET).check(READABLE, system="partner")
    verdict = story.verdict()
    assert (verdict["verdict"], verdict["findings"]) == ("conformant", [])


def test_a_profile_chooses_and_raises(story: Any) -> None:
    """A profile says which requirements count for a system, and at which level."""
    story.start().system("a", requirements={"ERR-01": "MUST"}).check(UNCLEAR, system="a")
    verdict = story.verdict()
    assert [(r["id"], r["level"], r["outcome"]) for r in verdict["requirements"]] == [
        ("ERR-01", "MUST", "fail")
    ]
    assert (verdict["findings"][0]["level"], verdict["exit_code"]) == ("MUST", 1)


def test_one_cause_is_one_finding(story: Any) -> None:
    """Findings with one key in one system are one: operations united, counts added, the first's words kept."""
    other = replace(READABLE, operations=("GET /a", "GET /v1/children/{childId}"), count=4, actual="201.")
    story.start().system().system("b").check(*MET, READABLE).check(other, check="later")
    [first, second] = story.check(*MET, READABLE, system="b").verdict()["findings"]
    assert (first["id"], first["system"], second["id"], second["system"]) == (
        "f-1",
        "b",
        "f-2",
        "social-care",
    )
    assert (second["operations"], second["count"], second["actual"]) == (
        ["GET /a", "GET /v1/children/{childId}"],
        5,
        "200.",
    )


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_a_confirmation_counts_for_the_cause(story: Any, order: tuple[bool, ...]) -> None:
    """Where one of the merged findings was confirmed, the cause is, and its evidence is shown."""
    seen = [replace(READABLE, confirmed=yes, actual=f"Confirmed: {yes}.") for yes in order]
    verdict = story.start().system().check(*MET, *seen).verdict()
    assert [(f["actual"], f["count"]) for f in verdict["findings"]] == [("Confirmed: True.", 2)]
    assert verdict["unconfirmed"] == []


def test_findings_are_numbered_the_same_in_every_order(story: Any, tmp_path: Any) -> None:
    """MUST first, then requirement, rule and place, whatever came first."""
    findings = [
        UNCLEAR,
        replace(READABLE, where="GET /z"),
        replace(READABLE, rule="a-rule"),
        READABLE,
        replace(READABLE, requirements=("CON-01", "AUT-01")),
    ]
    forwards = story.start().system().check(*findings).verdict()["findings"]
    backwards = type(story)(tmp_path / "b").start().system().check(*reversed(findings)).verdict()["findings"]
    assert [(part["id"], part["rule"]) for finding in forwards for part in finding["parts"] or [finding]] == [
        ("f-1.1", "a-rule"),
        ("f-1.2", "foreign-object-readable"),
        ("f-1.3", "foreign-object-readable"),
        ("f-2", "foreign-object-readable"),
        ("f-3", "plain-error"),
    ]
    assert forwards == backwards


@pytest.mark.parametrize(
    ("reason", "outcome", "code"), [("attested", "review", 6), ("planned", "not_applicable", 0)]
)
def test_what_is_excluded_is_listed_as_not_tested(story: Any, reason: str, outcome: str, code: int) -> None:
    """A requirement that no check can prove is published as not tested, and open where a person must attest it."""
    entry = {"id": "X-01", "level": "MUST", "text": "t", "excluded": {"reason": reason, "note": "the note"}}
    verdict = story.start([entry, {"id": "AUT-01", "level": "MUST"}]).system().check(MET[0]).verdict()
    assert (verdict["requirements"][1]["outcome"], verdict["exit_code"]) == (outcome, code)
    assert [gap["requirement"] for gap in verdict["not_tested"]] == ["X-01"]
    assert "the note" in verdict["not_tested"][0]["reason"]


def test_every_gap_is_listed(story: Any) -> None:
    """Parts that cannot be produced, blocked points and operations that never succeeded are listed with reasons."""
    story.start().system(left_out={"reset": "wipes it"})
    story.check(Result("AUT-01", Outcome.PASS, not_tested=("an expired token",)), MET[2])
    story.write(
        "exercised", system="social-care", operation="GET /a", succeeded=False, last_statuses=[404, "timeout"]
    )
    story.write("exercised", system="social-care", operation="GET /b", succeeded=True)
    story.write("exercised", system="social-care", operation="GET /b", succeeded=False)
    verdict = story.verdict()
    assert [(gap["what"], gap["reason"]) for gap in verdict["not_tested"]] == [
        ("an expired token", "could not be produced from outside"),
        ("It is described.", "no check ran"),
        ("reset", "left out: wipes it"),
        ("GET /a", "no call of it ever succeeded; last answers: 404, timeout"),
    ]
    assert (verdict["systems"][0]["operations"], verdict["systems"][0]["operations_exercised"]) == (2, 1)


@pytest.mark.parametrize(
    ("found", "how", "statuses"),
    [
        (MET, {}, {"GP3": "yes", "GP5": "yes", "GP1": "not_tested"}),
        ((*MET, UNCLEAR), {}, {"GP3": "mostly", "GP5": "yes"}),
        ((*MET, READABLE), {}, {"GP3": "yes", "GP5": "no"}),
        (found("CON-01", Outcome.BLOCKED), {}, {"GP3": "in_part"}),
        (found("AUT-01", Outcome.SETUP_ERROR), {}, {"GP5": "not_tested"}),
        (MET, {"finished": False}, {"GP3": "in_part", "GP5": "in_part"}),
    ],
)
def test_a_question_is_answered_by_what_was_tested(story: Any, found: Any, how: Any, statuses: Any) -> None:
    """A question is never answered with yes while a point of it is open."""
    answers = story.start().system().check(*found).verdict(**how)["questions"]
    assert [answer["id"] for answer in answers] == ["GP1", "GP2", "GP3", "GP4", "GP5", "GP6"]
    assert {a["id"]: a["status"] for a in answers if a["id"] in statuses} == statuses
    assert all((a["basis"] == "not tested") == (a["status"] == "not_tested") for a in answers)


def test_the_fields_that_others_rely_on_are_there(story: Any) -> None:
    """verdict.json keeps its published form, in plain JSON."""
    verdict = story.start(product={"name": "CareTrack"}).system().check(*MET, READABLE).verdict()
    verdict = json.loads(json.dumps(verdict))
    assert {
        "schema",
        "run",
        "harness",
        "seed",
        "started",
        "seconds",
        "complete",
        "verdict",
        "systems",
    } <= set(verdict)
    assert {"requirements", "findings", "journeys", "questions", "links", "waivers", "unconfirmed"} <= set(
        verdict
    )
    assert {
        "id",
        "rule",
        "requirements",
        "level",
        "system",
        "title",
        "expected",
        "actual",
        "where",
        "operations",
    } | {
        "count",
        "confirmed",
        "curl",
    } <= set(verdict["findings"][0])
    assert verdict["counts"] == {o: {"pass": 2, "fail": 1}.get(o, 0) for o in map(str, Outcome)}
    assert verdict["requirements"][0]["findings"] == ["f-1"]
    assert verdict["requirements"][0]["reason"] == READABLE.title
    assert (verdict["schema"], verdict["product"]) == (1, {"name": "CareTrack"})


def test_a_finding_carries_its_reproduction(story: Any) -> None:
    """The script of a finding calls the system's address as the recorded identity, by that identity's flow."""
    step: dict[str, object] = {"method": "GET", "path": "/v1/children", "identity": "other", "name": "s0"}
    story.start().system(base_url="https://caretrack.test.example", identities={"other": "api-key"})
    [finding] = story.check(*MET, replace(READABLE, steps=(step,))).verdict()["findings"]
    assert finding["curl"].splitlines() == [
        "BASE=${BASE:-https://caretrack.test.example}",
        ': "${OTHER:?Set OTHER to the whole header line of the identity other, or use: joinedup replay f-1}"',
        'curl -sS -i -H "$OTHER" "${BASE}/v1/children"',
    ]


@pytest.mark.parametrize(
    ("family", "confirmed", "places", "findings"),
    [
        ("body is null", True, 3, 3),
        ("body is null", True, 4, 1),
        ("body is null", False, 4, 0),
        ("", True, 4, 4),
    ],
)
def test_a_crowd_of_one_family_is_one_finding(
    story: Any, family: str, confirmed: bool, places: int, findings: int
) -> None:
    """A few findings of one family are parts of their own; more than three are one, which names the places."""
    found = [
        replace(
            READABLE,
            family=family,
            confirmed=confirmed,
            where=f"GET /{n}",
            cause=f"c{n}",
            operations=(f"GET /{n}",),
        )
        for n in range(places)
    ]
    told = story.start().system().check(*found[:1], check="test_a.py::a").check(*found[1:]).verdict()
    assert sum(len(finding["parts"] or [finding]) for finding in told["findings"]) == findings
    if findings == 1:
        assert told["findings"][0]["operations"] == ["GET /0", "GET /1", "GET /2", "GET /3"]
        assert "It was seen at 4 places: GET /0; GET /1; GET /2; GET /3." in told["findings"][0]["advice"]
        assert [check["findings"] for check in told["checks"]] == [["f-1"], ["f-1"]]


@pytest.mark.parametrize(
    ("journeys", "finished", "judged", "code"),
    [
        (["referral"], True, {"CON-01": "pass"}, 0),
        ([], True, {"AUT-01": "blocked", "CON-01": "pass", "ERR-01": "blocked"}, 3),
        (["referral"], False, {"AUT-01": "blocked", "CON-01": "pass", "ERR-01": "blocked"}, 5),
    ],
    ids=["chosen", "none chosen", "cut short"],
)
def test_chosen_journeys_are_judged_by_what_they_speak_of(
    story: Any, journeys: list[str], finished: bool, judged: dict[str, str], code: int
) -> None:
    """Where journeys were chosen by name and played to the end, a requirement without a result is left out."""
    played = Result("CON-01", Outcome.PASS)
    verdict = story.start(journeys=journeys).system().check(played).verdict(finished=finished)
    assert {r["id"]: r["outcome"] for r in verdict["requirements"]} == judged
    assert verdict["exit_code"] == code


def test_a_chosen_journey_that_found_nothing_out_is_no_yes(story: Any) -> None:
    """A system of which no chosen journey spoke gets no verdict."""
    verdict = story.start(journeys=["referral"]).system().verdict()
    assert verdict["verdict"] == "no_verdict"
