"""Identifiers of people: near misses, and how they are answered."""

from __future__ import annotations

import random

import pytest
from judged import Judge, found, harvested, outcome_of

from joinedup.conformance.identifier_misses import KINDS, Kind, is_uln, is_upn, misses_of
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.places import Place
from joinedup.conformance.suite import test_identifiers as suite

NHS_MISSES = suite.test_refuses_what_is_nearly_an_nhs_number
OTHER_MISSES = suite.test_refuses_what_is_nearly_a_pupil_or_learner_number
ANSWERS = suite.test_answers_nhs_numbers_as_text


@pytest.mark.parametrize("style", ["cursor", "offset"])
@pytest.mark.parametrize(
    ("defect", "judge", "requirement"),
    [
        ("nhs-check-digit-not-checked", NHS_MISSES, "IDN-01"),
        ("learner-number-taken-for-nhs-number", NHS_MISSES, "IDN-02"),
        ("pupil-number-letter-not-checked", OTHER_MISSES, "IDN-02"),
        ("nhs-number-answered-as-number", ANSWERS, "IDN-01"),
    ],
)
def test_finds_each_identifier_that_is_not_checked(
    style: str, defect: str, judge: Judge, requirement: str
) -> None:
    """A slip in an identifier that is taken, or a number that is answered wrongly, is found under its requirement."""
    with harvested(style, defect) as target:
        check = outcome_of(judge, target, "IDN-01", "IDN-02")
    assert requirement in found(check)
    assert found(check) <= {"IDN-01", "IDN-02"}


@pytest.mark.parametrize("style", ["cursor", "offset", "link"])
@pytest.mark.parametrize("judge", [NHS_MISSES, OTHER_MISSES, ANSWERS])
def test_is_silent_where_identifiers_are_checked(style: str, judge: Judge) -> None:
    """A service that checks its identifiers passes, having been put to the test."""
    with harvested(style) as target:
        check = outcome_of(judge, target, "IDN-01")
    assert check.findings == []
    assert [result.outcome for result in check.results()] == [Outcome.PASS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("seed", range(20))
def test_a_near_miss_is_never_valid(kind: Kind, seed: int) -> None:
    """Whatever the seed, no near miss happens to be a valid identifier of the kind that it misses."""
    place = Place("body", ("number",), {"type": "string"}, False)
    misses = list(misses_of(kind, place, random.Random(seed)))
    assert len(misses) >= 7
    assert not any(isinstance(miss.value, str) and kind.is_valid(miss.value) for miss in misses)


@pytest.mark.parametrize(
    ("is_valid", "value", "expected"),
    [
        (is_uln, "9900000012", True),
        (is_uln, "9900000013", False),
        (is_upn, "T001000025001", True),
        (is_upn, "A001000025001", False),
        (is_upn, "t001000025001", False),
    ],
)
def test_knows_a_valid_identifier(is_valid: object, value: str, expected: bool) -> None:
    """Check digits and letters are computed as their standards say, for pseudo authorities too."""
    assert callable(is_valid)
    assert is_valid(value) is expected
