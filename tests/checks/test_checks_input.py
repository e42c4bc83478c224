"""Input: what the contract rules out, what it allows, and what must break nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from judged import Judge, found, harvested, outcome_of

from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.slow_patterns import grows
from joinedup.conformance.suite import test_input as suite
from joinedup.conformance.target import OWN

STYLES = ("cursor", "offset", "link")


@pytest.mark.parametrize(
    "defect",
    [
        "overlong-summary-accepted",
        "overlong-note-accepted",
        "urgency-past-its-bound-accepted",
        "unknown-need-accepted",
        "unknown-properties-accepted",
        "urgency-of-nothing-accepted",
        "urgency-as-text-accepted",
        "empty-summary-accepted",
        "null-accepted-for-a-name",
        "malformed-postcode-accepted",
        "observation-without-offset-accepted",
        "thirtieth-of-february-accepted",
        "referral-without-urgency-accepted",
        "plain-text-body-accepted",
        "practitioner-role-not-needed",
    ],
)
def test_finds_each_near_miss_that_is_accepted(defect: str) -> None:
    """An input that is wrong in one way and accepted is found, once, under the requirement on input."""
    with harvested("link", defect) as target:
        check = outcome_of(suite.test_refuses_near_misses, target, "CON-API-10", "CON-API-12")
    over_a_limit = {"SEC-03"} if defect.startswith("overlong") else set()
    assert found(check) == {"CON-API-10"} | over_a_limit
    assert len(check.findings) == 1


@pytest.mark.parametrize("style", ["cursor", "offset"])
@pytest.mark.parametrize(
    ("defect", "judge", "broken"),
    [
        ("accents-lost-in-names", suite.test_gives_text_back_as_it_was_sent, {"CON-API-08"}),
        ("apostrophes-lost-in-names", suite.test_gives_text_back_as_it_was_sent, {"CON-API-08"}),
        ("apostrophes-turned-into-markup", suite.test_gives_text_back_as_it_was_sent, {"CON-API-08"}),
        ("long-names-cut-short", suite.test_gives_text_back_as_it_was_sent, {"CON-API-08"}),
        ("people-with-one-name-refused", suite.test_takes_people_with_one_name, {"CON-API-08", "CON-API-11"}),
        ("longest-family-name-refused", suite.test_takes_what_the_contract_allows, {"CON-API-11"}),
        ("summer-time-offset-refused", suite.test_takes_what_the_contract_allows, {"CON-API-11"}),
        ("lower-case-postcode-refused", suite.test_takes_what_the_contract_allows, {"CON-API-11"}),
        ("offset-of-an-observation-lost", suite.test_keeps_moments, {"CON-API-09"}),
        ("hour-that-summer-time-repeats-confused", suite.test_keeps_moments, {"CON-API-09"}),
        ("creation-time-without-offset", suite.test_writes_dates_as_rfc_3339, {"CON-API-09"}),
        (
            "untyped-body-taken-for-none",
            suite.test_makes_nothing_of_a_body_that_it_does_not_see,
            {"CON-API-10"},
        ),
        ("untyped-body-crashes", suite.test_survives_hostile_input, {"CON-API-12"}),
        ("emoji-crashes", suite.test_takes_what_the_contract_allows, {"CON-API-12"}),
        ("emoji-crashes", suite.test_survives_hostile_input, {"CON-API-12"}),
        ("null-character-crashes", suite.test_survives_hostile_input, {"CON-API-12"}),
        ("null-body-crashes", suite.test_survives_hostile_input, {"CON-API-12"}),
        ("deep-nesting-crashes", suite.test_survives_hostile_input, {"CON-API-12"}),
        ("huge-number-crashes", suite.test_survives_hostile_input, {"CON-API-12"}),
        ("apostrophe-crashes-search", suite.test_treats_characters_as_data, {"CON-API-12", "SEC-08"}),
        ("apostrophe-finds-everything", suite.test_treats_characters_as_data, {"SEC-08"}),
        ("percent-sign-finds-everything", suite.test_treats_characters_as_data, {"SEC-08"}),
    ],
)
def test_finds_what_is_lost_or_refused(style: str, defect: str, judge: Judge, broken: set[str]) -> None:
    """Text that is not kept, and input that the contract allows and the service refuses, are found."""
    with harvested(style, defect) as target:
        check = outcome_of(judge, target, *ALL)
    assert found(check) == broken


ALL = ("CON-API-08", "CON-API-09", "CON-API-10", "CON-API-11", "CON-API-12", "SEC-08")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("judge", "requirement"),
    [
        (suite.test_refuses_near_misses, "CON-API-10"),
        (suite.test_gives_text_back_as_it_was_sent, "CON-API-08"),
        (suite.test_takes_people_with_one_name, "CON-API-08"),
        (suite.test_takes_what_the_contract_allows, "CON-API-11"),
        (suite.test_survives_hostile_input, "CON-API-12"),
        (suite.test_treats_characters_as_data, "SEC-08"),
        (suite.test_makes_nothing_of_a_body_that_it_does_not_see, "CON-API-10"),
        (suite.test_writes_dates_as_rfc_3339, "CON-API-09"),
        (suite.test_keeps_moments, "CON-API-09"),
    ],
)
def test_is_silent_on_a_service_that_keeps_its_promises(style: str, judge: Judge, requirement: str) -> None:
    """A clean service of any style passes, having been put to the test."""
    with harvested(style) as target:
        check = outcome_of(judge, target, requirement)
    assert check.findings == []
    assert [result.outcome for result in check.results()] == [Outcome.PASS]


@pytest.mark.parametrize(
    ("times", "slow"),
    [
        (lambda length: 0.00002 * 2 ** (length - 12), True),
        (lambda length: 0.000001 * length**3, False),
        (lambda length: 0.002, False),
        (lambda length: 2.0, False),
        (lambda length: 0.9 if length == 30 else 0.2, False),
    ],
)
def test_tells_a_pattern_that_hangs_from_a_slow_server(times: Callable[[int], float], slow: bool) -> None:
    """Only time that explodes with the length counts; a server that is slow, or slow once, does not."""
    assert grows(times) is slow


def test_lets_a_server_guess_what_a_body_is() -> None:
    """A service that reads a body without a Content-Type as what it is breaks no promise of its own."""
    with harvested("cursor", "plain-text-body-accepted") as target:
        check = outcome_of(suite.test_makes_nothing_of_a_body_that_it_does_not_see, target, "CON-API-10")
    assert check.findings == []
    assert [result.outcome for result in check.results()] == [Outcome.PASS]


@pytest.mark.parametrize("style", STYLES)
def test_changes_objects_of_its_own_only(style: str) -> None:
    """What the service held before the checks came is unchanged after them, but for what the harvest itself changed."""
    with harvested(style) as target:
        readings = [
            good.step for (label, who), good in target.good.items() if label.startswith("GET") and who == OWN
        ]
        single = [step for step in readings if step.path_parameters]
        before = [target.client.send(step).json() for step in single]
        outcome_of(suite.test_gives_text_back_as_it_was_sent, target, "CON-API-08")
        outcome_of(suite.test_takes_what_the_contract_allows, target, "CON-API-11")
        after = [target.client.send(step).json() for step in single]
    changed = [step.operation for step, one, two in zip(single, before, after, strict=True) if one != two]
    assert not any(label.startswith("GET /v1/referrals/{") and label.endswith("}") for label in changed)
