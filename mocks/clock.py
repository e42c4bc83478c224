"""
The time as an agency sees it, which tests can move.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Real time plus an offset."""

    def __init__(self) -> None:
        self._offset_s = 0.0

    def seconds(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._offset_s

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock; a negative number moves it back."""
        self._offset_s += seconds

    def reset(self) -> None:
        """Go back to real time."""
        self._offset_s = 0.0


def stamp(moment: datetime) -> str:
    """A date-time as contracts have it: ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
