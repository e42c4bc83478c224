"""Queries tell whom they must and nobody else, uploads fail record by record, and one council is responsible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rounds import changed_by, fault_names, outbox, visitor_of
from tour import Visitor

from joinedup.mocks.clock import stamp
from joinedup.mocks.cp_is import FIRST_NOTIFICATION, FIRST_UPLOAD, MOST_ACCESSES, fresh
from joinedup.mocks.people import children

SYSTEM = "cp-is"
COUNCIL, OTHER_COUNCIL = "E09000001", "E09000002"
NOTIFICATIONS, UPLOADS = "/v1/access-notifications", "/v1/uploads"
NOTIFICATION, INACTIVE = f"{NOTIFICATIONS}/{FIRST_NOTIFICATION}", "/v1/inactive-nhs-numbers"
# Siân's plan goes on; the third child's ended on 31 August 2026; the second council's first child.
SIAN, ENDED, FOREIGN = (
    children(1, 0, 1)[0].nhs_number,
    children(1, 0, 3)[2].nhs_number,
    children(1, 1, 1)[0].nhs_number,
)
UNKNOWN, ALSO_UNKNOWN, WRONG = "9990001065", "9990001073", "9990001007"
CONTACTS = {"officeHoursTelephone": "01632960200", "emergencyDutyTelephone": "01632960299"}
NEW = {"planType": "CPP", "nhsNumber": UNKNOWN, "startDate": "2026-10-20"}
BAD = {**NEW, "nhsNumber": WRONG}
MONITORING = {"sharing-purpose": "EDUCATION_MONITORING"}
AGAIN = {"x-request-id": "11111111-1111-4111-8111-111111111111"}
SEEN = {"acknowledgedBy": "A. Worker"}
DAY_S = 24 * 3600
STOPPED_AT = datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean service."""
    return visitor_of(SYSTEM)


def ask(visitor: Visitor, number: str, setting: str = "unscheduled", **how: Any) -> dict[str, Any]:
    """The answer to a query."""
    body = {"nhsNumber": number, "careSetting": setting}
    answer = visitor.send("query", "POST", "/v1/queries", body=body, **how)
    assert answer.status == 200
    return dict(answer.body)


MOTHER, BORN = "9990000999", "9990000980"


def upload(visitor: Visitor, *records: dict[str, Any], label: str = "upload", **how: Any) -> Any:
    """The answer to an upload."""
    body = {"contacts": CONTACTS, "records": list(records)}
    return visitor.send(label, "POST", UPLOADS, body=body, **how)


def outcomes(answer: Any) -> list[str]:
    """What became of each record."""
    return [outcome["outcome"] for outcome in answer.body["outcomes"]]


def told(visitor: Visitor, caller: str = "own") -> int:
    """How many notifications a council has."""
    token = visitor.token(caller)
    return len(visitor.send("told", "GET", NOTIFICATIONS, query="limit=50", token=token).body["items"])


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    visitor.send("status", "GET", "/v1/status", token=None)
    for name, number in (("plan", SIAN), ("ended", ENDED), ("nothing", "9990001103")):
        visitor.send(
            f"scheduled {name}", "POST", "/v1/queries", body={"nhsNumber": number, "careSetting": "scheduled"}
        )
    visitor.send("told before", "GET", NOTIFICATIONS, query="limit=50")
    token = visitor.token()
    for count in range(MOST_ACCESSES + 1):
        visitor.cast.clock.advance(1)
        ask(visitor, SIAN, token=token)
        visitor.answers[f"unscheduled {count}"] = visitor.answers.pop("query")
    visitor.send("told after", "GET", NOTIFICATIONS, query="limit=50")
    visitor.send(
        "for monitoring",
        "POST",
        "/v1/queries",
        body={"nhsNumber": SIAN, "careSetting": "scheduled"},
        headers=MONITORING,
    )
    visitor.send("wrong digit", "POST", "/v1/queries", body={"nhsNumber": WRONG, "careSetting": "scheduled"})
    first = visitor.send("page 1", "GET", NOTIFICATIONS, query="limit=2")
    visitor.send("page 2", "GET", NOTIFICATIONS, query=f"limit=2&cursor={first.body['next']}")
    visitor.send("notification", "GET", NOTIFICATION)
    visitor.send("notification of other", "GET", NOTIFICATION, token=visitor.token("other"))
    visitor.send("seen", "PATCH", NOTIFICATION, body=SEEN, headers={"if-match": '"1"'})
    visitor.send("stale", "PATCH", NOTIFICATION, body={"acknowledgedBy": "B"}, headers={"if-match": '"1"'})
    visitor.send("notification seen", "GET", NOTIFICATION)
    visitor.send("inactive", "GET", INACTIVE)
    narrow = visitor.token(scopes=("cp-is:queries.write",))
    visitor.send("inactive with narrow scope", "GET", INACTIVE, token=narrow)
    _uploads(visitor)


def _uploads(visitor: Visitor) -> None:
    made = upload(visitor, NEW, BAD)
    visitor.send("uploaded", "GET", made.header("Location") or UPLOADS + "/" + FIRST_UPLOAD)
    upload(visitor, NEW, label="once", headers=AGAIN)
    upload(visitor, NEW, label="twice", headers=AGAIN)
    unborn = {"planType": "UCPP", "nhsNumber": MOTHER, "startDate": "2026-10-01"}
    upload(visitor, {**unborn, "expectedDeliveryDate": "2026-11-20"}, label="unborn")
    upload(visitor, {**NEW, "nhsNumber": BORN, "bornTo": MOTHER}, label="born")
    visitor.send("mother", "POST", "/v1/queries", body={"nhsNumber": MOTHER, "careSetting": "scheduled"})
    upload(visitor, {**NEW, "nhsNumber": SIAN}, label="take over", token=visitor.token("other"))
    visitor.cast.clock.advance(365 * DAY_S)
    visitor.send(
        "much later",
        "POST",
        "/v1/queries",
        token=visitor.token(),
        body={"nhsNumber": ENDED, "careSetting": "scheduled"},
    )


UNSCHEDULED = {f"unscheduled {count}" for count in range(MOST_ACCESSES + 1)}
SCHEDULED = {"scheduled plan", "scheduled ended"}
# The answers of the round that each fault changes; the outbox is what would be sent.
CHANGES: dict[str, set[str]] = {
    "other-council-notification-readable": {"notification of other"},
    "query-scope-opens-inbox": {"inactive with narrow scope"},
    "upload-taken-twice": {"twice"},
    "old-acknowledgement-wins": {"stale", "notification seen"},
    "notification-between-pages-lost": {"page 1", "page 2"},
    "query-by-wrong-number": {"wrong digit"},
    "nothing-held-is-404": {"scheduled nothing", "mother", "much later"},
    "query-shows-name": {*UNSCHEDULED, *SCHEDULED, "scheduled nothing", "mother", "much later"},
    "unscheduled-query-silent": {*UNSCHEDULED, "told after", "page 2", "outbox"} - {"unscheduled 0"},
    "scheduled-query-notifies": {
        *UNSCHEDULED - {"unscheduled 25"},
        "told before",
        "told after",
        "page 2",
        "outbox",
    },
    "history-keeps-oldest": {"unscheduled 25"},
    "inactive-number-not-told": {"inactive"},
    "second-council-takes-over": {"take over", "outbox"},
    "one-bad-record-fails-batch": {"upload", "uploaded", "once", "twice"},
    "mother-keeps-plan": {"mother"},
    "plan-kept-for-ever": {"much later"},
    "query-purpose-not-asked": {"for monitoring"},
}
# What is told or taken in besides takes ids, so that those of later objects differ.
DISTURBS = {
    "unscheduled-query-silent",
    "scheduled-query-notifies",
    "one-bad-record-fails-batch",
    "upload-taken-twice",
}


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


@pytest.mark.parametrize("path", [f"{UPLOADS}/{FIRST_UPLOAD}", NOTIFICATION])
def test_examples_work_as_they_stand(visitor: Visitor, path: str) -> None:
    """The objects of the contract's examples are there, for their own council only."""
    assert visitor.send("own", "GET", path).status == 200
    assert visitor.send("other", "GET", path, token=visitor.token("other")).status == 404


@pytest.mark.parametrize(("setting", "notices"), [("unscheduled", 1), ("scheduled", 0)])
def test_only_unscheduled_care_is_told(visitor: Visitor, setting: str, notices: int) -> None:
    """The responsible council learns of a query from unscheduled care once, and of one from scheduled care never."""
    before = told(visitor, "other")
    ask(visitor, FOREIGN, setting)
    assert told(visitor, "other") - before == notices
    assert [(to, kind) for to, kind, _ in outbox(visitor)] == [
        (OTHER_COUNCIL, "access-notification")
    ] * notices
    assert len(ask(visitor, FOREIGN, "scheduled")["accesses"]) == 1 + notices


def test_a_query_sent_again_tells_once(visitor: Visitor) -> None:
    """The same request id is one query: one notification, the same answer; other content is refused."""
    before = told(visitor)
    first = ask(visitor, SIAN, headers=AGAIN)
    assert ask(visitor, SIAN, headers=AGAIN) == first
    assert told(visitor) - before == 1
    other = {"nhsNumber": ENDED, "careSetting": "unscheduled"}
    assert visitor.send("other", "POST", "/v1/queries", body=other, headers=AGAIN).status == 422


@pytest.mark.parametrize("setting", ["unscheduled", "scheduled"])
def test_nothing_held_is_an_empty_answer(visitor: Visitor, setting: str) -> None:
    """Of an unknown child the answer is 200 without plans, and nobody is told."""
    assert ask(visitor, UNKNOWN, setting) == {"plans": [], "accesses": []}
    assert outbox(visitor) == []


def test_a_history_holds_the_latest_25(visitor: Visitor) -> None:
    """Of 30 queries the history shows 25, the latest first, and the notifications are all there."""
    token = visitor.token()
    for _ in range(30):
        visitor.cast.clock.advance(1)
        ask(visitor, SIAN, token=token)
    accesses = ask(visitor, SIAN, "scheduled")["accesses"]
    latest = [STOPPED_AT + timedelta(seconds=30 - place) for place in range(25)]
    assert [access["accessedAt"] for access in accesses] == [stamp(moment) for moment in latest]
    assert told(visitor) == 33


def test_an_answer_holds_what_is_needed_and_no_more(visitor: Visitor) -> None:
    """Plans with their dates, one council with its numbers, and the history."""
    body = ask(visitor, SIAN, "scheduled")
    assert set(body) == {"plans", "responsibleCouncil", "accesses"}
    assert body["plans"] == [{"planType": "CPP", "startDate": "2026-05-11"}]
    assert set(body["responsibleCouncil"]) == {"code", "officeHoursTelephone", "emergencyDutyTelephone"}
    assert set(body["accesses"][0]) == {"accessedAt", "organisation"}


def test_each_record_has_its_outcome(visitor: Visitor) -> None:
    """One wrong record of five is named and the others are taken in; the same batch again changes nothing."""
    numbers = [UNKNOWN, ALSO_UNKNOWN, WRONG, "9990001081", "9990001103"]
    batch = [{**NEW, "nhsNumber": number} for number in numbers]
    made = upload(visitor, *batch)
    assert outcomes(made) == ["accepted", "accepted", "rejected", "accepted", "accepted"]
    assert (made.body["accepted"], made.body["rejected"]) == (4, 1)
    assert made.body["outcomes"][2]["errors"][0]["pointer"] == "/records/2/nhsNumber"
    assert visitor.send("read", "GET", made.header("Location") or "").body == made.body
    again = upload(visitor, *batch)
    assert outcomes(again) == ["unchanged", "unchanged", "rejected", "unchanged", "unchanged"]
    assert len(ask(visitor, UNKNOWN, "scheduled")["plans"]) == 1


@pytest.mark.parametrize(
    ("record", "pointer", "code"),
    [
        (BAD, "/records/0/nhsNumber", "format"),
        ({**NEW, "endDate": "2026-10-19"}, "/records/0/endDate", "order"),
        ({**NEW, "nhsNumber": FOREIGN}, "/records/0/nhsNumber", "held-by-another-council"),
        (
            {**NEW, "nhsNumber": FOREIGN, "transferredFrom": "E09000003"},
            "/records/0/nhsNumber",
            "held-by-another-council",
        ),
    ],
)
def test_an_upload_of_which_nothing_is_good_is_refused(
    visitor: Visitor, record: dict[str, Any], pointer: str, code: str
) -> None:
    """Where every record is rejected the answer is 422, which points to each."""
    answer = upload(visitor, record)
    assert answer.status == 422
    assert [(error["pointer"], error["code"]) for error in answer.body["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(
    "record",
    [
        {"planType": "LAC", "nhsNumber": UNKNOWN, "startDate": "2026-10-20", "legalStatus": "J1"},
        {"planType": "UCPP", "nhsNumber": UNKNOWN, "startDate": "2026-10-20"},
        {**NEW, "expectedDeliveryDate": "2027-01-01"},
    ],
)
def test_a_kind_of_plan_has_what_belongs_to_it(visitor: Visitor, record: dict[str, Any]) -> None:
    """A looked-after child has a status that is flagged, an unborn one a date; structure refuses the whole upload."""
    assert upload(visitor, NEW, record).status == 422
    assert ask(visitor, UNKNOWN, "scheduled")["plans"] == []


def test_a_transfer_leaves_no_gap_and_no_overlap(visitor: Visitor) -> None:
    """After a transfer the new council alone is responsible and told, and the former one's other plans have ended."""
    upload(visitor, {"planType": "LAC", "nhsNumber": SIAN, "startDate": "2026-06-01", "legalStatus": "C2"})
    assert ask(visitor, SIAN, "scheduled")["responsibleCouncil"]["code"] == COUNCIL
    moved = {**NEW, "nhsNumber": SIAN, "transferredFrom": COUNCIL}
    assert outcomes(upload(visitor, moved, token=visitor.token("other"))) == ["accepted"]
    shown = ask(visitor, SIAN, "scheduled")
    assert shown["responsibleCouncil"] == {"code": OTHER_COUNCIL, **CONTACTS}
    assert {plan["planType"]: plan.get("endDate") for plan in shown["plans"]} == {
        "CPP": None,
        "LAC": "2026-11-18",
    }
    before = told(visitor), told(visitor, "other")
    ask(visitor, SIAN)
    assert (told(visitor), told(visitor, "other")) == (before[0], before[1] + 1)
    assert (COUNCIL, "responsibility-transferred") in [(to, kind) for to, kind, _ in outbox(visitor)]


def test_a_child_without_an_open_plan_is_free(visitor: Visitor) -> None:
    """A council may flag a child whose plan with another has ended."""
    record = {**NEW, "nhsNumber": ENDED}
    assert outcomes(upload(visitor, record, token=visitor.token("other"))) == ["accepted"]
    assert ask(visitor, ENDED, "scheduled")["responsibleCouncil"]["code"] == OTHER_COUNCIL


@pytest.mark.parametrize(("days", "plans"), [(0, 1), (286, 1), (287, 0)])
def test_a_plan_is_shown_for_a_year_after_its_end(visitor: Visitor, days: int, plans: int) -> None:
    """A plan that ended on 31 August 2026 is shown to 31 August 2027, then nothing is held and nobody is told."""
    visitor.cast.clock.advance(days * DAY_S)
    assert len(ask(visitor, ENDED, token=visitor.token())["plans"]) == plans
    assert len(outbox(visitor)) == plans


def test_an_old_plan_is_not_held(visitor: Visitor) -> None:
    """A record of a plan that ended more than 12 months ago is answered as expired."""
    old = {**NEW, "startDate": "2020-01-01", "endDate": "2025-11-17"}
    assert outcomes(upload(visitor, old, {**old, "nhsNumber": ALSO_UNKNOWN, "endDate": "2025-11-18"})) == [
        "expired",
        "accepted",
    ]


@pytest.mark.parametrize(
    ("began", "caller", "plans"),
    [
        ("2020-01-01", "own", 0),
        ("2025-11-17", "own", 0),
        ("2025-11-18", "own", 1),
        ("2020-01-01", "other", 1),
    ],
)
def test_a_plan_that_turns_out_to_have_ended_long_ago_is_held_no_more(
    visitor: Visitor, began: str, caller: str, plans: int
) -> None:
    """A late upload ends what that council held under it; one that began after that end stays, and another's."""
    upload(visitor, {**NEW, "startDate": began})
    ended = {**NEW, "startDate": "2020-01-01", "endDate": "2025-11-17"}
    upload(visitor, ended, label="late", token=visitor.token(caller))
    assert len(ask(visitor, UNKNOWN, "scheduled")["plans"]) == plans


def test_a_notification_is_acknowledged(visitor: Visitor) -> None:
    """The council says who has seen it, on the version that was read."""
    seen = visitor.send("seen", "PATCH", NOTIFICATION, body=SEEN, headers={"if-match": '"1"'})
    assert (seen.body["status"], seen.body["acknowledgedBy"], seen.header("ETag")) == (
        "acknowledged",
        "A. Worker",
        '"2"',
    )
    assert visitor.send("stale", "PATCH", NOTIFICATION, body=SEEN, headers={"if-match": '"1"'}).status == 412


@pytest.mark.parametrize("purpose", ["EDUCATION_MONITORING", "EARLY_HELP", "CRIME_PREVENTION"])
def test_other_purposes_are_refused_and_noted(visitor: Visitor, purpose: str) -> None:
    """A purpose for which nothing is shared gets 403, leaves no trace with the council and one in the audit."""
    body = {"nhsNumber": SIAN, "careSetting": "unscheduled"}
    answer = visitor.send("query", "POST", "/v1/queries", body=body, headers={"sharing-purpose": purpose})
    assert answer.status == 403
    assert outbox(visitor) == []
    assert visitor.cast.engines[SYSTEM].state.ledger.disclosures[-1].outcome == "refused"


def test_only_a_council_uploads(visitor: Visitor) -> None:
    """A police force, with the scope for it, is refused."""
    token = visitor.token("42", ("cp-is:uploads.write",))
    assert upload(visitor, NEW, token=token).status == 403
    assert visitor.cast.engines[SYSTEM].state.ledger.disclosures[-1].outcome == "refused"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_children_are_those_of_every_agency(seed: int) -> None:
    """Who is flagged are the two councils' children of that seed."""
    expected = {person.nhs_number for place in (0, 1) for person in children(seed, place, 5)}
    assert set(fresh(seed).flagged) == expected
