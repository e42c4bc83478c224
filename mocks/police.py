"""
Public protection of a police force: notices, notifications to schools, missing children, police protection, requests.

Two forces use the same service and see nothing of each other. Another agency sees what was addressed to it or asked by
it, without what would tell who told the police.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.messages import Answer, FieldError, Incoming, Refusal
from joinedup.mocks.operations import Operation
from joinedup.mocks.organisations import FORCES
from joinedup.mocks.police_records import (
    FORCE_OF,
    PROTECTION_LASTS,
    Police,
    delivery,
    fresh,
    identified,
    keep,
    keep_notice,
)
from joinedup.mocks.sharing import CORRELATION, WORK, moment
from joinedup.mocks.store import ANYONE, Record, Records, new_id, page

PURPOSES = ("SAFEGUARDING", "CHILD_PROTECTION", "CRIME_PREVENTION")
INTERVIEW_WITHIN = timedelta(hours=72)
MOST_MATCHES = 20
DEFAULT_LIMIT = 20
NOTICE_ITEM = ("noticeId", "noticeType", "gradedRisk", "recipient", "raisedAt", "status")
NOMINAL_ITEM = ("nominalId", "pncId")
# What only the force itself sees: who told it, and why exactly it refused.
OWN_EYES = ("informant", "particulars")
_FORCE = re.compile(r"[0-9]{2}")

PoliceCall = Call[Police]


def _is_force(organisation: str) -> bool:
    return _FORCE.fullmatch(organisation) is not None


def _force(call: PoliceCall) -> str:
    """The force that the caller belongs to or works with."""
    return FORCE_OF.get(call.caller.area, FORCES[0])


def _require_purpose(call: PoliceCall) -> None:
    if "any-purpose-served" not in call.faults:
        call.state.ledger.require_purpose(call, PURPOSES)


def _require_force(call: PoliceCall) -> None:
    if not _is_force(call.caller.organisation):
        raise call.state.ledger.refuse(call, Refusal(403, "Only a police force records this."))


def _find(call: PoliceCall, records: Records, identifier: str) -> Record:
    """A record of the caller's own force, or one that the caller may read besides; else a refusal with 404."""
    _require_purpose(call)
    try:
        record = records.find(identifier, ANYONE)
    except Refusal as refusal:
        raise call.state.ledger.refuse(call, refusal) from None
    readers = call.state.readers[identifier.lower()]
    other_force = "other-force-notice-readable" in call.faults and records is call.state.notices
    if call.caller.organisation not in (record["forceCode"], *readers, ANYONE) and not other_force:
        raise call.state.ledger.refuse(call, Refusal(404, "There is no such object for this caller."))
    call.state.ledger.note(call, identifier.lower())
    return record


def _shown(call: PoliceCall, record: Record) -> Record:
    """The record as the caller may see it."""
    if call.caller.organisation == record["forceCode"] or "informant-shown-to-partner" in call.faults:
        return record
    return {name: value for name, value in record.items() if name not in OWN_EYES}


def _part(record: Record, names: tuple[str, ...]) -> Record:
    return {name: record[name] for name in names if name in record}


def _tagged(record: Record, status: int = 200) -> Answer:
    return Answer(status, record, (("ETag", f'"{record["version"]}"'),))


def _created(record: Record, location: str) -> Answer:
    answer = _tagged(record, 201) if "version" in record else Answer(201, record)
    return answer.having(("Location", location))


def get_status(call: PoliceCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


def raise_notice(call: PoliceCall) -> Answer:
    """Record a notice and leave it for the council."""
    _require_purpose(call)
    _require_force(call)
    moment(call.body["occurredAt"], "/occurredAt")
    if "exploitation-not-known" in call.faults and call.body["noticeType"] == "child-exploitation":
        error = FieldError("/noticeType", "enum", "The value is not one of those declared.")
        raise Refusal(422, "The body is not as the contract declares it.", errors=(error,))
    identifier = new_id(call.state.ids)
    work = call.parameter(CORRELATION, "")
    notice = keep_notice(call.state, call.caller.organisation, call.body, call.now, identifier, work)
    call.state.ledger.send(call, notice["recipient"], "public-protection-notice", _without_own_eyes(notice))
    return _created(notice, f"/v1/public-protection-notices/{identifier}")


def _without_own_eyes(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in OWN_EYES}


def list_notices(call: PoliceCall) -> Answer:
    """One page of the force's notices, or of those for the calling council."""
    organisation = call.caller.organisation
    records = call.state.notices if _is_force(organisation) else call.state.inbox
    records = records.of_work(call.parameter(WORK))
    step = int("notice-between-pages-lost" in call.faults)
    found = page(
        records, organisation, call.parameter("limit", DEFAULT_LIMIT), call.parameter("cursor"), step=step
    )
    return Answer(
        200, {"items": [_part(record, NOTICE_ITEM) for record in found.records], "next": found.next}
    )


def get_notice(call: PoliceCall) -> Answer:
    """One notice."""
    notice = _shown(call, _find(call, call.state.notices, call.parameters["noticeId"]))
    if "omission-without-reason" in call.faults:
        children = [
            {n: v for n, v in c.items() if n != "identifierOmission"} for c in notice["childrenInvolved"]
        ]
        notice = {**notice, "childrenInvolved": children}
    return Answer(200, notice)


def notify_school(call: PoliceCall) -> Answer:
    """Record a notification, to whom it goes and by when."""
    _require_purpose(call)
    _require_force(call)
    occurred = moment(call.body["occurredAt"], "/occurredAt")
    identifier = new_id(call.state.ids)
    record = {
        **call.body,
        "child": identified(call.body["child"]),
        "notificationId": identifier,
        "forceCode": call.caller.organisation,
        "recordedAt": stamp(call.now),
        **delivery(call.body["child"], call.body["education"], occurred, call.faults),
    }
    to = {"school": call.body["education"].get("urn", ""), "council": call.body["council"]}.get(
        record["goesTo"]
    )
    readers = [to] if to else []
    keep(call.state, call.state.notifications, identifier, record, *readers)
    for told in _told_of(call, record):
        for reader in readers:
            call.state.ledger.send(call, reader, "encompass-notification", told)
    return _created(record, f"/v1/encompass-notifications/{identifier}")


def _told_of(call: PoliceCall, record: Record) -> Iterator[Record]:
    """The notification as it is sent; a fault adds what no school should know, or another council's schools."""
    if "offender-address-sent-to-school" in call.faults:
        record = {**record, "circumstances": "The suspect lives at 3 Mock Avenue, Exampleton."}
    yield record
    if "unrelated-council-told" in call.faults:
        yield from ({**record, "council": each} for each in sorted(FORCE_OF) if each != record["council"])


def get_school_notification(call: PoliceCall) -> Answer:
    """One notification."""
    return Answer(200, _find(call, call.state.notifications, call.parameters["notificationId"]))


def open_missing_episode(call: PoliceCall) -> Answer:
    """Report a child missing; a council may, and reads the episode as the force does."""
    _require_purpose(call)
    moment(call.body["missingSince"], "/missingSince")
    identifier = new_id(call.state.ids)
    record = {
        **call.body,
        "child": identified(call.body["child"]),
        "episodeId": identifier,
        "forceCode": _force(call),
        "status": "missing",
        "reportedAt": stamp(call.now),
        "version": 1,
    }
    keep(call.state, call.state.episodes, identifier, record, call.body["council"], call.caller.organisation)
    call.state.ledger.send(call, call.body["council"], "missing-episode-opened", record)
    return _created(record, f"/v1/missing-episodes/{identifier}")


def get_missing_episode(call: PoliceCall) -> Answer:
    """One episode."""
    return _tagged(_find(call, call.state.episodes, call.parameters["episodeId"]))


def update_missing_episode(call: PoliceCall) -> Answer:
    """Change an episode, if the caller saw its latest version; a child that is found ends it."""
    record = _find(call, call.state.episodes, call.parameters["episodeId"])
    _require_force(call)
    if call.parameters["If-Match"] != f'"{record["version"]}"' and "stale-episode-change" not in call.faults:
        raise Refusal(412, "The object has changed since; read it again.")
    changed = {**record, **call.body, **_found(record, call.body), "version": record["version"] + 1}
    if "found-child-stays-missing" in call.faults:
        call.state.episodes.replace(record["episodeId"], {**record, "version": changed["version"]})
    else:
        call.state.episodes.replace(record["episodeId"], changed)
    if "foundAt" in call.body:
        call.state.ledger.send(call, record["council"], "missing-child-found", changed)
    return _tagged(changed)


def _found(record: Record, body: Record) -> Record:
    if "foundAt" not in body:
        return {}
    found = moment(body["foundAt"], "/foundAt")
    if found < moment(record["missingSince"], "/missingSince"):
        error = FieldError("/foundAt", "order", "A child cannot be found before being missing.")
        raise Refusal(422, "The times are not in an order that can be.", errors=(error,))
    return {"status": "found", "returnInterviewDueBy": stamp(found + INTERVIEW_WITHIN)}


def record_protection(call: PoliceCall) -> Answer:
    """Record police protection, which ends after 72 hours, and leave word for the council."""
    _require_purpose(call)
    _require_force(call)
    started = moment(call.body["startedAt"], "/startedAt")
    identifier = new_id(call.state.ids)
    record = {
        **call.body,
        "child": identified(call.body["child"]),
        "eventId": identifier,
        "forceCode": call.caller.organisation,
        "endsAt": stamp(started + PROTECTION_LASTS),
    }
    keep(call.state, call.state.protections, identifier, record, call.body["council"])
    call.state.ledger.send(call, call.body["council"], "police-protection", record)
    return _created(_with_state(call, record), f"/v1/police-protection-events/{identifier}")


def _with_state(call: PoliceCall, record: Record) -> Record:
    ended = stamp(call.now) >= record["endsAt"]
    return {**record, "status": "ended" if ended else "in-force"}


def get_protection(call: PoliceCall) -> Answer:
    """One police protection event."""
    record = _find(call, call.state.protections, call.parameters["eventId"])
    return Answer(200, _with_state(call, record))


def ask_for_information(call: PoliceCall) -> Answer:
    """Take in a request for the force of the caller's area."""
    _require_purpose(call)
    identifier = new_id(call.state.ids)
    record = {
        **call.body,
        "child": identified(call.body["child"]),
        "requestId": identifier,
        "forceCode": _force(call),
        "status": "waiting",
        "askedAt": stamp(call.now),
    }
    keep(call.state, call.state.requests, identifier, record, call.caller.organisation)
    return _created(record, f"/v1/information-requests/{identifier}")


def get_information_request(call: PoliceCall) -> Answer:
    """One request."""
    return Answer(200, _find(call, call.state.requests, call.parameters["requestId"]))


def answer_information_request(call: PoliceCall) -> Answer:
    """Record an answer or a refusal of the force that was asked."""
    request = _find(call, call.state.requests, call.parameters["requestId"])
    _require_force(call)
    identifier = new_id(call.state.ids)
    record = {
        **call.body,
        "responseId": identifier,
        "requestId": request["requestId"],
        "forceCode": request["forceCode"],
        "respondedAt": stamp(call.now),
    }
    readers = call.state.readers[request["requestId"]]
    keep(call.state, call.state.responses, identifier, record, *readers)
    answered = {**request, "status": "answered", "latestOutcome": record["outcome"]}
    call.state.requests.replace(request["requestId"], answered)
    call.state.ledger.note(
        call, request["requestId"], "refused" if record["outcome"] == "refused" else "disclosed"
    )
    told = {**_without_own_eyes(record), **_part(request, ("enquiryReference",))}
    for reader in sorted(readers - {request["forceCode"]}):
        call.state.ledger.send(call, reader, "information-response", told)
    location = f"/v1/information-requests/{request['requestId']}/responses/{identifier}"
    return _created(_response(call, record), location)


def _response(call: PoliceCall, record: Record) -> Record:
    return {name: value for name, value in _shown(call, record).items() if name != "forceCode"}


def get_information_response(call: PoliceCall) -> Answer:
    """One answer to a request."""
    record = _find(call, call.state.responses, call.parameters["responseId"])
    if record["requestId"] != call.parameters["requestId"].lower():
        raise call.state.ledger.refuse(call, Refusal(404, "There is no such object for this caller."))
    return Answer(200, _response(call, record))


def search_nominals(call: PoliceCall) -> Answer:
    """People on record of the caller's force of whom everything given is true."""
    _require_purpose(call)
    wanted = {name: _comparable(value) for name, value in call.body.items()}
    found = [
        kept.record
        for kept in call.state.nominals.of(_force(call))
        if all(_comparable(kept.record.get(name)) == value for name, value in wanted.items())
    ]
    for record in found[:MOST_MATCHES]:
        call.state.ledger.note(call, record["nominalId"])
    return Answer(200, {"items": [_part(record, NOMINAL_ITEM) for record in found[:MOST_MATCHES]]})


def _comparable(value: Any) -> Any:
    return unicodedata.normalize("NFC", value).strip().casefold() if isinstance(value, str) else value


def get_nominal(call: PoliceCall) -> Answer:
    """One person on record, of the caller's force or of that of its area."""
    _require_purpose(call)
    try:
        record = call.state.nominals.find(call.parameters["nominalId"], _force(call))
    except Refusal as refusal:
        raise call.state.ledger.refuse(call, refusal) from None
    call.state.ledger.note(call, record["nominalId"])
    return Answer(200, {name: value for name, value in record.items() if name != "forceCode"})


def _school_told_of_suspect(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if operation is None or operation.id != "getSchoolNotification" or answer.status != 200:
        return answer
    return replace(answer, body={**answer.body, "homeAddress": "3 Mock Avenue, Exampleton"})


def _time_of_protection_without_offset(
    answer: Answer, operation: Operation | None, incoming: Incoming
) -> Answer:
    if operation is None or operation.id != "getProtection" or answer.status != 200:
        return answer
    return replace(answer, body={**answer.body, "endsAt": answer.body["endsAt"].removesuffix("Z")})


AGENCY = Agency(
    name="police",
    behaviours={
        "getStatus": get_status,
        "raiseNotice": raise_notice,
        "listNotices": list_notices,
        "getNotice": get_notice,
        "notifySchool": notify_school,
        "getSchoolNotification": get_school_notification,
        "openMissingEpisode": open_missing_episode,
        "getMissingEpisode": get_missing_episode,
        "updateMissingEpisode": update_missing_episode,
        "recordProtection": record_protection,
        "getProtection": get_protection,
        "askForInformation": ask_for_information,
        "getInformationRequest": get_information_request,
        "answerInformationRequest": answer_information_request,
        "getInformationResponse": get_information_response,
        "searchNominals": search_nominals,
        "getNominal": get_nominal,
    },
    fresh=fresh,
    tampering={
        "school-told-of-suspect": _school_told_of_suspect,
        "time-of-protection-without-offset": _time_of_protection_without_offset,
    },
    acts_as={
        "repeated-notice-counts-twice": "replay-creates-twice",
        "narrow-scope-opens-all": "scope-ignored",
    },
)
