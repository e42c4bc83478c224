"""The commands about evidence: each ends with its code, and with a sentence."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result as Ended

from joinedup.conformance.cli import main
from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Cause, Outcome
from joinedup.reports.run_folder import write_views

MET = Result("AUT-01", Outcome.PASS)
BROKEN = Finding("rule", ("AUT-01",), "A title", "expected", "actual", "GET /a", ("GET /a",))
DOCUMENT = Path(__file__).parents[2] / "docs" / "evidence.md"


def joinedup(*words: object) -> Ended:
    """One command, with what it said and its exit code; nothing but an exit may leave it."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def run(story: Any) -> Path:
    """A finished run in which nothing was tested but one point."""
    story.start().system().verdict()
    write_views(story.folder)
    (story.folder / "run.json").write_text("{}")
    return Path(story.folder)


CODES = [
    (("verify", "{run}/run.json"), 7, "not a zip"),
    (("verify", "gone.zip"), 2, "There is no file"),
    (("pack", "gone", "--out", "x.zip"), 2, "should hold a run"),
    (("compare", "{run}", "gone"), 2, "gone"),
    (("compare", "{run}", "{run}/run.json"), 7, "not a zip"),
    (("compare", "{run}", "{run}"), 0, "Both runs found the same"),
    (("waiver", "new", "f-1", "--run", "{run}"), 5, "no failure 'f-1'"),
    (("waiver", "check", "--waivers", "gone.toml"), 2, "cannot be read"),
    (("check", "--baseline", "gone.toml"), 2, "cannot be read"),
]


@pytest.mark.parametrize(("words", "code", "said"), CODES)
def test_each_command_ends_with_its_code_and_a_sentence(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, said: str
) -> None:
    """Never with a traceback."""
    monkeypatch.chdir(tmp_path)
    result = joinedup(*(word.format(run=run) for word in words))
    assert result.exit_code == code
    assert said in result.output


VERDICTS: list[tuple[list[Finding | Result], bool, int]] = [
    ([MET], True, 0),
    ([BROKEN], True, 1),
    ([Result("AUT-01", Outcome.BLOCKED, "no token came", Cause.SYSTEM)], True, 1),
    ([Result("AUT-01", Outcome.BLOCKED, "no token came")], True, 3),
    ([Result("AUT-01", Outcome.SETUP_ERROR, "no network")], True, 3),
    ([BROKEN, Result("CON-01", Outcome.SETUP_ERROR, "no network")], True, 1),
    ([BROKEN, Result("CON-01", Outcome.HARNESS_ERROR, "our bug")], True, 4),
    ([MET], False, 5),
    ([Result("AUT-01", Outcome.REVIEW, "somebody has to look")], True, 6),
]


@pytest.mark.parametrize(("found", "finished", "code"), VERDICTS)
def test_every_line_of_the_table_of_verdicts_is_an_exit_code(
    story: Any, found: list[Finding | Result], finished: bool, code: int
) -> None:
    """A run's verdict is what the command ends with, also when its views are written again."""
    named = {item.requirement for item in found if isinstance(item, Result)}
    rest = [Result(id_, Outcome.PASS) for id_ in ("AUT-01", "CON-01", "ERR-01") if id_ not in named]
    story.start().system().check(*found, *rest).verdict(finished=finished)
    assert joinedup("report", story.folder).exit_code == code


def test_a_working_copy_says_where_it_is(run: Path, tmp_path: Path) -> None:
    """The name differs from the one that was asked for, so it is printed, with the reason."""
    said = joinedup("pack", run, "--out", tmp_path / "evidence.zip").stdout
    assert "evidence.working-copy.zip: no_verdict" in said
    assert "proves nothing about the system" in said


def test_the_entries_of_the_document_are_good_toml() -> None:
    """Each example holds the keys that its file needs, no more and no less."""
    from joinedup.reports.agreements import TABLES

    blocks = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), flags=re.S)
    shown = {table: entries[0] for block in blocks for table, entries in tomllib.loads(block).items()}
    for kind, (_, table) in TABLES.items():
        named = {field.name for field in fields(kind)} - {"entry"}
        assert set(shown[table]) == named, table
