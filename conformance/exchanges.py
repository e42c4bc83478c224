"""
Exchanges: one request, its response, and how to send the same request again.

A ``Step`` is a request before it is sent: template, parameters, body, and who calls. It is what the record keeps, what
``replay`` sends and what a printed reproduction is made of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx

AROUND = ("before", "after")


@dataclass(frozen=True)
class Reference:
    """
    A value that an earlier step's answer holds, or that a fixture gives.

    Args:
        step: name of the earlier step; empty for a fixture.
        pointer: RFC 6901 pointer into that step's JSON answer.
        header: name of that step's response header, instead of a pointer.
        fixture: name of the fixture, instead of a step.
        index: which of the fixture's values.
        pattern: for a header, what of it is meant: the last path segment (``last-segment``) or all of it (empty).
        before, after: texts of the harness's own around the value, where a check added to what the system had said.
        new: a text of the harness's own to be made anew each time, instead of a step: a name that may be taken by now.
    """

    step: str = ""
    pointer: str = ""
    header: str = ""
    fixture: str = ""
    index: int = 0
    pattern: str = ""
    before: str = ""
    after: str = ""
    new: str = ""

    def as_record(self) -> dict[str, object]:
        """The reference in the record's form."""
        if self.new:
            return {"new": self.new}
        around = {name: text for name in AROUND if (text := getattr(self, name))}
        if self.fixture:
            return {"fixture": self.fixture, "index": self.index, **around}
        pattern = {"pattern": self.pattern} if self.pattern else {}
        place = {"header": self.header, **pattern} if self.header else {"pointer": self.pointer}
        return {"from": self.step, **place, **around}


@dataclass(frozen=True)
class Text:
    """A body that is not JSON, as it goes over the wire."""

    text: str


Missing = type("Missing", (), {"__repr__": lambda self: "MISSING", "__bool__": lambda self: False})
MISSING: Any = Missing()


@dataclass(frozen=True)
class Step:
    """
    One request, before it is sent.

    Args:
        method: HTTP method.
        path: path template below the base URL, with ``{name}`` where a path parameter goes.
        path_parameters: value by name.
        query: (name, value) pairs in order.
        headers: value by name, without credentials.
        body: a JSON value, ``Text``, or ``MISSING``.
        media_type: the Content-Type sent with the body; empty leaves the header out.
        identity: name of the caller in the configuration; None sends no credential.
        operation: label of the operation, where the request belongs to one.
        name: how later steps refer to this one.
    """

    method: str
    path: str
    path_parameters: Mapping[str, Any] = field(default_factory=dict)
    query: tuple[tuple[str, Any], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = MISSING
    media_type: str = "application/json"
    identity: str | None = "own"
    operation: str = ""
    name: str = ""

    def url_path(self) -> str:
        """The path with its parameters filled in and percent-encoded."""
        path = self.path
        for name, value in self.path_parameters.items():
            path = path.replace("{" + name + "}", encode_segment(value))
        return path

    def content(self) -> bytes | None:
        """The body as bytes, or None where there is none."""
        if self.body is MISSING:
            return None
        if isinstance(self.body, Text):
            return _text_as_bytes(self.body.text)
        try:
            return json.dumps(self.body, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return json.dumps(self.body).encode()  # half a character is an escape in JSON

    def as_record(self) -> dict[str, object]:
        """The step in the record's form (see ``reports.reproduction``)."""
        record: dict[str, object] = {"name": self.name, "method": self.method, "path": self.path}
        record["path_parameters"] = {
            name: value_record(value) for name, value in self.path_parameters.items()
        }
        record["query"] = [[name, value_record(value)] for name, value in self.query]
        record["headers"] = {name: value_record(value) for name, value in self.headers.items()}
        if self.body is not MISSING:
            record["body"] = _body_record(self.body)
            record["media_type"] = self.media_type
        record["identity"] = self.identity
        record["operation"] = self.operation
        return record


def encode_segment(value: Any) -> str:
    """One path segment, percent-encoded; a segment of dots only is encoded whole, or clients would drop it."""
    text = value if isinstance(value, str) else json.dumps(value)
    if text in (".", ".."):
        return text.replace(".", "%2E")
    return quote(text, safe="", errors="surrogatepass")


def last_segment(location: str) -> str:
    """What a ``Location`` ends in, decoded: the identifier of a new object; empty where it has no path or is none."""
    try:
        return unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""


def _text_as_bytes(text: str) -> bytes:
    """Text as UTF-8; a byte that is no text stands in it as its escape (PEP 383)."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _body_record(body: Any) -> dict[str, object]:
    if isinstance(body, Text):
        return {"text": body.text}
    if _looks_like_a_reference(body) and not _holds_a_reference(body):
        return {"text": json.dumps(body, ensure_ascii=False)}
    return {"json": value_record(body)}


def _looks_like_a_reference(value: Any) -> bool:
    """Whether data would be taken for a reference when the record is read."""
    if isinstance(value, dict):
        return _has_the_form_of_a_reference(value) or any(map(_looks_like_a_reference, value.values()))
    return isinstance(value, list) and any(map(_looks_like_a_reference, value))


def _holds_a_reference(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_a_reference, value.values()))
    return isinstance(value, Reference) or (isinstance(value, list) and any(map(_holds_a_reference, value)))


def value_record(value: Any) -> Any:
    """A JSON value in the record's form, its references too."""
    if isinstance(value, Reference):
        return value.as_record()
    if isinstance(value, dict):
        return {key: value_record(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [value_record(item) for item in value]
    return value


def step_from_record(record: Mapping[str, Any]) -> Step:
    """Read a step back from the record."""
    body: Any = MISSING
    if "body" in record:
        stored = record["body"]
        body = Text(stored["text"]) if "text" in stored else value_from(stored["json"])
    return Step(
        method=record["method"],
        path=record["path"],
        path_parameters=value_from(record.get("path_parameters", {})),
        query=tuple((name, value_from(value)) for name, value in record.get("query", [])),
        headers=value_from(record.get("headers", {})),
        body=body,
        media_type=record.get("media_type", "application/json"),
        identity=record.get("identity"),
        operation=record.get("operation", ""),
        name=record.get("name", ""),
    )


_REFERENCES = (
    *({"from", "pointer"}, {"from", "header"}, {"from", "header", "pattern"}),
    *({"fixture", "index"}, {"new"}),
)


def _has_the_form_of_a_reference(record: Mapping[str, Any]) -> bool:
    return set(record).difference(AROUND) in _REFERENCES


def value_from(record: Any) -> Any:
    """Read a value back from the record."""
    if isinstance(record, dict):
        if _has_the_form_of_a_reference(record):
            return Reference(step=record.get("from", ""), **{k: v for k, v in record.items() if k != "from"})
        return {key: value_from(item) for key, item in record.items()}
    return [value_from(item) for item in record] if isinstance(record, list) else record


@dataclass(frozen=True)
class Response:
    """
    One answer, bounded.

    Args:
        status: HTTP status.
        headers: as received; look-up ignores case.
        body: bytes after decompression, at most the configured limit.
        seconds: from the first byte sent to the last byte read.
        cut: why reading stopped before the end; empty where the answer is whole.
    """

    status: int
    headers: httpx.Headers
    body: bytes
    seconds: float = 0.0
    cut: str = ""

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The JSON value of the body, or ``MISSING`` where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return MISSING


@dataclass(frozen=True)
class Exchange:
    """A step, what came back, and what went wrong on the way where nothing did."""

    step: Step
    response: Response | None
    error: str = ""

    def named(self, name: str) -> Exchange:
        """The same exchange with its step renamed."""
        return replace(self, step=replace(self.step, name=name))

    @property
    def status(self) -> int:
        """The status, or 0 where no answer came."""
        return self.response.status if self.response else 0

    def json(self) -> Any:
        """The answer's JSON value, or ``MISSING``."""
        return self.response.json() if self.response else MISSING

    @property
    def ok(self) -> bool:
        """Whether an answer with a 2xx status came."""
        return self.response is not None and self.response.ok
