"""Nobody gets in without a valid, current credential, and nobody gets further than it allows."""

import pytest

from joinedup.conformance.authentication import (
    findings,
    is_behind_a_credential,
    signatures,
    try_gates,
    weakly_signed,
    what_could_not_be_made,
)
from joinedup.conformance.check import Check, blocked, not_applicable
from joinedup.conformance.identities import TokenServer
from joinedup.conformance.scopes import of_one_cause, scopes_of, try_doors
from joinedup.conformance.target import OWN, Target


@pytest.mark.requirement("AUT-01")
def test_refuses_whoever_has_no_valid_credential(harvested: Target, check: Check) -> None:
    """A request that succeeds with a credential is refused without one, and with every forged one."""
    if not any(is_behind_a_credential(harvested, operation) for operation in harvested.operations):
        raise not_applicable(
            "each operation is declared public or takes a credential in its body, as a token endpoint does"
        )
    trial = try_gates(harvested)
    check.report(*findings(trial))
    for part in what_could_not_be_made(harvested):
        check.leaves_out(part)
    if not trial.refused and not trial.accepted:
        raise blocked(
            "no operation behind a credential ever succeeded, so that a refusal would prove nothing"
        )
    check.proves(times=sum(trial.refused.values()))


@pytest.mark.requirement("AUT-02")
def test_refuses_a_token_that_lacks_the_scope(harvested: Target, check: Check) -> None:
    """A token that was given for one thing does not open another."""
    if len(scopes_of(harvested)) < 2:
        raise not_applicable("no operation needs a scope that another does not")
    if not isinstance(harvested.identities[OWN].auth, TokenServer):
        raise blocked(
            "not exercised, because only with flow client-credentials or private-key-jwt can a token be asked for that has fewer scopes"
        )
    doors = try_doors(harvested)
    check.report(*of_one_cause(doors))
    check.proves(times=doors.held)
    for part in doors.left_out:
        check.leaves_out(part)
    if not doors.held and not doors.reports:
        raise blocked("not exercised, because no token with fewer scopes was issued and let in")


@pytest.mark.requirement("AUT-09")
def test_signs_tokens_with_a_key_that_cannot_be_guessed(harvested: Target, check: Check) -> None:
    """The tokens that our callers hold are not signed with a key from a short list."""
    found = signatures(harvested)
    for signed in found:
        if signed.kind == "weak":
            check.report(weakly_signed(harvested, signed))
            return
    kinds = {signed.kind for signed in found}
    if "strong" in kinds:
        check.leaves_out("guessing more than a short list of common and published keys")
    if not kinds & {"strong", "asymmetric"}:
        raise not_applicable(
            "the credentials of our callers are opaque: they show no signature that could be guessed"
        )
    check.proves(times=len(found))
