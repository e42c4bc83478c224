"""A step goes out, into the record and back without a change."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joinedup.conformance.exchanges import (
    MISSING,
    Exchange,
    Reference,
    Response,
    Step,
    Text,
    encode_segment,
    last_segment,
    step_from_record,
)


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("7d0c", "7d0c"),
        ("a b", "a%20b"),
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("100%", "100%25"),
        ("Siân", "Si%C3%A2n"),
        ("\0", "%00"),
        ("\U0001f9d2", "%F0%9F%A7%92"),
        ("\ud800", "%ED%A0%80"),
        ("", ""),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "..."),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_a_path_segment_is_percent_encoded(value: Any, segment: str) -> None:
    """Nothing of a value can end its segment, and segments of dots are not dropped on the way."""
    assert encode_segment(value) == segment


@pytest.mark.parametrize(
    ("path", "values", "written"),
    [
        ("/children", {}, "/children"),
        ("/children/{id}", {"id": "a/b"}, "/children/a%2Fb"),
        ("/children/{id}/notes/{note}", {"id": "1", "note": "2"}, "/children/1/notes/2"),
        ("/children/{id}/notes/{note}", {"id": "{note}", "note": "2"}, "/children/%7Bnote%7D/notes/2"),
        ("/children/{id}", {}, "/children/{id}"),
    ],
)
def test_a_template_is_filled_once(path: str, values: dict[str, Any], written: str) -> None:
    """A value that looks like a parameter is not filled in again."""
    assert Step("GET", path, values).url_path() == written


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (MISSING, None),
        ({}, b"{}"),
        (None, b"null"),
        ({"name": "Siân"}, '{"name": "Siân"}'.encode()),
        ({"name": "\ud800"}, b'{"name": "\\ud800"}'),
        ([1.5, True], b"[1.5, true]"),
        (Text(""), b""),
        (Text("Siân"), "Siân".encode()),
        (Text("a\udcffb"), b"a\xffb"),
        (Text("\ud800"), b"\xed\xa0\x80"),
        (Text('{"a": 1, "a": 2}'), b'{"a": 1, "a": 2}'),
    ],
)
def test_a_body_as_bytes(body: Any, content: bytes | None) -> None:
    """JSON as JSON, text as it is; a byte that is no text travels as the escape that stands for it."""
    assert Step("POST", "/", body=body).content() == content


REFERENCES = [
    (Reference(step="s1", pointer="/id"), {"from": "s1", "pointer": "/id"}),
    (Reference(step="s1", pointer=""), {"from": "s1", "pointer": ""}),
    (Reference(step="s1", header="ETag"), {"from": "s1", "header": "ETag"}),
    (
        Reference(step="s1", header="Location", pattern="last-segment"),
        {"from": "s1", "header": "Location", "pattern": "last-segment"},
    ),
    (Reference(fixture="childId", index=2), {"fixture": "childId", "index": 2}),
    (
        Reference(step="s1", pointer="/id", before="%", after="'"),
        {"from": "s1", "pointer": "/id", "before": "%", "after": "'"},
    ),
    (Reference(fixture="childId", after="x"), {"fixture": "childId", "index": 0, "after": "x"}),
    (Reference(new="Amber"), {"new": "Amber"}),
]


@pytest.mark.parametrize(("reference", "record"), REFERENCES)
def test_a_reference_in_the_record(reference: Reference, record: dict[str, object]) -> None:
    """Each kind of reference has one form, wherever in a step it stands."""
    step = Step("PUT", "/{id}", {"id": reference}, (("q", reference),), {"X": reference}, {"a": [reference]})  # type: ignore[dict-item]
    written = step.as_record()
    assert written["path_parameters"] == {"id": record}
    assert written["body"] == {"json": {"a": [record]}}
    assert step_from_record(json.loads(json.dumps(written))) == step


STEPS = [
    Step("GET", "/children"),
    Step("GET", "/children/{id}", {"id": 7}, identity=None),
    Step("GET", "/", query=(("a", "1"), ("a", "2"), ("b", ""))),
    Step("POST", "/", headers={"X-Page": "1"}, body={}, identity="other", operation="POST /", name="s3"),
    Step("POST", "/", body=None),
    Step("POST", "/", body=False),
    Step("POST", "/", body=[], media_type="application/problem+json"),
    Step("POST", "/", body=Text("a=b"), media_type="application/x-www-form-urlencoded"),
    Step("POST", "/", body=Text(""), media_type=""),
    Step("POST", "/", body={"text": "json"}),
    Step("POST", "/", body={"from": "s1", "to": "s2"}),
]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_comes_back_from_the_record(step: Step) -> None:
    """The record, as JSON, holds all of a step but the media type of no body."""
    assert step_from_record(json.loads(json.dumps(step.as_record()))) == step


@pytest.mark.parametrize(("_", "looks_like_one"), REFERENCES)
def test_a_body_that_looks_like_a_reference_is_none(_: Reference, looks_like_one: dict[str, object]) -> None:
    """Data of the same shape as a reference goes into the record as text, and out again as the same bytes."""
    step = Step("POST", "/mails", body={"mail": [looks_like_one]})
    again = step_from_record(json.loads(json.dumps(step.as_record())))
    assert again.content() == step.content()
    assert again.media_type == step.media_type


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, database=None)
@given(body=JSON, value=st.text(), query=st.lists(st.tuples(st.text(), st.text()), max_size=3))
def test_any_step_comes_back_from_the_record(body: Any, value: str, query: list[tuple[str, str]]) -> None:
    """Whatever a step holds, the step read back sends the same."""
    step = Step("POST", "/{x}", {"x": value}, tuple(query), {"X": value}, body)
    again = step_from_record(json.loads(json.dumps(step.as_record())))
    assert again == step
    assert again.content() == step.content()


@pytest.mark.parametrize(
    ("status", "content_type", "body", "ok", "media_type", "value"),
    [
        (200, "application/json", b'{"a": 1}', True, "application/json", {"a": 1}),
        (299, "Application/JSON; charset=utf-8", b"null", True, "application/json", None),
        (199, "", b"", False, "", MISSING),
        (300, "text/html", b"<p>", False, "text/html", MISSING),
        (404, "application/json", b"{", False, "application/json", MISSING),
        (200, "application/json", b"\xff", True, "application/json", MISSING),
        (200, "application/json", b"[" * 100_000, True, "application/json", MISSING),
    ],
)
def test_an_answer_speaks_for_itself(
    status: int, content_type: str, body: bytes, ok: bool, media_type: str, value: Any
) -> None:
    """Success is 2xx; a body that is no JSON is missing, not an error."""
    response = Response(status, httpx.Headers({"content-type": content_type}), body)
    assert (response.ok, response.media_type) == (ok, media_type)
    assert response.json() is MISSING if value is MISSING else response.json() == value


def test_an_exchange_without_an_answer() -> None:
    """No answer has status 0, no success and no value."""
    exchange = Exchange(Step("GET", "/"), None, "no connection could be made")
    assert (exchange.status, exchange.ok, exchange.json()) == (0, False, MISSING)
    assert exchange.named("s4").step.name == "s4"


@pytest.mark.parametrize(
    ("location", "segment"),
    [
        ("/children/c7", "c7"),
        ("/children/c7/", "c7"),
        ("https://x.example/children/c7?a=b/d#e", "c7"),
        ("c7", "c7"),
        ("/children/a%2Fb", "a/b"),
        ("https://x.example", ""),
        ("https://x.example/", ""),
        ("http://[broken/c7", ""),
        ("", ""),
    ],
)
def test_a_location_names_an_object_by_its_last_segment(location: str, segment: str) -> None:
    """The end of the path, decoded; what is no address names nothing."""
    assert last_segment(location) == segment


def test_missing_is_not_a_value() -> None:
    """``MISSING`` is false and tells its name."""
    assert not MISSING
    assert repr(MISSING) == "MISSING"
