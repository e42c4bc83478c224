"""
Deliberate defects of what social care owes the people whom its records are about, by name.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str) -> Fault:
    return Fault(name, "social-care", tuple(breaks.split()), shows)


FAULTS: tuple[Fault, ...] = (
    _fault(
        "adult-read-as-child",
        "LAW-04",
        "The record of a care leaver opens as a child's after the eighteenth birthday.",
    ),
    _fault(
        "adoption-leads-back",
        "RES-03",
        "A search by the NHS number that a child had before its adoption finds the child that it is now.",
    ),
    _fault(
        "subject-access-shows-who-told",
        "SAR-02",
        "Who told social care of a child stands in what the child is given of its record.",
    ),
    _fault(
        "subject-access-not-passed-on",
        "SAR-03",
        "Health and the school never hear that somebody asks for their records.",
    ),
    _fault(
        "subject-access-due-before-proof",
        "SAR-01",
        "The month for a subject access request runs although it is not known who asks.",
    ),
)
