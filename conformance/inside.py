"""
What stands inside a JSON value, and what a schema says of it: read, put there, taken away, by the names on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joinedup.conformance.contract import Contract
from joinedup.conformance.exchanges import MISSING

MOST_LEVELS = 4
Path = tuple[str, ...]
"""Names of properties from the outside in."""


def value_at(body: Any, path: Path) -> Any:
    """What stands at a path of property names, or ``MISSING``."""
    for name in path:
        if not isinstance(body, Mapping) or name not in body:
            return MISSING
        body = body[name]
    return body


def with_value(body: Any, path: Path, value: Any) -> Any:
    """The body with another value at a path of property names; objects on the way are made."""
    if not path:
        return value
    held = body if isinstance(body, Mapping) else {}
    return {**held, path[0]: with_value(held.get(path[0]), path[1:], value)}


def without(body: Any, path: Path) -> Any:
    """The body without what stands at a path; the whole body where the path is empty."""
    if not path:
        return MISSING
    if not isinstance(body, dict) or path[0] not in body:
        return body
    if len(path) == 1:
        return {name: value for name, value in body.items() if name != path[0]}
    return {**body, path[0]: without(body[path[0]], path[1:])}


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


def _united(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    together = {**one, **other}
    if one.get("properties") or other.get("properties"):
        together["properties"] = {**one.get("properties", {}), **other.get("properties", {})}
    if one.get("required") or other.get("required"):
        together["required"] = [*one.get("required", []), *other.get("required", [])]
    return together
