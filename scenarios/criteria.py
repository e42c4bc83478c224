"""
Criteria: simple, regex and JSONPath assertions, read once.
"""

from __future__ import annotations

import json
import re
from typing import Any

import regex

from joinedup.conformance.exchanges import MISSING
from joinedup.scenarios.conditions import condition
from joinedup.scenarios.expressions import LONGEST, Expression, ExpressionError, Render, Scope, parse, shown
from joinedup.scenarios.jsonpath import PATTERN_TIMEOUT_S, query, selects
from joinedup.scenarios.model import Criterion
from joinedup.scenarios.reading import Node

_KINDS = ("simple", "regex", "jsonpath", "xpath")
_VERSIONS = {"jsonpath": ("draft-goessner-dispatch-jsonpath-00",)}
LONGEST_MATCHED = 1_000_000
_EMBEDDED = re.compile(r"\{(\$(?:inputs|steps|outputs|workflows)\.[^{}]+)\}")


def read_criteria(node: Node, key: str) -> tuple[Criterion, ...]:
    """The criteria of a step or an action; those that cannot be read are noted and left out."""
    found = (_criterion(item) for item in node.items(key))
    return tuple(criterion for criterion in found if criterion is not None)


def _criterion(node: Node) -> Criterion | None:
    if not node.is_object("A criterion", ("context", "condition", "type")):
        return None
    kind = _kind(node)
    text = node.text("condition", required=True)
    if not kind or not text:
        return None
    try:
        context = parse(node.text("context")) if node.has("context") else None
        holds, expressions = _assertion(kind, text, context)
    except ExpressionError as error:
        node.note(str(error))
        return None
    return Criterion(
        kind,
        text,
        holds,
        expressions,
        node.place,
        context,
        node.texts("x-requirements"),
        node.text_or_texts("x-system"),
        node.text("x-feature"),
    )


def _kind(node: Node) -> str:
    if not node.has("type"):
        return "simple"
    written = node.get("type")
    holder, key = (written, "type") if isinstance(written.value, dict) else (node, "type")
    kind = holder.text(key, required=True, options=_KINDS)
    if kind == "xpath":
        holder.get(key).note("XPath is not supported; use a regex, or JSONPath for an answer in JSON.")
        return ""
    if holder is written:
        if kind not in _VERSIONS:
            written.note("A type with a version is jsonpath.")
            return ""
        written.text("version", required=True, options=_VERSIONS[kind])
    return kind


def _assertion(kind: str, text: str, context: Expression | None) -> tuple[Render, tuple[Expression, ...]]:
    if kind == "simple":
        simple = condition(text)
        return simple.holds, (*simple.expressions, *((context,) if context else ()))
    if context is None:
        raise ExpressionError(f"A criterion of the type {kind} needs a context.")
    if kind == "jsonpath":
        return _jsonpath(text, context), (context,)
    embedded = tuple(parse(written) for written in _EMBEDDED.findall(text))
    return _regex(text, context, embedded), (context, *embedded)


def _regex(text: str, context: Expression, embedded: tuple[Expression, ...]) -> Render:
    """
    A pattern, in which an expression in braces stands for its value, letter by letter.

    What must not be told is so named by the value of a person, whatever the property is called that would tell it.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"A pattern holds {len(text):,} characters; at most {LONGEST:,} are read.")
    parts = _EMBEDDED.split(text)[::2]
    pattern = _compiled("x".join(parts), text)

    def holds(scope: Scope) -> bool:
        value = context.value(scope)
        named = [expression.value(scope) for expression in embedded]
        # A value that is not there would make "it is not told" true of everything.
        if value is MISSING or any(each in (MISSING, None, "") for each in named):
            return False
        written = [regex.escape(_within(each)) for each in named]
        whole = "".join(part + value for part, value in zip(parts, [*written, ""], strict=True))
        found = _compiled(whole, text) if embedded else pattern
        try:
            return found.search(_as_text(value)[:LONGEST_MATCHED], timeout=PATTERN_TIMEOUT_S) is not None
        except TimeoutError:
            return False

    return holds


def _compiled(pattern: str, written: str) -> regex.Pattern[str]:
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ExpressionError(f"{shown(written)} is no regular expression: {error}.") from None


def _within(value: Any) -> str:
    """A value as it stands within the JSON text that a pattern is held against."""
    return json.dumps(value, ensure_ascii=False)[1:-1] if isinstance(value, str) else _as_text(value)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _jsonpath(text: str, context: Expression) -> Render:
    compiled = query(text)
    return lambda scope: selects(compiled, context.value(scope))
