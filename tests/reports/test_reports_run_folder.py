"""The views of a run: written whole, from any record, however it was cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from joinedup.conformance.errors import ConfigurationError, SetupError
from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Outcome
from joinedup.reports.events import FILE_NAME
from joinedup.reports.run_folder import read_verdict, write_views, write_whole

BROKEN = Finding("rule", ("AUT-01",), "A title", "expected", "actual", "GET /a")


def whole(story: Any, finding: bool) -> bytes:
    """The bytes of a finished record, with a known failure or without."""
    story.start(product={"name": "CareTrack"}).system()
    story.check(
        *([BROKEN] if finding else []), *(Result(id_, Outcome.PASS) for id_ in ("AUT-01", "CON-01", "ERR-01"))
    )
    story.write("exercised", system="social-care", operation="GET /a", succeeded=True).verdict()
    return bytes((story.folder / FILE_NAME).read_bytes())


@pytest.mark.parametrize("finding", [False, True])
def test_a_record_cut_anywhere_still_gives_views(story: Any, tmp_path: Path, finding: bool) -> None:
    """A record cut at any byte gives views that say incomplete: exit 5, or 1 where a failure is already known."""
    record = whole(story, finding)
    known = record.index(b"\n", record.index(b'"event":"check"'))
    for cut in [*range(0, len(record) - 1, 17), len(record) - 2]:
        (tmp_path / FILE_NAME).write_bytes(record[:cut])
        verdict = write_views(tmp_path)
        assert verdict["complete"] is False
        assert verdict["exit_code"] == (1 if finding and cut >= known else 5), cut
        assert "This run did not finish." in (tmp_path / "report.html").read_text()
        assert ElementTree.parse(tmp_path / "junit.xml").getroot().get("errors") != "0"


def test_a_whole_record_gives_a_verdict(story: Any) -> None:
    """The finished record of a good run gives exit 0, and the verdict on disk is the one returned."""
    whole(story, finding=False)
    verdict = write_views(story.folder)
    assert (verdict["exit_code"], verdict["complete"]) == (0, True)
    assert read_verdict(story.folder) == json.loads(json.dumps(verdict))
    assert sorted(path.name for path in story.folder.iterdir()) == [
        "allure-results",
        FILE_NAME,
        "junit.xml",
        "report.html",
        "summary.md",
        "verdict.json",
    ]


def test_a_line_lost_in_the_middle_makes_a_run_incomplete(story: Any) -> None:
    """A line that cannot be read may have held a failure, so there is no verdict."""
    record = whole(story, finding=False)
    (story.folder / FILE_NAME).write_bytes(record.replace(b"\n", b"\n{torn\n", 1))
    assert write_views(story.folder)["exit_code"] == 5


def test_a_second_run_in_the_same_folder_starts_anew(story: Any) -> None:
    """What an earlier run found is not held against the next one."""
    whole(story, finding=True)
    whole(story, finding=False)
    assert write_views(story.folder)["exit_code"] == 0


def test_an_empty_folder_gives_views(tmp_path: Path) -> None:
    """A run that was killed before its first line is told from its folder alone."""
    assert write_views(tmp_path)["exit_code"] == 5


def test_a_view_is_replaced_whole(tmp_path: Path) -> None:
    """A view is renamed into place, and a failure leaves neither a part nor a temporary file."""
    write_whole(tmp_path / "a" / "view", "old")
    write_whole(tmp_path / "a" / "view", "new \ud800")
    assert (tmp_path / "a" / "view").read_bytes() == b"new ?"
    (tmp_path / "a" / "folder" / "in the way").mkdir(parents=True)
    with pytest.raises(SetupError, match="cannot be written"):
        write_whole(tmp_path / "a" / "folder", "text")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["folder", "view"]


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b"\xff"])
def test_a_folder_without_a_verdict_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Naming the wrong folder is answered with what was expected there."""
    if content is not None:
        (tmp_path / "verdict.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match="Name a run's folder"):
        read_verdict(tmp_path)
