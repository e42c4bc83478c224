"""
Who adopted children were before, held apart from who they are.

An adopted child has a new record with new identifiers; the old one is closed, and nothing in either leads to the other.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from joinedup.mocks.families import FORMER_NUMBER, FORMER_ORDER, Child, Circumstance, family_of, numbers_of
from joinedup.mocks.names import BOYS, FAMILIES, GIRLS


@dataclass(frozen=True, slots=True)
class Former:
    """
    Who an adopted child was before.

    Held apart from the child on purpose: a record that has both has linked what must not be linked.
    """

    given_name: str
    family_name: str
    nhs_number: str
    upn: str


# Of the first ten children, by number: journeys know them, whatever the seed.
FIRST_FORMERS = {5: Former("Imogen", "Moore", "9990001111", "F001000025011")}


def former(seed: int, adopted: Child) -> Former:
    """
    Who an adopted child was.

    Raises:
        ValueError: the child was not adopted.
    """
    if adopted.circumstance is not Circumstance.ADOPTED:
        raise ValueError("Only an adopted child was somebody else before.")
    if adopted.number in FIRST_FORMERS:
        return FIRST_FORMERS[adopted.number]
    draw = random.Random(f"{seed}/former/{adopted.number}")  # noqa: S311 - synthetic data, repeatable on purpose
    number, order = family_of(adopted.number)
    numbers = numbers_of(seed)
    return Former(
        draw.choice(GIRLS if adopted.sex == "F" else BOYS),
        draw.choice(FAMILIES),
        numbers.nhs_number(adopted.number, FORMER_NUMBER),
        numbers.upn(number, order + FORMER_ORDER, adopted.number, 20),
    )
