"""Existence and content are told by rules that are read at that moment, and questions are given out under leases."""

from __future__ import annotations

from typing import Any

import pytest
from rounds import changed_by, fault_names, outbox, visitor_of
from tour import Visitor

from joinedup.mocks.locator_holdings import (
    FIRST_LEASE,
    FIRST_POLICY,
    FIRST_RECORD,
    FIRST_RESULT,
    FIRST_RULE,
    FIRST_SEARCH,
    POLICE_RECORD,
    RESTRICTED_RECORD,
    fresh,
)
from joinedup.mocks.people import children

SYSTEM = "locator"
COUNCIL, OTHER_COUNCIL, POLICE, HOSPITAL = "E09000001", "E09000002", "42", "RX1EX"
SEARCHES, LEASES = "/v1/searches", "/v1/leases"
SEARCH, RECORD, POLICY = f"{SEARCHES}/{FIRST_SEARCH}", f"/v1/records/{FIRST_RECORD}", f"/v1/sharing-policies/{FIRST_POLICY}"  # fmt: skip
LEASE, RULES = f"{LEASES}/{FIRST_LEASE}", f"{POLICY}/rules"
RULE = f"{RULES}/{FIRST_RULE}"
SIAN = children(1, 0, 1)[0].nhs_number
# The clock of the tests stands at 18 November 2026, 11:06:40.
ENDING = {"effect": "allow", "modes": ["EXISTENCE", "CONTENT"], "recipients": [POLICE]}
ENDING |= {"validFrom": "2026-11-18T11:06:45Z", "validUntil": "2026-11-18T11:06:50Z"}
ANSWER: dict[str, Any] = {
    "records": [
        {"recordType": "childrens-services.details", "lastUpdated": "2026-10-20", "team": "Duty team"}
    ]
}
AGAIN = {"x-request-id": "11111111-1111-4111-8111-111111111111"}
LEASE_S = 300


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean service."""
    return visitor_of(SYSTEM)


def search(visitor: Visitor, label: str = "search", *, number: str = SIAN, **how: Any) -> str:
    """The address of a new search."""
    answer = visitor.send(label, "POST", SEARCHES, body={"nhsNumber": number}, **how)
    assert answer.status == 202
    return str(answer.header("Location"))


def pointers(visitor: Visitor, at: str, label: str = "found", **how: Any) -> dict[str, dict[str, Any]]:
    """What a search found, by custodian."""
    answer = visitor.send(label, "GET", f"{at}/records", **how)
    return {item["custodian"]: item for item in answer.body["items"]}


def claim(visitor: Visitor, label: str = "claim", **how: Any) -> str:
    """The address of a new lease."""
    answer = visitor.send(label, "POST", LEASES, **how)
    assert answer.status == 201
    return str(answer.header("Location"))


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    police = visitor.token(POLICE)
    visitor.send("status", "GET", "/v1/status", token=None)
    visitor.send("wrong digit", "POST", SEARCHES, body={"nhsNumber": "9990001007"})
    pointers(visitor, SEARCH, "pointers")
    visitor.send("search read", "GET", SEARCH)
    visitor.send("search of other", "GET", SEARCH, token=visitor.token("other"))
    visitor.send("content", "GET", RECORD)
    visitor.send("existence only", "GET", f"/v1/records/{POLICE_RECORD}")
    visitor.send("restricted", "GET", f"/v1/records/{RESTRICTED_RECORD}")
    visitor.send("stale version", "GET", RECORD, headers={"policy-version": "7"})
    first = visitor.send("rules 1", "GET", RULES, query="limit=1")
    visitor.send("rules 2", "GET", RULES, query=f"limit=1&cursor={first.body['next']}")
    for_crime = {"sharing-purpose": "CRIME_PREVENTION"}
    theirs = search(visitor, "police search", token=police, headers=for_crime)
    visitor.send("policy for the police", "GET", f"{theirs}/records", token=police)
    visitor.send("once", "POST", RULES, body=ENDING, headers=AGAIN)
    visitor.send("twice", "POST", RULES, body=ENDING, headers=AGAIN)
    visitor.cast.clock.advance(5)
    visitor.send("rule begun", "GET", f"{theirs}/records", token=police)
    visitor.cast.clock.advance(5)
    visitor.send("rule ended", "GET", f"{theirs}/records", token=police)
    safe = search(visitor, "safe search", token=police)
    visitor.send("before revocation", "GET", f"{safe}/records", token=police)
    visitor.send("revoke", "DELETE", f"{RULES}/{first_existence(visitor)}")
    visitor.send("after revocation", "GET", f"{safe}/records", token=police)
    visitor.send("stale rules", "PUT", POLICY, body={"rules": []}, headers={"if-match": '"1"'})
    visitor.send("rules left", "GET", RULES)
    token = visitor.token("other")
    lease = claim(visitor, token=token)
    visitor.send("second claim", "POST", LEASES, token=token)
    visitor.send("lease read", "GET", lease, token=token)
    visitor.cast.clock.advance(LEASE_S)
    visitor.send("late answer", "POST", f"{lease}/results", body=ANSWER, token=visitor.token("other"))
    visitor.send("cancel", "DELETE", SEARCH)
    visitor.send("cancelled", "GET", SEARCH)


def first_existence(visitor: Visitor) -> str:
    """The id of the rule by which the police may know of the council's records."""
    rules = visitor.send("policy", "GET", POLICY).body["rules"]
    return str(next(rule["ruleId"] for rule in rules if rule["modes"] == ["EXISTENCE"]))


# The answers of the round that each fault changes; the outbox is what would be sent.
CHANGED: dict[str, set[str]] = {
    "existence-opens-content": {"existence only"},
    "results-ignore-rules": {"policy for the police", "rule ended", "after revocation"},
    "rule-outlives-its-end": {"rule ended", "after revocation"},
    "revoked-rule-goes-on": {"after revocation"},
    "stale-policy-version-accepted": {"stale version"},
    "search-of-other-organisation-readable": {"search of other"},
    "stale-policy-wins": {"stale rules", "rules left"},
    "rule-added-twice": {"twice", "rules left"},
    "rule-between-pages-lost": {"rules 1", "rules 2"},
    "search-by-wrong-number": {"wrong digit"},
    "cancelled-search-stays": {"cancelled"},
    "restricted-postcode-in-record": {"restricted"},
    "refused-fetch-not-noted": set(),
    "question-given-out-twice": {"second claim"},
    "expired-lease-accepted": {"late answer"},
}
# What is found or told besides takes ids, so that those of later objects differ.
DISTURBS = {
    "results-ignore-rules",
    "rule-outlives-its-end",
    "search-by-wrong-number",
    "rule-added-twice",
    "stale-policy-wins",
    "question-given-out-twice",
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


@pytest.mark.parametrize(("faults", "noted"), [((), 1), (("refused-fetch-not-noted",), 0)])
def test_a_refused_fetch_is_noted(faults: tuple[str, ...], noted: int) -> None:
    """Who was refused a record stands in the audit, but for the fault that says so."""
    visitor = visitor_of(SYSTEM, *faults)
    visitor.send("refused", "GET", f"/v1/records/{POLICE_RECORD}")
    lines = visitor.cast.engines[SYSTEM].state.ledger.disclosures
    assert sum(line.outcome == "refused" and line.about == POLICE_RECORD for line in lines) == noted


@pytest.mark.parametrize(
    "path", [SEARCH, f"{SEARCH}/records", RECORD, LEASE, f"{LEASE}/results/{FIRST_RESULT}", POLICY, RULE]
)
def test_examples_work_as_they_stand(visitor: Visitor, path: str) -> None:
    """The objects of the contract's examples are there, for their own organisation only."""
    assert visitor.send("own", "GET", path).status == 200
    assert visitor.send("other", "GET", path, token=visitor.token("other")).status == 404


def test_existence_and_content_are_told_apart(visitor: Visitor) -> None:
    """A council learns that the police hold a record and not what is in it; health shares both."""
    found = pointers(visitor, search(visitor))
    assert set(found) == {COUNCIL, HOSPITAL, POLICE}
    assert visitor.send("police", "GET", found[POLICE]["recordUrl"]).status == 403
    assert set(visitor.send("health", "GET", found[HOSPITAL]["recordUrl"]).body["details"]) == {
        "generalPractitioner",
        "missedAppointments",
    }


@pytest.mark.parametrize("number", [SIAN, "9990001065", "9999999999"])
def test_a_search_tells_nothing_but_pointers(visitor: Visitor, number: str) -> None:
    """A search about anybody is answered alike, and not even its number is said again."""
    answer = visitor.send("search", "POST", SEARCHES, body={"nhsNumber": number})
    assert (answer.status, answer.body["status"]) == (202, "searching")
    assert number not in str(answer.body)


def test_other_purposes_find_nothing_of_others(visitor: Visitor) -> None:
    """By a purpose for which nobody shares, only what is one's own is found."""
    at = search(visitor, headers={"sharing-purpose": "EDUCATION_MONITORING"})
    assert set(pointers(visitor, at)) == {COUNCIL}


@pytest.mark.parametrize(("seconds", "told"), [(0, False), (4, False), (5, True), (9, True), (10, False)])
def test_a_rule_has_effect_from_its_first_second_to_before_its_last(
    visitor: Visitor, seconds: int, told: bool
) -> None:
    """At validFrom the rule is in effect, a second before it is not, and at validUntil it is not any more."""
    police = visitor.token(POLICE)
    at = search(visitor, token=police, headers={"sharing-purpose": "CRIME_PREVENTION"})
    visitor.send("rule", "POST", RULES, body=ENDING)
    visitor.cast.clock.advance(seconds)
    assert (COUNCIL in pointers(visitor, at, token=police)) == told


def test_a_revoked_rule_has_no_effect_from_that_moment(visitor: Visitor) -> None:
    """In a search that goes on, the pointer is gone, the record is not there, and who was told has word of it."""
    police = visitor.token(POLICE)
    at = search(visitor, token=police)
    before = pointers(visitor, at, token=police)[COUNCIL]
    assert visitor.send("revoke", "DELETE", f"{RULES}/{first_existence(visitor)}").status == 204
    assert COUNCIL not in pointers(visitor, at, token=police)
    assert visitor.send("fetch", "GET", before["recordUrl"], token=police).status == 404
    told = [(to, body) for to, kind, body in outbox(visitor) if kind == "sharing-withdrawn"]
    assert (POLICE, {"recordId": before["recordId"]}) in told
    assert visitor.send("again", "DELETE", f"{RULES}/{FIRST_RECORD}").status == 404


def test_a_denial_wins(visitor: Visitor) -> None:
    """What one rule denies, no other allows."""
    token = visitor.token("other")
    at = search(visitor, token=token)
    assert COUNCIL in pointers(visitor, at, token=token)
    denial = {"effect": "deny", "modes": ["EXISTENCE"], "recipients": [OTHER_COUNCIL]}
    assert visitor.send("deny", "POST", RULES, body=denial).status == 201
    assert COUNCIL not in pointers(visitor, at, token=token)


def test_a_stale_policy_version_is_refused(visitor: Visitor) -> None:
    """After any change of the custodian's rules, what was pointed to under the former version is refused with 409."""
    token = visitor.token("other")
    found = pointers(visitor, search(visitor, token=token), token=token)[COUNCIL]
    named = {"policy-version": str(found["policyVersion"])}
    assert visitor.send("fetch", "GET", found["recordUrl"], token=token, headers=named).status == 200
    visitor.send("rule", "POST", RULES, body=ENDING)
    assert visitor.send("stale", "GET", found["recordUrl"], token=token, headers=named).status == 409
    stale_answer = {**ANSWER, "policyVersion": 1}
    assert visitor.send("answer", "POST", f"{LEASE}/results", body=stale_answer).status == 409


def test_an_answer_is_found_by_the_search(visitor: Visitor) -> None:
    """A custodian claims the question, answers it, and the searcher finds the record and whom to ring."""
    number = "9990001065"
    at = search(visitor, number=number)
    token, seen = visitor.token("other"), ""
    while seen != number:
        lease = visitor.send("claim", "POST", LEASES, token=token)
        seen = lease.body["nhsNumber"]
    assert visitor.send("answer", "POST", f"{lease.header('Location')}/results", body=ANSWER, token=token).status == 201  # fmt: skip
    found = pointers(visitor, at)[OTHER_COUNCIL]
    assert visitor.send("fetch", "GET", found["recordUrl"]).body["details"] == {"team": "Duty team"}
    visitor.send("nothing", "POST", f"{lease.header('Location')}/results", body={"records": []}, token=token)
    assert OTHER_COUNCIL not in pointers(visitor, at)
    assert visitor.send("state", "GET", at).body["custodiansAnswered"] > 0


def test_a_question_is_in_one_pair_of_hands(visitor: Visitor) -> None:
    """While a lease lasts the question is not given out again; when it has expired, it is."""
    first = visitor.send("first", "GET", claim(visitor)).body
    others = [visitor.send("next", "GET", claim(visitor)).body["nhsNumber"] for _ in range(3)]
    assert first["nhsNumber"] not in others
    visitor.cast.clock.advance(LEASE_S)
    again = visitor.send("again", "GET", claim(visitor, token=visitor.token()), token=visitor.token()).body
    assert (again["nhsNumber"], again["leaseId"] == first["leaseId"]) == (first["nhsNumber"], False)


@pytest.mark.parametrize(("renewed_after", "status"), [(None, 409), (LEASE_S - 1, 201)])
def test_a_lease_that_has_expired_is_good_for_nothing(
    visitor: Visitor, renewed_after: int | None, status: int
) -> None:
    """An answer after the lease's end is refused, and one under a lease that was renewed in time is taken in."""
    lease = claim(visitor)
    visitor.cast.clock.advance(renewed_after or LEASE_S)
    if renewed_after is not None:
        visitor.send("renew", "POST", f"{lease}/renewals", token=visitor.token())
        visitor.cast.clock.advance(LEASE_S - 1)
    token = visitor.token()
    assert visitor.send("answer", "POST", f"{lease}/results", body=ANSWER, token=token).status == status
    renewal = visitor.send("renewal", "POST", f"{lease}/renewals", token=token)
    assert renewal.status == (200 if status == 201 else 409)


def test_nothing_to_answer_is_204(visitor: Visitor) -> None:
    """An organisation that is not asked is told when to look again."""
    answer = visitor.send("claim", "POST", LEASES, token=visitor.token(POLICE))
    assert (answer.status, answer.header("Retry-After")) == (204, "30")


def test_a_search_ends_when_its_time_is_over(visitor: Visitor) -> None:
    """Custodians that have not answered are not waited for longer than was asked."""
    body = {"nhsNumber": SIAN, "waitSeconds": 60}
    at = str(visitor.send("search", "POST", SEARCHES, body=body).header("Location"))
    visitor.cast.clock.advance(59)
    assert visitor.send("before", "GET", at).body["status"] == "searching"
    visitor.cast.clock.advance(1)
    assert visitor.send("after", "GET", at).body["status"] == "completed"


def test_a_rule_that_ends_before_it_begins_is_refused(visitor: Visitor) -> None:
    """The refusal points to the end of the rule."""
    rule = {**ENDING, "validUntil": ENDING["validFrom"]}
    answer = visitor.send("rule", "PUT", POLICY, body={"rules": [rule]}, headers={"if-match": '"1"'})
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/rules/0/validUntil")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_children_are_those_of_every_agency(seed: int) -> None:
    """Records are held of the two councils' children of that seed."""
    held = {record["nhsNumber"] for record in fresh(seed).records.values()}
    assert held == {person.nhs_number for place in (0, 1) for person in children(seed, place, 12)}
