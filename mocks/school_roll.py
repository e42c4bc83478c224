"""
What schools hold, and with what they start: pupils, their registers, and a case of each kind.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from joinedup.mocks import subject_access
from joinedup.mocks.calendar import SCHOOLS, School
from joinedup.mocks.casework import Casework, age_on, part
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, children
from joinedup.mocks.social_care import STATUSES
from joinedup.mocks.store import Record, Records

PUPILS_EACH = 9
TERM_BEGAN = date(2026, 8, 31)
REGISTER = (date(2026, 11, 2), date(2026, 11, 20))
# Of social care's statuses, those of children with a social worker.
WITH_SOCIAL_WORKER = frozenset({"child-in-need", "child-protection-plan", "looked-after"})

# Examples in the contract work as they stand.
FIRST_SUBJECT_ACCESS = "9f2e4a70-6b1d-4e3f-8a5c-1d9b1f3e5c01"
FIRST_PUPIL = "2c9a1f0e-4b7d-4f3a-8c61-9e0d7b5a1c01"
FIRST_IDS = {
    "transfers": "6e2d4c1b-0f5a-4b8e-9d7c-3a1b2c4d5e01",
    "alerts": "8a4f6b2c-1d3e-4c5a-9b7f-0e2d4c6b8a01",
    "suspensions": "1f3e5d7c-9b8a-4d6e-8f0a-2c4e6a8b0d01",
    "concerns": "4d6c8e0a-2b1f-4e3d-9a5c-7b9d1f3e5a01",
    "notifications": "9c7b5a3d-1e0f-4a2c-8b6d-4e2f0a8c6b01",
}

LAESTABS = {"999001": "0014001", "999002": "0014002"}
LEARNER_NUMBERS = ("9900000012", "9900000020", "9900000039", "9900000047")


@dataclass
class Schools(Casework):
    """
    What schools hold; flags and registers by the pupil's id.

    Args:
        looked_after: ids of pupils who are; known to the designated teacher, and in no answer.
    """

    pupils: Records = field(default_factory=Records)
    flags: Records = field(default_factory=Records)
    registers: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)
    looked_after: set[str] = field(default_factory=set)
    transfers: Records = field(default_factory=Records)
    alerts: Records = field(default_factory=Records)
    suspensions: Records = field(default_factory=Records)
    concerns: Records = field(default_factory=Records)
    notifications: Records = field(default_factory=Records)


def fresh(seed: int) -> Schools:
    """The seeded state: the pupils of two councils, three weeks of their registers, and one case of each kind."""
    state = Schools(random.Random(seed))  # noqa: S311 - synthetic data, repeatable on purpose
    for place, organisation in enumerate(COUNCILS):
        for index, person in enumerate(children(seed, place, PUPILS_EACH)):
            seed_pupil(state, organisation, person, index)
        _seed_cases(state, organisation, is_first=place == 0)
    subject_access.seed(state, COUNCILS[0], FIRST_SUBJECT_ACCESS)
    return state


def seed_pupil(state: Schools, organisation: str, person: Person, index: int) -> None:
    is_first = organisation == COUNCILS[0] and index == 0
    identifier = FIRST_PUPIL if is_first else state.new_id()
    year = year_group(person.date_of_birth)
    school = SCHOOLS["999002" if year.isdecimal() and int(year) >= 7 else "999001"]
    record: Record = {
        "pupilId": identifier,
        "upn": person.upn,
        "givenName": person.given_name,
        "dateOfBirth": person.date_of_birth,
        "sex": person.sex,
        "yearGroup": year,
        "enrolmentStatus": "dual" if index == 5 else "current",
        "school": {"urn": school.urn, "laestab": LAESTABS[school.urn], "name": school.name},
        "senProvision": "NKE"[index % 3],
        "hasSocialWorker": STATUSES[index % len(STATUSES)] in WITH_SOCIAL_WORKER,
        "dslContact": {"name": "D. Lead", "telephone": "01632960101"},
        "version": 1,
    }
    # Where a restricted child lives is not held at all: what is not there cannot be shown.
    if index != 2:
        record["address"] = {"line1": person.line1, "town": "Exampleton", "postcode": person.postcode}
    if record["senProvision"] != "N":
        record["senType"] = ("SLCN", "ASD", "SEMH")[index % 3]
    if year in ("10", "11", "12", "13"):
        record["uln"] = LEARNER_NUMBERS[index % len(LEARNER_NUMBERS)]
    if person.family_name is not None:
        record["familyName"] = person.family_name
    state.pupils.add(identifier, organisation, record)
    state.flags.add(identifier, organisation, _seed_flag(record))
    if STATUSES[index % len(STATUSES)] == "looked-after":
        state.looked_after.add(identifier)
    state.registers[identifier] = dict(_seed_register(state.ids, school))


def year_group(born: str) -> str:
    """The year of school of the autumn of 2026: nursery, reception, 1 to 13."""
    stage = age_on(born, TERM_BEGAN) - 4
    return "N" if stage < 0 else "R" if stage == 0 else str(min(stage, 13))


def _seed_flag(pupil: Record) -> Record:
    flag = {"pupilId": pupil["pupilId"], "hasSocialWorker": pupil["hasSocialWorker"], "version": 1}
    if pupil["hasSocialWorker"]:
        flag |= {"team": "North assessment team", "telephone": "01632960200", "since": "2026-09-14"}
    return flag


def _seed_register(source: random.Random, school: School) -> Iterator[tuple[tuple[str, str], str]]:
    first, last = REGISTER
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if school.is_school_day(day):
            for session, present in (("AM", "/"), ("PM", "\\")):
                absent = source.random() < 0.1
                yield (day.isoformat(), session), source.choice("IMLNOU") if absent else present


def _seed_cases(state: Schools, organisation: str, *, is_first: bool) -> None:
    """One case of each kind about the organisation's first pupil, so that there is something to read."""
    pupil = next(state.pupils.of(organisation)).record
    at = "2026-11-16T09:30:00Z"
    about = {"pupilId": pupil["pupilId"]}
    child = part(pupil, ("givenName", "familyName", "dateOfBirth", "upn"))
    cases: dict[str, tuple[str, Record]] = {
        "transfers": ("transferId", {**about, "destinationLaestab": "0024002", "leavingDate": "2026-11-20", "transferFileDueBy": "2026-12-11", "safeguardingFileDueBy": "2026-11-27", "startedAt": at}),
        "alerts": ("absenceAlertId", {**about, "date": "2026-11-16", "session": "AM", "attendanceCode": "N", "notified": ["social-worker"], "raisedAt": at}),
        "suspensions": ("suspensionId", {**about, "kind": "suspension", "startDate": "2026-11-17", "sessions": 4, "reasons": ["DB"], "notifications": [{"recipient": "local-authority", "notifiedAt": at}], "recordedAt": at}),
        "concerns": ("concernId", {**about, "category": "NEG", "urgency": "routine", "account": "Came to school hungry.", "passedTo": [], "raisedAt": at}),
        "notifications": ("encompassNotificationId", {**about, "policeReference": "42/1234/26", "incidentAt": "2026-11-13T23:30:00Z", "child": child, "childPresent": True, "outcome": "matched", "deliverBy": "2026-11-16T08:30:00Z", "receivedAt": "2026-11-14T07:00:00Z"}),
    }  # fmt: skip
    for kind, (name, record) in cases.items():
        identifier = FIRST_IDS[kind] if is_first else state.new_id()
        records: Records = getattr(state, kind)
        records.add(identifier, organisation, {name: identifier, **record})
