"""
Deliberate defects of the police, by name.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "police", tuple(breaks.split()), shows, tuple(may_break.split()))


FAULTS: tuple[Fault, ...] = (
    _fault(
        "exploitation-not-known",
        "CON-API-11",
        "A notice about the exploitation of a child is refused, although the contract lists that kind.",
    ),
    _fault(
        "found-child-stays-missing",
        "CON-API-13",
        "Saying that a missing child was found is answered as done, and the episode stays open.",
    ),
    _fault(
        "other-force-notice-readable",
        "AUT-03",
        "A notice can be read by any other force that knows its id.",
    ),
    _fault(
        "narrow-scope-opens-all",
        "AUT-02",
        "A token for reading notices opens everything that the police hold.",
    ),
    _fault(
        "school-told-of-suspect",
        "SEC-02 MIN-02",
        "The notification to a school holds the address of the home, where the person suspected lives.",
        "CON-API-03",
    ),
    _fault(
        "repeated-notice-counts-twice",
        "IDM-01",
        "Sending a notice again with the same X-Request-ID makes a second one.",
    ),
    _fault(
        "stale-episode-change",
        "CCY-01",
        "A change made on an older version of a missing episode overwrites a newer one.",
    ),
    _fault(
        "notice-between-pages-lost",
        "PAG-01",
        "The notice after the end of a page is on no page.",
    ),
    _fault(
        "time-of-protection-without-offset",
        "CON-API-09",
        "The time at which police protection ends has no offset, so that nobody knows to the hour.",
        "CON-API-03",
    ),
    _fault(
        "omission-without-reason",
        "IDN-03",
        "A child in a notice has neither an NHS number nor a reason why it is left out.",
    ),
    _fault(
        "informant-shown-to-partner",
        "RES-04",
        "The council that a notice is for learns who told the police.",
    ),
    _fault(
        "any-purpose-served",
        "SHR-02",
        "A notice is shown for a purpose for which the police do not share.",
    ),
    _fault(
        "adult-told-to-school",
        "LAW-04",
        "A person of 18 or over is notified to a school as a child.",
    ),
    _fault(
        "weekend-is-a-school-day",
        "TIM-06",
        "A notification of a Friday night is due on Saturday, when no school is there to read it.",
    ),
)
