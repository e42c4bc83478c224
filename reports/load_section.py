"""
What the page shows of a load: what came of it, its figures, levels, pictures, and what was wrong.

Everything is read from ``performance.json`` with care, because anybody may have written it: what is no number is
unknown, what is no list has no rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joinedup.reports.load_chart import (
    Performance,
    Picture,
    capacity,
    figure,
    number,
    picture,
    rates,
    rows,
)

MOST_MOMENTS = 40
MOST_NAMES = 200
_PERCENTILE = re.compile(r"p(\d+)_(from_intended_)?ms")
# What came of a load: the outcome whose sign it has, and the sentence.
_CAME = {
    "met": ("pass", "Every level was met."),
    "broken": ("fail", "A level was not met."),
    "invalid": (
        "blocked",
        "Nothing can be concluded: the figures are the generator's as much as the system's.",
    ),
}
_SHAPES = {
    "steps": "in four steps",
    "monday-peak": "as a Monday comes, with a steep rise and a slow return",
    "school-morning": "as a school morning comes, all at once",
    "soak": "steadily, to see what changes over time",
    "outage": "steadily, with one agency away in the middle",
}
_CORRECT = (
    ("judged", "Answers held against the contract"),
    ("breaches", "… of which broke it"),
    ("foreign", "Answers that held what another user sent"),
    ("compared", "Accepted objects looked for in the agencies' journals"),
    ("lost", "… of which were lost"),
    ("duplicated", "… of which arrived twice"),
    ("deliveries", "Deliveries between agencies that were looked at"),
)


@dataclass(frozen=True)
class Level:
    """A service level: what was asked, what was measured, and the outcome whose sign it has."""

    asked: str
    measured: str
    outcome: str


@dataclass(frozen=True)
class Section:
    """
    A load as the page shows it.

    Args:
        outcome: of the eight, whose sign it has.
        sentence: what came of it.
        invalid_because: why nothing may be concluded.
        sent: how much was sent, in what shape, by how many.
        figures: (name, value).
        correct: (what was counted, how many).
        capacity: what a search for the highest rate found; empty where there was none.
        reasons: (why something failed, how often).
        moments: a row for each part of the time: when, due, answered, failed, 95%, 95% from due.
        drift: (name, first third, last third).
        parts: (journey, how far it was played), of those that were not played to their end.
    """

    outcome: str
    sentence: str
    invalid_because: tuple[str, ...]
    sent: str
    figures: tuple[tuple[str, str], ...]
    levels: tuple[Level, ...]
    correct: tuple[tuple[str, str], ...]
    pictures: tuple[Picture, ...]
    capacity: str
    reasons: tuple[tuple[str, str], ...]
    moments: tuple[tuple[str, ...], ...]
    drift: tuple[tuple[str, str, str], ...]
    names: tuple[Mapping[str, Any], ...]
    parts: tuple[tuple[str, str], ...]


def section(found: Performance | None) -> Section | None:
    """The section of a load; None where there was none."""
    if not found:
        return None
    outcome, sentence = _came(found)
    search = _table(found.get("capacity"))
    drawn = (picture(found), rates(found), capacity(search))
    return Section(
        outcome=outcome,
        sentence=sentence,
        invalid_because=tuple(str(each) for each in _list(found.get("invalid_because"))),
        sent=_sent(found),
        figures=tuple(_figures(found)),
        levels=tuple(_level(each) for each in rows(found.get("levels"))),
        correct=tuple(_correct(_table(found.get("correctness")))),
        pictures=tuple(each for each in drawn if each is not None),
        capacity=str(search.get("sentence", "")),
        reasons=tuple(
            (str(each.get("reason")), figure(each.get("count"))) for each in rows(found.get("reasons"))
        ),
        moments=tuple(_moments(rows(found.get("series")))),
        drift=tuple(_drift(_table(found.get("drift")))),
        names=tuple(rows(found.get("by_name"))[:MOST_NAMES]),
        parts=tuple(
            (str(each.get("name")), _how_far(each))
            for each in rows(found.get("by_name"))[:MOST_NAMES]
            if each.get("ends_at")
        ),
    )


def _how_far(row: Mapping[str, Any]) -> str:
    """How far a journey was played, and why no further."""
    steps = f"{figure(row.get('steps_played'))} of {figure(row.get('steps'))} steps"
    return f"{steps}, as far as {row.get('ends_at')}: {row.get('ends_because', 'why is not known')}."


def _came(found: Performance) -> tuple[str, str]:
    """The verdict of the load; of a record without one, whether it is valid."""
    known = _CAME.get(str(found.get("verdict")))
    if known:
        return known
    if found.get("valid") is True:
        met = all(each.get("met") is True for each in rows(found.get("levels")))
        return _CAME["met" if met else "broken"]
    return _CAME["invalid"] if found.get("valid") is False else ("blocked", "What came of it is not known.")


def _sent(found: Performance) -> str:
    shape = _SHAPES.get(str(found.get("shape")), "steadily")
    processes = _many(found.get("processes"), "process", "processes")
    users = _many(found.get("users"), "user")
    return (
        f"{_many(found.get('requests'), 'request')} in {figure(found.get('duration_s'), ' s')}, sent {shape} "
        f"by {processes} as at most {users} at once."
    )


def _figures(found: Performance) -> list[tuple[str, str]]:
    return [
        ("Requests", figure(found.get("requests"))),
        ("Failures", figure(found.get("failures"))),
        ("Planned a second", figure(found.get("rate_scheduled"))),
        ("Achieved a second", figure(found.get("rate_achieved"))),
        ("Half within", figure(found.get("p50_ms"), " ms")),
        ("95% within", figure(found.get("p95_ms"), " ms")),
        ("99% within", figure(found.get("p99_ms"), " ms")),
        ("95% within, from when they were due", figure(found.get("p95_from_intended_ms"), " ms")),
        ("99% within, from when they were due", figure(found.get("p99_from_intended_ms"), " ms")),
        ("Generator, of one core", figure(found.get("generator_cpu"), "%")),
    ]


def _many(value: object, singular: str, several: str = "") -> str:
    return f"{figure(value)} {singular if value == 1 else several or singular + 's'}"


def _level(each: Mapping[str, Any]) -> Level:
    met, unit = each.get("met"), _unit(str(each.get("key")))
    measured = number(each.get("measured"))
    return Level(
        asked=_asked(each, unit),
        measured="" if measured is None else _with_unit(measured, unit),
        outcome="pass" if met is True else "fail" if met is False else "blocked",
    )


def _asked(each: Mapping[str, Any], unit: str) -> str:
    """A level in words; as it is written where it is none that is known."""
    key, wanted, name = str(each.get("key")), number(each.get("wanted")), str(each.get("name") or "")
    percentile = _PERCENTILE.fullmatch(key)
    if wanted is None or not (percentile or key in ("error_rate", "rate")):
        return str(each.get("level"))
    value = _with_unit(wanted, unit)
    told = f"at least {value}" if key == "rate" else f"at most {value} fail"
    if percentile:
        told = f"{percentile[1]}% within {value}{', from when they were due' if percentile[2] else ''}"
    return f"{name}: {told}" if name else f"{told[0].upper()}{told[1:]}"


def _unit(key: str) -> str:
    return " ms" if _PERCENTILE.fullmatch(key) else {"error_rate": "%", "rate": " a second"}.get(key, "")


def _with_unit(value: float, unit: str) -> str:
    return f"{value * 100 if unit == '%' else value:,.6g}{unit}"


def _correct(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(told, figure(counts[key])) for key, told in _CORRECT if key in counts]


def _moments(series: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The load in at most so many parts: means of the rates, sums of failures, and the slowest second of each."""
    size = max(-(-len(series) // MOST_MOMENTS), 1)
    return [_part(series[start : start + size], start) for start in range(0, len(series), size)]


def _part(seconds: Sequence[Mapping[str, Any]], start: int) -> tuple[str, ...]:
    def known(key: str) -> list[float]:
        return [value for each in seconds if (value := number(each.get(key))) is not None]

    def mean(key: str) -> str:
        return figure(sum(found) / len(found) if (found := known(key)) else None)

    first = number(seconds[0].get("second"))
    return (
        f"{start if first is None else first:,.0f} s",
        mean("rate_scheduled"),
        mean("rate"),
        figure(sum(found) if (found := known("failures")) else None),
        figure(max(known("p95_ms"), default=None), " ms"),
        figure(max(known("p95_from_intended_ms"), default=None), " ms"),
    )


def _drift(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    def ends(key: str) -> tuple[object, object]:
        sizes = _list(found.get(key))
        return (sizes[0], sizes[-1]) if sizes else (None, None)

    lines = [
        (
            "95% within",
            found.get("p95_ms_first_third"),
            found.get("p95_ms_last_third"),
            " ms",
        ),
        ("Memory of the generator", *ends("generator_memory_mb"), " MB"),
        ("Memory of the bundled agencies", *ends("agencies_memory_mb"), " MB"),
    ]
    return [
        (name, figure(before, unit), figure(after, unit))
        for name, before, after, unit in lines
        if number(before) is not None or number(after) is not None
    ]


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
