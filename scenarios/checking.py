"""
Everything that can be known to be wrong before anything is sent: ``prepared(linked, workflow)``.

Names that lead nowhere, values that cannot be there yet, inputs that nobody gives, circles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from joinedup.conformance.errors import NothingSelectedError
from joinedup.scenarios.expressions import Expression
from joinedup.scenarios.library import Callee, Linked
from joinedup.scenarios.model import (
    INPUT_OF_CREDENTIAL,
    Action,
    Flow,
    Place,
    Problem,
    ScenarioError,
    Step,
    Workflow,
)

MAX_DEPTH = 20
"""How many workflows may call one another in a row."""
_OF_AN_EXCHANGE = frozenset({"url", "method", "statusCode", "request", "response"})


@dataclass(frozen=True)
class At:
    """
    Where expressions stand.

    Args:
        step: None among a workflow's own outputs.
        sent: whether the step has been sent by then.
        own: whether its own outputs are there by then.
    """

    linked: Linked
    workflow: Workflow
    step: Step | None
    sent: bool = False
    own: bool = False


def prepared(linked: Linked, workflow: str) -> Callee:
    """
    A workflow that can be played.

    Raises:
        NothingSelectedError: the document has no workflow of that name.
        ScenarioError: something is wrong with it or with what it calls; nothing was sent.
    """
    found = linked.document.workflows.get(workflow)
    if found is None:
        listed = ", ".join(linked.document.workflows)
        raise NothingSelectedError(
            f"{linked.document.name} has no workflow {workflow!r}.", hint=f"There are: {listed}."
        )
    callee = Callee(linked, found)
    problems = tuple(_problems(callee))
    if problems:
        raise ScenarioError(problems)
    return callee


def every_problem(linked: Linked) -> tuple[Problem, ...]:
    """Whatever is wrong with a document and with what it calls."""
    found: dict[Problem, None] = dict.fromkeys(_of_documents([linked]))
    for workflow in linked.document.workflows.values():
        found.update(dict.fromkeys(_problems(Callee(linked, workflow))))
    return tuple(found)


def _problems(callee: Callee) -> Iterator[Problem]:
    walk = _Walk()
    walk.visit(callee)
    yield from walk.problems[:1]
    reached, names = list(walk.reached.values()), set(walk.reached)
    documents = {id(each.linked): each.linked for each in reached}
    for linked in documents.values():
        for problem in (*linked.document.problems, *linked.problems):
            if not problem.place.workflow or (id(linked), problem.place.workflow) in names:
                yield problem
    for each in reached:
        yield from _workflow_problems(each.linked, each.workflow)


def _of_documents(documents: Iterable[Linked]) -> Iterator[Problem]:
    for linked in documents:
        yield from linked.document.problems
        yield from linked.problems


# Circles


class _Walk:
    """A walk over every workflow that may be played; notes circles, and calls that are too deep."""

    def __init__(self) -> None:
        self.reached: dict[tuple[int, str], Callee] = {}
        self.problems: list[Problem] = []
        self._heights: dict[tuple[int, str], int] = {}
        self._under_way: list[tuple[int, str]] = []

    def visit(self, callee: Callee) -> int:
        """Visit a workflow and what it names; gives how many call one another in a row from there."""
        key = (id(callee.linked), callee.workflow.id)
        if key in self._under_way:
            names = [name for _, name in self._under_way[self._under_way.index(key) :]]
            self._note(callee, f"The workflows call each other in a circle: {' → '.join([*names, key[1]])}.")
            return 0
        if key in self._heights:
            return self._heights[key]
        if len(self._under_way) >= MAX_DEPTH:
            return MAX_DEPTH + 1
        self.reached[key] = callee
        self._under_way.append(key)
        height = 1 + max(
            (self._follow(callee, *reference) for reference in _references(callee.workflow)), default=0
        )
        self._under_way.pop()
        self._heights[key] = height
        if height > MAX_DEPTH:
            self._note(callee, f"More than {MAX_DEPTH} workflows call one another in a row.")
        return height

    def _follow(self, callee: Callee, reference: str, waits: bool) -> int:
        other = callee.linked.callee(reference)
        if other is None:
            return 0
        if waits:
            return self.visit(other)
        # A goto may lead back to where it came from: nobody waits for it.
        if (id(other.linked), other.workflow.id) not in self.reached:
            self.visit(other)
        return 0

    def _note(self, callee: Callee, sentence: str) -> None:
        self.problems.append(Problem(callee.workflow.place, sentence))


def _references(workflow: Workflow) -> Iterator[tuple[str, bool]]:
    """The workflows that one names, and whether it waits for them: after a goto it does not."""
    yield from ((reference, True) for reference in workflow.depends_on)
    for step in workflow.steps:
        if step.workflow:
            yield step.workflow, True
        for action in (*step.on_success, *step.on_failure):
            if action.workflow:
                yield action.workflow, action.flow is Flow.RETRY


# One workflow


def _workflow_problems(linked: Linked, workflow: Workflow) -> Iterator[Problem]:
    for reference in workflow.depends_on:
        yield from _callee_problems(linked, reference, workflow.place)
    for step in workflow.steps:
        yield from _step_problems(linked, workflow, step)
    at = At(linked, workflow, None)
    yield from _expression_problems(at, workflow.outputs.values(), workflow.place)


def _callee_problems(linked: Linked, reference: str, place: Place) -> Iterator[Problem]:
    if linked.callee(reference) is not None:
        return
    name = reference.removeprefix("$sourceDescriptions.").partition(".")[0]
    if not reference.startswith("$"):
        listed = ", ".join(linked.document.workflows)
        yield Problem(
            place, f"There is no workflow {reference[:120]!r} in this document; there are: {listed}."
        )
    elif name not in linked.document.sources:
        yield Problem(place, f"There is no source description {name!r}, which {reference[:120]} names.")
    elif name in linked.documents:
        other = linked.documents[name].document
        yield Problem(
            place,
            f"There is no workflow {reference.rpartition('.')[2]!r} in {other.name}; there are: {', '.join(other.workflows)}.",
        )


def _step_problems(linked: Linked, workflow: Workflow, step: Step) -> Iterator[Problem]:
    if step.workflow:
        yield from _callee_problems(linked, step.workflow, step.place)
        yield from _input_problems(linked, step)
    else:
        yield from _path_problems(linked, workflow, step)
    before = At(linked, workflow, step)
    for parameter in step.parameters:
        yield from _expression_problems(before, parameter.value.expressions, parameter.place)
    if step.body is not None:
        payload = step.body.payload.expressions if step.body.payload else ()
        yield from _expression_problems(before, payload, step.body.place)
        for replacement in step.body.replacements:
            yield from _expression_problems(before, replacement.value.expressions, replacement.place)
    yield from _after_problems(linked, workflow, step)


def _after_problems(linked: Linked, workflow: Workflow, step: Step) -> Iterator[Problem]:
    after = At(linked, workflow, step, sent=True)
    for criterion in step.criteria:
        yield from _expression_problems(after, criterion.expressions, criterion.place)
    yield from _expression_problems(after, step.outputs.values(), step.place)
    for action in (*step.on_success, *step.on_failure):
        yield from _action_problems(linked, workflow, action)
        own = At(linked, workflow, step, sent=True, own=action in step.on_success)
        for criterion in action.criteria:
            yield from _expression_problems(own, criterion.expressions, criterion.place)


def _action_problems(linked: Linked, workflow: Workflow, action: Action) -> Iterator[Problem]:
    if action.workflow:
        yield from _callee_problems(linked, action.workflow, action.place)
    if action.step and workflow.step(action.step) is None:
        listed = ", ".join(step.id for step in workflow.steps)
        yield Problem(
            action.place,
            f"The action {action.name} leads to the step {action.step!r}, which is not there; there are: {listed}.",
        )


def _input_problems(linked: Linked, step: Step) -> Iterator[Problem]:
    callee = linked.callee(step.workflow)
    if callee is None:
        return
    declared = callee.workflow.input_properties
    given = {parameter.name for parameter in step.parameters}
    for parameter in step.parameters:
        if parameter.name not in declared and not parameter.inherited:
            listed = ", ".join(declared) or "none"
            yield Problem(
                parameter.place,
                f"The workflow {callee.workflow.id} has no input {parameter.name!r}; it has: {listed}.",
            )
    if step.actor:
        given.add(INPUT_OF_CREDENTIAL)
    for name in _required(callee):
        if name not in given:
            yield Problem(
                step.place, f"The workflow {callee.workflow.id} needs the input {name!r}, which is not given."
            )


def _required(callee: Callee) -> list[str]:
    schema = callee.linked.inputs[callee.workflow.id]
    required = schema.schema.get("required")
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return [name for name in names if "default" not in callee.workflow.input_properties.get(name, {})]


def _path_problems(linked: Linked, workflow: Workflow, step: Step) -> Iterator[Problem]:
    call = linked.calls.get((workflow.id, step.id))
    if call is None:
        return
    declared = {p.name for p in call.operation.parameters if p.location == "path"}
    given = {p.name: p for p in step.parameters if p.location == "path"}
    for name in declared - set(given):
        yield Problem(
            step.place, f"{call.operation.label} needs the path parameter {name!r}, which is not given."
        )
    for name, parameter in given.items():
        if name not in declared and not parameter.inherited:
            yield Problem(parameter.place, f"{call.operation.label} has no path parameter {name!r}.")


# Expressions


def _expression_problems(at: At, expressions: Iterable[Expression], place: Place) -> Iterator[Problem]:
    for expression in expressions:
        sentence = _fault(at, expression)
        if sentence:
            yield Problem(place, f"{expression.text}: {sentence}")


def _fault(at: At, expression: Expression) -> str:
    if expression.root in _OF_AN_EXCHANGE:
        if at.step is None:
            return "a workflow's own outputs are of its steps, so write $steps.<stepId>.outputs.<name>."
        return "" if at.sent else "nothing has been sent yet when this value is needed."
    return _FAULTS[expression.root](at, expression)


def _declared(expression: Expression, start: int, names: Iterable[str]) -> bool:
    """Whether a name, which may hold full stops, is one of these; what follows it is looked up in its value."""
    parts = expression.parts[start:]
    texts = [str(part) for part in parts]
    known = set(names)
    return any(".".join(texts[:end]) in known for end in range(1, len(texts) + 1))


def _missing(what: str, expression: Expression, start: int, names: Iterable[str]) -> str:
    listed = ", ".join(names) or "none"
    return f"there is no {what} {str(expression.parts[start])!r}; there are: {listed}."


def _input_fault(at: At, expression: Expression) -> str:
    names = at.workflow.input_properties
    return "" if _declared(expression, 0, names) else _missing("input", expression, 0, names)


def _output_fault(at: At, expression: Expression) -> str:
    if at.step is None:
        return "" if _declared(expression, 0, at.workflow.outputs) else "there is no such output."
    if not at.step.workflow or not at.sent:
        return "a workflow's outputs are there once it has ended; write $steps.<stepId>.outputs.<name>."
    callee = at.linked.callee(at.step.workflow)
    if callee is None or _declared(expression, 0, callee.workflow.outputs):
        return ""
    return _missing(f"output of {callee.workflow.id}", expression, 0, callee.workflow.outputs)


def _step_fault(at: At, expression: Expression) -> str:
    name = str(expression.parts[0])
    step = at.workflow.step(name)
    if step is None:
        return _missing("step", expression, 0, [each.id for each in at.workflow.steps])
    if not _declared(expression, 2, step.outputs):
        return _missing(f"output of the step {name}", expression, 2, step.outputs)
    if at.step is None or _jumps(at.workflow):
        return ""
    here, there = at.workflow.position(at.step.id), at.workflow.position(name)
    if there > here or (there == here and not at.own):
        return f"the step {name} has no outputs yet when this value is needed."
    return ""


def _jumps(workflow: Workflow) -> bool:
    """Whether steps may be played in another order than they are written in."""
    actions = (action for step in workflow.steps for action in (*step.on_success, *step.on_failure))
    return any(action.step for action in actions)


def _workflow_fault(at: At, expression: Expression) -> str:
    name, kind = str(expression.parts[0]), expression.parts[1]
    other = at.linked.document.workflows.get(name)
    if other is None:
        return _missing("workflow", expression, 0, at.linked.document.workflows)
    names = other.input_properties if kind == "inputs" else other.outputs
    if not _declared(expression, 2, names):
        return _missing(f"{str(kind)[:-1]} of the workflow {name}", expression, 2, names)
    if other is not at.workflow and name not in [reference for reference, _ in _references(at.workflow)]:
        return f"the workflow {name} is not played by then: name it in dependsOn, or call it in a step."
    return ""


def _source_fault(at: At, expression: Expression) -> str:
    name, field = expression.parts[:2]
    if name not in at.linked.document.sources:
        return _missing("source description", expression, 0, at.linked.document.sources)
    return "" if field == "url" else "only the url of a source description is a value."


def _component_fault(at: At, expression: Expression) -> str:
    if expression.parts[0] != "parameters":
        return "of the components only parameters have a value."
    names = at.linked.document.components
    return "" if _declared(expression, 1, names) else _missing("parameter", expression, 1, names)


_FAULTS = {
    "inputs": _input_fault,
    "outputs": _output_fault,
    "steps": _step_fault,
    "workflows": _workflow_fault,
    "sourceDescriptions": _source_fault,
    "components": _component_fault,
}
