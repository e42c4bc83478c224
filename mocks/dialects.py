"""
Two dialects of schemas: OpenAPI 3.1 is JSON Schema of 2020; 3.0 has ``nullable``, and neither ``const`` nor ``null``.

Shared components are written in 3.1. A contract in 3.0 gets them ``lowered``; what checks values reads it ``lifted``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Node = Any
NULL = {"type": "null"}


def is_older(document: dict[str, Any]) -> bool:
    """Whether a document is in OpenAPI 3.0."""
    return str(document["openapi"]).startswith("3.0")


def lowered(node: Node, resolved: Callable[[Node], Node]) -> Node:
    """
    A part of a 3.1 document as 3.0 has it.

    Args:
        resolved: what a reference leads to; a type that may be null is written out, because 3.0 knows
            ``nullable`` only beside the type.
    """
    if isinstance(node, list):
        return [lowered(each, resolved) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        # 3.0 knows nothing beside a reference.
        return {"$ref": node["$ref"]}
    either = node.get("oneOf")
    if isinstance(either, list) and NULL in either and len(either) > 1:
        kept = next(each for each in either if each != NULL)
        rest = {name: value for name, value in node.items() if name != "oneOf"}
        return lowered({**resolved(kept), **rest, "nullable": True}, resolved)
    found = {name: lowered(value, resolved) for name, value in node.items()}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if isinstance(found.get("examples"), list):
        found["example"] = found.pop("examples")[0]
    return found


def lifted(node: Node) -> Node:
    """A part of a 3.0 document in words that JSON Schema of 2020 understands."""
    if isinstance(node, list):
        return [lifted(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {name: lifted(value) for name, value in node.items()}
    if found.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        del found["nullable"]
    return found
