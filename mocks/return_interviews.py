"""
Return interviews: somebody independent listens to a child who was missing, within 72 hours of its return.

The offer, the acceptance or refusal, and the interview itself each have a time of their own (DfE, statutory guidance on
children who run away or go missing from home or care, January 2014).
"""

from __future__ import annotations

from datetime import datetime

from joinedup.mocks.casework import changed, refuse_stale, tagged
from joinedup.mocks.clock import stamp
from joinedup.mocks.council import CouncilCall, find, made, named
from joinedup.mocks.deadlines import due
from joinedup.mocks.messages import Answer, Refusal
from joinedup.mocks.protection import overdue
from joinedup.mocks.sharing import moment
from joinedup.mocks.store import Record

ENDED = ("declined", "completed")
WORKING_DAYS_INSTEAD = 3


def offer_return_interview(call: CouncilCall) -> Answer:
    """Offer an interview to a child who has returned."""
    named(call, "childId", call.state.children)
    returned = moment(call.body["returnedAt"], "/returnedAt")
    identifier = call.state.new_id()
    interview: Record = {
        **call.body,
        "returnInterviewId": identifier,
        "status": "offered",
        "offeredAt": stamp(call.now),
        "dueBy": _due_by(call, returned),
        "version": 1,
    }
    return made(call, "interviews", identifier, _shown(call, interview), "return-interviews")


def _due_by(call: CouncilCall, returned: datetime) -> str:
    if "interview-due-in-working-days" in call.faults:
        return stamp(due("initial-conference", returned, amount=WORKING_DAYS_INSTEAD))
    return stamp(due("return-interview", returned))


def get_return_interview(call: CouncilCall) -> Answer:
    """One interview, and whether it is overdue."""
    return tagged(_shown(call, find(call, call.state.interviews, "returnInterviewId")))


def record_return_interview(call: CouncilCall) -> Answer:
    """Record that the child accepted or declined, or that somebody listened; each with its time."""
    record = find(call, call.state.interviews, "returnInterviewId")
    refuse_stale(call, record)
    if record["status"] in ENDED:
        raise Refusal(409, "The interview was declined or took place; offer another.")
    status = call.body["status"]
    times = {} if "interview-without-times" in call.faults else {f"{status}At": stamp(call.now)}
    after = changed(record, **call.body, **times)
    call.state.interviews.replace(record["returnInterviewId"], after)
    return tagged(_shown(call, after))


def _shown(call: CouncilCall, interview: Record) -> Record:
    return {**interview, "overdue": overdue(call, interview, "dueBy", ENDED)}


BEHAVIOURS = {
    "offerReturnInterview": offer_return_interview,
    "getReturnInterview": get_return_interview,
    "recordReturnInterview": record_return_interview,
}
