"""
An area: all agencies in one process, somebody who calls them, and the things that happen in it.
"""

from __future__ import annotations

import json
from typing import Any

from tour import StoppedClock, Visitor

from joinedup.mocks.cast import Cast
from joinedup.mocks.council_seed import FIRST_CONFERENCE, FIRST_PLAN, FIRST_REFERRAL
from joinedup.mocks.early_help import FIRST_REQUEST
from joinedup.mocks.health_records import FIRST_PATIENT
from joinedup.mocks.identity_register import FIRST_PERSON
from joinedup.mocks.messages import Answer
from joinedup.mocks.school_roll import FIRST_PUPIL
from joinedup.mocks.social_care import FIRST_CHILD

SYSTEMS = (
    *("social-care", "early-help", "health", "school", "virtual-school", "police", "mash", "cp-is"),
    "identity",
)
COUNCIL, OTHER_COUNCIL = "E09000001", "E09000002"
SIAN = {"givenName": "Siân", "familyName": "O'Neill", "dateOfBirth": "2015-06-30", "nhsNumber": "9990001006"}
FRIDAY_NIGHT = "2026-11-13T23:30:00Z"
NOTICE = {
    "noticeType": "domestic-abuse",
    "incidentReference": "42/1234/26",
    "occurredAt": FRIDAY_NIGHT,
    "gradedRisk": "high",
    "circumstances": "Officers were called to a home with children in it.",
    "informant": "A neighbour.",
    "recipient": COUNCIL,
    "handling": {"code": "P"},
    "childrenInvolved": [
        {**SIAN, "relationship": "child-of-victim", "present": True},
        {"givenName": "Mo", "relationship": "other", "present": False},
    ],
}
ENCOMPASS = {
    "occurredAt": FRIDAY_NIGHT,
    "incidentPlace": "child-home",
    "present": True,
    "relationship": "child-of-victim",
    "education": {"kind": "school", "urn": "999001"},
    "council": COUNCIL,
    "child": SIAN,
}
MISSING = {
    "missingType": "M",
    "missingSince": FRIDAY_NIGHT,
    "riskGrade": "high",
    "council": COUNCIL,
    "child": SIAN,
}
PROTECTION = {
    "startedAt": FRIDAY_NIGHT,
    "reason": "Nobody was at home.",
    "designatedOfficer": "Inspector A. Example",
    "council": COUNCIL,
    "child": SIAN,
}
ATTENDANCE = {
    "odsCode": "RX1EX",
    "attendanceType": "emergency-department",
    "arrivedAt": "2026-11-14T08:30:00Z",
    "presentingConcern": "A broken arm.",
    "child": SIAN,
}
ENQUIRY = {
    "rag": "red",
    "reason": "What is known of the child?",
    "agenciesAsked": [
        {"agency": "police"},
        {"agency": "health", "organisation": "RX1EX"},
        {"agency": "education"},
        {"agency": "social-care"},
        {"agency": "housing"},
    ],
    "child": SIAN,
}
PAPERS = [
    {"kind": kind, "writtenOn": "2026-11-02"} for kind in ("plan", "report", "assessment", "chronology")
]
TRANSFER = {"toLa": OTHER_COUNCIL, "child": SIAN, "planCategory": "NEG", "papers": PAPERS}


class Area:
    """All agencies of an area in this process, and somebody who calls them."""

    def __init__(self, *faults: str, apart: bool = False) -> None:
        self.cast = Cast(SYSTEMS, faults=faults, clock=StoppedClock(), apart=apart)
        self._visitors = {system: Visitor(self.cast, system) for system in SYSTEMS}

    def ask(self, system: str, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """Call an agency as its own organisation; the answer has to be a success."""
        answer = self._visitors[system].send("", method, path, body=body, **more)
        assert answer.status < 300, answer.body
        return answer

    def token(self, system: str, caller: str) -> str:
        """A token of another organisation."""
        return self._visitors[system].token(caller)

    def delivered(self) -> list[tuple[str, str, str]]:
        """What was posted: from whom, to whom, and what became of it."""
        return [
            (t.delivery.sender, t.delivery.recipient, str(t.state)) for t in self.cast.deliveries.posted()
        ]

    def received(self, system: str, operation_id: str) -> list[dict[str, Any]]:
        """By the journal, the bodies that an agency was sent by others and took in."""
        ids = {tracked.id for tracked in self.cast.deliveries.posted()}
        return [
            json.loads(exchange.incoming.body)
            for exchange in self.cast.journal.exchanges(system)
            if exchange.incoming.headers.get("x-request-id") in ids
            and exchange.answer.status < 300
            and self.cast.engines[system].operation_id(exchange.incoming) == operation_id
        ]

    def children(self, status: str) -> list[dict[str, Any]]:
        """The council's children of whom that is the status."""
        kept = self.cast.engines["social-care"].state.children.of(COUNCIL)
        return [each.record for each in kept if each.record["status"] == status]

    def flagged_patient(self) -> dict[str, Any]:
        """A patient whom the national service knows."""
        flagged = self.cast.engines["cp-is"].state.flagged
        patients = self.cast.engines["health"].state.patients.of(COUNCIL)
        return next(k.record for k in patients if k.record["nhsNumber"] in flagged)


# --- what happens


def raise_concern(area: Area) -> None:
    """A school raises a concern that cannot wait."""
    body = {"pupilId": FIRST_PUPIL, "category": "PHY", "urgency": "immediate", "account": "A bruise."}
    area.ask("school", "POST", "/v1/safeguarding-concerns", body)


def alert_to_absence(area: Area) -> None:
    """A pupil is absent and nobody says why."""
    body = {"pupilId": FIRST_PUPIL, "date": "2026-11-18", "session": "AM", "attendanceCode": "N"}
    area.ask("school", "POST", "/v1/absence-alerts", body)


def suspend(area: Area) -> None:
    """A looked-after pupil is suspended."""
    school = area.cast.engines["school"].state
    looked_after = next(
        k.record for k in school.pupils.of(COUNCIL) if k.record["pupilId"] in school.looked_after
    )
    body = {
        "pupilId": looked_after["pupilId"],
        "kind": "suspension",
        "startDate": "2026-11-18",
        "sessions": 4,
        "reasons": ["DB"],
    }
    area.ask("school", "POST", "/v1/suspensions", body)


def leave_school(area: Area) -> None:
    """A pupil leaves for another school."""
    body = {"destinationLaestab": "0024002", "leavingDate": "2026-11-20"}
    area.ask("school", "POST", f"/v1/pupils/{FIRST_PUPIL}/transfers", body)


def step_up(area: Area) -> None:
    """Early help steps a case up."""
    body = {"earlyHelpRequestId": FIRST_REQUEST, "urgency": "same-day", "reason": "It has become worse."}
    area.ask("early-help", "POST", "/v1/step-ups", body)


def refer_from_health(area: Area) -> None:
    """A hospital refers a child."""
    body = {
        "patientId": FIRST_PATIENT,
        "odsCode": "RX1EX",
        "contactSource": "3E",
        "category": "PHY",
        "urgency": "immediate",
        "account": "A bruise.",
    }
    area.ask("health", "POST", "/v1/safeguarding-referrals", body)


def miss_appointments(area: Area) -> None:
    """A child is not brought twice in a row."""
    body = {"patientId": FIRST_PATIENT, "appointmentAt": "2026-11-18T09:30:00Z", "clinic": "Paediatrics"}
    for _ in range(2):
        area.ask("health", "POST", "/v1/missed-appointments", body)


def attend_hospital(area: Area) -> None:
    """A child with a plan attends a hospital, which tells social care."""
    patient = area.flagged_patient()
    child = {n: patient[n] for n in ("givenName", "familyName", "dateOfBirth", "nhsNumber") if n in patient}
    made = area.ask("health", "POST", "/v1/attendances", {**ATTENDANCE, "child": child}).body
    body = {"recipient": "social-care", "reason": "Nobody could say how."}
    area.ask("health", "POST", f"/v1/attendances/{made['attendanceId']}/notifications", body)


def raise_notice(area: Area) -> None:
    """The police raise a notice about two children."""
    area.ask("police", "POST", "/v1/public-protection-notices", NOTICE)


def notify_school(area: Area) -> None:
    """The police notify a school of domestic abuse on a Friday night."""
    area.ask("police", "POST", "/v1/encompass-notifications", ENCOMPASS)


def notify_of_home_educated(area: Area) -> None:
    """The police tell of domestic abuse around a child who is educated at home."""
    area.ask("police", "POST", "/v1/encompass-notifications", {**ENCOMPASS, "education": {"kind": "home"}})


def go_missing_and_return(area: Area) -> None:
    """A child goes missing and is found a day later."""
    made = area.ask("police", "POST", "/v1/missing-episodes", MISSING).body
    found = {"foundAt": "2026-11-14T23:30:00Z"}
    path = f"/v1/missing-episodes/{made['episodeId']}"
    area.ask("police", "PATCH", path, found, headers={"if-match": '"1"'})


def go_missing_from_care(area: Area) -> None:
    """A looked-after child goes missing."""
    child = area.children("looked-after")[0]
    known = {n: child[n] for n in ("givenName", "dateOfBirth", "nhsNumber")}
    area.ask("police", "POST", "/v1/missing-episodes", {**MISSING, "child": known})


def protect(area: Area) -> None:
    """The police take a child into protection."""
    area.ask("police", "POST", "/v1/police-protection-events", PROTECTION)


def open_enquiry(area: Area) -> dict[str, Any]:
    """The hub asks five agencies."""
    made: dict[str, Any] = area.ask("mash", "POST", "/v1/enquiries", ENQUIRY).body
    return made


def answer_enquiry(area: Area) -> dict[str, Any]:
    """The police answer the hub, health refuses to."""
    made = open_enquiry(area)
    police = list(area.cast.engines["police"].state.requests)[-1].record["requestId"]
    shared = {"outcome": "shared", "information": "Called three times.", "handling": {"code": "P"}}
    area.ask("police", "POST", f"/v1/information-requests/{police}/responses", shared)
    health = list(area.cast.engines["health"].state.requests)[-1].record["informationRequestId"]
    refused = {"outcome": "not-shared", "refusalReason": "more-detrimental"}
    area.ask("health", "POST", f"/v1/information-requests/{health}/responses", refused)
    return made


def decide_enquiry(area: Area) -> None:
    """The hub decides."""
    made = open_enquiry(area)
    body = {"threshold": "section-47", "rag": "red", "rationale": "Three calls.", "decidedBy": "A. Manager"}
    area.ask("mash", "POST", f"/v1/enquiries/{made['enquiryId']}/decisions", body)


def decide_referral(area: Area) -> None:
    """Social care decides on a school's contact."""
    body = {"outcome": "assessment", "reason": "To be heard in full.", "decidedBy": "A. Manager"}
    area.ask("social-care", "POST", f"/v1/referrals/{FIRST_REFERRAL}/decisions", body)


def come_into_care(area: Area) -> dict[str, Any]:
    """Social care begins to look after a child."""
    child = area.children("child-in-need")[0]
    body = {"childId": child["childId"], "legalStatus": "C1", "startedOn": "2026-11-16"}
    area.ask("social-care", "POST", "/v1/looked-after-episodes", body)
    return child


def start_plan(area: Area) -> None:
    """A child protection plan starts on the day of its conference."""
    body = {
        "childId": FIRST_CHILD,
        "conferenceId": FIRST_CONFERENCE,
        "category": "NEG",
        "startDate": "2026-11-18",
    }
    area.ask("social-care", "POST", "/v1/child-protection-plans", body)


def end_plan(area: Area) -> None:
    """A child protection plan ends."""
    body = {"endDate": "2026-11-18", "endReason": "no-longer-at-risk"}
    area.ask("social-care", "POST", f"/v1/child-protection-plans/{FIRST_PLAN}/endings", body)


def transfer_case(area: Area) -> None:
    """A child moves to another council, which accepts the case."""
    made = area.ask("social-care", "POST", "/v1/transfers-in", TRANSFER).body
    path = f"/v1/transfers-in/{made['transferId']}/acceptances"
    token = area.token("social-care", "other")
    area.ask("social-care", "POST", path, {"acceptedBy": "B. Manager"}, token=token)


def correct_child(area: Area) -> None:
    """A date of birth turns out to be wrong after others were told of the child."""
    child = come_into_care(area)
    path = f"/v1/children/{child['childId']}"
    tag = area.ask("social-care", "GET", path).header("ETag") or ""
    area.ask("social-care", "PATCH", path, {"dateOfBirth": "2015-06-29"}, headers={"if-match": tag})


def be_born(area: Area) -> None:
    """A child is born whose plan was on its mother's number."""
    body = {"givenName": "Baby", "sex": "F", "dateOfBirth": "2026-11-18", "motherNhsNumber": "9990001103"}
    area.ask("identity", "POST", "/v1/people", body)


def change_number(area: Area) -> dict[str, Any]:
    """A child is given another NHS number."""
    path = f"/v1/people/{FIRST_PERSON}/nhs-number-changes"
    made: dict[str, Any] = area.ask("identity", "POST", path, {"reason": "duplicate"}).body
    return made


def correct_person(area: Area) -> None:
    """Another council corrects the register's record of somebody whom this one has read."""
    area.ask("identity", "GET", f"/v1/people/{FIRST_PERSON}")
    register = area.cast.engines["identity"].state
    key = next(key for key in register.people if register.id_for(COUNCIL, key) == FIRST_PERSON)
    path, token = f"/v1/people/{register.id_for(OTHER_COUNCIL, key)}", area.token("identity", "other")
    tag = area.ask("identity", "GET", path, token=token).header("ETag") or ""
    body = {"dateOfBirth": "2015-06-29"}
    area.ask("identity", "PATCH", path, body, token=token, headers={"if-match": tag})
