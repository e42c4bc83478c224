"""
Synthetic families: who belongs together lives together, is of an age that can be, and has identifiers of their own.

A family is a matter of seed and number alone, and so is a child: agencies that are asked with the same seed know the
same people, whatever else they know. Children are numbered through all families in blocks of a thousand, of which the
first eight are the only children of eight families with awkward names, and the rest are of families of one to four.
Ages are as of 2 November 2026.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cache

from joinedup.mocks.identifiers import (
    NHS_NUMBERS,
    SCHOOLS,
    SERIALS,
    ULNS,
    Permutation,
    nth_nhs_number,
    nth_uln,
    unique_pupil_number,
)
from joinedup.mocks.names import (
    AWKWARD_NAMES,
    AWKWARD_SEXES,
    BOYS,
    FAMILIES,
    GIRLS,
    MEN,
    STREETS,
    TOWNS,
    WOMEN,
)

AS_OF = date(2026, 11, 2)
_AS_OF = AS_OF.toordinal()
YEAR = 365.25
BLOCK = 1000
_SIZES = (1, 2, 2, 3, 1, 2, 1, 4)
_BLOCK_SIZES = (1,) * len(AWKWARD_NAMES) + _SIZES * ((BLOCK - len(AWKWARD_NAMES)) // sum(_SIZES))
FAMILIES_A_BLOCK = len(_BLOCK_SIZES)
# Of so many families of each block all children go to school, so that every agency has use for them.
_SCHOOL_AGED = 24

# Each child has five places for NHS numbers: its own, one for each of two adults, and one for before and one for after.
_OWN, _FIRST_ADULT, _SECOND_ADULT, FORMER_NUMBER, _LATER = range(5)
MOST_CHILDREN = 150_000
# No family has more children; pupil numbers of before an adoption are those of the fifth child and so on.
FORMER_ORDER = 4
SPARE_NHS_NUMBERS = range(MOST_CHILDREN * 5, NHS_NUMBERS)

# The first ten children have the identifiers that contracts and documents take as examples, whatever the seed. Journeys
# know them by name and day of birth too, so all else of them is drawn with the first seed.
FIRST_SEED = 1
FIRST_NHS_NUMBERS = (
    *("9990001006", "9990001014", "9990001022", "9990001030", "9990001049"),
    *("9990001057", "9990001065", "9990001073", "9990001081", "9990001103"),
)
FIRST_UPNS = (
    *("T001000025001", "G001000025002", "W001000025003", "K001000025004", "Z001000025005"),
    *("N001000025006", "C001000025007", "R001000025008", "F001000025009", "R001000025010"),
)

_MOBILE = "07700900"  # and three digits: Ofcom's range for drama
_INWARD = "ABDEFGHJLNPQRSTUWXYZ"


class Circumstance(StrEnum):
    """What has to be known about a child before anything is told about it."""

    ORDINARY = "ordinary"
    LOOKED_AFTER = "looked-after"
    RESTRICTED = "restricted"
    ADOPTED = "adopted"
    UNBORN = "unborn"


_FIRST_CIRCUMSTANCES = {
    2: Circumstance.RESTRICTED,
    3: Circumstance.LOOKED_AFTER,
    5: Circumstance.ADOPTED,
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where nobody lives: the postcode is of an area that does not exist, or ZZ99 for no fixed abode."""

    line1: str
    town: str
    postcode: str
    uprn: str


@dataclass(frozen=True, slots=True)
class Adult:
    """
    Somebody who looks after the children of a family.

    Args:
        relationship: to the children: mother, father, step-father, grandmother, foster-carer, adoptive-parent.
        is_responsible: whether they have parental responsibility.
        lives_there: whether they live with the children.
    """

    given_name: str
    family_name: str | None
    sex: str
    date_of_birth: str
    nhs_number: str
    relationship: str
    is_responsible: bool
    lives_there: bool
    telephone: str
    email: str


@dataclass(frozen=True, slots=True)
class Child:
    """
    A child.

    Args:
        number: through all families; of an unborn child that of its family's first child.
        sex: M or F; U of one that is not born.
        date_of_birth: None of one that is not born, which has ``expected_date_of_birth``.
        nhs_number: None of one that is not born, which is known by ``mother_nhs_number``.
        upn: None of one that is too young for a nursery class.
        uln: from fourteen years on.
        address: where it lives: with its family, with carers, or in a place that is not told.
    """

    number: int
    given_name: str
    family_name: str | None
    sex: str
    date_of_birth: str | None
    nhs_number: str | None
    upn: str | None
    uln: str | None
    address: Address
    telephone: str
    circumstance: Circumstance
    mother_nhs_number: str
    expected_date_of_birth: str | None = None

    @property
    def is_restricted(self) -> bool:
        """Whether where it lives may not be told."""
        return self.circumstance in (Circumstance.RESTRICTED, Circumstance.ADOPTED)


@dataclass(frozen=True, slots=True)
class Family:
    """Adults and children who belong together, the eldest child first; an unborn child is not among the children."""

    number: int
    adults: tuple[Adult, ...]
    children: tuple[Child, ...]
    address: Address
    unborn: Child | None = None

    def relationships(self) -> Iterator[tuple[str, str, str]]:
        """Each two who are related, as NHS number, what the first is to the second, and NHS number."""
        for child in self.children:
            for adult in self.adults:
                yield adult.nhs_number, adult.relationship, str(child.nhs_number)
            for other in self.children:
                if other.number != child.number:
                    yield str(other.nhs_number), "sibling", str(child.nhs_number)


@dataclass(frozen=True)
class Numbers:
    """The permutations of one seed."""

    nhs: Permutation
    uln: Permutation
    schools: Permutation
    addresses: Permutation

    def nhs_number(self, child: int, place: int) -> str:
        """The NHS number that a child's number and a place have."""
        if place == _OWN and child < len(FIRST_NHS_NUMBERS):
            return FIRST_NHS_NUMBERS[child]
        return nth_nhs_number(self.nhs(child * 5 + place))

    def upn(self, family: int, order: int, child: int, year: int) -> str:
        """A pupil number: children of one family begin at one school."""
        if child < len(FIRST_UPNS) and order < FORMER_ORDER:
            return FIRST_UPNS[child]
        school = self.schools(family % SCHOOLS)
        return unique_pupil_number(school, year, (family // SCHOOLS) * 8 + order + 1)


@cache
def numbers_of(seed: int) -> Numbers:
    """The permutations of a seed."""
    return Numbers(
        Permutation.of(NHS_NUMBERS, seed),
        Permutation.of(ULNS, seed),
        Permutation.of(SCHOOLS, seed),
        Permutation.of(99_999_989, seed),
    )


def _places() -> tuple[tuple[int, int], ...]:
    return tuple((family, order) for family, size in enumerate(_BLOCK_SIZES) for order in range(size))


# Of each child of a block: its family within the block, and which of its children it is.
_PLACES = _places()
_FIRST_OF = tuple(n for n, (_, order) in enumerate(_PLACES) if order == 0)


def family_of(child: int) -> tuple[int, int]:
    """The number of a child's family, and which of its children it is."""
    if not 0 <= child < MOST_CHILDREN:
        raise ValueError(f"There are {MOST_CHILDREN} children, from 0 on; {child} is none.")
    block, place = divmod(child, BLOCK)
    family, order = _PLACES[place]
    return block * FAMILIES_A_BLOCK + family, order


def child(seed: int, number: int) -> Child:
    """
    The child of that number.

    Raises:
        ValueError: the number is not one from 0 to 149,999.
    """
    number_of_family, order = family_of(number)
    return family(seed, number_of_family).children[order]


def families(seed: int, count: int, *, start: int = 0) -> Iterator[Family]:
    """So many families, in the order of their numbers."""
    draw = random.Random()  # noqa: S311 - synthetic data, repeatable on purpose
    return (_Maker(seed, number, draw).family() for number in range(start, start + count))


def family(seed: int, number: int) -> Family:
    """The family of that number."""
    return next(families(seed, 1, start=number))


def children(seed: int, count: int, *, start: int = 0) -> Iterator[Child]:
    """So many children, in the order of their numbers, from the ``start``-th on."""
    number, order = family_of(start)
    left = count
    for each in families(seed, MOST_CHILDREN, start=number):
        for found in each.children[order:]:
            if left == 0:
                return
            left -= 1
            yield found
        order = 0
        if left == 0:
            return


def newborn(seed: int, unborn: Child, born: date, sex: str, given_name: str) -> Child:
    """An unborn child once it is born: with a day of birth, an NHS number of its own, and the same mother."""
    number = numbers_of(seed).nhs_number(unborn.number, _LATER)
    return replace(
        unborn,
        given_name=given_name,
        sex=sex,
        date_of_birth=born.isoformat(),
        expected_date_of_birth=None,
        nhs_number=number,
        circumstance=Circumstance.ORDINARY,
    )


class _Maker:
    """Makes one family: everything that is drawn comes from its own source, in a fixed order."""

    def __init__(self, seed: int, number: int, draw: random.Random) -> None:
        self.seed, self.number = seed, number
        self.block, self.place = divmod(number, FAMILIES_A_BLOCK)
        self.first = self.block * BLOCK + _FIRST_OF[self.place]
        self.size = _BLOCK_SIZES[self.place]
        self.numbers = numbers_of(seed)
        is_named = self.first < len(FIRST_NHS_NUMBERS)
        draw.seed((FIRST_SEED if is_named else seed) * 1_000_003 + number)
        self.random = draw.random

    def family(self) -> Family:
        """The family."""
        ages = self._ages()
        circumstance = self._circumstance()
        given, family_name = self._awkward()
        mother = self._mother(ages, family_name)
        home = self._address(0)
        adults = self._adults(mother, ages, circumstance)
        place = home if circumstance is Circumstance.ORDINARY else self._address(1)
        telephone = adults[0].telephone
        found = tuple(
            self._child(order, age, given, family_name, place, telephone, circumstance, mother)
            for order, age in enumerate(ages)
        )
        unborn = self._unborn(mother, home) if circumstance is Circumstance.ORDINARY else None
        return Family(self.number, adults, found, home, unborn)

    def _pick(self, table: tuple[str, ...]) -> str:
        return table[int(self.random() * len(table))]

    def _ages(self) -> tuple[int, ...]:
        """Ages in days, the eldest first: siblings are ten months to two and a half years apart, or twins."""
        gaps = [0 if self.random() < 0.03 else 300 + int(self.random() * 600) for _ in range(self.size - 1)]
        low, high = (5.2, 15.9) if self.place < _SCHOOL_AGED else (0.05, 17.9)
        span = high * YEAR - sum(gaps) - low * YEAR
        age = int(low * YEAR + self.random() * span)
        ages = [age]
        for gap in gaps:
            age += gap
            ages.append(age)
        return tuple(reversed(ages))

    def _circumstance(self) -> Circumstance:
        drawn = self.random()
        if self.place < len(AWKWARD_NAMES):
            return _FIRST_CIRCUMSTANCES.get(self.place, Circumstance.ORDINARY)
        if drawn < 0.04:
            return Circumstance.LOOKED_AFTER
        if drawn < 0.055:
            return Circumstance.RESTRICTED
        return Circumstance.ADOPTED if drawn < 0.065 else Circumstance.ORDINARY

    def _awkward(self) -> tuple[str | None, str | None]:
        """The given name where it is fixed, and the family name of the children."""
        drawn = self._pick(FAMILIES)
        return AWKWARD_NAMES[self.place] if self.place < len(AWKWARD_NAMES) else (None, drawn)

    def _address(self, which: int) -> Address:
        drawn = self.random()
        number = self.numbers.addresses(self.number * 2 + which)
        if drawn < 0.03:
            postcode = "ZZ99 3VZ"
        else:
            area = "QVX"[int(drawn * 300) % 3] + "ABEHLNPSTWY"[number % 11]
            inward = _INWARD[number // 11 % 20] + _INWARD[number // 220 % 20]
            postcode = f"{area}{1 + number // 4400 % 28} {number // 123_200 % 9 + 1}{inward}"
        line1 = f"{1 + int(self.random() * 180)} {self._pick(STREETS)}"
        return Address(line1, TOWNS[self.number % len(TOWNS)], postcode, f"9999{number:08d}")

    def _born(self, age: int) -> str:
        return date.fromordinal(_AS_OF - age).isoformat()

    def _adult(
        self,
        given: str,
        name: str | None,
        sex: str,
        age: int,
        place: int,
        relationship: str,
        is_responsible: bool,
        lives_there: bool,
    ) -> Adult:
        telephone = f"{_MOBILE}{int(self.random() * 1000):03d}"
        email = f"person{self.first * 5 + place}@example.org"
        number = self.numbers.nhs_number(self.first, place)
        return Adult(
            given,
            name,
            sex,
            self._born(age),
            number,
            relationship,
            is_responsible,
            lives_there,
            telephone,
            email,
        )

    def _mother(self, ages: tuple[int, ...], family_name: str | None) -> Adult:
        """Between 17 and 36 when her eldest was born; a quarter keep a name of their own."""
        age = ages[0] + int((17 + self.random() * 19) * YEAR)
        own = self._pick(FAMILIES) if self.random() < 0.25 else family_name
        return self._adult(self._pick(WOMEN), own, "F", age, _FIRST_ADULT, "mother", True, True)

    def _adults(self, mother: Adult, ages: tuple[int, ...], kind: Circumstance) -> tuple[Adult, ...]:
        if kind is Circumstance.LOOKED_AFTER:
            carer = self._second("foster-carer", ages, 30, False, True)
            return (carer, replace(mother, lives_there=False))
        if kind is Circumstance.ADOPTED:
            return (self._second("adoptive-parent", ages, 28, True, True),)
        drawn = self.random()
        if drawn < 0.6:
            return (mother, self._second("father", ages, 19, True, drawn < 0.45))
        if drawn < 0.7:
            return (mother, self._second("step-father", ages, 20, False, True))
        return (mother, self._second("grandmother", ages, 42, False, True)) if drawn < 0.75 else (mother,)

    def _second(
        self, relationship: str, ages: tuple[int, ...], years: int, responsible: bool, there: bool
    ) -> Adult:
        is_woman = relationship in ("grandmother", "foster-carer", "adoptive-parent")
        age = ages[0] + int((years + self.random() * 18) * YEAR)
        given = self._pick(WOMEN if is_woman else MEN)
        sex = "F" if is_woman else "M"
        return self._adult(
            given, self._pick(FAMILIES), sex, age, _SECOND_ADULT, relationship, responsible, there
        )

    def _child(
        self,
        order: int,
        age: int,
        given: str | None,
        family_name: str | None,
        address: Address,
        telephone: str,
        circumstance: Circumstance,
        mother: Adult,
    ) -> Child:
        number = self.first + order
        is_girl = self.random() < 0.488 if given is None else AWKWARD_SEXES[self.place] == "F"
        born = date.fromordinal(_AS_OF - age)
        began = born.year + (4 if born.month < 9 else 5)
        return Child(
            number,
            given or self._pick(GIRLS if is_girl else BOYS),
            family_name,
            "F" if is_girl else "M",
            born.isoformat(),
            self.numbers.nhs_number(number, _OWN),
            self.numbers.upn(self.number, order, number, began) if age > 3 * YEAR else None,
            nth_uln(self.numbers.uln(number)) if age > 14 * YEAR else None,
            address,
            telephone,
            circumstance,
            "" if circumstance is Circumstance.ADOPTED else mother.nhs_number,
        )

    def _unborn(self, mother: Adult, home: Address) -> Child | None:
        drawn = self.random()
        if drawn > 0.04 and self.place != 4:
            return None
        due = AS_OF + timedelta(days=20 + int(drawn * 180))
        return Child(
            number=self.first,
            given_name="Unborn",
            family_name=mother.family_name,
            sex="U",
            date_of_birth=None,
            nhs_number=None,
            upn=None,
            uln=None,
            address=home,
            telephone=mother.telephone,
            circumstance=Circumstance.UNBORN,
            mother_nhs_number=mother.nhs_number,
            expected_date_of_birth=due.isoformat(),
        )


assert len(_PLACES) == BLOCK
assert MOST_CHILDREN // BLOCK * FAMILIES_A_BLOCK // SCHOOLS * 8 + 8 <= SERIALS
