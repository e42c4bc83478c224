"""
What passes between a server and an agency: a request as it came, an answer, and a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

PROBLEM = "application/problem+json"
JSON = "application/json"
PROBLEM_TYPES = "https://joinedup.example/problems/"

Headers = tuple[tuple[str, str], ...]

_as_json = msgspec.json.Encoder().encode


class Incoming(NamedTuple):
    """
    A request as it came over the wire.

    Args:
        method: in capitals.
        path: decoded, without the query.
        query: undecoded, without the question mark.
        headers: names in lower case; values of repeated headers joined by a comma.
        body: at most one byte more than the largest body that is accepted.
        repeated: whether a request of the same caller with the same X-Request-ID is still under way.
        peer: the address that it came from; empty where it came over no network.
    """

    method: str
    path: str
    query: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""
    repeated: bool = False
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; ``body`` None means none. A body is never changed once it is an answer's."""

    status: int
    body: Any = None
    headers: Headers = ()
    media_type: str = JSON
    _written: bytes | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def written(self) -> bytes:
        """The body as bytes."""
        if self._written is None:
            object.__setattr__(self, "_written", b"" if self.body is None else _as_json(self.body))
        return self._written  # type: ignore[return-value]

    def having(self, *headers: tuple[str, str]) -> Answer:
        """The answer with these headers in place of any of the same name."""
        kept = self.headers
        if kept:
            names = [name.lower() for name, _ in headers]
            kept = tuple(pair for pair in kept if pair[0].lower() not in names)
        return Answer(self.status, self.body, kept + headers, self.media_type)

    def without(self, name: str) -> Answer:
        """The answer without that header."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=kept)

    def header(self, name: str) -> str | None:
        """The value of a header, by its name in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Spoilt:
    """
    An answer that does not go out at once and whole.

    Args:
        late_s: by how many seconds it is late.
        share: of the body that goes out, from 0 to 1; where that is less than all, the connection ends after it, and
            where it is 0 before the head too.
    """

    answer: Answer
    late_s: float = 0.0
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with what was sent; it never holds a value that was sent."""

    pointer: str
    code: str
    detail: str


class Refusal(Exception):
    """
    Raised to answer with an error.

    Args:
        status: of the answer.
        detail: one sentence, free of values that were sent.
        errors: what is wrong, field by field.
        headers: that the status asks for (Allow, WWW-Authenticate).
        code: the name of the error where the protocol has one of its own (OAuth).
        sent: the value at fault; no well-behaved agency shows it.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Headers = (),
        code: str = "",
        sent: object = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors
        self.headers, self.code, self.sent = headers, code, sent


TITLES = {401: "Unauthorised", 413: "Content too large", 422: "Unprocessable content"}


def problem(refusal: Refusal, request_id: str) -> Answer:
    """The refusal as RFC 9457 has it."""
    title = TITLES.get(refusal.status) or HTTPStatus(refusal.status).phrase.capitalize()
    body: dict[str, Any] = {
        "type": PROBLEM_TYPES + title.lower().replace(" ", "-"),
        "title": title,
        "status": refusal.status,
        "detail": refusal.detail,
        "instance": f"urn:uuid:{request_id}",
    }
    if refusal.errors:
        body["errors"] = [
            {"pointer": e.pointer[:200], "code": e.code, "detail": e.detail} for e in refusal.errors[:20]
        ]
    return Answer(refusal.status, body, refusal.headers, PROBLEM)
