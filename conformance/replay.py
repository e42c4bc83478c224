"""
Replay: send a finding's requests again and say whether it is still there.

Values that came from the system are fetched again; what is shown is masked like everything else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.errors import ConfigurationError, NothingSelectedError
from joinedup.conformance.evidence import evidence, is_broken_by
from joinedup.conformance.exchanges import Exchange, Step, step_from_record
from joinedup.conformance.expect import expectation_from
from joinedup.conformance.journey_replay import is_of_a_journey, replay_journey
from joinedup.conformance.reproduction import play
from joinedup.conformance.run import BUNDLED, Plan, read_plan, serving
from joinedup.conformance.target import Target, build_target
from joinedup.reports.run_folder import read_verdict


def replay_finding(finding: str, source: str, folder: Path) -> int:
    """
    Replay one finding of a run, with all of its parts, or one part of it.

    Returns:
        1 where it is still there, 0 where it is not.

    Raises:
        JoinedUpError: there is no such finding, or it cannot be replayed.
    """
    found = _find(finding, folder)
    if is_of_a_journey(found):
        return replay_journey(found, _plan(source, folder))
    parts = [part for part in found.get("parts") or [found] if part["steps"]]
    if not parts:
        click.echo(
            f"{finding} is read from the contract, at {found['where']}; there is no request to send again."
        )
        return 1
    plan = _plan(source, folder)
    with serving(plan, read_plan(plan)) as (configuration, ours):
        name = str(found["system"])
        if name not in configuration.systems:
            raise ConfigurationError(
                f"The finding is about {name}, which is not in the configuration.",
                hint="Name the configuration of that run with -c.",
            )
        target = build_target(
            name,
            configuration,
            load_catalogue(),
            seed=plan.seed,
            write=lambda _event, **_fields: None,
            ours=name in ours,
        )
        try:
            return max([_replay(target, part) for part in parts])
        finally:
            target.client.close()


def _find(finding: str, folder: Path) -> Mapping[str, Any]:
    verdict = read_verdict(folder)
    listed: list[Any] = [
        *verdict.get("findings", []),
        *verdict.get("unconfirmed", []),
        *verdict.get("outside_profile", []),
    ]  # type: ignore[misc]
    every = [*listed, *(part for found in listed for part in found.get("parts") or ())]
    found = next((f for f in every if f["id"] == finding), None)
    if found is None:
        known = ", ".join(f["id"] for f in listed[:10]) or "none"
        raise NothingSelectedError(
            f"The run {folder.name} has no finding {finding!r}.", hint=f"It has: {known}."
        )
    return dict(found)


def _plan(source: str, folder: Path) -> Plan:
    """The plan of the run, so that bundled agencies are served as they were then."""
    try:
        stored = json.loads((folder / "run.json").read_text())["plan"]
    except (OSError, ValueError, KeyError):
        raise ConfigurationError(
            f"{folder} holds no readable run.json.", hint="Name a run's folder with --run."
        ) from None
    if stored["source"] == BUNDLED:
        return Plan(BUNDLED, "", seed=stored["seed"], faults=tuple(stored["faults"]))
    return Plan(source, "", seed=stored["seed"])


def _replay(target: Target, found: Mapping[str, Any]) -> int:
    records = [dict(step) for step in found["steps"]]
    click.echo(
        f"{found['id']}: {found['title']}\n  expected: {found['expected']}\n  received then: {found['actual']}\n"
    )

    def send(step: Step) -> Exchange:
        exchange = target.client.send(step)
        for heading, text in evidence(target, exchange):
            click.echo(f"{heading}\n" + "\n".join(f"  {line}" for line in text.splitlines()))
        click.echo("")
        return exchange

    played = play(send, [step_from_record(record) for record in records], target.fixture)
    expectation = expectation_from(records[-1].get("expect", {}))
    if not expectation.as_record():
        click.echo(
            "It shows in these answers together, and not in the last one alone: compare them, or check again."
        )
        return 1
    still = is_broken_by(expectation, played, target, expectation.given)
    click.echo("Still there." if still else "Not there any more: the last answer is as expected.")
    return int(still)
