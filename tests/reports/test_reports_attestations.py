"""Attestations: a person answers for what no machine can test, for a year at most, and never in place of a test."""

from __future__ import annotations

from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.findings import Result
from joinedup.conformance.outcomes import Outcome
from joinedup.reports import agreements, summary, wording
from joinedup.reports.attestations import a_year_after

TODAY = date(2026, 11, 22)
PROFILES = {"social-care": ["AUT-01", "POL-01"], "police": ["AUT-01"]}
EVIDENCE = b"The assessment, signed."
ENTRIES = (
    {"id": "AUT-01", "level": "MUST", "plain": "Nobody gets in.", "question": "GP5"},
    {
        "id": "POL-01",
        "level": "MUST",
        "plain": "The assessment was made.",
        "question": "GP6",
        "excluded": {"reason": "attested", "note": "it is a document"},
    },
)
ATTESTATION = {
    "requirement": "POL-01",
    "statement": "The assessment of 3 November covers this release.",
    "evidence": "assessment.txt",
    "sha256": sha256(EVIDENCE).hexdigest(),
    "name": "Ann Example",
    "role": "data protection officer",
    "organisation": "Example Council",
    "date": "2026-11-04",
    "expires": "2027-11-04",
}


def judged(story: Any, *found: Result, attestations: Any = ()) -> dict[str, Any]:
    """The verdict of a run that started today under these attestations."""
    story.record._now = lambda: datetime(2026, 11, 22, 12, tzinfo=UTC)
    story.start(ENTRIES)
    for number, entry in enumerate(attestations, start=1):
        story.write("attestation", entry=number, **entry)
    verdict: dict[str, Any] = story.system().check(Result("AUT-01", Outcome.PASS), *found).verdict()
    return verdict


def point(verdict: dict[str, Any]) -> dict[str, Any]:
    """The requirement that needs a person."""
    return next(dict(r) for r in verdict["requirements"] if r["id"] == "POL-01")


def test_without_one_a_person_has_yet_to_look(story: Any) -> None:
    """The requirement is a review, and the run has no verdict."""
    verdict = judged(story)
    assert (verdict["exit_code"], point(verdict)["outcome"]) == (6, "review")


def test_with_one_it_is_met_and_not_tested(story: Any) -> None:
    """It passes, names the person, counts as attested and never as tested."""
    verdict = judged(story, attestations=[ATTESTATION])
    assert (verdict["exit_code"], point(verdict)["outcome"]) == (0, "pass")
    assert point(verdict)["attested"]["name"] == "Ann Example"
    assert point(verdict)["checks"] == []
    answers = {answer["id"]: answer for answer in verdict["questions"]}
    assert {key: answers["GP6"][key] for key in ("status", "basis", "tested", "attested", "met")} == {
        "status": "yes",
        "basis": "attested",
        "tested": 0,
        "attested": 1,
        "met": 0,
    }
    (gap,) = verdict["not_tested"]
    assert gap["reason"].startswith("attested by Ann Example, data protection officer, Example Council")
    assert "1 is attested and not tested" in wording.sentence(verdict)
    said = summary.render(verdict)
    assert "Attested, not tested: POL-01 by Ann Example" in said
    assert "2 met, 1 of the points met attested and not tested" in said


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (Result("POL-01", Outcome.FAIL, "it is wrong"), "fail"),
        (Result("POL-01", Outcome.BLOCKED, "no token"), "blocked"),
        (Result("POL-01", Outcome.REVIEW, "somebody has to look"), "pass"),
    ],
)
def test_an_attestation_takes_the_place_of_no_test(story: Any, found: Result, outcome: str) -> None:
    """What a check found stands; a check that asks for a person gets one."""
    assert point(judged(story, found, attestations=[ATTESTATION]))["outcome"] == outcome


@pytest.mark.parametrize(
    "change", [{"system": "police"}, {"expires": "2026-11-21"}, {"requirement": "AUT-01"}, {"name": " "}]
)
def test_one_that_does_not_hold_changes_nothing(story: Any, change: dict[str, str]) -> None:
    """For another system or requirement, expired, or by nobody: the review stays open, whatever the record says."""
    verdict = judged(story, attestations=[{**ATTESTATION, **change}])
    assert (verdict["exit_code"], point(verdict)["attested"]) == (6, None)


def write(folder: Path, *entries: dict[str, str]) -> None:
    """The file, with the evidence beside it."""
    (folder / "assessment.txt").write_bytes(EVIDENCE)
    lines = [
        line
        for entry in entries
        for line in (
            "[[attestation]]",
            *(f"{key} = {value if value[:2] == '20' else repr(value)}" for key, value in entry.items()),
        )
    ]
    (folder / "attestations.toml").write_text("\n".join(lines) + "\n")


def test_a_file_is_read_into_the_record(story: Any, tmp_path: Path) -> None:
    """What the file says reaches the verdict by way of the record."""
    write(tmp_path, ATTESTATION)
    agreed = agreements.read(tmp_path, on=TODAY, profiles=PROFILES)
    story.record._now = lambda: datetime(2026, 11, 22, 12, tzinfo=UTC)
    agreed.write(story.start(ENTRIES).write)
    verdict = story.system().check(Result("AUT-01", Outcome.PASS)).verdict()
    assert point(verdict)["attested"]["sha256"] == ATTESTATION["sha256"]


WRONG = [
    ({"expires": "2026-11-21"}, "it expired"),
    ({"expires": "2027-11-05"}, "more than 12 months"),
    ({"date": "2026-11-23"}, "yet to come"),
    ({"date": "9999-12-31", "expires": "9999-12-31"}, "yet to come"),
    ({"expires": "2026-11-03"}, "before its date"),
    ({"sha256": "abc"}, "no SHA-256"),
    ({"sha256": "0" * 64}, "not what was attested"),
    ({"evidence": "gone.txt"}, "cannot be read"),
    ({"statement": ""}, "`statement` is empty"),
    ({"role": " "}, "`role` is empty"),
    ({"name": "?"}, "`name` names nobody"),
    ({"requirement": "POL"}, "too broad"),
    ({"requirement": "POL-02"}, "matches nothing"),
    ({"system": "health"}, "matches nothing"),
    ({"requirement": "AUT-01"}, "too broad: social-care, police"),
    ({"signed": "yes"}, "unknown key `signed`"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG)
def test_a_wrong_entry_is_refused(tmp_path: Path, change: dict[str, str], sentence: str) -> None:
    """Before anything is sent, by file and entry, with what to do."""
    write(tmp_path, ATTESTATION, {**ATTESTATION, **change})
    with pytest.raises(ConfigurationError) as refused:
        agreements.read(tmp_path, on=TODAY, profiles=PROFILES)
    assert "attestations.toml, entry 2" in refused.value.message
    assert sentence in refused.value.message
    assert refused.value.hint


def test_evidence_lies_beside_the_file_that_names_it(tmp_path: Path) -> None:
    """Also where that is not beside the configuration; an address is never fetched."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    write(folder, ATTESTATION, {**ATTESTATION, "evidence": "https://council.example/assessment"})
    agreed = agreements.read(
        tmp_path, on=TODAY, profiles=PROFILES, attestations=str(folder / "attestations.toml")
    )
    assert len(agreed.attestations) == 2


@pytest.mark.parametrize(
    ("day", "later"),
    [("2026-11-22", "2027-11-22"), ("2028-02-29", "2029-02-28"), ("2027-02-28", "2028-02-28")],
)
def test_a_year_is_twelve_months(day: str, later: str) -> None:
    """Whatever its length."""
    assert a_year_after(date.fromisoformat(day)) == date.fromisoformat(later)
