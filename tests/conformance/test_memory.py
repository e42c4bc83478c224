"""A run looks for objects that only refer to each other more rarely, and leaves the process as it was."""

from __future__ import annotations

import gc

import pytest

from joinedup.conformance.memory import RARELY, rarely_looked_through, settle


def test_leaves_the_process_as_it_was() -> None:
    """Also where the run ends with an error."""
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError):
        _breaks_off()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def _breaks_off() -> None:
    with rarely_looked_through():
        assert gc.get_threshold() == RARELY
        settle()
        assert gc.get_freeze_count() > 1_000
        raise ZeroDivisionError
