"""What the page shows of a load, from what a load really writes and from anything else that stands in its file."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from loads import measured

from joinedup.reports import load_chart, page
from joinedup.reports.load_section import MOST_MOMENTS, Section, section
from joinedup.scenarios.load_capacity import find_capacity


def _section(found: dict[str, Any]) -> Section:
    shown = section(found)
    assert shown is not None
    return shown


def test_what_came_of_a_load_is_first() -> None:
    """Planned and achieved rate, failures and both latencies stand there, with the verdict of the load."""
    shown = _section(measured())
    figures = dict(shown.figures)
    assert (shown.outcome, shown.sentence) == ("fail", "A level was not met.")
    assert (figures["Planned a second"], figures["Achieved a second"], figures["Failures"]) == (
        "10",
        "10",
        "10",
    )
    assert figures["95% within"] == "105 ms"
    assert figures["95% within, from when they were due"] == "185 ms"
    assert shown.sent.startswith(
        "900 requests in 90 s, sent steadily, to see what changes over time by 1 process"
    )


def test_levels_are_told_in_words() -> None:
    """What was asked, what was measured, and whether it was met."""
    levels = {level.asked: (level.measured, level.outcome) for level in _section(measured()).levels}
    assert levels["95% within 300 ms"] == ("105.02 ms", "pass")
    assert levels["At most 1% fail"] == ("1.111%", "fail")
    assert levels["At least 9 a second"] == ("10 a second", "pass")
    assert levels["GET /b of a: 99% within 800 ms, from when they were due"][1] == "pass"
    assert levels["no answer holds what another user sent"] == ("1", "fail")


def test_what_makes_a_load_invalid_is_told() -> None:
    """A load that proves nothing says so first, and why."""
    found = measured(cpu=9.6) | {"correctness": {}, "verdict": "invalid"}
    shown = _section(found)
    assert shown.outcome == "blocked"
    assert shown.sentence.startswith("Nothing can be concluded")
    assert "96% of a core" in shown.invalid_because[0]


def test_what_was_lost_and_what_drifted_is_counted() -> None:
    """Isolation, losses, duplicates and reasons are figures; the first part of a soak stands beside the last."""
    shown = _section(measured())
    counts = dict(shown.correct)
    assert counts["… of which were lost"] == "2"
    assert counts["… of which arrived twice"] == "1"
    assert counts["Answers that held what another user sent"] == "1"
    assert shown.reasons == (("GET /b of a: answered with 503", "1"),)
    assert ("Memory of the generator", "100 MB", "120 MB") in shown.drift


def test_nothing_hides_between_the_moments_that_are_shown() -> None:
    """Where many seconds share a row or a point, their failures are added and the slowest of them is shown."""
    shown = _section(measured())
    assert len(shown.moments) <= MOST_MOMENTS
    assert sum(int(row[3]) for row in shown.moments) == 10
    slow = measured()
    slow["series"] = [
        {"second": n, "p95_ms": 9000 if n == 1501 else 1, "failures": int(n == 7)} for n in range(3000)
    ]
    latency, rate = load_chart.picture(slow), load_chart.rates(slow)
    assert latency is not None
    assert rate is not None
    (curve,) = latency.curves
    assert len(curve.points.split()) <= load_chart.MOST_POINTS
    highest = min(float(point.split(",")[1]) for point in curve.points.split())
    assert highest == pytest.approx(
        next(mark.at for mark in latency.up if mark.label.startswith("10")), abs=40
    )
    assert "1 failed in 1 of the seconds" in rate.described


def test_a_search_has_its_sentence_and_its_picture() -> None:
    """Each rate that was tried is a mark that says whether it held."""
    found = find_capacity(
        lambda rate: measured(levels={"p95_ms": 500 if rate < 300 else 1}) | {"rate": rate}, 100
    )
    shown = _section(found | {"correctness": {}})
    drawn = next(picture for picture in shown.pictures if picture.name == "capacity")
    assert shown.capacity == found["capacity"]["sentence"]
    assert len(drawn.spots) == len(found["capacity"]["runs"])
    assert all(0 < spot.x < drawn.width and 0 < spot.y < drawn.height for spot in drawn.spots)


@pytest.mark.parametrize("names", [1, 3, 4])
def test_names_of_curves_do_not_meet(names: int) -> None:
    """However close curves end, their names have a line each, inside the picture."""
    keys = [key for key, _, _ in load_chart.PERCENTILES][:names]
    for value in (0, 5, 100):
        series = [{"second": n, **dict.fromkeys(keys, value)} for n in range(3)]
        drawn = load_chart.picture({"series": series})
        assert drawn is not None
        heights = sorted(curve.end_y for curve in drawn.curves)
        assert len(heights) == names
        assert all(later - earlier >= 15 for earlier, later in itertools.pairwise(heights))
        assert heights[0] >= 10
        assert heights[-1] <= drawn.height


@pytest.mark.parametrize("key", sorted(measured()))
def test_a_file_that_anybody_wrote_is_shown_all_the_same(key: str) -> None:
    """Whatever stands in the file, the section is made; what is no number is unknown."""
    values: tuple[object, ...] = (
        None,
        "x",
        [],
        [None],
        [{}],
        {"runs": "x"},
        {"a": 1},
        -1,
        float("nan"),
        True,
    )
    for value in values:
        found = measured() | {key: value}
        shown = page.environment().get_template("load.html").render(load=_section(found))
        assert "<h2" in shown, value


def test_no_text_of_a_load_becomes_markup() -> None:
    """Names and reasons are shown as text."""
    found = measured()
    found["by_name"][0]["name"] = found["reasons"][0]["reason"] = found["levels"][0]["level"] = "<b>x</b>"
    found["invalid_because"] = ["<b>x</b>"]
    assert "<b>" not in page.environment().get_template("load.html").render(load=_section(found))


def test_a_run_without_load_has_no_section() -> None:
    """Nothing is said of a load that was not sent."""
    assert section(None) is None
    assert section({}) is None
