"""
An Arazzo document as values: read once, with every expression parsed, and never changed.

::

    Document
    ├── SourceDescription   an OpenAPI contract or another Arazzo document, by name
    └── Workflow            inputs, outputs, dependsOn
        └── Step            one operation or one workflow
            ├── Parameter, RequestBody, Replacement
            ├── Criterion   one assertion
            └── Action      what follows success or failure
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joinedup.conformance.errors import ConfigurationError
from joinedup.scenarios.expressions import Expression, Render, Scope, Template

INPUT_OF_CREDENTIAL = "authorization"
"""The input by which a workflow takes its caller's credential."""


@dataclass(frozen=True)
class Place:
    """
    A place in a document.

    Args:
        document: its name, for people.
        pointer: JSON pointer with ``#``.
        workflow, step: ids, empty outside one.
    """

    document: str
    pointer: str
    workflow: str = ""
    step: str = ""

    def __str__(self) -> str:
        parts = [self.document]
        parts += [f"workflow {self.workflow}"] if self.workflow else []
        parts += [f"step {self.step}"] if self.step else []
        return ", ".join([*parts, self.pointer])


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a document, in one sentence, and where."""

    place: Place
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


class ScenarioError(ConfigurationError):
    """Raised when a document cannot be played; nothing was sent."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        more = f" There are {len(problems) - 1} more." if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}", hint="Correct the document; nothing was sent.")
        self.problems = problems


@dataclass(frozen=True)
class SourceDescription:
    """
    A contract or another document.

    Args:
        kind: ``openapi`` or ``arazzo``.
        system: name of the system that the contract is of (``x-system``); the source's own name where it is not given.
    """

    name: str
    url: str
    kind: str
    system: str
    place: Place


@dataclass(frozen=True)
class Parameter:
    """A value for an operation (``location`` says where it goes) or for a workflow's input (no location)."""

    name: str
    location: str
    value: Template
    place: Place
    inherited: bool = False


@dataclass(frozen=True)
class Replacement:
    """A place in a payload, as the tokens of its pointer, and what is put there."""

    target: tuple[str, ...]
    value: Template
    place: Place


@dataclass(frozen=True)
class RequestBody:
    """What is sent; ``payload`` is None where the document gives none."""

    content_type: str
    payload: Template | None
    is_text: bool
    replacements: tuple[Replacement, ...]
    place: Place


@dataclass(frozen=True)
class Criterion:
    """
    One assertion.

    Args:
        kind: ``simple``, ``regex`` or ``jsonpath``.
        text: the condition as written.
        holds: whether it holds in a scope.
        expressions: every expression in it, the context too.
        requirements: ids of what it proves (``x-requirements``).
        systems: whom it says so of (``x-system``), its step's where it names none; empty for whoever is called.
        feature: what the contract of the called system has to show for it to be judged (``x-feature``); empty for always.
    """

    kind: str
    text: str
    holds: Render
    expressions: tuple[Expression, ...]
    place: Place
    context: Expression | None = None
    requirements: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    feature: str = ""


class Flow(enum.StrEnum):
    """What an action does."""

    END = "end"
    GOTO = "goto"
    RETRY = "retry"


@dataclass(frozen=True)
class Action:
    """
    What follows the success or the failure of a step.

    Args:
        step, workflow: where it leads; at most one of them.
        retry_after_s: seconds before the next attempt.
        retry_limit: how many more attempts there may be.
    """

    name: str
    flow: Flow
    place: Place
    step: str = ""
    workflow: str = ""
    retry_after_s: float = 0
    retry_limit: int = 1
    criteria: tuple[Criterion, ...] = ()

    def applies(self, scope: Scope) -> bool:
        """Whether all its criteria hold; an action without any always applies."""
        return all(criterion.holds(scope) for criterion in self.criteria)


@dataclass(frozen=True)
class Step:
    """
    One step; exactly one of ``operation_id``, ``operation_path`` and ``workflow`` is given.

    Args:
        actor: whom the call is made as (``x-actor``); empty where the document's own values say so.
        requirements: what the whole step proves (``x-requirements``).
        systems: whom it says so of (``x-system``); empty for whoever is called.
        is_optional: whether the story goes on without it where a system lacks what it needs (``x-optional``).
    """

    id: str
    place: Place
    description: str = ""
    operation_id: str = ""
    operation_path: str = ""
    workflow: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: RequestBody | None = None
    criteria: tuple[Criterion, ...] = ()
    on_success: tuple[Action, ...] = ()
    on_failure: tuple[Action, ...] = ()
    outputs: Mapping[str, Expression] = field(default_factory=dict)
    actor: str = ""
    requirements: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    is_optional: bool = False


@dataclass(frozen=True)
class Workflow:
    """
    One workflow.

    Args:
        inputs: its JSON Schema with references as written; None where it has none.
        input_properties: schema of each input that is declared, references followed.
        depends_on: workflows that come before it.
    """

    id: str
    place: Place
    steps: tuple[Step, ...]
    summary: str = ""
    description: str = ""
    inputs: Mapping[str, Any] | None = None
    input_properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    outputs: Mapping[str, Expression] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)

    def step(self, identifier: str) -> Step | None:
        """The step of that id, or none."""
        return next((step for step in self.steps if step.id == identifier), None)

    def position(self, identifier: str) -> int:
        """Where the step of that id stands."""
        return next(index for index, step in enumerate(self.steps) if step.id == identifier)


@dataclass(frozen=True, eq=False)
class Document:
    """
    One Arazzo document.

    Args:
        name: what to call it in messages.
        problems: everything in it that is wrong in itself; it cannot be played while there is one.
        components: value of each reusable parameter, by name.
        raw: as it was read; never to be changed.
    """

    name: str
    title: str
    version: str
    sources: Mapping[str, SourceDescription]
    workflows: Mapping[str, Workflow]
    problems: tuple[Problem, ...]
    components: Mapping[str, Template]
    raw: Mapping[str, Any]
    summary: str = ""
    description: str = ""
    extensions: Mapping[str, Any] = field(default_factory=dict)
