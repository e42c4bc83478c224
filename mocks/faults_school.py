"""
Deliberate defects of schools.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "school", tuple(breaks.split()), shows, tuple(may_break.split()))


SCHOOL_FAULTS: tuple[Fault, ...] = (
    _fault("pupil-of-other-council-shown", "AUT-03", "A pupil of another council can be read."),
    _fault("suspension-not-kept", "CON-API-13", "A suspension is taken in and cannot be read afterwards.", "CON-API-14"),
    _fault("notification-repeated-counts-twice", "IDM-01", "What is sent again with the same X-Request-ID, because its answer was lost, is there twice."),
    _fault("stale-flag-accepted", "CCY-01", "A social worker flag set on an older version overwrites a newer one."),
    _fault("pupil-listed-twice", "PAG-01", "The last pupil of a page is also the first of the next."),
    _fault("pupil-check-letter-ignored", "IDN-02", "A search takes a unique pupil number with a wrong check letter.", "CON-API-10 CON-API-03"),
    _fault("ended-attendance-code-shown", "CON-API-03 VAL-04", "The register shows the code H, which ended in 2024."),
    _fault("search-shows-safeguarding-notes", "SEC-02", "Whoever searches for a pupil sees the safeguarding notes about it.", "CON-API-03"),
    _fault("purpose-not-asked", "MIN-02", "Early help sees the address and the social worker flag of a pupil, which it does not need."),
    _fault("concern-shown-for-monitoring", "SHR-02", "A safeguarding concern is shown to whoever monitors attendance."),
    _fault("suspension-told-to-all", "MIN-04", "The virtual school is told of the suspension of a pupil who is not looked after."),
    _fault("social-worker-not-told", "TIM-08", "The social worker of a suspended pupil is not told."),
    _fault("closed-days-not-known", "TIM-06", "A notification of the police is due on a day on which the school is closed."),
    _fault("first-candidate-taken", "IDN-04", "Of several pupils who might be meant, a notification of the police is linked to the first."),
    _fault("absence-not-registered", "VAL-05", "An absence alert is not in the register."),
)  # fmt: skip
