"""The section of a load in a real browser, with everything that it can hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loads import measured

from browser.axe import WIDTHS, violations
from browser.chromium import Browser
from browser.stories import KINDS
from joinedup.scenarios.load_capacity import find_capacity


def _searched() -> dict[str, Any]:
    """A load of which each part of the section has something to show."""
    found = find_capacity(lambda rate: measured(levels={"p95_ms": 500 if rate < 300 else 1}), 100)
    return found | {"invalid_because": ["Only 9 of 10 arrivals that were due were started."]}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_wrong_with_a_load(
    browser: Browser, written: Callable[[Any], Path], dark: bool
) -> None:
    """Narrow and wide, the whole section keeps WCAG 2.2 AA as far as axe can tell, and nothing runs out of the page."""
    path = written(KINDS["passing"]() | {"performance": _searched()})
    for width in WIDTHS:
        browser.open(path, width=width, dark=dark)
        browser.run("document.querySelectorAll('section:has(#load) details').forEach(d => d.open = true)")
        assert violations(browser) == [], width
        assert browser.run("document.documentElement.scrollWidth <= innerWidth"), width
        assert browser.run("document.querySelectorAll('section:has(#load) svg').length") == 3


def test_names_in_a_picture_lie_within_it(browser: Browser, written: Callable[[Any], Path]) -> None:
    """No name of a curve and no mark of an axis is cut off."""
    found = _searched()
    # As slow as it gets: a whole timeout.
    found["series"][3]["p99_ms"] = found["capacity"]["runs"][-1]["p95_from_intended_ms"] = 60_000
    found["capacity"]["runs"][-1]["rate"] = 99_000
    browser.open(written(KINDS["passing"]() | {"performance": found}), width=1440)
    outside = (
        "[...document.querySelectorAll('section:has(#load) svg')].flatMap(svg => {"
        "const frame = svg.getBoundingClientRect();"
        "return [...svg.querySelectorAll('text')].filter(text => { const box = text.getBoundingClientRect();"
        "return box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom; })"
        ".map(text => text.textContent); })"
    )
    assert browser.run(outside) == []
