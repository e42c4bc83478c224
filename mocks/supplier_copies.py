"""
What a supplier's application holds: agreements with councils, copies under each, what it was told; and what is there at first.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from joinedup.mocks.casework import Casework
from joinedup.mocks.identity_register import SUBSCRIPTIONS, key_ring
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, children
from joinedup.mocks.signatures import Received
from joinedup.mocks.store import Kept, Record, Records

AGREEMENTS = ("Family support 2026", "Youth support 2026", "Holiday activities 2026")
HELD_EACH = 6
SEEDED_AT = "2026-10-30T16:00:00Z"
# The version that the register of identities has of the first child.
FIRST_VERSION = 4

# Examples in the contract work as they stand: the first records of the first council have their ids.
FIRST_AGREEMENT = "2a4c6e80-1b3d-4f5a-8c7e-9a1b3d5f7c01"
FIRST_EXPORT = "4c6e80a2-3d5f-4b7c-8e9a-bc3d5f7b9e01"
FIRST_HELD = "6e80a2c4-5f7b-4d9e-90bc-de5f7b9d1a01"
FIRST_SUBSCRIPTION = "a2c4e608-9dbf-41d2-94f0-129dbf3a5e01"
FIRST_DELIVERY = "c4e6082a-bfd1-43f4-9612-34bfd15c7001"


@dataclass
class Application(Casework):
    """
    What is held for councils.

    Args:
        received: ids of deliveries that had their effect.
        deliveries: what was taken in, in order.
        sunset: when version 1 ends, from when it is first asked for.
    """

    agreements: Records = field(default_factory=Records)
    people: Records = field(default_factory=Records)
    exports: Records = field(default_factory=Records)
    off_boardings: Records = field(default_factory=Records)
    subscriptions: Records = field(default_factory=Records)
    deliveries: Records = field(default_factory=Records)
    received: Received = field(default_factory=Received)
    sunset: str = ""

    def under(self, records: Records, agreement: Record, organisation: str) -> Iterator[Kept]:
        """Those records that belong to an agreement."""
        return (
            kept
            for kept in records.of(organisation)
            if kept.record["agreementId"] == agreement["agreementId"]
        )


def fresh(seed: int) -> Application:
    """The seeded state: three agreements with each of two councils, with copies of its children under the first."""
    state = Application(random.Random(seed))  # noqa: S311 - synthetic data, repeatable on purpose
    for place, council in enumerate(COUNCILS):
        agreements = [
            _seed_agreement(state, council, reference, is_first=place == index == 0)
            for index, reference in enumerate(AGREEMENTS)
        ]
        for index, person in enumerate(children(seed, place, HELD_EACH)):
            _seed_copy(state, council, agreements[0], person, is_first=place == index == 0)
        _seed_cases(state, council, agreements[0], is_first=place == 0)
    return state


def _seed_agreement(state: Application, council: str, reference: str, *, is_first: bool) -> str:
    identifier = FIRST_AGREEMENT if is_first else state.new_id()
    agreement = {
        "agreementId": identifier,
        "reference": reference,
        "purposes": ["SAFEGUARDING", "CHILD_PROTECTION", "EARLY_HELP"],
        "status": "active",
        "begunAt": SEEDED_AT,
    }
    state.agreements.add(identifier, council, agreement)
    return identifier


def _seed_copy(state: Application, council: str, agreement: str, person: Person, *, is_first: bool) -> None:
    identifier = FIRST_HELD if is_first else state.new_id()
    copy = {
        "heldPersonId": identifier,
        "agreementId": agreement,
        "nhsNumber": person.nhs_number,
        "givenName": person.given_name,
        "dateOfBirth": person.date_of_birth,
        "sourceVersion": FIRST_VERSION if is_first else 1,
        "asOf": SEEDED_AT,
    }
    family = {} if person.family_name is None else {"familyName": person.family_name}
    state.people.add(identifier, council, {**copy, **family})


def _seed_cases(state: Application, council: str, agreement: str, *, is_first: bool) -> None:
    """A subscription, an export and a delivery."""
    ids = (FIRST_SUBSCRIPTION, FIRST_EXPORT, FIRST_DELIVERY)
    subscription, export, delivery = ids if is_first else tuple(state.new_id() for _ in ids)
    about = {"agreementId": agreement}
    state.subscriptions.add(
        subscription,
        council,
        {
            "subscriptionId": subscription,
            **about,
            "events": ["nhsNumberChanged", "gpChanged"],
            "keyRing": key_ring(council),
        },
    )
    state.ledger.places[subscription] = f"/v1/subscriptions/{SUBSCRIPTIONS[council]}"
    copies = [dict(kept.record) for kept in state.people.of(council)]
    state.exports.add(
        export, council, {"exportId": export, **about, "createdAt": SEEDED_AT, "people": copies}
    )
    line = {"deliveryId": delivery, "event": "gpChanged", "outcome": "applied", "receivedAt": SEEDED_AT}
    state.deliveries.add(delivery, council, line)
