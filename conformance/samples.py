"""
Valid values made from a schema: the body of a create, a value for a parameter.

The same schema and seed give the same value. Identifiers are synthetic: NHS numbers from 999, UPNs with the pseudo
authority 001, ULNs from 99.
"""

from __future__ import annotations

import datetime
import random
import re
import string
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from stdnum.gb import nhs, upn

from joinedup.conformance.errors import JoinedUpError
from joinedup.conformance.exchanges import MISSING

MAX_DEPTH = 12
_WORDS = ("Amber", "Birch", "Clover", "Daisy", "Elder", "Fern", "Garnet", "Hazel", "Ivy", "Juniper")
_TODAY = datetime.date(2026, 3, 2)
Known = Callable[[str], Any]
Resolve = Callable[[object], dict[str, Any]]


class CannotSampleError(JoinedUpError):
    """Raised when no value can be made for a schema, for example because it allows none."""


class Sampler:
    """
    Makes valid values.

    Args:
        resolve: follows local references.
        seed: the same seed gives the same values in the same order.
        known: real values by property name, or ``MISSING``.
    """

    def __init__(self, resolve: Resolve, seed: int = 1, known: Known | None = None) -> None:
        self._resolve = resolve
        self._random = random.Random(seed)  # noqa: S311 - repeatable test data, no secret
        self._known = known or (lambda _name: MISSING)

    def value(self, schema: object, *, full: bool = False, name: str = "", depth: int = 0) -> Any:
        """
        One valid value.

        Args:
            full: optional properties too, instead of required ones only.
            name: the property's or parameter's name, for values known by name.

        Raises:
            CannotSampleError: the schema is too deep, or allows no value that this can make.
        """
        if depth > MAX_DEPTH:
            raise CannotSampleError("The schema refers to itself without an end.")
        if schema is True or schema == {}:
            return self._words()
        node = self._resolve(schema)
        for fixed in ("const", "default"):
            if fixed in node:
                return node[fixed]
        if node.get("enum"):
            return next((v for v in node["enum"] if v is not None), None)
        if "allOf" in node:
            node = self._merged(node)
        for choice in ("oneOf", "anyOf"):
            if node.get(choice) and "type" not in node and "properties" not in node:
                return self._first_that_works(node[choice], full, name, depth)
        return self._typed(node, full, name, depth)

    def _first_that_works(self, choices: list[Any], full: bool, name: str, depth: int) -> Any:
        for choice in sorted(choices, key=lambda c: self._resolve(c).get("type") == "null"):
            try:
                return self.value(choice, full=full, name=name, depth=depth + 1)
            except CannotSampleError:
                continue
        raise CannotSampleError("None of the alternatives of the schema can be made.")

    def _merged(self, node: Mapping[str, Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in (*node["allOf"], {k: v for k, v in node.items() if k != "allOf"}):
            resolved = self._resolve(part)
            resolved = self._merged(resolved) if "allOf" in resolved else resolved
            merged = {
                **merged,
                **resolved,
                "properties": {**merged.get("properties", {}), **resolved.get("properties", {})},
                "required": [*merged.get("required", []), *resolved.get("required", [])],
            }
        return merged

    def _typed(self, node: Mapping[str, Any], full: bool, name: str, depth: int) -> Any:
        kind = type_of(node)
        if kind == "object":
            return self._object(node, full, depth)
        if kind == "array":
            return self._array(node, full, name, depth)
        known = self._known(name) if name else MISSING
        if known is not MISSING and _fits(known, kind):
            return known
        if kind == "string":
            return self._string(node)
        if kind == "boolean":
            return False
        if kind == "null":
            return None
        return self._number(node, whole=kind == "integer")

    def _object(self, node: Mapping[str, Any], full: bool, depth: int) -> dict[str, Any]:
        required = list(node.get("required") or [])
        properties = node.get("properties") or {}
        wanted = [n for n in properties if n in required or full] + [
            n for n in required if n not in properties
        ]
        made: dict[str, Any] = {}
        for name in wanted:
            schema = properties.get(name, {})
            if self._resolve(schema).get("readOnly"):
                continue
            try:
                made[name] = self.value(schema, full=full, name=name, depth=depth + 1)
            except CannotSampleError:
                if name in required:
                    raise
        return made

    def _array(self, node: Mapping[str, Any], full: bool, name: str, depth: int) -> list[Any]:
        count = max(int(node.get("minItems", 0)), 1 if full or depth == 0 else 0)
        if count > 50:
            raise CannotSampleError("The schema wants more than 50 items.")
        return [
            self.value(node.get("items", True), full=full, name=name, depth=depth + 1) for _ in range(count)
        ]

    def _number(self, node: Mapping[str, Any], *, whole: bool) -> float | int:
        step = node.get("multipleOf") or (1 if whole else 0)
        low, high = _bound(node, "minimum", "exclusiveMinimum"), _bound(node, "maximum", "exclusiveMaximum")
        value = low if low is not None else (min(high, 1) if high is not None else 1)
        if node.get("exclusiveMinimum") not in (None, False):
            value += step or 0.5
        if step:
            value = -(-value // step) * step
        return int(value) if whole else float(value)

    def _string(self, node: Mapping[str, Any]) -> str:
        made = FORMATS.get(str(node.get("format", "")), None)
        pattern = node.get("pattern")
        if made is not None:
            value = made(self._random)
            if not pattern or _matches(pattern, value):
                return value
        if isinstance(pattern, str):
            return self._from_pattern(pattern, node)
        return self._fitted(self._words(), node)

    def _words(self) -> str:
        return f"{self._random.choice(_WORDS)} {self._random.choice(_WORDS)} {self._random.randrange(10_000)}"

    def _fitted(self, text: str, node: Mapping[str, Any]) -> str:
        least, most = int(node.get("minLength", 0)), int(node.get("maxLength", 10_000))
        if least > 10_000:
            raise CannotSampleError("The schema wants a string of over 10,000 characters.")
        return (text + "".join(self._random.choice(string.ascii_lowercase) for _ in range(least)))[
            : max(least, min(most, len(text)))
        ]

    def _from_pattern(self, pattern: str, node: Mapping[str, Any]) -> str:
        least, most = int(node.get("minLength", 0)), int(node.get("maxLength", 10_000))
        quiet = settings(
            database=None,
            derandomize=True,
            max_examples=200,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        try:
            return find(
                st.from_regex(pattern),
                lambda text: least <= len(text) <= most and text.isprintable(),
                settings=quiet,
            )
        except (HypothesisException, re.error, ValueError) as error:
            raise CannotSampleError(f"No value could be made for the pattern {pattern!r}.") from error


def type_of(node: Mapping[str, Any]) -> str:
    """The JSON type that a schema is about; the first that is not ``null`` where it allows several."""
    kind = node.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in node or "required" in node or "additionalProperties" in node:
        return "object"
    if "items" in node:
        return "array"
    return "number" if {"minimum", "maximum", "multipleOf"} & set(node) else "string"


def _fits(value: Any, kind: str) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
    }
    return isinstance(value, kinds.get(kind, ())) and (kind == "boolean" or not isinstance(value, bool))


def _bound(node: Mapping[str, Any], inclusive: str, exclusive: str) -> float | None:
    values = [
        node[key]
        for key in (inclusive, exclusive)
        if isinstance(node.get(key), int | float) and not isinstance(node.get(key), bool)
    ]
    return None if not values else (max(values) if inclusive == "minimum" else min(values))


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return False


def nhs_number(source: random.Random) -> str:
    """A valid synthetic NHS number: 999, six digits, check digit."""
    while True:
        first = f"999{source.randrange(1_000_000):06d}"
        for digit in string.digits:
            if nhs.is_valid(first + digit):
                return first + digit


def unique_pupil_number(source: random.Random) -> str:
    """A valid synthetic UPN: pseudo authority 001."""
    body = f"001{source.randrange(10_000):04d}{source.randrange(15, 26)}{source.randrange(1000):03d}"
    return upn.calc_check_digit(body) + body


def unique_learner_number(source: random.Random) -> str:
    """A valid ULN from 99: the weighted sum of its ten digits leaves 10 when divided by 11 (HESA C17051)."""
    while True:
        first = f"99{source.randrange(10_000_000):07d}"
        remainder = sum((10 - place) * int(digit) for place, digit in enumerate(first)) % 11
        if remainder:
            return first + str(10 - remainder)


FORMATS: Mapping[str, Callable[[random.Random], str]] = {
    "date": lambda r: (_TODAY + datetime.timedelta(days=r.randrange(200))).isoformat(),
    "date-time": lambda r: (
        f"{(_TODAY + datetime.timedelta(days=r.randrange(200))).isoformat()}T{r.randrange(24):02d}:30:00Z"
    ),
    "time": lambda r: f"{r.randrange(24):02d}:30:00Z",
    "duration": lambda _r: "P1D",
    "uuid": lambda r: str(uuid.UUID(int=r.getrandbits(128), version=4)),
    "email": lambda r: f"person{r.randrange(10_000)}@example.org",
    "idn-email": lambda r: f"person{r.randrange(10_000)}@example.org",
    "hostname": lambda _r: "example.org",
    "ipv4": lambda r: f"192.0.2.{r.randrange(1, 255)}",
    "ipv6": lambda _r: "2001:db8::1",
    "uri": lambda r: f"https://example.org/{r.randrange(10_000)}",
    "url": lambda r: f"https://example.org/{r.randrange(10_000)}",
    "uri-reference": lambda r: f"/{r.randrange(10_000)}",
    "byte": lambda _r: "am9pbmVkdXA=",
    "nhs-number": nhs_number,
    "nhsnumber": nhs_number,
    "upn": unique_pupil_number,
    "uln": unique_learner_number,
    "postcode": lambda r: f"ZZ99 {r.randrange(10)}AA",
    "uk-postcode": lambda r: f"ZZ99 {r.randrange(10)}AA",
    "phone": lambda r: f"07700900{r.randrange(1000):03d}",
    "telephone": lambda r: f"07700900{r.randrange(1000):03d}",
}
"""A valid value for each format that is known, by the format's name."""
