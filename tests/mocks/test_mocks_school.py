"""Schools show what a purpose needs, tell those who must know, and know their own days."""

from __future__ import annotations

from typing import Any

import pytest
from rounds import changed_by, fault_names, outbox, visitor_of
from tour import Visitor

from joinedup.mocks.people import children
from joinedup.mocks.school import VIEWS
from joinedup.mocks.school_roll import FIRST_IDS, FIRST_PUPIL, year_group
from joinedup.mocks.social_care import fresh as social_care

SYSTEM = "school"
PUPIL = f"/v1/pupils/{FIRST_PUPIL}"
FLAG = f"{PUPIL}/social-worker-flag"
SUSPENSION = {"kind": "suspension", "startDate": "2026-11-17", "sessions": 4, "reasons": ["DB"]}
CONCERN = {"category": "PHY", "urgency": "routine", "account": "Siân has a bruise."}
CHILD = {"givenName": "Siân", "familyName": "O'Neill", "dateOfBirth": "2015-06-30"}
ENCOMPASS = {"policeReference": "42/1234/26", "incidentAt": "2026-11-20T23:30:00Z", "childPresent": True}
EARLY_HELP = {"sharing-purpose": "EARLY_HELP"}
MONITORING = {"sharing-purpose": "EDUCATION_MONITORING"}
ABSENCE = {"date": "2026-11-16", "session": "AM", "attendanceCode": "N"}
# The stopped clock stands on Wednesday 18 November 2026; this moves it to the Friday before a school's closed Monday.
DAY_S = 24 * 3600


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean school service."""
    return visitor_of(SYSTEM)


def pupils(visitor: Visitor) -> list[dict[str, Any]]:
    """The own council's pupils, as they are held."""
    return [kept.record for kept in visitor.cast.engines[SYSTEM].state.pupils.of("E09000001")]


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    visitor.send("status", "GET", "/v1/status", token=None)
    first = visitor.send("page 1", "GET", "/v1/pupils", query="limit=4")
    visitor.send("page 2", "GET", "/v1/pupils", query=f"limit=4&cursor={first.body['next']}")
    visitor.send("search", "POST", "/v1/pupils/search", body={"familyName": "o'neill"})
    visitor.send("search wrong letter", "POST", "/v1/pupils/search", body={"upn": "A001000025001"})
    for name, purpose in (("safeguarding", {}), ("early help", EARLY_HELP), ("monitoring", MONITORING)):
        visitor.send(f"pupil for {name}", "GET", PUPIL, headers=purpose)
    visitor.send("pupil of other", "GET", PUPIL, token=visitor.token("other"))
    visitor.send("attendance", "GET", f"{PUPIL}/attendance", query="from=2026-11-16&to=2026-11-16")
    _flags(visitor)
    _cases(visitor)
    _encompass(visitor)


def _flags(visitor: Visitor) -> None:
    change = {"team": "South team"}
    visitor.send("flag", "GET", FLAG)
    visitor.send("flag changed", "PATCH", FLAG, body=change, headers={"if-match": '"1"'})
    visitor.send("flag stale", "PATCH", FLAG, body={"team": "Old team"}, headers={"if-match": '"1"'})
    visitor.send("flag after", "GET", FLAG)


def _cases(visitor: Visitor) -> None:
    for place in (0, 2, 6):
        pupil = pupils(visitor)[place]["pupilId"]
        made = visitor.send(
            f"suspend {place}", "POST", "/v1/suspensions", body={"pupilId": pupil, **SUSPENSION}
        )
        visitor.send(f"suspension {place}", "GET", made.header("Location") or "")
    about = {"pupilId": FIRST_PUPIL}
    visitor.send("absence", "POST", "/v1/absence-alerts", body={**about, **ABSENCE, "attendanceCode": "U"})
    visitor.send("attendance after", "GET", f"{PUPIL}/attendance", query="from=2026-11-16&to=2026-11-16")
    made = visitor.send("concern", "POST", "/v1/safeguarding-concerns", body={**about, **CONCERN})
    visitor.send("concern read", "GET", made.header("Location") or "")
    visitor.send("concern monitored", "GET", made.header("Location") or "", headers=MONITORING)
    transfer = {"destinationLaestab": "0024002", "leavingDate": "2026-12-18"}
    visitor.send("transfer", "POST", f"{PUPIL}/transfers", body=transfer)


def _encompass(visitor: Visitor) -> None:
    twin = {**pupils(visitor)[0], "pupilId": "00000000-0000-4000-8000-00000000aaaa"}
    visitor.cast.engines[SYSTEM].state.pupils.add(twin["pupilId"], "E09000001", twin)
    path = "/v1/encompass-notifications"
    made = visitor.send("told of several", "POST", path, body={**ENCOMPASS, "child": CHILD})
    visitor.send("several", "GET", made.header("Location") or "")
    # To the Sunday before the Monday on which the primary school is closed: 1 November, that half term ends.
    visitor.cast.clock.advance(-17 * DAY_S)
    other = {"givenName": "Nobody", "dateOfBirth": "2018-01-01"}
    visitor.send("told before closed day", "POST", path, body={**ENCOMPASS, "child": other})


CHANGES: dict[str, set[str]] = {
    "pupil-of-other-council-shown": {"pupil of other"},
    "suspension-not-kept": {"suspension 0", "suspension 2", "suspension 6"},
    "stale-flag-accepted": {"flag stale", "flag after"},
    "pupil-listed-twice": {"page 1", "page 2"},
    "pupil-check-letter-ignored": {"search wrong letter"},
    "ended-attendance-code-shown": {"attendance", "attendance after"},
    "search-shows-safeguarding-notes": {"search"},
    "purpose-not-asked": {"pupil for early help", "pupil for monitoring"},
    "concern-shown-for-monitoring": {"concern monitored"},
    "suspension-told-to-all": {"suspend 0", "suspension 0", "suspend 6", "suspension 6", "outbox"},
    "social-worker-not-told": {"suspend 0", "suspension 0", "suspend 2", "suspension 2", "outbox"},
    "closed-days-not-known": {"told before closed day"},
    "first-candidate-taken": {"told of several", "several"},
    "absence-not-registered": {"attendance after"},
}


@pytest.mark.parametrize("fault", sorted(CHANGES))
def test_a_fault_changes_what_it_says_and_nothing_else(fault: str) -> None:
    """Exactly the answers that the table names differ."""
    assert changed_by(SYSTEM, round_, fault) == CHANGES[fault]


def test_every_fault_is_tried() -> None:
    """No fault is without a line in the table."""
    assert fault_names(SYSTEM) == set(CHANGES)


def test_children_are_those_of_social_care(visitor: Visitor) -> None:
    """A pupil has the name, the number and the date of birth that social care has."""
    known = {k.record["upn"]: k.record for k in social_care(1).children.of("E09000001")}
    shared = ("givenName", "familyName", "dateOfBirth", "sex")
    for pupil in pupils(visitor):
        child = known[pupil["upn"]]
        assert [pupil.get(name) for name in shared] == [child.get(name) for name in shared]


@pytest.mark.parametrize(
    ("purpose", "shown", "hidden"),
    [
        ("EARLY_HELP", {"yearGroup"}, {"senProvision", "address", "hasSocialWorker", "dslContact"}),
        ("EDUCATION_MONITORING", {"senProvision"}, {"address", "hasSocialWorker", "dslContact"}),
        ("CHILD_PROTECTION", {"address", "hasSocialWorker", "dslContact"}, set()),
    ],
)
def test_a_purpose_shows_what_it_needs(
    visitor: Visitor, purpose: str, shown: set[str], hidden: set[str]
) -> None:
    """Each purpose sees its own part of a record, and that it was seen is noted."""
    body = visitor.send("read", "GET", PUPIL, headers={"sharing-purpose": purpose}).body
    assert shown <= set(body)
    assert not hidden & set(body)
    line = visitor.cast.engines[SYSTEM].state.ledger.disclosures[-1]
    assert (line.purpose, line.basis, line.about, line.outcome) == (
        purpose,
        "public-task",
        FIRST_PUPIL,
        "disclosed",
    )


@pytest.mark.parametrize(
    ("path", "purpose"),
    [
        (PUPIL, "CRIME_PREVENTION"),
        (f"{PUPIL}/attendance", "EARLY_HELP"),
        (f"/v1/safeguarding-concerns/{FIRST_IDS['concerns']}", "EDUCATION_MONITORING"),
        (f"/v1/encompass-notifications/{FIRST_IDS['notifications']}", "CRIME_PREVENTION"),
    ],
)
def test_what_a_purpose_does_not_need_is_refused_and_noted(visitor: Visitor, path: str, purpose: str) -> None:
    """403 without a challenge, because no other token would help; the refusal is in the audit."""
    answer = visitor.send("read", "GET", path, headers={"sharing-purpose": purpose})
    assert (answer.status, answer.header("WWW-Authenticate")) == (403, None)
    assert visitor.cast.engines[SYSTEM].state.ledger.disclosures[-1].outcome == "refused"


def test_where_a_restricted_pupil_lives_is_not_held(visitor: Visitor) -> None:
    """The third child is restricted; no purpose shows its address."""
    path = f"/v1/pupils/{pupils(visitor)[2]['pupilId']}"
    for purpose in VIEWS:
        assert "address" not in visitor.send("read", "GET", path, headers={"sharing-purpose": purpose}).body


@pytest.mark.parametrize(
    ("place", "recipients"),
    [
        (0, ["local-authority", "social-worker"]),
        (2, ["local-authority", "social-worker", "virtual-school"]),
        (6, ["local-authority"]),
    ],
)
def test_a_suspension_is_told_to_those_who_must_know(
    visitor: Visitor, place: int, recipients: list[str]
) -> None:
    """The council always, a social worker where there is one, the virtual school of a looked-after pupil."""
    body = {"pupilId": pupils(visitor)[place]["pupilId"], **SUSPENSION}
    made = visitor.send("suspend", "POST", "/v1/suspensions", body=body)
    assert [told["recipient"] for told in made.body["notifications"]] == recipients
    assert [content["recipient"] for _, _, content in outbox(visitor)] == recipients
    assert all(content["reasons"] == ["DB"] and content["sessions"] == 4 for _, _, content in outbox(visitor))


def test_a_flag_decides_whom_a_school_tells(visitor: Visitor) -> None:
    """Once the flag is lifted the social worker hears no more, and the pupil's record says so."""
    visitor.send("lift", "PATCH", FLAG, body={"hasSocialWorker": False}, headers={"if-match": '"1"'})
    made = visitor.send("absent", "POST", "/v1/absence-alerts", body={"pupilId": FIRST_PUPIL, **ABSENCE})
    assert made.body["notified"] == []
    assert visitor.send("read", "GET", PUPIL).body["hasSocialWorker"] is False


def test_a_concern_that_cannot_wait_goes_to_social_care(visitor: Visitor) -> None:
    """An immediate concern is passed on with its account; a routine one stays."""
    body = {"pupilId": FIRST_PUPIL, **CONCERN}
    assert visitor.send("routine", "POST", "/v1/safeguarding-concerns", body=body).body["passedTo"] == []
    visitor.send("immediate", "POST", "/v1/safeguarding-concerns", body={**body, "urgency": "immediate"})
    assert [(to, kind, content["account"]) for to, kind, content in outbox(visitor)] == [
        ("social-care", "contact", CONCERN["account"])
    ]


@pytest.mark.parametrize(
    ("child", "outcome"),
    [
        ({**CHILD, "upn": "T001000025001"}, "matched"),
        (CHILD, "matched"),
        ({**CHILD, "upn": "G001000025002", "givenName": "Sian"}, "matched"),
        ({**CHILD, "dateOfBirth": "2015-06-29"}, "not-matched"),
        ({"givenName": "Siân", "dateOfBirth": "2015-06-30"}, "matched"),
    ],
)
def test_a_notification_is_matched_by_number_or_name(
    visitor: Visitor, child: dict[str, str], outcome: str
) -> None:
    """A number decides where it is known, else name and date of birth; the sender learns nothing else."""
    made = visitor.send("tell", "POST", "/v1/encompass-notifications", body={**ENCOMPASS, "child": child})
    assert made.body["outcome"] == outcome
    assert set(made.body) == {"encompassNotificationId", "outcome", "deliverBy", "receivedAt"}
    assert ("pupilId" in visitor.send("read", "GET", made.header("Location") or "").body) == (
        outcome == "matched"
    )


def test_a_notification_is_due_before_the_next_school_day(visitor: Visitor) -> None:
    """Told on a Wednesday after half past eight, the school knows on Thursday morning."""
    made = visitor.send("tell", "POST", "/v1/encompass-notifications", body={**ENCOMPASS, "child": CHILD})
    assert (made.body["receivedAt"], made.body["deliverBy"]) == (
        "2026-11-18T11:06:40Z",
        "2026-11-19T08:30:00Z",
    )


@pytest.mark.parametrize(
    ("leaving", "file", "safeguarding"),
    [
        ("2026-11-20", "2026-12-11", "2026-11-27"),
        ("2026-12-16", "2027-01-21", "2027-01-07"),
        ("9999-12-31", "9999-12-31", "9999-12-31"),
        ("0001-01-01", "0001-01-22", "0001-01-08"),
    ],
)
def test_files_are_due_by_school_days(visitor: Visitor, leaving: str, file: str, safeguarding: str) -> None:
    """Fifteen and five school days after the pupil leaves, holidays and closed days left out."""
    body = {"destinationLaestab": "0024002", "leavingDate": leaving}
    made = visitor.send("transfer", "POST", f"{PUPIL}/transfers", body=body).body
    assert (made["transferFileDueBy"], made["safeguardingFileDueBy"]) == (file, safeguarding)


def test_a_case_about_nobody_is_refused(visitor: Visitor) -> None:
    """A pupil of another council is as unknown as one who does not exist: 422 that points to the property."""
    for pupil, token in ((FIRST_PUPIL, "other"), ("00000000-0000-4000-8000-000000000000", "own")):
        body = {"pupilId": pupil, **SUSPENSION}
        answer = visitor.send("suspend", "POST", "/v1/suspensions", body=body, token=visitor.token(token))
        assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/pupilId")


@pytest.mark.parametrize(
    ("born", "year"),
    [
        ("2022-09-01", "N"),
        ("2022-08-31", "R"),
        ("2021-09-01", "R"),
        ("2015-06-30", "7"),
        ("2008-09-01", "13"),
    ],
)
def test_year_groups_turn_on_the_first_of_september(born: str, year: str) -> None:
    """Children born on 31 August and 1 September are a year apart at school."""
    assert year_group(born) == year


def test_schools_of_two_councils_share_no_pupil() -> None:
    """The numbers of the two councils' pupils are apart."""
    assert not {c.upn for c in children(1, 0, 9)} & {c.upn for c in children(1, 1, 9)}
