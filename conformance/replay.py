"""
Replay: send a finding's requests again and say whether it is still there.

Values that came from the system are fetched again; what is shown is masked like everything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.errors import ConfigurationError, NothingSelectedError, SetupError
from joinedup.conformance.evidence import evidence
from joinedup.conformance.exchanges import MISSING, Exchange, Step, Text, step_from_record
from joinedup.conformance.expect import expectation_from
from joinedup.conformance.run import BUNDLED, Plan, read_plan, serving
from joinedup.conformance.target import Target, build_target
from joinedup.reports.run_folder import read_verdict


def replay_finding(finding: str, source: str, folder: Path) -> int:
    """
    Replay one finding of a run.

    Returns:
        1 where it is still there, 0 where it is not.

    Raises:
        JoinedUpError: there is no such finding, or it cannot be replayed.
    """
    found = _find(finding, folder)
    steps = [dict(step) for step in found["steps"]]
    if not steps:
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
            return _replay(target, found, steps)
        finally:
            target.client.close()


def _find(finding: str, folder: Path) -> Mapping[str, Any]:
    verdict = read_verdict(folder)
    listed: list[Any] = [*verdict.get("findings", []), *verdict.get("unconfirmed", [])]  # type: ignore[misc]
    found = next((f for f in listed if f["id"] == finding), None)
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


def _replay(target: Target, found: Mapping[str, Any], steps: list[dict[str, Any]]) -> int:
    click.echo(f"{found['title']}\n  expected: {found['expected']}\n  received then: {found['actual']}\n")
    done: dict[str, Exchange] = {}
    last: Exchange | None = None
    for record in steps:
        step = resolved(step_from_record(record), done, target)
        last = target.client.send(step)
        done[step.name] = last
        for heading, text in evidence(target, last):
            click.echo(f"{heading}\n" + "\n".join(f"  {line}" for line in text.splitlines()))
        click.echo("")
    if last is None:
        return 0
    expectation = expectation_from(steps[-1].get("expect", {}))
    still = expectation.is_broken_by(last, target.contract)
    click.echo("Still there." if still else "Not there any more: the last answer is as expected.")
    return int(still)


def resolved(step: Step, done: Mapping[str, Exchange], target: Target) -> Step:
    """The step with every reference replaced by its value; raises ``SetupError`` where the value is not there."""

    def value(item: Any) -> Any:
        if (
            isinstance(item, dict)
            and set(item) & {"from", "fixture"}
            and set(item) <= {"from", "pointer", "header", "pattern", "fixture", "index"}
        ):
            return _fetched(item, done, target)
        if isinstance(item, dict):
            return {key: value(inner) for key, inner in item.items()}
        return [value(inner) for inner in item] if isinstance(item, list) else item

    return replace(
        step,
        path_parameters={name: value(item) for name, item in step.path_parameters.items()},
        query=tuple((name, value(item)) for name, item in step.query),
        headers={name: value(item) for name, item in step.headers.items()},
        body=step.body if step.body is MISSING or isinstance(step.body, Text) else value(step.body),
    )


def _fetched(reference: Mapping[str, Any], done: Mapping[str, Exchange], target: Target) -> Any:
    if "fixture" in reference:
        for table in (keys.get("fixtures", {}) for keys in target.system.identities.values()):
            if reference["fixture"] in table:
                return table[reference["fixture"]][reference["index"]]
        values = target.system.fixtures.get(reference["fixture"], [])
        if reference["index"] < len(values):
            return values[reference["index"]]
        raise SetupError(
            f"The finding needs the fixture {reference['fixture']}, which the configuration does not give.",
            hint="Use the configuration of that run.",
        )
    earlier = done[reference["from"]]
    if "header" in reference:
        text = earlier.response.headers.get(reference["header"], "") if earlier.response else ""
        return text.rstrip("/").rpartition("/")[2] if reference.get("pattern") == "last-segment" else text
    found = at_pointer(earlier.json(), reference["pointer"])
    if found is MISSING:
        raise SetupError(
            f"Step {reference['from']} was expected to give a value at {reference['pointer']} and answered {earlier.status} without one.",
            hint="The system holds other data than then; check it again.",
        )
    return found


def at_pointer(value: Any, pointer: str) -> Any:
    """What stands at an RFC 6901 pointer, or ``MISSING``."""
    for token in _tokens(pointer):
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return MISSING
    return value


def _tokens(pointer: str) -> Iterator[str]:
    yield from (token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])
