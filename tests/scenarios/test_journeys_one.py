"""
The journeys from a worry to protection, school, care and a change of number: each passes, and fails where it should.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from joinedup.conformance.outcomes import Outcome
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.serve import Served, served
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.journey import bundled_journeys
from joinedup.scenarios.library import Library
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import Systems, served_live, served_systems

# Journey, fault, the step that shows it, and the requirement that is not met then.
FAULTS = (
    ("referral-to-plan", "holidays-counted-as-working-days", "decision-is-due", "TIM-04"),
    ("referral-to-plan", "feedback-never-sent", "school-hears-back", "SHR-03"),
    ("referral-to-plan", "plan-starts-any-day", "plan-cannot-start-another-day", "VAL-05"),
    ("referral-to-plan", "second-plan-accepted", "second-plan-cannot-start", "VAL-06"),
    ("referral-to-plan", "disclosures-not-noted", "council-can-account-for-it", "AUD-01"),
    ("missed-deadline", "holidays-counted-as-working-days", "decision-is-due", "TIM-01"),
    ("missed-deadline", "lateness-hidden", "late-now", "TIM-01"),
    ("missed-deadline", "closed-referral-goes-on", "closed-referral-stays-closed", "VAL-08"),
    ("missed-deadline", "weekend-conference-accepted", "no-conference-on-a-saturday", "VAL-09"),
    ("emergency-department-attendance", "scheduled-query-notifies", "nobody-was-told", "CPI-02"),
    ("emergency-department-attendance", "unscheduled-query-silent", "council-was-told-once", "CPI-01"),
    ("emergency-department-attendance", "plan-kept-for-ever", "ended-plan-is-gone", "RET-01"),
    ("emergency-department-attendance", "query-shows-name", "clinic-asks", "CPI-04"),
    ("emergency-department-attendance", "nothing-held-is-404", "unknown-child", "CPI-04"),
    ("emergency-department-attendance", "history-keeps-oldest", "history-has-the-latest", "CPI-03"),
    ("partial-batch", "one-bad-record-fails-batch", "council-uploads", "ERR-03"),
    ("partial-batch", "upload-taken-twice", "council-sends-it-again", "IDM-02"),
    ("partial-batch", "inactive-number-not-told", "council-learns-of-a-replaced-number", "CPI-05"),
    ("partial-batch", "query-by-wrong-number", "wrong-number-cannot-be-asked", "IDN-01"),
    ("operation-encompass", "weekend-is-a-school-day", "next-school-morning", "TIM-06"),
    ("operation-encompass", "notice-given-up-while-away", "police-sent-it-once", "CON-02"),
    ("operation-encompass", "notice-delivered-twice", "police-sent-it-once", "CON-02"),
    ("operation-encompass", "unrelated-council-told", "police-sent-it-once", "MIN-04"),
    ("operation-encompass", "notification-repeated-counts-twice", "school-has-it", "IDM-01"),
    ("operation-encompass", "closed-days-not-known", "safeguarding-lead-reads", "TIM-06"),
    ("operation-encompass", "offender-address-sent-to-school", "safeguarding-lead-reads", "MIN-02"),
    ("operation-encompass", "adult-told-to-school", "adult-is-no-child", "LAW-04"),
    ("notice-for-siblings", "informant-shown-to-partner", "council-reads-the-notice", "RES-04"),
    ("notice-for-siblings", "confidence-always-full", "misspelt-name-is-less-sure", "ACC-01"),
    ("notice-for-siblings", "uncertain-match-linked", "second-child-may-be-two", "IDN-04"),
    ("missing-episode", "newer-notice-overtakes", "council-knows", "SHR-01"),
    ("missing-episode", "interview-due-in-working-days", "interview-is-offered", "TIM-05"),
    ("missing-episode", "interview-without-times", "child-accepts", "TIM-05"),
    ("newly-looked-after", "weekends-count-as-working-days", "ten-working-days", "TIM-07"),
    ("newly-looked-after", "legal-status-told-to-school", "school-is-not-told-why", "MIN-03"),
    ("newly-looked-after", "overdue-never-said", "plan-is-overdue", "TIM-07"),
    ("suspension", "social-worker-not-told", "school-suspends-the-pupil", "TIM-08"),
    ("suspension", "suspension-told-to-all", "school-suspends-another-pupil", "MIN-04"),
    ("move-between-councils", "incomplete-transfer-accepted", "papers-are-missing", "TRN-01"),
    ("move-between-councils", "responsibility-moves-early", "papers-are-complete", "TRN-02"),
    ("move-between-councils", "transfer-accepted-by-sender", "sender-cannot-accept", "TRN-02"),
    ("move-between-councils", "former-council-changes-record", "first-council-changes-nothing", "TRN-02"),
    ("move-between-councils", "second-council-takes-over", "too-early-for-the-list", "CPI-06"),
    ("superseded-number", "former-number-stays", "old-number-leads-to-the-same-child", "IDN-05"),
    ("superseded-number", "number-change-kept-quiet", "copy-has-the-new-number", "ACC-02"),
    ("superseded-number", "copy-left-as-it-was", "copy-has-the-new-number", "IDN-05"),
    ("superseded-number", "correction-not-passed-on", "school-is-told", "ACC-02"),
    ("superseded-number", "older-notice-overwrites", "newer-number-stays", "ACC-03"),
    ("superseded-number", "delivery-taken-in-twice", "taken-in-once", "WHK-03"),
    ("superseded-number", "wrong-signature-accepted", "forged-notice-is-refused", "WHK-01"),
    ("superseded-number", "old-delivery-accepted", "old-notice-is-refused", "WHK-02"),
)
JOURNEYS = tuple(dict.fromkeys(journey for journey, *_ in FAULTS))


@dataclass(frozen=True)
class Theatre:
    """The agencies, and the documents, which are read once."""

    agencies: Served
    library: Library
    stage: Systems

    def play(self, journey: str, **inputs: object) -> Played:
        """Play a journey."""
        return play(prepared(self.library.open(bundled_journeys()[journey]), journey), inputs, self.stage)


@pytest.fixture(scope="module")
def house() -> Iterator[Theatre]:
    """Every agency, served in one process."""
    with served(tuple(AGENCIES)) as agencies, closing(served_systems(agencies)) as stage:
        yield Theatre(agencies, Library(live=served_live(agencies)), stage)


@pytest.fixture
def theatre(house: Theatre) -> Theatre:
    """The agencies as they are at first, the clock too."""
    house.agencies.reset()
    house.stage.renew()
    return house


@pytest.mark.parametrize("journey", JOURNEYS)
def test_a_journey_passes_between_agencies(theatre: Theatre, journey: str) -> None:
    """At least three exchanges with at least two agencies take place, all criteria hold, no answer breaks a contract."""
    played = theatre.play(journey)
    assert played.outcome is Outcome.PASS, played.reason
    sent = [each for each in played.everything_sent() if each.system != "control"]
    assert len(sent) >= 3
    assert len({each.system for each in sent}) >= 2
    assert theatre.agencies.ask("GET", "/v1/breaches")["items"] == []


@pytest.mark.parametrize(("journey", "fault", "step", "requirement"), FAULTS)
def test_a_journey_fails_at_the_step_that_shows_a_fault(
    theatre: Theatre, journey: str, fault: str, step: str, requirement: str
) -> None:
    """Nothing before that step fails, and the requirement that it proves is the one that is not met."""
    with theatre.agencies.fault(fault):
        played = theatre.play(journey)
    assert played.failed is not None
    assert (played.failed.id, played.failed.outcome) == (step, Outcome.FAIL), played.reason
    assert played.requirements()[requirement] is Outcome.FAIL


# Counted by hand on a calendar, never computed: journey, inputs, output, the last day, the first moment too late.
# Bank holidays of England: 25 and 28 December 2026, 1 January, 26 and 29 March, 3 and 31 May 2027. Summer time begins
# on 28 March 2027, so that a day in April ends at 23:00 UTC.
DATES: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    # Maundy Thursday; the next working day is the Tuesday after Easter.
    ("referral-to-plan", {}, "decision-due-by", "2027-03-30T23:00:00Z"),
    # From 25 March: 2 days until 31 March, 22 in April, 19 in May without two Mondays, and 1 and 2 June.
    ("referral-to-plan", {}, "assessment-complete-by", "2027-06-02T23:00:00Z"),
    # From 31 March: 1 and 2 April, then 5 to 9, 12 to 16, and 19 to 21 April.
    ("referral-to-plan", {}, "conference-due-by", "2027-04-21T23:00:00Z"),
    # Christmas Eve is a Thursday; Friday and Monday are holidays, the next working day is Tuesday 29 December.
    ("missed-deadline", {}, "decision-due-by", "2026-12-30T00:00:00Z"),
    # From 30 December: 31 December, 4 to 8, 11 to 15 and 18 to 21 January.
    ("missed-deadline", {}, "conference-due-by", "2027-01-22T00:00:00Z"),
    # A Friday night in October; summer time ends on Sunday, and this school has no pupils on the Monday.
    ("operation-encompass", {}, "due-before", "2027-11-02T08:30:00Z"),
    # A Friday night in November before an ordinary Monday.
    ("operation-encompass", {"occurred-at": "2027-11-12T23:30:00Z"}, "due-before", "2027-11-15T08:30:00Z"),
    # Saturday night, half past midnight in summer time; 72 hours by the clock end on Tuesday at half past eleven.
    ("missing-episode", {}, "interview-due-by", "2027-11-02T23:30:00Z"),
    # From 15 March: 16 to 19, 22 to 25, then 30 and 31 March.
    ("newly-looked-after", {}, "plan-due-by", "2027-03-31"),
    # Ten more: 1 and 2, 5 to 9, and 12 to 14 April.
    ("newly-looked-after", {}, "assessment-due-by", "2027-04-14"),
    # From Friday 30 April: 4 to 7, 10 to 14, 17 to 21 and 24 May.
    ("move-between-councils", {}, "conference-due-by", "2027-05-24T23:00:00Z"),
    # A week without holidays: from Monday to Tuesday.
    (
        "referral-to-plan",
        {
            "starts-at": "2027-02-01T10:00:00Z",
            "discussed-at": "2027-02-02T10:00:00Z",
            "conference-on": "2027-02-23",
            "other-day": "2027-02-24",
        },
        "decision-due-by",
        "2027-02-03T00:00:00Z",
    ),
)


@pytest.mark.parametrize(("journey", "inputs", "output", "moment"), DATES)
def test_dates_are_those_of_a_calendar(
    theatre: Theatre, journey: str, inputs: dict[str, object], output: str, moment: str
) -> None:
    """What an agency and the toolbox agree on is what a person counts."""
    played = theatre.play(journey, **inputs)
    assert played.outcome is Outcome.PASS, played.reason
    assert played.outputs[output] == moment
