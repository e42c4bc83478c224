"""
Where what an agency would send goes: as which request, to which system, in order with what.

An agency says what it has for whom (``Ledger.send``); what the recipient calls it and where it takes it in is here, by
sender and kind. What is not here stays in the sender's outbox.
"""

from __future__ import annotations

from collections.abc import Callable

from joinedup.mocks.deliveries import Delivery
from joinedup.mocks.sharing import Message

Connection = Callable[[Message], Delivery | None]

CONNECTIONS: dict[tuple[str, str], Connection] = {}


def connected(sender: str, message: Message) -> Delivery | None:
    """The delivery that a message becomes; None where nobody takes it in."""
    connection = CONNECTIONS.get((sender, message.kind))
    return None if connection is None else connection(message)
