"""
Fidelity: whether text comes back as it was sent.

Names are the test: accents, apostrophes, letters of other alphabets, many letters, one word. The control is a plain text
that does come back; the same text composed otherwise (Unicode NFC) or trimmed counts as the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.causes import Causes
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import plain as bare
from joinedup.conformance.harvest import read_again, reader_of
from joinedup.conformance.near_misses import matches
from joinedup.conformance.objects import read
from joinedup.conformance.places import Base, Place, changed, filled, places_of
from joinedup.conformance.samples import type_of
from joinedup.conformance.vocabulary import GIVEN_NAMES

PLAIN = "Amber"


@dataclass(frozen=True)
class Sample:
    """A text: what is special about it, and which texts share its likely cause."""

    text: str
    special: str
    family: str


SAMPLES = (
    Sample("Siân", "an accent", "letters beyond ASCII"),
    Sample("O'Neill", "an apostrophe", "an apostrophe"),
    Sample("Łukasz", "a letter beyond Latin-1", "letters beyond ASCII"),
    Sample("Anastasia Wilhelmina Featherstonehaugh", "more than 35 letters", "more than 35 letters"),
    Sample("Zoe\u0308", "a combining accent", "letters beyond ASCII"),
    Sample("محمد", "letters written from right to left", "letters beyond ASCII"),
    Sample("𠮷野", "a letter beyond the basic plane", "letters beyond ASCII"),
)


@dataclass
class Compared:
    """
    What became of texts.

    Args:
        kept: how many came back as they were sent.
        causes: those that did not.
        unread: operations whose texts nothing gives back.
    """

    kept: int = 0
    causes: Causes = field(default_factory=Causes)
    unread: list[str] = field(default_factory=list)


def text_places(base: Base) -> Iterator[Place]:
    """The places of a body that take a text of any letters, as far as the contract says."""
    choices = {"enum", "const", "format", "oneOf", "anyOf", "contentEncoding"}
    for place in places_of(base.target.contract, base.operation, base.step.media_type):
        is_text = place.location == "body" and place.path and type_of(place.schema) == "string"
        if is_text and not choices & place.schema.keys():
            yield place


def fits(place: Place, text: str) -> bool:
    """Whether the contract allows a text at a place."""
    least, most = int(place.schema.get("minLength", 0)), int(place.schema.get("maxLength", 10_000))
    return least <= len(text) <= most and matches(place.schema, text)


def compare(base: Base, compared: Compared) -> None:
    """Send each sample to every text of an operation that takes it, and see what comes back."""
    base = filled(base.target, base)
    held = stored(base, [place for place in text_places(base) if fits(place, PLAIN)], PLAIN)
    if held is None:
        return
    places = [place for place, value in held[1] if _same(value, PLAIN)]
    if not places:
        compared.unread.append(base.operation.label)
        return
    for sample in SAMPLES:
        _compare_one(base, [place for place in places if fits(place, sample.text)], sample, compared)


def _compare_one(base: Base, places: list[Place], sample: Sample, compared: Compared) -> None:
    held = stored(base, places, sample.text)
    if held is None:
        return
    exchanges, values = held
    for place, value in values:
        if _same(value, sample.text):
            compared.kept += 1
            continue
        suspicion = _suspicion(base, place, sample, value, exchanges)
        compared.causes.add(replace(suspicion, operations=(base.operation.label,)))


def stored(
    base: Base, places: list[Place], text: str
) -> tuple[tuple[Exchange, ...], list[tuple[Place, Any]]] | None:
    """Send a text at some places and read it back: the exchanges, and what came for each place; None where it was refused."""
    step = base.next()
    if step is None or not places:
        return None
    for place in places:
        step = changed(step, place, text)
    sent = base.sent(step)
    if not sent.ok:
        return None
    base.target.knowledge.learn(sent)
    reading = _reading(base, sent)
    exchanges = (*base.lead, sent, reading) if reading is not None else (*base.lead, sent)
    found = ((place, value_named(exchanges[-1].json(), place.name)) for place in places)
    return exchanges, [(place, value) for place, value in found if value is not MISSING]


def _reading(base: Base, sent: Exchange) -> Exchange | None:
    if base.operation.method == "POST":
        reading = read(base.target, base.operation, sent)
    else:
        reader = reader_of(base.target, base.operation.path)
        same = reader is not None and reader.path == base.operation.path
        reading = read_again(base.target, reader, sent.step) if reader is not None and same else None
    return reading if reading is not None and reading.ok else None


def value_named(value: Any, name: str) -> Any:
    """The one text that an answer has by a name, wherever it stands; ``MISSING`` where there is none, or several differ."""
    found = set(_texts_named(value, name))
    return found.pop() if len(found) == 1 else MISSING


def _texts_named(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == name and isinstance(inner, str):
                yield inner
            else:
                yield from _texts_named(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_named(inner, name)


def pointer_to_text(value: Any, name: str, pointer: str = "") -> str:
    """The JSON pointer to the first text that an answer has by a name; empty where there is none."""
    pairs = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in pairs:
        here = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if key == name and isinstance(inner, str):
            return here
        if found := pointer_to_text(inner, name, here):
            return found
    return ""


def _same(one: Any, other: str) -> bool:
    return isinstance(one, str) and _composed(one) == _composed(other)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _suspicion(
    base: Base, place: Place, sample: Sample, value: Any, exchanges: tuple[Exchange, ...]
) -> Suspicion:
    def again() -> bool:
        held = stored(base, [place], sample.text)
        return held is not None and any(not _same(came, sample.text) for _, came in held[1])

    shown = base.target.redactor.mask(value)
    pointer = pointer_to_text(exchanges[-1].json(), place.name)
    return Suspicion(
        rule="text-not-kept",
        requirements=("CON-API-08",),
        title="A text does not come back as it was sent",
        expected=f"“{sample.text}” in {place.label}, as it was sent, with {sample.special}.",
        actual=f"{exchanges[-1].status} with {shown} there.",
        exchanges=exchanges,
        expectation=Expectation(at=(pointer, sample.text)),
        where=f"{base.operation.label}, {place.label}",
        cause=sample.family,
        again=again,
    )


# --- people who have one name


def one_name_places(base: Base) -> Iterator[Place]:
    """The properties for a given name that the contract lets a caller leave out, and that the request has."""
    for place in places_of(base.target.contract, base.operation, base.step.media_type):
        if place.location == "body" and not place.required and bare(place.name) in GIVEN_NAMES:
            yield place


def refuses_one_name(base: Base, place: Place) -> Suspicion | None:
    """A person without a given name is refused, twice, while the same person with one is accepted before and after."""
    base = filled(base.target, base)

    def refused() -> Exchange | None:
        first = base.send(place, MISSING)
        return first if first is not None and first.status in (400, 422) and base.is_accepted() else None

    exchange = refused()
    if exchange is None:
        return None
    return Suspicion(
        rule="one-name-refused",
        requirements=("CON-API-08", "CON-API-11"),
        title="A person who has one name only is refused",
        expected=f"A success, because the contract lets {place.label} be left out.",
        actual=f"{exchange.status}, while the same request with a given name is accepted.",
        exchanges=(*base.lead, exchange),
        expectation=Expectation(never=("400", "422")),
        where=f"{base.operation.label}, {place.label}",
        cause="one name",
        again=lambda: refused() is not None,
    )
