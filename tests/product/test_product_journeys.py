"""The journeys of the reference, with a product of another making, and with defects in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from joinedup.conformance.outcomes import Outcome
from joinedup.scenarios.checking import every_problem
from joinedup.scenarios.environment import ENVIRONMENT
from joinedup.scenarios.journey import bundled_capabilities
from joinedup.scenarios.library import Library
from product.operations import OPERATIONS
from product.playing import BINDING, LACKING, SYSTEM, Mixture, journeys_of_the_product, mixture

PLAYED = sorted(journeys_of_the_product())
# What no product with keys of its own has: steps that are left out, while the story goes on.
LEFT_OUT = {
    "broken-authorisation": {
        *("ended-token", "early-token", "early-token-is-refused"),
        *(
            "other-systems-token",
            "other-systems-token-is-refused",
            "changed-token",
            "changed-token-is-refused",
        ),
        *("unsigned-token", "unsigned-token-is-refused", "narrow-token"),
    },
    "continuity": {"token-opens"},
}


@pytest.fixture(scope="module")
def among(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixture]:
    """The product among the bundled agencies."""
    with mixture(tmp_path_factory.mktemp("product")) as found:
        yield found


def test_nothing_is_wrong_with_the_binding() -> None:
    """One document, whose every step is an operation of the product's own contract."""
    assert every_problem(Library().open(BINDING)) == ()


def test_the_binding_has_every_capability_but_those_that_the_product_lacks() -> None:
    """What is missing is declared, and what is declared missing is."""
    reference = Library().open(bundled_capabilities()[SYSTEM]).document.workflows
    bound = Library().open(BINDING).document.workflows.keys()
    assert reference.keys() - bound == LACKING
    assert bound - reference.keys() == ENVIRONMENT


def test_the_contract_and_the_product_have_the_same_operations() -> None:
    """The contract says what is there."""
    source = next(iter(Library().open(BINDING).sources.values()))
    assert {operation.operation_id for operation in source.contract.operations} == OPERATIONS.keys()


@pytest.mark.parametrize("name", PLAYED)
def test_a_journey_of_the_reference_passes_unchanged(among: Mixture, name: str) -> None:
    """Nothing of it is changed, and whatever it does at social care is done with the product."""
    ending = among.play(name)
    assert ending.outcome is Outcome.PASS, ending.sentences
    played = ending.played
    assert played is not None
    left_out = {step.id for step in played.steps if step.outcome is Outcome.NOT_APPLICABLE}
    assert left_out == LEFT_OUT.get(name, set())
    handed_in = among.run.journeys.handed_in
    assert [each.reason for each in handed_in if each.outcome is not Outcome.PASS] == []
    sent = [each for each in played.everything_sent() if each.system == SYSTEM]
    sent += [each for other in handed_in for each in other.everything_sent()]
    assert sent
    assert all(each.exchange.step.path.startswith("/api/") for each in sent)


def _without(folder: Path, *workflows: str) -> Path:
    """The binding without some of its workflows, beside its contract."""
    head, *parts, rest = re.split(
        r"(?m)^(?=  - workflowId: |components:)", BINDING.read_text(encoding="utf-8")
    )
    kept = [part for part in parts if part.partition("\n")[0].split()[-1] not in workflows]
    found = folder / "binding.arazzo.yaml"
    found.write_text("".join([head, *kept, rest]), encoding="utf-8")
    shutil.copy(BINDING.parent / "contract.yaml", folder)
    return found


@pytest.mark.parametrize(
    ("lacking", "cannot", "outcome", "said"),
    [
        ((), ("read-status",), Outcome.NOT_APPLICABLE, "cannot read-status"),
        (("read-status",), ("read-status",), Outcome.NOT_APPLICABLE, "cannot read-status"),
        (("read-status",), (), Outcome.SETUP_ERROR, "does not say how social-care does read-status"),
        (("set-read-only",), (), Outcome.NOT_APPLICABLE, "no way to be read only"),
        (("set-clock",), (), Outcome.NOT_APPLICABLE, "no clock that can be moved"),
    ],
)
def test_what_the_product_lacks_is_said(
    tmp_path: Path, lacking: tuple[str, ...], cannot: tuple[str, ...], outcome: Outcome, said: str
) -> None:
    """Declared false it is not applicable, and so is what no test environment can; of what nobody speaks is a set-up error."""
    binding = str(_without(tmp_path, *lacking))
    with mixture(tmp_path, binding=binding, capabilities=dict.fromkeys(cannot, False)) as found:
        ending = found.play("maintenance-night")
    assert ending.outcome is outcome, ending.sentences
    told = [*ending.sentences, *(str(s.reason) for s in (ending.played.steps if ending.played else ()))]
    assert said in " ".join(told)


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
        (
            "shield_forgotten",
            "restricted-child",
            "record-hides-where-it-lives",
            "GET /api/people/{person_ref} of social-care",
        ),
        (
            "pathway_shows_address",
            "care-leaver",
            "pathway-goes-on",
            "GET /api/people/{person_ref}/extracts/{depth} of social-care",
        ),
        (
            "tells_who_told",
            "subject-access-request",
            "nobody-is-told-who-reported",
            "GET /api/own_requests/{request_ref} of social-care",
        ),
        (
            "ended_keys_open",
            "broken-authorisation",
            "ended-token-is-refused",
            "GET /api/people/{person_ref} of social-care",
        ),
        ("origin_not_told", "referral-to-plan", "school-hears-back", "GET /v1/notices of school, /items"),
    ],
)
def test_a_defect_is_found_in_the_products_own_terms(
    among: Mixture, defect: str, journey: str, step: str, where: str
) -> None:
    """The step that shows it fails, and says at which path and field of the product."""
    found = among.play(journey, defect).played
    assert found is not None
    assert found.outcome is Outcome.FAIL
    assert found.failed is not None
    assert found.failed.id == step
    assert found.reason is not None
    assert where in found.reason.where
