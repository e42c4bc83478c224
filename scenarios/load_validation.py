"""
Whether an answer keeps its contract, fast enough to ask of every answer under load.

Most answers do. What is asked of one of a kind (operation, status, media type) is looked up once, and then takes two
calls into jsonschema-rs; a body that was right before is right again; only an answer that does not fit is judged at
length, with the sentences that a report needs. Where so many come in that judging them would take from the sending,
an ``Allowance`` leaves some out.

Whatever is judged is also looked through for real people, as in a check: the first one stops the whole load.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jsonschema_rs
import msgspec

from joinedup.conformance.anatomy import pointer_to
from joinedup.conformance.operations import Operation, followed
from joinedup.conformance.real_people import refuse_real_people
from joinedup.conformance.redaction import Redactor
from joinedup.conformance.responses import (
    OF_THE_HTTP_LAYER,
    Breach,
    ResponseValidator,
    declared_status,
    is_json,
    matching_media_type,
)

MOST_KEPT, LARGEST_KEPT = 200, 5_000
"""Of each kind: how many bodies that were right are kept, and how many bytes the largest of them may have."""
# Where no ten digits follow each other, spaces and hyphens aside, nobody's number is; most answers are passed here.
_DIGITS = bytes(ord("0") if chr(byte).isdigit() else ord(".") for byte in range(128)) + b"." * 128
_TEN = b"0" * 10
# Ten digits that may be the number of a person, as real_people finds them; quicker, and never less.
_MAYBE_SOMEBODY = re.compile(rb"[0-46-8](?<!\d\d)\d{2}[ -]?\d{3}[ -]?\d{4}(?!\d)")


@dataclass
class Allowance:
    """
    How many answers may be judged: a share of them, and in the long run no more than so many a second.

    Args:
        share: from 0 to 1, by chance.
        a_second: answers a second; a second's worth may come at once. 0: no limit.
        now: the clock, in seconds.
    """

    share: float = 1.0
    a_second: float = 0.0
    now: Callable[[], float] = time.monotonic
    _credit: float = field(init=False)
    _then: float = field(init=False)

    def __post_init__(self) -> None:
        self._credit, self._then = self.a_second, self.now()

    def takes_one(self) -> bool:
        """Whether the next answer is to be judged."""
        if self.share < 1 and random.random() >= self.share:  # noqa: S311 - which answers are looked at
            return False
        if not self.a_second:
            return True
        now = self.now()
        self._credit = min(self._credit + (now - self._then) * self.a_second, self.a_second)
        self._then = now
        if self._credit < 1:
            return False
        self._credit -= 1
        return True


@dataclass(frozen=True)
class _Kind:
    """
    What is asked of the answers of one kind.

    Args:
        headers: name in lower case, whether it must be there, what its text must be.
        body: what its JSON must be; None where nothing is asked of it.
        known: bodies that were what is asked; the same bytes are so again.
    """

    headers: tuple[tuple[str, bool, jsonschema_rs.Validator], ...]
    body: jsonschema_rs.Validator | None
    known: set[bytes] = field(default_factory=set)

    def fits(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether an answer is certainly what is asked."""
        for name, is_required, validator in self.headers:
            value = headers.get(name)
            if is_required if value is None else not validator.is_valid(value):
                return False
        if self.body is None or body in self.known:
            return True
        try:
            is_right = self.body.is_valid(msgspec.json.decode(body))
        except (ValueError, RecursionError):
            return False
        if is_right and len(body) <= LARGEST_KEPT:
            if len(self.known) >= MOST_KEPT:
                self.known.clear()
            self.known.add(body)
        return is_right


class SampledValidator(ResponseValidator):
    """
    Judges some of the answers as the validator of a contract does, and passes the others.

    Args:
        allowance: which are judged; shared by all validators of a process.
        shown: what may stand in an answer although it looks like a person's number: what was sent or declared.
        system: its name, for the sentence that says who answered with real people.
    """

    def __init__(
        self, whole: ResponseValidator, allowance: Allowance, *, shown: Redactor, system: str
    ) -> None:
        self._whole, self._allowance, self._shown, self._system = whole, allowance, shown, system
        self._kinds: dict[tuple[str, int, str], _Kind | None] = {}
        self.judged = 0

    def breaches(
        self, operation: Operation, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[Breach]:
        """
        How a response departs from what the operation declares, where it is one that is judged.

        Raises:
            RealDataError: it is judged, and looks like real people.
        """
        if not self._allowance.takes_one():
            return []
        self.judged += 1
        key = (operation.label, status, headers.get("content-type", ""))
        if key not in self._kinds:
            self._kinds[key] = self._kind(operation, status, key[2])
        kind = self._kinds[key]
        self._refuse_people(operation, headers, b"" if kind is not None and body in kind.known else body)
        if kind is not None and kind.fits(headers, body):
            return []
        found = self._whole.breaches(operation, status, headers, body)
        lenient = status in OF_THE_HTTP_LAYER or status >= 500
        return [breach for breach in found if not (lenient and breach.kind == "undeclared-status")]

    def _refuse_people(self, operation: Operation, headers: Mapping[str, str], body: bytes) -> None:
        where = f"{operation.label} of {self._system}"
        for part in ("\n".join(headers.values()).encode(), body):
            if _TEN in part.translate(_DIGITS, b" -") and _MAYBE_SOMEBODY.search(part):
                refuse_real_people(part, where=where, ours=self._shown)

    def _kind(self, operation: Operation, status: int, media_type: str) -> _Kind | None:
        """What is asked of a kind; None where that takes more than two look-ups, so that each is judged at length."""
        key = declared_status(operation, status)
        if key is None or operation.method == "HEAD":
            return None
        headers = self._headers(operation, key)
        content = operation.responses[key].get("content")
        if headers is None or not isinstance(content, dict) or not is_json(media_type):
            return None
        name = matching_media_type(content, media_type)
        media = content.get(name)
        if name is None or not isinstance(media, dict) or not isinstance(media.get("schema"), dict):
            return None
        at = operation.response_pointers[key] + pointer_to("content", name, "schema")[1:]
        body = self._whole.schemas.compiled(at)
        return _Kind(headers, body) if body is not None else None

    def _headers(
        self, operation: Operation, key: str
    ) -> tuple[tuple[str, bool, jsonschema_rs.Validator], ...] | None:
        """The headers of a kind; None where one of them is no text."""
        declared = operation.responses[key].get("headers")
        found = []
        for name, written in declared.items() if isinstance(declared, dict) else ():
            if name.lower() == "content-type":
                continue
            at = operation.response_pointers[key] + pointer_to("headers", name)[1:]
            header, pointer = followed(self._whole._document, written, at)
            schema = followed(self._whole._document, header.get("schema"))[0]
            validator = self._whole.schemas.compiled(f"{pointer}/schema") if schema else None
            if validator is None or schema.get("type") != "string":
                return None
            found.append((name.lower(), header.get("required") is True, validator))
        return tuple(found)
