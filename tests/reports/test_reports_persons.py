"""Telling whether two people are one: who approves an exception is not who asked for it."""

from __future__ import annotations

import pytest

from joinedup.reports.persons import is_named, is_same

ANN = "Ann Example, product owner, Acme Care"


@pytest.mark.parametrize(
    "text",
    [
        "Ann Example",
        " ann  EXAMPLE (DPO)",
        "Dr Ann Example, data protection officer",
        "Ann Example - DPO",
        "Ann Example – DPO",
        "Ann Example / Example Council",
        "A. Example, DPO",
        "A Example",
        "Ann B. Example, DPO",
        "Example, Ann",
        "Example, Ann, DPO, Example Council",
        "DPO: Ann Example",
        "DPO, Ann Example",
        "Ann Example <ann@council.example>",
    ],
)
def test_one_person_is_one_however_the_name_is_written(text: str) -> None:
    """Role, title, initials, order, case and spacing make nobody another person."""
    assert is_same(ANN, text)
    assert is_same(text, ANN)


@pytest.mark.parametrize(
    "text",
    [
        "Ben Example, data protection officer, Example Council",
        "B. Example",
        "Ann Other, product owner, Acme Care",
        "Anna Example",
        "Siân O'Neill",
        "Example",
        "Ben Other, product owner, Acme Care",
    ],
)
def test_two_people_are_two(text: str) -> None:
    """A shared surname, role or organisation makes nobody the same."""
    assert not is_same(ANN, text)
    assert not is_same(text, ANN)


def test_an_address_tells_who_it_is() -> None:
    """Two names with one address for mail are one person."""
    assert is_same("Ann <team@acme.example>", "Ben (TEAM@acme.example)")
    assert not is_same("ann@acme.example", "ben@acme.example")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (ANN, True),
        ("Siân", True),
        ("李", True),
        ("ann@acme.example", True),
        ("", False),
        ("-", False),
        ("?", False),
        ("123", False),
        (", DPO", False),
        ("(DPO)", False),
        ("Dr", False),
    ],
)
def test_somebody_is_named(text: str, named: bool) -> None:
    """A text that begins with no name names nobody."""
    assert is_named(text) is named
