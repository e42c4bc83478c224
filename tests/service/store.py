"""
What the service remembers, in memory; every value in it is invented.

Identifiers are drawn from a counter, so that two runs against a service that was reset meet the same ones.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from service.messages import Answer
from service.schemas import NEEDS, ROLES, STATUSES

_NAMESPACE = uuid.UUID("5f0c7a3e-91c1-4a56-8d0e-3f2b6c1d9e70")
ORGANISATIONS = ("E09000001", "E09000002")
_NHS_NUMBERS = (
    *("9990001006", "9990001014", "9990001022", "9990001030", "9990001049", "9990001057", "9990001065"),
    *("9990001073", "9990001081", "9990001103"),
)
_UPNS = ("T001000025001", "G001000025002", "W001000025003", "K001000025004", "Z001000025005", "R00100002501A")
_NAMES = ("Testa", "Testová", "O'Testa", "Łtest", "Test-Sampleson", "Sampleová", "De Test")


def now() -> str:
    """This moment as an RFC 3339 date-time in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Referral:
    """
    One referral.

    Args:
        number: its place in the order of arrival.
        body: what the caller said.
        seeded: whether it was there after the reset.
        gone: why it can no longer be read, or nothing.
    """

    id: str
    number: int
    organisation: str
    created_by: str
    created_at: str
    updated_at: str
    body: dict[str, Any]
    status: str = "received"
    restricted: bool = False
    version: int = 1
    seeded: bool = False
    gone: str = ""

    def changed(self, **changes: Any) -> Referral:
        """The referral after a change, with the next version and a new time of change."""
        return replace(self, **{"version": self.version + 1, "updated_at": now(), **changes})


@dataclass(frozen=True)
class Note:
    """One note under a referral."""

    id: str
    referral: str
    recorded_by: str
    recorded_at: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Closure:
    """The closing of a referral."""

    id: str
    referral: str
    organisation: str
    reason: str
    closed_at: str


@dataclass
class Store:
    """Everything that a reset forgets."""

    referrals: dict[str, Referral] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    closures: dict[str, Closure] = field(default_factory=dict)
    replays: dict[tuple[str, ...], tuple[bytes, Answer]] = field(default_factory=dict)
    counter: int = 0
    lists: int = 0

    def number(self) -> int:
        """The next number."""
        self.counter += 1
        return self.counter

    def add(self, organisation: str, client: str, body: dict[str, Any], **more: Any) -> Referral:
        """Keep a new referral."""
        number, moment = self.number(), now()
        made = Referral(
            identifier("referral", number), number, organisation, client, moment, moment, body, **more
        )
        self.referrals[made.id] = made
        return made

    def add_note(self, referral: str, client: str, body: dict[str, Any]) -> Note:
        """Keep a new note."""
        made = Note(identifier("note", self.number()), referral, client, now(), body)
        self.notes.append(made)
        return made

    def add_closure(self, referral: Referral, reason: str) -> Closure:
        """Keep a new closure."""
        made = Closure(
            identifier("closure", self.number()), referral.id, referral.organisation, reason, now()
        )
        self.closures[made.id] = made
        return made


def identifier(kind: str, number: int) -> str:
    """The identifier of the n-th thing of a kind."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{number}"))


def practitioners(organisation: str) -> list[dict[str, str]]:
    """The practitioners of an organisation: two of each role."""
    place = ORGANISATIONS.index(organisation)
    return [
        {
            "id": identifier(f"practitioner/{organisation}", number),
            "name": f"Worker {'AB'[place]}{number} Test",
            "role": ROLES[number % len(ROLES)],
            "workPhone": f"01632 960{100 * place + number:03d}",
        }
        for number in range(6)
    ]


def _seed(place: int, number: int) -> dict[str, Any]:
    """The body of a seeded referral; every second child has identifiers."""
    child = {"familyName": _NAMES[number], "givenName": "Sam", "dateOfBirth": f"2014-0{number + 1}-15"}
    if number % 2 == 0:
        child |= {
            "nhsNumber": _NHS_NUMBERS[number + place],
            "upn": _UPNS[number // 2 + place],
            "postcode": "ZZ99 3VZ",
        }
    if number == 2:
        del child["givenName"]
    return {
        "child": child,
        "primaryNeed": NEEDS[number % len(NEEDS)],
        "urgency": number % 5 + 1,
        "summary": f"Seeded referral {number + 1} for tests.",
        "observedAt": "2026-06-01T09:30:00+01:00",
    }


def seeded() -> Store:
    """A store as after a reset: seven referrals and a note for each organisation."""
    store = Store()
    for place, organisation in enumerate(ORGANISATIONS):
        for number in range(7):
            status = STATUSES[number % 3]
            made = store.add(organisation, "seed", _seed(place, number), status=status, seeded=True)
            if number == 0:
                store.add_note(made.id, "seed", {"kind": "call", "text": "A first call, for tests."})
    return store
