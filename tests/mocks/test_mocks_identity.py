"""Matches say how sure they are, records that are not good are not shown as such, and changes reach who asked."""

from __future__ import annotations

from typing import Any

import pytest
from rounds import changed_by, fault_names, outbox, visitor_of
from tour import Visitor

from joinedup.mocks.identity_register import (
    FIRST_CHANGE,
    FIRST_MATCH,
    FIRST_NUMBER_CHANGE,
    FIRST_PERSON,
    FIRST_SUBSCRIPTION,
    INVALIDATED_PERSON,
    RESTRICTED_PERSON,
    SUPERSEDED_PERSON,
    fresh,
)
from joinedup.mocks.people import children

SYSTEM = "identity"
MATCHES, PEOPLE, CHANGES = "/v1/match-results", "/v1/people", "/v1/changes"
SIAN, OTHERS, GONE, RESTRICTED = (
    f"{PEOPLE}/{identifier}"
    for identifier in (FIRST_PERSON, SUPERSEDED_PERSON, INVALIDATED_PERSON, RESTRICTED_PERSON)
)
NUMBERS = f"{SIAN}/nhs-number-changes"
SIAN_IS = {"givenName": "Siân", "familyName": "O'Neill", "dateOfBirth": "2015-06-30"}
NAMESAKES = {"givenName": "Jordan", "familyName": "Example", "dateOfBirth": "2014-03-09"}
NOBODY = {"givenName": "Nobody", "familyName": "Unknownfamily", "dateOfBirth": "2013-01-15"}
HIDDEN = children(1, 0, 3)[2]
HIDDEN_IS = {"givenName": HIDDEN.given_name, "dateOfBirth": HIDDEN.date_of_birth}
BORN = {"givenName": "Efa", "sex": "F", "dateOfBirth": "2026-10-31", "motherNhsNumber": "9990001065"}
WHEREABOUTS = {"address", "telephone", "generalPractitioner"}
AGAIN = {"x-request-id": "11111111-1111-4111-8111-111111111111"}
MONITORING = {"sharing-purpose": "EDUCATION_MONITORING"}


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean service."""
    return visitor_of(SYSTEM)


def match(visitor: Visitor, asked: dict[str, Any], label: str = "match", **how: Any) -> dict[str, Any]:
    """The result of a match."""
    return dict(visitor.send(label, "POST", MATCHES, body=asked, **how).body)


def former_of_restricted(visitor: Visitor) -> str:
    """A number that the restricted child had before."""
    people = visitor.cast.engines[SYSTEM].state.people
    return str(next(p for p in people.values() if p["nhsNumber"] == HIDDEN.nhs_number)["formerNhsNumbers"][0])


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    visitor.send("status", "GET", "/v1/status", token=None)
    match(visitor, SIAN_IS, "one")
    match(visitor, NAMESAKES, "several")
    match(visitor, {**SIAN_IS, "dateOfBirth": "2015-06-29"}, "unsure")
    match(visitor, NOBODY, "none")
    match(visitor, {**HIDDEN_IS, "nhsNumber": former_of_restricted(visitor)}, "former number")
    match(visitor, {**SIAN_IS, "nhsNumber": "9990001007"}, "wrong digit")
    visitor.send("result", "GET", f"{MATCHES}/{FIRST_MATCH}")
    for label, path in (("sian", SIAN), ("superseded", OTHERS), ("gone", GONE), ("restricted", RESTRICTED)):
        visitor.send(label, "GET", path)
    visitor.send("of other", "GET", SIAN, token=visitor.token("other"))
    visitor.send("for monitoring", "GET", SIAN, headers=MONITORING)
    first = visitor.send("page 1", "GET", CHANGES, query="limit=1")
    visitor.send("page 2", "GET", CHANGES, query=f"limit=1&cursor={first.body['next']}")
    tag = visitor.answers["sian"].header("ETag") or ""
    visitor.send("correct", "PATCH", SIAN, body={"telephone": "01632960111"}, headers={"if-match": tag})
    visitor.send("stale", "PATCH", SIAN, body={"telephone": "01632960222"}, headers={"if-match": tag})
    visitor.send("corrected", "GET", SIAN)
    visitor.send("verify", "POST", f"{SIAN}/verifications", body={"dateOfBirth": "2015-06-30"})
    visitor.send("change number", "POST", NUMBERS, body={"reason": "duplicate"})
    visitor.send("number change", "GET", f"{NUMBERS}/{FIRST_NUMBER_CHANGE}")
    visitor.send("after", "GET", SIAN)
    visitor.send("all changes", "GET", CHANGES)
    subscription = f"/v1/subscriptions/{FIRST_SUBSCRIPTION}"
    visitor.send("unsubscribe", "DELETE", subscription)
    visitor.send("unsubscribed", "GET", subscription)
    visitor.send("born", "POST", PEOPLE, body=BORN, headers=AGAIN)
    visitor.send("born again", "POST", PEOPLE, body=BORN, headers=AGAIN)


# The answers of the round that each fault changes; the outbox is what would be sent.
CHANGED: dict[str, set[str]] = {
    "uncertain-match-linked": {"several", "unsure"},
    "confidence-always-full": {"unsure"},
    "former-number-finds-restricted": {"former number"},
    "match-by-wrong-number": {"wrong digit"},
    "ids-of-other-organisation-work": {"of other"},
    "superseded-record-still-read": {"superseded"},
    "invalidated-person-readable": {"gone"},
    "restricted-whereabouts-shown": {"restricted"},
    "every-purpose-sees-all": {"for monitoring"},
    "stale-correction-accepted": {"stale", "corrected", "after", "all changes", "outbox"},
    "person-registered-twice": {"born again", "outbox"},
    "verification-shows-values": {"verify"},
    "former-number-stays": {"after"},
    "number-change-kept-quiet": {"all changes", "outbox"},
    "change-between-pages-lost": {"page 1", "page 2"},
    "ended-subscription-still-told": {"unsubscribed"},
}
# What is found or told besides takes ids, so that those of later objects differ.
DISTURBS = {
    "uncertain-match-linked",
    "former-number-finds-restricted",
    "match-by-wrong-number",
    "ids-of-other-organisation-work",
    "superseded-record-still-read",
    "stale-correction-accepted",
    "number-change-kept-quiet",
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
        SIAN,
        f"{MATCHES}/{FIRST_MATCH}",
        f"{NUMBERS}/{FIRST_NUMBER_CHANGE}",
        f"/v1/subscriptions/{FIRST_SUBSCRIPTION}",
    ],
)
def test_examples_work_as_they_stand(visitor: Visitor, path: str) -> None:
    """The objects of the contract's examples are there, for their own organisation only."""
    assert visitor.send("own", "GET", path).status == 200
    assert visitor.send("other", "GET", path, token=visitor.token("other")).status == 404


@pytest.mark.parametrize(
    ("asked", "outcome", "candidates", "tells"),
    [
        (SIAN_IS, "one", 1, True),
        ({**SIAN_IS, "givenName": "SIAN", "familyName": "ONeill"}, "one", 1, True),
        ({**SIAN_IS, "nhsNumber": "9990001006"}, "one", 1, True),
        ({**SIAN_IS, "dateOfBirth": "2015-06-29"}, "several", 1, False),
        ({**SIAN_IS, "familyName": "Brown", "givenName": "Tom"}, "none", 0, False),
        ({**NAMESAKES, "postcode": "ZZ99 3WZ"}, "one", 1, True),
        (NAMESAKES, "several", 2, False),
        (NOBODY, "none", 0, False),
    ],
)
def test_a_match_says_how_sure_it_is(
    visitor: Visitor, asked: dict[str, Any], outcome: str, candidates: int, tells: bool
) -> None:
    """One is answered as one only where it is sure; otherwise no number is told and somebody has to decide."""
    result = match(visitor, asked)
    assert (result["outcome"], len(result["candidates"])) == (outcome, candidates)
    assert result["reviewNeeded"] == (outcome != "one")
    assert any("nhsNumber" in candidate for candidate in result["candidates"]) == tells
    assert all(0.6 <= candidate["confidence"] <= 1 for candidate in result["candidates"])


@pytest.mark.parametrize(
    ("more", "outcome"),
    [({}, "one"), ({"givenName": "Another"}, "none"), ({"nhsNumber": "former"}, "none")],
)
def test_a_restricted_child_is_found_by_what_all_fits(
    visitor: Visitor, more: dict[str, str], outcome: str
) -> None:
    """Of a restricted child a near miss and a number from before are answered as of nobody."""
    former = {"nhsNumber": former_of_restricted(visitor)} if "nhsNumber" in more else {}
    assert match(visitor, {**HIDDEN_IS, **more, **former})["outcome"] == outcome


def test_nothing_tells_where_a_restricted_child_is(visitor: Visitor) -> None:
    """Neither its record nor a verification of its postcode does."""
    body = visitor.send("read", "GET", RESTRICTED).body
    assert body["securityLabel"] == "restricted"
    assert not WHEREABOUTS & set(body)
    asked = {"postcode": HIDDEN.postcode}
    assert visitor.send("verify", "POST", f"{RESTRICTED}/verifications", body=asked).body == {
        "verified": False
    }


def test_a_superseded_record_is_answered_with_the_other(visitor: Visitor) -> None:
    """The answer is the record that took its place, under that one's id, and the old one cannot be corrected."""
    answer = visitor.send("read", "GET", OTHERS)
    assert (answer.body["personId"], answer.body["nhsNumber"]) == (FIRST_PERSON, "9990001006")
    corrected = visitor.send(
        "correct", "PATCH", OTHERS, body={"sex": "F"}, headers={"if-match": answer.header("ETag") or ""}
    )
    assert corrected.status == 409


def test_an_invalidated_record_does_not_differ_from_none(visitor: Visitor) -> None:
    """What was invalidated and what never was are answered alike."""
    gone = visitor.send("gone", "GET", GONE)
    never = visitor.send("never", "GET", f"{PEOPLE}/00000000-0000-4000-8000-000000000000")
    assert (
        (gone.status, gone.body["detail"])
        == (never.status, never.body["detail"])
        == (404, gone.body["detail"])
    )


def test_the_same_person_has_another_id_for_each_organisation(visitor: Visitor) -> None:
    """Two organisations that find the same person are given ids that the other cannot use."""
    token = visitor.token("other")
    theirs = match(visitor, SIAN_IS, token=token)["candidates"][0]["personId"]
    assert theirs != FIRST_PERSON
    assert visitor.send("theirs", "GET", f"{PEOPLE}/{theirs}", token=token).status == 200
    assert visitor.send("ours", "GET", f"{PEOPLE}/{theirs}").status == 404


def test_a_new_number_reaches_all_who_know_the_person(visitor: Visitor) -> None:
    """The former number is nobody's, the changes hold the new version, and each subscriber has a notification."""
    token = visitor.token("other")
    match(visitor, SIAN_IS, token=token)
    made = visitor.send("change", "POST", NUMBERS, body={"reason": "duplicate"})
    assert made.body["formerNhsNumber"] == "9990001006"
    person = visitor.send("after", "GET", SIAN).body
    assert (person["nhsNumber"], person["version"]) == (made.body["nhsNumber"], 5)
    assert "9990001006" in person["formerNhsNumbers"]
    told = [(to, body["keyRing"]) for to, kind, body in outbox(visitor) if kind == "nhs-number-changed"]
    assert told == [("E09000001", "identity-e09000001"), ("E09000002", "identity-e09000002")]
    verified = visitor.send("verify", "POST", f"{SIAN}/verifications", body={"nhsNumber": "9990001006"})
    assert verified.body == {"verified": False}
    changes = visitor.send("changes", "GET", CHANGES, token=token).body["items"]
    assert [change["event"] for change in changes] == ["nhsNumberChanged"]


@pytest.mark.parametrize(
    ("correction", "kinds"),
    [({"generalPractitioner": "Y99999"}, ["gp-changed"]), ({"givenName": "Sian"}, [])],
)
def test_a_change_of_practice_is_told_to_subscribers(
    visitor: Visitor, correction: dict[str, str], kinds: list[str]
) -> None:
    """A new practice is an event of its own; a correction is told to others who were told before."""
    tag = visitor.send("read", "GET", SIAN).header("ETag") or ""
    assert visitor.send("correct", "PATCH", SIAN, body=correction, headers={"if-match": tag}).status == 200
    assert [kind for _, kind, _ in outbox(visitor)] == kinds


def test_a_correction_is_told_to_whoever_was_told(visitor: Visitor) -> None:
    """An organisation that read the person before it was corrected has word of it."""
    token = visitor.token("other")
    theirs = match(visitor, SIAN_IS, token=token)["candidates"][0]["personId"]
    visitor.send("theirs", "GET", f"{PEOPLE}/{theirs}", token=token)
    tag = visitor.send("read", "GET", SIAN).header("ETag") or ""
    visitor.send("correct", "PATCH", SIAN, body={"sex": "U"}, headers={"if-match": tag})
    assert [(to, kind, body["personId"]) for to, kind, body in outbox(visitor)] == [
        ("E09000002", "person-corrected", theirs)
    ]


def test_a_child_who_is_born_has_a_number_of_its_own(visitor: Visitor) -> None:
    """The number is new, and whoever keeps plans by the mother's number is told of both."""
    born = visitor.send("born", "POST", PEOPLE, body=BORN).body
    known = {p.nhs_number for place in (0, 1) for p in children(1, place, 1000)}
    assert born["nhsNumber"].startswith("999")
    assert born["nhsNumber"] not in known
    assert [(kind, body["motherNhsNumber"], body["nhsNumber"]) for _, kind, body in outbox(visitor)] == [
        ("child-born", "9990001065", born["nhsNumber"])
    ]


@pytest.mark.parametrize(
    "address",
    [
        "http://supplier-app.joinedup.example/v1/deliveries",
        "https://127.0.0.1/v1/deliveries",
        "https://localhost/v1/deliveries",
        "https://joinedup.example.elsewhere.example/v1/deliveries",
        "https://supplier-app.joinedup.example@elsewhere.example/x",
    ],
)
def test_only_agreed_hosts_are_called(visitor: Visitor, address: str) -> None:
    """A callback to an address that was not agreed is refused."""
    body = {"callbackUrl": address, "events": ["gpChanged"]}
    assert visitor.send("subscribe", "POST", "/v1/subscriptions", body=body).status == 422


@pytest.mark.parametrize("purpose", ["CRIME_PREVENTION"])
def test_other_purposes_are_refused_and_noted(visitor: Visitor, purpose: str) -> None:
    """A purpose for which nothing is shared gets 403 and a line in the audit."""
    assert visitor.send("read", "GET", SIAN, headers={"sharing-purpose": purpose}).status == 403
    assert visitor.cast.engines[SYSTEM].state.ledger.disclosures[-1].outcome == "refused"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_children_are_those_of_every_agency(seed: int) -> None:
    """Both councils' children of that seed are known by their numbers, and the feed begins with the example."""
    state = fresh(seed)
    numbers = {person["nhsNumber"] for person in state.people.values()}
    assert {p.nhs_number for place in (0, 1) for p in children(seed, place, 9)} <= numbers
    assert next(iter(state.changes)).record["changeId"] == FIRST_CHANGE
