"""
Simple conditions of Arazzo 1.0.1: ``$statusCode == 200 && !($response.body#/items[0].closed)``.

::

    either   both ('||' both)*
    both     compared ('&&' compared)*
    compared negated (('<' | '<=' | '>' | '>=' | '==' | '!=') negated)?
    negated  '!' negated | operand
    operand  '(' either ')' | literal | expression | '{' expression '}'

An expression ends at white space or at a character that is an operator; what cannot be written so (a header whose
name holds ``!``) is written as a regex or JSONPath criterion with a context.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.exchanges import MISSING
from joinedup.scenarios.expressions import (
    LONGEST,
    Expression,
    ExpressionError,
    Render,
    Scope,
    parse,
    shown,
)

MAX_DEPTH = 50
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
_TOKENS = re.compile(
    r"""\s*(?:
      (?P<expression>\{?\$(?:[^\s()<>=!&|\[\]{},]|\[(?:\d+|'[^']*')\])+\}?)
    | (?P<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<string>'(?:[^']|'')*')
    | (?P<word>true|false|null)(?!\w)
    | (?P<operator><=|>=|==|!=|&&|\|\||[<>!()])
    )\s*""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Condition:
    """
    A condition, read once.

    Args:
        evaluate: gives its value in a scope; never raises.
        expressions: every expression in it.
    """

    evaluate: Render
    expressions: tuple[Expression, ...]

    def holds(self, scope: Scope) -> bool:
        """Whether it is true, or a value that counts as true."""
        return is_true(self.evaluate(scope))


def condition(text: str) -> Condition:
    """
    Read a simple condition.

    Raises:
        ExpressionError: it is none.
    """
    inner = re.fullmatch(r"\s*\{\s*(\$[^{}]*)\}\s*", text)  # as in the specification's example of components
    reader = _Reader(inner[1] if inner else text)
    evaluate = reader.either()
    reader.end()
    return Condition(evaluate, tuple(reader.expressions))


class _Reader:
    """Reads a condition by recursive descent."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.expressions: list[Expression] = []
        self._tokens = _tokens(text)
        self._position = 0
        self._depth = 0

    def _next(self, *operators: str) -> str | None:
        """The operator at hand where it is one of these, which is then behind us."""
        if self._position < len(self._tokens):
            kind, token = self._tokens[self._position]
            if kind == "operator" and token in operators:
                self._position += 1
                return token
        return None

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self._position < len(self._tokens):
            raise ExpressionError(
                f"{shown(self.text)}: {shown(self._tokens[self._position][1])} was not expected there."
            )

    def either(self) -> Render:
        """One condition of several, or the only one."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"{shown(self.text)} is nested more than {MAX_DEPTH} levels deep.")
        options = [self._both()]
        while self._next("||"):
            options.append(self._both())
        self._depth -= 1
        return options[0] if len(options) == 1 else lambda scope: any(is_true(o(scope)) for o in options)

    def _both(self) -> Render:
        parts = [self._compared()]
        while self._next("&&"):
            parts.append(self._compared())
        return parts[0] if len(parts) == 1 else lambda scope: all(is_true(p(scope)) for p in parts)

    def _compared(self) -> Render:
        left = self._negated()
        sign = self._next(*_COMPARISONS)
        if sign is None:
            return left
        right, compare = self._negated(), _COMPARISONS[sign]
        return lambda scope: compare(left(scope), right(scope))

    def _negated(self) -> Render:
        count = 0
        while self._next("!"):
            count += 1
        inner = self._operand()
        if not count:
            return inner
        wanted = count % 2 == 0
        return lambda scope: is_true(inner(scope)) is wanted

    def _operand(self) -> Render:
        if self._next("("):
            inner = self.either()
            if not self._next(")"):
                raise ExpressionError(f"{shown(self.text)}: a bracket is not closed.")
            return inner
        if self._position >= len(self._tokens):
            raise ExpressionError(f"{shown(self.text)}: a value is missing at the end.")
        kind, token = self._tokens[self._position]
        if kind == "operator":
            raise ExpressionError(f"{shown(self.text)}: a value was expected before {shown(token)}.")
        self._position += 1
        if kind != "expression":
            literal = _literal(kind, token)
            return lambda _: literal
        expression = parse(token.strip("{}"))
        self.expressions.append(expression)
        return expression.value


def _tokens(text: str) -> list[tuple[str, str]]:
    if len(text) > LONGEST:
        raise ExpressionError(f"A condition holds {len(text):,} characters; at most {LONGEST:,} are read.")
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKENS.match(text, position)
        if match is None or match.lastgroup is None:
            raise ExpressionError(
                f"{shown(text)} cannot be read from character {position + 1}: {_hint(text)}"
            )
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


def _hint(text: str) -> str:
    if '"' in text:
        return "a text stands in single quotes."
    return "expected are expressions, literals and the operators < <= > >= == != ! && || ( )."


def _literal(kind: str, token: str) -> Any:
    if kind == "string":
        return token[1:-1].replace("''", "'")
    if kind == "word":
        return _WORDS[token]
    return float(token) if re.search(r"[.eE]", token) else int(token)


# Loose comparison


def is_true(value: Any) -> bool:
    """Whether a value counts as true: not null, missing, false, 0 or an empty text."""
    return bool(value) or isinstance(value, dict | list)


def equal(left: Any, right: Any) -> bool:
    """Equality as conditions have it: texts without regard to case, a missing value is null, '200' equals 200."""
    left, right = _levelled(left, right)
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return bool(left == right)


def _levelled(left: Any, right: Any) -> tuple[Any, Any]:
    """Two values made comparable: the text of a number or truth value beside one counts as what it spells."""
    left, right = (None if value is MISSING else value for value in (left, right))
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold(), right.casefold()
    if isinstance(left, str) and isinstance(right, int | float):
        return _spelled(left), right
    if isinstance(right, str) and isinstance(left, int | float):
        return left, _spelled(right)
    return left, right


def _spelled(text: str) -> Any:
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    try:
        return float(text) if len(text) < 40 else text
    except ValueError:
        return text


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compared(left: Any, right: Any) -> bool:
        left, right = _levelled(left, right)
        if isinstance(left, bool) or isinstance(right, bool):
            return False
        if isinstance(left, str) is not isinstance(right, str) or not isinstance(left, str | int | float):
            return False
        return isinstance(right, str | int | float) and compare(left, right)

    return compared


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
}
