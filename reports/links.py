"""Links between systems as a matrix: who sends to whom, and whether it worked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.outcomes import Outcome, fold
from joinedup.reports import wording
from joinedup.reports.wording import Sign

WORDS: Mapping[str, Sign] = {
    Outcome.PASS: Sign("Works", "✓", "ok"),
    Outcome.FAIL: Sign("Fails", "✕", "bad"),
    Outcome.WARN: Sign("Works in part", "!", "warn"),
    Outcome.BLOCKED: Sign("Not reached", "?", "none"),
}


@dataclass(frozen=True)
class Matrix:
    """Rows send, columns receive; a cell is None where nothing was to be sent."""

    receivers: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Sign | None, ...]], ...]
    works: int
    links: int


def matrix(links: Sequence[Mapping[str, Any]]) -> Matrix | None:
    """The links of a run as a matrix; None where there is none."""
    found: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for link in links:
        outcome = str(link.get("outcome"))
        known = Outcome(outcome) if outcome in set(Outcome) else Outcome.BLOCKED
        found[str(link.get("from")), str(link.get("to"))].append(known)
    if not found:
        return None
    worst = {pair: fold(outcomes) for pair, outcomes in found.items()}
    receivers = sorted({receiver for _, receiver in worst})
    rows = [
        (sender, tuple(_sign(worst.get((sender, receiver))) for receiver in receivers))
        for sender in sorted({sender for sender, _ in worst})
    ]
    works = sum(outcome is Outcome.PASS for outcome in worst.values())
    return Matrix(tuple(receivers), tuple(rows), works, len(worst))


def _sign(outcome: Outcome | None) -> Sign | None:
    return None if outcome is None else WORDS.get(outcome, wording.outcome_sign(outcome))
