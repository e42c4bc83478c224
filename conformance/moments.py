"""
Moments: whether a date-time that is sent comes back as the same moment, in whichever offset.

The year has two hours at which a system shows that it keeps the time of a clock on the wall and not the moment: the one
that summer time skips and the one that it repeats. The control is noon on a winter's day, which does come back.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.expect import Expectation
from joinedup.conformance.fidelity import Compared, pointer_to_text, stored
from joinedup.conformance.places import Base, Place, filled, places_of, value_in

CONTROL = "01-15T12:00:00Z"


@dataclass(frozen=True)
class Moment:
    """A moment as it is sent, what is special about it, and the fault that would change it."""

    text: str
    special: str
    cause: str


def moments_of(year: int) -> tuple[Moment, ...]:
    """The moments of a year that a clock on a British wall does not tell apart, or that lie an hour off it."""
    spring, autumn = _last_sunday(year, 3), _last_sunday(year, 10)
    return (
        Moment(f"{year}-07-01T12:00:00+01:00", "British Summer Time", "an offset is lost"),
        Moment(f"{year}-07-01T12:00:00Z", "a summer's day in universal time", "an offset is lost"),
        Moment(f"{spring}T01:30:00Z", "the hour that summer time skips", "the hour that summer time skips"),
        Moment(
            f"{autumn}T00:30:00Z", "the hour that summer time repeats", "the hour that summer time repeats"
        ),
        Moment(f"{autumn}T01:30:00Z", "the same hour, repeated", "the hour that summer time repeats"),
    )


def _last_sunday(year: int, month: int) -> datetime.date:
    """When the clocks change in Great Britain (Summer Time Act 1972 as amended in 2002): at 01:00 universal time."""
    last = datetime.date(year, month, 31)
    return last - datetime.timedelta(days=(last.weekday() + 1) % 7)


def judge(base: Base, compared: Compared) -> None:
    """Send moments to each date-time of an operation, one after the other, and see which come back."""
    base = filled(base.target, base)
    for place in _date_times(base):
        held = value_in(base.step, place)
        year = int(held[:4]) if isinstance(held, str) and held[:4].isdecimal() else 2026
        if _comes_back(base, place, f"{year}-{CONTROL}") is not True:
            compared.unread.append(base.operation.label)
            continue
        for moment in moments_of(year):
            if (suspicion := _changed(base, place, moment)) is not None:
                compared.causes.add(suspicion)
                break
        else:
            compared.kept += 1


def _date_times(base: Base) -> Iterator[Place]:
    for place in places_of(base.target.contract, base.operation, base.step.media_type):
        if (
            place.location == "body"
            and place.schema.get("format") == "date-time"
            and "pattern" not in place.schema
        ):
            yield place


def _comes_back(base: Base, place: Place, text: str) -> bool | None:
    """Whether a moment comes back as it was; None where it is refused, or what comes back is no moment."""
    held = stored(base, [place], text)
    came = instant(held[1][0][1]) if held is not None and held[1] else None
    return None if came is None else came == instant(text)


def instant(text: object) -> datetime.datetime | None:
    """A date-time with an offset as a moment; None for anything else."""
    try:
        moment = (
            datetime.datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
            if isinstance(text, str)
            else None
        )
    except ValueError:
        return None
    return moment.astimezone(datetime.UTC) if moment is not None and moment.tzinfo is not None else None


def _changed(base: Base, place: Place, moment: Moment) -> Suspicion | None:
    held = stored(base, [place], moment.text)
    came = instant(held[1][0][1]) if held is not None and held[1] else None
    sent = instant(moment.text)
    if held is None or came is None or sent is None or came == sent:
        return None
    exchanges = held[0]
    minutes = round((came - sent).total_seconds() / 60)
    return Suspicion(
        rule="moment-not-kept",
        requirements=("CON-API-09",),
        title="A date-time does not come back as the moment that was sent",
        expected=f"The moment {moment.text} in {place.label}, in whichever offset: it lies in {moment.special}.",
        actual=f"{exchanges[-1].status} with a moment that is {abs(minutes)} minutes {'later' if minutes > 0 else 'earlier'}.",
        exchanges=exchanges,
        expectation=Expectation(text_at=(pointer_to_text(exchanges[-1].json(), place.name), _written(sent))),
        where=f"{base.operation.label}, {place.label}",
        operations=(base.operation.label,),
        cause=moment.cause,
        advice="Keep the moment with its offset or in universal time, and not the time of a clock on the wall.",
        again=lambda: _comes_back(base, place, moment.text) is False,
    )


def _written(moment: datetime.datetime) -> str:
    """A pattern for the ways in which a moment may be written: in universal time or in British Summer Time."""
    summer = moment.astimezone(datetime.timezone(datetime.timedelta(hours=1)))
    fraction, shape = r"(\.0+)?", "%Y-%m-%dT%H:%M:%S"
    return f"{moment.strftime(shape)}{fraction}(Z|[+-]00:00)|{summer.strftime(shape)}{fraction}\\+01:00"
