"""
Criteria: simple, regex and JSONPath assertions, read once.
"""

from __future__ import annotations

import json
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
    return (_regex if kind == "regex" else _jsonpath)(text, context), (context,)


def _regex(text: str, context: Expression) -> Render:
    if len(text) > LONGEST:
        raise ExpressionError(f"A pattern holds {len(text):,} characters; at most {LONGEST:,} are read.")
    try:
        pattern = regex.compile(text)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ExpressionError(f"{shown(text)} is no regular expression: {error}.") from None

    def holds(scope: Scope) -> bool:
        value = context.value(scope)
        if value is MISSING:
            return False
        try:
            return pattern.search(_as_text(value)[:LONGEST_MATCHED], timeout=PATTERN_TIMEOUT_S) is not None
        except TimeoutError:
            return False

    return holds


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _jsonpath(text: str, context: Expression) -> Render:
    compiled = query(text)
    return lambda scope: selects(compiled, context.value(scope))
