"""A list that comes in pages misses nobody and shows nobody twice."""

from functools import partial

import pytest

from joinedup.conformance import paging
from joinedup.conformance.check import Check, not_applicable
from joinedup.conformance.objects import collections_of
from joinedup.conformance.sequences import Tried, conclude, run
from joinedup.conformance.target import Target

NO_PAGES = not_applicable("no list that was read comes in pages")


@pytest.mark.requirement("PAG-01")
def test_gives_every_item_once(harvested: Target, check: Check) -> None:
    """The pages of a list hold what the list holds, each item once, and no more than was asked for."""
    tried = Tried()
    for collection in collections_of(harvested):
        check.report(*run(harvested, partial(paging.read_in_pages, harvested, collection), tried))
    conclude(check, tried, NO_PAGES)


@pytest.mark.requirement("PAG-01")
def test_gives_every_item_once_while_more_arrive(harvested: Target, check: Check) -> None:
    """An item that is made between two pages neither repeats nor hides another."""
    tried = Tried()
    lists = [c for c in collections_of(harvested) if paging.grows(harvested, c)]
    for collection in lists:
        check.report(*run(harvested, partial(paging.read_while_growing, harvested, collection), tried))
    if not tried.proved and not check.findings:
        check.leaves_out(
            "items that arrive between two pages, where pages are asked for by number or nothing can be made"
        )
    conclude(check, tried, not_applicable("no list with pages by cursor can be filled"))


@pytest.mark.requirement("PAG-01", "CON-API-12")
def test_refuses_pages_that_do_not_exist(harvested: Target, check: Check) -> None:
    """A cursor that was never given out, and a page past the end, are refused or empty."""
    tried = Tried()
    for collection in collections_of(harvested):
        check.report(*run(harvested, partial(paging.wrong_place, harvested, collection), tried))
    conclude(check, tried, NO_PAGES)


@pytest.mark.requirement("SEC-03")
def test_keeps_to_the_largest_page(harvested: Target, check: Check) -> None:
    """A page is never larger than the contract allows."""
    tried = Tried()
    for collection in collections_of(harvested):
        check.report(*run(harvested, partial(paging.larger_than_allowed, harvested, collection), tried))
    conclude(check, tried, not_applicable("no list that was read has a largest page in the contract"))
