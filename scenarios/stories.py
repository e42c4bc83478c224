"""
What a journey is about, read without playing it: its title, who takes part, what it proves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from joinedup.scenarios.journey import bundled_journeys, first_workflow, systems_of
from joinedup.scenarios.library import JOURNEYS, Callee, Library, Linked
from joinedup.scenarios.model import Workflow
from joinedup.scenarios.stages import CONTROL


@dataclass(frozen=True)
class Story:
    """
    One journey, as its document tells it.

    Args:
        name: of its workflow.
        systems: those that take part, in the order in which they are named; the control plane is none.
        requirements: ids of what it proves, sorted.
        steps: how many it has.
        capabilities: what it asks of each system, by system.
    """

    name: str
    path: Path
    title: str
    summary: str
    description: str
    systems: tuple[str, ...]
    requirements: tuple[str, ...]
    steps: int
    capabilities: Mapping[str, tuple[str, ...]]


@cache
def bundled_stories() -> tuple[Story, ...]:
    """Every bundled journey, by name; read once."""
    library = Library()
    return tuple(story_of(library.open(path), path) for path in bundled_journeys().values())


def story_of(linked: Linked, path: Path, workflow: str = "") -> Story:
    """What a workflow of a document is about; the first one where none is named."""
    document, name = linked.document, workflow or first_workflow(linked)
    found = document.workflows.get(name)
    capabilities = _capabilities(linked, found) if found else {}
    # Of several stories in one document each has those that it calls; a document of one story names who takes part.
    is_one = not workflow or path.parent == JOURNEYS
    taking_part = dict.fromkeys(systems_of(linked)) if is_one else capabilities
    return Story(
        name=name,
        path=path,
        title=(found.summary if workflow and found and found.summary else document.title) or name,
        summary=document.summary or (found.summary if found else ""),
        description=document.description,
        systems=tuple(system for system in taking_part if system != CONTROL),
        requirements=tuple(sorted(set(_requirements(linked, found)))) if found else (),
        steps=len(found.steps) if found else 0,
        capabilities=capabilities,
    )


def _reached(linked: Linked, workflow: Workflow) -> Iterator[Callee]:
    """The workflow and every other of the same document that it plays; those of capabilities are what it calls."""
    seen: set[tuple[int, str]] = set()
    waiting = [Callee(linked, workflow)]
    while waiting:
        each = waiting.pop(0)
        if (key := (id(each.linked), each.workflow.id)) in seen:
            continue
        seen.add(key)
        yield each
        names = [step.workflow for step in each.workflow.steps if step.workflow]
        names += [*each.workflow.depends_on]
        names += [
            a.workflow for s in each.workflow.steps for a in (*s.on_success, *s.on_failure) if a.workflow
        ]
        waiting += [callee for name in names if (callee := each.linked.callee(name)) is not None]


def _capabilities(linked: Linked, workflow: Workflow) -> dict[str, tuple[str, ...]]:
    """The workflows with steps that call a system, by system; those too that its document of capabilities lacks."""
    found: dict[str, dict[str, None]] = {}
    for each in _reached(linked, workflow):
        for step in each.workflow.steps:
            call = each.linked.calls.get((each.workflow.id, step.id))
            if call is not None:
                found.setdefault(call.source.system, {})[each.workflow.id] = None
            elif step.workflow and each.linked.callee(step.workflow) is None:
                for system, name in _not_there(each.linked, step.workflow):
                    found.setdefault(system, {})[name] = None
    return {system: tuple(names) for system, names in found.items()}


def _not_there(linked: Linked, reference: str) -> Iterator[tuple[str, str]]:
    """The system and the name of a capability that a document of capabilities lacks."""
    _, name, workflow = [*reference.split(".", 2), "", ""][:3]
    other = linked.documents.get(name)
    for source in list(other.sources.values())[:1] if other and workflow else ():
        yield source.system, workflow


def _requirements(linked: Linked, workflow: Workflow) -> Iterator[str]:
    for each in _reached(linked, workflow):
        yield from each.workflow.requirements
        for step in each.workflow.steps:
            yield from step.requirements
            yield from (id for criterion in step.criteria for id in criterion.requirements)


def as_records(stories: Sequence[Story]) -> list[dict[str, object]]:
    """The journeys as ``joinedup journeys --json`` lists them."""
    return [
        {
            "id": story.name,
            "title": story.title,
            "systems": list(story.systems),
            "requirements": list(story.requirements),
            "steps": story.steps,
        }
        for story in stories
    ]
