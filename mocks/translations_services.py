"""
What national services and a supplier's application have for others, and who is asked for a person's own records.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from urllib.parse import urlsplit

from joinedup.mocks.casework import part
from joinedup.mocks.deliveries import FORM
from joinedup.mocks.organisations import NOTIFIED_AT
from joinedup.mocks.sharing import Message
from joinedup.mocks.telling import WHO, Request, Translation, notice

LIFECYCLE = "application/vnd.dfe.sui.lifecycle-notification.v1+json"


# The register of identities


def lifecycle(message: Message) -> Iterable[Request]:
    """A signed notification, to the subscriber's own address."""
    address = urlsplit(message.body["callbackUrl"])
    system = (address.hostname or "").partition(".")[0]
    yield Request(
        system,
        "",
        message.body["notification"],
        address=address.path,
        key=message.body["keyRing"],
        media_type=LIFECYCLE,
    )


def corrected(message: Message) -> Iterable[Request]:
    """A council that was told of somebody learns that the record was corrected, and reads it again."""
    reference = message.body["personId"]
    yield notice("social-care", "person-corrected", "identity", message, reference=reference)


def born(message: Message) -> Iterable[Request]:
    """The council learns the number of a child who was a plan on its mother's until now."""
    child, mother = part(message.body, ("nhsNumber", "dateOfBirth")), message.body["motherNhsNumber"]
    yield notice("social-care", "child-born", "identity", message, child=child, formerNhsNumber=mother)


# The record locator, and a supplier's application


def to_custodian(message: Message) -> Iterable[Request]:
    """An organisation that is asked, or may not know of a record any more, hears so where it takes notices in."""
    if message.to in NOTIFIED_AT:
        system, reference = NOTIFIED_AT[message.to], message.body.get("recordId")
        yield notice(system, message.kind, "locator", message, reference=reference)


def subscription_wanted(message: Message) -> Iterable[Request]:
    """The register tells the application of changes, in the name of the council that it works for."""
    wanted = part(message.body, ("callbackUrl", "events"))
    yield Request("identity", "subscribe", wanted, reference=message.body["subscriptionId"])


def subscription_ended(message: Message) -> Iterable[Request]:
    """The register tells the application nothing more for a subscription, which goes by the register's own id."""
    identifier = message.body["place"].rpartition("/")[2]
    yield Request("identity", "unsubscribe", None, path={"subscriptionId": identifier})


def deletion_confirmed(message: Message) -> Iterable[Request]:
    """The council has it in writing that nothing is held under an agreement any more."""
    said = message.body
    told = (
        f"{said['deletedPeople']} people were deleted and {said['endedSubscriptions']} subscriptions ended."
    )
    yield notice(
        "social-care",
        "deletion-confirmed",
        "supplier-app",
        message,
        reference=said["agreementId"],
        outcome=told,
    )


def access_ended(message: Message) -> Iterable[Request]:
    """The token server takes back what a supplier's client was given."""
    form = {"client": message.body["clientId"]}
    yield Request("auth", "revokeClientTokens", form, media_type=FORM)


def subject_access(message: Message, sender: str = "social-care") -> Iterable[Request]:
    """Each custodian is asked for its own data, by the day on which the month ends."""
    said = message.body
    child, reference, due = part(said["child"], WHO), said["requestId"], said["dueBy"]
    yield notice(
        message.to,
        "subject-access-request",
        sender,
        message,
        child=child,
        reference=reference,
        dueBy=due,
    )


TRANSLATIONS: dict[tuple[str, str], Translation] = {
    ("identity", "nhs-number-changed"): lifecycle,
    ("identity", "gp-changed"): lifecycle,
    ("identity", "person-corrected"): corrected,
    ("identity", "child-born"): born,
    ("social-care", "subject-access-request"): subject_access,
    ("social-care", "access-ended"): access_ended,
    ("locator", "work-available"): to_custodian,
    ("locator", "sharing-withdrawn"): to_custodian,
    ("supplier-app", "subscription-wanted"): subscription_wanted,
    ("supplier-app", "subscription-ended"): subscription_ended,
    ("supplier-app", "deletion-confirmed"): deletion_confirmed,
    ("supplier-app", "subject-access-request"): partial(subject_access, sender="supplier-app"),
}
"""By sender and kind."""
