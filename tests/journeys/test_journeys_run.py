"""Journeys as part of a run: with live systems among the agencies, judged by system, selected and collected."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from joinedup.conformance.errors import NothingSelectedError
from joinedup.conformance.journeys import check_journeys
from joinedup.conformance.run import Plan
from joinedup.mocks.serve import Served, served
from joinedup.reports.events import read_events
from joinedup.scenarios.journey import bundled_journeys
from journeys.played import playing, table_of

OWN_JOURNEY = """\
arazzo: 1.0.1
info: {title: A story of our own, version: 1.0.0}
sourceDescriptions:
  - {name: police, type: arazzo, url: POLICE}
workflows:
  - workflowId: own-story
    steps:
      - stepId: list-notices
        description: The council reads its notices.
        workflowId: $sourceDescriptions.police.list-notices
        x-actor: council
        successCriteria:
          - condition: $outputs.status == EXPECTED
            x-requirements: [SHR-01]
"""


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    """Social care and police, served by themselves as if they were somebody's products."""
    with served(("social-care", "police"), apart=True) as found:
        yield found


def test_a_live_system_plays_with_the_mocks_of_the_others(product: Served, tmp_path: Path) -> None:
    """Only the live system is judged, on what it was really asked, and the links show who called whom."""
    with playing(tmp_path, {"social-care": table_of(product, "social-care")}) as run:
        outcomes = [run.play(name) for name in ("police-notice", "unborn-child")]
        verdict = run.verdict()
        events = read_events(run.run.folder)
    assert outcomes == ["pass", "pass"], [journey["reason"] for journey in verdict["journeys"]]
    assert {system["system"] for system in verdict["systems"]} == {"social-care"}
    assert {"from": "social-care", "to": "police", "outcome": "pass"} in verdict["links"]
    assert {"from": "identity", "to": "social-care", "outcome": "pass"} in verdict["links"]
    assert verdict["errors"] == []
    exchanges = [event for event in events if event["event"] == "exchange"]
    assert {"police", "social-care"} <= {event["system"] for event in exchanges}
    assert all(isinstance(journey["exchanges"], int) for journey in verdict["journeys"])


def test_what_a_live_system_lacks_is_not_held_against_it(product: Served, tmp_path: Path) -> None:
    """A journey that moves the clock does not apply to a system that has none; the reason is told."""
    with playing(tmp_path, {"social-care": table_of(product, "social-care")}) as run:
        assert run.play("missed-deadline") == "not_applicable"
        journey = run.verdict()["journeys"][0]
    assert "social-care has no clock that can be moved" in journey["reason"]


def test_what_the_configuration_declares_missing_is_not_applicable(product: Served, tmp_path: Path) -> None:
    """A capability that is declared false is never called."""
    table = table_of(product, "social-care", capabilities={"raise-contact": False})
    with playing(tmp_path, {"social-care": table}) as run:
        assert run.play("police-notice") == "not_applicable"
        events = read_events(run.run.folder)
    assert [event for event in events if event["event"] == "exchange"] == []


def test_a_fault_is_found_under_its_requirement_and_its_system(tmp_path: Path) -> None:
    """What the police show counts for the police alone, after a second play, and the rest is blocked by its step."""
    tested = ("police", "social-care")
    with playing(tmp_path, faults=("informant-shown-to-partner",), tested=tested) as run:
        assert run.play("notice-for-siblings") == "fail"
        verdict = run.verdict()
    found = [finding for finding in verdict["findings"] if "RES-04" in finding["requirements"]]
    assert [(finding["system"], finding["confirmed"]) for finding in found] == [("police", True)]
    assert found[0]["rule"].startswith("journey-notice-for-siblings-")
    assert not [f for f in verdict["findings"] if f["system"] == "social-care"]
    assert verdict["errors"] == []


def test_a_partner_that_fails_answers_no_question_about_the_system(product: Served, tmp_path: Path) -> None:
    """A live partner that is not under test and does wrong leaves open whether the system links with others."""
    live = {name: table_of(product, name) for name in ("social-care", "police")}
    product.switch_fault("informant-shown-to-partner", True)
    try:
        with playing(tmp_path, live, tested=("social-care",)) as run:
            assert run.play("police-notice") == "fail"
            verdict = run.verdict()
    finally:
        product.switch_fault("informant-shown-to-partner", False)
    answers = {question["id"]: question["status"] for question in verdict["questions"]}
    assert {answers["GP1"], answers["GP4"]}.isdisjoint({"yes", "no"})
    assert verdict["findings"] == []


def test_people_are_drawn_as_their_system(product: Served, tmp_path: Path) -> None:
    """A council that looks into its own system is no lane beside it."""
    with playing(tmp_path, {"social-care": table_of(product, "social-care")}) as run:
        run.play("police-notice")
        steps = run.verdict()["journeys"][0]["played"]
    assert {step["actor"]: step["lane"] for step in steps} == {"police": "police", "council": "social-care"}


@pytest.mark.parametrize(
    ("name", "tested", "hint"),
    [
        ("police-notise", ("police",), "police-notice"),
        ("police-notice", ("auth",), "social-care"),
    ],
)
def test_a_journey_that_cannot_be_chosen_is_refused(name: str, tested: tuple[str, ...], hint: str) -> None:
    """Near names are told, and who takes part."""
    with pytest.raises(NothingSelectedError) as refused:
        check_journeys(Plan("bundled", "run", journeys=(name,)), tested)
    assert hint in str(refused.value)
    assert refused.value.exit_code == 5


@pytest.mark.parametrize(("expected", "shown"), [("200", "1 passed"), ("418", "1 failed")])
def test_pytest_collects_journeys_from_any_folder(tmp_path: Path, expected: str, shown: str) -> None:
    """A document of one's own is an item, and its outcome is pytest's."""
    police = bundled_journeys()["police-notice"].parent.parent / "capabilities" / "police.arazzo.yaml"
    text = OWN_JOURNEY.replace("POLICE", os.path.relpath(police, tmp_path)).replace("EXPECTED", expected)
    (tmp_path / "own.arazzo.yaml").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--joinedup", "bundled"]
    options = ["--joinedup-system", "police", "--joinedup-out", str(tmp_path / "run"), str(tmp_path)]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert shown in done.stdout, done.stdout + done.stderr
