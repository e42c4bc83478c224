"""
People who ask for their own records, care leavers who come of age, and children who were adopted: what social care
answers, and its defects.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from rounds import answers, visitor_of
from tour import Visitor

from joinedup.mocks.faults_rights import FAULTS

SYSTEM = "social-care"
PATH = "/v1/subject-access-requests"
SUBJECT: dict[str, Any] = {"nhsNumber": "9990001006", "givenName": "Siân"}
CARE_LEAVER = "/v1/children/e4b06ce6-0741-47a8-bce4-2c8218072e8c"
UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
EIGHTEEN_YEARS_S = 18 * 366 * 86_400


def asked(visitor: Visitor, label: str, *, proven: bool) -> Any:
    """The answer to somebody who asks for what is held about her."""
    return visitor.send(label, "POST", PATH, body={"subject": SUBJECT, "identityProven": proven})


def round_(visitor: Visitor) -> None:
    """Requests with and without proof, an adopted child by its old number and its new one, and a care leaver of age."""
    for label, number in (("old number", "9990001111"), ("new number", "9990001057")):
        visitor.send(label, "POST", "/v1/children/search", body={"nhsNumber": number})
    asked(visitor, "without proof", proven=False)
    asked(visitor, "with proof", proven=True)
    visitor.cast.clock.advance(EIGHTEEN_YEARS_S)
    visitor.send("of age", "GET", CARE_LEAVER, token=visitor.token())


CHANGES = {
    "adult-read-as-child": {"of age"},
    "adoption-leads-back": {"old number"},
    "subject-access-shows-who-told": {"with proof"},
    "subject-access-not-passed-on": {"outbox"},
    "subject-access-due-before-proof": {"without proof"},
}


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
def test_a_fault_changes_what_it_says(fault: str) -> None:
    """Of all answers of the round those that the fault is about differ, and no others."""
    clean, faulty = (
        {label: UUID.sub("id", repr(answer)) for label, answer in answers(SYSTEM, round_, *on).items()}
        for on in ((), (fault,))
    )
    assert {label for label in clean if clean[label] != faulty[label]} == CHANGES[fault]


def test_a_month_begins_with_the_proof() -> None:
    """The visitor asks on 18 November 2026; without proof there is no day, with it 18 December."""
    visitor = visitor_of(SYSTEM)
    days = [asked(visitor, "ask", proven=proven).body.get("dueBy") for proven in (False, True)]
    assert days == [None, "2026-12-18"]


def test_an_adopted_child_has_two_records_that_lead_nowhere() -> None:
    """Each number finds one record; the old one is closed, and no value but sex and birthday is in both."""
    visitor = visitor_of(SYSTEM)
    found = []
    for number in ("9990001111", "9990001057"):
        (item,) = visitor.send("find", "POST", "/v1/children/search", body={"nhsNumber": number}).body[
            "items"
        ]
        found.append(visitor.send("read", "GET", f"/v1/children/{item['childId']}").body)
    old, new = found
    assert old["status"] == "closed"
    told = ("childId", "laChildId", "nhsNumber", "upn", "givenName", "familyName", "address", "telephone")
    assert [name for name in told if old[name] == new[name]] == []
