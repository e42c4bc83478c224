"""Every bundled journey, embedded and served, in any order, and several at a time, each player with a cast of its own."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from queue import Empty, SimpleQueue

import pytest

from joinedup.conformance.outcomes import Outcome
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.embedded import Agencies
from joinedup.mocks.handle import Handle
from joinedup.mocks.serve import served
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.journey import bundled_journeys
from joinedup.scenarios.library import Library
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import served_live, served_systems

PLAYERS = 2
# The order is another one each day of a build; a number that a failed test has named brings it back.
ORDER = int(os.environ.get("JOURNEY_ORDER") or random.randrange(1_000_000))


def shuffled() -> list[str]:
    """Every journey, in the order of this run."""
    return random.Random(ORDER).sample(list(bundled_journeys()), k=len(bundled_journeys()))


def wrong_with(journey: str, agencies: Handle, library: Library) -> str:
    """What is wrong with a journey that is played on agencies as others left them; empty where nothing is."""
    agencies.reset()
    with closing(served_systems(agencies)) as stage:
        played = play(prepared(library.open(bundled_journeys()[journey]), journey), {}, stage)
    if played.outcome is not Outcome.PASS:
        return f"JOURNEY_ORDER={ORDER}: {journey}: {played.reason}"
    return "".join(f"{journey}: {breach}" for breach in agencies.breaches())


@pytest.fixture(scope="module")
def embedded() -> Iterator[tuple[Handle, Library]]:
    """Every agency within this process; no host but theirs is reached, and no port is opened."""
    agencies = Agencies()
    with agencies.routed():
        yield agencies, Library(live=served_live(agencies))


@pytest.mark.parametrize("place", range(len(bundled_journeys())))
def test_a_journey_passes_embedded_after_any_other(embedded: tuple[Handle, Library], place: int) -> None:
    """No server is needed, and nothing that an earlier story left shows in a later one."""
    assert wrong_with(shuffled()[place], *embedded) == ""


def test_journeys_pass_at_the_same_time() -> None:
    """Each player has agencies, a clock and documents of its own, and takes the next story that nobody plays yet."""
    waiting: SimpleQueue[str] = SimpleQueue()
    for journey in shuffled():
        waiting.put(journey)

    def plays(agencies: Handle) -> list[tuple[str, str]]:
        library, done = Library(live=served_live(agencies)), []
        with suppress(Empty):
            while True:
                journey = waiting.get_nowait()
                done.append((journey, wrong_with(journey, agencies, library)))
        return done

    with ExitStack() as casts, ThreadPoolExecutor(PLAYERS) as pool:
        companies = [casts.enter_context(served(tuple(AGENCIES))) for _ in range(PLAYERS)]
        found = [each for done in pool.map(plays, companies) for each in done]
    assert sorted(journey for journey, _ in found) == sorted(bundled_journeys())
    assert [wrong for _, wrong in found if wrong] == []
