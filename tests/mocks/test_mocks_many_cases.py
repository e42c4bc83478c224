"""Generated and odd requests make no agency fail; ``make many-cases`` sends many times as many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from example_requests import examples
from many_bytes import ODDITIES, send_odd
from many_cases import sender

from joinedup.mocks.bundle import load_contract
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.messages import Answer, Incoming, Refusal, Spoilt

EACH_MODE = 10
ODD = 10 * len(ODDITIES)


@pytest.mark.parametrize("system", AGENCIES)
def test_no_request_makes_an_agency_fail(system: str) -> None:
    """Good and bad requests get no 5xx and no answer outside the contract, and every operation succeeds once."""
    sent = sender(system, EACH_MODE).send_all()
    assert sent.cases > 40
    assert sent.wrong == ()


def test_an_operation_that_always_refuses_is_named() -> None:
    """Whatever is sent, and however much else succeeds."""
    sending = sender("mash", EACH_MODE)

    def refuse(call: Any) -> Answer:
        raise Refusal(404, "There is no such object for this caller.")

    agency = sending.engine.agency
    sending.engine.agency = replace(agency, behaviours={**agency.behaviours, "getResponse": refuse})
    [said] = sending.send_all().wrong
    assert said == "GET /v1/enquiries/{enquiryId}/responses/{responseId}: none of its cases succeeded"


@pytest.mark.parametrize("system", AGENCIES)
def test_no_bytes_make_an_agency_fail(system: str) -> None:
    """Odd requests over connections get whole answers without a 5xx, or the end of the connection."""
    sending = sender(system, EACH_MODE)
    heard = sending.send_odd(ODD)
    assert (heard.requests, heard.failures, sending.engine.breaches) == (ODD, [], [])
    assert {200, 400} <= set(heard.statuses)


def fails(incoming: Incoming) -> Answer:
    """A defect of an agency."""
    raise RuntimeError("A defect.")


def answers_half(incoming: Incoming) -> Spoilt:
    """A body that is cut off."""
    return Spoilt(Answer(200, {"status": "available"}), share=0.5)


@pytest.mark.parametrize(
    ("application", "told"), [(fails, ": 500 to "), (answers_half, ": half an answer, ")]
)
def test_what_fails_behind_a_connection_is_told(application: Any, told: str) -> None:
    """With the kind of oddity and the bytes that showed it."""
    made_from = list(examples(load_contract("mash"), ""))
    heard = send_odd(application, made_from, len(ODDITIES), seed=1)
    assert any(told in line for line in heard.failures)
    assert heard.failures[0].startswith("GET /v1/status, as it is: ")
