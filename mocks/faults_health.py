"""
Deliberate defects of health providers.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "health", tuple(breaks.split()), shows, tuple(may_break.split()))


HEALTH_FAULTS: tuple[Fault, ...] = (
    _fault("summary-of-other-organisation-shown", "AUT-03", "The health of a child whose record is shared with another organisation can be read."),
    _fault("assessment-change-lost", "CON-API-13", "A change to a health assessment is answered as made and is not kept."),
    _fault("stale-assessment-change-accepted", "CCY-01", "A change made on an older version of an assessment overwrites a newer one."),
    _fault("patient-between-pages-lost", "PAG-01", "The patient after the end of a page is on no page."),
    _fault("attendance-recorded-twice", "IDM-01", "Sending an attendance again with the same X-Request-ID makes a second one."),
    _fault("nhs-check-digit-not-looked-at", "IDN-01", "A search takes an NHS number with a wrong check digit.", "CON-API-10 CON-API-03 IDN-02"),
    _fault("summary-shows-case-notes", "SEC-02", "A health summary holds notes that no contract mentions.", "CON-API-03"),
    _fault("arrival-without-offset", "CON-API-09", "The time at which an attendance was recorded has no offset.", "CON-API-03"),
    _fault("fhir-error-without-issue", "CON-API-03", "Whoever prefers FHIR gets an OperationOutcome that holds no issue.", "ERR-01"),
    _fault("refusal-loses-reason", "SHR-04", "Why a request for information was not answered is not kept."),
    _fault("early-help-sees-attendances", "MIN-01", "Early help sees who the child is and how often it came to hospital."),
    _fault("nearest-patient-linked", "IDN-04", "Of several patients who might be meant, an attendance is linked to the first."),
    _fault("restricted-practice-shown", "RES-01", "Where a restricted child is registered is shown."),
    _fault("not-brought-never-passed-on", "SHR-01", "However often a child is not brought, social care is not told."),
)  # fmt: skip
