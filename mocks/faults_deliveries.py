"""
Deliberate defects of what passes between agencies, by name, and how those of the passing itself come about.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import replace

from joinedup.mocks.deliveries import Delivery
from joinedup.mocks.fault import Fault

BUSY_GIVEN_UP, INSISTS, LATE = (
    "busy-receiver-given-up",
    "refused-notice-sent-again",
    "acknowledged-after-work",
)
TWICE, OVERTAKES, GIVEN_UP = "notice-delivered-twice", "newer-notice-overtakes", "notice-given-up-while-away"
LATE_S = 60.0

FAULTS: tuple[Fault, ...] = (
    Fault(
        "feedback-never-sent",
        "social-care",
        ("SHR-03",),
        "Whoever raised a contact never hears what was decided.",
    ),
    Fault(
        "correction-not-passed-on",
        "social-care",
        ("ACC-02",),
        "Those who were told of a child never hear that a detail was wrong.",
    ),
    Fault(
        "legal-status-told-to-school",
        "social-care",
        ("MIN-03",),
        "A school learns on what legal footing a pupil came into care.",
    ),
    Fault(
        "offender-address-sent-to-school",
        "police",
        ("MIN-02",),
        "What a school is told of domestic abuse holds where the suspect lives.",
    ),
    Fault(
        "unrelated-council-told",
        "police",
        ("MIN-04",),
        "The schools of another council, which do not know the child, are told of domestic abuse as well.",
    ),
    Fault(TWICE, "police", ("CON-02",), "Everything that the police send arrives twice.", ("IDM-01",)),
    Fault(
        OVERTAKES,
        "police",
        ("CON-02",),
        "That a child is missing arrives after the news that it was found.",
        ("ACC-03",),
    ),
    Fault(
        GIVEN_UP,
        "police",
        ("CON-02",),
        "What the police send while a partner is away is never sent again.",
        ("CON-01",),
    ),
    Fault(
        BUSY_GIVEN_UP,
        "identity",
        ("WHK-04",),
        "A notice to a receiver that is busy is never sent again.",
        ("CON-02", "ACC-02", "IDN-05"),
    ),
    Fault(
        INSISTS,
        "identity",
        ("WHK-04",),
        "A notice that a receiver has refused is sent to it again and again.",
        ("CON-02", "ACC-02", "IDN-05"),
    ),
    Fault(
        LATE,
        "supplier-app",
        ("WHK-05",),
        "A notice is worked on before it is acknowledged, when the sender waits no longer.",
        ("WHK-03",),
    ),
)


def misdelivered(delivery: Delivery, faults: Collection[str], now: float) -> Iterator[tuple[Delivery, float]]:
    """A delivery as it is really posted, and when; without a fault once and now."""
    ours = delivery.sender == "police"
    if ours and OVERTAKES in faults and delivery.body.get("kind") == "missing-child":
        yield replace(delivery, subject=str(uuid.uuid5(uuid.NAMESPACE_OID, delivery.subject))), now + LATE_S
        return
    yield delivery, now
    if ours and TWICE in faults:
        yield delivery, now


def gives_up(delivery: Delivery, faults: Collection[str]) -> bool:
    """Whether a delivery that found nobody is not tried again."""
    fault = {"police": GIVEN_UP, "identity": BUSY_GIVEN_UP}.get(delivery.sender)
    return fault in faults


def insists(delivery: Delivery, faults: Collection[str]) -> bool:
    """Whether a delivery that was refused is tried again."""
    return delivery.sender == "identity" and INSISTS in faults


def acknowledged_late(recipient: str, faults: Collection[str]) -> bool:
    """Whether a recipient acknowledges what it received when the sender waits no longer."""
    return recipient == "supplier-app" and LATE in faults
