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
# Faults that no answer of a round shows, because it takes another agency, an outage or a person's record over time:
# each with the module that tries it.
SHOWN_ELSEWHERE = {
    "acknowledged-after-work": "scenarios/test_journeys_two.py",
    "busy-receiver-given-up": "scenarios/test_journeys_two.py",
    "category-of-its-own-shown": "checks/test_checks_code_lists.py",
    "disclosure-log-forgets": "checks/test_checks_audit.py",
    "ended-placement-type-shown": "checks/test_checks_code_lists.py",
    "former-council-changes-record": "scenarios/test_journeys_one.py",
    "notification-repeated-counts-twice": "scenarios/test_journeys_one.py",
    "read-only-not-said": "scenarios/test_journeys_two.py",
    "read-only-takes-changes": "scenarios/test_journeys_two.py",
    "refused-notice-sent-again": "scenarios/test_journeys_two.py",
    "second-look-not-noted": "checks/test_checks_audit.py",
}


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
    """The names of the faults that a system can be given and that a round can show."""
    return {fault.name for fault in faults_of(system)} - SHOWN_ELSEWHERE.keys()


def outbox(visitor: Visitor) -> list[tuple[str, str, dict[str, Any]]]:
    """What an agency would send on: to which system, what kind, and the content."""
    ledger = visitor.cast.engines[visitor.system].state.ledger
    return [(message.to, message.kind, message.body) for message in ledger.outbox]
