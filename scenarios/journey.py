"""
Play one journey on the served agencies: ``play_journey(path, served)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from joinedup.mocks.handle import Handle
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.library import CAPABILITIES, JOURNEYS, Library, Linked
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import CONTROL, Observe, served_live, served_systems, unobserved


def bundled_journeys() -> dict[str, Path]:
    """The bundled journeys by name, sorted."""
    return {path.name.removesuffix(".arazzo.yaml"): path for path in sorted(JOURNEYS.glob("*.arazzo.yaml"))}


def bundled_capabilities() -> dict[str, Path]:
    """The documents of the bundled capabilities by name of the system, sorted."""
    return {p.name.removesuffix(".arazzo.yaml"): p for p in sorted(CAPABILITIES.glob("*.arazzo.yaml"))}


def systems_of(linked: Linked) -> tuple[str, ...]:
    """The systems that a document and those that it names call, in the order in which they are named."""
    found: dict[str, None] = {}
    seen: set[int] = set()

    def visit(each: Linked) -> None:
        if id(each) not in seen:
            seen.add(id(each))
            found.update(dict.fromkeys(source.system for source in each.sources.values()))
            for other in each.documents.values():
                visit(other)

    visit(linked)
    return tuple(found)


def agencies_of(linked: Linked) -> tuple[str, ...]:
    """The bundled agencies that have to be served for a document: its systems without the control plane."""
    return tuple(system for system in systems_of(linked) if system != CONTROL)


def first_workflow(linked: Linked) -> str:
    """The workflow of a document that is played where none is named: the first one."""
    return next(iter(linked.document.workflows), "")


def play_journey(
    path: str | Path,
    served: Handle,
    *,
    workflow: str = "",
    inputs: Mapping[str, Any] | None = None,
    observe: Observe = unobserved,
) -> Played:
    """
    Play a workflow of a document, the first one where none is named.

    Args:
        observe: told every exchange, with the name of the system.

    Raises:
        ConfigurationError: the document, the contracts or the inputs are wrong; nothing was sent.
    """
    linked = Library(live=served_live(served)).open(path)
    callee = prepared(linked, workflow or first_workflow(linked))
    with closing(served_systems(served, observe=observe)) as stage:
        return play(callee, inputs or {}, stage)
