"""What follows a referral at social care: assessments, discussions, conferences, plans, care and transfers."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from rounds import SHOWN_ELSEWHERE, answers, visitor_of
from tour import CONTACT, DECISION, Visitor

from joinedup.mocks.council_seed import (
    FIRST_CONFERENCE,
    FIRST_DISCUSSION,
    FIRST_PLAN,
    FIRST_TRANSFER,
    TRANSFERS,
)
from joinedup.mocks.faults_casework import FAULTS
from joinedup.mocks.messages import Answer
from joinedup.mocks.social_care import FIRST_CHILD

SYSTEM = "social-care"
UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# The visitor's clock stands on Wednesday 18 November 2026.
DISCUSSION = {"heldAt": "2026-11-19T10:00:00Z", "agencies": ["police"], "outcome": "section-47-enquiry"}
CONFERENCE = {"heldOn": "2026-12-01", "outcome": "child-protection-plan", "category": "NEG"}
PAPERS = [
    {"kind": kind, "writtenOn": "2026-11-18"} for kind in ("plan", "report", "assessment", "chronology")
]
TRANSFER = {"toLa": "E09000002", "child": {"givenName": "Siân"}, "planCategory": "NEG", "papers": PAPERS}
EPISODE = {"childId": FIRST_CHILD, "legalStatus": "C1", "startedOn": "2026-11-16"}
DAY_S = 86_400


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean social care."""
    return visitor_of(SYSTEM)


def referred(visitor: Visitor) -> str:
    """The address of a new referral."""
    contact = visitor.send("contact", "POST", "/v1/contacts", body=CONTACT)
    return f"/v1/referrals/{contact.body['referralId']}"


def conferred(visitor: Visitor, label: str = "conference", **changes: Any) -> Answer:
    """A conference on a new referral's strategy discussion."""
    discussion = visitor.send(
        "discussion", "POST", f"{referred(visitor)}/strategy-discussions", body=DISCUSSION
    )
    path = f"{discussion.header('Location')}/conferences"
    return visitor.send(label, "POST", path, body={**CONFERENCE, **changes})


def planned(visitor: Visitor, label: str = "plan", **changes: Any) -> Answer:
    """A plan of the first child from a conference."""
    conference = conferred(visitor).body["conferenceId"]
    plan = {"childId": FIRST_CHILD, "conferenceId": conference, "category": "NEG", "startDate": "2026-12-01"}
    return visitor.send(label, "POST", "/v1/child-protection-plans", body={**plan, **changes})


def completed(visitor: Visitor, factors: list[str]) -> Answer:
    """An assessment of a new referral, completed with these factors."""
    made = visitor.send(
        "assess", "POST", f"{referred(visitor)}/assessments", body={"leadWorker": "A. Worker"}
    )
    body = {"outcome": "child-in-need-plan", "factors": factors}
    headers = {"if-match": made.header("ETag") or ""}
    return visitor.send("complete", "PATCH", made.header("Location") or "", body=body, headers=headers)


def _interviewed(visitor: Visitor) -> None:
    """A return interview that the child is offered and accepts."""
    returned = {"childId": FIRST_CHILD, "returnedAt": "2026-11-18T01:00:00Z"}
    offered = visitor.send("offer interview", "POST", "/v1/return-interviews", body=returned)
    headers = {"if-match": offered.header("ETag") or ""}
    path = offered.header("Location") or ""
    visitor.send("accept interview", "PATCH", path, body={"status": "accepted"}, headers=headers)


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    completed(visitor, ["16A", "21"])
    conferred(visitor)
    conferred(visitor, "weekend", heldOn="2026-12-05")
    conferred(visitor, "late", heldOn="2026-12-22")
    planned(visitor)
    planned(visitor, "second plan")
    planned(visitor, "another day", startDate="2026-12-02")
    plan = f"/v1/child-protection-plans/{FIRST_PLAN}"
    ending = {"endDate": "2026-01-01", "endReason": "moved"}
    visitor.send("end too early", "POST", f"{plan}/endings", body=ending)
    early = {**DISCUSSION, "heldAt": "2026-01-01T10:00:00Z"}
    visitor.send("too early", "POST", f"{referred(visitor)}/strategy-discussions", body=early)
    closed = referred(visitor)
    nothing = {**DECISION, "outcome": "no-further-action"}
    visitor.send("close", "POST", f"{closed}/decisions", body=nothing)
    visitor.send("assess closed", "POST", f"{closed}/assessments", body={"leadWorker": "A. Worker"})
    episode = visitor.send("care", "POST", "/v1/looked-after-episodes", body=EPISODE).header("Location")
    placement = {"placementType": "U4", "startedOn": "2026-11-16"}
    visitor.send("place", "POST", f"{episode}/placements", body=placement)
    visitor.send(
        "place too early", "POST", f"{episode}/placements", body={**placement, "startedOn": "2026-01-01"}
    )
    visitor.send("no chronology", "POST", "/v1/transfers-in", body={**TRANSFER, "papers": PAPERS[:3]})
    transfer = visitor.send("offer", "POST", "/v1/transfers-in", body=TRANSFER).header("Location")
    visitor.send("accept own", "POST", f"{transfer}/acceptances", body={"acceptedBy": "A. Manager"})
    visitor.send("read child", "GET", f"/v1/children/{FIRST_CHILD}")
    visitor.send("refuse child", "GET", f"/v1/children/{FIRST_CHILD}", token=visitor.token("other"))
    visitor.send("lines", "GET", f"/v1/children/{FIRST_CHILD}/disclosures", query="limit=50")
    _interviewed(visitor)
    waiting = referred(visitor)
    visitor.cast.clock.advance(5 * DAY_S)
    visitor.send("referral", "GET", waiting)


CHANGES = {
    "holidays-counted-as-working-days": {"discussion", "conference", "assess", "late"},
    "lateness-hidden": {"late", "referral"},
    "weekend-conference-accepted": {"weekend"},
    "discussion-before-referral": {"too early"},
    "end-before-start-accepted": {"end too early", "place too early"},
    "plan-starts-any-day": {"another day"},
    "second-plan-accepted": {"second plan", "read child"},
    "closed-referral-goes-on": {"assess closed"},
    "no-factor-among-factors-accepted": {"complete"},
    "incomplete-transfer-accepted": {"no chronology"},
    "responsibility-moves-early": {"offer"},
    "transfer-accepted-by-sender": {"accept own"},
    "disclosures-not-noted": {"lines"},
    "refusals-not-noted": {"lines"},
    "interview-due-in-working-days": {"offer interview", "accept interview"},
    "interview-without-times": {"accept interview"},
}


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS if fault.name not in SHOWN_ELSEWHERE])
def test_a_fault_changes_what_it_says(fault: str) -> None:
    """Of all answers of the round, those that the fault is about differ in more than ids, and no others."""
    clean, faulty = _without_ids(), _without_ids(fault)
    assert {label for label in clean if clean[label] != faulty[label]} == CHANGES[fault]


def _without_ids(*faults: str) -> dict[str, str]:
    """The answers of a round; what is accepted takes an id, and those after it get others."""
    found = {name: answer for name, answer in answers(SYSTEM, round_, *faults).items() if name != "outbox"}
    return {label: UUID.sub("id", repr(answer)) for label, answer in found.items()}


def test_a_decision_is_due_on_the_next_working_day(visitor: Visitor) -> None:
    """A referral of a Wednesday is decided by the end of Thursday."""
    referral = visitor.send("read", "GET", referred(visitor)).body
    assert (referral["decisionDueBy"], referral["overdue"]) == ("2026-11-20T00:00:00Z", False)


def test_what_is_late_says_so(visitor: Visitor) -> None:
    """An undecided referral is overdue from the first moment after its last day, and a decided one never."""
    waiting, decided = referred(visitor), referred(visitor)
    visitor.send("decide", "POST", f"{decided}/decisions", body=DECISION)
    visitor.cast.clock.set(datetime.fromisoformat("2026-11-20T00:00:00+00:00"))
    overdue = [visitor.send("read", "GET", path).body["overdue"] for path in (waiting, decided)]
    assert overdue == [True, False]


def test_an_assessment_has_45_working_days(visitor: Visitor) -> None:
    """From 18 November 2026, over Christmas, Boxing Day (in lieu) and New Year, it is Monday 25 January 2027."""
    made = visitor.send(
        "assess", "POST", f"{referred(visitor)}/assessments", body={"leadWorker": "A. Worker"}
    )
    assert made.body["completeBy"] == "2027-01-26T00:00:00Z"


@pytest.mark.parametrize(
    ("held_on", "status", "late"),
    [
        ("2026-12-10", 201, False),
        ("2026-12-11", 201, True),
        ("2026-12-05", 422, None),
        ("2026-12-06", 422, None),
        ("2026-11-18", 422, None),
    ],
)
def test_a_conference_is_within_15_working_days(
    visitor: Visitor, held_on: str, status: int, late: bool | None
) -> None:
    """The discussion was on Thursday 19 November; the 15th working day is Thursday 10 December 2026."""
    answer = conferred(visitor, heldOn=held_on)
    assert (answer.status, answer.body.get("late")) == (status, late)


@pytest.mark.parametrize(
    ("factors", "status"), [(["16A", "4B"], 200), (["21"], 200), (["21", "16A"], 422), (["99"], 422)]
)
def test_factors_are_of_the_list_and_none_stands_alone(
    visitor: Visitor, factors: list[str], status: int
) -> None:
    """Factor 21 excludes all others."""
    assert completed(visitor, factors).status == status


def test_a_child_has_one_open_plan(visitor: Visitor) -> None:
    """A second plan waits until the first has ended, and the child's status follows."""
    first = planned(visitor)
    assert (first.status, planned(visitor, "second").status) == (201, 409)
    ending = {"endDate": "2027-02-01", "endReason": "no-longer-at-risk"}
    path = f"{first.header('Location')}/endings"
    assert visitor.send("end", "POST", path, body=ending).body["status"] == "ended"
    assert visitor.send("end again", "POST", path, body=ending).status == 409
    assert planned(visitor, "third").status == 201


@pytest.mark.parametrize(
    ("act", "status"),
    [("plan", "child-protection-plan"), ("care", "looked-after"), ("end", "child-in-need")],
)
def test_the_childs_status_follows(visitor: Visitor, act: str, status: str) -> None:
    """What is begun or ended shows in the child's summary."""
    if act == "care":
        visitor.send("care", "POST", "/v1/looked-after-episodes", body=EPISODE)
    else:
        path = planned(visitor).header("Location")
        ending = {"endDate": "2027-02-01", "endReason": "no-longer-at-risk"}
        if act == "end":
            visitor.send("end", "POST", f"{path}/endings", body=ending)
    assert visitor.send("read", "GET", f"/v1/children/{FIRST_CHILD}/summary").body["status"] == status


def test_responsibility_moves_on_acceptance(visitor: Visitor) -> None:
    """Until the receiving council accepts, the sender is responsible; nobody else sees or accepts the papers."""
    path = visitor.send("offer", "POST", "/v1/transfers-in", body=TRANSFER).header("Location") or ""
    receiver = visitor.token("other")
    offered = visitor.send("read", "GET", path, token=receiver).body
    acceptance = {"acceptedBy": "A. Manager"}
    refused = visitor.send("own", "POST", f"{path}/acceptances", body=acceptance)
    accepted = visitor.send("accept", "POST", f"{path}/acceptances", body=acceptance, token=receiver)
    again = visitor.send("again", "POST", f"{path}/acceptances", body=acceptance, token=receiver)
    assert offered["responsibleLa"] == "E09000001"
    assert (refused.status, accepted.body["responsibleLa"], again.status) == (403, "E09000002", 409)


def test_the_conference_of_a_transfer_is_due(visitor: Visitor) -> None:
    """Papers of Wednesday 18 November: 15 working days later is Wednesday 9 December 2026."""
    assert visitor.send("offer", "POST", "/v1/transfers-in", body=TRANSFER).body["conferenceDueBy"] == (
        "2026-12-10T00:00:00Z"
    )


@pytest.mark.parametrize("caller", ["own", "other"])
def test_papers_wait_for_each_council_at_first(visitor: Visitor, caller: str) -> None:
    """Whoever they were sent to takes over, once, and the other council does not know of them."""
    token = visitor.token(caller)
    place = visitor.client(caller).organisation
    path, accepted = f"/v1/transfers-in/{TRANSFERS[place]}/acceptances", {"acceptedBy": "A. Manager"}
    stranger = visitor.token("other" if caller == "own" else "own")
    sent = [visitor.send("accept", "POST", path, body=accepted, token=t) for t in (stranger, token, token)]
    assert [answer.status for answer in sent] == [404, 201, 409]
    assert sent[1].body["responsibleLa"] == place


def test_a_transfer_of_others_is_not_there(visitor: Visitor) -> None:
    """A council that takes no part in a transfer gets 404."""
    path = f"/v1/transfers-in/{FIRST_TRANSFER}"
    assert visitor.send("read", "GET", path).status == 200
    assert visitor.send("read other", "GET", path, token=visitor.token("other")).status == 404


def test_every_look_and_every_refusal_is_a_line(visitor: Visitor) -> None:
    """Who, what, why and on what basis; for the council that keeps the record, and for no other."""
    path = f"/v1/children/{FIRST_CHILD}"
    visitor.send("read", "GET", path)
    visitor.send("refused", "GET", path, token=visitor.token("other"))
    lines = visitor.send("lines", "GET", f"{path}/disclosures").body["items"]
    said = [(line["organisation"], line["operation"], line["purpose"], line["outcome"]) for line in lines]
    assert said == [
        ("E09000001", "getChild", "SAFEGUARDING", "disclosed"),
        ("E09000002", "getChild", "SAFEGUARDING", "refused"),
    ]
    other = visitor.send("other", "GET", f"{path}/disclosures", token=visitor.token("other"))
    assert other.status == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/child-protection-plans", {"childId": FIRST_PLAN, "conferenceId": FIRST_CONFERENCE}),
        ("/v1/child-protection-plans", {"childId": FIRST_CHILD, "conferenceId": FIRST_DISCUSSION}),
        ("/v1/looked-after-episodes", {"childId": FIRST_PLAN}),
    ],
)
def test_what_is_not_there_is_not_referred_to(visitor: Visitor, path: str, body: dict[str, str]) -> None:
    """An id that names nothing of the caller's is refused with 422, whatever else it names."""
    rest = {"category": "NEG", "startDate": "2026-11-18"} if "plans" in path else EPISODE
    assert visitor.send("make", "POST", path, body={**rest, **body}).status == 422
