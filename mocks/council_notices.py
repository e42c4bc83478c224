"""
What children's services are told, and whom they tell in turn: referrers, the virtual school, and whoever knew wrong.
"""

from __future__ import annotations

from joinedup.mocks import notices
from joinedup.mocks.casework import part
from joinedup.mocks.council import Council, CouncilCall
from joinedup.mocks.messages import Answer
from joinedup.mocks.organisations import COUNCILS, client_id
from joinedup.mocks.store import Record

# Notices that the virtual school of a looked-after child hears of as well.
PASSED_ON = frozenset({"missing-child", "child-found"})
IDENTIFYING = ("givenName", "familyName", "dateOfBirth", "nhsNumber", "upn")


def receive_notice(call: CouncilCall) -> Answer:
    """
    Take in a notice.

    That a looked-after child is missing, or was found, the virtual school hears too; once a supplier has confirmed
    that it holds nothing any more, its client's tokens are revoked.
    """
    answer = notices.receive_notice(call)
    if call.body["kind"] == "deletion-confirmed" and call.caller.area in COUNCILS:
        supplier = client_id("supplier-app", call.caller.area)
        call.state.ledger.send(call, "auth", "access-ended", {"clientId": supplier})
    child = _known(call, call.body.get("child", {})) if call.body["kind"] in PASSED_ON else None
    if child is not None and child["status"] == "looked-after":
        content = {**part(call.body, ("kind", "reference")), "child": part(child, IDENTIFYING)}
        call.state.ledger.send(call, "virtual-school", "missing", content)
    return answer


def _known(call: CouncilCall, named: Record) -> Record | None:
    """The one child of the council with that number, or of that name and date of birth; None where not certain."""
    wanted = part(named, ("nhsNumber",)) or part(named, ("upn",)) or part(named, IDENTIFYING)
    records = (kept.record for kept in call.state.children.of(call.caller.area))
    found = [r for r in records if all(r.get(name) == value for name, value in wanted.items())]
    return found[0] if wanted and len(found) == 1 else None


def tell_referrer(call: CouncilCall, contact: Record, decision: Record) -> None:
    """Let whoever raised a contact know what was decided, and not why."""
    if "feedback-never-sent" in call.faults:
        return
    content = {**part(contact, ("contactId", "source")), **part(decision, ("outcome",))}
    call.state.ledger.send(call, "referrer", "referral-decided", content)


def tell_of_correction(call: CouncilCall, before: Record, after: Record) -> None:
    """Let everyone who was told of a child know what was corrected (UK GDPR, Article 19)."""
    wrong = [name for name in IDENTIFYING if before.get(name) != after.get(name)]
    if not wrong or "correction-not-passed-on" in call.faults:
        return
    known_as = part(before, ("nhsNumber", "upn"))
    for recipient in sorted(call.state.ledger.told.get(before["childId"], ())):
        content = {"child": {**known_as, **part(after, IDENTIFYING)}, "formerly": known_as}
        call.state.ledger.send(call, recipient, "child-corrected", content)


BEHAVIOURS = {**notices.behaviours(Council), "receiveNotice": receive_notice}
