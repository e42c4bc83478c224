"""
Mending: a request that was refused, made anew as the refusal asks.

What is missing is added, what is not wanted is taken out, a value gives way to one that the refusal lists or describes,
and a reference to nothing gives way to an identifier that the system itself has answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.complaints import Complaint, Fault, complaints_in
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.inside import Path, flattened, value_at, with_value, without
from joinedup.conformance.knowledge import REFERENCE, normalise
from joinedup.conformance.operations import Operation
from joinedup.conformance.samples import CannotSampleError, Sampler, type_of
from joinedup.conformance.target import Target

MOST_ITEMS = 3
MOST_KNOWN = 5
_LEVELS = 4
_PREFIXES = frozenset(
    {"body", "requestbody", "request", "payload", "data", "attributes", "root", "json", "model", "input"}
)
_LOCATIONS: Mapping[str, str] = {
    **dict.fromkeys(("query", "querystring", "params", "queryparameter"), "query"),
    **dict.fromkeys(("header", "headers"), "header"),
}
_NAME = re.compile(r"[A-Za-z_$][\w.$-]*")


@dataclass(frozen=True)
class Spot:
    """Where a complaint is about: ``body``, ``query`` or ``header``, the path or the one name, and its schema."""

    location: str
    path: Path
    schema: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The innermost name that is no number of an item."""
        return next((part for part in reversed(self.path) if not part.isdecimal()), "")


@dataclass
class Mender:
    """
    Makes a request anew, again and again, and no value twice.

    Args:
        target: the system under test.
        operation: what is called.
        tried: values that stood at a place when the request was refused, by location and path.
    """

    target: Target
    operation: Operation
    tried: dict[tuple[str, Path], list[Any]] = field(default_factory=dict)

    def mended(self, refusal: Exchange) -> Step | None:
        """The request as its refusal asks for it; None where that says nothing that could be done."""
        step = refusal.step
        spots = self._spots(step)
        names = [spot.name for spot in spots]
        for complaint in complaints_in(_said_in(refusal), names):
            spot = _spot(complaint, spots, step)
            if spot is not None:
                step = self._without_fault(step, spot, complaint)
        return step if step != refusal.step else None

    def _spots(self, step: Step) -> list[Spot]:
        schema = (self.operation.body.media_types if self.operation.body else {}).get(step.media_type, {})
        inner = _inner(self.target, schema, step.body, ()) if step.body is not MISSING else ()
        parameters = (
            Spot(p.location, (p.name,), p.schema)
            for p in self.operation.parameters
            if p.location in ("query", "header")
        )
        return [*inner, *parameters]

    def _without_fault(self, step: Step, spot: Spot, complaint: Complaint) -> Step:
        held = _held(step, spot)
        if complaint.fault is Fault.UNWANTED:
            return _put(step, spot, MISSING) if held is not MISSING else step
        tried = self.tried.setdefault((spot.location, spot.path), [])
        if held is not MISSING:
            tried.append(held)
        value = next(
            (v for v in self._values(spot, complaint, step.identity, len(tried)) if v not in tried), MISSING
        )
        return step if value is MISSING else _put(step, spot, value)

    def _values(self, spot: Spot, complaint: Complaint, identity: str | None, seed: int) -> Iterator[Any]:
        """Values that may be wanted at a place, the likeliest first."""
        members = [_typed(member, spot.schema) for member in complaint.wanted.get("enum") or ()]
        yield from members
        refers = complaint.fault is not Fault.MISSING or REFERENCE.search(normalise(spot.name))
        if refers and not complaint.wanted:
            yield from self._known(spot.name, identity)
        sampler = self.target.sampler(seed=seed, identity=identity, path=self.operation.path)
        declared = {k: v for k, v in spot.schema.items() if k not in ("default", "example", "examples")}
        wanted = complaint.wanted if not members else {}
        for schema in ({"allOf": [declared, wanted]}, wanted or declared):
            yield from _sampled(sampler, schema, spot.name)
        yield from spot.schema.get("enum") or ()
        yield from self._known(spot.name, identity)

    def _known(self, name: str, identity: str | None) -> Iterator[Any]:
        """Identifiers that the system has answered and that a name may refer to: those of an owner for ``ownerRef``."""
        knowledge, path = self.target.knowledge, self.operation.path
        yield from knowledge.values_for(name, path, "body", identity=identity, most=MOST_KNOWN)
        yield from knowledge.referred_to(name, path, identity=identity, own_kind=True)


def complaint_sentence(target: Target, operation: Operation, refusal: Exchange) -> str:
    """What a refusal complains of, for people; empty where nothing is named that may be shown."""
    names = [spot.name for spot in Mender(target, operation)._spots(refusal.step)]
    said = [
        f"{'.'.join(complaint.path)} {complaint.fault}"
        for complaint in complaints_in(_said_in(refusal), names)
        if all(target.redactor.is_shown(part) for part in complaint.path)
    ]
    return ", ".join(dict.fromkeys(said))


def _said_in(refusal: Exchange) -> Any:
    body = refusal.json()
    if body is MISSING and refusal.response is not None:
        return refusal.response.body.decode("utf-8", "replace")
    return body


# --- places


def _inner(target: Target, schema: Any, body: Any, path: Path) -> Iterator[Spot]:
    """Every place of a body, declared or sent, from the outside in."""
    node = flattened(target.contract, schema)
    if len(path) > _LEVELS:
        return
    if isinstance(body, list):
        for number, item in enumerate(body[:MOST_ITEMS]):
            inner = flattened(target.contract, node.get("items"))
            yield Spot("body", (*path, str(number)), inner)
            yield from _inner(target, inner, item, (*path, str(number)))
    elif isinstance(body, dict) or type_of(node) == "object":
        held = body if isinstance(body, dict) else {}
        declared = _properties(target, node)
        for name in [*declared, *(n for n in held if n not in declared)]:
            inner = flattened(target.contract, declared.get(name))
            yield Spot("body", (*path, name), inner)
            yield from _inner(target, inner, held.get(name), (*path, name))


def _properties(target: Target, node: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a schema and of its alternatives."""
    found: dict[str, Any] = dict(node.get("properties") or {})
    for choice in (*(node.get("oneOf") or ()), *(node.get("anyOf") or ())):
        for name, schema in (flattened(target.contract, choice).get("properties") or {}).items():
            found.setdefault(name, schema)
    return found


def _spot(complaint: Complaint, spots: list[Spot], step: Step) -> Spot | None:
    """The place that a complaint is about; None where it cannot be told."""
    path, location = complaint.path, ""
    while path:
        found = _matching(path, location, spots)
        if found is not None:
            return found
        first = normalise(path[0])
        if len(path) == 1 or (first not in _PREFIXES and first not in _LOCATIONS):
            break
        path, location = path[1:], _LOCATIONS.get(first, location)
    inner = [spot for spot in spots if normalise(spot.name) == normalise(path[-1])]
    if inner:
        return min(inner, key=lambda spot: len(spot.path))
    value = next((s for s in spots if s.location == "body" and _held(step, s) == complaint.path[-1]), None)
    asked_for = complaint.fault is Fault.MISSING or (
        complaint.certain and complaint.fault is not Fault.UNWANTED
    )
    if value is not None or not asked_for or not _NAME.fullmatch(path[-1]):
        return value
    return _undeclared(path, location, step)


def _matching(path: Path, location: str, spots: list[Spot]) -> Spot | None:
    wanted = [normalise(part) for part in path]
    return next(
        (
            spot
            for spot in spots
            if [normalise(part) for part in spot.path] == wanted
            and (not location or spot.location == location)
        ),
        None,
    )


def _undeclared(path: Path, location: str, step: Step) -> Spot | None:
    """A place for what is wanted although the contract does not declare it."""
    if location or not isinstance(step.body, dict):
        in_query = location == "query" or (not location and step.method == "GET")
        return Spot("query" if in_query else location, path[-1:], {}) if in_query or location else None
    parent = value_at(step.body, path[:-1])
    return Spot("body", path, {}) if isinstance(parent, dict) else Spot("body", path[-1:], {})


def _held(step: Step, spot: Spot) -> Any:
    if spot.location == "body":
        return value_at(step.body, spot.path)
    pairs = step.query if spot.location == "query" else tuple(step.headers.items())
    return next((value for name, value in pairs if name == spot.path[-1]), MISSING)


def _put(step: Step, spot: Spot, value: Any) -> Step:
    """The request with another value at a place; ``MISSING`` takes it away."""
    if spot.location == "body":
        body = without(step.body, spot.path) if value is MISSING else with_value(step.body, spot.path, value)
        return replace(step, body=body)
    name = spot.path[-1]
    text = "" if value is MISSING else value if isinstance(value, str) else str(value)
    if spot.location == "header":
        others = {n: v for n, v in step.headers.items() if n != name}
        return replace(step, headers=others if value is MISSING else {**others, name: text})
    pairs = tuple(pair for pair in step.query if pair[0] != name)
    return replace(step, query=pairs if value is MISSING else (*pairs, (name, text)))


def _typed(member: Any, schema: Mapping[str, Any]) -> Any:
    """A member of a list in a sentence as the JSON value that is meant."""
    kind = type_of(schema) if schema else "string"
    if kind == "array":
        return [member]
    if kind in ("integer", "number") and isinstance(member, str) and re.fullmatch(r"-?\d+(\.\d+)?", member):
        return int(member) if member.lstrip("-").isdecimal() else float(member)
    if kind == "boolean" and isinstance(member, str):
        return member.lower() == "true"
    return member


def _sampled(sampler: Sampler, schema: object, name: str) -> Iterator[Any]:
    try:
        yield sampler.value(schema, name=name)
    except CannotSampleError:
        return
