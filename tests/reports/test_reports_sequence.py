"""Sequence diagrams and the chart of load: drawn from what took place, whatever is missing."""

from __future__ import annotations

from typing import Any

import pytest
from browser import stories

from joinedup.reports import links, load_chart, sequence


def test_every_message_is_drawn_and_told() -> None:
    """Each exchange and delivery is one arrow between the right lanes, and one sentence."""
    parts = sequence.told(stories.journey("morning"))
    drawn = sequence.diagram(parts)
    assert drawn is not None
    at = {lane.x: lane.name for lane in drawn.lanes}
    ways = [(at[a.start], at[a.start] if a.own else at[a.end], a.answer) for a in drawn.arrows]
    assert ways == [
        ("police", "social-care", "201"),
        ("social-care", "school", "200"),
        ("social-care", "social-care", "409"),
        ("social-care", "school", "delivered"),
    ]
    assert next(call.sentence for part in parts for call in part.calls) == (
        "police calls social-care: POST /v1/contacts, answered with 201."
    )
    assert all(arrow.y < drawn.foot < drawn.height for arrow in drawn.arrows)


@pytest.mark.parametrize(
    ("outcome", "status", "tone"),
    [("pass", 401, "ok"), ("pass", 201, "ok"), ("fail", 200, "bad"), ("blocked", 503, "warn")],
)
def test_an_arrow_is_as_good_as_its_step(outcome: str, status: int, tone: str) -> None:
    """A refusal that a step wanted is right, and a success that it did not want is wrong."""
    step = {"actor": "a", "system": "b", "outcome": outcome, "exchanges": [{"status": status}]}
    drawn = sequence.diagram(sequence.told({"played": [step]}))
    assert drawn is not None
    assert [arrow.tone for arrow in drawn.arrows] == [tone]


@pytest.mark.parametrize(
    "journey", [{}, {"played": None}, {"played": [{}]}, {"played": [1], "deliveries": "x"}]
)
def test_a_journey_without_messages_has_no_picture(journey: dict[str, Any]) -> None:
    """Where nothing was sent there is nothing to draw, and no error."""
    assert sequence.diagram(sequence.told(journey)) is None


def test_a_long_journey_is_cut_in_the_picture_alone() -> None:
    """A picture stops after eighty messages and says how many it leaves out; the words go on."""
    step = stories.journey("x")["played"][0]
    parts = sequence.told({"played": [step] * 100})
    drawn = sequence.diagram(parts)
    assert drawn is not None
    assert (len(drawn.arrows), drawn.left_out, len(parts)) == (80, 20, 100)


def test_a_link_is_as_good_as_its_worst() -> None:
    """Rows send and columns receive; a link that failed once fails."""
    found = links.matrix([{"from": "a", "to": "b", "outcome": outcome} for outcome in ("pass", "fail")])
    assert found is not None
    assert (found.works, found.links, found.receivers) == (0, 1, ("b",))
    assert found.rows[0][1][0] == links.WORDS["fail"]


def test_percentiles_over_time_are_drawn() -> None:
    """Each percentile is a curve of its own pattern, inside the picture, and told in words."""
    drawn = load_chart.picture(stories.performance())
    assert drawn is not None
    assert [(curve.name, curve.kind) for curve in drawn.curves] == [
        ("50%", "solid"),
        ("95%", "dashed"),
        ("99%", "dotted"),
    ]
    points = [tuple(map(float, p.split(","))) for curve in drawn.curves for p in curve.points.split()]
    assert all(0 <= x <= load_chart.WIDTH and 0 <= y <= load_chart.HEIGHT for x, y in points)
    assert "95% of the answers came within 30 ms at the start" in drawn.described


@pytest.mark.parametrize(
    "series",
    [
        None,
        [],
        "x",
        [{"p50_ms": 1}],
        [{"p50_ms": "x"}] * 3,
        [{"p50_ms": float("nan")}] * 3,
        [{"second": 1, "p50_ms": 0}] * 2,
    ],
)
def test_what_cannot_be_drawn_is_not(series: object) -> None:
    """Values that are no numbers, or too few of them, give no picture and no error."""
    assert load_chart.picture({"series": series}) is None


@pytest.mark.parametrize(
    ("value", "told"),
    [(12.5, "12.5 ms"), (4000, "4,000 ms"), (None, "unknown"), ("<b>", "unknown"), (True, "unknown")],
)
def test_what_is_no_number_is_unknown(value: object, told: str) -> None:
    """A figure that is missing is never shown as nought."""
    assert load_chart.figure(value, " ms") == told


def test_the_control_plane_is_named_for_readers() -> None:
    """Who reads no code sees that the test moved the clock, and no word of the harness's own."""
    moved = {"method": "POST", "path": "/v1/clock/advances", "status": 200}
    step = {"id": "later", "outcome": "pass", "system": "control", "exchanges": [moved]}
    (part,) = sequence.told({"played": [step]})
    assert (
        part.calls[0].sentence
        == "the test calls clock and records: POST /v1/clock/advances, answered with 200."
    )
