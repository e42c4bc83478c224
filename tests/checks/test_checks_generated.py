"""Generated checks against the test service: what only generated input finds, and what the engine is given."""

from __future__ import annotations

from typing import Any

import pytest
from judged import harvested

from joinedup.conformance.generated_input import document_for
from joinedup.conformance.judging import generate


@pytest.mark.parametrize(
    ("defect", "requirement"),
    [
        ("new-note-answered-with-202", "CON-API-03"),
        ("urgency-of-young-carers-as-text", "CON-API-03"),
        ("organisation-missing-when-read", "CON-API-03"),
        ("search-answers-as-html", "CON-API-03"),
        ("emoji-crashes", "CON-API-12"),
    ],
)
def test_finds_the_defect_under_its_requirement(defect: str, requirement: str) -> None:
    """Few generated cases are enough, and nothing else is found with it."""
    with harvested("cursor", defect) as target:
        findings = [finding for finding, _ in generate(target, "quick").findings if finding.confirmed]
    assert {id for finding in findings for id in finding.requirements} == {requirement}


@pytest.mark.parametrize("style", ["cursor", "offset", "link"])
def test_is_silent_on_a_clean_service(style: str) -> None:
    """No finding, confirmed or not, on a well-behaved service of any style."""
    with harvested(style) as target:
        outcomes = generate(target, "standard")
    assert [(f.rule, f.actual, f.where) for f, _ in outcomes.findings] == []
    assert outcomes.generated.errors == []


def _links(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/v1/referrals"]["post"]["responses"]["201"].get("links", {})
    return found


def test_links_are_added_where_the_contract_declares_none() -> None:
    """What a create made can be followed; a contract with links of its own keeps them as they are."""
    with harvested("offset") as target:
        labels = frozenset(operation.label for operation in target.operations)
        added = _links(document_for(target, labels))
        assert {link["parameters"]["referral_id"] for link in added.values()} == {"$response.body#/id"}
        assert "links" not in target.contract.document["paths"]["/v1/referrals"]["post"]["responses"]["201"]


def test_what_is_left_out_is_not_generated() -> None:
    """The engine never sees an operation that is not to be called."""
    with harvested(
        "offset", leave_out={"DELETE /v1/referrals/{referral_id}": "kept for the demonstration"}
    ) as target:
        labels = frozenset(operation.label for operation in target.operations)
        assert "delete" not in document_for(target, labels)["paths"]["/v1/referrals/{referral_id}"]
