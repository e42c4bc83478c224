"""
Deliberate defects of child protection information sharing, by name.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "cp-is", tuple(breaks.split()), shows, tuple(may_break.split()))


FAULTS: tuple[Fault, ...] = (
    _fault(
        "other-council-notification-readable",
        "AUT-03",
        "A council can read what another was told of its children.",
    ),
    _fault(
        "query-scope-opens-inbox",
        "AUT-02",
        "A token for querying also uploads, and reads what councils are told.",
    ),
    _fault(
        "upload-taken-twice",
        "IDM-01",
        "Sending an upload again with the same X-Request-ID makes a second one.",
    ),
    _fault(
        "old-acknowledgement-wins",
        "CCY-01",
        "An acknowledgement made on an older version of a notification overwrites a newer one.",
    ),
    _fault(
        "notification-between-pages-lost",
        "PAG-01",
        "The notification after the end of a page is on no page.",
    ),
    _fault(
        "query-by-wrong-number",
        "IDN-01",
        "A query with a wrong check digit is answered as if there were no such child.",
        "CON-API-10 CON-API-03 IDN-02",
    ),
    _fault(
        "nothing-held-is-404",
        "CON-API-03",
        "Of a child of whom nothing is held the answer is 404, which the contract does not declare.",
        "CON-API-11",
    ),
    _fault(
        "query-shows-name",
        "SEC-02 CPI-04",
        "The answer to a query holds the child's name and date of birth, which nobody needs for it.",
        "CON-API-03",
    ),
    _fault(
        "unscheduled-query-silent",
        "CPI-01",
        "A query from an emergency department is told to nobody.",
    ),
    _fault(
        "scheduled-query-notifies",
        "CPI-02",
        "A query for an appointment is told to the council like an emergency.",
    ),
    _fault(
        "history-keeps-oldest",
        "CPI-03",
        "After 25 queries from unscheduled care, later ones are missing from a child's history.",
    ),
    _fault(
        "inactive-number-not-told",
        "CPI-05",
        "A council is not told that the number of one of its children is no longer in use.",
    ),
    _fault(
        "second-council-takes-over",
        "CPI-06",
        "A council's upload makes it responsible for a child of another, without a transfer.",
    ),
    _fault(
        "one-bad-record-fails-batch",
        "ERR-03",
        "One record with a wrong number makes a whole upload fail.",
    ),
    _fault(
        "mother-keeps-plan",
        "IDN-06",
        "The plan of an unborn child stays on the mother's number after the birth.",
    ),
    _fault(
        "plan-kept-for-ever",
        "RET-01",
        "A plan that ended more than 12 months ago is still shown.",
    ),
    _fault(
        "query-purpose-not-asked",
        "SHR-02",
        "A query for a purpose for which nothing is shared is answered.",
    ),
)
