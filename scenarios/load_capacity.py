"""
The highest rate that still meets every level: doubled until one breaks, then halved in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from joinedup.conformance.errors import ConfigurationError

MOST_DOUBLINGS = 10
CLOSE_ENOUGH = 1.1
"""The search ends where what broke is at most a tenth above what held."""
_KEPT = ("rate_achieved", "p50_ms", "p95_ms", "p99_ms", "p95_from_intended_ms", "failures", "generator_cpu")

Attempt = Callable[[float], dict[str, Any]]


def find_capacity(
    attempt: Attempt, start: float, say: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """
    The result of the highest rate that held, with ``capacity``: every rate that was tried, and why it broke.

    A load that is invalid because the generator is the limit ends the search: what lies above is not known.

    Args:
        attempt: sends a load of a rate and gives what it found.
        start: the first rate.

    Raises:
        ConfigurationError: not even the first rate can be planned; a later one that cannot ends the search.
    """
    runs: list[dict[str, Any]] = []
    best: dict[str, Any] | None = None
    last: dict[str, Any] = {}
    held, broken, rate = 0.0, 0.0, start
    limited, untried = False, ""
    for _ in range(MOST_DOUBLINGS + 5):
        try:
            last = attempt(rate)
        except ConfigurationError as error:
            if not runs:
                raise
            untried = f" {rate:g} could not be tried: {error.message}"
            break
        why = _why(last)
        runs.append({"rate": rate, "held": not why, "why": why, **{key: last[key] for key in _KEPT}})
        say(f"{rate:g} a second: {why or 'held'}")
        if not why:
            best, held = last, rate
        elif _is_the_generators(last):
            limited = True
            break
        else:
            broken = rate
        if broken and (broken <= held * CLOSE_ENOUGH or broken < start / 100):
            break
        rate = round((held + broken) / 2, 1) if broken else rate * 2
    capacity = {
        "highest": held,
        "first_broken": broken or None,
        "limited_by_generator": limited,
        "sentence": _sentence(held, broken, limited, runs) + untried,
        "runs": sorted(runs, key=lambda run: float(run["rate"])),
    }
    return {**(best or last), "capacity": capacity}


def _why(found: Mapping[str, Any]) -> str:
    """Why a rate does not hold; empty where it does."""
    wrong = [level["level"] for level in found["levels"] if not level["met"]]
    if wrong:
        return f"not met: {wrong[0]}"
    return str(found["invalid_because"][0]) if found["invalid_because"] else ""


def _is_the_generators(found: Mapping[str, Any]) -> bool:
    return any(sentence.startswith("The generator") for sentence in found["invalid_because"])


def _sentence(held: float, broken: float, limited: bool, runs: list[dict[str, Any]]) -> str:
    if not held:
        return f"Not even {min(run['rate'] for run in runs):g} requests a second held."
    if limited:
        return f"{held:g} requests a second held; above that the generator is the limit, and the system's is not known. Use more --processes."
    if broken:
        why = next(run["why"] for run in runs if run["rate"] == broken)
        return f"{held:g} requests a second held, and {broken:g} did not ({why.rstrip('.')})."
    return f"{held:g} requests a second held, and nothing higher was tried."
