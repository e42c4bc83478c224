"""
A multi-agency safeguarding hub: enquiries to the agencies that may know a child, their answers, and decisions.

The hubs of two councils use the same service and see nothing of each other. An agency that was asked sees the question
and its own answers.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from joinedup.mocks.casework import EARLY_HELP, PROTECTIVE, Casework, part
from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.messages import Answer, FieldError, Refusal
from joinedup.mocks.organisations import COUNCILS, speaker
from joinedup.mocks.people import Person, children
from joinedup.mocks.police_records import FORCE_OF, child_of
from joinedup.mocks.sharing import BASIS, PURPOSE
from joinedup.mocks.store import ANYONE, Record, Records, page
from joinedup.mocks.telling import ENQUIRED

PURPOSES = PROTECTIVE | {EARLY_HELP}
# Usual among hubs, and no national rule.
ANSWER_WITHIN = {"red": timedelta(hours=4), "amber": timedelta(hours=24), "green": timedelta(hours=72)}
SEEDED_AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
ENQUIRIES_EACH = 5
# The purpose and the basis of what was shared before anyone called.
SEEDED_CONTEXT = ("SAFEGUARDING", "public-task")
DEFAULT_LIMIT = 20
UNANSWERED = ("waiting", "overdue")
NO_SUCH_OBJECT = "There is no such object for this caller."

# Examples in the contract work as they stand: the first records of the first hub have their ids.
FIRST_ENQUIRY = "b2f4d6a8-1c3e-4f50-9a7b-8c6d4e2f2a01"
FIRST_RESPONSE = "d1a3c5e7-2b4d-4e6f-8a90-1b2c3d4e2a01"
FIRST_DECISION = "e5b7d9f1-3c5e-4a7b-9c8d-2e4f6a8b2a01"

ENQUIRY_ITEM = ("enquiryId", "rag", "status", "openedAt", "dueAt", "overdue")
_COUNCIL = re.compile(r"E(?:06|08|09|10)[0-9]{6}")


@dataclass
class Hub(Casework):
    """What the hubs hold; ``log`` has the lines of each enquiry under the enquiry's id."""

    apart = True

    enquiries: Records = field(default_factory=Records)
    responses: Records = field(default_factory=Records)
    decisions: Records = field(default_factory=Records)
    log: Records = field(default_factory=Records)


HubCall = Call[Hub]


def fresh(seed: int) -> Hub:
    """The seeded state: enquiries of two hubs, the first one of each answered by the police and decided."""
    state = Hub(random.Random(seed))  # noqa: S311 - synthetic data, repeatable on purpose
    for place, hub in enumerate(COUNCILS):
        for index, person in enumerate(children(seed, place, ENQUIRIES_EACH)):
            _seed_enquiry(state, hub, person, index)
    return state


def _seed_enquiry(state: Hub, hub: str, person: Person, index: int) -> None:
    first = index == 0
    body = {
        "rag": ("amber", "red", "green")[index % 3],
        "reason": "Someone who knows the child is worried.",
        "agenciesAsked": [{"agency": "police"}, {"agency": "health", "organisation": "RX1EX"}],
        "familyInformed": "not-yet",
        "child": child_of(person),
    }
    identifier = FIRST_ENQUIRY if first and hub == COUNCILS[0] else state.new_id()
    enquiry = _open(hub, body, SEEDED_AT + timedelta(minutes=index), identifier)
    state.enquiries.add(identifier, hub, enquiry)
    for asked in enquiry["agenciesAsked"]:
        _log_line(state, enquiry, asked["agency"], "asked", stamp(SEEDED_AT), hub, SEEDED_CONTEXT)
    if first:
        _seed_answer(state, hub, enquiry)


def _seed_answer(state: Hub, hub: str, enquiry: Record) -> None:
    is_first = hub == COUNCILS[0]
    response = {
        "agency": "police",
        "outcome": "shared",
        "information": "Officers were called to the home three times since May.",
        "responseId": FIRST_RESPONSE if is_first else state.new_id(),
        "enquiryId": enquiry["enquiryId"],
        "respondedAt": stamp(SEEDED_AT + timedelta(hours=4)),
        "late": False,
    }
    decision = {
        "threshold": "section-47",
        "rag": "red",
        "rationale": "Three calls to the home and a bruise that nobody explains.",
        "decidedBy": "A. Manager",
        "decisionId": FIRST_DECISION if is_first else state.new_id(),
        "enquiryId": enquiry["enquiryId"],
        "decidedAt": stamp(SEEDED_AT + timedelta(hours=6)),
        "withoutAnswerOf": ["health"],
    }
    force = FORCE_OF[hub]
    state.responses.add(str(response["responseId"]), force, response)
    state.decisions.add(str(decision["decisionId"]), hub, decision)
    answered = _answered(enquiry, "police", force, response)
    decided = {**answered, "status": "decided", "latestDecision": decision}
    state.enquiries.replace(enquiry["enquiryId"], decided)
    _log_line(state, enquiry, "police", "shared", str(response["respondedAt"]), force, SEEDED_CONTEXT)


def _open(hub: str, body: Record, at: datetime, identifier: str) -> Record:
    return {
        **body,
        "agenciesAsked": [_asked(hub, named) for named in body["agenciesAsked"]],
        "enquiryId": identifier,
        "status": "waiting",
        "openedAt": stamp(at),
        "dueAt": stamp(at + ANSWER_WITHIN[body["rag"]]),
        "hub": hub,
    }


def _asked(hub: str, named: Record) -> Record:
    """An agency that is asked; one of the hub's own area needs no code."""
    own = speaker(ENQUIRED[named["agency"]], hub) if named["agency"] in ENQUIRED and hub in COUNCILS else None
    organisation = named.get("organisation", own)
    code = {"organisation": organisation} if organisation else {}
    return {"agency": named["agency"], **code, "responseState": "waiting"}


def _answered(enquiry: Record, agency: str, organisation: str, response: Record) -> Record:
    """The enquiry with an answer taken in; one that is not for the hub itself is that of the organisation alone."""
    asked = [
        _with_answer(each, response)
        if each["agency"] == agency and organisation in (each.get("organisation"), enquiry["hub"])
        else each
        for each in enquiry["agenciesAsked"]
    ]
    all_in = all(each["responseState"] not in UNANSWERED for each in asked)
    status = "answered" if all_in and enquiry["status"] == "waiting" else enquiry["status"]
    return {**enquiry, "agenciesAsked": asked, "status": status}


def _with_answer(asked: Record, response: Record) -> Record:
    kept = {name: value for name, value in asked.items() if name != "refusalReason"}
    return {**kept, "responseState": response["outcome"], **part(response, ("refusalReason",))}


def _log_line(
    state: Hub,
    enquiry: Record,
    agency: str,
    kind: str,
    at: str,
    organisation: str,
    context: tuple[str, str],
    reason: str = "",
) -> None:
    line = {
        "disclosureId": state.new_id(),
        "kind": kind,
        **({"agency": agency} if agency else {}),
        "organisation": organisation,
        "purpose": context[0],
        "lawfulBasis": context[1],
        **({"refusalReason": reason} if reason else {}),
        "at": at,
    }
    state.log.add(line["disclosureId"], enquiry["enquiryId"], line)


def _log(call: HubCall, enquiry: Record, agency: str, kind: str, reason: str = "") -> None:
    context = (call.parameter(PURPOSE), call.parameter(BASIS))
    _log_line(call.state, enquiry, agency, kind, stamp(call.now), call.caller.organisation, context, reason)


def _enquiry(call: HubCall) -> Record:
    """
    The enquiry that the path names, if it is the caller's or the caller was asked.

    Raises:
        Refusal: with status 404, or 403 for a purpose that it is not shared for; both are noted.
    """
    identifier = call.parameters["enquiryId"].lower()
    try:
        enquiry = call.state.enquiries.find(identifier, ANYONE)
    except Refusal as refusal:
        raise call.state.ledger.refuse(call, refusal, identifier) from None
    if not _may_see(call, enquiry):
        _log_if_stated(call, enquiry)
        raise call.state.ledger.refuse(call, Refusal(404, NO_SUCH_OBJECT), identifier)
    if PURPOSE in call.parameters and call.parameters[PURPOSE] not in PURPOSES:
        _log(call, enquiry, "", "denied")
        call.state.ledger.require_purpose(call, PURPOSES)
    return enquiry


def _log_if_stated(call: HubCall, enquiry: Record) -> None:
    """Log a denial, where the request said what it was for."""
    if PURPOSE in call.parameters:
        _log(call, enquiry, "", "denied")


def _may_see(call: HubCall, enquiry: Record) -> bool:
    caller = call.caller.organisation
    if caller in (enquiry["hub"], ANYONE) or _asks(enquiry, caller):
        return True
    return "enquiry-of-other-hub-readable" in call.faults and call.operation.id == "getEnquiry"


def _asks(enquiry: Record, organisation: str) -> list[str]:
    """As which agencies an organisation was asked."""
    return [a["agency"] for a in enquiry["agenciesAsked"] if a.get("organisation") == organisation]


def _own_enquiry(call: HubCall) -> Record:
    """The enquiry, for its hub only; an agency that was asked is told that there is no such thing."""
    enquiry = _enquiry(call)
    if call.caller.organisation != enquiry["hub"]:
        raise call.state.ledger.refuse(call, Refusal(404, NO_SUCH_OBJECT), enquiry["enquiryId"])
    return enquiry


def _shown(call: HubCall, enquiry: Record) -> Record:
    """The enquiry as the caller may see it now, with what is overdue."""
    late = stamp(call.now) > enquiry["dueAt"]
    asked = [
        {**each, "responseState": "overdue"} if late and each["responseState"] == "waiting" else each
        for each in enquiry["agenciesAsked"]
    ]
    overdue = any(each["responseState"] == "overdue" for each in asked)
    shown = {name: value for name, value in enquiry.items() if name != "hub"}
    shown = {**shown, "agenciesAsked": asked, "overdue": overdue}
    asked_only = call.caller.organisation != enquiry["hub"] and bool(_asks(enquiry, call.caller.organisation))
    if asked_only and "asked-agency-reads-all" not in call.faults:
        own = [each for each in asked if each.get("organisation") == call.caller.organisation]
        shown = {name: value for name, value in shown.items() if name != "latestDecision"}
        shown.update(agenciesAsked=own, overdue=any(each["responseState"] == "overdue" for each in own))
    return shown


def get_status(call: HubCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


def open_enquiry(call: HubCall) -> Answer:
    """Ask every agency that is named."""
    hub = call.caller.organisation
    call.state.ledger.require_purpose(call, PURPOSES)
    if _COUNCIL.fullmatch(hub) is None:
        raise call.state.ledger.refuse(call, Refusal(403, "Only the hub of a council opens an enquiry."))
    if "consent-demanded" in call.faults and call.body.get("familyInformed") != "informed":
        error = FieldError("/familyInformed", "consent", "The family has not been informed.")
        raise Refusal(422, "The family has to agree first.", errors=(error,))
    enquiry = _open(hub, call.body, call.now, call.state.new_id())
    call.state.enquiries.add(enquiry["enquiryId"], hub, enquiry)
    for asked in enquiry["agenciesAsked"]:
        _log(call, enquiry, asked["agency"], "asked")
        question = {
            **part(enquiry, ("enquiryId", "rag", "reason", "child", "dueAt")),
            "agency": asked["agency"],
        }
        call.state.ledger.send(call, asked.get("organisation", asked["agency"]), "enquiry", question)
    location = ("Location", f"/v1/enquiries/{enquiry['enquiryId']}")
    return Answer(201, _shown(call, enquiry), (location,))


def list_enquiries(call: HubCall) -> Answer:
    """One page of the hub's enquiries, without personal details."""
    found = _page(call, call.state.enquiries, call.caller.organisation)
    items = [part(_shown(call, record), ENQUIRY_ITEM) for record in found[0]]
    return Answer(200, {"items": items, "next": found[1]})


def _page(call: HubCall, records: Records, whose: str) -> tuple[tuple[Record, ...], str | None]:
    step = -int("log-line-on-two-pages" in call.faults)
    one = page(records, whose, call.parameter("limit", DEFAULT_LIMIT), call.parameter("cursor"), step=step)
    return one.records, one.next


def get_enquiry(call: HubCall) -> Answer:
    """One enquiry, to each as much as concerns it."""
    enquiry = _enquiry(call)
    call.state.ledger.note(call, enquiry["enquiryId"])
    if call.caller.organisation != enquiry["hub"]:
        _log(call, enquiry, next(iter(_asks(enquiry, call.caller.organisation)), ""), "read")
    return Answer(200, _shown(call, enquiry))


def respond(call: HubCall) -> Answer:
    """Take in an agency's answer, from the agency itself or through the hub."""
    enquiry, caller = _enquiry(call), call.caller.organisation
    agency = call.body["agency"]
    if caller != enquiry["hub"] and agency not in _asks(enquiry, caller):
        raise call.state.ledger.refuse(
            call, Refusal(403, "An agency answers for itself only."), enquiry["enquiryId"]
        )
    identifier = call.state.new_id()
    response = {
        **call.body,
        "responseId": identifier,
        "enquiryId": enquiry["enquiryId"],
        "respondedAt": stamp(call.now),
        "late": stamp(call.now) > enquiry["dueAt"],
    }
    call.state.responses.add(identifier, caller, response)
    call.state.enquiries.replace(enquiry["enquiryId"], _answered(enquiry, agency, caller, response))
    if not (response["outcome"] == "refused" and "refusal-not-logged" in call.faults):
        _log(call, enquiry, agency, response["outcome"], response.get("refusalReason", ""))
    location = f"/v1/enquiries/{enquiry['enquiryId']}/responses/{identifier}"
    return Answer(201, response, (("Location", location),))


def get_response(call: HubCall) -> Answer:
    """One answer, for the hub and whoever gave it."""
    enquiry = _enquiry(call)
    everyone = call.caller.organisation == enquiry["hub"] or "answers-open-to-all-agencies" in call.faults
    whose = ANYONE if everyone else call.caller.organisation
    return Answer(200, _within(call, call.state.responses, "responseId", whose, enquiry))


def _within(call: HubCall, records: Records, name: str, whose: str, enquiry: Record) -> Record:
    """A record of an enquiry; one of another enquiry does not differ from one that is not there."""
    try:
        record = records.find(call.parameters[name], whose)
        if record["enquiryId"] != enquiry["enquiryId"]:
            raise Refusal(404, NO_SUCH_OBJECT)
    except Refusal as refusal:
        raise call.state.ledger.refuse(call, refusal, call.parameters[name].lower()) from None
    call.state.ledger.note(call, call.parameters[name].lower())
    return record


def decide(call: HubCall) -> Answer:
    """Record a decision; a later one takes the place of an earlier one."""
    enquiry = _own_enquiry(call)
    identifier = call.state.new_id()
    waiting = [a["agency"] for a in enquiry["agenciesAsked"] if a["responseState"] in UNANSWERED]
    decision = {
        **call.body,
        "decisionId": identifier,
        "enquiryId": enquiry["enquiryId"],
        "decidedAt": stamp(call.now),
        "withoutAnswerOf": waiting,
    }
    if "hub-decision-lost" not in call.faults:
        call.state.decisions.add(identifier, call.caller.organisation, decision)
        decided = {**enquiry, "status": "decided", "latestDecision": decision}
        call.state.enquiries.replace(enquiry["enquiryId"], decided)
    call.state.ledger.send(
        call, enquiry["hub"], "enquiry-decided", part(decision, ("enquiryId", "threshold"))
    )
    location = f"/v1/enquiries/{enquiry['enquiryId']}/decisions/{identifier}"
    return Answer(201, decision, (("Location", location),))


def get_decision(call: HubCall) -> Answer:
    """One decision of the hub."""
    enquiry = _own_enquiry(call)
    return Answer(200, _within(call, call.state.decisions, "decisionId", call.caller.organisation, enquiry))


def list_disclosures(call: HubCall) -> Answer:
    """One page of an enquiry's log; reading it is noted elsewhere, so that it has an end."""
    enquiry = _own_enquiry(call)
    call.state.ledger.note(call, enquiry["enquiryId"])
    lines, following = _page(call, call.state.log, enquiry["enquiryId"])
    return Answer(200, {"items": list(lines), "next": following})


AGENCY = Agency(
    name="mash",
    behaviours={
        "getStatus": get_status,
        "openEnquiry": open_enquiry,
        "listEnquiries": list_enquiries,
        "getEnquiry": get_enquiry,
        "respondToEnquiry": respond,
        "getResponse": get_response,
        "decideEnquiry": decide,
        "getDecision": get_decision,
        "listDisclosures": list_disclosures,
    },
    fresh=fresh,
    acts_as={
        "narrow-scope-decides": "scope-ignored",
        "agencies-asked-twice": "replay-creates-twice",
        "hub-takes-wrong-nhs-number": "check-digit-ignored",
        "hub-error-repeats-value": "error-repeats-value",
    },
)
