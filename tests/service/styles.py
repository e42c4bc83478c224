"""
The ways in which a good service may differ from another good service.

Each style keeps every promise of its own contract. They differ in what good practice leaves open: how pages are
asked for, which status refuses what, how an error looks, how names are written, what kind of token is issued.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CORRELATION_PATTERN = "^[A-Za-z0-9-]{8,64}$"
KEY_PATTERN = "^[A-Za-z0-9-]{8,64}$"


@dataclass(frozen=True)
class Style:
    """
    One well-behaved way of building the service.

    Args:
        name: how callers ask for it.
        openapi: version of the description format.
        snake_case: whether properties and parameters are written ``family_name`` and not ``familyName``.
        paging: how the list of referrals is cut into pages.
        problem: whether errors are RFC 9457 problem documents, else ``{"error": {"code", "message"}}``.
        invalid: status for a value that the contract rules out; malformed JSON is always 400.
        stale: status for an ``If-Match`` that is no longer true.
        unconditional: status for a change without ``If-Match``.
        reused: status for an idempotency key that comes again with another body.
        foreign: status for an object of another organisation.
        update: method that changes a referral; PATCH is a JSON merge patch, PUT a replacement.
        replay_header: request header that makes a repeated create safe.
        correlation_header: request header that is echoed.
        closed: whether objects allow no further properties; else further ones are ignored.
        links: whether the contract declares links between operations.
        token: what the token endpoint issues.
    """

    name: str
    openapi: str
    snake_case: bool
    paging: Literal["cursor", "offset", "page"]
    problem: bool
    invalid: int
    stale: int
    unconditional: int
    reused: int
    foreign: int
    update: Literal["PATCH", "PUT"]
    replay_header: str
    correlation_header: str
    closed: bool
    links: bool
    token: Literal["rs256", "hs256", "opaque"]

    @property
    def update_media_type(self) -> str:
        """Media type of the body that changes a referral."""
        return "application/merge-patch+json" if self.update == "PATCH" else "application/json"

    @property
    def error_media_type(self) -> str:
        """Media type of every refusal but those of the token endpoint (RFC 6749 fixes theirs)."""
        return "application/problem+json" if self.problem else "application/json"

    @property
    def size_parameter(self) -> str:
        """Query parameter that says how long a page may be."""
        return "per_page" if self.paging == "page" else "limit"


CURSOR = Style(
    name="cursor",
    openapi="3.1.0",
    snake_case=False,
    paging="cursor",
    problem=True,
    invalid=422,
    stale=412,
    unconditional=428,
    reused=422,
    foreign=404,
    update="PATCH",
    replay_header="Idempotency-Key",
    correlation_header="X-Correlation-ID",
    closed=True,
    links=True,
    token="rs256",
)
OFFSET = Style(
    name="offset",
    openapi="3.0.3",
    snake_case=True,
    paging="offset",
    problem=False,
    invalid=400,
    stale=409,
    unconditional=409,
    reused=409,
    foreign=403,
    update="PUT",
    replay_header="X-Request-ID",
    correlation_header="X-Request-ID",
    closed=False,
    links=False,
    token="hs256",
)
LINK = Style(
    name="link",
    openapi="3.1.0",
    snake_case=True,
    paging="page",
    problem=True,
    invalid=400,
    stale=412,
    unconditional=428,
    reused=409,
    foreign=404,
    update="PUT",
    replay_header="Idempotency-Key",
    correlation_header="X-Request-ID",
    closed=True,
    links=False,
    token="opaque",
)
STYLES: dict[str, Style] = {style.name: style for style in (CURSOR, OFFSET, LINK)}
