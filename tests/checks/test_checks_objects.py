"""Objects of our own: under a new parent where the one that is known has one already."""

from __future__ import annotations

import json
from typing import Any

from parks import CONTRACT, Asked, Parks, answer, refusal, serving, target_of

from joinedup.conformance.harvest import harvest
from joinedup.conformance.objects import fresh

NAMED = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
CREATED = {"201": {"description": "x", "content": {"application/json": {"schema": NAMED}}}}
BODY = {"required": True, "content": {"application/json": {"schema": NAMED}}}
POST = {"requestBody": BODY, "responses": CREATED}
# The parameter's name is part of its parent's path, as in Chroma's own document.
PARAMETER = {"name": "park", "in": "path", "required": True, "schema": {"type": "string"}}
NESTED: dict[str, Any] = {
    **CONTRACT,
    "paths": {"/parks": {"post": POST}, "/parks/{park}/ponds": {"parameters": [PARAMETER], "post": POST}},
}


def test_makes_a_new_parent_where_a_parameter_is_named_as_its_collection() -> None:
    """A park that has its one pond is no obstacle: the next pond lies in a new park."""
    taken: set[str] = set()

    def one_pond_each(asked: Asked) -> Any:
        park = asked.path.removeprefix("/parks/").removesuffix("/ponds")
        if not asked.path.endswith("/ponds"):
            return None
        if park in taken:
            return refusal(409)
        taken.add(park)
        return answer(201, {"id": f"pond-{park}", **json.loads(asked.body)})

    with serving(Parks(one_pond_each)) as base_url:
        target = target_of(base_url, contract=NESTED)
        harvest(target)
        create = target.contract.operation("POST /parks/{park}/ponds")
        assert create is not None
        made = fresh(target, create)
        target.client.close()
    assert made is not None
    assert made.ok
    assert len(taken) == 2
