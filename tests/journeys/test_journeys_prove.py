"""What journeys are to prove is proved by them, of systems that are held to it; and whoever is marked is asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

import pytest

from joinedup.conformance.catalogue import Reason, load_catalogue, load_profile
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.redaction import Redactor
from joinedup.mocks.catalogue import AGENCIES, profile_of
from joinedup.mocks.embedded import Agencies
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.journey import bundled_journeys
from joinedup.scenarios.judgement import judge
from joinedup.scenarios.library import Library
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import served_live, served_systems
from joinedup.scenarios.stories import Story, bundled_stories

CATALOGUE = load_catalogue()
LEFT_TO_JOURNEYS = [r.id for r in CATALOGUE if r.excluded and r.excluded.reason is Reason.JOURNEYS]
Said = Mapping[str, Mapping[str, frozenset[str]]]


@pytest.fixture(scope="module")
def said() -> Said:
    """By journey and requirement, the systems of which a play on the clean agencies proves it."""
    held = {
        name: tuple(r.id for r in load_profile(profile_of(name), CATALOGUE).requirements) for name in AGENCIES
    }
    agencies, shown = Agencies(), Redactor()
    found: dict[str, dict[str, frozenset[str]]] = {}
    library = Library(live=served_live(agencies))
    with agencies.routed():
        for story in bundled_stories():
            agencies.begin()
            with closing(served_systems(agencies)) as stage:
                played = play(prepared(library.open(story.path), story.name), {}, stage)
            judgement = judge(story, played, {name: held[name] for name in story.systems}, lambda _: shown)
            proved: dict[str, frozenset[str]] = {}
            for check in judgement.checks.values():
                for result in check.results():
                    if result.outcome is Outcome.PASS:
                        proved[result.requirement] = proved.get(result.requirement, frozenset()) | {
                            check.system
                        }
            found[story.name] = proved
    return found


@pytest.mark.parametrize("requirement", LEFT_TO_JOURNEYS)
def test_what_is_left_to_journeys_is_proved_by_one(said: Said, requirement: str) -> None:
    """No requirement is called tested because a document names it: some system that is held to it has to pass it."""
    assert [name for name, proved in said.items() if requirement in proved]


@pytest.mark.parametrize("story", bundled_stories(), ids=lambda story: story.name)
def test_a_mark_is_of_somebody_who_is_held_to_it(said: Said, story: Story) -> None:
    """What a journey marks is said of at least one system that takes part in it."""
    assert set(story.requirements) <= said[story.name].keys()


def test_every_journey_is_judged(said: Said) -> None:
    """None is left out."""
    assert said.keys() == bundled_journeys().keys()
