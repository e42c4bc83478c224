"""
Formats that contracts may name beyond those of JSON Schema: identifiers with a check digit or check letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from stdnum.gb import nhs, upn

# python-stdnum's own upn.validate refuses the pseudo authorities 001 to 005, which all synthetic pupils have.
_UPN = re.compile(r"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]")
_NHS_NUMBER = re.compile(r"[0-9]{10}")
# The same few people are written and read over and over, and each answer is checked.
REMEMBERED = 20_000


@lru_cache(REMEMBERED)
def is_nhs_number(value: str) -> bool:
    """Whether the value is ten digits, the last of them the right check digit (modulus 11)."""
    return _NHS_NUMBER.fullmatch(value) is not None and nhs.is_valid(value)


@lru_cache(REMEMBERED)
def is_upn(value: str) -> bool:
    """Whether the value has the form of a unique pupil number and the right check letter (modulus 23)."""
    return _UPN.fullmatch(value) is not None and upn.calc_check_digit(value[1:]) == value[0]


FORMATS: dict[str, Callable[[str], bool]] = {"nhs-number": is_nhs_number, "upn": is_upn}
