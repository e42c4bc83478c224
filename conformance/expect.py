"""
What an answer should have been, as a value: it judges a first time, a second time before a finding is reported, and
again when somebody replays it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from joinedup.conformance.contract import Contract
from joinedup.conformance.exchanges import Exchange


def status_fits(status: int, patterns: tuple[str, ...]) -> bool:
    """Whether a status matches one of ``200``, ``4XX`` and so on."""
    text = str(status)
    return any(
        len(p) == 3 and all(a == b or a in "xX" for a, b in zip(p, text, strict=False)) for p in patterns
    )


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
    """

    statuses: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    answered: bool = False
    breach: tuple[str, str, str] | None = None
    header: str = ""
    without: str = ""

    def is_broken_by(self, exchange: Exchange, contract: Contract | None) -> bool:
        """Whether the exchange breaks the promise."""
        if exchange.response is None:
            return self.answered
        return (
            self._status_is_wrong(exchange.status)
            or bool(self.header and self.header.lower() not in exchange.response.headers)
            or bool(self.without and self.without.encode() in exchange.response.body)
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

    def as_record(self) -> dict[str, object]:
        """The expectation in the record's form, without what it leaves open."""
        return {name: value for name, value in asdict(self).items() if value}


def expectation_from(record: Mapping[str, Any]) -> Expectation:
    """Read an expectation back from the record."""
    return Expectation(
        statuses=tuple(record.get("statuses", ())),
        never=tuple(record.get("never", ())),
        answered=bool(record.get("answered")),
        breach=tuple(record["breach"]) if record.get("breach") else None,
        header=record.get("header", ""),
        without=record.get("without", ""),
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
