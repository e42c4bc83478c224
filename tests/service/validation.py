"""
What comes in is held against the contract's own schemas; what breaks them is refused without being repeated.
"""

from __future__ import annotations

import copy
import json
import math
import re
import traceback
from collections.abc import Callable
from typing import Any

import jsonschema_rs

from service.identifiers import is_nhs_number, is_uln, is_upn
from service.messages import Call, Crash, Refusal
from service.schemas import NEEDS, SNAKE_NAMES, Schema, components, internal
from service.styles import Style

BODY_LIMIT = 65_536
DEPTH_LIMIT = 32
_GONE = object()
# What a referral is made of by a service that does not see its body.
NOTHING_SENT = {
    "child": {"familyName": "Unknown", "dateOfBirth": "2010-01-01"},
    "primaryNeed": NEEDS[0],
    "urgency": 1,
    "summary": "Nothing was said.",
}

# What a defect does to the schemas behind the contract's back: (schemas, path to a part, keyword, new value).
_NEW = ("NewReferral", "Referral", "ReferralPatch")
EDITS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str, object]] = {
    "overlong-summary-accepted": (_NEW, ("summary",), "maxLength", _GONE),
    "overlong-note-accepted": (("NewNote", "Note"), ("text",), "maxLength", _GONE),
    "urgency-past-its-bound-accepted": (_NEW, ("urgency",), "maximum", _GONE),
    "unknown-need-accepted": (_NEW, ("primaryNeed",), "enum", _GONE),
    "unknown-properties-accepted": (_NEW, (), "additionalProperties", _GONE),
    "urgency-of-nothing-accepted": (_NEW, ("urgency",), "minimum", _GONE),
    "urgency-as-text-accepted": (_NEW, ("urgency",), "type", ["integer", "string"]),
    "empty-summary-accepted": (_NEW, ("summary",), "minLength", _GONE),
    "null-accepted-for-a-name": (_NEW, ("child", "givenName"), "type", ["string", "null"]),
    "malformed-postcode-accepted": (_NEW, ("child", "postcode"), "pattern", _GONE),
    "observation-without-offset-accepted": (_NEW, ("observedAt",), "format", _GONE),
    "thirtieth-of-february-accepted": (_NEW, ("child", "dateOfBirth"), "format", _GONE),
    "longest-family-name-refused": (_NEW, ("child", "familyName"), "maxLength", 34),
    "summer-time-offset-refused": (_NEW, ("observedAt",), "pattern", "Z$"),
    "lower-case-postcode-refused": (_NEW, ("child", "postcode"), "pattern", "^[A-Z0-9 ]+$"),
    "people-with-one-name-refused": (
        _NEW,
        ("child",),
        "required",
        ["familyName", "givenName", "dateOfBirth"],
    ),
}

REASONS = {
    "additionalProperties": "has a property that is not allowed here",
    "enum": "is not one of the values allowed",
    "format": "is not in the format asked for",
    "pattern": "is not in the format asked for",
    "maxLength": "is too long",
    "minLength": "is too short",
    "maximum": "is too large",
    "minimum": "is too small",
    "minProperties": "is empty",
    "required": "lacks a property that is required",
    "type": "is of the wrong type",
}


class Validators:
    """The schemas of one style compiled, with the defects that loosen or tighten them."""

    def __init__(self, style: Style, defects: frozenset[str]) -> None:
        self.style = style
        self.defects = defects
        declared = components(style)
        self._declared: dict[str, Schema] = internal(declared, style)
        schemas = {name: _writable(schema) for name, schema in declared.items()}
        for name in defects & set(EDITS):
            _edit(schemas, EDITS[name], style)
        if "referral-without-urgency-accepted" in defects:
            for name in set(_NEW) & set(schemas) - {"ReferralPatch"}:
                schemas[name]["required"].remove("urgency")
        self._made = frozenset() if style.closed else _all_read_only(declared)
        self._compiled = {name: self._compile(schema) for name, schema in schemas.items()}

    def _compile(self, schema: Schema) -> jsonschema_rs.Validator:
        formats: dict[str, Callable[[str], bool]] = {"nhs-number": self._nhs_number, "upn": self._upn}
        return jsonschema_rs.validator_for(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema},
            validate_formats=True,
            formats=formats,
        )

    def _nhs_number(self, value: str) -> bool:
        if "nhs-check-digit-not-checked" in self.defects:
            return True
        return is_nhs_number(value) or (
            "learner-number-taken-for-nhs-number" in self.defects and is_uln(value)
        )

    def _upn(self, value: str) -> bool:
        return is_upn(value) or "pupil-number-letter-not-checked" in self.defects

    def body(self, call: Call, schema: str, media_type: str) -> dict[str, Any]:
        """The body, valid and with internal names; refuses anything else. Whole numbers become integers."""
        if not call.media_type and "untyped-body-crashes" in self.defects:
            raise Crash
        unseen = not call.media_type and schema in _NEW and "untyped-body-taken-for-none" in self.defects
        # What is no object at all is refused, so that nothing but the missing type shows.
        if unseen and isinstance(self._parsed(call.body), dict):
            return dict(NOTHING_SENT)
        if call.media_type != media_type and not self._lenient(call):
            raise Refusal(415, f"The body must be sent as {media_type}.")
        if len(call.body) > BODY_LIMIT and "body-limit-not-enforced" not in self.defects:
            raise Refusal(413, f"A body may hold {BODY_LIMIT} bytes.")
        value = self._parsed(call.body)
        self._crash(value, schema)
        if isinstance(value, dict):
            value = {name: inner for name, inner in value.items() if name not in self._ignored()}
        self._hold(value, schema)
        taken: dict[str, Any] = internal(_whole(value), self.style)
        if self.style.closed and "unknown-properties-accepted" not in self.defects:
            return taken
        return _known(taken, self._declared[schema])

    def _lenient(self, call: Call) -> bool:
        return "plain-text-body-accepted" in self.defects and call.media_type in ("text/plain", "")

    def _ignored(self) -> frozenset[str]:
        """Names left out of a body before it is looked at."""
        sent: set[str] = set()
        if "organisation-can-be-chosen-in-the-body" in self.defects:
            sent.add("organisation")
        if "creator-can-be-chosen" in self.defects:
            sent |= {"createdBy", "created_by"}
        if self.defects & {"restriction-can-be-set-by-anyone", "restriction-can-be-changed-by-anyone"}:
            sent.add("restricted")
        return self._made | sent

    def _parsed(self, content: bytes) -> Any:
        try:
            return parsed(content)
        except (ValueError, RecursionError) as problem:
            if "too deep" in str(problem) and "deep-nesting-crashes" in self.defects:
                raise Crash from problem
            detail = "The body is not JSON that can be read."
            if "stack-trace-in-refusal" in self.defects:
                detail = "".join(traceback.format_exception(problem))
            raise Refusal(400, detail) from problem

    def _crash(self, value: Any, schema: str) -> None:
        """Break down where a defect makes an input fatal."""
        texts = list(_texts(value))
        urgency = value.get("urgency") if isinstance(value, dict) else None
        fatal = {
            "null-body-crashes": value is None,
            "huge-number-crashes": type(urgency) in (int, float) and abs(urgency or 0) > 2**63,
            "emoji-crashes": any(ord(c) > 0xFFFF for text in texts for c in text),
            "null-character-crashes": any("\0" in text for text in texts),
            "apostrophe-crashes-search": schema == "Search" and any(t.count("'") % 2 for t in texts),
        }
        if any(true and name in self.defects for name, true in fatal.items()):
            raise Crash

    def _hold(self, value: Any, schema: str) -> None:
        """Refuse a value that breaks its schema, naming the fields and never what they hold."""
        errors = list(self._compiled[schema].iter_errors(value))
        if not errors:
            return
        pointers = tuple(dict.fromkeys("/" + "/".join(map(str, error.instance_path)) for error in errors))
        reason = REASONS.get(str(errors[0].schema_path[-1]), "is not allowed")
        detail = f"The value at {pointers[0]} {reason}."
        if "refusal-repeats-the-value-sent" in self.defects:
            detail = f"{detail} It was: {_at(value, errors[0].instance_path)!r}"
        if "refusal-does-not-name-the-field" in self.defects:
            pointers, detail = (), "Something in the body is not allowed."
        raise Refusal(self.style.invalid, detail, pointers=pointers)


def _writable(schema: Schema) -> Schema:
    """The schema without what only the service sets."""
    kept = copy.deepcopy(schema)
    for name in _read_only(kept):
        del kept["properties"][name]
        kept["required"].remove(name)
    return kept


def _read_only(schema: Schema) -> list[str]:
    return [name for name, part in schema.get("properties", {}).items() if part.get("readOnly")]


def _all_read_only(schemas: dict[str, Schema]) -> frozenset[str]:
    """Properties that callers of an open style may send, and that are then ignored, as the style spells them."""
    return frozenset(name for schema in schemas.values() for name in _read_only(schema))


def _edit(
    schemas: dict[str, Schema], edit: tuple[tuple[str, ...], tuple[str, ...], str, object], style: Style
) -> None:
    """Change one keyword of one part of some schemas, where they are there."""
    names, path, keyword, value = edit
    for name in set(names) & set(schemas):
        part = schemas[name]
        for step in path:
            part = part["properties"][_spell(step, style)]
        if value is _GONE:
            part.pop(keyword, None)
        elif not (name == "ReferralPatch" and keyword == "required"):
            part[keyword] = [_spell(item, style) for item in value] if isinstance(value, list) else value


def _spell(name: str, style: Style) -> str:
    return SNAKE_NAMES.get(name, name) if style.snake_case else name


def _known(value: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """The value without what the schema does not name: an open style ignores it."""
    parts = schema["properties"]
    kept = {name: inner for name, inner in value.items() if name in parts and not parts[name].get("readOnly")}
    return {
        k: _known(v, parts[k]) if isinstance(v, dict) and "properties" in parts[k] else v
        for k, v in kept.items()
    }


def _whole(value: Any) -> Any:
    """The value with 3.0 written as 3: JSON Schema holds them for the same integer."""
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _at(value: Any, path: list[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


def _texts(value: Any) -> list[str]:
    """Every string in a value that is not the name of a property."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in inner for text in _texts(part)]


def parsed(content: bytes) -> Any:
    """JSON as RFC 8259 and RFC 7493 have it; raises ValueError for anything else, and for nesting beyond the limit."""
    text = content.decode("utf-8")
    _limit_depth(text)
    value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be written again
    return value


def _limit_depth(text: str) -> None:
    """Raise ValueError where brackets outside strings are nested beyond the limit."""
    depth = 0
    for mark in re.sub(r'"(?:[^"\\]|\\.)*"', "", text):
        depth += (mark in "[{") - (mark in "]}")
        if depth > DEPTH_LIMIT:
            raise ValueError("nested too deep")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def whole(call: Call, name: str, bounds: tuple[int, int], default: int, style: Style) -> int:
    """A query parameter that is a whole number within bounds; refuses anything else, and a repetition."""
    values = [value for key, value in call.query if key == name]
    if not values:
        return default
    good = len(values) == 1 and re.fullmatch(r"-?[0-9]{1,12}", values[0])
    if not good or not bounds[0] <= int(values[0]) <= bounds[1]:
        raise bad_parameter(name, f"must be a whole number from {bounds[0]} to {bounds[1]}", style)
    return int(values[0])


def choice(
    call: Call, name: str, allowed: tuple[str, ...], style: Style, *, required: bool = False
) -> str | None:
    """A query parameter that is one of some words; refuses anything else, and a repetition."""
    values = [value for key, value in call.query if key == name]
    if len(values) > 1 or (values and values[0] not in allowed) or (required and not values):
        raise bad_parameter(name, "must be given once, as one of " + ", ".join(allowed), style)
    return values[0] if values else None


def matching(call: Call, name: str, pattern: str, style: Style) -> str | None:
    """A request header that matches a pattern; refuses one that does not."""
    value = call.headers.get(name.lower())
    if value is not None and not re.fullmatch(pattern, value):
        raise bad_parameter(name, "is not in the format asked for", style)
    return value


def bad_parameter(name: str, reason: str, style: Style) -> Refusal:
    """A refusal that blames a parameter."""
    return Refusal(style.invalid, f"The parameter {name} {reason}.")
