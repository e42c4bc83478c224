"""A family's consent decides about a service and never about sharing; both are kept, apart."""

from __future__ import annotations

from typing import Any

import pytest
from rounds import changed_by, fault_names, outbox, visitor_of
from tour import Visitor

from joinedup.mocks.bundle import load_contract
from joinedup.mocks.dialects import lifted, lowered
from joinedup.mocks.early_help import FIRST_FAMILY, FIRST_REQUEST, FIRST_SERVICE
from joinedup.mocks.operations import Compiler

SYSTEM = "early-help"
REQUEST = f"/v1/early-help-requests/{FIRST_REQUEST}"
CHILD = {"givenName": "Siân", "familyName": "O'Neill", "nhsNumber": "9990001006"}
CONSENT = {"given": True, "givenBy": "parent"}
NO_CONSENT = {"given": False, "givenBy": "parent"}
NEW = {
    "child": CHILD,
    "needs": ["housing"],
    "reason": "The family sleeps in one room.",
    "consentToService": CONSENT,
}
STEP_UP = {"urgency": "same-day", "reason": "Siân is afraid of going home."}
STEP_DOWN = {"child": CHILD, "closureReason": "RC9", "needs": ["parenting"], "summary": "Help with routines."}
AGAIN = {"x-request-id": "11111111-1111-4111-8111-111111111111"}


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean early help service."""
    return visitor_of(SYSTEM)


def opened(visitor: Visitor, consent: dict[str, Any]) -> dict[str, Any]:
    """A new request of a family that said so about the service."""
    body = {**NEW, "consentToService": consent}
    made: dict[str, Any] = visitor.send("open", "POST", "/v1/early-help-requests", body=body).body
    return made


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    visitor.send("status", "GET", "/v1/status", token=None)
    visitor.send("services", "GET", "/v1/services", token=None)
    visitor.send("service", "GET", f"/v1/services/{FIRST_SERVICE}", token=None)
    first = visitor.send("page 1", "GET", "/v1/early-help-requests", query="limit=3")
    visitor.send("page 2", "GET", "/v1/early-help-requests", query=f"limit=3&cursor={first.body['next']}")
    visitor.send("request", "GET", REQUEST)
    visitor.send("request of other", "GET", REQUEST, token=visitor.token("other"))
    visitor.send("practitioner", "GET", f"/v1/families/{FIRST_FAMILY}/lead-practitioner")
    _states(visitor)
    _steps(visitor)


def _states(visitor: Visitor) -> None:
    visitor.send("reason", "PATCH", REQUEST, body={"reason": "More is known."}, headers={"if-match": '"1"'})
    visitor.send("stale", "PATCH", REQUEST, body={"reason": "Less is known."}, headers={"if-match": '"1"'})
    latest = visitor.send("after stale", "GET", REQUEST).header("ETag") or ""
    declined = {"status": "declined", "reasonForDecliningSupport": "Found help of its own."}
    visitor.send("declined", "PATCH", REQUEST, body=declined, headers={"if-match": latest})
    visitor.send("after declined", "GET", REQUEST)
    without = f"/v1/early-help-requests/{opened(visitor, NO_CONSENT)['earlyHelpRequestId']}"
    visitor.send("start", "PATCH", without, body={"status": "accepted"}, headers={"if-match": '"1"'})


def _steps(visitor: Visitor) -> None:
    without = opened(visitor, NO_CONSENT)["earlyHelpRequestId"]
    for label, request, headers in (("", FIRST_REQUEST, {}), (" without consent", without, AGAIN)):
        body = {**STEP_UP, "earlyHelpRequestId": request}
        made = visitor.send(f"step up{label}", "POST", "/v1/step-ups", body=body, headers=headers)
        visitor.send(f"step up{label} read", "GET", made.header("Location") or "/v1/step-ups/none")
    body = {**STEP_UP, "earlyHelpRequestId": FIRST_REQUEST, "urgency": "routine"}
    once = {"x-request-id": "11111111-1111-4111-8111-222222222222"}
    for label in ("repeated", "repeated again"):
        visitor.send(label, "POST", "/v1/step-ups", body=body, headers=once)
    made = visitor.send("step down", "POST", "/v1/step-downs", body=STEP_DOWN)
    visitor.send("step down read", "GET", made.header("Location") or "")
    wrong = {**STEP_DOWN, "child": {**CHILD, "nhsNumber": "9990001007"}}
    visitor.send("wrong digit", "POST", "/v1/step-downs", body=wrong)


STEPPED_UP = {"step up", "step up read", "step up without consent", "step up without consent read"}
REPEATED = {"repeated", "repeated again"}
STEPPED_DOWN = {"step down", "step down read"}
CHANGES: dict[str, set[str]] = {
    "consent-recorded-as-basis": STEPPED_UP | REPEATED,
    # Ids that are made later differ, because one was not made.
    "step-up-waits-for-consent": {"step up without consent", "step up without consent read", "outbox"}
    | REPEATED
    | STEPPED_DOWN,
    "service-starts-without-consent": {"start"},
    "request-of-other-council-shown": {"request of other"},
    "request-change-lost": {"after stale", "declined", "after declined"},
    "stale-request-change-accepted": {"stale", "after stale", "declined", "after declined"},
    "request-listed-twice": {"page 1", "page 2"},
    "step-up-repeated-counts-twice": {"repeated again", "outbox"} | STEPPED_DOWN,
    "step-down-check-digit-ignored": {"wrong digit"},
    "case-notes-stepped-down": {"step down read"},
}


@pytest.mark.parametrize("fault", sorted(CHANGES))
def test_a_fault_changes_what_it_says_and_nothing_else(fault: str) -> None:
    """Exactly the answers that the table names differ."""
    assert changed_by(SYSTEM, round_, fault) == CHANGES[fault]


def test_every_fault_is_tried() -> None:
    """No fault is without a line in the table."""
    assert fault_names(SYSTEM) == set(CHANGES)


@pytest.mark.parametrize(("consent", "status"), [(CONSENT, "received"), (NO_CONSENT, "awaiting-consent")])
def test_a_request_is_taken_in_whatever_was_said(
    visitor: Visitor, consent: dict[str, Any], status: str
) -> None:
    """Without consent a request waits; it is taken in all the same."""
    assert opened(visitor, consent)["status"] == status


def test_a_service_starts_with_consent_only(visitor: Visitor) -> None:
    """Accepting a request is refused until the family has consented; then it no longer waits, and starts."""
    path = f"/v1/early-help-requests/{opened(visitor, NO_CONSENT)['earlyHelpRequestId']}"
    answers = [
        visitor.send("change", "PATCH", path, body=body, headers={"if-match": tag})
        for body, tag in (
            ({"status": "accepted"}, '"1"'),
            ({"consentToService": CONSENT}, '"1"'),
            ({"status": "accepted"}, '"2"'),
        )
    ]
    assert [answer.status for answer in answers] == [409, 200, 200]
    assert [answer.body.get("status") for answer in answers[1:]] == ["received", "accepted"]


@pytest.mark.parametrize("consent", [CONSENT, NO_CONSENT])
@pytest.mark.parametrize("basis", ["public-task", "vital-interests"])
def test_sharing_does_not_wait_for_consent(visitor: Visitor, consent: dict[str, Any], basis: str) -> None:
    """A step up goes to social care at once, on the basis that was stated, as from early help (5D)."""
    body = {**STEP_UP, "earlyHelpRequestId": opened(visitor, consent)["earlyHelpRequestId"]}
    made = visitor.send("up", "POST", "/v1/step-ups", body=body, headers={"lawful-basis": basis})
    assert (made.status, made.body["lawfulBasis"], made.body["purpose"]) == (201, basis, "SAFEGUARDING")
    assert [(to, kind, content["source"]) for to, kind, content in outbox(visitor)] == [
        ("social-care", "contact", "5D")
    ]
    assert "consent" not in repr(outbox(visitor)).lower()


def test_consent_is_no_lawful_basis(visitor: Visitor) -> None:
    """Whoever states consent as the basis of sharing is refused."""
    answer = visitor.send("read", "GET", REQUEST, headers={"lawful-basis": "consent"})
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (400, "/header/Lawful-Basis")


def test_a_step_down_opens_a_request_that_waits(visitor: Visitor) -> None:
    """The family has yet to be asked; the request holds what was needed, and somebody works with the family."""
    made = visitor.send("down", "POST", "/v1/step-downs", body=STEP_DOWN).body
    request = visitor.send("request", "GET", f"/v1/early-help-requests/{made['earlyHelpRequestId']}").body
    lead = visitor.send("lead", "GET", f"/v1/families/{request['familyId']}/lead-practitioner")
    assert (request["status"], request["consentToService"]) == (
        "awaiting-consent",
        {"given": False, "givenBy": "not-asked"},
    )
    assert (request["reason"], request["child"], lead.status) == (STEP_DOWN["summary"], CHILD, 200)


@pytest.mark.parametrize(
    ("path", "purpose", "status"),
    [
        (REQUEST, "CRIME_PREVENTION", 403),
        (REQUEST, "EDUCATION_MONITORING", 403),
        (REQUEST, "EARLY_HELP", 200),
        (f"/v1/families/{FIRST_FAMILY}/lead-practitioner", "EDUCATION_MONITORING", 200),
    ],
)
def test_purposes(visitor: Visitor, path: str, purpose: str, status: int) -> None:
    """A school may know who works with a family, and not what the family asked for."""
    assert visitor.send("read", "GET", path, headers={"sharing-purpose": purpose}).status == status
    line = visitor.cast.engines[SYSTEM].state.ledger.disclosures[-1]
    assert (line.purpose, line.outcome) == (purpose, "disclosed" if status == 200 else "refused")


def test_the_directory_is_everyones(visitor: Visitor) -> None:
    """Services need no token and are the same for all."""
    listed = visitor.send("services", "GET", "/v1/services", token=None).body
    assert listed["items"][0]["serviceId"] == FIRST_SERVICE
    assert listed["next"] is None


def test_the_contract_is_wholly_of_openapi_3_0() -> None:
    """What is shared with contracts in 3.1 comes without words that 3.0 lacks."""
    text = repr(load_contract(SYSTEM))
    assert "'const'" not in text
    assert "'null'" not in text
    assert "'examples': [" not in text


def test_a_nullable_value_may_be_null_and_no_other() -> None:
    """The cursor of the next page is null on the last, and else a cursor."""
    contract = load_contract(SYSTEM)
    validator = Compiler(contract).validator({"$ref": "#/components/schemas/Next"})
    assert [validator.is_valid(value) for value in (None, "YWZ0ZXIgMQ", "", 1)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("node", "older"),
    [
        ({"const": "a"}, {"enum": ["a"]}),
        ({"type": "string", "examples": ["a", "b"]}, {"type": "string", "example": "a"}),
        ({"examples": {"a": {"value": 1}}}, {"examples": {"a": {"value": 1}}}),
        ({"oneOf": [{"$ref": "x"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        ([{"const": 1}], [{"enum": [1]}]),
    ],
)
def test_parts_are_lowered(node: Any, older: Any) -> None:
    """Each word of 3.1 has its counterpart in 3.0."""
    assert lowered(node, lambda reference: {"type": "string"}) == older


def test_nullable_is_lifted_where_there_is_a_type() -> None:
    """``nullable`` beside a type is the type or null; elsewhere it says nothing, as 3.0.3 has it."""
    assert lifted({"type": "string", "nullable": True}) == {"type": ["string", "null"]}
    assert lifted({"nullable": True}) == {"nullable": True}
