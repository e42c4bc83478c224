"""
Repairs to the outline of a contract: objects, lists and texts where they belong, so that all else can rely on it.
"""

from __future__ import annotations

from typing import Any

from joinedup.conformance.anatomy import SECTIONS, Part, parts_of, pointer_to
from joinedup.conformance.notes import NOT_AN_OBJECT
from joinedup.conformance.problems import Problems
from joinedup.conformance.references import REMOVED, sweep

FIELDS: dict[str, dict[str, type[Any]]] = {
    "document": {
        "info": dict,
        "paths": dict,
        "webhooks": dict,
        "components": dict,
        "servers": list,
        "tags": list,
        "security": list,
    },
    "components": dict.fromkeys(SECTIONS.values(), dict),
    "path-item": {"parameters": list, "servers": list, "$ref": str},
    "operation": {
        "parameters": list,
        "responses": dict,
        "callbacks": dict,
        "security": list,
        "servers": list,
        "tags": list,
        "operationId": str,
        "requestBody": dict,
    },
    "parameter": {"name": str, "in": str, "content": dict, "schema": dict, "examples": dict, "$ref": str},
    "header": {"content": dict, "schema": dict, "examples": dict, "$ref": str},
    "request-body": {"content": dict, "$ref": str},
    "media-type": {"examples": dict, "encoding": dict},
    "response": {"headers": dict, "content": dict, "links": dict, "$ref": str},
    "encoding": {"headers": dict},
    "security-scheme": {"type": str, "name": str, "in": str, "scheme": str, "flows": dict, "$ref": str},
    "link": {"operationId": str, "parameters": dict},
}
"""What each field holds, where another kind of value would break whoever reads it."""

_CALLED: dict[type[Any], str] = {dict: "an object", list: "a list", str: "a text"}
_MAY_BE_NULL = frozenset({"response", "media-type", "header"})
_NOT_JUDGED = frozenset({"schema", "literal", "example"})


def mend_outline(document: dict[str, Any], problems: Problems) -> None:
    """Leave out, and note, what is not the kind of value that stands there; empty parts are filled."""
    for part in parts_of(document):
        if part.kind in _NOT_JUDGED:
            continue
        if isinstance(part.value, dict):
            _mend_fields(part, problems)
        else:
            _replace(part, problems)
    sweep(document)
    for key in ("paths", "components"):
        document.setdefault(key, {})


def _mend_fields(part: Part, problems: Problems) -> None:
    for name, wanted in FIELDS.get(part.kind, {}).items():
        if name not in part.value or isinstance(part.value[name], wanted):
            continue
        del part.value[name]
        pointer = part.pointer + pointer_to(name)[1:]
        NOT_AN_OBJECT.to(problems, pointer, f"{name} is not {_CALLED[wanted]}; it was left out.")
    if part.kind in {"document", "operation"} and "security" in part.value:
        _mend_security(part, problems)


def _mend_security(part: Part, problems: Problems) -> None:
    kept = []
    for index, wanted in enumerate(part.value["security"]):
        if isinstance(wanted, dict):
            kept.append({name: scopes if isinstance(scopes, list) else [] for name, scopes in wanted.items()})
        else:
            pointer = part.pointer + pointer_to("security", index)[1:]
            NOT_AN_OBJECT.to(problems, pointer, "This security requirement is no object; it was left out.")
    part.value["security"] = kept


def _replace(part: Part, problems: Problems) -> None:
    if part.value is None and part.kind in _MAY_BE_NULL:
        NOT_AN_OBJECT.to(
            problems, part.pointer, f"This {part.kind.replace('-', ' ')} is empty; nothing is known of it."
        )
        part.put({"description": ""} if part.kind == "response" else {})
        return
    actual = f"This {part.kind.replace('-', ' ')} is no object; it was left out."
    NOT_AN_OBJECT.to(problems, part.pointer, actual)
    part.put(REMOVED)
