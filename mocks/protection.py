"""
From a referral to a child protection plan: assessments, strategy discussions, conferences, plans and their ends.

Dates follow one another as the children in need census and its validation rules have it: a conference within 15 working
days of the strategy discussion and on no weekend, a plan from the day of its conference, one open plan for each child.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from joinedup.mocks.calendar import local_day
from joinedup.mocks.casework import changed, day_of, refuse_stale, tagged
from joinedup.mocks.clock import stamp
from joinedup.mocks.council import CouncilCall, find, made, named, refused, set_status, tag
from joinedup.mocks.deadlines import due
from joinedup.mocks.messages import Answer, Refusal
from joinedup.mocks.sharing import moment
from joinedup.mocks.store import Record

SATURDAY = 5
NO_FACTOR = "21"
CONFERENCE = "initial-conference"
# What a fault puts in the place of a deadline: as many days, counted as if every day were a working day.
EVERY_DAY_COUNTS = {"assessment": 45, CONFERENCE: 15, "referral-decision": 1}


def due_by(call: CouncilCall, rule: str, start: datetime) -> str:
    """When a step is too late, as the agency reckons; with a fault it counts days on which nobody works."""
    if "holidays-counted-as-working-days" in call.faults:
        return stamp(due("plan-start", start, amount=EVERY_DAY_COUNTS[rule]))
    return stamp(due(rule, start))


def overdue(call: CouncilCall, record: Record, by: str, done: Collection[str]) -> bool:
    """Whether a step is too late now; ``done`` are the statuses of one that was taken."""
    if record["status"] in done or "lateness-hidden" in call.faults:
        return False
    return call.now >= datetime.fromisoformat(record[by])


def _still_open(call: CouncilCall, referral: Record) -> None:
    """
    See that a referral still goes on.

    Raises:
        Refusal: with status 409, it was closed without action; nothing can follow (CIN rule 8831).
    """
    closed = referral.get("latestDecision", {}).get("outcome") == "no-further-action"
    if closed and "closed-referral-goes-on" not in call.faults:
        raise Refusal(409, "The referral was closed with no further action; raise another contact.")


# --- assessments


def start_assessment(call: CouncilCall) -> Answer:
    """Start an assessment of a referral; it has 45 working days from the referral."""
    referral = find(call, call.state.referrals, "referralId")
    _still_open(call, referral)
    identifier = call.state.new_id()
    assessment = {
        **call.body,
        "assessmentId": identifier,
        "referralId": referral["referralId"],
        "status": "open",
        "startedAt": stamp(call.now),
        "completeBy": due_by(call, "assessment", datetime.fromisoformat(referral["receivedAt"])),
        "overdue": False,
        "version": 1,
    }
    return made(call, "assessments", identifier, _assessment(call, assessment))


def get_assessment(call: CouncilCall) -> Answer:
    """One assessment, and whether it is overdue."""
    return tagged(_assessment(call, find(call, call.state.assessments, "assessmentId")))


def complete_assessment(call: CouncilCall) -> Answer:
    """Complete an assessment with its outcome and factors."""
    record = find(call, call.state.assessments, "assessmentId")
    refuse_stale(call, record)
    factors = call.body["factors"]
    if NO_FACTOR in factors and len(factors) > 1 and "no-factor-among-factors-accepted" not in call.faults:
        raise refused("/factors", "exclusive", "Factor 21, none, stands alone.")
    complete = changed(record, **call.body, status="complete", completedAt=stamp(call.now))
    call.state.assessments.replace(record["assessmentId"], complete)
    return tagged(_assessment(call, complete))


def _assessment(call: CouncilCall, record: Record) -> Record:
    return {**record, "overdue": overdue(call, record, "completeBy", ("complete",))}


# --- strategy discussions and conferences


def hold_strategy_discussion(call: CouncilCall) -> Answer:
    """Record a strategy discussion; one that starts a section 47 enquiry sets the day of the conference."""
    referral = find(call, call.state.referrals, "referralId")
    _still_open(call, referral)
    held = moment(call.body["heldAt"], "/heldAt")
    if (
        held < datetime.fromisoformat(referral["receivedAt"])
        and "discussion-before-referral" not in call.faults
    ):
        raise refused("/heldAt", "order", "A strategy discussion comes after its referral.")
    identifier = call.state.new_id()
    discussion: Record = {
        **call.body,
        "strategyDiscussionId": identifier,
        "referralId": referral["referralId"],
        "version": 1,
    }
    if call.body["outcome"] == "section-47-enquiry":
        discussion["conferenceDueBy"] = due_by(call, CONFERENCE, held)
    return made(call, "discussions", identifier, discussion, "strategy-discussions")


def get_strategy_discussion(call: CouncilCall) -> Answer:
    """One strategy discussion, and until when its conference is due."""
    return tagged(find(call, call.state.discussions, "strategyDiscussionId"))


def hold_conference(call: CouncilCall) -> Answer:
    """Record an initial child protection conference; never on a weekend, and late where it is."""
    discussion = find(call, call.state.discussions, "strategyDiscussionId")
    if "conferenceDueBy" not in discussion:
        raise Refusal(
            409, "The strategy discussion started no section 47 enquiry; there is nothing to confer on."
        )
    day = day_of(call.body["heldOn"])
    if day.weekday() >= SATURDAY and "weekend-conference-accepted" not in call.faults:
        raise refused("/heldOn", "weekend", "A conference is not held on a weekend.")
    if day < day_of(discussion["heldAt"][:10]):
        raise refused("/heldOn", "order", "A conference comes after its strategy discussion.")
    identifier = call.state.new_id()
    conference = {
        **call.body,
        "conferenceId": identifier,
        "strategyDiscussionId": discussion["strategyDiscussionId"],
        "dueBy": discussion["conferenceDueBy"],
        "late": _is_late(call, discussion["conferenceDueBy"]),
        "version": 1,
    }
    return made(call, "conferences", identifier, conference)


def _is_late(call: CouncilCall, due_by_: str) -> bool:
    """By the day that the body names: a conference is in time on any day that ends before it is due."""
    last = local_day(datetime.fromisoformat(due_by_) - timedelta(microseconds=1))
    return "lateness-hidden" not in call.faults and day_of(call.body["heldOn"]) > last


def get_conference(call: CouncilCall) -> Answer:
    """One conference, and whether it was late."""
    return tagged(find(call, call.state.conferences, "conferenceId"))


# --- plans


def start_plan(call: CouncilCall) -> Answer:
    """Start a child protection plan on the day of its conference; a child has at most one that is open."""
    child = named(call, "childId", call.state.children)
    conference = named(call, "conferenceId", call.state.conferences)
    if conference["outcome"] != "child-protection-plan":
        raise Refusal(409, "The conference decided that there is no plan.")
    if call.body["startDate"] != conference["heldOn"] and "plan-starts-any-day" not in call.faults:
        raise refused("/startDate", "order", "A plan starts on the day of its conference.")
    if _open_plan(call, child["childId"]) and "second-plan-accepted" not in call.faults:
        raise Refusal(409, "The child has a plan that is still open.")
    identifier = call.state.new_id()
    plan = {**call.body, "planId": identifier, "status": "open", "version": 1}
    set_status(call, child, "child-protection-plan")
    call.state.ledger.send(call, "cp-is", "plan-started", {**plan, "child": child})
    return made(call, "plans", identifier, plan, "child-protection-plans")


def get_plan(call: CouncilCall) -> Answer:
    """One plan, and how it ended."""
    return tagged(find(call, call.state.plans, "planId"))


def end_plan(call: CouncilCall) -> Answer:
    """End a plan; it cannot end before it began, nor twice."""
    plan = find(call, call.state.plans, "planId")
    if plan["status"] == "ended":
        raise Refusal(409, "The plan has ended already.")
    if call.body["endDate"] < plan["startDate"] and "end-before-start-accepted" not in call.faults:
        raise refused("/endDate", "order", "A plan ends on or after the day on which it starts.")
    ended = changed(plan, status="ended", endDate=call.body["endDate"], endReason=call.body["endReason"])
    call.state.plans.replace(plan["planId"], ended)
    child = call.state.children.find(plan["childId"], call.caller.area)
    set_status(call, child, "child-in-need")
    call.state.ledger.send(call, "cp-is", "plan-ended", {**ended, "child": child})
    return Answer(201, ended, (("Location", f"/v1/child-protection-plans/{plan['planId']}"), tag(ended)))


def _open_plan(call: CouncilCall, child_id: str) -> bool:
    plans = (kept.record for kept in call.state.plans.of(call.caller.area))
    return any(plan["childId"] == child_id and plan["status"] == "open" for plan in plans)


BEHAVIOURS = {
    "startAssessment": start_assessment,
    "getAssessment": get_assessment,
    "completeAssessment": complete_assessment,
    "holdStrategyDiscussion": hold_strategy_discussion,
    "getStrategyDiscussion": get_strategy_discussion,
    "holdConference": hold_conference,
    "getConference": get_conference,
    "startPlan": start_plan,
    "getPlan": get_plan,
    "endPlan": end_plan,
}
