"""
Play a journey by hand: ``python -m joinedup.scenarios police-notice``.

Its agencies are served as long as it lasts. Exit code 0 where it passes, 1 where it does not, else that of the error.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from joinedup.conformance.errors import ConfigurationError, JoinedUpError, NothingSelectedError
from joinedup.conformance.outcomes import Outcome
from joinedup.mocks.serve import served
from joinedup.scenarios.checking import every_problem
from joinedup.scenarios.journey import agencies_of, bundled_journeys, play_journey
from joinedup.scenarios.library import Library
from joinedup.scenarios.played import Played, PlayedStep


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m joinedup.scenarios", description="Play a journey.")
    parser.add_argument("journey", help="a bundled journey by name, or the path of a document")
    parser.add_argument("--workflow", default="", metavar="ID", help="the first one where it is not given")
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME=VALUE", help="JSON, else a text"
    )
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="a deliberate defect")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the agencies' synthetic data")
    parser.add_argument("--check", action="store_true", help="only say what is wrong with the document")
    chosen = parser.parse_args(arguments)
    try:
        path = _path(chosen.journey)
        return _check(path) if chosen.check else _play(path, chosen)
    except JoinedUpError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _path(name: str) -> Path:
    found = bundled_journeys().get(name, Path(name))
    if not found.exists():
        listed = ", ".join(bundled_journeys())
        raise NothingSelectedError(
            f"There is no journey and no document {name!r}.", hint=f"There are: {listed}."
        )
    return found


def _check(path: Path) -> int:
    problems = every_problem(Library().open(path))
    _say(map(str, problems))
    return ConfigurationError.exit_code if problems else 0


def _play(path: Path, chosen: argparse.Namespace) -> int:
    inputs = dict(_input(text) for text in chosen.input)
    agencies = agencies_of(Library().open(path))
    with served(agencies, faults=chosen.fault, seed=chosen.seed) as agencies_served:
        played = play_journey(path, agencies_served, workflow=chosen.workflow, inputs=inputs)
    _say(lines(played))
    return 0 if played.outcome is Outcome.PASS else 1


def _say(said: Iterable[str]) -> None:
    """Print lines; a reader that has seen enough, such as ``head``, is no error and changes no exit code."""
    try:
        for line in said:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still held back would raise again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _input(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigurationError(f"An input is of the form NAME=VALUE, and came as {text[:60]!r}.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def lines(played: Played) -> Iterator[str]:
    """A play for people: a line for each step, and why it did not succeed."""
    yield f"{played.outcome}: {played.summary or played.workflow}"
    for before in played.before:
        yield from (f"  {line}" for line in lines(before))
    for step in played.steps:
        yield from (f"  {line}" for line in _step_lines(step))


def _step_lines(step: PlayedStep) -> Iterator[str]:
    who = f" ({step.actor} → {step.system})" if step.actor and step.system else ""
    yield f"{step.outcome:<15} {step.id}{who}"
    for sent in step.everything_sent():
        exchange = sent.exchange
        yield f"  {exchange.step.method} {exchange.step.path} of {sent.system}: {exchange.status or exchange.error}"
    if step.reason is not None:
        yield f"  expected: {step.reason.expected}"
        yield f"  came:     {step.reason.actual}"
        yield f"  where:    {step.reason.where}"


if __name__ == "__main__":
    sys.exit(main())
