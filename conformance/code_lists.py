"""
Whether what a system answers, and what it takes in, is of the national code lists.

Properties are known by their names, in any style of writing. What is read is judged wherever it was read: in every
answer of the run, and in further objects that are read for it. What is sent is a request that the system accepts, with
one code changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from joinedup.conformance.anatomy import Part, parts_of
from joinedup.conformance.causes import Causes
from joinedup.conformance.contract import Contract
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.national_lists import (
    FACTORS,
    LISTS,
    NO_FACTOR,
    NationalList,
    is_code,
    wrong_in,
)
from joinedup.conformance.places import Base, Place, caller, places_of, value_in
from joinedup.conformance.target import Target

MOST_READ = 20
"""Further objects of one kind that are read."""


@dataclass
class Listed:
    """
    What became of the code lists of one system.

    Args:
        lists: those that are judged.
        declared: schemas with a code list of their own, by the name of the property.
        tried: values that were judged, by requirement.
        causes: those that are of no list.
    """

    lists: tuple[NationalList, ...]
    declared: Mapping[str, Mapping[str, Any]]
    tried: dict[str, int] = field(default_factory=dict)
    causes: Causes = field(default_factory=Causes)

    def judged(self, requirement: str) -> None:
        """Note that a value was put to the test."""
        self.tried[requirement] = self.tried.get(requirement, 0) + 1


def lists_of(*requirements: str) -> tuple[NationalList, ...]:
    """The lists that some requirements ask for."""
    return tuple(listed for listed in LISTS if listed.requirement in requirements)


# --- what is answered


def everything_read(target: Target) -> Iterator[Exchange]:
    """Every kind of answer that was seen, then further objects of each kind that can be read by its identifier."""
    yield from target.good.values()
    for operation in target.operations:
        known = target.good.get((operation.label, caller(target)))
        names = [p.name for p in operation.parameters if p.location == "path"]
        if operation.method != "GET" or known is None or not names:
            continue
        last = names[-1]
        values = target.knowledge.values_for(last, operation.path, "path", most=MOST_READ)
        for value in values:
            if value != known.step.path_parameters.get(last):
                parameters = {**known.step.path_parameters, last: value}
                yield target.client.send(replace(known.step, path_parameters=parameters))


def judge_answer(exchange: Exchange, listed: Listed) -> None:
    """Judge every property of an answer that holds codes of one of some lists."""
    body = exchange.json()
    if not exchange.ok or body is MISSING:
        return
    for pointer, name, value, holder in _properties(body, ""):
        for each in listed.lists:
            if not each.is_named(name, listed.declared.get(name, {})) or not _has_codes(value):
                continue
            listed.judged(each.requirement)
            how = wrong_in(each, value, holder)
            if how:
                listed.causes.add(_answered(exchange, each, pointer, value, holder, how))


def _properties(value: Any, pointer: str) -> Iterator[tuple[str, str, Any, Mapping[str, Any]]]:
    """(pointer, name, value, the object that it is in) of everything in a body."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield here, name, inner, value
            yield from _properties(inner, here)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _properties(inner, f"{pointer}/{index}")


def declared_lists(contract: Contract) -> dict[str, Mapping[str, Any]]:
    """The schemas with a code list of their own, by the name of the property that they are of."""
    found: dict[str, Mapping[str, Any]] = {}
    for part in parts_of(contract.document):
        for name, schema in (_at(part, "properties") or {}).items():
            resolved = contract.resolve(schema) if isinstance(schema, dict) else {}
            items = resolved.get("items")
            resolved = contract.resolve(items) if isinstance(items, dict) else resolved
            if resolved.get("enum"):
                found.setdefault(str(name), resolved)
    return found


def _at(part: Part, key: str) -> dict[str, Any]:
    value = part.holder[part.key]
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _has_codes(value: Any) -> bool:
    return is_code(value) or (isinstance(value, list) and bool(value) and all(map(is_code, value)))


def _answered(
    exchange: Exchange,
    listed: NationalList,
    pointer: str,
    value: Any,
    holder: Mapping[str, Any],
    how: str,
) -> Suspicion:
    return Suspicion(
        rule="code-of-no-list-answered",
        requirements=(listed.requirement,),
        title=f"What stands for {listed.name} is of no national list",
        expected=f"A code of the national list for {listed.name} at {pointer}.",
        actual=f"{exchange.status} with a value there that {how}.",
        exchanges=(exchange,),
        expectation=_expectation(listed, pointer, value, holder),
        cause=f"{listed.name} answered",
    )


def _expectation(listed: NationalList, pointer: str, value: Any, holder: Mapping[str, Any]) -> Expectation:
    """That one of the codes stands there; of several, that the wrong one does not."""
    if isinstance(value, list):
        wrong = [n for n, code in enumerate(value) if wrong_in(listed, code, holder)]
        if not wrong:
            return Expectation(absent=f"{pointer}/1")
        pointer = f"{pointer}/{wrong[0]}"
    on = listed.day_beside(holder)
    good = sorted(code for code in {*listed.codes, *listed.dated} if listed.holds(code, on))
    return Expectation(text_at=(pointer, "|".join(_literally(code) for code in good)))


def _literally(code: str) -> str:
    return f"\\{code}" if not code.isalnum() else code


# --- what is taken in


def judge_request(base: Base, listed: Listed) -> None:
    """Judge each place of a request that holds a code of one of some lists, by sending one that is of none."""
    for place in places_of(base.target.contract, base.operation, base.step.media_type, base.step.body):
        each = next(
            (each for each in listed.lists if each.is_named(place.name, listed.declared.get(place.name, {}))),
            None,
        )
        held = value_in(base.step, place)
        if each is None or place.location != "body" or held is MISSING or not _has_codes(held):
            continue
        for wrong, how in _misses(each, held):
            exchange = base.send(place, wrong)
            if exchange is not None and exchange.response is not None:
                listed.judged(each.requirement)
                if exchange.ok:
                    listed.causes.add(_taken(base, each, place, wrong, how, exchange))


def _misses(listed: NationalList, held: Any) -> Iterator[tuple[Any, str]]:
    """Values that are nearly codes of a list, and how each is wrong, in words that follow the place's name."""
    gone = [code for code, (_, last) in listed.dated.items() if last and last < date(2026, 1, 1)]
    how = "is not of the national list"
    if not isinstance(held, list):
        yield from ((wrong, how) for wrong in (listed.wrong, *gone[:1]))
        return
    yield [listed.wrong], how
    if listed is FACTORS:
        other = next((code for code in held if code != NO_FACTOR), "16A")
        yield [NO_FACTOR, other], "says that there is no factor and names one beside it"


def _taken(
    base: Base, listed: NationalList, place: Place, wrong: Any, how: str, exchange: Exchange
) -> Suspicion:
    def again() -> bool:
        second = base.send(place, wrong)
        return second is not None and second.ok

    return Suspicion(
        rule="code-of-no-list-accepted",
        requirements=(listed.requirement,),
        title=f"What is of no national list is taken for {listed.name}",
        expected=f"400 or 422, because {place.label} {how}.",
        actual=f"{exchange.status}, as for a code of the list.",
        exchanges=(*base.lead, exchange),
        expectation=Expectation(never=("2XX",)),
        where=f"{base.operation.label}, {place.label}",
        cause=f"{listed.name} taken",
        again=again,
    )
