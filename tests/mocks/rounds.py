"""
A round of an agency: requests in an order that is always the same, whose answers differ by what a fault does.

A round is a function of a visitor. With a stopped clock the same round is answered alike to the byte.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from tour import Visitor, stopped_cast

from joinedup.mocks.faults import faults_of
from joinedup.mocks.messages import Answer

Round = Callable[[Visitor], None]


def visitor_of(system: str, *faults: str) -> Visitor:
    """Somebody who calls that system."""
    return Visitor(stopped_cast(*faults, system=system), system=system)


@cache
def answers(system: str, round_: Round, *faults: str) -> dict[str, Answer]:
    """
    The answers of a round by label; and what the agency would send, by ``outbox``.

    Raises:
        AssertionError: an answer broke its contract without a fault having asked for it.
    """
    visitor = visitor_of(system, *faults)
    round_(visitor)
    assert visitor.cast.breaches() == ()
    return {**visitor.answers, "outbox": Answer(200, outbox(visitor))}


def changed_by(system: str, round_: Round, fault: str) -> set[str]:
    """Labels of the answers of a round that a fault changes."""
    clean, faulty = answers(system, round_), answers(system, round_, fault)
    return {label for label in clean if clean[label] != faulty[label]}


def fault_names(system: str) -> set[str]:
    """The names of the faults that a system can be given."""
    return {fault.name for fault in faults_of(system)}


def outbox(visitor: Visitor) -> list[tuple[str, str, dict[str, Any]]]:
    """What an agency would send on: to which system, what kind, and the content."""
    ledger = visitor.cast.engines[visitor.system].state.ledger
    return [(message.to, message.kind, message.body) for message in ledger.outbox]
