"""
Near misses of the identifiers of people: NHS number, unique pupil number, unique learner number.

Each place is judged only beside its controls: a valid number that nobody has is taken, and something that is no number
at all is refused. What a place holds is known by its declared format, or by its name where a pattern is declared too.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stdnum.gb import nhs, upn

from joinedup.conformance.causes import Causes
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import NAMES, Feature
from joinedup.conformance.features import plain as bare
from joinedup.conformance.near_misses import matches
from joinedup.conformance.places import Base, Place, places_of, value_in
from joinedup.conformance.samples import nhs_number, unique_learner_number, unique_pupil_number

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
"""Check letters of a UPN in the order of their values: I, O and S are left out (UPN 2.0)."""
MALFORMED = "joinedup"


@dataclass(frozen=True)
class Kind:
    """
    One kind of identifier.

    Args:
        name: as people call it, with its article.
        requirement: what says that it is checked.
        feature: the names by which it goes.
        formats: the formats by which a contract declares it, plain.
        make: a valid synthetic one.
        is_valid: whether a text is one.
        slip: one with a single slip in what its check digit or letter guards.
    """

    name: str
    requirement: str
    feature: Feature
    formats: frozenset[str]
    make: Callable[[random.Random], str]
    is_valid: Callable[[str], bool]
    slip: Callable[[str], str]


def is_uln(value: str) -> bool:
    """Whether a text is a ULN: ten digits whose weighted sum leaves 10 when divided by 11 (HESA C17051)."""
    if not re.fullmatch(r"[1-9][0-9]{9}", value, re.ASCII):
        return False
    return sum((10 - place) * int(digit) for place, digit in enumerate(value)) % 11 == 10


def is_upn(value: str) -> bool:
    """Whether a text is a UPN by its check letter; unlike python-stdnum this takes the pseudo authorities 001 to 005."""
    return (
        bool(re.fullmatch(r"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]", value, re.ASCII))
        and upn.calc_check_digit(value[1:]) == value[0]
    )


def _other_last_digit(value: str) -> str:
    return value[:-1] + str((int(value[-1]) + 1) % 10)


def _other_letter(value: str) -> str:
    return UPN_LETTERS[(UPN_LETTERS.index(value[0]) + 1) % len(UPN_LETTERS)] + value[1:]


KINDS = (
    Kind(
        "an NHS number",
        "IDN-01",
        Feature.IDENTIFIER_NHS_NUMBER,
        frozenset({"nhsnumber"}),
        nhs_number,
        lambda value: bool(nhs.is_valid(value)),
        _other_last_digit,
    ),
    Kind(
        "a unique pupil number",
        "IDN-02",
        Feature.IDENTIFIER_UPN,
        frozenset({"upn", "uniquepupilnumber"}),
        unique_pupil_number,
        is_upn,
        _other_letter,
    ),
    Kind(
        "a unique learner number",
        "IDN-02",
        Feature.IDENTIFIER_ULN,
        frozenset({"uln", "uniquelearnernumber"}),
        unique_learner_number,
        is_uln,
        _other_last_digit,
    ),
)


def kind_of(place: Place) -> Kind | None:
    """The kind of identifier that a place is declared to hold, or None."""
    for kind in KINDS:
        if is_declared(place, kind) or (is_named(place, kind) and "pattern" in place.schema):
            return kind
    return None


def is_declared(place: Place, kind: Kind) -> bool:
    """Whether a contract says by a format that a place holds a kind of identifier."""
    return bare(str(place.schema.get("format", ""))) in kind.formats


def is_named(place: Place, kind: Kind) -> bool:
    """Whether a place goes by one of the names of a kind."""
    return bare(place.name) in NAMES[kind.feature]


@dataclass(frozen=True)
class IdentifierMiss:
    """A value, which rule it breaks, how it is wrong in words that follow the place's name, and whose rules say so."""

    value: Any
    rule: str
    how: str
    requirements: tuple[str, ...]


def misses_of(kind: Kind, place: Place, source: random.Random) -> Iterator[IdentifierMiss]:
    """Values that are nearly an identifier of a kind, each wrong in one way."""
    valid, own = kind.make(source), (kind.requirement,)
    yield IdentifierMiss(kind.slip(valid), "check", "has a wrong check digit or letter", own)
    yield IdentifierMiss(_swapped(kind, source), "check", "has two neighbouring digits swapped", own)
    yield IdentifierMiss(valid[:-1], "length", "lacks its last digit", own)
    yield IdentifierMiss(valid + "0", "length", "has a digit too many", own)
    yield IdentifierMiss(valid[:4] + "O" + valid[5:], "letter", "has a letter O among its digits", own)
    spaced = f"{valid[:3]} {valid[3:6]} {valid[6:]}"
    if "pattern" in place.schema and not matches(place.schema, spaced):
        yield IdentifierMiss(spaced, "spaces", "is written with spaces, which the pattern rules out", own)
    for other in KINDS:
        if other is not kind:
            requirements = tuple(dict.fromkeys((kind.requirement, other.requirement)))
            how = f"is {other.name} in the place of another number"
            yield IdentifierMiss(_not_also(other, kind, source), "another kind", how, requirements)
    if place.location == "body" and place.schema.get("type") == "string" and valid.isdigit():
        yield IdentifierMiss(int(valid), "number", "is a JSON number and not a text", own)


def _swapped(kind: Kind, source: random.Random) -> str:
    """One whose neighbouring digits were swapped, so that its check digit or letter no longer fits."""
    while True:
        valid = kind.make(source)
        for place in range(3, len(valid) - 2):
            made = valid[:place] + valid[place + 1] + valid[place] + valid[place + 2 :]
            if made != valid and not kind.is_valid(made):
                return made


def _not_also(kind: Kind, other: Kind, source: random.Random) -> str:
    """A valid identifier of one kind that is not by chance a valid one of another."""
    while True:
        made = kind.make(source)
        if not other.is_valid(made):
            return made


@dataclass
class Identified:
    """
    What became of the identifiers of one system.

    Args:
        tried: near misses that were sent, by requirement.
        causes: those that were taken.
        silent: places that could not be judged, with the reason.
        by_name: places that hold one by their name alone, where the contract promises nothing.
    """

    tried: dict[str, int] = field(default_factory=dict)
    causes: Causes = field(default_factory=Causes)
    silent: list[str] = field(default_factory=list)
    by_name: list[str] = field(default_factory=list)


def judge(base: Base, kinds: tuple[Kind, ...], identified: Identified) -> None:
    """Judge each place of an operation that holds an identifier of one of some kinds."""
    for place in places_of(base.target.contract, base.operation, base.step.media_type):
        kind = kind_of(place)
        if kind in kinds and kind is not None:
            _judge_place(base, kind, place, identified)
        elif any(is_named(place, named) for named in kinds):
            identified.by_name.append(f"{place.label} of {base.operation.label}")


def _judge_place(base: Base, kind: Kind, place: Place, identified: Identified) -> None:
    source = random.Random(base.target.seed)  # noqa: S311 - repeatable test data, no secret
    taken = _status_of_a_valid_one(base, kind, place, source)
    where = f"{place.label} of {base.operation.label}"
    if taken is None:
        identified.silent.append(f"no valid number is taken by {where}")
        return
    malformed = base.send(place, MALFORMED)
    if malformed is not None and malformed.ok and is_declared(place, kind):
        identified.tried[kind.requirement] = identified.tried.get(kind.requirement, 0) + 1
        miss = IdentifierMiss(MALFORMED, "anything", f"is not {kind.name} at all", (kind.requirement,))
        identified.causes.add(_suspicion(base, kind, place, miss, malformed, taken))
        return
    if malformed is None or not _is_refused(malformed, taken):
        identified.silent.append(f"what is no number at all is not refused by {where} either")
        return
    for miss in misses_of(kind, place, source):
        for requirement in miss.requirements:
            identified.tried[requirement] = identified.tried.get(requirement, 0) + 1
        exchange = base.send(place, miss.value)
        if exchange is not None and exchange.response is not None and _is_taken(exchange, taken):
            identified.causes.add(_suspicion(base, kind, place, miss, exchange, taken))


def _status_of_a_valid_one(base: Base, kind: Kind, place: Place, source: random.Random) -> int | None:
    """What a valid number that nobody has is answered with, or None where it is refused."""
    own = value_in(base.step, place)
    known = [own] if isinstance(own, str) and kind.is_valid(own) else []
    for value in (kind.make(source), *known):
        exchange = base.send(place, value)
        if exchange is not None and (exchange.ok or (exchange.status == 404 and place.location != "body")):
            return exchange.status
    return None


def _is_taken(exchange: Exchange, taken: int) -> bool:
    return exchange.ok or exchange.status == taken


def _is_refused(exchange: Exchange, taken: int) -> bool:
    return 400 <= exchange.status < 500 and exchange.status not in (taken, 401, 403, 429)


def _suspicion(
    base: Base, kind: Kind, place: Place, miss: IdentifierMiss, exchange: Exchange, taken: int
) -> Suspicion:
    def again() -> bool:
        second = base.send(place, miss.value)
        return second is not None and second.response is not None and _is_taken(second, taken)

    return Suspicion(
        rule="wrong-identifier-accepted",
        requirements=miss.requirements,
        title=f"What is not {kind.name} is taken for one",
        expected=f"400 or 422, because {place.label} {miss.how}.",
        actual=f"{exchange.status}, as for a valid one.",
        exchanges=(*base.lead, exchange),
        expectation=Expectation(never=("2XX", str(taken))),
        where=f"{base.operation.label}, {place.label}",
        cause=f"{kind.name} {miss.rule}",
        again=again,
    )


# --- how identifiers are answered


def answered_as_numbers(kind: Kind, exchange: Exchange) -> Iterator[tuple[str, Any]]:
    """The (pointer, value) of each identifier of a kind that an answer gives as a JSON number."""
    yield from _numbers(exchange.json(), NAMES[kind.feature], "")


def _numbers(value: Any, names: frozenset[str], pointer: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if bare(name) in names and isinstance(inner, int | float) and not isinstance(inner, bool):
                yield here, inner
            else:
                yield from _numbers(inner, names, here)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _numbers(inner, names, f"{pointer}/{index}")


def holds(kind: Kind, exchange: Exchange) -> bool:
    """Whether an answer holds an identifier of a kind by its name."""
    return _has_name(exchange.json(), NAMES[kind.feature])


def _has_name(value: Any, names: frozenset[str]) -> bool:
    if isinstance(value, Mapping):
        return any(
            (bare(name) in names and inner is not None) or _has_name(inner, names)
            for name, inner in value.items()
        )
    return isinstance(value, list) and any(_has_name(inner, names) for inner in value)
