"""
Health answers as FHIR R4 has them: a Bundle for a summary, an OperationOutcome for an error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from joinedup.mocks.messages import JSON, PROBLEM, Answer, Incoming
from joinedup.mocks.operations import Operation
from joinedup.mocks.store import Record

FHIR = "application/fhir+json"
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
ODS_CODE = "https://fhir.nhs.uk/Id/ods-organization-code"
ISSUES = {400: "invalid", 401: "login", 403: "forbidden", 404: "not-found"}
# Property of a summary, and what an observation calls it.
OBSERVATIONS = {
    "immunisationStatus": "Immunisation status",
    "attendances": "Unscheduled attendances",
    "missedAppointments": "Appointments to which the child was not brought",
    "sdqScore": "Strengths and difficulties questionnaire, total",
}


def prefers_fhir(accept: str) -> bool:
    """
    Whether an Accept header ranks FHIR before JSON.

    A range that names a type counts for that type alone; of equal weights the one named first wins, and JSON where
    neither is named (RFC 9110, 12.5.1).
    """
    weights = {JSON: (0.0, 0), FHIR: (0.0, 0)}
    for place, item in enumerate(accept.lower().split(",")):
        name, *parameters = (part.strip() for part in item.split(";"))
        if name in weights:
            weights[name] = (_weight(parameters), -place)
    return weights[FHIR][0] > 0 and weights[FHIR] > weights[JSON]


def _weight(parameters: list[str]) -> float:
    text = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def as_accepted(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    """A health summary, or the refusal of one, in FHIR where that is preferred."""
    if not prefers_fhir(incoming.headers.get("accept", "")):
        return answer
    if answer.status == 200:
        return replace(answer, body=bundle(answer.body), media_type=FHIR)
    if answer.media_type == PROBLEM and answer.status in ISSUES:
        return replace(answer, body=operation_outcome(answer.status, answer.body), media_type=FHIR)
    return answer


def bundle(summary: Record) -> Record:
    """A summary as a collection of resources: the patient, and an observation for each thing that is known."""
    resources = [_patient(summary)]
    resources += [
        _observation(name, text, summary[name]) for name, text in OBSERVATIONS.items() if name in summary
    ]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }


def _patient(summary: Record) -> Record:
    patient: Record = {"resourceType": "Patient", "id": summary["patientId"]}
    if "nhsNumber" in summary:
        patient["identifier"] = [{"system": NHS_NUMBER, "value": summary["nhsNumber"]}]
    if "givenName" in summary:
        family = {"family": summary["familyName"]} if "familyName" in summary else {}
        patient["name"] = [{"given": [summary["givenName"]], **family}]
    if "dateOfBirth" in summary:
        patient["birthDate"] = summary["dateOfBirth"]
    if "practice" in summary:
        identifier = {"system": ODS_CODE, "value": summary["practice"]["odsCode"]}
        practice = {"identifier": identifier, "display": summary["practice"]["name"]}
        patient["generalPractitioner"] = [practice]
    return patient


def _observation(name: str, text: str, value: Any) -> Record:
    kind = "valueInteger" if isinstance(value, int) else "valueString"
    identifier = "".join(f"-{c.lower()}" if c.isupper() else c for c in name)
    resource = {"resourceType": "Observation", "id": identifier, "status": "final"}
    return {**resource, "code": {"text": text}, kind: value}


def operation_outcome(status: int, problem: Record) -> Record:
    """A problem as an OperationOutcome; each field that is wrong is an issue of its own."""
    issue = {"severity": "error", "code": ISSUES[status]}
    issues: list[Record] = [{**issue, "diagnostics": problem["detail"]}]
    for error in problem.get("errors", ()):
        issues.append({**issue, "diagnostics": error["detail"], "expression": [error["pointer"]]})
    return {"resourceType": "OperationOutcome", "issue": issues}
