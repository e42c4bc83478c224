"""
Signed deliveries: HMAC with SHA-256 over the time of sending and the body, with keys that change.

::

    X-SUI-Signature-256: sha256=HMAC-SHA-256(key, "<X-SUI-Timestamp>.<body>")

The headers are those of the Department for Education's single unique identifier programme. A key that was replaced is
good for a while longer, so that sender and receiver need not change theirs at the same moment. What was signed too
long ago is refused, however well; a delivery that comes again within that time is known by its id.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

SIGNATURE = "X-SUI-Signature-256"
DELIVERY_ID = "X-SUI-Delivery-ID"
ATTEMPT = "X-SUI-Delivery-Attempt"
TIMESTAMP = "X-SUI-Timestamp"
KEY_ID = "X-SUI-Key-ID"
CORRELATION_ID = "X-Correlation-ID"

REPLAY_WINDOW_S = 300
GRACE_S = 24 * 3600
REMEMBERED = 10_000

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class Defect(StrEnum):
    """What is wrong with a signed delivery."""

    UNSIGNED = "a header of the signature is missing or malformed"
    UNKNOWN_KEY = "the key is not known or no longer good"
    STALE = "it was signed too long ago"
    EARLY = "it was signed in the future"
    WRONG_SIGNATURE = "the signature is not that of this body and time"


class SignatureError(Exception):
    """Raised when a delivery is not to be believed; to be answered with 401 and without saying why."""

    def __init__(self, defect: Defect) -> None:
        super().__init__(f"The delivery is not to be believed: {defect.value}.")
        self.defect = defect


@dataclass(frozen=True)
class Key:
    """A shared secret; ``until``, in seconds since 1970, is when it ceases to be good, None where that is not known."""

    id: str
    secret: bytes = field(repr=False)
    until: float | None = None

    def is_good(self, now: float) -> bool:
        """Whether what is signed with it may be believed now."""
        return self.until is None or now < self.until


@dataclass
class KeyRing:
    """
    The keys of one sender and one receiver, the newest last.

    Args:
        make_secret: gives the secret of a new key.
    """

    name: str
    make_secret: Callable[[], bytes] = field(default=lambda: secrets.token_bytes(32), repr=False)
    keys: list[Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.keys:
            self._add()

    @property
    def current(self) -> Key:
        """The key to sign with."""
        return self.keys[-1]

    def rotate(self, now: float, grace_s: float = GRACE_S) -> Key:
        """Sign with a new key from now on; the one before stays good for the grace, and older ones for theirs."""
        self.keys[-1] = replace(self.current, until=now + grace_s)
        return self._add()

    def find(self, identifier: str, now: float) -> Key | None:
        """The key with that id, if it is good now."""
        return next((key for key in self.keys if key.id == identifier and key.is_good(now)), None)

    def _add(self) -> Key:
        self.keys.append(Key(f"{self.name}-{len(self.keys) + 1}", self.make_secret()))
        return self.current


def signature(key: Key, timestamp: int, body: bytes) -> str:
    """The value of the signature's header, for a body that is sent at that time (seconds since 1970)."""
    return "sha256=" + hmac.digest(key.secret, b"%d." % timestamp + body, "sha256").hex()


def signed_headers(
    key: Key, body: bytes, *, delivery_id: str, attempt: int, now: float, correlation_id: str = ""
) -> dict[str, str]:
    """The headers of one attempt: its id stays, its number and its time change."""
    found = {
        SIGNATURE: signature(key, int(now), body),
        DELIVERY_ID: delivery_id,
        ATTEMPT: str(attempt),
        TIMESTAMP: str(int(now)),
        KEY_ID: key.id,
    }
    return {**found, CORRELATION_ID: correlation_id} if correlation_id else found


def verify(
    headers: Mapping[str, str], body: bytes, ring: KeyRing, now: float, window_s: float = REPLAY_WINDOW_S
) -> str:
    """
    The id of a delivery that may be believed.

    Args:
        headers: by names in lower case.
        window_s: how long ago it may have been signed, and how far ahead a sender's clock may be.

    Raises:
        SignatureError: it may not be.
    """
    sent, stated, key_id, delivery_id = (
        headers.get(name.lower(), "") for name in (SIGNATURE, TIMESTAMP, KEY_ID, DELIVERY_ID)
    )
    if not _SIGNATURE.fullmatch(sent) or not _TIMESTAMP.fullmatch(stated) or not delivery_id:
        raise SignatureError(Defect.UNSIGNED)
    key = ring.find(key_id, now)
    if key is None:
        raise SignatureError(Defect.UNKNOWN_KEY)
    # Compared in constant time and before the time is looked at, so that nothing can be learned by trying.
    if not hmac.compare_digest(signature(key, int(stated), body), sent):
        raise SignatureError(Defect.WRONG_SIGNATURE)
    age = now - int(stated)
    if abs(age) > window_s:
        raise SignatureError(Defect.STALE if age > 0 else Defect.EARLY)
    return delivery_id


@dataclass
class Received:
    """Ids of the deliveries that were taken in, so that one that comes again has no second effect."""

    ids: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def is_new(self, delivery_id: str) -> bool:
        """Whether a delivery has not come before; from now on it has."""
        if delivery_id in self.ids:
            return False
        self.ids[delivery_id] = None
        if len(self.ids) > REMEMBERED:
            self.ids.popitem(last=False)
        return True
