"""
What police forces hold: their state, how a record is kept, and what is there at the start.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from joinedup.mocks.calendar import SCHOOL_STARTS, CalendarError, local_day, moment_of, school
from joinedup.mocks.clock import stamp
from joinedup.mocks.organisations import COUNCILS, FORCES
from joinedup.mocks.people import Person, children
from joinedup.mocks.sharing import Ledger
from joinedup.mocks.store import Record, Records, new_id

# The force in whose area a council lies; any other council asks the first.
FORCE_OF = dict(zip(COUNCILS, FORCES, strict=True))
SEEDED_AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
NOTICES_EACH = 6
SHARE_WITHIN = timedelta(hours=24)
PROTECTION_LASTS = timedelta(hours=72)
ADULT_AT = 18
# Examples in the contract work as they stand: the first records of the first force have their ids.
FIRST_NOTICE = "9a1d7c04-3b0e-4d6b-8a0d-2f6f3c1b1a01"
FIRST_NOTIFICATION = "2c7e5d10-8f34-4b52-9d0e-6a1b7e4c1a01"
FIRST_EPISODE = "6e0f4b6c-51d2-4a7a-9a4e-0c3d5e2f1a01"
FIRST_PROTECTION = "4b8d2a90-7c1f-4e35-8b6a-9d0e1f2a1a01"
FIRST_REQUEST = "8f6a3c21-0d4e-4f7b-b1a2-5c9e7d3f1a01"
FIRST_RESPONSE = "1d5e9f72-6a3b-4c80-9e1d-7b2c4f6a1a01"
FIRST_NOMINAL = "5d9c1b3e-2f60-4a18-8c7d-3e4f5a6b1a01"
ONE_DAY = timedelta(days=1)


@dataclass
class Police:
    """What the forces hold, who else may read each record, and what was shared."""

    ids: random.Random
    notices: Records = field(default_factory=Records)
    inbox: Records = field(default_factory=Records)
    notifications: Records = field(default_factory=Records)
    episodes: Records = field(default_factory=Records)
    protections: Records = field(default_factory=Records)
    requests: Records = field(default_factory=Records)
    responses: Records = field(default_factory=Records)
    nominals: Records = field(default_factory=Records)
    readers: dict[str, frozenset[str]] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)


def fresh(seed: int) -> Police:
    """The seeded state: some records of each kind in each of two forces."""
    source = random.Random(seed)  # noqa: S311 - synthetic data, repeatable on purpose
    state = Police(source)
    for place, force in enumerate(FORCES):
        council = next(name for name, area in FORCE_OF.items() if area == force)
        persons = children(seed, place, NOTICES_EACH)
        for index, person in enumerate(persons):
            _seed_notice(state, force, council, child_of(person), index)
        _seed_others(state, force, council, child_of(persons[0]))
        _seed_nominal(state, force, place)
    return state


def child_of(person: Person) -> Record:
    """A synthetic person as the police and others know a child."""
    child = {
        "givenName": person.given_name,
        "dateOfBirth": person.date_of_birth,
        "nhsNumber": person.nhs_number,
    }
    if person.family_name is not None:
        child["familyName"] = person.family_name
    return child


def _first(state: Police, force: str, index: int, identifier: str) -> str:
    return identifier if force == FORCES[0] and index == 0 else new_id(state.ids)


def _seed_notice(state: Police, force: str, council: str, child: Record, index: int) -> None:
    body = {
        "noticeType": ("domestic-abuse", "child-concern", "child-exploitation")[index % 3],
        "incidentReference": f"{force}/{1234 + index}/26",
        "occurredAt": stamp(SEEDED_AT - timedelta(hours=11)),
        "gradedRisk": ("high", "medium", "standard")[index % 3],
        "circumstances": "Officers were called to a home with a child in it.",
        "recipient": council,
        "informant": "A neighbour, who asked not to be named.",
        "handling": {"code": "P"},
        "childrenInvolved": [{**child, "relationship": "child-of-victim", "present": True}],
    }
    identifier = _first(state, force, index, FIRST_NOTICE)
    keep_notice(state, force, body, SEEDED_AT + timedelta(minutes=index), identifier)


def _seed_others(state: Police, force: str, council: str, child: Record) -> None:
    """One notification, episode, police protection and answered request of a force, about one child."""
    common = {"forceCode": force, "council": council, "child": child}
    notification: Record = {
        **common,
        "notificationId": _first(state, force, 0, FIRST_NOTIFICATION),
        "occurredAt": stamp(SEEDED_AT - timedelta(hours=11)),
        "incidentPlace": "child-home",
        "present": True,
        "relationship": "child-of-victim",
        "education": {"kind": "school", "urn": "999001"},
        "recordedAt": stamp(SEEDED_AT),
        **delivery(child, {"kind": "school"}, SEEDED_AT),
    }
    episode: Record = {
        **common,
        "episodeId": _first(state, force, 0, FIRST_EPISODE),
        "missingType": "M",
        "missingSince": stamp(SEEDED_AT - timedelta(hours=3)),
        "riskGrade": "high",
        "status": "missing",
        "reportedAt": stamp(SEEDED_AT),
        "version": 1,
    }
    protection: Record = {
        **common,
        "eventId": _first(state, force, 0, FIRST_PROTECTION),
        "startedAt": stamp(SEEDED_AT),
        "endsAt": stamp(SEEDED_AT + PROTECTION_LASTS),
        "reason": "Nobody at home was fit to look after the child.",
        "designatedOfficer": "Inspector A. Example",
    }
    keep(state, state.notifications, notification["notificationId"], notification, council)
    keep(state, state.episodes, episode["episodeId"], episode, council)
    keep(state, state.protections, protection["eventId"], protection, council)
    _seed_request(state, force, council, child)


def _seed_request(state: Police, force: str, council: str, child: Record) -> None:
    identifier = _first(state, force, 0, FIRST_REQUEST)
    request: Record = {
        "requestId": identifier,
        "forceCode": force,
        "question": "What is known of the child and of the home?",
        "child": child,
        "status": "answered",
        "askedAt": stamp(SEEDED_AT),
        "latestOutcome": "shared",
    }
    response: Record = {
        "responseId": _first(state, force, 0, FIRST_RESPONSE),
        "requestId": identifier,
        "forceCode": force,
        "outcome": "shared",
        "information": "Officers were called to the home three times since May.",
        "handling": {"code": "P"},
        "respondedAt": stamp(SEEDED_AT + timedelta(hours=4)),
    }
    keep(state, state.requests, identifier, request, council)
    keep(state, state.responses, response["responseId"], response, council)


def _seed_nominal(state: Police, force: str, place: int) -> None:
    nominal: Record = {
        "nominalId": _first(state, force, 0, FIRST_NOMINAL),
        "forceCode": force,
        "pncId": ("2026/9999991A", "2026/9999992B")[place],
        "givenName": ("Pat", "Sam")[place],
        "familyName": "Example",
        "dateOfBirth": "1985-04-12",
        "warningMarkers": ["VI"],
    }
    keep(state, state.nominals, nominal["nominalId"], nominal)


def keep(
    state: Police, records: Records, identifier: str, record: Record, *readers: str, work: str = ""
) -> None:
    """Keep a record of a force that the readers may see besides; ``work`` is the correlation id by which it came."""
    records.add(identifier, record["forceCode"], record, work)
    state.readers[identifier] = frozenset(readers)


def keep_notice(
    state: Police, force: str, body: Record, at: datetime, identifier: str, work: str = ""
) -> Record:
    """Keep a notice as the force's and as its recipient's; ``work`` is the correlation id by which it came."""
    notice = {
        **body,
        "childrenInvolved": [identified(child) for child in body["childrenInvolved"]],
        "noticeId": identifier,
        "forceCode": force,
        "raisedAt": stamp(at),
        "shareBy": stamp(at + SHARE_WITHIN),
        "status": "shared",
    }
    keep(state, state.notices, identifier, notice, body["recipient"], work=work)
    state.inbox.add(identifier, body["recipient"], notice, work)
    return notice


def identified(child: Record) -> Record:
    """The child with its NHS number, or with the reason why it is left out (Children Act 2004, s. 16LC)."""
    return (
        child
        if {"nhsNumber", "identifierOmission"} & set(child)
        else {**child, "identifierOmission": "unknown"}
    )


def delivery(
    child: Record, education: Record, occurred: datetime, faults: frozenset[str] = frozenset()
) -> Record:
    """To whom a notification goes, and before when."""
    if _is_adult(child, occurred) and "adult-told-to-school" not in faults:
        return {"goesTo": "nobody"}
    goes_to = "school" if education["kind"] == "school" else "council"
    return {"goesTo": goes_to, "dueBefore": stamp(_due_before(occurred, education.get("urn"), faults))}


def _due_before(occurred: datetime, urn: str | None, faults: frozenset[str]) -> datetime:
    """When the school day after an incident starts; where no calendar reaches so far, in the morning after."""
    try:
        if "weekend-is-a-school-day" not in faults:
            return school(urn).next_start(occurred)
    except CalendarError:
        pass
    day = local_day(occurred)
    start = moment_of(day, SCHOOL_STARTS)
    return start if occurred < start else moment_of(day + ONE_DAY, SCHOOL_STARTS)


def _is_adult(child: Record, at: datetime) -> bool:
    born = child.get("dateOfBirth")
    if born is None:
        return False
    year, rest = int(born[:4]), born[5:]
    today = local_day(at)
    return bool(today.year - year - (today.isoformat()[5:] < rest) >= ADULT_AT)
