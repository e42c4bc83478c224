"""
Journeys of corrections, secrets, policies, broken authorisation, outages, suppliers, people's own requests and coming of age.

Each passes on the clean agencies, and fails under defects made for it, at the step that shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from joinedup.conformance.outcomes import Outcome
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.serve import Served, served
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.journey import bundled_journeys
from joinedup.scenarios.library import Library
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import served_live, served_systems

# Journey, defect, the step that shows it, and a requirement that it breaks.
DEFECTS = (
    ("rectification", "confidence-always-full", "council-asks-who-the-child-is", "ACC-01"),
    ("rectification", "correction-not-passed-on", "health-has-heard", "ACC-02"),
    ("rectification", "copy-left-as-it-was", "copy-follows", "ACC-02"),
    ("rectification", "older-notice-overwrites", "copy-stays-as-it-is", "ACC-03"),
    ("restricted-child", "restricted-address-shown", "record-hides-where-it-lives", "RES-01"),
    ("restricted-child", "other-organisation-readable", "other-council-asks-for-the-child", "RES-02"),
    ("restricted-child", "restricted-whereabouts-shown", "register-hides-where-it-lives", "RES-01"),
    ("restricted-child", "former-number-finds-restricted", "former-number-finds-nobody", "RES-05"),
    ("restricted-child", "invalidated-person-readable", "record-from-before-is-gone", "RES-05"),
    ("restricted-child", "restricted-postcode-in-record", "locator-hides-where-it-lives", "RES-01"),
    ("restricted-child", "restricted-practice-shown", "health-hides-the-practice", "RES-01"),
    ("restricted-child", "informant-shown-to-partner", "council-does-not-learn-who-told", "RES-04"),
    ("sharing-policy", "existence-opens-content", "content-is-not-shared", "AUT-05"),
    ("sharing-policy", "refused-fetch-not-noted", "refusal-is-in-the-audit", "AUD-03"),
    ("sharing-policy", "rule-outlives-its-end", "closed-again", "AUT-06"),
    ("sharing-policy", "revoked-rule-goes-on", "closed-at-once", "AUT-07"),
    ("sharing-policy", "results-ignore-rules", "search-no-longer-names-the-police", "AUT-07"),
    ("sharing-policy", "stale-policy-version-accepted", "answer-by-old-rules-is-refused", "AUT-07"),
    ("broken-authorisation", "expired-token-accepted", "ended-token-is-refused", "AUT-01"),
    ("broken-authorisation", "audience-ignored", "other-systems-token-is-refused", "AUT-01"),
    ("broken-authorisation", "signature-ignored", "changed-token-is-refused", "AUT-01"),
    ("broken-authorisation", "scope-ignored", "narrow-token-does-not-open-children", "AUT-02"),
    ("broken-authorisation", "other-organisation-readable", "other-council-reads-no-child", "AUT-03"),
    ("broken-authorisation", "other-force-notice-readable", "other-force-reads-no-notice", "AUT-03"),
    (
        "broken-authorisation",
        "search-of-other-organisation-readable",
        "other-council-reads-no-search",
        "AUT-03",
    ),
    ("broken-authorisation", "organisation-from-header", "claim-opens-nothing", "AUT-04"),
    ("broken-authorisation", "read-only-writable", "restriction-is-not-for-callers", "SEC-01"),
    ("broken-authorisation", "errors-are-not-problems", "ended-token-is-refused", "ERR-01"),
    ("broken-authorisation", "refusals-not-noted", "refusals-are-on-record", "AUD-03"),
    ("continuity", "newer-notice-overtakes", "police-news-came-once-and-in-order", "CON-02"),
    ("continuity", "notice-delivered-twice", "police-news-came-once-and-in-order", "CON-02"),
    ("continuity", "notice-given-up-while-away", "police-news-came-once-and-in-order", "CON-02"),
    ("continuity", "revoked-token-accepted", "revoked-token-is-refused", "CON-05"),
    ("continuity", "revoked-token-accepted", "revoked-token-is-refused", "AUT-08"),
    ("maintenance-night", "read-only-not-said", "service-says-so", "CON-03"),
    ("maintenance-night", "read-only-takes-changes", "nothing-can-be-saved", "CON-03"),
    ("busy-receiver", "acknowledged-after-work", "application-acknowledges-at-once", "WHK-05"),
    ("busy-receiver", "busy-receiver-given-up", "application-is-slow", "WHK-04"),
    ("busy-receiver", "refused-notice-sent-again", "application-is-moved", "WHK-04"),
    (
        "supplier-on-and-off-boarding",
        "agreement-of-other-council-shown",
        "other-council-does-not-see-it",
        "SUP-01",
    ),
    (
        "supplier-on-and-off-boarding",
        "any-purpose-is-agreed",
        "copy-for-another-purpose-is-refused",
        "SUP-01",
    ),
    ("supplier-on-and-off-boarding", "copy-left-as-it-was", "copy-has-the-new-number", "IDN-05"),
    ("supplier-on-and-off-boarding", "deprecation-not-said", "old-version-says-that-it-ends", "VER-04"),
    ("supplier-on-and-off-boarding", "new-property-refused", "unknown-property-is-left-aside", "VER-03"),
    ("supplier-on-and-off-boarding", "wrong-signature-accepted", "forged-notice-is-refused", "WHK-01"),
    ("supplier-on-and-off-boarding", "replaced-key-good-for-ever", "old-key-is-good-no-longer", "WHK-06"),
    ("supplier-on-and-off-boarding", "export-leaves-people-out", "council-takes-its-data", "SUP-03"),
    ("adoption", "adoption-leads-back", "old-number-finds-the-old-record", "RES-03"),
    ("supplier-on-and-off-boarding", "tokens-outlive-agreement", "supplier-is-let-in-no-longer", "AUT-08"),
    ("supplier-on-and-off-boarding", "copies-outlive-agreement", "copy-is-gone", "SUP-02"),
    ("subject-access-request", "subject-access-due-before-proof", "request-without-proof", "SAR-01"),
    ("subject-access-request", "subject-access-shows-who-told", "nobody-is-told-who-reported", "SAR-02"),
    ("subject-access-request", "subject-access-not-passed-on", "health-is-asked", "SAR-03"),
    ("step-up-and-down", "service-starts-without-consent", "service-does-not-start", "LAW-03"),
    ("step-up-and-down", "step-up-waits-for-consent", "early-help-steps-up", "LAW-01"),
    ("step-up-and-down", "consent-recorded-as-basis", "early-help-steps-up", "LAW-03"),
    ("step-up-and-down", "feedback-never-sent", "early-help-hears-the-outcome", "SHR-03"),
    ("step-up-and-down", "case-notes-stepped-down", "early-help-sees-a-summary", "MIN-01"),
    ("step-up-and-down", "early-help-sees-attendances", "health-tells-early-help-little", "MIN-01"),
    ("step-up-and-down", "any-purpose-served", "police-do-not-share-for-early-help", "SHR-02"),
    ("care-leaver", "adult-told-to-school", "police-tell-no-school", "LAW-04"),
    ("care-leaver", "adult-read-as-child", "record-is-no-longer-a-childs", "LAW-04"),
    ("care-leaver", "nhs-check-digit-not-looked-at", "learner-number-is-no-nhs-number", "IDN-02"),
    ("refusal-recorded", "refusal-loses-reason", "reason-is-kept-at-health", "SHR-04"),
    ("refusal-recorded", "refusal-not-logged", "refusal-is-in-the-log", "AUD-03"),
    ("unborn-child", "mother-keeps-plan", "mother-has-no-plan-any-more", "IDN-06"),
)
JOURNEYS = tuple(dict.fromkeys(row[0] for row in DEFECTS))
# Counted by hand on paper calendars: journey, step, output, what it has to be.
DATES = (
    # The month from 31 January 2028 ends with February, which has 29 days in a leap year.
    ("subject-access-request", "council-tells-her-own-data", "due-by", "2028-02-29"),
    # Five working days after Monday 6 March 2028; a routine question to health.
    ("refusal-recorded", "hub-asks-with-the-number", "due-by", "2028-03-13"),
)


@pytest.fixture(scope="module")
def agencies() -> Iterator[Served]:
    """All agencies, served by one process."""
    with served(tuple(AGENCIES)) as found:
        yield found


@pytest.fixture(scope="module")
def library(agencies: Served) -> Library:
    """Every document is read once for all plays."""
    return Library(live=served_live(agencies))


@contextmanager
def begun_anew(agencies: Served, *faults: str) -> Iterator[None]:
    """The agencies in their seeded state, with these defects."""
    agencies.ask("POST", "/v1/resets", {})
    for fault in faults:
        agencies.ask("PUT", f"/v1/faults/{fault}", {"active": True})
    try:
        yield
    finally:
        for fault in faults:
            agencies.ask("PUT", f"/v1/faults/{fault}", {"active": False})


def played(agencies: Served, library: Library, journey: str, *faults: str) -> Played:
    """A journey from the seeded state."""
    callee = prepared(library.open(bundled_journeys()[journey]), journey)
    with begun_anew(agencies, *faults), closing(served_systems(agencies)) as stage:
        return play(callee, {}, stage)


@pytest.mark.parametrize("journey", JOURNEYS)
def test_a_journey_passes_on_clean_agencies(journey: str, agencies: Served, library: Library) -> None:
    """It sends at least three exchanges to at least two agencies or as two organisations, and none breaks a contract."""
    found = played(agencies, library, journey)
    assert found.outcome is Outcome.PASS, found.reason
    sent = [each for each in found.everything_sent() if each.system != "control"]
    assert len(sent) >= 3
    assert len({(each.system, each.actor) for each in sent}) >= 2
    assert set(found.requirements().values()) == {Outcome.PASS}
    assert agencies.ask("GET", "/v1/breaches")["items"] == []


@pytest.mark.parametrize("row", DEFECTS, ids=lambda row: f"{row[0]}-{row[1]}-{row[3]}")
def test_a_defect_fails_the_step_that_shows_it(
    row: tuple[str, str, str, str], agencies: Served, library: Library
) -> None:
    """The story stops where the defect shows, and the requirement that is broken is among those that fail."""
    journey, fault, step, requirement = row
    found = played(agencies, library, journey, fault)
    assert found.failed is not None
    assert found.failed.id == step, found.reason
    assert found.requirements()[requirement] is not Outcome.PASS


@pytest.mark.parametrize("row", DATES, ids=lambda row: f"{row[0]}-{row[2]}")
def test_dates_are_those_of_the_calendar(
    row: tuple[str, str, str, str], agencies: Served, library: Library
) -> None:
    """What is due in a story is due on the day that was counted without the mocks."""
    journey, step, output, day = row
    found = played(agencies, library, journey)
    outputs = {each.id: each.outputs for each in found.steps}
    assert outputs[step][output] == day
