"""What a system makes in its own time is not missed at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from judged import Judge, outcome_of
from parks import CONTRACT, Answer, Asked, Parks, answer, serving, target_of

from joinedup.conformance.harvest import harvest
from joinedup.conformance.suite import test_sequences


def _contract() -> dict[str, Any]:
    """Parks that are opened later: the only create answers 202."""
    contract: dict[str, Any] = json.loads(json.dumps(CONTRACT))
    responses = contract["paths"]["/parks"]["post"]["responses"]
    responses["202"] = responses.pop("201")
    return contract


def _later(asked: Asked) -> Answer | None:
    if asked.method == "POST" and asked.path == "/parks" and b"name" in asked.body:
        return answer(202, {"id": "p-one", "name": "Amber Green"})
    return None


def _at_once(asked: Asked) -> Answer | None:
    return None


@pytest.mark.parametrize(
    ("instead", "contract", "outcome"),
    [(_later, _contract(), "not_applicable"), (_at_once, CONTRACT, "pass")],
    ids=["accepted", "made"],
)
@pytest.mark.parametrize(
    "judge", [test_sequences.test_lists_what_was_created, test_sequences.test_gives_back_what_was_created]
)
def test_what_comes_later_is_not_looked_for(
    instead: Callable[[Asked], Answer | None], contract: dict[str, Any], outcome: str, judge: Judge
) -> None:
    """Where all that can be made is answered with 202 there is nothing to look for, and nothing stands in the way."""
    with serving(Parks(instead)) as base_url:
        target = target_of(base_url, contract=contract)
        harvest(target)
        check = outcome_of(judge, target, "CON-API-13")
        target.client.close()
    assert [str(result.outcome) for result in check.results()] == [outcome]
