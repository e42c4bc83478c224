"""Generated requests make no agency fail; ``make many-cases`` sends ten times as many."""

from __future__ import annotations

import pytest
from many_cases import send_cases

from joinedup.mocks.catalogue import AGENCIES

EACH_MODE = 10


@pytest.mark.parametrize("system", AGENCIES)
def test_no_request_makes_an_agency_fail(system: str) -> None:
    """Good and bad requests to every operation get no 5xx, and no answer outside the contract."""
    sent = send_cases(system, EACH_MODE)
    assert sent.cases > 40
    assert sent.successes
    assert (sent.failures, sent.breaches) == ([], ())
