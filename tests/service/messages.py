"""
What comes in and what goes out, free of any web framework; and refusals, which are answers too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from service.schemas import answered
from service.styles import Style

TITLES = {
    400: "The request is malformed",
    401: "A valid access token is needed",
    403: "This is not permitted",
    404: "There is no such thing here",
    405: "This method is not supported here",
    409: "This does not fit the present state",
    412: "The referral has changed since it was read",
    413: "The body is too large",
    415: "This media type is not supported here",
    422: "A value is not allowed",
    428: "A condition is needed",
    429: "Too many requests",
    500: "Something went wrong in the service",
}


@dataclass(frozen=True)
class Call:
    """One request. Header names are in lower case; the query keeps its order and its repetitions."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def media_type(self) -> str:
        """The media type of the body, without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Answer:
    """One response; ``content`` is the body as sent."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    def having(self, **headers: str) -> Answer:
        """The same answer with further headers, written with underscores for hyphens."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **more})

    def without(self, *names: str) -> Answer:
        """The same answer without some headers."""
        return replace(self, headers={k: v for k, v in self.headers.items() if k not in names})


class Refusal(Exception):
    """
    Raised wherever a request is refused; becomes an answer in the style's error format.

    Args:
        status: of the answer.
        detail: one sentence that never repeats what was sent.
        pointers: JSON pointers of the fields that are to blame.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        pointers: tuple[str, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.pointers = pointers
        self.headers = headers or {}


class Crash(Exception):
    """Raised by a defect that lets an input bring the service down; answered with 500."""


def encoded(body: Any) -> bytes:
    """JSON as sent: UTF-8, without escapes for letters outside ASCII."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def reply(status: int, body: Any, style: Style, **headers: str) -> Answer:
    """An answer in JSON, with further headers written with underscores for hyphens."""
    plain = Answer(status, {"Content-Type": "application/json"}, encoded(answered(body, style)))
    return plain.having(**headers)


def refused(refusal: Refusal, style: Style) -> Answer:
    """A refusal as the style writes it."""
    body = _problem(refusal) if style.problem else _plain(refusal)
    headers = {"Content-Type": style.error_media_type, **refusal.headers}
    return Answer(refusal.status, headers, encoded(body))


def _problem(refusal: Refusal) -> dict[str, object]:
    kind = TITLES[refusal.status].lower().replace(" ", "-")
    body: dict[str, object] = {
        "type": f"https://referrals.example/problems/{kind}",
        "title": TITLES[refusal.status],
        "status": refusal.status,
        "detail": refusal.detail,
    }
    return {**body, "pointers": list(refusal.pointers)} if refusal.pointers else body


def _plain(refusal: Refusal) -> dict[str, object]:
    code = TITLES[refusal.status].lower().replace(" ", "_")
    body: dict[str, object] = {"code": code, "message": refusal.detail}
    return {"error": {**body, "fields": list(refusal.pointers)} if refusal.pointers else body}
