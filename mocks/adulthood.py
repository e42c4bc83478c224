"""
Care leavers who come of age: what was shared of a child stops at 18, and what a young adult is owed goes on to 25.

Local authorities advise care leavers until they are 25 (Children Act 1989, sections 23C to 23CZB, as amended in 2017); for
that a purpose of its own is stated, and less is told.
"""

from __future__ import annotations

from joinedup.mocks.calendar import local_day
from joinedup.mocks.casework import LEAVING_CARE, age_on
from joinedup.mocks.council import CouncilCall
from joinedup.mocks.messages import FieldError, Refusal
from joinedup.mocks.sharing import PURPOSE
from joinedup.mocks.store import Record

ADULT_AT, ADVISED_UNTIL = 18, 25
OF_ADULTS = frozenset({"status-only", "pathway"})
PATHWAY = ("childId", "status", "givenName", "familyName", "allocatedWorker")


def refuse_adult(call: CouncilCall, child: Record, view: str = "") -> None:
    """
    See that what is asked of a care leaver may be told at that age.

    Args:
        view: how much is asked for; empty for the whole record.

    Raises:
        Refusal: with status 403; it is noted.
    """
    if child["status"] != "care-leaver" or "adult-read-as-child" in call.faults:
        return
    age = age_on(child["dateOfBirth"], local_day(call.now))
    advised = view in OF_ADULTS and call.parameter(PURPOSE) == LEAVING_CARE and age < ADVISED_UNTIL
    if age < ADULT_AT or advised:
        return
    error = FieldError(f"/header/{PURPOSE}", "purpose", "The person is no child any more.")
    refusal = Refusal(403, "This agency does not share for that purpose.", errors=(error,))
    raise call.state.ledger.refuse(call, refusal, child["childId"])
