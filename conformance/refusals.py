"""
Refusals: the usual ways to be refused, each provoked once for an operation, so that what refusals say can be judged.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange, Step, Text
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import plain as bare
from joinedup.conformance.harvest import CONDITION, RISKY
from joinedup.conformance.near_misses import is_judged_elsewhere
from joinedup.conformance.personal_data import is_personal_name
from joinedup.conformance.places import Base, Place, base_of, caller, places_of
from joinedup.conformance.samples import type_of
from joinedup.conformance.target import Target

MOST_PLACES = 6
MARKER = "zq81kx"
"""Part of every value that is sent to be refused: nothing else that is sent or answered has it by chance."""
INVALID = ("400", "422")


@dataclass(frozen=True)
class Refused:
    """A refusal of one value: what was called, where the value stood, the value, and the answer."""

    base: Base
    place: Place
    value: str
    exchange: Exchange

    @property
    def is_personal(self) -> bool:
        """Whether the value by its name is one of a person: a variable has a name too."""
        return is_personal_name(bare(self.place.name), self.base.operation)


def refused_values(target: Target) -> Iterator[Refused]:
    """Values that the contract rules out, each refused for itself with 400 or 422; those of people first."""
    for operation in target.operations:
        if operation.method == "DELETE" or (operation.method != "GET" and RISKY.search(operation.path)):
            continue
        wrong = list(_wrong_values(target, operation.label))
        base = base_of(target, operation) if wrong else None
        for place, value in wrong[:MOST_PLACES] if base else ():
            exchange = base.send(place, value) if base else None
            if base and exchange is not None and str(exchange.status) in INVALID:
                yield Refused(base, place, value, exchange)


def _wrong_values(target: Target, label: str) -> Iterator[tuple[Place, str]]:
    """Places whose value the contract restricts, each with a telling value that breaks the restriction."""
    operation = target.contract.operation(label)
    good = target.good.get((label, caller(target)))
    if operation is None or good is None:
        return
    found = [
        (place, value)
        for place in places_of(target.contract, operation, good.step.media_type)
        if place.location in ("query", "body") and place.path and not is_judged_elsewhere(place)
        if (value := telling_value(place))
    ]
    yield from sorted(found, key=lambda pair: not is_personal_name(bare(pair[0].name)))


def telling_value(place: Place) -> str:
    """A value that a place does not allow and that can be found again in an answer; empty where none can be made."""
    schema = place.schema
    if {"oneOf", "anyOf"} & schema.keys():
        return ""
    if type_of(schema) in ("integer", "number", "boolean"):
        return f"{MARKER}-or-so"
    if type_of(schema) != "string":
        return ""
    if schema.get("format") in ("date", "date-time", "uuid", "email") or {"enum", "pattern"} & schema.keys():
        return f"{MARKER}-or-so"
    most = schema.get("maxLength")
    return (
        (MARKER * (most // len(MARKER) + 1))[: most + 1]
        if isinstance(most, int) and 6 < most <= 5_000
        else ""
    )


def provoke(target: Target) -> None:
    """
    See that each operation was refused in the usual ways: no credential, a body that cannot be read, an unknown object.

    What was answered before is not asked for again; the answers are kept in ``target.first``.
    """
    for operation in target.operations:
        good = target.good.get((operation.label, caller(target)))
        if good is None or operation.method == "DELETE":
            continue
        step, label = good.step, operation.label
        if (401, label) not in target.first and not operation.public:
            target.client.send(replace(step, identity=None))
        if operation.method == "GET" and step.path_parameters and (404, label) not in target.first:
            target.client.send(replace(step, path_parameters=_unknown(step.path_parameters)))
        if isinstance(step.body, dict) and not RISKY.search(operation.path):
            target.client.send(replace(step, body=Text("{")))
    if (404, "") not in target.first:
        target.client.send(Step("GET", "/joinedup-nowhere", identity=caller(target)))


def _unknown(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The same parameters with a last one that nothing has."""
    return {**parameters, list(parameters)[-1]: str(uuid.UUID(int=0, version=4))}


# --- what is wrong with what a refusal says


def repeats(refused: Refused) -> bool:
    """Whether a refusal repeats what was sent, in its body or in a header."""
    response = refused.exchange.response
    if response is None:
        return False
    return MARKER.encode() in response.body or any(MARKER in value for value in response.headers.values())


def echo_suspicion(refused: Refused) -> Suspicion:
    """A refusal that repeats the value that was sent."""
    place, exchange = refused.place, refused.exchange
    return Suspicion(
        rule="refusal-repeats-the-value",
        requirements=("ERR-02", "PRV-04") if refused.is_personal else ("ERR-02",),
        title="A refusal repeats the value that was sent",
        expected=f"A refusal that names {place.label} and says nothing of the value that stood there.",
        actual=f"{exchange.status} with the value in it.",
        exchanges=(*refused.base.lead, exchange),
        expectation=Expectation(without=MARKER),
        where=f"{refused.base.operation.label}, {place.label}",
        cause="value repeated" + (" personal" if refused.is_personal else ""),
        again=lambda: _repeated_again(refused),
    )


def _repeated_again(refused: Refused) -> bool:
    second = refused.base.send(refused.place, refused.value)
    return second is not None and repeats(replace(refused, exchange=second))


def nameless_suspicion(refused: Refused) -> Suspicion | None:
    """A refusal that does not say which field it is about; None where it does, also in words of its own."""
    exchange, place = refused.exchange, refused.place
    if _names(exchange, place):
        return None
    spaced = r"[^a-z0-9]*".join(re.escape(letter) for letter in bare(place.name))
    return Suspicion(
        rule="refusal-names-no-field",
        requirements=("ERR-02",),
        title="A refusal does not name the field at fault",
        expected=f"A refusal that names {place.label}.",
        actual=f"{exchange.status} without that name anywhere in the answer.",
        exchanges=(*refused.base.lead, exchange),
        expectation=Expectation(unlike=rf"(?is)\A(?!.*{spaced})"),
        where=f"{refused.base.operation.label}, {place.label}",
        cause="field not named",
        again=lambda: _nameless_again(refused),
    )


def _names(exchange: Exchange, place: Place) -> bool:
    text = exchange.response.body.decode("utf-8", "replace") if exchange.response else ""
    return bare(place.name) in bare(text)


def _nameless_again(refused: Refused) -> bool:
    second = refused.base.send(refused.place, refused.value)
    return second is not None and str(second.status) in INVALID and not _names(second, refused.place)


# --- what is stored


def stale_suspicions(base: Base) -> Iterator[Suspicion | None]:
    """
    What the refusal of a stale change says of the object: None where it says nothing, a suspicion where it names a person.

    The object is read with the same credential, so its values are known; nothing is changed.
    """
    reading = base.lead[-1] if base.lead else None
    condition = next((name for name in base.step.headers if name.lower() in CONDITION), None)
    tag = base.step.headers.get(condition, "") if condition else ""
    if reading is None or condition is None or not re.search(r"[0-9A-Za-z]", tag.removeprefix("W/")):
        return
    # The tag of the accepted request is stale by now, unless it tells contents and not versions.
    other = replace(base.step, headers={**base.step.headers, condition: _another(tag)})
    sent = (base.target.client.send(step) for step in (base.step, other))
    exchange = next((e for e in sent if e.status in (409, 412)), None)
    if exchange is None:
        return
    values = [value for value in personal_values(reading.json()) if _says(exchange, value)]
    yield _stored_suspicion(base, reading, exchange, values[0]) if values else None


def _another(tag: str) -> str:
    """A tag of the same form that is not the present one."""
    last = next(place for place in range(len(tag) - 1, -1, -1) if tag[place].isalnum())
    return tag[:last] + ("1" if tag[last] != "1" else "2") + tag[last + 1 :]


def personal_values(value: Any) -> Iterator[str]:
    """Every text of an answer that by its name is personal, long enough not to stand elsewhere by chance."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, str) and len(inner) > 2 and is_personal_name(bare(name)):
                yield inner
            else:
                yield from personal_values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from personal_values(inner)


def _says(exchange: Exchange, value: str) -> bool:
    text = exchange.response.body.decode("utf-8", "replace") if exchange.response else ""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


def _stored_suspicion(base: Base, reading: Exchange, exchange: Exchange, value: str) -> Suspicion:
    shown = base.target.redactor.is_shown(value)
    return Suspicion(
        rule="refusal-shows-the-record",
        requirements=("PRV-04",),
        title="A refusal shows personal data that is stored",
        expected="A refusal that says what is wrong with the request, and nothing of the person.",
        actual=f"{exchange.status} with a value of the object in it that by its name is personal.",
        exchanges=(reading, exchange),
        # What the system said may not be printed; then the steps show the fault to whoever looks at the answer.
        expectation=Expectation(without=value if shown else ""),
        cause="stored value",
        again=lambda: _says(base.target.client.send(exchange.step), value),
    )
