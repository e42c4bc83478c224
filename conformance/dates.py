"""
Dates in answers: written as RFC 3339 has them, a date-time with Z or an offset, so that nobody can misread them.

No near miss lies in the hour that summer time skips, and none is sent. A ``date-time`` has an offset (RFC 3339, 5.6),
and with one every hour of every day is a moment: 2026-03-29T01:30:00Z is 02:30 on a British wall, and 01:30+01:00 that
night is half past midnight universal time, whatever the wall said. A ``date-time-local`` (OpenAPI's registry of
formats) has no zone, so that nothing says that an hour is skipped. Only a local time beside a zone such as
Europe/London can name an hour that was not, and even there nothing rules it out: RFC 5545 (3.3.5) has such a time read
with the offset before the gap, as PostgreSQL and java.time do. To refuse it is allowed, to take it is too. What a system
must do with those hours is to keep the moment: see ``moments``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.contract import Contract
from joinedup.conformance.disclosure import schema_of_answer
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.inside import flattened
from joinedup.conformance.operations import Operation

DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
DATE_TIME = DATE + r"[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
_LOCAL = re.compile(DATE + r"[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?")
_FOREIGN = re.compile(r"[0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{4}([ T].*)?")
_NAMED_AS_DATE = re.compile(r"date|dob|birth|(?<![a-z])at$|At$|time|_at$|_on$|On$", re.IGNORECASE)
MOST_ITEMS = 5


@dataclass(frozen=True)
class Seen:
    """A date that was answered: where, its name, the value, and what it should look like; empty where it is right."""

    pointer: str
    name: str
    expected: str


def dates_in(contract: Contract, operation: Operation, exchange: Exchange) -> Iterator[Seen]:
    """Every date and date-time of an answer, by its declared format or, where none is declared, by its looks."""
    yield from _dates(contract, schema_of_answer(contract, operation, exchange), exchange.json(), "", "")


def _dates(
    contract: Contract, schema: Mapping[str, Any], value: Any, pointer: str, name: str
) -> Iterator[Seen]:
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        for key, inner in value.items():
            node = flattened(contract, properties.get(key))
            here = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            yield from _dates(contract, node, inner, here, key)
    elif isinstance(value, list):
        items = flattened(contract, schema.get("items"))
        for index, inner in enumerate(value[:MOST_ITEMS]):
            yield from _dates(contract, items, inner, f"{pointer}/{index}", name)
    elif isinstance(value, str) and (judged := _judged(schema.get("format"), value, name)) is not None:
        yield Seen(pointer, name, judged)


def _judged(declared: object, value: str, name: str) -> str | None:
    """What a text should look like, empty where it does, None where it is no date."""
    if declared in ("date", "date-time"):
        wanted = DATE if declared == "date" else DATE_TIME
        return "" if re.fullmatch(wanted, value) else wanted
    if re.fullmatch(DATE_TIME, value) or re.fullmatch(DATE, value):
        return ""
    if _LOCAL.fullmatch(value):
        return DATE_TIME
    return DATE if _FOREIGN.fullmatch(value) and _NAMED_AS_DATE.search(name) else None


def date_suspicion(exchange: Exchange, seen: Seen, also: Iterable[str] = ()) -> Suspicion:
    """A date that is not written as it should be, and the names of others that are not."""
    is_date = seen.expected == DATE
    wanted = (
        "a date such as 2017-08-09"
        if is_date
        else "a date-time with Z or an offset, such as 2017-08-09T13:58:07Z"
    )
    more = sorted(set(also) - {seen.name})
    others = f", and so in {', '.join(more)}" if more else ""
    return Suspicion(
        rule="date-not-as-it-should-be",
        requirements=("CON-API-09",),
        title="A date or date-time is not written so that nobody can misread it",
        expected=f"In {seen.name}, {wanted}.",
        actual=f"{exchange.status} with a text there that is written otherwise{others}.",
        exchanges=(exchange,),
        expectation=Expectation(text_at=(seen.pointer, seen.expected)),
        cause="date" if is_date else "date-time",
    )
