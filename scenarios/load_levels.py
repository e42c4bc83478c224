"""
Service levels: what ``[load.levels]`` asks for, and whether it was met.

::

    [load.levels]                 # of all requests together
    p95_ms = 300
    p99_from_intended_ms = 1000
    error_rate = 0.01
    rate = 190
    [load.levels.police-notice]   # of one journey or request, by its name in performance.json
    p95_ms = 800
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from joinedup.conformance.errors import ConfigurationError

Levels = Mapping[str, float | Mapping[str, float]]
# With no levels of one's own. What is slow is a matter of taste; what fails is not.
DEFAULT: Levels = {"error_rate": 0.01}
_PERCENTILE = re.compile(r"p(50|75|90|95|99)_(from_intended_)?ms")
_AT_LEAST = frozenset({"rate"})
_KEYS = ("p50_ms", "p95_ms", "p99_ms", "p95_from_intended_ms", "p99_from_intended_ms", "error_rate", "rate")


def checked(levels: Levels) -> Levels:
    """
    The levels, where each is one that can be judged.

    Raises:
        ConfigurationError: naming the key.
    """
    for name, wanted in levels.items():
        for key, value in wanted.items() if isinstance(wanted, Mapping) else [(name, wanted)]:
            where = f"load.levels.{name}.{key}" if isinstance(wanted, Mapping) else f"load.levels.{key}"
            if not _PERCENTILE.fullmatch(key) and key not in ("error_rate", "rate"):
                near = difflib.get_close_matches(key, _KEYS, n=3, cutoff=0.5)
                raise ConfigurationError(
                    f"{where} is no service level.", hint=f"There are: {', '.join(near or _KEYS)}."
                )
            if value < 0:
                raise ConfigurationError(
                    f"{where} is {value:g}.", hint="Write a number that is not negative."
                )
    return levels


def judged(levels: Levels, performance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """
    Each level with what was measured and whether it was met.

    One for a name that the load did not have is not met: it was asked for, and nothing shows it.
    """
    rows = {row["name"]: row for row in performance["by_name"]}
    return [
        _judged(where, key, wanted, performance if not where else rows.get(where))
        for where, key, wanted in _flat(levels)
    ]


def _flat(levels: Levels) -> Iterator[tuple[str, str, float]]:
    for name, wanted in levels.items():
        if isinstance(wanted, Mapping):
            yield from ((name, key, value) for key, value in wanted.items())
        else:
            yield "", name, wanted


def _judged(where: str, key: str, wanted: float, row: Mapping[str, Any] | None) -> dict[str, Any]:
    measured = _measured(key, row)
    sign = "≥" if key in _AT_LEAST else "≤"
    met = measured is not None and (measured >= wanted if key in _AT_LEAST else measured <= wanted)
    return {
        "level": f"{f'{where}: ' if where else ''}{key} {sign} {wanted:g}",
        "name": where,
        "key": key,
        "wanted": wanted,
        "measured": measured,
        "met": met,
    }


def _measured(key: str, row: Mapping[str, Any] | None) -> float | None:
    if row is None or not row["requests"]:
        return None
    if key == "error_rate":
        return round(float(row["failures"]) / float(row["requests"]), 5)
    return float(row["rate_achieved"] if key == "rate" else row[key])
