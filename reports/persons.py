"""Whether two texts such as ``Ann Example, product owner, Acme Care`` name the same person."""

from __future__ import annotations

import re

TITLES = frozenset(
    {"dame", "dr", "lady", "lord", "miss", "mr", "mrs", "ms", "mx", "prof", "professor", "rev", "sir"}
)
_MAIL = re.compile(r"[^\s<>,;()]+@[^\s<>,;()]+")
_PARTS = re.compile(r"[,;:(<>)/|\[\]]|\s[-–—]\s|[–—]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def is_named(text: str) -> bool:
    """Whether a text begins with the name of somebody."""
    return bool(_MAIL.search(text) or _names(text)[0])


def is_same(one: str, other: str) -> bool:
    """
    Whether both texts name one person, however the name is written.

    ``Ann Example``, ``ann example (DPO)``, ``Dr Ann Example``, ``A. Example``, ``Example, Ann`` and ``DPO: Ann Example``
    are one; so are two texts with one address for mail.
    """
    if {mail.casefold() for mail in _MAIL.findall(one)} & {mail.casefold() for mail in _MAIL.findall(other)}:
        return True
    (name, more), (their_name, their_more) = _names(one), _names(other)
    return any(
        (mine and mine == theirs) or _match(mine, theirs)
        for mine, theirs in ((name, their_name), (name, their_more), (more, their_name))
    )


def _names(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words before the first comma or bracket; and those of the second part, or of both where each is one word."""
    parts = [_words(part) for part in _PARTS.split(_MAIL.sub(" ", text))]
    first, second = (*parts, (), ())[:2]
    if len(first) == len(second) == 1:
        return first, second + first  # Example, Ann
    return first, second


def _words(text: str) -> tuple[str, ...]:
    words = (word.casefold() for word in _WORD.findall(text))
    return tuple(word for word in words if word not in TITLES)


def _match(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """The same last word, and first words that are the same or of which one is the initial of the other."""
    if len(one) < 2 or len(other) < 2 or one[-1] != other[-1]:
        return False
    short, long = sorted((one[0], other[0]), key=len)
    return short == long or (len(short) == 1 and long.startswith(short))
