"""
Reading a request against its contract: parameters and body as the contract has them, or a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from joinedup.mocks.messages import FieldError, Incoming, Refusal
from joinedup.mocks.operations import Operation, Parameter, Validator

MAX_BODY = 64 * 1024
MAX_DEPTH = 32
MAX_QUERY = 4096
FORM = "application/x-www-form-urlencoded"
# Beyond it a float is not the only number that is written so (RFC 8259, 6).
EXACT = 2**53

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_WITH_FRACTION = re.compile(rb"[0-9][.eE]")
_BOOLEANS = {"true": True, "false": False}

# By keyword of JSON Schema. None of them repeats what was sent.
DETAILS = {
    "required": "A required property is missing.",
    "additionalProperties": "There is a property that the contract does not declare.",
    "format": "The value is not in the declared format.",
    "pattern": "The value does not have the declared form.",
    "enum": "The value is not one of those declared.",
    "const": "The value is not the one declared.",
    "type": "The value is not of the declared type.",
    "minLength": "The value is too short.",
    "maxLength": "The value is too long.",
    "minimum": "The value is too small.",
    "maximum": "The value is too large.",
    "minItems": "There are too few items.",
    "maxItems": "There are too many items.",
    "uniqueItems": "There are equal items.",
    "minProperties": "There are too few properties.",
}
OTHERWISE = "The value is not as the contract declares it."


def field_errors(validator: Validator, value: object, prefix: str = "") -> tuple[FieldError, ...]:
    """What is wrong with a value, at most 20 errors; empty where nothing is."""
    if validator.is_valid(value):
        return ()
    return tuple(
        _field_error(error, prefix) for _, error in zip(range(20), validator.iter_errors(value), strict=False)
    )


def _field_error(error: Any, prefix: str) -> FieldError:
    code = str(error.kind.name)
    pointer = "".join(f"/{_escaped(part)}" for part in error.instance_path)
    return FieldError(prefix + pointer, code, DETAILS.get(code, OTHERWISE))


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def read_parameters(operation: Operation, path: Mapping[str, str], incoming: Incoming) -> dict[str, Any]:
    """
    The declared parameters by name, typed; those not sent are left out.

    Raises:
        Refusal: with status 400, or 428 for a missing If-Match.
    """
    query = _query(incoming.query) if incoming.query else {}
    sources: dict[str, Mapping[str, str]] = {"path": path, "query": query, "header": incoming.headers}
    values: dict[str, Any] = {}
    for parameter in operation.parameters:
        text = sources[parameter.location].get(parameter.key)
        if text is not None:
            values[parameter.name] = text if parameter.kind == "string" else _typed(parameter.kind, text)
    undeclared = query and not operation.query_names.issuperset(query)
    # All at once; one by one only where that finds something.
    if undeclared or not operation.parameters_together.is_valid(values):
        _refuse_parameters([*_undeclared(operation, query), *_errors(operation, values)])
    return values


def _errors(operation: Operation, values: Mapping[str, Any]) -> Iterator[FieldError]:
    for parameter in operation.parameters:
        if parameter.name in values:
            yield from field_errors(parameter.validator, values[parameter.name], _pointer(parameter))
        elif parameter.required:
            yield FieldError(_pointer(parameter), "required", "The value is missing.")


def _undeclared(operation: Operation, query: Mapping[str, str]) -> list[FieldError]:
    """One error for however many parameters there are that the contract does not declare."""
    if operation.query_names.issuperset(query):
        return []
    return [FieldError("/query", "unknown", "There is a parameter that the contract does not declare.")]


def _pointer(parameter: Parameter) -> str:
    return f"/{parameter.location}/{parameter.name}"


def _refuse_parameters(errors: list[FieldError]) -> None:
    if [(e.pointer, e.code) for e in errors] == [("/header/If-Match", "required")]:
        raise Refusal(428, "Name the version that you change in If-Match.")
    raise Refusal(400, "A parameter is not as the contract declares it.", errors=tuple(errors))


def _typed(kind: str, text: str) -> object:
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "boolean":
        return _BOOLEANS.get(text, text)
    return text


def _query(raw: bytes) -> dict[str, str]:
    if len(raw) > MAX_QUERY:
        raise Refusal(400, "The query is longer than this service accepts.")
    return _pairs(raw, "query")


def _pairs(raw: bytes, what: str) -> dict[str, str]:
    """Decode a query or a form; every name may be there once."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise Refusal(400, f"The {what} is not well formed.") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refusal(400, f"A parameter is there twice in the {what}.")
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise Refusal(400, f"The {what} holds a character that is not allowed.")
    return found


def read_body(operation: Operation, incoming: Incoming) -> Any:
    """
    The body as the contract declares it, None where none is declared or sent.

    Raises:
        Refusal: 413 too large, 415 of another media type, 400 malformed or missing, 422 not as declared.
    """
    if not operation.bodies:
        return None
    if len(incoming.body) > MAX_BODY:
        raise Refusal(413, "The body is larger than this service accepts.")
    media_type = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not incoming.body and not media_type:
        return _no_body(operation)
    if media_type not in operation.bodies:
        raise Refusal(415, "The Content-Type is not one that this operation accepts.")
    value = _pairs(incoming.body, "form") if media_type == FORM else _json(incoming.body)
    validator = operation.bodies[media_type]
    if not validator.is_valid(value):
        errors = field_errors(validator, value)
        raise Refusal(422, "The body is not as the contract declares it.", errors=errors, sent=value)
    return whole(value) if _WITH_FRACTION.search(incoming.body) else value


def whole(value: Any) -> Any:
    """The same with every whole number as an int: 2.0 is an integer of JSON Schema, and no index in Python."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
        return int(value)
    if isinstance(value, dict):
        return {name: whole(inner) for name, inner in value.items()}
    return [whole(inner) for inner in value] if isinstance(value, list) else value


def _no_body(operation: Operation) -> None:
    if operation.body_required:
        raise Refusal(400, "The body is missing.")


def _json(raw: bytes) -> Any:
    if _depth(raw) > MAX_DEPTH:
        raise Refusal(400, "The body is nested more deeply than this service accepts.")
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        raise Refusal(400, "The body is not well-formed JSON.") from None
    if b"\\u0000" in raw and any("\0" in text for text in _texts(value)):
        raise Refusal(400, "The body holds a character that is not allowed.")
    return value


def _depth(raw: bytes) -> int:
    """How deeply the JSON nests at most; brackets within strings count too, but only where there are many."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', raw, re.DOTALL):
        mark = token.group()
        if mark in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif mark in (b"]", b"}"):
            depth -= 1
    return deepest


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
