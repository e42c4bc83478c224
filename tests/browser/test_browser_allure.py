"""Allure's own report of a run, made by its own command and opened in a real browser."""

from __future__ import annotations

import functools
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tools import node_tool

from browser import stories
from browser.chromium import Browser
from joinedup.conformance.errors import ConfigurationError, SetupError
from joinedup.reports import allure_results
from joinedup.reports.allure_report import HISTORY, generate, without_analytics

CHECK = {
    "check": "test_isolation.py::test_keeps_organisations_apart[social-care]",
    "system": "social-care",
    "seconds": 1.5,
    "outcome": "fail",
    "waived": False,
    "level": "MUST",
    "reason": "One organisation can read what belongs to another",
    "requirements": ["AUT-03"],
    "findings": ["f-1"],
}

STORY = {
    **CHECK,
    "check": "journeys/evening.arazzo.yaml::evening",
    "seconds": 0.5,
    "findings": [],
}


def write(folder: Path, **changed: Any) -> Path:
    """A run's folder with the results of one check and two journeys."""
    verdict = {**stories.failing(), "checks": [{**CHECK, **changed}, STORY]}
    (folder / "allure-results").mkdir(parents=True)
    (folder / "verdict.json").write_text(json.dumps(verdict), "utf-8")
    for name, text in allure_results.render(verdict).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Reports of two runs, the later one served on this machine alone."""
    folder = tmp_path_factory.mktemp("runs")
    command = node_tool("allure")
    generate(write(folder / "before", outcome="pass", findings=[], reason=""), folder / "first", command)
    page = generate(write(folder / "after"), folder / "second", command)
    handler = functools.partial(Quiet, directory=str(page.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield page, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing of it."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def test_it_shows_what_was_found(browser: Browser, report: tuple[Path, str]) -> None:
    """The report names the check and the journeys, and asks nobody outside for anything."""
    browser.send(
        "Network.emulateNetworkConditions",
        offline=False,
        latency=0,
        downloadThroughput=-1,
        uploadThroughput=-1,
    )
    browser.visit(report[1])
    deadline = time.monotonic() + 30
    while "keeps organisations apart" not in (shown := browser.run("document.body.innerText")):
        assert time.monotonic() < deadline, shown
    assert "The school knows before the child arrives" in shown
    assert [url for url in browser.asked_for() if not url.startswith((report[1], "data:", "blob:"))] == []


def test_it_keeps_steps_severity_and_history(report: tuple[Path, str]) -> None:
    """What Allure made of the results: steps with attachments, severity, requirement, and the run before."""
    results = [
        json.loads(path.read_text()) for path in (report[0].parent / "data" / "test-results").glob("*.json")
    ]
    check = next(each for each in results if each["name"].startswith("keeps organisations apart"))
    labels = {(label["name"], label.get("value")) for label in check["labels"]}
    assert {("severity", "critical"), ("requirement", "AUT-03"), ("parentSuite", "social-care")} <= labels
    assert ("system", "social-care") in labels
    assert check["name"] == "keeps organisations apart"
    assert check["steps"][0]["name"].startswith("f-1: ")
    assert "joinedup replay f-1" in json.dumps(check["steps"])
    assert check["status"] == "failed"
    assert [run["status"] for run in check["history"]] == ["passed"]
    assert (report[0].parent.parent / HISTORY).is_file()


def test_a_journey_is_told_once_as_a_story_and_once_for_each_system(report: tuple[Path, str]) -> None:
    """Both have the title of the journey and its label; the story has its steps and took as long as its checks."""
    folder = report[0].parent / "data" / "test-results"
    results = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    told = [
        each
        for each in results
        if ("journey", "evening") in {(i["name"], i.get("value")) for i in each["labels"]}
    ]
    suites = {
        (i["value"], each["name"]) for each in told for i in each["labels"] if i["name"] == "parentSuite"
    }
    title = "The school knows before the child arrives"
    assert suites == {("Journeys", title), ("social-care", title)}
    story = next(each for each in told if each["steps"])
    assert (story["duration"], len(story["steps"])) == (500, 5)
    assert story["steps"][0]["name"] == "Officers tell the council what happened"


def test_the_report_says_what_to_do(report: tuple[Path, str]) -> None:
    """Its name is that of the product, with the recommendation."""
    assert "CareTrack 8.3.1: Do not accept yet" in report[0].read_text("utf-8")


def test_it_tells_nobody(report: tuple[Path, str]) -> None:
    """The script by which Allure counts its readers is not in the page."""
    html = report[0].read_text("utf-8")
    assert ("google" in html, "gtag" in html) == (False, False)
    assert '<div id="app"></div>' in html


def test_a_script_that_cannot_be_removed_is_an_error() -> None:
    """A page that would still tell somebody is refused, and an innocent one stays as it is."""
    assert without_analytics("<script>a()</script>") == "<script>a()</script>"
    with pytest.raises(SetupError, match="still holds a script"):
        without_analytics("<img src=//www.googletagmanager.com/a>")


def test_without_the_command_it_says_what_to_install(tmp_path: Path) -> None:
    """Where Allure is not installed, one sentence says how to install it."""
    with pytest.raises(ConfigurationError, match="npm install"):
        generate(tmp_path, tmp_path / "out", "no-such-command")
