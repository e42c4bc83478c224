"""
Curves over the time of a load, and the rates that a search tried, as pictures for the page.

``performance.json`` is read with care: whatever is no number is shown as unknown, and never as a nought. Curves differ
in their pattern and not in colour alone, each has its name at its end, and each picture says in words what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 84, 104, 20, 44
MOST_POINTS = 240
# Between the names of two curves, and above the highest.
_LINE, _EDGE = 16, 12
# Steps in which an axis is marked, each a round number of milliseconds or seconds.
ROUND = (1, 2, 5)
UNKNOWN = "unknown"

Performance = Mapping[str, Any]
Points = Sequence[tuple[float, float]]
Lines = Sequence[tuple[str, str, str]]
"""(field of the series, what people call it, pattern)"""

# Patterns of lines, as SVG writes them.
DASHES = {"solid": "none", "dashed": "8 4", "dotted": "2 4", "mixed": "10 4 2 4"}
PERCENTILES: Lines = (
    ("p50_ms", "50%", "solid"),
    ("p95_ms", "95%", "dashed"),
    ("p99_ms", "99%", "dotted"),
    ("p95_from_intended_ms", "95% from due", "mixed"),
)
RATES: Lines = (
    ("rate_scheduled", "due", "dashed"),
    ("rate", "answered", "solid"),
    ("failures", "failed", "dotted"),
)


@dataclass(frozen=True)
class Curve:
    """One figure over time: its name, its pattern, the outline, and where its name stands."""

    name: str
    kind: str
    points: str
    end_x: float
    end_y: float

    @property
    def dashes(self) -> str:
        """The pattern as SVG writes it."""
        return DASHES[self.kind]


@dataclass(frozen=True)
class Mark:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Spot:
    """A rate that was tried: where it stands, whether it held, and that in words."""

    x: float
    y: float
    held: bool
    told: str


@dataclass(frozen=True)
class Picture:
    """
    What is drawn; ``described`` says in words what it shows.

    Args:
        name: short and of letters only, for anchors.
    """

    name: str
    title: str
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    described: str
    curves: tuple[Curve, ...] = ()
    spots: tuple[Spot, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


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
    return _over_time(performance, "latency", "Time to answer, over the time of the load", PERCENTILES, _slow)


def rates(performance: Performance) -> Picture | None:
    """What was due, answered and failed over time; None where fewer than two moments are known."""
    return _over_time(performance, "rate", "Requests a second, over the time of the load", RATES, _busy)


def _over_time(
    performance: Performance, name: str, title: str, lines: Lines, told: Callable[[str, Points], str]
) -> Picture | None:
    moments = [_moment(each, index) for index, each in enumerate(rows(performance.get("series")))]
    found = {
        label: points
        for key, label, _ in lines
        if len(
            points := [(at, value) for at, each in moments if (value := number(each.get(key))) is not None]
        )
        > 1
    }
    every = [point for points in found.values() for point in points]
    first, last = min((at for at, _ in every), default=0.0), max((at for at, _ in every), default=0.0)
    if last <= first:
        return None
    ticks = _ticks(max(value for _, value in every) or 1.0)
    curves = [
        _curve(label, kind, [(_x(at, first, last), _y(value, ticks[-1])) for at, value in _thinned(points)])
        for _, label, kind in lines
        for points in [found.get(label, [])]
        if points
    ]
    said = "; ".join(told(label, points) for label, points in found.items())
    return Picture(
        name=name,
        title=title,
        curves=tuple(_apart(curves)),
        across=tuple(Mark(_x(at, first, last), f"{at:,.0f} s") for at in _marks(first, last)),
        up=tuple(
            Mark(_y(value, ticks[-1]), f"{value:,g}{' ms' if lines is PERCENTILES else ''}")
            for value in ticks
        ),
        described=f"Over {last - first:,.0f} seconds: {said}.",
    )


def _moment(each: Mapping[str, Any], index: int) -> tuple[float, Mapping[str, Any]]:
    at = next((n for key in ("second", "at_s", "seconds") if (n := number(each.get(key))) is not None), None)
    return (float(index) if at is None else at, each)


def _thinned(points: Points) -> Points:
    """At most so many points that can be drawn; of those that fall together the highest, so that nothing hides."""
    size = -(-len(points) // MOST_POINTS)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [max(group, key=lambda point: point[1]) for group in groups]


def _x(at: float, first: float, last: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * (at - first) / (last - first), 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)


def _curve(name: str, kind: str, points: Points) -> Curve:
    return Curve(name, kind, " ".join(f"{x},{y}" for x, y in points), *points[-1])


def _apart(curves: Sequence[Curve]) -> list[Curve]:
    """The curves with their names moved apart where their ends meet, and none of them above the picture."""
    from_below = sorted(range(len(curves)), key=lambda place: -curves[place].end_y)
    heights: dict[int, float] = {}
    last = float(HEIGHT)
    for place in from_below:
        heights[place] = last = min(curves[place].end_y, last - _LINE)
    last = float(_EDGE - _LINE)
    for place in reversed(from_below):
        heights[place] = last = max(heights[place], last + _LINE)
    return [replace(curve, end_y=heights[place]) for place, curve in enumerate(curves)]


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


_PLAIN = {"95% from due": "95% of the answers, counted from when they were due,"}


def _slow(name: str, points: Points) -> str:
    subject = _PLAIN.get(name, f"{name} of the answers")
    return (
        f"{subject} came within {points[0][1]:,.0f} ms at the start, within {points[-1][1]:,.0f} ms at the "
        f"end, and within {max(value for _, value in points):,.0f} ms at the slowest moment"
    )


def _busy(name: str, points: Points) -> str:
    values = [value for _, value in points]
    if name == "failed":
        return f"{sum(values):,.0f} failed in {sum(value > 0 for value in values):,} of the seconds"
    return f"between {min(values):,.0f} and {max(values):,.0f} a second were {name}"


def capacity(found: Mapping[str, Any]) -> Picture | None:
    """The rates that a search for the highest one tried, with the latency at each; None where none is known."""
    tried = [
        (rate, late, each.get("held") is True)
        for each in rows(found.get("runs"))
        if (rate := number(each.get("rate"))) is not None
        and (late := number(each.get("p95_from_intended_ms"))) is not None
    ]
    if not tried:
        return None
    across, up = (_ticks(max(each[place] for each in tried) or 1.0) for place in (0, 1))
    return Picture(
        name="capacity",
        title="Rates that were tried, and 95% of the answers from when they were due",
        across=tuple(Mark(_x(rate, 0, across[-1]), f"{rate:,g} a second") for rate in across[::2]),
        up=tuple(Mark(_y(value, up[-1]), f"{value:,g} ms") for value in up),
        spots=tuple(
            Spot(_x(rate, 0, across[-1]), _y(late, up[-1]), held, _tried(rate, late, held))
            for rate, late, held in tried
        ),
        described=f"{' '.join(_tried(*each) for each in tried)}",
    )


def _tried(rate: float, late: float, held: bool) -> str:
    how = "held" if held else "did not hold"
    return f"{rate:,g} a second {how}, with {late:,.0f} ms."
