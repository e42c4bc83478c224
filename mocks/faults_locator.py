"""
Deliberate defects of the record locator, by name.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "locator", tuple(breaks.split()), shows, tuple(may_break.split()))


FAULTS: tuple[Fault, ...] = (
    _fault(
        "existence-opens-content",
        "AUT-05",
        "Whoever may know that a record exists can read what is in it.",
    ),
    _fault(
        "results-ignore-rules",
        "AUT-05",
        "Search results name every custodian that holds a record, whatever it shares.",
    ),
    _fault(
        "rule-outlives-its-end",
        "AUT-06",
        "A rule has effect for an hour after its end.",
    ),
    _fault(
        "revoked-rule-goes-on",
        "AUT-07",
        "What a revoked rule allowed is still told.",
    ),
    _fault(
        "stale-policy-version-accepted",
        "AUT-07",
        "A record is fetched, and a question answered, by rules that have changed since.",
    ),
    _fault(
        "search-of-other-organisation-readable",
        "AUT-03",
        "A search of another organisation can be read.",
    ),
    _fault(
        "stale-policy-wins",
        "CCY-01",
        "Rules made on an older version of a sharing policy overwrite newer ones.",
    ),
    _fault(
        "rule-added-twice",
        "IDM-01",
        "Sending a rule again with the same X-Request-ID adds a second one.",
    ),
    _fault(
        "rule-between-pages-lost",
        "PAG-01",
        "The rule after the end of a page is on no page.",
    ),
    _fault(
        "search-by-wrong-number",
        "IDN-01",
        "A search takes an NHS number with a wrong check digit.",
        "CON-API-10 CON-API-03 IDN-02",
    ),
    _fault(
        "cancelled-search-stays",
        "CON-API-13",
        "A search that was ended can still be read and goes on.",
    ),
    _fault(
        "restricted-postcode-in-record",
        "RES-01",
        "A record about a restricted child holds the postcode.",
    ),
    _fault(
        "refused-fetch-not-noted",
        "AUD-03",
        "That somebody was refused a record stands in no audit.",
    ),
    _fault(
        "question-given-out-twice",
        "CON-02",
        "A question is given to a second claimant while the first one's lease lasts.",
    ),
    _fault(
        "expired-lease-accepted",
        "CON-02",
        "An answer under a lease that has expired is taken in.",
    ),
)
