"""
Nothing lost, nothing twice: what the agencies say that they received, held against what was sent to them.

The bundled agencies keep their last exchanges, so the latest part of a load is counted, and how much that was is said.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from joinedup.scenarios.load_tally import Tally

SETTLE_S = 120.0
"""Of the agencies' clock, so that what they have for each other arrives."""
KEPT = 1000
"""How many exchanges each agency keeps."""
_DELIVERED = "delivered"


class Journals(Protocol):
    """What is asked of the bundled agencies."""

    def exchanges(self, system: str) -> tuple[dict[str, Any], ...]:
        """What an agency received."""

    def deliveries(self, sender: str) -> tuple[dict[str, Any], ...]:
        """What an agency has sent others."""

    def advance(self, seconds: float) -> None:
        """Move their clock."""


def counted(journals: Journals, tally: Tally, run: str, systems: Iterable[str], users: int) -> dict[str, Any]:
    """
    ``compared``: how many accepted objects were looked for; ``lost`` and ``duplicated`` among them and the deliveries.

    Args:
        users: how many arrivals may overtake each other: only what is safely within the journal is judged.
    """
    systems = tuple(systems)
    journals.advance(SETTLE_S)
    sent = [
        d
        for system in systems
        for d in journals.deliveries(system)
        if f"jl{run}u" in json.dumps([d.get("body"), d.get("correlationId")])
    ]
    own = {str(delivery["deliveryId"]) for delivery in sent}
    found = {"compared": 0, "lost": 0, "duplicated": 0, "deliveries": len(sent)}
    for system in systems:
        exchanges = journals.exchanges(system)
        received = _received(exchanges, system, run, own)
        is_whole = len(exchanges) < KEPT
        for where, arrivals in tally.accepted.items():
            if where.startswith(f"{system} "):
                _compare(found, received.get(where, Counter()), Counter(arrivals), users, is_whole)
    _count_deliveries(found, sent)
    return found


def _compare(
    found: dict[str, int],
    received: Mapping[int, int],
    accepted: Mapping[int, int],
    users: int,
    is_whole: bool,
) -> None:
    first = 0 if is_whole else min(received, default=0) + users
    judged = {arrival: count for arrival, count in accepted.items() if arrival >= first}
    if not is_whole and not received:
        return
    found["compared"] += sum(judged.values())
    for arrival, count in judged.items():
        found["lost"] += max(count - received.get(arrival, 0), 0)
        found["duplicated"] += max(received.get(arrival, 0) - count, 0)


def _received(
    exchanges: Iterable[Mapping[str, Any]], system: str, run: str, deliveries: Collection[str]
) -> dict[str, Counter[int]]:
    """How often each arrival's object was accepted, by ``system operationId``; a delivery of another agency is none."""
    marker = re.compile(rf"jl{run}u\d+n(\d+)z")
    found: dict[str, Counter[int]] = {}
    for exchange in exchanges:
        if not 200 <= exchange["status"] < 300 or exchange["method"] != "POST":
            continue
        if any(h["name"] == "x-request-id" and h["value"] in deliveries for h in exchange["headers"]):
            continue
        for number in set(marker.findall(json.dumps(exchange.get("body")))):
            found.setdefault(f"{system} {exchange.get('operationId', '')}", Counter())[int(number)] += 1
    return found


def _count_deliveries(found: dict[str, int], sent: Iterable[Mapping[str, Any]]) -> None:
    """What one agency had for another: it arrives, and once."""
    for delivery in sent:
        found["lost"] += delivery["state"] != _DELIVERED
        found["duplicated"] += sum(200 <= attempt["status"] < 300 for attempt in delivery["attempts"]) > 1
