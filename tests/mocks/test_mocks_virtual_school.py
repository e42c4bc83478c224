"""A virtual school knows by when a plan is due, keeps what concerns its own children, and names nobody to monitors."""

from __future__ import annotations

from typing import Any

import pytest
from rounds import changed_by, fault_names, outbox, visitor_of
from tour import Visitor

from joinedup.mocks.virtual_school import FIRST_CHILD, FIRST_PEP

SYSTEM = "virtual-school"
PEP = f"/v1/peps/{FIRST_PEP}"
SNAPSHOT = f"/v1/children/{FIRST_CHILD}/education-snapshot"
NEW_PEP = {
    "childId": FIRST_CHILD,
    "academicYear": "2026-27",
    "term": "autumn",
    "designatedTeacher": "E. Teacher",
    "targets": [{"subject": "Number", "target": "Knows the seven times table."}],
}
CHILD = {"upn": "T001000025001", "givenName": "Siân", "familyName": "O'Neill", "dateOfBirth": "2015-06-30"}
NOTIFICATION = {"child": CHILD, "startOfCare": "2026-12-18", "legalStatus": "C1", "placementType": "U4"}
NOTICE = {"kind": "suspension", "startDate": "2026-11-17", "sessions": 4, "reasons": ["DB"]}
STRANGER = "A950000178301"
MONITORING = {"sharing-purpose": "EDUCATION_MONITORING"}


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean virtual school."""
    return visitor_of(SYSTEM)


def notify(visitor: Visitor, **changes: Any) -> Any:
    """The answer to a notification that a child became looked after."""
    return visitor.send(
        "notify", "POST", "/v1/looked-after-notifications", body={**NOTIFICATION, **changes}
    ).body


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    visitor.send("status", "GET", "/v1/status", token=None)
    first = visitor.send("page 1", "GET", "/v1/peps", query="limit=2")
    visitor.send("page 2", "GET", "/v1/peps", query=f"limit=2&cursor={first.body['next']}")
    visitor.send("due soon", "GET", "/v1/peps", query="dueBefore=2026-12-01")
    visitor.send("plan", "GET", PEP)
    visitor.send("plan of other", "GET", PEP, token=visitor.token("other"))
    teacher = {"designatedTeacher": "F. Teacher"}
    visitor.send("change", "PATCH", PEP, body=teacher, headers={"if-match": '"1"'})
    stale = {"designatedTeacher": "G. Teacher"}
    visitor.send("stale change", "PATCH", PEP, body=stale, headers={"if-match": '"1"'})
    visitor.send("plan after", "GET", PEP)
    held = {"heldOn": "2026-11-12", "childAttended": True, "progress": "on-track"}
    made = visitor.send("review", "POST", f"{PEP}/reviews", body=held)
    visitor.send("review read", "GET", made.header("Location") or "")
    visitor.send("monitored", "GET", SNAPSHOT, headers=MONITORING)
    visitor.send("protected", "GET", SNAPSHOT)
    _notices(visitor)


def _notices(visitor: Visitor) -> None:
    path, again = "/v1/looked-after-notifications", {"x-request-id": "11111111-1111-4111-8111-111111111111"}
    visitor.send("notify", "POST", path, body=NOTIFICATION, headers=again)
    visitor.send("notify again", "POST", path, body=NOTIFICATION, headers=again)
    for label, number in (("own", CHILD["upn"]), ("stranger", STRANGER), ("wrong letter", "A001000025001")):
        visitor.send(f"notice of {label}", "POST", "/v1/suspension-notices", body={"upn": number, **NOTICE})
    visitor.send("new plan", "POST", "/v1/peps", body=NEW_PEP)


# The start of care of the round is the last school day before Christmas.
CHANGES: dict[str, set[str]] = {
    "pep-of-other-council-shown": {"plan of other"},
    "pep-change-lost": {"plan after"},
    "stale-pep-change-accepted": {"stale change", "plan after"},
    "pep-between-pages-lost": {"page 1", "page 2"},
    "due-date-in-english-form": {"plan", "plan after"},
    "notice-repeated-counts-twice": {
        "notify again",
        "notice of own",
        "notice of stranger",
        "new plan",
        "outbox",
    },
    "notice-check-letter-ignored": {"notice of wrong letter", "new plan", "outbox"},
    "review-leads-nowhere": {"review", "review read"},
    "weekends-count-as-working-days": {"notify", "notify again", "outbox"},
    "overdue-never-said": {"page 1", "due soon", "plan", "change", "plan after"},
    "snapshot-names-child": {"monitored"},
    "notice-of-stranger-kept": {"notice of stranger"},
}


@pytest.mark.parametrize("fault", sorted(CHANGES))
def test_a_fault_changes_what_it_says_and_nothing_else(fault: str) -> None:
    """Exactly the answers that the table names differ."""
    assert changed_by(SYSTEM, round_, fault) == CHANGES[fault]


def test_every_fault_is_tried() -> None:
    """No fault is without a line in the table."""
    assert fault_names(SYSTEM) == set(CHANGES)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-11-16", "2026-11-30"),
        ("2026-11-14", "2026-11-27"),
        ("2026-12-18", "2027-01-06"),
        ("2027-03-25", "2027-04-12"),
        ("9999-12-31", "9999-12-31"),
    ],
)
def test_a_first_plan_is_due_within_ten_working_days(visitor: Visitor, start: str, due: str) -> None:
    """Weekends and bank holidays do not count, nor does the day itself."""
    assert notify(visitor, startOfCare=start)["pepDueBy"] == due


def test_a_child_who_is_known_is_matched_by_number(visitor: Visitor) -> None:
    """A known child stays one child; whoever is new joins the roll, and the school is told."""
    known, again = notify(visitor), notify(visitor, legalStatus="C2")
    new = notify(visitor, child={**CHILD, "upn": STRANGER})
    assert known["childId"] == again["childId"] != new["childId"]
    assert [(to, kind) for to, kind, _ in outbox(visitor)] == [("school", "looked-after")] * 3


def test_a_school_is_told_neither_order_nor_placement(visitor: Visitor) -> None:
    """What is sent to the school is the number and by when a plan is due."""
    notify(visitor)
    assert set(outbox(visitor)[0][2]) == {"upn", "pepDueBy"}


def test_a_new_plan_takes_the_place_of_the_one_before(visitor: Visitor) -> None:
    """The plan before is closed and no longer overdue; the snapshot shows the new one."""
    made = visitor.send("new", "POST", "/v1/peps", body=NEW_PEP).body
    before = visitor.send("before", "GET", PEP).body
    snapshot = visitor.send("snapshot", "GET", SNAPSHOT).body
    assert (before["status"], before["overdue"], made["status"]) == ("closed", False, "draft")
    assert (snapshot["pepStatus"], snapshot["pepDueBy"]) == ("draft", made["dueBy"])


def test_a_first_plan_of_a_looked_after_child_is_due_as_notified(visitor: Visitor) -> None:
    """The plan is due on the day that the notification named, and a subscriber hears of it by its id alone."""
    told = notify(visitor, child={**CHILD, "upn": STRANGER})
    made = visitor.send("new", "POST", "/v1/peps", body={**NEW_PEP, "childId": told["childId"]}).body
    assert (made["dueBy"], made["statutory"]) == (told["pepDueBy"], True)
    assert outbox(visitor)[-1] == ("subscribers", "pep.due", {"pepId": made["pepId"], "dueBy": made["dueBy"]})


def test_a_review_moves_what_is_due(visitor: Visitor) -> None:
    """Four months after the review the plan is due again; the review reads at its Location and at no other plan's."""
    held = {"heldOn": "2026-10-31", "childAttended": False, "progress": "behind"}
    made = visitor.send("review", "POST", f"{PEP}/reviews", body=held)
    other = visitor.send("list", "GET", "/v1/peps").body["items"][1]["pepId"]
    assert visitor.send("plan", "GET", PEP).body["dueBy"] == made.body["nextDueBy"] == "2027-02-28"
    assert visitor.send("read", "GET", made.header("Location") or "").body == made.body
    assert visitor.send("elsewhere", "GET", f"/v1/peps/{other}/reviews/{made.body['reviewId']}").status == 404


def test_overdue_turns_at_midnight_in_london(visitor: Visitor) -> None:
    """A plan is in time through its last day and late on the next."""
    tag = visitor.send("plan", "GET", PEP).header("ETag") or ""
    visitor.send("open", "PATCH", PEP, body={"status": "draft"}, headers={"if-match": tag})
    late = []
    for seconds in (
        -2 * 24 * 3600,
        12 * 3600 + 53 * 60,
        20,
    ):  # to 16 November 11:06:40, 23:59:40 and past midnight
        visitor.cast.clock.advance(seconds)
        late.append(visitor.send("plan", "GET", PEP).body["overdue"])
    assert late == [False, False, True]


def test_of_a_stranger_nothing_is_kept(visitor: Visitor) -> None:
    """Of a pupil who is not on the roll the record is that a notice came; of one who is, what it said."""
    own = visitor.send("known", "GET", SNAPSHOT).body["upn"]
    made = {
        n: visitor.send(n, "POST", "/v1/suspension-notices", body={"upn": n, **NOTICE})
        for n in (own, STRANGER)
    }
    read = {n: visitor.send("read", "GET", a.header("Location") or "").body for n, a in made.items()}
    assert set(read[STRANGER]) == {"suspensionNoticeId", "outcome", "receivedAt"}
    assert (read[own]["outcome"], read[own]["reasons"]) == ("on-virtual-roll", ["DB"])
    assert visitor.send("after", "GET", SNAPSHOT).body["suspensions"] == 1


@pytest.mark.parametrize(
    ("purpose", "status"), [("EARLY_HELP", 403), ("CRIME_PREVENTION", 403), ("SAFEGUARDING", 200)]
)
def test_purposes(visitor: Visitor, purpose: str, status: int) -> None:
    """What a virtual school knows is for education and protection only; each answer is noted."""
    assert visitor.send("read", "GET", SNAPSHOT, headers={"sharing-purpose": purpose}).status == status
    line = visitor.cast.engines[SYSTEM].state.ledger.disclosures[-1]
    assert line.outcome == ("disclosed" if status == 200 else "refused")


def test_monitors_do_not_learn_who_it_is(visitor: Visitor) -> None:
    """Monitoring sees how a child does; protecting sees who it is too."""
    who = {"upn", "givenName", "dateOfBirth"}
    assert not who & set(visitor.send("monitored", "GET", SNAPSHOT, headers=MONITORING).body)
    assert who <= set(visitor.send("protected", "GET", SNAPSHOT).body)
