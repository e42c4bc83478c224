"""The page of a comparison in a real browser: for everybody, narrow and wide, and against hostile text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from browser import stories
from browser.axe import WIDTHS, violations
from browser.chromium import Browser
from joinedup.reports import comparison_page
from joinedup.reports.compare import Side, compare


def compared() -> dict[str, Any]:
    """A comparison with something in each of its parts."""
    before, after = stories.passing(), stories.failing()
    faults = [{"plan": {"faults": names}} for names in ([], ["check-digit-ignored", "update-lost"])]
    changed = compare(Side("before", before, faults[0]), Side("after", after, faults[1]))
    assert changed["regression"]
    assert all(changed[part] for part in ("requirements", "findings", "harness"))
    return changed


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The page of that comparison."""
    return write(tmp_path, compared())


def write(folder: Path, comparison: Any) -> Path:
    """The page of a comparison, as `joinedup compare --out` writes it."""
    path = folder / "comparison.html"
    path.write_bytes(comparison_page.render(comparison).encode("utf-8", "replace"))
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_everybody_can_read_it(browser: Browser, page: Path, width: int, dark: bool) -> None:
    """Axe finds nothing, and nothing is wider than the window."""
    browser.open(page, width=width, dark=dark)
    assert violations(browser) == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    frames = "[...document.querySelectorAll('.wide')].every(f => f.scrollWidth <= f.clientWidth)"
    assert browser.run(frames)


def test_before_and_after_are_said(browser: Browser, page: Path) -> None:
    """A point says what became of it in both runs, and a finding whether it was there, in words."""
    browser.open(page)
    rows = browser.run("[...document.querySelectorAll('tbody tr')].map(r => r.textContent)")
    assert "AUT-03 The promise in plain words.social-caremet →, then not met" in rows
    assert any(row.endswith("social-carenot found →, then found") for row in rows)
    assert "faultsnonecheck-digit-ignored, update-lost" in rows


@pytest.mark.parametrize("text", stories.HOSTILE, ids=range(len(stories.HOSTILE)))
def test_hostile_text_stays_text(browser: Browser, tmp_path: Path, text: str) -> None:
    """Hostile text in every field makes no element, runs nothing and asks for nothing."""
    browser.open(write(tmp_path, compared()))
    count = "document.querySelectorAll('*').length"
    plain = browser.run(count)
    browser.open(write(tmp_path, stories.with_everywhere(compared(), text)))
    assert browser.run(count) == plain
    assert browser.run("document.querySelectorAll('script, img, svg, iframe, base, [style]').length") == 0
    assert browser.asked_for() == []
    assert browser.happened("Page.javascriptDialogOpening", "Log.entryAdded") == []


def test_it_is_printed(browser: Browser, page: Path) -> None:
    """On paper it is A4."""
    browser.open(page)
    printed = browser.printed()
    assert b"/MediaBox [0 0 595" in printed or b"/MediaBox [0 0 594" in printed
