"""The account of who looked: a line that is lost or left out is found, and a log that keeps every line passes."""

from __future__ import annotations

import pytest
from judged import agency, found, outcome_of

from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_audit as suite


@pytest.mark.parametrize("fault", ["second-look-not-noted", "disclosure-log-forgets"])
def test_finds_a_log_that_is_not_whole(fault: str) -> None:
    """A look without a line, or a line that goes, is found."""
    with agency("social-care", fault) as target:
        assert found(outcome_of(suite.test_keeps_every_line, target, "AUD-02")) == {"AUD-02"}


@pytest.mark.parametrize(("system", "left_out"), [("social-care", 0), ("mash", 1)])
def test_is_silent_where_every_line_is_kept(system: str, left_out: int) -> None:
    """A log that grows by every look, or that notes what looks do not make, passes and says what was not tested."""
    with agency(system) as target:
        check = outcome_of(suite.test_keeps_every_line, target, "AUD-02")
    assert check.findings == []
    (result,) = check.results()
    assert (result.outcome, len(result.not_tested)) == (Outcome.PASS, left_out)


def test_does_not_apply_where_there_is_no_log() -> None:
    """An agency that shows nobody who looked is not judged by it."""
    with agency("school") as target:
        (result,) = outcome_of(suite.test_keeps_every_line, target, "AUD-02").results()
    assert result.outcome is Outcome.NOT_APPLICABLE
