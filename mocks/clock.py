"""
The time as an agency sees it, which tests can move; and what is to be done at a later time.

One clock is shared by all agencies of a process. Work is queued as the name of whoever performs it and a value that it
is performed with, never as a function, so that the queue can be kept and put back with everything else. While a piece
of work is performed the clock stands at the moment at which it was due.
"""

from __future__ import annotations

import copy
import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

# More than this in one move is work that keeps queueing itself.
MOST_AT_ONCE = 1_000_000
# Seconds whose text is remembered: most of what is stamped happened in this one, or is due at the end of the same day.
REMEMBERED = 1024
# Dates that contracts, tokens and the calendar can all write.
EARLIEST_S, LATEST_S = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (2000, 2100))

Performer = Callable[[Any], None]


class ClockError(ValueError):
    """Raised when the clock is asked for what it cannot do; the message says what it can."""


@dataclass(frozen=True, slots=True)
class Work:
    """
    Something to be done.

    Args:
        due: seconds since 1970.
        number: tells it from others; of two that are due at the same moment the lower one comes first.
        performer: the name of what does it.
        value: what it is done with; plain data, which is copied when the queue is kept.
    """

    due: float
    number: int
    performer: str
    value: Any


@dataclass(frozen=True)
class ClockState:
    """What a clock showed and had before it; None for ``stopped_at`` where it was running."""

    offset_s: float
    stopped_at: float | None
    work: tuple[Work, ...]


class Clock:
    """
    Real time plus an offset, or a moment at which it stands.

    Args:
        stopped_at: seconds since 1970; a clock that stands moves only when it is told to.
    """

    def __init__(self, stopped_at: float | None = None) -> None:
        self._initially = self._stopped_at = stopped_at
        self._offset_s = 0.0
        self._work: dict[int, Work] = {}
        self._order: list[tuple[float, int]] = []
        self._number = 0
        self._runs_on = stopped_at is None
        self._performing = False
        self._epoch = 0
        self.performers: dict[str, Performer] = {}

    def seconds(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._offset_s if self._stopped_at is None else self._stopped_at

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    @property
    def is_stopped(self) -> bool:
        """Whether it stands until it is moved."""
        return not self._runs_on

    def stop(self) -> None:
        """Stand at this moment from now on."""
        self._stopped_at = self.seconds()
        self._runs_on = False

    def start(self) -> None:
        """Run on from the moment that it shows."""
        self._runs_on = True
        self._run_on()

    def _run_on(self) -> None:
        self._offset_s = self.seconds() - time.time()
        self._stopped_at = None

    # Work

    def queue(self, due: datetime | float, performer: str, value: Any = None) -> Work:
        """
        Have something done when it is due, or as soon as possible where that is past.

        Raises:
            ClockError: there is no performer of that name.
        """
        if performer not in self.performers:
            raise ClockError(f"Nobody performs {performer}; there are {', '.join(sorted(self.performers))}.")
        self._number += 1
        at = due.timestamp() if isinstance(due, datetime) else float(due)
        work = Work(at, self._number, performer, value)
        self._work[work.number] = work
        heapq.heappush(self._order, (work.due, work.number))
        return work

    def withdraw(self, work: Work) -> None:
        """Have it not done after all; without effect where it was done already."""
        self._work.pop(work.number, None)

    @property
    def queued(self) -> tuple[Work, ...]:
        """What is to be done, in the order in which it will be."""
        return tuple(self._work[number] for _, number in sorted(self._order) if number in self._work)

    def _next(self) -> Work | None:
        while self._order and self._order[0][1] not in self._work:
            heapq.heappop(self._order)  # it was withdrawn
        return self._work[self._order[0][1]] if self._order else None

    def perform_due(self) -> int:
        """
        Do what is due by now; gives how many pieces of work there were.

        While work is performed this does nothing, so that what it queues is done after it and in order.
        """
        if not self._order or self._performing:
            return 0
        offset, epoch = self._offset_s, self._epoch
        count = sum(1 for _ in self.moving(self.seconds()))
        if self._runs_on and epoch == self._epoch:
            # It stood while work was done; a clock that runs loses no time by that.
            self._offset_s = offset
        return count

    def moving(self, until: float) -> Iterator[Work]:
        """
        Move to a moment, piece of work by piece of work: each is given after it was performed.

        Whoever iterates may wait for what the work set going before the clock moves on. A reset or a restoration
        meanwhile ends the move.

        Raises:
            ClockError: it is being moved already, or the work never ends.
        """
        if self._performing:
            raise ClockError("The clock is being moved already.")
        self._performing, epoch = True, self._epoch
        try:
            yield from self._perform_until(until, epoch)
            if epoch == self._epoch:
                self._stopped_at = max(until, self.seconds())
        finally:
            self._performing = False
            if self._runs_on:
                self._run_on()

    def _perform_until(self, until: float, epoch: int) -> Iterator[Work]:
        for count in range(MOST_AT_ONCE + 1):
            work = self._next()
            if work is None or work.due > until or epoch != self._epoch:
                return
            if count == MOST_AT_ONCE:
                raise ClockError(
                    f"There are more than {MOST_AT_ONCE} pieces of work until then; move in steps."
                )
            del self._work[work.number]
            # What was overdue is done now: the clock never goes back.
            self._stopped_at = max(work.due, self.seconds())
            self.performers[work.performer](work.value)
            yield work

    # Moving

    def advance(self, seconds: float) -> int:
        """
        Move the clock, doing what falls due on the way in the order in which it does; gives how many there were.

        A negative number moves it back, and does nothing.

        Raises:
            ClockError: it would leave the years from 2000 to 2099.
        """
        return sum(1 for _ in self.moving(self.after(seconds)))

    def after(self, seconds: float) -> float:
        """
        The moment so many seconds on, in seconds since 1970; where it is past, the clock is moved back to it.

        Raises:
            ClockError: it lies outside the years from 2000 to 2099.
        """
        until = self._within(self.seconds() + seconds)
        if seconds < 0:
            self._shift(seconds)
        return until

    def set(self, moment: datetime) -> int:
        """
        Move the clock forward to a moment, as ``advance`` does.

        Raises:
            ClockError: the moment is past.
        """
        return sum(1 for _ in self.moving(self.ahead(moment)))

    def ahead(self, moment: datetime) -> float:
        """
        A moment in seconds since 1970.

        Raises:
            ClockError: it is past, or outside the years from 2000 to 2099.
        """
        if moment.timestamp() < self.seconds():
            raise ClockError(f"The clock shows {stamp(self.now())} already, and is only ever set forward.")
        return self._within(moment.timestamp())

    def _within(self, seconds: float) -> float:
        if not EARLIEST_S <= seconds < LATEST_S:
            raise ClockError("The clock shows times of the years from 2000 to 2099 only.")
        return seconds

    def _shift(self, seconds: float) -> None:
        self._offset_s += seconds
        if self._stopped_at is not None:
            self._stopped_at += seconds

    def reset(self) -> None:
        """Go back to real time, or to the moment at which it stood at first, with nothing to be done."""
        self._offset_s, self._stopped_at = 0.0, self._initially
        self._runs_on = self._initially is None
        self._put_back(())

    def snapshot(self) -> ClockState:
        """What it shows and has before it, to be put back."""
        return ClockState(self._offset_s, self._stopped_at, copy.deepcopy(self.queued))

    def restore(self, state: ClockState) -> None:
        """
        Put back what was kept.

        A clock that ran shows the moment at which it was kept plus the real time since, as though nothing had been.
        """
        self._offset_s, self._stopped_at = state.offset_s, state.stopped_at
        self._runs_on = state.stopped_at is None
        self._put_back(copy.deepcopy(state.work))

    def _put_back(self, queued: tuple[Work, ...]) -> None:
        self._epoch += 1
        self._work = {work.number: work for work in queued}
        self._order = [(work.due, work.number) for work in queued]  # in order already


def stamp(moment: datetime) -> str:
    """A date-time as contracts have it: ISO 8601 in UTC, to the second."""
    return _stamped(moment.timestamp() // 1)


@lru_cache(REMEMBERED)
def _stamped(second: float) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")
