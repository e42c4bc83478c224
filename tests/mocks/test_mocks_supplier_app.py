"""What is signed and recent is believed once, copies follow their source, and all of it ends with the agreement."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rounds import changed_by, fault_names, outbox, visitor_of
from tour import Visitor

from joinedup.mocks.cast import Cast
from joinedup.mocks.identity_register import FIRST_PERSON
from joinedup.mocks.messages import Answer
from joinedup.mocks.people import children
from joinedup.mocks.signatures import GRACE_S, KEY_ID, REPLAY_WINDOW_S, SIGNATURE, Key, signed_headers
from joinedup.mocks.supplier_copies import (
    FIRST_AGREEMENT,
    FIRST_DELIVERY,
    FIRST_EXPORT,
    FIRST_HELD,
    FIRST_SUBSCRIPTION,
    fresh,
)

SYSTEM = "supplier-app"
AGREEMENT, DELIVERIES, HELD = f"/v1/agreements/{FIRST_AGREEMENT}", "/v1/deliveries", "/v2/held-people"
COPY, COPY_BEFORE = f"{HELD}/{FIRST_HELD}", f"/v1/held-people/{FIRST_HELD}"
RING = "identity-e09000001"
SIAN, NEW = "9990001006", "9990001103"
CHANGED_NUMBER: dict[str, Any] = {
    "changeId": "a2c4e6f8-7d9f-4b1a-9c5e-d6f8a0b2e401",
    "event": "nhsNumberChanged",
    "personId": FIRST_PERSON,
    "personVersion": 5,
    "occurredAt": "2026-11-18T11:06:40Z",
    "formerNhsNumber": SIAN,
    "nhsNumber": NEW,
}
PRACTICE = {**CHANGED_NUMBER, "event": "gpChanged", "nhsNumber": SIAN, "generalPractitioner": "Y99999"}
del PRACTICE["formerNhsNumber"]
LATER, EARLIER = "30000000-0000-4000-8000-000000000001", "30000000-0000-4000-8000-000000000002"
PERSON = {
    "agreementId": FIRST_AGREEMENT,
    "nhsNumber": "9990001065",
    "givenName": "Zoë",
    "dateOfBirth": "2013-05-17",
    "sourceVersion": 1,
}
ENDED = {"reason": "Another product took its place"}
MONITORING = {"sharing-purpose": "EDUCATION_MONITORING"}
AGAIN = {"x-request-id": "11111111-1111-4111-8111-111111111111"}
YEAR_S = 366 * 24 * 3600


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean application."""
    return visitor_of(SYSTEM)


def signed(
    visitor: Visitor,
    notification: dict[str, Any],
    *,
    label: str = "delivery",
    delivery_id: str = LATER,
    age_s: float = 0,
    key: Key | None = None,
    instead: dict[str, str] | None = None,
) -> Answer:
    """The answer to a signed notification, without a token; ``instead`` has headers in place of the signature's."""
    body = json.dumps(notification).encode()
    cast = visitor.cast
    good = signed_headers(
        key or cast.deliveries.ring(RING).current,
        body,
        delivery_id=delivery_id,
        attempt=1,
        now=cast.clock.seconds() - age_s,
    )
    named = {name.lower(): value for name, value in good.items()}
    sent = {"content-type": "application/json", **named, **(instead or {})}
    return visitor.send(label, "POST", DELIVERIES, raw=body, headers=sent, token=None)


def copy_of_sian(visitor: Visitor, label: str = "copy") -> dict[str, Any]:
    """What is held of the first child."""
    return dict(visitor.send(label, "GET", COPY, token=visitor.token()).body)


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    visitor.send("status", "GET", "/v1/status", token=None)
    visitor.send("agreement of other", "GET", AGREEMENT, token=visitor.token("other"))
    visitor.send("for monitoring", "GET", COPY, headers=MONITORING)
    visitor.send("before", "GET", COPY_BEFORE)
    first = visitor.send("page 1", "GET", HELD, query="limit=2")
    visitor.send("page 2", "GET", HELD, query=f"limit=2&cursor={first.body['next']}")
    wrong = {"x-sui-signature-256": "sha256=" + "0" * 64}
    signed(visitor, PRACTICE, label="wrong signature", instead=wrong)
    signed(visitor, PRACTICE, label="old", age_s=REPLAY_WINDOW_S + 1, delivery_id=EARLIER)
    old = visitor.cast.deliveries.ring(RING).current
    visitor.cast.deliveries.ring(RING).rotate(visitor.cast.clock.seconds() - GRACE_S)
    signed(visitor, PRACTICE, label="old key", key=old, delivery_id=EARLIER[:-1] + "3")
    signed(
        visitor, {**CHANGED_NUMBER, "reviewedBy": "A"}, label="new property", delivery_id=EARLIER[:-1] + "4"
    )
    copy_of_sian(visitor, "after the change")
    seen = {**PRACTICE, "nhsNumber": NEW, "personVersion": 2}
    signed(visitor, seen, label="older", delivery_id=EARLIER[:-1] + "5")
    copy_of_sian(visitor, "after the older")
    signed(visitor, seen, label="repeated", delivery_id=EARLIER[:-1] + "5")
    visitor.send("taken in", "GET", DELIVERIES)
    visitor.send("wrong digit", "POST", HELD, body={**PERSON, "nhsNumber": "9990001007"})
    visitor.send("hold", "POST", HELD, body=PERSON, headers=AGAIN)
    visitor.send("hold again", "POST", HELD, body=PERSON, headers=AGAIN)
    visitor.send("export", "POST", f"{AGREEMENT}/exports")
    visitor.send("end", "POST", f"{AGREEMENT}/off-boardings", body=ENDED)
    visitor.send("copy after the end", "GET", COPY)
    visitor.cast.clock.advance(2 * YEAR_S)
    visitor.send("after sunset", "GET", COPY_BEFORE, token=visitor.token())


# The answers of the round that each fault changes; the outbox is what would be sent.
CHANGED: dict[str, set[str]] = {
    "wrong-signature-accepted": {"wrong signature", "taken in"},
    "old-delivery-accepted": {"old", "taken in"},
    "delivery-taken-in-twice": {"taken in"},
    "replaced-key-good-for-ever": {"old key", "taken in"},
    "older-notice-overwrites": {"after the older", "taken in"},
    "copy-left-as-it-was": {"after the change", "after the older", "taken in", "export"},
    "new-property-refused": {"new property", "after the change"},
    "copies-outlive-agreement": {"copy after the end"},
    "export-leaves-people-out": {"export"},
    "any-purpose-is-agreed": {"for monitoring"},
    "agreement-of-other-council-shown": {"agreement of other"},
    "deprecation-not-said": {"before", "after sunset"},
    "old-version-goes-on": {"after sunset"},
    "copy-between-pages-lost": {"page 1", "page 2"},
    "copy-held-twice": {"hold again", "export", "end"},
    "copy-with-wrong-number": {"wrong digit", "export", "end"},
}
# What is taken in or shown besides takes ids, or is told on in other words.
DISTURBS = {
    "wrong-signature-accepted",
    "old-delivery-accepted",
    "replaced-key-good-for-ever",
    "new-property-refused",
    "older-notice-overwrites",
    "copy-left-as-it-was",
    "delivery-taken-in-twice",
    "copy-held-twice",
    "copy-with-wrong-number",
}


@pytest.mark.parametrize("fault", sorted(set(CHANGED) - DISTURBS))
def test_a_fault_changes_what_it_says_and_nothing_else(fault: str) -> None:
    """Exactly the answers that the table names differ."""
    assert changed_by(SYSTEM, round_, fault) == CHANGED[fault]


@pytest.mark.parametrize("fault", sorted(DISTURBS))
def test_a_fault_changes_what_it_says(fault: str) -> None:
    """The answers that the table names differ, whatever ids others have."""
    assert changed_by(SYSTEM, round_, fault) >= CHANGED[fault]


def test_every_fault_is_tried() -> None:
    """No fault is without a line in the table."""
    assert fault_names(SYSTEM) == set(CHANGED)


@pytest.mark.parametrize(
    "path",
    [
        AGREEMENT,
        f"{AGREEMENT}/exports/{FIRST_EXPORT}",
        COPY,
        COPY_BEFORE,
        f"/v1/subscriptions/{FIRST_SUBSCRIPTION}",
    ],
)
def test_examples_work_as_they_stand(visitor: Visitor, path: str) -> None:
    """The objects of the contract's examples are there, for their own council only."""
    assert visitor.send("own", "GET", path).status == 200
    assert visitor.send("other", "GET", path, token=visitor.token("other")).status == 404


def test_a_signed_notification_is_applied(visitor: Visitor) -> None:
    """The copy has the new number and the version that it came with."""
    assert signed(visitor, CHANGED_NUMBER).status == 202
    copy = copy_of_sian(visitor)
    assert (copy["nhsNumber"], copy["sourceVersion"]) == (NEW, 5)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-sui-signature-256": "sha256=" + "0" * 64},
        {"x-sui-signature-256": "nonsense"},
        {"x-sui-key-id": f"{RING}-9"},
        {"x-sui-key-id": "identity-e09000003-1"},
        {"x-sui-key-id": "identity-e09000002-1"},
        {"x-sui-timestamp": "1"},
        {"x-sui-timestamp": ""},
        {"x-sui-delivery-id": ""},
    ],
)
def test_what_is_not_to_be_believed_has_no_effect(visitor: Visitor, headers: dict[str, str]) -> None:
    """The answer is 401 whatever is wrong with the signature, the audit has a line, and the copy is as it was."""
    answer = signed(visitor, CHANGED_NUMBER, instead=headers)
    assert answer.status == 401
    assert str(answer.header("WWW-Authenticate")).startswith("Signature ")
    assert visitor.cast.engines[SYSTEM].state.ledger.disclosures[-1].outcome == "refused"
    assert copy_of_sian(visitor)["nhsNumber"] == SIAN


def test_a_good_token_makes_no_bad_signature_good(visitor: Visitor) -> None:
    """Where there is a signature it alone decides."""
    headers = {SIGNATURE.lower(): "sha256=" + "0" * 64, KEY_ID.lower(): f"{RING}-1", "x-sui-timestamp": "1"}
    assert visitor.send("both", "POST", DELIVERIES, body=CHANGED_NUMBER, headers=headers).status == 401
    assert visitor.send("token", "POST", DELIVERIES, body=CHANGED_NUMBER).status == 202
    assert visitor.send("neither", "POST", DELIVERIES, body=CHANGED_NUMBER, token=None).status == 401


@pytest.mark.parametrize(
    ("age_s", "status"),
    [
        (REPLAY_WINDOW_S, 202),
        (REPLAY_WINDOW_S + 1, 401),
        (-REPLAY_WINDOW_S, 202),
        (-REPLAY_WINDOW_S - 1, 401),
    ],
)
def test_a_notification_has_to_be_recent(visitor: Visitor, age_s: float, status: int) -> None:
    """What was signed up to five minutes ago or ahead is believed, and not a second more."""
    assert signed(visitor, CHANGED_NUMBER, age_s=age_s).status == status


def test_a_delivery_has_one_effect(visitor: Visitor) -> None:
    """The same delivery again is acknowledged and leaves no second line."""
    assert [signed(visitor, CHANGED_NUMBER).status for _ in range(3)] == [202, 202, 202]
    taken_in = visitor.send("taken in", "GET", DELIVERIES).body["items"]
    assert [line["deliveryId"] for line in taken_in] == [FIRST_DELIVERY, LATER]


def test_an_older_version_overwrites_nothing(visitor: Visitor) -> None:
    """Of two notices that come in the wrong order the later version stays."""
    signed(visitor, {**PRACTICE, "personVersion": 6})
    signed(visitor, {**PRACTICE, "generalPractitioner": "Y11111"}, delivery_id=EARLIER)
    assert copy_of_sian(visitor)["generalPractitioner"] == "Y99999"
    taken_in = visitor.send("taken in", "GET", DELIVERIES).body["items"]
    assert [line["outcome"] for line in taken_in[1:]] == ["applied", "older"]


@pytest.mark.parametrize(("after_s", "status"), [(0, 202), (GRACE_S - 1, 202), (GRACE_S, 401)])
def test_a_replaced_key_is_good_for_its_grace_only(visitor: Visitor, after_s: int, status: int) -> None:
    """After the grace the former key is unknown, and the new one is good."""
    ring = visitor.cast.deliveries.ring(RING)
    former = ring.current
    ring.rotate(visitor.cast.clock.seconds())
    visitor.cast.clock.advance(after_s)
    assert signed(visitor, CHANGED_NUMBER, key=former).status == status
    assert signed(visitor, CHANGED_NUMBER, delivery_id=EARLIER).status == 202


def test_what_is_not_known_yet_is_left_aside(visitor: Visitor) -> None:
    """A notification with a new property is applied."""
    assert signed(visitor, {**CHANGED_NUMBER, "reviewedBy": "somebody"}).status == 202
    assert copy_of_sian(visitor)["nhsNumber"] == NEW


def test_the_register_reaches_the_copies() -> None:
    """A number that is changed at the register comes, signed, to the copy that the supplier holds."""
    cast = Cast(["identity", SYSTEM, "auth"], clock=visitor_of(SYSTEM).cast.clock.__class__())
    register, supplier = Visitor(cast, system="identity"), Visitor(cast, system=SYSTEM)
    path = f"/v1/people/{FIRST_PERSON}/nhs-number-changes"
    changed = register.send("change", "POST", path, body={"reason": "duplicate"}).body
    assert copy_of_sian(supplier)["nhsNumber"] == changed["nhsNumber"]


def test_an_agreement_that_ends_leaves_nothing(visitor: Visitor) -> None:
    """Copies, exports and subscriptions are gone, that is confirmed to the council, and nothing more is held."""
    confirmation = visitor.send("end", "POST", f"{AGREEMENT}/off-boardings", body=ENDED)
    assert (confirmation.body["deletedPeople"], confirmation.body["endedSubscriptions"]) == (6, 1)
    for path in (COPY, f"{AGREEMENT}/exports/{FIRST_EXPORT}", f"/v1/subscriptions/{FIRST_SUBSCRIPTION}"):
        assert visitor.send("gone", "GET", path).status == 404
    assert visitor.send("read", "GET", AGREEMENT).body["status"] == "ended"
    assert visitor.send("hold", "POST", HELD, body=PERSON).status == 409
    assert visitor.send("again", "POST", f"{AGREEMENT}/off-boardings", body=ENDED).status == 409
    assert [kind for _, kind, _ in outbox(visitor)] == ["subscription-ended", "deletion-confirmed"]
    assert visitor.send("confirmation", "GET", confirmation.header("Location") or "").status == 200


def test_a_council_whose_agreements_have_all_ended_is_told_of_nothing(visitor: Visitor) -> None:
    """A notification for a council that the supplier does not act for any more finds nobody."""
    for agreement in visitor.send("list", "GET", "/v1/agreements").body["items"]:
        visitor.send("end", "POST", f"/v1/agreements/{agreement['agreementId']}/off-boardings", body=ENDED)
    assert signed(visitor, CHANGED_NUMBER).status == 404


def test_an_export_holds_everything(visitor: Visitor) -> None:
    """What an export holds is what can be read copy by copy."""
    visitor.send("hold", "POST", HELD, body=PERSON)
    exported = visitor.send("export", "POST", f"{AGREEMENT}/exports").body["people"]
    listed = visitor.send("list", "GET", HELD, query="limit=50").body["items"]
    assert [person["heldPersonId"] for person in exported] == [item["heldPersonId"] for item in listed]
    assert exported[0] == copy_of_sian(visitor)


@pytest.mark.parametrize("purpose", ["EDUCATION_MONITORING", "CRIME_PREVENTION"])
def test_what_was_not_agreed_is_refused(visitor: Visitor, purpose: str) -> None:
    """A copy is held and shown for the purposes of its agreement only."""
    headers = {"sharing-purpose": purpose}
    assert visitor.send("read", "GET", COPY, headers=headers).status == 403
    assert visitor.send("hold", "POST", HELD, body=PERSON, headers=headers).status == 403


def test_nobody_is_held_under_the_agreement_of_another(visitor: Visitor) -> None:
    """Naming another council's agreement does not differ from naming none."""
    answer = visitor.send("hold", "POST", HELD, body=PERSON, token=visitor.token("other"))
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/agreementId")


def test_the_old_version_says_when_it_ends_and_ends(visitor: Visitor) -> None:
    """Deprecation is earlier than Sunset; until that second it is answered, and then gone."""
    answer = visitor.send("before", "GET", COPY_BEFORE)
    assert answer.header("Deprecation") == "@1767225600"
    assert answer.header("Sunset") == "Fri, 31 Dec 2027 23:59:59 GMT"
    assert answer.body["name"] == "Siân O'Neill"
    last = 1_830_297_599 - visitor.cast.clock.seconds()
    visitor.cast.clock.advance(last)
    assert visitor.send("last", "GET", COPY_BEFORE, token=visitor.token()).status == 200
    visitor.cast.clock.advance(1)
    assert visitor.send("gone", "GET", COPY_BEFORE, token=visitor.token()).status == 410
    assert visitor.send("new", "GET", COPY, token=visitor.token()).status == 200


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_children_are_those_of_every_agency(seed: int) -> None:
    """Copies are of the two councils' children of that seed."""
    held = [kept.record["nhsNumber"] for kept in fresh(seed).people]
    assert held == [person.nhs_number for place in (0, 1) for person in children(seed, place, 6)]
