"""
Synthetic families for Faker.

::

    fake = Faker()
    fake.add_provider(FamilyProvider)
    fake.seed_instance(7)
    fake.family(), fake.child(), fake.nhs_number()
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from faker.generator import Generator
from faker.providers import BaseProvider

from joinedup.mocks import families
from joinedup.mocks.families import SPARE_NHS_NUMBERS, Child, Family
from joinedup.mocks.identifiers import NHS_NUMBERS, SCHOOLS, ULNS, Permutation, nth_nhs_number, nth_uln
from joinedup.mocks.identifiers import unique_pupil_number as nth_upn

SEEDS = 1_000_000


class FamilyProvider(BaseProvider):
    """
    Families, their children, and identifiers of nobody.

    What is given is decided by the generator's seed when something is first asked for, and nothing is given twice;
    families and single children have one count, so that no child comes in both.

    Args:
        seed: decides instead of the generator's; with it the families are those of the agencies with the same seed.
    """

    def __init__(self, generator: Generator, seed: int | None = None) -> None:
        super().__init__(generator)
        self._seed = seed
        self._families: Iterator[Family] | None = None
        self._children: Iterator[Child] = iter(())
        self._loose = 0

    # Not public: Faker looks at every public attribute when a provider is added, before the generator is seeded.
    @property
    def _world(self) -> int:
        if self._seed is None:
            self._seed = int(self.generator.random.randrange(SEEDS))
        return self._seed

    def family(self) -> Family:
        """The next family."""
        if self._families is None:
            self._families = families.families(self._world, families.MOST_CHILDREN)
        return next(self._families)

    def child(self) -> Child:
        """The next child, with all siblings one after the other."""
        while (found := next(self._children, None)) is None:
            self._children = iter(self.family().children)
        return found

    def nhs_number(self) -> str:
        """An NHS number of nobody, not of any family either."""
        place = SPARE_NHS_NUMBERS[self._next()]
        return nth_nhs_number(Permutation.of(NHS_NUMBERS, self._world)(place))

    def upn(self) -> str:
        """A unique pupil number of nobody, of a pupil who began in 2019."""
        serial, school = divmod(self._next(), SCHOOLS)
        return nth_upn(Permutation.of(SCHOOLS, self._world)(school), 19, 900 + serial)

    def uln(self) -> str:
        """A unique learner number of nobody."""
        return nth_uln(Permutation.of(ULNS, self._world)(families.MOST_CHILDREN + self._next()))

    def _next(self) -> int:
        self._loose += 1
        return self._loose - 1


def generator(seed: int) -> Any:
    """A Faker generator with these methods alone, which starts at once: the families of the agencies of that seed."""
    made = Generator()
    made.add_provider(FamilyProvider(made, seed))
    return made
