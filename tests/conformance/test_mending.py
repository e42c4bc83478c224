"""A refusal that says what it wants is taken at its word: the request is made anew until it is accepted."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from judged import found, outcome_of
from parks import CONTRACT, Answer, Asked, Parks, answer, serving, target_of

from joinedup.conformance.complaints import Fault, allowed_values, complaints_in, tokens_of
from joinedup.conformance.harvest import MOST_ATTEMPTS, MOST_MENDED, MOST_REFUSALS, harvest
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_exercise, test_input
from joinedup.conformance.target import Target

NAMES = ("name", "kind", "child", "postcode", "givenName", "ward", "owner")
MISSING, UNWANTED, UNKNOWN, WRONG = Fault.MISSING, Fault.UNWANTED, Fault.UNKNOWN, Fault.WRONG

# What a refusal says, in the forms of many systems: place, fault, and what is wanted.
FORMS: list[tuple[Any, tuple[str, ...], Fault, dict[str, Any]]] = [
    (
        {
            "title": "Bad",
            "status": 422,
            "errors": [{"pointer": "#/ward", "detail": "must be one of north, south"}],
        },
        ("ward",),
        WRONG,
        {"enum": ["north", "south"]},
    ),
    (
        {"detail": [{"type": "missing", "loc": ["body", "child", "postcode"], "msg": "Field required"}]},
        ("body", "child", "postcode"),
        MISSING,
        {},
    ),
    (
        {"detail": [{"type": "enum", "loc": ["body", "kind"], "msg": "Input should be 'open' or 'shut'"}]},
        ("body", "kind"),
        WRONG,
        {"enum": ["open", "shut"]},
    ),
    (
        {
            "detail": [
                {"type": "extra_forbidden", "loc": ["body", "ward"], "msg": "Extra inputs are not permitted"}
            ]
        },
        ("body", "ward"),
        UNWANTED,
        {},
    ),
    ({"field": "ward", "message": "is required"}, ("ward",), MISSING, {}),
    ({"errors": {"Ward": ["The Ward field is required."]}}, ("Ward",), MISSING, {}),
    ({"ward": ["This field may not be blank."]}, ("ward",), MISSING, {}),
    (
        {
            "errors": [
                {
                    "instancePath": "/child",
                    "params": {"missingProperty": "postcode"},
                    "message": "must have it",
                }
            ]
        },
        ("child", "postcode"),
        MISSING,
        {},
    ),
    (
        {
            "errors": [
                {"instancePath": "/kind", "params": {"allowedValues": ["a", "b"]}, "message": "must be equal"}
            ]
        },
        ("kind",),
        WRONG,
        {"enum": ["a", "b"]},
    ),
    (
        {"errors": [{"detail": "owner does not exist", "source": {"pointer": "/data/attributes/owner"}}]},
        ("data", "attributes", "owner"),
        UNKNOWN,
        {},
    ),
    ({"message": "'ward' is a required property"}, ("ward",), MISSING, {}),
    ({"message": "property 'wing' is required"}, ("wing",), MISSING, {}),
    ({"message": "Additional properties are not allowed ('ward' was unexpected)"}, ("ward",), UNWANTED, {}),
    ({"detail": "The given name must not be empty."}, ("givenName",), MISSING, {}),
    ({"error": "Unknown owner"}, ("owner",), UNKNOWN, {}),
    ("kind must be one of: open, shut.", ("kind",), WRONG, {"enum": ["open", "shut"]}),
    ("ward must match the pattern ^[A-Z]{2}[0-9]$", ("ward",), WRONG, {"pattern": "^[A-Z]{2}[0-9]$"}),
    ("ward must be a valid email address", ("ward",), WRONG, {"type": "string", "format": "email"}),
]


@pytest.mark.parametrize(("said", "path", "fault", "wanted"), FORMS)
def test_a_complaint_is_read_in_any_usual_form(
    said: Any, path: tuple[str, ...], fault: Fault, wanted: dict[str, Any]
) -> None:
    """The place, what is wrong there and what is wanted are told from a problem document, a map or a sentence."""
    found = complaints_in(said, NAMES)
    assert [(c.path, c.fault, dict(c.wanted)) for c in found] == [(path, fault, wanted)]


@pytest.mark.parametrize(
    "said",
    [
        {"title": "No."},
        {"timestamp": "2026-03-02", "status": 400, "error": "Bad Request", "path": "/parks"},
        {"message": "Something in the body is not allowed."},
        {"code": 17, "errors": []},
        "",
        None,
        [[[[[[[["ward is required"]]]]]]]],
    ],
)
def test_a_refusal_that_names_nothing_complains_of_nothing(said: Any) -> None:
    """No place is made up where a refusal gives none."""
    assert complaints_in(said, NAMES) == []


@pytest.mark.parametrize(
    ("said", "members"),
    [
        ("must be one of ['a', 'b']", ["a", "b"]),
        ("Allowed values are low, medium or high.", ["low", "medium", "high"]),
        ("'x' is not one of the allowed values: LOW|HIGH", ["LOW", "HIGH"]),
        ("must be open or shut", ["open", "shut"]),
        ("must be one of the people who live there", []),
        ("must be a text", []),
    ],
)
def test_which_values_a_sentence_allows(said: str, members: list[str]) -> None:
    """A list of values is one with commas, bars, quotes or the word or; a sentence that goes on is none."""
    assert allowed_values(said) == members


@pytest.mark.parametrize(
    ("place", "path"),
    [("#/a/0/b~1c", ("a", "0", "b/c")), ("$.a[0].b", ("a", "0", "b")), ("a", ("a",)), ("a['b']", ("a", "b"))],
)
def test_how_a_place_is_written(place: str, path: tuple[str, ...]) -> None:
    """Pointers, paths with dots and paths with brackets lead to the same names."""
    assert tokens_of(place) == path


# --- a system that tells only in its refusals what it wants

Demand = Callable[[dict[str, Any]], Any]


def demanding(demand: Demand, schema: dict[str, Any] | None = None) -> tuple[Parks, dict[str, Any]]:
    """Parks whose create refuses with what ``demand`` says of a body, and their contract, which says nothing of it."""

    def instead(asked: Asked) -> Answer | None:
        if asked.method != "POST" or asked.path != "/parks":
            return None
        said = demand(json.loads(asked.body or b"{}"))
        return answer(201, {"id": "p-new", "name": "New"}) if said is None else answer(422, said)

    contract = json.loads(json.dumps(CONTRACT))
    body = contract["paths"]["/parks"]["post"]["requestBody"]["content"]["application/json"]
    properties = {"name": {"type": "string"}, "ward": {"type": "string"}, "ownerRef": {"type": "string"}}
    body["schema"] = schema or {"type": "object", "required": ["name"], "properties": properties}
    return Parks(instead), contract


def after_harvest(parks: Parks, contract: dict[str, Any]) -> Target:
    """The system as a target, harvested."""
    with serving(parks) as base_url:
        target = target_of(base_url, contract=contract)
        harvest(target)
        target.client.close()
    return target


def _one_of(body: dict[str, Any]) -> Any:
    return None if body.get("ward") in ("NO1", "SO1") else {"detail": "ward must be one of NO1, SO1"}


def _undeclared(body: dict[str, Any]) -> Any:
    return None if "wing" in body else {"errors": [{"field": "wing", "message": "is required"}]}


def _not_allowed(body: dict[str, Any]) -> Any:
    unwanted = [name for name in body if name == "name"]
    return (
        {"detail": [{"loc": ["body", "name"], "msg": "Extra inputs are not permitted"}]} if unwanted else None
    )


def _known(body: dict[str, Any]) -> Any:
    return None if body.get("parkRef") == "p-one" else {"errors": {"parkRef": ["No such park."]}}


def _pattern(body: dict[str, Any]) -> Any:
    fits = str(body.get("ward", "")).startswith("W-") and str(body["ward"])[2:].isdecimal()
    return None if fits else {"errors": [{"pointer": "/ward", "detail": "must match ^W-[0-9]{3}$"}]}


def _one_thing_at_a_time(body: dict[str, Any]) -> Any:
    for demand in (_undeclared, _one_of, _pattern_of_owner):
        if (said := demand(body)) is not None:
            return said
    return None


def _pattern_of_owner(body: dict[str, Any]) -> Any:
    return None if "@" in str(body.get("ownerRef")) else {"message": "ownerRef must be a valid email address"}


@pytest.mark.parametrize(
    "demand",
    [_one_of, _undeclared, _not_allowed, _known, _pattern, _one_thing_at_a_time],
    ids=lambda d: d.__name__,
)
def test_a_create_succeeds_that_only_its_refusals_explain(demand: Demand) -> None:
    """What the contract keeps silent about is learned from the refusals, and the create is accepted."""
    target = after_harvest(*demanding(demand))
    assert ("POST /parks", "own") in target.good
    assert demand(target.good["POST /parks", "own"].step.body) is None


def test_a_property_of_a_list_and_of_an_object_is_mended_where_it_stands() -> None:
    """A pointer into a list leads to the item, and one into an object to its property."""
    item = {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}}
    properties = {"needs": {"type": "array", "items": item}, "site": {"type": "object", "properties": {}}}
    schema = {"type": "object", "required": ["needs", "site"], "properties": properties}

    def demand(body: dict[str, Any]) -> Any:
        wrong = [
            {"pointer": "/needs/0/code", "detail": "allowed values: A1, B2"}
            for need in body.get("needs", [])[:1]
            if need.get("code") not in ("A1", "B2")
        ]
        if "grid" not in body.get("site", {}):
            wrong.append({"pointer": "/site/grid", "detail": "is missing"})
        return {"errors": wrong} if wrong or not body.get("needs") else None

    target = after_harvest(*demanding(demand, schema))
    body = target.good["POST /parks", "own"].step.body
    assert body["needs"][0]["code"] in ("A1", "B2")
    assert "grid" in body["site"]


def test_a_query_parameter_that_is_asked_for_is_sent() -> None:
    """A list that wants a parameter which the contract calls optional, or keeps silent about, is read in the end."""

    def instead(asked: Asked) -> Answer | None:
        if asked.method == "GET" and asked.path.startswith("/parks") and "ward=N" not in asked.path:
            said = {"detail": [{"loc": ["query", "ward"], "msg": "Input should be 'N' or 'S'"}]}
            return answer(400, said) if not asked.path.startswith("/parks/") else None
        return None

    contract = json.loads(json.dumps(CONTRACT))
    contract["paths"]["/parks"]["get"]["parameters"].append(
        {"name": "ward", "in": "query", "schema": {"type": "string"}}
    )
    target = after_harvest(Parks(instead), contract)
    assert ("ward", "N") in target.good["GET /parks", "own"].step.query


def test_a_system_that_is_never_content_is_soon_left_alone() -> None:
    """However often it asks for something else, the attempts are few, and the same for the same answers."""
    parks, contract = demanding(lambda body: {"detail": f"'x{len(body)}' is a required property"})
    target = after_harvest(parks, contract)
    sent = [asked for asked in parks.asked if asked.method == "POST"]
    levels = 2
    assert ("POST /parks", "own") not in target.good
    assert 0 < len(sent) <= levels * (MOST_ATTEMPTS + MOST_REFUSALS * MOST_MENDED)


def test_a_refusal_that_explains_nothing_costs_nothing() -> None:
    """Where a refusal names no part of the request, no further attempt is made."""
    parks, contract = demanding(lambda body: {"title": "No."})
    after_harvest(parks, contract)
    assert len([asked for asked in parks.asked if asked.method == "POST"]) <= 2 * MOST_ATTEMPTS


DECLARED = {
    "type": "object",
    "required": ["name", "ward"],
    "properties": {"name": {"type": "string"}, "ward": {"enum": ["NO1", "SO1"]}},
}


@pytest.mark.parametrize(("schema", "told"), [(None, {"CON-API-11"}), (DECLARED, set())])
def test_what_only_a_refusal_says_is_found_missing_in_the_contract(
    schema: dict[str, Any] | None, told: set[str]
) -> None:
    """Once a create is accepted, the code list that the contract does not have is found; one that it has is none."""
    parks, contract = demanding(_one_of, schema)
    with serving(parks) as base_url:
        target = target_of(base_url, contract=contract)
        harvest(target)
        check = outcome_of(test_input.test_takes_what_the_contract_allows, target, "CON-API-11", "CON-API-12")
        target.client.close()
    assert found(check) == told


def test_what_never_succeeds_says_what_it_was_last_refused_for() -> None:
    """The report gives the answers and what the last refusal complained of, without a value from it."""
    parks, contract = demanding(
        lambda body: {"errors": [{"field": "ward", "message": "Alder ward does not exist"}]}
    )
    with serving(parks) as base_url:
        target = target_of(base_url, contract=contract)
        harvest(target)
        check = outcome_of(
            partial(test_exercise.test_succeeds_at_least_once, "POST /parks"), target, "CON-API-11"
        )
        target.client.close()
    (result,) = check.results()
    assert result.outcome is Outcome.BLOCKED
    assert "its last refusal said that ward names nothing that is known" in result.reason
    assert "Alder" not in result.reason
