"""Nobody gets in without a valid, current credential, and nobody gets further than it allows."""

import pytest

from joinedup.conformance.authentication import findings, try_gates, what_could_not_be_made
from joinedup.conformance.check import Check, blocked
from joinedup.conformance.target import Target


@pytest.mark.requirement("AUT-01")
def test_refuses_whoever_has_no_valid_credential(harvested: Target, check: Check) -> None:
    """A request that succeeds with a credential is refused without one, and with every forged one."""
    trial = try_gates(harvested)
    check.report(*findings(trial))
    for part in what_could_not_be_made(harvested):
        check.leaves_out(part)
    if not trial.refused and not trial.accepted:
        raise blocked(
            "no operation behind a credential ever succeeded, so that a refusal would prove nothing"
        )
    check.proves(times=sum(trial.refused.values()))
