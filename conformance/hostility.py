"""
Hostile input: what breaks servers. Any 4xx is right, any success too; a 5xx, no answer or an answer without an end is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from joinedup.conformance.causes import Causes
from joinedup.conformance.client import NOT_BUILT, NOT_SENT
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange, Step, Text
from joinedup.conformance.expect import Expectation
from joinedup.conformance.fidelity import text_places
from joinedup.conformance.near_misses import is_judged_elsewhere, server_failure
from joinedup.conformance.objects import with_new_text
from joinedup.conformance.places import Base, Place, changed, filled, places_of
from joinedup.conformance.redaction import scalars
from joinedup.conformance.samples import type_of

MOST_REQUESTS = 60
NESTING = 200
LONG = 100_000
DISTINCTIVE = 8
"""Letters of a text that stands in two answers by no chance."""
TEXTS = ("Zoe\0Amber", "\ud800", "Amber \U0001f600", "a" * LONG)
"""NUL, half of a surrogate pair, a character beyond the basic plane, and more than anybody writes."""
IN_AN_ADDRESS = ("Zoe\0Amber", "\U0001f600", "a" * 5_000, "-1", str(10**30))
PLAIN = "Amber"
Change = Callable[[Step], Step]
Attack = tuple[Change, Place | None]
"""How a request is changed, and the place where a plain text may be put instead."""


def attack(base: Base, causes: Causes) -> int:
    """Send what breaks servers to one operation; gives how many requests were answered as they should be."""
    base, answered = filled(base.target, base), 0
    attacks = [*_in_the_body(base), *_in_the_address(base)]
    for change, place in attacks[: base.target.portion(MOST_REQUESTS)]:
        step = base.next()
        if step is None:
            break
        suspicion = _suspicion(base, base.sent(change(step)))
        if suspicion is not None and place is not None:
            suspicion = _plainer(base, place) or suspicion
        if suspicion is None:
            answered += 1
        else:
            causes.add(suspicion)
    return answered


def _plainer(base: Base, place: Place) -> Suspicion | None:
    """The same fault shown by a plain text, where it is not the hostile one that makes the difference."""
    exchange = base.send(place, PLAIN)
    return _suspicion(base, exchange) if exchange is not None else None


def _in_the_body(base: Base) -> Iterator[Attack]:
    if not isinstance(base.step.body, dict):
        return
    yield from ((change, None) for change in _whole_bodies())
    for place in text_places(base):
        yield from ((_escaped(place, text), place) for text in TEXTS)
    for place in places_of(base.target.contract, base.operation, base.step.media_type):
        if place.location == "body" and place.path and type_of(place.schema) in ("integer", "number"):
            yield _put(place, 10**30), None
            yield _raw_number(place), None


def _whole_bodies() -> Iterator[Change]:
    yield lambda step: replace(step, body=Text(_nested(step.body)))
    yield lambda step: replace(step, body=None)
    yield lambda step: replace(step, body=Text(""))
    yield lambda step: replace(step, body="joinedup")
    yield lambda step: replace(step, body=Text("{"))
    # Without a Content-Type, whose meaning a server may guess (RFC 9110, 8.3).
    yield lambda step: replace(step, media_type="")
    # Bytes that are no UTF-8: a surrogate, as it must never stand on the wire.
    yield lambda step: replace(step, body=Text('{"joinedup": "\udcff"}'))


def _put(place: Place, value: Any) -> Change:
    return lambda step: changed(step, place, value)


def _escaped(place: Place, text: str) -> Change:
    """JSON in ASCII, so that what is no character of its own is sent as an escape."""
    return lambda step: replace(step, body=Text(json.dumps(changed(step, place, text).body)))


def _raw_number(place: Place) -> Change:
    """A number that JSON can write and no float can hold."""

    def change(step: Step) -> Step:
        marked = json.dumps(changed(step, place, "joinedup-number").body)
        return replace(step, body=Text(marked.replace('"joinedup-number"', "1e400")))

    return change


def _nested(body: Any) -> str:
    return json.dumps(body)[:-1] + ', "joinedup": ' + "[" * NESTING + "]" * NESTING + "}"


def _in_the_address(base: Base) -> Iterator[Attack]:
    for place in places_of(base.target.contract, base.operation, base.step.media_type):
        if place.location in ("path", "query") and not is_judged_elsewhere(place):
            texts = type_of(place.schema) == "string"
            yield from ((_put(place, value), place if texts else None) for value in IN_AN_ADDRESS)


def _suspicion(base: Base, exchange: Exchange) -> Suspicion | None:
    response = exchange.response
    if response is None:
        # A request that could not be built never reached the system.
        unsent = exchange.error.startswith((NOT_BUILT, NOT_SENT))
        return None if unsent else no_answer(base, exchange)
    if response.cut:
        return None
    if exchange.status < 500 or exchange.status in (501, 505):
        return None
    if exchange.status == 503 and "retry-after" in response.headers:
        return None
    return server_failure(exchange)


def no_answer(base: Base, exchange: Exchange) -> Suspicion:
    """An input that ends without an answer: too slow, or dropped."""
    seconds = base.target.configuration.limits.timeout_s
    return Suspicion(
        rule="no-answer",
        requirements=("CON-API-12",),
        title="An input gets no answer",
        expected=f"An answer within {seconds:g} s.",
        actual=f"{exchange.error[:1].upper()}{exchange.error[1:]}.",
        exchanges=(exchange,),
        expectation=Expectation(answered=True),
        cause=exchange.step.operation,
    )


# --- a body of no declared type


def untyped(base: Base) -> tuple[bool, Suspicion | None]:
    """
    A create whose body has no Content-Type: whether that shows anything, and a suspicion where the body was not seen.

    A server may guess what the body is, or refuse it (RFC 9110, 8.3). To make an object without what was sent is
    neither. The controls: the same body with its type is given back, and an empty object is refused.
    """
    base = replace(base, step=with_new_text(base.target, base.operation, base.step))
    typed = base.send()
    sent = _distinctive(base) & set(scalars(typed.json() if typed is not None and typed.ok else None))
    if not sent:
        return False, None
    if not _refuses_nothing(base):
        return False, None
    exchange = _without_type(base)
    if exchange is None or not _made_of_nothing(exchange, sent):
        return exchange is not None and exchange.status < 500, None
    again = _seen_again(base, sent)
    return True, Suspicion(
        rule="untyped-body-not-seen",
        requirements=("CON-API-10",),
        title="A body without a Content-Type is taken for none, and an object is made all the same",
        expected="A 4xx such as 415, or the object with what was sent in it.",
        actual=f"{exchange.status} with nothing of what was sent, while an empty object is refused.",
        exchanges=(*base.lead, exchange),
        expectation=Expectation(never=("2XX",)),
        cause="untyped body",
        again=again,
    )


def _distinctive(base: Base) -> set[str]:
    """The texts of a body that no answer would hold by chance."""
    texts = {text for text in scalars(base.step.body) if len(text) >= DISTINCTIVE}
    return texts - set(base.target.contract.declared_values)


def _refuses_nothing(base: Base) -> bool:
    step = base.next()
    return step is not None and 400 <= base.sent(replace(step, body={})).status < 500


def _without_type(base: Base) -> Exchange | None:
    step = base.next()
    return base.sent(replace(step, media_type="")) if step is not None else None


def _made_of_nothing(exchange: Exchange, sent: set[str]) -> bool:
    """Whether a success answers with an object that holds nothing of what was sent."""
    body = exchange.json()
    return exchange.ok and isinstance(body, dict) and bool(body) and not sent & set(scalars(body))


def _seen_again(base: Base, sent: set[str]) -> Callable[[], bool]:
    def again() -> bool:
        exchange = _without_type(base)
        return exchange is not None and _made_of_nothing(exchange, sent)

    return again
