"""
Early help of a council: families who are helped early, step up to social care or come down from it, and a directory.

A family's consent decides whether a service starts. It never decides whether information is shared: that rests on the
lawful basis that the caller states, which is recorded with what was shared.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from joinedup.mocks import notices
from joinedup.mocks.casework import (
    EDUCATION_MONITORING,
    PROTECTIVE,
    SUPPORTIVE,
    Casework,
    changed,
    filed,
    found,
    listed,
    own,
    part,
    purpose,
    refuse_stale,
    tagged,
)
from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.messages import Answer, FieldError, Incoming, Refusal
from joinedup.mocks.operations import Operation
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, children
from joinedup.mocks.sharing import BASIS
from joinedup.mocks.store import ANYONE, Record, Records, page

CHILDREN_EACH = 6
SEEDED_AT = "2026-11-09T10:00:00Z"
NEEDS = ("parenting", "school-attendance", "mental-health", "housing")
SERVICES = (
    ("Stay and play", "For families with children under five.", 0, 5),
    ("Parenting together", "A course of eight evenings.", 0, 17),
    ("Back to school", "For children who miss school.", 5, 16),
    ("Young carers", "A place and a person for children who care for somebody.", 8, 25),
)

# Examples in the contract work as they stand.
FIRST_SERVICE = "8c0e2a4b-6d1f-4c3e-9b5a-7f1d3b5c9e01"
FIRST_REQUEST = "2b4d6f8a-0c1e-4a3b-8d5f-9e7c5a3b1d01"
FIRST_FAMILY = "4d6f8a0c-2e1b-4c5d-9f7a-1b3d5f7e9c01"
FIRST_STEP_UP = "6f8a0c2e-4b1d-4e5f-8a9c-3d5f7b9e1a01"
FIRST_STEP_DOWN = "0a2c4e6f-8b1d-4f5a-9c7e-5d3b1f9a7c01"

SERVICE_ITEM = ("serviceId", "name", "status")
REQUEST_ITEM = ("earlyHelpRequestId", "familyId", "status", "version")
NOT_ASKED: Record = {"given": False, "givenBy": "not-asked"}


@dataclass
class EarlyHelp(Casework):
    """What early help holds; services are everyone's."""

    services: Records = field(default_factory=Records)
    requests: Records = field(default_factory=Records)
    practitioners: Records = field(default_factory=Records)
    steps_up: Records = field(default_factory=Records)
    steps_down: Records = field(default_factory=Records)


EarlyHelpCall = Call[EarlyHelp]


# The seed


def fresh(seed: int) -> EarlyHelp:
    """The seeded state: a directory, and requests of two councils in different states."""
    state = EarlyHelp(random.Random(seed))  # noqa: S311 - synthetic data, repeatable on purpose
    for index, service in enumerate(SERVICES):
        _seed_service(state, FIRST_SERVICE if index == 0 else state.new_id(), service)
    for place, organisation in enumerate(COUNCILS):
        for index, person in enumerate(children(seed, place, CHILDREN_EACH)):
            _seed_request(state, organisation, person, index, is_first=place == index == 0)
        _seed_steps(state, organisation, is_first=place == 0)
    return state


def _seed_service(state: EarlyHelp, identifier: str, service: tuple[str, str, int, int]) -> None:
    name, description, youngest, oldest = service
    record: Record = {
        "serviceId": identifier,
        "name": name,
        "description": description,
        "status": "active",
        "organization": {"name": "Exampleton family hub"},
        "minimumAge": youngest,
        "maximumAge": oldest,
        "telephone": "01632960300",
    }
    state.services.add(identifier, ANYONE, record)


def _seed_request(state: EarlyHelp, organisation: str, person: Person, index: int, *, is_first: bool) -> None:
    identifier, family = (FIRST_REQUEST, FIRST_FAMILY) if is_first else (state.new_id(), state.new_id())
    child = {
        "givenName": person.given_name,
        "dateOfBirth": person.date_of_birth,
        "nhsNumber": person.nhs_number,
        "upn": person.upn,
    }
    if person.family_name is not None:
        child["familyName"] = person.family_name
    consents = index % 2 == 0
    record: Record = {
        "child": child,
        "needs": [NEEDS[index % len(NEEDS)]],
        "reason": "Somebody who knows the family thinks that help now would spare it worse.",
        "consentToService": {"given": True, "givenBy": "parent"} if consents else NOT_ASKED,
        "earlyHelpRequestId": identifier,
        "familyId": family,
        "status": "received" if consents else "awaiting-consent",
        "receivedAt": SEEDED_AT,
        "version": 1,
    }
    state.requests.add(identifier, organisation, record)
    _assign(state, organisation, family)


def _assign(state: EarlyHelp, organisation: str, family: str) -> None:
    """Every family has somebody who works with it from the day that it is known."""
    practitioner: Record = {
        "familyId": family,
        "name": "L. Practitioner",
        "role": "Family support worker",
        "telephone": "01632960310",
    }
    state.practitioners.add(family, organisation, practitioner)


def _seed_steps(state: EarlyHelp, organisation: str, *, is_first: bool) -> None:
    request = next(state.requests.of(organisation)).record
    about = {"earlyHelpRequestId": request["earlyHelpRequestId"]}
    up, down = (FIRST_STEP_UP, FIRST_STEP_DOWN) if is_first else (state.new_id(), state.new_id())
    state.steps_up.add(up, organisation, {**about, "stepUpId": up, "urgency": "routine", "reason": "It is not enough any more.", "lawfulBasis": "public-task", "purpose": "SAFEGUARDING", "contactSource": "5D", "raisedAt": SEEDED_AT})  # fmt: skip
    state.steps_down.add(down, organisation, {**about, "stepDownId": down, "child": request["child"], "closureReason": "RC9", "needs": ["parenting"], "summary": "Help with routines at home.", "receivedAt": SEEDED_AT})  # fmt: skip


# The directory


def get_status(call: EarlyHelpCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


def list_services(call: EarlyHelpCall) -> Answer:
    """One page of the directory."""
    one = page(call.state.services, ANYONE, call.parameter("limit", 20), call.parameter("cursor"))
    return Answer(200, {"items": [part(s, SERVICE_ITEM) for s in one.records], "next": one.next})


def get_service(call: EarlyHelpCall) -> Answer:
    """One service."""
    return Answer(200, call.state.services.find(call.parameters["serviceId"], ANYONE))


# Requests


def list_requests(call: EarlyHelpCall) -> Answer:
    """One page of the caller's requests, without personal details."""
    return listed(call, call.state.requests, REQUEST_ITEM, step=-("request-listed-twice" in call.faults))


def request_early_help(call: EarlyHelpCall) -> Answer:
    """Take in a request, whatever the family has said about a service."""
    purpose(call, SUPPORTIVE)
    record = _open(call, call.body)
    identifier = record["earlyHelpRequestId"]
    return filed(call, call.state.requests, "/v1/early-help-requests", identifier, record)


def _open(call: EarlyHelpCall, content: Record) -> Record:
    family = call.state.new_id()
    _assign(call.state, call.caller.area, family)
    return {
        **content,
        "earlyHelpRequestId": call.state.new_id(),
        "familyId": family,
        "status": "received" if content["consentToService"]["given"] else "awaiting-consent",
        "receivedAt": stamp(call.now),
        "version": 1,
    }


def get_request(call: EarlyHelpCall) -> Answer:
    """One request."""
    purpose(call, SUPPORTIVE)
    anyone = "request-of-other-council-shown" in call.faults
    return tagged(found(call, call.state.requests, "earlyHelpRequestId", anyone=anyone))


def update_request(call: EarlyHelpCall) -> Answer:
    """Change a request, if the caller saw its latest version; a service starts with consent only."""
    purpose(call, SUPPORTIVE)
    request = found(call, call.state.requests, "earlyHelpRequestId")
    if "stale-request-change-accepted" not in call.faults:
        refuse_stale(call, request)
    after = changed(request, **_settled(request, call.body))
    if after["status"] == "accepted" and not after["consentToService"]["given"]:
        _refuse_start(call)
    kept = changed(request) if "request-change-lost" in call.faults else after
    call.state.requests.replace(request["earlyHelpRequestId"], kept)
    return tagged(after)


def _settled(request: Record, change: Record) -> Record:
    """A change, and what follows from it: with consent a request no longer waits for it."""
    answered = change.get("consentToService", {}).get("given")
    if answered and "status" not in change and request["status"] == "awaiting-consent":
        return {**change, "status": "received"}
    return change


def _refuse_start(call: EarlyHelpCall) -> None:
    if "service-starts-without-consent" in call.faults:
        return
    error = FieldError("/status", "consent", "The family has not consented to the service.")
    raise Refusal(409, "A service starts only with the family's consent to it.", errors=(error,))


def get_lead_practitioner(call: EarlyHelpCall) -> Answer:
    """Who works with a family."""
    purpose(call, SUPPORTIVE | {EDUCATION_MONITORING})
    return Answer(200, found(call, call.state.practitioners, "familyId"))


# Up and down


def step_up(call: EarlyHelpCall) -> Answer:
    """Tell children's social care, with or without the family's consent to a service."""
    stated = purpose(call, PROTECTIVE)
    request = own(call, call.state.requests, "earlyHelpRequestId")
    if "step-up-waits-for-consent" in call.faults and not request["consentToService"]["given"]:
        raise Refusal(409, "The family has not consented.")
    identifier, basis = call.state.new_id(), call.parameters[BASIS]
    record = {
        **call.body,
        "stepUpId": identifier,
        "lawfulBasis": basis,
        "purpose": stated,
        "contactSource": "5D",
        "raisedAt": stamp(call.now),
    }
    content = {"source": "5D", **part(call.body, ("urgency", "reason")), "child": request["child"]}
    call.state.ledger.send(call, "social-care", "contact", content)
    stepped = changed(request, status="stepped-up")
    call.state.requests.replace(request["earlyHelpRequestId"], stepped)
    return filed(call, call.state.steps_up, "/v1/step-ups", identifier, record)


def get_step_up(call: EarlyHelpCall) -> Answer:
    """One step up."""
    purpose(call, PROTECTIVE)
    return Answer(200, found(call, call.state.steps_up, "stepUpId"))


def step_down(call: EarlyHelpCall) -> Answer:
    """Open a request for a child whose case social care has closed; the family has yet to be asked."""
    purpose(call, SUPPORTIVE)
    content = {**part(call.body, ("child", "needs")), "reason": call.body["summary"]}
    request = _open(call, {**content, "consentToService": NOT_ASKED})
    call.state.requests.add(request["earlyHelpRequestId"], call.caller.area, request)
    identifier = call.state.new_id()
    record = {
        **call.body,
        "stepDownId": identifier,
        "earlyHelpRequestId": request["earlyHelpRequestId"],
        "receivedAt": stamp(call.now),
    }
    return filed(call, call.state.steps_down, "/v1/step-downs", identifier, record)


def get_step_down(call: EarlyHelpCall) -> Answer:
    """One step down."""
    purpose(call, SUPPORTIVE)
    return Answer(200, found(call, call.state.steps_down, "stepDownId"))


# Faults


def consent_recorded_as_basis(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """The basis of a step up reads consent."""
    if operation is None or operation.id not in ("stepUp", "getStepUp") or answer.status >= 300:
        return answer
    return replace(answer, body={**answer.body, "lawfulBasis": "consent"})


def case_notes_stepped_down(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """A step down says what no contract mentions."""
    if operation is None or operation.id != "getStepDown" or answer.status != 200:
        return answer
    return replace(answer, body={**answer.body, "internalCaseNotes": "Child protection plan, 2024 to 2025."})


AGENCY = Agency(
    name="early-help",
    behaviours={
        **notices.behaviours(EarlyHelp),
        "getStatus": get_status,
        "listServices": list_services,
        "getService": get_service,
        "listEarlyHelpRequests": list_requests,
        "requestEarlyHelp": request_early_help,
        "getEarlyHelpRequest": get_request,
        "updateEarlyHelpRequest": update_request,
        "getLeadPractitioner": get_lead_practitioner,
        "stepUp": step_up,
        "getStepUp": get_step_up,
        "stepDown": step_down,
        "getStepDown": get_step_down,
    },
    fresh=fresh,
    tampering={
        "consent-recorded-as-basis": consent_recorded_as_basis,
        "case-notes-stepped-down": case_notes_stepped_down,
    },
    acts_as={
        "step-up-repeated-counts-twice": "replay-creates-twice",
        "step-down-check-digit-ignored": "check-digit-ignored",
    },
)
