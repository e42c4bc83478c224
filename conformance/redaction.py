"""
Show what we made, mask what we did not.

Values that the harness generated or was given, and values that the contract declares, may be shown. Every other scalar
that comes from a system becomes a shape token such as ``‹string:12 #a1›``: the same value gives the same token within
a run, numbered by first appearance and never derived from the value. Credentials are never shown.

It all happens before anything reaches disk, console or HTML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

# Enough for any run within its request limit; beyond it new values are masked, which is the safe side.
MOST_VALUES = 500_000
# A system's text of so many characters is recognised inside a longer one; shorter ones stand in others by chance.
RECOGNISED = 6
_HARMLESS_HEADERS = frozenset(
    {
        "content-type",
        "content-length",
        "allow",
        "retry-after",
        "cache-control",
        "www-authenticate",
        "date",
        "connection",
        "transfer-encoding",
        "vary",
        "accept-ranges",
        "server",
    }
)
_METHOD = r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT)"
_DIRECTIVE = (
    r"(no-store|no-cache|private|public|must-revalidate|proxy-revalidate|no-transform|immutable|(s-max|max-|stale-while-"
    r"revalidate|stale-if-error)(age)?=\d{1,10})"
)
_VARIES = r"(\*|accept|accept-encoding|accept-language|authorization|cookie|origin|prefer|content-type)"
# Media types that anybody may answer with; one of a system's own making is its word like any other.
PLAIN_MEDIA_TYPE = re.compile(
    r"application/(json|problem\+json|hal\+json|fhir\+json|ld\+json|vnd\.api\+json|xml|problem\+xml|pdf|zip|javascript"
    r"|octet-stream|x-www-form-urlencoded|yaml|x-ndjson)|text/(plain|html|css|csv|xml|javascript|event-stream|markdown|yaml)"
    r"|image/(png|jpeg|gif|svg\+xml|webp|x-icon)|multipart/(form-data|mixed)",
    re.IGNORECASE,
)
# What of a header may be shown: the words of the protocol, and nothing that a system could make up.
_PLAIN_HEADER = {
    "content-type": re.compile(
        rf"({PLAIN_MEDIA_TYPE.pattern})(; ?charset=(utf-?8|us-ascii|iso-8859-1|utf-16))?", re.IGNORECASE
    ),
    "content-length": re.compile(r"\d{1,10}"),
    "allow": re.compile(rf"{_METHOD}(, ?{_METHOD})*"),
    "retry-after": re.compile(r"\d{1,6}"),
    "cache-control": re.compile(rf"{_DIRECTIVE}(, ?{_DIRECTIVE})*", re.IGNORECASE),
    "www-authenticate": re.compile(
        r"(Basic|Bearer|Digest|DPoP)\b( error=\"(invalid_token|invalid_request|insufficient_scope)\")?",
        re.IGNORECASE,
    ),
    "connection": re.compile(r"close|keep-alive", re.IGNORECASE),
    "transfer-encoding": re.compile(r"chunked", re.IGNORECASE),
    "vary": re.compile(rf"{_VARIES}(, ?{_VARIES})*", re.IGNORECASE),
    "accept-ranges": re.compile(r"bytes|none"),
}


class Redactor:
    """
    What may be shown in one run, and the tokens of what may not.

    Args:
        declared: values and names that the contract declares.
    """

    def __init__(self, declared: Iterable[str] = ()) -> None:
        self._shown: set[str] = {str(value) for value in declared} | {""}
        self._declared = set(self._shown)
        self._masked: dict[str, str] = {}
        self._beginnings: dict[str, set[str]] = {}
        self._secrets: set[str] = set()

    def declare(self, values: Iterable[str]) -> None:
        """Allow more values, for example those of another system's contract."""
        texts = [str(value) for value in values]
        self._shown.update(texts)
        self._declared.update(texts)

    def keep_secret(self, value: str) -> None:
        """Never show a value, wherever it turns up."""
        if value:
            self._secrets.add(value)

    def sent(self, value: Any) -> None:
        """Note values that the harness made: they may be shown, unless a system said them first."""
        if len(self._shown) < MOST_VALUES:
            self._shown.update(text for text in scalars(value) if text not in self._masked)

    def received(self, value: Any) -> None:
        """Note values that a system said: they are masked, unless the harness or the contract said them first."""
        if len(self._masked) < MOST_VALUES:
            for text in scalars(value):
                if text not in self._shown:
                    self._token(text, "string")

    def is_shown(self, value: Any) -> bool:
        """Whether a scalar may stand in the record as it is."""
        text = as_text(value)
        return text in self._shown and not self._holds_secret(text) and not self._holds_masked(text)

    def mask(self, value: Any) -> Any:
        """A JSON value with every scalar and name that may not be shown replaced by its token."""
        if isinstance(value, dict):
            return {self._mask_name(key): self.mask(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.mask(item) for item in value]
        if value is None or self.is_shown(value):
            return value
        return self._token(as_text(value), _kind(value))

    def mask_text(self, text: str) -> str:
        """A text of a system, as one token unless it may be shown."""
        return text if self.is_shown(text) else self._token(text, "text")

    def mask_body(self, body: bytes, *, most: int = 2000) -> str:
        """A response body fit to be kept: masked JSON, or one token for anything else."""
        if not body:
            return ""
        try:
            text = json.dumps(self.mask(_bounded(json.loads(body))), ensure_ascii=False, indent=1)
        except (ValueError, RecursionError):
            return self._token(f"{len(body)} bytes {hash(body)}", f"text, {len(body)} bytes")
        return text if len(text) <= most else text[:most] + " …"

    def mask_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Response headers fit to be kept: plain protocol values stay, all others become tokens."""
        return {
            self._mask_header_name(name): self._mask_header(name.lower(), value)
            for name, value in headers.items()
        }

    def mask_url(self, url: str) -> str:
        """A URL with every segment and query value that may not be shown replaced by its token."""
        path, _, query = url.partition("?")
        masked = "/".join(self._mask_segment(segment) for segment in path.split("/"))
        pairs = "&".join(map(self._mask_pair, query.split("&"))) if query else ""
        return f"{masked}?{pairs}" if pairs else masked

    def _mask_segment(self, segment: str) -> str:
        text = unquote(segment)
        return self._token(text, "string") if text in self._masked or self._holds_secret(text) else segment

    def _mask_pair(self, pair: str) -> str:
        # A plus is a space in a query, and only there.
        name, equals, value = (self._mask_segment(part.replace("+", "%20")) for part in pair.partition("="))
        return f"{name}{equals}{value}"

    def _mask_name(self, name: str) -> str:
        return name if self.is_shown(name) else self._token(name, "name")

    def _mask_header_name(self, name: str) -> str:
        return (
            name
            if name in self._shown or name.lower() in self._shown or name.lower() in _HARMLESS_HEADERS
            else self._token(name, "name")
        )

    def _mask_header(self, name: str, value: str) -> str:
        plain = _PLAIN_HEADER.get(name)
        if self.is_shown(value) or (plain is not None and plain.fullmatch(value)):
            return value
        return self._token(value, "string")

    def _holds_masked(self, text: str) -> bool:
        """Whether a text that we sent was made from one that a system said, such as a name with letters added."""
        return text not in self._declared and bool(self.masked_within(text))

    def masked_within(self, text: str) -> str:
        """The longest text that a system said and that stands inside another; empty where there is none."""
        windows = (text[at : at + RECOGNISED] for at in range(len(text) - RECOGNISED + 1))
        found = (self._beginnings[window] for window in windows if window in self._beginnings)
        return max(
            (masked for candidates in found for masked in candidates if masked in text), key=len, default=""
        )

    def _holds_secret(self, text: str) -> bool:
        return any(secret in text for secret in self._secrets)

    def _token(self, text: str, kind: str) -> str:
        if text not in self._masked:
            number = len(self._masked)
            self._masked[text] = f"{chr(ord('a') + number % 26)}{number // 26 + 1}"
            if len(text) >= RECOGNISED:
                self._beginnings.setdefault(text[:RECOGNISED], set()).add(text)
        size = f":{len(text)}" if kind in ("string", "name", "text") else ""
        return f"‹{kind}{size} #{self._masked[text]}›"


def scalars(value: Any) -> Iterator[str]:
    """Every scalar of a JSON value as text, names of properties left out."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
        elif item is not None:
            yield as_text(item)


def as_text(value: Any) -> str:
    """A scalar as text: a string as it is, anything else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _kind(value: Any) -> str:
    return {bool: "boolean", int: "integer", float: "number"}.get(type(value), "string")


def _bounded(value: Any, *, most: int = 20) -> Any:
    if isinstance(value, dict):
        return {key: _bounded(item) for key, item in list(value.items())[:60]}
    if isinstance(value, list):
        return [_bounded(item) for item in value[:most]]
    return value
