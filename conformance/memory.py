"""
How often a run looks for objects that only refer to each other.

Contracts, checks and schemas stay to the end of a run, and Python would look through all of them again for every few
hundred objects that are made: a sixth of the processor time of a run.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

# New objects, and rounds of the younger ones, between two rounds.
RARELY = (20_000, 20, 100)


@contextlib.contextmanager
def rarely_looked_through() -> Iterator[None]:
    """What is made while this is open is looked through rarely; ``settle`` takes out what is there already."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def settle() -> None:
    """Look no more through what there is now: it stays."""
    gc.collect()
    gc.freeze()
