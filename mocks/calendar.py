"""
England's days: working days, school days, and where a day begins and ends.

Moments are aware date-times of any zone; the day that one falls on is London's, where 23:30Z in July is already
tomorrow. Days are dates. What a rule counts (45 working days, the next school day) is in ``deadlines``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
SCHOOL_STARTS = time(8, 30)
OFFICE_OPENS = time(9)
OFFICE_CLOSES = time(17)
# The same few days are counted from and ended over and over.
REMEMBERED = 4096
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


@lru_cache(REMEMBERED)
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
    from holidays import country_holidays

    found = country_holidays("GB", subdiv="ENG", years=year)
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


@lru_cache(REMEMBERED)
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


SCHOOL_DAYS_A_YEAR = 195


@dataclass(frozen=True)
class Term:
    """Half a term: an unbroken run of school weeks, both days included."""

    first: date
    last: date

    def days(self) -> tuple[date, ...]:
        """Its working days."""
        return tuple(day for day in _days(self.first, self.last) if is_working_day(day))


@cache
def school_year(year: int) -> tuple[Term, ...]:
    """
    The six half terms of the school year that begins in September of a year, as an English council might set them.

    A week off at the end of October, in the middle of February and around the spring bank holiday, two weeks at
    Christmas and around Easter; 195 days, of which a school closes five. Of no real council.
    """
    good_friday = next(day for day, name in bank_holidays(year + 1).items() if name == "Good Friday")
    october, february = _monday(date(year, 10, 23)), _monday(date(year + 1, 2, 12))
    easter, whitsun = good_friday - timedelta(days=4), _monday(date(year + 1, 5, 25))
    parts = (
        Term(_working_day_from(date(year, 9, 1)), october - 3 * ONE_DAY),
        Term(october + 7 * ONE_DAY, _friday_until(date(year, 12, 20))),
        Term(_working_day_from(date(year + 1, 1, 3)), february - 3 * ONE_DAY),
        Term(february + 7 * ONE_DAY, easter - 3 * ONE_DAY),
        Term(_working_day_from(easter + 14 * ONE_DAY), whitsun - 3 * ONE_DAY),
    )
    left = SCHOOL_DAYS_A_YEAR - sum(len(part.days()) for part in parts)
    summer = whitsun + 7 * ONE_DAY
    return (*parts, Term(summer, add_working_days(summer, left - 1)))


def _monday(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)


def _friday_until(day: date) -> date:
    return day - timedelta(days=(day.weekday() - 4) % 7)


def _working_day_from(day: date) -> date:
    return day if is_working_day(day) else next_working_day(day)


@dataclass(frozen=True)
class School:
    """
    When a school is open.

    Args:
        urn: its unique reference number, six digits.
        closed: days of every school year on which no pupil comes (INSET days), each as a half term (0 to 5) and a
            place among its days (0 the first, -1 the last).
        also_closed: days of a kind that no one plans.
    """

    urn: str
    name: str
    closed: frozenset[tuple[int, int]] = frozenset()
    also_closed: frozenset[date] = frozenset()

    def days(self, year: int) -> frozenset[date]:
        """The days on which pupils come in the school year that begins in September of a year."""
        return _school_days(self.closed, year) - self.also_closed

    def is_school_day(self, day: date) -> bool:
        """Whether pupils come on that day."""
        return day in self.days(day.year if day.month >= 9 else day.year - 1)

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


@cache
def _school_days(closed: frozenset[tuple[int, int]], year: int) -> frozenset[date]:
    parts = [part.days() for part in school_year(year)]
    shut = {parts[part][place] for part, place in closed}
    return frozenset(day for part in parts for day in part) - shut


# Synthetic schools: no school has a number that begins with 999.
SCHOOLS: dict[str, School] = {
    school.urn: school
    for school in (
        School("999001", "Example Primary School", frozenset({(0, 0), (0, 1), (1, 0), (2, 0), (5, -1)})),
        School("999002", "Sample High School", frozenset({(0, 0), (0, -1), (2, 0), (5, 0), (5, -1)})),
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
