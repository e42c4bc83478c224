"""
Deliberate defects of the multi-agency safeguarding hub, by name.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "mash", tuple(breaks.split()), shows, tuple(may_break.split()))


FAULTS: tuple[Fault, ...] = (
    _fault(
        "enquiry-of-other-hub-readable",
        "AUT-03",
        "An enquiry can be read by any other hub that knows its id.",
    ),
    _fault(
        "narrow-scope-decides",
        "AUT-02",
        "A token for reading enquiries also opens, answers and decides them.",
    ),
    _fault(
        "hub-decision-lost",
        "CON-API-13",
        "A decision is answered as made and cannot be read afterwards.",
        "CON-API-14",
    ),
    _fault(
        "agencies-asked-twice",
        "IDM-01",
        "Sending an enquiry again with the same X-Request-ID asks every agency a second time.",
    ),
    _fault(
        "log-line-on-two-pages",
        "PAG-01",
        "The last line of a page of an enquiry's log, or of a list, is also the first of the next.",
    ),
    _fault(
        "hub-takes-wrong-nhs-number",
        "IDN-01",
        "An enquiry about an NHS number with a wrong check digit is opened.",
        "CON-API-10 CON-API-03 IDN-02",
    ),
    _fault(
        "hub-error-repeats-value",
        "ERR-02 PRV-04",
        "The refusal of an enquiry repeats what was wrong with it, names included.",
    ),
    _fault(
        "consent-demanded",
        "LAW-01",
        "An enquiry is refused unless the family was informed.",
        "CON-API-11",
    ),
    _fault(
        "answers-open-to-all-agencies",
        "MIN-04",
        "An agency that was asked can read what the others answered.",
    ),
    _fault(
        "refusal-not-logged",
        "SHR-04 AUD-03",
        "An agency's refusal to share is answered as recorded and is missing from the log.",
    ),
    _fault(
        "asked-agency-reads-all",
        "MIN-01",
        "An agency that was asked sees which others were, and how they answered.",
    ),
)
