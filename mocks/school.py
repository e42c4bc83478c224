"""
Schools and colleges: pupils, attendance, suspensions, concerns, and news from the police.

A school is told that a pupil has a social worker and never why; whom it tells of a suspension follows from that alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from joinedup.mocks import notices, subject_access
from joinedup.mocks.calendar import SCHOOLS, CalendarError, School, local_day
from joinedup.mocks.casework import (
    CRIME_PREVENTION,
    EARLY_HELP,
    EDUCATION_MONITORING,
    EDUCATIONAL,
    MOST_MATCHES,
    PROTECTIVE,
    changed,
    comparable,
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
)
from joinedup.mocks.clock import stamp
from joinedup.mocks.deadlines import due
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.messages import Answer, Incoming
from joinedup.mocks.operations import Operation
from joinedup.mocks.school_roll import Schools, fresh
from joinedup.mocks.store import Record

TRANSFER_FILE_DAYS, SAFEGUARDING_FILE_DAYS = 15, 5
PRESENT = ("/", "\\", "L", "P", "V", "W", "K", "B")
NOT_POSSIBLE = ("X", "Z", "#", "D", "Q", "Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7")

_WHO = (
    "pupilId",
    "upn",
    "givenName",
    "familyName",
    "dateOfBirth",
    "yearGroup",
    "enrolmentStatus",
    "school",
    "version",
)
_LEARNING = (*_WHO, "uln", "senProvision", "senType")
_SAFETY = (*_LEARNING, "sex", "hasSocialWorker", "address", "dslContact")
VIEWS: dict[str, tuple[str, ...]] = {
    EARLY_HELP: _WHO,
    EDUCATION_MONITORING: _LEARNING,
    **dict.fromkeys(PROTECTIVE, _SAFETY),
}
ITEM = ("pupilId", "enrolmentStatus", "version")
OWN_RECORD = ("givenName", "familyName", "dateOfBirth", "yearGroup", "enrolmentStatus")
MATCH = ("pupilId", "givenName", "familyName", "dateOfBirth")
RECEIPT = ("encompassNotificationId", "outcome", "deliverBy", "receivedAt")


SchoolCall = Call[Schools]


# Pupils


def get_status(call: SchoolCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


def list_pupils(call: SchoolCall) -> Answer:
    """One page of the caller's pupils, without personal details."""
    return listed(call, call.state.pupils, ITEM, step=-("pupil-listed-twice" in call.faults))


def search_pupils(call: SchoolCall) -> Answer:
    """The caller's pupils of whom everything given is true."""
    purpose(call, VIEWS)
    hits = _candidates(call, call.body)[:MOST_MATCHES]
    for pupil in hits:
        call.state.ledger.note(call, pupil["pupilId"])
    return Answer(200, {"items": [part(pupil, MATCH) for pupil in hits]})


def _candidates(call: SchoolCall, known: Record) -> list[Record]:
    wanted = {name: comparable(value) for name, value in known.items()}
    return [
        kept.record
        for kept in call.state.pupils.of(call.caller.area)
        if all(comparable(kept.record.get(name, "")) == value for name, value in wanted.items())
    ]


def get_pupil(call: SchoolCall) -> Answer:
    """As much of a pupil's record as the purpose needs."""
    view = VIEWS[purpose(call, VIEWS)]
    if "purpose-not-asked" in call.faults:
        view = _SAFETY
    pupil = found(call, call.state.pupils, "pupilId", anyone="pupil-of-other-council-shown" in call.faults)
    return tagged(pupil, part(pupil, view))


# Attendance


def get_attendance(call: SchoolCall) -> Answer:
    """The register between two days."""
    purpose(call, EDUCATIONAL)
    pupil = found(call, call.state.pupils, "pupilId")
    first, last = call.parameter("from", ""), call.parameter("to", "9999-12-31")
    register = sorted(call.state.registers[pupil["pupilId"]].items())
    marks = [
        {"date": day, "session": session, "attendanceCode": code}
        for (day, session), code in register
        if first <= day <= last
    ][-800:]
    codes = [mark["attendanceCode"] for mark in marks]
    body = {
        "pupilId": pupil["pupilId"],
        "marks": marks,
        "possibleSessions": sum(code not in NOT_POSSIBLE for code in codes),
        "attendedSessions": sum(code in PRESENT for code in codes),
    }
    return Answer(200, body)


def raise_absence_alert(call: SchoolCall) -> Answer:
    """Enter the mark, and tell the social worker of a pupil who has one."""
    purpose(call, EDUCATIONAL)
    pupil = own(call, call.state.pupils, "pupilId")
    identifier = call.state.new_id()
    mark = (call.body["date"], call.body["session"])
    if "absence-not-registered" not in call.faults:
        call.state.registers[pupil["pupilId"]][mark] = call.body["attendanceCode"]
    notified = _told(call, pupil, "absence-alert", identifier, social_worker=True)
    record = {**call.body, "absenceAlertId": identifier, "notified": notified, "raisedAt": stamp(call.now)}
    return filed(call, call.state.alerts, "/v1/absence-alerts", identifier, record)


def get_absence_alert(call: SchoolCall) -> Answer:
    """One alert."""
    purpose(call, EDUCATIONAL)
    return Answer(200, found(call, call.state.alerts, "absenceAlertId"))


def _told(call: SchoolCall, pupil: Record, kind: str, identifier: str, *, social_worker: bool) -> list[str]:
    """Tell the social worker of a pupil who has one."""
    if not social_worker or not _flag(call, pupil)["hasSocialWorker"]:
        return []
    call.state.ledger.send(call, "social-care", kind, {"upn": pupil["upn"], "reference": identifier})
    return ["social-worker"]


def _flag(call: SchoolCall, pupil: Record) -> Record:
    return call.state.flags.find(pupil["pupilId"], call.caller.area)


# Suspensions


def record_suspension(call: SchoolCall) -> Answer:
    """Record a suspension and tell, without delay, those who must know and nobody else."""
    purpose(call, EDUCATIONAL)
    pupil = own(call, call.state.pupils, "pupilId")
    identifier, at = call.state.new_id(), stamp(call.now)
    period = part(call.body, ("kind", "startDate", "sessions", "reasons"))
    recipients = list(_recipients(call, pupil))
    for recipient in recipients:
        content = {"upn": pupil["upn"], "recipient": recipient, **period}
        call.state.ledger.send(call, WHERE[recipient], "suspension", content)
    record = {
        **call.body,
        "suspensionId": identifier,
        "notifications": [{"recipient": recipient, "notifiedAt": at} for recipient in recipients],
        "recordedAt": at,
    }
    answer = filed(call, call.state.suspensions, "/v1/suspensions", identifier, record)
    if "suspension-not-kept" in call.faults:
        call.state.suspensions.remove(identifier)
    return answer


CORRECTABLE = ("givenName", "familyName", "dateOfBirth")
WHERE = {"local-authority": "social-care", "social-worker": "social-care", "virtual-school": "virtual-school"}


def _recipients(call: SchoolCall, pupil: Record) -> Iterator[str]:
    everyone = "suspension-told-to-all" in call.faults
    yield "local-authority"
    if everyone or (_flag(call, pupil)["hasSocialWorker"] and "social-worker-not-told" not in call.faults):
        yield "social-worker"
    if everyone or pupil["pupilId"] in call.state.looked_after:
        yield "virtual-school"


def get_suspension(call: SchoolCall) -> Answer:
    """One suspension and who was told of it."""
    purpose(call, EDUCATIONAL)
    return Answer(200, found(call, call.state.suspensions, "suspensionId"))


# Safeguarding


def get_social_worker_flag(call: SchoolCall) -> Answer:
    """Whether a pupil has a social worker."""
    purpose(call, EDUCATIONAL)
    return tagged(found(call, call.state.flags, "pupilId"))


def update_social_worker_flag(call: SchoolCall) -> Answer:
    """Change the flag, if the caller saw its latest version."""
    purpose(call, EDUCATIONAL)
    flag = found(call, call.state.flags, "pupilId")
    if "stale-flag-accepted" not in call.faults:
        refuse_stale(call, flag)
    after = changed(flag, **call.body)
    _set_flag(call, after)
    return tagged(after)


def _set_flag(call: SchoolCall, flag: Record) -> None:
    """Keep a new version of a flag, and show it on the pupil's record."""
    call.state.flags.replace(flag["pupilId"], flag)
    pupil = call.state.pupils.find(flag["pupilId"], call.caller.area)
    if pupil["hasSocialWorker"] != flag["hasSocialWorker"]:
        known = changed(pupil, hasSocialWorker=flag["hasSocialWorker"])
        call.state.pupils.replace(flag["pupilId"], known)


def raise_concern(call: SchoolCall) -> Answer:
    """Record a concern, and pass one that cannot wait to social care."""
    purpose(call, PROTECTIVE)
    pupil = own(call, call.state.pupils, "pupilId")
    identifier = call.state.new_id()
    passed = ["social-care"] if call.body["urgency"] == "immediate" else []
    if passed:
        content = {**_named(pupil), **part(call.body, ("category", "urgency", "account", "voiceOfChild"))}
        call.state.ledger.send(call, "social-care", "contact", content)
    record = {**call.body, "concernId": identifier, "passedTo": passed, "raisedAt": stamp(call.now)}
    return filed(call, call.state.concerns, "/v1/safeguarding-concerns", identifier, record)


def _named(pupil: Record) -> Record:
    return part(pupil, ("upn", "givenName", "familyName", "dateOfBirth"))


def get_concern(call: SchoolCall) -> Answer:
    """One concern."""
    purpose(call, EDUCATIONAL if "concern-shown-for-monitoring" in call.faults else PROTECTIVE)
    return Answer(200, found(call, call.state.concerns, "concernId"))


def receive_encompass_notification(call: SchoolCall) -> Answer:
    """Take in what the police tell, match the child and say by when the school will know."""
    purpose(call, PROTECTIVE | {CRIME_PREVENTION})
    identifier = call.state.new_id()
    candidates = _matches(call, call.body["child"])
    several = len(candidates) > 1 and "first-candidate-taken" not in call.faults
    outcome = "several-candidates" if several else "matched" if candidates else "not-matched"
    school = SCHOOLS[candidates[0]["school"]["urn"]] if candidates else SCHOOLS["999001"]
    record = {
        **call.body,
        "encompassNotificationId": identifier,
        "outcome": outcome,
        "deliverBy": stamp(_next_start(call, school)),
        "receivedAt": stamp(call.now),
    }
    if outcome == "matched":
        record["pupilId"] = candidates[0]["pupilId"]
    answer = filed(call, call.state.notifications, "/v1/encompass-notifications", identifier, record)
    return replace(answer, body=part(record, RECEIPT))


def _matches(call: SchoolCall, child: Record) -> list[Record]:
    """Pupils with that number; where none was given or nobody has it, those of that name and date of birth."""
    by_number = _candidates(call, {"upn": child["upn"]}) if "upn" in child else []
    return by_number or _candidates(call, part(child, ("givenName", "familyName", "dateOfBirth")))


def _next_start(call: SchoolCall, school: School) -> datetime:
    if "closed-days-not-known" in call.faults:
        school = replace(school, closed=frozenset())
    try:
        return due("encompass-notice", call.now, school)
    except CalendarError:
        return call.now + timedelta(days=1)


def get_encompass_notification(call: SchoolCall) -> Answer:
    """One notification, as the designated safeguarding lead reads it."""
    purpose(call, PROTECTIVE)
    return Answer(200, found(call, call.state.notifications, "encompassNotificationId"))


def receive_notice(call: SchoolCall) -> Answer:
    """Take in a notice; what it says of one certain pupil is known from now on."""
    kind, child = call.body["kind"], call.body.get("child", {})
    pupils = _matches(call, child) if kind in ("care-started", "person-corrected") else []
    if len(pupils) == 1 and kind == "care-started":
        _came_into_care(call, pupils[0])
    elif len(pupils) == 1:
        call.state.pupils.replace(pupils[0]["pupilId"], changed(pupils[0], **part(child, CORRECTABLE)))
    return notices.receive_notice(call)


def _came_into_care(call: SchoolCall, pupil: Record) -> None:
    """The designated teacher knows from now on, and the pupil has a social worker."""
    call.state.looked_after.add(pupil["pupilId"])
    if not _flag(call, pupil)["hasSocialWorker"]:
        _set_flag(call, changed(_flag(call, pupil), hasSocialWorker=True))


# Transfers


def start_transfer(call: SchoolCall) -> Answer:
    """Begin the transfer of a pupil's records; a later one stands beside an earlier one."""
    purpose(call, EDUCATIONAL)
    pupil = found(call, call.state.pupils, "pupilId")
    school, leaving = SCHOOLS[pupil["school"]["urn"]], day_of(call.body["leavingDate"])
    if leaving <= local_day(call.now) and pupil["enrolmentStatus"] != "leaver":
        call.state.pupils.replace(pupil["pupilId"], changed(pupil, enrolmentStatus="leaver"))
    identifier = call.state.new_id()
    record = {
        **call.body,
        "transferId": identifier,
        "pupilId": pupil["pupilId"],
        "transferFileDueBy": days_after(leaving, TRANSFER_FILE_DAYS, school.add_school_days),
        "safeguardingFileDueBy": days_after(leaving, SAFEGUARDING_FILE_DAYS, school.add_school_days),
        "startedAt": stamp(call.now),
    }
    content = {"upn": pupil["upn"], "destinationLaestab": call.body["destinationLaestab"]}
    call.state.ledger.send(call, "school", "transfer-file", content)
    return filed(call, call.state.transfers, "/v1/transfers", identifier, record)


def get_transfer(call: SchoolCall) -> Answer:
    """One transfer."""
    purpose(call, EDUCATIONAL)
    return Answer(200, found(call, call.state.transfers, "transferId"))


# Faults


def ended_code_shown(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """Late is H, which ended in 2024."""
    if operation is None or operation.id != "getAttendance" or answer.status != 200:
        return answer
    marks = [m | {"attendanceCode": "H"} if m["attendanceCode"] == "\\" else m for m in answer.body["marks"]]
    return replace(answer, body={**answer.body, "marks": marks})


def search_shows_notes(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """Matches say what no contract mentions."""
    if operation is None or operation.id != "searchPupils" or answer.status != 200:
        return answer
    return replace(
        answer,
        body={
            "items": [
                {**m, "safeguardingNotes": "Known to the safeguarding lead."} for m in answer.body["items"]
            ]
        },
    )


AGENCY = Agency(
    name="school",
    behaviours={
        **notices.behaviours(Schools),
        **subject_access.behaviours(
            Schools, subject_access.Holding("pupil", lambda state: state.pupils, OWN_RECORD, {})
        ),
        "receiveNotice": receive_notice,
        "getStatus": get_status,
        "listPupils": list_pupils,
        "searchPupils": search_pupils,
        "getPupil": get_pupil,
        "getAttendance": get_attendance,
        "getSocialWorkerFlag": get_social_worker_flag,
        "updateSocialWorkerFlag": update_social_worker_flag,
        "startTransfer": start_transfer,
        "getTransfer": get_transfer,
        "raiseAbsenceAlert": raise_absence_alert,
        "getAbsenceAlert": get_absence_alert,
        "recordSuspension": record_suspension,
        "getSuspension": get_suspension,
        "raiseConcern": raise_concern,
        "getConcern": get_concern,
        "receiveEncompassNotification": receive_encompass_notification,
        "getEncompassNotification": get_encompass_notification,
    },
    fresh=fresh,
    tampering={
        "ended-attendance-code-shown": ended_code_shown,
        "search-shows-safeguarding-notes": search_shows_notes,
    },
    acts_as={
        "pupil-check-letter-ignored": "check-letter-ignored",
        "notification-repeated-counts-twice": "replay-creates-twice",
    },
)
