"""
What a contract takes away from callers of the one before it: removed, narrowed or made required.

Two contracts are compared operation by operation, with their references followed. What is new and optional breaks
nobody; where it cannot be told whether a change breaks a caller, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.contract import Contract
from joinedup.conformance.errors import JoinedUpError
from joinedup.conformance.findings import Finding
from joinedup.conformance.inside import flattened
from joinedup.conformance.near_misses import matches
from joinedup.conformance.operations import Body, Operation, Parameter
from joinedup.conformance.responses import is_json
from joinedup.conformance.samples import Sampler

MOST_LEVELS = 8
KINDS: Mapping[str, tuple[str, str]] = {
    "operation-removed": ("An operation is gone", "Every operation of the previous contract."),
    "status-removed": ("A status of success is gone", "Every status of success of the previous contract."),
    "answer-property-removed": ("A property of an answer is gone", "Every property that answers had."),
    "answer-property-optional": (
        "A property that answers always had may be missing",
        "Every property that answers always had, still always.",
    ),
    "answer-type-widened": (
        "A property of an answer may be of another type",
        "Values of the types that answers had, and no others.",
    ),
    "media-type-removed": ("A media type is gone", "Every media type of the previous contract."),
    "parameter-removed": ("A parameter is gone", "Every parameter of the previous contract."),
    "input-required": (
        "Something must be sent that could be left out",
        "Requests that were complete are still complete.",
    ),
    "input-narrowed": (
        "Input that was allowed is no longer allowed",
        "Every value that could be sent can still be sent.",
    ),
    "credential-required": (
        "An operation that was public needs a credential",
        "What was public is still public.",
    ),
}
_UPPER = ("maxLength", "maximum", "maxItems", "maxProperties")
_LOWER = ("minLength", "minimum", "minItems", "minProperties")


@dataclass(frozen=True)
class Change:
    """
    One change that may break a caller.

    Args:
        kind: one of ``KINDS``.
        place: where, as people name it: a component's property, a parameter, an operation.
        said: what it was and is, in one phrase.
        operation: label in the new contract, or in the old one where it is gone.
    """

    kind: str
    place: str
    said: str
    operation: str


def same_major(old: Contract, new: Contract) -> bool:
    """Whether two contracts state the same major version, or none."""
    one, other = (
        re.match(r"v?(\d+)", str(c.document.get("info", {}).get("version", ""))) for c in (old, new)
    )
    return one is None or other is None or one[1] == other[1]


def changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Every change from one contract to the next that may break a caller."""
    now = {(op.method, _nameless(op.path)): op for op in new.operations}
    for before in old.operations:
        after = now.get((before.method, _nameless(before.path)))
        if after is None:
            yield Change(
                "operation-removed", before.label, "it is not in the contract any more", before.label
            )
            continue
        comparison = _Comparison(old, new, before, after)
        yield from comparison.all()


def _nameless(path: str) -> str:
    return re.sub(r"\{[^{}]*\}", "{}", path).rstrip("/")


@dataclass(frozen=True)
class _Comparison:
    """One operation in both contracts."""

    old: Contract
    new: Contract
    before: Operation
    after: Operation

    def all(self) -> Iterator[Change]:
        yield from self._parameters()
        yield from self._body()
        yield from self._answers()
        if self.before.public and not self.after.public and _speaks_of_security(self.old, self.before):
            yield self._change("credential-required", self.after.label, "it was public")

    def _change(self, kind: str, place: str, said: str) -> Change:
        return Change(kind, place, said, self.after.label)

    def _parameters(self) -> Iterator[Change]:
        now = {_key(p): p for p in self.after.parameters}
        then = {_key(p): p for p in self.before.parameters}
        for key, before in then.items():
            after, place = now.get(key), f"{before.location} parameter {before.name}"
            if before.location == "path":
                continue
            if after is None:
                yield self._change("parameter-removed", place, "it is gone")
                continue
            if after.required and not before.required:
                yield self._change("input-required", place, "it was optional")
            yield from self._input(before.schema, after.schema, place, 0)
        for key, after in now.items():
            if key not in then and after.required and after.location != "path":
                place = f"{after.location} parameter {after.name}"
                yield self._change("input-required", place, "it is new and required")

    def _body(self) -> Iterator[Change]:
        before, after = self.before.body, self.after.body
        if after is not None and after.required and (before is None or not before.required):
            yield self._change(
                "input-required", "request body", "it was optional" if before else "there was none"
            )
        if before is None or after is None:
            return
        then, now = _content(self.old, before), _content(self.new, after)
        for media_type, schema in then.items():
            if media_type not in now:
                yield self._change("media-type-removed", f"request body as {media_type}", "it is gone")
            elif is_json(media_type):
                place = _name_of(schema, "request body")
                yield from self._input(schema, now[media_type], place, 0)

    def _answers(self) -> Iterator[Change]:
        for status, before in self.before.success_responses:
            after = self.after.responses.get(status)
            if after is None:
                if not {"2XX", "default"} & set(self.after.responses):
                    yield self._change("status-removed", f"status {status}", "it is gone")
                continue
            then, now = before.get("content") or {}, after.get("content") or {}
            for media_type, media in then.items():
                if media_type not in now:
                    yield self._change("media-type-removed", f"answer {status} as {media_type}", "it is gone")
                elif is_json(media_type):
                    schema = media.get("schema")
                    place = _name_of(schema, f"answer {status}")
                    yield from self._output(schema, now[media_type].get("schema"), place, 0)

    def _output(self, old: Any, new: Any, place: str, depth: int) -> Iterator[Change]:
        before, after = flattened(self.old, old), flattened(self.new, new)
        if depth > MOST_LEVELS or _is_choice(before) or _is_choice(after):
            return
        then, now = _types(before), _types(after)
        if then and now and not now <= then and not (now - then == {"integer"} and "number" in then):
            yield self._change(
                "answer-type-widened", place, f"it was {_either(then)} and may be {_either(now)}"
            )
        kept = after.get("properties") or {}
        for name, inner in (before.get("properties") or {}).items():
            here = f"{_name_of(old, place)}.{name}"
            if flattened(self.old, inner).get("writeOnly"):
                continue
            if name not in kept:
                yield self._change("answer-property-removed", here, "it is gone")
                continue
            if name in (before.get("required") or ()) and name not in (after.get("required") or ()):
                yield self._change("answer-property-optional", here, "it was required")
            yield from self._output(inner, kept[name], _name_of(inner, here), depth + 1)
        if "items" in before and "items" in after:
            inner = before["items"]
            yield from self._output(inner, after["items"], _name_of(inner, f"{place}[]"), depth + 1)

    def _input(self, old: Any, new: Any, place: str, depth: int) -> Iterator[Change]:
        before, after = flattened(self.old, old), flattened(self.new, new)
        if depth > MOST_LEVELS or _is_choice(before) or _is_choice(after):
            return
        for said in _narrowed(self.old, before, after):
            yield self._change("input-narrowed", place, said)
        kept, then = after.get("properties") or {}, before.get("properties") or {}
        for name in after.get("required") or ():
            if name not in (before.get("required") or ()) and not flattened(self.new, kept.get(name)).get(
                "readOnly"
            ):
                said = "it was optional" if name in then else "it is new and required"
                yield self._change("input-required", f"{_name_of(new, place)}.{name}", said)
        for name, inner in then.items():
            here = f"{_name_of(old, place)}.{name}"
            if name in kept:
                yield from self._input(inner, kept[name], _name_of(inner, here), depth + 1)
            elif after.get("additionalProperties") is False and not flattened(self.old, inner).get(
                "readOnly"
            ):
                yield self._change("input-narrowed", here, "it may not be sent any more")
        if "items" in before and "items" in after:
            inner = before["items"]
            yield from self._input(inner, after["items"], _name_of(inner, f"{place}[]"), depth + 1)


def _content(contract: Contract, body: Body) -> dict[str, Any]:
    """The schema of each media type of a body as it is written, so that a component keeps its name."""
    content = contract.resolve({"$ref": body.pointer}).get("content") or {}
    return {name: media.get("schema", {}) for name, media in content.items() if isinstance(media, dict)}


def _key(parameter: Parameter) -> tuple[str, str]:
    name = parameter.name.lower() if parameter.location == "header" else parameter.name
    return parameter.location, name


def _speaks_of_security(contract: Contract, operation: Operation) -> bool:
    node = contract.resolve({"$ref": operation.pointer})
    return "security" in node or "security" in contract.document


def _name_of(schema: Any, otherwise: str) -> str:
    """A component's name, so that what many operations share is one place."""
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    return str(reference).rpartition("/")[2] if reference else otherwise


def _is_choice(schema: Mapping[str, Any]) -> bool:
    return bool({"oneOf", "anyOf", "not"} & schema.keys())


def _types(schema: Mapping[str, Any]) -> set[str]:
    kind = schema.get("type")
    named = set(kind) if isinstance(kind, list) else {kind} if isinstance(kind, str) else set()
    return named | ({"null"} if named and schema.get("nullable") is True else set())


def _either(types: set[str]) -> str:
    return " or ".join(sorted(types))


def _narrowed(contract: Contract, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """In which ways a schema allows less than it did."""
    then, now = _types(before), _types(after)
    if now and not then <= now | ({"integer"} if "number" in now else set()):
        yield f"it could be {_either(then)} and must be {_either(now)}"
    if now and not then:
        yield f"it could be of any type and must be {_either(now)}"
    yield from _fewer_codes(before, after)
    for keyword in (*_UPPER, *_LOWER):
        yield from _tighter(keyword, before.get(keyword), after.get(keyword))
    if _breaks_pattern(contract, before, after):
        yield "values that fitted before do not fit its pattern"
    if after.get("format") in ("date", "date-time", "uuid", "email", "uri") and "format" not in before:
        yield f"it must have the format {after['format']}"
    closes = after.get("additionalProperties") is False and before.get("additionalProperties") is not False
    if closes and (before.get("type") == "object" or "properties" in before):
        yield "it may have no further properties"


def _fewer_codes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    if "enum" not in after:
        return
    if "enum" not in before:
        yield "it must be one of a list of codes"
    elif gone := [code for code in before["enum"] if code not in after["enum"]]:
        yield f"it may not be {', '.join(repr(code) for code in gone[:5])} any more"


def _tighter(keyword: str, before: Any, after: Any) -> Iterator[str]:
    if not isinstance(after, int | float) or isinstance(after, bool):
        return
    if before is None:
        if keyword in _UPPER or after > 0:
            yield f"it has a {keyword} of {after} and had none"
    elif isinstance(before, int | float) and (after < before if keyword in _UPPER else after > before):
        yield f"its {keyword} was {before} and is {after}"


def _breaks_pattern(contract: Contract, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    pattern = after.get("pattern")
    if not isinstance(pattern, str) or pattern == before.get("pattern") or "enum" in after:
        return False
    sampler = Sampler(contract.resolve)
    try:
        values = [sampler.value(dict(before)) for _ in range(3)]
    except JoinedUpError:
        return False
    return any(isinstance(value, str) and not matches(after, value) for value in values)


def finding(kind: str, place: str, found: list[Change]) -> Finding:
    """One change as a finding, with every operation that it touches."""
    title, expected = KINDS[kind]
    operations = tuple(sorted({change.operation for change in found}))
    return Finding(
        rule=kind,
        requirements=("VER-02",),
        title=title,
        expected=expected,
        actual=f"{place}: {found[0].said}.",
        where=place,
        operations=operations,
        cause=f"{place} {found[0].said}",
        count=len(found),
        advice="Keep it and mark it as deprecated, or publish it under a new major version.",
    )


def findings(old: Contract, new: Contract) -> list[Finding]:
    """One finding for each place and way in which callers may break, in contract order."""
    grouped: dict[tuple[str, str, str], list[Change]] = {}
    for change in changes(old, new):
        grouped.setdefault((change.kind, change.place, change.said), []).append(change)
    return [finding(kind, place, found) for (kind, place, _), found in grouped.items()]
