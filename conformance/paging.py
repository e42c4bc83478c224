"""
Reading a list page by page gives every item once, and a page that does not exist is refused or empty (PAG-01).

What is judged is compared with the whole list, read twice alike. Where others change the list meanwhile, nothing is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.harvest import RISKY
from joinedup.conformance.lists import identifiers_in, pointer_to_identifier
from joinedup.conformance.objects import Collection, fresh
from joinedup.conformance.operations import Operation
from joinedup.conformance.pages import Pager, Walk, pager_of, steps, total_of, walk, whole
from joinedup.conformance.sequences import Tried
from joinedup.conformance.target import OWN, Target

THIS = ("PAG-01",)
FEWEST = 5
PAGES_WANTED = 8
MOST_MADE = 60
MOST_FILLED = 25
FAR = 1000


@dataclass(frozen=True)
class Listing:
    """
    A list whose pages can be judged.

    Args:
        pager: how its pages are asked for.
        once, twice: the whole list, read two times.
        filler: a create whose objects come into the list; None where there is none.
    """

    pager: Pager
    once: Walk
    twice: Walk
    filler: Operation | None

    @property
    def label(self) -> str:
        """The operation that reads it."""
        return self.pager.collection.operation.label

    @property
    def size(self) -> int:
        """A page size that cuts the list into a handful of pages, two items at least."""
        least = max(2, self.pager.declared_least)
        return max(least, -(-len(self.once.items) // PAGES_WANTED)) if self.pager.size else 0

    def pages(self, target: Target) -> Walk:
        """The list read in pages of that size."""
        most = -(-len(self.once.items) // self.size) + 4 if self.size else len(self.once.pages) + 4
        return walk(target, self.pager, self.size, most)


def listing_of(target: Target, collection: Collection, tried: Tried) -> Listing | None:
    """The list with at least five items, read twice; None, with the reason noted, where it cannot be judged."""
    label = collection.operation.label
    pager, filler = pager_of(target, collection), None
    before = whole(target, collection)
    if not pager.pages and not before.styles:
        return None
    wanted = max(FEWEST, pager.declared_least + 2)
    for _ in range(min(wanted, MOST_FILLED)):
        if not before.complete or len(before.items) >= wanted:
            break
        filler = _fill(target, collection, before, filler)
        before = whole(target, collection)
    once, twice = before, whole(target, collection)
    if not (once.complete or once.end in ("endless", "long")):
        tried.lacks(f"{label} could not be read to its end ({once.end})")
    elif len(once.items) < wanted:
        tried.lacks(f"{label} holds {len(once.items)} items, and at least {wanted} are needed")
    elif set(once.items) != set(twice.items):
        tried.lacks(f"{label} changes while it is read")
    else:
        return Listing(pager, once, twice, filler or next(iter(_fillers(target, collection)), None))
    return None


def _fillers(target: Target, collection: Collection) -> list[Operation]:
    """Creates at the list's own address."""
    return [
        operation
        for operation in target.operations
        if operation.method == "POST"
        and operation.path == collection.operation.path
        and not RISKY.search(operation.path)
        and (operation.label, OWN) in target.good
    ]


def _fill(target: Target, collection: Collection, before: Walk, known: Operation | None) -> Operation | None:
    """Make one more item; gives the create that did, which is the known one or the first that is seen to."""
    if known is not None:
        return known if fresh(target, known) is not None else None
    beside = [
        operation
        for operation in target.operations
        if operation.method == "POST"
        and operation.path.rpartition("/")[0] == collection.operation.path.rpartition("/")[0]
        and not RISKY.search(operation.path)
        and (operation.label, OWN) in target.good
    ]
    for create in [*_fillers(target, collection), *beside][:3]:
        if fresh(target, create) is not None and len(whole(target, collection).items) > len(before.items):
            return create
    return None


# --- every item once


def read_in_pages(target: Target, collection: Collection, tried: Tried) -> Iterator[Suspicion]:
    """Read a list as a whole and page by page, and compare."""
    listing = listing_of(target, collection, tried)
    if listing is None:
        return
    paged = listing.pages(target)
    found = next(_faults(listing, paged), None)
    if len(paged.pages) < 2 and found is None:
        tried.lacks(f"{listing.label} named no page after the first")
        return
    if found is not None:
        yield found
    elif paged.complete:
        tried.proved += 1
    else:
        tried.lacks(f"{listing.label} could not be read to its end ({paged.end})")


def _faults(listing: Listing, paged: Walk) -> Iterator[Suspicion]:
    """What is wrong with a list read page by page, the deepest cause first."""
    yield from _too_long(listing, paged)
    if len(paged.pages) < 2:
        # Where no next page was named, the way to it may be one that is not known here.
        return
    yield from _not_followed(listing, paged)
    yield from _endless(listing, paged)
    repeated = list(_repeated(listing, paged))
    lost = list(_lost(listing, paged))
    if (repeated or lost) and listing.once.items != listing.twice.items:
        yield from _reordered(listing)
    yield from (*repeated, *lost)
    yield from _wrong_total(listing)


def _suspicion(
    listing: Listing,
    rule: str,
    sentences: tuple[str, str, str],
    exchanges: tuple[Exchange, ...],
    expectation: Expectation,
    requirements: tuple[str, ...] = THIS,
) -> Suspicion:
    title, expected, actual = sentences
    return Suspicion(
        rule=rule,
        requirements=requirements,
        title=title,
        expected=expected,
        actual=actual,
        exchanges=exchanges,
        expectation=expectation,
        where=listing.label,
        cause=listing.label,
        operations=(listing.label,),
    )


def _too_long(listing: Listing, paged: Walk) -> Iterator[Suspicion]:
    for exchange, page in zip(paged.exchanges, paged.pages, strict=False):
        if listing.size and len(page) > listing.size:
            sentences = (
                "A page holds more items than were asked for",
                f"At most {listing.size} items, because so many were asked for.",
                f"{exchange.status} with {len(page)} items.",
            )
            yield _suspicion(listing, "page-too-long", sentences, (exchange,), Expectation(most=listing.size))
            return


def _not_followed(listing: Listing, paged: Walk) -> Iterator[Suspicion]:
    """The next page that the system itself names is refused."""
    last = paged.exchanges[-1]
    if (
        paged.end == "refused"
        and paged.styles & {"cursor", "link"}
        and last.status not in (401, 403, 429, 503)
    ):
        sentences = (
            "The next page that a list names cannot be read",
            "The next page, because the page before it said where it is.",
            f"{last.status or 'No answer'} to the request for it.",
        )
        expectation = Expectation(statuses=("2XX",))
        yield _suspicion(listing, "next-page-refused", sentences, tuple(paged.exchanges), expectation)


def _endless(listing: Listing, paged: Walk) -> Iterator[Suspicion]:
    if paged.end not in ("endless", "long") or not set(listing.once.items) <= set(paged.items):
        return
    sentences = (
        "A list's pages never end",
        f"An end after the {len(set(listing.once.items))} items of the list.",
        f"Another page was named after each of {len(paged.pages)} pages.",
    )
    yield _suspicion(listing, "pages-never-end", sentences, tuple(paged.exchanges), Expectation())


def _repeated(listing: Listing, paged: Walk) -> Iterator[Suspicion]:
    seen: set[Any] = set()
    for number, page in enumerate(paged.pages):
        again = [item for item in page if item in seen]
        if again:
            sentences = (
                "An item is on two pages",
                "Every item on one page.",
                f"An item of an earlier page is on page {number + 1} too.",
            )
            exchanges = tuple(paged.exchanges[: number + 1])
            yield _suspicion(listing, "item-on-two-pages", sentences, exchanges, Expectation(lacks=again[0]))
            return
        seen |= set(page)


def _lost(listing: Listing, paged: Walk) -> Iterator[Suspicion]:
    missing = [item for item in listing.once.items if item not in set(paged.items)]
    if not missing or not paged.complete:
        return
    place = listing.once.items.index(missing[0])
    number = min(place // (listing.size or 1), len(paged.pages) - 1)
    sentences = (
        "An item is on no page",
        "Every item of the list on one of its pages.",
        f"{len(missing)} of {len(set(listing.once.items))} items are on none of the {len(paged.pages)} pages.",
    )
    exchanges = (*listing.twice.exchanges, *paged.exchanges[: number + 1])
    yield _suspicion(listing, "item-on-no-page", sentences, exchanges, Expectation(holds=missing[0]))


def _reordered(listing: Listing) -> Iterator[Suspicion]:
    """The order of the list changes, so that no way of paging can give every item once."""
    pairs = zip(listing.once.exchanges, listing.twice.exchanges, strict=False)
    pages = zip(pairs, listing.once.pages, listing.twice.pages, strict=False)
    for (once, twice), first, second in pages:
        place = next((n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
        if place is not None and (pointer := pointer_to_identifier(once, place)):
            sentences = (
                "The order of a list changes between two calls",
                "The same order each time, or pages repeat and lose items.",
                "The same items in another order.",
            )
            expectation = Expectation(at=(pointer, first[place]))
            yield _suspicion(listing, "order-changes", sentences, (once, twice), expectation)
            return


def _wrong_total(listing: Listing) -> Iterator[Suspicion]:
    last = listing.twice.exchanges[-1]
    total, held = total_of(last), len(set(listing.once.items))
    if total is not None and total != held and listing.twice.complete:
        sentences = (
            "The total of a list is not the number of its items",
            f"A total of {held}, because so many items are on its pages.",
            f"A total that is {'higher' if total > held else 'lower'}.",
        )
        # The number of items may be another when somebody looks again.
        yield _suspicion(listing, "wrong-total", sentences, tuple(listing.twice.exchanges), Expectation())


# --- items that arrive meanwhile


def read_while_growing(target: Target, collection: Collection, tried: Tried) -> Iterator[Suspicion]:
    """Make an item between two pages; what was there before must still come once."""
    listing = listing_of(target, collection, tried)
    quiet = listing.pages(target) if listing is not None else None
    if listing is None or quiet is None or listing.filler is None or _by_number(listing, quiet):
        return
    if next(_faults(listing, quiet), None) is not None:
        tried.lacks(f"the pages of {listing.label} are wrong also when nothing arrives")
        return
    paged = Walk()
    made: Exchange | None = None
    for number, _ in enumerate(steps(target, listing.pager, listing.size, 2 * PAGES_WANTED, paged)):
        if number == 0:
            made = fresh(target, listing.filler)
    if made is None or not paged.complete or len(paged.pages) < 2:
        tried.lacks(f"{listing.label} could not be read to its end while an item was made")
        return
    counts = Counter(paged.items)
    faults = [item for item in listing.once.items if counts[item] != 1]
    if not faults:
        tried.proved += 1
        return
    repeated = [item for item in faults if counts[item] > 1]
    last = max(n for n, page in enumerate(paged.pages) if not repeated or repeated[0] in page)
    sentences = (
        "An item that arrives while a list is read shifts its pages",
        "Every item that was there before, once.",
        f"{len(repeated)} items came twice and {len(faults) - len(repeated)} not at all, because one was made between two pages.",
    )
    exchanges = (paged.exchanges[0], made, *paged.exchanges[1 : last + 1])
    expectation = Expectation(lacks=repeated[0]) if repeated else Expectation()
    yield _suspicion(listing, "arrival-shifts-pages", sentences, exchanges, expectation)


def _by_number(listing: Listing, paged: Walk) -> bool:
    """Whether pages are asked for by a number, so that an arrival may well shift them."""
    return "cursor" not in listing.pager.positions and bool(
        {"offset", "page"} & set(listing.pager.positions) or not paged.styles
    )


def grows(target: Target, collection: Collection) -> bool:
    """Whether an item that arrives between two pages of a list can be judged: by its cursor, and by a create."""
    pager = pager_of(target, collection)
    by_number = {"offset", "page"} & set(pager.positions) and "cursor" not in pager.positions
    return pager.pages and not by_number and bool(_fillers(target, collection))


# --- pages that do not exist


def wrong_place(target: Target, collection: Collection, tried: Tried) -> Iterator[Suspicion]:
    """Ask for a page by a cursor that was never given out, and for one past the end."""
    listing = listing_of(target, collection, tried)
    if listing is None:
        return
    if "cursor" in listing.pager.positions:
        yield from _wrong_cursor(target, listing, tried)
    for style in ("offset", "page"):
        if style in listing.pager.positions:
            yield from _past_the_end(target, listing, style, tried)


def _wrong_cursor(target: Target, listing: Listing, tried: Tried) -> Iterator[Suspicion]:
    paged = listing.pages(target)
    name = listing.pager.positions["cursor"].name
    given = next((str(v) for e in paged.exchanges[1:] for n, v in e.step.query if n == name), "")
    if not given:
        tried.lacks(f"{listing.label} never named a cursor")
        return
    first = paged.exchanges[0]
    # A cursor may be a position that can be made up: of two, one low and one high, such a list gives two places.
    fakes = ("1", "9" * 12) if given.isdigit() else ("0" * len(given), "z" * len(given))
    answers = [target.client.send(listing.pager.at("cursor", fake, listing.size)) for fake in fakes]
    failed = next((answer for answer in answers if answer.status >= 500), None)
    if failed is not None:
        yield _crashed(listing, "A cursor that was never given out makes the server fail", failed)
    elif all(answer.ok and identifiers_in(answer) == paged.pages[0] for answer in answers):
        sentences = (
            "A cursor that was never given out gives the first page again",
            "A 4xx, because a caller that takes the first page for the next one reads it for ever.",
            f"{answers[-1].status} with the items of the first page.",
        )
        expectation = Expectation(lacks=paged.pages[0][0])
        yield _suspicion(listing, "wrong-cursor-taken", sentences, (first, answers[-1]), expectation)
    else:
        tried.proved += 1


def _crashed(listing: Listing, title: str, answer: Exchange) -> Suspicion:
    sentences = (title, "A 4xx, or an empty page.", f"{answer.status}.")
    both = ("PAG-01", "CON-API-12")
    return _suspicion(listing, "wrong-place-crashes", sentences, (answer,), Expectation(never=("5XX",)), both)


def _past_the_end(target: Target, listing: Listing, style: str, tried: Tried) -> Iterator[Suspicion]:
    most = listing.pager.positions[style].schema.get("maximum")
    number = len(listing.once.items) + FAR
    number = min(number, int(most)) if isinstance(most, int | float) else number
    answer = target.client.send(listing.pager.at(style, number, listing.size))
    items = identifiers_in(answer)
    if answer.status >= 500:
        yield _crashed(listing, "A page past the end makes the server fail", answer)
    elif answer.ok and items and number > len(listing.once.items):
        sentences = (
            "A page past the end holds items",
            "A 4xx, or an empty page, because the list is shorter.",
            f"{answer.status} with {len(items)} items.",
        )
        exchanges = (*listing.twice.exchanges, answer)
        yield _suspicion(listing, "page-past-the-end", sentences, exchanges, Expectation(lacks=items[0]))
    else:
        tried.proved += 1


# --- the largest page


def larger_than_allowed(target: Target, collection: Collection, tried: Tried) -> Iterator[Suspicion]:
    """Ask for a page one larger than the contract allows: it is refused, or cut to what is allowed (SEC-03)."""
    pager = pager_of(target, collection)
    most = pager.declared_most
    if not pager.size or not most:
        return
    label = collection.operation.label
    answer = target.client.send(pager.first(most + 1))
    if answer.ok and len(identifiers_in(answer) or ()) <= most:
        listing = listing_of(target, collection, tried)
        if listing is None or not _grown(target, listing, most, tried):
            return
        answer = target.client.send(pager.first(most + 1))
    held = len(identifiers_in(answer) or ())
    if not answer.ok or held <= most:
        tried.proved += 400 <= answer.status < 500 or answer.ok
        return
    yield Suspicion(
        rule="page-size-limit-ignored",
        requirements=("SEC-03",),
        title="A page may be larger than the contract allows",
        expected=f"A 4xx, or at most {most} items, because the contract allows no more.",
        actual=f"{answer.status} with {held} items to a request for {most + 1}.",
        exchanges=(answer,),
        expectation=Expectation(most=most),
        where=label,
        cause=label,
        operations=(label,),
    )


def _grown(target: Target, listing: Listing, most: int, tried: Tried) -> bool:
    """Whether the list holds more items than a page may; where it may be, it is filled."""
    needed = most + 1 - len(listing.once.items)
    if needed <= 0:
        return True
    if listing.filler is None or needed > MOST_MADE or not target.destructive:
        tried.lacks(
            f"{listing.label} takes a page size of {most + 1}, and holds {len(listing.once.items)} items only, so "
            "that nobody can see whether it is cut"
        )
        return False
    return all(fresh(target, listing.filler) is not None for _ in range(needed))
