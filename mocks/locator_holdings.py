"""
What a record locator knows: which custodian holds which record, who was told of it, and what is there at first.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from joinedup.mocks import families
from joinedup.mocks.casework import Casework
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, children
from joinedup.mocks.police_records import FORCE_OF
from joinedup.mocks.store import Record, Records

CHILDREN_EACH = 12
SEEDED_AT, SEEDED_DAY = "2026-10-30T16:00:00Z", "2026-10-12"
CARE, HEALTH, CRIME = "childrens-services.details", "health.details", "crime-justice.details"
HOSPITAL = "RX1EX"
# These are asked by work that they claim; of the others the service knows what they hold.
ASKED = COUNCILS
OPEN_QUESTIONS = 12
# The first lease lasts, so that the contract's examples work on any day.
UNLIMITED = "2099-12-31T23:59:59Z"
AGREEMENT = "Sharing agreement of the region"

# Examples in the contract work as they stand: the first records of the first organisation have their ids.
FIRST_SEARCH = "e1a3c5d7-9b2f-4e4d-8c6a-0f2b4d6e8a01"
FIRST_RECORD = "f3b5d7e9-ad4a-4a6f-9e8c-b24d6f8a0c01"
POLICE_RECORD = "f3b5d7e9-ad4a-4a6f-9e8c-b24d6f8a0c02"
RESTRICTED_RECORD = "f3b5d7e9-ad4a-4a6f-9e8c-b24d6f8a0c03"
FIRST_LEASE = "a5c7e9f1-bd6c-4b80-8fae-c46f8b0d2e01"
FIRST_RESULT = "b7d9f1a3-ce8e-4c92-90b0-d68b0d2f4a01"
FIRST_POLICY = "c9e1a3b5-df90-4da4-81c2-e8ad2f4b6c01"
FIRST_RULE = "dbf3b5c7-e1a2-4eb6-92d4-fabf4d6e8a01"

_PROTECTIVE = ["SAFEGUARDING", "CHILD_PROTECTION"]
_BOTH = ["EXISTENCE", "CONTENT"]
_COUNCIL_RULES: tuple[Record, ...] = (
    {"effect": "allow", "modes": _BOTH, "recipientTypes": ["LOCAL_AUTHORITY"], "purposes": _PROTECTIVE},
    {
        "effect": "allow",
        "modes": ["EXISTENCE"],
        "recipientTypes": ["POLICE", "HEALTH"],
        "purposes": _PROTECTIVE,
    },
)
_POLICE_RULES: tuple[Record, ...] = (
    {
        "effect": "allow",
        "modes": ["EXISTENCE"],
        "recipientTypes": ["LOCAL_AUTHORITY", "HEALTH", "EDUCATION"],
        "purposes": _PROTECTIVE,
    },
    {"effect": "allow", "modes": _BOTH, "recipientTypes": ["POLICE"]},
    {
        "effect": "allow",
        "modes": ["CONTENT"],
        "recipients": [COUNCILS[1]],
        "purposes": ["CHILD_PROTECTION"],
        "validFrom": "2026-12-01T00:00:00Z",
        "validUntil": "2027-03-01T00:00:00Z",
    },
)
_HEALTH_RULES: tuple[Record, ...] = (
    {"effect": "allow", "modes": _BOTH, "recipientTypes": ["LOCAL_AUTHORITY"], "purposes": _PROTECTIVE},
    {"effect": "allow", "modes": ["EXISTENCE"], "recipientTypes": ["POLICE"], "purposes": _PROTECTIVE},
)
RULES: dict[str, tuple[Record, ...]] = {
    **dict.fromkeys(COUNCILS, _COUNCIL_RULES),
    **dict.fromkeys(FORCE_OF.values(), _POLICE_RULES),
    HOSPITAL: _HEALTH_RULES,
}


@dataclass
class Work:
    """A question to one custodian; ``lease_id`` is the last lease that it was given out under."""

    search_id: str
    asked_by: str
    custodian: str
    lease_id: str = ""
    is_answered: bool = False


@dataclass
class Locator(Casework):
    """
    What is held by whom.

    Args:
        records: by a key that nobody is told: custodian, number, kind and details.
        pointers: by the id that an organisation was given, the key.
        ids_of: by organisation and key, that id.
        results: of each search, under its id, the keys that were found.
        work: the questions of each search, by its id.
        rules: of each policy, under its id, in the order in which they were added.
        withdrawn: rules that were revoked, by policy; only a fault looks there.
    """

    apart = True

    records: dict[str, Record] = field(default_factory=dict)
    pointers: Records = field(default_factory=Records)
    ids_of: dict[tuple[str, str], str] = field(default_factory=dict)
    searches: Records = field(default_factory=Records)
    results: Records = field(default_factory=Records)
    work: dict[str, list[Work]] = field(default_factory=dict)
    leases: Records = field(default_factory=Records)
    answers: Records = field(default_factory=Records)
    policies: Records = field(default_factory=Records)
    rules: Records = field(default_factory=Records)
    policy_of: dict[str, str] = field(default_factory=dict)
    withdrawn: dict[str, list[Record]] = field(default_factory=dict)

    def hold(self, custodian: str, number: str, kind: str, details: Record, day: str = SEEDED_DAY) -> str:
        """Note that a custodian holds something; the key."""
        key = str(len(self.records))
        about = {"custodian": custodian, "nhsNumber": number, "recordType": kind}
        self.records[key] = {**about, "lastUpdated": day, "details": details}
        return key

    def held(self, number: str) -> Iterator[tuple[str, Record]]:
        """What is held about somebody, by key."""
        return ((key, record) for key, record in self.records.items() if record["nhsNumber"] == number)

    def pointer_for(self, organisation: str, key: str, identifier: str = "") -> str:
        """The id by which an organisation is told of a record, from now on."""
        if (organisation, key) not in self.ids_of:
            made = identifier or self.new_id()
            self.ids_of[organisation, key] = made
            self.pointers.add(made, organisation, {"key": key})
        return self.ids_of[organisation, key]

    def policy(self, organisation: str) -> Record:
        """What an organisation shares; one that was not heard of shares nothing."""
        if organisation not in self.policy_of:
            identifier = self.policy_of[organisation] = self.new_id()
            empty = {"policyId": identifier, "policyVersion": 1, "changedAt": SEEDED_AT, "rules": []}
            self.policies.add(identifier, organisation, empty)
        return self.policies.find(self.policy_of[organisation], organisation)

    def find_result(self, search_id: str, key: str) -> None:
        """Add a record to what a search found."""
        identifier = self.new_id()
        self.results.add(identifier, search_id, {"foundId": identifier, "key": key})

    def ask(self, work: Work) -> None:
        """Add a question of a search."""
        self.work.setdefault(work.search_id, []).append(work)


def fresh(seed: int) -> Locator:
    """The seeded state: what is held of two councils' children, by whose rules, and searches that go on."""
    state = Locator(random.Random(seed))  # noqa: S311 - synthetic data, repeatable on purpose
    for custodian in RULES:
        _seed_policy(state, custodian)
    for place, council in enumerate(COUNCILS):
        kin = families.children(seed, CHILDREN_EACH, start=1000 * place)
        for index, (person, child) in enumerate(zip(children(seed, place, CHILDREN_EACH), kin, strict=True)):
            _seed_records(state, council, person, index, is_restricted=child.is_restricted)
    for asking, asked in (COUNCILS, COUNCILS[::-1]):
        for record in [r for r in state.records.values() if r["custodian"] == asked][:OPEN_QUESTIONS]:
            _seed_search(state, asking, asked, record["nhsNumber"])
    _seed_first(state, children(seed, 0, 3))
    return state


def _seed_policy(state: Locator, custodian: str) -> None:
    is_first = custodian == COUNCILS[0]
    identifier = FIRST_POLICY if is_first else state.new_id()
    rules = [
        {"ruleId": FIRST_RULE if is_first and index == 0 else state.new_id(), **rule}
        for index, rule in enumerate(RULES[custodian])
    ]
    policy = {"policyId": identifier, "policyVersion": 1, "changedAt": SEEDED_AT, "agreement": AGREEMENT}
    policy["rules"] = rules
    for rule in rules:
        state.rules.add(rule["ruleId"], identifier, rule)
    state.policy_of[custodian] = identifier
    state.policies.add(identifier, custodian, policy)


def _seed_records(state: Locator, council: str, person: Person, index: int, *, is_restricted: bool) -> None:
    number = person.nhs_number
    care: Record = {"status": "open" if index % 3 else "closed", "keyWorker": "A. Worker"}
    state.hold(council, number, CARE, {**care, "postcode": person.postcode, "restricted": is_restricted})
    practice = {"generalPractitioner": "Y99901", "missedAppointments": index % 4}
    state.hold(HOSPITAL, number, HEALTH, practice)
    if index % 2 == 0:
        missing: Record = {"missingEpisodes": index % 3}
        state.hold(FORCE_OF[council], number, CRIME, missing)


def _seed_search(state: Locator, asking: str, asked: str, number: str) -> None:
    identifier = state.new_id()
    search = {
        "searchId": identifier,
        "purpose": "SAFEGUARDING",
        "startedAt": SEEDED_AT,
        "nhsNumber": number,
        "indexed": 3,
    }
    state.searches.add(identifier, asking, search)
    state.ask(Work(identifier, asking, asked))


def _seed_first(state: Locator, first: tuple[Person, ...]) -> None:
    """A search that is over, with what it found and who answered."""
    council, other = COUNCILS
    sian, restricted = first[0].nhs_number, first[2].nhs_number
    search = {"searchId": FIRST_SEARCH, "purpose": "SAFEGUARDING", "startedAt": SEEDED_AT}
    state.searches.add(FIRST_SEARCH, council, {**search, "nhsNumber": sian, "indexed": 3})
    fixed = {HEALTH: FIRST_RECORD, CRIME: POLICE_RECORD}
    for key, record in state.held(sian):
        state.pointer_for(council, key, fixed.get(record["recordType"], ""))
        state.find_result(FIRST_SEARCH, key)
    key = next(key for key, record in state.held(restricted) if record["recordType"] == CARE)
    state.pointer_for(council, key, RESTRICTED_RECORD)
    state.ask(Work(FIRST_SEARCH, council, other, is_answered=True))
    lease = {
        "leaseId": FIRST_LEASE,
        "nhsNumber": _first_number(state, council),
        "purpose": "SAFEGUARDING",
        "askedBy": other,
        "claimedAt": SEEDED_AT,
        "leaseExpiresAt": UNLIMITED,
        "policyVersion": 1,
        "resultId": FIRST_RESULT,
    }
    state.leases.add(FIRST_LEASE, council, lease)
    answer = {"resultId": FIRST_RESULT, "leaseId": FIRST_LEASE, "records": [], "answeredAt": SEEDED_AT}
    state.answers.add(FIRST_RESULT, council, answer)


def _first_number(state: Locator, custodian: str) -> str:
    """The number of the first child of whom a custodian holds a record."""
    return next(str(r["nhsNumber"]) for r in state.records.values() if r["custodian"] == custodian)
