"""Values that the contract allows are tried only where it says what they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from parks import CONTRACT, Asked, Parks, answer, refusal, serving, target_of

from joinedup.conformance.harvest import harvest
from joinedup.conformance.narrowing import Allowed, judge
from joinedup.conformance.places import bases


@pytest.mark.parametrize(
    ("schema", "refused"),
    [({"type": "string"}, True), ({}, False), ({"description": "A filter."}, False)],
)
def test_a_schema_that_says_nothing_promises_nothing(schema: dict[str, Any], refused: bool) -> None:
    """A property without a type may be refused for what stands in it; a text where a text is declared may not."""
    contract = json.loads(json.dumps(CONTRACT))
    body = contract["paths"]["/parks"]["post"]["requestBody"]["content"]["application/json"]
    body["schema"] = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "shade": schema},
    }

    def instead(asked: Asked) -> Any:
        return refusal(400) if asked.method == "POST" and b"shade" in asked.body else None

    with serving(Parks(instead)) as base_url:
        target = target_of(base_url, contract=contract)
        harvest(target)
        allowed = Allowed()
        for base in bases(target, "POST"):
            judge(base, allowed)
        target.client.close()
    told = {suspicion.rule for suspicion in allowed.causes if "shade" in suspicion.where}
    assert told == ({"allowed-input-refused"} if refused else set())


def told_of(schema: dict[str, Any], refuses: Callable[[dict[str, Any]], bool]) -> set[str]:
    """Where input that the contract allows is said to be refused, of parks whose create refuses some bodies."""
    contract = json.loads(json.dumps(CONTRACT))
    contract["paths"]["/owners"] = {"get": json.loads(json.dumps(CONTRACT["paths"]["/parks"]["get"]))}
    contract["paths"]["/owners"]["get"]["operationId"] = "listOwners"
    body = contract["paths"]["/parks"]["post"]["requestBody"]["content"]["application/json"]
    body["schema"] = schema

    def instead(asked: Asked) -> Any:
        if asked.path == "/owners":
            return answer(200, {"items": [{"id": "owner-one", "name": "Fern"}]})
        if asked.method != "POST":
            return None
        sent = json.loads(asked.body or b"null")
        fine = isinstance(sent, dict) and not refuses(sent)
        return answer(201, {"id": "p-one", "name": "Amber Green"}) if fine else refusal(400)

    with serving(Parks(instead)) as base_url:
        target = target_of(base_url, contract=contract)
        harvest(target)
        allowed = Allowed()
        for base in bases(target, "POST"):
            judge(base, allowed)
        target.client.close()
    assert allowed.accepted or allowed.causes
    return {suspicion.where.partition(", ")[2] for suspicion in allowed.causes}


TEXT = {"type": "string"}
TWO = {"type": "object", "properties": {"name": TEXT, "shade": TEXT}}
OWNED = {"type": "object", "required": ["name"], "properties": {"name": TEXT, "ownerReference": TEXT}}


@pytest.mark.parametrize(
    ("schema", "refuses", "told"),
    [
        ({**TWO, "minProperties": 2}, lambda sent: len(sent) < 2, set()),
        (
            {**TWO, "minProperties": 1},
            lambda sent: len(sent) < 2,
            {"the property name", "the property shade"},
        ),
        ({**TWO, "anyOf": [{"required": ["name"]}, {"required": ["shade"]}]}, lambda sent: not sent, set()),
        (OWNED, lambda sent: sent.get("ownerReference") == "owner-one", {"the property ownerReference"}),
        (OWNED, lambda sent: "ownerReference" in sent, {"the property ownerReference"}),
        (OWNED, lambda sent: sent.get("ownerReference", "owner-one") != "owner-one", set()),
    ],
    ids=["too-few", "enough", "either", "known-owner-refused", "owner-refused", "unknown-owner-refused"],
)
def test_a_value_is_allowed_only_with_what_stands_beside_it(
    schema: dict[str, Any], refuses: Callable[[dict[str, Any]], bool], told: set[str]
) -> None:
    """How many properties a body needs counts, and a reference is tried with what the system itself has named."""
    assert told_of(schema, refuses) == told
