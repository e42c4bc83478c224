"""
Strictness: whether input that the contract rules out is refused, one near miss after the other.

The control of each is the request that was accepted, which also decides the alternative that a value under ``oneOf`` or
``anyOf`` takes: a miss there is sent only where no other alternative allows it. Where an operation takes every miss,
it looks at nothing, which is one cause however many misses show it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from joinedup.conformance.causes import Causes
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange, Step, Text
from joinedup.conformance.expect import Expectation
from joinedup.conformance.near_misses import (
    NearMiss,
    body_misses,
    is_judged_elsewhere,
    misses_of,
    server_failure,
)
from joinedup.conformance.places import Base, Place, changed, filled, places_of, value_in
from joinedup.conformance.samples import CannotSampleError

MOST_MISSES = 80
INPUT, LIMIT = "CON-API-10", "SEC-03"
_LIMITS = frozenset({"longer", "more_items"})


@dataclass(frozen=True)
class Wrong:
    """
    One way to be wrong.

    Args:
        cause: what findings of one cause share.
        said: how it is wrong, as a sentence without its full stop.
        change: makes the wrong request of an accepted one.
        requirements: what rules it out.
        place: where in the request it is wrong: location and name.
        family: how it is wrong, wherever it is.
        kind: which keyword it breaks; empty for the body as a whole.
        conditional: whether an alternative decides whether it is wrong at all.
    """

    cause: str
    said: str
    change: Callable[[Step], Step]
    requirements: tuple[str, ...] = (INPUT,)
    place: str = ""
    family: str = ""
    kind: str = ""
    conditional: bool = False


@dataclass
class Judged:
    """
    What became of near misses.

    Args:
        refused: how many were refused, as they should be.
        limits: how many of them were past a limit on length or number.
        failures: those that made the server fail.
        accepted: those that were accepted, by operation.
        strict: operations that refused a value at least once: they look at what is sent.
        unready: operations for which no accepted request was to be had.
    """

    refused: int = 0
    limits: int = 0
    failures: list[Suspicion] = field(default_factory=list)
    accepted: dict[str, list[tuple[Wrong, Suspicion]]] = field(default_factory=dict)
    strict: set[str] = field(default_factory=set)
    unready: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """How many were sent and answered."""
        return self.refused + len(self.failures) + sum(map(len, self.accepted.values()))

    @property
    def causes(self) -> Causes:
        """What is wrong, each cause once: an operation that takes everything has one, and all such operations share it."""
        causes = Causes()
        unstrict = [label for label in self.accepted if label not in self.strict]
        careless = unstrict if any(is_careless(self.accepted[label]) for label in unstrict) else []
        # Where one operation takes everything, a few misses that another takes are no causes of their own.
        together = [found for label in careless for found in self.accepted[label]]
        alone = [s for label, found in self.accepted.items() if label not in careless for _, s in found]
        for suspicion in [*self.failures, *([_takes_anything(together)] if together else []), *alone]:
            causes.add(suspicion)
        return causes


def is_careless(accepted: list[tuple[Wrong, Suspicion]]) -> bool:
    """Whether what was accepted is enough to say that nothing is looked at: several places, or several ways to be wrong."""
    kinds = {wrong.kind for wrong, _ in accepted if wrong.kind}
    return len(kinds) > 2 and len({(wrong.place, wrong.kind) for wrong, _ in accepted if wrong.kind}) > 3


_OBVIOUS = ("json_type", "type", "required", "code", "null")


def _takes_anything(accepted: list[tuple[Wrong, Suspicion]]) -> Suspicion:
    """One suspicion for operations that take every miss, shown by the plainest of them."""
    order = sorted(
        accepted, key=lambda found: _OBVIOUS.index(found[0].kind) if found[0].kind in _OBVIOUS else 9
    )
    wrong, first = order[0]
    requirements = tuple(dict.fromkeys(r for other, _ in accepted for r in other.requirements))
    others = (
        f", and so were the {len(accepted) - 1} other ways to be wrong that were tried"
        if len(accepted) > 1
        else ""
    )
    return replace(
        first,
        rule="any-input-accepted",
        requirements=requirements,
        title="An operation takes whatever is sent",
        expected=f"A 4xx, because {wrong.said}.",
        actual=f"{first.last.status}: the request was accepted{others}.",
        cause="takes anything",
        operations=tuple(sorted({suspicion.last.step.operation for _, suspicion in accepted})),
        count=len(accepted),
        family="",
        advice="Hold each request against the contract before anything is done with it.",
    )


def judge(base: Base, judged: Judged) -> None:
    """Send the near misses of one operation and note which are accepted."""
    base = filled(base.target, base)
    for held, wrong in itertools.islice(_wrongs(base), base.target.portion(MOST_MISSES)):
        _judge_one(held, wrong, judged)


def _wrongs(base: Base) -> Iterator[tuple[Base, Wrong]]:
    """Every way to be wrong that an operation has, each beside the request that is accepted without it."""
    for place in _worth_missing(base):
        held = _prepared(base, place)
        for miss in misses_of(place, value_in(held.step, place)) if held else ():
            yield held or base, _wrong(miss)
    whole = [p for p in places_of(base.target.contract, base.operation, base.step.media_type) if not p.path]
    for how, change in body_misses(base, whole[0]) if whole else ():
        yield base, Wrong(f"body {how}", f"the body {how}", change, family=f"body {how}")


def _wrong(miss: NearMiss) -> Wrong:
    limit = (LIMIT,) if miss.kind in _LIMITS else ()
    return Wrong(
        f"{_place_name(miss.place)} {miss.kind}",
        f"{miss.place.label} {miss.how}",
        lambda step: changed(step, miss.place, miss.value),
        (INPUT, *limit),
        _place_name(miss.place),
        f"{miss.place.location} {miss.how}",
        miss.kind if miss.place.path else "",
        miss.place.conditional,
    )


def _place_name(place: Place) -> str:
    """Location and names, an item of a list as ``*``: as the generated checks call it."""
    names = ("*" if place.location == "body" and part.isdecimal() else part for part in place.path)
    return f"{place.location} {'.'.join(names)}"


def _worth_missing(base: Base) -> Iterator[Place]:
    """The places that this rule judges."""
    body = MISSING if isinstance(base.step.body, Text) else base.step.body
    for place in places_of(base.target.contract, base.operation, base.step.media_type, body):
        if place.location != "path" and not is_judged_elsewhere(place):
            yield place


def _prepared(base: Base, place: Place) -> Base | None:
    """A base that has a value at a place: itself, or with a sampled one that is accepted too."""
    if value_in(base.step, place) is not MISSING or not place.path:
        return base
    if place.location == "header":
        return None
    try:
        value = base.target.sampler(path=base.operation.path).value(dict(place.schema), name=place.name)
    except CannotSampleError:
        return None
    step = base.next()
    if step is None or not base.sent(changed(step, place, value)).ok:
        return None
    return replace(base, step=changed(base.step, place, value))


def _judge_one(base: Base, wrong: Wrong, judged: Judged) -> None:
    label = base.operation.label
    step = base.next()
    if step is None:
        judged.unready.append(label)
        return
    sent = wrong.change(step)
    if wrong.conditional and base.target.contract.allows(base.operation, sent.media_type, sent.body):
        return
    exchange = base.sent(sent)
    if exchange.status >= 500:
        judged.failures.append(server_failure(exchange))
    elif exchange.ok:
        base.target.wrongly_accepted.add((label, wrong.place))
        judged.accepted.setdefault(label, []).append((wrong, _accepted(base, exchange, wrong)))
    elif exchange.status >= 400:
        judged.refused += 1
        judged.limits += LIMIT in wrong.requirements
        judged.strict |= {label} if wrong.kind else set()


def _accepted(base: Base, exchange: Exchange, wrong: Wrong) -> Suspicion:
    def again() -> bool:
        step = base.next()
        return step is not None and base.sent(wrong.change(step)).ok

    return Suspicion(
        rule="near-miss-accepted",
        requirements=wrong.requirements,
        title="Input that the contract rules out is accepted",
        expected=f"A 4xx, because {wrong.said}.",
        actual=f"{exchange.status}: the request was accepted.",
        exchanges=(*base.lead, exchange),
        expectation=Expectation(statuses=("4XX", "5XX", "3XX")),
        where=f"{base.operation.label}, {wrong.said}",
        cause=wrong.cause,
        family=wrong.family,
        again=again,
    )
