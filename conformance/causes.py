"""
One cause, one finding: suspicions gathered by what they share, whichever operations show it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from joinedup.conformance.evidence import Suspicion, confirm
from joinedup.conformance.findings import Finding
from joinedup.conformance.target import Target


@dataclass
class Causes:
    """Suspicions by rule and cause, the first of each kept, in the order in which they turned up."""

    _kept: dict[tuple[str, str], Suspicion] = field(default_factory=dict)

    def add(self, suspicion: Suspicion) -> None:
        """Keep a suspicion; a second one of the same cause adds its operation to the first."""
        key = (suspicion.rule, suspicion.cause)
        label = suspicion.last.step.operation
        known = self._kept.get(key)
        if known is None:
            operations = suspicion.operations or ((label,) if label else ())
            self._kept[key] = replace(suspicion, operations=operations)
        else:
            operations = tuple(sorted({*known.operations, label} - {""}))
            self._kept[key] = replace(known, operations=operations, count=known.count + 1)

    def __iter__(self) -> Iterator[Suspicion]:
        return iter(self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def findings(self, target: Target) -> list[Finding]:
        """Each suspicion as a finding, confirmed where it shows again."""
        return [confirm(target, suspicion) for suspicion in self]
