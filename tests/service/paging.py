"""
How a list is cut into pages: by an opaque cursor, by offset and limit, or by page number with a Link header.

Lists run in the order of arrival, so that what arrives between two pages comes at the end and shifts nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.messages import Call, Crash, Refusal
from service.store import Referral
from service.styles import Style
from service.validation import whole

LONGEST_PAGE, USUAL_PAGE = 50, 20
LARGEST_OFFSET, LARGEST_PAGE_NUMBER = 1_000_000, 100_000
CURSOR_PATTERN = "^[A-Za-z0-9_-]{16,64}$"
_SEAL = b"pages of the test service"


@dataclass(frozen=True)
class Page:
    """The part of a list that was asked for, what its answer says besides, and its Link header or nothing."""

    items: Sequence[Referral]
    more: dict[str, Any]
    link: str = ""


def page(items: list[Referral], call: Call, style: Style, defects: frozenset[str]) -> Page:
    """The page that a request asks for; refuses parameters that are not as the contract says."""
    longest = 10**9 if "page-size-limit-ignored" in defects else LONGEST_PAGE
    size = whole(call, style.size_parameter, (1, longest), min(USUAL_PAGE, longest), style)
    ordered = items[::-1] if "arrivals-shift-the-pages" in defects else items
    return _CUTS[style.paging](ordered, size, call, style, defects)


def _slice(items: list[Referral], start: int, size: int, defects: frozenset[str]) -> list[Referral]:
    return items[start : start + size + ("page-longer-than-asked" in defects)]


def _shift(size: int, start: int, defects: frozenset[str]) -> int:
    """By how much a page after the first begins too early or too late."""
    if start == 0 or size == 1:
        return 0
    return ("item-lost-between-pages" in defects) - ("item-repeated-between-pages" in defects)


def _by_cursor(items: list[Referral], size: int, call: Call, style: Style, defects: frozenset[str]) -> Page:
    numbers = [item.number for item in items]
    sent = [value for key, value in call.query if key == "cursor"]
    after = _opened(sent, defects) if sent else 0
    if "arrivals-shift-the-pages" in defects:
        start = after  # the cursor holds a position, and not the last referral that was seen
    else:
        start = next((place for place, number in enumerate(numbers) if number > after), len(items))
    start += _shift(size, start, defects)
    cut = _slice(items, start, size, defects)
    end = start + len(cut)
    last = end if "arrivals-shift-the-pages" in defects else (cut[-1].number if cut else after)
    return Page(
        cut, {"nextCursor": _sealed(last) if end < len(items) or "pages-never-end" in defects else None}
    )


def _sealed(number: int) -> str:
    text = str(number).encode()
    seal = hmac.new(_SEAL, text, hashlib.sha256).digest()[:12]
    return base64.urlsafe_b64encode(seal + text).rstrip(b"=").decode()


def _opened(sent: list[str], defects: frozenset[str]) -> int:
    """What a cursor holds; refuses one that this service did not make."""
    try:
        held = base64.b64decode(sent[0] + "=" * (-len(sent[0]) % 4), altchars=b"-_", validate=True)
        number = int(held[12:])
    except (binascii.Error, ValueError):
        number = -1
    if number >= 0 and len(sent) == 1 and hmac.compare_digest(_sealed(number), sent[0]):
        return number
    if "bad-cursor-crashes" in defects:
        raise Crash
    if "bad-cursor-starts-again" in defects:
        return 0
    raise Refusal(400, "The cursor was not made by this service: start again without one.")


def _by_offset(items: list[Referral], size: int, call: Call, style: Style, defects: frozenset[str]) -> Page:
    start = whole(call, "offset", (0, LARGEST_OFFSET), 0, style)
    _end_crashes(start, len(items), defects)
    cut = _slice(items, start + _shift(size, start, defects), size, defects)
    return Page(cut, {"total": len(items) + ("total-is-too-high" in defects), "offset": start, "limit": size})


def _by_number(items: list[Referral], size: int, call: Call, style: Style, defects: frozenset[str]) -> Page:
    number = whole(call, "page", (1, LARGEST_PAGE_NUMBER), 1, style)
    start = (number - 1) * size
    _end_crashes(start, len(items), defects)
    last = max(1, -(-len(items) // size))
    cut = _slice(items, start + _shift(size, start, defects), size, defects)
    return Page(cut, {}, _link(call, number, size, last, "pages-never-end" in defects))


def _link(call: Call, number: int, size: int, last: int, endless: bool) -> str:
    """The Link header (RFC 8288) with the pages around this one, relative to the request."""
    kept = "".join(f"&{key}={value}" for key, value in call.query if key == "need")
    numbers = {"first": 1, "prev": number - 1, "next": number + 1, "last": last}
    there = {
        rel: at for rel, at in numbers.items() if 1 <= at <= (last if rel != "next" or not endless else at)
    }
    return ", ".join(
        f'<{call.path}?page={at}&per_page={size}{kept}>; rel="{rel}"' for rel, at in there.items()
    )


def _end_crashes(start: int, total: int, defects: frozenset[str]) -> None:
    if start >= total > 0 and "beyond-the-last-page-crashes" in defects:
        raise Crash


_CUTS = {"cursor": _by_cursor, "offset": _by_offset, "page": _by_number}
