"""The page in a real browser: for everybody, by keyboard, on paper, without a network, and against hostile text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from browser.axe import WIDTHS, violations
from browser.chromium import Browser
from browser.stories import HOSTILE, KINDS, failing, journey, with_everywhere

OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true })"
Write = Callable[[Any], Path]

SHOWN = "getComputedStyle(document.getElementById({!r}).closest('details, tr')).display"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("kind", ["passing", "failing", "empty"])
def test_axe_finds_nothing(browser: Browser, written: Write, kind: str, dark: bool) -> None:
    """The page keeps WCAG 2.2 AA as far as axe can tell, narrow and wide, light and dark."""
    path = written(KINDS[kind]())
    for width in WIDTHS:
        browser.open(path, width=width, dark=dark)
        assert violations(browser) == [], width


def test_a_huge_run_can_be_used(browser: Browser, written: Write) -> None:
    """Five thousand findings: under 10 MB, axe finds nothing, the last one is reached by its address, filters work."""
    path = written(KINDS["huge"]())
    assert path.stat().st_size < 10_000_000
    browser.open(path, fragment="f-4999")
    assert browser.run("document.querySelectorAll('.finding').length") == 5000
    assert browser.run(
        "Math.abs(document.getElementById('f-4999').getBoundingClientRect().top) < innerHeight"
    )
    browser.run("document.getElementById('show-should').click()")
    shown = "[...document.querySelectorAll('.finding')].filter(f => f.checkVisibility()).length"
    assert browser.run(shown) == 2501  # and the one that the address names
    ids = browser.run("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids))
    browser.run("document.getElementById('show-all').click()")
    browser.run(OPEN_ALL)
    assert violations(browser) == []


@pytest.mark.parametrize("kind", ["passing", "failing", "empty"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(browser: Browser, written: Write, kind: str, width: int) -> None:
    """The page itself never scrolls sideways; only wide tables and drawings do, inside their frames."""
    browser.open(written(KINDS[kind]()), width=width)
    assert browser.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_hostile_text_stays_text(browser: Browser, written: Write, text: str, closed: bool) -> None:
    """Hostile text in every field makes no element, runs nothing, asks for nothing and changes no title."""
    count = (
        "JSON.stringify(Object.fromEntries(['script', 'img', 'iframe', 'base', 'meta', 'svg', 'style', 'h1']"
    )
    count += ".map(t => [t, document.querySelectorAll(t).length])))"
    browser.open(written(failing()))
    plain = browser.run(count)
    browser.open(written(with_everywhere(failing(), text, closed=closed)))
    if not closed:
        assert browser.run(count) == plain
    assert browser.run("document.querySelectorAll('script, img, iframe, base, [style]').length") == 0
    assert (
        browser.run("[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())").count("onload")
        == 0
    )
    assert browser.run("document.querySelectorAll('a[href^=javascript]').length") == 0
    assert browser.run("document.title").endswith(": conformance report")
    assert browser.asked_for() == []
    assert browser.happened("Page.javascriptDialogOpening", "Log.entryAdded") == []


def test_its_own_policy_lets_no_script_run(browser: Browser, written: Write) -> None:
    """Even a script that got into the page would not run, and its style is not held up."""
    path = written(failing())
    html = path.read_text("utf-8").replace("</main>", "<script>document.title = 'owned'</script></main>")
    path.write_text(html, "utf-8")
    browser.open(path)
    assert browser.run("document.title") != "owned"
    assert browser.run("getComputedStyle(document.querySelector('main')).maxWidth") != "none"


@pytest.mark.parametrize("name", ["AUT-01", "AUT-03--social-care", "f-2", "f-3.2", "u-1", "journey-morning"])
def test_an_address_leads_to_its_place(browser: Browser, written: Write, name: str) -> None:
    """report.html#f-2 and its like open what is closed around it, and bring it into view."""
    browser.open(written(failing()), fragment=name)
    place = f"document.getElementById({name!r})"
    assert browser.run(f"{place}.checkVisibility()")
    assert browser.run(f"{place}.getBoundingClientRect().height > 0")
    assert browser.run(f"{place}.getBoundingClientRect().top < innerHeight && scrollY > 0")


@pytest.mark.parametrize(
    ("choice", "shown", "hidden"),
    [
        ("show-must", ["f-1"], ["f-2", "f-3"]),
        ("show-agreed", ["f-2"], ["f-1", "f-3"]),
        ("show-should", ["f-3"], ["f-1", "f-2"]),
        ("show-new", ["f-1"], ["f-2"]),
        ("rows-bad", ["AUT-03--social-care"], ["CON-01", "POL-01"]),
        ("rows-ok", ["POL-01", "AUT-03"], ["CON-01", "ERR-01"]),
        ("system-1", ["AUT-03"], ["f-1"]),
    ],
)
def test_filters_need_no_script(
    browser: Browser, written: Write, choice: str, shown: list[str], hidden: list[str]
) -> None:
    """A choice shows what it names and hides the rest, by the style alone."""
    browser.open(written(failing()))
    browser.run(f"document.getElementById({choice!r}).click()")
    assert [name for name in shown if browser.run(SHOWN.format(name)) == "none"] == []
    assert [name for name in hidden if browser.run(SHOWN.format(name)) != "none"] == []


def test_the_keyboard_is_enough(browser: Browser, written: Write) -> None:
    """The first Tab offers to skip, Enter does it, arrows change a filter, and focus can be seen."""
    browser.open(written(failing()))
    browser.press("Tab", 9)
    assert browser.run("document.activeElement.className") == "skip"
    browser.press("Enter", 13, "\r")
    assert browser.run("location.hash") == "#main"
    browser.run("document.getElementById('show-all').focus()")
    browser.press("ArrowRight", 39)
    assert browser.run("document.activeElement.id + document.activeElement.checked") == "show-musttrue"
    outline = "getComputedStyle(document.activeElement.closest('label')).outlineStyle"
    assert browser.run(outline) == "solid"
    browser.run("document.querySelector('#f-1').closest('details').querySelector('summary').focus()")
    was = browser.run("document.querySelector('#f-1').closest('details').open")
    browser.press("Enter", 13, "\r")
    assert browser.run("document.querySelector('#f-1').closest('details').open") is not was


def test_a_gap_leads_to_what_is_behind_it_by_keyboard(browser: Browser, written: Write) -> None:
    """A reason that names a journey is a link to it: Enter opens the journey, closed as it was, and brings it into view."""
    verdict = failing()
    verdict["not_tested"][0]["reason"] = "the step tell of the journey evening did not succeed: see f-1"
    verdict["journeys"].append({**journey("late", "fail"), "title": "Another"})
    browser.open(written(verdict))
    browser.run("document.querySelectorAll('details').forEach(each => { each.open = false })")
    browser.run("document.querySelector('.gaps a[href=\"#journey-evening\"]').focus()")
    browser.press("Enter", 13, "\r")
    assert browser.run("location.hash") == "#journey-evening"
    place = "document.getElementById('journey-evening')"
    assert browser.run(f"{place}.closest('details').open && {place}.checkVisibility()")
    assert browser.run(f"{place}.getBoundingClientRect().top < innerHeight")
    assert browser.run("document.querySelector('.gaps a[href=\"#f-1\"]').textContent") == "f-1"


def test_this_run_is_in_sight_on_a_telephone(browser: Browser, written: Write) -> None:
    """Of the columns of runs, the one of this run is seen without scrolling."""
    browser.open(written(failing()), width=360)
    cell = "document.querySelector('.columns tbody td')"
    assert browser.run(f"{cell}.getBoundingClientRect().left + 60 < innerWidth")
    assert browser.run("document.querySelector('.columns thead th:nth-child(2)').textContent").startswith(
        "This run"
    )


def test_paper_holds_what_matters(browser: Browser, written: Write) -> None:
    """On paper, what went well is told in short, and what did not in full."""
    browser.open(written(failing()))
    browser.send("Emulation.setEmulatedMedia", media="print")
    shown = "(kind) => [...document.querySelectorAll('.' + kind + '-journey .drawing')].map(d => d.checkVisibility())"
    assert browser.run(f"({shown})('bad')") == [True]
    assert browser.run(f"({shown})('ok')") == [False]


def test_a_diagram_says_what_it_shows(browser: Browser, written: Write) -> None:
    """Each drawing has a name and a description of its own, and the same story as a list beside it."""
    browser.open(written(failing()))
    named = "[...document.querySelectorAll('svg')].map(s => s.getAttribute('aria-labelledby').split(' ')"
    named += ".map(id => document.getElementById(id).textContent.length > 10))"
    told = browser.run(named)
    assert len(told) >= 3
    assert all(all(each) for each in told)
    assert browser.run("document.querySelectorAll('.sequence .arrow').length") == 8
    assert browser.run("document.querySelectorAll('ol.story ul li').length") == 8


def test_it_prints_everything_on_a4(browser: Browser, written: Write) -> None:
    """On paper the page is A4, and what is closed on the screen is printed too."""
    browser.open(written(failing()))
    printed = browser.printed()
    assert printed[:5] == b"%PDF-"
    assert b"/MediaBox [0 0 595" in printed or b"/MediaBox [0 0 594" in printed
    browser.send("Emulation.setEmulatedMedia", media="print")
    heights = "[...document.querySelectorAll('details > .body')].map(b => b.getBoundingClientRect().height)"
    assert min(browser.run(heights)) > 0
