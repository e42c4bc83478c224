"""Nobody gets in without a valid, current credential."""

from dataclasses import replace

import pytest

from joinedup.conformance.check import Check, blocked
from joinedup.conformance.evidence import Suspicion, confirm
from joinedup.conformance.expect import Expectation
from joinedup.conformance.target import OWN, Target


@pytest.mark.requirement("AUT-01")
def test_refuses_a_missing_credential(harvested: Target, check: Check) -> None:
    """A request that succeeds with a credential is refused without one."""
    tried = 0
    for operation in harvested.operations:
        good = harvested.good.get((operation.label, OWN))
        if good is None or harvested.is_declared_public(operation):
            continue
        tried += 1
        bare = harvested.client.send(replace(good.step, identity=None))
        if bare.ok:
            check.report(
                confirm(
                    harvested,
                    Suspicion(
                        rule="answers-without-a-credential",
                        requirements=("AUT-01",),
                        title="An operation answers without a credential",
                        expected="401, because the contract does not declare the operation public.",
                        actual=f"{bare.status}, as with a credential.",
                        exchanges=(bare,),
                        expectation=Expectation(never=("2XX",)),
                        cause="missing credential",
                        advice="Refuse it, or declare `security: []` on the operation if it is meant to be public.",
                    ),
                )
            )
    if not tried:
        raise blocked(
            "no operation behind a credential ever succeeded, so that a refusal would prove nothing"
        )
    check.proves(times=tried)
