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
            "read-status",
            "list-contacts",
            "list-new-contacts",
            "raise-contact",
            "read-contact",
            "withdraw-contact",
            "list-children",
            "search-children",
            "read-child",
            "update-child",
            "summarise-child",
            "read-referral",
            "decide-referral",
            "read-decision",
            "start-assessment",
            "read-assessment",
            "complete-assessment",
            "hold-strategy-discussion",
            "read-strategy-discussion",
            "hold-conference",
            "read-conference",
            "start-plan",
            "read-plan",
            "end-plan",
            "start-looked-after-episode",
            "read-looked-after-episode",
            "place-child",
            "offer-return-interview",
            "read-return-interview",
            "record-return-interview",
            "offer-transfer",
            "read-transfer",
            "accept-transfer",
            "list-disclosures",
            "list-notices",
            "receive-notice",
            "read-notice",
            "request-subject-access",
            "read-subject-access-request",
        ),
    ),
    "early-help": (
        "Early help and family hubs of a council",
        (
            "list-services",
            "read-service",
            "list-early-help-requests",
            "request-early-help",
            "read-early-help-request",
            "update-early-help-request",
            "read-lead-practitioner",
            "step-up",
            "read-step-up",
            "step-down",
            "read-step-down",
            "list-notices",
            "receive-notice",
            "read-notice",
        ),
    ),
    "health": (
        "Hospital, general practice or community health service",
        (
            "list-patients",
            "search-patients",
            "read-health-summary",
            "record-attendance",
            "read-attendance",
            "notify-of-attendance",
            "read-notification",
            "raise-referral",
            "read-referral",
            "request-information",
            "read-information-request",
            "answer-information-request",
            "read-information-response",
            "record-missed-appointment",
            "read-missed-appointment",
            "list-health-assessments",
            "request-health-assessment",
            "read-health-assessment",
            "update-health-assessment",
            "list-notices",
            "receive-notice",
            "read-notice",
            "request-subject-access",
            "read-subject-access-request",
        ),
    ),
    "school": (
        "School or college",
        (
            "list-pupils",
            "search-pupils",
            "read-pupil",
            "read-attendance",
            "read-social-worker-flag",
            "flag-social-worker",
            "transfer-pupil",
            "read-transfer",
            "raise-absence-alert",
            "read-absence-alert",
            "record-suspension",
            "read-suspension",
            "raise-concern",
            "read-concern",
            "receive-encompass-notification",
            "read-encompass-notification",
            "list-notices",
            "receive-notice",
            "read-notice",
            "request-subject-access",
            "read-subject-access-request",
        ),
    ),
    "virtual-school": (
        "Virtual school of a council",
        (
            "notify-looked-after",
            "read-looked-after-notification",
            "receive-suspension-notice",
            "read-suspension-notice",
            "list-peps",
            "initiate-pep",
            "read-pep",
            "update-pep",
            "review-pep",
            "read-review",
            "read-education-snapshot",
            "list-notices",
            "receive-notice",
            "read-notice",
        ),
    ),
    "police": (
        "Police public protection",
        (
            "list-notices",
            "raise-notice",
            "read-notice",
            "notify-school",
            "read-school-notification",
            "open-missing-episode",
            "read-missing-episode",
            "close-missing-episode",
            "record-police-protection",
            "read-police-protection",
            "request-police-information",
            "read-information-request",
            "answer-information-request",
            "read-information-response",
            "search-nominals",
            "read-nominal",
        ),
    ),
    "mash": (
        "Multi-agency safeguarding hub",
        (
            "list-enquiries",
            "open-enquiry",
            "read-enquiry",
            "answer-enquiry",
            "read-answer",
            "decide-enquiry",
            "read-decision",
            "read-disclosure-log",
        ),
    ),
    "cp-is": (
        "National child protection information sharing",
        (
            "upload-plans",
            "upload-plans-under-id",
            "read-upload",
            "query-child",
            "list-access-notifications",
            "read-access-notification",
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
            "read-nhs-number-change",
            "list-changes",
            "list-subscriptions",
            "subscribe",
            "read-subscription",
            "unsubscribe",
        ),
    ),
    "locator": (
        "National record locator",
        (
            "list-searches",
            "start-search",
            "read-search",
            "cancel-search",
            "list-search-results",
            "fetch-record",
            "claim-work",
            "read-lease",
            "renew-lease",
            "answer-work",
            "read-work-result",
            "list-sharing-policies",
            "read-sharing-policy",
            "replace-sharing-policy",
            "list-sharing-rules",
            "add-sharing-rule",
            "read-sharing-rule",
            "revoke-sharing-rule",
        ),
    ),
    "supplier-app": (
        "A supplier's application",
        (
            "list-agreements",
            "begin-agreement",
            "read-agreement",
            "export-data",
            "read-export",
            "end-agreement",
            "read-off-boarding",
            "read-held-person-as-before",
            "list-held-people",
            "hold-person",
            "read-held-person",
            "add-subscription",
            "read-subscription",
            "remove-subscription",
            "list-deliveries",
            "receive-delivery",
            "receive-signed-delivery",
        ),
    ),
    "auth": (
        "Token server",
        ("issue-token", "revoke-token", "revoke-client-tokens", "read-configuration", "read-keys"),
    ),
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
