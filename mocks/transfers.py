"""
A child with a plan moves to another council: the papers that come, and who is responsible until they are accepted.

Local safeguarding procedures have the minimum set of papers, the 15 working days for the receiving council's
conference, and that the council that the child leaves keeps the plan until then.
"""

from __future__ import annotations

from joinedup.mocks.casework import changed, tagged
from joinedup.mocks.clock import stamp
from joinedup.mocks.council import CouncilCall, refused, tag
from joinedup.mocks.deadlines import due
from joinedup.mocks.messages import Answer, Refusal
from joinedup.mocks.store import ANYONE, Record

MINIMUM_PAPERS = ("plan", "report", "assessment", "chronology")


def offer_transfer(call: CouncilCall) -> Answer:
    """Take in the papers of a child who moves; the council that sends them stays responsible."""
    sender = call.caller.area
    if call.body["toLa"] == sender:
        raise refused("/toLa", "same", "A child moves to another council than the one that sends the papers.")
    kinds = {paper["kind"] for paper in call.body["papers"]}
    missing = [kind for kind in MINIMUM_PAPERS if kind not in kinds]
    if missing and "incomplete-transfer-accepted" not in call.faults:
        raise refused("/papers", "incomplete", f"Papers are missing: {', '.join(missing)}.")
    identifier = call.state.new_id()
    early = "responsibility-moves-early" in call.faults
    transfer = {
        **call.body,
        "transferId": identifier,
        "fromLa": sender,
        "status": "offered",
        "responsibleLa": call.body["toLa"] if early else sender,
        "receivedAt": stamp(call.now),
        "conferenceDueBy": stamp(due("transfer-in-conference", call.now)),
        "version": 1,
    }
    call.state.transfers.add(identifier, sender, transfer)
    call.state.ledger.send(call, transfer["toLa"], "transfer-offered", transfer)
    return Answer(201, transfer, (("Location", f"/v1/transfers-in/{identifier}"), tag(transfer)))


def get_transfer(call: CouncilCall) -> Answer:
    """One transfer, to the council that sent it and to the one that it was sent to."""
    return tagged(_of_either(call))


def accept_transfer(call: CouncilCall) -> Answer:
    """Take over the responsibility for a child; only the receiving council can."""
    transfer = _of_either(call)
    receiver = call.caller.area
    if receiver != transfer["toLa"] and "transfer-accepted-by-sender" not in call.faults:
        raise Refusal(403, "Only the council that the papers were sent to takes over responsibility.")
    if transfer["status"] == "accepted":
        raise Refusal(409, "The transfer was accepted already.")
    accepted = changed(
        transfer,
        status="accepted",
        acceptedAt=stamp(call.now),
        acceptedBy=call.body["acceptedBy"],
        responsibleLa=transfer["toLa"],
    )
    call.state.transfers.replace(transfer["transferId"], accepted)
    _hand_over(call, accepted)
    return Answer(201, accepted, (("Location", f"/v1/transfers-in/{transfer['transferId']}"), tag(accepted)))


def _of_either(call: CouncilCall) -> Record:
    transfer = call.state.transfers.find(call.parameters["transferId"], ANYONE)
    if call.caller.area not in (transfer["fromLa"], transfer["toLa"], ANYONE):
        raise Refusal(404, "There is no such object for this caller.")
    return transfer


def _hand_over(call: CouncilCall, transfer: Record) -> None:
    """The sender's record of the child, where it keeps one here, says who is responsible now."""
    for kept in list(call.state.children.of(transfer["fromLa"])):
        if kept.record.get("nhsNumber") == transfer["child"].get("nhsNumber"):
            record = changed(kept.record, responsibleLa=transfer["toLa"], updatedAt=stamp(call.now))
            call.state.children.replace(record["childId"], record)
    call.state.ledger.send(call, transfer["fromLa"], "transfer-accepted", transfer)


BEHAVIOURS = {
    "offerTransfer": offer_transfer,
    "getTransfer": get_transfer,
    "acceptTransfer": accept_transfer,
}
