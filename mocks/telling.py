"""
The requests that messages between agencies become, and the two forms that most of them have: a contact, and a notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joinedup.mocks.casework import part
from joinedup.mocks.sharing import Message
from joinedup.mocks.store import Record

# The systems that take in what a hub asks, by the kind of agency.
ENQUIRED = {
    "police": "police",
    "social-care": "social-care",
    "health": "health",
    "education": "school",
    "early-help": "early-help",
}
WHO = ("givenName", "familyName", "dateOfBirth", "nhsNumber", "upn")


@dataclass(frozen=True)
class Request:
    """
    One request that a message becomes.

    Args:
        system: that is to have it.
        operation: its operationId in that system's contract.
        body: as that contract declares it.
        area: whose recipient is to have it, or an organisation of it; empty for that of the message.
        path: parameters of the path.
        address: path where no contract says it, of a subscriber's own address.
        key: name of the key ring that it is signed with; empty where a token is sent instead.
        reference: the sender's own id of what this makes at the recipient; empty where it never asks for it again.
    """

    system: str
    operation: str
    body: Any
    area: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    key: str = ""
    media_type: str = "application/json"
    reference: str = ""


Translation = Callable[[Message], Iterable[Request]]


def contact_request(source: str, urgency: str, reason: str, child: Record, **more: Any) -> Request:
    """A contact for social care about a child."""
    body = {"source": source, "urgency": urgency, "reason": reason, "child": part(child, WHO), **more}
    return Request("social-care", "raiseContact", body)


def notice(system: str, kind: str, sender: str, message: Message, **more: Any) -> Request:
    """A notice about what happened, at the time of the message; what is empty is left out."""
    told = {name: value for name, value in more.items() if value}
    return Request(
        system, "receiveNotice", {"kind": kind, "sender": sender, "occurredAt": message.at, **told}
    )
