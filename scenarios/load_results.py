"""
``performance.json``: what a load found, from what its processes counted.

Fields, beside those that the design names (times in ms, rates a second, processor time in percent of one core):

=================== ========================================================================================
verdict             ``met``, ``broken`` or ``invalid``; it stands beside conformance and never in it
invalid_because     sentences: why nothing may be concluded from this load
by_name             a row for each request and journey: name, kind, requests, failures, rate, percentiles
                    a journey has steps_played of steps, and where it ends early ends_at and ends_because
series              a row for each second: second, rate_scheduled, rate, failures, p50_ms, p95_ms, p99_ms,
                    p95_from_intended_ms
left_out            requests that journeys no longer sent, because they had failed before
correctness         judged and breaches of the contract, foreign markers, lost and duplicated objects
reasons             why requests failed, with how often
drift               soak: p95 and memory, the first third of the load against the last
capacity            ``--find-capacity``: the highest rate that held, and every rate that was tried
=================== ========================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from joinedup.scenarios.arrivals import Profile
from joinedup.scenarios.latency import Histogram, merged
from joinedup.scenarios.load_levels import Levels, judged
from joinedup.scenarios.load_plan import LoadPlan, PlannedJourney
from joinedup.scenarios.load_tally import Row, Tally

PERCENTILES = (50, 75, 90, 95, 99)
SATURATED = 90.0
LEAST_STARTED = 0.95
_MS = 2


def performance(
    plan: LoadPlan,
    tally: Tally,
    levels: Levels,
    *,
    missing: int = 0,
    counted: Mapping[str, Any] | None = None,
    served_memory: Sequence[int] = (),
) -> dict[str, Any]:
    """
    What a load found.

    Args:
        missing: processes that were to take part and handed nothing over.
        counted: what was found in the journals of those who received.
        served_memory: bytes that the bundled agencies used, over the load.
    """
    whole = tally.whole()
    found: dict[str, Any] = {
        "schema": 1,
        "run": plan.run,
        "shape": plan.shape,
        "duration_s": plan.duration_s,
        "users": plan.users,
        "processes": len(tally.cpu),
        **_figures(whole, plan.duration_s),
        "rate_scheduled": round(plan.profile.requests / plan.duration_s, 2),
        "rate_achieved": round(_within(tally, plan.duration_s) / plan.duration_s, 2),
        "arrivals": {"due": tally.due, "started": tally.started, "finished": tally.finished},
        "left_out": tally.left_out,
        "generator_cpu": round(max((100 * used / passed for used, passed in tally.cpu), default=0.0), 1),
        "generator_busiest_cpu": round(max((100 * share for share in tally.busiest), default=0.0), 1),
        "generator_late_p99_ms": round(tally.late.percentile(99), _MS),
    }
    played = {journey.name: _played(journey) for journey in plan.journeys}
    found["by_name"] = [
        {"name": name, "kind": row.kind, **_figures(row, plan.duration_s), **played.get(name, {})}
        for name, row in sorted(tally.rows.items(), key=lambda pair: (pair[1].kind, pair[0]))
    ]
    found["series"] = series(plan.profile, tally)
    seen = {"judged": tally.judged, "breaches": tally.breaches, "foreign": tally.foreign}
    found["correctness"] = {**seen, **(counted or {})}
    found["reasons"] = [{"reason": why, "count": count} for why, count in tally.why.most_common(20)]
    found["drift"] = drift(plan, tally, served_memory)
    found["invalid_because"] = list(_invalid(found, missing))
    found["valid"] = not found["invalid_because"]
    found["levels"] = [*judged(levels, found), *_correct(found["correctness"])]
    found["verdict"] = verdict(found)
    return found


def verdict(found: Mapping[str, Any]) -> str:
    """``broken`` where a level was not met although the load is valid, ``invalid``, or ``met``."""
    wrong = [level for level in found["levels"] if not level["met"]]
    # What a system mixed up or lost is so, however the generator fared.
    if any(level["key"] == "correct" for level in wrong):
        return "broken"
    if not found["valid"]:
        return "invalid"
    return "broken" if wrong else "met"


def _correct(correctness: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is asked of every load, without being written anywhere."""
    sentences = {
        "foreign": "no answer holds what another user sent",
        "breaches": "every answer that was looked at keeps its contract",
        "lost": "nothing that was accepted is lost",
        "duplicated": "nothing that was sent once arrives twice",
    }
    return [
        {
            "level": sentence,
            "name": "",
            "key": "correct",
            "wanted": 0,
            "measured": correctness[key],
            "met": not correctness[key],
        }
        for key, sentence in sentences.items()
        if key in correctness
    ]


def _figures(row: Row, seconds: float) -> dict[str, Any]:
    """Counts and percentiles of a row."""
    service = {f"p{p}_ms": round(row.service.percentile(p), _MS) for p in PERCENTILES}
    intended = {f"p{p}_from_intended_ms": round(row.intended.percentile(p), _MS) for p in PERCENTILES}
    return {
        "requests": row.count,
        "failures": row.failures,
        "rate_achieved": round(row.count / seconds, 2),
        **service,
        **intended,
        "longest_ms": round(row.service.longest / 1000, _MS),
        "longest_from_intended_ms": round(row.intended.longest / 1000, _MS),
    }


def _played(journey: PlannedJourney) -> dict[str, Any]:
    """How much of a journey each play is."""
    found: dict[str, Any] = {"steps_played": journey.steps, "steps": journey.of}
    return {**found, "ends_at": journey.ends_at, "ends_because": journey.why} if journey.ends_at else found


def _within(tally: Tally, seconds: float) -> int:
    """Requests that ended while the load lasted, and not in the time that was left for what was late."""
    return sum(row.count for second, row in tally.seconds.items() if second < seconds)


def series(profile: Profile, tally: Tally) -> list[dict[str, Any]]:
    """A row for each second of the load, those without an answer too."""
    last = max([*tally.seconds, int(profile.duration_s) - 1])
    offered = _offered(profile)
    rows = []
    for second in range(last + 1):
        row = tally.seconds.get(second, Row("request"))
        rows.append(
            {
                "second": second,
                "rate_scheduled": round(offered.get(second, 0.0), 2),
                "rate": row.count,
                "failures": row.failures,
                **{f"p{p}_ms": round(row.service.percentile(p), _MS) for p in (50, 95, 99)},
                "p95_from_intended_ms": round(row.intended.percentile(95), _MS),
            }
        )
    return rows


def _offered(profile: Profile) -> dict[int, float]:
    """Requests that the schedule offers in each second."""
    found: dict[int, float] = {}
    for at in profile.times(1.0, 0.5):
        found[int(at)] = found.get(int(at), 0.0) + 1
    return found


def _invalid(found: Mapping[str, Any], missing: int) -> list[str]:
    """Why nothing may be concluded."""
    said = []
    if missing:
        said.append(f"{missing} of the processes that send handed nothing over: they ended too early.")
    if found["generator_cpu"] > SATURATED:
        said.append(
            f"The generator used {found['generator_cpu']:g}% of a core, above {SATURATED:g}%: it measured itself. Use more --processes or a lower --rate."
        )
    due, started = found["arrivals"]["due"], found["arrivals"]["started"]
    if started < LEAST_STARTED * due:
        said.append(
            f"Only {started} of {due} arrivals that were due were started: every one of {found['users']} users was waiting for an answer. The system cannot keep up with the rate, or more --users are needed."
        )
    # What a journey that failed no longer sent is missing because of the system, and not because of the generator.
    elif (
        found["rate_achieved"] + found["left_out"] / found["duration_s"]
        < LEAST_STARTED * found["rate_scheduled"]
    ):
        said.append(
            f"{found['rate_achieved']:g} requests a second were answered while the load lasted, below 95% of the {found['rate_scheduled']:g} that were due."
        )
    if not found["requests"]:
        said.append("Not one request was sent.")
    return said


def drift(plan: LoadPlan, tally: Tally, served_memory: Sequence[int]) -> dict[str, Any]:
    """The last third of the load against the first, in latency and memory."""
    third = plan.duration_s / 3
    first = _latency(tally, 0, third)
    last = _latency(tally, 2 * third, plan.duration_s)
    before, after = (sum(pair[i] for pair in tally.memory) for i in (0, 1))
    return {
        "p95_ms_first_third": round(first.percentile(95), _MS),
        "p95_ms_last_third": round(last.percentile(95), _MS),
        "generator_memory_mb": [round(before / 1e6, 1), round(after / 1e6, 1)],
        "agencies_memory_mb": [round(size / 1e6, 1) for size in served_memory],
    }


def _latency(tally: Tally, start: float, end: float) -> Histogram:
    return merged(row.service for second, row in tally.seconds.items() if start <= second < end)
