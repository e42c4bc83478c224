"""Everything about one system is the work of one worker process."""

from __future__ import annotations

import pytest

from joinedup.conformance.scheduling import JOURNEYS, scope_of

SYSTEMS = ("school", "school-two", "cp-is", "auth")


@pytest.mark.parametrize(
    ("nodeid", "apart", "scope"),
    [
        ("test_input.py::test_keeps_moments[school]", True, "school"),
        ("test_exercise.py::test_succeeds_at_least_once[cp-is-GET /v1/status]", True, "cp-is"),
        ("test_generated.py::test_answers[school-two-GET /v1/status-coverage]", True, "school-two"),
        ("test_description.py::test_description[auth-problems-of-loading]", True, "auth"),
        ("journeys/suspension.arazzo.yaml::suspension", False, JOURNEYS),
        ("journeys/suspension.arazzo.yaml::suspension", True, "journeys/suspension.arazzo.yaml::suspension"),
        ("own/test_ours.py::test_ours", True, "own/test_ours.py::test_ours"),
        ("own/test_ours.py::test_ours[schools]", True, "own/test_ours.py::test_ours[schools]"),
    ],
)
def test_an_item_goes_where_its_system_goes(nodeid: str, apart: bool, scope: str) -> None:
    """By the whole name of the system; journeys together where systems are live; anything else alone."""
    assert scope_of(nodeid, SYSTEMS, apart=apart) == scope
