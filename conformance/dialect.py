"""
One dialect of JSON Schema for every contract: 2020-12, which OpenAPI 3.1 speaks and 3.0 does not.

The converted schemas keep their pointers, so that an error in one points into the contract as written. Where null
must be let through a schema that names no single type, the schema moves one level down under ``else``, a keyword
that 3.0 does not have; ``written_pointer`` takes that step out again.
"""

from __future__ import annotations

import copy
import enum
from collections.abc import Mapping
from typing import Any

from joinedup.conformance.anatomy import as_fragment, look_up, parts_of, pointer_to, tokens_of
from joinedup.conformance.operations import followed
from joinedup.conformance.schemas import UNSAFE_PATTERN

CHECKED_FORMATS = frozenset({"date", "date-time", "uuid", "uri", "email"})
_COMBINED = frozenset({"enum", "const", "allOf", "anyOf", "oneOf", "not", "$ref"})


class Direction(enum.StrEnum):
    """Which way a body goes: properties for the other way only are not required of it."""

    REQUEST = "readOnly"
    RESPONSE = "writeOnly"


def modernised(document: dict[str, Any], version: str, direction: Direction) -> dict[str, Any]:
    """A copy of a repaired document in which every schema is a 2020-12 schema."""
    absent = _absent_names(document, direction)
    converted = copy.deepcopy(document)
    for part in parts_of(converted):
        if part.kind == "schema" and isinstance(part.value, dict):
            part.put(_modern(part.value, version, absent.get(part.pointer, frozenset())))
    return converted


def _modern(schema: dict[str, Any], version: str, absent: frozenset[str]) -> dict[str, Any]:
    if version.startswith("3.0") and "$ref" in schema:
        modern: dict[str, Any] = {key: schema[key] for key in ("$ref", "nullable") if key in schema}
    else:
        modern = {key: value for key, value in schema.items() if key not in {"$schema", "$id", "id"}}
    if isinstance(modern.get("$ref"), str):
        modern["$ref"] = as_fragment(pointer_to(*tokens_of(modern["$ref"])))
    if UNSAFE_PATTERN in modern:
        modern["pattern"] = modern.pop(UNSAFE_PATTERN)
    if modern.get("format") not in CHECKED_FORMATS:
        modern.pop("format", None)
    if absent and isinstance(modern.get("required"), list):
        modern["required"] = [name for name in modern["required"] if name not in absent]
    _lift_bounds(modern)
    _loosen_choice(modern)
    return _with_null(modern) if modern.pop("nullable", False) is True else modern


def _lift_bounds(schema: dict[str, Any]) -> None:
    """Exclusive bounds were booleans beside the bound until 3.0."""
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(exclusive), bool):
            strict = schema.pop(exclusive)
            if strict and inclusive in schema:
                schema[exclusive] = schema.pop(inclusive)


def _loosen_choice(schema: dict[str, Any]) -> None:
    """A discriminator chooses among ``oneOf``; that open shapes match twice is then no fault of the value."""
    if "discriminator" in schema and "oneOf" in schema and "anyOf" not in schema:
        schema["anyOf"] = schema.pop("oneOf")
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("type"), str) and not _COMBINED & schema.keys():
        return {**schema, "type": [schema["type"], "null"]}
    return {"if": {"type": "null"}, "else": schema}


def _absent_names(document: dict[str, Any], direction: Direction) -> dict[str, frozenset[str]]:
    """
    By schema pointer, the properties that need not be there in this direction.

    A composed schema and its branches share them, since one may require what another describes.
    """
    names: dict[str, set[str]] = {}
    compositions: list[tuple[str, list[str]]] = []
    for part in parts_of(document):
        if part.kind == "schema" and isinstance(part.value, dict):
            own = _one_way(document, part.value, direction)
            if own:
                names.setdefault(part.pointer, set()).update(own)
            branches = part.value.get("allOf")
            if isinstance(branches, list):
                compositions.append((part.pointer, _ends(document, part.pointer, branches)))
    for _ in range(4):  # composition is rarely deeper, and a name too few only keeps a requirement as written
        for whole, branches_of in compositions:
            shared = set().union(*(names.get(pointer, set()) for pointer in (whole, *branches_of)))
            for pointer in (whole, *branches_of) if shared else ():
                names.setdefault(pointer, set()).update(shared)
    return {pointer: frozenset(found) for pointer, found in names.items()}


def _one_way(document: dict[str, Any], schema: Mapping[str, Any], direction: Direction) -> set[str]:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return set()
    return {
        name
        for name, written in properties.items()
        if isinstance(written, dict)
        and (written.get(direction) is True or followed(document, written)[0].get(direction) is True)
    }


def _ends(document: dict[str, Any], pointer: str, branches: list[Any]) -> list[str]:
    return [
        followed(document, branch, f"{pointer}/allOf/{index}")[1] for index, branch in enumerate(branches)
    ]


def written_pointer(document: dict[str, Any], tokens: list[str | int]) -> str:
    """The pointer into the contract as written of a keyword in a converted schema."""
    written: list[str] = []
    node: object = document
    for token in (str(token) for token in tokens):
        step = _step(node, token)
        if step is None:
            continue
        written.append(step)
        node = _below(node, step)
    return pointer_to(*written)


_CONVERTED = {
    "anyOf": "oneOf",
    "prefixItems": "items",
    "exclusiveMinimum": "minimum",
    "exclusiveMaximum": "maximum",
}


def _step(node: object, token: str) -> str | None:
    if not isinstance(node, dict) or token in node:
        return token
    if token == "else":  # noqa: S105 - a keyword
        return None
    return _CONVERTED.get(token, token)


def _below(node: object, token: str) -> object:
    try:
        return look_up(node, (token,))
    except KeyError:
        return None


def schema_at(document: dict[str, Any], pointer: str) -> object:
    """What stands at a pointer of a document; raises KeyError where nothing does."""
    return look_up(document, tokens_of(pointer))
