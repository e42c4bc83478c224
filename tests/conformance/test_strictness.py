"""What the contract rules out is refused, wherever in a body it stands; a system that looks at nothing is told so once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from judged import found, outcome_of
from parks import CONTRACT, SEEDED, Answer, Asked, Parks, answer, refusal, serving, target_of

from joinedup.conformance.check import Check
from joinedup.conformance.harvest import harvest
from joinedup.conformance.inside import fits, taken, value_at, with_value, without
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_input

NEED = {
    "type": "object",
    "required": ["code", "weight"],
    "properties": {
        "code": {"type": "string", "enum": ["A1", "B2"]},
        "weight": {"type": "integer", "minimum": 1, "maximum": 5},
        "since": {"type": "string", "format": "date"},
    },
}
PERSON = {
    "type": "object",
    "required": ["kind", "family"],
    "properties": {
        "kind": {"const": "person"},
        "family": {"type": "string", "maxLength": 40, "minLength": 1},
    },
}
BODY = {
    "type": "object",
    "required": ["kind", "seats"],
    "properties": {"kind": {"const": "body"}, "seats": {"type": "integer", "minimum": 1}},
}
LOOSE = {"type": "object", "required": ["note"], "properties": {"note": {"type": "string"}}}
SCHEMA = {
    "type": "object",
    "required": ["needs", "owner", "site"],
    "properties": {
        "needs": {"type": "array", "minItems": 1, "maxItems": 3, "items": NEED},
        "owner": {"oneOf": [PERSON, BODY]},
        "contact": {
            "anyOf": [{"allOf": [LOOSE, {"properties": {"note": {"maxLength": 30}}}]}, {"type": "boolean"}]
        },
        "site": {
            "type": "object",
            "required": ["place"],
            "properties": {
                "place": {
                    "type": "object",
                    "required": ["code"],
                    "properties": {"code": {"type": "string", "pattern": "^[A-Z]{2}$"}},
                }
            },
        },
    },
}
GONE = object()


def with_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The contract of the parks whose create takes a body of its own."""
    contract: dict[str, Any] = json.loads(json.dumps(CONTRACT))
    body = contract["paths"]["/parks"]["post"]["requestBody"]["content"]["application/json"]
    body["schema"] = schema
    return contract


def edited(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The schema with one keyword changed or taken away, as a server that forgets it has it."""
    copied = json.loads(json.dumps(SCHEMA))
    changed: dict[str, Any] = without(copied, path) if value is GONE else with_value(copied, path, value)
    return changed


def held_to(schema: dict[str, Any]) -> Callable[[Asked], Answer | None]:
    """A create that takes what a schema allows, and refuses with 400 whatever else is sent."""
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)

    def instead(asked: Asked) -> Answer | None:
        if asked.method != "POST" or asked.path != "/parks":
            return None
        try:
            body = json.loads(asked.body)
        except ValueError:
            return refusal(400)
        return (
            answer(201, {"id": "p-one", "name": "Amber Green"}) if validator.is_valid(body) else refusal(400)
        )

    return instead


def near_misses(instead: Callable[[Asked], Answer | None], contract: dict[str, Any]) -> Check:
    """The check on near misses, run against a system."""

    def as_json_only(asked: Asked) -> Answer | None:
        as_json = not asked.body or asked.headers.get("content-type", "").startswith("application/json")
        return instead(asked) if as_json or instead is takes_all else refusal(415)

    with serving(Parks(as_json_only)) as base_url:
        target = target_of(base_url, contract=contract)
        harvest(target)
        check = outcome_of(test_input.test_refuses_near_misses, target, "CON-API-10", "CON-API-12", "SEC-03")
        target.client.close()
    return check


FORGOTTEN = [
    (("properties", "needs", "items", "properties", "code", "enum"), GONE, "needs.0.code"),
    (("properties", "needs", "items", "properties", "weight", "maximum"), GONE, "needs.0.weight"),
    (("properties", "needs", "items", "properties", "since", "format"), GONE, "needs.0.since"),
    (("properties", "needs", "items", "required"), ["code"], "needs.0.weight"),
    (("properties", "needs", "minItems"), GONE, "needs"),
    (("properties", "owner", "oneOf", "0", "properties", "family", "maxLength"), GONE, "owner.family"),
    (("properties", "owner", "oneOf", "0", "required"), ["kind"], "owner.family"),
    (("properties", "site", "properties", "place", "properties", "code", "pattern"), GONE, "site.place.code"),
    (
        ("properties", "contact", "anyOf", "0", "allOf", "1", "properties", "note", "maxLength"),
        GONE,
        "contact.note",
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "place"), FORGOTTEN, ids=[f"{p[-1]} of {w}" for p, _, w in FORGOTTEN]
)
def test_a_rule_that_is_forgotten_inside_is_found(path: tuple[str, ...], value: Any, place: str) -> None:
    """A keyword that a server forgets in a list, in an object or under an alternative is found, and told by its place."""
    check = near_misses(held_to(edited(path, value)), with_schema(SCHEMA))
    assert [finding.confirmed for finding in check.findings] == [True]
    assert f"the property {place} " in check.findings[0].expected


def test_a_server_that_keeps_to_its_schema_is_silent() -> None:
    """Lists, nested objects and alternatives that are held to their schemas give no finding, and a pass."""
    check = near_misses(held_to(SCHEMA), with_schema(SCHEMA))
    assert check.findings == []
    assert {r.requirement: r.outcome for r in check.results()}["CON-API-10"] is Outcome.PASS


def test_what_another_alternative_allows_is_no_miss() -> None:
    """A value that breaks the alternative it was taken from and fits the other is allowed, and nothing is said."""
    short = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "maxLength": 8}},
    }
    long = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "minLength": 9}},
    }
    schema = {"type": "object", "required": ["by"], "properties": {"by": {"oneOf": [short, long]}}}
    check = near_misses(held_to(schema), with_schema(schema))
    assert check.findings == []


# --- a system that looks at nothing


def takes_all(asked: Asked) -> Answer | None:
    """A success to whatever is sent."""
    if asked.headers.get("authorization", "") == "":
        return refusal(401)
    item = SEEDED["p-one"]
    if asked.method == "GET" and asked.path.partition("?")[0] == "/parks":
        return answer(200, {"items": list(SEEDED.values())})
    return answer(201, item) if asked.method == "POST" else answer(200, item)


def several_operations() -> dict[str, Any]:
    """A contract with bodies and parameters that a system may forget to look at."""
    contract = with_schema(SCHEMA)
    contract["paths"]["/parks"]["get"]["parameters"].append(
        {"name": "ward", "in": "query", "schema": {"type": "string", "enum": ["N", "S"]}}
    )
    named = {"type": "object", "required": ["name"], "additionalProperties": False}
    named["properties"] = {
        "name": {"type": "string", "minLength": 1, "maxLength": 20},
        "age": {"type": "integer"},
    }
    body = contract["paths"]["/parks/{parkId}"]["put"]["requestBody"]["content"]["application/json"]
    body["schema"] = named
    return contract


def only_tokens(search: bool) -> dict[str, Any]:
    """A contract in which nothing but an endpoint for tokens takes input, unless a list can be searched too."""
    contract = with_schema(SCHEMA)
    opens = contract["paths"]["/parks"]["post"]
    listing = {**contract["paths"]["/parks"]["get"], "parameters": []}
    if search:
        listing["parameters"] = [{"name": "ward", "in": "query", "schema": {"type": "string"}}]
    contract["paths"] = {"/parks": {"get": listing}, "/oauth2/token": {"post": opens}}
    return contract


@pytest.mark.parametrize(("search", "outcome"), [(False, Outcome.NOT_APPLICABLE), (True, Outcome.BLOCKED)])
def test_what_may_end_a_credential_is_left_to_generated_requests(search: bool, outcome: Outcome) -> None:
    """Where nothing else takes input, the check does not apply and names what is not tested; else it has no way out."""
    check = near_misses(lambda asked: refusal(400) if asked.method == "POST" else None, only_tokens(search))
    (result,) = (result for result in check.results() if result.requirement == "CON-API-10")
    assert result.outcome is outcome
    assert bool([part for part in result.not_tested if "/oauth2/token" in part]) is not search


def test_a_system_that_takes_everything_has_one_finding() -> None:
    """However many ways to be wrong are taken, of however many operations: nothing is validated, and that is said once."""
    check = near_misses(takes_all, several_operations())
    assert [finding.rule for finding in check.findings] == ["any-input-accepted"]
    assert found(check) == {"CON-API-10", "SEC-03"}
    assert set(check.findings[0].operations) == {"GET /parks", "POST /parks", "PUT /parks/{parkId}"}


def test_one_careless_operation_does_not_hide_what_another_forgets() -> None:
    """An operation that looks at what is sent keeps its own findings beside one that takes everything."""
    forgets = held_to(edited(("properties", "needs", "items", "properties", "code", "enum"), GONE))

    def instead(asked: Asked) -> Answer | None:
        return forgets(asked) if asked.method == "POST" else takes_all(asked)

    check = near_misses(instead, several_operations())
    assert sorted(finding.rule for finding in check.findings) == ["any-input-accepted", "near-miss-accepted"]
    told = {finding.rule: set(finding.operations) for finding in check.findings}
    assert told["near-miss-accepted"] == {"POST /parks"}


# --- alternatives


@pytest.mark.parametrize(
    ("value", "properties"),
    [
        ({"kind": "person", "family": "x"}, {"kind", "family"}),
        ({"kind": "body", "seats": 2}, {"kind", "seats"}),
        ({"kind": "else"}, set()),
        ("person", set()),
    ],
)
def test_an_accepted_value_decides_between_alternatives(value: Any, properties: set[str]) -> None:
    """The one alternative that a value fits is taken; where none or several fit, none is."""
    contract = target_of("http://127.0.0.1:9").contract
    node, chosen = taken(contract, {"oneOf": [PERSON, BODY]}, value)
    assert (set(node.get("properties", {})), chosen) == (properties, bool(properties))


def test_a_discriminator_decides_where_the_shapes_do_not() -> None:
    """The property that a contract names as the discriminator tells which schema is meant."""
    contract = with_schema(SCHEMA)
    shape = {"type": "object", "properties": {"kind": {"type": "string"}, "a": {"type": "string"}}}
    contract["components"]["schemas"] = {"Cat": shape, "Dog": {**shape, "required": ["kind"]}}
    read = target_of("http://127.0.0.1:9", contract=contract).contract
    references = [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]
    schema = {"oneOf": references, "discriminator": {"propertyName": "kind", "mapping": {"hound": "Dog"}}}
    node, chosen = taken(read, schema, {"kind": "hound"})
    assert chosen
    assert node["required"] == ["kind"]


@pytest.mark.parametrize(
    ("schema", "value", "fitting"),
    [
        ({"type": "integer"}, True, False),
        ({"type": ["string", "null"]}, None, True),
        ({"type": "string", "nullable": True}, None, True),
        ({"type": "array", "items": {"type": "string"}}, ["a"], True),
        ({"type": "array", "items": {"type": "string"}}, [1], False),
        ({"type": "object", "additionalProperties": False}, {"a": 1}, False),
        ({}, {"a": 1}, True),
    ],
)
def test_what_fits_a_schema(schema: dict[str, Any], value: Any, fitting: bool) -> None:
    """Types, names and fixed values count; true is no number."""
    assert fits(target_of("http://127.0.0.1:9").contract, schema, value) is fitting


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (("a", "0", "b"), {"a": [{"c": 2}, 3]}),
        (("a", "1"), {"a": [{"b": 1, "c": 2}]}),
        (("a",), {}),
        (("z", "b"), {"a": [{"b": 1, "c": 2}, 3]}),
    ],
)
def test_what_stands_inside_can_be_taken_away(path: tuple[str, ...], left: Any) -> None:
    """Names lead into objects and numbers into lists; what is not there is not missed."""
    assert without({"a": [{"b": 1, "c": 2}, 3]}, path) == left
    assert value_at(with_value({"a": [{"b": 1}]}, ("a", "0", "b"), 5), ("a", "0", "b")) == 5
