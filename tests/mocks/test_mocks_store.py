"""Records are kept in order, as many as are wanted; an agency's account of what it shared has an end."""

from __future__ import annotations

import pytest
from desk import Desk
from tour import Visitor, stopped_cast

from joinedup.mocks.social_care import FIRST_CHILD
from joinedup.mocks.store import Records, page

LINES = f"/v1/children/{FIRST_CHILD}/disclosures"


def records(most: int, count: int) -> Records:
    """Numbered records of one organisation, every third of another."""
    kept = Records(most)
    for number in range(count):
        kept.add(f"id-{number}", "B" if number % 3 == 2 else "A", {"n": number})
    return kept


@pytest.mark.parametrize(("most", "kept"), [(100, [0, 1, 3, 4, 6]), (4, [3, 4, 6]), (1, [6])])
def test_of_more_than_are_wanted_the_oldest_are_forgotten(most: int, kept: list[int]) -> None:
    """Whoever's they are."""
    assert [each.record["n"] for each in records(most, 7).of("A")] == kept


@pytest.mark.parametrize(("limit", "pages"), [(2, [[0, 1], [3, 4], [6]]), (5, [[0, 1, 3, 4, 6]])])
def test_pages_follow_each_other_and_end(limit: int, pages: list[list[int]]) -> None:
    """Also where the last one is full."""
    kept, cursor, found = records(100, 7), None, []
    for _ in range(len(pages)):
        one = page(kept, "A", limit, cursor)
        found.append([record["n"] for record in one.records])
        cursor = one.next
    assert (found, cursor) == (pages, None)


def test_a_cursor_outlives_what_it_stood_after() -> None:
    """What is forgotten between two pages is left out, and nothing else."""
    kept = records(4, 5)
    first = page(kept, "A", 1, None)
    for number in range(5, 8):
        kept.add(f"id-{number}", "A", {"n": number})
    assert [record["n"] for record in page(kept, "A", 9, first.next).records] == [4, 5, 6, 7]


def test_a_piece_of_work_has_what_is_left_of_it() -> None:
    """Whatever was forgotten, by number or by name, and in what was chosen of the records too; none where none is."""
    kept = Records(4)
    for number in range(6):
        kept.add(f"ID-{number}" if number < 2 else f"id-{number}", "A", {"n": number}, "ab"[number % 2])
    kept.remove("id-4")
    chosen = kept.where(lambda record: record["n"] != 3)
    for view, work, left in (
        (kept, "a", [2]),
        (kept, "b", [3, 5]),
        (chosen, "b", [5]),
        (kept.of_work("b"), "b", [3, 5]),
        (kept, "c", []),
        (kept, None, [2, 3, 5]),
    ):
        assert [each.record["n"] for each in view.of_work(work)] == left
    kept.remove("id-2")
    assert list(kept.of_work("a")) == []


@pytest.fixture
def few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account of no more than three lines."""
    monkeypatch.setattr("joinedup.mocks.sharing.MOST_LINES", 3)
    monkeypatch.setattr("joinedup.mocks.social_care.MOST_LINES", 3)


def look(visitor: Visitor, count: int, child: str = FIRST_CHILD) -> None:
    """Read a child so often, a second apart."""
    for _ in range(count):
        visitor.send("look", "GET", f"/v1/children/{child}")
        visitor.cast.clock.advance(1)


@pytest.mark.usefixtures("few_lines")
def test_of_a_childs_account_the_last_lines_are_kept() -> None:
    """Those of one child whatever became of others'; of a child that there is not there are none."""
    visitor = Visitor(stopped_cast())
    look(visitor, 5)
    newest = visitor.send("lines", "GET", LINES).body["items"]
    other = next(k.record["childId"] for k in visitor.cast.engines["social-care"].state.children)
    look(visitor, 4, "00000000-0000-4000-8000-000000000000")
    assert visitor.send("lines", "GET", LINES).body["items"] == newest
    assert [line["at"][-3:] for line in newest] == ["42Z", "43Z", "44Z"]
    assert set(visitor.cast.engines["social-care"].state.disclosures) == {other}


@pytest.mark.usefixtures("few_lines")
def test_lines_that_are_gone_count_where_all_are_numbered() -> None:
    """So that whoever reads on from a cursor misses nothing that is there."""
    desk = Desk()
    for count in range(1, 6):
        desk.call("GET", f"/v1/children/{FIRST_CHILD}")
        found = desk.ask("GET", "/v1/disclosures?limit=50")["items"]
        assert [line["number"] for line in found] == list(range(max(1, count - 2), count + 1))
