"""
What a schema expects, in one sentence made of the schema alone, never of the value that was received.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container

import jsonschema_rs

_TYPES: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a whole number",
    float: "a number",
    type(None): "null",
}
_BY_NAME = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}


def type_name(value: object) -> str:
    """The JSON type of a value as a phrase."""
    return _TYPES.get(type(value), "a value")


def _types(error: jsonschema_rs.ValidationError) -> str:
    names = getattr(error.kind, "types", None) or []
    return " or ".join(_BY_NAME.get(str(name), str(name)) for name in names)


def _listed(options: object, limit: int = 12) -> str:
    values = options if isinstance(options, list) else [options]
    shown = ", ".join(json.dumps(value, ensure_ascii=False) for value in values[:limit])
    return shown if len(values) <= limit else f"{shown} and {len(values) - limit} more"


Sentence = Callable[[jsonschema_rs.ValidationError], str]

SENTENCES: dict[str, Sentence] = {
    "type": lambda e: f"is {_types(e)}" if _types(e) else "has the declared type",
    "required": lambda e: f"has the property {getattr(e.kind, 'property', '')!s}",
    "enum": lambda e: f"is one of {_listed(getattr(e.kind, 'options', []))}",
    "const": lambda e: f"is {_listed(getattr(e.kind, 'expected_value', None))}",
    "format": lambda e: f"has the format {getattr(e.kind, 'format', '')}",
    "pattern": lambda e: f"matches the pattern {getattr(e.kind, 'pattern', '')}",
    "minLength": lambda e: f"has at least {getattr(e.kind, 'limit', '?')} characters",
    "maxLength": lambda e: f"has at most {getattr(e.kind, 'limit', '?')} characters",
    "minItems": lambda e: f"has at least {getattr(e.kind, 'limit', '?')} elements",
    "maxItems": lambda e: f"has at most {getattr(e.kind, 'limit', '?')} elements",
    "minimum": lambda e: f"is at least {getattr(e.kind, 'limit', '?')}",
    "maximum": lambda e: f"is at most {getattr(e.kind, 'limit', '?')}",
    "exclusiveMinimum": lambda e: f"is more than {getattr(e.kind, 'limit', '?')}",
    "exclusiveMaximum": lambda e: f"is less than {getattr(e.kind, 'limit', '?')}",
    "multipleOf": lambda e: f"is a multiple of {getattr(e.kind, 'multiple_of', '?')}",
    "additionalProperties": lambda _: "has only the properties that are declared",
    "unevaluatedProperties": lambda _: "has only the properties that are declared",
    "uniqueItems": lambda _: "has no element twice",
    "anyOf": lambda _: "matches one of the declared alternatives",
    "oneOf": lambda _: "matches exactly one of the declared alternatives",
    "not": lambda _: "does not match what the contract rules out",
}


def claim(error: jsonschema_rs.ValidationError) -> str:
    """What was expected of a value, as the rest of a sentence about it."""
    told = SENTENCES.get(error.kind.name)
    return told(error) if told else f"meets the keyword {error.kind.name}"


def expectation(
    error: jsonschema_rs.ValidationError, names: Container[str], subject: str = "The body"
) -> str:
    """What was expected of a value, in one sentence; names in its place that are not declared become ``*``."""
    place = "".join(
        "/" + (token if isinstance(token, str) and token in names else "*") for token in error.instance_path
    )
    return f"{place or subject} {claim(error)}."
