"""
The identifiers that the service checks beyond their shape.

NHS number: weights 10 to 2, modulus 11. Unique learner number: weights 10 to 1, modulus 11, remainder 10.
Unique pupil number: positions 2 to 13 weigh themselves, modulus 23, letters without I, O and S.
"""

from __future__ import annotations

import re

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
NHS_NUMBER_SHAPE = "^[0-9]{10}$"
UPN_SHAPE = "^[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]$"


def _weighted(digits: str) -> int:
    """Sum of the digits, the first weighing 10, the next 9, and so on."""
    return sum((10 - place) * int(digit) for place, digit in enumerate(digits))


def is_nhs_number(value: str) -> bool:
    """Whether a value is an NHS number: ten digits, not all alike, with a true check digit."""
    if not re.fullmatch("[0-9]{10}", value, re.ASCII) or len(set(value)) == 1:
        return False
    check = 11 - _weighted(value[:9]) % 11
    return check % 11 == int(value[9]) and check != 10


def is_uln(value: str) -> bool:
    """Whether a value is a unique learner number."""
    return bool(re.fullmatch("[1-9][0-9]{9}", value, re.ASCII)) and _weighted(value) % 11 == 10


def upn_check_letter(rest: str) -> str:
    """The first letter of a unique pupil number, from the twelve characters that follow it."""
    values = [int(c) if c.isdigit() else UPN_LETTERS.index(c) for c in rest]
    return UPN_LETTERS[sum(place * value for place, value in enumerate(values, start=2)) % 23]


def is_upn(value: str) -> bool:
    """Whether a value is a unique pupil number, permanent or temporary."""
    shaped = re.fullmatch("[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]", value)
    return bool(shaped) and upn_check_letter(value[1:]) == value[0]
