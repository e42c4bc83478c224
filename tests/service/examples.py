"""
The examples of the contract: each is valid by its schema, and each request is one that the service accepts.
"""

from __future__ import annotations

import json
from typing import Any

from service.messages import Refusal, refused
from service.schemas import ID
from service.styles import Style

_MOMENT = "2026-06-01T08:30:00Z"
_CHILD = {
    "familyName": "O'Testová",
    "givenName": "Sam",
    "dateOfBirth": "2014-03-15",
    "nhsNumber": "9990001073",
    "upn": "T001000025001",
    "postcode": "ZZ99 3VZ",
}
_NEW_REFERRAL = {
    "child": _CHILD,
    "primaryNeed": "school-attendance",
    "urgency": 2,
    "summary": "Often away from school since May.",
    "observedAt": "2026-06-01T09:30:00+01:00",
}
_NEW_NOTE = {"kind": "visit", "text": "Saw the family at home."}

REQUESTS: dict[str, dict[str, Any]] = {
    "NewReferral": _NEW_REFERRAL,
    "ReferralPatch": {"urgency": 3, "child": {"postcode": None}},
    "NewNote": _NEW_NOTE,
    "NewClosure": {"reason": "completed"},
    "Search": {"familyName": "O'Testová", "dateOfBirth": "2014-03-15"},
    "Token": {
        "grant_type": "client_credentials",
        "client_id": "example-client",
        "client_secret": "example-secret",
        "scope": "referrals.read",
    },
}
TOKEN = {"access_token": "example", "token_type": "Bearer", "expires_in": 900, "scope": "referrals.read"}
_MADE = {
    "id": ID,
    "status": "received",
    "organisation": "E09000001",
    "createdBy": "example-client",
    "createdAt": _MOMENT,
    "updatedAt": _MOMENT,
    "restricted": False,
}
_SUMMARY_NAMES = ("id", "status", "organisation", "createdAt", "primaryNeed", "urgency")
_ANSWERS: dict[str, dict[str, Any]] = {
    "Status": {"status": "up"},
    "Referral": {**_MADE, **_NEW_REFERRAL},
    "ReferralSummary": {k: v for k, v in {**_MADE, **_NEW_REFERRAL}.items() if k in _SUMMARY_NAMES},
    "Note": {"id": ID, **_NEW_NOTE, "recordedAt": _MOMENT, "recordedBy": "example-client"},
    "Closure": {"id": ID, "referralId": ID, "reason": "completed", "closedAt": _MOMENT},
    "Practitioner": {"id": ID, "name": "Worker A1 Test", "role": "school-nurse", "workPhone": "01632 960001"},
}


def answer(schema: str, operation: str, is_list: bool, style: Style) -> dict[str, Any]:
    """The example of a success."""
    if not is_list:
        return _ANSWERS[schema]
    more: dict[str, Any] = {}
    if operation == "list_referrals":
        pages: dict[str, dict[str, Any]] = {
            "cursor": {"nextCursor": None},
            "offset": {"total": 1, "offset": 0, "limit": 20},
            "page": {},
        }
        more = pages[style.paging]
    return {"items": [_ANSWERS[schema]], **more}


def refusal(status: int, style: Style) -> dict[str, Any]:
    """The example of a refusal, as the service itself writes it."""
    written: dict[str, Any] = json.loads(
        refused(Refusal(status, "What was wrong, in one sentence."), style).content
    )
    return written
