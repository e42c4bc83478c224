"""The summary in Markdown: short, and read by a real parser as text and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browser import stories
from markdown_it import MarkdownIt

from joinedup.reports import markdown

HOSTILE = [
    "<script>alert(1)</script>",
    "![x](https://example.test/x.png)",
    "[x](javascript:alert(1)) <https://example.test>",
    "https://example.test and www.example.test and a@example.test",
    "\n\n# owned\n\n| a |\n|---|\n",
    "`` ` `` **b** __c__ ~~d~~ &lt;b&gt; \\",
]


def tokens(text: str) -> list[Any]:
    """Every token of a text, those inside lines too, as a reader that knows tables and markup sees them."""
    parsed = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [inner for token in parsed for inner in (token, *(token.children or ()))]


@pytest.mark.parametrize("kind", stories.KINDS)
def test_it_has_at_most_thirty_lines(kind: str) -> None:
    """However much a run found, its summary has at most 30 lines, one heading and one table of three rows at most."""
    text = markdown.summary(stories.KINDS[kind]())
    types = [token.type for token in tokens(text)]
    assert len(text.splitlines()) <= 30
    assert (types.count("heading_open"), types.count("table_open"), types.count("tr_open")) == (1, 1, 2)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("passing", ["✓ CareTrack 8.3.1: Accept", "All 3 required points are met."]),
        ("failing", ["Do not accept yet", "joinedup replay f-1", "approved by Ben Example", "GP5 no"]),
        ("empty", ["No verdict", "?"]),
        ("huge", ["and 4,992 more in report.html"]),
    ],
)
def test_it_says_what_the_page_says(kind: str, said: list[str]) -> None:
    """The advice, the sentence, what is wrong, how to see it again, and who agreed to what."""
    content = " ".join(token.content for token in tokens(markdown.summary(stories.KINDS[kind]())))
    assert [words for words in said if words not in content] == []


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(text: str) -> None:
    """No text of a run or a system becomes a heading, a row, a link, a picture, markup or emphasis."""
    plain = [token.type for token in tokens(markdown.summary(stories.failing()))]
    changed = stories.with_everywhere(stories.failing(), text)
    written = markdown.summary(changed)
    hostile = [token.type for token in tokens(written)]
    assert re.search(r"(?<!\\)://|www\.", written) is None
    assert {"html_inline", "html_block", "link_open", "image", "s_open", "em_open"} & {*hostile} == set()
    assert [hostile.count(kind) for kind in sorted({*plain} - {"text"})] == [
        plain.count(kind) for kind in sorted({*plain} - {"text"})
    ]
