"""
From a request that went over the wire to steps that anyone can send again.

A value that the system gave is not printed: an earlier step fetches it. What the harness made stands as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from joinedup.conformance.exchanges import MISSING, Reference, Step, Text
from joinedup.conformance.knowledge import Knowledge

MAX_DEPTH = 6
# Headers that the client library, the connection or the credential puts in; the rest was part of the test.
AUTOMATIC = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "user-agent",
        "transfer-encoding",
        "x-schemathesis-testcaseid",
    }
)


def step_from_wire(
    method: str,
    raw_path: str,
    template: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    operation: str,
    identity: str | None,
) -> Step:
    """
    The step that sends the same bytes again.

    Args:
        raw_path: path below the base URL, percent-encoded, with its query.
        template: the operation's path template; parameters that fill it cleanly become path parameters.
    """
    path, _, query = raw_path.partition("?")
    values = _filled(template, path)
    pairs = tuple(parse_qsl(query, keep_blank_values=True, errors="surrogateescape")) if query else ()
    kept = {name: value for name, value in headers.items() if name.lower() not in AUTOMATIC}
    media_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    step = Step(method, path, {}, pairs, kept, _body(body, media_type), media_type, identity, operation)
    return step if values is None else replace(step, path=template, path_parameters=values)


def _filled(template: str, path: str) -> dict[str, Any] | None:
    """Values of the template's parameters in a path, or None where filling them in again gives another path."""
    names = re.findall(r"\{([^{}]+)\}", template)
    pattern = re.sub(r"\\\{[^{}]+\\\}", "([^/]*)", re.escape(template))
    found = re.fullmatch(pattern, path)
    if found is None:
        return None
    values = {
        name: unquote(raw, errors="surrogateescape") for name, raw in zip(names, found.groups(), strict=True)
    }
    return (
        values
        if all(values.values()) and not any("\udc80" <= c <= "\udcff" for v in values.values() for c in v)
        else None
    )


def _body(body: bytes | None, media_type: str) -> Any:
    if not body:
        return MISSING
    text = body.decode("utf-8", "surrogateescape")
    if "json" in media_type:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return Text(text)
        # A body that JSON reads but would write differently (NaN, duplicate keys) goes as it went.
        return (
            value
            if isinstance(value, dict | list) and "NaN" not in text and "Infinity" not in text
            else Text(text)
        )
    return Text(text)


@dataclass
class Reproduction:
    """
    Collects steps, giving names, and putting first what fetches the values that they need.

    Args:
        knowledge: where values came from.
        shown: whether a value may stand as it is.
    """

    knowledge: Knowledge
    shown: Callable[[Any], bool]
    steps: list[Step] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)

    def add(self, step: Step, depth: int = 0) -> Step:
        """Add a step with its known values replaced by references; gives the step as added."""
        referenced = replace(
            step,
            path_parameters={
                name: self._value(value, depth, step) for name, value in step.path_parameters.items()
            },
            query=tuple((name, self._value(value, depth, step)) for name, value in step.query),
            headers={name: self._value(value, depth, step) for name, value in step.headers.items()},
            body=step.body
            if step.body is MISSING or isinstance(step.body, Text)
            else self._value(step.body, depth, step),
        )
        named = replace(referenced, name=f"s{len(self.steps)}")
        self.steps.append(named)
        self._names[id(step)] = named.name
        return named

    def _value(self, value: Any, depth: int, within: Step) -> Any:
        if isinstance(value, dict):
            return {key: self._value(item, depth, within) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item, depth, within) for item in value]
        origin = None if self.shown(value) else self.knowledge.origin(value)
        if origin is None or depth >= MAX_DEPTH:
            return value
        if origin.step is None:
            return origin.reference
        if origin.step is within:
            return value
        name = self._names.get(id(origin.step)) or self.add(origin.step, depth + 1).name
        return replace(origin.reference, step=name)


def steps_for(knowledge: Knowledge, shown: Callable[[Any], bool], steps: Iterable[Step]) -> tuple[Step, ...]:
    """Steps that stand on their own: what they need is fetched first; the last one is the one that is judged."""
    reproduction = Reproduction(knowledge, shown)
    for step in steps:
        reproduction.add(step)
    return tuple(reproduction.steps)


def references_in(step: Step) -> list[Reference]:
    """Every reference that a step holds."""
    found: list[Reference] = []
    stack: list[Any] = [
        *step.path_parameters.values(),
        *(value for _, value in step.query),
        *step.headers.values(),
    ]
    if step.body is not MISSING and not isinstance(step.body, Text):
        stack.append(step.body)
    while stack:
        item = stack.pop()
        if isinstance(item, Reference):
            found.append(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return found
