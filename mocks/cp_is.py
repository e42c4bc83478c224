"""
Child protection information sharing: councils upload who is on a plan, care settings ask, and councils are told.

A national service: every council's uploads answer everybody's queries, while uploads and notifications are each
council's own.
"""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import msgspec

from joinedup.mocks.calendar import local_day
from joinedup.mocks.casework import (
    PROTECTIVE,
    Casework,
    changed,
    day_of,
    filed,
    found,
    listed,
    part,
    refuse_stale,
    tagged,
)
from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.formats import is_nhs_number
from joinedup.mocks.messages import Answer, FieldError, Incoming, Refusal, problem
from joinedup.mocks.operations import Operation
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, children, nhs_numbers
from joinedup.mocks.store import Record, Records

MOST_ACCESSES = 25
SEEDED_AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
CHILDREN_EACH = 5
REMEMBERED_QUERIES = 10_000
ACCESSED_FROM = "RX1EX"

# Examples in the contract work as they stand: the first records of the first council have their ids.
FIRST_UPLOAD = "c1e3a5b7-9d2f-4b64-8c8a-0e1f2a3b4a01"
FIRST_NOTIFICATION = "d2f4b6c8-0e3a-4c75-9d9b-1f2a3b4c5a01"

NOTIFICATION_ITEM = ("accessNotificationId", "accessedAt", "status")
INACTIVE_ITEM = ("inactiveNhsNumberId", "nhsNumber", "replacedBy", "inactiveSince")
PLAN = ("planType", "startDate", "endDate", "expectedDeliveryDate")
_COUNCIL = re.compile(r"E(?:06|08|09|10)[0-9]{6}")


@dataclass
class Flagged:
    """
    What is held of one child, or of a pregnant woman.

    Args:
        council: the one that is responsible.
        plans: by kind.
        accesses: from unscheduled care, the latest first.
    """

    council: str
    contacts: Record
    plans: dict[str, Record] = field(default_factory=dict)
    accesses: list[Record] = field(default_factory=list)


@dataclass
class National(Casework):
    """What the service holds; ``asked`` is what was answered to which request id, so that nobody is told twice."""

    apart = True

    flagged: dict[str, Flagged] = field(default_factory=dict)
    uploads: Records = field(default_factory=Records)
    notifications: Records = field(default_factory=Records)
    inactive: Records = field(default_factory=Records)
    asked: dict[tuple[str, str], tuple[bytes, Answer]] = field(default_factory=dict)


NationalCall = Call[National]


def fresh(seed: int) -> National:
    """The seeded state: children of two councils, what each uploaded, was told, and whose number has changed."""
    state = National(random.Random(seed))  # noqa: S311 - synthetic data, repeatable on purpose
    for place, council in enumerate(COUNCILS):
        contacts = {
            "officeHoursTelephone": f"0163296010{place}",
            "emergencyDutyTelephone": f"0163296019{place}",
        }
        persons = children(seed, place, CHILDREN_EACH)
        for index, person in enumerate(persons):
            state.flagged[person.nhs_number] = Flagged(council, contacts, _seeded_plans(index))
        _seed_upload(state, council, place)
        for index, person in enumerate(persons[:3]):
            _seed_notification(state, council, person, first=place == 0 and index == 0)
        _seed_inactive(state, council, place)
    return state


def _seeded_plans(index: int) -> dict[str, Record]:
    kinds = ("CPP", "LAC", "CPP", "UCPP", "LAC")
    plan: Record = {"planType": kinds[index], "startDate": "2026-05-11"}
    if plan["planType"] == "UCPP":
        plan["expectedDeliveryDate"] = "2027-01-15"
    if index == 2:
        plan["endDate"] = "2026-08-31"
    return {plan["planType"]: plan}


def _seed_upload(state: National, council: str, place: int) -> None:
    identifier = state.new_id() if place else FIRST_UPLOAD
    upload = {
        "uploadId": identifier,
        "council": council,
        "receivedAt": stamp(SEEDED_AT),
        "accepted": CHILDREN_EACH,
        "rejected": 0,
        "outcomes": [{"index": index, "outcome": "accepted"} for index in range(CHILDREN_EACH)],
    }
    state.uploads.add(identifier, council, upload)


def _seed_notification(state: National, council: str, person: Person, *, first: bool) -> None:
    at = stamp(SEEDED_AT - timedelta(hours=7))
    state.flagged[person.nhs_number].accesses.append({"accessedAt": at, "organisation": ACCESSED_FROM})
    identifier = FIRST_NOTIFICATION if first else state.new_id()
    notification = {
        "accessNotificationId": identifier,
        "nhsNumber": person.nhs_number,
        "organisation": ACCESSED_FROM,
        "accessReason": "Attended with a broken arm",
        "accessedAt": at,
        "status": "new",
        "version": 1,
    }
    state.notifications.add(identifier, council, notification)


def _seed_inactive(state: National, council: str, place: int) -> None:
    numbers = nhs_numbers(1000 * place + 900)
    for _ in range(3):
        identifier = state.new_id()
        pair = {"nhsNumber": next(numbers), "replacedBy": next(numbers)}
        line = {"inactiveNhsNumberId": identifier, **pair, "inactiveSince": "2026-10-30"}
        state.inactive.add(identifier, council, line)


def get_status(call: NationalCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


def upload_plans(call: NationalCall) -> Answer:
    """Take in a council's records one by one, each with its outcome."""
    call.state.ledger.require_purpose(call, PROTECTIVE)
    council = call.caller.organisation
    if _COUNCIL.fullmatch(council) is None:
        raise call.state.ledger.refuse(call, Refusal(403, "Only a council uploads plans."))
    today, records = local_day(call.now), call.body["records"]
    wrong = [_wrong_with(call, record, f"/records/{index}") for index, record in enumerate(records)]
    fails_all = "one-bad-record-fails-batch" in call.faults and any(wrong)
    if fails_all or all(wrong):
        errors = tuple(error for error in wrong if error)
        refusal = Refusal(422, "Every record was rejected.", errors=errors, sent=call.body)
        raise call.state.ledger.refuse(call, refusal)
    outcomes = []
    for index, (record, error) in enumerate(zip(records, wrong, strict=True)):
        # Looked at again, because a record may be about the child of one before it.
        error = error or _wrong_with(call, record, f"/records/{index}")
        outcomes.append(
            _rejected(index, error) if error else {"index": index, "outcome": _take_in(call, record, today)}
        )
    rejected = sum(outcome["outcome"] == "rejected" for outcome in outcomes)
    upload = {
        "uploadId": call.state.new_id(),
        "council": council,
        "receivedAt": stamp(call.now),
        "accepted": len(outcomes) - rejected,
        "rejected": rejected,
        "outcomes": outcomes,
    }
    return filed(call, call.state.uploads, "/v1/uploads", upload["uploadId"], upload)


def _rejected(index: int, error: FieldError) -> Record:
    told = {"pointer": error.pointer, "code": error.code, "detail": error.detail}
    return {"index": index, "outcome": "rejected", "errors": [told]}


def _wrong_with(call: NationalCall, record: Record, pointer: str) -> FieldError | None:
    """Why a record cannot be taken in; None where it can."""
    if not is_nhs_number(record["nhsNumber"]):
        return FieldError(f"{pointer}/nhsNumber", "format", "The check digit is wrong.")
    if "endDate" in record and day_of(record["endDate"]) < day_of(record["startDate"]):
        return FieldError(f"{pointer}/endDate", "order", "A plan cannot end before it starts.")
    held = call.state.flagged.get(record["nhsNumber"])
    if held is None or held.council in (call.caller.organisation, record.get("transferredFrom")):
        return None
    if not _is_open(held, local_day(call.now)) or "second-council-takes-over" in call.faults:
        return None
    detail = "Another council is responsible, and the record does not say that it was transferred from there."
    return FieldError(f"{pointer}/nhsNumber", "held-by-another-council", detail)


def _is_open(held: Flagged, today: date) -> bool:
    return any("endDate" not in plan or day_of(plan["endDate"]) >= today for plan in held.plans.values())


def _take_in(call: NationalCall, record: Record, today: date) -> str:
    """Hold a good record; the outcome."""
    plan = part(record, PLAN)
    number, council = record["nhsNumber"], call.caller.organisation
    held = call.state.flagged.get(number)
    if not _is_shown(plan, today):
        _forget(held, council, plan)
        return "expired"
    unchanged = held is not None and held.council == council and held.plans.get(plan["planType"]) == plan
    if held is None:
        held = call.state.flagged[number] = Flagged(council, call.body["contacts"])
    elif held.council != council:
        call.state.ledger.send(
            call, held.council, "responsibility-transferred", {"nhsNumber": number, "to": council}
        )
        held.plans = {kind: _ended(former, today) for kind, former in held.plans.items()}
        held.council = council
    held.contacts = call.body["contacts"]
    held.plans[plan["planType"]] = plan
    _leave_mother(call, record)
    return "unchanged" if unchanged else "accepted"


def _forget(held: Flagged | None, council: str, plan: Record) -> None:
    """A plan that turns out to have ended long ago is held no more; one that began after that end stays."""
    former = held.plans.get(plan["planType"]) if held is not None and held.council == council else None
    if held is not None and former is not None and day_of(former["startDate"]) <= day_of(plan["endDate"]):
        del held.plans[plan["planType"]]


def _leave_mother(call: NationalCall, record: Record) -> None:
    """A child that is born takes its plan along; only the council that put it on the mother's number moves it."""
    mother = call.state.flagged.get(record.get("bornTo", ""))
    if mother is None or mother.council != call.caller.organisation or "mother-keeps-plan" in call.faults:
        return
    mother.plans.pop("UCPP", None)


def _ended(plan: Record, today: date) -> Record:
    """The plan, ended today at the latest."""
    ended = "endDate" in plan and day_of(plan["endDate"]) <= today
    return plan if ended else {**plan, "endDate": today.isoformat()}


def _is_shown(plan: Record, today: date) -> bool:
    """Whether a plan goes on, or ended within the last 12 months."""
    if "endDate" not in plan:
        return True
    end = day_of(plan["endDate"])
    return (end.year + 1, end.month, end.day) >= (today.year, today.month, today.day)


def get_upload(call: NationalCall) -> Answer:
    """One upload of the council."""
    call.state.ledger.require_purpose(call, PROTECTIVE)
    return Answer(200, found(call, call.state.uploads, "uploadId"))


def query_plans(call: NationalCall) -> Answer:
    """Answer what is held of a child; from unscheduled care, tell the responsible council, once."""
    if "query-purpose-not-asked" not in call.faults:
        call.state.ledger.require_purpose(call, PROTECTIVE)
    request_id = call.parameter("X-Request-ID")
    if request_id is None:
        return _answer_query(call)
    key = (call.caller.client_id, request_id.lower())
    digest = hashlib.sha256(msgspec.json.encode(call.body, order="sorted")).digest()
    if key not in call.state.asked:
        if len(call.state.asked) >= REMEMBERED_QUERIES:
            call.state.asked.pop(next(iter(call.state.asked)))
        call.state.asked[key] = (digest, _answer_query(call))
    asked, answer = call.state.asked[key]
    if asked != digest:
        error = FieldError("/header/X-Request-ID", "reused", "Another request had this id.")
        raise Refusal(
            422, "The X-Request-ID was used before with other content; use a new one.", errors=(error,)
        )
    return answer


def _answer_query(call: NationalCall) -> Answer:
    held = call.state.flagged.get(call.body["nhsNumber"])
    today = local_day(call.now)
    for_ever = "plan-kept-for-ever" in call.faults
    plans = [p for p in held.plans.values() if for_ever or _is_shown(p, today)] if held else []
    call.state.ledger.note(call, "")
    if held is None or not plans:
        return Answer(200, {"plans": [], "accesses": []})
    body = {
        "plans": plans,
        "responsibleCouncil": {"code": held.council, **held.contacts},
        "accesses": list(held.accesses[:MOST_ACCESSES]),
    }
    silent, told = "unscheduled-query-silent" in call.faults, "scheduled-query-notifies" in call.faults
    if told or (call.body["careSetting"] == "unscheduled" and not silent):
        _tell(call, held)
    return Answer(200, body)


def _tell(call: NationalCall, held: Flagged) -> None:
    """Add a query to the history of a child, and leave word of it with the responsible council."""
    access = {"accessedAt": stamp(call.now), "organisation": call.caller.organisation}
    history = [access, *held.accesses]
    held.accesses = (
        history[-MOST_ACCESSES:] if "history-keeps-oldest" in call.faults else history[:MOST_ACCESSES]
    )
    identifier = call.state.new_id()
    notification = {
        "accessNotificationId": identifier,
        **part(call.body, ("nhsNumber", "accessReason")),
        **access,
        "status": "new",
        "version": 1,
    }
    call.state.notifications.add(identifier, held.council, notification)
    call.state.ledger.send(call, held.council, "access-notification", notification)


def list_access_notifications(call: NationalCall) -> Answer:
    """One page of what the council was told."""
    step = int("notification-between-pages-lost" in call.faults)
    return listed(call, call.state.notifications, NOTIFICATION_ITEM, step=step)


def get_access_notification(call: NationalCall) -> Answer:
    """One notification of the council."""
    call.state.ledger.require_purpose(call, PROTECTIVE)
    anyone = "other-council-notification-readable" in call.faults
    return tagged(found(call, call.state.notifications, "accessNotificationId", anyone=anyone))


def acknowledge_access_notification(call: NationalCall) -> Answer:
    """Keep who has seen a notification, if the caller saw its latest version."""
    call.state.ledger.require_purpose(call, PROTECTIVE)
    record = found(call, call.state.notifications, "accessNotificationId")
    if "old-acknowledgement-wins" not in call.faults:
        refuse_stale(call, record)
    seen = changed(record, **call.body, status="acknowledged")
    call.state.notifications.replace(record["accessNotificationId"], seen)
    return tagged(seen)


def list_inactive_nhs_numbers(call: NationalCall) -> Answer:
    """One page of numbers of the council's children that are no longer in use."""
    call.state.ledger.require_purpose(call, PROTECTIVE)
    call.state.ledger.note(call, "")
    records = Records() if "inactive-number-not-told" in call.faults else call.state.inactive
    return listed(call, records, INACTIVE_ITEM)


def _nothing_held_is_404(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if operation is None or operation.id != "queryPlans" or answer.status != 200 or answer.body["plans"]:
        return answer
    refused = problem(Refusal(404, "There is no such child."), str(answer.header("X-Request-ID")))
    return replace(refused, headers=answer.headers)


def _query_shows_name(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if operation is None or operation.id != "queryPlans" or answer.status != 200:
        return answer
    extra = {"givenName": "Siân", "familyName": "O'Neill", "dateOfBirth": "2015-06-30"}
    return replace(answer, body={**answer.body, **extra})


AGENCY = Agency(
    name="cp-is",
    behaviours={
        "getStatus": get_status,
        "uploadPlans": upload_plans,
        "getUpload": get_upload,
        "queryPlans": query_plans,
        "listAccessNotifications": list_access_notifications,
        "getAccessNotification": get_access_notification,
        "acknowledgeAccessNotification": acknowledge_access_notification,
        "listInactiveNhsNumbers": list_inactive_nhs_numbers,
    },
    fresh=fresh,
    tampering={
        "nothing-held-is-404": _nothing_held_is_404,
        "query-shows-name": _query_shows_name,
    },
    acts_as={
        "query-scope-opens-inbox": "scope-ignored",
        "upload-taken-twice": "replay-creates-twice",
        "query-by-wrong-number": "check-digit-ignored",
    },
)
