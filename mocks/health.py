"""
Health providers: attendances, summaries, assessments of looked-after children, and answers to those who ask.

What is shared follows the purpose; what is not shared needs a reason, and that is kept (Children Act 2004, 16LA(3)).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from joinedup.mocks import notices, subject_access
from joinedup.mocks.calendar import add_working_days, local_day
from joinedup.mocks.casework import (
    EARLY_HELP,
    MOST_MATCHES,
    PROTECTIVE,
    SUPPORTIVE,
    age_on,
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
    within,
)
from joinedup.mocks.clock import stamp
from joinedup.mocks.deadlines import DEADLINES, add_months
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.fhir import FHIR, as_accepted
from joinedup.mocks.health_records import Health, fresh
from joinedup.mocks.messages import Answer, Incoming
from joinedup.mocks.operations import Operation
from joinedup.mocks.store import Record

ANSWER_WITHIN = {"urgent": 1, "routine": 5}
TOLD_AFTER = 2
# Reviews of a looked-after child's health: every six months under five years of age, then every year.
YOUNG, REVIEW_MONTHS_YOUNG, REVIEW_MONTHS = 5, 6, 12

_CARE = ("patientId", "practice", "immunisationStatus")
_WHO = (
    "nhsNumber",
    "givenName",
    "familyName",
    "dateOfBirth",
    "attendances",
    "missedAppointments",
    "sdqScore",
)
VIEWS: dict[str, tuple[str, ...]] = {EARLY_HELP: _CARE, **dict.fromkeys(PROTECTIVE, (*_CARE, *_WHO))}
OWN_RECORD = (
    "givenName",
    "familyName",
    "dateOfBirth",
    "immunisationStatus",
    "attendances",
    "missedAppointments",
)
MATCH = ("patientId", "givenName", "familyName", "dateOfBirth")
ASSESSMENT_ITEM = ("healthAssessmentId", "patientId", "kind", "dueBy", "overdue", "version")


HealthCall = Call[Health]


# Patients


def get_status(call: HealthCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


def list_patients(call: HealthCall) -> Answer:
    """One page of the patients whose records are shared with the caller."""
    lost = int("patient-between-pages-lost" in call.faults)
    return listed(call, call.state.patients, ("patientId",), step=lost)


def search_patients(call: HealthCall) -> Answer:
    """The patients of whom everything given is true."""
    purpose(call, SUPPORTIVE)
    hits = _candidates(call, call.body)[:MOST_MATCHES]
    for patient in hits:
        call.state.ledger.note(call, patient["patientId"])
    return Answer(200, {"items": [part(patient, MATCH) for patient in hits]})


def _candidates(call: HealthCall, known: Record) -> list[Record]:
    wanted = {name: comparable(value) for name, value in known.items()}
    return [
        kept.record
        for kept in call.state.patients.of(call.caller.area)
        if all(comparable(kept.record.get(name, "")) == value for name, value in wanted.items())
    ]


def get_health_summary(call: HealthCall) -> Answer:
    """As much about a child's health as the purpose needs; of a restricted child not where it is registered."""
    view = VIEWS[purpose(call, VIEWS)]
    if "early-help-sees-attendances" in call.faults:
        view = VIEWS["SAFEGUARDING"]
    anyone = "summary-of-other-organisation-shown" in call.faults
    patient = found(call, call.state.patients, "patientId", anyone=anyone)
    if patient["restricted"] and "restricted-practice-shown" not in call.faults:
        view = tuple(name for name in view if name != "practice")
    return Answer(200, part(patient, view))


# Attendances


def record_attendance(call: HealthCall) -> Answer:
    """Trace the child, keep the attendance, and ask the national service about a child who is traced."""
    purpose(call, PROTECTIVE)
    patients = _traced(call, call.body["child"])
    several = len(patients) > 1 and "nearest-patient-linked" not in call.faults
    trace = "several-candidates" if several else "traced" if patients else "not-traced"
    identifier = call.state.new_id()
    record = {**call.body, "attendanceId": identifier, "trace": trace, "recordedAt": stamp(call.now)}
    if trace == "traced":
        patient = patients[0]
        record["patientId"] = patient["patientId"]
        _count(call, patient, "attendances")
        query = {"nhsNumber": patient["nhsNumber"], "careSetting": "unscheduled"}
        call.state.ledger.send(call, "cp-is", "query", query)
    return filed(call, call.state.attendances, "/v1/attendances", identifier, record)


def _traced(call: HealthCall, child: Record) -> list[Record]:
    """Patients of that number; where none was given or nobody has it, those of that name and date of birth."""
    by_number = _candidates(call, {"nhsNumber": child["nhsNumber"]}) if "nhsNumber" in child else []
    return by_number or _candidates(call, part(child, ("givenName", "familyName", "dateOfBirth")))


def _count(call: HealthCall, patient: Record, name: str) -> None:
    counted = {**patient, name: min(patient[name] + 1, 100_000)}
    call.state.patients.replace(patient["patientId"], counted)


def get_attendance(call: HealthCall) -> Answer:
    """One attendance."""
    purpose(call, PROTECTIVE)
    return Answer(200, found(call, call.state.attendances, "attendanceId"))


def notify_of_attendance(call: HealthCall) -> Answer:
    """Tell another what it needs: social care the concern, a nurse that the child attended."""
    purpose(call, PROTECTIVE)
    attendance = found(call, call.state.attendances, "attendanceId")
    identifier = call.state.new_id()
    record = {
        **call.body,
        "notificationId": identifier,
        "attendanceId": attendance["attendanceId"],
        "sentAt": stamp(call.now),
    }
    names: tuple[str, ...] = ("attendanceType", "arrivedAt", "child")
    content = part(attendance, names)
    if call.body["recipient"] == "social-care":
        content |= {**part(attendance, ("presentingConcern",)), **part(call.body, ("reason",))}
    call.state.ledger.send(call, call.body["recipient"], "attendance", content)
    address = f"/v1/attendances/{attendance['attendanceId']}/notifications"
    return filed(call, call.state.notifications, address, identifier, record)


def get_notification(call: HealthCall) -> Answer:
    """One notification of that attendance."""
    purpose(call, PROTECTIVE)
    return within(call, call.state.notifications, "notificationId", "attendanceId")


def record_missed_appointment(call: HealthCall) -> Answer:
    """Count how often a child was not brought; after the second time in a row social care is told."""
    purpose(call, PROTECTIVE)
    patient = own(call, call.state.patients, "patientId")
    count = min(call.state.not_brought.get(patient["patientId"], 0) + 1, 100_000)
    call.state.not_brought[patient["patientId"]] = count
    _count(call, patient, "missedAppointments")
    told = count >= TOLD_AFTER and "not-brought-never-passed-on" not in call.faults
    if told:
        content = {"nhsNumber": patient["nhsNumber"], "inARow": count, "source": "3F"}
        call.state.ledger.send(call, "social-care", "was-not-brought", content)
    identifier = call.state.new_id()
    record = {
        **call.body,
        "missedAppointmentId": identifier,
        "inARow": count,
        "passedTo": ["social-care"] if told else [],
        "recordedAt": stamp(call.now),
    }
    return filed(call, call.state.appointments, "/v1/missed-appointments", identifier, record)


def get_missed_appointment(call: HealthCall) -> Answer:
    """One missed appointment."""
    purpose(call, PROTECTIVE)
    return Answer(200, found(call, call.state.appointments, "missedAppointmentId"))


# Safeguarding


def raise_referral(call: HealthCall) -> Answer:
    """Refer a child to social care."""
    purpose(call, PROTECTIVE)
    patient = own(call, call.state.patients, "patientId")
    identifier = call.state.new_id()
    child = part(patient, ("givenName", "familyName", "dateOfBirth", "nhsNumber"))
    content = {"source": call.body["contactSource"], "urgency": call.body["urgency"], "child": child}
    call.state.ledger.send(call, "social-care", "contact", {**content, "reason": call.body["account"]})
    record = {**call.body, "referralId": identifier, "raisedAt": stamp(call.now)}
    return filed(call, call.state.referrals, "/v1/safeguarding-referrals", identifier, record)


def get_referral(call: HealthCall) -> Answer:
    """One referral."""
    purpose(call, PROTECTIVE)
    return Answer(200, found(call, call.state.referrals, "referralId"))


def request_information(call: HealthCall) -> Answer:
    """Take in a request and say by when it will be answered, whether or not the child is known."""
    purpose(call, PROTECTIVE)
    identifier, within = call.state.new_id(), ANSWER_WITHIN[call.body["urgency"]]
    record = {
        **call.body,
        "informationRequestId": identifier,
        "status": "open",
        "dueBy": days_after(local_day(call.now), within, add_working_days),
        "askedAt": stamp(call.now),
    }
    return filed(call, call.state.requests, "/v1/information-requests", identifier, record)


def get_request(call: HealthCall) -> Answer:
    """One request and what became of it."""
    purpose(call, PROTECTIVE)
    return Answer(200, found(call, call.state.requests, "informationRequestId"))


def respond(call: HealthCall) -> Answer:
    """Answer a request; a later answer takes the place of an earlier one."""
    purpose(call, PROTECTIVE)
    request = found(call, call.state.requests, "informationRequestId")
    identifier, outcome = call.state.new_id(), call.body["outcome"]
    record = {
        **call.body,
        "responseId": identifier,
        "informationRequestId": request["informationRequestId"],
        "respondedAt": stamp(call.now),
    }
    if "refusal-loses-reason" in call.faults:
        record.pop("refusalReason", None)
    call.state.requests.replace(request["informationRequestId"], {**request, "status": outcome})
    told = part(
        {**request, **record}, ("nhsNumber", "outcome", "summary", "refusalReason", "enquiryReference")
    )
    call.state.ledger.send(call, "mash", "information-response", told)
    if outcome == "not-shared":
        reason = record.get("refusalReason", "")
        call.state.ledger.note(call, request["informationRequestId"], f"not-shared {reason}".strip())
    address = f"/v1/information-requests/{request['informationRequestId']}/responses"
    return filed(call, call.state.responses, address, identifier, record)


def get_response(call: HealthCall) -> Answer:
    """One response to that request."""
    purpose(call, PROTECTIVE)
    return within(call, call.state.responses, "responseId", "informationRequestId")


# Assessments of looked-after children


def _shown(call: HealthCall, assessment: Record) -> Record:
    """An assessment with whether it is late now."""
    late = "completedOn" not in assessment and day_of(assessment["dueBy"]) < local_day(call.now)
    return {**assessment, "overdue": late}


def list_assessments(call: HealthCall) -> Answer:
    """One page of the assessments, without personal details."""
    wanted = call.parameter("patientId", "").lower()
    chosen = call.state.assessments.where(lambda record: wanted in ("", record["patientId"]))
    answer = listed(call, chosen, ASSESSMENT_ITEM)
    items = [part(_shown(call, item), ASSESSMENT_ITEM) for item in answer.body["items"]]
    return replace(answer, body={**answer.body, "items": items})


def request_assessment(call: HealthCall) -> Answer:
    """Ask for an assessment of a child who is looked after, and say by when it has to be done."""
    purpose(call, PROTECTIVE)
    patient = own(call, call.state.patients, "patientId")
    identifier = call.state.new_id()
    record = {
        **call.body,
        "patientId": patient["patientId"],
        "healthAssessmentId": identifier,
        "dueBy": assessment_due(call.body["kind"], call.body["startOfCare"], patient["dateOfBirth"]),
        "version": 1,
    }
    answer = filed(call, call.state.assessments, "/v1/health-assessments", identifier, record)
    return replace(answer, body=_shown(call, record))


def assessment_due(kind: str, start_of_care: str, born: str) -> str:
    """The last day for an initial assessment, or for the first review after it."""
    start = day_of(start_of_care)
    if kind == "initial":
        return days_after(start, DEADLINES["initial-health-assessment"].amount, add_working_days)
    months = REVIEW_MONTHS_YOUNG if age_on(born, start) < YOUNG else REVIEW_MONTHS
    try:
        return add_months(start, months).isoformat()
    except ValueError:  # after the year 9999 there are no dates
        return date.max.isoformat()


def get_assessment(call: HealthCall) -> Answer:
    """One assessment."""
    purpose(call, PROTECTIVE)
    assessment = found(call, call.state.assessments, "healthAssessmentId")
    return tagged(assessment, _shown(call, assessment))


def update_assessment(call: HealthCall) -> Answer:
    """Change or complete an assessment, if the caller saw its latest version."""
    purpose(call, PROTECTIVE)
    assessment = found(call, call.state.assessments, "healthAssessmentId")
    if "stale-assessment-change-accepted" not in call.faults:
        refuse_stale(call, assessment)
    after = changed(assessment, **call.body)
    kept = changed(assessment) if "assessment-change-lost" in call.faults else after
    call.state.assessments.replace(assessment["healthAssessmentId"], kept)
    return tagged(after, _shown(call, after))


# Faults


def summary_shows_case_notes(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """A summary says what no contract mentions."""
    if (
        operation is None
        or operation.id != "getHealthSummary"
        or answer.status != 200
        or answer.media_type == FHIR
    ):
        return answer
    return replace(answer, body={**answer.body, "caseNotes": "Discussed at the weekly meeting."})


def arrival_without_offset(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """Nobody knows to the hour when an attendance was recorded."""
    if operation is None or operation.id != "getAttendance" or answer.status != 200:
        return answer
    return replace(answer, body={**answer.body, "recordedAt": answer.body["recordedAt"].removesuffix("Z")})


def fhir_error_without_issue(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """An OperationOutcome without issues, which FHIR does not allow."""
    if answer.media_type != FHIR or answer.status < 400:
        return answer
    return replace(answer, body={"resourceType": "OperationOutcome"})


BEHAVIOURS = {
    **notices.behaviours(Health),
    **subject_access.behaviours(
        Health,
        subject_access.Holding(
            "patient", lambda state: state.patients, OWN_RECORD, {"sdqScore": "serious-harm-health"}
        ),
    ),
    "getStatus": get_status,
    "listPatients": list_patients,
    "searchPatients": search_patients,
    "getHealthSummary": get_health_summary,
    "recordAttendance": record_attendance,
    "getAttendance": get_attendance,
    "notifyOfAttendance": notify_of_attendance,
    "getNotification": get_notification,
    "raiseSafeguardingReferral": raise_referral,
    "getSafeguardingReferral": get_referral,
    "requestInformation": request_information,
    "getInformationRequest": get_request,
    "respondToInformationRequest": respond,
    "getInformationResponse": get_response,
    "recordMissedAppointment": record_missed_appointment,
    "getMissedAppointment": get_missed_appointment,
    "listHealthAssessments": list_assessments,
    "requestHealthAssessment": request_assessment,
    "getHealthAssessment": get_assessment,
    "updateHealthAssessment": update_assessment,
}

AGENCY = Agency(
    name="health",
    behaviours=BEHAVIOURS,
    fresh=fresh,
    tampering={
        "summary-shows-case-notes": summary_shows_case_notes,
        "arrival-without-offset": arrival_without_offset,
        "fhir-error-without-issue": fhir_error_without_issue,
    },
    acts_as={
        "attendance-recorded-twice": "replay-creates-twice",
        "nhs-check-digit-not-looked-at": "check-digit-ignored",
    },
    represent={"getHealthSummary": as_accepted},
)
