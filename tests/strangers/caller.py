"""
A consumer's program that knows the agencies only by clients that a public generator made; it imports nothing of ours.

Standard input: ``{system: {"base_url", "token", "example"}}``. Standard output: what it read, by system.
"""

import json
import sys
import uuid

from childrens_social_care_case_management_client import AuthenticatedClient as SocialCare
from childrens_social_care_case_management_client.api.contacts import get_contact, raise_contact
from childrens_social_care_case_management_client.models import NewContact, Problem
from early_help_and_family_hubs_client import AuthenticatedClient as EarlyHelp
from early_help_and_family_hubs_client.api.requests import get_early_help_request, request_early_help
from early_help_and_family_hubs_client.models import NewEarlyHelpRequest
from early_help_and_family_hubs_client.models import SharingPurpose as HelpPurpose
from police_public_protection_client import AuthenticatedClient as Police
from police_public_protection_client.api.notices import get_notice, list_notices, raise_notice
from police_public_protection_client.models import NewNotice


def context(**more):
    """What every call about a child says of why it is made."""
    return {
        "sharing_purpose": "SAFEGUARDING",
        "lawful_basis": "public-task",
        "x_request_id": str(uuid.uuid4()),
        **more,
    }


def social_care(client, example):
    """A contact is raised and read again; one that is no contact is refused."""
    made = raise_contact.sync(client=client, body=NewContact.from_dict(example), **context())
    read = get_contact.sync(made.contact_id, client=client, **context())
    refused = get_contact.sync(uuid.uuid4(), client=client, **context())
    return {
        "made": str(made.contact_id),
        "read": str(read.contact_id),
        "refused": isinstance(refused, Problem),
    }


def police(client, example):
    """A notice is raised, read again, and in the list."""
    made = raise_notice.sync(client=client, body=NewNotice.from_dict(example), **context())
    read = get_notice.sync(made.notice_id, client=client, **context())
    page = list_notices.sync(client=client, limit=50)
    listed = made.notice_id in [notice.notice_id for notice in page.items]
    return {"made": str(made.notice_id), "read": str(read.notice_id), "listed": listed}


def early_help(client, example):
    """Help is asked for, and the request read again."""
    purpose = {"sharing_purpose": HelpPurpose.EARLY_HELP}
    body = NewEarlyHelpRequest.from_dict(example)
    made = request_early_help.sync(client=client, body=body, **context(**purpose))
    read = get_early_help_request.sync(made.early_help_request_id, client=client, **context(**purpose))
    return {"made": str(made.early_help_request_id), "read": str(read.early_help_request_id)}


CALLS = {
    "social-care": (SocialCare, social_care),
    "police": (Police, police),
    "early-help": (EarlyHelp, early_help),
}
asked = json.load(sys.stdin)
found = {}
for system, (kind, call) in CALLS.items():
    client = kind(
        base_url=asked[system]["base_url"], token=asked[system]["token"], raise_on_unexpected_status=True
    )
    found[system] = call(client, asked[system]["example"])
print(json.dumps(found))
