"""
How often somebody guessed at a client's secret, and when that is enough for a while.

Only wrong secrets count, each for the client that it was shown for, whether there is such a client or not, so that the
limit does not tell. A right one is taken at any time and ends the count: nobody can shut a client out by guessing for
it. What protects a secret is its length; the limit makes guessing slow and shows it.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque

MOST_WRONG = 20
WITHIN_S = 60.0
REMEMBERED = 1000


class Guesses:
    """The wrong secrets of the last minute, by client."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, client_id: str, now: float) -> int:
        """
        Count a wrong secret; gives after how many seconds the next may be tried, 0 where at once.

        Args:
            now: in seconds since 1970.
        """
        wrong = self._wrong.setdefault(client_id, deque(maxlen=MOST_WRONG))
        self._wrong.move_to_end(client_id)
        if len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)
        while wrong and not now - WITHIN_S < wrong[0] <= now:
            wrong.popleft()
        if len(wrong) == MOST_WRONG:
            return max(1, math.ceil(wrong[0] + WITHIN_S - now))
        wrong.append(now)
        return 0

    def forget(self, client_id: str) -> None:
        """The client has shown its right secret."""
        self._wrong.pop(client_id, None)

    def reset(self) -> None:
        """Forget all of them."""
        self._wrong.clear()
