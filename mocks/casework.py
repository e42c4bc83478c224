"""
What agencies that keep casework have in common: why something is shared, an account of it, and what is to be sent on.

The purpose of a sharing decides what is answered and whether. Every disclosure and every refusal of an agency's own is
kept in ``audit``, by opaque ids only.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Call
from joinedup.mocks.messages import Answer, FieldError, Refusal
from joinedup.mocks.store import ANYONE, Record, Records, new_id, page

DEFAULT_LIMIT = 20
REMEMBERED = 10_000

SAFEGUARDING, CHILD_PROTECTION = "SAFEGUARDING", "CHILD_PROTECTION"
EDUCATION_MONITORING, EARLY_HELP, CRIME_PREVENTION = "EDUCATION_MONITORING", "EARLY_HELP", "CRIME_PREVENTION"
PROTECTIVE = frozenset({SAFEGUARDING, CHILD_PROTECTION})


@dataclass(frozen=True)
class Disclosure:
    """
    One time that information was asked for.

    Args:
        subject: opaque id of whom it is about; empty where none was found.
        reason: why it was refused; empty where it was disclosed.
        shown: names of the properties that were disclosed.
    """

    at: str
    operation: str
    organisation: str
    client_id: str
    subject: str
    purpose: str
    basis: str
    reason: str = ""
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Message:
    """What an agency would send to another, about whom and when it is due; ``content`` is what would be in it."""

    to: str
    kind: str
    organisation: str
    at: str
    content: Mapping[str, Any]


@dataclass
class Casework:
    """
    State that every such agency has.

    Args:
        ids: where new ids come from.
        audit: disclosures and refusals, oldest first.
        outbox: what is to be sent on, oldest first.
    """

    ids: random.Random
    audit: deque[Disclosure] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    outbox: deque[Message] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def new_id(self) -> str:
        """An id that says nothing."""
        return new_id(self.ids)


Work = TypeVar("Work", bound=Casework)


def account(call: Call[Work], subject: str, *, reason: str = "", shown: Collection[str] = ()) -> None:
    """Keep that something was asked for, and what came of it."""
    call.state.audit.append(
        Disclosure(
            at=stamp(call.now),
            operation=call.operation.id,
            organisation=call.caller.organisation,
            client_id=call.caller.client_id,
            subject=subject,
            purpose=call.parameter("Sharing-Purpose", ""),
            basis=call.parameter("Lawful-Basis", ""),
            reason=reason,
            shown=tuple(shown),
        )
    )


def purpose(call: Call[Work], allowed: Collection[str], subject: str = "") -> str:
    """
    Why this is asked for.

    Raises:
        Refusal: with status 403, this is not shared for that purpose; the refusal is accounted for.
    """
    stated: str = call.parameters["Sharing-Purpose"]
    if stated not in allowed:
        account(call, subject, reason="purpose")
        raise Refusal(
            403,
            "This is not shared for the purpose that was stated.",
            errors=(FieldError("/header/Sharing-Purpose", "purpose", "The purpose does not allow this."),),
        )
    return stated


def found(call: Call[Work], records: Records, name: str, *, anyone: bool = False) -> Record:
    """
    The caller's own record that a path parameter names.

    Args:
        anyone: whether it may be another organisation's; only a fault asks for that.

    Raises:
        Refusal: with status 404; the refusal is accounted for.
    """
    try:
        return records.find(call.parameters[name], ANYONE if anyone else call.caller.organisation)
    except Refusal:
        account(call, "", reason="not-found")
        raise


def own(call: Call[Work], records: Records, name: str) -> Record:
    """
    The caller's own record that a property of the body names.

    Raises:
        Refusal: with status 422; one of another organisation does not differ from one that is not there.
    """
    try:
        return records.find(call.body[name], call.caller.organisation)
    except Refusal:
        account(call, "", reason="not-found")
        error = FieldError(f"/{name}", "unknown", "There is no such object for this caller.")
        raise Refusal(422, "The body refers to something that is not there.", errors=(error,)) from None


def part(record: Record, names: Collection[str]) -> Record:
    """Those of the properties that the record has."""
    return {name: record[name] for name in names if name in record}


def tagged(record: Record, body: Record | None = None) -> Answer:
    """The record, or what may be shown of it, with its version as an ETag."""
    return Answer(200, record if body is None else body, (("ETag", f'"{record["version"]}"'),))


def filed(call: Call[Work], records: Records, address: str, identifier: str, record: Record) -> Answer:
    """Keep a new record as the caller's and answer where it is."""
    records.add(identifier, call.caller.organisation, record)
    return Answer(201, record, (("Location", f"{address}/{identifier}"),))


def listed(call: Call[Work], records: Records, names: Collection[str], *, step: int = 0) -> Answer:
    """One page of the caller's records, of each only those properties; ``step`` is a fault's."""
    limit = call.parameter("limit", DEFAULT_LIMIT)
    one = page(records, call.caller.organisation, limit, call.parameter("cursor"), step=step)
    return Answer(200, {"items": [part(record, names) for record in one.records], "next": one.next})


def refuse_stale(call: Call[Work], record: Record) -> None:
    """
    See that a change was made on the latest version.

    Raises:
        Refusal: with status 412.
    """
    if call.parameters["If-Match"] != f'"{record["version"]}"':
        raise Refusal(412, "The object has changed since; read it again.")


def send(call: Call[Work], to: str, kind: str, **content: Any) -> None:
    """Put something into the outbox, to be sent in the name of the caller's organisation."""
    call.state.outbox.append(Message(to, kind, call.caller.organisation, stamp(call.now), content))


def day(moment: datetime) -> str:
    """The date of a moment, as contracts have it."""
    return moment.date().isoformat()
