"""England's days are those of the published table, right over weekends, substitutes, Easter and summer time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from joinedup.mocks.calendar import (
    ANY_SCHOOL,
    LONDON,
    SCHOOLS,
    CalendarError,
    School,
    add_working_days,
    bank_holidays,
    end_of_day,
    is_office_hours,
    is_working_day,
    local_day,
    moment_of,
    next_working_day,
    school,
    school_year,
    start_of_day,
    working_days_between,
)
from joinedup.mocks.deadlines import (
    DEADLINES,
    Basis,
    Unit,
    UnknownDeadlineError,
    add_months,
    due,
    due_day,
    is_overdue,
)

# England and Wales, as published at https://www.gov.uk/bank-holidays.json, by way of the offline copy in
# ministryofjustice/govuk-bank-holidays (govuk_bank_holidays/bank-holidays.json, 35fc755), read in November 2026.
PUBLISHED = {
    2026: "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    2027: "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28",
    2028: "01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26",
}


def day(text: str) -> date:
    return date.fromisoformat(text)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("year", PUBLISHED)
def test_bank_holidays_are_those_that_were_published(year: int) -> None:
    """The library and the government's own table agree, substitute days included."""
    assert [f"{d:%m-%d}" for d in bank_holidays(year)] == PUBLISHED[year].split()


@pytest.mark.parametrize("year", PUBLISHED)
def test_working_days_are_all_other_weekdays(year: int) -> None:
    """No day of the year is counted that should not be, and none is left out."""
    all_days = [day(f"{year}-01-01") + timedelta(days=n) for n in range(366)]
    holidays = {day(f"{year}-{text}") for text in PUBLISHED[year].split()}
    for each in (d for d in all_days if d.year == year):
        assert is_working_day(each) == (each.isoweekday() < 6 and each not in holidays)


@pytest.mark.parametrize(
    ("start", "count", "found"),
    [
        ("2026-11-02", 1, "2026-11-03"),
        ("2026-11-06", 1, "2026-11-09"),
        ("2026-11-07", 1, "2026-11-09"),  # a Saturday is not counted itself
        ("2026-11-08", 1, "2026-11-09"),
        ("2026-11-02", 0, "2026-11-02"),
        ("2026-04-02", 1, "2026-04-07"),  # over Easter
        ("2026-04-02", 15, "2026-04-27"),
        ("2026-12-24", 1, "2026-12-29"),  # Boxing Day on a Saturday has its substitute on Monday
        ("2026-12-24", 4, "2027-01-04"),
        ("2027-12-24", 1, "2027-12-29"),  # both Christmas days on a weekend
        ("2027-12-31", 1, "2028-01-04"),  # New Year's Day on a Saturday
        ("2026-11-02", 45, "2027-01-07"),
        ("2026-04-07", -1, "2026-04-02"),
        ("2027-01-07", -45, "2026-11-02"),
    ],
)
def test_working_days_are_added(start: str, count: int, found: str) -> None:
    """Counted by hand on the published table."""
    assert add_working_days(day(start), count) == day(found)


def test_adding_and_counting_working_days_agree() -> None:
    """From every day of a year, the n-th working day is n working days later."""
    for offset in range(365):
        first = day("2026-01-01") + timedelta(days=offset)
        for count in (1, 10, 15, 45):
            last = add_working_days(first, count)
            assert working_days_between(first, last) == count
            assert working_days_between(last, first) == -count
            assert is_working_day(last)


def test_the_next_working_day_is_after_the_day() -> None:
    """A working day is not its own next."""
    assert next_working_day(day("2026-04-02")) == day("2026-04-07")
    assert next_working_day(day("2026-04-06")) == day("2026-04-07")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-07-14T22:59:59+00:00", "2026-07-14"),
        ("2026-07-14T23:30:00+00:00", "2026-07-15"),  # summer time: tomorrow in London
        ("2026-01-14T23:30:00+00:00", "2026-01-14"),
        ("2026-03-29T00:30:00+00:00", "2026-03-29"),  # the night in which summer time begins
        ("2026-03-29T23:30:00+00:00", "2026-03-30"),
        ("2026-10-24T23:30:00+00:00", "2026-10-25"),  # the last evening of summer time
        ("2026-10-25T23:30:00+00:00", "2026-10-25"),
        ("2026-07-14T20:30:00-05:00", "2026-07-15"),
    ],
)
def test_a_day_is_londons(text: str, found: str) -> None:
    """A moment belongs to the day that a clock in London shows."""
    assert local_day(moment(text)) == day(found)


def test_a_moment_without_an_offset_has_no_day() -> None:
    """Nobody guesses a zone."""
    with pytest.raises(CalendarError, match="needs an offset"):
        local_day(datetime(2026, 7, 14, 23, 30))


@pytest.mark.parametrize(
    ("text", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-14", 24), ("2026-01-14", 24)]
)
def test_a_day_is_as_long_as_londons(text: str, hours: int) -> None:
    """A day has 23 hours when summer time begins and 25 when it ends."""
    assert end_of_day(day(text)) - start_of_day(day(text)) == timedelta(hours=hours)
    assert local_day(start_of_day(day(text))) == day(text)
    assert local_day(end_of_day(day(text))) == day(text) + timedelta(days=1)
    assert local_day(end_of_day(day(text)) - timedelta(microseconds=1)) == day(text)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("2026-07-14T07:59:59+00:00", False),
        ("2026-07-14T08:00:00+00:00", True),  # 09:00 in London
        ("2026-07-14T15:59:59+00:00", True),
        ("2026-07-14T16:00:00+00:00", False),
        ("2026-01-14T08:30:00+00:00", False),
        ("2026-01-14T09:00:00+00:00", True),
        ("2026-04-03T10:00:00+00:00", False),  # Good Friday
        ("2026-11-07T10:00:00+00:00", False),
    ],
)
def test_office_hours(text: str, inside: bool) -> None:
    """Nine to five in London on working days."""
    assert is_office_hours(moment(text)) is inside


def test_years_that_are_not_known_are_said_to_be() -> None:
    """A day outside the calendar is an error that says what is known."""
    with pytest.raises(CalendarError, match="1990 to 2100"):
        is_working_day(day("2150-03-02"))


# School days


@pytest.mark.parametrize("year", range(2020, 2046))
def test_a_school_year_has_195_days_and_ends_in_july(year: int) -> None:
    """Pupils come on 190 of them to a school that closes five; half terms are in order and hold no holiday."""
    parts = school_year(year)
    ends = [d for part in parts for d in (part.first, part.last)]
    assert ends == sorted(set(ends))
    assert sum(len(part.days()) for part in parts) == 195
    assert all(is_working_day(d) for d in ends)
    assert day(f"{year + 1}-07-10") < ends[-1] < day(f"{year + 1}-08-01")
    assert [len(found.days(year)) for found in (ANY_SCHOOL, *SCHOOLS.values())] == [195, 190, 190]


def test_the_holidays_of_a_school_year() -> None:
    """A year as it would hang on the wall."""
    found = [f"{part.first:%d %b}-{part.last:%d %b}" for part in school_year(2026)]
    assert found == [
        *("01 Sep-23 Oct", "02 Nov-18 Dec", "04 Jan-12 Feb"),
        *("22 Feb-19 Mar", "05 Apr-28 May", "07 Jun-20 Jul"),
    ]


def test_a_day_may_be_closed_for_once() -> None:
    """A burst pipe closes one school on one day."""
    shut = School("999003", "Burst Pipe School", also_closed=frozenset({day("2026-11-11")}))
    assert shut.next_school_day(day("2026-11-10")) == day("2026-11-12")
    assert ANY_SCHOOL.next_school_day(day("2026-11-10")) == day("2026-11-11")


@pytest.mark.parametrize(
    ("happened", "urn", "known_by"),
    [
        # Friday night, Monday is a closed day: Tuesday morning.
        ("2026-10-30T23:30:00+00:00", "999001", "2026-11-03T08:30:00+00:00"),
        # The same night for a school that is open on Monday.
        ("2026-10-30T23:30:00+00:00", "999002", "2026-11-02T08:30:00+00:00"),
        # At night before a school day: that same morning.
        ("2026-11-10T02:00:00+00:00", "999001", "2026-11-10T08:30:00+00:00"),
        ("2026-11-10T08:29:59+00:00", "999001", "2026-11-10T08:30:00+00:00"),
        ("2026-11-10T08:30:00+00:00", "999001", "2026-11-11T08:30:00+00:00"),
        # 23:30Z on a Sunday in summer is Monday in London, before school.
        ("2026-07-12T23:30:00+00:00", None, "2026-07-13T07:30:00+00:00"),
        # The weekend in which summer time begins: 08:30 in London is 07:30Z from Monday on, but Easter comes first.
        ("2026-03-27T23:30:00+00:00", None, "2026-04-13T07:30:00+00:00"),
        ("2027-03-19T15:00:00+00:00", None, "2027-04-05T07:30:00+00:00"),
        # The weekend in which it ends lies in the autumn half term.
        ("2026-10-23T23:30:00+00:00", "999002", "2026-11-02T08:30:00+00:00"),
        # The last afternoon of the summer term: September, after the closed days.
        ("2026-07-20T15:00:00+00:00", "999001", "2026-09-03T07:30:00+00:00"),
        ("2026-07-20T15:00:00+00:00", "999002", "2026-09-02T07:30:00+00:00"),
        # A bank holiday within the term.
        ("2026-05-01T20:00:00+00:00", None, "2026-05-05T07:30:00+00:00"),
    ],
)
def test_the_school_knows_before_its_next_day_begins(happened: str, urn: str | None, known_by: str) -> None:
    """The next 08:30 in London on which pupils come, over weekends, closed days, holidays and summer time."""
    found = school(urn).next_start(moment(happened))
    assert found == moment(known_by)
    assert found.astimezone(LONDON).time() == time(8, 30)
    just_in_time = found - timedelta(seconds=1)
    assert school(urn).is_before_next_start(just_in_time, moment(happened))
    assert not school(urn).is_before_next_start(found, moment(happened))


@pytest.mark.parametrize(
    ("happened", "known_by"),
    [
        (
            "2031-03-28T12:00:00+00:00",
            "2031-03-31T07:30:00+00:00",
        ),  # Easter is late, so the Monday is a school day
        ("2031-03-27T12:00:00+00:00", "2031-03-28T08:30:00+00:00"),
    ],
)
def test_summer_time_may_begin_between_two_school_days(happened: str, known_by: str) -> None:
    """The first Monday of summer time begins an hour earlier in UTC than the Friday before."""
    assert ANY_SCHOOL.next_start(moment(happened)) == moment(known_by)


def test_school_days_are_added() -> None:
    """Fifteen school days after a Friday in December reach into January."""
    assert ANY_SCHOOL.add_school_days(day("2026-12-04"), 15) == day("2027-01-08")
    assert ANY_SCHOOL.add_school_days(day("2027-01-08"), -15) == day("2026-12-04")


# Deadlines


def test_every_row_of_the_table_has_its_rules() -> None:
    """T1 to T16 are all there, each with a source and whole sentences."""
    assert {rule.row for rule in DEADLINES.values()} == {f"T{n}" for n in range(1, 17)}
    for rule in DEADLINES.values():
        assert rule.source
        assert rule.what.endswith(".")
        assert (rule.amount > 0) != (
            rule.unit in (Unit.AT_ONCE, Unit.NEXT_SCHOOL_DAY) or rule.name == "plan-start"
        )
        assert rule.basis in Basis


@pytest.mark.parametrize(
    ("name", "start", "last_day"),
    [
        ("referral-decision", "2026-11-02T09:30:00+00:00", "2026-11-03"),
        ("referral-decision", "2026-11-06T18:00:00+00:00", "2026-11-09"),
        ("referral-decision", "2026-07-16T23:30:00+00:00", "2026-07-20"),  # Friday already in London
        ("assessment", "2026-11-02T09:30:00+00:00", "2027-01-07"),
        ("initial-conference", "2026-04-02T15:00:00+00:00", "2026-04-27"),
        ("plan-start", "2026-04-24T10:00:00+00:00", "2026-04-24"),
        ("first-plan-review", "2026-11-30T10:00:00+00:00", "2027-02-28"),
        ("education-plan", "2026-12-18T10:00:00+00:00", "2027-01-06"),
        ("first-care-review", "2026-11-02T10:00:00+00:00", "2026-11-30"),
        ("subject-access", "2027-01-31T10:00:00+00:00", "2027-02-28"),
        ("pupil-file-transfer", "2026-12-04T15:00:00+00:00", "2027-01-08"),
    ],
)
def test_rules_in_days_end_with_their_last_day(name: str, start: str, last_day: str) -> None:
    """Due days were counted by hand."""
    assert due_day(name, moment(start)) == day(last_day)
    end = end_of_day(day(last_day))
    assert not is_overdue(name, moment(start), end - timedelta(seconds=1))
    assert is_overdue(name, moment(start), end)


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("return-interview", 72),
        ("police-protection", 72),
        ("breach-notice", 72),
        ("public-protection-notice", 24),
    ],
)
def test_rules_in_hours_do_not_know_summer_time(name: str, hours: int) -> None:
    """Seventy-two hours are as long over the change of the clocks as elsewhere."""
    start = moment("2026-03-28T12:00:00+00:00")
    assert due(name, start) - start == timedelta(hours=hours)


def test_what_is_due_without_delay_is_due_at_once() -> None:
    """No number is made up where the law has none."""
    start = moment("2026-11-10T10:00:00+00:00")
    assert due("suspension-notice", start) == due("cp-is-access-notice", start) == start


def test_an_encompass_notice_is_due_before_the_next_school_day() -> None:
    """The rule counts the days of the child's school."""
    start = moment("2026-10-30T23:30:00+00:00")
    assert due("encompass-notice", start, SCHOOLS["999001"]) == moment("2026-11-03T08:30:00+00:00")


def test_local_practice_may_have_another_number() -> None:
    """Councils that allow twenty working days for an education plan are served too."""
    start = moment("2026-11-02T10:00:00+00:00")
    assert due("education-plan", start, amount=20) == end_of_day(day("2026-11-30"))


def test_an_unknown_rule_is_named_with_those_that_there_are() -> None:
    """A mistyped name is told from a rule."""
    with pytest.raises(UnknownDeadlineError, match=r"no deadline named tea-time; .*referral-decision"):
        due("tea-time", datetime.now(UTC))


@pytest.mark.parametrize(
    ("start", "count", "found"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-06-30", 6, "2026-12-30"),
    ],
)
def test_months_end_with_their_last_day(start: str, count: int, found: str) -> None:
    """A month without such a day ends the count with its last."""
    assert add_months(day(start), count) == day(found)


def test_a_moment_of_a_day_is_given_in_utc() -> None:
    """Nine in London is eight in UTC in summer."""
    assert moment_of(day("2026-07-14"), time(9)) == moment("2026-07-14T08:00:00+00:00")
    assert moment_of(day("2026-07-14"), time(9)).tzinfo is UTC
