"""
An agency among others: it shares a clock with them, may be away, and what it received is written down.
"""

from __future__ import annotations

import copy
import itertools
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from joinedup.mocks.engine import Engine
from joinedup.mocks.messages import Answer, Incoming, Refusal, problem

REMEMBERED = 1000
AWAY_RETRY_AFTER_S = 30
NO_ID = "00000000-0000-0000-0000-000000000000"

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that an agency received and its answer; ``at`` is in seconds since 1970."""

    number: int
    at: float
    system: str
    incoming: Incoming
    answer: Answer


class Journal:
    """The last exchanges of each agency, numbered in the order in which they were over."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget them, and count from one again."""
        self._by_system: dict[str, deque[Exchange]] = {}
        self._numbers = itertools.count(1)

    def note(self, at: float, system: str, incoming: Incoming, answer: Answer) -> None:
        """Write an exchange down."""
        kept = self._by_system.get(system)
        if kept is None:
            kept = self._by_system[system] = deque(maxlen=REMEMBERED)
        kept.append(Exchange(next(self._numbers), at, system, incoming, answer))

    def exchanges(self, system: str | None = None) -> Iterator[Exchange]:
        """Those of one agency or of all, oldest first."""
        kept = self._by_system.values() if system is None else [self._by_system.get(system, ())]
        return iter(sorted(itertools.chain.from_iterable(kept), key=lambda exchange: exchange.number))


@runtime_checkable
class Restorable(Protocol):
    """A state that knows itself how it is kept; any other is copied."""

    def snapshot(self) -> Any:
        """What there is, to be put back."""

    def restore(self, kept: Any) -> None:
        """Put back what was kept."""


@dataclass(frozen=True)
class MemberState:
    """An agency as it was kept."""

    state: Any
    answers: OrderedDict[tuple[str, str, str], Any]
    is_away: bool


class Member(Engine[State]):
    """
    An engine with a place among others.

    Once an answer is made, what it gave rise to is sent on before the caller has it, so that whoever asks a partner
    next finds it there.
    """

    journal: Journal | None = None
    is_away = False
    send_on: Callable[[str], None] | None = None

    def answer(self, incoming: Incoming) -> Answer:
        """The answer to a request; 503 while the agency is away. Never raises."""
        self._perform_due()
        answer = self._unavailable() if self.is_away else super().answer(incoming)
        if self.journal is not None:
            self.journal.note(self.clock.seconds(), self.agency.name, incoming, answer)
        if self.send_on is not None:
            self.send_on(self.agency.name)
        self._perform_due()
        return answer

    def _perform_due(self) -> None:
        try:
            self.clock.perform_due()
        except Exception:
            self.breaches.append(f"{self.agency.name} what is due: {traceback.format_exc()}")

    def _unavailable(self) -> Answer:
        headers = (("Retry-After", str(AWAY_RETRY_AFTER_S)), ("Cache-Control", "no-store"))
        refusal = Refusal(503, "The service is away; try again later.", headers=headers)
        return problem(refusal, NO_ID)

    def operation_id(self, incoming: Incoming) -> str:
        """Which operation a request asked for; empty where there is none."""
        try:
            return self._route(incoming)[0].id
        except Refusal:
            return ""

    def snapshot(self) -> MemberState:
        """What the agency holds, to be put back."""
        state = self.state.snapshot() if isinstance(self.state, Restorable) else copy.deepcopy(self.state)
        return MemberState(state, self._answers.copy(), self.is_away)

    def restore(self, kept: MemberState) -> None:
        """Put back what was kept."""
        if isinstance(self.state, Restorable):
            self.state.restore(kept.state)
        else:
            self.state = copy.deepcopy(kept.state)
        self._answers, self.is_away = kept.answers.copy(), kept.is_away
