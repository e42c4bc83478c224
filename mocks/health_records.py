"""
What health providers hold, and with what they start: patients, and a case of each kind.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from joinedup.mocks import subject_access
from joinedup.mocks.casework import Casework, part
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, children
from joinedup.mocks.social_care import STATUSES
from joinedup.mocks.store import Record, Records

PATIENTS_EACH = 9
SEEDED_AT, START_OF_CARE = "2026-11-09T12:00:00Z", "2026-11-02"

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


def fresh(seed: int) -> Health:
    """The seeded state: the patients of two organisations, and one case of each kind."""
    state = Health(random.Random(seed))  # noqa: S311 - synthetic data, repeatable on purpose
    for place, organisation in enumerate(COUNCILS):
        for index, person in enumerate(children(seed, place, PATIENTS_EACH)):
            seed_patient(state, organisation, person, index, is_first=place == index == 0)
        _seed_cases(state, organisation, is_first=place == 0)
    subject_access.seed(state, COUNCILS[0], FIRST_SUBJECT_ACCESS)
    return state


def seed_patient(state: Health, organisation: str, person: Person, index: int, *, is_first: bool) -> None:
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
