"""
Load an Arazzo document: ``load(path)``, or ``parse_arazzo(bytes)``.

What is wrong is noted with its place and does not stop the reading, so that all of it is told at once; only what is
no Arazzo document at all is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from joinedup.conformance.anatomy import look_up, tokens_of
from joinedup.conformance.document import parse_document
from joinedup.conformance.errors import ConfigurationError
from joinedup.scenarios.criteria import read_criteria
from joinedup.scenarios.expressions import (
    Expression,
    ExpressionError,
    Template,
    parse,
    pointer_tokens,
    template,
)
from joinedup.scenarios.model import (
    Action,
    Document,
    Flow,
    Parameter,
    Replacement,
    RequestBody,
    SourceDescription,
    Step,
    Workflow,
)
from joinedup.scenarios.reading import Node, Notes

MAX_BYTES = 2_000_000
MOST_STEPS = 500
LONGEST_WAIT_S = 366 * 86_400
MAX_REFERENCES = 20
_VERSION = re.compile(r"1\.0\.\d+(-.+)?")
_NAME = re.compile(r"[A-Za-z0-9._\-]+")
_SOURCE_NAME = re.compile(r"[A-Za-z0-9_\-]+")
_DOCUMENT_KEYS = ("arazzo", "info", "sourceDescriptions", "workflows", "components")
_WORKFLOW_KEYS = (
    *("workflowId", "summary", "description", "inputs", "dependsOn", "steps"),
    *("successActions", "failureActions", "outputs", "parameters"),
)
_STEP_KEYS = (
    *("description", "stepId", "operationId", "operationPath", "workflowId", "parameters", "requestBody"),
    *("successCriteria", "onSuccess", "onFailure", "outputs"),
)
_SUCCESS_KEYS = ("name", "type", "workflowId", "stepId", "criteria")
_FAILURE_KEYS = (*_SUCCESS_KEYS, "retryAfter", "retryLimit")
_EMPTY = template(None)

Named = TypeVar("Named", Parameter, Action)


def load(path: str | Path) -> Document:
    """
    Read the document at a path; its problems are in ``problems``.

    Raises:
        ConfigurationError: it cannot be read, or is no Arazzo 1.0 document.
    """
    place = Path(path)
    try:
        with place.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"The document {path} cannot be read: {error.strerror or error}.", hint="Name an Arazzo document."
        ) from error
    return parse_arazzo(content, name=place.name)


def parse_arazzo(content: bytes, *, name: str) -> Document:
    """
    Read a document from its bytes.

    Raises:
        ConfigurationError: it is too large, neither JSON nor YAML, or no Arazzo 1.0 document.
    """
    if len(content) > MAX_BYTES:
        raise ConfigurationError(
            f"{name} holds more than {MAX_BYTES:,} bytes.", hint="Split it into several documents."
        )
    parsed = parse_document(content, origin=name)
    version = str(parsed.value.get("arazzo", "")) if isinstance(parsed.value, dict) else ""
    if not _VERSION.fullmatch(version):
        said = f"it says arazzo: {version[:20]!r}" if version else "it has no key 'arazzo'"
        raise ConfigurationError(
            f"{name} is not an Arazzo 1.0 document: {said}.", hint="Write `arazzo: 1.0.1` at its top."
        )
    root = Node(parsed.value, Notes(name))
    for pointer in parsed.duplicates:
        Node(None, root.notes, tokens_of(pointer)).note("The key is written twice in one object.")
    return _document(root)


def _document(root: Node) -> Document:
    root.is_object("The document", _DOCUMENT_KEYS)
    info = root.get("info")
    info.is_object("info", ("title", "summary", "description", "version"))
    reader = _Reader(root)
    sources = _by_id(root.items("sourceDescriptions", required=True), "name", _source)
    workflows = _by_id(root.items("workflows", required=True), "workflowId", reader.workflow)
    return Document(
        name=root.notes.document,
        title=info.text("title", required=True),
        version=str(info.value.get("version", "")) if isinstance(info.value, dict) else "",
        summary=info.text("summary"),
        description=info.text("description"),
        sources=sources,
        workflows=workflows,
        components={name: parameter.value for name, parameter in reader.parameters.items()},
        problems=tuple(root.notes.problems),
        raw=root.value,
        extensions=root.extensions(),
    )


def _by_id(nodes: Iterable[Node], key: str, read: Callable[[Node], Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in nodes:
        identifier = node.text(key, required=True)
        if identifier in found:
            node.get(key).note(f"There are two of the {key} {identifier!r}; it is unique.")
        elif identifier:
            found[identifier] = read(node)
    return found


def _source(node: Node) -> SourceDescription:
    node.is_object("A source description", ("name", "url", "type"))
    name = node.text("name")
    if not _SOURCE_NAME.fullmatch(name):
        node.get("name").note("A source description is named by letters, digits, _ and -.")
    kind = node.text("type", options=("openapi", "arazzo"))
    url = node.text("url", required=True)
    if not kind and not node.has("type"):
        kind = "arazzo" if ".arazzo." in url else "openapi"
    return SourceDescription(name, url, kind, node.text("x-system") or name, node.place)


class _Reader:
    """Reads workflows; knows the reusable objects of the document."""

    def __init__(self, root: Node) -> None:
        self.root = root
        components = root.get("components")
        if root.has("components"):
            components.is_object("components", ("inputs", "parameters", "successActions", "failureActions"))
        for section in ("inputs", "parameters", "successActions", "failureActions"):
            for name, node in components.members(section):
                if not _NAME.fullmatch(name):
                    node.note("A component is named by letters, digits, full stops, _ and -.")
        self.parameters = {n: _parameter(node) for n, node in components.members("parameters")}
        self.success = {n: _action(node, _SUCCESS_KEYS) for n, node in components.members("successActions")}
        self.failure = {n: _action(node, _FAILURE_KEYS) for n, node in components.members("failureActions")}

    def workflow(self, node: Node) -> Workflow:
        identifier = node.text("workflowId")
        node = node.within(workflow=identifier)
        node.is_object("A workflow", _WORKFLOW_KEYS)
        inherited = (
            self._parameters(node),
            self._actions(node, "successActions"),
            self._actions(node, "failureActions"),
        )
        steps = _by_id(
            node.items("steps", required=True, most=MOST_STEPS),
            "stepId",
            lambda step: self._step(step, *inherited),
        )
        return Workflow(
            id=identifier,
            place=node.place,
            steps=tuple(steps.values()),
            summary=node.text("summary"),
            description=node.text("description"),
            inputs=self._inputs(node),
            input_properties=self._properties(node.get("inputs").value),
            depends_on=node.texts("dependsOn"),
            outputs=_outputs(node),
            requirements=node.texts("x-requirements"),
            extensions=node.extensions(),
        )

    def _inputs(self, node: Node) -> Mapping[str, Any] | None:
        value = node.get("inputs").value
        if value is not None and not isinstance(value, dict):
            node.get("inputs").note("inputs is a JSON Schema.")
            return None
        return value

    def _properties(self, schema: object, depth: int = 0) -> dict[str, Mapping[str, Any]]:
        """The inputs that a schema declares, also by reference and in ``allOf``."""
        schema = self._followed(schema)
        if depth > MAX_REFERENCES:
            return {}
        found: dict[str, Mapping[str, Any]] = {}
        for part in schema.get("allOf") or ():
            found.update(self._properties(part, depth + 1))
        properties = schema.get("properties")
        for name, value in properties.items() if isinstance(properties, dict) else ():
            found[name] = self._followed(value)
        return found

    def _followed(self, schema: object) -> dict[str, Any]:
        for _ in range(MAX_REFERENCES):
            if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
                break
            try:
                schema = look_up(self.root.value, tokens_of(schema["$ref"]))
            except KeyError:
                return {}
        return schema if isinstance(schema, dict) else {}

    def _step(
        self,
        node: Node,
        parameters: tuple[Parameter, ...],
        success: tuple[Action, ...],
        failure: tuple[Action, ...],
    ) -> Step:
        identifier = node.text("stepId")
        node = node.within(step=identifier)
        node.is_object("A step", _STEP_KEYS)
        callees = [key for key in ("operationId", "operationPath", "workflowId") if node.has(key)]
        if len(callees) != 1:
            node.note("A step has exactly one of operationId, operationPath and workflowId.")
        if node.has("requestBody") and node.has("workflowId"):
            node.get("requestBody").note("A step that calls a workflow has no requestBody.")
        systems = node.text_or_texts("x-system")
        return Step(
            id=identifier,
            place=node.place,
            description=node.text("description"),
            operation_id=node.text("operationId"),
            operation_path=node.text("operationPath"),
            workflow=node.text("workflowId"),
            parameters=_merged(parameters, self._parameters(node, to_workflow=node.has("workflowId"))),
            body=_request_body(node.get("requestBody")) if node.has("requestBody") else None,
            criteria=tuple(
                replace(criterion, systems=criterion.systems or systems)
                for criterion in read_criteria(node, "successCriteria")
            ),
            on_success=_merged_actions(success, self._actions(node, "onSuccess", "successActions")),
            on_failure=_merged_actions(failure, self._actions(node, "onFailure", "failureActions")),
            outputs=_outputs(node),
            actor=node.text("x-actor"),
            requirements=node.texts("x-requirements"),
            systems=systems,
            is_optional=node.has("x-optional") and node.get("x-optional").value is True,
        )

    def _parameters(self, node: Node, *, to_workflow: bool | None = None) -> tuple[Parameter, ...]:
        found: list[Parameter] = []
        for item in node.items("parameters"):
            parameter = self._reusable(item, "parameters", self.parameters) or _parameter(item)
            if item.has("reference") and item.has("value"):
                parameter = _with_value(parameter, item)
            if to_workflow is False and not parameter.location:
                item.note(
                    "A parameter of an operation says where it goes: in is path, query, header or cookie."
                )
            if any((p.name, p.location) == (parameter.name, parameter.location) for p in found):
                item.note(f"The parameter {parameter.name!r} is there twice.")
            found.append(parameter)
        return tuple(found)

    def _actions(self, node: Node, key: str, kind: str = "") -> tuple[Action, ...]:
        kind = kind or key
        known, keys = (
            (self.success, _SUCCESS_KEYS) if kind == "successActions" else (self.failure, _FAILURE_KEYS)
        )
        found: list[Action] = []
        for item in node.items(key):
            action = self._reusable(item, kind, known) or _action(item, keys)
            if any(other.name == action.name for other in found):
                item.note(f"The action {action.name!r} is there twice.")
            found.append(action)
        return tuple(found)

    def _reusable(self, node: Node, kind: str, known: Mapping[str, Named]) -> Named | None:
        """The component that a reusable object refers to; None where the node is no such object."""
        if not node.has("reference"):
            return None
        prefix = f"$components.{kind}."
        reference = node.text("reference")
        found = known.get(reference.removeprefix(prefix)) if reference.startswith(prefix) else None
        if found is None:
            listed = ", ".join(prefix + name for name in known) or "none"
            node.get("reference").note(
                f"It refers to {reference[:80]!r}, which is not there; there are: {listed}."
            )
            return _stand_in(kind, node)  # type: ignore[return-value]
        return found


def _stand_in(kind: str, node: Node) -> Parameter | Action:
    name = f"?{node.place.pointer}"
    return (
        Parameter(name, "query", _EMPTY, node.place)
        if kind == "parameters"
        else Action(name, Flow.END, node.place)
    )


def _template(node: Node, *, escaped: bool = False) -> Template:
    try:
        return template(node.value, escaped=escaped)
    except ExpressionError as error:
        node.note(str(error))
        return _EMPTY


def _parameter(node: Node) -> Parameter:
    node.is_object("A parameter", ("name", "in", "value"))
    if not node.has("value"):
        node.note("The key value is missing.")
    location = node.text("in", options=("path", "query", "header", "cookie"))
    return Parameter(node.text("name", required=True), location, _template(node.get("value")), node.place)


def _with_value(parameter: Parameter, node: Node) -> Parameter:
    return Parameter(parameter.name, parameter.location, _template(node.get("value")), node.place)


def _merged(inherited: Iterable[Parameter], own: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Those of the workflow, each replaced by that of the step of the same name and place."""
    merged = {
        (p.name, p.location): Parameter(p.name, p.location, p.value, p.place, inherited=True)
        for p in inherited
    }
    merged.update({(p.name, p.location): p for p in own})
    return tuple(merged.values())


def _merged_actions(inherited: Iterable[Action], own: Iterable[Action]) -> tuple[Action, ...]:
    """Those of the step first, then those of the workflow that the step does not replace by name."""
    own = tuple(own)
    names = {action.name for action in own}
    return (*own, *(action for action in inherited if action.name not in names))


def _outputs(node: Node) -> dict[str, Expression]:
    found: dict[str, Expression] = {}
    for name, item in node.members("outputs"):
        if not _NAME.fullmatch(name):
            item.note("An output is named by letters, digits, full stops, _ and -.")
        if not isinstance(item.value, str):
            item.note("An output is a runtime expression.")
            continue
        try:
            found[name] = parse(item.value)
        except ExpressionError as error:
            item.note(str(error))
    return found


def _request_body(node: Node) -> RequestBody:
    node.is_object("A request body", ("contentType", "payload", "replacements"))
    content_type = node.text("contentType")
    is_text = isinstance(node.get("payload").value, str)
    escaped = is_text and "json" in content_type.lower()
    payload = _template(node.get("payload"), escaped=escaped) if node.has("payload") else None
    replacements = tuple(_replacement(item) for item in node.items("replacements"))
    return RequestBody(content_type, payload, is_text, replacements, node.place)


def _replacement(node: Node) -> Replacement:
    node.is_object("A replacement", ("target", "value"))
    target = node.text("target")
    if target and not target.startswith("/"):
        node.get("target").note(
            "The target is a JSON pointer, which starts with a slash; XPath is not supported."
        )
    if not node.has("value"):
        node.note("The key value is missing.")
    return Replacement(pointer_tokens(target), _template(node.get("value")), node.place)


def _action(node: Node, keys: tuple[str, ...]) -> Action:
    node.is_object("An action", keys)
    flows = [Flow.END, Flow.GOTO, *([Flow.RETRY] if keys is _FAILURE_KEYS else [])]
    flow = Flow(node.text("type", required=True, options=[str(flow) for flow in flows]) or Flow.END)
    step, workflow = node.text("stepId"), node.text("workflowId")
    if step and workflow:
        node.note("An action leads to a step or to a workflow, not to both.")
    if flow is Flow.GOTO and not (step or workflow):
        node.note("An action of the type goto says where to: stepId or workflowId.")
    wait = node.number("retryAfter", 0)
    if wait > LONGEST_WAIT_S:
        node.get("retryAfter").note("retryAfter is more than a year.")
    return Action(
        name=node.text("name", required=True),
        flow=flow,
        place=node.place,
        step=step,
        workflow=workflow,
        retry_after_s=wait,
        retry_limit=int(node.number("retryLimit", 1, whole=True)),
        criteria=read_criteria(node, "criteria"),
    )
