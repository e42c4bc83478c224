"""How much of each journey many users can play at once, and that they can."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.operations import Operation
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.run import bundled_configuration
from joinedup.mocks import systems
from joinedup.mocks.serve import Served, served
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.journey import bundled_journeys
from joinedup.scenarios.library import CAPABILITIES, Library, Source
from joinedup.scenarios.load_counting import counted
from joinedup.scenarios.load_inputs import begun, inputs_under_load, needs_child, places
from joinedup.scenarios.load_journeys import TRIED_FOR_S, Part, part_of
from joinedup.scenarios.load_plan import LoadPlan, filled
from joinedup.scenarios.load_preparation import Preparation, wanted
from joinedup.scenarios.load_results import performance
from joinedup.scenarios.load_run import Cluster, send
from joinedup.scenarios.playing import play

PAGE = (Path(__file__).parents[2] / "docs" / "load.md").read_text()
ROWS = {
    match[1]: (match[2], match[3], match[4])
    for match in re.finditer(r"^\| `([a-z-]+)` \| ([^|]+) \| (\d*) \| ([^|]*) \|$", PAGE, re.MULTILINE)
}
SECONDS, ARRIVALS_A_SECOND = 2.0, 2
LEAST_ARRIVALS = 4


def _parts() -> dict[str, Part]:
    library = Library()
    return {name: part_of(library, path) for name, path in bundled_journeys().items()}


PARTS = _parts()
LOADABLE = [name for name, part in PARTS.items() if part.is_worth_playing]


def _steps(part: Part) -> str:
    if not part.is_worth_playing:
        return "not"
    return f"{part.steps} of {part.of}" if part.ends_at else "whole"


@pytest.mark.parametrize("name", PARTS)
def test_the_page_says_how_far_a_journey_is_played(name: str) -> None:
    """Steps, the step before which it ends, and why, for every bundled journey."""
    part = PARTS[name]
    end = f"`{part.ends_at}`: {part.why}" if part.ends_at else ""
    steps, requests, ends = ROWS[name]
    assert (steps, ends.strip()) == (_steps(part), end)
    assert bool(requests) is part.is_worth_playing


def test_the_page_names_no_journey_that_is_not_there() -> None:
    """Each row is about a bundled journey, and most of them can be played."""
    assert set(ROWS) == set(PARTS)
    assert len(LOADABLE) > len(PARTS) / 2


# All of them at once


@pytest.fixture(scope="module")
def agencies() -> Iterator[Served]:
    """All agencies, served."""
    with served([system.name for system in systems()]) as found:
        yield found


@pytest.fixture(scope="module")
def plan(agencies: Served) -> LoadPlan:
    """Every journey that can be played, each as often as the others."""
    requests = {name: int(ROWS[name][1]) for name in LOADABLE}
    choices = {
        "rate": float(ARRIVALS_A_SECOND * sum(requests.values())),
        "duration_s": SECONDS,
        "users": 200,
        "drain_s": 60.0,
    }
    ours = frozenset(agencies.systems)
    preparation = Preparation(
        bundled_configuration(agencies.systems), ours, agencies, choices, said=lambda _: None
    )
    return msgspec.structs.replace(preparation.plan(wanted(requests, Path())), timeout_s=60.0)


def test_each_play_sends_as_much_as_the_page_says(plan: LoadPlan) -> None:
    """The requests to systems; what the control plane is asked is none of them."""
    assert {j.name: j.requests for j in plan.journeys} == {name: int(ROWS[name][1]) for name in LOADABLE}


def test_many_users_play_every_journey_at_once(agencies: Served, plan: LoadPlan, tmp_path: Path) -> None:
    """Two of each start every second: all pass, nothing is mixed up, lost or twice, and nobody shares a child."""
    sent = send(plan, tmp_path, Cluster(processes=2))
    books = counted(agencies, sent.tally, plan.run, sorted(agencies.systems), plan.users)
    found = performance(plan, sent.tally, {"error_rate": 0}, missing=sent.missing, counted=books)
    rows = {row["name"]: row for row in found["by_name"] if row["kind"] == "journey"}
    assert {name: row["failures"] for name, row in rows.items()} == dict.fromkeys(LOADABLE, 0), found[
        "reasons"
    ]
    assert min(row["requests"] for row in rows.values()) >= LEAST_ARRIVALS
    assert [level for level in found["levels"] if not level["met"]] == []
    assert found["failures"] == 0
    assert found["arrivals"]["due"] == found["arrivals"]["finished"]
    assert not any(row["name"].endswith("of control") for row in found["by_name"])
    assert books["deliveries"] > len(LOADABLE)
    assert agencies.breaches() == ()
    early = rows["referral-to-plan"]
    assert (early["steps_played"], early["steps"]) == (17, 30)
    assert early["ends_at"] == "day-of-the-discussion"
    assert "ends_at" not in rows["police-notice"]


def test_a_defect_shows_under_load(agencies: Served, plan: LoadPlan, tmp_path: Path) -> None:
    """What does not arrive is waited for, and then the journey has failed at the step that waited; others pass."""
    journeys = [j for j in plan.journeys if j.name in ("referral-to-plan", "police-notice")]
    few = msgspec.structs.replace(plan, run=secrets.token_hex(3), rate=8.0, journeys=journeys)
    with agencies.fault("feedback-never-sent"):
        sent = send(few, tmp_path, Cluster())
    rows = {name: row for name, row in sent.tally.rows.items() if row.kind == "journey"}
    assert rows["referral-to-plan"].failures == rows["referral-to-plan"].count >= 1
    assert rows["police-notice"].failures == 0
    said = [why for why in sent.tally.why if why.startswith("referral-to-plan: step school-hears-back")]
    assert said
    assert all(why.endswith("(tried for 5 s)") for why in said)


def test_each_play_has_a_child_of_its_own(plan: LoadPlan) -> None:
    """No two plays of any journeys of a load have the same one, and the trials had others."""
    ranges = [range(j.first_child, j.first_child + j.children) for j in plan.journeys if j.children]
    taken = [number for each in ranges for number in each]
    assert len(taken) == len(set(taken)) >= LEAST_ARRIVALS * len(ranges)
    assert min(taken) == 2 * len(ranges)
    assert [j.children for j in plan.journeys if j.children] == [
        turns for j, turns in zip(plan.journeys, plan.turns, strict=True) if j.children
    ]


# What becomes of each kind of step

STORY = """
arazzo: 1.0.1
info: {{title: A story, version: 1.0.0}}
sourceDescriptions:
  - {{name: social-care, type: arazzo, url: {folder}/social-care.arazzo.yaml}}
  - {{name: control, type: arazzo, url: {folder}/control.arazzo.yaml}}
workflows:
  - workflowId: story
    inputs:
      type: object
      properties:
        starts-at: {{type: string, default: "2027-02-01T10:00:00Z"}}
        wait: {{type: integer, default: 60}}
    {more}
    steps:
"""
CALLS = {
    "begin": "control.begin-at: {now: $inputs.starts-at}",
    "ask": "control.compute-due-moment: {rule: assessment, from: $inputs.starts-at}",
    "read": "social-care.read-status: {}",
    "write": "social-care.raise-contact: {source: 1D, urgency: routine, reason: A worry., child: {givenName: Jo}}",
    "minute": "control.advance-clock: {seconds: 60}",
    "wait": "control.advance-clock: {seconds: $inputs.wait}",
    "longer": "control.advance-clock: {seconds: 61}",
    "back": "control.advance-clock: {seconds: -1}",
    "set": "control.set-clock: {now: $inputs.starts-at}",
    "outage": "control.switch-outage: {system: police, away: true}",
    "restore": "control.restore-snapshot: {snapshot-id: x}",
}


def _story(folder: Path, names: str, more: str = "") -> Path:
    """A document with these steps, named for what they do and numbered."""
    text = STORY.format(folder=CAPABILITIES, more=more)
    for number, name in enumerate(names.split()):
        capability, _, values = CALLS[name].partition(": ")
        passed = re.findall(r"([a-z-]+): (\{[^{}]*\}|[^,{}]+)", values[1:-1])
        pairs = "".join(f"\n          - {{name: {key}, value: {value}}}" for key, value in passed)
        text += f"      - stepId: {name}-{number}\n        workflowId: $sourceDescriptions.{capability}\n"
        text += "        x-actor: council\n" * capability.startswith("social-care")
        text += f"        parameters:{pairs or ' []'}\n        successCriteria: [{{condition: $outputs.status == 200}}]\n"
    path = folder / "story.arazzo.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("steps", "kept", "end"),
    [
        ("begin read write", "read-1 write-2", ""),
        ("read ask minute read", "read-0 ask-1 read-3", ""),
        ("read wait read", "read-0 read-2", ""),
        ("read longer read", "read-0", "longer-1"),
        ("read back read", "read-0", "back-1"),
        ("read read read set read", "read-0 read-1 read-2", "set-3"),
        ("read outage", "read-0", "outage-1"),
        ("restore read read read", "", "restore-0"),
    ],
)
def test_a_journey_ends_before_what_is_everybodys(tmp_path: Path, steps: str, kept: str, end: str) -> None:
    """What changes nothing is asked, a beginning and a short while are left out, and anything else is the end."""
    part = part_of(Library(), _story(tmp_path, steps))
    assert [step.id for step in part.callee.workflow.steps] == kept.split()
    assert part.ends_at == end
    assert part.asks is ("ask" in steps)
    assert part.is_worth_playing is (not end or len(kept.split()) >= 3)


def test_a_document_can_say_that_it_is_not_for_loads(tmp_path: Path) -> None:
    """Its reason is what people are told."""
    part = part_of(Library(), _story(tmp_path, "read read read", 'x-not-under-load: "it is too heavy"'))
    assert not part.is_worth_playing
    assert part.why == "it is too heavy"


HEADERS = {
    "content-type": "application/json",
    "x-request-id": "00000000-0000-4000-8000-000000000001",
    "cache-control": "no-store",
}


class _Stage:
    """A system that fails so many times before it answers; time passes at once."""

    def __init__(self, refusals: int) -> None:
        self.refusals, self.waited, self.sent = refusals, 0.0, 0

    def send(self, source: Source, operation: Operation, step: Step, actor: str) -> Exchange:
        self.sent += 1
        status, body = (200, b'{"status": "available"}') if self.sent > self.refusals else (500, b"")
        return Exchange(step, Response(status, httpx.Headers(HEADERS), body, 0.01))

    def wait(self, seconds: float) -> None:
        self.waited += seconds

    def credential(self, source: Source, actor: str) -> str:
        return "Bearer x"


@pytest.mark.parametrize(
    ("steps", "refusals", "outcome", "waited"),
    [
        ("minute read", 0, Outcome.PASS, 0),
        ("minute read", 3, Outcome.PASS, 0.75),
        ("minute read", 10**6, Outcome.FAIL, TRIED_FOR_S),
        ("read minute", 3, Outcome.FAIL, 0),
        ("minute write", 3, Outcome.FAIL, 0),
    ],
)
def test_word_is_waited_for_a_bounded_time(
    tmp_path: Path, steps: str, refusals: int, outcome: Outcome, waited: float
) -> None:
    """What is only read after a short while is tried again until it holds; nothing is sent twice that changes anything."""
    part = part_of(Library(), _story(tmp_path, steps))
    stage = _Stage(refusals)
    assert play(part.callee, {}, stage).outcome is outcome
    assert stage.waited == pytest.approx(waited)
    assert stage.sent == 1 + waited / 0.25


# Inputs


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("2027-02-01T10:00:00Z", "2028-06-30T22:15:00Z"),
        ("2027-02-01T08:30:00Z", "2028-06-30T20:45:00Z"),
        ("2027-02-03", "2028-07-02"),
        ("2026-12-24", "2028-05-22"),
        ("2019-01-05", "2019-01-05"),
        ("2027-13-01", "2027-13-01"),
        ("on 2027-02-01", "on 2027-02-01"),
        ([{"startDate": "2027-02-01"}, 7, None], [{"startDate": "2028-06-30"}, 7, None]),
    ],
)
def test_dates_move_with_the_beginning_of_a_story(value: object, moved: object) -> None:
    """Moments and days within two years of it, by as much as it has; a day of birth stays."""
    now = datetime(2028, 6, 30, 22, 15, 0, 999, tzinfo=UTC)
    assert begun({"a": value}, "2027-02-01T10:00:00Z", now) == {"a": moved}


def _inputs(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    path = bundled_journeys()[name]
    return inputs_under_load(prepared(Library().open(path), name), given)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("police-notice", {}, {"circumstances": "A young child was found alone in a shop. {marker}"}),
        ("police-notice", {"circumstances": "x {number}"}, {"circumstances": "x {number}"}),
        ("adoption", {}, {"given-name": "Zoë Mae", "family-name": "van der Berg"}),
        ("suspension", {}, {"child": {"nhsNumber": "{child.nhsNumber}", "upn": "{child.upn}"}}),
        ("suspension", {"child": {"nhsNumber": "1", "upn": "2"}}, {"child": {"nhsNumber": "1", "upn": "2"}}),
        ("partial-batch", {}, {"request-id": "{uuid}"}),
    ],
)
def test_a_journey_has_inputs_of_its_own_for_each_play(
    name: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """What is given stays; else what the document says; else a marker in every sentence, and in no name."""
    found = _inputs(name, given)
    assert {key: found[key] for key in expected} == expected
    assert needs_child(found) is ("{child." in json.dumps(expected))


def test_places_differ_for_each_arrival() -> None:
    """No two arrivals have a value in common but the child's, which is chosen for them."""
    child = {"nhsNumber": "9992158115"}
    one, other = (places(f"jlabcdefu{n}n{n}z", n, n, child) for n in (1, 2))
    assert {key for key in one if one[key] == other[key]} == {"{child.nhsNumber}"}
    assert filled({"a": ["{child.nhsNumber} {user}"]}, one) == {"a": ["9992158115 1"]}
