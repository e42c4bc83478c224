"""
Reading a list page by page, however its pages are asked for: by cursor, offset, page number, or a link to follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.features import PAGE_SIZE, Feature, goes_by
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.lists import identifiers_in, items_of
from joinedup.conformance.objects import Collection
from joinedup.conformance.operations import Parameter
from joinedup.conformance.samples import type_of
from joinedup.conformance.target import Target
from joinedup.conformance.vocabulary import MORE, NEXT_CURSORS, NEXT_LINKS, PAGE_HOLDERS, TOTALS

MOST_PAGES = 20
LARGEST_SIZE = 100
STYLES = {
    "cursor": Feature.PAGING_CURSOR,
    "offset": Feature.PAGING_OFFSET,
    "page": Feature.PAGING_PAGE,
}


@dataclass(frozen=True)
class Pager:
    """
    How the pages of a list are asked for.

    Args:
        collection: the list.
        size: the parameter that says how many items a page may hold.
        positions: the parameter that says where a page begins, by style.
    """

    collection: Collection
    size: Parameter | None = None
    positions: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def pages(self) -> bool:
        """Whether the contract shows that the list has pages."""
        return bool(self.size or self.positions)

    @property
    def declared_most(self) -> int:
        """The largest page that the contract allows; 0 where it does not say."""
        most = self.size.schema.get("maximum") if self.size else None
        return int(most) if isinstance(most, int | float) else 0

    @property
    def declared_least(self) -> int:
        """The smallest page that the contract allows."""
        least = self.size.schema.get("minimum", 1) if self.size else 1
        return max(1, int(least)) if isinstance(least, int | float) else 1

    def first(self, size: int = 0) -> Step:
        """A request for the first page; of the usual size where none is given."""
        mine = {parameter.name for parameter in self.positions.values()}
        mine |= {self.size.name} if self.size else set()
        step = self.collection.step
        kept = tuple((name, value) for name, value in step.query if name not in mine)
        asked = ((self.size.name, str(size)),) if self.size and size else ()
        return replace(step, query=(*kept, *asked))

    def at(self, style: str, value: object, size: int = 0) -> Step:
        """A request for the page at a position."""
        return _with_query(self.first(size), self.positions[style].name, str(value))


def _with_query(step: Step, name: str, value: str) -> Step:
    others = tuple(pair for pair in step.query if pair[0] != name)
    return replace(step, query=(*others, (name, value)))


def pager_of(target: Target, collection: Collection) -> Pager:
    """How the pages of a list are asked for, as its contract shows."""
    query = [p for p in collection.operation.parameters if p.location == "query"]
    sizes = [p for p in query if normalise(p.name) in PAGE_SIZE and _is_whole(target, p)]
    positions = {
        style: parameter
        for style, feature in STYLES.items()
        for parameter in query
        if goes_by(feature, parameter.name) and not str(parameter.schema.get("format", "")).startswith("date")
    }
    return Pager(collection, sizes[0] if sizes else None, positions)


def _is_whole(target: Target, parameter: Parameter) -> bool:
    options = parameter.schema.get("anyOf") or [parameter.schema]
    return any(type_of(target.contract.resolve(option)) in ("integer", "number") for option in options)


@dataclass
class Walk:
    """
    A list read page by page.

    Args:
        exchanges: the pages, first one first.
        pages: what identifies the items of each.
        end: why it stopped: empty where the list's end was reached, else ``refused``, ``unreadable``, ``endless`` (the
            same place came again) or ``long``.
        styles: the ways in which next pages were found.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    pages: list[list[Any]] = field(default_factory=list)
    end: str = ""
    styles: set[str] = field(default_factory=set)

    @property
    def items(self) -> list[Any]:
        """What identifies each item, in the order in which the pages gave them."""
        return [item for page in self.pages for item in page]

    @property
    def complete(self) -> bool:
        """Whether the end of the list was reached."""
        return not self.end


def walk(target: Target, pager: Pager, size: int = 0, most: int = MOST_PAGES) -> Walk:
    """Read a list page by page, in pages of a size, until its end or for at most so many pages."""
    found = Walk()
    for _ in steps(target, pager, size, most, found):
        pass
    return found


def steps(target: Target, pager: Pager, size: int, most: int, found: Walk) -> Iterator[Exchange]:
    """The pages of a list one by one, kept in ``found``; the next is asked for when the caller goes on."""
    step: Step | None = pager.first(size)
    asked: set[tuple[str, tuple[tuple[str, Any], ...]]] = set()
    while step is not None:
        if len(found.pages) >= most or (step.path, step.query) in asked:
            found.end = "long" if (step.path, step.query) not in asked else "endless"
            return
        asked.add((step.path, step.query))
        exchange = target.client.send(step)
        identifiers = identifiers_in(exchange)
        if identifiers is None:
            found.end = "unreadable" if exchange.ok else "refused"
            found.exchanges.append(exchange)
            return
        # So that a finding can say where each identifier came from.
        target.knowledge.learn(exchange)
        found.exchanges.append(exchange)
        found.pages.append(identifiers)
        yield exchange
        style, step = following(target, pager, found, size)
        found.styles |= {style} if step is not None else set()


def whole(target: Target, collection: Collection) -> Walk:
    """The whole list, in pages as large as the contract says that they may be."""
    pager = pager_of(target, collection)
    return walk(target, pager, min(pager.declared_most, LARGEST_SIZE))


# --- where the next page is


def following(target: Target, pager: Pager, found: Walk, size: int) -> tuple[str, Step | None]:
    """The style and the request of the page after the last one; no request where that was the last."""
    last = found.exchanges[-1]
    link = _link_header(last) or next(_next_links(last.json()), "")
    if link:
        return "link", followed(target, last.step, link)
    if "link" in found.styles or _says_last(last.json()):
        return "link", None
    if "cursor" in pager.positions:
        cursor = _next_cursor(last.json(), found)
        return "cursor", None if cursor is None else pager.at("cursor", cursor, size)
    for style in ("offset", "page"):
        if style in pager.positions:
            return style, _next_by_number(target, pager, found, size, style)
    return "", None


def _link_header(exchange: Exchange) -> str:
    """The target of ``rel="next"`` of a Link header (RFC 8288)."""
    sent = exchange.response.headers.get("link", "") if exchange.response else ""
    for part in re.split(r",\s*(?=<)", sent):
        found = re.match(r"\s*<([^>]*)>(.*)", part)
        if found and re.search(r';\s*rel="?([^";]*\s)?next(\s[^";]*)?("|;|$)', found[2], re.IGNORECASE):
            return found[1]
    return ""


def _holders(body: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of an answer that may say where other pages are."""
    if isinstance(body, dict):
        yield body
        yield from (v for n, v in body.items() if normalise(n) in PAGE_HOLDERS and isinstance(v, dict))


def _next_links(body: Any) -> Iterator[str]:
    for holder in _holders(body):
        for name, value in holder.items():
            target = (value.get("href") or value.get("url")) if isinstance(value, dict) else value
            if normalise(name) in NEXT_LINKS and isinstance(target, str) and _is_address(target):
                yield target
    # FHIR: Bundle.link is a list of relations.
    links = body.get("link") if isinstance(body, dict) else None
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation", link.get("rel")) == "next":
            yield str(link.get("url") or link.get("href") or "")


def _says_last(body: Any) -> bool:
    """Whether an answer has a place for the address of the next page, and leaves it empty."""
    named = (v for h in _holders(body) for n, v in h.items() if normalise(n) in NEXT_LINKS - NEXT_CURSORS)
    return any(value is None for value in named)


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://", "/", "?"))


def followed(target: Target, step: Step, link: str) -> Step | None:
    """The request that a link leads to; None where it leads to another place than the list's own."""
    address = urlsplit(link)
    own = urlsplit(target.client.base_url + step.url_path()).path
    # Behind a proxy the host that a system knows itself by may be another.
    if address.path and not own.endswith(address.path) and not address.path.endswith(step.url_path()):
        return None
    return replace(step, query=tuple(parse_qsl(address.query, keep_blank_values=True)))


def _next_cursor(body: Any, found: Walk) -> Any:
    for holder in _holders(body):
        for name, value in holder.items():
            if normalise(name) in MORE and value is False:
                return None
    for holder in _holders(body):
        for name, value in holder.items():
            if (
                normalise(name) in NEXT_CURSORS
                and isinstance(value, str | int)
                and value not in ("", False, True)
            ):
                return value
    says_more = any(normalise(n) in MORE and v is True for h in _holders(body) for n, v in h.items())
    return found.pages[-1][-1] if says_more and found.pages[-1] else None


def _next_by_number(target: Target, pager: Pager, found: Walk, size: int, style: str) -> Step | None:
    last, seen = found.exchanges[-1], len(found.items)
    count = len(items_of(last) or ())
    total = total_of(last)
    # A page that is not full is the last one, unless the system says that there is more.
    if not count or (total is not None and seen >= total) or (total is None and size and count < size):
        return None
    start = _start(target, pager, found, size, style)
    if start is None:
        return None
    return pager.at(style, start + (seen if style == "offset" else len(found.pages)), size)


def _start(target: Target, pager: Pager, found: Walk, size: int, style: str) -> int | None:
    """The number of the first page or item: declared, or the one that gives the same page as none does."""
    schema = pager.positions[style].schema
    declared = schema.get("default")
    if isinstance(declared, int):
        return declared
    for number in (1, 0) if style == "page" or "index" in normalise(pager.positions[style].name) else (0,):
        if number < int(schema.get("minimum", 0)):
            continue
        if identifiers_in(target.client.send(pager.at(style, number, size))) == found.pages[0]:
            return number
    return None


def total_of(exchange: Exchange) -> int | None:
    """How many items the system says that all pages hold together, or None where it does not say."""
    for holder in _holders(exchange.json()):
        for name, value in holder.items():
            if normalise(name) in TOTALS and isinstance(value, int) and not isinstance(value, bool):
                return value
    return None
