"""The arithmetic of a load: buckets, schedules, levels, results, and the search for the highest rate."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from joinedup.conformance.errors import ConfigurationError
from joinedup.reports.load_picture import capacity_picture, load_picture
from joinedup.scenarios.arrivals import SHAPES, Profile, schedule
from joinedup.scenarios.latency import Histogram, bucket_of, highest_of, histogram_from, merged
from joinedup.scenarios.load_capacity import find_capacity
from joinedup.scenarios.load_counting import counted
from joinedup.scenarios.load_levels import checked, judged
from joinedup.scenarios.load_markers import Markers, names_one
from joinedup.scenarios.load_plan import LoadPlan, PlannedOperation, PlannedSystem
from joinedup.scenarios.load_results import performance
from joinedup.scenarios.load_tally import Tally, summed, tally_from

# --- buckets


@pytest.mark.parametrize("microseconds", [0, 1, 2047, 2048, 2049, 4095, 4096, 123_456, 2_000_000, 10**9])
def test_a_bucket_is_a_thousandth_wide(microseconds: int) -> None:
    """A duration lies within its bucket, and at most a thousandth below its end."""
    end = highest_of(bucket_of(microseconds))
    assert microseconds <= end <= microseconds * 1.001 + 1


def test_buckets_are_in_order() -> None:
    """Longer durations have higher buckets, without a gap or an overlap."""
    buckets = [bucket_of(m) for m in range(10_000)]
    assert buckets == sorted(buckets)
    assert set(buckets) == set(range(max(buckets) + 1))


def test_merging_loses_nothing() -> None:
    """Many histograms added up give the percentiles of one that recorded everything."""
    numbers = random.Random(1)
    values = [numbers.lognormvariate(-6, 1.5) for _ in range(3000)]
    parts = [Histogram() for _ in range(3)]
    for number, value in enumerate(values):
        parts[number % 3].record(value)
    whole, values = merged(histogram_from(part.as_record()) for part in parts), sorted(values)
    for share in (50, 90, 95, 99, 100):
        exact = values[-(-len(values) * share // 100) - 1] * 1000
        assert whole.percentile(share) == pytest.approx(exact, rel=0.0011, abs=0.002)
    assert whole.total == 3000


# --- the schedule


@pytest.mark.parametrize("shape", SHAPES)
def test_a_schedule_offers_what_its_shape_says(shape: str) -> None:
    """Each shape has as many arrivals as the area under it, in order, and none outside the duration."""
    profile = Profile(shape, 40, 30)
    due = list(schedule(profile, [1.0]))
    assert abs(len(due) - profile.requests) <= 1
    times = [arrival.at_s for arrival in due]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 30


def test_a_steady_schedule_is_even() -> None:
    """At a steady rate arrivals are one period apart."""
    times = [arrival.at_s for arrival in schedule(Profile("steady", 50, 10), [1.0])]
    assert all(later - earlier == pytest.approx(0.02) for earlier, later in itertools.pairwise(times))


def test_journeys_start_more_rarely_the_more_they_send() -> None:
    """A journey of n requests starts at rate x weight / n, so that the rate is that of requests."""
    shares = [0.5 / 5, 0.5]
    due = list(schedule(Profile("steady", 100, 20), shares))
    assert [sum(a.item == item for a in due) for item in (0, 1)] == [200, 1000]


@pytest.mark.parametrize("processes", [2, 3, 7])
def test_processes_share_a_schedule_exactly(processes: int) -> None:
    """Together they take every arrival, each once."""
    profile, shares = Profile("monday-peak", 30, 20), [0.2, 0.3]
    whole = list(schedule(profile, shares))
    parts = [a for part in range(processes) for a in schedule(profile, shares, part=part, of=processes)]
    assert sorted(parts, key=lambda a: a.number) == whole


def test_an_unknown_shape_is_refused() -> None:
    """The sentence lists the shapes there are."""
    with pytest.raises(ConfigurationError, match="school-morning"):
        Profile("wave", 1, 1)


# --- markers


@pytest.mark.parametrize(
    ("body", "foreign"),
    [
        (b"", False),
        (b'{"reason": "x jlabcdefu7n12z"}', False),
        (b'{"reason": "x jlabcdefu8n12z"}', True),
        (b'{"a": "jlabcdefu7n1z", "b": "jlabcdefu70n1z"}', True),
        (b'{"reason": "jl012345u8n12z"}', False),
    ],
)
def test_another_users_marker_is_seen(body: bytes, foreign: bool) -> None:
    """A marker of another user of the same load is foreign; one's own, and one of an earlier load, is not."""
    assert Markers("abcdef", 7).foreign(body) is foreign


@pytest.mark.parametrize(
    ("method", "path", "one"),
    [
        ("GET", "/v1/contacts", False),
        ("GET", "/v1/contacts/{contactId}", True),
        ("POST", "/v1/contacts", True),
        ("POST", "/v1/children/search", False),
    ],
)
def test_shared_lists_are_no_leak(method: str, path: str, one: bool) -> None:
    """Users of one organisation see each other in its lists, and nowhere else."""
    assert names_one(method, path) is one


# --- results


def _plan(**changes: Any) -> LoadPlan:
    operation = PlannedOperation("a:b", "a", "GET /b", 1, {})
    fields: dict[str, Any] = {"rate": 10, "duration_s": 10, "users": 5}
    return LoadPlan(
        "abcdef", {"a": PlannedSystem("http://a.example", "a.yaml", {})}, [operation], [], **fields | changes
    )


def _tally(
    answers: int = 100, *, seconds: float = 0.01, failed: int = 0, cpu: float = 1.0, **changes: Any
) -> Tally:
    tally = Tally(due=100, started=100, finished=100, cpu=[(cpu, 10.0)])
    for number in range(answers):
        tally.request("GET /b of a", number * 10 // answers, seconds, seconds + 0.005, number < failed)
    for name, value in changes.items():
        setattr(tally, name, value)
    return tally


@pytest.mark.parametrize(
    ("tally", "missing", "said"),
    [
        (_tally(), 0, ""),
        (_tally(cpu=9.5), 0, "95% of a core"),
        (_tally(started=90), 0, "90 of 100 arrivals"),
        (_tally(90), 0, "9 requests a second were answered"),
        (_tally(), 1, "1 of the processes"),
        (_tally(0), 0, "Not one request"),
    ],
)
def test_a_load_that_proves_nothing_says_so(tally: Tally, missing: int, said: str) -> None:
    """A generator that saturates, a schedule missed by a twentieth, or a process lost makes a load invalid."""
    found = performance(_plan(), tally, {}, missing=missing)
    assert found["valid"] is (not said)
    assert found["verdict"] == ("invalid" if said else "met")
    assert said in " ".join(found["invalid_because"])


def test_what_failing_journeys_leave_out_is_the_systems() -> None:
    """A load of which much is missing because journeys failed is broken, and not invalid."""
    found = performance(_plan(), _tally(80, failed=20, left_out=20), {"error_rate": 0.01})
    assert found["valid"]
    assert found["verdict"] == "broken"
    assert performance(_plan(), _tally(80, failed=20, left_out=10), {})["verdict"] == "invalid"


@pytest.mark.parametrize(
    ("levels", "met"),
    [
        ({"p95_ms": 11}, True),
        ({"p95_ms": 9}, False),
        ({"p95_from_intended_ms": 11}, False),
        ({"error_rate": 0.02}, True),
        ({"error_rate": 0.01}, False),
        ({"rate": 10}, True),
        ({"rate": 11}, False),
        ({"GET /b of a": {"p50_ms": 11}}, True),
        ({"GET /b of a": {"p50_ms": 9}}, False),
        ({"POST /c of a": {"p50_ms": 9}}, False),
    ],
)
def test_levels_are_held_against_what_was_measured(levels: dict[str, Any], met: bool) -> None:
    """Percentiles and errors are at most, the rate at least; what was not sent does not meet its level."""
    found = performance(_plan(), _tally(failed=2), checked(levels))
    assert [level["met"] for level in found["levels"] if level["key"] != "correct"] == [met]
    assert found["verdict"] == ("met" if met else "broken")
    assert judged(levels, found)[0]["met"] is met


@pytest.mark.parametrize("change", [{"foreign": 1}, {"breaches": 1}])
def test_a_mixed_up_answer_breaks_any_load(change: dict[str, int]) -> None:
    """What is wrong counts also where the load itself is invalid."""
    assert performance(_plan(), _tally(cpu=9.5, **change), {})["verdict"] == "broken"


@pytest.mark.parametrize("levels", [{"p95": 1}, {"x": {"p96_ms": 1}}, {"rate": -1}])
def test_a_level_that_cannot_be_judged_is_refused(levels: dict[str, Any]) -> None:
    """The sentence names the key."""
    with pytest.raises(ConfigurationError, match=r"load\.levels\."):
        checked(levels)


def test_processes_add_up() -> None:
    """The sum of tallies that travelled is what one process would have counted."""
    parts = [_tally(30, seconds=0.02, accepted={"a b": [1]}), _tally(70, accepted={"a b": [2]})]
    whole = summed(tally_from(part.as_record()) for part in parts)
    assert whole.whole().count == 100
    assert whole.accepted == {"a b": [1, 2]}
    assert whole.whole().service.as_record() == merged(p.whole().service for p in parts).as_record()


# --- the highest rate


@pytest.mark.parametrize(
    ("breaks_at", "saturates_at", "highest", "limited"),
    [(330, 10_000, (290, 330), False), (30, 10_000, (26, 30), False), (10_000, 350, (200, 200), True)],
)
def test_the_highest_rate_that_holds_is_found(
    breaks_at: float, saturates_at: float, highest: tuple[float, float], limited: bool
) -> None:
    """It is found from above and from below, within a tenth; a generator at its limit ends the search and is told."""

    def attempt(rate: float) -> dict[str, Any]:
        found = performance(_plan(), _tally(cpu=9.5 if rate > saturates_at else 1), {})
        met = rate < breaks_at
        return found | {"levels": [{"level": "p95_ms ≤ 1", "met": met}], "rate": rate}

    capacity = find_capacity(attempt, 100)["capacity"]
    assert highest[0] <= capacity["highest"] <= highest[1]
    assert capacity["limited_by_generator"] is limited
    picture = ElementTree.fromstring(capacity_picture(capacity))
    marks = picture.findall(".//{*}circle/{*}title") + picture.findall(".//{*}path/{*}title")
    assert len(marks) == len(capacity["runs"])


def test_the_picture_says_what_it_shows() -> None:
    """It is one SVG with a title and a description, and lines that differ in more than colour."""
    found = performance(_plan(), _tally(), {})
    picture = ElementTree.fromstring(load_picture(found))
    assert picture.get("role") == "img"
    described = picture.find("{*}desc")
    assert described is not None
    assert "100 requests" in (described.text or "")
    patterns = [line.get("stroke-dasharray") for line in picture.findall("{*}polyline")]
    assert len(set(patterns[:4])) == 4
    assert not re.search(r"(href|src)=", load_picture(found))


# --- lost and duplicated


class _Journals:
    """Agencies that received what a test says."""

    def __init__(self, received: list[int], deliveries: list[dict[str, Any]] | None = None) -> None:
        self._received, self._deliveries = received, deliveries or []

    def exchanges(self, system: str) -> tuple[dict[str, Any], ...]:
        return tuple(
            {
                "method": "POST",
                "status": 201,
                "operationId": "b",
                "headers": [],
                "body": {"text": f"jlabcdefu1n{number}z"},
            }
            for number in self._received
        )

    def deliveries(self, sender: str) -> tuple[dict[str, Any], ...]:
        return tuple(self._deliveries)

    def advance(self, seconds: float) -> None:
        pass


def _delivery(state: str, *statuses: int) -> dict[str, Any]:
    attempts = [{"status": status} for status in statuses]
    return {"deliveryId": "d", "state": state, "attempts": attempts, "body": "jlabcdefu1n1z"}


@pytest.mark.parametrize(
    ("received", "deliveries", "lost", "duplicated"),
    [
        ([1, 2, 3], [], 0, 0),
        ([1, 3], [], 1, 0),
        ([1, 2, 2, 3], [], 0, 1),
        ([], [], 3, 0),
        ([1, 2, 3], [_delivery("delivered", 503, 201)], 0, 0),
        ([1, 2, 3], [_delivery("waiting", 503)], 1, 0),
        ([1, 2, 3], [_delivery("delivered", 201, 201)], 0, 1),
    ],
)
def test_what_arrived_is_counted(
    received: list[int], deliveries: list[dict[str, Any]], lost: int, duplicated: int
) -> None:
    """What a system accepted is in its journal once, and what agencies have for each other arrives once."""
    tally = Tally(accepted={"a b": [1, 2, 3]})
    found = counted(_Journals(received, deliveries), tally, "abcdef", ["a"], 2)
    assert (found["lost"], found["duplicated"]) == (lost, duplicated)
