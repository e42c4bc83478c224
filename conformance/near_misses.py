"""
Near misses: values that are wrong in exactly one way, sent in a request that is otherwise accepted.

What is wrong is read from the contract alone: a bound, a code list, a format, a pattern, a type, what is required and
what is closed. The control is the same request without the change, accepted before and after.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange, Step, Text
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import NAMES, PAGE_SIZE, Feature
from joinedup.conformance.features import plain as bare
from joinedup.conformance.operations import Operation
from joinedup.conformance.places import Base, Place
from joinedup.conformance.samples import type_of

LONGEST = 20_000
"""A text longer than this is a matter of size, not of length."""
Made = Iterator[tuple[str, Any]]

_PAGING = frozenset().union(
    PAGE_SIZE, *(NAMES[f] for f in (Feature.PAGING_CURSOR, Feature.PAGING_OFFSET, Feature.PAGING_PAGE))
)
_OF_ITS_OWN_RULE = frozenset().union(
    *(
        NAMES[f]
        for f in (Feature.IDEMPOTENCY_KEY, Feature.CORRELATION_REQUEST_ID, Feature.CONCURRENCY_IF_MATCH)
    )
)


@dataclass(frozen=True)
class NearMiss:
    """
    A value that is wrong in one way.

    Args:
        place: where it goes.
        value: what goes there; ``MISSING`` for nothing.
        kind: what it breaks, the same for all that break one rule of one place.
        how: in words that follow the place's name.
    """

    place: Place
    value: Any
    kind: str
    how: str


# --- what can be wrong with one value


def misses_of(place: Place, value: Any) -> Iterator[NearMiss]:
    """Every near miss for a place whose accepted value is known."""
    in_body = place.location == "body"
    makers = (*_OF_A_VALUE, *(_OF_A_BODY if in_body else ())) if value is not MISSING else ()
    for maker in makers:
        kind = maker.__name__.strip("_")
        yield from (NearMiss(place, made, kind, how) for how, made in maker(place.schema, value))
    if in_body and value not in (None, MISSING) and place.path and not place.takes_null:
        yield NearMiss(place, None, "null", "is null, which the contract does not allow")
    if place.required and value is not MISSING and place.path and place.location in ("body", "query"):
        yield NearMiss(place, MISSING, "required", "is left out, though it is required")


def _code(schema: Mapping[str, Any], value: Any) -> Made:
    codes = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if not codes or not all(isinstance(code, str) for code in codes if code is not None):
        return
    yield "is not in the code list", "joinedup-unknown-code"
    if isinstance(value, str) and value.swapcase() not in codes:
        yield "is in the code list only with other capitals", value.swapcase()


def _longer(schema: Mapping[str, Any], value: Any) -> Made:
    most = schema.get("maxLength")
    if isinstance(value, str) and isinstance(most, int) and 0 < most <= LONGEST:
        yield from _fitting(schema, "is one character too long", _lengthened(value, most + 1))


def _shorter(schema: Mapping[str, Any], value: Any) -> Made:
    least = schema.get("minLength")
    if isinstance(value, str) and isinstance(least, int) and least > 0:
        yield from _fitting(schema, "is too short", value[: least - 1])


def _fitting(schema: Mapping[str, Any], how: str, made: str) -> Made:
    """The value, unless it breaks a pattern too, or a format that gives the length anyway."""
    if not {"format", "enum", "const"} & schema.keys() and matches(schema, made):
        yield how, made


def _lengthened(value: str, length: int) -> str:
    seed = value or "a"
    end = seed[-1] if seed[-1].isalnum() else "a"
    return seed[:length].ljust(length, end)


def matches(schema: Mapping[str, Any], value: str) -> bool:
    """Whether a text fits a schema's pattern, as far as Python reads it; without one, it does."""
    try:
        return re.search(str(schema.get("pattern", "")), value) is not None
    except re.error:
        return False


def _shape(schema: Mapping[str, Any], value: Any) -> Made:
    if not isinstance(value, str) or not isinstance(schema.get("pattern"), str) or not matches(schema, value):
        return
    for made in (value[:-1] + "!", "!" + value[1:], value + "!", "!"):
        if not matches(schema, made) and _length_fits(schema, made):
            yield "does not fit the pattern", made
            return


def _length_fits(schema: Mapping[str, Any], value: str) -> bool:
    return int(schema.get("minLength", 0)) <= len(value) <= int(schema.get("maxLength", LONGEST))


FORMAT_MISSES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "date": (
        ("is 30 February", "2026-02-30"),
        ("has a month 13", "2026-13-01"),
        ("is a date in words", "tomorrow"),
    ),
    "date-time": (
        ("has no offset", "2026-03-02T10:30:00"),
        ("is on 30 February", "2026-02-30T10:30:00Z"),
        ("has an hour 25", "2026-03-02T25:30:00Z"),
    ),
    "email": (("is no email address", "person.example.org"),),
    "uuid": (("is no UUID", "7f3c1f0e-5b7a-5d0b-9d56-0c7f8f1d2a1"),),
    "ipv4": (("is no IPv4 address", "192.0.2.256"),),
}
"""Values that look like a format and are not: 3339 of the RFCs for dates, 5321 for addresses, 9562 for UUIDs."""


def _format(schema: Mapping[str, Any], value: Any) -> Made:
    if isinstance(value, str):
        yield from FORMAT_MISSES.get(str(schema.get("format")), ())


def _bounds(schema: Mapping[str, Any], value: Any) -> Made:
    if type_of(schema) not in ("integer", "number"):
        return
    most, least = schema.get("maximum"), schema.get("minimum")
    above, below = schema.get("exclusiveMaximum"), schema.get("exclusiveMinimum")
    for bound, open_bound, step, side in ((most, above, 1, "upper"), (least, below, -1, "lower")):
        if _is_number(open_bound) or (open_bound is True and _is_number(bound)):
            yield (
                f"is at its {side} bound, which it may not reach",
                open_bound if _is_number(open_bound) else bound,
            )
        elif isinstance(bound, int | float) and _is_number(bound):
            yield f"is past its {side} bound", bound + step


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_WRONG_TYPES: Mapping[str, tuple[tuple[str, Any], ...]] = {
    "integer": (("is a text and not a number", "high"), ("has a fraction", 1.5)),
    "number": (("is a text and not a number", "high"),),
    "boolean": (("is a text and not true or false", "perhaps"),),
}


def _type(schema: Mapping[str, Any], value: Any) -> Made:
    kind = schema.get("type")
    if "enum" not in schema and isinstance(kind, str):
        yield from _WRONG_TYPES.get(kind, ())


# Only JSON tells these apart; in an address everything is text.


def _json_type(schema: Mapping[str, Any], value: Any) -> Made:
    kind = schema.get("type")
    if kind == "string" and isinstance(value, str):
        yield "is an object and not a text", {"joinedup": value}
    elif kind == "object" and isinstance(value, dict):
        yield "is a list and not an object", [value]
    elif kind == "array" and isinstance(value, list):
        yield "is a text and not a list", "joinedup"


def _more_items(schema: Mapping[str, Any], value: Any) -> Made:
    most = schema.get("maxItems")
    if (
        isinstance(value, list)
        and value
        and isinstance(most, int)
        and most <= 500
        and not schema.get("uniqueItems")
    ):
        yield "has one item too many", (value * (most + 1))[: most + 1]


def _fewer_items(schema: Mapping[str, Any], value: Any) -> Made:
    least = schema.get("minItems")
    if isinstance(value, list) and value and isinstance(least, int) and least > 0:
        yield "has too few items", value[: least - 1]


def _closed(schema: Mapping[str, Any], value: Any) -> Made:
    if isinstance(value, dict) and is_closed(schema):
        yield "has a property that the contract rules out", {**value, "joinedupUnknownProperty": "x"}


def is_closed(schema: Mapping[str, Any]) -> bool:
    """Whether an object may have no further properties; a choice may bring more, so it counts as open."""
    return schema.get("additionalProperties") is False and not {"patternProperties", "oneOf", "anyOf"} & set(
        schema
    )


def _emptied(schema: Mapping[str, Any], value: Any) -> Made:
    if isinstance(value, dict) and value and int(schema.get("minProperties", 0)) > 0:
        yield "has no property, though it needs one", {}


_OF_A_VALUE: tuple[Callable[[Mapping[str, Any], Any], Made], ...] = (
    _code,
    _longer,
    _shorter,
    _shape,
    _format,
    _bounds,
    _type,
)
_OF_A_BODY: tuple[Callable[[Mapping[str, Any], Any], Made], ...] = (
    _json_type,
    _more_items,
    _fewer_items,
    _closed,
    _emptied,
)


# --- what can be wrong with a whole body


def body_misses(base: Base, whole: Place) -> Iterator[tuple[str, Callable[[Step], Step]]]:
    """Bodies that are wrong as a whole: how, and what makes one of an accepted request."""
    if not isinstance(base.step.body, dict) or whole.schema.get("type") != "object":
        return
    yield "is JSON cut short", lambda step: replace(step, body=Text(json.dumps(step.body)[:-1]))
    if not whole.takes_null:
        yield "is null", lambda step: replace(step, body=None)
    yield "is a list and not an object", lambda step: replace(step, body=[step.body])
    if not any(name in {"text/plain", "text/*", "*/*"} for name in _media_types(base.operation)):
        yield (
            "is called text/plain",
            lambda step: replace(
                step, body=Text(json.dumps(step.body, ensure_ascii=False)), media_type="text/plain"
            ),
        )


def _media_types(operation: Operation) -> tuple[str, ...]:
    return tuple(
        name.partition(";")[0].strip() for name in (operation.body.media_types if operation.body else ())
    )


# --- shared with the rules on input that is allowed


def is_judged_elsewhere(place: Place) -> bool:
    """Whether a parameter has rules of its own: paging, request ids, conditions."""
    return place.location != "body" and bare(place.name) in _PAGING | _OF_ITS_OWN_RULE


def server_failure(exchange: Exchange) -> Suspicion:
    """A 5xx that an input caused."""
    return Suspicion(
        rule="server-error",
        requirements=("CON-API-12",),
        title="An input makes the server fail",
        expected="An answer below 500, whatever is sent: a success, or a 4xx that says what is wrong with the request.",
        actual=f"{exchange.status}.",
        exchanges=(exchange,),
        expectation=Expectation(never=("5XX",)),
        cause=f"{exchange.step.operation} {exchange.status}",
    )
