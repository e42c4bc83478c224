"""The journeys do not depend on the seed: whoever the other people are, those whom a journey names are there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from joinedup.conformance.outcomes import Outcome
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.serve import Served, served
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.journey import bundled_journeys
from joinedup.scenarios.library import Library
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import Systems, served_live, served_systems

Stage = tuple[Served, Library, Systems]


@pytest.fixture(scope="module", params=[2, 3])
def seeded(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Every agency with other people than those of the first seed."""
    with (
        served(tuple(AGENCIES), seed=request.param) as agencies,
        closing(served_systems(agencies)) as systems,
    ):
        yield agencies, Library(live=served_live(agencies)), systems


@pytest.mark.parametrize("journey", bundled_journeys())
def test_a_journey_passes_with_another_seed(seeded: Stage, journey: str) -> None:
    """All criteria hold, and no answer breaks a contract."""
    agencies, library, systems = seeded
    agencies.reset()
    systems.renew()
    played = play(prepared(library.open(bundled_journeys()[journey]), journey), {}, systems)
    assert played.outcome is Outcome.PASS, played.reason
    assert agencies.ask("GET", "/v1/breaches")["items"] == []
