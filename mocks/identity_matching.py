"""
How surely somebody is who is asked for: each detail that was sent is compared by itself, and weighs what it can tell.

A name counts in part where it is nearly right, a birthday where one of day, month and year is wrong or day and month
changed places. An NHS number that is right is as good as a birthday and a name together.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

CONFIDENT, POSSIBLE, LEAD = 0.9, 0.6, 0.1
MOST_CANDIDATES = 5

_WEIGHTS = {
    "nhsNumber": 0.6,
    "familyName": 0.3,
    "dateOfBirth": 0.3,
    "givenName": 0.25,
    "postcode": 0.1,
    "telephone": 0.1,
    "sex": 0.05,
}
_NEARLY = 0.8
_IN_PART = 0.6


def confidence(sent: Mapping[str, Any], person: Mapping[str, Any]) -> float:
    """
    From 0 to 1, in hundredths; 0 where the date of birth is quite another.

    Args:
        sent: details of a specification, by their names in the contract.
        person: the record that they are compared with.
    """
    known = {**person, "postcode": person.get("address", {}).get("postcode")}
    if _alike_dates(sent["dateOfBirth"], known["dateOfBirth"]) == 0:
        return 0.0
    asked = {name: value for name, value in sent.items() if name in _WEIGHTS}
    if known.get("familyName") is not None:
        # Not to say the family name of somebody who has one leaves room for doubt.
        asked.setdefault("familyName", None)
    total = sum(_WEIGHTS[name] for name in asked)
    alike = sum(_WEIGHTS[name] * _alike(name, value, known) for name, value in asked.items())
    return round(alike / total, 2)


def _alike(name: str, sent: str | None, known: Mapping[str, Any]) -> float:
    value = known.get(name)
    if name == "nhsNumber":
        return float(sent == value or sent in known.get("formerNhsNumbers", ()))
    if sent is None or value is None:
        return _IN_PART if name == "familyName" else 0.0
    if name == "dateOfBirth":
        return _alike_dates(sent, value)
    if name in ("givenName", "familyName"):
        return _alike_names(sent, value)
    return float(sent == value or (name == "sex" and "U" in (sent, value)))


def _alike_dates(sent: str, known: str) -> float:
    one, other = sent.split("-"), known.split("-")
    wrong = sum(a != b for a, b in zip(one, other, strict=True))
    swapped = one[0] == other[0] and one[1:] == other[:0:-1]
    return 1.0 if wrong == 0 else _IN_PART if wrong == 1 or swapped else 0.0


def _alike_names(sent: str, known: str) -> float:
    one, other = plain(sent), plain(known)
    if one == other:
        return 1.0
    return _IN_PART if SequenceMatcher(None, one, other).ratio() >= _NEARLY else 0.0


def plain(name: str) -> str:
    """A name without case, accents, spaces, apostrophes and hyphens."""
    bare = unicodedata.normalize("NFD", name.casefold())
    letters = "".join(c for c in bare if c.isalnum())
    return letters or name
