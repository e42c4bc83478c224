"""Lists that come in pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from judged import Judge, found, harvested, outcome_of

from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.lists import identifiers_in, items_of, pointer_to_identifier
from joinedup.conformance.objects import collections_of
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.pages import Walk, following, pager_of, total_of, walk
from joinedup.conformance.suite import test_paging as suite

STYLES = ("cursor", "offset", "link")
ALL = ("PAG-01", "CON-API-12", "SEC-03")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("judge", "requirement"),
    [
        (suite.test_gives_every_item_once, "PAG-01"),
        (suite.test_refuses_pages_that_do_not_exist, "PAG-01"),
        (suite.test_keeps_to_the_largest_page, "SEC-03"),
    ],
)
def test_is_silent_on_a_clean_service(style: str, judge: Judge, requirement: str) -> None:
    """Pages that keep their promises pass, however they are asked for."""
    with harvested(style) as target:
        check = outcome_of(judge, target, requirement)
    assert check.findings == []
    assert [result.outcome for result in check.results()] == [Outcome.PASS]


@pytest.mark.parametrize(
    ("style", "outcome"),
    [("cursor", Outcome.PASS), ("offset", Outcome.NOT_APPLICABLE), ("link", Outcome.NOT_APPLICABLE)],
)
def test_lets_arrivals_shift_pages_that_have_numbers(style: str, outcome: Outcome) -> None:
    """What arrives between two pages is judged where pages have cursors; numbers shift by their nature."""
    with harvested(style) as target:
        check = outcome_of(suite.test_gives_every_item_once_while_more_arrive, target, "PAG-01")
    (result,) = check.results()
    assert check.findings == []
    assert result.outcome is outcome
    assert bool(result.not_tested) is (outcome is Outcome.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("styles", "defect", "judge", "broken"),
    [
        (STYLES, "item-repeated-between-pages", suite.test_gives_every_item_once, {"PAG-01"}),
        (STYLES, "item-lost-between-pages", suite.test_gives_every_item_once, {"PAG-01"}),
        (STYLES, "page-longer-than-asked", suite.test_gives_every_item_once, {"PAG-01"}),
        (STYLES, "order-changes-between-calls", suite.test_gives_every_item_once, {"PAG-01"}),
        (("cursor", "link"), "pages-never-end", suite.test_gives_every_item_once, {"PAG-01"}),
        (("offset",), "total-is-too-high", suite.test_gives_every_item_once, {"PAG-01"}),
        (
            ("cursor",),
            "arrivals-shift-the-pages",
            suite.test_gives_every_item_once_while_more_arrive,
            {"PAG-01"},
        ),
        (("cursor",), "bad-cursor-starts-again", suite.test_refuses_pages_that_do_not_exist, {"PAG-01"}),
        (
            ("cursor",),
            "bad-cursor-crashes",
            suite.test_refuses_pages_that_do_not_exist,
            {"PAG-01", "CON-API-12"},
        ),
        (
            ("offset", "link"),
            "beyond-the-last-page-crashes",
            suite.test_refuses_pages_that_do_not_exist,
            {"PAG-01", "CON-API-12"},
        ),
        (("cursor", "offset"), "page-size-limit-ignored", suite.test_keeps_to_the_largest_page, {"SEC-03"}),
    ],
)
def test_finds_what_is_wrong_with_pages(
    styles: tuple[str, ...], defect: str, judge: Judge, broken: set[str]
) -> None:
    """Each fault of a list's pages is found once, confirmed, in every style that can have it."""
    for style in styles:
        with harvested(style, defect) as target:
            check = outcome_of(judge, target, *ALL)
        assert found(check) == broken
        assert len(check.findings) == 1


STEP = Step("GET", "/v1/referrals", operation="GET /v1/referrals")


def _answer(body: Any, step: Step = STEP, **headers: str) -> Exchange:
    return Exchange(step, Response(200, httpx.Headers(headers), json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("body", "identifiers"),
    [
        ([{"id": 1}, {"id": 2}], [1, 2]),
        ({"items": [{"id": "a"}]}, ["a"]),
        ({"referrals": [{"referralId": "a"}], "warnings": []}, ["a"]),
        ({"data": {"items": [{"uuid": "a"}]}}, ["a"]),
        ({"_embedded": {"referrals": [{"id": "a"}]}}, ["a"]),
        ({"entry": [{"fullUrl": "x", "resource": {"id": "a"}}]}, ["a"]),
        ({"messages": ["a", "b"]}, ["a", "b"]),
        ({"items": []}, []),
        ({"items": [{"name": "a"}]}, None),
        ({"one": [1], "two": [2]}, None),
        ({"id": "a"}, None),
    ],
)
def test_finds_the_list_in_an_answer(body: Any, identifiers: list[Any] | None) -> None:
    """The items of a list, and what identifies each, are found in the shapes that are usual."""
    assert identifiers_in(_answer(body)) == identifiers


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"items": [{"id": "a"}, {"id": "b"}]}, "/items/1/id"),
        ([{"id": "a"}, {"id": "b"}], "/1/id"),
        ({"messages": ["a", "b"]}, "/messages/1"),
    ],
)
def test_says_where_an_identifier_stands(body: Any, pointer: str) -> None:
    """The pointer to an item's identifier leads to it."""
    assert pointer_to_identifier(_answer(body), 1) == pointer


@pytest.mark.parametrize(
    ("body", "headers", "query"),
    [
        ({"items": [{"id": 1}], "next": "/v1/referrals?from=3"}, {}, (("from", "3"),)),
        (
            {"items": [{"id": 1}], "links": {"next": {"href": "https://x.example/v1/referrals?p=2"}}},
            {},
            (("p", "2"),),
        ),
        ({"entry": [{"id": 1}], "link": [{"relation": "next", "url": "?_page=2"}]}, {}, (("_page", "2"),)),
        ({"items": [{"id": 1}]}, {"Link": '</v1/referrals?page=2>; rel="next"'}, (("page", "2"),)),
        ({"items": [{"id": 1}]}, {"Link": '<?page=1>; rel="prev", <?page=3>; rel=next'}, (("page", "3"),)),
        ({"items": [{"id": 1}], "nextCursor": "abc"}, {}, (("cursor", "abc"),)),
        ({"items": [{"id": 1}], "meta": {"next_cursor": "abc"}}, {}, (("cursor", "abc"),)),
        ({"items": [{"id": 1}], "next": "abc"}, {}, (("cursor", "abc"),)),
        ({"items": [{"id": 7}], "has_more": True}, {}, (("cursor", "7"),)),
        ({"items": [{"id": 7}], "has_more": False, "nextCursor": "abc"}, {}, None),
        ({"items": [{"id": 1}], "nextCursor": None}, {}, None),
        ({"items": [{"id": 1}], "links": {"next": None}}, {}, None),
        ({"items": [{"id": 1}], "links": {"next": "/elsewhere"}}, {}, None),
        ({"items": [{"id": 1}]}, {"Link": '</v1/help>; rel="help"'}, None),
    ],
)
def test_finds_the_next_page(
    body: Any, headers: dict[str, str], query: tuple[tuple[str, str], ...] | None
) -> None:
    """The next page is found where it is usually said, and nothing else is taken for it."""
    with harvested("cursor") as target:
        collection = next(c for c in collections_of(target) if c.operation.path == "/v1/referrals")
        answer = _answer(body, STEP, **headers)
        seen = Walk([answer], [identifiers_in(answer) or []])
        _, step = following(target, pager_of(target, collection), seen, 0)
    assert (None if step is None else step.query) == query


@pytest.mark.parametrize(
    ("body", "total"),
    [({"items": [], "total": 3}, 3), ({"meta": {"totalCount": 0}}, 0), ({"total": "3"}, None), ([], None)],
)
def test_reads_the_total(body: Any, total: int | None) -> None:
    """The total is taken from the names that are usual, and only where it is a number."""
    assert total_of(_answer(body)) == total


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_pages_as_the_service_does(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the contract does not say whether the first page is 0 or 1, the answers do."""
    with harvested("link") as target:
        collection = next(c for c in collections_of(target) if c.operation.path == "/v1/referrals")
        pager = pager_of(target, collection)
        for name in ("default", "minimum"):
            pager.positions["page"].schema.pop(name)
        monkeypatch.setattr(target.client, "send", _numbered(first))
        assert walk(target, pager, 2).items == list(range(5))


def _numbered(first: int) -> Callable[[Step], Exchange]:
    def send(step: Step) -> Exchange:
        page = int(dict(step.query).get("page", first)) - first
        items = [{"id": number} for number in range(5)][page * 2 : page * 2 + 2] if page >= 0 else []
        return _answer({"items": items}, step)

    return send


def test_does_not_take_a_page_for_a_list() -> None:
    """An answer that is no success holds no items."""
    refused = Exchange(Step("GET", "/v1/referrals"), Response(404, httpx.Headers(), b"[]"))
    assert items_of(refused) is None
