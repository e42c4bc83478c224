"""
Deliberate defects of early help.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "early-help", tuple(breaks.split()), shows, tuple(may_break.split()))


EARLY_HELP_FAULTS: tuple[Fault, ...] = (
    _fault("consent-recorded-as-basis", "CON-API-03 LAW-03", "A step up is recorded as shared on consent, whatever basis was stated."),
    _fault("step-up-waits-for-consent", "LAW-01 LAW-03", "A family cannot be stepped up to social care without its consent."),
    _fault("service-starts-without-consent", "LAW-03", "A request is accepted although the family has not consented to the service."),
    _fault("request-of-other-council-shown", "AUT-03", "A request to another council can be read."),
    _fault("request-change-lost", "CON-API-13", "A change to a request is answered as made and is not kept."),
    _fault("stale-request-change-accepted", "CCY-01", "A change made on an older version of a request overwrites a newer one."),
    _fault("request-listed-twice", "PAG-01", "The last request of a page is also the first of the next."),
    _fault("step-up-repeated-counts-twice", "IDM-01", "Sending a step up again with the same X-Request-ID tells social care twice."),
    _fault("step-down-check-digit-ignored", "IDN-01", "A step down with a wrong check digit in the NHS number is taken in.", "CON-API-10 CON-API-03 IDN-02"),
    _fault("case-notes-stepped-down", "SEC-02 MIN-02", "A step down shows social care's notes on the case, which early help does not need.", "CON-API-03"),
)  # fmt: skip
