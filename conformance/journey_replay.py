"""
Play the journey of a finding again, and say whether the finding is still there.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.journeys import Journeys
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.run import Plan, read_plan, serving, start
from joinedup.reports.events import read_events
from joinedup.scenarios.journey import bundled_journeys

RULE = "journey-"
_NAME = re.compile(r"joinedup check --journey ([\w-]+)")
NOT_PLAYED = (Outcome.SETUP_ERROR, Outcome.HARNESS_ERROR, Outcome.NOT_APPLICABLE)


def is_of_a_journey(found: Mapping[str, Any]) -> bool:
    """Whether a finding is one that a journey left."""
    return str(found.get("rule", "")).startswith(RULE)


def replay_journey(found: Mapping[str, Any], plan: Plan) -> int:
    """
    Play the journey again, against the systems of a plan.

    Returns:
        1 where the finding is still there, 0 where it is not.

    Raises:
        JoinedUpError: the journey is not there any more, or cannot be played.
    """
    name = _journey_of(found)
    click.echo(
        f"{found['id']}: {found['title']}\n  the journey {name} is played again, up to its first failure\n"
    )
    with tempfile.TemporaryDirectory(prefix="joinedup-") as folder:
        events, outcome, said = _played(name, replace(plan, out=str(Path(folder) / "run"), journeys=(name,)))
    if outcome in NOT_PLAYED:
        raise ConfigurationError(
            f"The journey {name} could not be played again: {said}", hint="Mend that, and replay again."
        )
    shown = [f for e in events if e["event"] == "check" for f in e["findings"] if _is_same(f, found)]
    for heading, text in (pair for each in shown[:1] for pair in each.get("evidence", ())):
        click.echo(f"{heading}\n" + "\n".join(f"  {line}" for line in str(text).splitlines()) + "\n")
    for each in shown[:1]:
        click.echo(f"  expected: {each['expected']}\n  received: {each['actual']}\n")
    reached = "" if outcome is Outcome.PASS or shown else f" The journey ends otherwise now: {said}"
    click.echo("Still there." if shown else f"Not there any more.{reached}")
    return int(bool(shown))


def _journey_of(found: Mapping[str, Any]) -> str:
    """The journey that a finding is of; its advice names it."""
    told = _NAME.search(str(found.get("advice", "")))
    if told is None or told[1] not in bundled_journeys():
        raise ConfigurationError(
            f"The finding {found['id']} is of a journey that is not among the bundled ones.",
            hint="Play the document again with pytest, as it was played.",
        )
    return told[1]


def _is_same(shown: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return shown.get("rule") == found.get("rule") and shown.get("operations") == found.get("operations")


def _played(name: str, plan: Plan) -> tuple[list[dict[str, Any]], Outcome, str]:
    with contextlib.ExitStack() as closing:
        configuration, ours = closing.enter_context(serving(plan, read_plan(plan)))
        run = start(plan, configuration, load_catalogue(), ours)
        closing.callback(run.close)
        ending = Journeys(run, closing).play(bundled_journeys()[name], name, f"journeys/{name}")
        return read_events(run.folder), ending.outcome, "; ".join(ending.sentences)
