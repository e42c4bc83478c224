"""
Deliberate defects of a virtual school.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "virtual-school", tuple(breaks.split()), shows, tuple(may_break.split()))


VIRTUAL_SCHOOL_FAULTS: tuple[Fault, ...] = (
    _fault("pep-of-other-council-shown", "AUT-03", "A personal education plan of another council can be read."),
    _fault("pep-change-lost", "CON-API-13", "A change to a personal education plan is answered as made and is not kept."),
    _fault("stale-pep-change-accepted", "CCY-01", "A change made on an older version of a plan overwrites a newer one."),
    _fault("pep-between-pages-lost", "PAG-01", "The plan after the end of a page is on no page."),
    _fault("due-date-in-english-form", "CON-API-09", "A plan is due on 30/11/2026 instead of 2026-11-30.", "CON-API-03"),
    _fault("notice-repeated-counts-twice", "IDM-01", "Sending a notification again with the same X-Request-ID is a second one."),
    _fault("notice-check-letter-ignored", "IDN-02", "A notice takes a unique pupil number with a wrong check letter.", "CON-API-10 CON-API-03"),
    _fault("review-leads-nowhere", "CON-API-14", "The Location of a new review is the address of no review.", "CON-API-13"),
    _fault("weekends-count-as-working-days", "TIM-07", "The first plan is due ten days after the start of care, weekends and bank holidays counted."),
    _fault("overdue-never-said", "TIM-07", "A plan that is late is not said to be overdue."),
    _fault("snapshot-names-child", "MIN-01", "Whoever monitors how children do at school sees who they are."),
    _fault("notice-of-stranger-kept", "MIN-04", "What a school said of a pupil who is not on the virtual roll is kept and shown."),
)  # fmt: skip
