"""What is one organisation's, asked for, changed and claimed by another; and properties that no caller may set."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from judged import Judge, found, harvested, outcome_of, target_of
from service.serve import serving
from service.store import Referral

from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.harvest import harvest
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.pretence import ORGANISATION
from joinedup.conformance.suite import test_isolation as suite
from joinedup.conformance.target import OTHER, OWN

APART = suite.test_keeps_organisations_apart
CLAIMED = suite.test_takes_the_organisation_from_the_credential
SET = suite.test_ignores_what_is_not_the_callers_to_set


@pytest.mark.parametrize(
    ("style", "defect", "judge", "broken"),
    [
        ("cursor", "referral-of-others-can-be-read", APART, "AUT-03"),
        ("offset", "referral-of-others-can-be-read", APART, "AUT-03"),
        ("cursor", "referral-of-others-can-be-changed", APART, "AUT-03"),
        ("link", "referral-of-others-can-be-changed", APART, "AUT-03"),
        ("offset", "referral-of-others-can-be-deleted", APART, "AUT-03"),
        ("cursor", "notes-of-others-can-be-read", APART, "AUT-03"),
        ("offset", "notes-can-be-added-for-others", APART, "AUT-03"),
        ("link", "closure-of-others-can-be-read", APART, "AUT-03"),
        ("cursor", "list-shows-everyone", APART, "AUT-03"),
        ("link", "list-shows-everyone", APART, "AUT-03"),
        ("offset", "search-finds-everyone", APART, "AUT-03"),
        ("cursor", "organisation-taken-from-a-header", CLAIMED, "AUT-04"),
        ("offset", "organisation-can-be-chosen-in-the-body", CLAIMED, "AUT-04"),
        ("cursor", "organisation-can-be-chosen-in-the-body", SET, "SEC-01"),
        ("offset", "creator-can-be-chosen", SET, "SEC-01"),
        ("link", "restriction-can-be-set-by-anyone", SET, "SEC-01"),
        ("cursor", "restriction-can-be-changed-by-anyone", SET, "SEC-01"),
        ("offset", "restriction-can-be-changed-by-anyone", SET, "SEC-01"),
    ],
)
def test_finds_each_way_across(style: str, defect: str, judge: Judge, broken: str) -> None:
    """Each defect of what is whose is found under its requirement, as one finding."""
    with harvested(style, defect) as target:
        check = outcome_of(judge, target, broken)
    assert found(check) == {broken}
    assert len(check.findings) == 1


@pytest.mark.parametrize("style", ["cursor", "offset", "link"])
@pytest.mark.parametrize(("judge", "requirement"), [(APART, "AUT-03"), (CLAIMED, "AUT-04"), (SET, "SEC-01")])
def test_is_silent_on_a_service_that_keeps_all_apart(style: str, judge: Judge, requirement: str) -> None:
    """A clean service passes, whether it answers 403 or 404 for what is another's."""
    with harvested(style) as target:
        check = outcome_of(judge, target, requirement)
    assert check.findings == []
    assert [r.outcome for r in check.results()] == [Outcome.PASS]


@pytest.mark.parametrize("defect", ["search-finds-everyone", "list-shows-everyone"])
@pytest.mark.parametrize(
    ("shown", "broken"),
    [
        ({"id", "organisation", "status", "createdAt"}, set()),
        ({"id", "organisation", "status", "createdAt", "primaryNeed"}, {"AUT-03"}),
        ({"id", "urgency"}, {"AUT-03"}),
    ],
    ids=["pointer", "need", "urgency"],
)
def test_tells_that_something_exists_from_what_it_says(
    defect: str, shown: set[str], broken: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list or a search that tells others only that there is something and who has it shows nothing of its content."""
    with serving("cursor", frozenset({defect})) as served:
        whole = served.service.operations._summary

        def part(item: Referral) -> dict[str, Any]:
            return {name: value for name, value in whole(item).items() if name in shown}

        monkeypatch.setattr(served.service.operations, "_summary", part)
        target = target_of(served)
        harvest(target, OWN)
        harvest(target, OTHER)
        check = outcome_of(APART, target, "AUT-03")
        target.client.close()
    left_out = " ".join(check.results()[0].not_tested)
    assert found(check) == broken
    assert ("exists" in left_out) is not bool(broken)


@pytest.mark.parametrize("judge", [APART, CLAIMED])
def test_says_why_two_callers_of_one_organisation_prove_nothing(judge: Judge) -> None:
    """Both identities of one organisation: blocked, with what to do."""
    with harvested("cursor") as target:
        own = target.identities[OWN]
        target.__dict__["identities"] = {OWN: own, OTHER: own}
        check = outcome_of(judge, target, "AUT-03")
    assert [r.outcome for r in check.results()] == [Outcome.BLOCKED]
    assert "one organisation" in check.results()[0].reason


def test_leaves_nothing_changed_that_it_did_not_make() -> None:
    """Referrals that were there before are as they were, after all three checks."""
    with harvested("cursor") as target:
        before = _seeded(target.client.send(Step("GET", "/v1/referrals", query=(("limit", 50),))))
        for judge, requirement in ((APART, "AUT-03"), (CLAIMED, "AUT-04"), (SET, "SEC-01")):
            outcome_of(judge, target, requirement)
        after = _seeded(target.client.send(Step("GET", "/v1/referrals", query=(("limit", 50),))))
    assert len(before) > 3
    assert before == after


def _seeded(answer: Exchange) -> list[object]:
    return list(answer.json()["items"])[:4]


def test_deletes_nothing_where_nothing_may_be_destroyed() -> None:
    """Without limits.destructive no DELETE is sent, and that is said."""
    with harvested("cursor") as target:
        limits = msgspec.structs.replace(target.configuration.limits, destructive=False)
        target.configuration = msgspec.structs.replace(target.configuration, limits=limits)
        check = outcome_of(APART, target, "AUT-03")
        deleted = [label for label in target.answers if label.startswith("DELETE")]
    assert deleted == []
    assert check.results()[0].not_tested == ("deleting by another organisation, without limits.destructive",)


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("organisation", True),
        ("organizationid", True),
        ("xtenantid", True),
        ("odscode", True),
        ("responsibleauthority", True),
        ("authorisation", False),
        ("organ", False),
        ("name", False),
        ("methods", False),
    ],
)
def test_knows_what_names_an_organisation(name: str, whose: bool) -> None:
    """Names that say whose something is, and names that only look like it."""
    assert bool(ORGANISATION.search(name)) is whose
