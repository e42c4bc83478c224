"""Representations that are asked for by Accept: FHIR beside JSON, one version beside another."""

from __future__ import annotations

import copy
import json
from typing import Any

import parks
import pytest
from judged import found, outcome_of

from joinedup.conformance.contract import parse_contract
from joinedup.conformance.harvest import harvest
from joinedup.conformance.objects import collections_of
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.representations import further
from joinedup.conformance.suite import test_sequences as sequences
from joinedup.conformance.suite.test_representations import (
    test_keeps_the_contract_in_every_representation as judge,
)

NEWER = "application/vnd.parks.v2+json"
TITLED = {"type": "object", "required": ["title", "issue"], "properties": {"title": {"type": "string"}}}
PLACE = {"type": "object", "required": ["place"], "properties": {"place": {"type": "string"}}}


def _contract() -> dict[str, Any]:
    """A park that is read, and refused, in two versions."""
    contract = copy.deepcopy(parks.CONTRACT)
    responses = contract["paths"]["/parks/{parkId}"]["get"]["responses"]
    responses["200"]["content"][NEWER] = {"schema": PLACE}
    for status in ("401", "404"):
        responses[status] = copy.deepcopy(responses[status])
        responses[status]["content"][NEWER] = {"schema": TITLED}
    return contract


def _versions(success: object, refusal: object, *, status: int = 0) -> parks.Parks:
    """A system that gives bodies of its own to whoever asks for the newer version."""
    system = parks.Parks()

    def instead(asked: parks.Asked) -> parks.Answer | None:
        if asked.headers.get("accept") != NEWER or not asked.path.startswith("/parks/"):
            return None
        system.instead = lambda inner: None
        usual, headers, _ = system.answer(asked)
        system.instead = instead
        body = success if usual == 200 else refusal
        return status or usual, {**headers, "Content-Type": NEWER}, json.dumps(body).encode()

    system.instead = instead
    return system


GOOD, REFUSED = {"place": "p"}, {"title": "No.", "issue": ["unknown"]}


@pytest.mark.parametrize(
    ("system", "broken", "outcome"),
    [
        (_versions(GOOD, REFUSED), set(), Outcome.PASS),
        (_versions(GOOD, {"title": "No."}), {"CON-API-03"}, Outcome.PASS),
        (_versions({"id": "p"}, REFUSED), {"CON-API-03"}, Outcome.PASS),
        (_versions(GOOD, REFUSED, status=500), {"CON-API-12"}, Outcome.PASS),
        (_versions(REFUSED, REFUSED, status=406), set(), Outcome.PASS),
        (parks.Parks(), set(), Outcome.NOT_APPLICABLE),
    ],
    ids=["kept", "refusal", "success", "crash", "not-acceptable", "one-only"],
)
def test_asks_for_each_representation(system: parks.Parks, broken: set[str], outcome: Outcome) -> None:
    """What a version breaks is found in that version; a server that knows one only breaks nothing."""
    with parks.serving(system) as address:
        target = parks.target_of(address, contract=_contract())
        harvest(target)
        check = outcome_of(judge, target, "CON-API-03", "CON-API-12")
        target.client.close()
    assert found(check) == broken
    assert {result.outcome for result in check.results()} == {outcome}


@pytest.mark.parametrize(
    ("declared", "usual", "others"),
    [
        (
            ["application/json", "application/fhir+json"],
            "application/json; charset=utf-8",
            ["application/fhir+json"],
        ),
        (["application/json; charset=utf-8"], "application/json", []),
        (
            ["application/json;version=1", "application/json;version=2"],
            "application/json; version=2",
            ["application/json;version=1"],
        ),
        (["application/json", "*/*"], "application/json", []),
    ],
)
def test_knows_one_representation_from_another(declared: list[str], usual: str, others: list[str]) -> None:
    """Another media type or another version is another representation; another character set is not."""
    contract = copy.deepcopy(parks.CONTRACT)
    content = {name: {"schema": PLACE} for name in declared}
    contract["paths"]["/parks"]["get"]["responses"]["200"]["content"] = content
    read = parse_contract(json.dumps(contract).encode(), origin="parks").operation("GET /parks")
    assert read is not None
    assert further(read, usual) == others


def _strict(asked: parks.Asked) -> parks.Answer | None:
    """A system that gives nothing to whoever does not name a version."""
    named = asked.headers.get("accept") == NEWER
    return None if named or asked.method == "DELETE" else parks.answer(406, {"title": "No."})


@pytest.mark.parametrize(("declared", "reads"), [(NEWER, True), ("application/json", False)])
def test_asks_for_the_version_that_is_declared(declared: str, *, reads: bool) -> None:
    """Where a system gives what it holds in versions only, one that is declared is asked for, in lists too."""
    contract = copy.deepcopy(parks.CONTRACT)
    for item in contract["paths"].values():
        for operation in (item[method] for method in ("get", "post", "put") if method in item):
            for status, response in operation["responses"].items():
                if status[0] == "2" and "content" in response:
                    response["content"] = {declared: response["content"]["application/json"]}
    with parks.serving(parks.Parks(instead=_strict)) as address:
        target = parks.target_of(address, contract=contract)
        harvest(target)
        lists = [collection.operation.label for collection in collections_of(target)]
        check = outcome_of(sequences.test_gives_back_what_was_created, target, "CON-API-13")
        target.client.close()
    assert lists == (["GET /parks"] if reads else [])
    assert [r.outcome for r in check.results()] == [Outcome.PASS if reads else Outcome.BLOCKED]
