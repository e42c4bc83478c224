"""The contracts of the bundled agencies are valid, self-contained and say everything that they should."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from joinedup.mocks import systems
from joinedup.mocks.bundle import contract_names, each_operation, load_contract, resolve
from joinedup.mocks.operations import Compiler

SYSTEMS = contract_names()
OPERATIONS = [
    pytest.param(name, path, method, id=f"{name} {method} {path}")
    for name in SYSTEMS
    for path, method, _ in each_operation(load_contract(name))
]


def definition(system: str, path: str, method: str) -> dict[str, Any]:
    """An operation of a contract."""
    found: dict[str, Any] = load_contract(system)["paths"][path][method.lower()]
    return found


def nodes(node: Any) -> Iterator[Any]:
    """The node and everything within it."""
    yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(inner)


def examples(holder: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Schema and value of every example of the content of a body or an answer."""
    for content in holder.get("content", {}).values():
        for example in content.get("examples", {}).values():
            yield content["schema"], example["value"]


def request_schemas(contract: dict[str, Any], path: str, method: str) -> Iterator[Any]:
    """The schemas of a request: its parameters and its bodies, references followed."""
    operation = contract["paths"][path][method.lower()]
    for parameter in (*contract["paths"][path].get("parameters", []), *operation.get("parameters", [])):
        yield resolve(contract, parameter)["schema"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield content["schema"]


def expanded(contract: dict[str, Any], schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema, references followed."""
    found = resolve(contract, schema)
    yield found
    inner = [*found.get("properties", {}).values(), *found.get("oneOf", [])]
    for each in (*inner, *([found["items"]] if "items" in found else [])):
        yield from expanded(contract, each)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_contract_is_valid(system: str) -> None:
    """A validator of OpenAPI has nothing against it, and has where it is spoilt."""
    contract = load_contract(system)
    validate(contract)
    del contract["info"]["title"]
    with pytest.raises(OpenAPIValidationError):
        validate(contract)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_contract_is_self_contained(system: str) -> None:
    """Every reference stays within the document and leads somewhere."""
    contract = load_contract(system)
    for node in nodes(contract):
        if isinstance(node, dict) and "$ref" in node:
            assert node["$ref"].startswith("#/")
            assert resolve(contract, node) is not None


def test_every_system_has_a_contract_and_every_contract_a_system() -> None:
    """The catalogue and the folder of contracts agree, but for the control plane, which is no agency."""
    assert {system.name for system in systems()} | {"control"} == set(SYSTEMS)


def test_social_care_has_at_least_ten_operations() -> None:
    """The first agency is worth testing."""
    assert len(next(s for s in systems() if s.name == "social-care").operations) >= 10


@pytest.mark.parametrize(("system", "path", "method"), OPERATIONS)
def test_an_operation_is_described(system: str, path: str, method: str) -> None:
    """Each has an operationId, a summary, its security, a success and an error."""
    operation = definition(system, path, method)
    statuses = {int(status) // 100 for status in operation["responses"]}
    assert operation["operationId"]
    assert operation["summary"]
    assert "security" in operation
    assert {2, 4} <= statuses


@pytest.mark.parametrize(("system", "path", "method"), OPERATIONS)
def test_examples_validate(system: str, path: str, method: str) -> None:
    """Every example is one of its schema, check digits included, and every body and JSON answer has one."""
    contract = load_contract(system)
    compiler = Compiler(contract)
    operation = definition(system, path, method)
    holders = [resolve(contract, r) for r in operation["responses"].values()]
    holders += [operation["requestBody"]] if "requestBody" in operation else []
    for holder in holders:
        found = list(examples(holder))
        assert bool(found) == bool(holder.get("content"))
        for schema, value in found:
            assert [error.message for error in compiler.validator(schema).iter_errors(value)] == []


@pytest.mark.parametrize(("system", "path", "method"), OPERATIONS)
def test_parameter_examples_validate(system: str, path: str, method: str) -> None:
    """Every example of a parameter is one of its schema."""
    contract = load_contract(system)
    operation = definition(system, path, method)
    for reference in (*contract["paths"][path].get("parameters", []), *operation.get("parameters", [])):
        parameter = resolve(contract, reference)
        if "example" in parameter:
            assert Compiler(contract).validator(parameter["schema"]).is_valid(parameter["example"])


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"format": "nhs-number"}, "{}"),
        ({"$ref": "#/components/schemas/Number"}, "{}"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Person"}}, [{"number": "{}"}]),
        ({"$ref": "#/components/schemas/Person"}, {"friend": {"number": "{}"}}),
        ({"properties": {"format": {"$ref": "#/components/schemas/Number"}}}, {"format": "{}"}),
    ],
)
def test_check_digits_are_checked_wherever_a_schema_leads(schema: Any, value: Any) -> None:
    """A wrong check digit is found directly, behind references, and where these go round in a circle."""
    person = {"properties": {"number": {"$ref": "#/components/schemas/Number"}}}
    person["properties"]["friend"] = {"$ref": "#/components/schemas/Person"}
    schemas = {"Number": {"type": "string", "format": "nhs-number"}, "Person": person}
    validator = Compiler({"openapi": "3.1.0", "components": {"schemas": schemas}}).validator(schema)
    good, bad = (
        json.loads(json.dumps(value).replace("{}", number)) for number in ("9990001006", "9990001007")
    )
    assert [validator.is_valid(good), validator.is_valid(bad)] == [True, False]


@pytest.mark.parametrize(("system", "path", "method"), OPERATIONS)
def test_every_input_is_bounded(system: str, path: str, method: str) -> None:
    """Strings have a length or a list of values, numbers a range, lists a most, objects a closed or bounded rest."""
    contract = load_contract(system)
    for schema in request_schemas(contract, path, method):
        for part in expanded(contract, schema):
            kind = part.get("type")
            listed = "enum" in part or "const" in part
            assert kind != "string" or listed or "maxLength" in part
            assert kind not in ("integer", "number") or {"minimum", "maximum"} <= set(part)
            assert kind != "array" or "maxItems" in part
            assert kind != "object" or part.get("additionalProperties", True) is not True


@pytest.mark.parametrize("system", SYSTEMS)
def test_patterns_are_read_alike_everywhere(system: str) -> None:
    """No pattern uses what engines disagree on, or repeats a repetition."""
    for node in nodes(load_contract(system)):
        if isinstance(node, dict) and isinstance(node.get("pattern"), str):
            pattern = node["pattern"]
            re.compile(pattern)
            assert pattern.startswith("^")
            assert pattern.endswith("$")
            assert not re.search(r"\(\?|\\[dwsbDWSBpP]|[+*]\)[+*{]|\+\+|\*\*", pattern)


@pytest.mark.parametrize("system", SYSTEMS)
def test_links_lead_to_operations(system: str) -> None:
    """Every link names an operation of the contract and only parameters that it has."""
    contract = load_contract(system)
    operations = {d["operationId"]: (path, d) for path, _, d in each_operation(contract)}
    for node in nodes(contract):
        for link in node.get("links", {}).values() if isinstance(node, dict) else ():
            path, target = operations[link["operationId"]]
            declared = [*contract["paths"][path].get("parameters", []), *target.get("parameters", [])]
            names = {resolve(contract, parameter)["name"] for parameter in declared}
            assert {name.removeprefix("header.") for name in link.get("parameters", {})} <= names


def test_no_personal_detail_is_part_of_a_url() -> None:
    """Parameters of path and query are opaque ids, paging, and a time of arrival: nothing about a child."""
    contract = load_contract("social-care")
    named = {
        resolve(contract, p)["name"]
        for path, _, d in each_operation(contract)
        for p in (*contract["paths"][path].get("parameters", []), *d.get("parameters", []))
        if resolve(contract, p)["in"] in ("path", "query")
    }
    says_nothing = {"limit", "cursor", "view", "receivedSince"}
    assert named >= {"contactId", "childId", *says_nothing}
    assert [name for name in named - says_nothing if not name.endswith("Id")] == []


def test_a_loaded_contract_is_the_callers_own() -> None:
    """Changing a loaded contract changes no other."""
    load_contract("auth")["paths"].clear()
    assert load_contract("auth")["paths"]


def test_an_unknown_contract_is_an_error() -> None:
    """There is no contract of a name that nobody gave."""
    with pytest.raises(KeyError):
        load_contract("no-such-system")


def test_contracts_are_json() -> None:
    """Nothing in a contract is lost on the way to JSON: dates are strings, keys are strings."""
    for system in SYSTEMS:
        contract = load_contract(system)
        assert json.loads(json.dumps(contract)) == contract
