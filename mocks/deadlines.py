"""
How soon something has to be done: named rules, each with what starts it and where it comes from.

A rule counts from the day on which something happened, which is not counted itself, and ends with the last moment of
its last day in London; one in hours or minutes counts from the moment. Where a rule has no number in law or guidance
("without delay"), none is made up: it is due at once, and whoever judges it states their own threshold.
"""

from __future__ import annotations

import calendar as months
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from joinedup.mocks.calendar import ANY_SCHOOL, School, add_working_days, end_of_day, local_day


class Unit(StrEnum):
    """What a rule counts."""

    WORKING_DAYS = "working-days"
    SCHOOL_DAYS = "school-days"
    DAYS = "days"
    MONTHS = "months"
    HOURS = "hours"
    NEXT_SCHOOL_DAY = "next-school-day"
    AT_ONCE = "at-once"


class Basis(StrEnum):
    """
    How binding a rule is, and how sure we are of it.

    ``UNVERIFIED`` rules are widely stated but were not read in a source: a system is not failed for them alone.
    """

    LAW = "law"
    GUIDANCE = "guidance"
    COLLECTION = "collection"
    PRACTICE = "practice"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Deadline:
    """
    A rule.

    Args:
        row: of the table of journeys and timings that it belongs to, T1 to T16.
        starts: the event that the count starts with.
        amount: how many units; 0 where the unit says it all.
    """

    name: str
    row: str
    what: str
    starts: str
    amount: int
    unit: Unit
    basis: Basis
    source: str


class UnknownDeadlineError(ValueError):
    """Raised when there is no rule of that name; the message lists those that there are."""


_KCSIE = "Keeping children safe in education, the role of the local authority; Working Together to Safeguard Children"
_CIN = "DfE children in need census, validation rule"
_LAC = "DfE children looked after return (SSDA903), validation rules"
_ENCOMPASS = "Domestic Abuse Act 2021 s.49A (inserted by Victims and Prisoners Act 2024 s.20)"
_PLANNING = "Care Planning, Placement and Case Review (England) Regulations 2010"
_EXCLUSION = "School Discipline (Pupil Exclusions and Reviews) (England) Regulations 2012 (SI 2012/1033), regs 5, 14, 23"
_CPIS = "NHS England, Child Protection - Information Sharing service"
_REVIEWS = "Local safeguarding procedures on child protection conferences and reviews"
_RECEIVING = "Local safeguarding procedures on children who move between areas"


def _table() -> tuple[Deadline, ...]:
    working, days, months_, hours = Unit.WORKING_DAYS, Unit.DAYS, Unit.MONTHS, Unit.HOURS
    law, guidance, practice, unsure = Basis.LAW, Basis.GUIDANCE, Basis.PRACTICE, Basis.UNVERIFIED
    collection, at_once = Basis.COLLECTION, Unit.AT_ONCE
    rows: tuple[tuple[str, str, str, str, int, Unit, Basis, str], ...] = (
        # Referral to plan
        ("referral-acknowledgement", "T1", "The council tells the referrer that it has the referral.", "referral received", 1, working, guidance, _KCSIE),
        ("referral-decision", "T1", "The council decides on the type of response.", "referral received", 1, working, guidance, _KCSIE),
        ("assessment", "T2", "The assessment is complete.", "referral received", 45, working, collection, f"{_CIN} 8670Q"),
        ("initial-conference", "T3", "The initial child protection conference is held.", "strategy discussion that initiated the section 47 enquiry", 15, working, collection, f"{_CIN} 8675Q; local safeguarding procedures"),
        ("plan-start", "T4", "The child protection plan starts.", "initial child protection conference", 0, days, collection, f"{_CIN} 2885"),
        ("first-core-group", "T5", "The core group meets for the first time.", "initial child protection conference", 10, working, unsure, "Wales Safeguarding Procedures; not read for England"),
        ("first-plan-review", "T5", "The child protection plan is reviewed for the first time.", "initial child protection conference", 3, months_, practice, _REVIEWS),
        ("later-plan-review", "T5", "The child protection plan is reviewed again.", "last review", 6, months_, practice, _REVIEWS),
        ("transfer-in-conference", "T6", "The receiving council holds its conference.", "notification of the move", 15, working, practice, _RECEIVING),
        # Notices between agencies
        ("cp-is-access-notice", "T7", "The responsible council learns of an unscheduled query.", "unscheduled query", 0, at_once, practice, _CPIS),
        ("encompass-notice", "T8", "The police tell the school of a domestic abuse incident.", "incident attended", 0, Unit.NEXT_SCHOOL_DAY, practice, f"{_ENCOMPASS} says as soon as is reasonably practicable; the scheme's practice is before the next school day begins"),
        ("return-interview", "T9", "The return interview is carried out, unless it was declined.", "return of the child", 72, hours, guidance, "DfE, statutory guidance on children who run away or go missing from home or care (January 2014)"),
        ("suspension-notice", "T11", "The school tells parents, council, social worker and virtual school head of a suspension.", "suspension", 0, at_once, law, _EXCLUSION),
        ("public-protection-notice", "T16", "The police send a public protection notice.", "incident attended", 24, hours, unsure, "Local agreements; no national source was read"),
        # Looked-after children
        ("education-plan", "T10", "The personal education plan is initiated.", "child becomes looked after", 10, working, practice, f"{_PLANNING}, reg 5; the ten working days are council practice"),
        ("initial-health-assessment", "T12", "The initial health assessment is complete.", "child becomes looked after", 20, working, unsure, _PLANNING),
        ("first-care-review", "T12", "The care plan is reviewed for the first time.", "child becomes looked after", 20, working, unsure, _PLANNING),
        ("second-care-review", "T12", "The care plan is reviewed for the second time.", "first review", 3, months_, unsure, _PLANNING),
        ("later-care-review", "T12", "The care plan is reviewed again.", "last review", 6, months_, unsure, _PLANNING),
        ("police-protection", "T13", "Police protection ends.", "child taken into police protection", 72, hours, law, f"Children Act 1989 s.46(6); {_LAC}"),
        # Rights and records
        ("breach-notice", "T14", "The Information Commissioner is told of a personal data breach.", "controller becomes aware", 72, hours, law, "UK GDPR, Article 33(1)"),
        ("subject-access", "T14", "A subject access request is answered.", "identity proven and request clear", 1, months_, law, "UK GDPR, Article 12(3)"),
        ("pupil-file-transfer", "T15", "The common transfer file reaches the new school.", "pupil leaves", 15, Unit.SCHOOL_DAYS, unsure, "Education (Pupil Information) (England) Regulations 2005"),
    )  # fmt: skip
    return tuple(Deadline(*row) for row in rows)


DEADLINES: dict[str, Deadline] = {deadline.name: deadline for deadline in _table()}


def deadline(name: str) -> Deadline:
    """
    The rule of that name.

    Raises:
        UnknownDeadlineError: there is none.
    """
    try:
        return DEADLINES[name]
    except KeyError:
        there = ", ".join(DEADLINES)
        raise UnknownDeadlineError(f"There is no deadline named {name}; there are {there}.") from None


def due(name: str, start: datetime, school: School = ANY_SCHOOL, *, amount: int | None = None) -> datetime:
    """
    The first moment at which it is too late, in UTC.

    Args:
        start: when what starts the rule happened.
        school: whose days count, where the rule counts school days.
        amount: another number of units, where local practice differs.

    Raises:
        UnknownDeadlineError: there is no rule of that name.
        CalendarError: a day lies outside what the calendar knows.
    """
    rule = deadline(name)
    return _ENDS[rule.unit](start, rule.amount if amount is None else amount, school)


def due_day(name: str, start: datetime, school: School = ANY_SCHOOL) -> date:
    """The last day in London on which it is in time."""
    return local_day(due(name, start, school) - timedelta(microseconds=1))


def is_overdue(name: str, start: datetime, now: datetime, school: School = ANY_SCHOOL) -> bool:
    """Whether it is too late now."""
    return now >= due(name, start, school)


def add_months(day: date, count: int) -> date:
    """The same day so many months later; the last of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, months.monthrange(year, month + 1)[1]))


_ENDS: dict[Unit, Callable[[datetime, int, School], datetime]] = {
    Unit.WORKING_DAYS: lambda start, n, _: end_of_day(add_working_days(local_day(start), n)),
    Unit.SCHOOL_DAYS: lambda start, n, school: end_of_day(school.add_school_days(local_day(start), n)),
    Unit.DAYS: lambda start, n, _: end_of_day(local_day(start) + timedelta(days=n)),
    Unit.MONTHS: lambda start, n, _: end_of_day(add_months(local_day(start), n)),
    Unit.HOURS: lambda start, n, _: start + timedelta(hours=n),
    Unit.NEXT_SCHOOL_DAY: lambda start, _, school: school.next_start(start),
    Unit.AT_ONCE: lambda start, _, school: start,
}
