"""
Lists in answers: where the items stand, and what identifies each.
"""

from __future__ import annotations

from typing import Any

from joinedup.conformance.exchanges import MISSING, Exchange
from joinedup.conformance.knowledge import GENERIC_LISTS, context_of, normalise, singular
from joinedup.conformance.vocabulary import IDENTIFIERS


def items_of(exchange: Exchange) -> list[Any] | None:
    """The items of a list that was answered, or None where the answer is no list."""
    return list_in(exchange.json(), context_of(exchange.step.path)) if exchange.ok else None


def list_in(value: Any, context: str = "", depth: int = 0) -> list[Any] | None:
    """
    The list that an answer is about: itself, or the property that holds it.

    Of several lists, one of a general name (``items``) goes before one of the path's own name; otherwise there is none.
    """
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return None
    lists = {normalise(name): item for name, item in value.items() if isinstance(item, list)}
    own = [item for name, item in lists.items() if singular(name) == context]
    general = [item for name, item in lists.items() if name in GENERIC_LISTS]
    for found in (general, own, list(lists.values())):
        if len(found) == 1:
            return found[0]
    inner = [v for n, v in value.items() if normalise(n) in GENERIC_LISTS | {"embedded"}]
    return list_in(inner[0], context, depth + 1) if len(inner) == 1 and depth < 2 else None


def identifiers_in(exchange: Exchange) -> list[Any] | None:
    """What identifies each item of a list, in order; None where an item has nothing of the kind."""
    items = items_of(exchange)
    if items is None:
        return None
    found = [identifier_in(item, context_of(exchange.step.path)) for item in items]
    return None if MISSING in found else found


def identifier_in(value: Any, context: str, parameter: str = "") -> Any:
    """What identifies an object, or ``MISSING``; an identifier that stands alone is itself one."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    if not isinstance(value, dict):
        return MISSING
    named = {normalise(name): item for name, item in value.items() if _is_scalar(item)}
    wanted = (normalise(parameter), *IDENTIFIERS, context + "id")
    for name in wanted:
        if name and name in named:
            return named[name]
    inner = [item for name, item in value.items() if normalise(name) in GENERIC_LISTS | {"resource"}]
    return identifier_in(inner[0], context, parameter) if len(inner) == 1 else MISSING


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
