"""
Identifiers that are valid and nobody's, by number: each number gives another one, so that none is given twice.

NHS numbers and unique learner numbers have a check digit that leaves some stems without a number. Ten stems that
differ in their last digit alone have ten different remainders of eleven, so at most one of them is without; leaving out
one of each ten (the one without, else the last) makes the n-th number a matter of arithmetic. What comes in order
is then put in disorder by a permutation: multiplication by a number that shares no factor with how many there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Where identifiers in order are taken from (joinedup.mocks.people): not given out here.
_RESERVED_TENS = 1010
_TENS = 100_000
NHS_NUMBERS = (_TENS - _RESERVED_TENS) * 9
ULNS = _TENS * 9

PSEUDO_AUTHORITIES = 5
_SCHOOLS_EACH = 5000
_FIRST_SCHOOL = 2000
SCHOOLS = PSEUDO_AUTHORITIES * _SCHOOLS_EACH
SERIALS = 999


def _sums(width: int, heaviest: int, step: int) -> tuple[int, ...]:
    """The weighted sum of the digits of every number of that width, zeros in front."""
    weights = [heaviest + step * place for place in range(width)]
    return tuple(
        sum(weight * int(digit) for weight, digit in zip(weights, f"{n:0{width}d}", strict=True))
        for n in range(10**width)
    )


# Weights fall from 10 for NHS and learner numbers and rise from 2 for pupil numbers; sums of digits that stand together.
_FIRST_THREE, _NEXT_TWO, _NEXT_THREE = _sums(3, 10, -1), _sums(2, 7, -1), _sums(3, 5, -1)
_AUTHORITY, _SCHOOL, _YEAR, _SERIAL = _sums(1, 4, 1), _sums(4, 5, 1), _sums(2, 9, 1), _sums(3, 11, 1)
_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def nth_nhs_number(n: int) -> str:
    """
    The n-th NHS number of the range 999, which is valid and never issued; ``n`` is below ``NHS_NUMBERS``.

    The check digit is 11 less the remainder of the weighted sum; where that is 10 there is no number.
    """
    tens, rank = divmod(n, 9)
    tens += _RESERVED_TENS
    total = _FIRST_THREE[999] + _NEXT_TWO[tens // 1000] + _NEXT_THREE[tens % 1000]
    # The ninth digit d adds 2d; a remainder of 1 has no check digit. 6 is the inverse of 2 modulo 11.
    digit = _skipping((1 - total) * 6 % 11, rank)
    return f"999{tens:05d}{digit}{-(total + 2 * digit) % 11}"


def nth_uln(n: int) -> str:
    """
    The n-th unique learner number that begins with 990; ``n`` is below ``ULNS``.

    The remainder of the weighted sum of all ten digits is 10; a stem whose own is 0 has no number.
    """
    tens, rank = divmod(n, 9)
    total = _FIRST_THREE[990] + _NEXT_TWO[tens // 1000] + _NEXT_THREE[tens % 1000]
    digit = _skipping(-total * 6 % 11, rank)
    return f"990{tens:05d}{digit}{(10 - total - 2 * digit) % 11}"


def _skipping(without: int, rank: int) -> int:
    """The rank-th of ten digits where one is left out: the one without a number, else the last."""
    return rank if rank < without else rank + 1


def unique_pupil_number(school: int, year: int, serial: int) -> str:
    """
    A permanent number of one of the pseudo authorities 001 to 005.

    Args:
        school: below ``SCHOOLS``.
        year: in which the pupil began, two digits.
        serial: 1 to ``SERIALS``.
    """
    authority, place = divmod(school, _SCHOOLS_EACH)
    number, began = _FIRST_SCHOOL + place, year % 100
    total = _AUTHORITY[authority + 1] + _SCHOOL[number] + _YEAR[began] + _SERIAL[serial]
    return f"{_LETTERS[total % 23]}{authority + 1:03d}{number:04d}{began:02d}{serial:03d}"


@dataclass(frozen=True)
class Permutation:
    """
    The numbers below a size in another order, each once, by a seed; 0 stays in its place.

    Args:
        factor: shares none with the size.
    """

    size: int
    factor: int

    @classmethod
    def of(cls, size: int, seed: int) -> Permutation:
        """One that a seed decides; near the golden section of the size, so that neighbours come far apart."""
        factor = (int(size * 0.618_033_988_75) + 7919 * seed) % size or 1
        while math.gcd(factor, size) > 1:
            factor = factor % size + 1
        return cls(size, factor)

    def __call__(self, n: int) -> int:
        """
        The number in the n-th place.

        Raises:
            ValueError: there is none.
        """
        if not 0 <= n < self.size:
            raise ValueError(f"There are {self.size} numbers from 0 on, and none in place {n}.")
        return n * self.factor % self.size
