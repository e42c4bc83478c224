"""
What an answer should have been, as a value: it judges a first time, a second time before a finding is reported, and
again when somebody replays it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from joinedup.conformance.contract import Contract
from joinedup.conformance.exchanges import MISSING, Exchange, Response, value_from, value_record
from joinedup.conformance.lists import items_of
from joinedup.conformance.redaction import as_text, scalars
from joinedup.conformance.reproduction import at_pointer


def status_fits(status: int, patterns: tuple[str, ...]) -> bool:
    """Whether a status matches one of ``200``, ``4XX`` and so on."""
    text = str(status)
    return any(
        len(p) == 3 and all(a == b or a in "xX" for a, b in zip(p, text, strict=False)) for p in patterns
    )


_GIVEN = ("holds", "lacks", "at", "header_is", "header_not")


@dataclass(frozen=True)
class Expectation:
    """
    What the answer to the last step must be like.

    Args:
        statuses: statuses that keep the promise; empty allows any.
        never: statuses that break it. An answer that never came breaks ``answered``.
        answered: whether an answer must come at all.
        breach: (kind, contract pointer, keyword) of a breach of the contract that must not be there.
        header: a header that must be there.
        without: a text that must not stand in the body, for example one that was sent. Made by the harness.
        holds, lacks: a value that must, or must not, be one of the scalars of the JSON answer.
        at: (JSON pointer, value): what must stand at one place of the JSON answer.
        most: how many items the list that is answered may hold; 0 allows any number.
        matches: a pattern that all of ``header`` must fit, where it is sent.
        header_is, header_not: the value that ``header`` must, or must not, have.
        text_at: (JSON pointer, pattern): where a text must stand in the JSON answer that fits the pattern whole.
        absent: a JSON pointer where nothing must stand in the answer.
        unlike: a pattern that no part of the body fits.
        header_unlike: (header, pattern): a header that, where it is sent, has no part that fits.

    Values that a system gave become references to the step whose answer held them before they are kept.
    """

    statuses: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    answered: bool = False
    breach: tuple[str, str, str] | None = None
    header: str = ""
    without: str = ""
    holds: Any = ""
    lacks: Any = ""
    at: tuple[str, Any] | None = None
    most: int = 0
    matches: str = ""
    header_is: Any = ""
    header_not: Any = ""
    text_at: tuple[str, str] | None = None
    absent: str = ""
    unlike: str = ""
    header_unlike: tuple[str, str] | None = None

    def is_broken_by(self, exchange: Exchange, contract: Contract | None) -> bool:
        """Whether the exchange breaks the promise."""
        if exchange.response is None:
            return self.answered
        return (
            self._status_is_wrong(exchange.status)
            or bool(self.header and self.header.lower() not in exchange.response.headers)
            or bool(self.without and self.without.encode() in exchange.response.body)
            or self._body_is_wrong(exchange)
            or self._shape_is_wrong(exchange)
            or self._header_is_wrong(exchange.response)
            or (
                self.breach is not None
                and contract is not None
                and self.breach in breaches(exchange, contract)
            )
        )

    def _status_is_wrong(self, status: int) -> bool:
        return (bool(self.statuses) and not status_fits(status, self.statuses)) or status_fits(
            status, self.never
        )

    def _body_is_wrong(self, exchange: Exchange) -> bool:
        if not (self.holds or self.lacks or self.at or self.most):
            return False
        body = exchange.json()
        held = set(scalars(body)) if self.holds or self.lacks else set()
        return bool(
            (self.holds and as_text(self.holds) not in held)
            or (self.lacks and as_text(self.lacks) in held)
            or (self.at and as_text(at_pointer(body, self.at[0])) != as_text(self.at[1]))
            or (self.most and len(items_of(exchange) or []) > self.most)
        )

    def _shape_is_wrong(self, exchange: Exchange) -> bool:
        body = exchange.json() if self.text_at or self.absent else MISSING
        if self.text_at and body is not MISSING:
            text = at_pointer(body, self.text_at[0])
            if text is not MISSING and not (isinstance(text, str) and re.fullmatch(self.text_at[1], text)):
                return True
        if self.absent and body is not MISSING and at_pointer(body, self.absent) is not MISSING:
            return True
        content = exchange.response.body if exchange.response else b""
        return bool(self.unlike and re.search(self.unlike, content.decode("utf-8", "replace")))

    def _header_is_wrong(self, response: Response) -> bool:
        if self.header_unlike:
            name, pattern = self.header_unlike
            if re.search(pattern, response.headers.get(name, "")):
                return True
        sent = response.headers.get(self.header) if self.header else None
        if sent is None:
            return False
        return bool(
            (self.matches and not re.fullmatch(self.matches, sent))
            or (self.header_is and sent != self.header_is)
            or (self.header_not and sent == self.header_not)
        )

    @property
    def given(self) -> dict[str, Any]:
        """The values that a system may have given, by the name of the part that holds them."""
        return {name: value for name in _GIVEN if (value := getattr(self, name))}

    def with_given(self, values: Mapping[str, Any]) -> Expectation:
        """The same expectation with other values."""
        at = {"at": (self.at[0], values["at"][1])} if self.at and "at" in values else {}
        return replace(self, **{**values, **at})

    def as_record(self) -> dict[str, object]:
        """The expectation in the record's form, without what it leaves open."""
        whole = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value_record(value) for name, value in whole.items() if value}


def expectation_from(record: Mapping[str, Any]) -> Expectation:
    """Read an expectation back from the record."""
    return Expectation(
        statuses=tuple(record.get("statuses", ())),
        never=tuple(record.get("never", ())),
        answered=bool(record.get("answered")),
        breach=tuple(record["breach"]) if record.get("breach") else None,
        header=record.get("header", ""),
        without=record.get("without", ""),
        most=int(record.get("most", 0)),
        matches=record.get("matches", ""),
        text_at=(record["text_at"][0], record["text_at"][1]) if record.get("text_at") else None,
        absent=record.get("absent", ""),
        unlike=record.get("unlike", ""),
        header_unlike=tuple(record["header_unlike"]) if record.get("header_unlike") else None,
        at=(record["at"][0], value_from(record["at"][1])) if record.get("at") else None,
        **{name: value_from(record.get(name, "")) for name in _GIVEN if name != "at"},
    )


def breaches(exchange: Exchange, contract: Contract) -> set[tuple[str, str, str]]:
    """Every breach of the contract in an answer, as (kind, contract pointer, keyword)."""
    operation = contract.operation(exchange.step.operation)
    if operation is None or exchange.response is None:
        return set()
    found = contract.response_problems(
        operation, exchange.status, exchange.response.headers, exchange.response.body
    )
    return {(breach.kind, breach.pointer, breach.keyword) for breach in found}
