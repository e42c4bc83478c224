"""
Runtime expressions of Arazzo 1.0.1: ``$response.body#/items/0``, ``$steps.find.outputs.id``, ``Bearer {$inputs.token}``.

::

    expression   one reference, parsed once, evaluated against a scope
    template     any JSON value with expressions in it: as a whole string, or embedded in one as {$…}
    scope        what expressions can see at one moment of one play

A value that is not there is ``MISSING``: never an error here, because whoever asks knows what that means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.exchanges import MISSING, Exchange, Step, Text

LONGEST = 4000
"""Characters of one expression or condition."""
ROOTS = frozenset(
    {
        *("url", "method", "statusCode", "request", "response", "inputs", "outputs"),
        *("steps", "workflows", "sourceDescriptions", "components"),
    }
)
_START = re.compile(r"\$([A-Za-z]+)")
_ACCESSOR = re.compile(r"\.([^.\[\]#]+)|\[(\d{1,9})\]|\['([^']*)'\]")
# Behind a pointer, as simple conditions have it: $response.body#/items[0].id.
_TAIL = re.compile(r"\[\d{1,9}\](?:\[\d{1,9}\]|\.[^.\[\]/]+)*$")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_EMBEDDED = re.compile(r"\{(\$[^{}]*)\}")
_SOLE = frozenset({"url", "method", "statusCode"})
_SOURCES = {"request": ("header", "query", "path", "body"), "response": ("header", "body")}

Part = str | int


class ExpressionError(ValueError):
    """Raised when a text is no expression, condition or template; the message is one sentence."""


class MissingValueError(Exception):
    """Raised when a text needs a value that is not there."""

    def __init__(self, expression: Expression) -> None:
        super().__init__(f"{expression.text} gives no value")
        self.expression = expression


@dataclass(frozen=True)
class Finished:
    """A workflow that was played: what it was given and what it gave."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


class Scope:
    """
    What expressions can see.

    Args:
        inputs, outputs: of the workflow that is played.
        steps: outputs by step, of those that were played.
        workflows: those that were played, by id.
        sources: address by name of source description.
        components: value by name of reusable parameter.
        exchange: the last one of the step at hand, or None before it was sent.
        url: where the exchange's request went.
    """

    __slots__ = (
        "_body",
        "components",
        "exchange",
        "inputs",
        "outputs",
        "sources",
        "steps",
        "url",
        "workflows",
    )

    def __init__(
        self,
        inputs: Mapping[str, Any],
        *,
        outputs: Mapping[str, Any] | None = None,
        steps: Mapping[str, Mapping[str, Any]] | None = None,
        workflows: Mapping[str, Finished] | None = None,
        sources: Mapping[str, str] | None = None,
        components: Mapping[str, Any] | None = None,
        exchange: Exchange | None = None,
        url: str = "",
    ) -> None:
        self.inputs = inputs
        self.outputs: Mapping[str, Any] = {} if outputs is None else outputs
        self.steps: Mapping[str, Mapping[str, Any]] = {} if steps is None else steps
        self.workflows: Mapping[str, Finished] = {} if workflows is None else workflows
        self.sources: Mapping[str, str] = {} if sources is None else sources
        self.components: Mapping[str, Any] = {} if components is None else components
        self.exchange, self.url = exchange, url
        self._body: Any = self

    def after(self, exchange: Exchange | None, url: str, outputs: Mapping[str, Any] | None = None) -> Scope:
        """The same scope once something was sent; its outputs are those of the workflow that a step called."""
        return Scope(
            self.inputs,
            outputs=self.outputs if outputs is None else outputs,
            steps=self.steps,
            workflows=self.workflows,
            sources=self.sources,
            components=self.components,
            exchange=exchange,
            url=url,
        )

    @property
    def body(self) -> Any:
        """The answer's JSON value, else its text; read once."""
        if self._body is self:
            self._body = _answer_body(self.exchange)
        return self._body


def _answer_body(exchange: Exchange | None) -> Any:
    if exchange is None or exchange.response is None or not exchange.response.body:
        return MISSING
    value = exchange.response.json()
    return exchange.response.body.decode(errors="replace") if value is MISSING else value


@dataclass(frozen=True)
class Expression:
    """
    One reference.

    Args:
        text: as written.
        root: what stands behind the dollar: ``inputs``, ``response`` and so on.
        parts: names and indexes that follow, in order; for a header its name in one part.
        pointer: tokens of the JSON pointer at its end; None where it has none.
    """

    text: str
    root: str
    parts: tuple[Part, ...] = ()
    pointer: tuple[str, ...] | None = None

    def value(self, scope: Scope) -> Any:
        """What it refers to, with its type; ``MISSING`` where there is nothing."""
        found = _EVALUATORS[self.root](self, scope)
        return found if self.pointer is None else pointed(found, self.pointer)


def parse(text: str) -> Expression:
    """
    Read an expression that is the whole of a text.

    Raises:
        ExpressionError: it is none.
    """
    start = _START.match(text)
    if len(text) > LONGEST or start is None or start[1] not in ROOTS:
        known = ", ".join(f"${root}" for root in sorted(ROOTS))
        raise ExpressionError(f"{shown(text)} is no runtime expression; one starts with {known}.")
    root, rest = start[1], text[start.end() :]
    if root in _SOLE:
        return _whole(text, root, rest)
    if root in _SOURCES:
        return _of_message(text, root, rest)
    parts, pointer = _parts_and_pointer(text, rest)
    return _checked(Expression(text, root, parts, pointer))


def _whole(text: str, root: str, rest: str) -> Expression:
    if rest:
        raise ExpressionError(f"{shown(text)}: nothing may follow ${root}.")
    return Expression(text, root)


def _of_message(text: str, root: str, rest: str) -> Expression:
    source = next((name for name in _SOURCES[root] if re.match(rf"\.{name}(?![\w-])", rest)), None)
    if source is None:
        raise ExpressionError(f"{shown(text)}: ${root} is followed by one of .{', .'.join(_SOURCES[root])}.")
    rest = rest[len(source) + 1 :]
    if source == "body":
        parts, pointer = _parts_and_pointer(text, rest)
        return Expression(text, root, (source, *parts), pointer)
    name = rest[1:]
    if not name or rest[0] != "." or (source == "header" and not _TOKEN.fullmatch(name)):
        raise ExpressionError(f"{shown(text)}: .{source} is followed by a full stop and the name of one.")
    return Expression(text, root, (source, name))


def _parts_and_pointer(text: str, rest: str) -> tuple[tuple[Part, ...], tuple[str, ...] | None]:
    head, hash_sign, fragment = rest.partition("#")
    if not hash_sign:
        return _parts(text, head), None
    cut = _TAIL.search(fragment)
    if fragment and not fragment.startswith("/"):
        raise ExpressionError(f"{shown(text)}: the JSON pointer behind # starts with a slash.")
    if re.search(r"~(?![01])", fragment):
        raise ExpressionError(
            f"{shown(text)}: a ~ in a JSON pointer is written ~0, and a slash in a name ~1."
        )
    tail = tuple(str(part) for part in _parts(text, cut[0])) if cut else ()
    fragment = fragment[: cut.start()] if cut else fragment
    return _parts(text, head), (*pointer_tokens(fragment), *tail)


def pointer_tokens(pointer: str) -> tuple[str, ...]:
    """The tokens of a JSON pointer (RFC 6901) such as ``/items/0``."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def _parts(text: str, rest: str) -> tuple[Part, ...]:
    found: list[Part] = []
    position = 0
    while position < len(rest):
        match = _ACCESSOR.match(rest, position)
        if match is None:
            raise ExpressionError(
                f"{shown(text)} cannot be read from character {len(text) - len(rest) + position + 1}."
            )
        name, index, quoted = match.groups()
        found.append(int(index) if index is not None else name if name is not None else quoted)
        position = match.end()
    return tuple(found)


_FORMS: dict[str, tuple[int, str]] = {
    "inputs": (1, "$inputs.<name>"),
    "outputs": (1, "$outputs.<name>"),
    "steps": (3, "$steps.<stepId>.outputs.<name>"),
    "workflows": (3, "$workflows.<workflowId>.inputs.<name> or .outputs.<name>"),
    "sourceDescriptions": (2, "$sourceDescriptions.<name>.<url, operationId or workflowId>"),
    "components": (2, "$components.<kind>.<name>"),
}
_KINDS = {"steps": ("outputs",), "workflows": ("inputs", "outputs")}


def _checked(expression: Expression) -> Expression:
    least, form = _FORMS[expression.root]
    parts = expression.parts
    wrong = len(parts) < least or not all(isinstance(part, str) for part in parts[:least])
    if wrong or (expression.root in _KINDS and parts[1] not in _KINDS[expression.root]):
        raise ExpressionError(f"{shown(expression.text)} is not of the form {form}.")
    return expression


def shown(text: str) -> str:
    """A text for a sentence, cut where it is long."""
    return f"`{text[:80]}{'…' if len(text) > 80 else ''}`"


# Evaluation


def pointed(value: Any, tokens: tuple[str, ...]) -> Any:
    """What stands at a JSON pointer, or ``MISSING``."""
    for token in tokens:
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return MISSING
    return value


def _reached(value: Any, parts: tuple[Part, ...]) -> Any:
    """
    What a chain of names and indexes leads to, or ``MISSING``.

    A name may itself hold full stops (``^[a-zA-Z0-9.\\-_]+$``): the longest one that is there counts.
    """
    position = 0
    while position < len(parts):
        part = parts[position]
        if isinstance(part, int):
            if not isinstance(value, list) or part >= len(value):
                return MISSING
            value, position = value[part], position + 1
            continue
        if not isinstance(value, Mapping):
            return MISSING
        if part in value and position + 1 == len(parts):
            return value[part]
        end = next((end for end in _ends(parts, position) if _joined(parts, position, end) in value), None)
        if end is None:
            return MISSING
        value, position = value[_joined(parts, position, end)], end
    return value


def _ends(parts: tuple[Part, ...], start: int) -> Iterator[int]:
    """Where a name with full stops that starts at a part may end, the longest first."""
    end = start
    while end < len(parts) and isinstance(parts[end], str):
        end += 1
    return iter(range(end, start, -1))


def _joined(parts: tuple[Part, ...], start: int, end: int) -> str:
    return ".".join(str(part) for part in parts[start:end])


def _request(expression: Expression, scope: Scope) -> Any:
    if scope.exchange is None:
        return MISSING
    step, (source, *rest) = scope.exchange.step, expression.parts
    if source == "body":
        return _reached(_request_body(step), tuple(rest))
    name = str(rest[0])
    if source == "path":
        return step.path_parameters.get(name, MISSING)
    if source == "query":
        return next((value for key, value in step.query if key == name), MISSING)
    lowered = {key.lower(): value for key, value in step.headers.items()}
    return lowered.get(name.lower(), MISSING)


def _request_body(step: Step) -> Any:
    return step.body.text if isinstance(step.body, Text) else step.body


def _response(expression: Expression, scope: Scope) -> Any:
    source, *rest = expression.parts
    if source == "body":
        return _reached(scope.body, tuple(rest))
    if scope.exchange is None or scope.exchange.response is None:
        return MISSING
    return scope.exchange.response.headers.get(str(rest[0]), MISSING)


def _status(_: Expression, scope: Scope) -> Any:
    return scope.exchange.status if scope.exchange and scope.exchange.response else MISSING


def _workflow(expression: Expression, scope: Scope) -> Any:
    finished = scope.workflows.get(str(expression.parts[0]))
    if finished is None:
        return MISSING
    values = finished.inputs if expression.parts[1] == "inputs" else finished.outputs
    return _reached(values, expression.parts[2:])


def _component(expression: Expression, scope: Scope) -> Any:
    kind, *rest = expression.parts
    return _reached(scope.components, tuple(rest)) if kind == "parameters" else MISSING


def _source(expression: Expression, scope: Scope) -> Any:
    name, field = expression.parts[:2]
    return scope.sources.get(str(name), MISSING) if field == "url" else MISSING


_EVALUATORS: Mapping[str, Callable[[Expression, Scope], Any]] = {
    "url": lambda _, scope: scope.url or MISSING,
    "method": lambda _, scope: scope.exchange.step.method if scope.exchange else MISSING,
    "statusCode": _status,
    "request": _request,
    "response": _response,
    "inputs": lambda expression, scope: _reached(scope.inputs, expression.parts),
    "outputs": lambda expression, scope: _reached(scope.outputs, expression.parts),
    "steps": lambda expression, scope: _reached(
        scope.steps.get(str(expression.parts[0]), {}), expression.parts[2:]
    ),
    "workflows": _workflow,
    "sourceDescriptions": _source,
    "components": _component,
}


# Templates

Render = Callable[[Scope], Any]


@dataclass(frozen=True)
class Template:
    """
    A JSON value with expressions in it, read once.

    Args:
        render: gives the value in a scope, as a fresh copy where it holds expressions; parts of objects and lists
            whose whole value is missing are left out. Raises ``MissingValueError`` where a missing value is embedded
            in a text.
        expressions: every expression in it.
    """

    render: Render
    expressions: tuple[Expression, ...] = ()


def template(value: Any, *, escaped: bool = False) -> Template:
    """
    Read a value with expressions in it.

    Args:
        escaped: whether texts that are embedded are escaped as inside a JSON string.

    Raises:
        ExpressionError: a text starts like an expression or embeds one, and is none.
    """
    found: list[Expression] = []
    render = _renderer(value, found, escaped)
    return Template(render, tuple(found))


def _renderer(value: Any, found: list[Expression], escaped: bool) -> Render:
    if isinstance(value, str):
        return _text_renderer(value, found, escaped)
    before = len(found)
    if isinstance(value, dict):
        members = [(key, _renderer(item, found, escaped)) for key, item in value.items()]
        if len(found) > before:
            return lambda scope: {k: v for k, r in members if (v := r(scope)) is not MISSING}
    elif isinstance(value, list):
        items = [_renderer(item, found, escaped) for item in value]
        if len(found) > before:
            return lambda scope: [v for r in items if (v := r(scope)) is not MISSING]
    return lambda _: value


def _text_renderer(text: str, found: list[Expression], escaped: bool) -> Render:
    if re.match(r"\$[A-Za-z]", text):
        expression = parse(text)
        found.append(expression)
        return expression.value
    pieces = _EMBEDDED.split(text)
    if len(pieces) == 1:
        return lambda _: text
    # Every second piece is an expression, because the pattern has one group.
    expressions = [parse(piece) for piece in pieces[1::2]]
    found.extend(expressions)
    literals = pieces[::2]

    def render(scope: Scope) -> str:
        values = [_embedded(expression, scope, escaped) for expression in expressions]
        return literals[0] + "".join(v + after for v, after in zip(values, literals[1:], strict=True))

    return render


def _embedded(expression: Expression, scope: Scope, escaped: bool) -> str:
    value = expression.value(scope)
    if value is MISSING:
        raise MissingValueError(expression)
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)[1:-1] if escaped else value
