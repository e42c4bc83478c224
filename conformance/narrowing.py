"""
Narrowing: input that the contract allows and the system refuses.

From a request that is accepted, one thing is changed to another value that the contract allows. It is a finding only
where exactly that is refused, twice, while the unchanged request is accepted before and after, and where nothing
in the contract or in the refusal points to a rule between several properties or to a state.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.causes import Causes
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange, Text
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import plain as bare
from joinedup.conformance.fidelity import SAMPLES, fits, one_name_places
from joinedup.conformance.identifier_misses import KINDS, is_named, kind_of
from joinedup.conformance.inside import fits as fits_schema
from joinedup.conformance.near_misses import LONGEST, is_judged_elsewhere, matches, server_failure
from joinedup.conformance.places import Base, Place, changed, places_of, value_in
from joinedup.conformance.samples import CannotSampleError, type_of
from joinedup.conformance.vocabulary import STATES

MOST_REQUESTS = 80
MOST_CODES = 12
REFUSALS = (400, 422)
_STATES_A_RULE = re.compile(
    r"\b(must|only|unless|if|cannot|depends|required|not allowed|later|earlier)\b", re.IGNORECASE
)
_REFERS = re.compile(r"(id|ids|ref|reference|code|number|key|identifier|token|url|uri|version|etag)$")
Variants = Iterator[tuple[str, Any]]


@dataclass(frozen=True)
class Variant:
    """
    Another value that the contract allows at a place.

    Args:
        place: where it goes.
        value: what goes there; ``MISSING`` for nothing.
        kind: what makes it special, the same for all values that one fault would refuse.
        how: in words that follow the place's name.
    """

    place: Place
    value: Any
    kind: str
    how: str


def variants_of(base: Base, place: Place) -> Iterator[Variant]:
    """Other values for a place that the contract allows, each special in one way."""
    value = value_in(base.step, place)
    if refers(place):
        known = _known_good(base, place)
        # What the system knows is good where even a made-up value is; between two known ones, state may decide.
        if known not in (MISSING, value) and base.target.knowledge.origin(value) is None:
            yield Variant(place, known, "known", "names a thing that the system knows")
    for maker in _MAKERS if not refers(place) else ():
        kind = maker.__name__.strip("_")
        for how, made in maker(place, value):
            if made != value:
                yield Variant(place, made, kind, how)
    if not place.required and place.location == "body" and place not in one_name_places(base):
        yield Variant(place, MISSING, "left out", "is left out, which the contract allows")


def is_free(base: Base, place: Place) -> bool:
    """Whether a value hangs on nothing but its own schema, as far as can be seen."""
    if not place.path or place.location == "path" or is_judged_elsewhere(place):
        return False
    name, schema = bare(place.name), place.schema
    if {"oneOf", "anyOf", "const", "not"} & schema.keys() or name in STATES:
        return False
    # A schema that says nothing is where a contract is silent; it is no promise that anything will do.
    if not {"type", "enum"} & schema.keys():
        return False
    if _STATES_A_RULE.search(str(schema.get("description", ""))):
        return False
    if _mentions_another(base, place):
        return False
    return kind_of(place) is None and not any(is_named(place, kind) for kind in KINDS)


def refers(place: Place) -> bool:
    """Whether a value names another thing, by the name that it goes by: then not any value will do."""
    name = bare(place.name)
    is_scalar = "enum" not in place.schema and type_of(place.schema) in ("string", "integer")
    return is_scalar and bool(_REFERS.search(name)) and not name.endswith("postcode")


def _mentions_another(base: Base, place: Place) -> bool:
    """Whether the contract's words on a place name another one: then a rule between them may stand there."""
    words = {bare(word) for word in str(place.schema.get("description", "")).split()}
    others = places_of(base.target.contract, base.operation, base.step.media_type)
    return any(
        len(other.name) > 3 and other.path != place.path and bare(other.name) in words for other in others
    )


def _added(base: Base, place: Place) -> Variant | None:
    """An optional property that the request does not have, alone."""
    if place.location != "body" or type_of(place.schema) in ("object", "array"):
        return None
    if len(place.path) > 1 and value_in(base.step, replace(place, path=place.path[:-1])) is MISSING:
        return None
    value = _known_good(base, place) if refers(place) else _sampled(base, place)
    if value is MISSING:
        return None
    return Variant(place, value, "added", "is added with a value that the contract allows")


def _sampled(base: Base, place: Place) -> Any:
    try:
        return base.target.sampler(path=base.operation.path).value(dict(place.schema), name=place.name)
    except CannotSampleError:
        return MISSING


def _known_good(base: Base, place: Place) -> Any:
    """What the system itself has called another thing of the kind that a place refers to, or ``MISSING``."""
    known = base.target.knowledge.referred_to(place.name, base.operation.path, identity=base.step.identity)
    contract, wanted = base.target.contract, dict(place.schema)
    return next(
        (value for value in known if fits_schema(contract, wanted, value) and _suits(place, value)), MISSING
    )


def _suits(place: Place, value: Any) -> bool:
    return not isinstance(value, str) or fits(place, value)


def _text(place: Place, value: Any) -> Variants:
    if not isinstance(value, str) or {"enum", "format"} & place.schema.keys():
        return
    for sample in SAMPLES:
        if fits(place, sample.text) and not (len(sample.text) > 35 and "maxLength" in place.schema):
            yield f"has {sample.special}", sample.text


def _longest(place: Place, value: Any) -> Variants:
    most = place.schema.get("maxLength")
    if isinstance(value, str) and isinstance(most, int) and len(value) < most <= LONGEST:
        made = _lengthened(value, most)
        if not {"enum", "format"} & place.schema.keys() and matches(place.schema, made):
            yield f"is as long as the contract allows ({most} characters)", made


def _lengthened(value: str, length: int) -> str:
    """A text of so many characters made of words, as names and sentences are."""
    seed = (value.strip() or "Amber") + " "
    made = (seed * (length // len(seed) + 1))[:length]
    return made if not made.endswith(" ") else made[:-1] + "a"


def _shortest(place: Place, value: Any) -> Variants:
    least = place.schema.get("minLength")
    if isinstance(value, str) and isinstance(least, int) and 0 < least < len(value):
        made = value[:least]
        if (
            not {"enum", "format"} & place.schema.keys()
            and made.strip() == made
            and matches(place.schema, made)
        ):
            yield "is as short as the contract allows", made


def _capitals(place: Place, value: Any) -> Variants:
    if (
        not isinstance(value, str)
        or "pattern" not in place.schema
        or {"enum", "format"} & place.schema.keys()
    ):
        return
    for how, made in (("is in lower case", value.lower()), ("is in capitals", value.upper())):
        if matches(place.schema, made):
            yield f"{how}, which the pattern allows", made


def _code(place: Place, value: Any) -> Variants:
    for code in (place.schema.get("enum") or [])[:MOST_CODES]:
        if code is not None:
            yield "is another member of the code list", code


def _bounds(place: Place, value: Any) -> Variants:
    if isinstance(value, bool) or not isinstance(value, int | float) or "enum" in place.schema:
        return
    for keyword, side, other in (
        ("minimum", "lowest", "exclusiveMinimum"),
        ("maximum", "highest", "exclusiveMaximum"),
    ):
        bound = place.schema.get(keyword)
        if isinstance(bound, int | float) and place.schema.get(other) in (None, False):
            yield f"is the {side} that the contract allows", bound


def _flag(place: Place, value: Any) -> Variants:
    if isinstance(value, bool):
        yield "is the other of true and false", not value


def _offset(place: Place, value: Any) -> Variants:
    """The same moment in British Summer Time, so that no rule about past and future can matter."""
    if place.schema.get("format") != "date-time" or not isinstance(value, str):
        return
    try:
        moment = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return
    if moment.tzinfo is None:
        return
    summer = moment.astimezone(datetime.timezone(datetime.timedelta(hours=1)))
    universal = moment.astimezone(datetime.UTC)
    yield "is the same moment with the offset +01:00", summer.isoformat()
    yield "is the same moment with Z", universal.isoformat().replace("+00:00", "Z")


_MAKERS: tuple[Callable[[Place, Any], Variants], ...] = (
    _text,
    _longest,
    _shortest,
    _capitals,
    _code,
    _bounds,
    _flag,
    _offset,
)


# --- one after the other


@dataclass
class Allowed:
    """
    What became of values that the contract allows.

    Args:
        accepted: how many were accepted.
        causes: those that were refused, and those that made the server fail.
    """

    accepted: int = 0
    causes: Causes = field(default_factory=Causes)


def judge(base: Base, allowed: Allowed) -> None:
    """Send the variants of one operation and note which are refused."""
    before = base.target.budget.sent
    for place in places_of(base.target.contract, base.operation, base.step.media_type):
        if not is_free(base, place):
            continue
        held = base if value_in(base.step, place) is not MISSING else _with(base, place, allowed)
        for variant in variants_of(held, place) if held else ():
            if base.target.budget.sent - before >= base.target.portion(MOST_REQUESTS):
                return
            _judge_one(held or base, variant, allowed)


def _with(base: Base, place: Place, allowed: Allowed) -> Base | None:
    """The base with an optional property that it lacks, where that is accepted."""
    added = _added(base, place)
    if added is None or not _judge_one(base, added, allowed):
        return None
    return replace(base, step=changed(base.step, place, added.value))


def _judge_one(base: Base, variant: Variant, allowed: Allowed) -> bool:
    """Send one variant; True where it is accepted."""
    if not _is_allowed(base, variant):
        return False
    exchange = base.send(variant.place, variant.value)
    if exchange is None:
        return False
    if exchange.status >= 500:
        allowed.causes.add(server_failure(exchange))
    elif exchange.status in REFUSALS and _is_refused_again(base, variant):
        allowed.causes.add(_suspicion(base, variant, exchange))
    allowed.accepted += exchange.ok
    return exchange.ok


def _is_allowed(base: Base, variant: Variant) -> bool:
    """Whether the whole body still keeps to the contract: one thing may be allowed only beside another."""
    sent = changed(base.step, variant.place, variant.value)
    as_json = variant.place.location == "body" and not isinstance(sent.body, Text)
    return not as_json or base.target.contract.allows(base.operation, sent.media_type, sent.body)


def _is_refused_again(base: Base, variant: Variant) -> bool:
    """Whether the unchanged request is accepted and the variant is refused for itself, once more."""
    if not base.is_accepted():
        return False
    second = base.send(variant.place, variant.value)
    if second is None or second.status not in REFUSALS or _blames_another(base, variant.place, second):
        return False
    return base.is_accepted()


def _blames_another(base: Base, place: Place, refusal: Exchange) -> bool:
    """Whether a refusal names other properties and not this one: then a rule between properties may be behind it."""
    text = bare(refusal.response.body.decode("utf-8", "replace")) if refusal.response else ""
    if bare(place.name) in text:
        return False
    places = places_of(base.target.contract, base.operation, base.step.media_type)
    return any(len(other.name) > 3 and bare(other.name) in text for other in places)


def _suspicion(base: Base, variant: Variant, exchange: Exchange) -> Suspicion:
    place = variant.place
    return Suspicion(
        rule="allowed-input-refused",
        requirements=("CON-API-11",),
        title="Input that the contract allows is refused",
        expected=f"A success: {place.label} {variant.how}, and nothing else differs from a request that is accepted.",
        actual=f"{exchange.status}, twice, with the unchanged request accepted in between.",
        exchanges=(*base.lead, exchange),
        expectation=Expectation(never=("400", "422")),
        where=f"{base.operation.label}, {place.label}",
        cause=f"{place.location} {'.'.join(place.path)} {variant.kind}",
        advice="Accept it, or say in the contract what is asked for.",
        again=lambda: _is_refused_again(base, variant),
    )
