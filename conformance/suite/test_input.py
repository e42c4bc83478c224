"""What the contract rules out is refused, what it allows is accepted, and nothing breaks the server."""

from __future__ import annotations

import pytest

from joinedup.conformance.check import Check, blocked, first_of
from joinedup.conformance.evidence import confirm
from joinedup.conformance.near_misses import Judged, judge
from joinedup.conformance.places import bases
from joinedup.conformance.target import Target


@pytest.mark.requirement("CON-API-10", "CON-API-12")
def test_refuses_near_misses(harvested: Target, check: Check) -> None:
    """A value that is wrong in exactly one way is refused, in a request that is otherwise accepted."""
    judged = Judged()
    for base in bases(harvested):
        judge(base, judged)
    for suspicion in judged.suspicions.values():
        check.report(confirm(harvested, suspicion))
    tried = judged.refused + len(judged.suspicions)
    check.proves(times=tried)
    if not tried:
        unready = f" ({first_of(judged.unready)})" if judged.unready else ""
        check.ends(
            blocked(
                f"not exercised, because no request was accepted beside which a near miss could be judged{unready}"
            )
        )
