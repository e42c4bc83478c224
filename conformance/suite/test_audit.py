"""The account of who looked cannot be tidied up afterwards, and leaves nobody out."""

from __future__ import annotations

from functools import partial

import pytest

from joinedup.conformance import audit
from joinedup.conformance.check import Check, not_applicable
from joinedup.conformance.sequences import Tried, conclude, run
from joinedup.conformance.target import Target


@pytest.mark.requirement("AUD-02")
def test_keeps_every_line(harvested: Target, check: Check) -> None:
    """Each look leaves its line, and no line goes or changes."""
    tried = Tried()
    for log in audit.logs_of(harvested):
        check.report(*run(harvested, partial(audit.keeps_every_line, harvested, log), tried))
        if not audit.notes_looks(harvested, log):
            check.leaves_out(f"a line for each look: reading its object leaves none in {log.operation.label}")
    if not harvested.destructive:
        check.leaves_out("attempts to change or remove a log, which need limits.destructive")
    conclude(check, tried, not_applicable("no list that can be read is by its name a log of who looked"))
