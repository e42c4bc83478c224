"""What the commands do; the command line in ``cli`` only reads the words."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.child import run_child
from joinedup.conformance.errors import ConfigurationError, NothingSelectedError, near
from joinedup.conformance.journeys import check_journeys
from joinedup.conformance.run import (
    BUNDLED,
    DEFAULT_FILE,
    RUNS,
    Plan,
    bundled_under_test,
    check_selection,
    new_run_folder,
    read_agreements,
    read_plan,
    serving,
)
from joinedup.reports.allure_report import generate
from joinedup.reports.events import FILE_NAME, read_events
from joinedup.reports.exceptions import exit_code
from joinedup.reports.markdown import summary
from joinedup.reports.run_folder import read_verdict, write_views
from joinedup.reports.summary import render


def check(
    source: str | None, *, cases: str, workers: int | None, out: Path | None, as_json: bool, **choices: Any
) -> int:
    """
    Run the suite in a child process, say what it found, and give the exit code.

    Args:
        choices: the other fields of a plan, by name; None for what was not given.

    Raises:
        JoinedUpError: before anything is sent: configuration, selection or folder cannot be used.
    """
    folder = out or new_run_folder(Path())
    chosen: dict[str, Any] = {key: "" if value is None else value for key, value in choices.items()}
    plan = Plan(source=source_or_default(source), out=str(folder), cases=cases, **chosen)
    several = _refuse_early(plan) > 1 and not plan.journeys
    code, said = run_child(plan, workers or (2 if several else 1), quiet=as_json)
    if not (folder / FILE_NAME).exists():
        _say_why_it_did_not_start(said, ended=code < 0)
        return 5 if code < 0 else code if code in (2, 3, 5) else 4
    verdict = _verdict(folder)
    _tell_github(verdict)
    if as_json:
        click.echo(json.dumps(verdict, indent=1))
    else:
        click.echo(render(verdict, report=folder / "report.html", colour=sys.stdout.isatty()))
    return exit_code(verdict)


def _verdict(folder: Path) -> Mapping[str, Any]:
    """The verdict that the child left, or what follows from the record where it did not come to its end."""
    with contextlib.suppress(ConfigurationError):
        verdict = read_verdict(folder)
        if verdict.get("complete"):
            return verdict
    return write_views(folder)


def _tell_github(verdict: Mapping[str, Any]) -> None:
    """Add the summary to the page of a GitHub job, where there is one; that it cannot be written changes no verdict."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            with Path(path).open("a", encoding="utf-8") as page:
                page.write(summary(verdict))
        except OSError as error:
            click.echo(f"joinedup: the summary of the job cannot be written: {error.strerror}.", err=True)


def source_or_default(source: str | None) -> str:
    """The configuration that is named, else the one in this folder, else the bundled agencies."""
    if source is not None:
        return source
    return DEFAULT_FILE if Path(DEFAULT_FILE).exists() else BUNDLED


def _refuse_early(plan: Plan) -> int:
    """How many systems are judged, where nothing is wrong with what was asked for."""
    if (Path(plan.out) / FILE_NAME).exists():
        raise ConfigurationError(
            f"The folder {plan.out} already holds the record of a run.",
            hint="Name another with --out, or remove it.",
        )
    configuration, catalogue = read_plan(plan), load_catalogue()
    read_agreements(plan, configuration, catalogue)
    if configuration is not None:
        if plan.faults:
            raise ConfigurationError(
                "--fault changes the bundled agencies, and a configuration names other systems.",
                hint="Leave out -c and --fault does its work, or leave out --fault.",
            )
        check_selection(plan, configuration, catalogue)
        check_journeys(plan, plan.systems or configuration.tested)
        return len(plan.systems or configuration.tested)
    catalogue.select(plan.only)
    _check_bundled(plan)
    check_journeys(plan, bundled_under_test(plan))
    return len(bundled_under_test(plan))


def _check_bundled(plan: Plan) -> None:
    from joinedup.mocks import systems
    from joinedup.mocks.faults import FAULTS, fault_named

    names = [system.name for system in systems()]
    faults = [*(fault.name for fault in FAULTS), *(name for name in plan.faults if fault_named(name))]
    for kind, wanted, known in (("system", plan.systems, names), ("fault", plan.faults, faults)):
        for name in wanted:
            if name not in known:
                raise NothingSelectedError(
                    f"There is no bundled {kind} called {name!r}.", hint=near(name, known, "joinedup systems")
                )


def _say_why_it_did_not_start(said: str, *, ended: bool) -> None:
    if ended:
        click.echo("joinedup: the run was ended before its first check.", err=True)
        return
    lines = [line for line in said.splitlines() if line.strip()]
    reason = next((line.partition("joinedup: ")[2] for line in lines if "joinedup: " in line), "")
    click.echo(f"joinedup: {reason or 'the checks did not start.'}", err=True)
    if not reason:
        click.echo("\n".join(lines[-5:]), err=True)


# --- before a run


def doctor(source: str | None, *, as_json: bool) -> int:
    """
    Look at everything that a verdict needs; exit 0 where nothing stands in its way, else 3.

    Raises:
        ConfigurationError: the configuration cannot be used, so that there is nothing to look at.
    """
    from joinedup.conformance.doctor import examine

    plan = Plan(source=source_or_default(source), out="")
    with serving(plan, read_plan(plan), public=True) as (configuration, ours):
        diagnosis = examine(configuration, load_catalogue(), ours)
    click.echo(json.dumps(diagnosis.as_record(), indent=1) if as_json else diagnosis.as_text())
    return 0 if diagnosis.green else 3


# --- earlier runs


def newest_run() -> Path:
    """The newest run below this folder; raises ``ConfigurationError`` where there is none."""
    runs = sorted((path.parent for path in RUNS.glob(f"*/{FILE_NAME}")), key=lambda p: p.name)
    if not runs:
        raise ConfigurationError(
            f"There is no run below {RUNS}.", hint="Run `joinedup check` first, or name a run's folder."
        )
    return runs[-1]


def report(folder: Path | None, allure: Path | None = None) -> int:
    """Write a run's views again, Allure's report too where it is asked for, and say what it found."""
    folder = folder or newest_run()
    if not read_events(folder):
        raise ConfigurationError(
            f"{folder} holds no record of a run ({FILE_NAME}).",
            hint="Name the folder of a run, e.g. one below .joinedup/runs.",
        )
    verdict = write_views(folder)
    if allure:
        click.echo(f"Allure: {generate(folder, allure)}")
    click.echo(render(verdict, report=folder / "report.html", colour=sys.stdout.isatty()))
    return exit_code(verdict)


def replay(finding: str, source: str | None, folder: Path | None) -> int:
    """Send a finding's requests again; exit 1 where it is still there, 0 where it is not."""
    from joinedup.conformance.replay import replay_finding

    return replay_finding(finding, source_or_default(source), folder or newest_run())
