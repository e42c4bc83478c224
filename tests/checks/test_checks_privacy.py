"""Privacy at the wire: what answers hold, where they may be kept, where links and redirections lead."""

from __future__ import annotations

import json

import httpx
import pytest
from judged import Judge, found, harvested, outcome_of

from joinedup.conformance.contract import parse_contract
from joinedup.conformance.disclosure import (
    leads_away,
    may_be_stored,
    personal_parameters,
    secrets_in,
    undeclared,
)
from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_privacy as suite


@pytest.mark.parametrize("style", ["cursor", "offset"])
@pytest.mark.parametrize(
    ("defect", "judge", "requirement"),
    [
        ("personal-answers-may-be-kept", suite.test_forbids_storing_personal_data, "PRV-03"),
        ("refusals-may-be-kept", suite.test_forbids_storing_personal_data, "PRV-03"),
        ("list-shows-home-address", suite.test_answers_nothing_personal_that_is_undeclared, "SEC-02"),
    ],
)
def test_finds_what_is_said_or_kept_too_much(style: str, defect: str, judge: Judge, requirement: str) -> None:
    """Personal data that is undeclared or may be stored is found, once."""
    with harvested(style, defect) as target:
        check = outcome_of(judge, target, requirement)
    assert found(check) == {requirement}
    assert len(check.findings) == 1


@pytest.mark.parametrize("style", ["cursor", "offset", "link"])
@pytest.mark.parametrize(
    ("judge", "requirement"),
    [
        (suite.test_forbids_storing_personal_data, "PRV-03"),
        (suite.test_answers_nothing_personal_that_is_undeclared, "SEC-02"),
        (suite.test_redirects_nowhere_else, "PRV-05"),
    ],
)
def test_is_silent_on_a_discreet_service(style: str, judge: Judge, requirement: str) -> None:
    """A clean service of any style passes, having been put to the test."""
    with harvested(style) as target:
        check = outcome_of(judge, target, requirement)
    assert check.findings == []
    assert [result.outcome for result in check.results()] == [Outcome.PASS]


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("/v1/children?nhsNumber=9990001073", ["nhsNumber"]),
        ("https://care.example/next?cursor=abc&date_of_birth=2014-03-15", ["date_of_birth"]),
        ("/v1/children?q=9990001073", ["q"]),
        ("/v1/children?cursor=abc&limit=2", []),
        ("/v1/children/9990001073", []),
    ],
)
def test_knows_personal_data_in_a_query(address: str, names: list[str]) -> None:
    """A query parameter is personal by its name, or by holding an NHS number."""
    assert personal_parameters(address) == names


def _answered(status: int = 200, body: object = None, **headers: str) -> Exchange:
    written = {name.replace("_", "-"): value for name, value in headers.items()}
    step = Step("GET", "/v1/children", operation="GET /v1/children")
    return Exchange(step, Response(status, httpx.Headers(written), json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("base_url", "location", "where"),
    [
        ("https://care.example/api", "/api/v2/children", ""),
        ("https://care.example/api", "https://care.example/login", ""),
        ("https://care.example", "https://other.example/v1/children", "to another origin"),
        ("https://care.example", "http://care.example/v1/children", "to an address without TLS"),
        ("http://care.example", "https://care.example/v1/children", ""),
    ],
)
def test_knows_a_redirection_that_leads_away(base_url: str, location: str, where: str) -> None:
    """Within the origin, or up to TLS, a redirection is harmless; to another origin or down to HTTP it is not."""
    assert leads_away(base_url, _answered(307, location=location)) == where


@pytest.mark.parametrize(
    ("control", "stored"),
    [("no-store", False), ("private, no-store", False), ("private", True), ("no-cache", True), ("", True)],
)
def test_knows_what_forbids_storing(control: str, stored: bool) -> None:
    """Only no-store forbids storing; private and no-cache do not."""
    assert may_be_stored(_answered(cache_control=control)) is stored


def test_sees_what_is_undeclared_beside_what_is() -> None:
    """Undeclared personal data and write-only properties are seen; what is declared, or open by declaration, is not."""
    child = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "pin": {"type": "string", "writeOnly": True},
            "more": {"type": "object", "additionalProperties": True, "properties": {"a": {"type": "string"}}},
        },
    }
    responses = {
        "200": {
            "description": "Done.",
            "content": {"application/json": {"schema": {"type": "array", "items": child}}},
        }
    }
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Children", "version": "1"},
        "paths": {"/v1/children": {"get": {"responses": responses}}},
    }
    contract = parse_contract(json.dumps(document).encode(), origin="test")
    operation = contract.operations[0]
    body = [
        {
            "name": "Sam",
            "dateOfBirth": "2014-03-15",
            "pin": "1234",
            "internalNotes": "x",
            "more": {"email": "sam@example.org"},
            "x": 1,
        }
    ]
    found = dict(undeclared(contract, operation, _answered(200, body)))
    assert found.keys() == {"/0/dateOfBirth", "/0/internalNotes", "/0/pin"}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"user": {"password": "correct horse"}}, ["/user/password"]),
        ({"clientSecret": "abc123"}, ["/clientSecret"]),
        ({"password": "********"}, []),
        ({"password": None, "apiKey": ""}, []),
        ({"passwordRules": "at least 12 characters"}, []),
    ],
)
def test_knows_a_secret_that_is_shown(body: object, pointers: list[str]) -> None:
    """A secret counts where it has a value; one that is masked, empty or only spoken of does not."""
    assert list(secrets_in(body)) == pointers
