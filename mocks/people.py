"""
Synthetic children: seeded, so that a run can be repeated, and never anyone real.

``children`` are those whom every agency knows, of the families of ``joinedup.mocks.families``; ``people`` are
strangers to the other agencies. ``FamilyProvider`` gives families to Faker.

NHS numbers begin with 999 (valid but never issued), UPNs have a pseudo authority, telephone numbers are of Ofcom's
drama ranges, postcodes are ZZ99 pseudo-postcodes or of areas that do not exist.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stdnum.gb import nhs, upn

from joinedup.mocks import families
from joinedup.mocks.adoption import former
from joinedup.mocks.identifiers import unique_pupil_number
from joinedup.mocks.names import AWKWARD_NAMES as AWKWARD_NAMES

if TYPE_CHECKING:
    from joinedup.mocks.faker_families import FamilyProvider as FamilyProvider

GIVEN = ("Amara", "Ben", "Chloe", "Dev", "Esther", "Finn", "Grace", "Hamza", "Isla", "Jack", "Kofi", "Lily")
FAMILY = ("Example", "Sample", "Testwood", "Mockford", "Specimen", "Placeholder", "Dummett", "Trialby")
STREETS = ("Test Street", "Sample Road", "Example Lane", "Mock Avenue")
POSTCODES = ("ZZ99 3VZ", "ZZ99 3CZ", "ZZ99 3WZ")
MOST_CHILDREN_EACH = families.BLOCK


def __getattr__(name: str) -> Any:
    # Faker takes longer to import than everything else here, and serving the agencies does not need it.
    if name == "FamilyProvider":
        from joinedup.mocks.faker_families import FamilyProvider

        return FamilyProvider
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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

    The first eight have the awkward names; the third is restricted, the fourth looked after, the sixth adopted. Of the
    first council the first is Siân O'Neill, born on 30 June 2015: the contracts' examples are about her.

    Raises:
        ValueError: there are no more than 1,000 of each.
    """
    if count > MOST_CHILDREN_EACH:
        raise ValueError(f"Each council has {MOST_CHILDREN_EACH} children, and not {count}.")
    start = MOST_CHILDREN_EACH * place
    found = [person_of(child) for child in families.children(seed, count, start=start)]
    if place == 0 and found:
        found[0] = replace(found[0], date_of_birth="2015-06-30")
    return tuple(found)


def formers(seed: int, place: int, count: int) -> Iterator[tuple[Person, Person]]:
    """Those of the first children of a council who were adopted: who each was before, and who it is."""
    start = MOST_CHILDREN_EACH * place
    for child in families.children(seed, count, start=start):
        if child.circumstance is families.Circumstance.ADOPTED:
            now, was = person_of(child), former(seed, child)
            before = replace(
                now,
                given_name=was.given_name,
                family_name=was.family_name,
                nhs_number=was.nhs_number,
                upn=was.upn,
                line1="4 Former Road",
                postcode=next(postcode for postcode in POSTCODES if postcode != now.postcode),
                telephone="01632960999",
            )
            yield before, now


def person_of(child: families.Child) -> Person:
    """A born child as agencies know it; one that is too young for a nursery class has a pupil number all the same."""
    number, order = families.family_of(child.number)
    spare = unique_pupil_number(number % 5000, 99, order + 901)
    return Person(
        given_name=child.given_name,
        family_name=child.family_name,
        sex=child.sex,
        date_of_birth=str(child.date_of_birth),
        nhs_number=str(child.nhs_number),
        upn=child.upn or spare,
        line1=child.address.line1,
        postcode=child.address.postcode,
        telephone=child.telephone,
    )


def _name(source: random.Random, index: int) -> tuple[str, str | None]:
    if index < len(AWKWARD_NAMES):
        return AWKWARD_NAMES[index]
    return source.choice(GIVEN), source.choice(FAMILY)
