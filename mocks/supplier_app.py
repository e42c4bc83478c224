"""
A supplier's application, mostly a consumer: agreements with councils, copies that it holds, signed notifications.

It acts for a council under an agreement and for its purposes only. A notification is believed for its signature, has an
effect once, and never takes a copy back to an older version. What is held under an agreement ends with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

from joinedup.mocks.casework import filed, found, listed, own, part
from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.identity_register import key_ring
from joinedup.mocks.messages import Answer, FieldError, Incoming, Refusal
from joinedup.mocks.operations import Operation
from joinedup.mocks.signatures import DELIVERY_ID, KEY_ID, SIGNATURE, Defect, KeyRing, SignatureError, verify
from joinedup.mocks.store import Record, Records
from joinedup.mocks.supplier_copies import Application, fresh

NO_SUCH_OBJECT = "There is no such object for this caller."
CALLBACK = "https://supplier-app.joinedup.example/v1/deliveries"
DEPRECATED_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
CHALLENGE = (("WWW-Authenticate", 'Signature realm="supplier-app", headers="x-sui-timestamp"'),)

AGREEMENT_ITEM = ("agreementId", "reference", "purposes", "status", "begunAt")
HELD_ITEM = ("heldPersonId", "sourceVersion", "asOf")
DELIVERY_ITEM = ("deliveryId", "event", "outcome", "receivedAt")
KNOWN = frozenset({"changeId", "event", "personId", "personVersion", "occurredAt", "nhsNumber", "formerNhsNumber", "generalPractitioner"})  # fmt: skip
_KEY_ID = re.compile(r"(identity-([a-z0-9]+))-[0-9]+")
# What a faulty application believes all the same.
_BELIEVED = {
    Defect.WRONG_SIGNATURE: "wrong-signature-accepted",
    Defect.STALE: "old-delivery-accepted",
    Defect.EARLY: "old-delivery-accepted",
}

ApplicationCall = Call[Application]
Rings = Callable[[str], KeyRing]


def get_status(call: ApplicationCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


# Agreements


def begin_agreement(call: ApplicationCall) -> Answer:
    """Act for the caller's organisation from now on."""
    identifier = call.state.new_id()
    agreement = {**call.body, "agreementId": identifier, "status": "active", "begunAt": stamp(call.now)}
    return filed(call, call.state.agreements, "/v1/agreements", identifier, agreement)


def list_agreements(call: ApplicationCall) -> Answer:
    """One page of the organisation's agreements."""
    return listed(call, call.state.agreements, AGREEMENT_ITEM)


def get_agreement(call: ApplicationCall) -> Answer:
    """One agreement."""
    anyone = "agreement-of-other-council-shown" in call.faults
    return Answer(200, found(call, call.state.agreements, "agreementId", anyone=anyone))


def _refuse_ended(call: ApplicationCall, agreement: Record) -> None:
    """
    See that an agreement goes on.

    Raises:
        Refusal: with status 409; it is noted.
    """
    if agreement["status"] == "ended":
        refusal = Refusal(409, "The agreement has ended.")
        raise call.state.ledger.refuse(call, refusal, agreement["agreementId"])


def _within(call: ApplicationCall, records: Records, name: str) -> Answer:
    """A record of the agreement that the path names."""
    agreement, record = found(call, call.state.agreements, "agreementId"), found(call, records, name)
    if record["agreementId"] != agreement["agreementId"]:
        raise Refusal(404, NO_SUCH_OBJECT)
    return Answer(200, record)


def export_data(call: ApplicationCall) -> Answer:
    """Give a council everything that is held for it under an agreement."""
    agreement, identifier = found(call, call.state.agreements, "agreementId"), call.state.new_id()
    _refuse_ended(call, agreement)
    held = call.state.under(call.state.people, agreement, call.caller.area)
    people = [kept.record for kept in held]
    if "export-leaves-people-out" in call.faults:
        people = [person for person in people if person["givenName"].isascii()]
    export = {
        "exportId": identifier,
        "agreementId": agreement["agreementId"],
        "createdAt": stamp(call.now),
        "people": people,
    }
    address = f"/v1/agreements/{agreement['agreementId']}/exports"
    return filed(call, call.state.exports, address, identifier, export)


def get_export(call: ApplicationCall) -> Answer:
    """One export."""
    return _within(call, call.state.exports, "exportId")


def end_agreement(call: ApplicationCall) -> Answer:
    """Delete everything that is held under an agreement, and confirm it."""
    agreement, council = found(call, call.state.agreements, "agreementId"), call.caller.area
    _refuse_ended(call, agreement)
    call.state.agreements.replace(agreement["agreementId"], {**agreement, "status": "ended"})
    keeps = "copies-outlive-agreement" in call.faults
    people = _delete(call, call.state.people, agreement, "heldPersonId", keeps=keeps)
    _delete(call, call.state.exports, agreement, "exportId", keeps=keeps)
    subscriptions = _delete(call, call.state.subscriptions, agreement, "subscriptionId")
    for subscription in subscriptions:
        _unsubscribe(call, subscription)
    identifier = call.state.new_id()
    confirmation = {
        **call.body,
        "offBoardingId": identifier,
        "agreementId": agreement["agreementId"],
        "deletedPeople": len(people),
        "endedSubscriptions": len(subscriptions),
        "confirmedAt": stamp(call.now),
    }
    call.state.ledger.send(call, council, "deletion-confirmed", confirmation)
    address = f"/v1/agreements/{agreement['agreementId']}/off-boardings"
    return filed(call, call.state.off_boardings, address, identifier, confirmation)


def _delete(
    call: ApplicationCall, records: Records, agreement: Record, name: str, *, keeps: bool = False
) -> list[str]:
    """The records of an agreement that were deleted; ``keeps`` is a fault's, which only says so."""
    gone = [kept.record[name] for kept in call.state.under(records, agreement, call.caller.area)]
    for identifier in () if keeps else gone:
        records.remove(identifier)
    return gone


def get_off_boarding(call: ApplicationCall) -> Answer:
    """The confirmation of a deletion."""
    return _within(call, call.state.off_boardings, "offBoardingId")


# Copies


def _require_purpose(call: ApplicationCall, agreement: Record) -> None:
    if "any-purpose-is-agreed" not in call.faults:
        call.state.ledger.require_purpose(call, agreement["purposes"])


def hold_person(call: ApplicationCall) -> Answer:
    """Hold a copy under an agreement, for one of its purposes."""
    agreement = own(call, call.state.agreements, "agreementId")
    _require_purpose(call, agreement)
    _refuse_ended(call, agreement)
    identifier = call.state.new_id()
    copy = {
        **call.body,
        "agreementId": agreement["agreementId"],
        "heldPersonId": identifier,
        "asOf": stamp(call.now),
    }
    call.state.ledger.note(call, identifier)
    return filed(call, call.state.people, "/v2/held-people", identifier, copy)


def list_held_people(call: ApplicationCall) -> Answer:
    """One page of copies, without saying of whom."""
    return listed(call, call.state.people, HELD_ITEM, step=int("copy-between-pages-lost" in call.faults))


def _held(call: ApplicationCall) -> Record:
    """The copy that the path names, for a purpose of its agreement."""
    copy = found(call, call.state.people, "heldPersonId")
    agreement = call.state.agreements.find(copy["agreementId"], call.caller.area)
    _require_purpose(call, agreement)
    return copy


def get_held_person(call: ApplicationCall) -> Answer:
    """One copy."""
    return Answer(200, _held(call))


def get_held_person_as_before(call: ApplicationCall) -> Answer:
    """One copy as version 1 has it, until that ends."""
    if not call.state.sunset:
        # Version 1 goes on to the end of the year after the one in which it was asked for first.
        call.state.sunset = stamp(datetime(call.now.year + 1, 12, 31, 23, 59, 59, tzinfo=UTC))
    ends = datetime.fromisoformat(call.state.sunset)
    if call.now > ends and "old-version-goes-on" not in call.faults:
        raise Refusal(410, "This version has ended; use version 2.")
    copy = _held(call)
    name = " ".join(part(copy, ("givenName", "familyName")).values())
    body = {**part(copy, ("heldPersonId", "nhsNumber")), "name": name}
    headers = (
        ("Sunset", format_datetime(ends, usegmt=True)),
        ("Link", f'</v2/held-people/{copy["heldPersonId"]}>; rel="successor-version"'),
    )
    return Answer(200, body, headers)


# Notifications


def add_subscription(call: ApplicationCall) -> Answer:
    """Be told of changes to what is held under an agreement."""
    agreement = own(call, call.state.agreements, "agreementId")
    _refuse_ended(call, agreement)
    identifier = call.state.new_id()
    record = {
        **call.body,
        "agreementId": agreement["agreementId"],
        "subscriptionId": identifier,
        "keyRing": key_ring(call.caller.area),
    }
    wanted = {"subscriptionId": identifier, "callbackUrl": CALLBACK, "events": call.body["events"]}
    call.state.ledger.send(call, "identity", "subscription-wanted", wanted)
    return filed(call, call.state.subscriptions, "/v1/subscriptions", identifier, record)


def get_subscription(call: ApplicationCall) -> Answer:
    """One subscription."""
    return Answer(200, found(call, call.state.subscriptions, "subscriptionId"))


def remove_subscription(call: ApplicationCall) -> Answer:
    """End a subscription."""
    record = found(call, call.state.subscriptions, "subscriptionId")
    call.state.subscriptions.remove(record["subscriptionId"])
    _unsubscribe(call, record["subscriptionId"])
    return Answer(204)


def _unsubscribe(call: ApplicationCall, identifier: str) -> None:
    """Have the register end what it keeps for a subscription; one that still waits to be delivered is not called back."""
    place = call.state.ledger.places.pop(identifier, "")
    if place:
        call.state.ledger.send(call, "identity", "subscription-ended", {"place": place})


def receive_delivery(call: ApplicationCall, rings: Rings) -> Answer:
    """Take in a notification that may be believed, once."""
    council = _sender(call, rings)
    if not any(kept.record["status"] == "active" for kept in call.state.agreements.of(council)):
        raise Refusal(404, NO_SUCH_OBJECT)
    if "new-property-refused" in call.faults and set(call.body) - KNOWN:
        error = FieldError("", "additionalProperties", "There is a property that is not known.")
        raise Refusal(422, "The body is not as the contract declares it.", errors=(error,))
    delivery_id = str(call.parameter(DELIVERY_ID, call.state.new_id())).lower()
    if not call.state.received.is_new(delivery_id):
        if "delivery-taken-in-twice" not in call.faults:
            return Answer(202)
        delivery_id = call.state.new_id()
    line = {
        "deliveryId": delivery_id,
        "event": call.body["event"],
        "outcome": _apply(call, council),
        "receivedAt": stamp(call.now),
    }
    call.state.deliveries.add(delivery_id, council, line)
    return Answer(202)


def _sender(call: ApplicationCall, rings: Rings) -> str:
    """
    The council that a notification is for.

    Raises:
        Refusal: with status 401, the signature is not to be believed; it does not say why, and is noted.
    """
    if SIGNATURE.lower() not in call.headers:
        return call.caller.area
    try:
        return _signer(call, rings)
    except SignatureError:
        refusal = Refusal(401, "The delivery is not to be believed.", headers=CHALLENGE)
        raise call.state.ledger.refuse(call, refusal) from None


def _signer(call: ApplicationCall, rings: Rings) -> str:
    named = _KEY_ID.fullmatch(call.headers.get(KEY_ID.lower(), ""))
    if named is None or not any(call.state.agreements.of(named[2].upper())):
        raise SignatureError(Defect.UNKNOWN_KEY)
    ring = rings(named[1])
    if "replaced-key-good-for-ever" in call.faults:
        ring = KeyRing(ring.name, keys=[replace(key, until=None) for key in ring.keys])
    try:
        verify(call.headers, call.raw, ring, call.now.timestamp())
    except SignatureError as error:
        if _BELIEVED.get(error.defect) not in call.faults:
            raise
    return named[2].upper()


def _apply(call: ApplicationCall, council: str) -> str:
    """Bring the copies of whom a notification is about to its version; what became of it."""
    said = call.body
    number = said.get("formerNhsNumber", said["nhsNumber"])
    copies = [kept.record for kept in call.state.people.of(council) if kept.record["nhsNumber"] == number]
    if not copies:
        return "not-held"
    overwrites = "older-notice-overwrites" in call.faults
    behind = [copy for copy in copies if overwrites or copy["sourceVersion"] < said["personVersion"]]
    told = {**part(said, ("nhsNumber", "generalPractitioner")), "sourceVersion": said["personVersion"]}
    for copy in () if "copy-left-as-it-was" in call.faults else behind:
        call.state.people.replace(copy["heldPersonId"], {**copy, **told, "asOf": stamp(call.now)})
    return "applied" if behind else "older"


def list_deliveries(call: ApplicationCall) -> Answer:
    """One page of what was taken in."""
    return listed(call, call.state.deliveries, DELIVERY_ITEM)


# Faults


def _deprecation_not_said(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if operation is None or operation.id != "getHeldPersonAsBefore":
        return answer
    return answer.without("Deprecation").without("Sunset")


def _says_it_is_deprecated(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """With the header of RFC 9745, refusals too."""
    return answer.having(("Deprecation", f"@{int(DEPRECATED_SINCE.timestamp())}"))


def agency(rings: Rings) -> Agency[Application]:
    """
    The application, which verifies signatures.

    Args:
        rings: gives the keys of a name, as they are at the time.
    """
    return Agency(
        name="supplier-app",
        behaviours={
            "getStatus": get_status,
            "beginAgreement": begin_agreement,
            "listAgreements": list_agreements,
            "getAgreement": get_agreement,
            "exportData": export_data,
            "getExport": get_export,
            "endAgreement": end_agreement,
            "getOffBoarding": get_off_boarding,
            "holdPerson": hold_person,
            "listHeldPeople": list_held_people,
            "getHeldPerson": get_held_person,
            "getHeldPersonAsBefore": get_held_person_as_before,
            "addSubscription": add_subscription,
            "getSubscription": get_subscription,
            "removeSubscription": remove_subscription,
            "receiveDelivery": lambda call: receive_delivery(call, rings),
            "listDeliveries": list_deliveries,
        },
        fresh=fresh,
        represent={"getHeldPersonAsBefore": _says_it_is_deprecated},
        tampering={"deprecation-not-said": _deprecation_not_said},
        acts_as={
            "copy-held-twice": "replay-creates-twice",
            "copy-with-wrong-number": "check-digit-ignored",
        },
    )
