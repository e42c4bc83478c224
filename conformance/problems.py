"""
What is wrong with a contract itself, as found while it is read; ``description`` turns it into findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CONTRACT_VALID = "CON-API-01"
CONTRACT_SOUND = "CON-API-02"
"""For what OpenAPI allows and a reader or a tool stumbles over all the same."""


@dataclass(frozen=True)
class Problem:
    """
    One thing that is wrong with a contract, and whether the harness could work around it.

    Args:
        rule: stable kebab-case name, e.g. ``dangling-reference``.
        requirement: id of the requirement that it breaks.
        title: the rule in plain words, free of values.
        expected: one sentence.
        actual: one sentence; may name parts of the contract, which is public to the reader.
        pointer: JSON pointer into the contract as it was written (``#/paths/...``).
        operations: labels of the operations that it touches, in contract order.
        repaired: whether the document that is tested differs from the one that was written.
    """

    rule: str
    requirement: str
    title: str
    expected: str
    actual: str
    pointer: str
    operations: tuple[str, ...] = ()
    repaired: bool = True


class Problems:
    """Problems in the order in which they were met; the same one at the same place only once."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], Problem] = {}

    def add(self, problem: Problem) -> None:
        """Note a problem."""
        self._seen.setdefault((problem.rule, problem.pointer, problem.actual), problem)

    def __iter__(self) -> Iterator[Problem]:
        return iter(tuple(self._seen.values()))
