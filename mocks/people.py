"""
Synthetic children: seeded, so that a run can be repeated, and never anyone real.

NHS numbers begin with 999 (valid but never issued), UPNs have the pseudo authority 001, telephone numbers are of
Ofcom's drama range, postcodes are ZZ99 pseudo-postcodes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from stdnum.gb import nhs, upn

# Names that systems get wrong: accents, apostrophes, one word, length, scripts, characters beyond the basic plane.
AWKWARD_NAMES: tuple[tuple[str, str | None], ...] = (
    ("Siân", "O'Neill"),
    ("Łukasz", "Wójcik-Żak"),
    ("Suharto", None),
    ("Bartholomew-Maximilian", "Featherstonehaugh-Cholmondeley-Marjoribanks"),
    ("太郎", "𠮷田"),
    ("Zoë Mae", "van der Berg"),
    ("مريم", "الخطيب"),
    ("Jo", "Li"),
)
GIVEN = ("Amara", "Ben", "Chloe", "Dev", "Esther", "Finn", "Grace", "Hamza", "Isla", "Jack", "Kofi", "Lily")
FAMILY = ("Example", "Sample", "Testwood", "Mockford", "Specimen", "Placeholder", "Dummett", "Trialby")
STREETS = ("Test Street", "Sample Road", "Example Lane", "Mock Avenue")
POSTCODES = ("ZZ99 3VZ", "ZZ99 3CZ", "ZZ99 3WZ")


@dataclass(frozen=True)
class Person:
    """A synthetic child."""

    given_name: str
    family_name: str | None
    sex: str
    date_of_birth: str
    nhs_number: str
    upn: str
    line1: str
    postcode: str
    telephone: str


def nhs_numbers(start: int = 0) -> Iterator[str]:
    """NHS numbers of the range 999 in order, from the ``start``-th stem."""
    for stem in range(999_000_100 + start, 1_000_000_000):
        check = -nhs.checksum(f"{stem}0") % 11
        if check < 10:  # ten has no digit, and the stem no number
            yield f"{stem}{check}"


def upns(start: int = 0) -> Iterator[str]:
    """Permanent unique pupil numbers of pseudo authority 001, from the ``start``-th serial number."""
    for serial in range(25_001 + start, 1_000_000):
        rest = f"001{serial // 100_000:04d}{serial // 1000 % 100:02d}{serial % 1000:03d}"
        yield upn.calc_check_digit(rest) + rest


def people(source: random.Random, count: int, *, start: int = 0) -> Iterator[Person]:
    """
    That many children, the awkward names first.

    Args:
        start: keeps the identifiers of two calls apart; identifiers from ``start`` on are used.
    """
    numbers, pupils = nhs_numbers(start), upns(start)
    for index in range(count):
        given, family = _name(source, index)
        yield Person(
            given_name=given,
            family_name=family,
            sex=source.choice("MFU"),
            date_of_birth=f"{source.randint(2009, 2022)}-{source.randint(1, 12):02d}-{source.randint(1, 28):02d}",
            nhs_number=next(numbers),
            upn=next(pupils),
            line1=f"{source.randint(1, 99)} {source.choice(STREETS)}",
            postcode=source.choice(POSTCODES),
            telephone=f"01632960{source.randint(0, 999):03d}",
        )


def children(seed: int, place: int, count: int) -> tuple[Person, ...]:
    """
    The first children of the ``place``-th council, alike in every agency that is asked with the same seed.

    Of the first council the first is Siân O'Neill, born on 30 June 2015: the contracts' examples are about her.
    """
    found = list(people(random.Random(f"{seed}/{place}"), count, start=1000 * place))  # noqa: S311 - synthetic data, repeatable on purpose
    if place == 0 and found:
        found[0] = replace(found[0], sex="F", date_of_birth="2015-06-30")
    return tuple(found)


def _name(source: random.Random, index: int) -> tuple[str, str | None]:
    if index < len(AWKWARD_NAMES):
        return AWKWARD_NAMES[index]
    return source.choice(GIVEN), source.choice(FAMILY)
