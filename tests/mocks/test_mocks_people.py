"""Synthetic children are valid, unique, repeatable and nobody real."""

from __future__ import annotations

import itertools
import random

import pytest

from joinedup.mocks.formats import is_nhs_number, is_upn
from joinedup.mocks.people import AWKWARD_NAMES, children, nhs_numbers, people, upns
from joinedup.mocks.social_care import ORGANISATIONS, fresh


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
    for organisation in ORGANISATIONS:
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
