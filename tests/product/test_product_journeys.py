"""The journeys of the reference, with a product of another making, and with defects in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from joinedup.conformance.outcomes import Outcome
from joinedup.scenarios.checking import every_problem
from joinedup.scenarios.journey import bundled_capabilities
from joinedup.scenarios.library import Library
from product.caseload import OPERATIONS
from product.playing import BINDING, SYSTEM, Mixture, journeys_of_the_product, mixture

# What the product has not, as `[systems.social-care.capabilities]` of a configuration says with false.
LACKING = frozenset(
    {
        "withdraw-contact",
        *("request-subject-access", "read-subject-access-request"),
        *("offer-return-interview", "read-return-interview", "record-return-interview"),
    }
)
# Journeys that need what no product of another making has, and why.
APART = {
    "broken-authorisation": "its tokens are those of the bundled token server, and the product knows keys of its own",
    "care-leaver": "the product keeps no pathway plans",
    "continuity": "it looks into what the bundled social care itself has queued",
    "missing-episode": "the product keeps no return interviews",
    "notice-for-siblings": "it tells contacts by their place in a list, and over a network they come in any order",
    "rectification": "it looks into what the bundled social care itself has queued",
    "subject-access-request": "the product takes in no subject access requests",
}
PLAYED = sorted(journeys_of_the_product().keys() - APART.keys())


@pytest.fixture(scope="module")
def among() -> Iterator[Mixture]:
    """The product among the bundled agencies."""
    with mixture() as found:
        yield found


def test_nothing_is_wrong_with_the_binding() -> None:
    """One document, whose every step is an operation of the product's own contract."""
    assert every_problem(Library().open(BINDING)) == ()


def test_the_binding_has_every_capability_but_those_that_the_product_lacks() -> None:
    """What is missing is declared, and what is declared missing is."""
    reference = Library().open(bundled_capabilities()[SYSTEM]).document.workflows
    assert reference.keys() - Library().open(BINDING).document.workflows.keys() == LACKING


def test_the_contract_and_the_product_have_the_same_operations() -> None:
    """The contract says what is there."""
    source = next(iter(Library().open(BINDING).sources.values()))
    assert {operation.operation_id for operation in source.contract.operations} == OPERATIONS.keys()


@pytest.mark.parametrize("name", PLAYED)
def test_a_journey_of_the_reference_passes_unchanged(among: Mixture, name: str) -> None:
    """Nothing of it is changed, and whatever it does at social care is done with the product."""
    found = among.play(name)
    assert found.outcome is Outcome.PASS, found.reason
    assert [played.reason for played in among.handed_in if played.outcome is not Outcome.PASS] == []
    sent = [each for each in found.everything_sent() if each.system == SYSTEM]
    sent += [each for played in among.handed_in for each in played.everything_sent()]
    assert sent
    assert all(each.exchange.step.path.startswith("/api/") for each in sent)


@pytest.mark.parametrize(
    ("defect", "journey", "step", "where"),
    [
        (
            "narrative_cut",
            "police-notice",
            "contact-keeps-what-was-said",
            "GET /api/intakes/{intake_ref} of social-care, /narrative",
        ),
        (
            "bank_holidays_worked",
            "missed-deadline",
            "decision-is-due",
            "GET /api/cases/{case_ref} of social-care, /decide_by",
        ),
        (
            "lateness_in_words",
            "referral-to-plan",
            "decision-is-due",
            "GET /api/cases/{case_ref} of social-care, contract #/components/schemas/Case/properties/is_late",
        ),
        (
            "plan_begins_any_day",
            "referral-to-plan",
            "plan-cannot-start-another-day",
            "POST /api/protection_plans of social-care",
        ),
        (
            "access_not_logged",
            "referral-to-plan",
            "council-can-account-for-it",
            "GET /api/people/{person_ref}/access_log of social-care, /rows",
        ),
        ("origin_not_told", "referral-to-plan", "school-hears-back", "GET /v1/notices of school, /items"),
    ],
)
def test_a_defect_is_found_in_the_products_own_terms(
    among: Mixture, defect: str, journey: str, step: str, where: str
) -> None:
    """The step that shows it fails, and says at which path and field of the product."""
    found = among.play(journey, defect)
    assert found.outcome is Outcome.FAIL
    assert found.failed is not None
    assert found.failed.id == step
    assert found.reason is not None
    assert where in found.reason.where
