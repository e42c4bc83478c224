"""
An agency among others: it shares a clock with them, may be away, and what it received is written down.
"""

from __future__ import annotations

import copy
import itertools
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from joinedup.mocks.engine import Engine
from joinedup.mocks.messages import Answer, Incoming, Refusal, problem

REMEMBERED = 1000
AWAY_RETRY_AFTER_S = 30
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Operations that change nothing although they are POST, so that what is asked for stands in no address.
READING = ("search", "query")
NO_ID = "00000000-0000-0000-0000-000000000000"

State = TypeVar("State")


class Exchange(NamedTuple):
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
class Outage:
    """
    How an agency is out of reach.

    Args:
        status: what it answers instead.
        reads: whether what changes nothing is answered all the same.
        answers_lost: whether it does what is delivered to it, and only its answers never arrive.
    """

    status: int = 503
    reads: bool = False
    answers_lost: bool = False


@dataclass(frozen=True)
class MemberState:
    """An agency as it was kept."""

    state: Any
    answers: OrderedDict[tuple[str, str, str], Any]
    outage: Outage | None


class Member(Engine[State]):
    """
    An engine with a place among others.

    Once an answer is made, what it gave rise to is sent on before the caller has it, so that whoever asks a partner
    next finds it there.
    """

    journal: Journal | None = None
    outage: Outage | None = None
    send_on: Callable[[str], None] | None = None

    def answer(self, incoming: Incoming) -> Answer:
        """The answer to a request; that of its outage while the agency has one. Never raises."""
        self._perform_due()
        answer = self._answer_in_outage(self.outage, incoming) if self.outage else super().answer(incoming)
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

    def _answer_in_outage(self, outage: Outage, incoming: Incoming) -> Answer:
        if outage.answers_lost:
            return super().answer(incoming)
        if outage.reads and self._is_answered(incoming):
            return self._without_changes(super().answer(incoming))
        return self._unavailable(outage)

    def _is_answered(self, incoming: Incoming) -> bool:
        """Whether an agency that can only be read answers a request."""
        reads = incoming.method in SAFE or self.operation_id(incoming).startswith(READING)
        return reads or "read-only-takes-changes" in self.faults

    def _without_changes(self, answer: Answer) -> Answer:
        """The answer, which says that nothing can be changed where it says how the service is."""
        if answer.body != {"status": "available"} or "read-only-not-said" in self.faults:
            return answer
        return replace(answer, body={"status": "read-only"})

    def _unavailable(self, outage: Outage) -> Answer:
        detail = "The service is away; try again later."
        detail = "Nothing can be changed for a while; try again later." if outage.reads else detail
        found: tuple[tuple[str, str], ...] = (("Cache-Control", "no-store"),)
        if outage.status in (429, 503):
            found += (("Retry-After", str(AWAY_RETRY_AFTER_S)),)
        if outage.status in range(300, 400):
            found += (("Location", f"{self.address}/elsewhere"),)
        return problem(Refusal(outage.status, detail, headers=found), NO_ID)

    def operation_id(self, incoming: Incoming) -> str:
        """Which operation a request asked for; empty where there is none."""
        try:
            return self._route(incoming)[0].id
        except Refusal:
            return ""

    def snapshot(self) -> MemberState:
        """What the agency holds, to be put back."""
        state = self.state.snapshot() if isinstance(self.state, Restorable) else copy.deepcopy(self.state)
        return MemberState(state, self._answers.copy(), self.outage)

    def restore(self, kept: MemberState) -> None:
        """Put back what was kept."""
        if isinstance(self.state, Restorable):
            self.state.restore(kept.state)
        else:
            self.state = copy.deepcopy(kept.state)
        self._answers, self.outage = kept.answers.copy(), kept.outage
