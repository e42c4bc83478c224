"""Show what we made, mask what we did not: nothing that a system said is written as it said it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joinedup.conformance.redaction import Redactor, scalars

SYNTHETIC = "9990001006"


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("Ava", "‹string:3 #a1›"),
        ("", ""),
        (7, "‹integer #a1›"),
        (7.5, "‹number #a1›"),
        (True, "‹boolean #a1›"),
        (None, None),
        ([], []),
        ({}, {}),
        ("open", "open"),
        ({"name": "Ava"}, {"name": "‹string:3 #a1›"}),
        ({"nickname": "Ava"}, {"‹name:8 #a1›": "‹string:3 #b1›"}),
        (["Ava", "Bo", "Ava"], ["‹string:3 #a1›", "‹string:2 #b1›", "‹string:3 #a1›"]),
        ({"name": ["open", {"name": 1}]}, {"name": ["open", {"name": "‹integer #a1›"}]}),
    ],
)
def test_what_is_not_declared_becomes_a_token(value: Any, masked: Any) -> None:
    """Declared values and names stay; any other is a shape, its length, and a number by first appearance."""
    assert Redactor(["open", "name"]).mask(value) == masked


def test_the_same_value_has_the_same_token_everywhere() -> None:
    """In a body, a header, a URL and a text, one value is one token; the 27th value starts the letters anew."""
    redactor = Redactor(["name"])
    redactor.received({"name": "Ava Example"})
    assert redactor.mask("Ava Example") == "‹string:11 #a1›"
    assert list(redactor.mask_headers({"ETag": "Ava Example"}).values()) == ["‹string:11 #a1›"]
    assert redactor.mask_url("/v1/children/Ava%20Example") == "/v1/children/‹string:11 #a1›"
    assert redactor.mask_text("Ava Example") == "‹text:11 #a1›"
    assert redactor.mask("ETag") == "‹string:4 #b1›"
    assert [redactor.mask(f"v{n}") for n in range(25)][-1] == "‹string:3 #a2›"


def test_tokens_are_not_made_of_the_value() -> None:
    """Other values in the same order have the same tokens: nothing can be computed back from a token."""
    one, other = Redactor(), Redactor()
    assert [one.mask(v) for v in ("Ava", "Bob", "Ava")] == [other.mask(v) for v in ("Cat", "Dan", "Cat")]


def test_what_we_sent_is_shown_unless_the_system_said_it_first() -> None:
    """The harness's own values may stand; a value learned from the system stays masked when it is sent back."""
    redactor = Redactor(["id", "note"])
    redactor.sent({"note": "joinedup test 1"})
    redactor.received({"id": "7d0c", "note": "joinedup test 1"})
    redactor.sent({"id": "7d0c"})
    assert redactor.mask({"id": "7d0c", "note": "joinedup test 1"}) == {
        "id": "‹string:4 #a1›",
        "note": "joinedup test 1",
    }


def test_a_later_contract_declares_more() -> None:
    """Values of another system's contract may be shown once they are declared."""
    redactor = Redactor()
    redactor.declare(["CPP"])
    assert redactor.mask("CPP") == "CPP"


@pytest.mark.parametrize("shown", ["declared", "sent"])
def test_a_secret_is_never_shown(shown: str) -> None:
    """A credential is masked wherever it stands, also inside a longer text, declared or sent or not."""
    redactor = Redactor(["hunter2"] if shown == "declared" else [])
    redactor.keep_secret("hunter2")
    redactor.sent(["hunter2", "Bearer hunter2"])
    written = [
        json.dumps(redactor.mask({"a": "hunter2", "b": ["Bearer hunter2"], "hunter2": 1})),
        redactor.mask_text("the key is hunter2"),
        redactor.mask_url("/x/hunter2?key=hunter2&q=a-hunter2"),
        redactor.mask_body(b'{"echo": "hunter2"}'),
        redactor.mask_body(b"echo hunter2"),
        str(redactor.mask_headers({"X-Echo": "hunter2", "Allow": "hunter2"})),
    ]
    assert [text for text in written if "hunter2" in text] == []


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("Content-Type", "application/json", "application/json"),
        (
            "Content-Type",
            "application/problem+json; charset=utf-8",
            "application/problem+json; charset=utf-8",
        ),
        ("Content-Type", "Ava Example", "‹string:11 #a1›"),
        ("Content-Length", "120", "120"),
        ("Content-Length", SYNTHETIC + "0", "‹string:11 #a1›"),
        ("Allow", "GET, HEAD", "GET, HEAD"),
        ("Allow", "Ava", "‹string:3 #a1›"),
        ("Retry-After", "30", "30"),
        ("Cache-Control", "no-store, max-age=0", "no-store, max-age=0"),
        ("WWW-Authenticate", 'Bearer error="invalid_token"', 'Bearer error="invalid_token"'),
        ("WWW-Authenticate", 'Basic realm="Ava"', "‹string:17 #a1›"),
        ("Server", "CareTrack/8.3.1", "‹string:15 #a1›"),
        ("Date", "Mon, 02 Mar 2026 09:00:00 GMT", "‹string:29 #a1›"),
        ("Location", "/v1/children/7d0c", "‹string:17 #a1›"),
        ("ETag", '"7d0c"', "‹string:6 #a1›"),
        ("X-Page-Count", "3", "‹string:1 #a1›"),
        ("X-Declared", "CPP", "CPP"),
    ],
)
def test_headers_keep_protocol_and_lose_data(name: str, value: str, masked: str) -> None:
    """Values that HTTP itself defines stay; anything else that a system writes is a token."""
    declared = ["CPP", "X-Declared", "X-Page-Count", "location", "ETag"]
    assert Redactor(declared).mask_headers({name: value}) == {name: masked}


def test_the_name_of_an_undeclared_header_is_masked() -> None:
    """A header's name can hold data too."""
    assert Redactor().mask_headers({"X-Ava": "1"}) == {"‹name:5 #a1›": "‹string:1 #b1›"}


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("/v1/children", "/v1/children"),
        ("/v1/children/7d0c", "/v1/children/‹string:4 #a1›"),
        ("/v1/children/%37d0c", "/v1/children/‹string:4 #a1›"),
        ("/v1/children?id=7d0c&limit=5", "/v1/children?id=‹string:4 #a1›&limit=5"),
        ("/v1/children?name=Ava%20Example", "/v1/children?name=‹string:11 #b1›"),
        ("/v1/children?name=Ava+Example", "/v1/children?name=‹string:11 #b1›"),
        ("/v1/children?7d0c", "/v1/children?‹string:4 #a1›"),
        ("/v1/children?7d0c=1", "/v1/children?‹string:4 #a1›=1"),
        ("/a%2Fb", "/‹string:3 #c1›"),
        ("", ""),
    ],
)
def test_urls_lose_what_the_system_said(url: str, masked: str) -> None:
    """A segment, a query's name or value that the system gave is a token, however it is encoded."""
    redactor = Redactor()
    for said in ("7d0c", "Ava Example", "a/b"):
        redactor.received(said)
    assert redactor.mask_url(url) == masked


@pytest.mark.parametrize(
    ("body", "masked"),
    [
        (b"", ""),
        (b'{"name": "Ava"}', '{\n "name": "‹string:3 #a1›"\n}'),
        (b'"Ava"', '"‹string:3 #a1›"'),
        (b"null", "null"),
        (b"Ava lives here", "‹text, 14 bytes #a1›"),
        (b'{"name": "Ava"', "‹text, 14 bytes #a1›"),
        (b"\xff\xfe", "‹text, 2 bytes #a1›"),
    ],
)
def test_a_body_is_masked_or_one_token(body: bytes, masked: str) -> None:
    """JSON keeps its shape; whatever is not JSON is one token with its size."""
    assert Redactor(["name"]).mask_body(body) == masked


def test_a_large_body_is_cut_after_masking() -> None:
    """The cut never halves a value that should have been masked: it is made in the masked text."""
    text = Redactor().mask_body(json.dumps(["Ava Example"] * 99).encode(), most=50)
    assert text.endswith(" …")
    assert len(text) == 52
    assert "Ava" not in text


@pytest.mark.parametrize("depth", [300, 600, 900, 20_000])
def test_a_deep_body_is_masked_or_one_token(depth: int) -> None:
    """No depth of nesting breaks the redactor."""
    text = Redactor().mask_body(b'{"a":' * depth + b'"Ava"' + b"}" * depth)
    assert text
    assert "Ava" not in text


# Letters that no token is made of, so that a value that shines through is seen.
SAID = st.text("GHJKQVXZ'é明\U0001f9d2\"\\", min_size=1, max_size=12)
LEAVES = SAID | st.integers(10**6, 10**12) | st.floats(10.5, 10.9)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAID, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, database=None)
@given(value=JSON, declared=st.sets(SAID, max_size=3), ours=st.sets(SAID, max_size=3), first=st.booleans())
def test_nothing_that_was_not_declared_or_sent_appears(
    value: Any, declared: set[str], ours: set[str], first: bool
) -> None:
    """Whatever a system answers, each string left in the masked form is one that we declared or sent."""
    redactor = Redactor(declared)
    if first:
        redactor.received(value)
    for text in sorted(ours):
        redactor.sent(text)
    allowed = declared | ours | {""}
    for text in texts(json.loads(redactor.mask_body(json.dumps(value).encode(), most=10**6))):
        assert text in allowed or (text[0], text[-1]) == ("‹", "›")
        assert text in allowed or not set(text) & set("GHJKQVXZ'é明\U0001f9d2\"\\")


def texts(value: Any) -> set[str]:
    """Every scalar and every name of a JSON value, as text."""
    if isinstance(value, dict):
        return set(value) | {text for item in value.values() for text in texts(item)}
    if isinstance(value, list):
        return {text for item in value for text in texts(item)}
    return {value if isinstance(value, str) else json.dumps(value)}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": [1, "b", {"c": True}], "d": None}, {"1", "b", "true"}),
        ("a", {"a"}),
        (1.5, {"1.5"}),
        (None, set()),
        ([], set()),
    ],
)
def test_scalars_are_every_value_and_no_name(value: Any, found: set[str]) -> None:
    """Names of properties and nothing are left out; numbers and booleans are as JSON writes them."""
    assert set(scalars(value)) == found
