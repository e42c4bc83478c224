"""
Health providers: attendances, summaries, assessments of looked-after children, and answers to those who ask.

What is shared follows the purpose; what is not shared needs a reason, and that is kept (Children Act 2004, 16LA(3)).
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import date

from joinedup.mocks import notices, subject_access
from joinedup.mocks.calendar import add_working_days, local_day
from joinedup.mocks.casework import (
    EARLY_HELP,
    MOST_MATCHES,
    PROTECTIVE,
    SUPPORTIVE,
    Casework,
    age_on,
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
)
from joinedup.mocks.clock import stamp
from joinedup.mocks.deadlines import DEADLINES, add_months
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.fhir import FHIR, as_accepted
from joinedup.mocks.messages import Answer, Incoming, Refusal
from joinedup.mocks.operations import Operation
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, children
from joinedup.mocks.social_care import STATUSES
from joinedup.mocks.store import Record, Records

PATIENTS_EACH = 9
SEEDED_AT, START_OF_CARE = "2026-11-09T12:00:00Z", "2026-11-02"
ANSWER_WITHIN = {"urgent": 1, "routine": 5}
TOLD_AFTER = 2
# Reviews of a looked-after child's health: every six months under five years of age, then every year.
YOUNG, REVIEW_MONTHS_YOUNG, REVIEW_MONTHS = 5, 6, 12

# Examples in the contract work as they stand.
FIRST_SUBJECT_ACCESS = "8e1d3f6f-6b1d-4e3f-8a5c-1d9b1f3e5c01"
FIRST_PATIENT = "1c3e5a7b-9d0f-4b2c-8e6a-4f6b8d0c2e01"
FIRST_IDS = {
    "attendances": "3e5a7c9d-1b2f-4d4e-8a8c-6b8d0f2a4c01",
    "notifications": "5a7c9e1d-3b4f-4f6a-8c0e-8d0f2b4c6e01",
    "referrals": "7c9e1f3d-5b6a-4b8c-8e2f-0f2b4d6c8e01",
    "requests": "9e1f3d5b-7a8c-4d0e-8f4b-2b4d6f8e0a01",
    "responses": "1f3d5b7a-9c0e-4f2b-8a6d-4d6f8b0a2c01",
    "appointments": "3d5b7a9c-1e2f-4b4d-8c8f-6f8b0d2c4e01",
    "assessments": "5b7a9c1e-3f4d-4d6f-8e0b-8b0d2f4e6a01",
}

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


@dataclass
class Health(Casework):
    """What health providers hold; ``not_brought`` counts by the patient's id, since the child was last brought."""

    patients: Records = field(default_factory=Records)
    attendances: Records = field(default_factory=Records)
    notifications: Records = field(default_factory=Records)
    referrals: Records = field(default_factory=Records)
    requests: Records = field(default_factory=Records)
    responses: Records = field(default_factory=Records)
    appointments: Records = field(default_factory=Records)
    assessments: Records = field(default_factory=Records)
    not_brought: dict[str, int] = field(default_factory=dict)


HealthCall = Call[Health]


# The seed


def fresh(seed: int) -> Health:
    """The seeded state: the patients of two organisations, and one case of each kind."""
    state = Health(random.Random(seed))  # noqa: S311 - synthetic data, repeatable on purpose
    for place, organisation in enumerate(COUNCILS):
        for index, person in enumerate(children(seed, place, PATIENTS_EACH)):
            _seed_patient(state, organisation, person, index, is_first=place == index == 0)
        _seed_cases(state, organisation, is_first=place == 0)
    subject_access.seed(state, COUNCILS[0], FIRST_SUBJECT_ACCESS)
    return state


def _seed_patient(state: Health, organisation: str, person: Person, index: int, *, is_first: bool) -> None:
    identifier = FIRST_PATIENT if is_first else state.new_id()
    patient: Record = {
        "patientId": identifier,
        "nhsNumber": person.nhs_number,
        "givenName": person.given_name,
        "dateOfBirth": person.date_of_birth,
        "practice": {"odsCode": "Y99001", "name": "Exampleton Surgery"},
        "immunisationStatus": ("up-to-date", "overdue", "unknown")[index % 3],
        "attendances": 0,
        "missedAppointments": 0,
        "restricted": index == 2,
        "sdqScore": state.ids.randint(4, 24),
    }
    if person.family_name is not None:
        patient["familyName"] = person.family_name
    state.patients.add(identifier, organisation, patient)


def _seed_cases(state: Health, organisation: str, *, is_first: bool) -> None:
    patients = [kept.record for kept in state.patients.of(organisation)]
    first, looked_after = patients[0], patients[STATUSES.index("looked-after")]
    about = {"patientId": first["patientId"]}
    ids = {kind: FIRST_IDS[kind] if is_first else state.new_id() for kind in FIRST_IDS}
    child = part(first, ("givenName", "familyName", "dateOfBirth", "nhsNumber"))
    cases: dict[str, tuple[str, Record]] = {
        "attendances": ("attendanceId", {**about, "odsCode": "Y99100", "attendanceType": "emergency-department", "arrivedAt": "2026-11-08T21:15:00Z", "presentingConcern": "A fall.", "child": child, "trace": "traced", "recordedAt": SEEDED_AT}),
        "notifications": ("notificationId", {"attendanceId": ids["attendances"], "recipient": "school-nurse", "sentAt": SEEDED_AT}),
        "referrals": ("referralId", {**about, "odsCode": "Y99001", "contactSource": "3A", "category": "NEG", "urgency": "routine", "account": "Two injuries in a month.", "raisedAt": SEEDED_AT}),
        "requests": ("informationRequestId", {"nhsNumber": first["nhsNumber"], "urgency": "routine", "question": "Is anything known?", "status": "shared", "dueBy": "2026-11-16", "askedAt": SEEDED_AT}),
        "responses": ("responseId", {"informationRequestId": ids["requests"], "outcome": "shared", "summary": "One attendance.", "respondedAt": SEEDED_AT}),
        "appointments": ("missedAppointmentId", {**about, "appointmentAt": "2026-11-05T14:00:00Z", "clinic": "Speech and language therapy", "inARow": 1, "passedTo": [], "recordedAt": SEEDED_AT}),
        "assessments": ("healthAssessmentId", {"patientId": looked_after["patientId"], "kind": "initial", "startOfCare": START_OF_CARE, "requestedBy": "A. Worker", "dueBy": "2026-11-30", "assessor": "A. Doctor", "version": 1}),
    }  # fmt: skip
    for kind, (name, record) in cases.items():
        records: Records = getattr(state, kind)
        records.add(ids[kind], organisation, {name: ids[kind], **record})


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
    wanted = {name: _comparable(value) for name, value in known.items()}
    return [
        kept.record
        for kept in call.state.patients.of(call.caller.area)
        if all(_comparable(kept.record.get(name, "")) == value for name, value in wanted.items())
    ]


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().casefold()


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
    return _within(call, call.state.notifications, "notificationId", "attendanceId")


def _within(call: HealthCall, records: Records, name: str, parent: str) -> Answer:
    """A record that belongs to the object that the path names before it."""
    record = found(call, records, name)
    if record[parent] != call.parameters[parent].lower():
        raise Refusal(404, "There is no such object for this caller.")
    return Answer(200, record)


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
    return _within(call, call.state.responses, "responseId", "informationRequestId")


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
