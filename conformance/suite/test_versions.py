"""A new release breaks nobody, and a test service holds made-up people only."""

from __future__ import annotations

import pytest

from joinedup.conformance.breaking_changes import findings, same_major
from joinedup.conformance.check import Check, not_applicable
from joinedup.conformance.synthetic import real_people_in_examples
from joinedup.conformance.target import Target, read_contract


@pytest.mark.requirement("VER-02")
def test_takes_nothing_from_callers(target: Target, check: Check) -> None:
    """Compared with the previous contract, nothing is removed, narrowed or made required."""
    previous = read_contract(target.name, target.system, target.configuration, "previous_contract")
    if not same_major(previous, target.contract):
        raise not_applicable("the previous contract is of another major version, which may break callers")
    check.report(*findings(previous, target.contract))
    check.proves(times=len(previous.operations))


@pytest.mark.requirement("TST-01")
def test_holds_made_up_people_only(harvested: Target, check: Check) -> None:
    """No NHS number in an example of the contract lies outside the ranges set aside for tests; answers are watched anyway."""
    check.report(*real_people_in_examples(harvested.contract))
    # The first such number in an answer ends the run (see real_people.refuse_real_people), so that what came so far has none.
    check.proves(times=1 + sum(len(statuses) for statuses in harvested.answers.values()))
