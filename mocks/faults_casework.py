"""
Deliberate defects of social care's casework after a referral, by name.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "social-care", tuple(breaks.split()), shows, tuple(may_break.split()))


FAULTS: tuple[Fault, ...] = (
    _fault(
        "holidays-counted-as-working-days",
        "TIM-04",
        "Weekends and bank holidays count as working days wherever a date is due.",
        "TIM-01 TIM-02 TIM-03",
    ),
    _fault("lateness-hidden", "TIM-01", "Nothing that is overdue says so.", "TIM-02 TIM-03"),
    _fault("weekend-conference-accepted", "VAL-09", "A conference on a Saturday is recorded."),
    _fault(
        "discussion-before-referral",
        "VAL-05",
        "A strategy discussion can have taken place before its referral was received.",
    ),
    _fault("end-before-start-accepted", "VAL-05", "A plan or a placement can end, or begin, too early."),
    _fault("plan-starts-any-day", "VAL-05", "A plan can start on another day than its conference."),
    _fault("second-plan-accepted", "VAL-06", "A child with an open plan is given another."),
    _fault("closed-referral-goes-on", "VAL-08", "A referral that was closed is assessed all the same."),
    _fault(
        "no-factor-among-factors-accepted",
        "VAL-01",
        "An assessment finds no factor and, beside it, some.",
    ),
    _fault(
        "category-of-its-own-shown",
        "VAL-02",
        "The category of abuse of a plan is ABU, which is on no national list.",
        "CON-API-03",
    ),
    _fault(
        "ended-placement-type-shown",
        "VAL-03",
        "Every placement is of the type P2, which ended in 2023.",
        "CON-API-03",
    ),
    _fault("incomplete-transfer-accepted", "TRN-01", "Transfer papers without a chronology are taken in."),
    _fault(
        "responsibility-moves-early",
        "TRN-02",
        "The receiving council is responsible before it accepts.",
    ),
    _fault(
        "former-council-changes-record",
        "TRN-02",
        "The council that a child has left can still change its record.",
    ),
    _fault(
        "transfer-accepted-by-sender",
        "TRN-02",
        "The council that sends a child's papers can accept them in the other's place.",
        "AUT-04",
    ),
    _fault("read-only-not-said", "CON-03", "The status says that all is well while nothing can be changed."),
    _fault(
        "read-only-takes-changes",
        "CON-03",
        "While it can only be read the service takes in what it is sent.",
    ),
    _fault(
        "second-look-not-noted",
        "AUD-02",
        "Every second look at a child's record leaves no line.",
        "AUD-01",
    ),
    _fault("disclosure-log-forgets", "AUD-02", "Of the lines about a child only the last five are kept."),
    _fault("disclosures-not-noted", "AUD-01", "Reading a child's record leaves no line."),
    _fault(
        "interview-due-in-working-days",
        "TIM-05",
        "A return interview is due after three working days instead of 72 hours.",
    ),
    _fault(
        "interview-without-times",
        "TIM-05",
        "When a child accepted or declined an interview, or had it, is not recorded.",
    ),
    _fault("refusals-not-noted", "AUD-03", "A refused look at a child's record leaves no line."),
)
