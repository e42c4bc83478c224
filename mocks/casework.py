"""
What agencies that keep casework have in common: records of the caller's own, and an account of what becomes of them.

The purpose of a sharing decides what is answered and whether. Disclosures and an agency's own refusals are noted in
its ledger by opaque ids only.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, TypeVar

from joinedup.mocks.calendar import CalendarError
from joinedup.mocks.engine import Call
from joinedup.mocks.messages import Answer, FieldError, Refusal
from joinedup.mocks.sharing import CORRELATION, PURPOSE, WORK, Ledger
from joinedup.mocks.store import ANYONE, Record, Records, new_id, page

DEFAULT_LIMIT = 20
MOST_MATCHES = 20

SAFEGUARDING, CHILD_PROTECTION = "SAFEGUARDING", "CHILD_PROTECTION"
LEAVING_CARE = "LEAVING_CARE"
EDUCATION_MONITORING, EARLY_HELP, CRIME_PREVENTION = "EDUCATION_MONITORING", "EARLY_HELP", "CRIME_PREVENTION"
PROTECTIVE = frozenset({SAFEGUARDING, CHILD_PROTECTION})
EDUCATIONAL = PROTECTIVE | {EDUCATION_MONITORING}
SUPPORTIVE = PROTECTIVE | {EARLY_HELP}


@dataclass
class Casework:
    """
    State that every such agency has.

    Args:
        ids: where new ids come from.
        inbox: what others told it.
        subject_access: what people asked for of their own.
    """

    apart: ClassVar[bool] = False
    """Whether each organisation has records of its own; else those who work in one area share the area's."""

    ids: random.Random
    ledger: Ledger = field(default_factory=Ledger)
    inbox: Records = field(default_factory=Records)
    subject_access: Records = field(default_factory=Records)

    def new_id(self) -> str:
        """An id that says nothing."""
        return new_id(self.ids)


Work = TypeVar("Work", bound=Casework)


def holder(call: Call[Work]) -> str:
    """Whose records the caller works with: its area's, or its own alone."""
    return call.caller.organisation if call.state.apart else call.caller.area


def purpose(call: Call[Work], allowed: Collection[str]) -> str:
    """
    Why this is asked for.

    Raises:
        Refusal: with status 403, this is not shared for that purpose; it is noted.
    """
    call.state.ledger.require_purpose(call, allowed)
    return str(call.parameters[PURPOSE])


def found(call: Call[Work], records: Records, name: str, *, anyone: bool = False) -> Record:
    """
    The caller's own record that a path parameter names; that it was asked for is noted.

    Args:
        anyone: whether it may be another organisation's; only a fault asks for that.

    Raises:
        Refusal: with status 404; it is noted.
    """
    identifier: str = call.parameters[name]
    try:
        record = records.find(identifier, ANYONE if anyone else holder(call))
    except Refusal as refusal:
        raise call.state.ledger.refuse(call, refusal, identifier.lower()) from None
    call.state.ledger.note(call, identifier.lower())
    return record


def within(call: Call[Work], records: Records, name: str, parent: str) -> Answer:
    """
    A record that belongs to the object that the path names before it.

    Raises:
        Refusal: with status 404, it belongs to another, or there is none.
    """
    record = found(call, records, name)
    if record[parent] != call.parameters[parent].lower():
        raise Refusal(404, "There is no such object for this caller.")
    return Answer(200, record)


def own(call: Call[Work], records: Records, name: str) -> Record:
    """
    The caller's own record that a property of the body names.

    Raises:
        Refusal: with status 422; one of another organisation does not differ from one that is not there.
    """
    identifier: str = call.body[name]
    try:
        return records.find(identifier, holder(call))
    except Refusal:
        error = FieldError(f"/{name}", "unknown", "There is no such object for this caller.")
        refusal = Refusal(422, "The body refers to something that is not there.", errors=(error,))
        raise call.state.ledger.refuse(call, refusal, identifier.lower()) from None


def comparable(text: str) -> str:
    """A text as it is compared in a search: letter case and spaces around it do not count."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def part(record: Record, names: Collection[str]) -> Record:
    """Those of the properties that the record has."""
    return {name: record[name] for name in names if name in record}


def tagged(record: Record, shown: Record | None = None) -> Answer:
    """The record, or what is shown of it, with its version as an ETag."""
    return Answer(200, record if shown is None else shown, (("ETag", f'"{record["version"]}"'),))


def filed(call: Call[Work], records: Records, address: str, identifier: str, record: Record) -> Answer:
    """Keep a new record as the caller's, and answer with it and where it is."""
    records.add(identifier, holder(call), record, call.parameter(CORRELATION, ""))
    headers: tuple[tuple[str, str], ...] = (("Location", f"{address}/{identifier}"),)
    if "version" in record:
        headers += (("ETag", f'"{record["version"]}"'),)
    return Answer(201, record, headers)


def listed(call: Call[Work], records: Records, names: Collection[str], *, step: int = 0) -> Answer:
    """One page of the caller's records, of each only those properties; ``step`` is a fault's."""
    limit = call.parameter("limit", DEFAULT_LIMIT)
    chosen = records.of_work(call.parameter(WORK))
    one = page(chosen, holder(call), limit, call.parameter("cursor"), step=step)
    return Answer(200, {"items": [part(record, names) for record in one.records], "next": one.next})


def refuse_stale(call: Call[Work], record: Record) -> None:
    """
    See that a change is made on the latest version.

    Raises:
        Refusal: with status 412.
    """
    if call.parameters["If-Match"] != f'"{record["version"]}"':
        raise Refusal(412, "The object has changed since; read it again.")


def changed(record: Record, **properties: Any) -> Record:
    """The next version of a record; the old one stays as it was, for answers that show it."""
    return {**record, **properties, "version": record["version"] + 1}


def day_of(text: str) -> date:
    """A date that was sent; the first there is, where it lies before all that can be reckoned with."""
    try:
        return date.fromisoformat(text)
    except ValueError:  # the year 0000, which RFC 3339 has
        return date.min


def days_after(day: date, count: int, add: Callable[[date, int], date]) -> str:
    """
    The date so many days of a kind after a day.

    Args:
        add: counts them; where its calendar ends, every week counts five.
    """
    try:
        return add(day, count).isoformat()
    except (CalendarError, OverflowError):
        return date.fromordinal(min(day.toordinal() + count * 7 // 5, date.max.toordinal())).isoformat()


def age_on(born: str, day: date) -> int:
    """Years of age on a day."""
    birth = day_of(born)
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
