"""
Deliberate defects of the service that says who a child is, by name.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "identity", tuple(breaks.split()), shows, tuple(may_break.split()))


FAULTS: tuple[Fault, ...] = (
    _fault(
        "uncertain-match-linked",
        "IDN-04",
        "Where several children may be meant, the likeliest is answered as the one, with its NHS number.",
    ),
    _fault(
        "confidence-always-full",
        "ACC-01",
        "Every candidate is said to be entirely certain.",
    ),
    _fault(
        "former-number-finds-restricted",
        "RES-05",
        "A restricted child is found by a number that it had before.",
    ),
    _fault(
        "match-by-wrong-number",
        "IDN-01",
        "A match takes an NHS number with a wrong check digit.",
        "CON-API-10 CON-API-03 IDN-02",
    ),
    _fault(
        "ids-of-other-organisation-work",
        "AUT-03",
        "A person can be read by the id that another organisation has for it.",
    ),
    _fault(
        "superseded-record-still-read",
        "IDN-05",
        "A record that another took the place of is answered as if it were good.",
    ),
    _fault(
        "invalidated-person-readable",
        "RES-05",
        "A record that was invalidated can still be read.",
    ),
    _fault(
        "restricted-whereabouts-shown",
        "RES-01",
        "The address, the telephone number and the practice of a restricted child are shown.",
    ),
    _fault(
        "every-purpose-sees-all",
        "MIN-01",
        "Whoever monitors how children do at school sees where they live and their telephone number.",
    ),
    _fault(
        "stale-correction-accepted",
        "CCY-01",
        "A correction made on an older version of a person overwrites a newer one.",
    ),
    _fault(
        "person-registered-twice",
        "IDM-01",
        "Registering a child again with the same X-Request-ID makes a second child.",
    ),
    _fault(
        "verification-shows-values",
        "SEC-02",
        "The answer to whether details are right holds the right ones.",
        "CON-API-03 MIN-01",
    ),
    _fault(
        "former-number-stays",
        "IDN-05",
        "A new NHS number is answered as given and the person keeps the former one.",
        "CON-API-13",
    ),
    _fault(
        "number-change-kept-quiet",
        "ACC-02",
        "Nobody is told of a new NHS number, and it is not among the changes.",
    ),
    _fault(
        "change-between-pages-lost",
        "PAG-01",
        "The change after the end of a page is on no page.",
    ),
    _fault(
        "ended-subscription-still-told",
        "CON-API-13",
        "A subscription that was ended is still there and still told.",
        "SUP-02",
    ),
)
