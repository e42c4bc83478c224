"""
When things start: an open model, whose schedule is fixed before the load begins and waits for nobody.

A slow system cannot slow its users down here: whoever is due starts, or is late and has that counted. A shape says how
the rate changes over the duration, as a share of ``--rate``; the schedule follows from it by arithmetic, so that it is
the same each time, and processes can share it without talking to each other.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from joinedup.conformance.errors import ConfigurationError

Points = Sequence[tuple[float, float]]

# (share of the duration, share of the rate), joined by straight lines; two points at one time are a step.
SHAPES: Mapping[str, tuple[tuple[float, float], ...]] = {
    "steady": ((0, 1), (1, 1)),
    "steps": (
        *((0, 0.25), (0.25, 0.25), (0.25, 0.5), (0.5, 0.5)),
        *((0.5, 0.75), (0.75, 0.75), (0.75, 1), (1, 1)),
    ),
    # Referrals of a weekend arrive on Monday: a steep rise, a peak, and a slow return.
    "monday-peak": ((0, 0.2), (0.2, 0.2), (0.3, 1), (0.5, 1), (0.9, 0.4), (1, 0.4)),
    # Registers close at nine: from almost nothing to everything at once, for a short time.
    "school-morning": ((0, 0.1), (0.3, 0.1), (0.3, 1), (0.6, 1), (0.6, 0.2), (1, 0.2)),
    "soak": ((0, 1), (1, 1)),
    "outage": ((0, 1), (1, 1)),
}


@dataclass(frozen=True)
class Arrival:
    """
    One thing that is due.

    Args:
        number: its place in the whole schedule, from 0.
        item: which part of the mix, by its place.
        at_s: seconds after the start of the load.
        turn: its place among the arrivals of that part, from 0.
    """

    number: int
    item: int
    at_s: float
    turn: int = 0


@dataclass(frozen=True)
class Profile:
    """
    How the rate runs over the duration.

    Args:
        shape: name of the shape.
        rate: requests a second at its highest.
        duration_s: of the load.
    """

    shape: str
    rate: float
    duration_s: float

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ConfigurationError(
                f"There is no shape {self.shape!r}.", hint=f"There are: {', '.join(SHAPES)}."
            )

    @property
    def points(self) -> Points:
        """(second, requests a second), joined by straight lines."""
        return [(at * self.duration_s, share * self.rate) for at, share in SHAPES[self.shape]]

    @property
    def requests(self) -> float:
        """How many requests are offered in all."""
        return sum(_area(a, b) for a, b in itertools.pairwise(self.points))

    def times(self, share: float, phase: float) -> Iterator[float]:
        """
        When each arrival of a part of the mix is due, in seconds.

        Args:
            share: its arrivals for each request that is offered.
            phase: between 0 and 1: how far along the first one is, so that parts do not all start together.
        """
        before, wanted = 0.0, phase
        for left, right in itertools.pairwise(self.points):
            area = _area(left, right) * share
            while wanted < before + area:
                yield left[0] + _seconds_to((wanted - before) / share, left, right)
                wanted += 1
            before += area


def schedule(profile: Profile, shares: Sequence[float], *, part: int = 0, of: int = 1) -> Iterator[Arrival]:
    """
    The arrivals of a process in the order in which they are due.

    Args:
        shares: arrivals of each part of the mix for each request that is offered.
        part: which process, from 0.
        of: how many there are; each takes every ``of``-th arrival of each part of the mix, so that together they take
            all, each once, and each has some of everything.
    """
    lines = (_due(profile, share, item, len(shares)) for item, share in enumerate(shares))
    for number, (at, item, turn) in enumerate(heapq.merge(*lines)):
        if (turn + item) % of == part:
            yield Arrival(number, item, at, turn)


def _due(profile: Profile, share: float, item: int, items: int) -> Iterator[tuple[float, int, int]]:
    times = profile.times(share, (item + 0.5) / items)
    return ((at, item, turn) for turn, at in enumerate(times))


def _area(left: tuple[float, float], right: tuple[float, float]) -> float:
    return (right[0] - left[0]) * (left[1] + right[1]) / 2


def _seconds_to(requests: float, left: tuple[float, float], right: tuple[float, float]) -> float:
    """Seconds from the left point until that many requests were offered: the root of a quadratic."""
    slope = (right[1] - left[1]) / (right[0] - left[0])
    # Written so that a slope of nothing needs no case of its own.
    root = math.sqrt(left[1] ** 2 + 2 * slope * requests)
    return 2 * requests / (left[1] + root)
