"""Codes are those of the national lists, in what is answered and in what is taken in."""

from __future__ import annotations

import pytest

from joinedup.conformance.check import Check, not_applicable
from joinedup.conformance.code_lists import (
    Listed,
    declared_lists,
    everything_read,
    judge_answer,
    judge_request,
    lists_of,
)
from joinedup.conformance.places import bases, filled
from joinedup.conformance.target import Target

NOTHING = "no answer and no request that was accepted has a property that by its name holds such a code"


@pytest.mark.requirement("VAL-01", "VAL-02", "VAL-03", "VAL-04")
def test_uses_national_codes(harvested: Target, check: Check) -> None:
    """Every code that is read is of its national list, on its day, and a code that is of none is not taken in."""
    listed = Listed(lists_of(*check.requirements), declared_lists(harvested.contract))
    for exchange in everything_read(harvested):
        judge_answer(exchange, listed)
    for base in bases(harvested, "POST", "PUT", "PATCH"):
        judge_request(filled(harvested, base), listed)
    check.report(*listed.causes.findings(harvested))
    for requirement, times in listed.tried.items():
        check.proves(requirement, times=times)
    check.ends(not_applicable(NOTHING))
