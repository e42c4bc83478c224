"""
Real people: the first valid NHS number outside the ranges for tests stops a run, before anything of the answer is kept.

What counts as one: ten digits with a right check digit, in a range that is given to people, which neither the harness
sent nor the contract declares. As text it counts wherever it stands: in a value, a name, a header, a body that is no
JSON. As a JSON integer it counts unless it is plainly a quantity, for a counter of bytes has ten digits too, and one in
twenty of them is a valid number. An integer is a quantity where all of this holds:

- no name on the way to it has a word that speaks of a person or an identifier (``nhsNumber``, ``patient``, ``id``, ``ref``);
- the nearest name says something (not ``value``, ``data``, ``items``), so that it is known what is counted;
- no object around it has a name that means personal data (``familyName``, ``dateOfBirth``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from stdnum.gb import nhs

from joinedup.conformance.errors import RealDataError
from joinedup.conformance.redaction import Redactor

# Neither part of a word or of a longer number nor of a decimal; a full stop may follow.
# What may not stand before is looked at after the first digit: a pattern that begins with a digit is searched for fast.
_TEN_DIGITS = re.compile(r"(\d(?<![\w-]\d)(?<!\d\.\d)\d{2}[ -]?\d{3}[ -]?\d{4})(?![\w-]|\.\d)")
# Where people's numbers lie: Scotland (a birthday first), Northern Ireland, England and Wales, Ireland. No person is
# given one that starts with 9 (set aside for tests), 5 or 86 to 89.
_ISSUED = re.compile(r"(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])\d{6}|3[2-9]\d{8}|[467]\d{9}|8[0-5]\d{8}")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# What in a name, small letters only, speaks of a person or of what identifies one; and whole words that do.
_OF_A_PERSON = re.compile(
    r"nhs|patient|person|people|pupil|child|student|learner|parent|carer|client|citizen|customer|subject|member|resident"
    r"|beneficiary|contact|identi|number|reference"
)
_WORDS_OF_A_PERSON = frozenset(
    {"chi", "id", "ids", "no", "nr", "ref", "key", "code", "user", "staff", "worker"}
)
# Names that do not say what a value is.
_SAYING_NOTHING = re.compile(
    r"(value|item|result|content|record|element|field|attribute|object|row)s?|entry|entries|data|list|body|payload"
    r"|response|propert(y|ies)|"
)
# What in a name means personal data, beside which no integer is taken for a quantity.
_PERSONAL = re.compile(
    r"surname|(fore|first|last|middle|family|given|full)name|birth|^dob$|postcode|gender|ethnicity"
)


def refuse_real_people(body: bytes, *, where: str, ours: Redactor) -> None:
    """
    Stop at the first number that may be somebody's.

    Raises:
        RealDataError: the answer looks like real people; the number itself is not in the message.
    """
    text = body.decode("utf-8", "replace")
    if not any(_is_news(found, ours) for found in _numbers(text)):
        return
    if any(_is_news(found, ours) for part in _telling(text) for found in _numbers(part)):
        raise RealDataError(
            f"{where} answered with a valid NHS number outside the ranges set aside for tests: this looks like real people.",
            hint="Nothing of that answer was kept. Point base_url at an environment with synthetic people only.",
        )


def may_be_somebodys(text: str) -> bool:
    """Whether a text holds a number that may be somebody's."""
    return any(_numbers(text))


def _numbers(text: str) -> Iterator[str]:
    """Numbers in a text, as they are written there, that may be somebody's."""
    for found in _TEN_DIGITS.finditer(text):
        number = _plain(found[1])
        if _ISSUED.fullmatch(number) and len(set(number)) > 1 and nhs.is_valid(number):
            yield found[1]


def _is_news(written: str, ours: Redactor) -> bool:
    return not ours.is_shown(written) and not ours.is_shown(_plain(written))


def _plain(written: str) -> str:
    return written.replace(" ", "").replace("-", "")


# --- where an integer is a quantity


class _Pairs(list[tuple[str, Any]]):
    """An object of JSON as its pairs, so that a name that is there twice hides nothing."""


def _telling(text: str) -> Iterator[str]:
    """The parts of a text in which a number may be somebody's: all of it, unless it is JSON."""
    try:
        value = json.loads(text, object_pairs_hook=_Pairs)
        yield from _parts(value, (), beside_a_person=False)
    except (ValueError, RecursionError):
        yield text


def _parts(value: Any, names: tuple[str, ...], *, beside_a_person: bool) -> Iterator[str]:
    if isinstance(value, _Pairs):
        beside_a_person = beside_a_person or any(_is_personal(name) for name, _ in value)
        for name, inner in value:
            yield name
            yield from _parts(inner, (*names, name), beside_a_person=beside_a_person)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner, names, beside_a_person=beside_a_person)
    elif isinstance(value, str):
        yield value
    elif type(value) is int and (beside_a_person or not _is_quantity(names)):
        yield str(value)


def _is_quantity(names: tuple[str, ...]) -> bool:
    """Whether the names on the way to an integer say that something is counted or measured."""
    if not names or _SAYING_NOTHING.fullmatch(_letters(names[-1])):
        return False
    return not any(_speaks_of_a_person(name) for name in names)


def _speaks_of_a_person(name: str) -> bool:
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(_OF_A_PERSON.search(_letters(name)) or words & _WORDS_OF_A_PERSON)


def _is_personal(name: str) -> bool:
    return bool(_PERSONAL.search(_letters(name)))


def _letters(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())
