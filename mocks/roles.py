"""
What the client of each kind of organisation may ask for: everything at its own agency, and elsewhere what its work needs.

A school raises contacts with social care and has no scope to write a police record; a hospital asks the national
service who is on a plan and uploads nobody's. An agency that tells others something does so by the same client, so what
it tells them is among this.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase


def _scopes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# By the agency whose client it is; a star stands for any part of a scope. "social-care" is a council's children's
# services, which work with the national services and with a supplier's application too (``organisations.CALLED_BY``).
# Whom a hub asks works in it, and custodians take the record locator's work: what of these each may do there does not
# go by scopes, and the two say it themselves.
GRANTED: dict[str, tuple[str, ...]] = {
    "social-care": _scopes(
        "cp-is:* identity:* locator:* supplier-app:* early-help:* mash:* virtual-school:* "
        "health:patients.read health:summaries.read health:requests.* health:assessments.* "
        "health:notices.write health:subject-access.* school:notices.write school:pupils.read "
        "school:flags.* school:subject-access.* police:*.read police:information.request"
    ),
    "early-help": _scopes(
        "social-care:contacts.* social-care:notices.write identity:matches.* identity:people.read"
    ),
    "health": _scopes(
        "social-care:contacts.* social-care:notices.write early-help:requests.write mash:* locator:* "
        "cp-is:queries.write identity:matches.* identity:people.* identity:verifications.write"
    ),
    "school": _scopes(
        "social-care:contacts.* social-care:notices.write early-help:requests.write "
        "virtual-school:notices.write health:patients.read mash:* locator:*"
    ),
    "virtual-school": _scopes(
        "social-care:contacts.* social-care:notices.write school:notices.write school:pupils.read"
    ),
    "police": _scopes(
        "social-care:contacts.* social-care:notices.write school:encompass.write mash:* locator:*"
    ),
    "mash": _scopes(
        "social-care:contacts.* social-care:notices.write early-help:notices.write "
        "police:information.request police:information.read health:requests.* health:notices.write "
        "school:notices.write"
    ),
    "cp-is": _scopes("social-care:notices.write"),
    "identity": _scopes("social-care:notices.write"),
    "locator": _scopes("social-care:notices.write health:notices.write school:notices.write"),
    "supplier-app": _scopes(
        "identity:subscriptions.* identity:changes.read social-care:notices.write "
        "early-help:notices.write health:notices.write school:notices.write "
        "virtual-school:notices.write"
    ),
}


def granted(system: str, scopes: Collection[str]) -> tuple[str, ...]:
    """Those of the scopes that the client of an agency may ask for, in their order."""
    patterns = (f"{system}:*", *GRANTED[system])
    return tuple(scope for scope in scopes if any(fnmatchcase(scope, pattern) for pattern in patterns))
