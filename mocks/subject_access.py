"""
What a person is given who asks an organisation for its records about them: its own data, less what is others'.

A month from the day on which it is certain who asks (UK GDPR, Articles 12 and 15). Third parties are left out, and so is
what would do serious harm, each with its exemption (Data Protection Act 2018, Schedules 2 and 3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from joinedup.mocks.casework import Casework, filed, found, part
from joinedup.mocks.clock import stamp
from joinedup.mocks.deadlines import due_day
from joinedup.mocks.engine import Behaviour, Call
from joinedup.mocks.messages import Answer
from joinedup.mocks.store import Record, Records

Work = TypeVar("Work", bound=Casework)
THIRD_PARTY = "third-party"
MOST = 100


@dataclass(frozen=True)
class Holding(Generic[Work]):
    """
    What of one kind a custodian holds.

    Args:
        category: what it is called in the answer.
        shown: properties that are given.
        withheld: properties that are not, with the exemption of each.
    """

    category: str
    records: Callable[[Work], Records]
    shown: tuple[str, ...]
    withheld: Mapping[str, str]


def request(call: Call[Work], holdings: tuple[Holding[Work], ...], passes_to: Collection[str]) -> Answer:
    """Take in a request, and answer it where it is certain who asks."""
    identifier, proven = call.state.new_id(), call.body["identityProven"]
    record: Record = {
        **call.body,
        "subjectAccessRequestId": identifier,
        "status": "waiting-for-proof",
        "receivedAt": stamp(call.now),
        "disclosed": [],
        "withheld": [],
    }
    if proven or "subject-access-due-before-proof" in call.faults:
        record["dueBy"] = due_day("subject-access", call.now).isoformat()
    if proven:
        record |= _given(call, holdings)
        _pass_on(call, record, passes_to)
    return filed(call, call.state.subject_access, "/v1/subject-access-requests", identifier, record)


def _pass_on(call: Call[Work], record: Record, custodians: Collection[str]) -> None:
    """Whoever asks the council need not know who else holds records: the council asks them in turn."""
    if "subject-access-not-passed-on" in call.faults:
        return
    content = {
        "requestId": record["subjectAccessRequestId"],
        "dueBy": record["dueBy"],
        "child": record["subject"],
    }
    for custodian in custodians:
        call.state.ledger.send(call, custodian, "subject-access-request", content)


def _given(call: Call[Work], holdings: tuple[Holding[Work], ...]) -> Record:
    disclosed, withheld = [], []
    for holding in holdings:
        kept_records = holding.records(call.state).of(call.caller.area)
        for record in (kept.record for kept in kept_records if _is_about(kept.record, call.body["subject"])):
            shown = [*holding.shown, *_shown_by_fault(call, holding)]
            text = "; ".join(f"{name}: {value}" for name, value in part(record, shown).items())
            disclosed.append({"category": holding.category, "text": text})
            withheld += [
                {"category": name, "exemption": why}
                for name, why in holding.withheld.items()
                if name in record
            ]
    status = "answered" if disclosed else "nothing-held"
    return {"status": status, "disclosed": disclosed[:MOST], "withheld": withheld[:MOST]}


def _shown_by_fault(call: Call[Work], holding: Holding[Work]) -> tuple[str, ...]:
    return tuple(holding.withheld) if "subject-access-shows-who-told" in call.faults else ()


def _is_about(record: Record, subject: Record) -> bool:
    """Whether a record, or the child that it names, has a number of the person's; a name is not enough."""
    child = record.get("child", record)
    return any(name in subject and child.get(name) == subject[name] for name in ("nhsNumber", "upn"))


def get_request(call: Call[Work]) -> Answer:
    """One request with its answer."""
    return Answer(200, found(call, call.state.subject_access, "subjectAccessRequestId"))


def seed(state: Casework, organisation: str, identifier: str) -> None:
    """The request that the contract's example reads: of a person of whom nothing was held."""
    record = {
        "subject": {"givenName": "Siân"},
        "identityProven": True,
        "subjectAccessRequestId": identifier,
        "status": "nothing-held",
        "receivedAt": "2026-11-02T09:30:00Z",
        "dueBy": "2026-12-02",
        "disclosed": [],
        "withheld": [],
    }
    state.subject_access.add(identifier, organisation, record)


def behaviours(
    kind: type[Work], *holdings: Holding[Work], passes_to: Collection[str] = ()
) -> dict[str, Behaviour[Work]]:
    """
    The operations on subject access requests, for agencies whose state is of that kind.

    Args:
        passes_to: systems of other custodians, who are asked for theirs.
    """
    return {
        "requestSubjectAccess": lambda call: request(call, holdings, passes_to),
        "getSubjectAccessRequest": get_request,
    }
