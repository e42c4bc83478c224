"""What one contract takes from callers of the one before it; and made-up people."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judged import found, harvested, outcome_of

from joinedup.conformance.breaking_changes import findings, same_major
from joinedup.conformance.contract import Contract, parse_contract
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_versions as suite
from joinedup.conformance.synthetic import real_people_in_examples

CHILD: dict[str, Any] = {
    "type": "object",
    "required": ["name", "age"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "name": {"type": "string", "maxLength": 60, "minLength": 1},
        "age": {"type": "integer", "minimum": 0, "maximum": 25},
        "need": {"type": "string", "enum": ["housing", "parenting"]},
        "postcode": {"type": "string", "pattern": "^[A-Za-z0-9 ]{5,8}$"},
        "notes": {"type": "array", "items": {"type": "string"}},
    },
}
_JSON = {"application/json": {"schema": {"$ref": "#/components/schemas/Child"}}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Children", "version": "1.2.0"},
    "security": [],
    "paths": {
        "/v1/children": {
            "get": {
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                    {"name": "X-Request-ID", "in": "header", "schema": {"type": "string"}},
                ],
                "responses": {"200": {"description": "Done.", "content": _JSON}},
            },
            "post": {
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewChild"}}}
                },
                "responses": {
                    "201": {"description": "Done.", "content": _JSON},
                    "202": {"description": "Later."},
                },
            },
        }
    },
    "components": {"schemas": {"Child": CHILD, "NewChild": copy.deepcopy(CHILD)}},
}
Edit = Callable[[dict[str, Any]], object]


def _contract(edit: Edit = lambda _document: None) -> Contract:
    document = copy.deepcopy(DOCUMENT)
    edit(document)
    return parse_contract(json.dumps(document).encode(), origin="test")


def _answer(document: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = document["components"]["schemas"]["Child"]
    return schema


def _new(document: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = document["components"]["schemas"]["NewChild"]
    return schema


def _get(document: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"]["/v1/children"]["get"]
    return operation


def _post(document: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"]["/v1/children"]["post"]
    return operation


BREAKING: list[tuple[Edit, str, str]] = [
    (lambda d: d["paths"]["/v1/children"].pop("post"), "operation-removed", "POST /v1/children"),
    (lambda d: _post(d)["responses"].pop("202"), "status-removed", "status 202"),
    (lambda d: _answer(d)["properties"].pop("need"), "answer-property-removed", "Child.need"),
    (lambda d: _answer(d)["required"].remove("age"), "answer-property-optional", "Child.age"),
    (lambda d: _answer(d)["properties"]["age"].update(type="string"), "answer-type-widened", "Child.age"),
    (lambda d: _answer(d)["properties"]["age"].update(nullable=True), "answer-type-widened", "Child.age"),
    (lambda d: _get(d)["parameters"].pop(0), "parameter-removed", "query parameter limit"),
    (lambda d: _get(d)["parameters"][0].update(required=True), "input-required", "query parameter limit"),
    (
        lambda d: _get(d)["parameters"][0]["schema"].update(maximum=50),
        "input-narrowed",
        "query parameter limit",
    ),
    (
        lambda d: _get(d)["parameters"].append(
            {"name": "role", "in": "query", "required": True, "schema": {"type": "string"}}
        ),
        "input-required",
        "query parameter role",
    ),
    (lambda d: _new(d)["required"].append("need"), "input-required", "NewChild.need"),
    (lambda d: _new(d)["properties"]["name"].update(maxLength=35), "input-narrowed", "NewChild.name"),
    (lambda d: _new(d)["properties"]["name"].update(minLength=2), "input-narrowed", "NewChild.name"),
    (lambda d: _new(d)["properties"]["age"].update(maximum=18), "input-narrowed", "NewChild.age"),
    (lambda d: _new(d)["properties"]["age"].update(type="string"), "input-narrowed", "NewChild.age"),
    (lambda d: _new(d)["properties"]["need"]["enum"].remove("housing"), "input-narrowed", "NewChild.need"),
    (
        lambda d: _new(d)["properties"]["postcode"].update(pattern="^[A-Z]+$"),
        "input-narrowed",
        "NewChild.postcode",
    ),
    (
        lambda d: _new(d)["properties"]["notes"]["items"].update(maxLength=9),
        "input-narrowed",
        "NewChild.notes[]",
    ),
    (lambda d: _new(d).update(additionalProperties=False), "input-narrowed", "NewChild"),
    (lambda d: _post(d)["requestBody"].update(required=True), "input-required", "request body"),
    (
        lambda d: _post(d)["requestBody"].update(content={"application/xml": {}}),
        "media-type-removed",
        "request body as application/json",
    ),
    (
        lambda d: (
            _get(d).update(security=[{"key": []}]),
            d["components"].update(
                securitySchemes={"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
            ),
        ),
        "credential-required",
        "GET /v1/children",
    ),
]


@pytest.mark.parametrize(("edit", "rule", "where"), BREAKING)
def test_names_a_change_that_breaks_callers(edit: Edit, rule: str, where: str) -> None:
    """Each change that may break a caller is one finding, with its kind and its place."""
    assert [(f.rule, f.where) for f in findings(_contract(), _contract(edit))] == [(rule, where)]


HARMLESS: list[Edit] = [
    lambda d: None,
    lambda d: d["paths"].update({"/v1/schools": {"get": {"responses": {"200": {"description": "Done."}}}}}),
    lambda d: _answer(d)["properties"].update(school={"type": "string"}),
    lambda d: _answer(d)["properties"]["name"].update(maxLength=35),
    lambda d: _answer(d)["required"].append("need"),
    lambda d: _new(d)["properties"].update(school={"type": "string"}),
    lambda d: _new(d)["properties"]["name"].update(maxLength=120),
    lambda d: _new(d)["properties"]["age"].update(minimum=-1, type="number"),
    lambda d: _new(d)["properties"]["need"]["enum"].append("other"),
    lambda d: _new(d)["required"].remove("age"),
    lambda d: _new(d)["properties"]["postcode"].pop("pattern"),
    lambda d: _get(d)["parameters"].append({"name": "role", "in": "query", "schema": {"type": "string"}}),
    lambda d: _get(d)["parameters"][1].update(name="x-request-id"),
    lambda d: _post(d)["responses"].update({"409": {"description": "Conflict."}}),
    lambda d: _new(d)["required"].append("id"),
]


@pytest.mark.parametrize("edit", HARMLESS)
def test_is_silent_on_a_change_that_breaks_nobody(edit: Edit) -> None:
    """What is new and optional, wider for input or narrower for answers breaks no caller."""
    assert findings(_contract(), _contract(edit)) == []


@pytest.mark.parametrize(
    ("version", "same"), [("1.3.0", True), ("2.0.0", False), ("v1", True), ("next", True)]
)
def test_compares_within_a_major_version(version: str, same: bool) -> None:
    """Another major version may break callers; where none is stated, it is taken for the same."""
    assert same_major(_contract(), _contract(lambda d: d["info"].update(version=version))) is same


def test_judges_the_previous_contract_of_the_configuration(tmp_path: Path) -> None:
    """The check reads the previous contract and reports what is gone since; with the same contract it passes."""
    with harvested("cursor") as target:
        previous = copy.deepcopy(target.contract.document)
    same, more = tmp_path / "same.json", tmp_path / "more.json"
    same.write_text(json.dumps(previous))
    previous["paths"]["/v1/schools"] = {"get": {"responses": {"200": {"description": "Done."}}}}
    more.write_text(json.dumps(previous))
    with harvested("cursor", previous_contract=str(same)) as target:
        clean = outcome_of(suite.test_takes_nothing_from_callers, target, "VER-02")
    with harvested("cursor", previous_contract=str(more)) as target:
        broken = outcome_of(suite.test_takes_nothing_from_callers, target, "VER-02")
    assert [result.outcome for result in clean.results()] == [Outcome.PASS]
    assert clean.findings == []
    assert found(broken) == {"VER-02"}


@pytest.mark.parametrize(
    ("example", "real"),
    [("9434765919", False), ("999 000 1073", False), ("4010232137", True), ("4010232138", False)],
)
def test_finds_a_number_that_may_be_somebodys(example: str, real: bool) -> None:
    """A valid NHS number outside the ranges for tests is found by the name of its property; others are not."""
    property_ = {
        "nhsNumber": {"type": "string", "example": example},
        "phone": {"type": "string", "example": example},
    }
    contract = _contract(lambda d: _answer(d)["properties"].update(property_))
    assert [f.rule for f in real_people_in_examples(contract)] == (
        ["real-nhs-number-in-contract"] if real else []
    )


@pytest.mark.parametrize("style", ["cursor", "offset"])
def test_passes_a_service_of_made_up_people(style: str) -> None:
    """The clean service's contract holds made-up people only."""
    with harvested(style) as target:
        check = outcome_of(suite.test_holds_made_up_people_only, target, "TST-01")
    assert check.findings == []
    assert [result.outcome for result in check.results()] == [Outcome.PASS]
