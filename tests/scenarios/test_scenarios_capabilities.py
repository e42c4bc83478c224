"""What each bundled system can do: one document for each, in step with the systems and with the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from joinedup import scenarios
from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.features import plain
from joinedup.mocks.catalogue import AGENCIES
from joinedup.scenarios.library import Library

FOLDER = Path(scenarios.__file__).parent / "capabilities"


def capabilities_of(system: str) -> list[str]:
    """The names of the workflows of a system's document, in order."""
    linked = Library().open(FOLDER / f"{system}.arazzo.yaml")
    return list(linked.document.workflows)


@pytest.mark.parametrize("system", AGENCIES)
def test_a_system_is_listed_with_what_its_document_implements(system: str) -> None:
    """`joinedup systems` and the capability document name the same things, in the same order."""
    assert capabilities_of(system) == list(AGENCIES[system][1])


def test_requirements_speak_of_capabilities_that_there_are() -> None:
    """A condition of the catalogue names no capability that no system has."""
    known = {name for _, names in AGENCIES.values() for name in names}
    wanted = {name for requirement in load_catalogue() for name in requirement.capabilities}
    assert wanted <= known


@pytest.mark.parametrize("system", [*AGENCIES, "control"])
def test_what_an_input_is_for_is_said_in_words(system: str) -> None:
    """A newcomer learns more from a description than the name says already."""
    workflows = Library().open(FOLDER / f"{system}.arazzo.yaml").document.workflows.values()
    told = [
        (w.id, n, str(s.get("description", ""))) for w in workflows for n, s in w.input_properties.items()
    ]
    bare = [(w, n) for w, n, text in told if plain(text.rstrip(".")) == plain(n)]
    assert (bool(told), bare) == (True, [])
