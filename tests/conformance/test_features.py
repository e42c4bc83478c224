"""Features are read from a contract, and conditions on them are evaluated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.contract import Contract, load_contract, parse_contract
from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.features import NAMES, TESTS, Feature, features_of, holds, plain

CONTRACTS = Path(__file__).parents[1] / "contracts"
STRING = {"type": "string"}


def contract_of(method: str = "get", path: str = "/things", **operation: object) -> Contract:
    """A contract of one operation; ``components`` and ``webhooks`` go to the document."""
    document: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}}
    for key in ("components", "webhooks"):
        if key in operation:
            document[key] = operation.pop(key)
    written = {"operationId": "one", "responses": {"200": {"description": "OK"}}, **operation}
    document["paths"] = {path: {method: written}}
    return parse_contract(json.dumps(document).encode(), origin="c.json")


def parameter(name: str, location: str = "query", **schema: object) -> dict[str, Any]:
    """The parameters of an operation that takes one."""
    return {"parameters": [{"name": name, "in": location, "schema": schema or STRING}]}


def secured(**scheme: object) -> dict[str, Any]:
    """An operation that asks for a security scheme."""
    return {"security": [{"s": []}], "components": {"securitySchemes": {"s": scheme}}}


def answer(status: str = "200", **response: object) -> dict[str, Any]:
    """An operation with one response."""
    return {"responses": {status: {"description": "D", **response}}}


def properties(*names: str) -> dict[str, Any]:
    """An operation that answers with an object of some properties."""
    schema = {"type": "object", "properties": dict.fromkeys(names, STRING)}
    return answer(content={"application/json": {"schema": schema}})


FLOWS = {"clientCredentials": {"tokenUrl": "https://a.example/token", "scopes": {}}}
PROBLEM: dict[str, Any] = {"application/problem+json": {"schema": {}}}
SHOWN: list[tuple[Feature, dict[str, Any]]] = [
    (Feature.SECURITY_BEARER, secured(type="http", scheme="Bearer")),
    (Feature.SECURITY_BEARER, secured(type="oauth2", flows=FLOWS)),
    (
        Feature.SECURITY_BEARER,
        secured(**{"type": "apiKey", "name": "Authorization", "in": "header", "description": "Bearer token"}),
    ),
    (Feature.SECURITY_OAUTH2, secured(type="oauth2", flows=FLOWS)),
    (Feature.SECURITY_API_KEY, secured(**{"type": "apiKey", "name": "X-Key", "in": "header"})),
    (Feature.SECURITY_BASIC, secured(type="http", scheme="basic")),
    (Feature.SECURITY_MUTUAL_TLS, secured(type="mutualTLS")),
    (Feature.PAGING_CURSOR, parameter("next_page_token")),
    (Feature.PAGING_CURSOR, parameter("page[after]")),
    (Feature.PAGING_OFFSET, parameter("offset", type="integer")),
    (Feature.PAGING_PAGE, parameter("pageNumber", type="integer")),
    (Feature.PAGING_LINK, answer(headers={"Link": {"description": "The next page", "schema": STRING}})),
    (Feature.IDEMPOTENCY_KEY, {"method": "post", **parameter("Idempotency-Key", "header")}),
    (
        Feature.IDEMPOTENCY_KEY,
        {
            "method": "post",
            **parameter("X-Request-ID", "header", description="A repeated request has the same."),
        },
    ),
    (Feature.CONCURRENCY_IF_MATCH, {"method": "put", **parameter("If-Match", "header")}),
    (Feature.CREATE, {"method": "post", **answer("201")}),
    (Feature.READ, {}),
    (Feature.UPDATE, {"method": "patch"}),
    (Feature.DELETE, {"method": "delete"}),
    (Feature.ERRORS_PROBLEM, answer("400", content=PROBLEM)),
    (Feature.ERRORS_OPERATION_OUTCOME, {"components": {"schemas": {"OperationOutcome": {"type": "object"}}}}),
    (Feature.CORRELATION_REQUEST_ID, parameter("X-Correlation-ID", "header")),
    (Feature.IDENTIFIER_NHS_NUMBER, properties("nhs_number")),
    (Feature.IDENTIFIER_UPN, properties("uniquePupilNumber")),
    (Feature.IDENTIFIER_ULN, properties("uln")),
    (Feature.BATCH, {"path": "/things/bulk"}),
    (Feature.RATE_LIMIT, answer("429")),
    (Feature.DEPRECATION, {"deprecated": True}),
    (Feature.WEBHOOKS, {"webhooks": {"happened": {"post": {"responses": {"200": {"description": "OK"}}}}}}),
]


@pytest.mark.parametrize(("feature", "operation"), SHOWN)
def test_reads_each_feature(feature: Feature, operation: dict[str, Any]) -> None:
    """What a contract shows is read as the feature that it is."""
    assert feature in features_of(contract_of(**operation))


@pytest.mark.parametrize(
    ("feature", "operation"),
    [
        (
            Feature.SECURITY_BEARER,
            {"components": {"securitySchemes": {"s": {"type": "http", "scheme": "bearer"}}}},
        ),
        (Feature.PAGING_CURSOR, parameter("after", type="string", format="date")),
        (Feature.PAGING_OFFSET, parameter("start", type="string")),
        (Feature.PAGING_PAGE, parameter("page", type="boolean")),
        (
            Feature.PAGING_LINK,
            answer(headers={"Link": {"description": "The documentation", "schema": STRING}}),
        ),
        (Feature.IDEMPOTENCY_KEY, parameter("Idempotency-Key", "header")),
        (Feature.IDEMPOTENCY_KEY, {"method": "post", **parameter("X-Request-ID", "header")}),
        (
            Feature.IDEMPOTENCY_KEY,
            {"method": "post", **parameter("X-Request-ID", "header", description="For tracing.")},
        ),
        (Feature.CREATE, {"method": "post", **answer("200")}),
        (Feature.IDENTIFIER_UPN, properties("coupon", "upnext")),
        (Feature.RATE_LIMIT, answer("400")),
    ],
)
def test_does_not_read_what_is_not_shown(feature: Feature, operation: dict[str, Any]) -> None:
    """What only resembles a feature is not read as one."""
    assert feature not in features_of(contract_of(**operation))


def test_every_feature_can_be_shown() -> None:
    """No feature stands in the list that nothing can show."""
    assert {feature for feature, _ in SHOWN} == set(Feature) == set(TESTS)


def test_names_are_written_plain() -> None:
    """The table of names holds them as they are compared."""
    assert all(name == plain(name) for names in NAMES.values() for name in names)


def test_a_contract_shows_several_features() -> None:
    """The features of a whole contract are read together."""
    contract = load_contract(CONTRACTS / "sound.yaml")
    assert features_of(contract) == {
        Feature.SECURITY_BEARER,
        Feature.SECURITY_OAUTH2,
        Feature.PAGING_CURSOR,
        Feature.IDEMPOTENCY_KEY,
        Feature.CONCURRENCY_IF_MATCH,
        Feature.CREATE,
        Feature.READ,
        Feature.UPDATE,
        Feature.ERRORS_PROBLEM,
        Feature.CORRELATION_REQUEST_ID,
        Feature.RATE_LIMIT,
    }


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", True),
        ("  ", True),
        ("create", True),
        ("delete", False),
        ("not delete", True),
        ("not not create", True),
        ("create and delete", False),
        ("create or delete", True),
        ("delete or create and read", True),
        ("(delete or create) and not read", False),
        ("security.bearer and not paging.cursor", True),
        ("not(delete)and(create)", True),
        ("search-children and create", True),
    ],
)
def test_evaluates_conditions(expression: str, expected: bool) -> None:
    """Conditions are evaluated: not binds closest, then and, then or."""
    present = {"create", "read", "security.bearer", "search-children"}
    assert holds(expression, present, known={"search-children"}) is expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("paging.cursr", "Did you mean paging.cursor?"),
        ("create and", "name is missing"),
        ("and create", "name is missing"),
        ("create delete", "'delete' comes where it should end"),
        ("(create", "closing parenthesis"),
        ("create)", "comes where it should end"),
        ("create & delete", "cannot be read"),
        ("__import__('os')", "cannot"),
        ("(" * 500 + "create" + ")" * 494, "nested more"),
        ("create or " * 200 + "create", "longer than"),
        ("search-children", "not known"),
        ("create or unheard-of", "not known"),
    ],
)
def test_refuses_conditions_that_cannot_be_read(expression: str, message: str) -> None:
    """A condition that cannot be read, or names something unknown, is a configuration fault, even where it is moot."""
    with pytest.raises(ConfigurationError) as raised:
        holds(expression, {"create"})
    assert message in str(raised.value)
