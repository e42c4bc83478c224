"""
What an agency answers for when it shares: whether it may, what it disclosed or refused, and what it would send on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Call
from joinedup.mocks.messages import FieldError, Refusal
from joinedup.mocks.store import Record

PURPOSE, BASIS, CORRELATION = "Sharing-Purpose", "Lawful-Basis", "X-Correlation-ID"
# The query parameter that asks for what came by one piece of work alone.
WORK = "correlationId"
# Sums with durations stay within what a datetime holds.
FIRST_YEAR, LAST_YEAR = 1900, 2200
MOST_UNCLAIMED = 200
MOST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One line of the audit: who asked, for what, on what basis, and whether it was disclosed or refused."""

    at: str
    organisation: str
    client_id: str
    operation: str
    purpose: str
    basis: str
    about: str
    outcome: str
    correlation_id: str = ""


@dataclass(frozen=True)
class Message:
    """
    What the agency would send to another: to whom, as what, with which content.

    Args:
        to: code of an organisation, or name of a system of the sender's own area.
        area: of whoever gave rise to it.
        purpose: of the call that gave rise to it; empty where that stated none.
        basis: its lawful basis, likewise.
    """

    to: str
    kind: str
    body: Record
    at: str
    area: str = ""
    purpose: str = ""
    basis: str = ""
    correlation_id: str = ""


@dataclass
class Ledger:
    """
    The audit of an agency, to which lines are only added, and the messages that wait to be sent.

    ``disclosures`` has the last 10,000 lines of ``noted``, because agencies are served for days. ``told`` has, by the
    id of a child, to whom messages about it went, so that corrections can follow them; ``places`` has, by the id of a
    record of the agency's own, where a recipient keeps what it made of a message about it. The first ``unclaimed``
    messages of the outbox are those that nobody took in.
    """

    disclosures: deque[Disclosure] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    noted: int = 0
    outbox: list[Message] = field(default_factory=list)
    told: dict[str, set[str]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    unclaimed: int = 0

    def note(self, call: Call[Any], about: str, outcome: str = "disclosed") -> None:
        """Add a line about this call; ``about`` is the opaque id of what was asked for, or empty."""
        self.noted += 1
        self.disclosures.append(
            Disclosure(
                stamp(call.now),
                call.caller.organisation,
                call.caller.client_id,
                call.operation.id,
                call.parameter(PURPOSE, ""),
                call.parameter(BASIS, ""),
                about,
                outcome,
                call.parameter(CORRELATION, ""),
            )
        )

    def refuse(self, call: Call[Any], refusal: Refusal, about: str = "") -> Refusal:
        """Note a refusal and give it back to be raised."""
        self.note(call, about, "refused")
        return refusal

    def require_purpose(self, call: Call[Any], purposes: Collection[str]) -> None:
        """
        Share only for the purposes given.

        Raises:
            Refusal: with status 403; it is noted.
        """
        if call.parameter(PURPOSE) not in purposes:
            detail = "The purpose is not one that this agency shares for."
            errors = (FieldError(f"/header/{PURPOSE}", "purpose", detail),)
            raise self.refuse(
                call, Refusal(403, "This agency does not share for that purpose.", errors=errors)
            )

    def send(self, call: Call[Any], to: str, kind: str, body: Record) -> None:
        """Leave a message for another, with the context of the call that gave rise to it."""
        child = body.get("child")
        if isinstance(child, dict) and "childId" in child:
            self.told.setdefault(child["childId"], set()).add(to)
        context = (call.parameter(name, "") for name in (PURPOSE, BASIS, CORRELATION))
        self.outbox.append(Message(to, kind, body, stamp(call.now), call.caller.area, *context))

    def take(self) -> list[Message]:
        """The messages that were left since the last time, which are no longer in the outbox."""
        new = self.outbox[self.unclaimed :]
        del self.outbox[self.unclaimed :]
        return new

    def leave(self, message: Message) -> None:
        """Keep a message that nobody took in; of many the latest."""
        self.outbox.append(message)
        del self.outbox[:-MOST_UNCLAIMED]
        self.unclaimed = len(self.outbox)


def moment(text: str, pointer: str) -> datetime:
    """
    A date-time that was sent, in UTC.

    Args:
        pointer: to the property, for the refusal.

    Raises:
        Refusal: with status 422, the year is not one that this service reckons with.
    """
    # A leap second is one in RFC 3339 and none in Python.
    plain = text.upper().replace(":60", ":59")
    try:
        found = datetime.fromisoformat(plain).astimezone(UTC)
    except (ValueError, OverflowError):
        found = datetime.max.replace(tzinfo=UTC)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        detail = f"Times from {FIRST_YEAR} to {LAST_YEAR} are accepted."
        error = FieldError(pointer, "range", detail)
        raise Refusal(422, "A time is outside the range that the contract describes.", errors=(error,))
    return found
