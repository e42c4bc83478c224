"""
Pictures of a load as SVG: what it was like second by second, and which rates held.

They are for the page and for themselves: a title and a description are in each, lines differ in their pattern and not in
colour alone, and every figure is in ``performance.json`` as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 760, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 44, 32
_GAP = 28

# (field of the series, what people call it, colour, dashes): contrast with white is above 4.5 to 1.
_LATENCIES = (
    ("p50_ms", "half of the answers", "#005ea5", ""),
    ("p95_ms", "95 in 100", "#6f3fa0", "7 3"),
    ("p99_ms", "99 in 100", "#a8320a", "2 3"),
    ("p95_from_intended_ms", "95 in 100, from when they were due", "#0b0c0c", "10 3 2 3"),
)
_RATES = (
    ("rate_scheduled", "due", "#505a5f", "7 3"),
    ("rate", "answered", "#00703c", ""),
    ("failures", "failed", "#a8320a", "2 3"),
)

Lines = Sequence[tuple[str, str, str, str]]


def load_picture(performance: Mapping[str, Any]) -> str:
    """Latency and rate for each second of a load, as an SVG document."""
    series = list(performance.get("series", ()))
    title = "Answers and their latency, second by second"
    parts = [
        *_panel(series, _LATENCIES, 0, "milliseconds"),
        *_panel(series, _RATES, HEIGHT + _GAP, "requests a second"),
    ]
    return _document(title, _description(performance), 2 * HEIGHT + _GAP, parts)


def capacity_picture(capacity: Mapping[str, Any]) -> str:
    """Which rates held and which did not, with the latency at each, as an SVG document."""
    runs = list(capacity.get("runs", ()))
    most = _round_up(max((run["rate"] for run in runs), default=1))
    highest = _round_up(max((run["p95_from_intended_ms"] for run in runs), default=1))
    unit = "milliseconds, 95 in 100 from when they were due. A dot held, a cross did not"
    parts = [*_axes(0, highest, unit, f"0 to {most:g} requests a second")]
    for run in runs:
        x = _LEFT + (WIDTH - _LEFT - _RIGHT) * run["rate"] / most
        y = _y(run["p95_from_intended_ms"], highest, 0)
        label = f"{run['rate']:g} a second {'held' if run['held'] else 'did not hold'}"
        parts.append(_point(x, y, run["held"], label))
    return _document("Which rates held", str(capacity.get("sentence", "")), HEIGHT, parts)


def _point(x: float, y: float, held: bool, label: str) -> str:
    """A circle where a rate held, a cross where it did not."""
    told = f"<title>{escape(label)}</title>"
    if held:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#00703c">{told}</circle>'
    arms = f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"
    return f'<path d="{arms}" stroke="#a8320a" stroke-width="3" fill="none">{told}</path>'


def _description(performance: Mapping[str, Any]) -> str:
    return (
        f"{performance['requests']} requests, {performance['failures']} of them failed; "
        f"{performance['rate_achieved']:g} a second of {performance['rate_scheduled']:g} that were due. "
        f"Half of the answers took at most {performance['p50_ms']:g} ms, 95 in 100 at most {performance['p95_ms']:g} ms, "
        f"and {performance['p95_from_intended_ms']:g} ms from when they were due."
    )


def _document(title: str, description: str, height: int, parts: Iterable[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-labelledby="load-title load-description" font-family="sans-serif" font-size="13">',
            f'<title id="load-title">{escape(title)}</title>',
            f'<desc id="load-description">{escape(description)}</desc>',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _panel(series: Sequence[Mapping[str, Any]], lines: Lines, top: int, unit: str) -> Iterable[str]:
    highest = _round_up(max((row[name] for row in series for name, *_ in lines), default=1))
    yield from _axes(top, highest, unit, f"0 to {len(series)} seconds")
    for number, (name, label, colour, dashes) in enumerate(lines):
        yield _line([row[name] for row in series], highest, top, colour, dashes)
        yield from _legend(number, label, colour, dashes, top, lines)


def _axes(top: int, highest: float, unit: str, along: str) -> Iterable[str]:
    bottom = top + HEIGHT - _BOTTOM
    for share in (0, 0.5, 1):
        y = _y(highest * share, highest, top)
        yield f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#b1b4b6"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#0b0c0c">{highest * share:g}</text>'
    yield f'<text x="{_LEFT}" y="{bottom + 20}" fill="#0b0c0c">{escape(along)}; upwards: {escape(unit)}</text>'


def _line(values: Sequence[float], highest: float, top: int, colour: str, dashes: str) -> str:
    width = WIDTH - _LEFT - _RIGHT
    step = width / max(len(values) - 1, 1)
    points = " ".join(f"{_LEFT + i * step:.1f},{_y(v, highest, top):.1f}" for i, v in enumerate(values))
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'


def _legend(number: int, label: str, colour: str, dashes: str, top: int, lines: Lines) -> Iterable[str]:
    before = sum(40 + 7 * len(other[1]) for other in lines[:number])
    x, y = _LEFT + before, top + 16
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    yield f'<line x1="{x}" x2="{x + 24}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"{dashed}/>'
    yield f'<text x="{x + 29}" y="{y + 4}" fill="#0b0c0c">{escape(label)}</text>'


def _y(value: float, highest: float, top: int) -> float:
    room = HEIGHT - _TOP - _BOTTOM
    return top + _TOP + room * (1 - value / highest)


def _round_up(value: float) -> float:
    """A round number that is at least the value."""
    if value <= 0:
        return 1.0
    size = float(10 ** math.floor(math.log10(value)))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= value)
