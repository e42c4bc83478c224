"""
Patterns that take for ever, at a service that really backtracks.

The service counts its steps and the clock goes by that count, so that no busy machine changes what is seen.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable

import parks
import pytest
from judged import Judge, found, outcome_of

from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.harvest import harvest
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_input as suite
from joinedup.conformance.target import Target

JUDGE: Judge = suite.test_survives_hostile_input
SECONDS_A_STEP = 1e-5
CONTRACT = copy.deepcopy(parks.CONTRACT)
NAME = CONTRACT["paths"]["/parks"]["post"]["requestBody"]["content"]["application/json"]["schema"]
NAME["properties"]["name"] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 20,
    "pattern": "^([A-Za-z0-9 ]+)+$",
}
Count = Callable[[str], int]


def backtracking(text: str) -> int:
    """The steps of an engine that tries ``([A-Za-z0-9 ]+)+`` in every way in which the text can be cut."""
    run = next((at for at, letter in enumerate(text) if not (letter.isalnum() or letter == " ")), len(text))
    steps = 0

    def matches(start: int) -> bool:
        nonlocal steps
        for end in range(run, start, -1):
            steps += 1
            if end == len(text) or matches(end):
                return True
        return False

    matches(0)
    return steps


def cubic(text: str) -> int:
    """The steps of a pattern that is slow, and no slower with two letters more than a longer text deserves."""
    return len(text) ** 3


def slow_always(text: str) -> int:
    """The steps of a server that takes its time over everything."""
    return 150_000


def _served(count: Count) -> parks.Parks:
    """A system that does a pattern's work before anything else, and says how much that was."""

    def instead(asked: parks.Asked) -> parks.Answer | None:
        name = _name(asked)
        return (
            parks.answer(400, {"title": "No."}, X_Steps=str(count(name)))
            if len(name) < 60 and name.endswith("!")
            else None
        )

    return parks.Parks(instead=instead)


def _name(asked: parks.Asked) -> str:
    try:
        body = json.loads(asked.body)
    except ValueError:
        return ""
    name = body.get("name") if isinstance(body, dict) else None
    return name if isinstance(name, str) else ""


def _timed_by_work(target: Target) -> None:
    """Let the time of each answer be that of the steps that the service took for it."""
    send = target.client.send

    def timed(step: Step) -> Exchange:
        exchange = send(step)
        if exchange.response is None:
            return exchange
        seconds = int(exchange.response.headers.get("x-steps", "0")) * SECONDS_A_STEP
        return dataclasses.replace(exchange, response=dataclasses.replace(exchange.response, seconds=seconds))

    target.client.send = timed  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("count", "rules"), [(backtracking, ["slow-pattern"]), (cubic, []), (slow_always, [])]
)
def test_tells_a_pattern_that_backtracks(count: Count, rules: list[str]) -> None:
    """A service whose work more than doubles with two letters more is found; one that is only slow is not."""
    with parks.serving(_served(count)) as address:
        target = parks.target_of(address, contract=CONTRACT)
        harvest(target)
        _timed_by_work(target)
        check = outcome_of(JUDGE, target, "CON-API-12")
        target.client.close()
    assert [finding.rule for finding in check.findings] == rules
    assert found(check) == ({"CON-API-12"} if rules else set())
    assert [result.outcome for result in check.results()] == [Outcome.PASS]


@pytest.mark.parametrize("letters", [8, 12])
def test_the_service_really_backtracks(letters: int) -> None:
    """Two letters more are four times the work."""
    assert 3.9 < backtracking("a" * (letters + 2) + "!") / backtracking("a" * letters + "!") < 4.1
