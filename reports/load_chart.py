"""
The load of a run as the page shows it: figures, agreed levels, and percentiles over time as a picture.

``performance.json`` is read with care: whatever is no number is shown as unknown, and never as a nought.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 60, 20, 44
MOST_POINTS = 240
# Steps in which an axis is marked, each a round number of milliseconds or seconds.
ROUND = (1, 2, 5)
UNKNOWN = "unknown"

Performance = Mapping[str, Any]


@dataclass(frozen=True)
class Curve:
    """One percentile over time: its name, the outline, and where its end is."""

    name: str
    kind: str
    points: str
    end_x: float
    end_y: float


@dataclass(frozen=True)
class Mark:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Picture:
    """Percentiles over time; ``described`` says in words what it shows."""

    curves: tuple[Curve, ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    described: str


PERCENTILES = (("p50_ms", "50%", "solid"), ("p95_ms", "95%", "dashed"), ("p99_ms", "99%", "dotted"))


def number(value: object) -> float | None:
    """A number that can be drawn; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e12 else None


def figure(value: object, unit: str = "") -> str:
    """A number as people read it, with its unit."""
    known = number(value)
    if known is None:
        return UNKNOWN
    return f"{known:,.0f}{unit}" if known >= 100 or known == int(known) else f"{known:,.1f}{unit}"


def rows(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def picture(performance: Performance) -> Picture | None:
    """Percentiles over time; None where fewer than two moments are known."""
    series = rows(performance.get("series"))
    step = max(1, -(-len(series) // MOST_POINTS))
    moments = [_moment(each, index) for index, each in enumerate(series)][::step]
    found = {
        key: [(at, value) for at, each in moments if (value := number(each.get(key))) is not None]
        for key, _, _ in PERCENTILES
    }
    every = [point for points in found.values() for point in points]
    first = min((at for at, _ in every), default=0.0)
    last, highest = max((at for at, _ in every), default=0.0), max((value for _, value in every), default=0.0)
    if last <= first:
        return None
    ticks = _ticks(highest or 1.0)
    top = ticks[-1]
    curves = [
        _curve(name, kind, [(_x(at, first, last), _y(value, top)) for at, value in points])
        for key, name, kind in PERCENTILES
        if len(points := found[key]) > 1
    ]
    return Picture(
        curves=tuple(_apart(curves)),
        across=tuple(Mark(_x(at, first, last), f"{at:,.0f} s") for at in _marks(first, last)),
        up=tuple(Mark(_y(value, top), f"{value:,.0f} ms") for value in ticks),
        described=_described(found, last - first),
    )


def _moment(each: Mapping[str, Any], index: int) -> tuple[float, Mapping[str, Any]]:
    at = next((n for key in ("second", "at_s", "seconds") if (n := number(each.get(key))) is not None), None)
    return (float(index) if at is None else at, each)


def _x(at: float, first: float, last: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * (at - first) / (last - first), 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)


def _curve(name: str, kind: str, points: Sequence[tuple[float, float]]) -> Curve:
    return Curve(name, kind, " ".join(f"{x},{y}" for x, y in points), *points[-1])


def _apart(curves: Sequence[Curve]) -> list[Curve]:
    """The curves with their names moved apart where their ends meet."""
    placed: list[Curve] = []
    for curve in curves:
        y = min([curve.end_y, *(other.end_y - 16 for other in placed)])
        placed.append(Curve(curve.name, curve.kind, curve.points, curve.end_x, y))
    return placed


def _ticks(highest: float) -> list[float]:
    """From nought in at most five round steps to a value that is not below the highest."""
    power = 1.0
    while True:
        for factor in ROUND:
            step = factor * power
            if step * 5 >= highest:
                return [step * n for n in range(int(-(-highest // step)) + 1)]
        power *= 10


def _marks(first: float, last: float) -> list[float]:
    step = _ticks(last - first)[1]
    return [first + step * n for n in range(int((last - first) // step) + 1)]


def _described(found: Mapping[str, Sequence[tuple[float, float]]], seconds: float) -> str:
    said = [
        f"{name} of the answers came within {points[0][1]:,.0f} ms at the start, within {points[-1][1]:,.0f} ms at the "
        f"end, and within {max(value for _, value in points):,.0f} ms at the slowest moment"
        for key, name, _ in PERCENTILES
        if len(points := found[key]) > 1
    ]
    return f"Over {seconds:,.0f} seconds: {'; '.join(said)}."
