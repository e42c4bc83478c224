"""Every value that is made for a schema is valid against it, by a validator that is not ours."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joinedup.conformance.exchanges import MISSING
from joinedup.conformance.samples import (
    FORMATS,
    CannotSampleError,
    Sampler,
    nhs_number,
    type_of,
    unique_learner_number,
    unique_pupil_number,
)

COMPONENTS: dict[str, Any] = {
    "Name": {"type": "string", "minLength": 1, "maxLength": 40},
    "Child": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"$ref": "#/components/schemas/Name"},
            "siblings": {"type": "array", "items": {"$ref": "#/components/schemas/Child"}},
        },
    },
    "Endless": {
        "type": "object",
        "required": ["next"],
        "properties": {"next": {"$ref": "#/components/schemas/Endless"}},
    },
    "Wide": {
        "type": "object",
        "properties": {f"p{n}": {"$ref": "#/components/schemas/Wide"} for n in range(12)},
    },
    "Forked": {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"anyOf": [{"$ref": "#/components/schemas/Forked"}] * 3}},
    },
}
DOCUMENT = {"components": {"schemas": COMPONENTS}}


def resolve(node: object) -> dict[str, Any]:
    """Follow a local reference, as a contract does."""
    if isinstance(node, dict) and "$ref" in node:
        return resolve(COMPONENTS[node["$ref"].rpartition("/")[2]])
    return node if isinstance(node, dict) else {}


def sampler(seed: int = 1, known: Callable[[str], Any] | None = None) -> Sampler:
    """A sampler for the components above."""
    return Sampler(resolve, seed, known)


def is_valid(schema: Any, value: Any, draft: int = 2020) -> bool:
    """Whether an independent validator accepts a value; formats count."""
    kind = {2020: jsonschema_rs.Draft202012Validator, 4: jsonschema_rs.Draft4Validator}[draft]
    whole = {**schema, **DOCUMENT} if isinstance(schema, dict) else schema
    return kind(whole, validate_formats=True).is_valid(value)


SCHEMAS: list[dict[str, Any]] = [
    {},
    {"type": "string"},
    {"type": "string", "minLength": 60},
    {"type": "string", "maxLength": 3},
    {"type": "string", "maxLength": 0},
    {"type": "string", "minLength": 5, "maxLength": 5},
    *({"type": "string", "format": name} for name in FORMATS),
    {"type": "string", "format": "date", "minLength": 10, "maxLength": 10},
    {"type": "string", "format": "unheard-of", "maxLength": 4},
    {"type": "string", "format": "hostname", "maxLength": 5, "pattern": "^[a-z]{3}$"},
    {"type": "string", "pattern": "^[A-Z]{2}[0-9]{4}$"},
    {"type": "string", "pattern": r"^\d{10}$"},
    {"type": "string", "pattern": r"^\w+$", "minLength": 3},
    {"type": "string", "pattern": "^(open|closed)$"},
    {"type": "string", "pattern": "[0-9]"},
    {"type": "string", "pattern": "^[^\\s]{4,}$"},
    {"type": "string", "pattern": "^é{2}$"},
    {"type": "string", "pattern": "^E(06|08|09|10)[0-9]{6}$", "maxLength": 9},
    {"type": "string", "enum": ["open", "closed"]},
    {"enum": [None, 3]},
    {"enum": [None]},
    {"const": {"a": [1]}},
    {"type": "string", "default": "open"},
    {"type": "integer"},
    {"type": "integer", "minimum": 5},
    {"type": "integer", "minimum": 1.5},
    {"type": "integer", "maximum": -3},
    {"type": "integer", "minimum": -9, "maximum": -3},
    {"type": "integer", "exclusiveMinimum": 5},
    {"type": "integer", "exclusiveMaximum": 1},
    {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 2},
    {"type": "integer", "minimum": 5, "exclusiveMinimum": 7},
    {"type": "integer", "multipleOf": 5},
    {"type": "integer", "multipleOf": 5, "minimum": 6},
    {"type": "integer", "multipleOf": 5, "maximum": -3},
    {"type": "integer", "multipleOf": 5, "exclusiveMinimum": 5},
    {"type": "integer", "multipleOf": 1.5},
    {"type": "number"},
    {"type": "number", "multipleOf": 0.01, "minimum": 0.07},
    {"type": "number", "multipleOf": 0.01, "minimum": 1.005},
    {"type": "number", "multipleOf": 0.1, "maximum": -0.05},
    {"type": "number", "exclusiveMinimum": 0},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.1},
    {"type": "number", "exclusiveMaximum": -4},
    {"type": "number", "minimum": 0.5, "maximum": 0.5},
    {"minimum": 3},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["string", "null"], "minLength": 2},
    {"type": ["null", "integer"]},
    {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 4}]},
    {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Child"}]},
    {"type": "array"},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3},
    {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
    {
        "type": "array",
        "items": {"type": "string", "enum": ["a", "b", "c"]},
        "uniqueItems": True,
        "minItems": 3,
    },
    {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 4},
    {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"type": "boolean"}],
        "items": {"type": "string"},
        "minItems": 3,
    },
    {"type": "object"},
    {"type": "object", "required": ["a"]},
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"type": "object", "minProperties": 2, "properties": {"a": {"type": "integer"}}},
    {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}},
    {"properties": {"a": {"type": "boolean"}}, "required": ["a"]},
    {"$ref": "#/components/schemas/Child"},
    {"$ref": "#/components/schemas/Wide"},
    {"type": "array", "items": {"$ref": "#/components/schemas/Child"}, "minItems": 1},
    {"allOf": [{"type": "integer", "minimum": 5}, {"minimum": 3, "maximum": 6}]},
    {"allOf": [{"type": "string", "enum": ["a", "b"]}, {"enum": ["b", "c"]}]},
    {"allOf": [{"type": ["string", "null"]}, {"type": "string", "minLength": 3}, {"maxLength": 4}]},
    {"allOf": [{"type": "number"}, {"type": "integer"}]},
    {
        "allOf": [
            {"$ref": "#/components/schemas/Child"},
            {
                "type": "object",
                "required": ["age"],
                "properties": {"age": {"type": "integer"}, "name": {"maxLength": 2}},
            },
        ]
    },
    {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"type": "string"}},
        "oneOf": [
            {"properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["x"]},
            {"properties": {"kind": {"const": "b"}}, "required": ["y"]},
        ],
    },
    {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    },
    {"type": "string", "oneOf": [{"format": "date"}, {"const": "unknown"}]},
    {"allOf": [{"type": "object", "required": ["a"]}, {"oneOf": [{"required": ["b"]}, {"required": ["c"]}]}]},
    {"anyOf": [{"$ref": "#/components/schemas/Endless"}, {"type": "integer"}]},
]


@pytest.mark.parametrize("pattern", ["^[^/%&><]+$", "^[a-z0-9-]+$", "[A-Za-z]"])
def test_a_pattern_that_words_keep_to_gives_words(pattern: str) -> None:
    """Objects get names of their own, where the simplest match of the pattern would be one for all of them."""
    schema = {"type": "string", "pattern": pattern}
    made = {Sampler(lambda node: dict(node), seed).value(schema) for seed in range(8)}  # type: ignore[call-overload]
    assert len(made) > 6
    assert all(re.search(pattern, text) for text in made)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_value_is_valid_against_its_schema(schema: dict[str, Any], full: bool) -> None:
    """With required properties only and with all of them, for three seeds."""
    for seed in (1, 2, 3):
        value = sampler(seed).value(schema, full=full)
        assert is_valid(schema, value), value


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 5, "exclusiveMinimum": True},
        {"type": "integer", "maximum": 1, "exclusiveMaximum": True},
        {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 0.1, "exclusiveMaximum": True},
        {"type": "number", "minimum": 5, "exclusiveMinimum": False},
        {"type": "integer", "minimum": 4, "exclusiveMinimum": True, "multipleOf": 4},
    ],
    ids=str,
)
def test_bounds_of_openapi_3_0_are_flags(schema: dict[str, Any]) -> None:
    """In OpenAPI 3.0 an exclusive bound is a flag beside the bound."""
    value = sampler().value(schema)
    assert is_valid(schema, value, draft=4), value


def test_nullable_of_openapi_3_0_gets_a_real_value() -> None:
    """What may be null gets a value all the same: null would prove less."""
    assert isinstance(sampler().value({"type": "string", "nullable": True}), str)
    assert isinstance(sampler().value({"type": ["null", "string"]}), str)
    assert sampler().value({"enum": [None, "open"]}) == "open"


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"$ref": "#/components/schemas/Endless"},
        {"$ref": "#/components/schemas/Forked"},
        {"type": "array", "items": {"$ref": "#/components/schemas/Endless"}, "minItems": 1},
        {"type": "array", "minItems": 51},
        {"type": "array", "items": {"enum": ["a"]}, "minItems": 2, "uniqueItems": True},
        {"type": "string", "minLength": 10_001},
        {"type": "string", "pattern": "(["},
        {"type": "string", "pattern": "^[a-z]$", "minLength": 2},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "integer", "exclusiveMinimum": 2, "exclusiveMaximum": 3},
        {"type": "integer", "minimum": 6, "maximum": 9, "multipleOf": 5},
        {"type": "number", "exclusiveMinimum": 2, "maximum": 2},
        {"enum": []},
        {"allOf": [{"enum": ["a"]}, {"enum": ["b"]}]},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "object", "minProperties": 1, "additionalProperties": False},
        {"oneOf": [{"type": "integer", "minimum": 3, "maximum": 2}, False]},
        {"type": "object", "required": ["a"], "properties": {"a": False}},
    ],
    ids=str,
)
def test_what_cannot_be_made_is_said(schema: Any) -> None:
    """A schema that allows no value, or none that can be found, is an error and no wrong value."""
    with pytest.raises(CannotSampleError):
        sampler().value(schema, full=True)


def test_an_optional_property_that_cannot_be_made_is_left_out() -> None:
    """One impossible property does not spoil a body that can do without it."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"enum": []}}}
    assert sampler().value(schema, full=True) == {"a": 1}


def test_what_the_server_sets_is_not_sent() -> None:
    """Read-only properties are left out, required or not."""
    schema = {
        "type": "object",
        "required": ["id", "name"],
        "properties": {"id": {"type": "string", "readOnly": True}, "name": {"const": "x"}},
    }
    assert sampler().value(schema, full=True) == {"name": "x"}


def test_a_schema_that_refers_to_itself_stays_small() -> None:
    """Twelve properties of the same kind, each with twelve, end long before a million values."""

    def count(value: Any) -> int:
        return 1 + sum(map(count, value.values()))

    assert count(sampler().value({"$ref": "#/components/schemas/Wide"}, full=True)) < 2_000


def test_the_same_seed_gives_the_same_values() -> None:
    """Values depend on the seed and on nothing else."""
    schema = {"type": "object", "properties": {name: {"type": "string", "format": name} for name in FORMATS}}
    made = [sampler(seed).value(schema, full=True) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize(
    ("known", "schema", "used"),
    [
        ("c1", {"type": "string"}, True),
        (7, {"type": "string"}, False),
        (7, {"type": "integer"}, True),
        (True, {"type": "integer"}, False),
        (True, {"type": "boolean"}, True),
        (7, {"type": "number"}, True),
        ("c1", {"type": "string", "maxLength": 1}, False),
        ("c1", {"type": "string", "pattern": "^[0-9]+$"}, False),
        (7, {"type": "integer", "maximum": 6}, False),
        ("c1", {"type": "string", "enum": ["x"]}, False),
        (MISSING, {"type": "string"}, False),
    ],
)
def test_a_known_value_is_used_where_it_fits(known: Any, schema: dict[str, Any], used: bool) -> None:
    """A real value goes in by the property's name, if the schema allows it."""
    body = {"type": "object", "required": ["childId"], "properties": {"childId": schema}}
    made = sampler(known=lambda name: known if name == "childId" else MISSING).value(body)
    assert (made["childId"] == known and type(made["childId"]) is type(known)) is used
    assert is_valid(body, made)


BOUNDS = st.integers(-20, 20)


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    """Schemas of numbers with any bounds that leave room."""
    low, size = draw(BOUNDS), draw(st.integers(2, 40))
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + size
    if draw(st.booleans()) and size > 10:
        schema["multipleOf"] = draw(st.sampled_from([1, 2, 5, 0.5, 0.25]))
    return schema


STRINGS = st.builds(
    lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
    st.integers(0, 30),
    st.integers(0, 30),
) | st.sampled_from([{"type": "string", "format": name} for name in FORMATS])
LEAVES = (
    numbers() | STRINGS | st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"enum": ["a", 1]}, {}])
)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """Schemas of objects with some properties required."""
    properties = draw(st.dictionaries(st.sampled_from("abcdef"), inner, max_size=4))
    schema = {"type": "object", "properties": properties}
    if properties:
        schema["required"] = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
    return {**schema, "additionalProperties": False} if draw(st.booleans()) else schema


def wider(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Arrays, objects, alternatives and combinations of schemas."""
    arrays = st.builds(
        lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)
    )
    alternatives = st.builds(lambda choices: {"anyOf": choices}, st.lists(inner, min_size=1, max_size=3))
    closed = objects(inner).map(lambda s: {k: v for k, v in s.items() if k != "additionalProperties"})
    combined = st.builds(lambda one: {"allOf": [one, {"type": "object", "required": ["z"]}]}, closed)
    return arrays | objects(inner) | alternatives | combined


@settings(max_examples=80, deadline=None, database=None)
@given(schema=st.recursive(LEAVES, wider, max_leaves=8), full=st.booleans(), seed=st.integers(0, 99))
def test_any_schema_of_a_large_family_gets_a_valid_value(
    schema: dict[str, Any], full: bool, seed: int
) -> None:
    """Nested objects, arrays, alternatives and combinations, with any bounds that leave room."""
    value = sampler(seed).value(schema, full=full)
    assert is_valid(schema, value), value


# --- identifiers, by their own formulas


def weighted(digits: str) -> int:
    """The digits times 10, 9, 8 and so on, added up."""
    return sum(int(digit) * weight for digit, weight in zip(digits, itertools.count(10, -1), strict=False))


def test_the_formulas_agree_with_published_samples() -> None:
    """The tests' own arithmetic is right: an NHS number leaves 0 by 11, a ULN leaves 10, a UPN has its letter."""
    assert weighted("9434765919") % 11 == 0
    assert weighted("9276308686") % 11 == 10
    assert upn_letter("801200001001") == "H"


def upn_letter(twelve: str) -> str:
    """The check letter of the twelve characters after it: places 2 to 13 as weights, modulus 23."""
    return "ABCDEFGHJKLMNPQRTUVWXYZ"[sum(int(d) * place for place, d in enumerate(twelve, 2)) % 23]


SEEDS = range(200)


def test_nhs_numbers_are_synthetic_and_valid() -> None:
    """Ten digits from 999, with the check digit of modulus 11."""
    made = [nhs_number(random.Random(seed)) for seed in SEEDS]
    assert all(re.fullmatch(r"999\d{7}", number) for number in made)
    assert {weighted(number) % 11 for number in made} == {0}


def test_learner_numbers_are_synthetic_and_valid() -> None:
    """Ten digits from 99, whose weighted sum leaves 10; so none of them is a valid NHS number."""
    made = [unique_learner_number(random.Random(seed)) for seed in SEEDS]
    assert all(re.fullmatch(r"99\d{8}", number) for number in made)
    assert {weighted(number) % 11 for number in made} == {10}


def test_pupil_numbers_are_synthetic_and_valid() -> None:
    """A check letter, the pseudo authority 001, and nine digits."""
    made = [unique_pupil_number(random.Random(seed)) for seed in SEEDS]
    assert all(re.fullmatch(r"[A-HJ-NP-RT-Z]001\d{9}", number) for number in made)
    assert all(number[0] == upn_letter(number[1:]) for number in made)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("phone", r"07700900\d{3}"),
        ("telephone", r"07700900\d{3}"),
        ("postcode", r"ZZ99 \d[A-Z]{2}"),
        ("email", r".+@example\.org"),
        ("uri", r"https://example\.org/.*"),
        ("ipv4", r"192\.0\.2\.\d+"),
        ("hostname", r"example\.org"),
    ],
)
def test_other_personal_formats_are_nobodys(name: str, pattern: str) -> None:
    """Telephone numbers of drama, postcodes of no place, names and addresses set aside for examples."""
    assert all(re.fullmatch(pattern, FORMATS[name](random.Random(seed))) for seed in SEEDS)


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["null", "integer"]}, "integer"),
        ({"type": ["null"]}, "null"),
        ({"properties": {}}, "object"),
        ({"required": ["a"]}, "object"),
        ({"items": {}}, "array"),
        ({"minimum": 1}, "number"),
        ({}, "string"),
    ],
)
def test_what_a_schema_is_about(schema: dict[str, Any], kind: str) -> None:
    """A schema without a type is about what its other keywords speak of."""
    assert type_of(schema) == kind
