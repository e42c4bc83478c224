"""
A council's virtual school: the children it looks after, their personal education plans, and what schools say of them.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from joinedup.mocks import notices
from joinedup.mocks.calendar import add_working_days, local_day
from joinedup.mocks.casework import (
    EDUCATION_MONITORING,
    EDUCATIONAL,
    PROTECTIVE,
    Casework,
    changed,
    day_of,
    days_after,
    filed,
    found,
    listed,
    own,
    part,
    purpose,
    refuse_stale,
    tagged,
    within,
)
from joinedup.mocks.clock import stamp
from joinedup.mocks.deadlines import DEADLINES, add_months
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.messages import Answer, Incoming
from joinedup.mocks.operations import Operation
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, children
from joinedup.mocks.school_roll import PUPILS_EACH, year_group
from joinedup.mocks.social_care import STATUSES
from joinedup.mocks.store import Record, Records

# The virtual roll by social care's statuses: since 2021 a virtual school looks to children with a social worker too.
CARE = {
    "looked-after": "looked-after",
    "care-leaver": "previously-looked-after",
    "child-in-need": "has-social-worker",
    "child-protection-plan": "has-social-worker",
}
REVIEW_MONTHS = 4
SEEDED_START, SEEDED_AT = "2026-11-02", "2026-11-09T09:00:00Z"

# Examples in the contract work as they stand.
FIRST_CHILD = "3e5a7c9b-1d2f-4c6e-8a0b-5d7f9b1c3e01"
FIRST_PEP = "5a7c9e1b-3d2f-4b6a-8c0e-1f3d5b7a9c01"
FIRST_REVIEW = "1b3d5f7a-9c2e-4d6b-8f0a-4c6e8b0d2f01"
FIRST_NOTIFICATION = "7b9d1f3e-5a4c-4e8b-9d6f-2c4e6a8b0d01"
FIRST_NOTICE = "9d1f3e5a-7c4b-4a8e-8b6d-0f2c4e6a8b01"

_HOW = ("childId", "careStatus", "yearGroup", "senProvision", "attendancePercent")
_PLAN = ("pepStatus", "pepDueBy", "pepOverdue")
_WHO = ("upn", "givenName", "familyName", "dateOfBirth", "startOfCare", "suspensions")
VIEWS: dict[str, tuple[str, ...]] = {
    EDUCATION_MONITORING: (*_HOW, *_PLAN),
    **dict.fromkeys(PROTECTIVE, (*_HOW, *_PLAN, *_WHO)),
}
PEP_ITEM = ("pepId", "childId", "status", "dueBy", "overdue", "version")
RECEIPT = ("suspensionNoticeId", "outcome", "receivedAt")


@dataclass
class VirtualSchool(Casework):
    """What a virtual school holds; ``current`` is each child's plan, by the child's id."""

    children: Records = field(default_factory=Records)
    peps: Records = field(default_factory=Records)
    reviews: Records = field(default_factory=Records)
    notifications: Records = field(default_factory=Records)
    notices: Records = field(default_factory=Records)
    current: dict[str, str] = field(default_factory=dict)


VirtualCall = Call[VirtualSchool]


# The seed


def fresh(seed: int) -> VirtualSchool:
    """The seeded state: the virtual rolls of two councils, a plan for each child, and one case of each kind."""
    state = VirtualSchool(random.Random(seed))  # noqa: S311 - synthetic data, repeatable on purpose
    for place, organisation in enumerate(COUNCILS):
        known = list(zip(STATUSES * 2, children(seed, place, PUPILS_EACH), strict=False))
        # Those who are looked after come first.
        on_roll = sorted((p for p in known if p[0] in CARE), key=lambda pair: pair[0] != "looked-after")
        for index, (status, person) in enumerate(on_roll):
            _seed_child(state, organisation, person, CARE[status], is_first=place == index == 0)
        _seed_cases(state, organisation, is_first=place == 0)
    return state


def _seed_child(
    state: VirtualSchool, organisation: str, person: Person, care: str, *, is_first: bool
) -> None:
    child_id, pep_id = (FIRST_CHILD, FIRST_PEP) if is_first else (state.new_id(), state.new_id())
    child: Record = {
        "childId": child_id,
        "upn": person.upn,
        "givenName": person.given_name,
        "dateOfBirth": person.date_of_birth,
        "careStatus": care,
        "yearGroup": year_group(person.date_of_birth),
        "senProvision": state.ids.choice("NKE"),
        "attendancePercent": state.ids.randint(80, 100),
        "suspensions": 0,
    }
    if person.family_name is not None:
        child["familyName"] = person.family_name
    if care == "looked-after":
        child["startOfCare"] = SEEDED_START
    state.children.add(child_id, organisation, child)
    pep: Record = {
        "pepId": pep_id,
        "childId": child_id,
        "academicYear": "2026-27",
        "term": "autumn",
        "designatedTeacher": "D. Teacher",
        "pupilPremiumPlus": 900,
        "targets": [{"subject": "Reading", "target": "Reads to an adult three times a week."}],
        "status": "agreed",
        "statutory": care == "looked-after",
        "dueBy": "2026-11-16" if care == "looked-after" else "2027-03-09",
        "initiatedAt": SEEDED_AT,
        "version": 1,
    }
    state.peps.add(pep_id, organisation, pep)
    state.current[child_id] = pep_id


def _seed_cases(state: VirtualSchool, organisation: str, *, is_first: bool) -> None:
    child = next(state.children.of(organisation)).record
    ids = (FIRST_REVIEW, FIRST_NOTIFICATION, FIRST_NOTICE)
    review, notification, notice = ids if is_first else (state.new_id() for _ in ids)
    about = {"childId": child["childId"]}
    state.reviews.add(review, organisation, {"reviewId": review, "pepId": state.current[child["childId"]], "heldOn": "2026-11-12", "childAttended": True, "progress": "on-track", "nextDueBy": "2027-03-12", "recordedAt": SEEDED_AT})  # fmt: skip
    state.notifications.add(notification, organisation, {**about, "notificationId": notification, "child": part(child, ("upn", "givenName", "familyName", "dateOfBirth")), "startOfCare": SEEDED_START, "legalStatus": "C1", "placementType": "U4", "pepDueBy": "2026-11-16", "receivedAt": SEEDED_AT})  # fmt: skip
    state.notices.add(notice, organisation, {**about, "suspensionNoticeId": notice, "upn": child["upn"], "kind": "suspension", "startDate": "2026-11-09", "sessions": 2, "reasons": ["DB"], "outcome": "on-virtual-roll", "receivedAt": SEEDED_AT})  # fmt: skip


# Notices


def get_status(call: VirtualCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


def notify_looked_after(call: VirtualCall) -> Answer:
    """Put a child on the virtual roll, and say by when there has to be a plan."""
    purpose(call, EDUCATIONAL)
    child = _on_roll(call, call.body["child"]["upn"]) or _new_child(call)
    known = {**child, "careStatus": "looked-after", "startOfCare": call.body["startOfCare"]}
    call.state.children.replace(child["childId"], known)
    identifier, by = call.state.new_id(), _first_due(call, call.body["startOfCare"])
    record = {
        **call.body,
        "notificationId": identifier,
        "childId": child["childId"],
        "pepDueBy": by,
        "receivedAt": stamp(call.now),
    }
    content = {"upn": known["upn"], "pepDueBy": by}
    call.state.ledger.send(call, "school", "looked-after", content)
    address = "/v1/looked-after-notifications"
    return filed(call, call.state.notifications, address, identifier, record)


def _on_roll(call: VirtualCall, number: str) -> Record | None:
    of_council = call.state.children.of(call.caller.area)
    return next((kept.record for kept in of_council if kept.record["upn"] == number), None)


def _new_child(call: VirtualCall) -> Record:
    child = {
        **call.body["child"],
        "childId": call.state.new_id(),
        "yearGroup": year_group(call.body["child"]["dateOfBirth"]),
        "suspensions": 0,
    }
    call.state.children.add(child["childId"], call.caller.area, child)
    return child


def _first_due(call: VirtualCall, start_of_care: str) -> str:
    """The last of the working days within which a first plan has to be there."""
    start, count = day_of(start_of_care), DEADLINES["education-plan"].amount
    if "weekends-count-as-working-days" in call.faults:
        return days_after(start, count, lambda day, n: day + timedelta(days=n))
    return days_after(start, count, add_working_days)


def get_looked_after_notification(call: VirtualCall) -> Answer:
    """One notification."""
    purpose(call, EDUCATIONAL)
    return Answer(200, found(call, call.state.notifications, "notificationId"))


def receive_suspension_notice(call: VirtualCall) -> Answer:
    """Take in that a pupil was suspended; of one who is not on the roll keep no more than that."""
    purpose(call, EDUCATIONAL)
    identifier, child = call.state.new_id(), _on_roll(call, call.body["upn"])
    receipt = {
        "suspensionNoticeId": identifier,
        "outcome": "on-virtual-roll" if child else "not-on-virtual-roll",
        "receivedAt": stamp(call.now),
    }
    record = receipt
    if child:
        record = {**call.body, **receipt, "childId": child["childId"]}
        counted = min(child["suspensions"] + 1, 100_000)
        call.state.children.replace(child["childId"], {**child, "suspensions": counted})
    elif "notice-of-stranger-kept" in call.faults:
        record = {**call.body, **receipt}
    return filed(call, call.state.notices, "/v1/suspension-notices", identifier, record)


def get_suspension_notice(call: VirtualCall) -> Answer:
    """One notice."""
    purpose(call, EDUCATIONAL)
    return Answer(200, found(call, call.state.notices, "suspensionNoticeId"))


# Plans


def _shown(call: VirtualCall, pep: Record) -> Record:
    """A plan with whether it is late now."""
    late = pep["status"] != "closed" and day_of(pep["dueBy"]) < local_day(call.now)
    return {**pep, "overdue": late and "overdue-never-said" not in call.faults}


def list_peps(call: VirtualCall) -> Answer:
    """One page of the caller's plans, without personal details."""
    before = call.parameter("dueBefore", "")
    peps = call.state.peps.where(lambda pep: not before or pep["dueBy"] < before)
    answer = listed(call, peps, PEP_ITEM, step=int("pep-between-pages-lost" in call.faults))
    items = [part(_shown(call, item), PEP_ITEM) for item in answer.body["items"]]
    return replace(answer, body={**answer.body, "items": items})


def initiate_pep(call: VirtualCall) -> Answer:
    """Start a plan; the one before is closed."""
    purpose(call, EDUCATIONAL)
    child = own(call, call.state.children, "childId")
    identifier, before = call.state.new_id(), call.state.current.get(child["childId"])
    if before is not None:
        old = call.state.peps.find(before, call.caller.area)
        call.state.peps.replace(before, changed(old, status="closed"))
    statutory = child.get("careStatus") == "looked-after"
    first = statutory and before is None
    record = {
        **call.body,
        "childId": child["childId"],
        "pepId": identifier,
        "status": "draft",
        "statutory": statutory,
        "dueBy": _first_due(call, child["startOfCare"]) if first else _termly(local_day(call.now)),
        "initiatedAt": stamp(call.now),
        "version": 1,
    }
    call.state.current[child["childId"]] = identifier
    call.state.ledger.send(call, "subscribers", "pep.due", {"pepId": identifier, "dueBy": record["dueBy"]})
    answer = filed(call, call.state.peps, "/v1/peps", identifier, record)
    return replace(answer, body=_shown(call, record))


def _termly(day: date) -> str:
    """By when a plan has to be reviewed next, so that it is once a term."""
    try:
        return add_months(day, REVIEW_MONTHS).isoformat()
    except ValueError:  # after the year 9999 there are no dates
        return date.max.isoformat()


def get_pep(call: VirtualCall) -> Answer:
    """One plan."""
    purpose(call, EDUCATIONAL)
    pep = found(call, call.state.peps, "pepId", anyone="pep-of-other-council-shown" in call.faults)
    return tagged(pep, _shown(call, pep))


def update_pep(call: VirtualCall) -> Answer:
    """Change a plan, if the caller saw its latest version."""
    purpose(call, EDUCATIONAL)
    pep = found(call, call.state.peps, "pepId")
    if "stale-pep-change-accepted" not in call.faults:
        refuse_stale(call, pep)
    after = changed(pep, **call.body)
    kept = changed(pep) if "pep-change-lost" in call.faults else after
    call.state.peps.replace(pep["pepId"], kept)
    return tagged(after, _shown(call, after))


def review_pep(call: VirtualCall) -> Answer:
    """Record a review; the plan is due again a term later."""
    purpose(call, EDUCATIONAL)
    pep = found(call, call.state.peps, "pepId")
    identifier, due = call.state.new_id(), _termly(day_of(call.body["heldOn"]))
    record = {
        **call.body,
        "reviewId": identifier,
        "pepId": pep["pepId"],
        "nextDueBy": due,
        "recordedAt": stamp(call.now),
    }
    call.state.peps.replace(pep["pepId"], changed(pep, dueBy=due))
    answer = filed(call, call.state.reviews, f"/v1/peps/{pep['pepId']}/reviews", identifier, record)
    if "review-leads-nowhere" in call.faults:
        nowhere = uuid.uuid5(uuid.NAMESPACE_OID, identifier)
        return answer.having(("Location", f"/v1/peps/{pep['pepId']}/reviews/{nowhere}"))
    return answer


def get_review(call: VirtualCall) -> Answer:
    """One review of that plan."""
    purpose(call, EDUCATIONAL)
    return within(call, call.state.reviews, "reviewId", "pepId")


def get_education_snapshot(call: VirtualCall) -> Answer:
    """As much of a child's education as the purpose needs."""
    stated = purpose(call, VIEWS)
    view = VIEWS["SAFEGUARDING" if "snapshot-names-child" in call.faults else stated]
    child = found(call, call.state.children, "childId")
    known = dict(child)
    if child["childId"] in call.state.current:
        current = call.state.current[child["childId"]]
        pep = _shown(call, call.state.peps.find(current, call.caller.area))
        known |= {"pepStatus": pep["status"], "pepDueBy": pep["dueBy"], "pepOverdue": pep["overdue"]}
    return Answer(200, part(known, view))


# Faults


def due_date_in_english_form(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """The day first, the year last."""
    if operation is None or operation.id != "getPep" or answer.status != 200:
        return answer
    year, month, day = answer.body["dueBy"].split("-")
    return replace(answer, body={**answer.body, "dueBy": f"{day}/{month}/{year}"})


AGENCY = Agency(
    name="virtual-school",
    behaviours={
        **notices.behaviours(VirtualSchool),
        "getStatus": get_status,
        "notifyLookedAfter": notify_looked_after,
        "getLookedAfterNotification": get_looked_after_notification,
        "receiveSuspensionNotice": receive_suspension_notice,
        "getSuspensionNotice": get_suspension_notice,
        "listPeps": list_peps,
        "initiatePep": initiate_pep,
        "getPep": get_pep,
        "updatePep": update_pep,
        "reviewPep": review_pep,
        "getReview": get_review,
        "getEducationSnapshot": get_education_snapshot,
    },
    fresh=fresh,
    tampering={"due-date-in-english-form": due_date_in_english_form},
    acts_as={
        "notice-repeated-counts-twice": "replay-creates-twice",
        "notice-check-letter-ignored": "check-letter-ignored",
    },
)
