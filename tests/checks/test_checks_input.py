"""Input: what the contract rules out, what it allows, and what must break nothing."""

from __future__ import annotations

import pytest
from judged import found, harvested, outcome_of

from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_input as suite

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
    assert found(check) == {"CON-API-10"}
    assert len(check.findings) == 1


@pytest.mark.parametrize("style", STYLES)
def test_is_silent_on_near_misses_that_are_refused(style: str) -> None:
    """A service that refuses what its contract rules out passes, having been put to the test."""
    with harvested(style) as target:
        check = outcome_of(suite.test_refuses_near_misses, target, "CON-API-10", "CON-API-12")
    assert check.findings == []
    assert {result.outcome for result in check.results()} == {Outcome.PASS}
