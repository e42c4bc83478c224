"""
What the children's services of councils hold: the state that the modules of ``social-care`` share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from joinedup.mocks.casework import Casework, changed
from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Call
from joinedup.mocks.messages import Answer, FieldError, Refusal
from joinedup.mocks.store import Record, Records


@dataclass
class Council(Casework):
    """Records of each kind, by organisation; ``disclosures`` has the last 10,000 lines about each child by the child's
    id, ``looks`` counts the looks at children. ``formerly`` has the NHS number that an adopted child had, by the one that
    it has: no behaviour looks there but a fault's."""

    contacts: Records = field(default_factory=Records)
    children: Records = field(default_factory=Records)
    referrals: Records = field(default_factory=Records)
    decisions: Records = field(default_factory=Records)
    assessments: Records = field(default_factory=Records)
    discussions: Records = field(default_factory=Records)
    conferences: Records = field(default_factory=Records)
    plans: Records = field(default_factory=Records)
    episodes: Records = field(default_factory=Records)
    interviews: Records = field(default_factory=Records)
    transfers: Records = field(default_factory=Records)
    disclosures: dict[str, Records] = field(default_factory=dict)
    looks: int = 0
    formerly: dict[str, str] = field(default_factory=dict)


CouncilCall: TypeAlias = Call[Council]


def find(call: CouncilCall, records: Records, parameter: str) -> Record:
    """
    The caller's own record that a path parameter names.

    Raises:
        Refusal: with status 404.
    """
    return records.find(call.parameters[parameter], call.caller.area)


def refused(pointer: str, code: str, detail: str) -> Refusal:
    """A refusal with status 422 that points at one property of the body, without its value."""
    error = FieldError(pointer, code, detail)
    return Refusal(422, "The body does not fit what is recorded already.", errors=(error,))


def named(call: CouncilCall, name: str, records: Records) -> Record:
    """
    The caller's own record that a property of the body names.

    Raises:
        Refusal: with status 422; one of another organisation does not differ from one that is not there.
    """
    try:
        return records.find(call.body[name], call.caller.area)
    except Refusal:
        raise refused(f"/{name}", "unknown", "There is no such object for this caller.") from None


def set_status(call: CouncilCall, child: Record, status: str) -> None:
    """What social care does for a child from now on."""
    record = changed(child, status=status, updatedAt=stamp(call.now))
    call.state.children.replace(child["childId"], record)


def made(call: CouncilCall, kind: str, identifier: str, record: Record, path: str = "") -> Answer:
    """Keep a new record of a kind as the caller's, and answer with it and where it is."""
    getattr(call.state, kind).add(identifier, call.caller.area, record)
    return Answer(201, record, (("Location", f"/v1/{path or kind}/{identifier}"), tag(record)))


def tag(record: Record) -> tuple[str, str]:
    """A record's version as an ETag."""
    return "ETag", f'"{record["version"]}"'
