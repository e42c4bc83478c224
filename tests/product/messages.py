"""
A call of the product, and how it refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Record = dict[str, Any]


class RefusedError(Exception):
    """Raised where the product does not do what it was asked; becomes its own error object."""

    def __init__(self, status: int, code: str, text: str, field: str = "") -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.field = status, code, text, field

    def body(self) -> Record:
        """The error as the product writes it."""
        fields = [{"name": self.field, "text": self.text}] if self.field else []
        return {"error": {"code": self.code, "text": self.text, "fields": fields}}


@dataclass(frozen=True)
class Request:
    """
    One call that was let in.

    Args:
        operation: its operationId.
        council: whom the caller's key belongs to.
        names: parameters of the path.
        query: as sent.
        headers: by names in lower case.
        body: held against the contract already; None where there is none.
    """

    operation: str
    council: str
    now: datetime
    names: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None
