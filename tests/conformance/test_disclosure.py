"""What an answer holds is compared with the schema of the media type that it has."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from parks import CONTRACT, target_of

from joinedup.conformance.disclosure import undeclared
from joinedup.conformance.exchanges import Exchange, Response, Step

BRIEF: dict[str, Any] = {"type": "object", "properties": {"name": {"type": "string"}}}
WHOLE: dict[str, Any] = {"type": "object", "properties": {"name": {}, "internalId": {"type": "string"}}}


@pytest.mark.parametrize(
    ("media_type", "told"),
    [
        ("application/json", []),
        ("application/json; charset=utf-8", []),
        ("Application/JSON", []),
        ("application/vnd.parks.v2+json", ["/internalId"]),
        ("application/problem+json", ["/internalId"]),
    ],
)
def test_an_answer_is_held_against_its_own_media_type(media_type: str, told: list[str]) -> None:
    """A property that one media type declares and another does not is undeclared in answers of the other only."""
    contract = json.loads(json.dumps(CONTRACT))
    answers = contract["paths"]["/parks/{parkId}"]["get"]["responses"]["200"]
    answers["content"] = {
        "application/vnd.parks.v2+json": {"schema": BRIEF},
        "application/json": {"schema": WHOLE},
    }
    target = target_of("http://127.0.0.1:9", contract=contract)
    operation = target.contract.operation("GET /parks/{parkId}")
    assert operation is not None
    body = json.dumps({"name": "Amber Green", "internalId": "x1"}).encode()
    step = Step("GET", operation.path, {"parkId": "p-one"}, operation=operation.label)
    exchange = Exchange(step, Response(200, httpx.Headers({"Content-Type": media_type}), body))
    assert [pointer for pointer, _ in undeclared(target.contract, operation, exchange)] == told


@pytest.mark.parametrize(
    ("value", "told"), [("**********", []), ("", []), ("<redacted>", []), ("s3cret", ["/key"])]
)
def test_a_masked_secret_is_no_secret(value: str, told: list[str]) -> None:
    """A write-only property may come back as stars, as settings pages show it, and not as what was written."""
    contract = json.loads(json.dumps(CONTRACT))
    schema = {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}}
    answers = contract["paths"]["/parks/{parkId}"]["get"]["responses"]["200"]
    answers["content"] = {"application/json": {"schema": schema}}
    target = target_of("http://127.0.0.1:9", contract=contract)
    operation = target.contract.operation("GET /parks/{parkId}")
    assert operation is not None
    received = httpx.Headers({"Content-Type": "application/json"})
    step = Step("GET", operation.path, {"parkId": "p-one"}, operation=operation.label)
    exchange = Exchange(step, Response(200, received, json.dumps({"key": value}).encode()))
    assert [pointer for pointer, _ in undeclared(target.contract, operation, exchange)] == told
