"""Passwords cannot be guessed. This comes last: it may lock an account."""

import pytest

from joinedup.conformance.attempts import goes_on, logins, password_operations, tells_accounts_apart
from joinedup.conformance.check import Check, blocked, not_applicable
from joinedup.conformance.evidence import confirm
from joinedup.conformance.target import Target

NO_ACCOUNT = "not exercised, because no identity of the configuration has a name and a password that the operation accepts"


def _stop_unless_testable(target: Target) -> None:
    if not password_operations(target):
        raise not_applicable("no operation of the contract takes an account and a password")
    if not target.destructive:
        raise blocked(
            "not exercised, because wrong passwords are only tried where limits.destructive is true"
        )


@pytest.mark.requirement("AUT-10")
def test_refuses_a_known_and_an_unknown_account_alike(harvested: Target, check: Check) -> None:
    """The refusal of a wrong password does not give away whether there is such an account."""
    _stop_unless_testable(harvested)
    for login in logins(harvested):
        tested, suspicion = tells_accounts_apart(harvested, login)
        check.proves(times=int(tested))
        if suspicion is not None:
            check.report(confirm(harvested, suspicion))
    if not check.results()[0].outcome == "pass":
        raise blocked(NO_ACCOUNT)


@pytest.mark.requirement("AUT-11")
def test_does_not_let_anybody_go_on_guessing(harvested: Target, check: Check) -> None:
    """Wrong passwords for one account are slowed down, locked out or refused at some point."""
    _stop_unless_testable(harvested)
    for login in logins(harvested):
        tested, suspicion = goes_on(harvested, login)
        check.proves(times=int(tested))
        if suspicion is not None:
            check.report(confirm(harvested, suspicion))
    if not check.results()[0].outcome == "pass":
        raise blocked(NO_ACCOUNT)
