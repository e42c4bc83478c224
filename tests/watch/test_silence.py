"""An operation that always lets requests wait costs a few of them, is named, and keeps nothing else from being tested."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from parks import Answer, Asked, Parks, serving, target_of

from joinedup.conformance.configuration import Limits
from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.harvest import harvest
from joinedup.conformance.judging import Outcomes, generate
from joinedup.conformance.watch import MOST_HUNG, SilenceWatch

HANGS = "GET /parks"
SOON_S = 0.3


def _exchange(label: str, status: int = 0) -> Exchange:
    response = Response(status, {}, b"", 0.1) if status else None  # type: ignore[arg-type]
    return Exchange(Step("GET", "/parks", operation=label), response)


@pytest.mark.parametrize(
    ("waits", "found"),
    [
        ([True] * MOST_HUNG, True),
        ([True] * (MOST_HUNG - 1), False),
        ([True, True, False, True, True], False),
        ([False] * 9, False),
    ],
)
def test_counts_what_waited_in_a_row(waits: list[bool], found: bool) -> None:
    """Any answer in time begins the count anew."""
    watch = SilenceWatch(10)
    for hung in waits:
        watch.after(_exchange("GET /parks", 0 if hung else 200), hung=hung)
        watch.after(_exchange("GET /ponds"), hung=False)
    assert bool(watch.names) is found
    if found:
        assert watch.names == {"GET /parks": "it gave no answer within 10 s, 3 times in a row"}


def _hanging(method: str, known: bool) -> Parks:
    """Parks whose reading or changing, or all of a path, waits until the client has gone."""
    counted: Counter[str] = Counter()

    def instead(asked: Asked) -> Answer | None:
        if asked.method != method:
            return None
        counted[asked.method] += 1
        if known and counted[asked.method] == 1:
            return None
        threading.Event().wait(SOON_S * 2)
        raise ConnectionAbortedError

    return Parks(instead)


@pytest.fixture(scope="module", params=["from the start", "later"])
def ran(request: Any) -> tuple[Parks, Outcomes]:
    """Everything generated against parks that never answer a PUT, or not after the first."""
    parks = _hanging("PUT", known=request.param == "later")
    with serving(parks) as base_url:
        target = target_of(base_url, limits=Limits(timeout_s=SOON_S, destructive=True))
        harvest(target)
        outcomes = generate(target, "quick")
        # After all else: a check that goes on asking gets nothing and waits for nothing.
        label = next(iter(target.silent.found))
        again = target.client.send(Step("PUT", "/parks/1", operation=label))
        target.client.close()
    assert again.error.startswith("not sent again")
    return parks, outcomes


def test_a_few_requests_wait_and_no_more(ran: tuple[Parks, Outcomes]) -> None:
    """Each operation that hangs costs a handful of requests, whichever phases there are."""
    parks, outcomes = ran
    hung = {label for label in outcomes.target.silent.found if label.startswith("PUT")}
    assert hung
    asked = sum(asked.method == "PUT" for asked in parks.asked)
    assert asked <= len(hung) * (MOST_HUNG + 2)


def test_it_is_a_finding_and_named(ran: tuple[Parks, Outcomes]) -> None:
    """CON-API-12 is not met, once for each such operation, and it is left out with the reason."""
    _, outcomes = ran
    found = [f for f, _ in outcomes.findings if f.rule == "no-answer"]
    hung = set(outcomes.target.silent.found)
    assert {(f.requirements, f.operations, f.confirmed) for f in found} == {
        (("CON-API-12",), (label,), True) for label in hung
    }
    assert hung <= set(outcomes.target.culprits)
    assert hung.isdisjoint(operation.label for operation in outcomes.target.operations)


def test_the_rest_is_still_tested(ran: tuple[Parks, Outcomes]) -> None:
    """The other operations get their requests, and answer them."""
    _, outcomes = ran
    labels = {label for label, _ in outcomes.generated.tallies}
    assert {operation.label for operation in outcomes.target.operations} <= labels
    assert outcomes.generated.cut == ""
