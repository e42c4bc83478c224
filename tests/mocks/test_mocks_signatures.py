"""What is signed is believed for its signature, in its time, by a key that is good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from joinedup.mocks.signatures import (
    DELIVERY_ID,
    KEY_ID,
    SIGNATURE,
    TIMESTAMP,
    Defect,
    Key,
    KeyRing,
    Received,
    SignatureError,
    signature,
    signed_headers,
    verify,
)

START = datetime(2026, 11, 2, 9, 30, tzinfo=UTC).timestamp()


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing("police", lambda: b"0123456789abcdef")


BODY = b'{"n":1}'


def headers(key: Key, now: float = START, body: bytes = BODY) -> dict[str, str]:
    """The headers of a signed delivery, in lower case as a receiver has them."""
    found = signed_headers(key, body, delivery_id="d-1", attempt=1, now=now, correlation_id="c-1")
    return {name.lower(): value for name, value in found.items()}


def test_a_signature_is_that_of_an_independent_implementation() -> None:
    """Computed with openssl: printf '1793611800.{"n":1}' | openssl dgst -sha256 -hmac 0123456789abcdef."""
    assert int(START) == 1793611800
    expected = "574cf0c7d577e498245ef473eb759b8792b050928a5e5de4917c700b9ed2dfaf"
    assert signature(Key("k", b"0123456789abcdef"), 1793611800, BODY) == f"sha256={expected}"


def test_a_good_delivery_is_believed(ring: KeyRing) -> None:
    """Its id is given, for the receiver to know it again."""
    assert verify(headers(ring.current), BODY, ring, START + 1) == "d-1"


@pytest.mark.parametrize(
    ("change", "defect"),
    [
        ({SIGNATURE: ""}, Defect.UNSIGNED),
        ({SIGNATURE: "sha256=xyz"}, Defect.UNSIGNED),
        ({TIMESTAMP: ""}, Defect.UNSIGNED),
        ({TIMESTAMP: "-5"}, Defect.UNSIGNED),
        ({TIMESTAMP: "٣"}, Defect.UNSIGNED),
        ({DELIVERY_ID: ""}, Defect.UNSIGNED),
        ({KEY_ID: ""}, Defect.UNKNOWN_KEY),
        ({KEY_ID: "police-2"}, Defect.UNKNOWN_KEY),
        ({TIMESTAMP: str(int(START) + 1)}, Defect.WRONG_SIGNATURE),
        ({SIGNATURE: "sha256=" + "0" * 64}, Defect.WRONG_SIGNATURE),
    ],
)
def test_a_delivery_with_one_thing_wrong_is_not_believed(
    change: Mapping[str, str], defect: Defect, ring: KeyRing
) -> None:
    """Each header that the signature rests on is looked at."""
    sent = {**headers(ring.current), **{name.lower(): value for name, value in change.items()}}
    with pytest.raises(SignatureError) as raised:
        verify(sent, BODY, ring, START)
    assert raised.value.defect is defect


def test_a_changed_body_is_not_believed(ring: KeyRing) -> None:
    """One byte is enough."""
    with pytest.raises(SignatureError, match="not that of this body"):
        verify(headers(ring.current), BODY + b" ", ring, START)


@pytest.mark.parametrize(
    ("age", "defect"),
    [(0, None), (300, None), (301, Defect.STALE), (-300, None), (-301, Defect.EARLY), (86400, Defect.STALE)],
)
def test_an_old_delivery_is_not_believed(age: int, defect: Defect | None, ring: KeyRing) -> None:
    """The window is five minutes each way."""
    sent = headers(ring.current)
    if defect is None:
        assert verify(sent, BODY, ring, START + age) == "d-1"
        return
    with pytest.raises(SignatureError) as raised:
        verify(sent, BODY, ring, START + age)
    assert raised.value.defect is defect


def test_a_key_that_was_replaced_is_good_for_its_grace(ring: KeyRing) -> None:
    """Old and new side by side, then the new one alone; the new one from the first moment."""
    old = ring.current
    new = ring.rotate(START, grace_s=600)
    assert (ring.current, new.id != old.id) == (new, True)
    for key, now, good in (
        (old, START + 599, True),
        (old, START + 600, False),
        (new, START, True),
        (new, START + 600, True),
    ):
        sent = headers(key, now)
        if good:
            assert verify(sent, BODY, ring, now) == "d-1"
        else:
            with pytest.raises(SignatureError, match="no longer good"):
                verify(sent, BODY, ring, now)


def test_a_key_is_not_shown() -> None:
    """Neither a key nor a ring prints its secret."""
    ring = KeyRing("police", lambda: b"very-secret")
    assert "very-secret" not in repr(ring) + repr(ring.current) + str(ring)


def test_a_receiver_knows_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery is new once; what is long gone is forgotten, the oldest first."""
    monkeypatch.setattr("joinedup.mocks.signatures.REMEMBERED", 2)
    received = Received()
    assert [received.is_new(name) for name in ("a", "a", "b", "a")] == [True, False, True, False]
    assert received.is_new("c")
    assert [received.is_new(name) for name in ("b", "c")] == [False, False]
    assert received.is_new("a")
