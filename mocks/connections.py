"""
Where what an agency would send goes: as which request, to which system, in order with what.

An agency says what it has for whom (``Ledger.send``); how the recipient takes it in is in ``translations``, and becomes
deliveries here. A path comes from the recipient's own contract, by operationId. What nobody takes in stays in the
sender's outbox.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from joinedup.mocks.bundle import each_operation, load_contract
from joinedup.mocks.casework import SAFEGUARDING
from joinedup.mocks.deliveries import Delivery
from joinedup.mocks.organisations import area_of, is_known
from joinedup.mocks.sharing import BASIS, PURPOSE, Message
from joinedup.mocks.store import Record
from joinedup.mocks.telling import Request, Translation
from joinedup.mocks.translations import TRANSLATIONS

Connection = Callable[[Message], Sequence[Delivery]]

USUAL_BASIS = "public-task"
# Purposes that every agency shares for when it is told something; another is stated as safeguarding.
UNDERSTOOD = {
    "social-care": frozenset({"EDUCATION_MONITORING", "EARLY_HELP", "CRIME_PREVENTION"}),
    "school": frozenset({"CRIME_PREVENTION"}),
    "virtual-school": frozenset({"EDUCATION_MONITORING"}),
}
PROTECTIVE = frozenset({SAFEGUARDING, "CHILD_PROTECTION"})
_COUNCIL = re.compile(r"E(?:06|08|09|10)[0-9]{6}")


def connected(sender: str, message: Message) -> Sequence[Delivery]:
    """The deliveries that a message becomes; none where nobody takes it in."""
    connection = CONNECTIONS.get((sender, message.kind))
    return () if connection is None else connection(message)


def _deliveries(sender: str, translation: Translation, message: Message) -> tuple[Delivery, ...]:
    return tuple(_delivery(sender, message, request) for request in translation(message))


def _delivery(sender: str, message: Message, request: Request) -> Delivery:
    method, path = operation(request.system, request.operation) if request.operation else ("POST", "")
    signed = bool(request.key)
    return Delivery(
        sender,
        request.system,
        subject(message, request.body),
        request.address or path.format(**request.path),
        request.body,
        area_of(request.area) or area(message),
        method,
        headers={} if signed else context(message, request.system),
        key=request.key,
        correlation_id=message.correlation_id,
        media_type=request.media_type,
        reference=request.reference,
    )


@cache
def operation(system: str, operation_id: str) -> tuple[str, str]:
    """
    Method and path of an operation, from the contract.

    Raises:
        KeyError: there is no such operation.
    """
    for path, method, found in each_operation(load_contract(system)):
        if found["operationId"] == operation_id:
            return method, path
    raise KeyError(f"{system} {operation_id}")


def area(message: Message) -> str:
    """The council area that a message is for: that of the organisation that it names, else of the sender."""
    named = str(message.body.get("council", message.to))
    return area_of(named) if _COUNCIL.fullmatch(named) or is_known(named) else message.area


def context(message: Message, system: str) -> dict[str, str]:
    """The purpose and the basis that the recipient is told."""
    known = PROTECTIVE | UNDERSTOOD.get(system, frozenset())
    purpose = message.purpose if message.purpose in known else SAFEGUARDING
    return {PURPOSE: purpose, BASIS: message.basis or USUAL_BASIS}


def subject(message: Message, body: Any) -> str:
    """An opaque id of whom a delivery is about: what concerns one child stays in order."""
    child: Record = body.get("child", body) if isinstance(body, dict) else {}
    known = (child.get(name) for name in ("upn", "nhsNumber", "givenName", "reference", "personId"))
    return str(uuid.uuid5(uuid.NAMESPACE_OID, next((str(value) for value in known if value), message.kind)))


CONNECTIONS: dict[tuple[str, str], Connection] = {
    (sender, kind): partial(_deliveries, sender, translation)
    for (sender, kind), translation in TRANSLATIONS.items()
}
"""By sender and kind."""
