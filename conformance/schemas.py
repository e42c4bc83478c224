"""
Repairs to single schemas: types that do not exist, keywords with values that no tool can read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.anatomy import Part
from joinedup.conformance.patterns import can_hang, compiles
from joinedup.conformance.problems import CONTRACT_SOUND, CONTRACT_VALID, Problem, Problems

TYPES = frozenset({"object", "array", "string", "boolean", "integer", "number", "null"})
MEANT: dict[str, dict[str, str]] = {
    **{name: {"type": "integer"} for name in ("int", "int32", "int64", "long", "short")},
    **{name: {"type": "number"} for name in ("float", "double", "decimal", "numeric")},
    **{name: {"type": "boolean"} for name in ("bool", "flag")},
    **{name: {"type": "string"} for name in ("str", "text", "char", "varchar", "enum", "time")},
    **{name: {"type": "string", "format": name} for name in ("date", "date-time", "uuid", "uri", "email")},
    **{name: {"type": "string", "format": "date-time"} for name in ("datetime", "timestamp", "dateTime")},
    **{name: {"type": "string", "format": "binary"} for name in ("file", "binary", "bytes")},
    "guid": {"type": "string", "format": "uuid"},
    "url": {"type": "string", "format": "uri"},
    **{name: {"type": "array"} for name in ("list", "set", "tuple")},
    **{name: {"type": "object"} for name in ("dict", "map", "hash", "json")},
    "any": {},
}
"""Types that do not exist, and what their writers mean; any other is taken for a string."""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_schema(value: object) -> bool:
    return isinstance(value, dict | bool)


def _are_schemas(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_schema(member) for member in value)


def _is_map_of_schemas(value: object) -> bool:
    return isinstance(value, dict) and all(_is_schema(member) for member in value.values())


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(member, str) for member in value)


KEYWORDS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _is_count
    ),
    **dict.fromkeys(("minimum", "maximum"), _is_number),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), lambda v: isinstance(v, bool) or _is_number(v)),
    "multipleOf": lambda v: _is_number(v) and float(v) > 0,  # type: ignore[arg-type]
    "uniqueItems": lambda v: isinstance(v, bool),
    "enum": lambda v: isinstance(v, list) and bool(v),
    "required": _are_names,
    **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions"), _is_map_of_schemas),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _are_schemas),
    **dict.fromkeys(
        ("not", "if", "then", "else", "contains", "propertyNames", "additionalProperties"), _is_schema
    ),
    "items": lambda v: _is_schema(v) or isinstance(v, list),
    "format": lambda v: isinstance(v, str),
    "pattern": lambda v: isinstance(v, str),
    "$ref": lambda v: isinstance(v, str),
}
"""What each keyword's value must be for a tool to read it."""

_BOUNDS = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minimum", "maximum"),
)
UNSAFE_PATTERN = "x-joinedup-pattern"
"""Where a pattern goes that only an engine with limits may use: responses are judged by it, bodies not made by it."""


@dataclass(frozen=True)
class SchemaRepair:
    """Mends one schema at a time and notes what it did."""

    version: str
    problems: Problems

    def mend(self, part: Part) -> None:
        """Mend the schema at a place; what holds it is mended already."""
        schema = part.value
        if isinstance(schema, bool):
            self._boolean(part)
        elif not isinstance(schema, dict):
            self._note(
                "schema-not-usable", "A schema is not an object", part.pointer, "Any value is taken to match"
            )
            part.put({})
        elif "$ref" not in schema or self.version.startswith("3.1"):
            self._keywords(schema, part.pointer)
            self._type(schema, part.pointer)
            self._pattern(schema, part.pointer)
            self._bounds(schema, part.pointer)

    def _boolean(self, part: Part) -> None:
        if self.version.startswith("3.0") and part.path[-1] not in {
            "additionalProperties",
            "additionalItems",
        }:
            title = "A schema is true or false, which OpenAPI 3.0 does not know"
            self._note("schema-not-usable", title, part.pointer, "It was written as an object")
            part.put({} if part.value else {"not": {}})

    def _keywords(self, schema: dict[str, Any], pointer: str) -> None:
        for keyword, is_sound in KEYWORDS.items():
            if keyword in schema and not is_sound(schema[keyword]):
                self._keyword(schema, keyword, pointer)

    def _keyword(self, schema: dict[str, Any], keyword: str, pointer: str) -> None:
        value = schema.pop(keyword)
        if isinstance(value, dict) and keyword in {"properties", "patternProperties", "$defs", "definitions"}:
            schema[keyword] = {name: member if _is_schema(member) else {} for name, member in value.items()}
        if keyword == "required" and isinstance(value, bool):
            rule, title = "required-inside-property", "A property says itself that it is required"
            then = "The list of required properties belongs to the object; it was left out here"
        else:
            rule, title = "keyword-not-usable", "A schema's keyword has a value that it cannot have"
            then = f"The keyword {keyword} was left out"
        self._note(rule, title, f"{pointer}/{keyword}", then)

    def _type(self, schema: dict[str, Any], pointer: str) -> None:
        written = schema.get("type")
        if "type" not in schema or (isinstance(written, str) and written in TYPES - {"null"}):
            return
        if self.version.startswith("3.1") and (written == "null" or _are_types(written)):
            return
        if isinstance(written, list) and all(isinstance(name, str) for name in written):
            self._several_types(schema, written, pointer)
        elif written == "null":
            title = "A type is null, which OpenAPI 3.0 does not know"
            self._note("unknown-type", title, f"{pointer}/type", "It was written as nullable")
            del schema["type"]
            schema.update({"nullable": True, "enum": [None]})
        else:
            del schema["type"]
            meant = MEANT.get(written, {"type": "string"}) if isinstance(written, str) else {}
            for key, value in meant.items():
                schema.setdefault(key, value)
            taken = meant.get("type", "any type")
            self._note(
                "unknown-type",
                "A type does not exist",
                f"{pointer}/type",
                f"{written!r} was taken for {taken}",
            )

    def _several_types(self, schema: dict[str, Any], written: list[str], pointer: str) -> None:
        names = list(
            dict.fromkeys(MEANT.get(n, {"type": n if n in TYPES else "string"}).get("type") for n in written)
        )
        others = [name for name in names if name not in {"null", None}]
        del schema["type"]
        if "null" in names:
            schema["nullable"] = True
        if len(others) == 1 and None not in names:
            schema["type"] = others[0]
        elif self.version.startswith("3.1") and None not in names:
            schema["type"] = [name for name in names if name]
            schema.pop("nullable", None)
        title = "A schema has a list of types that its version of OpenAPI does not know"
        self._note("unknown-type", title, f"{pointer}/type", "It was written as nullable or without a type")

    def _pattern(self, schema: dict[str, Any], pointer: str) -> None:
        pattern = schema.get("pattern")
        if not isinstance(pattern, str):
            return
        if not compiles(pattern):
            del schema["pattern"]
            title = "A pattern is not a regular expression"
            self._note("pattern-not-usable", title, f"{pointer}/pattern", "It was left out")
        elif can_hang(pattern):
            schema[UNSAFE_PATTERN] = schema.pop("pattern")
            title = "A pattern can take for ever on a text that nearly matches"
            self._note("pattern-can-hang", title, f"{pointer}/pattern", "It was left out when making values")

    def _bounds(self, schema: dict[str, Any], pointer: str) -> None:
        for low, high in _BOUNDS:
            if low in schema and high in schema and schema[low] > schema[high]:
                del schema[low], schema[high]
                title = "A lower bound is above its upper bound"
                self._note("bounds-crossed", title, f"{pointer}/{low}", f"{low} and {high} were left out")

    def _note(self, rule: str, title: str, pointer: str, then: str) -> None:
        requirement = CONTRACT_SOUND if rule in {"pattern-can-hang", "bounds-crossed"} else CONTRACT_VALID
        self.problems.add(Problem(rule, requirement, title, _EXPECTED[rule], f"{then}.", pointer))


def _are_types(written: object) -> bool:
    return (
        isinstance(written, list)
        and bool(written)
        and all(isinstance(name, str) and name in TYPES for name in written)
    )


_EXPECTED = {
    "schema-not-usable": "Every schema is an object.",
    "required-inside-property": "An object lists the names of its required properties.",
    "keyword-not-usable": "Every keyword has a value of the kind that JSON Schema asks for.",
    "unknown-type": "A type is object, array, string, boolean, integer or number.",
    "pattern-not-usable": "Every pattern is a regular expression of ECMA-262.",
    "pattern-can-hang": "No pattern repeats a repeat without something certain between the rounds.",
    "bounds-crossed": "A lower bound is at most its upper bound.",
}
