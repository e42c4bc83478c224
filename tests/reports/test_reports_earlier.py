"""Earlier runs: which are found, what has changed since, and that a pack needs nothing beside itself for it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Outcome
from joinedup.reports import earlier
from joinedup.reports.exceptions import as_record
from joinedup.reports.history import history
from joinedup.reports.pack import seal
from joinedup.reports.run_folder import write_views
from joinedup.reports.verification import verify

BROKEN = Finding("rule", ("AUT-01",), "A title", "403", "200", "GET /a", ("GET /a",))
GONE = replace(BROKEN, rule="gone", title="Gone", where="GET /b", operations=("GET /b",))
SYSTEMS = {"social-care": True}


@pytest.fixture
def told(story: Any) -> Any:
    """A run that has an earlier one beside it: one finding stayed, one is new, one is gone."""
    met = [Result(id_, Outcome.PASS) for id_ in ("CON-01", "ERR-01")]
    story.start().system(live=True).check(BROKEN, GONE, *met).verdict()
    write_views(story.folder)
    folder = story.folder.rename(story.folder.parent / "before")
    later = type(story)(folder.parent / "after").start(run="r-2").system(live=True)
    for run in earlier.beside(later.folder, SYSTEMS):
        later.write("earlier", **as_record(run))
    return later.check(BROKEN, replace(BROKEN, rule="new", where="GET /c", operations=("GET /c",)), *met)


def test_what_has_changed_is_told(told: Any) -> None:
    """What was not there is new, what was looked for and not found is gone, and the rest is neither."""
    verdict = told.verdict()
    changes = earlier.changes(verdict)
    assert changes is not None
    rules = {part["id"]: part["rule"] for part in earlier.parts(verdict)}
    assert {rules[id_] for id_ in changes.new} == {"new"}
    assert [shown.rule for shown in changes.gone] == ["gone"]


def test_runs_stand_beside_each_other(told: Any) -> None:
    """The earlier run is a column, and what came out the same is counted and not listed."""
    shown = history(told.verdict())
    assert shown is not None
    assert [column.run for column in shown.columns] == ["r-1", "r-2"]
    assert (shown.rows, shown.same) == ((), 3)


def test_a_run_that_did_not_finish_differs_in_nothing_that_it_never_came_to(story: Any) -> None:
    """What an unfinished run never came to is no row; what it did come to is."""
    story.start().system(live=True).check(*(Result(id_, Outcome.PASS) for id_ in ("AUT-01", "CON-01")))
    story.verdict()
    write_views(story.folder)
    later = type(story)(story.folder.parent / "killed").start(run="r-2").system(live=True)
    for run in earlier.beside(later.folder, SYSTEMS):
        later.write("earlier", **as_record(run))
    shown = history(later.check(BROKEN).verdict(finished=False))
    assert shown is not None
    assert [row.requirement for row in shown.rows] == ["AUT-01"]


def test_what_nothing_could_prove_is_not_told_as_not_applicable(story: Any) -> None:
    """A column says that a point was not tested, where it may well apply."""
    entries = [{"id": "X-01", "level": "MUST", "excluded": {"reason": "unsafe", "note": ""}}]
    story.start(entries).system(live=True).verdict()
    write_views(story.folder)
    later = type(story)(story.folder.parent / "later")
    assert [run.outcomes for run in earlier.beside(later.folder, SYSTEMS)] == [
        {"social-care": {"X-01": "not_tested"}}
    ]


def test_a_pack_needs_nothing_beside_itself(told: Any, tmp_path: Path) -> None:
    """A pack shows the same earlier runs, and verifies, where their folders are not."""
    told.verdict()
    write_views(told.folder)
    (told.folder / "run.json").write_text('{"schema": 1, "run": "r-2"}\n')
    (told.folder / "performance.json").write_text('{"requests": 7}')
    packed = seal(told.folder, tmp_path / "a.zip").path
    shutil.rmtree(told.folder.parent / "before")
    verified = verify(packed)
    assert [run["run"] for run in verified.verdict["earlier"]] == ["r-1"]
    assert verified.verdict["performance"] == {"requests": 7}
    assert b"Earlier runs" in verified.parts["report.html"]
    assert b"Under load" in verified.parts["report.html"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"systems": 1}', "null", "[" * 100_000, '{"systems": [{}]}']
)
def test_what_is_no_run_is_left_out(tmp_path: Path, content: str) -> None:
    """Whatever else lies beside a run's folder is no earlier run and no error."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "verdict.json").write_text(content)
    assert earlier.beside(tmp_path / "run", SYSTEMS) == []


@pytest.mark.parametrize(
    ("systems", "found"), [({"social-care": True}, 1), ({"social-care": False}, 0), ({"police": True}, 0)]
)
def test_only_runs_of_the_same_system_count(story: Any, systems: dict[str, bool], found: int) -> None:
    """A stand-in is not held against a live system, nor one system against another."""
    story.start().system(live=True).check(BROKEN).verdict()
    write_views(story.folder)
    assert len(earlier.beside(story.folder.parent / "next", systems)) == found


def test_the_latest_five_are_kept(tmp_path: Path, story: Any) -> None:
    """Of many earlier runs the latest five are kept, oldest first, and the findings of the last alone."""
    story.start().system(live=True).check(BROKEN).verdict()
    verdict = write_views(story.folder)
    for day in range(10, 18):
        folder = tmp_path / "many" / str(day)
        folder.mkdir(parents=True)
        started = f"2026-11-{day}T09:00:00.000Z"
        (folder / "verdict.json").write_text(json.dumps({**verdict, "run": str(day), "started": started}))
    runs = earlier.beside(tmp_path / "many" / "own", SYSTEMS)
    assert [run.run for run in runs] == ["13", "14", "15", "16", "17"]
    assert [run.findings is None for run in runs] == [True] * 4 + [False]
