"""
What a play found: a tree of steps with their outcomes, criteria, exchanges and outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.outcomes import Outcome, fold
from joinedup.conformance.responses import Breach
from joinedup.scenarios.model import Criterion, Place

FAILURES = frozenset({Outcome.HARNESS_ERROR, Outcome.SETUP_ERROR, Outcome.FAIL, Outcome.BLOCKED})


@dataclass(frozen=True)
class Reason:
    """
    Why a step has the outcome that it has.

    Args:
        expected, actual: a sentence each; what came may hold values of a system, to be masked where it is live.
        where: document, workflow, step and pointer, then the request.
    """

    expected: str
    actual: str
    where: str = ""

    def __str__(self) -> str:
        return f"Expected: {self.expected} Came: {self.actual} ({self.where})"


@dataclass(frozen=True)
class Judged:
    """
    A criterion, and whether it held.

    Args:
        actual: what its expressions were, in a sentence.
        values: the same as (expression, value); what was not there is left out.
    """

    criterion: Criterion
    held: bool
    actual: str
    values: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Sent:
    """An exchange, with the system that it was with, whom it was made as, and how it broke the contract."""

    system: str
    actor: str
    exchange: Exchange
    breaches: tuple[Breach, ...] = ()


@dataclass(frozen=True)
class PlayedStep:
    """
    One step as it was played, or why it was not.

    Args:
        system: the system that it called.
        criteria: of the last attempt, in order.
        sent: what the step itself sent, every attempt; what a called workflow sent is in ``called``.
        called: the workflow that the step called, one for each attempt, or that was played before a retry.
        systems: whom ``requirements`` are proved of, where the document says so.
        is_optional: whether the story goes on without it where a system lacks what it needs.
    """

    id: str
    place: Place
    outcome: Outcome
    reason: Reason | None = None
    description: str = ""
    system: str = ""
    actor: str = ""
    criteria: tuple[Judged, ...] = ()
    sent: tuple[Sent, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    called: tuple[Played, ...] = ()
    requirements: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    is_optional: bool = False

    def everything_sent(self) -> Iterator[Sent]:
        """Every exchange of the step and of what it called."""
        yield from self.sent
        for played in self.called:
            yield from played.everything_sent()


@dataclass(frozen=True)
class Played:
    """
    One workflow as it was played.

    Args:
        before: workflows that it depends on, or that it was transferred from.
        proves: requirements that the whole of it proves.
    """

    document: str
    workflow: str
    summary: str
    steps: tuple[PlayedStep, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[Played, ...] = ()
    proves: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of its steps and of what came before it; blocked where nothing was played."""
        found = [step.outcome for step in self.steps] + [played.outcome for played in self.before]
        if not found:
            return Outcome.BLOCKED
        return fold(found) if found else Outcome.BLOCKED

    @property
    def failed(self) -> PlayedStep | None:
        """The first step that shows why it did not pass; None where it did."""
        worst = self.outcome
        candidates = (*(step for played in self.before for step in played.steps), *self.steps)
        return None if worst is Outcome.PASS else next((s for s in candidates if s.outcome is worst), None)

    @property
    def reason(self) -> Reason | None:
        """Why it did not pass: what the innermost step has to say."""
        step = self.failed
        return step.reason if step else None

    def everything_sent(self) -> Iterator[Sent]:
        """Every exchange, in the order in which they took place within each step."""
        for played in self.before:
            yield from played.everything_sent()
        for step in self.steps:
            yield from step.everything_sent()

    def requirements(self) -> dict[str, Outcome]:
        """What each requirement that the document names came to."""
        found: dict[str, list[Outcome]] = {}
        for identifier, outcome in self._proved():
            found.setdefault(identifier, []).append(outcome)
        return {identifier: fold(outcomes) for identifier, outcomes in found.items()}

    def _proved(self) -> Iterator[tuple[str, Outcome]]:
        for played in self.before:
            yield from played._proved()
        yield from ((identifier, self.outcome) for identifier in self.proves)
        for step in self.steps:
            yield from ((identifier, step.outcome) for identifier in step.requirements)
            for judged in step.criteria:
                outcome = Outcome.PASS if judged.held else Outcome.FAIL
                yield from ((identifier, outcome) for identifier in judged.criterion.requirements)
            for played in step.called:
                yield from played._proved()
