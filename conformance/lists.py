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
    # The items of /public-protection-notices may well be identified by noticeId.
    shorter = (name for name in named if name.endswith("id") and name != "id" and context.endswith(name[:-2]))
    wanted = (normalise(parameter), *IDENTIFIERS, context + "id", *shorter)
    for name in wanted:
        if name and name in named:
            return named[name]
    inner = [item for name, item in value.items() if normalise(name) in GENERIC_LISTS | {"resource"}]
    return identifier_in(inner[0], context, parameter) if len(inner) == 1 else MISSING


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def pointer_to_identifier(exchange: Exchange, place: int) -> str:
    """The JSON pointer to what identifies one item of a list; empty where there is none."""
    items, identifiers = items_of(exchange), identifiers_in(exchange)
    if items is None or identifiers is None or place >= len(items):
        return ""
    where = _pointer_to_list(exchange.json(), items)
    item = items[place]
    if where is None or not isinstance(item, dict):
        return "" if where is None else f"{where}/{place}"
    name = next((n for n, v in item.items() if v == identifiers[place]), "")
    return f"{where}/{place}/{escaped(name)}" if name else ""


def _pointer_to_list(value: Any, wanted: list[Any], pointer: str = "") -> str | None:
    if value == wanted and isinstance(value, list):
        return pointer
    if not isinstance(value, dict):
        return None
    inner = (_pointer_to_list(item, wanted, f"{pointer}/{escaped(name)}") for name, item in value.items())
    return next((found for found in inner if found is not None), None)


def escaped(name: str) -> str:
    """A property name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
