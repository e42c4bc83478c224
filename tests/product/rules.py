"""
By when the product wants things done: working days of England, reckoned by itself.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from holidays import country_holidays

LONDON = ZoneInfo("Europe/London")
SATURDAY, DECEMBER = 5, 12
DECISION, ASSESSMENT, CONFERENCE, MOVE = 1, 45, 15, 15


@cache
def _closed(year: int) -> frozenset[date]:
    return frozenset(country_holidays("GB", subdiv="ENG", years=year))


def due(start: datetime, days: int, *, bank_holidays: bool = True) -> str:
    """The end, in London, of the so-manieth working day after a moment; as if there were no bank holidays, if asked."""
    day = start.astimezone(LONDON).date()
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < SATURDAY and not (bank_holidays and day in _closed(day.year))
    return stamp(datetime.combine(day + timedelta(days=1), time(), LONDON))


def stamp(moment: datetime) -> str:
    """A moment as the product writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def last_day(due_by: str) -> str:
    """The last day on which something that is due is in time."""
    last = datetime.fromisoformat(due_by).astimezone(LONDON) - timedelta(seconds=1)
    return last.date().isoformat()


def a_month_after(moment: datetime) -> str:
    """The same day of the next month, or its last day where it has no such day."""
    day = moment.astimezone(LONDON).date()
    year, month = (day.year + 1, 1) if day.month == DECEMBER else (day.year, day.month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1])).isoformat()


def years_since(day: str, moment: datetime) -> int:
    """Full years from a birthday to a moment, by the calendar in London."""
    born, today = date.fromisoformat(day), moment.astimezone(LONDON).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
