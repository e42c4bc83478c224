"""
England's days: working days, school days, and where a day begins and ends.

Moments are aware date-times of any zone; the day that one falls on is London's, where 23:30Z in July is already
tomorrow. Days are dates. What a rule counts (45 working days, the next school day) is in ``deadlines``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
SCHOOL_STARTS = time(8, 30)
OFFICE_OPENS = time(9)
OFFICE_CLOSES = time(17)
ONE_DAY = timedelta(days=1)
SATURDAY = 5
# Longer than any holiday; a search that goes further has left the calendar.
FURTHEST_DAYS = 366

FIRST_YEAR, LAST_YEAR = 1990, 2100


class CalendarError(ValueError):
    """Raised when a day lies outside what the calendar knows; the message says what it knows."""


# Days and moments


def local_day(moment: datetime) -> date:
    """
    The day in London that a moment falls on.

    Raises:
        CalendarError: the moment has no offset, so that nobody can know.
    """
    if moment.tzinfo is None:
        raise CalendarError("A moment needs an offset from UTC; without one its day is not known.")
    return moment.astimezone(LONDON).date()


def moment_of(day: date, at: time) -> datetime:
    """That time of that day in London, in UTC."""
    return datetime.combine(day, at, LONDON).astimezone(UTC)


def start_of_day(day: date) -> datetime:
    """The first moment of a day in London, in UTC."""
    return moment_of(day, time())


def end_of_day(day: date) -> datetime:
    """
    The first moment that is no longer that day in London, in UTC.

    What is due within a day is in time before it. A day has 23 hours when summer time begins and 25 when it ends.
    """
    return start_of_day(day + ONE_DAY)


# Working days


@cache
def bank_holidays(year: int) -> Mapping[date, str]:
    """
    England's bank holidays of a year that fall on a weekday, substitutes included, by day.

    Raises:
        CalendarError: the year is not between 1990 and 2100.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise CalendarError(f"Bank holidays are known from {FIRST_YEAR} to {LAST_YEAR}, not for {year}.")
    # Imported here: half a second that most starts of the agencies need not spend.
    from holidays import UnitedKingdom

    found = UnitedKingdom(subdiv="ENG", years=year)
    return {day: name for day, name in sorted(found.items()) if day.weekday() < SATURDAY}


def is_bank_holiday(day: date) -> bool:
    """Whether a weekday is a bank holiday in England."""
    return day in bank_holidays(day.year)


def is_working_day(day: date) -> bool:
    """Whether it is neither Saturday nor Sunday nor a bank holiday in England."""
    return day.weekday() < SATURDAY and not is_bank_holiday(day)


def next_working_day(day: date) -> date:
    """The first working day after a day."""
    return _next(day, is_working_day)


def add_working_days(day: date, count: int) -> date:
    """
    The ``count``-th working day after a day; before it, where the count is negative.

    The day itself is not counted, as in time limits of English law, whatever day it is: one working day after a
    Saturday is Monday. With a count of zero the day itself is given.
    """
    return _nth(day, count, is_working_day)


def working_days_between(first: date, last: date) -> int:
    """How many working days there are after the first day up to and including the last; negative the other way."""
    if last < first:
        return -working_days_between(last, first)
    return sum(is_working_day(day) for day in _days(first + ONE_DAY, last))


def is_office_hours(moment: datetime) -> bool:
    """Whether it is a working day from 09:00 and before 17:00 in London; else the emergency duty team is on."""
    local = moment.astimezone(LONDON)
    return is_working_day(local_day(moment)) and OFFICE_OPENS <= local.time() < OFFICE_CLOSES


# School days


@dataclass(frozen=True)
class Term:
    """An unbroken run of school weeks; both days are school days unless the school closes."""

    first: date
    last: date


def _term(first: str, last: str) -> Term:
    return Term(date.fromisoformat(first), date.fromisoformat(last))


# Terms as an English council might set them: 195 days a year, of which a school closes five.
# Of no real council.
TERMS: tuple[Term, ...] = (
    *(_term("2025-09-01", "2025-10-24"), _term("2025-11-03", "2025-12-19")),
    *(_term("2026-01-05", "2026-02-13"), _term("2026-02-23", "2026-03-27")),
    *(_term("2026-04-13", "2026-05-22"), _term("2026-06-01", "2026-07-20")),
    *(_term("2026-09-01", "2026-10-23"), _term("2026-11-02", "2026-12-18")),
    *(_term("2027-01-04", "2027-02-12"), _term("2027-02-22", "2027-03-25")),
    *(_term("2027-04-12", "2027-05-28"), _term("2027-06-07", "2027-07-21")),
    *(_term("2027-09-01", "2027-10-22"), _term("2027-11-01", "2027-12-17")),
    *(_term("2028-01-04", "2028-02-11"), _term("2028-02-21", "2028-03-31")),
    *(_term("2028-04-18", "2028-05-26"), _term("2028-06-05", "2028-07-21")),
    *(_term("2028-09-04", "2028-10-20"), _term("2028-10-30", "2028-12-20")),
    *(_term("2029-01-03", "2029-02-09"), _term("2029-02-19", "2029-03-29")),
    *(_term("2029-04-16", "2029-05-25"), _term("2029-06-04", "2029-07-23")),
)


@dataclass(frozen=True)
class School:
    """
    When a school is open.

    Args:
        urn: its unique reference number, six digits.
        closed: days within the terms on which no pupil comes (INSET days).
    """

    urn: str
    name: str
    closed: frozenset[date] = frozenset()
    terms: tuple[Term, ...] = TERMS

    def is_school_day(self, day: date) -> bool:
        """
        Whether pupils come on that day.

        Raises:
            CalendarError: the day is before the first known term or after the last.
        """
        if not self.terms[0].first <= day <= self.terms[-1].last:
            known = f"{self.terms[0].first} to {self.terms[-1].last}"
            raise CalendarError(f"The terms of {self.name} are known from {known}, not for {day}.")
        within = any(term.first <= day <= term.last for term in self.terms)
        return within and day not in self.closed and is_working_day(day)

    def next_school_day(self, day: date) -> date:
        """The first school day after a day."""
        return _next(day, self.is_school_day)

    def add_school_days(self, day: date, count: int) -> date:
        """The ``count``-th school day after a day; before it, where the count is negative."""
        return _nth(day, count, self.is_school_day)

    def next_start(self, moment: datetime) -> datetime:
        """
        The next 08:30 in London after a moment on which pupils come, in UTC.

        An incident at two in the morning of a school day has to be known that same morning.
        """
        day = local_day(moment)
        if self.is_school_day(day) and moment < moment_of(day, SCHOOL_STARTS):
            return moment_of(day, SCHOOL_STARTS)
        return moment_of(self.next_school_day(day), SCHOOL_STARTS)

    def is_before_next_start(self, told: datetime, happened: datetime) -> bool:
        """Whether a school that was told then knew before the next school day after what happened began."""
        return told < self.next_start(happened)


def _closed(*days: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(day) for day in days)


# Synthetic schools: no school has a number that begins with 999.
SCHOOLS: dict[str, School] = {
    school.urn: school
    for school in (
        School(
            "999001",
            "Example Primary School",
            _closed("2026-09-01", "2026-09-02", "2026-11-02", "2027-01-04", "2027-07-21"),
        ),
        School(
            "999002",
            "Sample High School",
            _closed("2026-09-01", "2026-10-23", "2027-01-04", "2027-06-07", "2027-07-21"),
        ),
    )
}
# For a school that has said nothing about closed days.
ANY_SCHOOL = School("999999", "any school")


def school(urn: str | None) -> School:
    """The school with that number; one with the ordinary terms and no closed days, where it is not known."""
    return SCHOOLS.get(urn or "", ANY_SCHOOL)


# Counting


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _next(day: date, counts: Callable[[date], bool], step: timedelta = ONE_DAY) -> date:
    for _ in range(FURTHEST_DAYS):
        day += step
        if counts(day):
            return day
    raise CalendarError(f"There is no such day within a year of {day}.")


def _nth(day: date, count: int, counts: Callable[[date], bool]) -> date:
    step = ONE_DAY if count > 0 else -ONE_DAY
    for _ in range(abs(count)):
        day = _next(day, counts, step)
    return day
