"""Health providers share by purpose, keep why they do not, and speak FHIR to whoever prefers it."""

from __future__ import annotations

from typing import Any

import pytest
from rounds import changed_by, fault_names, outbox, visitor_of
from tour import Visitor

from joinedup.mocks.fhir import FHIR, prefers_fhir
from joinedup.mocks.health import assessment_due
from joinedup.mocks.health_records import FIRST_IDS, FIRST_PATIENT

SYSTEM = "health"
SUMMARY = f"/v1/patients/{FIRST_PATIENT}/health-summary"
ASSESSMENT = f"/v1/health-assessments/{FIRST_IDS['assessments']}"
REQUEST = f"/v1/information-requests/{FIRST_IDS['requests']}"
IN_FHIR = {"accept": FHIR}
EARLY_HELP = {"sharing-purpose": "EARLY_HELP"}
AGAIN = {"x-request-id": "11111111-1111-4111-8111-111111111111"}
CHILD = {"givenName": "Siân", "familyName": "O'Neill", "dateOfBirth": "2015-06-30"}
ATTENDANCE = {
    "odsCode": "Y99100",
    "attendanceType": "emergency-department",
    "arrivedAt": "2026-11-17T21:15:00Z",
    "presentingConcern": "A burn on the left hand.",
}
MISSED = {"patientId": FIRST_PATIENT, "appointmentAt": "2026-11-12T14:00:00Z", "clinic": "Speech therapy"}
NOT_SHARED = {"outcome": "not-shared", "refusalReason": "more-detrimental"}


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who calls a clean health service."""
    return visitor_of(SYSTEM)


def patients(visitor: Visitor) -> list[dict[str, Any]]:
    """The own organisation's patients, as they are held."""
    return [kept.record for kept in visitor.cast.engines[SYSTEM].state.patients.of("E09000001")]


def attend(visitor: Visitor, **child: str) -> Any:
    """The answer to an attendance of a child who is so described."""
    return visitor.send("attend", "POST", "/v1/attendances", body={**ATTENDANCE, "child": {**CHILD, **child}})


def twin(visitor: Visitor) -> None:
    """Another patient of the first one's name and date of birth, with another number."""
    other = {
        **patients(visitor)[0],
        "patientId": "00000000-0000-4000-8000-00000000aaaa",
        "nhsNumber": "9990001103",
    }
    visitor.cast.engines[SYSTEM].state.patients.add(other["patientId"], "E09000001", other)


def round_(visitor: Visitor) -> None:
    """Every operation, well used and badly."""
    visitor.send("status", "GET", "/v1/status", token=None)
    first = visitor.send("page 1", "GET", "/v1/patients", query="limit=4")
    visitor.send("page 2", "GET", "/v1/patients", query=f"limit=4&cursor={first.body['next']}")
    visitor.send("search", "POST", "/v1/patients/search", body={"familyName": "o'neill"})
    visitor.send("search wrong digit", "POST", "/v1/patients/search", body={"nhsNumber": "9990001007"})
    visitor.send("summary", "GET", SUMMARY)
    visitor.send("summary for early help", "GET", SUMMARY, headers=EARLY_HELP)
    visitor.send("summary in FHIR", "GET", SUMMARY, headers=IN_FHIR)
    visitor.send("summary of other", "GET", SUMMARY, token=visitor.token("other"))
    visitor.send("none in FHIR", "GET", "/v1/patients/none/health-summary", headers=IN_FHIR)
    restricted = patients(visitor)[2]["patientId"]
    visitor.send("summary of restricted", "GET", f"/v1/patients/{restricted}/health-summary")
    _attendances(visitor)
    _requests(visitor)
    _assessments(visitor)


def _attendances(visitor: Visitor) -> None:
    body = {**ATTENDANCE, "child": {**CHILD, "nhsNumber": "9990001014"}}
    made = visitor.send("attendance", "POST", "/v1/attendances", body=body, headers=AGAIN)
    visitor.send("attendance again", "POST", "/v1/attendances", body=body, headers=AGAIN)
    visitor.send("attendance read", "GET", made.header("Location") or "")
    twin(visitor)
    visitor.send("attendance of several", "POST", "/v1/attendances", body={**ATTENDANCE, "child": CHILD})
    for label in ("first missed", "second missed"):
        visitor.send(label, "POST", "/v1/missed-appointments", body=MISSED)


def _requests(visitor: Visitor) -> None:
    made = visitor.send("not shared", "POST", f"{REQUEST}/responses", body=NOT_SHARED)
    visitor.send("not shared read", "GET", made.header("Location") or "")


def _assessments(visitor: Visitor) -> None:
    for label, assessor in (("change", "B. Doctor"), ("stale change", "C. Doctor")):
        visitor.send(label, "PATCH", ASSESSMENT, body={"assessor": assessor}, headers={"if-match": '"1"'})
        visitor.send(f"after {label}", "GET", ASSESSMENT)


# What is made after something was made twice has other ids.
MADE_LATER = {"attendance of several", "first missed", "second missed", "not shared", "not shared read"}
CHANGES: dict[str, set[str]] = {
    "summary-of-other-organisation-shown": {"summary of other"},
    "assessment-change-lost": {"after change", "after stale change"},
    "stale-assessment-change-accepted": {"stale change", "after stale change"},
    "patient-between-pages-lost": {"page 1", "page 2"},
    "attendance-recorded-twice": {"attendance again", "outbox"} | MADE_LATER,
    "nhs-check-digit-not-looked-at": {"search wrong digit"},
    "summary-shows-case-notes": {"summary", "summary for early help", "summary of restricted"},
    "arrival-without-offset": {"attendance read"},
    "fhir-error-without-issue": {"none in FHIR"},
    "refusal-loses-reason": {"not shared", "not shared read", "outbox"},
    "early-help-sees-attendances": {"summary for early help"},
    "nearest-patient-linked": {"attendance of several", "outbox"},
    "restricted-practice-shown": {"summary of restricted"},
    "not-brought-never-passed-on": {"second missed", "outbox"},
}


@pytest.mark.parametrize("fault", sorted(CHANGES))
def test_a_fault_changes_what_it_says_and_nothing_else(fault: str) -> None:
    """Exactly the answers that the table names differ."""
    assert changed_by(SYSTEM, round_, fault) == CHANGES[fault]


def test_every_fault_is_tried() -> None:
    """No fault is without a line in the table."""
    assert fault_names(SYSTEM) == set(CHANGES)


@pytest.mark.parametrize(
    ("accept", "fhir"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/*", False),
        ("application/fhir+json", True),
        ("Application/FHIR+JSON; version=1.0.0", True),
        ("application/fhir+json, application/json", True),
        ("application/json, application/fhir+json", False),
        ("application/fhir+json;q=0.5, application/json;q=0.9", False),
        ("application/json;q=0.5, application/fhir+json;q=0.9", True),
        ("application/fhir+json;q=0", False),
        ("application/fhir+json;q=high", False),
        (",;=,", False),
    ],
)
def test_fhir_is_for_whoever_prefers_it(accept: str, fhir: bool) -> None:
    """The heavier type wins, of equals the first, and JSON where neither is named."""
    assert prefers_fhir(accept) is fhir


def test_a_bundle_holds_what_the_summary_holds(visitor: Visitor) -> None:
    """The same facts in both representations: number, name, date of birth, practice and observations."""
    plain = visitor.send("plain", "GET", SUMMARY).body
    answer = visitor.send("fhir", "GET", SUMMARY, headers=IN_FHIR)
    patient, *observations = (entry["resource"] for entry in answer.body["entry"])
    assert (answer.media_type, answer.body["resourceType"]) == (FHIR, "Bundle")
    assert (patient["id"], patient["birthDate"]) == (plain["patientId"], plain["dateOfBirth"])
    assert patient["identifier"][0]["value"] == plain["nhsNumber"]
    assert patient["name"] == [{"given": [plain["givenName"]], "family": plain["familyName"]}]
    assert patient["generalPractitioner"][0]["identifier"]["value"] == plain["practice"]["odsCode"]
    values = {o["id"]: o.get("valueInteger", o.get("valueString")) for o in observations}
    names = {
        "immunisationStatus": "immunisation-status",
        "attendances": "attendances",
        "sdqScore": "sdq-score",
    }
    names |= {"missedAppointments": "missed-appointments"}
    assert values == {inner: plain[name] for name, inner in names.items()}


def test_a_bundle_for_early_help_names_nobody(visitor: Visitor) -> None:
    """The view of a purpose is the same in FHIR."""
    body = visitor.send("fhir", "GET", SUMMARY, headers={**IN_FHIR, **EARLY_HELP}).body
    patient, *observations = (entry["resource"] for entry in body["entry"])
    assert set(patient) == {"resourceType", "id", "generalPractitioner"}
    assert [o["id"] for o in observations] == ["immunisation-status"]


@pytest.mark.parametrize(
    ("path", "token", "headers", "status", "code"),
    [
        (SUMMARY, None, {}, 401, "login"),
        (SUMMARY, "", {"sharing-purpose": "CRIME_PREVENTION"}, 403, "forbidden"),
        (SUMMARY, "", {"sharing-purpose": ""}, 400, "invalid"),
        ("/v1/patients/00000000-0000-4000-8000-000000000000/health-summary", "", {}, 404, "not-found"),
    ],
)
def test_errors_in_fhir_are_outcomes(
    visitor: Visitor, path: str, token: str | None, headers: dict[str, str], status: int, code: str
) -> None:
    """Every refusal of a summary is an OperationOutcome to FHIR, and problem details to others."""
    answer = visitor.send("fhir", "GET", path, token=token, headers={**IN_FHIR, **headers})
    plain = visitor.send("plain", "GET", path, token=token, headers=headers)
    assert (answer.status, answer.media_type, answer.body["resourceType"]) == (
        status,
        FHIR,
        "OperationOutcome",
    )
    assert {issue["code"] for issue in answer.body["issue"]} == {code}
    assert (plain.status, plain.media_type) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("child", "trace"),
    [
        ({"nhsNumber": "9990001006"}, "traced"),
        ({"nhsNumber": "9990001014"}, "traced"),
        ({}, "several-candidates"),
        ({"dateOfBirth": "2015-06-29"}, "not-traced"),
    ],
)
def test_only_a_certain_trace_links(visitor: Visitor, child: dict[str, str], trace: str) -> None:
    """One candidate is linked and the national service asked, as for unscheduled care; none and several are not."""
    twin(visitor)
    made = attend(visitor, **child).body
    assert made["trace"] == trace
    assert ("patientId" in made) == (trace == "traced")
    asked = [(to, content["careSetting"]) for to, _, content in outbox(visitor)]
    assert asked == ([("cp-is", "unscheduled")] if trace == "traced" else [])


@pytest.mark.parametrize(
    ("recipient", "hidden"),
    [
        ("social-care", set()),
        ("school-nurse", {"presentingConcern", "reason"}),
        ("health-visitor", {"presentingConcern"}),
    ],
)
def test_a_notification_holds_what_its_recipient_needs(
    visitor: Visitor, recipient: str, hidden: set[str]
) -> None:
    """Social care learns the concern; a nurse learns that the child attended."""
    path = f"/v1/attendances/{FIRST_IDS['attendances']}/notifications"
    made = visitor.send("notify", "POST", path, body={"recipient": recipient, "reason": "It does not fit."})
    to, _, content = outbox(visitor)[-1]
    assert (to, hidden & set(content)) == (recipient, set())
    assert ("presentingConcern" in content) == (recipient == "social-care")
    assert visitor.send("read", "GET", made.header("Location") or "").body == made.body


def test_not_sharing_needs_a_reason_that_is_kept(visitor: Visitor) -> None:
    """Without a reason a refusal is refused; with one it is kept, audited, and the asker learns it and no content."""
    path = f"{REQUEST}/responses"
    assert visitor.send("bare", "POST", path, body={"outcome": "not-shared"}).status == 422
    made = visitor.send("reasoned", "POST", path, body=NOT_SHARED)
    assert (
        visitor.send("read", "GET", made.header("Location") or "").body["refusalReason"] == "more-detrimental"
    )
    assert visitor.send("request", "GET", REQUEST).body["status"] == "not-shared"
    told = {"nhsNumber": "9990001006", "outcome": "not-shared", "refusalReason": "more-detrimental"}
    assert outbox(visitor)[-1][2] == told
    lines = visitor.cast.engines[SYSTEM].state.ledger.disclosures
    assert "not-shared more-detrimental" in [line.outcome for line in lines]


@pytest.mark.parametrize(("urgency", "due"), [("urgent", "2026-11-19"), ("routine", "2026-11-25")])
def test_a_request_is_due_in_working_days(visitor: Visitor, urgency: str, due: str) -> None:
    """Asked on a Wednesday: the next day, or the Wednesday after; whether the child is known makes no difference."""
    for number in ("9990001006", "9990001103"):
        body = {"nhsNumber": number, "urgency": urgency, "question": "Is anything known?"}
        made = visitor.send("ask", "POST", "/v1/information-requests", body=body).body
        assert (made["status"], made["dueBy"]) == ("open", due)


def test_social_care_is_told_of_the_second_missed_appointment(visitor: Visitor) -> None:
    """The first is counted, the second is passed on."""
    made = [visitor.send("missed", "POST", "/v1/missed-appointments", body=MISSED).body for _ in range(2)]
    assert [(one["inARow"], one["passedTo"]) for one in made] == [(1, []), (2, ["social-care"])]
    assert [(to, kind) for to, kind, _ in outbox(visitor)] == [("social-care", "was-not-brought")]


@pytest.mark.parametrize(
    ("kind", "start", "born", "due"),
    [
        ("initial", "2026-11-02", "2015-06-30", "2026-11-30"),
        ("initial", "2026-12-18", "2015-06-30", "2027-01-20"),
        ("review", "2026-11-02", "2021-11-03", "2027-05-02"),
        ("review", "2026-11-02", "2021-11-02", "2027-11-02"),
        ("initial", "9999-12-31", "2015-06-30", "9999-12-31"),
        ("review", "9999-12-31", "2015-06-30", "9999-12-31"),
    ],
)
def test_assessments_are_due(kind: str, start: str, born: str, due: str) -> None:
    """Twenty working days after the start of care; then six months, or a year from the age of five."""
    assert assessment_due(kind, start, born) == due


def test_an_assessment_that_was_asked_for_is_listed_with_its_patient(visitor: Visitor) -> None:
    """The list of one patient holds what was asked for and nobody else's; completed, it is not overdue."""
    body = {
        "patientId": FIRST_PATIENT,
        "kind": "initial",
        "startOfCare": "2026-09-01",
        "requestedBy": "A. Worker",
    }
    made = visitor.send("ask", "POST", "/v1/health-assessments", body=body)
    listed = visitor.send("list", "GET", "/v1/health-assessments", query=f"patientId={FIRST_PATIENT}").body[
        "items"
    ]
    assert [(item["healthAssessmentId"], item["overdue"]) for item in listed] == [
        (made.body["healthAssessmentId"], True)
    ]
    path, tag = made.header("Location") or "", made.header("ETag") or ""
    done = visitor.send("done", "PATCH", path, body={"completedOn": "2026-11-17"}, headers={"if-match": tag})
    assert done.body["overdue"] is False


def test_where_a_restricted_child_is_registered_is_in_no_answer(visitor: Visitor) -> None:
    """No purpose and no representation shows the practice."""
    path = f"/v1/patients/{patients(visitor)[2]['patientId']}/health-summary"
    for headers in ({}, EARLY_HELP, IN_FHIR):
        assert "Y99001" not in repr(visitor.send("read", "GET", path, headers=headers).body)
