"""
What a rule on a contract's description is, and how it says what it found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from joinedup.conformance.contract import Contract, Operation
from joinedup.conformance.findings import Finding

MAX_LISTED = 50


@dataclass(frozen=True)
class Place:
    """
    One place that breaks a rule.

    Args:
        pointer: JSON pointer into the contract.
        said: a phrase on what stands there; may name parts of the contract.
        operations: labels of the operations that it touches.
    """

    pointer: str
    said: str
    operations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """
    One rule on a description.

    Args:
        name: stable kebab-case name, which its findings bear.
        requirement: id of the requirement that it proves, for its part.
        judge: what breaks it in a contract.
        applies: whether a contract has anything that it could judge.
    """

    name: str
    requirement: str
    judge: Callable[[Contract], Iterable[Finding]]
    applies: Callable[[Contract], bool]


def at(operation: Operation, said: str) -> Place:
    """An operation as a place."""
    return Place(operation.pointer, said, (operation.label,))


def one_finding(
    rule: str,
    requirement: str,
    title: str,
    expected: str,
    places: Iterable[Place],
    *,
    advice: str = "",
) -> Iterator[Finding]:
    """One finding for all places that break a rule in one way, or none where there are none."""
    found = list(dict.fromkeys(places))
    if found:
        operations = sorted({label for place in found for label in place.operations})
        yield Finding(
            rule=rule,
            requirements=(requirement,),
            title=title,
            expected=expected,
            actual=_actual(found),
            where=found[0].pointer,
            operations=tuple(operations),
            cause=rule,
            count=len(found),
            advice=advice,
            evidence=(("Where", _listed(found)),) if len(found) > 1 else (),
        )


def _actual(places: Sequence[Place]) -> str:
    said = places[0].said.rstrip(".")
    sentence = "It" + said[2:] if said.startswith("it ") else said
    if len(places) == 1:
        return f"{sentence}."
    others = len(places) - 1
    return f"{sentence}; {others} other {'place shows' if others == 1 else 'places show'} the same."


def _listed(places: Sequence[Place]) -> str:
    lines = [f"{place.pointer}: {place.said.rstrip('.')}" for place in places[:MAX_LISTED]]
    if len(places) > MAX_LISTED:
        lines.append(f"and {len(places) - MAX_LISTED} more")
    return "\n".join(lines)


def has_operations(contract: Contract) -> bool:
    """Whether a contract has any operation that can be judged."""
    return bool(contract.operations)


def always(_contract: Contract) -> bool:
    """Every contract can be judged."""
    return True
