"""
Records in memory, each of one organisation, in the order in which they were added; and cursors through them.
"""

from __future__ import annotations

import base64
import itertools
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from joinedup.mocks.messages import Refusal

Record = dict[str, Any]

# The organisation of a caller that no one asked who it is: only a fault lets such a caller in.
ANYONE = "*"

# The bits of a UUID that say that it is random (RFC 9562, 5.4): version 4, variant 10.
_FIXED, _VERSION_4 = 0xF << 76 | 0x3 << 62, 0x4 << 76 | 0x2 << 62


@dataclass(slots=True)
class Kept:
    """
    A record with the organisation that it belongs to and its place in the order.

    Args:
        correlation_id: of the piece of work by which it came; empty where none was named.
    """

    organisation: str
    sequence: int
    record: Record
    correlation_id: str = ""


class Records:
    """
    Records of one kind by id.

    Args:
        most: of more than so many the oldest are forgotten.
    """

    def __init__(self, most: int = sys.maxsize) -> None:
        self._by_id: dict[str, Kept] = {}
        # The same by piece of work, because a load asks for its own among many thousands.
        self._by_work: dict[str, dict[str, Kept]] = {}
        self._sequence, self._most = 0, most

    def add(self, identifier: str, organisation: str, record: Record, correlation_id: str = "") -> None:
        """Keep a new record."""
        self._sequence += 1
        self._keep(identifier, Kept(organisation, self._sequence, record, correlation_id))
        if len(self._by_id) > self._most:
            self._forget(next(iter(self._by_id)))

    def _keep(self, identifier: str, kept: Kept) -> None:
        self._by_id[identifier] = kept
        if kept.correlation_id:
            self._by_work.setdefault(kept.correlation_id, {})[identifier] = kept

    def find(self, identifier: str, organisation: str) -> Record:
        """
        The record, if it belongs to that organisation.

        Raises:
            Refusal: with status 404; one of another organisation does not differ from one that is not there.
        """
        # Ids are UUIDs, which may be written in capitals (RFC 9562, 4).
        kept = self._by_id.get(identifier.lower())
        if kept is None or organisation not in (kept.organisation, ANYONE):
            raise Refusal(404, "There is no such object for this caller.")
        return kept.record

    def replace(self, identifier: str, record: Record) -> None:
        """Put a new version in place of a record; the old one stays as it was, for answers that show it."""
        self._by_id[identifier.lower()].record = record

    def remove(self, identifier: str) -> None:
        """Forget a record."""
        self._forget(identifier.lower())

    def _forget(self, identifier: str) -> None:
        kept = self._by_id.pop(identifier, None)
        if kept is not None and kept.correlation_id:
            same_work = self._by_work[kept.correlation_id]
            del same_work[identifier]
            if not same_work:
                del self._by_work[kept.correlation_id]

    def of(self, organisation: str) -> Iterator[Kept]:
        """An organisation's records, oldest first."""
        return (kept for kept in self._by_id.values() if kept.organisation == organisation)

    def where(self, chosen: Callable[[Record], bool]) -> Records:
        """Those records of which something is true, each in its place in the order."""
        return _view((id, kept) for id, kept in self._by_id.items() if chosen(kept.record))

    def of_work(self, correlation_id: str | None) -> Records:
        """Those that came by a piece of work, each in its place in the order; all, where none is named."""
        if correlation_id is None:
            return self
        return _view(self._by_work.get(correlation_id, {}).items())

    def __contains__(self, identifier: str) -> bool:
        return identifier.lower() in self._by_id

    def __iter__(self) -> Iterator[Kept]:
        return iter(self._by_id.values())


def _view(kept: Iterable[tuple[str, Kept]]) -> Records:
    view = Records()
    for identifier, each in kept:
        view._keep(identifier, each)
    return view


@dataclass(frozen=True)
class Page:
    """Part of a list, and the cursor of the next part; None after the last."""

    records: tuple[Record, ...]
    next: str | None


def page(records: Records, organisation: str, limit: int, cursor: str | None, *, step: int = 0) -> Page:
    """
    The next ``limit`` records after a cursor. What is added meanwhile comes last, so nothing is lost or doubled.

    Args:
        step: how far the next page starts from where it should; only a fault has one other than 0.

    Raises:
        Refusal: with status 400, the cursor is not one that was given out.
    """
    after = read_cursor(cursor) if cursor is not None else 0
    rest = (kept for kept in records.of(organisation) if kept.sequence > after)
    shown = list(itertools.islice(rest, limit))
    more = next(rest, None) is not None
    return Page(tuple(k.record for k in shown), write_cursor(shown[-1].sequence + step) if more else None)


def write_cursor(sequence: int) -> str:
    """A cursor that means nothing to a caller."""
    return base64.urlsafe_b64encode(f"after {sequence}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> int:
    """The place that a cursor stands for. Raises a refusal with status 400."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        word, _, number = text.partition(" ")
        if word == "after" and number.isdecimal() and write_cursor(int(number)) == cursor:
            return int(number)
    except ValueError:
        pass
    raise Refusal(400, "The cursor is not one that this service gave out.")


def new_id(source: random.Random) -> str:
    """A UUID from a seeded source, so that a run can be repeated."""
    bits = source.getrandbits(128) & ~_FIXED | _VERSION_4
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
