"""Methods in disguise, at servers whose frameworks let a POST stand for another method."""

from __future__ import annotations

import copy
from dataclasses import replace

import parks
import pytest
from judged import found, outcome_of

from joinedup.conformance.harvest import harvest
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite.test_sequences import test_takes_no_method_in_disguise as judge

WITHOUT_DELETE = copy.deepcopy(parks.CONTRACT)
del WITHOUT_DELETE["paths"]["/parks/{parkId}"]["delete"]


def _meant(asked: parks.Asked) -> str:
    """The method that a POST says it is, as some frameworks read it."""
    return asked.headers.get("x-http-method-override", "") if asked.method == "POST" else ""


def _tunnel(system: parks.Parks, *, refuses_deletion: bool) -> None:
    """Let POSTs stand for other methods; where deletion is refused, that holds for what is sent and not what is meant."""

    def instead(asked: parks.Asked) -> parks.Answer | None:
        if refuses_deletion and asked.method == "DELETE":
            return parks.answer(405, {"title": "No."}, Allow="GET, PUT")
        if asked.path.startswith("/parks/") and _meant(asked):
            system.instead = lambda inner: None
            given = system.answer(replace(asked, method=_meant(asked)))
            system.instead = instead
            return given
        return None

    system.instead = instead


@pytest.mark.parametrize(
    ("refuses_deletion", "broken"), [(True, {"CON-API-04"}), (False, set())], ids=["around", "tunnel"]
)
def test_a_post_may_stand_for_what_its_sender_may_do(refuses_deletion: bool, broken: set[str]) -> None:
    """A POST in disguise is held against a server only where the method that it means is refused."""
    system = parks.Parks()
    _tunnel(system, refuses_deletion=refuses_deletion)
    with parks.serving(system) as address:
        target = parks.target_of(address, contract=WITHOUT_DELETE if refuses_deletion else None)
        harvest(target)
        check = outcome_of(judge, target, "CON-API-04")
        target.client.close()
    assert found(check) == broken
    assert [result.outcome for result in check.results()] == [Outcome.PASS]
