"""An object that has no free text yet is given one, so that its changes can be judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from judged import outcome_of
from parks import CONTRACT, Answer, Asked, Parks, answer, refusal, serving, target_of

from joinedup.conformance import concurrency
from joinedup.conformance.check import Check
from joinedup.conformance.harvest import harvest
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_sequences

AREA = {"type": "integer", "minimum": 1, "maximum": 90}
NEW = {"type": "object", "required": ["area"], "properties": {"area": AREA}}
PATCH: dict[str, Any] = {"type": "object", "properties": {"area": AREA, "note": {"type": ["string", "null"]}}}
PARK = {"type": "object", "properties": {"id": {"type": "string"}, **PATCH["properties"]}}
Store = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


def _contract() -> dict[str, Any]:
    contract: dict[str, Any] = json.loads(json.dumps(CONTRACT))
    item = contract["paths"]["/parks/{parkId}"]
    item["patch"] = item.pop("put")
    for operation, schema in ((contract["paths"]["/parks"]["post"], NEW), (item["patch"], PATCH)):
        operation["requestBody"]["content"]["application/json"]["schema"] = schema
    for operation in (contract["paths"]["/parks"]["post"], item["get"], item["patch"]):
        success = next(r for status, r in operation["responses"].items() if status.startswith("2"))
        success["content"]["application/json"]["schema"] = PARK
    tag = {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}}
    item["patch"]["parameters"] = [tag]
    return contract


class Fields:
    """Parks that hold an area and, once it is set, a note, each state with a tag of its own."""

    def __init__(self, store: Store, *, condition: bool = True, empty: dict[str, Any] | None = None) -> None:
        self._store, self._condition, self._empty = store, condition, empty or {}
        self._held: dict[str, tuple[int, dict[str, Any]]] = {}

    def __call__(self, asked: Asked) -> Answer | None:
        """The answer to what is about one park; None for anything else."""
        key = asked.path.rpartition("/")[2]
        if asked.method == "POST" and asked.path == "/parks":
            body = json.loads(asked.body or b"null")
            if not isinstance(body, dict) or set(body) != {"area"}:
                return refusal(400)
            key = f"p-{len(self._held)}"
            self._held[key] = (0, {**self._empty, **body, "id": key})
        elif key not in self._held:
            return None
        elif asked.method == "PATCH" and (refused := self._change(asked, key)) is not None:
            return refused
        state, park = self._held[key]
        return answer(201 if asked.method == "POST" else 200, park, ETag=f'"{state}"')

    def _change(self, asked: Asked, key: str) -> Answer | None:
        state, park = self._held[key]
        if self._condition and asked.headers.get("if-match") != f'"{state}"':
            return refusal(412)
        self._held[key] = (state + 1, self._store(park, json.loads(asked.body)))
        return None


def _kept(park: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    return {**park, **sent}


def _lost(park: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    return {**park, **{name: value for name, value in sent.items() if name != "note"}}


def _checked(fields: Fields, judge: Callable[..., None], requirement: str, **more: Any) -> Check:
    with serving(Parks(fields)) as base_url:
        target = target_of(base_url, contract=_contract())
        harvest(target)
        check = outcome_of(lambda harvested, check: judge(harvested, check, **more), target, requirement)
        target.client.close()
    return check


@pytest.mark.parametrize(
    ("fields", "outcome", "rules"),
    [
        (Fields(_kept), Outcome.PASS, []),
        (Fields(_kept, empty={"note": None}), Outcome.PASS, []),
        (Fields(_lost, empty={"note": None}), None, ["change-is-lost"]),
        (Fields(_lost), Outcome.BLOCKED, []),
    ],
    ids=["kept", "null-before", "lost", "never-shown"],
)
def test_a_text_that_was_not_there_before_is_kept(
    fields: Fields, outcome: Outcome | None, rules: list[str]
) -> None:
    """A text is set where there was none; one that stays null is lost, and one that is never shown proves nothing."""
    check = _checked(fields, test_sequences.test_keeps_changes, "CON-API-13")
    assert [finding.rule for finding in check.findings] == rules
    assert outcome is None or [result.outcome for result in check.results()] == [outcome]


@pytest.mark.parametrize(("condition", "rules"), [(True, []), (False, ["stale-change-taken"])])
def test_two_writers_of_an_object_without_a_text_are_kept_apart(condition: bool, rules: list[str]) -> None:
    """Whether a stale tag is taken is judged although a new object has no text that could be changed."""
    fields = Fields(_kept, condition=condition)
    stale = concurrency.stale
    check = _checked(fields, test_sequences.test_keeps_two_writers_apart, "CCY-01", attempt=stale)
    assert [finding.rule for finding in check.findings] == rules
    assert rules or [result.outcome for result in check.results()] == [Outcome.PASS]
