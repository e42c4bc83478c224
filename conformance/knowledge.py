"""
What a run has learned of a system: real identifiers, and where each came from.

A value becomes useful twice: it fills a parameter, so that a check gets past 403 and 404; and its origin lets a printed
reproduction fetch it again instead of printing it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.exchanges import MISSING, Exchange, Reference, Step, last_segment

# Names of properties that hold a list and say nothing of what is in it.
GENERIC_LISTS = frozenset(
    {
        "items",
        "results",
        "data",
        "content",
        "entry",
        "entries",
        "records",
        "value",
        "values",
        "list",
        "resources",
    }
)
# Names that mean something else in every resource.
NEVER_ACROSS = frozenset(
    {"id", "name", "key", "type", "status", "version", "code", "value", "title", "description"}
)
# Segments of a path that say by what a thing is chosen: ``/flows/name/{flow}``.
SELECTORS = frozenset({"id", "name", "key", "slug", "code", "uuid", "identifier"})
# How names end that refer to something: ``ownerRef``, ``caseReference``.
REFERENCE = re.compile(r"(id|ids|ref|reference|code|identifier|uuid|guid|key|number)$")
_IDENTIFYING = frozenset({"id", "identifier", "uuid", "guid", "code", "key", "reference", "number"})
MOST_ELEMENTS = 5
MOST_VALUES = 5
MOST_CHANGES = 3
_MOST_SCALARS = 400


def normalise(name: str) -> str:
    """A name without case and punctuation, so that ``child_id``, ``childId`` and ``child-id`` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def singular(word: str) -> str:
    """An English noun's singular, near enough for the names of resources."""
    for ending, replacement in (
        ("ies", "y"),
        ("sses", "ss"),
        ("ches", "ch"),
        ("xes", "x"),
        ("children", "child"),
        ("people", "person"),
    ):
        if word.endswith(ending):
            return word[: -len(ending)] + replacement
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def static_segments(path: str) -> list[str]:
    """The segments of a path template that are no parameters and no version."""
    return [s for s in path.split("/") if s and "{" not in s and not re.fullmatch(r"v\d+", s)]


def context_of(path: str) -> str:
    """What a path is about: the singular of its last static segment, normalised."""
    segments = static_segments(path)
    return normalise(singular(segments[-1].lower())) if segments else ""


def context_before(path: str, parameter: str) -> str:
    """
    What ``{parameter}`` in a path identifies: the singular of the static segment before it.

    A segment that only says how the thing is named is passed over: ``/flows/name/{name}``, ``/flows/by-id/{flow}``.
    """
    segments = static_segments(path.split("{" + parameter + "}")[0])
    while len(segments) > 1 and normalise(segments[-1]).removeprefix("by") in {
        normalise(parameter),
        *SELECTORS,
    }:
        segments.pop()
    return normalise(singular(segments[-1].lower())) if segments else ""


@dataclass(frozen=True)
class Origin:
    """Where a value came from: a fixture, or a place in the answer to a step (which may need values itself)."""

    reference: Reference
    step: Step | None = None


@dataclass(frozen=True)
class Fact:
    """One scalar of an answer: ``property`` of a ``context`` had ``value``."""

    context: str
    property: str
    value: Any
    origin: Origin
    identity: str | None = None


class Knowledge:
    """
    Facts learned so far, in the order in which they were learned.

    Args:
        fixtures: known good values by parameter name, from the configuration.
        own_fixtures: the same for one caller, by identity; these go before the system's.
    """

    def __init__(
        self,
        fixtures: Mapping[str, Iterable[Any]] | None = None,
        own_fixtures: Mapping[str, Mapping[str, Iterable[Any]]] | None = None,
    ) -> None:
        self._fixtures = {name: list(values) for name, values in (fixtures or {}).items()}
        self._own = {
            identity: {name: list(values) for name, values in table.items()}
            for identity, table in (own_fixtures or {}).items()
        }
        self.facts: list[Fact] = []
        self._origins: dict[str, Origin] = {}
        self._created: dict[str, Origin] = {}
        self._changes: dict[str, list[Step]] = {}
        self._seen: set[tuple[str, str, str, str | None]] = set()
        for name, values in self._fixtures.items():
            for index, value in enumerate(values):
                self._origins.setdefault(str(value), Origin(Reference(fixture=name, index=index)))

    def learn(self, exchange: Exchange) -> int:
        """Take the facts of a successful answer; gives how many are new."""
        if not exchange.ok:
            return 0
        before = len(self.facts)
        body = exchange.json()
        if body is not MISSING:
            self._learn_body(exchange, body)
        location = exchange.response.headers.get("location", "") if exchange.response else ""
        segment = last_segment(location)
        if segment and exchange.status == 201:
            origin = Origin(
                Reference(step=exchange.step.name, header="Location", pattern="last-segment"), exchange.step
            )
            self._add(Fact(context_of(exchange.step.path), "id", segment, origin, exchange.step.identity))
        return len(self.facts) - before

    def _learn_body(self, exchange: Exchange, body: Any) -> None:
        context = context_of(exchange.step.path)
        for found, (where, name, value, pointer) in enumerate(_walk(body, context)):
            if found >= _MOST_SCALARS:
                return
            origin = Origin(Reference(step=exchange.step.name, pointer=pointer), exchange.step)
            self._add(Fact(where, normalise(name), value, origin, exchange.step.identity))

    def _add(self, fact: Fact) -> None:
        self._origins.setdefault(str(fact.value), fact.origin)
        if fact.origin.step is not None and fact.origin.step.method == "POST":
            self._created.setdefault(str(fact.value), fact.origin)
        key = (fact.context, fact.property, str(fact.value), fact.identity)
        if key not in self._seen:
            self._seen.add(key)
            self.facts.append(fact)

    def forget(self, value: Any) -> None:
        """Drop a value that is no longer there, for example because it was deleted."""
        self.facts = [fact for fact in self.facts if str(fact.value) != str(value)]

    def origin(self, value: Any) -> Origin | None:
        """Where a value came from, or None for one that was made up."""
        return (
            self._origins.get(str(value))
            if isinstance(value, str | int) and not isinstance(value, bool)
            else None
        )

    def created(self, value: Any) -> Origin | None:
        """The create whose answer gave a value, or None."""
        return self._created.get(str(value))

    def note_change(self, exchange: Exchange) -> None:
        """Remember what was done to the objects that a request names in its path."""
        step = exchange.step
        if exchange.ok and step.method not in ("GET", "HEAD"):
            for value in step.path_parameters.values():
                changes = self._changes.setdefault(str(value), [])
                if len(changes) < MOST_CHANGES and (step.method, step.path) not in {
                    (c.method, c.path) for c in changes
                }:
                    changes.append(step)

    def changes(self, value: Any) -> list[Step]:
        """What was done to an object, in order."""
        return list(self._changes.get(str(value), ()))

    def values_for(
        self, name: str, path: str, location: str, *, identity: str | None = "own", most: int = MOST_VALUES
    ) -> list[Any]:
        """
        Known values for a parameter, best first.

        Args:
            name: the parameter or body property.
            path: the path template of the operation.
            location: ``path``, ``query``, ``header`` or ``body``.
            identity: whose values; facts that another caller learned are left out.
        """
        fixed = self._fixture_values(name, identity)
        if fixed:
            return fixed[:most]
        ranked = sorted(
            self._ranked(normalise(name), name, path, location, identity), key=lambda pair: pair[0]
        )
        return list(dict.fromkeys(fact.value for _, fact in ranked))[:most]

    def referred_to(
        self, name: str, path: str, *, identity: str | None = "own", own_kind: bool = False
    ) -> list[Any]:
        """
        Identifiers of objects that a body's property may refer to, by its name: those of an owner for
        ``ownerRef`` or ``currentOwner``.

        Args:
            name: the property.
            path: the path template of the operation.
            identity: whose values.
            own_kind: whether it may refer to an object of the kind that the operation is about.
        """
        fixed = self._fixture_values(name, identity)
        stem = REFERENCE.sub("", normalise(name))
        found = (
            fact.value
            for fact in self.facts
            if fact.identity in (identity, None)
            and len(fact.context) > 2
            and stem.endswith(fact.context)
            and (own_kind or fact.context != context_of(path))
            and fact.property in (*_IDENTIFYING, fact.context + "id")
        )
        return list(dict.fromkeys([*fixed, *found]))[:MOST_VALUES]

    def _fixture_values(self, name: str, identity: str | None) -> list[Any]:
        tables = [self._own.get(identity or "", {}), self._fixtures]
        return [
            value
            for table in tables
            for key, values in table.items()
            if normalise(key) == normalise(name)
            for value in values
        ]

    def _ranked(
        self, wanted: str, name: str, path: str, location: str, identity: str | None
    ) -> Iterator[tuple[int, Fact]]:
        context = context_before(path, name) if location == "path" else context_of(path)
        for fact in self.facts:
            if fact.identity not in (identity, None):
                continue
            rank = _rank(fact, wanted, context, location)
            if rank is not None:
                yield rank, fact


def _rank(fact: Fact, wanted: str, context: str, location: str) -> int | None:
    same_context = fact.context == context
    if fact.property == wanted and same_context:
        return 0
    if (
        location == "path"
        and same_context
        and _is_identifier(wanted)
        and fact.property in ("id", "identifier", context + "id", "uuid")
    ):
        return 1
    if location != "header" and wanted == fact.context + "id" and fact.property in ("id", "identifier"):
        return 2
    if location == "path" and fact.property == "" and (same_context or fact.context in _lists_of(wanted)):
        return 3
    if location == "path" and fact.property in SELECTORS and wanted == fact.context + fact.property:
        return 3
    if fact.property == wanted and wanted not in NEVER_ACROSS:
        return 4
    if location == "path" and _is_identifier(wanted) and len(wanted) > 4 and fact.property.endswith(wanted):
        return 5
    if location == "path" and _is_identifier(wanted) and _is_part(fact.context, context):
        return 6 if fact.property in ("id", "identifier", "uuid") else None
    return None


def _lists_of(name: str) -> tuple[str, ...]:
    """What a list of plain values may be called that holds a parameter's: ``/pluginslist`` for ``{plugin}``."""
    return (name, f"{name}list", f"{name}slist")


def _is_part(context: str, whole: str) -> bool:
    """Whether one context is the last word of another: the ``state`` of a flow run for ``/flow-run-states/{id}``."""
    return len(context) > 3 and context != whole and whole.endswith(context)


def _is_identifier(name: str) -> bool:
    return name.startswith("idor") or name.endswith(
        ("id", "identifier", "reference", "ref", "number", "code", "key", "uuid", "guid")
    )


def _walk(value: Any, context: str, name: str = "", pointer: str = "") -> Iterator[tuple[str, str, Any, str]]:
    """Every useful scalar as (context, property, value, pointer); a list of scalars gives nameless ones."""
    if isinstance(value, dict):
        for key, item in value.items():
            inner = context
            if isinstance(item, list | dict) and normalise(key) not in GENERIC_LISTS:
                inner = normalise(singular(key.lower()))
            yield from _walk(item, inner, key, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, item in enumerate(value[:MOST_ELEMENTS]):
            yield from _walk(
                item, context, "" if not isinstance(item, dict | list) else name, f"{pointer}/{index}"
            )
    elif (
        isinstance(value, str | int)
        and not isinstance(value, bool)
        and value != ""
        and len(str(value)) <= 200
    ):
        yield context, name, value, pointer
