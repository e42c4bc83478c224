"""
What systems are bundled, what each can do, and what faults it can be given; values only.
"""

from __future__ import annotations

from dataclasses import dataclass

from joinedup.mocks.bundle import operation_ids
from joinedup.mocks.faults import Fault, faults_of

# Who keeps such a system, and what it can do for a journey, by stable kebab-case names.
AGENCIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "social-care": (
        "Local authority children's social care",
        (
            "raise-contact",
            "withdraw-contact",
            "read-contact",
            "search-children",
            "read-child",
            "update-child",
            "summarise-child",
            "decide-referral",
            "read-referral",
            "start-assessment",
            "complete-assessment",
            "hold-strategy-discussion",
            "hold-conference",
            "start-plan",
            "end-plan",
            "start-looked-after-episode",
            "place-child",
            "offer-transfer",
            "accept-transfer",
            "list-disclosures",
            "receive-notice",
            "read-notice",
        ),
    ),
    "early-help": (
        "Early help and family hubs of a council",
        (
            "list-services",
            "request-early-help",
            "read-early-help-request",
            "update-early-help-request",
            "read-lead-practitioner",
            "step-up",
            "step-down",
            "receive-notice",
            "read-notice",
        ),
    ),
    "health": (
        "Hospital, general practice or community health service",
        (
            "search-patients",
            "read-health-summary",
            "record-attendance",
            "notify-of-attendance",
            "raise-referral",
            "request-information",
            "answer-information-request",
            "record-missed-appointment",
            "list-health-assessments",
            "request-health-assessment",
            "read-health-assessment",
            "update-health-assessment",
            "receive-notice",
            "read-notice",
        ),
    ),
    "school": (
        "School or college",
        (
            "search-pupils",
            "read-pupil",
            "read-attendance",
            "raise-absence-alert",
            "record-suspension",
            "read-suspension",
            "raise-concern",
            "receive-encompass-notification",
            "flag-social-worker",
            "transfer-pupil",
            "receive-notice",
            "read-notice",
        ),
    ),
    "virtual-school": (
        "Virtual school of a council",
        (
            "notify-looked-after",
            "receive-suspension-notice",
            "list-peps",
            "initiate-pep",
            "read-pep",
            "update-pep",
            "review-pep",
            "read-education-snapshot",
            "receive-notice",
            "read-notice",
        ),
    ),
    "police": (
        "Police public protection",
        (
            "raise-notice",
            "read-notice",
            "notify-school",
            "open-missing-episode",
            "close-missing-episode",
            "record-police-protection",
            "request-police-information",
            "answer-information-request",
            "search-nominals",
        ),
    ),
    "mash": (
        "Multi-agency safeguarding hub",
        (
            "open-enquiry",
            "read-enquiry",
            "answer-enquiry",
            "decide-enquiry",
            "read-disclosure-log",
        ),
    ),
    "cp-is": (
        "National child protection information sharing",
        (
            "upload-plans",
            "read-upload",
            "query-child",
            "list-access-notifications",
            "acknowledge-access-notification",
            "list-inactive-numbers",
        ),
    ),
    "identity": (
        "National identity service",
        (
            "match-person",
            "read-match-result",
            "register-person",
            "read-person",
            "correct-person",
            "verify-person",
            "change-nhs-number",
            "list-changes",
            "subscribe",
            "unsubscribe",
        ),
    ),
    "locator": (
        "National record locator",
        (
            "start-search",
            "read-search",
            "cancel-search",
            "list-search-results",
            "fetch-record",
            "claim-work",
            "renew-lease",
            "answer-work",
            "read-sharing-policy",
            "replace-sharing-policy",
            "add-sharing-rule",
            "revoke-sharing-rule",
        ),
    ),
    "auth": ("Token server", ("issue-token", "revoke-token")),
}


@dataclass(frozen=True)
class System:
    """A bundled system."""

    name: str
    agency: str
    operations: tuple[str, ...]
    capabilities: tuple[str, ...]
    faults: tuple[Fault, ...]
    profile: str


def systems() -> tuple[System, ...]:
    """The bundled systems, in the order in which people should read them."""
    return tuple(
        System(name, agency, operation_ids(name), capabilities, faults_of(name), profile_of(name))
        for name, (agency, capabilities) in AGENCIES.items()
    )


def profile_of(system: str) -> str:
    """The profile that a bundled system is held to."""
    return f"{system}-1"
