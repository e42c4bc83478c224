"""
What time it is to the product: everybody's present, until its test environment says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass
class Moment:
    """
    The product's clock.

    Args:
        stands_at: where it was made to stand; None while it runs.
    """

    stands_at: datetime | None = None

    def now(self) -> datetime:
        """The present."""
        return self.stands_at or datetime.now(UTC)

    def stand_at(self, text: str) -> None:
        """Take a moment for the present from now on."""
        self.stands_at = datetime.fromisoformat(text)

    def run(self) -> None:
        """Take everybody's present again."""
        self.stands_at = None
