"""Every operation is made to succeed at least once; without that, nothing deeper can be judged."""

from collections import Counter

import pytest

from joinedup.conformance.check import Check, blocked
from joinedup.conformance.harvest import try_again
from joinedup.conformance.mending import complaint_sentence
from joinedup.conformance.objects import creates_of, fresh, item_operations, step_to
from joinedup.conformance.operations import Operation
from joinedup.conformance.target import Target


@pytest.mark.requirement("CON-API-11")
def test_succeeds_at_least_once(operation: str, harvested: Target, check: Check) -> None:
    """A request that the contract allows is accepted."""
    found = harvested.contract.operation(operation)
    if found is not None and (operation in harvested.succeeded() or _succeeds_now(harvested, found)):
        check.proves()
        return
    refusal = harvested.last_refused.get(operation)
    said = complaint_sentence(harvested, found, refusal) if found is not None and refusal is not None else ""
    asked = f"; its last refusal said that {said}" if said else ""
    statuses = Counter(harvested.answers.get(operation, []))
    answers = ", ".join(f"{status or 'none'} ({count} times)" for status, count in statuses.most_common(4))
    check.ends(
        blocked(
            f"{operation} never succeeded; it answered {answers or 'nothing, for no request could be made'}{asked}. Give known "
            "good values in fixtures, a body in requests, or leave the operation out with the reason"
        )
    )


def _succeeds_now(target: Target, operation: Operation) -> bool:
    """The last attempt; what deletes gets an object of its own, so that it takes nobody else's."""
    if operation.method != "DELETE":
        return try_again(target, operation)
    for create in creates_of(target):
        if item_operations(target, create).get("DELETE") == operation:
            made = fresh(target, create)
            step = step_to(target, made, operation) if made is not None else None
            if step is not None and target.client.send(step).ok:
                return True
    return False
