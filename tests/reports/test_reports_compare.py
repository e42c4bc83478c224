"""Comparing two runs: what was mended, what got worse, and what is known no longer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from joinedup.conformance.cli import main
from joinedup.conformance.errors import ConfigurationError, UnverifiedError
from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Outcome
from joinedup.reports import comparison_page
from joinedup.reports.compare import WORDS, Change, compare, render, side, was
from joinedup.reports.pack import seal
from joinedup.reports.run_folder import write_views

ENTRIES = (
    {"id": "AUT-01", "level": "MUST", "plain": "Nobody gets in.", "question": "GP5"},
    {"id": "ERR-01", "level": "SHOULD", "plain": "Errors are clear.", "question": "GP3"},
)
READABLE = Finding(
    rule="readable",
    requirements=("AUT-01",),
    title="A record can be read by another",
    expected="403.",
    actual="200.",
    where="GET /a",
    operations=("GET /a",),
)
WAIVER = {
    "entry": 1,
    "requirement": "AUT-01",
    "scope": {"system": "social-care", "finding": "readable"},
    "reason": "r",
    "risk": "r",
    "requested_by": "Ann Example",
    "approved_by": "Ben Example",
    "approved_on": "2026-11-01",
    "expires": "2027-01-31",
}


def result(outcome: str, id_: str = "AUT-01") -> Result:
    """A result with a reason."""
    return Result(id_, Outcome(outcome), "because")


@pytest.fixture
def run(story: Any, tmp_path: Path) -> Callable[..., Path]:
    """A run's folder in which checks found this."""

    def make(
        name: str,
        *found: Finding | Result,
        entries: Any = ENTRIES,
        waivers: Any = (),
        versions: Any = None,
        **system: Any,
    ) -> Path:
        told = type(story)(tmp_path / name)
        told.record._now = lambda: datetime(2026, 11, 22, 12, tzinfo=UTC)
        told.start(entries, run=name)
        for waiver in waivers:
            told.write("waiver", **waiver)
        told.system(**system).check(*found).verdict()
        write_views(told.folder)
        plan = {"seed": 1, "cases": "standard", "strict": False}
        content = {"schema": 1, "run": name, "plan": plan, "versions": versions or {"joinedup": "0.1.0"}}
        (told.folder / "run.json").write_text(json.dumps(content))
        return Path(told.folder)

    return make


def changes(comparison: dict[str, Any], of: str) -> list[tuple[str, ...]]:
    """The rows in short."""
    return [(row["change"], row.get("id") or row["rule"]) for row in comparison[of]]


REQUIREMENTS = [
    ("pass", "fail", Change.REGRESSED, True),
    ("pass", "blocked", Change.NEWLY_BLOCKED, True),
    ("pass", "setup_error", Change.NEWLY_BLOCKED, True),
    ("pass", "harness_error", Change.NEWLY_BLOCKED, True),
    ("pass", "review", Change.NEWLY_BLOCKED, True),
    ("pass", "not_applicable", Change.NEWLY_NOT_APPLICABLE, False),
    ("fail", "pass", Change.FIXED, False),
    ("fail", "blocked", Change.NEWLY_BLOCKED, False),
    ("fail", "not_applicable", Change.NEWLY_NOT_APPLICABLE, False),
    ("blocked", "pass", Change.FIXED, False),
    ("blocked", "fail", Change.NEWLY_JUDGED, False),
    ("not_applicable", "pass", Change.NEWLY_JUDGED, False),
    ("not_applicable", "fail", Change.NEWLY_JUDGED, False),
    ("not_applicable", "blocked", Change.NEWLY_BLOCKED, False),
    ("review", "pass", Change.NEWLY_JUDGED, False),
]


@pytest.mark.parametrize(("before", "after", "change", "regression"), REQUIREMENTS)
def test_each_requirement_says_what_became_of_it(
    run: Callable[..., Path], before: str, after: str, change: Change, regression: bool
) -> None:
    """Proof that was lost is a regression; a failure that nobody can see any more is not mended."""
    one, other = run("a", result(before)), run("b", result(after))
    comparison = compare(side(one), side(other))
    (row,) = [row for row in comparison["requirements"] if row["id"] == "AUT-01"]
    assert (row["change"], row["before"], row["after"]) == (change, before, after)
    assert row["regression"] is comparison["regression"] is regression
    assert comparison["counts"][change] == 1


@pytest.mark.parametrize("outcome", ["pass", "fail", "blocked", "not_applicable"])
def test_what_stayed_the_same_is_no_difference(run: Callable[..., Path], outcome: str) -> None:
    """Two runs that found the same say so."""
    met = Result("ERR-01", Outcome.PASS)
    one, other = run("a", met, result(outcome)), run("b", met, result(outcome))
    comparison = compare(side(one), side(other))
    assert comparison["requirements"] == comparison["findings"] == []
    assert "Both runs found the same." in render(comparison)


def test_a_recommended_point_can_regress(run: Callable[..., Path]) -> None:
    """From met to worth improving."""
    met = (Result("AUT-01", Outcome.PASS), Result("ERR-01", Outcome.PASS))
    warned = (met[0], result("warn", "ERR-01"))
    assert compare(side(run("a", *met)), side(run("b", *warned)))["regression"] is True


ELSEWHERE = replace(READABLE, where="GET /b", operations=("GET /b",))
MET = Result("AUT-01", Outcome.PASS)
FINDINGS = [
    ((MET,), (READABLE,), [("regressed", "GET /a")]),
    ((READABLE,), (MET,), [("fixed", "GET /a")]),
    ((READABLE,), (READABLE, ELSEWHERE), [("regressed", "GET /b")]),
    ((READABLE, ELSEWHERE), (ELSEWHERE,), [("fixed", "GET /a")]),
    ((READABLE,), (ELSEWHERE,), [("regressed", "GET /b"), ("fixed", "GET /a")]),
    ((READABLE,), (replace(READABLE, title="In other words", actual="201.", count=9),), []),
    ((READABLE,), (result("blocked"),), [("newly_blocked", "GET /a")]),
    ((READABLE,), (result("not_applicable"),), [("newly_not_applicable", "GET /a")]),
    ((result("blocked"),), (READABLE,), [("newly_judged", "GET /a")]),
    ((MET,), (replace(READABLE, operations=(), where="#/paths"),), [("regressed", "#/paths")]),
]


@pytest.mark.parametrize(("before", "after", "rows"), FINDINGS)
def test_each_finding_is_followed_by_rule_and_operation(
    run: Callable[..., Path], before: Any, after: Any, rows: list[tuple[str, str]]
) -> None:
    """Whatever its number, words and count; gone is mended only where the requirement was judged again."""
    comparison = compare(side(run("a", *before)), side(run("b", *after)))
    assert [(row["change"], row["operation"]) for row in comparison["findings"]] == rows


def test_a_requirement_that_is_new_in_the_profile_is_no_regression(run: Callable[..., Path]) -> None:
    """Nor are its findings; the other way round it is asked no longer, and nothing is mended."""
    less, more = run("a", entries=ENTRIES[1:]), run("b", READABLE)
    comparison = compare(side(less), side(more))
    assert ("new_in_profile", "AUT-01") in changes(comparison, "requirements")
    assert changes(comparison, "findings") == [("new_in_profile", "readable")]
    assert comparison["regression"] is False
    back = compare(side(more), side(less))
    assert ("left_profile", "AUT-01") in changes(back, "requirements")
    assert changes(back, "findings") == [("left_profile", "readable")]


@pytest.mark.parametrize(
    ("then", "now", "before", "after"),
    [
        ([], [WAIVER], "", "approved by Ben Example, until 2027-01-31"),
        ([WAIVER], [], "approved by Ben Example, until 2027-01-31", ""),
        (
            [WAIVER],
            [{**WAIVER, "expires": "2027-02-28"}],
            "approved by Ben Example, until 2027-01-31",
            "approved by Ben Example, until 2027-02-28",
        ),
    ],
)
def test_an_exception_that_changed_is_told(
    run: Callable[..., Path], then: Any, now: Any, before: str, after: str
) -> None:
    """Agreed, ended, or agreed anew: the failure is the same, and what people say of it is not."""
    comparison = compare(side(run("a", READABLE, waivers=then)), side(run("b", READABLE, waivers=now)))
    (row,) = comparison["requirements"]
    assert (row["change"], row["before"], row["after"]) == ("exception_changed", before, after)
    assert comparison["regression"] is False


def test_the_same_exception_is_no_difference(run: Callable[..., Path]) -> None:
    """Its number in the file, and the finding's number in the run, are not the exception."""
    moved = {**WAIVER, "entry": 7}
    comparison = compare(
        side(run("a", READABLE, waivers=[WAIVER])), side(run("b", READABLE, waivers=[moved]))
    )
    assert comparison["requirements"] == []


def test_a_changed_harness_is_told(run: Callable[..., Path]) -> None:
    """Versions, profile and contract: a difference may come from there."""
    one = run("a", MET, profile_hash="1", contract_hash="c")
    other = run("b", MET, profile_hash="2", contract_hash="c", versions={"joinedup": "0.1.0", "httpx": "9"})
    comparison = compare(side(one), side(other))
    assert comparison["harness"] == [
        {"what": "requirements of the profile of social-care", "before": "1", "after": "2"},
        {"what": "httpx", "before": None, "after": "9"},
    ]
    assert "Not the same in both runs: requirements of the profile of social-care and httpx." in render(
        comparison
    )


def test_a_pack_is_compared_like_its_run(run: Callable[..., Path], tmp_path: Path) -> None:
    """The same difference, from folders and from packs."""
    one, other = run("a", MET), run("b", READABLE)
    packs = [seal(folder, tmp_path / f"{folder.name}.zip").path for folder in (one, other)]
    assert compare(side(packs[0]), side(packs[1])) == compare(side(one), side(other))


def test_a_pack_that_does_not_verify_is_not_compared(run: Callable[..., Path], tmp_path: Path) -> None:
    """What was changed says nothing."""
    path = seal(run("a", MET), tmp_path / "a.zip").path
    path.write_bytes(path.read_bytes().replace(b'"pass"', b'"fail"', 1))
    with pytest.raises(UnverifiedError):
        side(path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"requirements": [], "findings": [{}], "systems": []}'])
def test_a_verdict_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    """In a sentence."""
    (tmp_path / "verdict.json").write_text(content)
    with pytest.raises(ConfigurationError):
        side(tmp_path)


class Page(HTMLParser):
    """What a page shows, and what it would fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


SHOWN: dict[Change, tuple[dict[str, Any], dict[str, Any], int]] = {
    Change.REGRESSED: ({"found": [MET]}, {"found": [result("fail")]}, 1),
    Change.NEWLY_BLOCKED: ({"found": [MET]}, {"found": [result("blocked")]}, 1),
    Change.NEWLY_NOT_APPLICABLE: ({"found": [MET]}, {"found": [result("not_applicable")]}, 0),
    Change.EXCEPTION_CHANGED: ({"found": [READABLE]}, {"found": [READABLE], "waivers": [WAIVER]}, 0),
    Change.NEW_IN_PROFILE: ({"entries": ENTRIES[1:]}, {"found": [MET]}, 0),
    Change.LEFT_PROFILE: ({"found": [MET]}, {"entries": ENTRIES[1:]}, 0),
    Change.NEWLY_JUDGED: ({"found": [result("blocked")]}, {"found": [result("fail")]}, 0),
    Change.FIXED: ({"found": [result("fail")]}, {"found": [MET]}, 0),
}


@pytest.mark.parametrize("change", SHOWN)
def test_each_change_stands_on_the_page_in_the_json_and_on_the_console(
    run: Callable[..., Path], tmp_path: Path, change: Change
) -> None:
    """By its own heading, with the point and what it was and is; and only what got worse ends in exit 1."""
    before, after, code = SHOWN[change]
    folders = [
        str(run(n, *given.pop("found", []), **given))
        for n, given in zip("ab", (dict(before), dict(after)), strict=True)
    ]
    page = tmp_path / "page.html"
    said = CliRunner().invoke(main, ["compare", *folders, "--out", str(page)])
    told = CliRunner().invoke(main, ["compare", *folders, "--json"])
    assert said.exit_code == told.exit_code == code
    comparison = json.loads(told.stdout)
    rows = [row for row in comparison["requirements"] if row["change"] == change]
    assert ([row["id"] for row in rows], comparison["counts"][change]) == (["AUT-01"], 1)
    assert f"{WORDS[change]}: 1" in said.stdout
    shown = Page(page.read_text())
    for part in (
        WORDS[change],
        "AUT-01",
        "Nobody gets in.",
        was(rows[0], "before"),
        was(rows[0], "after"),
    ):
        assert part in shown.text
    assert ("Regression" in shown.text) is bool(code)


def test_a_changed_harness_stands_on_the_page(run: Callable[..., Path]) -> None:
    """Each thing that was not the same, with what it was in both runs."""
    one, other = run("a", MET, contract_hash="c1"), run("b", MET, contract_hash="c2", profile="open-api-2")
    shown = Page(comparison_page.render(compare(side(one), side(other)))).text
    for part in ("contract of social-care", "c1", "c2", "profile of social-care", "open-api-1", "open-api-2"):
        assert part in shown


def test_the_page_shows_every_difference_and_fetches_nothing(run: Callable[..., Path]) -> None:
    """One file; hostile words from a system stay words."""
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    found = replace(READABLE, title=hostile, operations=(f"GET /{hostile}",))
    comparison = compare(side(run("a", MET)), side(run("b", found, versions={"httpx": hostile})))
    text = comparison_page.render(comparison)
    shown = Page(text)
    assert {"script", "img", "link", "iframe"} & set(shown.tags) == set()
    assert {"src", "onerror", "style"} & set(shown.attributes) == set()
    assert not re.search(r"url\(|@import", text)
    assert shown.text.count(hostile) >= 3
    assert "Regression" in shown.text
    assert "Nobody gets in." in shown.text
    assert "default-src 'none'" in text


def test_the_console_cannot_be_controlled(run: Callable[..., Path]) -> None:
    """What would move a cursor or end a line is left out."""
    found = replace(READABLE, title="\x1b[2J\nAll is well")
    said = render(compare(side(run("a", MET)), side(run("b", found))))
    assert "\x1b" not in said
    assert not any(line.startswith("All is well") for line in said.splitlines())
