"""The forms that a run takes for other readers, asked for at the command line: a job's summary, and Allure's report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from tools import node_tool

CHECK = ("check", "--quick", "--system", "police", "--only", "CON-API-01", "--out")


def run(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """One command in a folder; nothing that it says is a traceback."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "joinedup.conformance.cli", *words],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that met its one point, in a job whose summary another step has begun."""
    folder = tmp_path_factory.mktemp("forms")
    (folder / "summary.md").write_text("# Another step\n\n")
    done = run(*CHECK, "run", cwd=folder, GITHUB_STEP_SUMMARY=str(folder / "summary.md"))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_job_gets_at_most_thirty_lines(place: Path) -> None:
    """The summary stands behind what other steps wrote, in thirty lines at most, and is that of the run's folder."""
    before, after = (place / "summary.md").read_text().split("# Another step\n\n")
    assert before == ""
    assert len(after.splitlines()) <= 30
    assert after == (place / "run" / "summary.md").read_text()
    headings = [token.content for token in MarkdownIt().parse(after) if token.type == "inline"][:1]
    assert headings == ["✓ Bundled agencies: Accept"]


def test_a_summary_that_cannot_be_written_changes_nothing(place: Path) -> None:
    """Where the job's page cannot be written, a sentence says so, and the verdict is what it was."""
    done = run(*CHECK, "again", cwd=place, GITHUB_STEP_SUMMARY=str(place / "no-folder" / "summary.md"))
    assert done.returncode == 0
    assert "the summary of the job cannot be written: No such file or directory." in done.stderr


def test_allure_is_made_where_it_is_asked_for(place: Path) -> None:
    """`report --allure` makes Allure's own report, and says where it is."""
    path = f"{Path(node_tool('allure')).parent}:{os.environ['PATH']}"
    done = run("report", "run", "--allure", "allure", cwd=place, PATH=path)
    assert (done.returncode, "Allure: allure/index.html" in done.stdout) == (0, True)
    results = [json.loads(path.read_text()) for path in place.glob("allure/data/test-results/*.json")]
    assert results
    assert "googletagmanager" not in (place / "allure" / "index.html").read_text()


def test_without_allure_a_sentence_says_what_to_install(place: Path) -> None:
    """Where the command is missing, nothing is made, and the exit code is that of a wrong set-up."""
    done = run("report", "run", "--allure", "none", cwd=place, PATH="/nowhere")
    assert done.returncode == 2
    assert "There is no command allure." in done.stderr
    assert "npm install --global allure" in done.stderr
    assert not (place / "none").exists()
