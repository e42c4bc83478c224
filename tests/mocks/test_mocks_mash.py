"""A hub asks at once, shows each agency its own part, and logs what was shared and what was refused."""

from __future__ import annotations

from typing import Any

import pytest
from rounds import changed_by, fault_names, outbox, visitor_of
from tour import Visitor

from joinedup.mocks.mash import FIRST_DECISION, FIRST_ENQUIRY, FIRST_RESPONSE, fresh
from joinedup.mocks.people import children
from joinedup.mocks.tokens import Client

SYSTEM = "mash"
FORCE, HOSPITAL = "42", "RX1EX"
FIRST = f"/v1/enquiries/{FIRST_ENQUIRY}"
FIRST_ONES = [
    FIRST,
    f"{FIRST}/responses/{FIRST_RESPONSE}",
    f"{FIRST}/decisions/{FIRST_DECISION}",
    f"{FIRST}/disclosures",
]
ENQUIRY: dict[str, Any] = {
    "rag": "amber",
    "reason": "The school saw a bruise.",
    "agenciesAsked": [{"agency": "police"}, {"agency": "health", "organisation": HOSPITAL}],
    "familyInformed": "not-safe-to-inform",
    "child": {"givenName": "Siân", "familyName": "O'Neill", "nhsNumber": "9990001006"},
}
SHARED = {"agency": "police", "outcome": "shared", "information": "Officers were called three times."}
REFUSED = {"agency": "health", "outcome": "refused", "refusalReason": "more-detrimental-to-child"}
NOTHING = {"agency": "health", "outcome": "nothing-held"}
DECISION = {"threshold": "section-47", "rag": "red", "rationale": "Three calls.", "decidedBy": "A. Manager"}
AGAIN = {"x-request-id": "11111111-1111-4111-8111-111111111111"}
MONITORING = {"sharing-purpose": "EDUCATION_MONITORING"}
HOUR_S = 3600


def hospital(visitor: Visitor) -> str:
    """A token of a hospital, which is no client of the hub's own."""
    scopes = visitor.client().scopes
    client = Client(f"client-{HOSPITAL.lower()}", HOSPITAL, scopes)
    return visitor.cast.tokens.issue(client, scopes)


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean hub."""
    return visitor_of(SYSTEM)


@pytest.fixture
def enquiry(visitor: Visitor) -> str:
    """The address of a new enquiry."""
    return opened(visitor)


def opened(visitor: Visitor, label: str = "open", **changes: Any) -> str:
    """Open an enquiry; its address."""
    made = visitor.send(label, "POST", "/v1/enquiries", body={**ENQUIRY, **changes})
    return made.header("Location") or ""


def log_of(visitor: Visitor, enquiry: str) -> list[tuple[str, str, str]]:
    """Kind, agency and organisation of each line of an enquiry's log."""
    items = visitor.send("log", "GET", f"{enquiry}/disclosures", query="limit=50").body["items"]
    return [(line["kind"], line.get("agency", ""), line["organisation"]) for line in items]


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    force, path = visitor.token(FORCE), "/v1/enquiries"
    visitor.send("status", "GET", "/v1/status", token=None)
    first = visitor.send("page 1", "GET", path, query="limit=3")
    visitor.send("page 2", "GET", path, query=f"limit=3&cursor={first.body['next']}")
    made = visitor.send("open", "POST", path, body=ENQUIRY, headers=AGAIN).header("Location") or ""
    visitor.send(
        "wrong digit",
        "POST",
        path,
        body={**ENQUIRY, "child": {**ENQUIRY["child"], "nhsNumber": "9990001007"}},
    )
    visitor.send("other's first", "GET", FIRST, token=visitor.token("other"))
    visitor.send("asked", "GET", FIRST, token=force)
    answered = visitor.send("answer", "POST", f"{made}/responses", body=SHARED, token=force)
    visitor.send("answer read", "GET", answered.header("Location") or "", token=force)
    visitor.send(
        "answer read by other agency", "GET", answered.header("Location") or "", token=hospital(visitor)
    )
    visitor.send("refuse", "POST", f"{made}/responses", body=REFUSED, token=hospital(visitor))
    visitor.send("answered", "GET", made)
    narrow = visitor.token(scopes=("mash:enquiries.read",))
    visitor.send("decide with narrow scope", "POST", f"{FIRST}/decisions", body=DECISION, token=narrow)
    visitor.send("first log", "GET", f"{FIRST}/disclosures", query="limit=2")
    visitor.send("log", "GET", f"{made}/disclosures")
    decided = visitor.send("decide", "POST", f"{made}/decisions", body=DECISION)
    visitor.send("decision", "GET", decided.header("Location") or "")
    visitor.send("decided", "GET", made)
    visitor.send("list", "GET", path)
    visitor.send("open again", "POST", path, body=ENQUIRY, headers=AGAIN)
    visitor.send("list after", "GET", path)


EVERYTHING_ABOUT_IT = {
    *("open", "open again", "answer", "answer read", "answer read by other agency", "refuse", "answered"),
    *("log", "decide", "decision", "decided", "list", "list after", "outbox"),
}
# The answers of the round that each fault changes; the outbox is what would be sent.
CHANGES: dict[str, set[str]] = {
    "enquiry-of-other-hub-readable": {"other's first"},
    "narrow-scope-decides": {"decide with narrow scope"},
    "hub-decision-lost": {"decision", "decided", "list", "list after"},
    "agencies-asked-twice": {"open again", "list after", "outbox"},
    "log-line-on-two-pages": {"page 1", "page 2", "first log"},
    "hub-takes-wrong-nhs-number": {"wrong digit"},
    "hub-error-repeats-value": {"wrong digit"},
    "consent-demanded": EVERYTHING_ABOUT_IT,
    "answers-open-to-all-agencies": {"answer read by other agency"},
    "refusal-not-logged": {"log"},
    "asked-agency-reads-all": {"asked"},
}
# What is opened, decided or logged besides takes ids, so that those of later objects differ.
DISTURBS = {"narrow-scope-decides", "hub-takes-wrong-nhs-number", "agencies-asked-twice", "consent-demanded"}
DISTURBS |= {"refusal-not-logged"}


@pytest.mark.parametrize("fault", sorted(set(CHANGES) - DISTURBS))
def test_a_fault_changes_what_it_says_and_nothing_else(fault: str) -> None:
    """Exactly the answers that the table names differ."""
    assert changed_by(SYSTEM, round_, fault) == CHANGES[fault]


@pytest.mark.parametrize("fault", sorted(DISTURBS))
def test_a_fault_changes_what_it_says(fault: str) -> None:
    """The answers that the table names differ, whatever ids others have."""
    assert changed_by(SYSTEM, round_, fault) >= CHANGES[fault]


def test_every_fault_is_tried() -> None:
    """No fault is without a line in the table."""
    assert fault_names(SYSTEM) == set(CHANGES)


@pytest.mark.parametrize("path", FIRST_ONES)
def test_examples_work_as_they_stand(visitor: Visitor, path: str) -> None:
    """The objects of the contract's examples are there, for their own hub only."""
    assert visitor.send("own", "GET", path).status == 200
    assert visitor.send("other", "GET", path, token=visitor.token("other")).status == 404


@pytest.mark.parametrize(
    ("rag", "due"),
    [("red", "2026-11-18T15:06:40Z"), ("amber", "2026-11-19T11:06:40Z"), ("green", "2026-11-21T11:06:40Z")],
)
def test_the_colour_says_how_soon(visitor: Visitor, rag: str, due: str) -> None:
    """Answers are due after 4, 24 or 72 hours."""
    assert visitor.send("read", "GET", opened(visitor, rag=rag)).body["dueAt"] == due


def test_every_agency_is_asked_at_once(visitor: Visitor, enquiry: str) -> None:
    """Each is sent the question and the child; the police of the hub's own area need no code."""
    sent = outbox(visitor)
    assert [(to, kind, body["agency"]) for to, kind, body in sent] == [
        (FORCE, "enquiry", "police"),
        (HOSPITAL, "enquiry", "health"),
    ]
    assert all(body["child"] == ENQUIRY["child"] for _, _, body in sent)


def test_what_is_overdue_is_shown(visitor: Visitor, enquiry: str) -> None:
    """After the time for answers has passed, who has not answered is overdue, and who has is not."""
    visitor.send("answer", "POST", f"{enquiry}/responses", body=SHARED)
    visitor.cast.clock.advance(25 * HOUR_S)
    shown = visitor.send("read", "GET", enquiry).body
    assert shown["overdue"] is True
    assert [asked["responseState"] for asked in shown["agenciesAsked"]] == ["shared", "overdue"]
    assert visitor.send("late", "POST", f"{enquiry}/responses", body=NOTHING).body["late"] is True
    assert visitor.send("again", "GET", enquiry).body["overdue"] is False


def test_an_agency_sees_its_own_part(visitor: Visitor, enquiry: str) -> None:
    """Whoever was asked sees the question and itself, neither the other agencies nor what was decided."""
    visitor.send("decide", "POST", f"{enquiry}/decisions", body=DECISION)
    shown = visitor.send("asked", "GET", enquiry, token=visitor.token(FORCE)).body
    assert shown["reason"] == ENQUIRY["reason"]
    assert [asked["agency"] for asked in shown["agenciesAsked"]] == ["police"]
    assert "latestDecision" not in shown
    assert visitor.send("not asked", "GET", enquiry, token=visitor.token("43")).status == 404


def test_an_answer_is_for_the_hub_alone(visitor: Visitor, enquiry: str) -> None:
    """The hub and the agency that answered read an answer; another agency that was asked does not."""
    made = visitor.send("answer", "POST", f"{enquiry}/responses", body=SHARED, token=visitor.token(FORCE))
    path = made.header("Location") or ""
    tokens = (visitor.token(FORCE), visitor.token(), hospital(visitor))
    assert [visitor.send("read", "GET", path, token=token).status for token in tokens] == [200, 200, 404]


def test_an_agency_answers_for_itself_only(visitor: Visitor, enquiry: str) -> None:
    """The police cannot answer as health; the hub can enter what health said by telephone."""
    path = f"{enquiry}/responses"
    assert visitor.send("as other", "POST", path, body=REFUSED, token=visitor.token(FORCE)).status == 403
    assert visitor.send("by hub", "POST", path, body=REFUSED).status == 201


@pytest.mark.parametrize("suffix", ["decisions", "disclosures"])
def test_only_the_hub_decides_and_reads_the_log(visitor: Visitor, enquiry: str, suffix: str) -> None:
    """An agency that was asked is told that there is no such thing."""
    method, body = ("POST", DECISION) if suffix == "decisions" else ("GET", None)
    token = visitor.token(FORCE)
    assert visitor.send("try", method, f"{enquiry}/{suffix}", body=body, token=token).status == 404


def test_an_enquiry_is_answered_when_all_have(visitor: Visitor, enquiry: str) -> None:
    """It waits until the last agency answers or refuses, and the reason of a refusal is shown."""
    visitor.send("police", "POST", f"{enquiry}/responses", body=SHARED)
    assert visitor.send("read", "GET", enquiry).body["status"] == "waiting"
    visitor.send("health", "POST", f"{enquiry}/responses", body=REFUSED)
    shown = visitor.send("read", "GET", enquiry).body
    assert shown["status"] == "answered"
    assert shown["agenciesAsked"][1]["refusalReason"] == "more-detrimental-to-child"


def test_a_decision_says_who_had_not_answered(visitor: Visitor, enquiry: str) -> None:
    """A hub need not wait, and what it decided without is on record."""
    visitor.send("police", "POST", f"{enquiry}/responses", body=SHARED)
    made = visitor.send("decide", "POST", f"{enquiry}/decisions", body=DECISION)
    assert made.body["withoutAnswerOf"] == ["health"]
    later = visitor.send(
        "again", "POST", f"{enquiry}/decisions", body={**DECISION, "threshold": "early-help"}
    )
    assert visitor.send("read", "GET", enquiry).body["latestDecision"] == later.body
    assert visitor.send("first", "GET", made.header("Location") or "").body == made.body


def test_the_log_tells_what_was_shared_and_refused(visitor: Visitor, enquiry: str) -> None:
    """Asking, reading, sharing, refusing and being denied each leave a line; reading the log leaves none."""
    force = visitor.token(FORCE)
    visitor.send("read", "GET", enquiry, token=force)
    visitor.send("share", "POST", f"{enquiry}/responses", body=SHARED, token=force)
    visitor.send("refuse", "POST", f"{enquiry}/responses", body=REFUSED, token=hospital(visitor))
    visitor.send("purpose", "GET", enquiry, token=force, headers=MONITORING)
    visitor.send("stranger", "GET", enquiry, token=visitor.token("43"))
    expected = [
        ("asked", "police", "E09000001"),
        ("asked", "health", "E09000001"),
        ("read", "police", FORCE),
        ("shared", "police", FORCE),
        ("refused", "health", HOSPITAL),
        ("denied", "", FORCE),
        ("denied", "", "43"),
    ]
    assert log_of(visitor, enquiry) == expected
    assert log_of(visitor, enquiry) == expected


@pytest.mark.parametrize("informed", ["informed", "not-yet", "not-safe-to-inform", None])
def test_consent_is_no_condition(visitor: Visitor, informed: str | None) -> None:
    """Agencies are asked whether or not the family knows."""
    body = {name: value for name, value in ENQUIRY.items() if name != "familyInformed"}
    extra = {"familyInformed": informed} if informed else {}
    assert visitor.send("open", "POST", "/v1/enquiries", body={**body, **extra}).status == 201


@pytest.mark.parametrize("purpose", ["EDUCATION_MONITORING", "CRIME_PREVENTION"])
@pytest.mark.parametrize(
    ("method", "path", "body"), [("GET", FIRST, None), ("POST", "/v1/enquiries", ENQUIRY)]
)
def test_other_purposes_are_refused(
    visitor: Visitor, purpose: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """A purpose for which the hub does not share gets 403, and the refusal is noted."""
    answer = visitor.send("try", method, path, body=body, headers={"sharing-purpose": purpose})
    assert answer.status == 403
    assert visitor.cast.engines[SYSTEM].state.ledger.disclosures[-1].outcome == "refused"


def test_only_a_hub_opens_enquiries(visitor: Visitor) -> None:
    """A police force, with the scope for it, is refused."""
    token = visitor.token(FORCE)
    assert visitor.send("open", "POST", "/v1/enquiries", body=ENQUIRY, token=token).status == 403


@pytest.mark.parametrize(
    "body",
    [
        {**SHARED, "information": ""},
        {"agency": "police", "outcome": "refused"},
        {**NOTHING, "information": "x"},
    ],
)
def test_an_answer_is_one_of_three_kinds(visitor: Visitor, enquiry: str, body: dict[str, Any]) -> None:
    """Sharing needs information, a refusal a reason, and nothing held holds nothing."""
    assert visitor.send("answer", "POST", f"{enquiry}/responses", body=body).status == 422


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_children_are_those_of_every_agency(seed: int) -> None:
    """The children in the first hub's enquiries are the first council's children of that seed."""
    asked = [kept.record["child"]["nhsNumber"] for kept in fresh(seed).enquiries.of("E09000001")]
    assert asked == [person.nhs_number for person in children(seed, 0, len(asked))]
