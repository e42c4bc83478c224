"""
What stands inside a JSON value, and what a schema says of it: read, put there, taken away, by the names on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from joinedup.conformance.contract import Contract
from joinedup.conformance.exchanges import MISSING

MOST_LEVELS = 4
MOST_NAMES = 3
"""How many names lead to a property that is looked at on its own."""
Path = tuple[str, ...]
"""Names of properties and, as texts, numbers of items, from the outside in."""


def value_at(body: Any, path: Path) -> Any:
    """What stands at a path, or ``MISSING``."""
    for name in path:
        if isinstance(body, list) and name.isdecimal() and int(name) < len(body):
            body = body[int(name)]
        elif isinstance(body, Mapping) and name in body:
            body = body[name]
        else:
            return MISSING
    return body


def with_value(body: Any, path: Path, value: Any) -> Any:
    """The body with another value at a path; objects on the way are made, items of lists must be there."""
    if not path:
        return value
    if isinstance(body, list) and path[0].isdecimal():
        return [
            with_value(item, path[1:], value) if str(number) == path[0] else item
            for number, item in enumerate(body)
        ]
    held = body if isinstance(body, Mapping) else {}
    return {**held, path[0]: with_value(held.get(path[0]), path[1:], value)}


def without(body: Any, path: Path) -> Any:
    """The body without what stands at a path; ``MISSING`` where the path is empty."""
    if not path:
        return MISSING
    if value_at(body, path) is MISSING:
        return body
    held = without(value_at(body, path[:1]), path[1:])
    if held is not MISSING:
        return with_value(body, path[:1], held)
    if isinstance(body, list):
        return [item for number, item in enumerate(body) if str(number) != path[0]]
    return {name: value for name, value in body.items() if name != path[0]}


def flattened(contract: Contract, schema: object, depth: int = 0) -> dict[str, Any]:
    """
    A schema as one object: references followed, ``allOf`` merged, a choice of something and null made nullable.

    Other choices stay as they are: what they say of a value depends on more than its place.
    """
    node = contract.resolve(schema) if isinstance(schema, dict) else {}
    if depth > MOST_LEVELS:
        return node
    merged: dict[str, Any] = {}
    for part in node.get("allOf") or ():
        merged = _united(merged, flattened(contract, part, depth + 1))
    merged = _united(merged, {key: value for key, value in node.items() if key != "allOf"})
    for choice in ("anyOf", "oneOf"):
        parts = merged.get(choice) or []
        real = [part for part in parts if contract.resolve(part).get("type") != "null"]
        if len(real) == 1:
            inner = flattened(contract, real[0], depth + 1)
            merged = {k: v for k, v in _united(merged, inner).items() if k != choice}
            merged["nullable"] = len(parts) > 1 or inner.get("nullable", False)
    return merged


def places_in(
    contract: Contract, properties: Mapping[str, Any], path: Path = ()
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every property of an object and of the objects inside it, the outer ones first; lists are not entered."""
    nodes = {name: flattened(contract, schema) for name, schema in properties.items()}
    yield from (((*path, name), node) for name, node in nodes.items())
    for name, node in nodes.items():
        if node.get("properties") and len(path) + 1 < MOST_NAMES:
            yield from places_in(contract, node["properties"], (*path, name))


def _united(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    together = {**one, **other}
    if one.get("properties") or other.get("properties"):
        together["properties"] = {**one.get("properties", {}), **other.get("properties", {})}
    if one.get("required") or other.get("required"):
        together["required"] = [*one.get("required", []), *other.get("required", [])]
    return together


# --- the alternative that a value takes


def taken(contract: Contract, schema: object, value: Any) -> tuple[dict[str, Any], bool]:
    """
    A schema as one object, with the alternative that a value takes, and whether there was one to take.

    Where the value fits several, or there is none, the alternatives stay as they are.
    """
    node, chosen = flattened(contract, schema), False
    for choice in ("oneOf", "anyOf"):
        fitting = [
            part for part in node.get(choice) or () if value is not MISSING and fits(contract, part, value)
        ]
        named = _named_by_discriminator(node, choice, value)
        one = named or fitting
        if len(one) == 1:
            beside = {k: v for k, v in node.items() if k not in (choice, "discriminator")}
            node, chosen = _united(beside, taken(contract, one[0], value)[0]), True
    return node, chosen


def _named_by_discriminator(node: Mapping[str, Any], choice: str, value: Any) -> list[Any]:
    told = node.get("discriminator")
    name = value.get(told.get("propertyName")) if isinstance(told, dict) and isinstance(value, dict) else None
    if not isinstance(told, dict) or not isinstance(name, str):
        return []
    wanted = str((told.get("mapping") or {}).get(name, name))
    return [p for p in node[choice] if str(p.get("$ref", "")).rpartition("/")[2] == wanted.rpartition("/")[2]]


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def fits(contract: Contract, schema: object, value: Any, depth: int = 0) -> bool:
    """Whether a value may well be meant by a schema: its type, its names, its fixed values; nothing finer."""
    node = flattened(contract, schema)
    kinds = node.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if (
        kinds
        and not any(_is_of(kind, value) for kind in kinds)
        and not (value is None and node.get("nullable"))
    ):
        return False
    if ("const" in node and value != node["const"]) or ("enum" in node and value not in node["enum"]):
        return False
    if depth > MOST_LEVELS:
        return True
    if isinstance(value, list) and node.get("items") is not None:
        return all(fits(contract, node["items"], item, depth + 1) for item in value[:1])
    return not isinstance(value, dict) or _names_fit(contract, node, value, depth)


def _is_of(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS.get(kind, object))


def _names_fit(contract: Contract, node: Mapping[str, Any], value: Mapping[str, Any], depth: int) -> bool:
    properties = node.get("properties") or {}
    if any(name not in value for name in node.get("required") or ()):
        return False
    if node.get("additionalProperties") is False and any(name not in properties for name in value):
        return False
    return all(
        fits(contract, properties[name], value[name], depth + 1) for name in value if name in properties
    )
