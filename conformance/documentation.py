"""
CON-API-02: whether each operation is named, summed up, says how it succeeds and fails, and has true examples.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from joinedup.conformance.anatomy import Part, look_up, parts_of, pointer_to, tokens_of
from joinedup.conformance.contract import Contract, Operation
from joinedup.conformance.dialect import Direction
from joinedup.conformance.expectations import expectation
from joinedup.conformance.findings import Finding
from joinedup.conformance.operations import followed
from joinedup.conformance.responses import SchemaCompiler, is_json
from joinedup.conformance.rules import Place, Rule, at, has_operations, one_finding
from joinedup.conformance.usage import users_of

REQUIREMENT = "CON-API-02"


def _written(contract: Contract, operation: Operation) -> dict[str, Any]:
    found = look_up(contract.document, tokens_of(operation.pointer))
    return found if isinstance(found, dict) else {}


def _without(
    rule: str, title: str, expected: str, said: str, lacks: Callable[[Contract, Operation], bool]
) -> Rule:
    def judge(contract: Contract) -> Iterable[Finding]:
        places = (at(operation, said) for operation in contract.operations if lacks(contract, operation))
        return one_finding(rule, REQUIREMENT, title, expected, places)

    return Rule(rule, REQUIREMENT, judge, has_operations)


def _lacks_id(contract: Contract, operation: Operation) -> bool:
    return not _written(contract, operation).get("operationId")


def _lacks_summary(contract: Contract, operation: Operation) -> bool:
    written = _written(contract, operation)
    return not (written.get("summary") or written.get("description"))


def _declares_responses(contract: Contract, operation: Operation) -> bool:
    """Whether it declares any; that it declares none is said once, when the contract is read."""
    return not any(p.rule == "no-responses" and p.pointer == operation.pointer for p in contract.problems)


def _lacks_success(contract: Contract, operation: Operation) -> bool:
    succeeds = any(status[:1] in {"1", "2", "3"} for status in operation.responses)
    return not succeeds and _declares_responses(contract, operation)


def _lacks_error(contract: Contract, operation: Operation) -> bool:
    fails = any(status[:1] in {"4", "5"} or status == "default" for status in operation.responses)
    return not fails and _declares_responses(contract, operation)


# Examples

_LITERAL_HOLDERS = frozenset({"media-type", "parameter", "header", "schema"})


_MEANT_TO_FAIL = re.compile(
    r"invalid|incorrect|malformed|missing|not[-_ ]?allowed|wrong|bad[-_ ]|failure", re.IGNORECASE
)
"""What an example that shows a mistake on purpose is called."""


def examples_that_break_schemas(contract: Contract) -> Iterator[Finding]:
    """Examples that their own schema does not allow; JSON written as text is read as JSON first."""
    yield from one_finding(
        "example-breaks-schema",
        REQUIREMENT,
        "An example or default is not what its schema allows",
        "Every example and default is allowed by its schema.",
        _broken_examples(contract),
        advice="Correct the example, or the schema where the example is what the system really sends.",
    )


def _broken_examples(contract: Contract) -> Iterator[Place]:
    judges = {way: SchemaCompiler(contract.document, contract.version, way) for way in Direction}
    users = users_of(contract.document, contract.operations)
    for part in parts_of(contract.document):
        if part.kind in _LITERAL_HOLDERS and isinstance(part.value, dict) and "$ref" not in part.value:
            schema = part.pointer if part.kind == "schema" else f"{part.pointer}/schema"
            if part.kind != "schema" and not isinstance(part.value.get("schema"), dict):
                continue
            if part.kind == "media-type" and not is_json(part.path[-1]):
                continue
            for pointer, value in _values(contract.document, part):
                said = _fault(judges, part, schema, value, contract.property_names)
                if said:
                    yield Place(pointer, said, users(pointer))


def _values(document: dict[str, Any], part: Part) -> Iterator[tuple[str, object]]:
    node = part.value
    to_system = Direction.REQUEST in _directions(part)
    if part.kind == "schema" and "default" in node:
        yield f"{part.pointer}/default", node["default"]
    if "example" in node:
        yield f"{part.pointer}/example", node["example"]
    named = node.get("examples")
    if isinstance(named, list):
        yield from ((f"{part.pointer}/examples/{index}", value) for index, value in enumerate(named))
    elif isinstance(named, dict) and part.kind != "schema":
        for name, written in named.items():
            example, at_pointer = followed(document, written, part.pointer + pointer_to("examples", name)[1:])
            told = f"{name} {example.get('summary', '')}"
            if "value" in example and not (to_system and _MEANT_TO_FAIL.search(told)):
                yield f"{at_pointer}/value", example["value"]


def _directions(part: Part) -> tuple[Direction, ...]:
    """Which way a value at a place goes; a schema's own example may go either way."""
    if part.kind == "media-type":
        to_system = "requestBody" in part.path or "requestBodies" in part.path
        return (Direction.REQUEST,) if to_system else (Direction.RESPONSE,)
    return tuple(Direction)


def _fault(
    judges: dict[Direction, SchemaCompiler], part: Part, schema: str, value: object, names: frozenset[str]
) -> str:
    readings = [value, *_as_text(part, value)]
    first = ""
    for way in _directions(part):
        for reading in readings:
            errors = judges[way].errors(schema, reading)
            if not errors:
                return ""
            first = first or f"expected: {expectation(errors[0], names, 'it')}"
    return first


def _as_text(part: Part, value: object) -> Iterator[object]:
    """What a text may stand for: JSON in quotes, and for a parameter its list written with commas."""
    if not isinstance(value, str):
        if part.kind in {"parameter", "header", "schema"} and isinstance(value, int | float):
            yield json.dumps(value)  # YAML reads an unquoted example such as 0123 as a number
        return
    with suppress(ValueError, RecursionError):
        yield json.loads(value)
    if part.kind in {"parameter", "header"}:
        yield [member.strip() for member in value.split(",")]


def _has_examples(contract: Contract) -> bool:
    return any(
        part.kind in _LITERAL_HOLDERS
        and isinstance(part.value, dict)
        and {"example", "examples", "default"} & part.value.keys()
        for part in parts_of(contract.document)
    )


RULES = (
    _without(
        "operation-without-id",
        "An operation has no operationId",
        "Every operation has an operationId, by which links, clients and journeys name it.",
        "it has none",
        _lacks_id,
    ),
    _without(
        "operation-without-summary",
        "An operation says nothing of what it does",
        "Every operation has a summary or a description.",
        "it has neither",
        _lacks_summary,
    ),
    _without(
        "operation-without-success",
        "An operation does not say how it succeeds",
        "Every operation declares a response of success.",
        "it declares none",
        _lacks_success,
    ),
    _without(
        "operation-without-error",
        "An operation does not say how it fails",
        "Every operation declares at least one response with a 4xx or 5xx status, or a default.",
        "it declares none",
        _lacks_error,
    ),
    Rule("example-breaks-schema", REQUIREMENT, examples_that_break_schemas, _has_examples),
)
