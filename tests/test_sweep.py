"""One defect for each requirement that the test service can break, as the sweep of all of them finds it."""

from __future__ import annotations

import pytest
from service.defect import Defect
from service.defects import DEFECTS
from sweep import CLEAN, Sweep, items, sweep

FIRST = {
    defect.breaks[0]: (defect.styles[place % len(defect.styles)], defect)
    for place, defect in reversed(list(enumerate(DEFECTS)))
    if defect.from_outside
}
"""By requirement the first defect that is about it, and one of its styles."""


@pytest.mark.parametrize(("style", "defect"), FIRST.values(), ids=FIRST)
def test_finds_a_defect_of_each_requirement(style: str, defect: Defect) -> None:
    """Whatever the test service can break, some defect of it is found under its requirement, and nothing else is."""
    result = sweep(style, defect, whole=False)
    assert result.is_right, result


def test_runs_every_check_of_the_suite() -> None:
    """The sweep knows each requirement that a defect is about, and every variant of a check."""
    known = list(items())
    assert {requirement for item in known for requirement in item.requirements} >= set(FIRST)
    assert len([item for item in known if item.name == "test_happens_once"]) == 3


@pytest.mark.parametrize(
    ("found", "right"),
    [
        ({}, False),
        ({"SEC-01": {"x"}}, False),
        ({"AUT-01": {"x"}}, True),
        ({"AUT-01": {"x"}, "SEC-01": {"x"}}, False),
    ],
)
def test_says_what_is_wrong_with_a_run(found: dict[str, set[str]], *, right: bool) -> None:
    """A defect that is not found is wrong, and so is a finding that its table does not name."""
    assert Sweep(Defect("d", "S.", ("AUT-01",)), "link", found).is_right is right
    assert Sweep(CLEAN, "link", found).is_right is (not found)
