"""Answers under load are judged as they are in a check, only faster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from joinedup.conformance.contract import Contract, parse_contract
from joinedup.scenarios.load_validation import SampledValidator

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Children", "version": "1"},
    "paths": {
        "/children": {
            "get": {
                "operationId": "listChildren",
                "responses": {
                    "200": {
                        "description": "Children.",
                        "headers": {
                            "X-Request-ID": {"required": True, "schema": {"type": "string", "minLength": 3}}
                        },
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["count"],
                                    "properties": {"count": {"type": "integer"}},
                                }
                            }
                        },
                    },
                    "204": {"description": "None."},
                },
            }
        }
    },
}
GOOD = {"content-type": "application/json", "x-request-id": "abc"}


@pytest.fixture(scope="module")
def contract() -> Contract:
    """A contract with one operation."""
    return parse_contract(json.dumps(DOCUMENT).encode(), origin="children.json")


@pytest.mark.parametrize(
    ("status", "headers", "body", "kinds"),
    [
        (200, {}, b'{"count": 1}', []),
        (200, {}, b'{"count": "1"}', ["schema"]),
        (200, {}, b"{}", ["schema"]),
        (200, {}, b"{", ["body-not-parsable"]),
        (200, {}, b'{"count": NaN}', ["body-not-parsable"]),
        (200, {}, b'{"count": 1, "deep": ' + b"[" * 390 + b"]" * 390 + b"}", []),
        (200, {"x-request-id": "a"}, b'{"count": 1}', ["header-invalid"]),
        (200, {"x-request-id": None}, b'{"count": 1}', ["header-missing"]),
        (200, {"content-type": "text/plain"}, b"1", ["undeclared-media-type"]),
        (204, {"content-type": None}, b"", []),
        (418, {}, b"{}", ["undeclared-status"]),
        (503, {}, b"{}", []),
    ],
)
def test_the_fast_way_finds_the_same(
    contract: Contract, status: int, headers: dict[str, Any], body: bytes, kinds: list[str]
) -> None:
    """Each way to break a contract is found, also the second time; statuses of the HTTP layer need no declaration."""
    operation = contract.operations[0]
    validator = SampledValidator(contract._responses, 1.0)
    sent = {name: value for name, value in {**GOOD, **headers}.items() if value is not None}
    for _ in range(2):
        assert [breach.kind for breach in validator.breaches(operation, status, sent, body)] == kinds
    assert validator.judged == 2


def test_a_share_of_nothing_judges_nothing(contract: Contract) -> None:
    """Validation can be left out."""
    validator = SampledValidator(contract._responses, 0.0)
    assert validator.breaches(contract.operations[0], 418, {}, b"") == []
    assert validator.judged == 0
