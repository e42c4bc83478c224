"""The console: the verdict first, what is wrong, what is not known, in at most 40 lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Outcome
from joinedup.reports import summary, wording

MET = tuple(Result(id_, Outcome.PASS) for id_ in ("AUT-01", "CON-01", "ERR-01"))
BROKEN = Finding("rule", ("AUT-01",), "A title", "403 or 404.", "200.", "GET /a", ("GET /a", "GET /b"))


@pytest.mark.parametrize(
    ("found", "finished", "first", "sentence"),
    [
        (MET, True, "✓ CareTrack 8: Accept", "All 2 required points are met."),
        (
            (*MET, BROKEN),
            True,
            "✕ CareTrack 8: Do not accept yet",
            "1 required point is not met and 1 is met.",
        ),
        (
            (*MET[1:], Result("AUT-01", Outcome.BLOCKED, "no second caller")),
            True,
            "? CareTrack 8: No verdict",
            "1 required point is met and 1 could not be judged; 1 thing was not tested. There is no verdict, because "
            "a required point could not be tested.",
        ),
        (
            (*MET[1:], Result("AUT-01", Outcome.SETUP_ERROR, "no answer")),
            True,
            "? CareTrack 8: No verdict",
            "1 required point is met and 1 could not be judged; 1 thing was not tested. There is no verdict, because "
            "the configuration, the network or the test environment stood in the way.",
        ),
        (
            MET,
            False,
            "? CareTrack 8: No verdict",
            "All 2 required points are met. There is no verdict, because the run stopped before its end.",
        ),
        (
            (),
            True,
            "? CareTrack 8: No verdict",
            "No required point could be judged, because no check came to a conclusion.",
        ),
    ],
)
def test_the_first_lines_answer_the_buyer(
    story: Any, found: Any, finished: bool, first: str, sentence: str
) -> None:
    """The first two lines say what to do and why."""
    story.start(product={"name": "CareTrack", "version": "8"}).system().check(*found)
    lines = summary.render(story.verdict(finished=finished)).splitlines()
    assert lines[:2] == [first, sentence]


def test_a_finding_says_what_an_engineer_needs(story: Any) -> None:
    """Each finding has what was expected, what came, where, and the command that shows it again."""
    text = summary.render(
        story.start().system().check(*MET, BROKEN).verdict(), report=Path("out/report.html")
    )
    for part in (
        "✕ f-1 AUT-01: A title",
        "expected 403 or 404.",
        "received 200.",
        "where    GET /a (also GET /b)",
        "joinedup replay f-1",
    ):
        assert part in text
    assert text.endswith("Report: out/report.html")


@pytest.mark.parametrize(
    ("report", "command"),
    [
        ("my run/report.html", "joinedup replay f-1 --run 'my run'"),
        (".joinedup/runs/1/report.html", "joinedup replay f-1"),
    ],
)
def test_a_command_on_the_console_finds_its_run(story: Any, report: str, command: str) -> None:
    """Whoever named a folder of their own gets commands that name it too."""
    text = summary.render(story.start().system().check(*MET, BROKEN).verdict(), report=Path(report))
    assert command in [line.removeprefix("  again    ") for line in text.splitlines()]


def test_it_stays_short(story: Any) -> None:
    """However much is wrong, the console gets at most 40 lines of the terminal's width, and the report's path last."""
    entries = [{"id": f"X-{n:03}", "level": "MUST", "text": "word " * 90} for n in range(60)]
    story.start(entries)
    for system in map(str, range(30)):
        story.system(system).check(
            *(replace(BROKEN, rule=f"r{n}", requirements=(f"X-{n:03}",)) for n in range(9))
        )
        story.check(replace(BROKEN, actual="long " * 99, requirements=("X-001",)), system=system)
    lines = summary.render(story.verdict(), report=Path("report.html"), width=80).splitlines()
    assert len(lines) <= 40
    assert max(len(line) for line in lines[2:] if not line.startswith("scope = ")) <= 100
    assert lines[-1] == "Report: report.html"


def test_no_text_can_control_the_terminal(story: Any) -> None:
    """Escape sequences and line ends of the system under test are left out; colour is used only when asked."""
    hostile = "\x1b[2J\r\nfalse line\u202e\x07"
    story.start(product={"name": hostile}).system(hostile)
    finding = Finding(hostile, ("AUT-01",), hostile, hostile, hostile, hostile)
    story.check(finding, Result("CON-01", Outcome.BLOCKED, hostile), system=hostile)
    verdict = story.write("error", outcome="setup_error", reason=hostile).verdict()
    text = summary.render(verdict)
    assert all(character.isprintable() for line in text.split("\n") for character in line)
    assert "\nfalse line" not in text
    assert "\x1b[1;31m" in summary.render(verdict, colour=True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c", "d"], "a, b and 2 more")],
)
def test_lists_read_as_sentences(words: list[str], expected: str) -> None:
    """A list is cut after so many words, and says how many are left."""
    assert wording.listed(words, most=3) == expected


def test_what_is_left_behind_is_told(story: Any) -> None:
    """Whoever runs it learns how many objects stay on a live system, how to find them, and where they are listed."""
    story.start(marker="joinedup1a2b3c").system(live=True)
    for where, deleted in [("/v1/things/1", False), ("/v1/things/2", True), ("/v1/things/3", False)]:
        story.write("made", system="social-care", operation="POST /v1/things", where=where, deleted=deleted)
    text = summary.render(story.verdict(), report=Path("run/report.html"))
    assert "Left behind: 2 objects; each is listed in verdict.json under made" in text
    assert "with joinedup1a2b3c in their texts: 2 by POST /v1/things of social-care" in text
    assert text.splitlines()[-1] == "Report: run/report.html"


def test_nothing_is_said_where_nothing_is_left(story: Any) -> None:
    """An object that was deleted again is nobody's concern."""
    story.start().system(live=True)
    story.write("made", system="social-care", operation="POST /v1/things", where="/v1/things/2", deleted=True)
    assert "Left behind" not in summary.render(story.verdict())


@pytest.mark.parametrize(
    ("journeys", "line"),
    [([], "social-care: accept; 0 of 2 operations exercised"), (["suspension"], "social-care: accept")],
)
def test_operations_are_not_counted_where_only_journeys_were_played(
    story: Any, journeys: list[str], line: str
) -> None:
    """A share of the contract is told of a whole run, and left out where journeys were chosen by name."""
    text = summary.render(story.start(journeys=journeys).system().check(*MET).verdict())
    assert line in text.splitlines()
