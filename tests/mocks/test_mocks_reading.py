"""What behaviours get to read is what JSON Schema means, not how Python happened to parse it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tour import StoppedClock

from joinedup.mocks.cast import Cast
from joinedup.mocks.control import control
from joinedup.mocks.messages import Incoming
from joinedup.mocks.reading import whole


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (2.0, 2),
        (-0.0, 0),
        (2.5, 2.5),
        (1e300, 1e300),
        ("2.0", "2.0"),
        (True, True),
        (None, None),
        ({"a": [1.0, {"b": 2.0}]}, {"a": [1, {"b": 2}]}),
    ],
)
def test_a_whole_number_is_an_int(sent: Any, read: Any) -> None:
    """2.0 is an integer of JSON Schema at any depth; fractions, texts and numbers beyond the exact ones stay."""
    assert repr(whole(sent)) == repr(read)


@pytest.mark.parametrize("count", ["2", "2.0", "20e-1", "0.2E1"])
def test_every_spelling_of_a_whole_number_is_answered_alike(count: str) -> None:
    """A behaviour that needs an index gets one however the caller's JSON writer spells it."""
    body = f'{{"from": "2026-11-05", "count": {count}}}'.encode()
    headers = {"content-type": "application/json"}
    plane = control(Cast(["social-care"], clock=StoppedClock()))
    answer = plane.answer(Incoming("POST", "/v1/toolbox/working-days", b"", headers, body))
    assert (answer.status, answer.body["day"]) == (200, "2026-11-09"), json.dumps(answer.body)
