"""
Whether a regular expression of a contract can be used: it compiles, and cannot hang a backtracking engine.

Responses are judged by an engine with a limit on backtracking, but generators use Python's, which has none.
"""

from __future__ import annotations

import re
import re._constants as codes  # type: ignore[import-not-found, unused-ignore]
import re._parser as parser  # type: ignore[import-not-found, unused-ignore]
import warnings
from functools import lru_cache
from typing import Any

import jsonschema_rs

MAX_LENGTH = 50_000
_UNBOUNDED = 25
"""A repeat of this many or more counts as endless: 2 to the 25th steps already hang."""
_PROBES = tuple(chr(code) for code in (*range(32, 127), 9, 10, 0xE9, 0x4E00))
_REPEATS = frozenset({codes.MAX_REPEAT, codes.MIN_REPEAT})


@lru_cache(maxsize=4096)
def compiles(pattern: str) -> bool:
    """Whether a pattern is a regular expression of ECMA-262, of a bearable length."""
    if len(pattern) > MAX_LENGTH:
        return False
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def can_hang(pattern: str) -> bool:
    """
    Whether a repeat holds a repeat with nothing certain between its rounds.

    ``(a+)+`` does: a text of n letters can be cut in 2 to the n ways. ``([a-z]+-)*`` does not, because the hyphen
    ends each round. A pattern that only ECMA-262 understands is not judged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return any(_ambiguous(round_) for body in _endless_bodies(tree) for round_ in _rounds(body)) or any(
        _overlapping(_rounds(body)) for body in _endless_bodies(tree)
    )


def _rounds(body: Any) -> list[Any]:
    """What one round of a repeat may be: the alternatives where it is a choice, else the body."""
    items = _flat(body)
    if len(items) == 1 and items[0][0] is codes.BRANCH:
        return [round_ for alternative in items[0][1][1] for round_ in _rounds(alternative)]
    return [items]


def _overlapping(rounds: list[Any]) -> bool:
    """Whether two alternatives of one character each share a character."""
    single = [_characters(items) for items in rounds if len(items) == 1 and items[0][0] not in _REPEATS]
    return any(not one.isdisjoint(other) for index, one in enumerate(single) for other in single[:index])


def _endless_bodies(tree: Any) -> list[Any]:
    found: list[Any] = []
    for code, argument in tree:
        if code in _REPEATS:
            if argument[1] >= _UNBOUNDED:
                found.append(argument[2])
            found.extend(_endless_bodies(argument[2]))
        else:
            for child in _children(code, argument):
                found.extend(_endless_bodies(child))
    return found


def _children(code: Any, argument: Any) -> list[Any]:
    if code is codes.SUBPATTERN:
        return [argument[3]]
    if code is codes.BRANCH:
        return list(argument[1])
    if code in {codes.ASSERT, codes.ASSERT_NOT}:
        return [argument[1]]
    return []


def _ambiguous(body: Any) -> bool:
    """Whether one round's characters, taken by an inner repeat, could as well begin another round."""
    items = _flat(body)
    inner = [argument for code, argument in items if code in _REPEATS and argument[1] >= _UNBOUNDED]
    for repeat in inner:
        own = _characters(repeat[2])
        certain = [item for item in items if not _is_optional(item) and item[1] is not repeat]
        if not any(own.isdisjoint(_characters([item])) for item in certain):
            return True
    return False


def _flat(body: Any) -> list[Any]:
    """The items of a body, groups that are not repeated opened; a choice stays one item."""
    flat: list[Any] = []
    for code, argument in body:
        if code is codes.SUBPATTERN:
            flat.extend(_flat(argument[3]))
        elif code is codes.BRANCH and len(argument[1]) == 1:
            flat.extend(_flat(argument[1][0]))
        else:
            flat.append((code, argument))
    return flat


def _is_optional(item: Any) -> bool:
    code, argument = item
    return (code in _REPEATS and argument[0] == 0) or code in {codes.AT, codes.ASSERT, codes.ASSERT_NOT}


def _characters(body: Any) -> frozenset[str]:
    """Which probe characters can occur in what a body matches."""
    found: set[str] = set()
    for code, argument in body:
        if code in _REPEATS:
            found |= _characters(argument[2])
        elif _children(code, argument):
            found |= set().union(*(_characters(child) for child in _children(code, argument)))
        else:
            found |= _single(code, argument)
    return frozenset(found)


def _single(code: Any, argument: Any) -> set[str]:
    if code is codes.LITERAL:
        return {chr(argument)}
    if code is codes.NOT_LITERAL:
        return set(_PROBES) - {chr(argument)}
    if code is codes.IN:
        inverted = argument[0][0] is codes.NEGATE
        members = set().union(
            *(_single(inner, value) for inner, value in argument if inner is not codes.NEGATE)
        )
        return set(_PROBES) - members if inverted else members
    if code is codes.RANGE:
        return {probe for probe in _PROBES if argument[0] <= ord(probe) <= argument[1]}
    if code is codes.CATEGORY:
        return {probe for probe in _PROBES if _in_category(probe, argument)}
    return set(_PROBES)


def _in_category(probe: str, category: Any) -> bool:
    name = str(category)
    holds = (
        probe.isdigit()
        if name.endswith("DIGIT")
        else probe.isspace()
        if name.endswith("SPACE")
        else probe.isalnum() or probe == "_"
    )
    return holds != ("NOT" in name)
