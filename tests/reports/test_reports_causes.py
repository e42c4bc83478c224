"""What is told as one thing to mend: by point and by kind, with nothing left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from joinedup.conformance.findings import Finding
from joinedup.reports import junit, page, summary

STEP: dict[str, object] = {"name": "s0", "method": "GET", "path": "/a", "identity": None, "status": 500}
FAILS = Finding(
    rule="server-error",
    requirements=("AUT-01",),
    title="An input makes the server fail",
    expected="An answer below 500.",
    actual="500.",
    where="GET /a",
    operations=("GET /a",),
    steps=(STEP,),
)
ELSEWHERE = replace(FAILS, where="GET /b", operations=("GET /b",), actual="502.", count=3)
OTHERWISE = replace(FAILS, rule="no-answer", title="An input gets no answer", where="GET /c")
TOLD = replace(FAILS, rule="journey-told-once", title="Not so: “The school is told once”", steps=())
UNSAID = replace(FAILS, rule="no-summary", title="Nothing says what it does", steps=(), where="#/paths/~1a")
DANGLING = replace(UNSAID, rule="dangling", title="HTTP references lead nowhere", where="#/paths/~1b")
ADVICE = replace(FAILS, requirements=("ERR-01",), title="No date is given")
MORE_ADVICE = replace(ADVICE, rule="other", title="No header is sent", where="GET /d")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([FAILS, ELSEWHERE], [("An input makes the server fail", ["f-1.1", "f-1.2"])]),
        ([FAILS, OTHERWISE], [("An input gets no answer", []), ("An input makes the server fail", [])]),
        (
            [UNSAID, DANGLING],
            [("HTTP references lead nowhere; nothing says what it does", ["f-1.1", "f-1.2"])],
        ),
        (
            # One step of a journey, of whose one criterion two points speak.
            [replace(TOLD, requirements=("CON-01",)), TOLD],
            [("Not so: “The school is told once”", ["f-1.1", "f-1.2"])],
        ),
        ([FAILS, UNSAID], [("Nothing says what it does", []), ("An input makes the server fail", [])]),
        ([ADVICE, MORE_ADVICE], [("No header is sent; no date is given", ["f-1.1", "f-1.2"])]),
        (
            [
                replace(FAILS, rule="contract-schema", title="An answer breaks its schema"),
                replace(FAILS, rule="contract-header-missing", title="A header is missing"),
            ],
            [("A header is missing; an answer breaks its schema", ["f-1.1", "f-1.2"])],
        ),
        (
            [FAILS, replace(FAILS, requirements=("CON-01",))],
            [("An input makes the server fail", []), ("An input makes the server fail", [])],
        ),
    ],
    ids=[
        "one kind",
        "two kinds",
        "description",
        "one step of a journey",
        "description and answers",
        "recommended",
        "answers",
        "two points",
    ],
)
def test_what_is_one_thing_to_mend_is_told_as_one(story: Any, found: list[Finding], told: Any) -> None:
    """One kind of a required point, what a description lacks of one, and each recommended point."""
    verdict = story.start().system().check(*found).verdict()
    assert [(f["title"], [part["id"] for part in f["parts"]]) for f in verdict["findings"]] == told


def test_systems_stay_apart(story: Any) -> None:
    """The same fault of two systems is two findings, for two suppliers."""
    story.start().system().system("b").check(FAILS).check(FAILS, system="b")
    assert [(f["id"], f["system"]) for f in story.verdict()["findings"]] == [
        ("f-1", "b"),
        ("f-2", "social-care"),
    ]


def test_nothing_is_left_out(story: Any) -> None:
    """Each part keeps its words, steps and count; the whole has everybody's operations."""
    verdict = story.start().system().check(FAILS, check="a").check(ELSEWHERE, check="b").verdict()
    [whole] = verdict["findings"]
    assert (whole["operations"], whole["count"], whole["requirements"]) == (
        ["GET /a", "GET /b"],
        4,
        ["AUT-01"],
    )
    assert [(part["where"], part["actual"]) for part in whole["parts"]] == [
        ("GET /a", "500."),
        ("GET /b", "502."),
    ]
    assert all(part["curl"] and part["steps"] for part in whole["parts"])
    assert [check["findings"] for check in verdict["checks"]] == [["f-1.1"], ["f-1.2"]]
    assert [r["findings"] for r in verdict["requirements"] if r["id"] == "AUT-01"] == [["f-1"]]


@pytest.mark.parametrize(
    ("render", "shown"),
    [
        (page.render, ['id="f-1"', 'id="f-1.1"', 'id="f-1.2"', "joinedup replay f-1.2", "502."]),
        (junit.render, ["joinedup replay f-1.1", "joinedup replay f-1.2", "502."]),
        (summary.render, ["f-1 ", "GET /a (also GET /b)", "2 ways or places"]),
    ],
)
def test_every_view_shows_the_parts(story: Any, render: Any, shown: list[str]) -> None:
    """The page and JUnit show each part on its own; the console says how many there are."""
    text = render(story.start().system().check(FAILS, check="a").check(ELSEWHERE, check="b").verdict())
    assert [part for part in shown if part not in text] == []
