"""The page: its structure, its policy, and that no text in it can become markup."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.exchanges import Step
from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Outcome
from joinedup.reports import glance, page

VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</style></pre></script><h1>owned</h1>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; <!-- --> ]]> \0 \ud800 \u202e \x1b[2J",
    "--><iframe src=https://example.test></iframe>",
]
STEP = Step("GET", "/v1/children/{id}", {"id": "1"}).as_record()
BROKEN = Finding(
    "rule",
    ("AUT-01",),
    "A title",
    "403",
    "200",
    "GET /a",
    ("GET /a", "GET /b"),
    steps=(STEP,),
    advice="Do this.",
    evidence=(("Request", "GET /a"),),
)


@dataclass
class Outline(HTMLParser):
    """What a page is made of: tags in order, headings, ids, links, and the text of it all."""

    tags: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.attributes += [(name, value or "") for name, value in attrs]
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def outline(html: str) -> Outline:
    """The outline of a page; every element in it is closed."""
    parser = Outline()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def eventful(story: Any, **product: str) -> dict[str, Any]:
    """A verdict with something in every part of the page."""
    story.start(product={"supplier": "Acme Care", "name": "CareTrack", "version": "8", **product})
    story.system(left_out={"reset": "wipes it"}, live=True, base_url="https://caretrack.test.example").system(
        "other"
    )
    story.check(
        BROKEN, Result("CON-01", Outcome.BLOCKED, "because"), replace(BROKEN, rule="b", confirmed=False)
    )
    story.check(
        replace(BROKEN, rule="c", requirements=("ELSE-01",)), replace(BROKEN, requirements=("ERR-01",))
    )
    story.check(Result("AUT-01", Outcome.PASS, not_tested=("a part",)), system="other")
    story.write("error", outcome="setup_error", reason="no address", check="x")
    return dict(json.loads(json.dumps(story.verdict())))


def strings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every text in a verdict."""
    if isinstance(value, str):
        yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from strings(child, (*path, key))


# What the page turns into words of its own, by a closed list of values.
CLOSED = {"outcome", "level", "status", "verdict", "started", "basis", "cause", "id", "requirement", "url"}


def with_everywhere(verdict: dict[str, Any], text: str) -> dict[str, Any]:
    """The verdict with a text put after every text that the run or the system could have chosen."""
    changed = json.loads(json.dumps(verdict))
    for path in strings(verdict):
        if path[-1] not in CLOSED and "requirements" not in path[:-1]:
            holder = changed
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] += text
    return dict(changed)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_becomes_markup(story: Any, text: str) -> None:
    """Hostile text in every field changes no tag and no attribute of the page, and is shown as text."""
    verdict = eventful(story)
    plain, hostile = outline(page.render(verdict)), outline(page.render(with_everywhere(verdict, text)))
    assert hostile.tags == plain.tags
    assert text in "".join(hostile.text) or "\0" in text
    assert all(not name.startswith("on") and name != "style" for name, _ in hostile.attributes)


def test_no_closed_value_becomes_markup(story: Any) -> None:
    """Even ids, outcomes, levels and addresses that are not what they should be stay text."""
    text = "".join(HOSTILE)
    verdict = eventful(story)
    for path in strings(verdict):
        changed = json.loads(json.dumps(verdict))
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = text
        names = {tag for tag, _ in outline(page.render(changed)).tags}
        assert not names & {"script", "img", "svg", "iframe", "b"}, path


@pytest.mark.parametrize(
    ("url", "links"),
    [
        ("https://example.test/a", 2),
        ("http://example.test", 2),
        ("javascript:alert(1)", 0),
        ("data:text/html,x", 0),
    ],
)
def test_only_web_addresses_become_links(story: Any, url: str, links: int) -> None:
    """A source's address is a link only where it leads to the web."""
    source = {"document": "A standard", "clause": "1", "url": url, "verified": True}
    entries = [{"id": "A-01", "level": "MUST", "text": "t", "source": source}]
    story.start(entries).system("a").system("b")
    hrefs = outline(page.render(story.check(Result("A-01", Outcome.PASS), system="a").verdict())).values(
        "href"
    )
    assert len([href for href in hrefs if not href.startswith("#")]) == links


def test_the_page_needs_nothing_from_outside(story: Any) -> None:
    """One file: no script, no picture, no fetched style, and a policy that allows its own style alone."""
    html = page.render(eventful(story))
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" in html
    parsed = outline(html)
    assert not {tag for tag, _ in parsed.tags} & {"script", "img", "link", "iframe", "object", "base", "form"}
    assert parsed.values("src") == []
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def verdicts(story: Any, kind: str) -> dict[str, Any]:
    """A verdict of each kind that a page may have to show."""
    if kind == "empty":
        return dict(story.start().verdict())
    if kind == "nothing":
        return dict(story.verdict(finished=False))
    if kind == "passing":
        met = [Result(id_, Outcome.PASS) for id_ in ("AUT-01", "CON-01", "ERR-01")]
        return dict(story.start().system().check(*met).verdict())
    return eventful(story)


KINDS = ["eventful", "passing", "empty", "nothing"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_structure_is_accessible(story: Any, kind: str) -> None:
    """Headings go down by one, every table has a caption and scopes, ids are unique, and landmarks are there."""
    html = page.render(verdicts(story, kind))
    parsed = outline(html)
    tags = [tag for tag, _ in parsed.tags]
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert tags.count("table") == tags.count("caption")
    assert all("scope" in names for tag, names in parsed.tags if tag == "th")
    assert [id_ for id_, count in Counter(parsed.values("id")).items() if count > 1] == []
    assert {"header", "nav", "main", "footer"} <= set(tags)
    assert ('<html lang="en-GB">' in html, tags.count("title")) == (True, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_link_inside_leads_somewhere(story: Any, kind: str) -> None:
    """A link within the page has a target, so that report.html#AUT-01 and #f-1 work."""
    parsed = outline(page.render(verdicts(story, kind)))
    targets = {href[1:] for href in parsed.values("href") if href.startswith("#")}
    assert targets <= set(parsed.values("id"))
    if kind == "eventful":
        assert {"AUT-01", "f-1", "u-1", "o-1"} <= set(parsed.values("id"))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "eventful",
            ["Do not accept yet", "What stood in the way", "joinedup replay f-1", "curl -sS -i", "Do this."],
        ),
        ("passing", ["Accept", "All 2 required points are met.", "None in this run."]),
        (
            "empty",
            [
                "No verdict",
                "no check came to a conclusion",
                "This could not be judged.",
                "no system under test",
            ],
        ),
        ("nothing", ["No verdict", "This run did not finish.", "Nothing was tested."]),
    ],
)
def test_each_kind_of_run_says_so_plainly(story: Any, kind: str, said: list[str]) -> None:
    """A passing, failing, empty or cut run each tells the reader what may be concluded."""
    text = " ".join("".join(outline(page.render(verdicts(story, kind))).text).split())
    assert [part for part in said if part not in text] == []


@pytest.mark.parametrize(
    ("found", "finished", "tiles"),
    [
        ((), True, [("?", "none"), ("0", "none"), ("?", "none")]),
        (
            (("AUT-01", "pass"), ("CON-01", "pass"), ("ERR-01", "pass")),
            True,
            [("0", "ok"), ("0", "none"), ("0", "ok")],
        ),
        ((("AUT-01", "pass"), ("CON-01", "pass")), False, [("?", "none"), ("0", "none"), ("?", "none")]),
        ((("AUT-01", "fail"), ("ERR-01", "fail")), True, [("1", "bad"), ("0", "none"), ("1", "warn")]),
        ((("AUT-01", "pass"), ("CON-01", "blocked")), True, [("?", "none"), ("0", "none"), ("?", "none")]),
    ],
)
def test_a_tile_says_nought_only_where_everything_was_judged(
    story: Any, found: tuple[tuple[str, str], ...], finished: bool, tiles: list[tuple[str, str]]
) -> None:
    """A tile counts what is wrong, and shows a question mark where nothing wrong is not known."""
    story.start().system().check(*(Result(id_, Outcome(outcome), "because") for id_, outcome in found))
    verdict = story.verdict(finished=finished)
    assert [(tile.number, tile.tone) for tile in glance.tiles(verdict)] == tiles


@pytest.mark.parametrize(("journeys", "is_told"), [([], True), (["suspension"], False)])
def test_operations_are_counted_only_in_a_whole_run(story: Any, journeys: list[str], is_told: bool) -> None:
    """Where only journeys were played, the page does not say that hardly anything was exercised."""
    html = page.render(story.start(journeys=journeys).system().verdict())
    assert ("Operations exercised" in html, "0 of 2" in html) == (is_told, is_told)


def test_status_is_never_by_colour_alone(story: Any) -> None:
    """Every coloured mark carries a word."""
    html = page.render(eventful(story))
    chips = re.findall(r'class="(?:chip|badge) \w+"><span aria-hidden="true">([^<]*)</span> ([^<]*)<', html)
    assert len(chips) == len(re.findall(r'class="(?:chip|badge) ', html))
    assert all(mark and word.strip() for mark, word in chips)


def test_a_huge_run_stays_usable(story: Any) -> None:
    """Five thousand findings give a page under 10 MB, with every finding in it."""
    story.start().system()
    for part in range(50):
        found = [
            replace(BROKEN, where=f"GET /{part}/{n}", evidence=(("Response", "x" * 9000),))
            for n in range(100)
        ]
        story.check(*found, check=f"test_a.py::test_{part}")
    html = page.render(story.verdict())
    assert len(html.encode()) < 10_000_000
    assert {f"f-1.{n}" for n in range(1, 5001)} <= set(outline(html).values("id"))


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is needed to open the page in a browser")
def test_a_browser_shows_hostile_text_as_text(story: Any, tmp_path: Path) -> None:
    """In a real browser the page keeps its title and its elements, and its own style applies."""
    verdict = with_everywhere(eventful(story), "".join(HOSTILE))
    (tmp_path / "report.html").write_bytes(page.render(verdict).encode("utf-8", "replace"))
    command = [str(CHROMIUM), *FLAGS, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [*command, (tmp_path / "report.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    parsed = outline(done.stdout)
    assert not {tag for tag, _ in parsed.tags} & {"script", "img", "svg", "iframe"}
    assert "conformance report</title>" in done.stdout
    assert [tag for tag, _ in parsed.tags].count("h1") == 1


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("run `joinedup check`", "run <code>joinedup check</code>"),
        ("a step of the journey morning", 'a step of the journey <a href="#journey-morning">morning</a>'),
        ("a step of the journey evening", "a step of the journey evening"),
        (
            "see f-3 and f-3.1, not f-31",
            'see <a href="#f-3">f-3</a> and <a href="#f-3.1">f-3.1</a>, not f-31',
        ),
        ("`<b>` & journey <b>", "<code>&lt;b&gt;</code> &amp; journey &lt;b&gt;"),
        ("a ` alone", "a ` alone"),
    ],
)
def test_a_sentence_leads_on(text: str, html: str) -> None:
    """Commands stand out, journeys that the page holds are links, and everything else stays text."""
    assert page.inline(text, {"journey-morning", "f-3", "f-3.1"}) == html


def test_the_tile_and_the_sentence_count_alike(story: Any) -> None:
    """Where findings and points differ in number, the tile says how they belong together."""
    story.start().system().check(BROKEN, replace(BROKEN, rule="b", title="Another"))
    tile = glance.tiles(story.verdict())[0]
    assert (tile.number, tile.note) == (
        "2",
        "Together they break 1 required point. 1 point could not be judged.",
    )


@pytest.mark.parametrize(
    ("rule", "where", "whose"),
    [
        ("journey-a-b", "journey a, step b", "police: what it did, or left out, in this journey."),
        ("contract-schema", "#/a", "police: what it answered, or what its contract says."),
        ("no-summary", "#/a", "police: its contract."),
        ("server-error", "GET /a", "police: what it answered."),
    ],
)
def test_a_finding_says_whose_it_is(rule: str, where: str, whose: str) -> None:
    """Each finding names its system and what of it is meant."""
    assert glance.owner({"rule": rule, "where": where, "system": "police"}) == whose
