"""Every operation is made to succeed at least once; without that, nothing deeper can be judged."""

from collections import Counter

import pytest

from joinedup.conformance.check import Check, blocked
from joinedup.conformance.target import Target


@pytest.mark.requirement("CON-API-11")
def test_succeeds_at_least_once(operation: str, harvested: Target, check: Check) -> None:
    """A request that the contract allows is accepted."""
    succeeded = any(label == operation for label, _ in harvested.good)
    if succeeded:
        check.proves()
        return
    statuses = Counter(harvested.answers.get(operation, []))
    answers = ", ".join(f"{status or 'none'} ({count} times)" for status, count in statuses.most_common(4))
    check.ends(
        blocked(
            f"{operation} never succeeded; it answered {answers or 'nothing, for no request could be made'}. Give known good "
            "values in fixtures, a body in requests, or leave the operation out with the reason"
        )
    )
