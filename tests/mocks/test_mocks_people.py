"""Synthetic children are valid, unique, repeatable and nobody real."""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import sys
from collections import Counter
from datetime import date
from typing import Any

import pytest
from faker import Faker

from joinedup.mocks import families
from joinedup.mocks.adoption import former
from joinedup.mocks.faker_families import generator
from joinedup.mocks.families import AS_OF, MOST_CHILDREN, Circumstance, Family, newborn
from joinedup.mocks.formats import is_nhs_number, is_upn
from joinedup.mocks.identifiers import (
    NHS_NUMBERS,
    SCHOOLS,
    ULNS,
    Permutation,
    nth_nhs_number,
    nth_uln,
    unique_pupil_number,
)
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.people import AWKWARD_NAMES, FamilyProvider, children, nhs_numbers, people, upns
from joinedup.mocks.social_care import fresh


@pytest.mark.parametrize("value", ["9990001006", "9990001014", "9990001103"])
def test_good_nhs_numbers(value: str) -> None:
    """Ten digits with the right check digit are one."""
    assert is_nhs_number(value)


@pytest.mark.parametrize(
    "value",
    [
        "9990001007",
        "9990100060",
        "9990001",
        "999 000 1006",
        "9900000012",
        "",
        "٩٩٩٠٠٠١٠٠٦",
        "9990001006\n",
        "99900010060",
    ],
)
def test_bad_nhs_numbers(value: str) -> None:
    """A wrong check digit, length, form or script is none, and neither is a ULN."""
    assert not is_nhs_number(value)


@pytest.mark.parametrize(
    "value", ["T001000025001", "K001000025004", "R00100002501A", "H801200001001", "A950000178301"]
)
def test_good_upns(value: str) -> None:
    """Permanent and temporary numbers with the right check letter, pseudo authorities included."""
    assert is_upn(value)


@pytest.mark.parametrize(
    "value", ["A001000025001", "T00100002500", "t001000025001", "R00100002501I", "T001000025001\n"]
)
def test_bad_upns(value: str) -> None:
    """A wrong check letter, length, case or last letter is none."""
    assert not is_upn(value)


def test_made_identifiers_are_valid_unique_and_of_test_ranges() -> None:
    """Two thousand of each pass their check; NHS numbers begin with 999, UPNs name authority 001."""
    numbers = list(itertools.islice(nhs_numbers(), 2000))
    pupils = list(itertools.islice(upns(), 2000))
    assert all(is_nhs_number(n) and n.startswith("999") for n in numbers)
    assert all(is_upn(u) and u[1:4] == "001" for u in pupils)
    assert (len(set(numbers)), len(set(pupils))) == (2000, 2000)


def test_the_first_identifiers_are_those_of_the_contracts_examples() -> None:
    """An example of the contract finds a child."""
    assert (next(nhs_numbers()), next(upns())) == ("9990001006", "T001000025001")


def test_people_are_repeatable_and_awkward() -> None:
    """The same seed gives the same children, with the names that systems get wrong among them."""
    first = list(people(random.Random(3), 12))
    assert first == list(people(random.Random(3), 12))
    assert first != list(people(random.Random(4), 12))
    assert [(p.given_name, p.family_name) for p in first[: len(AWKWARD_NAMES)]] == list(AWKWARD_NAMES)
    assert any(ord(c) > 0xFFFF for given, family in AWKWARD_NAMES for c in given + (family or ""))


def test_both_organisations_have_children_and_referrals_to_decide() -> None:
    """Each has at least eight children and some referrals that await a decision; no identifier is shared."""
    state = fresh(1)
    for organisation in COUNCILS:
        assert len(list(state.children.of(organisation))) >= 8
        waiting = [k for k in state.referrals.of(organisation) if k.record["status"] == "awaiting-decision"]
        assert len(waiting) >= 3
    numbers = [k.record["nhsNumber"] for k in state.children]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("seeds", [(1, 1, True), (1, 2, False)])
def test_the_seed_decides(seeds: tuple[int, int, bool]) -> None:
    """The same seed gives the same records, another gives others."""
    one, two, same = seeds
    assert ([k.record for k in fresh(one).children] == [k.record for k in fresh(two).children]) == same


def test_a_child_is_the_same_wherever_the_seed_is_the_same() -> None:
    """Asked twice, or for more of them, the children of a council are the same; two councils share none."""
    first, more = children(3, 1, 4), children(3, 1, 9)
    assert first == more[:4]
    assert not {c.nhs_number for c in more} & {c.nhs_number for c in children(3, 0, 9)}


# Identifiers


def is_uln(value: str) -> bool:
    """By the rule of the Higher Education Statistics Agency: the weighted sum of all ten digits leaves 10 of 11."""
    weights = range(10, 0, -1)
    return len(value) == 10 and sum(w * int(d) for w, d in zip(weights, value, strict=True)) % 11 == 10


@pytest.mark.parametrize("value", ["9900000012", "9900000020", "9900000039", "9276308686"])
def test_the_rule_for_learner_numbers_itself(value: str) -> None:
    """Published and computed samples keep it, and none of them is an NHS number."""
    assert is_uln(value)
    assert not is_nhs_number(value)


@pytest.mark.parametrize(
    ("nth", "count", "is_valid", "prefix"),
    [(nth_nhs_number, NHS_NUMBERS, is_nhs_number, "999"), (nth_uln, ULNS, is_uln, "990")],
)
def test_each_number_gives_another_valid_identifier(nth: Any, count: int, is_valid: Any, prefix: str) -> None:
    """The first and last ten thousand, and each ninety-seventh between."""
    numbers = [*range(10_000), *range(10_000, count - 10_000, 97), *range(count - 10_000, count)]
    found = [nth(n) for n in numbers]
    assert len(set(found)) == len(numbers)
    assert all(is_valid(value) and value.startswith(prefix) for value in found)


def test_pupil_numbers_are_those_of_the_library() -> None:
    """The check letter agrees with python-stdnum's for a thousand numbers of all five pseudo authorities."""
    made = [unique_pupil_number(n * 25 % SCHOOLS, n, 1 + n % 999) for n in range(1000)]
    assert {value[1:4] for value in made} == {"001", "002", "003", "004", "005"}
    assert all(is_upn(value) for value in made)
    assert len(set(made)) == 1000


@pytest.mark.parametrize("size", [1, 2, 12, 9973, 25_000])
@pytest.mark.parametrize("seed", [0, 1, 2, 77])
def test_a_permutation_gives_each_number_once(size: int, seed: int) -> None:
    """Nothing is drawn, so nothing can be drawn twice."""
    order = Permutation.of(size, seed)
    assert sorted(order(n) for n in range(size)) == list(range(size))
    assert order(0) == 0
    with pytest.raises(ValueError, match=f"There are {size}"):
        order(size)


# Families


@pytest.fixture(scope="module")
def many() -> list[Family]:
    """Four thousand families."""
    return list(families.families(5, 4000))


def test_no_two_have_an_identifier_in_common(many: list[Family]) -> None:
    """Adults and children, before and after an adoption and a birth."""
    everybody = [c for f in many for c in f.children]
    numbers = [a.nhs_number for f in many for a in f.adults] + [str(c.nhs_number) for c in everybody]
    pupils = [c.upn for c in everybody if c.upn]
    for child in everybody:
        if child.circumstance is Circumstance.ADOPTED:
            before = former(5, child)
            numbers.append(before.nhs_number)
            pupils.append(before.upn)
    numbers += [str(newborn(5, f.unborn, AS_OF, "F", "Ada").nhs_number) for f in many if f.unborn is not None]
    learners = [c.uln for c in everybody if c.uln]
    for found, is_valid in ((numbers, is_nhs_number), (pupils, is_upn), (learners, is_uln)):
        assert len(set(found)) == len(found) > 500
        assert all(is_valid(value) for value in found if value)
    assert all(number.startswith("999") for number in numbers)


def test_a_hundred_thousand_children_have_numbers_of_their_own() -> None:
    """Through the provider of Faker, with siblings one after the other."""
    fake = Faker()
    fake.add_provider(FamilyProvider)
    fake.seed_instance(3)
    found = [fake.child() for _ in range(100_000)]
    assert [child.number for child in found] == list(range(100_000))
    assert len({child.nhs_number for child in found}) == 100_000
    pupils = [child.upn for child in found if child.upn]
    assert len(set(pupils)) == len(pupils) > 80_000


def test_ages_and_relations_are_possible(many: list[Family]) -> None:
    """Children are minors, siblings twins or ten months apart, mothers old enough and not too old."""
    for family in many:
        born = [date.fromisoformat(str(child.date_of_birth)) for child in family.children]
        assert born == sorted(born)
        assert all(0 <= (AS_OF - day).days < 18 * 365.25 for day in born)
        gaps = [(later - sooner).days for sooner, later in itertools.pairwise(born)]
        assert all(gap == 0 or gap >= 300 for gap in gaps)
        for adult in family.adults:
            years = [(day - date.fromisoformat(adult.date_of_birth)).days / 365.25 for day in born]
            assert min(years) >= 16.9
            assert adult.relationship != "mother" or max(years) < 48


def test_families_live_together(many: list[Family]) -> None:
    """At home; with carers or where nobody is told, where that is the child's circumstance."""
    for family in many:
        places = {child.address for child in family.children}
        assert len(places) == 1
        ordinary = family.children[0].circumstance is Circumstance.ORDINARY
        assert (family.address in places) == ordinary
        assert family.unborn is None or family.unborn.address == family.address
    homes = [family.address.uprn for family in many]
    assert len(set(homes)) == len(homes)


def test_looked_after_children_live_with_carers_who_are_not_their_parents(many: list[Family]) -> None:
    """Whose parental responsibility stays with the mother."""
    carers = [f.adults for f in many if f.children[0].circumstance is Circumstance.LOOKED_AFTER]
    assert carers
    for first, second in carers:
        assert (first.relationship, first.lives_there, first.is_responsible) == ("foster-carer", True, False)
        assert (second.relationship, second.lives_there, second.is_responsible) == ("mother", False, True)


def test_nothing_of_an_adopted_child_leads_to_who_it_was(many: list[Family]) -> None:
    """Neither names nor numbers, of the child or its mother."""
    adopted = [f for f in many if f.children[0].circumstance is Circumstance.ADOPTED]
    assert adopted
    for family in adopted:
        assert {adult.relationship for adult in family.adults} == {"adoptive-parent"}
        for child in family.children:
            before = former(5, child)
            assert child.mother_nhs_number == ""
            assert before.nhs_number not in repr(family)
            assert before.upn not in repr(family)
            assert child.is_restricted
    with pytest.raises(ValueError, match="Only an adopted child"):
        former(5, many[0].children[0])


def test_an_unborn_child_has_its_mothers_number_until_it_is_born(many: list[Family]) -> None:
    """Sex U, a day on which it is expected, and nothing of its own; then everything of its own."""
    waiting = [f for f in many if f.unborn is not None]
    assert waiting
    for family in waiting:
        child = family.unborn
        assert child is not None
        assert (child.sex, child.date_of_birth, child.nhs_number, child.upn) == ("U", None, None, None)
        assert child.mother_nhs_number == family.adults[0].nhs_number
        assert date.fromisoformat(str(child.expected_date_of_birth)) > AS_OF
        born = newborn(5, child, date(2026, 12, 1), "F", "Ada")
        assert (born.given_name, born.date_of_birth, born.expected_date_of_birth) == (
            "Ada",
            "2026-12-01",
            None,
        )
        assert born.nhs_number not in (None, child.mother_nhs_number)


def test_every_circumstance_is_among_the_first_and_stays_rare(many: list[Family]) -> None:
    """So that a small agency has each, and a large one looks like life."""
    kinds = [child.circumstance for child in families.children(5, 8)]
    assert {Circumstance.RESTRICTED, Circumstance.LOOKED_AFTER, Circumstance.ADOPTED} <= set(kinds)
    counts = Counter(child.circumstance for family in many for child in family.children)
    assert 0.85 < counts[Circumstance.ORDINARY] / counts.total() < 0.98
    assert families.family(5, 4).unborn is not None


def test_nothing_of_anybody_can_be_real(many: list[Family]) -> None:
    """Telephones of Ofcom's range for drama, example.org, postcodes of no place, addresses numbered 9999."""
    for family in many:
        for adult in family.adults:
            assert re.fullmatch(r"07700900\d{3}", adult.telephone)
            assert re.fullmatch(r"person\d+@example\.org", adult.email)
        for place in (family.address, family.children[0].address):
            assert re.fullmatch(r"ZZ99 3VZ|[QVX][A-HJ-Y][1-9]\d? [1-9][ABD-HJLNP-UW-Z]{2}", place.postcode)
            assert re.fullmatch(r"9999\d{8}", place.uprn)


def test_relationships_name_people_of_the_family(many: list[Family]) -> None:
    """Each child has each adult, and each sibling both ways."""
    family = next(f for f in many if len(f.children) == 3)
    found = list(family.relationships())
    assert len(found) == 3 * len(family.adults) + 6
    known = {a.nhs_number for a in family.adults} | {str(c.nhs_number) for c in family.children}
    assert {number for first, _, second in found for number in (first, second)} == known


def test_a_child_is_found_by_its_number(many: list[Family]) -> None:
    """Without those before it, in the same family, and never beyond the last."""
    everybody = [child for family in many for child in family.children]
    for number in (0, 7, 8, 999, 1000, 1008, 5000):
        assert families.child(5, number) == everybody[number]
    assert list(families.children(5, 20, start=995)) == everybody[995:1015]
    last = families.child(5, MOST_CHILDREN - 1)
    assert is_nhs_number(str(last.nhs_number))
    for number in (-1, MOST_CHILDREN):
        with pytest.raises(ValueError, match="is none"):
            families.child(5, number)


def test_another_seed_is_another_world() -> None:
    """With other names and other numbers, but for the first ten, which contracts and documents take as examples."""
    one, two = list(families.children(1, 100)), list(families.children(2, 100))
    assert one == list(families.children(1, 100))
    numbers, pupils = itertools.islice(nhs_numbers(), 10), itertools.islice(upns(), 10)
    examples = list(zip(numbers, pupils, strict=True))
    assert [(c.nhs_number, c.upn) for c in one[:10]] == [(c.nhs_number, c.upn) for c in two[:10]] == examples
    known = [[(c.given_name, c.family_name, c.date_of_birth) for c in children] for children in (one, two)]
    assert known[0][:10] == known[1][:10]
    assert known[0][10:] != known[1][10:]
    assert not {c.nhs_number for c in one[10:]} & {c.nhs_number for c in two[10:]}


def test_the_children_of_agencies_are_those_of_the_families() -> None:
    """By name and number; a council has a thousand and no more."""
    for place in (0, 1):
        known = {child.nhs_number: child for child in families.children(4, 30, start=1000 * place)}
        for person in children(4, place, 30):
            child = known[person.nhs_number]
            assert (person.given_name, person.family_name, person.sex) == (
                child.given_name,
                child.family_name,
                child.sex,
            )
    assert len({person.upn for person in children(4, 1, 1000)}) == 1000
    with pytest.raises(ValueError, match="1000 children, and not 1001"):
        children(4, 0, 1001)


# Faker


def test_a_seeded_faker_gives_the_same_families_again() -> None:
    """A provider that is new and seeded alike; another seed gives others."""

    def some(seed: int) -> list[Any]:
        fake = Faker()
        fake.add_provider(FamilyProvider)
        fake.seed_instance(seed)
        return [fake.family(), fake.child(), fake.nhs_number(), fake.upn(), fake.uln()]

    assert some(7) == some(7)
    assert some(7) != some(8)


def test_a_provider_gives_nothing_twice() -> None:
    """Loose numbers are those of no family, and a child comes in one family only."""
    fake = generator(1)
    loose = [(fake.nhs_number(), fake.upn(), fake.uln()) for _ in range(1000)]
    people_of = [fake.family() for _ in range(50)]
    singles = [fake.child() for _ in range(2000)]
    everybody = [c for f in people_of for c in f.children] + singles
    assert len({c.number for c in everybody}) == len(everybody)
    taken = {c.nhs_number for c in everybody} | {c.upn for c in everybody} | {c.uln for c in everybody}
    values = [value for three in loose for value in three]
    assert len(set(values)) == 3000
    assert not taken & set(values)
    assert all(is_nhs_number(n) and is_upn(u) and is_uln(learner) for n, u, learner in loose)


def test_the_generators_families_are_those_of_the_agencies() -> None:
    """With the same seed."""
    fake = generator(9)
    assert [fake.child() for _ in range(20)] == list(families.children(9, 20))


def test_faker_is_imported_only_by_who_asks_for_it() -> None:
    """Serving the agencies does without."""
    code = "import sys, joinedup.mocks.social_care as s; s.fresh(1); print('faker' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
