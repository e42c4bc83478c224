"""
Valid values made from a schema: the body of a create, a value for a parameter.

The same schema and seed give the same value. Identifiers are synthetic: NHS numbers from 999, UPNs with the pseudo
authority 001, ULNs from 99.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import random
import re
import string
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from stdnum.gb import nhs, upn

from joinedup.conformance.errors import JoinedUpError
from joinedup.conformance.exchanges import MISSING

MAX_DEPTH = 12
# How far optional properties are filled in, and how many values are made before only required ones are.
FULL_DEPTH = 6
MOST_VALUES = 500
MOST_ATTEMPTS = 20_000
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
        marker: a word that every free text begins with which has room for it; empty for none.
        plain: whether free text is made of lower-case letters, digits and hyphens only, as many systems want names
            to be without saying so in their contract.
    """

    def __init__(
        self,
        resolve: Resolve,
        seed: int = 1,
        known: Known | None = None,
        marker: str = "",
        *,
        plain: bool = False,
    ) -> None:
        self._marker = marker
        self._plain = plain
        self._resolve = resolve
        self._random = random.Random(seed)  # noqa: S311 - repeatable test data, no secret
        self._known = known or (lambda _name: MISSING)
        self._made = 0

    def value(self, schema: object, *, full: bool = False, name: str = "", depth: int = 0) -> Any:
        """
        One valid value.

        Args:
            full: optional properties too, instead of required ones only.
            name: the property's or parameter's name, for values known by name.

        Raises:
            CannotSampleError: the schema is too deep, or allows no value that this can make.
        """
        if depth > MAX_DEPTH or (depth and self._made > MOST_ATTEMPTS):
            raise CannotSampleError("The schema refers to itself without an end.")
        self._made = self._made + 1 if depth else 1
        if schema is True or schema == {}:
            return self._words()
        if schema is False:
            raise CannotSampleError("The schema allows no value.")
        # A schema that refers to itself in many places would grow without measure.
        full = full and depth < FULL_DEPTH and self._made < MOST_VALUES
        node = self._resolve(schema)
        if "allOf" in node:
            node = self._merged(node)
        for fixed in ("const", "default"):
            if fixed in node:
                return node[fixed]
        if "enum" in node:
            return self._member(node["enum"])
        for choice in ("oneOf", "anyOf"):
            if node.get(choice):
                return self._first_that_works(node, choice, full, name, depth)
        return self._typed(node, full, name, depth)

    def _member(self, members: list[Any]) -> Any:
        if not members:
            raise CannotSampleError("The schema allows no value.")
        return next((member for member in members if member is not None), None)

    def _first_that_works(
        self, node: Mapping[str, Any], choice: str, full: bool, name: str, depth: int
    ) -> Any:
        beside = {key: value for key, value in node.items() if key != choice}
        for chosen in sorted(node[choice], key=lambda c: self._resolve(c).get("type") == "null"):
            both = {"allOf": [beside, chosen]} if type_is_given(beside) else chosen
            try:
                return self.value(both, full=full, name=name, depth=depth + 1)
            except CannotSampleError:
                continue
        raise CannotSampleError("None of the alternatives of the schema can be made.")

    def _merged(self, node: Mapping[str, Any]) -> dict[str, Any]:
        """One schema for several that all hold: both properties, the narrower bounds, the members that all have."""
        merged: dict[str, Any] = {}
        for part in (*node["allOf"], {k: v for k, v in node.items() if k != "allOf"}):
            resolved = self._resolve(part)
            resolved = self._merged(resolved) if "allOf" in resolved else resolved
            for key, value in resolved.items():
                merged[key] = _JOINED[key](merged[key], value) if key in merged and key in _JOINED else value
        return merged

    def _typed(self, node: Mapping[str, Any], full: bool, name: str, depth: int) -> Any:
        kind = type_of(node)
        if kind == "object":
            return self._object(node, full, depth)
        if kind == "array":
            return self._array(node, full, name, depth)
        known = self._known(name) if name else MISSING
        if known is not MISSING and _fits(known, kind) and _keeps_to(known, node):
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
        return self._filled_up(made, node, full, depth)

    def _filled_up(
        self, made: dict[str, Any], node: Mapping[str, Any], full: bool, depth: int
    ) -> dict[str, Any]:
        """The object with as many properties as it needs at least."""
        more = [n for n in node.get("properties") or {} if n not in made]
        other = node.get("additionalProperties", True)
        more += (
            [f"extra{number}" for number in range(int(node.get("minProperties", 0)))]
            if other is not False
            else []
        )
        for name in more[: max(int(node.get("minProperties", 0)) - len(made), 0)]:
            schema = (node.get("properties") or {}).get(name, other)
            made[name] = self.value(schema, full=full, name=name, depth=depth + 1)
        if len(made) < int(node.get("minProperties", 0)):
            raise CannotSampleError("The schema wants more properties than it allows.")
        return made

    def _array(self, node: Mapping[str, Any], full: bool, name: str, depth: int) -> list[Any]:
        count = max(int(node.get("minItems", 0)), 1 if full or depth == 0 else 0)
        count = min(count, int(node.get("maxItems", count)))
        if count > 50:
            raise CannotSampleError("The schema wants more than 50 items.")
        first = node.get("prefixItems") or []
        schemas = [*first, *[node.get("items", True)] * count][: max(count, 0)]
        if node.get("uniqueItems"):
            return self._unlike(schemas, full, name, depth)
        return [self.value(schema, full=full, name=name, depth=depth + 1) for schema in schemas]

    def _unlike(self, schemas: list[Any], full: bool, name: str, depth: int) -> list[Any]:
        """Items that all differ: members of a code list in order, anything else by trying again."""
        made: list[Any] = []
        for schema in schemas:
            members = self._resolve(schema).get("enum") if isinstance(schema, dict) else None
            tries = members or (
                self.value(schema, full=full, name="" if made else name, depth=depth + 1) for _ in range(20)
            )
            fresh = [item for item in tries if item not in made][:1]
            if not fresh:
                raise CannotSampleError("The schema wants more different items than can be made.")
            made += fresh
        return made

    def _number(self, node: Mapping[str, Any], *, whole: bool) -> float | int:
        step = Fraction(str(node.get("multipleOf") or (1 if whole else 0)))
        # Of the multiples of p/q, the whole ones are the multiples of p.
        step = Fraction(step.numerator) if whole else step
        value = _first_multiple(_range(node), step) if step else _within(_range(node))
        return int(value) if whole else float(value)

    def _string(self, node: Mapping[str, Any]) -> str:
        made = FORMATS.get(str(node.get("format", "")), None)
        pattern = node.get("pattern")
        if made is not None:
            value = made(self._random)
            if _keeps_to(value, node):
                return value
        if isinstance(pattern, str):
            text = self._text(node)
            # Words tell one object from the next, which the simplest match of a pattern does not.
            likely = (text, text.lower().replace(" ", "-"))
            return next((t for t in likely if _keeps_to(t, node)), None) or self._from_pattern(pattern, node)
        return self._fitted(self._text(node), node)

    def _text(self, node: Mapping[str, Any]) -> str:
        """Free text: the marker where it fits, else words."""
        marked = marked_text(self._marker, self._random)
        fits = bool(self._marker) and len(marked) <= int(node.get("maxLength", len(marked)))
        text = marked if fits else self._words()
        return text.lower().replace(" ", "-") if self._plain else text

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
        return _matching(pattern, int(node.get("minLength", 0)), int(node.get("maxLength", 10_000)))


@lru_cache(maxsize=10_000)
def _matching(pattern: str, least: int, most: int) -> str:
    """The simplest text that keeps to a pattern and two lengths; raises ``CannotSampleError``."""
    quiet = settings(
        database=None,
        derandomize=True,
        max_examples=200,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    # First of plain characters: in a contract \d is 0 to 9 (ECMA-262), in Python any digit of the world.
    for alphabet in (st.characters(min_codepoint=32, max_codepoint=126), st.characters()):
        with contextlib.suppress(HypothesisException, re.error, ValueError):
            return find(
                st.from_regex(re.compile(pattern, re.ASCII), alphabet=alphabet),
                lambda text: least <= len(text) <= most and text.isprintable(),
                settings=quiet,
            )
    raise CannotSampleError(f"No value could be made for the pattern {pattern!r}.")


def marked_text(marker: str, source: random.Random) -> str:
    """A text of our own that begins with a marker; all with the same marker have the same length."""
    return f"{marker} {source.randrange(1_000_000):06d}"


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


@dataclass(frozen=True)
class _Range:
    """Where a number may lie; None where a side is open."""

    low: Fraction | None
    above: bool
    high: Fraction | None
    below: bool

    def holds(self, value: Fraction) -> bool:
        """Whether a number lies within."""
        return (self.low is None or value > self.low or (value == self.low and not self.above)) and (
            self.high is None or value < self.high or (value == self.high and not self.below)
        )


def _range(node: Mapping[str, Any]) -> _Range:
    """The range of a schema in either dialect: exclusive bounds are numbers in 3.1 and flags in 3.0."""
    low, above = _bound(node, "minimum", "exclusiveMinimum", max)
    high, below = _bound(node, "maximum", "exclusiveMaximum", min)
    return _Range(low, above, high, below)


def _bound(
    node: Mapping[str, Any], inclusive: str, exclusive: str, narrower: Callable[..., Fraction]
) -> tuple[Fraction | None, bool]:
    bounds = {
        key: Fraction(str(node[key]))
        for key in (inclusive, exclusive)
        if isinstance(node.get(key), int | float) and not isinstance(node.get(key), bool)
    }
    bound = narrower(bounds.values()) if bounds else None
    return bound, node.get(exclusive) is True or (bound is not None and bounds.get(exclusive) == bound)


def _first_multiple(allowed: _Range, step: Fraction) -> Fraction:
    """The multiple of a step that lies next to the lower bound, else to 1 or the upper bound."""
    if allowed.low is None:
        most = max(step, Fraction(1))
        start = math.floor((most if allowed.high is None else min(allowed.high, most)) / step)
        tries = (start, start - 1)
    else:
        start = math.ceil(allowed.low / step)
        tries = (start, start + 1)
    found = next((number * step for number in tries if allowed.holds(number * step)), None)
    if found is None:
        raise CannotSampleError("The schema's bounds leave no number.")
    return found


def _within(allowed: _Range) -> Fraction:
    """A number of any kind: 1 where that is allowed, else a bound, else the middle."""
    low, high = allowed.low, allowed.high
    near = [bound for bound in (low, high) if bound is not None]
    middle = sum(near, Fraction(0)) / (len(near) or 1)
    one = Fraction(1)
    for value in (one, *near, middle, *(n + one for n in near), *(n - one for n in near)):
        if allowed.holds(value):
            return value
    raise CannotSampleError("The schema's bounds leave no number.")


def _keeps_to(value: Any, node: Mapping[str, Any]) -> bool:
    """Whether a value keeps to a schema's length, pattern and bounds."""
    if isinstance(value, str):
        pattern = node.get("pattern")
        fits = int(node.get("minLength", 0)) <= len(value) <= int(node.get("maxLength", len(value)))
        return fits and (not isinstance(pattern, str) or _matches(pattern, value))
    return isinstance(value, bool) or _range(node).holds(Fraction(str(value)))


def type_is_given(node: Mapping[str, Any]) -> bool:
    """Whether a schema says something of its value beside its title and its alternatives."""
    return bool(set(node) - {"title", "description", "discriminator", "example", "examples", "nullable"})


def _both_properties(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    shared = {
        name: {"allOf": [one[name], other[name]]}
        for name in one
        if name in other and one[name] != other[name]
    }
    return {**one, **other, **shared}


def _both_types(one: Any, other: Any) -> Any:
    kinds = [kind for kind in _listed(one) if kind in _listed(other)]
    if not kinds and {*_listed(one), *_listed(other)} == {"integer", "number"}:
        return "integer"
    if not kinds:
        raise CannotSampleError("The schema wants two types at once.")
    return kinds


def _listed(kind: Any) -> list[Any]:
    return kind if isinstance(kind, list) else [kind]


# How two schemas that both hold become one, keyword by keyword; of any other keyword the later counts.
_JOINED: Mapping[str, Callable[[Any, Any], Any]] = {
    "properties": _both_properties,
    "required": lambda one, other: [*one, *(name for name in other if name not in one)],
    "enum": lambda one, other: [member for member in one if member in other],
    "type": _both_types,
    "additionalProperties": lambda one, other: one if one is False else other,
    **dict.fromkeys(("minimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "maxLength", "maxItems", "maxProperties"), min),
    "exclusiveMinimum": max,
    "exclusiveMaximum": min,
    "uniqueItems": lambda one, other: one or other,
}


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
