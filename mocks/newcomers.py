"""
Children whom agencies learn to know while they run, as many as are asked for.

A journey that changes a child's record needs a child of its own each time that it is played. Newcomers are ordinary
pupils of the first council, whom its children's services, schools, health and the national register know, and about
whom nothing has happened yet. They are a matter of seed and number alone, as all children are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from joinedup.mocks import families, health_records, identity_register, school_roll, social_care
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import Person, person_of
from joinedup.mocks.store import Record

FIRST = 10_000
"""The number of the first child who may be one: those before are of the agencies' own."""
MOST = 50_000
COUNCIL = COUNCILS[0]
# A place among the seeded children at which nothing is known of a child but who it is.
_ORDINARY = social_care.STATUSES.index("none")

Enrol = Callable[[Any, Person, int], None]


def newcomers(seed: int, count: int) -> Iterator[Person]:
    """
    The first so many.

    Raises:
        ValueError: there are no more than 50,000.
    """
    if count > MOST:
        raise ValueError(f"There are {MOST} newcomers, and not {count}.")
    found = families.children(seed, families.MOST_CHILDREN - FIRST, start=FIRST)
    ordinary = (child for child in found if _is_ordinary(child))
    return (person_of(child) for child in islice(ordinary, count))


def _is_ordinary(child: families.Child) -> bool:
    """Whether a child is a pupil of whom nothing special is known, with a name in two parts."""
    at_school = child.upn is not None and child.family_name is not None
    return at_school and child.circumstance is families.Circumstance.ORDINARY


def told_of(person: Person) -> Record:
    """Who a newcomer is, by the names that contracts have."""
    return {
        "givenName": person.given_name,
        "familyName": person.family_name,
        "dateOfBirth": person.date_of_birth,
        "nhsNumber": person.nhs_number,
        "upn": person.upn,
    }


def _index(number: int) -> int:
    """The place of a newcomer after all seeded children, in a row in which nothing is known of any."""
    return _ORDINARY + len(social_care.STATUSES) * (number + 2)


def _at_social_care(state: Any, person: Person, number: int) -> None:
    social_care.seed_child(state, COUNCIL, person, _index(number))


def _at_school(state: Any, person: Person, number: int) -> None:
    school_roll.seed_pupil(state, COUNCIL, person, _index(number))


def _at_health(state: Any, person: Person, number: int) -> None:
    health_records.seed_patient(state, COUNCIL, person, _index(number), is_first=False)


def _at_identity(state: Any, person: Person, number: int) -> None:
    state.id_for(COUNCIL, state.add(identity_register.seeded(person, restricted=False)))


ENROL: Mapping[str, Enrol] = {
    "social-care": _at_social_care,
    "school": _at_school,
    "health": _at_health,
    "identity": _at_identity,
}
"""Those who know newcomers, and how each takes one in."""
