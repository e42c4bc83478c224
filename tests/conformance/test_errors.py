"""The errors that a person can act on."""

from __future__ import annotations

import pytest

from joinedup.conformance.errors import near

MANY = [f"name-{number}" for number in range(30)]


@pytest.mark.parametrize(
    ("name", "known", "lister", "hint"),
    [
        ("polce", ["police", "school"], "", "Did you mean police?"),
        ("polce", ["police", "school"], "list", "Did you mean police? `list` lists them all."),
        ("zzz", ["police", "school"], "list", "There are: police, school."),
        ("zzz", MANY, "list", "`list` lists them all."),
        ("zzz", MANY, "", f"There are: {', '.join(MANY[:20])} and 10 more."),
    ],
)
def test_a_name_that_is_not_there_gets_what_helps(
    name: str, known: list[str], lister: str, hint: str
) -> None:
    """What it may have meant; else all, where they are few; else the command that lists them."""
    assert near(name, known, lister) == hint
