"""
CON-API-05, 06, 07 and 09: whether a contract keeps the conventions for JSON, names, addresses and dates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from joinedup.conformance.anatomy import pointer_to
from joinedup.conformance.bodies import json_properties
from joinedup.conformance.contract import Contract, Operation
from joinedup.conformance.findings import Finding
from joinedup.conformance.operations import examples_of, followed
from joinedup.conformance.responses import base_type, is_json
from joinedup.conformance.rules import Place, Rule, at, has_operations, one_finding
from joinedup.conformance.usage import users_of

FHIR = "fhir"


def speaks_fhir(contract: Contract) -> bool:
    """Whether a contract follows HL7 FHIR, which sets its own names and addresses."""
    return any(FHIR in media_type for _, _, media_type, _ in _media_types(contract))


def _media_types(contract: Contract) -> Iterator[tuple[Operation, str, str, dict[str, Any]]]:
    """Operation, pointer, media type and its object, for each body that an operation takes or successfully gives."""
    for operation in contract.operations:
        for status, response in operation.success_responses:
            content = response.get("content")
            for name, media in content.items() if isinstance(content, dict) else ():
                pointer = operation.response_pointers[status] + pointer_to("content", name)[1:]
                yield operation, pointer, name, media if isinstance(media, dict) else {}


# CON-API-05

_MARKUP = re.compile(r"^(application|text)/(.+\+)?(xml|html)$")


def json_not_offered(contract: Contract) -> Iterator[Finding]:
    """Answers that are offered as XML or HTML only; files such as PDF are left alone."""
    by_answer: dict[tuple[str, str], list[tuple[Operation, str]]] = {}
    for operation, pointer, name, _ in _media_types(contract):
        by_answer.setdefault((operation.label, pointer.rpartition("/content/")[0]), []).append(
            (operation, name)
        )
    places = (
        Place(where, f"it offers only {', '.join(name for _, name in offered)}", (label,))
        for (label, where), offered in by_answer.items()
        if all(_MARKUP.match(base_type(name)) for _, name in offered)
    )
    title, expected = "An answer is not offered as JSON", "Every answer that holds data is offered as JSON."
    yield from one_finding("json-not-offered", "CON-API-05", title, expected, places)


def top_level_is_no_object(contract: Contract) -> Iterator[Finding]:
    """JSON answers whose top level is a list or a single value, which cannot grow without breaking callers."""
    yield from one_finding(
        "top-level-not-object",
        "CON-API-05",
        "A JSON answer is not an object at its top level",
        "The top level of a JSON answer is an object, so that it can gain properties later.",
        _other_top_levels(contract),
    )


def _other_top_levels(contract: Contract) -> Iterator[Place]:
    for operation, pointer, name, media in _media_types(contract):
        kind = contract.resolve(media.get("schema")).get("type")
        if is_json(name) and isinstance(kind, str) and kind not in {"object", "null"}:
            yield Place(f"{pointer}/schema", f"it is of type {kind}", (operation.label,))


def _offers_json(contract: Contract) -> bool:
    return any(is_json(name) for _, _, name, _ in _media_types(contract))


def _answers_with_content(contract: Contract) -> bool:
    return any(True for _ in _media_types(contract))


# CON-API-06

_CASES = {
    "camelCase": re.compile(r"[a-z][a-z0-9]*([A-Z]+[a-z0-9]*)+"),
    "snake_case": re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+"),
    "kebab-case": re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+"),
    "PascalCase": re.compile(r"[A-Z]+[a-z][A-Za-z0-9]*"),
}
_SET_BY_STANDARDS = frozenset(
    [
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "id_token",
        "error_description",
        "error_uri",
        "client_id",
        "client_secret",
        "grant_type",
        "client_assertion",
        "client_assertion_type",
        "redirect_uri",
        "expires_on",
        "issued_token_type",
        "not_before_policy",
        "operationType",
        "content-type",
        "resourceType",
    ]
)


def case_of(name: str) -> str:
    """The convention that a name follows, or an empty string where one word could follow any."""
    bare = name.lstrip("_$@")
    return next((case for case, shape in _CASES.items() if shape.fullmatch(bare)), "")


def mixed_case(contract: Contract) -> Iterator[Finding]:
    """Property names that do not follow the convention of the rest."""
    written = [p for p in json_properties(contract) if case_of(p.name) and p.name not in _SET_BY_STANDARDS]
    counts = Counter(case_of(name) for name in {p.name for p in written})
    if len(counts) < 2:
        return
    usual = counts.most_common(1)[0][0]
    users = users_of(contract.document, contract.operations)
    places = {
        p.name: Place(p.pointer, f"{p.name} is {case_of(p.name)}", users(p.pointer))
        for p in reversed(written)
        if case_of(p.name) != usual
    }
    title = "Property names follow more than one convention"
    expected = f"All property names follow one convention; most here are {usual}."
    found = list(places.values())[::-1]
    yield from one_finding("mixed-property-case", "CON-API-06", title, expected, found)


_DATA_KEY = re.compile(
    r"\d{4}-\d{2}-\d{2}(T.*)?|\d{3,}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[^@\s]+@[^@\s]+\.[a-z]+",
    re.IGNORECASE,
)


def keys_from_data(contract: Contract) -> Iterator[Finding]:
    """Objects in examples of answers whose keys are identifiers, dates or addresses instead of names."""
    yield from one_finding(
        "data-as-property-name",
        "CON-API-06",
        "A property's name is itself data",
        "Properties have fixed names; identifiers, dates and addresses stand in values.",
        _data_keys(contract),
    )


def _data_keys(contract: Contract) -> Iterator[Place]:
    for operation, pointer, name, media in _media_types(contract):
        schema = contract.resolve(media.get("schema"))
        shown = [*examples_of(contract.document, media), schema.get("example")] if is_json(name) else []
        if any(_has_data_key(value) for value in shown):
            yield Place(pointer, "an example has such a key", (operation.label,))


def _has_data_key(value: object) -> bool:
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if any(_DATA_KEY.fullmatch(str(key)) for key in node):
                return True
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return False


# CON-API-07

_VERBS = re.compile(
    r"(get|create|update|delete|add|remove|fetch|retrieve|insert|save|modify|edit)(?:$|[-_]|(?=[A-Z]))"
)
_ACTION_NAMES = frozenset({"cmd", "command", "_method", "do", "operation", "action", "method"})
_ACTIONS = frozenset(
    {"create", "update", "delete", "add", "remove", "edit", "save", "insert", "cancel", "approve"}
)
MAX_SUB_RESOURCES = 3


def segments(path: str) -> list[str]:
    """The parts of a path template between its slashes."""
    return [segment for segment in path.split("/") if segment]


def _is_fixed(segment: str) -> bool:
    return "{" not in segment


def verbs_in_paths(contract: Contract) -> Iterator[Finding]:
    """Paths that say in a word what the method says already."""
    places = (
        at(operation, f"{operation.path} says {segment}")
        for operation in contract.operations
        for segment in segments(operation.path)
        if _is_fixed(segment) and _VERBS.match(segment)
    )
    title, expected = "A path names an action", "Paths are made of nouns; the method says what is done."
    yield from one_finding("verb-in-path", "CON-API-07", title, expected, places)


def paths_without_hyphens(contract: Contract) -> Iterator[Finding]:
    """Words in paths that are joined by underscores or capitals."""
    places = (
        at(operation, f"{operation.path} has {segment}")
        for operation in contract.operations
        for segment in segments(operation.path)
        if _is_fixed(segment) and re.search(r"[a-zA-Z0-9]_[a-zA-Z0-9]|[a-z][A-Z]", segment)
    )
    title = "Words in a path are not joined by hyphens"
    yield from one_finding(
        "path-not-hyphenated",
        "CON-API-07",
        title,
        "Words in a path are lower case, joined by hyphens.",
        places,
    )


def deep_paths(contract: Contract) -> Iterator[Finding]:
    """Paths with more levels of sub-resource than three."""
    places = (
        at(operation, f"{operation.path} has {levels(operation.path)} levels")
        for operation in contract.operations
        if levels(operation.path) > MAX_SUB_RESOURCES
    )
    title = "A path has too many levels of sub-resource"
    yield from one_finding(
        "path-too-deep", "CON-API-07", title, "A path has at most three levels of sub-resource.", places
    )


def levels(path: str) -> int:
    """How many fixed parts of a path stand directly below a parameter."""
    found = segments(path)
    return sum(not _is_fixed(one) and _is_fixed(next_) for one, next_ in pairwise(found))


def actions_in_query(contract: Contract) -> Iterator[Finding]:
    """Query parameters that say what is to be done."""
    places = (
        Place(parameter.pointer, f"{parameter.name} takes an action", (operation.label,))
        for operation in contract.operations
        for parameter in operation.parameters
        if parameter.location == "query"
        and parameter.name.lower() in _ACTION_NAMES
        and {str(value).lower() for value in (*parameter.examples, *_enum(parameter.schema))} & _ACTIONS
    )
    title, expected = (
        "A query parameter names an action",
        "The query filters or pages; the method says what is done.",
    )
    yield from one_finding("action-in-query", "CON-API-07", title, expected, places)


def _enum(schema: Mapping[str, Any]) -> list[Any]:
    values = schema.get("enum")
    return values if isinstance(values, list) else []


def _names_its_own_paths(contract: Contract) -> bool:
    return has_operations(contract) and not speaks_fhir(contract)


def _has_query(contract: Contract) -> bool:
    return any(p.location == "query" for operation in contract.operations for p in operation.parameters)


# CON-API-09

_DATE_NAME = re.compile(
    r"(.*[_-])?(date|datetime|date_time|timestamp|dob|date_of_birth)|.*[a-z](Date|DateTime|Timestamp|At|Dob)"
    r"|(.*[a-z])?[dD]ateOf[A-Z]\w*|date_of_\w+|.+_at|birthDate"
)
_DATE_FORMATS = frozenset({"date", "date-time"})
_FIXED_FORMATS = frozenset({"pattern", "enum", "const"})


def dates_without_format(contract: Contract) -> Iterator[Finding]:
    """Properties named for a date or time that do not say which form it takes."""
    users = users_of(contract.document, contract.operations)
    yield from one_finding(
        "date-without-format",
        "CON-API-09",
        "A date does not say that it is one",
        "Every date has the format date, every time the format date-time (RFC 3339, which ISO 8601 allows).",
        (
            Place(p.pointer, f"{p.name} {said}", users(p.pointer))
            for p in json_properties(contract)
            if _DATE_NAME.fullmatch(p.name)
            and (said := _date_fault(contract, followed(contract.document, p.schema)[0]))
        ),
    )


def _date_fault(contract: Contract, schema: dict[str, Any]) -> str:
    """Why a schema is no date, as a phrase; nothing where it is one, or holds something else."""
    options = [
        schema,
        *(contract.resolve(o) for key in ("anyOf", "oneOf", "allOf") for o in schema.get(key) or ()),
    ]
    if any(option.get("format") in _DATE_FORMATS or _FIXED_FORMATS & option.keys() for option in options):
        return ""
    kinds = {kind for option in options for kind in _kinds(option)}
    if "string" in kinds:
        written = next((option["format"] for option in options if "format" in option), None)
        return f"has the format {written}" if written else "is a string without a format"
    return "is a number" if kinds & {"integer", "number"} and not kinds & {"object", "array"} else ""


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    kind = schema.get("type")
    return [str(name) for name in kind] if isinstance(kind, list) else [str(kind)] if kind else []


def _has_dates(contract: Contract) -> bool:
    return any(_DATE_NAME.fullmatch(name) for name in contract.property_names)


RULES = (
    Rule("json-not-offered", "CON-API-05", json_not_offered, _answers_with_content),
    Rule("top-level-not-object", "CON-API-05", top_level_is_no_object, _offers_json),
    Rule("mixed-property-case", "CON-API-06", mixed_case, lambda contract: bool(contract.property_names)),
    Rule("data-as-property-name", "CON-API-06", keys_from_data, _offers_json),
    Rule("verb-in-path", "CON-API-07", verbs_in_paths, _names_its_own_paths),
    Rule("path-not-hyphenated", "CON-API-07", paths_without_hyphens, _names_its_own_paths),
    Rule("path-too-deep", "CON-API-07", deep_paths, has_operations),
    Rule("action-in-query", "CON-API-07", actions_in_query, _has_query),
    Rule("date-without-format", "CON-API-09", dates_without_format, _has_dates),
)
