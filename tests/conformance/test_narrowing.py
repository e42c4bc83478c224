"""Values that the contract allows are tried only where it says what they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from parks import CONTRACT, Asked, Parks, refusal, serving, target_of

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
