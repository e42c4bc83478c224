"""
Children's social care of a local authority: contacts, children, referrals.

Two organisations use the same service and see nothing of each other. What follows a referral is in ``protection``,
``care`` and ``transfers``.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from joinedup.mocks import care, council_notices, protection, return_interviews, subject_access, transfers
from joinedup.mocks.adulthood import PATHWAY, refuse_adult
from joinedup.mocks.clock import stamp
from joinedup.mocks.council import Council, CouncilCall, find
from joinedup.mocks.council_seed import FIRST_REFERRAL, seed_casework
from joinedup.mocks.deadlines import due
from joinedup.mocks.engine import Agency
from joinedup.mocks.messages import Answer, FieldError, Refusal
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, children, formers, people
from joinedup.mocks.sharing import BASIS, CORRELATION, MOST_LINES, PURPOSE, WORK, moment
from joinedup.mocks.store import ANYONE, Kept, Record, Records, new_id, page, read_cursor
from joinedup.mocks.subject_access import THIRD_PARTY, Holding

CHILDREN_EACH = 9
CONTACTS_EACH = 6
SEEDED_AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
STATUSES = (
    "child-in-need",
    "child-protection-plan",
    "looked-after",
    "early-help",
    "care-leaver",
    "closed",
    "none",
)
SOURCES = ("2A", "6", "3A", "1D", "4", "9")
DEFAULT_LIMIT = 20
MOST_MATCHES = 20
RESTRICTED_HIDES = ("address", "telephone")

# Examples in the contract work as they stand: the first records of the first organisation have their ids.
FIRST_CHILD = "7d0c2f5e-1b8e-4a8e-9d53-1f1d5f0a9c01"
FIRST_SUBJECT_ACCESS = "7d0c2f5e-6b1d-4e3f-8a5c-1d9b1f3e5c01"
FIRST_CONTACT = "3f0f6a3e-6a0e-4c55-9a3c-0c6d1c7c1a01"

VIEWS: dict[str, tuple[str, ...]] = {
    "status-only": ("childId", "status"),
    "safeguarding": (
        "childId",
        "status",
        "givenName",
        "familyName",
        "dateOfBirth",
        "allocatedWorker",
        "responsibleLa",
    ),
}
VIEWS["pathway"] = PATHWAY
VIEWS["full"] = (
    *VIEWS["safeguarding"],
    "nhsNumber",
    "upn",
    "sex",
    "ethnicity",
    "disabilities",
    "address",
    "telephone",
)
# What people are given of their own record, and what of contacts is about whoever told.
OWN_RECORD = ("givenName", "familyName", "dateOfBirth", "status")
OF_CONTACTS = {"source": THIRD_PARTY, "reason": "serious-harm-social-work"}
CONTACT_ITEM = ("contactId", "referralId", "status", "source", "urgency", "receivedAt", "version")
CHILD_ITEM = ("childId", "status", "version")
MATCH = ("childId", "givenName", "familyName", "dateOfBirth")


def fresh(seed: int) -> Council:
    """The seeded state: children and contacts of two organisations, their referrals awaiting decision."""
    source = random.Random(seed)  # noqa: S311 - synthetic data, repeatable on purpose
    state = Council(source)
    for place, organisation in enumerate(COUNCILS):
        for index, person in enumerate(children(seed, place, CHILDREN_EACH)):
            seed_child(state, organisation, person, index)
        for index, person in enumerate(people(source, CONTACTS_EACH, start=1000 * place + 500)):
            _seed_contact(state, organisation, person, index)
    seed_casework(state)
    for place, organisation in enumerate(COUNCILS):
        for index, (before, now) in enumerate(formers(seed, place, CHILDREN_EACH)):
            _seed_before_adoption(state, organisation, before, now, index)
    subject_access.seed(state, COUNCILS[0], FIRST_SUBJECT_ACCESS)
    return state


def seed_child(state: Council, organisation: str, person: Person, index: int) -> None:
    is_first = organisation == COUNCILS[0] and index == 0
    identifier = FIRST_CHILD if is_first else new_id(state.ids)
    record: Record = {
        "childId": identifier,
        "laChildId": f"LA{organisation[-1]}{index + 1:05d}",
        "nhsNumber": person.nhs_number,
        "upn": person.upn,
        "givenName": person.given_name,
        "sex": person.sex,
        "dateOfBirth": person.date_of_birth,
        "ethnicity": state.ids.choice(("WBRI", "MWAS", "BAFR", "APKN", "OOTH")),
        "disabilities": ["NONE"],
        "address": {"line1": person.line1, "town": "Exampleton", "postcode": person.postcode},
        "telephone": person.telephone,
        "status": STATUSES[index % len(STATUSES)],
        "allocatedWorker": "A. Worker",
        "responsibleLa": organisation,
        "restricted": index == 2,
        "updatedAt": stamp(SEEDED_AT),
        "version": 1,
    }
    if person.family_name is not None:
        record["familyName"] = person.family_name
    state.children.add(identifier, organisation, record)


def _seed_before_adoption(state: Council, council: str, before: Person, now: Person, index: int) -> None:
    """The closed record of who an adopted child was; only a fault knows to whom it would lead."""
    seed_child(state, council, before, CHILDREN_EACH + index)
    was = next(
        kept.record for kept in state.children.of(council) if kept.record["nhsNumber"] == before.nhs_number
    )
    state.children.replace(was["childId"], {**was, "status": "closed", "version": 1})
    state.formerly[now.nhs_number] = before.nhs_number


def _seed_contact(state: Council, organisation: str, person: Person, index: int) -> None:
    child = {
        "givenName": person.given_name,
        "dateOfBirth": person.date_of_birth,
        "nhsNumber": person.nhs_number,
    }
    if person.family_name is not None:
        child["familyName"] = person.family_name
    body = {
        "source": SOURCES[index % len(SOURCES)],
        "urgency": ("routine", "same-day", "immediate")[index % 3],
        "primaryNeed": f"N{index % 9 + 1}",
        "reason": "Someone who knows the child is worried.",
        "child": child,
    }
    first = organisation == COUNCILS[0] and index == 0
    ids = (FIRST_CONTACT, FIRST_REFERRAL) if first else (new_id(state.ids), new_id(state.ids))
    received = SEEDED_AT + timedelta(minutes=index)
    _open_contact(state, organisation, body, received, ids, stamp(due("referral-decision", received)))


def _open_contact(
    state: Council,
    organisation: str,
    body: Record,
    received: datetime,
    ids: tuple[str, str],
    due_by: str,
    correlation_id: str = "",
) -> Record:
    """
    Keep a contact and open its referral.

    Args:
        ids: those of the contact and of the referral.
        due_by: when a decision is too late.
        correlation_id: of the piece of work by which it came.
    """
    contact_id, referral_id = ids
    at = stamp(received)
    contact = {
        **body,
        "contactId": contact_id,
        "referralId": referral_id,
        "status": "received",
        "receivedAt": at,
        "version": 1,
    }
    referral = {
        "referralId": referral_id,
        "contactId": contact_id,
        "status": "awaiting-decision",
        "receivedAt": at,
        "decisionDueBy": due_by,
        "version": 1,
    }
    state.contacts.add(contact_id, organisation, contact, correlation_id)
    state.referrals.add(referral_id, organisation, referral)
    return contact


def _part(record: Record, names: tuple[str, ...]) -> Record:
    return {name: record[name] for name in names if name in record}


def _tagged(record: Record, status: int = 200, *headers: tuple[str, str]) -> Answer:
    return Answer(status, record, (("ETag", f'"{record["version"]}"'), *headers))


def get_status(call: CouncilCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


def raise_contact(call: CouncilCall) -> Answer:
    """Take in a contact and open a referral."""
    body = _declared_part(call.body)
    if "apostrophe-refused" in call.faults and any("'" in str(v) for v in body["child"].values()):
        detail = "The value does not have the declared form."
        error = FieldError("/child/familyName", "pattern", detail)
        raise Refusal(422, "The body is not as the contract declares it.", errors=(error,))
    if "accents-lost" in call.faults:
        body = {**body, "child": {k: _without_accents(v) for k, v in body["child"].items()}}
    ids = (new_id(call.state.ids), new_id(call.state.ids))
    due_by = protection.due_by(call, "referral-decision", call.now)
    work = call.parameter(CORRELATION, "")
    contact = _open_contact(call.state, call.caller.area, body, call.now, ids, due_by, work)
    if "created-not-kept" in call.faults:
        call.state.contacts.remove(ids[0])
    return _tagged(contact, 201, ("Location", f"/v1/contacts/{ids[0]}"))


def _declared_part(body: Record) -> Record:
    names = ("source", "urgency", "primaryNeed", "reason", "incidentReference", "child")
    return _part(body, names)


def _without_accents(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return bare or "?"


def list_contacts(call: CouncilCall) -> Answer:
    """One page of the caller's contacts, without personal details; those of late where the caller asks so."""
    since = call.parameter("receivedSince")
    contacts = call.state.contacts.of_work(call.parameter(WORK))
    if since is None:
        return _page(call, contacts, CONTACT_ITEM)
    first = _first_moment(since)
    chosen = contacts.where(lambda contact: datetime.fromisoformat(contact["receivedAt"]) >= first)
    return _page(call, chosen, CONTACT_ITEM)


def _first_moment(since: str) -> datetime:
    """The moment that was asked for; beyond the years that are reckoned with, before all or after all."""
    try:
        return moment(since, "/query/receivedSince")
    except Refusal:
        return (datetime.min if since < SEEDED_AT.isoformat() else datetime.max).replace(tzinfo=UTC)


def list_children(call: CouncilCall) -> Answer:
    """One page of the caller's children, without personal details."""
    return _page(call, call.state.children, CHILD_ITEM)


def _page(call: CouncilCall, records: Records, names: tuple[str, ...]) -> Answer:
    limit = DEFAULT_LIMIT if "limit-ignored" in call.faults else call.parameter("limit", DEFAULT_LIMIT)
    step = ("paging-loses" in call.faults) - ("paging-repeats" in call.faults)
    found = page(records, call.caller.area, limit, _cursor(call), step=step)
    return Answer(200, {"items": [_part(record, names) for record in found.records], "next": found.next})


def _cursor(call: CouncilCall) -> str | None:
    cursor: str | None = call.parameter("cursor")
    if cursor is not None and "unknown-cursor-accepted" in call.faults:
        try:
            read_cursor(cursor)
        except Refusal:
            return None
    return cursor


def get_contact(call: CouncilCall) -> Answer:
    """One contact."""
    return _tagged(find(call, call.state.contacts, "contactId"))


def withdraw_contact(call: CouncilCall) -> Answer:
    """Remove a contact and its referral, unless the referral was decided."""
    organisation = ANYONE if "other-organisation-changeable" in call.faults else call.caller.area
    contact = call.state.contacts.find(call.parameters["contactId"], organisation)
    if contact["status"] != "received":
        raise Refusal(409, "The referral of this contact was decided; the contact stays.")
    if "deleted-still-readable" not in call.faults:
        call.state.contacts.remove(contact["contactId"])
        call.state.referrals.remove(contact["referralId"])
    return Answer(204)


def search_children(call: CouncilCall) -> Answer:
    """The caller's children of whom everything given is true."""
    wanted = {name: _comparable(value) for name, value in call.body.items()}
    if "wildcard-selects-all" in call.faults:
        wanted = {name: value for name, value in wanted.items() if value != "%"}
    formerly = call.state.formerly if "adoption-leads-back" in call.faults else {}
    matches = [k.record for k in call.state.children.of(call.caller.area) if _matches(k, wanted, formerly)]
    for record in matches[:MOST_MATCHES]:
        _note(call, record["childId"], "disclosed")
    return Answer(200, {"items": [_part(record, MATCH) for record in matches[:MOST_MATCHES]]})


def _matches(kept: Kept, wanted: Record, formerly: Mapping[str, str]) -> bool:
    record = kept.record
    if "nhsNumber" in wanted and wanted["nhsNumber"] == formerly.get(record.get("nhsNumber", "")):
        return True
    held = {**record, "postcode": record["address"]["postcode"]} if _locatable(record) else record
    return all(_comparable(held.get(name)) == value for name, value in wanted.items())


def _locatable(record: Record) -> bool:
    """Whether an address may take part in a search: that of a restricted child would give away where it is."""
    return "address" in record and not record["restricted"]


def _comparable(value: Any) -> Any:
    return unicodedata.normalize("NFC", value).strip().casefold() if isinstance(value, str) else value


def _child(call: CouncilCall, organisation: str | None = None) -> Record:
    """The child that the path names; the look at it, or its refusal, is noted among the child's disclosures."""
    identifier = str(call.parameters["childId"]).lower()
    try:
        child = call.state.children.find(identifier, organisation or call.caller.area)
    except Refusal:
        if "refusals-not-noted" not in call.faults:
            _note(call, identifier, "refused")
        raise
    if "disclosures-not-noted" not in call.faults and not _is_look_left_out(call):
        _note(call, identifier, "disclosed")
    return child


def _is_look_left_out(call: CouncilCall) -> bool:
    """Whether a look leaves no line, as every second one does by a fault."""
    call.state.looks += 1
    return call.state.looks % 2 == 0 and "second-look-not-noted" in call.faults


def _note(call: CouncilCall, child_id: str, outcome: str) -> None:
    call.state.ledger.note(call, child_id, outcome)
    if child_id not in call.state.children:
        return  # the account of a child that there is not would be nobody's to read
    line = {
        "at": stamp(call.now),
        "organisation": call.caller.organisation,
        "operation": call.operation.id,
        "purpose": call.parameter(PURPOSE, ""),
        "lawfulBasis": call.parameter(BASIS, ""),
        "outcome": outcome,
    }
    kept = {name: value for name, value in line.items() if value}
    lines = call.state.disclosures.setdefault(child_id, Records(MOST_LINES))
    lines.add(f"line-{call.state.ledger.noted}", child_id, kept)


def list_disclosures(call: CouncilCall) -> Answer:
    """One page of the lines about one child, for the council that keeps the record."""
    child = find(call, call.state.children, "childId")
    limit = call.parameter("limit", DEFAULT_LIMIT)
    lines = call.state.disclosures.get(child["childId"], Records())
    if "disclosure-log-forgets" in call.faults:
        recent = [kept.record for kept in lines.of(child["childId"])][-5:]
        lines = lines.where(lambda line: line in recent)
    found = page(lines, child["childId"], limit, _cursor(call))
    return Answer(200, {"items": list(found.records), "next": found.next})


def _shown(call: CouncilCall, record: Record) -> Record:
    if not record["restricted"] or "restricted-address-shown" in call.faults:
        return record
    return {name: value for name, value in record.items() if name not in RESTRICTED_HIDES}


def get_child(call: CouncilCall) -> Answer:
    """One child's record; of a restricted child without what would tell where it lives."""
    foreign = ANYONE if "other-organisation-readable" in call.faults else None
    child = _child(call, foreign)
    refuse_adult(call, child)
    return _tagged(_shown(call, child))


def update_child(call: CouncilCall) -> Answer:
    """Change part of a child's record, if the caller saw its latest version."""
    record = _child(call)
    if record["responsibleLa"] != call.caller.area and "former-council-changes-record" not in call.faults:
        raise Refusal(403, "Another council is responsible for the child; its record can only be read here.")
    sent_tag = call.parameters["If-Match"]
    forgiven = "stale-change-accepted" in call.faults or (
        "if-match-not-needed" in call.faults and "if-match" not in call.headers
    )
    if sent_tag != f'"{record["version"]}"' and not forgiven:
        whose = record["givenName"] if "error-shows-record" in call.faults else "The object"
        raise Refusal(412, f"{whose} has changed since; read it again.")
    touched = {**record, "version": record["version"] + 1, "updatedAt": stamp(call.now)}
    changed = {**touched, **_without_unknown(call.body)}
    call.state.children.replace(record["childId"], touched if "update-lost" in call.faults else changed)
    council_notices.tell_of_correction(call, record, changed)
    return _tagged(_shown(call, changed))


def _without_unknown(body: Record) -> Record:
    """What of a change is kept: with the fault ``read-only-writable`` the restriction too."""
    known = (*VIEWS["full"], "restricted")
    return {
        name: value for name, value in body.items() if name in known and name not in ("childId", "status")
    }


def get_child_summary(call: CouncilCall) -> Answer:
    """As much about a child as was asked for, and no more."""
    view, child = call.parameter("view", "status-only"), _child(call)
    refuse_adult(call, child, view)
    return Answer(200, {"view": view, **_part(_shown(call, child), VIEWS[view])})


def get_referral(call: CouncilCall) -> Answer:
    """One referral with its latest decision."""
    referral = find(call, call.state.referrals, "referralId")
    late = protection.overdue(call, referral, "decisionDueBy", ("decided",))
    return _tagged({**referral, "overdue": late})


def decide_referral(call: CouncilCall) -> Answer:
    """Record a decision; a later one takes the place of an earlier one."""
    referral = call.state.referrals.find(call.parameters["referralId"], call.caller.area)
    identifier = new_id(call.state.ids)
    decision = {
        **call.body,
        "decisionId": identifier,
        "referralId": referral["referralId"],
        "decidedAt": stamp(call.now),
    }
    call.state.decisions.add(identifier, call.caller.area, decision)
    contact = call.state.contacts.find(referral["contactId"], call.caller.area)
    call.state.referrals.replace(referral["referralId"], {**_decided(referral), "latestDecision": decision})
    call.state.contacts.replace(referral["contactId"], _decided(contact))
    council_notices.tell_referrer(call, contact, decision)
    location = f"/v1/referrals/{referral['referralId']}/decisions/{identifier}"
    return Answer(201, decision, (("Location", location),))


def _decided(record: Record) -> Record:
    return {**record, "status": "decided", "version": record["version"] + 1}


def get_decision(call: CouncilCall) -> Answer:
    """One decision on a referral."""
    decision = call.state.decisions.find(call.parameters["decisionId"], call.caller.area)
    if decision["referralId"] != call.parameters["referralId"].lower():
        raise Refusal(404, "There is no such object for this caller.")
    return Answer(200, decision)


AGENCY = Agency(
    name="social-care",
    behaviours={
        "getStatus": get_status,
        "raiseContact": raise_contact,
        "listContacts": list_contacts,
        "getContact": get_contact,
        "withdrawContact": withdraw_contact,
        "searchChildren": search_children,
        "listChildren": list_children,
        "getChild": get_child,
        "updateChild": update_child,
        "getChildSummary": get_child_summary,
        "getReferral": get_referral,
        "decideReferral": decide_referral,
        "getDecision": get_decision,
        "listDisclosures": list_disclosures,
        **protection.BEHAVIOURS,
        **care.BEHAVIOURS,
        **return_interviews.BEHAVIOURS,
        **transfers.BEHAVIOURS,
        **council_notices.BEHAVIOURS,
        **subject_access.behaviours(
            Council,
            Holding("record", lambda state: state.children, OWN_RECORD, {"allocatedWorker": THIRD_PARTY}),
            Holding("contact", lambda state: state.contacts, ("receivedAt", "status"), OF_CONTACTS),
            passes_to=("health", "school"),
        ),
    },
    fresh=fresh,
)
