"""
JSONPath queries (RFC 9535), by the library jsonpath-rfc9535, with patterns that cannot run for ever.
"""

from __future__ import annotations

from typing import Any

import regex
from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathError
from jsonpath_rfc9535.function_extensions import ExpressionType, FilterFunction
from jsonpath_rfc9535.function_extensions._pattern import map_re
from jsonpath_rfc9535.query import JSONPathQuery

from joinedup.conformance.exchanges import MISSING
from joinedup.scenarios.expressions import LONGEST, ExpressionError, shown

PATTERN_TIMEOUT_S = 1.0
MOST_DESCENTS = 2
"""Each ``..`` multiplies the nodes that are visited."""


class _Pattern(FilterFunction):
    """The functions ``match`` and ``search``; a pattern that takes too long matches nothing."""

    arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012 - as the library declares it
    return_type = ExpressionType.LOGICAL

    def __init__(self, *, whole: bool) -> None:
        self._find = regex.fullmatch if whole else regex.search

    def __call__(self, text: object, pattern: object) -> bool:
        """Whether a text is, or holds, what the pattern says."""
        if not isinstance(text, str) or not isinstance(pattern, str):
            return False
        try:
            return bool(self._find(map_re(pattern), text, timeout=PATTERN_TIMEOUT_S))
        except (regex.error, TimeoutError):
            return False


class _Environment(JSONPathEnvironment):
    def setup_function_extensions(self) -> None:
        """The standard functions, with patterns that end."""
        super().setup_function_extensions()
        self.function_extensions["match"] = _Pattern(whole=True)
        self.function_extensions["search"] = _Pattern(whole=False)


_ENVIRONMENT = _Environment()


def query(text: str) -> JSONPathQuery:
    """
    Read a query.

    Raises:
        ExpressionError: it is none, or one that would visit too much.
    """
    if len(text) > LONGEST or text.count("..") > MOST_DESCENTS:
        raise ExpressionError(
            f"{shown(text)}: a query holds at most {LONGEST:,} characters and {MOST_DESCENTS} descents (..)."
        )
    try:
        return _ENVIRONMENT.compile(text)
    except (JSONPathError, RecursionError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ExpressionError(f"{shown(text)} is no JSONPath query (RFC 9535): {said}.") from None


def selects(compiled: JSONPathQuery, value: Any) -> bool:
    """Whether a query selects at least one node of a value."""
    if value is MISSING:
        return False
    try:
        return next(iter(compiled.finditer(value)), None) is not None
    except (JSONPathError, RecursionError):
        return False
