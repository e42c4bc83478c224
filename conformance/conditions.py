"""
Conditions: names joined by ``and``, ``or``, ``not`` and parentheses, evaluated on the names that are present.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from joinedup.conformance.errors import ConfigurationError

_TOKEN = re.compile(r"\s*(\(|\)|[A-Za-z0-9_.:-]+)")
CAPABILITY = "capability:"
"""What stands before the name of a capability, so that it cannot be taken for a feature: ``capability:read-child``."""

MAX_CONDITION = 1_000
MAX_NESTING = 40


def is_true(expression: str, present: Iterable[str], known: Iterable[str]) -> bool:
    """
    Whether a condition is true; an empty one is.

    Args:
        expression: such as ``security.bearer and not (paging.cursor or create)``.
        present: the names that are there.
        known: every name that may be used.

    Raises:
        ConfigurationError: the condition cannot be read, or it names something unknown.
    """
    if not expression.strip():
        return True
    return _Condition(expression, frozenset(present), frozenset(known)).value()


@dataclass
class _Condition:
    """Reads a condition from left to right; ``not`` binds closest, then ``and``, then ``or``."""

    expression: str
    present: frozenset[str]
    known: frozenset[str]
    _tokens: list[str] = field(default_factory=list)

    def value(self) -> bool:
        self._tokens = list(self._read())
        if sum(token in {"(", "not"} for token in self._tokens) > MAX_NESTING:
            raise self._fault(f"it is nested more than {MAX_NESTING} levels deep")
        result = self._or()
        if self._tokens:
            raise self._fault(f"{self._tokens[0]!r} comes where it should end")
        return result

    def _read(self) -> Iterator[str]:
        if len(self.expression) > MAX_CONDITION:
            raise self._fault(f"it is longer than {MAX_CONDITION:,} characters")
        position, text = 0, self.expression.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._fault(f"{text[position:].strip()[:20]!r} cannot be read")
            yield match[1]
            position = match.end()

    def _or(self) -> bool:
        result = self._and()
        while self._take("or"):
            right = self._and()
            result = result or right
        return result

    def _and(self) -> bool:
        result = self._not()
        while self._take("and"):
            right = self._not()
            result = result and right
        return result

    def _not(self) -> bool:
        if self._take("not"):
            return not self._not()
        if self._take("("):
            result = self._or()
            if not self._take(")"):
                raise self._fault("a closing parenthesis is missing")
            return result
        return self._name()

    def _name(self) -> bool:
        if not self._tokens or self._tokens[0] in {"and", "or", ")"}:
            raise self._fault("a feature's name is missing")
        name = self._tokens.pop(0)
        if name not in self.known:
            near = get_close_matches(name, sorted(self.known), n=1)
            raise self._fault(f"{name!r} is not known", hint=f"Did you mean {near[0]}?" if near else "")
        return name in self.present

    def _take(self, token: str) -> bool:
        if self._tokens and self._tokens[0] == token:
            self._tokens.pop(0)
            return True
        return False

    def _fault(self, what: str, hint: str = "") -> ConfigurationError:
        return ConfigurationError(
            f"The condition {self.expression[:200]!r} cannot be used: {what}.", hint=hint
        )
