"""
Injection, judged by its effect: a quote that makes the server fail where two quotes do not, and a search that finds more
with a wildcard or a tautology than with a text that nobody has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from joinedup.conformance.causes import Causes
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.fidelity import fits
from joinedup.conformance.knowledge import context_of
from joinedup.conformance.lists import items_of, list_in
from joinedup.conformance.near_misses import is_judged_elsewhere
from joinedup.conformance.places import Base, Place, changed, places_of, value_in
from joinedup.conformance.samples import type_of

NOBODY = "Zzqxjoinedup"
"""A text that no record has."""
NEUTRAL = "~"
"""A character without a meaning anywhere: what finds more with it ignores punctuation, which is no injection."""


@dataclass(frozen=True)
class Trick:
    """A text with a meaning to a database, and the words by which a contract says that it has one."""

    text: str
    documented: str = r"(?!)"


TRICKS = (
    Trick("' OR '1'='1"),
    Trick(f"{NOBODY}' OR '1'='1"),
    Trick('" OR "1"="1'),
    Trick("%", r"wildcard|%|pattern|partial"),
    Trick("*", r"wildcard|\*|pattern|partial"),
    Trick("_" * len(NOBODY), r"wildcard|pattern|partial"),
)


def text_inputs(base: Base) -> Iterator[Place]:
    """The places of a request that take any text: of the query and of the body."""
    choices = {"enum", "const", "format", "oneOf", "anyOf"}
    for place in places_of(base.target.contract, base.operation, base.step.media_type):
        is_text = place.location in ("query", "body") and place.path and type_of(place.schema) == "string"
        if is_text and not choices & place.schema.keys() and not is_judged_elsewhere(place):
            yield place


def judge(base: Base, causes: Causes) -> int:
    """Judge every text of one operation; gives how many rules were put to the test."""
    tested = 0
    for place in text_inputs(base):
        tested += _judge_quote(base, place, causes)
        tested += _judge_search(base, place, causes)
    return tested


# --- a quote that breaks the server


def _judge_quote(base: Base, place: Place, causes: Causes) -> int:
    if not all(fits(place, text) for text in ("Amber", "Amber'", "Amber''")):
        return 0
    for quote in ("'", '"'):
        exchange = base.send(place, "Amber" + quote)
        if exchange is not None and exchange.status >= 500 and _is_the_quote(base, place, quote):
            causes.add(_quote_suspicion(base, place, quote, exchange))
    return 1


def _is_the_quote(base: Base, place: Place, quote: str) -> bool:
    others = [base.send(place, "Amber"), base.send(place, "Amber" + quote * 2)]
    return all(other is not None and 0 < other.status < 500 for other in others)


def _quote_suspicion(base: Base, place: Place, quote: str, exchange: Exchange) -> Suspicion:
    def again() -> bool:
        second = base.send(place, "Amber" + quote)
        return second is not None and second.status >= 500 and _is_the_quote(base, place, quote)

    return Suspicion(
        rule="quote-breaks-the-server",
        requirements=("SEC-08", "CON-API-12"),
        title="A quote in a text makes the server fail",
        expected=f"An answer below 500: a quote in {place.label} is part of the text.",
        actual=f"{exchange.status} with one quote; with none and with two there is no such failure.",
        exchanges=(*base.lead, exchange),
        expectation=Expectation(never=("5XX",)),
        where=f"{base.operation.label}, {place.label}",
        cause=f"{base.operation.label} quote",
        advice="Pass values to the database as parameters, never as part of a query's text.",
        again=again,
    )


# --- a search that finds more


def _judge_search(base: Base, place: Place, causes: Causes) -> int:
    good = base.target.good.get((base.operation.label, base.step.identity))
    if good is None or items_of(good) is None or good.status == 201:
        return 0
    alone = _alone(base, place)
    nobody = found_by(alone, place, NOBODY)
    if nobody is None:
        return 0
    usual = max(len(nobody.items), len(found.items) if (found := found_by(alone, place, NEUTRAL)) else 0)
    described = str(place.schema.get("description", "")) + _words(base, place)
    for trick in TRICKS:
        if not fits(place, trick.text) or re.search(trick.documented, described, re.IGNORECASE):
            continue
        found = found_by(alone, place, trick.text)
        if found is not None and len(found.items) > usual:
            causes.add(_search_suspicion(alone, place, trick, usual, found))
            break
    return 1


def _words(base: Base, place: Place) -> str:
    """What the contract says of a parameter beside its schema."""
    node = base.target.contract.resolve({"$ref": base.operation.pointer})
    written = (p for p in node.get("parameters") or () if isinstance(p, dict))
    named = (base.target.contract.resolve(p) for p in written)
    return " ".join(str(p.get("description", "")) for p in named if p.get("name") == place.name)


def _alone(base: Base, place: Place) -> Base:
    """The request with nothing but what is required and one text, where that is accepted: other filters hide what is found."""
    step = base.step
    for other in places_of(base.target.contract, base.operation, base.step.media_type):
        is_filter = other.location in ("query", "body") and other.path and not other.required
        if is_filter and other.path != place.path[: len(other.path)] and value_in(step, other) is not MISSING:
            step = changed(step, other, MISSING)
    stripped = replace(base, step=step)
    sent = stripped.send(place, NOBODY)
    return stripped if sent is not None and sent.ok else base


@dataclass(frozen=True)
class Found:
    """The items of a list that was answered, and the pointer to it."""

    exchange: Exchange
    items: list[Any]
    pointer: str


def found_by(base: Base, place: Place, text: str) -> Found | None:
    """What a search finds, or None where it is refused or its answer is no list."""
    exchange = base.send(place, text)
    body = exchange.json() if exchange is not None and exchange.ok else MISSING
    items = list_in(body, context_of(base.operation.path)) if body is not MISSING else None
    return None if exchange is None or items is None else Found(exchange, items, pointer_to(body, items))


def pointer_to(value: Any, wanted: Any, pointer: str = "") -> str:
    """The JSON pointer to an object or list within a value, by identity; empty where it is the value itself."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs if value is not wanted else ():
        here = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if inner is wanted or pointer_to(inner, wanted, here):
            return here if inner is wanted else pointer_to(inner, wanted, here)
    return ""


def _search_suspicion(base: Base, place: Place, trick: Trick, usual: int, found: Found) -> Suspicion:
    def again() -> bool:
        nobody, more = found_by(base, place, NOBODY), found_by(base, place, trick.text)
        return nobody is not None and more is not None and len(more.items) > max(usual, len(nobody.items))

    return Suspicion(
        rule="search-finds-more-by-a-trick",
        requirements=("SEC-08",),
        title="Characters with a meaning to a database change what a search finds",
        expected=f"No more than a text that nobody has finds ({usual}), because {trick.text!r} in {place.label} is a text like any other.",
        actual=f"{found.exchange.status} with {len(found.items)} found.",
        exchanges=(found.exchange,),
        expectation=Expectation(absent=f"{found.pointer}/{usual}"),
        where=f"{base.operation.label}, {place.label}",
        cause=f"{base.operation.label} search",
        advice="Pass values to the database as parameters, and escape its wildcards.",
        again=again,
    )
