"""National code lists: what is read is of them, on its day, and what is of none is not taken in."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from judged import agency, found, harvested, outcome_of

from joinedup.conformance.code_lists import Listed, judge_answer, lists_of
from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.national_lists import (
    ATTENDANCE,
    FACTORS,
    LISTS,
    PLACEMENT,
    SOURCE,
    NationalList,
    wrong_in,
)
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_code_lists as suite

IDS = ("VAL-01", "VAL-02", "VAL-03", "VAL-04")


@pytest.mark.parametrize(
    ("system", "fault", "requirement"),
    [
        ("social-care", "no-factor-among-factors-accepted", "VAL-01"),
        ("social-care", "category-of-its-own-shown", "VAL-02"),
        ("social-care", "ended-placement-type-shown", "VAL-03"),
        ("school", "ended-attendance-code-shown", "VAL-04"),
    ],
)
def test_finds_a_code_that_is_of_no_list(system: str, fault: str, requirement: str) -> None:
    """A code that is shown or taken although no national list has it is found under the list's requirement alone."""
    with agency(system, fault) as target:
        assert found(outcome_of(suite.test_uses_national_codes, target, *IDS)) == {requirement}


@pytest.mark.parametrize(
    ("system", "proved"), [("social-care", {"VAL-01", "VAL-02", "VAL-03"}), ("school", {"VAL-02", "VAL-04"})]
)
def test_is_silent_where_codes_are_national(system: str, proved: set[str]) -> None:
    """A system with the national codes passes, having been put to the test."""
    with agency(system) as target:
        check = outcome_of(suite.test_uses_national_codes, target, *IDS)
    assert check.findings == []
    assert {r.requirement for r in check.results() if r.outcome is Outcome.PASS} == proved


def test_does_not_apply_where_there_are_no_such_codes() -> None:
    """A service without any of the properties is not judged by them."""
    with harvested("offset") as target:
        check = outcome_of(suite.test_uses_national_codes, target, *IDS)
    assert {result.outcome for result in check.results()} == {Outcome.NOT_APPLICABLE}


@pytest.mark.parametrize(
    ("listed", "value", "holder", "is_wrong"),
    [
        (SOURCE, "1A", {}, False),
        (SOURCE, "5E", {}, True),
        (SOURCE, "Family or relative", {}, False),
        (FACTORS, ["21"], {}, False),
        (FACTORS, ["21", "16A"], {}, True),
        (FACTORS, ["18A"], {}, True),
        (PLACEMENT, "P2", {"startedOn": "2023-10-27"}, False),
        (PLACEMENT, "P2", {"startedOn": "2023-10-28"}, True),
        (PLACEMENT, "K3", {"start_date": "2025-03-31"}, True),
        (PLACEMENT, "K3", {"start_date": "2025-04-01T00:00:00Z"}, False),
        (PLACEMENT, "Z1", {}, False),
        (PLACEMENT, "Z9", {}, True),
        (ATTENDANCE, "H", {"date": "2024-08-18"}, False),
        (ATTENDANCE, "H", {"date": "2024-08-19"}, True),
        (ATTENDANCE, "Y1", {"date": "2026-11-02"}, False),
        (ATTENDANCE, "/", {"date": "2026-11-02"}, False),
        (ATTENDANCE, "Y", {"date": "2026-11-02"}, True),
    ],
)
def test_a_code_holds_on_its_day(
    listed: NationalList, value: Any, holder: dict[str, str], is_wrong: bool
) -> None:
    """Codes came and went; what is written in words is no code at all."""
    assert bool(wrong_in(listed, value, holder)) is is_wrong


@pytest.mark.parametrize("listed", LISTS, ids=lambda listed: listed.name)
def test_what_is_sent_as_wrong_is_wrong(listed: NationalList) -> None:
    """No near miss happens to be of its list."""
    assert not listed.holds(listed.wrong)


@pytest.mark.parametrize(
    ("body", "broken"),
    [
        ({"primary_need": "N1", "category_of_abuse": "NEG"}, set()),
        ({"rows": [{"primary_need": "N1"}, {"primary_need": "X1"}]}, {"VAL-01"}),
        ({"Legal-Status": "C9"}, {"VAL-02"}),
        ({"homes": [{"placement_type": "P2", "start_date": "2026-01-05"}]}, {"VAL-03"}),
        ({"source": "web", "category": "ABC", "code": "H"}, set()),
    ],
)
def test_properties_are_known_in_any_style(body: Any, broken: set[str]) -> None:
    """Names may be written in any way; a name that may mean anything is judged only by the contract's own list."""
    listed = Listed(lists_of(*IDS), {})
    response = Response(200, httpx.Headers({"content-type": "application/json"}), json.dumps(body).encode())
    judge_answer(Exchange(Step("GET", "/cases"), response), listed)
    assert {id for suspicion in listed.causes for id in suspicion.requirements} == broken
