"""
Who a national identity service knows, and by which ids each organisation knows them; and what is there at first.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from joinedup.mocks import families
from joinedup.mocks.casework import Casework
from joinedup.mocks.identifiers import nth_nhs_number
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, children
from joinedup.mocks.store import Record, Records

CHILDREN_EACH = 20
MOST_FORMER = 20
SEEDED_AT = "2026-10-30T16:00:00Z"
EARLIER_EVENTS = ("nhsNumberChanged", "gpChanged", "personCorrected")
PRACTICES = ("Y99901", "Y99902", "Y99903")

# Examples in the contract work as they stand: the first organisation knows these by these ids.
FIRST_PERSON = "6d8f0b2c-3e5a-4c7d-9f1b-a2c4e6f80b01"
SUPERSEDED_PERSON = "6d8f0b2c-3e5a-4c7d-9f1b-a2c4e6f80b02"
RESTRICTED_PERSON = "6d8f0b2c-3e5a-4c7d-9f1b-a2c4e6f80b03"
INVALIDATED_PERSON = "6d8f0b2c-3e5a-4c7d-9f1b-a2c4e6f80b04"
FIRST_MATCH = "4b6d8f0a-1c3e-4a5b-8d7f-9e1a3c5e7b01"
FIRST_NUMBER_CHANGE = "8f0a2c4e-5b7d-4e9f-8a3c-b4d6f8a0c201"
FIRST_CHANGE = "a2c4e6f8-7d9f-4b1a-9c5e-d6f8a0b2e401"
FIRST_SUBSCRIPTION = "c4e6f8a0-9b1d-4d3c-8e7a-f8a0b2c4d601"
# What each council's supplier subscribed to before anyone calls.
SUBSCRIPTIONS = dict(zip(COUNCILS, (FIRST_SUBSCRIPTION, "c4e6f8a0-9b1d-4d3c-8e7a-f8a0b2c4d602"), strict=True))


@dataclass
class Register(Casework):
    """
    Who is known, and by whom.

    Args:
        people: records by a key that nobody is told; ``status`` and ``replacedBy`` are in them.
        known: by the id that an organisation has, the key.
        ids_of: by organisation and key, that id.
        told: by key, organisations that were told of the person.
        spare: numbers that nobody has had.
    """

    apart = True

    people: dict[str, Record] = field(default_factory=dict)
    known: Records = field(default_factory=Records)
    ids_of: dict[tuple[str, str], str] = field(default_factory=dict)
    told: dict[str, set[str]] = field(default_factory=dict)
    matches: Records = field(default_factory=Records)
    number_changes: Records = field(default_factory=Records)
    changes: Records = field(default_factory=Records)
    subscriptions: Records = field(default_factory=Records)
    spare: int = families.SPARE_NHS_NUMBERS.stop - 1

    def new_number(self) -> str:
        """An NHS number that nobody has had and nobody else is given."""
        self.spare -= 1
        return nth_nhs_number(self.spare + 1)

    def add(self, record: Record) -> str:
        """Take somebody in; the key."""
        key = str(len(self.people))
        self.people[key] = {"status": "current", "securityLabel": "unrestricted", "version": 1, **record}
        return key

    def id_for(self, organisation: str, key: str, identifier: str = "") -> str:
        """The id by which an organisation knows somebody, from now on."""
        if (organisation, key) not in self.ids_of:
            made = identifier or self.new_id()
            self.ids_of[organisation, key] = made
            self.known.add(made, organisation, {"key": key})
        return self.ids_of[organisation, key]

    def knowing(self, key: str) -> Iterator[tuple[str, str]]:
        """Each organisation that knows somebody, and by which id."""
        return ((who, made) for (who, what), made in self.ids_of.items() if what == key)


# The seed


def fresh(seed: int) -> Register:
    """The seeded state: children of two councils, two who are alike, one of each who is not as others are."""
    state = Register(random.Random(seed))  # noqa: S311 - synthetic data, repeatable on purpose
    first: dict[str, str] = {}
    for place, council in enumerate(COUNCILS):
        circumstances = families.children(seed, CHILDREN_EACH, start=1000 * place)
        for person, child in zip(children(seed, place, CHILDREN_EACH), circumstances, strict=True):
            key = state.add(seeded(person, restricted=child.is_restricted))
            wanted = _fixed_id(place, restricted=child.is_restricted, taken=first)
            if wanted:
                first[wanted] = key
            state.id_for(council, key, wanted)
        _seed_subscription(state, council)
    _seed_namesakes(state)
    _seed_ended(state, first[FIRST_PERSON])
    _seed_match(state, first[FIRST_PERSON])
    return state


def _fixed_id(place: int, *, restricted: bool, taken: dict[str, str]) -> str:
    wanted = RESTRICTED_PERSON if restricted else FIRST_PERSON
    return wanted if place == 0 and wanted not in taken else ""


def seeded(person: Person, *, restricted: bool) -> Record:
    record: Record = {
        "nhsNumber": person.nhs_number,
        "givenName": person.given_name,
        "sex": person.sex,
        "dateOfBirth": person.date_of_birth,
        "address": {"line1": person.line1, "postcode": person.postcode},
        "telephone": person.telephone,
        "generalPractitioner": PRACTICES[int(person.nhs_number) % len(PRACTICES)],
        "securityLabel": "restricted" if restricted else "unrestricted",
    }
    return record if person.family_name is None else {**record, "familyName": person.family_name}


def _seed_namesakes(state: Register) -> None:
    """Two who have a name and a birthday in common, and live apart."""
    for postcode in ("ZZ99 3CZ", "ZZ99 3WZ"):
        alike = {
            "givenName": "Jordan",
            "familyName": "Example",
            "sex": "M",
            "dateOfBirth": "2014-03-09",
            "nhsNumber": state.new_number(),
            "address": {"line1": "2 Sample Road", "postcode": postcode},
        }
        state.add(alike)


def _seed_ended(state: Register, first: str) -> None:
    """A record that the first child's took the place of, one that was a mistake, and numbers from before."""
    former, council, person = state.new_number(), COUNCILS[0], state.people[first]
    old = {**person, "nhsNumber": former, "status": "superseded", "replacedBy": first}
    state.id_for(council, state.add(old), SUPERSEDED_PERSON)
    mistake = {**person, "nhsNumber": state.new_number(), "givenName": "Mistake", "status": "invalidated"}
    state.id_for(council, state.add(mistake), INVALIDATED_PERSON)
    restricted = state.people[state.known.find(RESTRICTED_PERSON, council)["key"]]
    restricted["formerNhsNumbers"] = [state.new_number()]
    person |= {"formerNhsNumbers": [former], "version": 1 + len(EARLIER_EVENTS)}
    change = {
        "nhsNumberChangeId": FIRST_NUMBER_CHANGE,
        "personId": FIRST_PERSON,
        "formerNhsNumber": former,
        "nhsNumber": person["nhsNumber"],
        "reason": "duplicate",
        "changedAt": SEEDED_AT,
    }
    state.number_changes.add(FIRST_NUMBER_CHANGE, council, change)
    for version, event in enumerate(EARLIER_EVENTS, start=2):
        _seed_change(state, council, event, version)


def _seed_change(state: Register, council: str, event: str, version: int) -> None:
    identifier = FIRST_CHANGE if version == 2 else state.new_id()
    line = {
        "changeId": identifier,
        "event": event,
        "personId": FIRST_PERSON,
        "personVersion": version,
        "occurredAt": SEEDED_AT,
    }
    state.changes.add(identifier, council, line)


def _seed_match(state: Register, first: str) -> None:
    number = state.people[first]["nhsNumber"]
    candidate = {"personId": FIRST_PERSON, "confidence": 1.0, "nhsNumber": number}
    result = {
        "matchResultId": FIRST_MATCH,
        "outcome": "one",
        "reviewNeeded": False,
        "matchedAt": SEEDED_AT,
        "candidates": [candidate],
    }
    state.matches.add(FIRST_MATCH, COUNCILS[0], result)


def _seed_subscription(state: Register, council: str) -> None:
    identifier = SUBSCRIPTIONS[council]
    subscription = {
        "subscriptionId": identifier,
        "callbackUrl": "https://supplier-app.joinedup.example/v1/deliveries",
        "events": ["nhsNumberChanged", "gpChanged"],
        "keyRing": key_ring(council),
        "createdAt": SEEDED_AT,
    }
    state.subscriptions.add(identifier, council, subscription)


def key_ring(organisation: str) -> str:
    """The name of the keys that notifications for an organisation are signed with."""
    return f"identity-{organisation.lower()}"
