"""
What councils have on record before anyone calls, so that the contract's examples work as they stand.
"""

from __future__ import annotations

from joinedup.mocks.council import Council
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.store import Record

FIRST_REFERRAL = "5b1d8c1a-2a5e-4a59-8f0e-6b9d3b2c2b01"
FIRST_ASSESSMENT = "8c2e4a6f-1d3b-4f5a-9c7e-2b4d6f8a0c01"
FIRST_DISCUSSION = "2d4f6b8a-3c5e-4a7d-8b9f-1e3a5c7d9f01"
FIRST_CONFERENCE = "4f6b8d0c-5e7a-4c9f-9d1b-3a5c7e9f1b01"
FIRST_PLAN = "6b8d0f2e-7a9c-4e1b-8f3d-5c7e9a1b3d01"
FIRST_EPISODE = "8d0f2b4a-9c1e-4a3d-9b5f-7e9a1c3d5f01"
FIRST_INTERVIEW = "9e1a3c5d-0b2f-4d4e-8c6a-8f0b2d4e6a01"
FIRST_TRANSFER = "0f2b4d6c-1e3a-4c5f-8d7b-9a1c3e5f7b01"
# A council that no caller belongs to: papers that it sent wait for each of the two.
ELSEWHERE = "E09000003"
TRANSFERS = dict(zip(COUNCILS, (FIRST_TRANSFER, "0f2b4d6c-1e3a-4c5f-8d7b-9a1c3e5f7b02"), strict=True))
CONFERENCE_DUE = "2026-11-25T00:00:00Z"


def seed_casework(state: Council) -> None:
    """The first records of each kind, of the first council."""
    own = COUNCILS[0]
    second, third = [kept.record["childId"] for kept in state.children.of(own)][1:3]
    state.assessments.add(FIRST_ASSESSMENT, own, _assessment())
    state.discussions.add(FIRST_DISCUSSION, own, _discussion())
    state.conferences.add(FIRST_CONFERENCE, own, _conference())
    state.plans.add(FIRST_PLAN, own, _plan(second))
    state.episodes.add(FIRST_EPISODE, own, _episode(third))
    state.interviews.add(FIRST_INTERVIEW, own, _interview(third))
    for receiver, transfer in TRANSFERS.items():
        state.transfers.add(transfer, ELSEWHERE, _transfer(transfer, receiver))


def _assessment() -> Record:
    return {
        "leadWorker": "A. Worker",
        "assessmentId": FIRST_ASSESSMENT,
        "referralId": FIRST_REFERRAL,
        "status": "open",
        "startedAt": "2026-11-03T09:00:00Z",
        "completeBy": "2027-01-08T00:00:00Z",
        "version": 1,
    }


def _discussion() -> Record:
    return {
        "heldAt": "2026-11-03T14:00:00Z",
        "agencies": ["social-care", "police", "health"],
        "outcome": "section-47-enquiry",
        "strategyDiscussionId": FIRST_DISCUSSION,
        "referralId": FIRST_REFERRAL,
        "conferenceDueBy": CONFERENCE_DUE,
        "version": 1,
    }


def _conference() -> Record:
    return {
        "heldOn": "2026-11-18",
        "outcome": "child-protection-plan",
        "category": "NEG",
        "conferenceId": FIRST_CONFERENCE,
        "strategyDiscussionId": FIRST_DISCUSSION,
        "dueBy": CONFERENCE_DUE,
        "late": False,
        "version": 1,
    }


def _plan(child: str) -> Record:
    return {
        "childId": child,
        "conferenceId": FIRST_CONFERENCE,
        "category": "EMO",
        "startDate": "2026-11-18",
        "planId": FIRST_PLAN,
        "status": "open",
        "version": 1,
    }


def _episode(child: str) -> Record:
    return {
        "childId": child,
        "legalStatus": "C2",
        "startedOn": "2026-11-02",
        "episodeId": FIRST_EPISODE,
        "status": "open",
        "placements": [],
        "version": 1,
    }


def _interview(child: str) -> Record:
    return {
        "childId": child,
        "returnedAt": "2026-11-20T22:00:00Z",
        "returnInterviewId": FIRST_INTERVIEW,
        "status": "offered",
        "offeredAt": "2026-11-21T09:00:00Z",
        "dueBy": "2026-11-23T22:00:00Z",
        "overdue": False,
        "version": 1,
    }


def _transfer(identifier: str, receiver: str) -> Record:
    written = "2026-11-18"
    return {
        "toLa": receiver,
        "child": {"givenName": "Łukasz", "dateOfBirth": "2018-02-11"},
        "planCategory": "NEG",
        "papers": [
            {"kind": kind, "writtenOn": written} for kind in ("plan", "report", "assessment", "chronology")
        ],
        "transferId": identifier,
        "fromLa": ELSEWHERE,
        "status": "offered",
        "responsibleLa": ELSEWHERE,
        "receivedAt": "2026-11-19T09:00:00Z",
        "conferenceDueBy": "2026-12-11T00:00:00Z",
        "version": 1,
    }
