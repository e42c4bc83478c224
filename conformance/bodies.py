"""
The properties of the JSON bodies that operations take and give; those of forms and of unused schemas are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.anatomy import parts_of, pointer_to, tokens_of
from joinedup.conformance.contract import Contract, Operation
from joinedup.conformance.operations import followed
from joinedup.conformance.responses import is_json


@dataclass(frozen=True)
class Property:
    """A property that some operation's JSON body has: its name, where it is written, and its schema as written."""

    name: str
    pointer: str
    schema: Any


def json_properties(contract: Contract) -> tuple[Property, ...]:
    """Each property once, in the order in which operations lead to it."""
    found: dict[str, Property] = {}
    seen: set[str] = set()
    for operation in contract.operations:
        for schema, pointer in _json_schemas(contract, operation):
            _collect(contract, schema, pointer, found, seen)
    return tuple(found.values())


def _json_schemas(contract: Contract, operation: Operation) -> Iterator[tuple[Any, str]]:
    holders = [
        (response, operation.response_pointers[status]) for status, response in operation.responses.items()
    ]
    if operation.body:
        holders.append(followed(contract.document, {"$ref": operation.body.pointer}))
    for holder, pointer in holders:
        content = holder.get("content")
        for name, media in content.items() if isinstance(content, dict) else ():
            if is_json(name) and isinstance(media, dict) and isinstance(media.get("schema"), dict):
                yield media["schema"], pointer + pointer_to("content", name, "schema")[1:]


def _collect(
    contract: Contract, schema: Any, pointer: str, found: dict[str, Property], seen: set[str]
) -> None:
    waiting = [(schema, pointer)]
    while waiting:
        node, at = waiting.pop()
        if at in seen or not isinstance(node, dict):
            continue
        seen.add(at)
        for part in parts_of(node, "schema", tokens_of(at)):
            value = part.value
            if not isinstance(value, dict):
                continue
            if isinstance(value.get("$ref"), str):
                waiting.append(followed(contract.document, value))
            properties = value.get("properties")
            for name, written in properties.items() if isinstance(properties, dict) else ():
                where = part.pointer + pointer_to("properties", name)[1:]
                found.setdefault(where, Property(str(name), where, written))
