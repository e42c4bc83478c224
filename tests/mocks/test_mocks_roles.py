"""A client may ask for what its organisation's work needs, and for nothing else."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from tour import Visitor, stopped_cast

from joinedup.mocks.auth import basic
from joinedup.mocks.cast import Cast, scopes
from joinedup.mocks.organisations import SPEAKERS, callers
from joinedup.mocks.roles import GRANTED, granted


def asked(client_id: str, scope: str) -> int:
    """The status of a token request of a client."""
    cast = stopped_cast(system="auth")
    visitor, client = Visitor(cast, "auth"), cast.tokens.clients[client_id]
    form = f"grant_type=client_credentials&scope={scope}".encode()
    headers = {"authorization": basic(client), "content-type": "application/x-www-form-urlencoded"}
    return visitor.send("token", "POST", "/oauth2/token", raw=form, headers=headers, token=None).status


@pytest.mark.parametrize(
    ("client", "scope", "status"),
    [
        ("school-999001", "school:concerns.write", 200),
        ("school-999001", "social-care:contacts.write", 200),
        ("school-999001", "police:notices.write", 400),
        ("school-999001", "social-care:children.read", 400),
        ("health-rx1ex", "cp-is:queries.write", 200),
        ("health-rx1ex", "cp-is:uploads.write", 400),
        ("council-e09000001", "cp-is:uploads.write", 200),
        ("council-e09000001", "police:missing.read", 200),
        ("council-e09000001", "police:missing.write", 400),
        ("police-42", "social-care:children.read", 400),
        ("supplier-app-e09000001", "identity:people.read", 400),
    ],
)
def test_a_token_is_given_for_what_a_role_needs(client: str, scope: str, status: int) -> None:
    """Anything else is no scope of that client (RFC 6749, 5.2)."""
    assert asked(client, scope) == status


@pytest.mark.parametrize("system", SPEAKERS)
def test_who_calls_an_agency_may_ask_for_all_that_it_has(system: str) -> None:
    """So that each operation can be tried by its usual callers."""
    clients = Cast([system]).tokens.clients
    its = {scope for scope in scopes() if scope.startswith(f"{system}:")}
    assert its
    assert all(its <= set(clients[name].scopes) for name in callers(system).values())


@pytest.mark.parametrize(("system", "pattern"), [(s, p) for s, patterns in GRANTED.items() for p in patterns])
def test_every_grant_is_of_a_scope_elsewhere(system: str, pattern: str) -> None:
    """None names what no contract has, or what the agency has anyway."""
    assert [scope for scope in scopes() if fnmatchcase(scope, pattern)]
    assert not pattern.startswith(f"{system}:")


def test_nobody_writes_what_only_one_kind_of_organisation_does() -> None:
    """Police records, a school's, a hospital's care, and a council's casework have one writer."""
    theirs = {
        "police": ("police:notices.write", "police:missing.write", "police:protection.write"),
        "school": ("school:suspensions.write", "school:concerns.write", "school:attendance.write"),
        "health": ("health:attendances.write", "health:appointments.write", "health:referrals.write"),
        "social-care": ("social-care:protection.write", "social-care:care.write", "cp-is:uploads.write"),
    }
    writers = {
        scope: {system for system in GRANTED if scope in granted(system, scopes())}
        for written in theirs.values()
        for scope in written
    }
    expected = {scope: {system} for system, written in theirs.items() for scope in written}
    expected["cp-is:uploads.write"].add("cp-is")
    assert writers == expected
