"""The police share what they should with whom they should, in time, and note every disclosure and refusal."""

from __future__ import annotations

from typing import Any

import pytest
from rounds import changed_by, fault_names, outbox, visitor_of
from tour import Visitor

from joinedup.mocks.people import children
from joinedup.mocks.police_records import (
    FIRST_EPISODE,
    FIRST_NOMINAL,
    FIRST_NOTICE,
    FIRST_NOTIFICATION,
    FIRST_PROTECTION,
    FIRST_REQUEST,
    FIRST_RESPONSE,
    fresh,
)

SYSTEM = "police"
COUNCIL, OTHER_COUNCIL = "E09000001", "E09000002"
NOTICES, EPISODE = "/v1/public-protection-notices", f"/v1/missing-episodes/{FIRST_EPISODE}"
NOTICE = f"{NOTICES}/{FIRST_NOTICE}"
REQUEST = f"/v1/information-requests/{FIRST_REQUEST}"
FIRST_ONES = [
    NOTICE,
    f"/v1/encompass-notifications/{FIRST_NOTIFICATION}",
    EPISODE,
    f"/v1/police-protection-events/{FIRST_PROTECTION}",
    REQUEST,
    f"{REQUEST}/responses/{FIRST_RESPONSE}",
    f"/v1/nominals/{FIRST_NOMINAL}",
]
CHILD: dict[str, Any] = {"givenName": "Łukasz", "dateOfBirth": "2016-02-29"}
NEW_NOTICE: dict[str, Any] = {
    "noticeType": "domestic-abuse",
    "incidentReference": "42/1234/26",
    "occurredAt": "2026-11-17T22:40:00Z",
    "gradedRisk": "high",
    "circumstances": "Officers were called to shouting.",
    "recipient": COUNCIL,
    "informant": "A neighbour.",
    "handling": {"code": "P"},
    "childrenInvolved": [{**CHILD, "relationship": "child-of-victim", "present": True}],
}
ENCOMPASS: dict[str, Any] = {
    "occurredAt": "2026-11-20T23:30:00Z",
    "incidentPlace": "child-home",
    "present": True,
    "relationship": "child-of-victim",
    "education": {"kind": "school", "urn": "999900"},
    "council": COUNCIL,
    "child": CHILD,
}
PROTECTION = {
    "startedAt": "2026-11-15T23:15:00Z",
    "reason": "Nobody at home was fit.",
    "designatedOfficer": "Inspector A. Example",
    "council": COUNCIL,
    "child": CHILD,
}
REFUSED = {
    "outcome": "refused",
    "refusalReason": "more-detrimental-to-child",
    "particulars": "A witness would be found.",
}
AGAIN = {"x-request-id": "11111111-1111-4111-8111-111111111111"}
FOUND = {"foundAt": "2026-11-18T07:30:00Z"}
MONITORING = {"sharing-purpose": "EDUCATION_MONITORING"}


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean police service."""
    return visitor_of(SYSTEM)


def notified(visitor: Visitor, **changes: Any) -> dict[str, Any]:
    """What became of a notification to a school."""
    body = {**ENCOMPASS, **changes}
    made = visitor.send("notify", "POST", "/v1/encompass-notifications", body=body)
    assert made.status == 201
    return dict(made.body)


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    council = visitor.token(COUNCIL)
    visitor.send("status", "GET", "/v1/status", token=None)
    first = visitor.send("page 1", "GET", NOTICES, query="limit=3")
    visitor.send("page 2", "GET", NOTICES, query=f"limit=3&cursor={first.body['next']}")
    made = visitor.send("raise", "POST", NOTICES, body=NEW_NOTICE, headers=AGAIN).header("Location") or ""
    other = {**NEW_NOTICE, "noticeType": "child-exploitation"}
    visitor.send("raise of exploitation", "POST", NOTICES, body=other)
    visitor.send("raise again", "POST", NOTICES, body=NEW_NOTICE, headers=AGAIN)
    visitor.send("page of all", "GET", NOTICES)
    visitor.send("raised", "GET", made)
    visitor.send("raised for council", "GET", made, token=council)
    visitor.send("raised for monitoring", "GET", made, headers=MONITORING)
    visitor.send("notice", "GET", NOTICE)
    visitor.send("notice of other", "GET", NOTICE, token=visitor.token("other"))
    narrow = visitor.token(scopes=("police:notices.read",))
    visitor.send("nominal with narrow scope", "GET", f"/v1/nominals/{FIRST_NOMINAL}", token=narrow)
    visitor.send("nominal", "GET", f"/v1/nominals/{FIRST_NOMINAL}")
    visitor.send("search", "POST", "/v1/nominals/search", body={"pncId": "2026/9999991A"})
    _schools(visitor)
    _missing(visitor)
    _protection(visitor)
    visitor.send("refuse", "POST", f"{REQUEST}/responses", body=REFUSED)
    visitor.send("request", "GET", REQUEST, token=council)


def _schools(visitor: Visitor) -> None:
    path = "/v1/encompass-notifications"
    made = visitor.send("notify friday", "POST", path, body=ENCOMPASS)
    visitor.send("notification", "GET", made.header("Location") or "")
    grown = {**ENCOMPASS, "child": {"givenName": "Ann", "dateOfBirth": "2008-11-20"}}
    made = visitor.send("notify adult", "POST", path, body=grown)
    visitor.send("adult's notification", "GET", made.header("Location") or "")


def _missing(visitor: Visitor) -> None:
    visitor.send("found", "PATCH", EPISODE, body=FOUND, headers={"if-match": '"1"'})
    visitor.send("stale", "PATCH", EPISODE, body={"riskGrade": "low"}, headers={"if-match": '"1"'})
    visitor.send("episode", "GET", EPISODE)


def _protection(visitor: Visitor) -> None:
    made = visitor.send("protect", "POST", "/v1/police-protection-events", body=PROTECTION)
    visitor.send("protection", "GET", made.header("Location") or "")


# The answers of the round that each fault changes; the outbox is what would be sent.
CHANGES: dict[str, set[str]] = {
    "exploitation-not-known": {"raise of exploitation"},
    "found-child-stays-missing": {"episode"},
    "other-force-notice-readable": {"notice of other"},
    "narrow-scope-opens-all": {"nominal with narrow scope"},
    "school-told-of-suspect": {"notification", "adult's notification"},
    "repeated-notice-counts-twice": {"raise again", "page of all", "outbox"},
    "stale-episode-change": {"stale", "episode"},
    "notice-between-pages-lost": {"page 1", "page 2"},
    "time-of-protection-without-offset": {"protection"},
    "omission-without-reason": {"raised", "raised for council"},
    "informant-shown-to-partner": {"raised for council"},
    "any-purpose-served": {"raised for monitoring"},
    "adult-told-to-school": {"notify adult", "adult's notification", "outbox"},
    "weekend-is-a-school-day": {"notify friday", "notification", "outbox"},
    "offender-address-sent-to-school": {"outbox"},
    "unrelated-council-told": {"outbox"},
    # These are seen where others are; see the tests of connections.
    "notice-delivered-twice": set(),
    "newer-notice-overtakes": set(),
    "notice-given-up-while-away": set(),
}
# Ids that the agency makes differ after a notice that is refused or taken in twice.
DISTURBS = {"exploitation-not-known", "repeated-notice-counts-twice"}


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
    """The objects of the contract's examples are there, for their own force only."""
    assert visitor.send("own", "GET", path).status == 200
    assert visitor.send("other", "GET", path, token=visitor.token("other")).status == 404


@pytest.mark.parametrize("path", FIRST_ONES[:6])
def test_a_council_reads_what_is_addressed_to_it(visitor: Visitor, path: str) -> None:
    """The council concerned reads a record; another council is told that there is none."""
    assert visitor.send("concerned", "GET", path, token=visitor.token(COUNCIL)).status == 200
    assert visitor.send("another", "GET", path, token=visitor.token(OTHER_COUNCIL)).status == 404


def test_who_told_the_police_stays_with_the_force(visitor: Visitor) -> None:
    """The informant is in the force's view of a notice, and neither in the council's nor in what is sent."""
    made = visitor.send("raise", "POST", NOTICES, body=NEW_NOTICE)
    path = made.header("Location") or ""
    assert "informant" in visitor.send("own", "GET", path).body
    assert "informant" not in visitor.send("council", "GET", path, token=visitor.token(COUNCIL)).body
    assert [(to, kind, "informant" in body) for to, kind, body in outbox(visitor)] == [
        (COUNCIL, "public-protection-notice", False)
    ]


def test_a_refusal_is_told_without_its_particulars(visitor: Visitor) -> None:
    """Whoever asked learns that nothing is shared and on what ground, and no more."""
    made = visitor.send("refuse", "POST", f"{REQUEST}/responses", body=REFUSED)
    path = made.header("Location") or ""
    assert visitor.send("own", "GET", path).body["particulars"] == REFUSED["particulars"]
    told = visitor.send("asked", "GET", path, token=visitor.token(COUNCIL)).body
    assert told["refusalReason"] == "more-detrimental-to-child"
    assert "particulars" not in told
    assert (
        visitor.send("request", "GET", REQUEST, token=visitor.token(COUNCIL)).body["latestOutcome"]
        == "refused"
    )


@pytest.mark.parametrize(
    ("occurred", "urn", "due"),
    [
        ("2026-11-20T23:30:00Z", "999900", "2026-11-23T08:30:00Z"),
        ("2026-11-18T01:00:00Z", "999900", "2026-11-18T08:30:00Z"),
        ("2026-11-18T08:30:00Z", "999900", "2026-11-19T08:30:00Z"),
        ("2026-10-23T20:00:00Z", "999900", "2026-11-02T08:30:00Z"),
        ("2026-05-01T22:30:00+01:00", "999900", "2026-05-05T07:30:00Z"),
        ("2026-06-18T23:30:00Z", "999900", "2026-06-19T07:30:00Z"),
    ],
)
def test_a_school_knows_before_its_next_day(visitor: Visitor, occurred: str, urn: str, due: str) -> None:
    """A notification is due by the start of the next school day: past weekends, holidays and summer time."""
    told = notified(visitor, occurredAt=occurred, education={"kind": "school", "urn": urn})
    assert (told["goesTo"], told["dueBefore"]) == ("school", due)


@pytest.mark.parametrize(
    ("education", "born", "goes_to", "to"),
    [
        ({"kind": "school", "urn": "999900"}, "2008-11-21", "school", ["999900"]),
        ({"kind": "school", "urn": "999900"}, "2008-11-20", "nobody", []),
        ({"kind": "home"}, "2016-02-29", "council", [COUNCIL]),
    ],
)
def test_who_is_told_of_domestic_abuse(
    visitor: Visitor, education: dict[str, str], born: str, goes_to: str, to: list[str]
) -> None:
    """The school, for a child taught at home the council, and of an adult nobody."""
    told = notified(visitor, education=education, child={"givenName": "Ann", "dateOfBirth": born})
    assert told["goesTo"] == goes_to
    assert ("dueBefore" in told) == bool(to)
    assert [message[0] for message in outbox(visitor)] == to


def test_a_found_child_has_a_return_interview(visitor: Visitor) -> None:
    """The interview is due 72 hours after the return, and the council is told of it."""
    changed = visitor.send("found", "PATCH", EPISODE, body=FOUND, headers={"if-match": '"1"'})
    assert (changed.body["status"], changed.body["returnInterviewDueBy"]) == ("found", "2026-11-21T07:30:00Z")
    assert [(to, kind) for to, kind, _ in outbox(visitor)] == [(COUNCIL, "missing-child-found")]


def test_a_child_is_not_found_before_being_missing(visitor: Visitor) -> None:
    """A time before the child went missing is refused, and the episode stays as it was."""
    early = {"foundAt": "2026-11-01T00:00:00Z"}
    answer = visitor.send("early", "PATCH", EPISODE, body=early, headers={"if-match": '"1"'})
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/foundAt")
    assert visitor.send("episode", "GET", EPISODE).body["version"] == 1


@pytest.mark.parametrize(
    ("ahead_h", "status"), [(0, "in-force"), (12, "in-force"), (13, "ended"), (200, "ended")]
)
def test_police_protection_ends_after_72_hours(visitor: Visitor, ahead_h: int, status: str) -> None:
    """From the 72nd hour on an event is shown as ended."""
    made = visitor.send("protect", "POST", "/v1/police-protection-events", body=PROTECTION)
    assert made.body["endsAt"] == "2026-11-18T23:15:00Z"
    visitor.cast.clock.advance(ahead_h * 3600)
    shown = visitor.send("read", "GET", made.header("Location") or "", token=visitor.token())
    assert shown.body["status"] == status


@pytest.mark.parametrize(
    ("child", "shown"),
    [
        ({}, {"identifierOmission": "unknown"}),
        ({"identifierOmission": "more-detrimental"}, {"identifierOmission": "more-detrimental"}),
        ({"nhsNumber": "9990001006"}, {"nhsNumber": "9990001006"}),
    ],
)
def test_a_child_has_its_number_or_a_reason(
    visitor: Visitor, child: dict[str, str], shown: dict[str, str]
) -> None:
    """Each child in a notice has an NHS number, or a reason why it is left out."""
    involved = {**NEW_NOTICE["childrenInvolved"][0], **child}
    made = visitor.send("raise", "POST", NOTICES, body={**NEW_NOTICE, "childrenInvolved": [involved]})
    found = made.body["childrenInvolved"][0]
    assert {n: v for n, v in found.items() if n in ("nhsNumber", "identifierOmission")} == shown


@pytest.mark.parametrize("purpose", ["EDUCATION_MONITORING", "EARLY_HELP"])
def test_other_purposes_are_refused_and_noted(visitor: Visitor, purpose: str) -> None:
    """A purpose for which the police do not share gets 403 without a word about the child, and a line in the audit."""
    answer = visitor.send("read", "GET", NOTICE, headers={"sharing-purpose": purpose})
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (403, "/header/Sharing-Purpose")
    [line] = visitor.cast.engines[SYSTEM].state.ledger.disclosures
    assert (line.organisation, line.operation, line.purpose, line.outcome) == (
        "42",
        "getNotice",
        purpose,
        "refused",
    )


def test_disclosures_are_noted_with_whom_why_and_what(visitor: Visitor) -> None:
    """Reading leaves a line with organisation, purpose, basis and opaque id; being told that nothing is there too."""
    visitor.send("council", "GET", NOTICE, token=visitor.token(COUNCIL))
    visitor.send("other", "GET", NOTICE, token=visitor.token("other"))
    lines = visitor.cast.engines[SYSTEM].state.ledger.disclosures
    assert [(line.organisation, line.basis, line.outcome) for line in lines] == [
        (COUNCIL, "public-task", "disclosed"),
        ("43", "public-task", "refused"),
    ]
    assert lines[0].about == FIRST_NOTICE


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (NOTICES, NEW_NOTICE),
        ("/v1/encompass-notifications", ENCOMPASS),
        ("/v1/police-protection-events", PROTECTION),
        (f"{REQUEST}/responses", REFUSED),
    ],
)
def test_only_a_force_speaks_for_the_police(visitor: Visitor, path: str, body: dict[str, Any]) -> None:
    """A council that sends what only the police can is refused, even with the scope for it."""
    assert visitor.send("send", "POST", path, body=body, token=visitor.token(COUNCIL)).status == 403


def test_a_council_lists_what_is_for_it(visitor: Visitor) -> None:
    """A council's list holds the notices addressed to it and no others."""
    own = visitor.send("force", "GET", NOTICES).body["items"]
    theirs = visitor.send("council", "GET", NOTICES, token=visitor.token(COUNCIL)).body["items"]
    assert theirs == own
    assert {item["recipient"] for item in theirs} == {COUNCIL}


@pytest.mark.parametrize(
    "occurred",
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0000-01-01T00:00:00Z", "1899-12-31T23:59:59Z"],
)
def test_times_out_of_reckoning_are_refused(visitor: Visitor, occurred: str) -> None:
    """A time outside the range that the contract describes gets 422, never a failure."""
    answer = visitor.send(
        "notify", "POST", "/v1/encompass-notifications", body={**ENCOMPASS, "occurredAt": occurred}
    )
    assert (answer.status, answer.body["errors"][0]["code"]) == (422, "range")


@pytest.mark.parametrize("occurred", ["1900-01-01T00:00:00Z", "2200-12-31T23:59:59Z", "2016-12-31t23:59:60z"])
def test_odd_times_are_taken(visitor: Visitor, occurred: str) -> None:
    """The edges of the range, small letters and a leap second are accepted."""
    assert notified(visitor, occurredAt=occurred)["occurredAt"] == occurred


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_children_are_those_of_every_agency(seed: int) -> None:
    """The children in the first force's notices are the first council's children of that seed."""
    involved = [kept.record["childrenInvolved"][0]["nhsNumber"] for kept in fresh(seed).notices.of("42")]
    assert involved == [person.nhs_number for person in children(seed, 0, len(involved))]
