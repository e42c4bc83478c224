"""What callers have no say in is theirs to set nowhere: neither in an object nor in one inside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from judged import found, outcome_of
from parks import CONTRACT, Answer, Asked, Parks, answer, refusal, serving, target_of

from joinedup.conformance.check import Check
from joinedup.conformance.harvest import harvest
from joinedup.conformance.suite import test_isolation

AUDIT = {
    "type": "object",
    "properties": {
        "by": {"type": "string"},
        "review": {"type": "object", "properties": {"passed": {"type": "boolean"}}},
    },
}
SITE: dict[str, Any] = {"type": "object", "properties": {"street": {"type": "string"}}}
NEW = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "site": SITE},
}
PARK = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "name": {"type": "string"},
        "audit": AUDIT,
        "site": {**SITE, "properties": {**SITE["properties"], "surveyor": {"type": "string"}}},
    },
}
MADE = {
    "audit": {"by": "the system itself", "review": {"passed": False}},
    "site": {"surveyor": "the surveyor"},
}


def _contract() -> dict[str, Any]:
    contract: dict[str, Any] = json.loads(json.dumps(CONTRACT))
    for path, method in (("/parks", "post"), ("/parks/{parkId}", "put")):
        contract["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"] = NEW
    for operation in (contract["paths"]["/parks"]["post"], *_of_an_item(contract)):
        for status, response in operation["responses"].items():
            if status.startswith("2") and "content" in response:
                response["content"]["application/json"]["schema"] = PARK
    return contract


def _of_an_item(contract: dict[str, Any]) -> list[dict[str, Any]]:
    item = contract["paths"]["/parks/{parkId}"]
    return [item["get"], item["put"]]


Keep = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


def keeping(keep: Keep) -> Callable[[Asked], Answer | None]:
    """Parks that store of a body what ``keep`` makes of it and of what the system sets itself."""
    held: dict[str, dict[str, Any]] = {}

    def instead(asked: Asked) -> Answer | None:
        if asked.method == "POST" and asked.path == "/parks":
            key = f"p-{len(held)}"
        elif asked.method in ("PUT", "GET") and asked.path.startswith("/parks/"):
            key = asked.path.rpartition("/")[2]
            if key not in held:
                return None
        else:
            return None
        if asked.method != "GET":
            body = json.loads(asked.body or b"null")
            if not isinstance(body, dict) or not isinstance(body.get("name"), str):
                return refusal(400)
            held[key] = {**keep(body, json.loads(json.dumps(MADE))), "id": key}
        return answer(201 if asked.method == "POST" else 200, held[key])

    return instead


def _only_what_is_declared(body: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    street = body.get("site", {}).get("street", "")
    return {**made, "name": body["name"], "site": {**made["site"], "street": street}}


def _whole_site(body: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "name": body["name"], "site": {**made["site"], **body.get("site", {})}}


def _reviewed(body: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    review = body.get("audit", {}).get("review", {})
    return {
        **_only_what_is_declared(body, made),
        "audit": {**made["audit"], "review": {**made["audit"]["review"], **review}},
    }


def _checked(keep: Keep, contract: dict[str, Any] | None = None) -> Check:
    with serving(Parks(keeping(keep))) as base_url:
        target = target_of(base_url, contract=contract or _contract())
        harvest(target)
        check = outcome_of(test_isolation.test_ignores_what_is_not_the_callers_to_set, target, "SEC-01")
        target.client.close()
    return check


@pytest.mark.parametrize(
    ("keep", "name"),
    [(_whole_site, "site.surveyor"), (_reviewed, "audit.review.passed")],
    ids=["mixed", "deep"],
)
def test_a_property_inside_an_object_that_takes_effect_is_found(keep: Keep, name: str) -> None:
    """A property of an inner object that only the system sets is found where a caller can set it, by its whole name."""
    check = _checked(keep)
    assert found(check) == {"SEC-01"}
    assert {finding.expected.split(" as the system")[0].rpartition(" ")[2] for finding in check.findings} == {
        name
    }


def test_a_system_that_takes_only_what_it_declares_is_silent() -> None:
    """What is sent beside the declared properties has no effect, and nothing is said."""
    check = _checked(_only_what_is_declared)
    assert check.findings == []
    assert [str(result.outcome) for result in check.results()] == ["pass"]


def test_what_one_form_of_a_body_may_hold_is_the_callers() -> None:
    """A property that a request declares in one of several forms is the caller's to set."""
    forms: tuple[dict[str, Any], ...]
    contract, forms = _contract(), ({**NEW, "required": ["name", "site"]}, {**NEW, "required": ["name"]})
    for form in forms:
        form["additionalProperties"] = False
    for path, method in (("/parks", "post"), ("/parks/{parkId}", "put")):
        content = contract["paths"][path][method]["requestBody"]["content"]["application/json"]
        content["schema"] = {"anyOf": list(forms)}
    check = _checked(_only_what_is_declared, contract)
    assert check.findings == []
    assert [str(result.outcome) for result in check.results()] == ["pass"]
