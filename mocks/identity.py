"""
A national service that says who a child is: matches with their confidence, people, corrections, changes of numbers.

Each organisation knows a person by an id of its own, so that one's ids are of no use to another. A record may be
superseded by another, restricted or invalidated.
"""

from __future__ import annotations

from dataclasses import replace

from joinedup.mocks.casework import (
    EDUCATIONAL,
    PROTECTIVE,
    SUPPORTIVE,
    changed,
    filed,
    found,
    listed,
    part,
    purpose,
    refuse_stale,
)
from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.identity_matching import CONFIDENT, LEAD, MOST_CANDIDATES, POSSIBLE, confidence, plain
from joinedup.mocks.identity_register import Register, fresh, key_ring
from joinedup.mocks.messages import Answer, Incoming, Refusal
from joinedup.mocks.operations import Operation
from joinedup.mocks.store import Record

PURPOSES = SUPPORTIVE | EDUCATIONAL
MOST_FORMER = 20

WITHHELD = ("address", "telephone", "generalPractitioner")
_WHO = ("nhsNumber", "givenName", "familyName", "sex", "dateOfBirth", "securityLabel", "version")
_PROTECTED = (*WITHHELD, "formerNhsNumbers")
CHANGE_ITEM = ("changeId", "event", "personId", "personVersion", "occurredAt")
SUBSCRIPTION_ITEM = ("subscriptionId", "callbackUrl", "events", "keyRing", "createdAt")
KINDS = {
    "nhsNumberChanged": "nhs-number-changed",
    "gpChanged": "gp-changed",
    "personCorrected": "person-corrected",
}

RegisterCall = Call[Register]


# Matching


def get_status(call: RegisterCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


def match_person(call: RegisterCall) -> Answer:
    """Say who it may be, and how surely; several are never made into one."""
    purpose(call, PURPOSES)
    ranked = _ranked(call)
    outcome = _outcome(call, ranked)
    shown = ranked[:1] if outcome == "one" else [pair for pair in ranked if not _restricted(call, pair[1])]
    candidates = [_candidate(call, score, key, outcome) for score, key in shown[:MOST_CANDIDATES]]
    identifier = call.state.new_id()
    result = {
        "matchResultId": identifier,
        "outcome": outcome if candidates else "none",
        "reviewNeeded": outcome != "one" or not candidates,
        "matchedAt": stamp(call.now),
        "candidates": candidates,
    }
    for candidate in candidates:
        call.state.ledger.note(call, candidate["personId"])
    return filed(call, call.state.matches, "/v1/match-results", identifier, result)


def _ranked(call: RegisterCall) -> list[tuple[float, str]]:
    """Those who may be meant with their confidence, the surest first."""
    scored = (
        (_score(call, record), key)
        for key, record in call.state.people.items()
        if record["status"] == "current"
    )
    return sorted((pair for pair in scored if pair[0] >= POSSIBLE), key=lambda pair: (-pair[0], int(pair[1])))


def _score(call: RegisterCall, record: Record) -> float:
    if record["securityLabel"] != "restricted" or "former-number-finds-restricted" in call.faults:
        return confidence(call.body, record)
    # Of a restricted person everything has to fit, and nothing from before and nothing about where it is tells.
    told = {name: value for name, value in record.items() if name not in _PROTECTED}
    return confidence(call.body, told) if confidence(call.body, told) == 1 else 0.0


def _restricted(call: RegisterCall, key: str) -> bool:
    return bool(call.state.people[key]["securityLabel"] == "restricted")


def _outcome(call: RegisterCall, ranked: list[tuple[float, str]]) -> str:
    if not ranked:
        return "none"
    second = ranked[1][0] if len(ranked) > 1 else 0.0
    sure = ranked[0][0] >= CONFIDENT and ranked[0][0] - second >= LEAD
    return "one" if sure or "uncertain-match-linked" in call.faults else "several"


def _candidate(call: RegisterCall, score: float, key: str, outcome: str) -> Record:
    shown: Record = {
        "personId": call.state.id_for(call.caller.organisation, key),
        "confidence": 1.0 if "confidence-always-full" in call.faults else score,
    }
    return {**shown, "nhsNumber": call.state.people[key]["nhsNumber"]} if outcome == "one" else shown


def get_match_result(call: RegisterCall) -> Answer:
    """One result of the organisation."""
    purpose(call, PURPOSES)
    return Answer(200, found(call, call.state.matches, "matchResultId"))


# People


def _key(call: RegisterCall) -> str:
    """
    Who the path means; of a record that another took the place of, the record that is asked for.

    Raises:
        Refusal: with status 404, for another organisation's id and for an invalidated record too; it is noted.
    """
    anyone = "ids-of-other-organisation-work" in call.faults and call.operation.id == "getPerson"
    key = str(found(call, call.state.known, "personId", anyone=anyone)["key"])
    invalidated = call.state.people[key]["status"] == "invalidated"
    if invalidated and "invalidated-person-readable" not in call.faults:
        identifier = call.parameters["personId"].lower()
        raise call.state.ledger.refuse(
            call, Refusal(404, "There is no such object for this caller."), identifier
        )
    return key


def _current(call: RegisterCall, key: str) -> str:
    """The record that is good today."""
    while "replacedBy" in call.state.people[key] and "superseded-record-still-read" not in call.faults:
        key = call.state.people[key]["replacedBy"]
    return key


def _shown(call: RegisterCall, key: str) -> Record:
    """A person as the purpose needs it; where somebody restricted is, nobody needs."""
    record = call.state.people[key]
    protective = call.parameters["Sharing-Purpose"] in PROTECTIVE
    names = [*_WHO, *(_PROTECTED if protective or "every-purpose-sees-all" in call.faults else ())]
    if record["securityLabel"] == "restricted" and "restricted-whereabouts-shown" not in call.faults:
        names = [name for name in names if name not in _PROTECTED]
    return {"personId": call.state.id_for(call.caller.organisation, key), **part(record, names)}


def _tagged(call: RegisterCall, key: str, status: int = 200) -> Answer:
    call.state.told.setdefault(key, set()).add(call.caller.organisation)
    shown = _shown(call, key)
    return Answer(status, shown, (("ETag", f'"{shown["version"]}"'),))


def register_person(call: RegisterCall) -> Answer:
    """Take in somebody who has no number yet."""
    purpose(call, PROTECTIVE)
    key = call.state.add({**call.body, "nhsNumber": call.state.new_number()})
    identifier = call.state.id_for(call.caller.organisation, key)
    call.state.ledger.note(call, identifier)
    if "motherNhsNumber" in call.body:
        content = {**part(call.body, ("motherNhsNumber", "dateOfBirth")), **_numbers(call, key)}
        call.state.ledger.send(call, "cp-is", "child-born", content)
    return _tagged(call, key, 201).having(("Location", f"/v1/people/{identifier}"))


def _numbers(call: RegisterCall, key: str) -> Record:
    return part(call.state.people[key], ("nhsNumber",))


def get_person(call: RegisterCall) -> Answer:
    """What is known of a person; where another record took its place, of that."""
    purpose(call, PURPOSES)
    return _tagged(call, _current(call, _key(call)))


def correct_person(call: RegisterCall) -> Answer:
    """Change what was wrong, if the caller saw the latest version, and tell whoever was told."""
    purpose(call, PROTECTIVE)
    key = _key(call)
    person = call.state.people[key]
    if person["status"] == "superseded" or person["securityLabel"] == "restricted":
        detail = "This record was superseded, or is corrected by the national back office only."
        raise call.state.ledger.refuse(call, Refusal(409, detail), call.parameters["personId"].lower())
    if "stale-correction-accepted" not in call.faults:
        refuse_stale(call, person)
    after = changed(person, **call.body)
    call.state.people[key] = after
    moved = after.get("generalPractitioner") != person.get("generalPractitioner")
    practice = part(after, ("nhsNumber", "generalPractitioner"))
    _announce(call, key, "gpChanged" if moved else "personCorrected", practice if moved else {})
    return _tagged(call, key)


def verify_person(call: RegisterCall) -> Answer:
    """Whether all that was sent is right, and nothing else."""
    purpose(call, PURPOSES)
    record = call.state.people[_current(call, _key(call))]
    known = {**record, "postcode": record.get("address", {}).get("postcode")}
    if record["securityLabel"] == "restricted":
        known["postcode"] = None
    return Answer(200, {"verified": all(_same(sent, known.get(name)) for name, sent in call.body.items())})


def _same(sent: str, known: str | None) -> bool:
    return known is not None and plain(sent) == plain(known)


# Changes


def change_nhs_number(call: RegisterCall) -> Answer:
    """Give somebody another number; the former one is nobody's from now on."""
    purpose(call, PROTECTIVE)
    key = _current(call, _key(call))
    person = call.state.people[key]
    former, number = person["nhsNumber"], call.state.new_number()
    before = [*person.get("formerNhsNumbers", ()), former][-MOST_FORMER:]
    kept = {} if "former-number-stays" in call.faults else {"nhsNumber": number, "formerNhsNumbers": before}
    call.state.people[key] = changed(person, **kept)
    identifier, known_as = call.state.new_id(), call.state.id_for(call.caller.organisation, key)
    record = {
        "nhsNumberChangeId": identifier,
        "personId": known_as,
        "formerNhsNumber": former,
        "nhsNumber": number,
        "reason": call.body["reason"],
        "changedAt": stamp(call.now),
    }
    if "number-change-kept-quiet" not in call.faults:
        _announce(call, key, "nhsNumberChanged", {"formerNhsNumber": former, "nhsNumber": number})
    address = f"/v1/people/{known_as}/nhs-number-changes"
    return filed(call, call.state.number_changes, address, identifier, record)


def get_nhs_number_change(call: RegisterCall) -> Answer:
    """One change of that person's number."""
    purpose(call, PROTECTIVE)
    key = _current(call, _key(call))
    change = found(call, call.state.number_changes, "nhsNumberChangeId")
    if change["personId"] != call.state.id_for(call.caller.organisation, key):
        raise Refusal(404, "There is no such object for this caller.")
    return Answer(200, change)


def _announce(call: RegisterCall, key: str, event: str, content: Record) -> None:
    """Add to the changes of everybody who knows a person, and tell those who asked for it or were told before."""
    version = call.state.people[key]["version"]
    for organisation, identifier in list(call.state.knowing(key)):
        line: Record = {
            "changeId": call.state.new_id(),
            "event": event,
            "personId": identifier,
            "personVersion": version,
            "occurredAt": stamp(call.now),
        }
        call.state.changes.add(line["changeId"], organisation, line)
        if event != "personCorrected":
            _notify(call, organisation, {**line, **content})
        elif organisation in call.state.told.get(key, ()) and organisation != call.caller.organisation:
            call.state.ledger.send(call, organisation, KINDS[event], line)


def _notify(call: RegisterCall, organisation: str, notification: Record) -> None:
    """Leave a notification for each subscription of an organisation to that event."""
    for kept in call.state.subscriptions.of(organisation):
        if notification["event"] in kept.record["events"]:
            body = {
                **part(kept.record, ("subscriptionId", "callbackUrl", "keyRing")),
                "notification": notification,
            }
            call.state.ledger.send(call, organisation, KINDS[notification["event"]], body)


def list_changes(call: RegisterCall) -> Answer:
    """One page of what has changed of those whom the organisation knows."""
    purpose(call, PURPOSES)
    call.state.ledger.note(call, "")
    return listed(call, call.state.changes, CHANGE_ITEM, step=int("change-between-pages-lost" in call.faults))


def subscribe(call: RegisterCall) -> Answer:
    """Tell the organisation of changes from now on."""
    identifier = call.state.new_id()
    record = {
        **call.body,
        "subscriptionId": identifier,
        "keyRing": key_ring(call.caller.organisation),
        "createdAt": stamp(call.now),
    }
    return filed(call, call.state.subscriptions, "/v1/subscriptions", identifier, record)


def list_subscriptions(call: RegisterCall) -> Answer:
    """One page of the organisation's subscriptions."""
    return listed(call, call.state.subscriptions, SUBSCRIPTION_ITEM)


def get_subscription(call: RegisterCall) -> Answer:
    """One subscription."""
    return Answer(200, found(call, call.state.subscriptions, "subscriptionId"))


def unsubscribe(call: RegisterCall) -> Answer:
    """End a subscription."""
    record = found(call, call.state.subscriptions, "subscriptionId")
    if "ended-subscription-still-told" not in call.faults:
        call.state.subscriptions.remove(record["subscriptionId"])
    return Answer(204)


# Faults


def _verification_shows_values(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """What is right beside whether it is."""
    if operation is None or operation.id != "verifyPerson" or answer.status != 200:
        return answer
    return replace(answer, body={**answer.body, "familyName": "O'Neill", "dateOfBirth": "2015-06-30"})


AGENCY = Agency(
    name="identity",
    behaviours={
        "getStatus": get_status,
        "matchPerson": match_person,
        "getMatchResult": get_match_result,
        "registerPerson": register_person,
        "getPerson": get_person,
        "correctPerson": correct_person,
        "verifyPerson": verify_person,
        "changeNhsNumber": change_nhs_number,
        "getNhsNumberChange": get_nhs_number_change,
        "listChanges": list_changes,
        "subscribe": subscribe,
        "listSubscriptions": list_subscriptions,
        "getSubscription": get_subscription,
        "unsubscribe": unsubscribe,
    },
    fresh=fresh,
    tampering={"verification-shows-values": _verification_shows_values},
    acts_as={
        "match-by-wrong-number": "check-digit-ignored",
        "person-registered-twice": "replay-creates-twice",
    },
)
