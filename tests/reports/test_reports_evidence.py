"""The commands about evidence, from a real run to a pack, a comparison and an exception."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from joinedup.conformance.cli import main
from joinedup.reports.run_folder import write_views

# What a check and a journey say of one and the same fault.
OTHER_COUNCIL_READS = (
    "read-by-another-organisation",
    "journey-broken-authorisation-other-council-reads-no-child",
)
DOCUMENT = Path(__file__).parents[2] / "docs" / "evidence.md"


def joinedup(*words: object) -> Result:
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


def test_a_real_run_goes_all_the_way(tmp_path: Path) -> None:
    """A waiver beside the configuration is laid over a real failure; the run packs, verifies and compares."""
    values = {
        "requirement": "AUT-03",
        "reason": "r",
        "risk": "r",
        "requested_by": "Ann Example",
        "approved_by": "Ben Example",
    }
    today = datetime.now(UTC).date()
    agreed = [f'{key} = "{value}"' for key, value in values.items()]
    agreed += [f"approved_on = {today - timedelta(days=1)}", f"expires = {today + timedelta(days=30)}"]
    scopes = [f'scope = {{system = "social-care", finding = "{finding}"}}' for finding in OTHER_COUNCIL_READS]
    (tmp_path / "waivers.toml").write_text(
        "\n".join(line for scope in scopes for line in ["[[waiver]]", scope, *agreed])
    )
    command = [sys.executable, "-P", "-m", "joinedup.conformance.cli", "check", "--quick", "--only", "AUT-03"]
    command += ["--fault", "other-organisation-readable", "--out", str(tmp_path / "run")]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert [(r["outcome"], r["waived"]) for r in verdict["requirements"]] == [("fail", True)]

    pack = tmp_path / "evidence.zip"
    assert joinedup("pack", tmp_path / "run", "--out", pack).exit_code == 0
    assert "self-run, unsigned" in joinedup("verify", pack).stdout
    compared = joinedup("compare", tmp_path / "run", pack, "--json", "--out", tmp_path / "comparison.html")
    assert compared.exit_code == 0
    assert json.loads(compared.stdout)["regression"] is False
    assert "Both runs found the same." in (tmp_path / "comparison.html").read_text()


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
