"""What the commands do; the command line in ``cli`` only reads the words."""

from __future__ import annotations

import ast
import difflib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from joinedup.conformance.catalogue import Reason, load_catalogue
from joinedup.conformance.errors import ConfigurationError, NothingSelectedError
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
from joinedup.conformance.settling import SUITE
from joinedup.reports.allure_report import generate
from joinedup.reports.events import FILE_NAME, read_events
from joinedup.reports.exceptions import exit_code
from joinedup.reports.markdown import summary
from joinedup.reports.run_folder import read_verdict, write_views, write_whole
from joinedup.reports.summary import render
from joinedup.scenarios.library import JOURNEYS

# What the surroundings may not change: a user's own pytest settings, plug-ins and Python path.
_FORGOTTEN = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTHONPATH", "PYTHONSTARTUP")
_POLL_S = 0.2
_EMPTY_SETTINGS = "[pytest]\n"


def check(
    source: str | None, *, cases: str, workers: int | None, out: Path | None, as_json: bool, **choices: Any
) -> int:
    """
    Run the suite in a child process, say what it found, and give the exit code.

    Raises:
        JoinedUpError: before anything is sent: configuration, selection or folder cannot be used.
    """
    folder = out or new_run_folder(Path())
    plan = Plan(
        source=_source(source),
        out=str(folder),
        seed=choices["seed"],
        cases=cases,
        only=tuple(choices["only"]),
        systems=tuple(choices["systems"]),
        journeys=tuple(choices["journeys"]),
        faults=tuple(choices["faults"]),
        strict=choices["strict"],
        waivers=str(choices["waivers"] or ""),
        baseline=str(choices["baseline"] or ""),
        attestations=str(choices["attestations"] or ""),
    )
    several = _refuse_early(plan) > 1 and not plan.journeys
    code, said = _run_child(plan, workers or (2 if several else 1), quiet=as_json)
    if not (folder / FILE_NAME).exists():
        _say_why_it_did_not_start(said)
        return code if code in (2, 3, 5) else 4
    verdict = (
        write_views(folder) if code < 0 or not (folder / "verdict.json").exists() else read_verdict(folder)
    )
    _tell_github(verdict)
    if as_json:
        click.echo(json.dumps(verdict, indent=1))
    else:
        click.echo(render(verdict, report=folder / "report.html", colour=sys.stdout.isatty()))
    return exit_code(verdict)


def _tell_github(verdict: Mapping[str, Any]) -> None:
    """Add the summary to the page of a GitHub job, where there is one; that it cannot be written changes no verdict."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            with Path(path).open("a", encoding="utf-8") as page:
                page.write(summary(verdict))
        except OSError as error:
            click.echo(f"joinedup: the summary of the job cannot be written: {error.strerror}.", err=True)


def _source(source: str | None) -> str:
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
                    f"There is no bundled {kind} called {name!r}.", hint=_near(name, known)
                )


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:6]
    return f"There are: {', '.join(near)}."


# --- the child


def _arguments(plan: Plan, workers: int, settings: Path) -> list[str]:
    arguments = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-c",
        str(settings),
        "--rootdir",
        str(settings.parent),
    ]
    arguments += [
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-p",
        "joinedup.conformance.plugin",
    ]
    arguments += [
        "--pyargs",
        str(JOURNEYS) if plan.journeys else SUITE,
        "-q",
        "--no-header",
        "--tb=no",
    ]
    arguments += [
        "--joinedup",
        plan.source,
        "--joinedup-out",
        plan.out,
        "--joinedup-seed",
        str(plan.seed),
        "--joinedup-cases",
        plan.cases,
    ]
    files = {"waivers": plan.waivers, "baseline": plan.baseline, "attestations": plan.attestations}
    arguments += [part for name, file in files.items() if file for part in (f"--joinedup-{name}", file)]
    chosen = {
        "only": plan.only,
        "system": plan.systems,
        "journey": plan.journeys,
        "fault": plan.faults,
    }
    for option, values in chosen.items():
        arguments += [part for value in values for part in (f"--joinedup-{option}", value)]
    if plan.strict:
        arguments.append("--joinedup-strict")
    if workers > 1:
        arguments += ["-p", "xdist", "-n", str(workers)]
    return arguments


def _run_child(plan: Plan, workers: int, *, quiet: bool) -> tuple[int, str]:
    with tempfile.TemporaryDirectory(prefix="joinedup-") as folder:
        settings = Path(folder) / "pytest.ini"
        settings.write_text(_EMPTY_SETTINGS)
        environment = {k: v for k, v in os.environ.items() if k not in _FORGOTTEN}
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        said = Path(folder) / "said"
        with said.open("w") as log:
            child = subprocess.Popen(  # noqa: S603 - our own suite
                _arguments(plan, workers, settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
            code = _wait(child, Path(plan.out), quiet)
        return code, said.read_text(errors="replace")


def _wait(child: subprocess.Popen[bytes], folder: Path, quiet: bool) -> int:
    progress = _Progress(folder, quiet)
    try:
        while child.poll() is None:
            progress.show()
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    progress.end()
    return int(child.returncode)


class _Progress:
    """What a run is doing: one line that changes on a terminal, a plain line now and then elsewhere."""

    EVERY_S = 10.0

    def __init__(self, folder: Path, quiet: bool) -> None:
        self._path, self._quiet = folder / FILE_NAME, quiet
        self._offset, self._checks, self._planned, self._exchanges = 0, 0, 0, 0
        self._terminal = sys.stderr.isatty()
        self._last, self._started = 0.0, time.monotonic()

    def show(self) -> None:
        """Read what is new in the record and say so."""
        for event in self._new():
            self._checks += event.startswith(b'{"event":"check"')
            self._exchanges += event.startswith(b'{"event":"exchange"')
            if event.startswith(b'{"event":"planned"'):
                self._planned = json.loads(event).get("checks", 0)
        now = time.monotonic()
        if self._quiet or (not self._terminal and now - self._last < self.EVERY_S):
            return
        self._last = now
        planned = f" of {self._planned}" if self._planned else ""
        text = f"{now - self._started:4.0f} s: {self._checks}{planned} checks, {self._exchanges} exchanges"
        click.echo(f"\r{text}\033[K" if self._terminal else text, nl=not self._terminal, err=True)

    def end(self) -> None:
        """Clear the line."""
        if self._terminal and not self._quiet:
            click.echo("\r\033[K", nl=False, err=True)

    def _new(self) -> Iterator[bytes]:
        if not self._path.exists():
            return
        with self._path.open("rb") as lines:
            lines.seek(self._offset)
            for line in lines:
                if line.endswith(b"\n"):
                    self._offset += len(line)
                    yield line


def _say_why_it_did_not_start(said: str) -> None:
    lines = [line for line in said.splitlines() if line.strip()]
    reason = next((line.partition("joinedup: ")[2] for line in lines if "joinedup: " in line), "")
    click.echo(f"joinedup: {reason or 'the checks did not start.'}", err=True)
    if not reason:
        click.echo("\n".join(lines[-5:]), err=True)


# --- lists


def requirements(*, as_json: bool) -> str:
    """The catalogue, with what checks each requirement and what can break it."""
    from joinedup.mocks import systems as bundled

    checks = _checks_by_requirement()
    faults: dict[str, list[str]] = {}
    for system in bundled():
        for fault in system.faults:
            for id in fault.breaks:
                faults.setdefault(id, []).append(fault.name)
    rows = [
        {
            "id": r.id,
            "level": str(r.level),
            "text": r.text,
            "question": r.question,
            "checks": checks.get(r.id, []),
            "faults": sorted(faults.get(r.id, [])),
            "excluded": None
            if r.excluded is None or r.excluded.reason is Reason.JOURNEYS
            else {"reason": str(r.excluded.reason), "note": r.excluded.note},
        }
        for r in load_catalogue()
    ]
    if as_json:
        return json.dumps(rows, indent=1)
    return "\n".join(f"{row['id']:<11} {row['level']:<7} {row['text']}" for row in rows)


def _checks_by_requirement() -> dict[str, list[str]]:
    """Names of the checks that prove each requirement, read from the suite without running it."""
    found: dict[str, list[str]] = {}
    suite = Path(__file__).parent / "suite"
    for path in sorted(suite.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for id in _marked(node):
                    found.setdefault(id, []).append(f"{path.stem}::{node.name}")
    from joinedup.conformance.description import RULES
    from joinedup.scenarios.stories import bundled_stories

    for rule in RULES:
        found.setdefault(rule.requirement, []).append(f"test_description::{rule.name}")
    for story in bundled_stories():
        for id in story.requirements:
            found.setdefault(id, []).append(f"journeys::{story.name}")
    return found


def _marked(node: Any) -> Iterator[str]:
    for mark in node.decorator_list:
        if (
            isinstance(mark, ast.Call)
            and isinstance(mark.func, ast.Attribute)
            and mark.func.attr == "requirement"
        ):
            yield from (str(arg.value) for arg in mark.args if isinstance(arg, ast.Constant))


def systems(*, as_json: bool) -> str:
    """The bundled agencies."""
    from joinedup.mocks import systems as bundled
    from joinedup.scenarios.stories import bundled_stories

    stories = bundled_stories()
    rows = [
        {
            "system": s.name,
            "agency": s.agency,
            "operations": len(s.operations),
            "capabilities": list(s.capabilities),
            "faults": [{"name": f.name, "breaks": list(f.breaks)} for f in s.faults],
            "journeys": [story.name for story in stories if s.name in story.systems],
        }
        for s in bundled()
    ]
    if as_json:
        return json.dumps(rows, indent=1)
    lines = []
    for row in rows:
        lines.append(f"{row['system']}: {row['agency']}, {row['operations']} operations")
        lines += [f"    fault {fault['name']} breaks {', '.join(fault['breaks'])}" for fault in row["faults"]]  # type: ignore[attr-defined]
    return "\n".join(lines)


def journeys(*, as_json: bool) -> str:
    """The bundled journeys."""
    from joinedup.scenarios.stories import as_records, bundled_stories

    stories = bundled_stories()
    if as_json:
        return json.dumps(as_records(stories), indent=1, ensure_ascii=False)
    lines = []
    for story in stories:
        lines.append(f"{story.name}: {story.title}, {story.steps} steps")
        lines.append(f"    between {', '.join(story.systems)}")
        if story.requirements:
            lines.append(f"    proves {', '.join(story.requirements)}")
    return "\n".join(lines)


# --- before a run


def doctor(source: str | None, *, as_json: bool) -> int:
    """
    Look at everything that a verdict needs; exit 0 where nothing stands in its way, else 3.

    Raises:
        ConfigurationError: the configuration cannot be used, so that there is nothing to look at.
    """
    from joinedup.conformance.doctor import examine

    plan = Plan(source=_source(source), out="")
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

    return replay_finding(finding, _source(source), folder or newest_run())


# --- evidence


def pack(folder: Path, out: Path, key: Path | None) -> None:
    """Seal a run in one file and say how far it may be trusted."""
    from joinedup.reports.pack import seal

    sealed = seal(folder, out, key)
    click.echo(f"{sealed.path}: {sealed.verdict['verdict']} ({sealed.verdict['reason']}); {sealed.tier}")
    if sealed.signer:
        click.echo(f"Signed by {sealed.signer}.")


def verify(path: Path, trust: Path | None) -> None:
    """Say what a pack proves; raises ``UnverifiedError`` (exit 7) where it does not hold together."""
    from joinedup.reports import verification

    click.echo(verification.render(path, verification.verify(path, trust)))


def compare(before: Path, after: Path, *, out: Path | None, as_json: bool) -> int:
    """Set two runs or packs side by side; exit 1 for a regression, else 0."""
    from joinedup.reports import compare as comparing
    from joinedup.reports import comparison_page

    comparison = comparing.compare(comparing.side(before), comparing.side(after))
    if out:
        write_whole(out, comparison_page.render(comparison))
    click.echo(json.dumps(comparison, indent=1) if as_json else comparing.render(comparison))
    if out and not as_json:
        click.echo(f"Page: {out}")
    return int(comparison["regression"])


# --- exceptions


def new_waiver(name: str, folder: Path | None, *, baseline: bool) -> None:
    """
    Print entries to complete for a finding or requirement of a run.

    Raises:
        NothingSelectedError: the run has no failure of this name that nobody answers for.
    """
    from joinedup.reports.exceptions import Known, Waiver, ready_entries

    folder = folder or newest_run()
    kind = Known if baseline else Waiver
    verdict = read_verdict(folder)
    entries = ready_entries(verdict, name, kind)
    if not entries:
        findings: Any = verdict.get("findings", [])
        known = ", ".join(str(finding["id"]) for finding in findings[:10]) or "none"
        raise NothingSelectedError(
            f"The run {folder.name} has no failure {name!r} that an entry of {kind.FILE} could be about.",
            hint=f"Name a finding or a requirement that is not met. Findings: {known}.",
        )
    click.echo("\n\n".join(entries))
    click.echo(f"Complete every empty value, and add it to {kind.FILE} beside joinedup.toml.", err=True)


def check_waivers(
    source: str | None, *, waivers: str | None, baseline: str | None, attestations: str | None
) -> None:
    """Read the three files as `joinedup check` would today, and list what they hold; raises ``ConfigurationError``."""
    plan = Plan(
        source=_source(source),
        out="",
        waivers=waivers or "",
        baseline=baseline or "",
        attestations=attestations or "",
    )
    agreed = read_agreements(plan, read_plan(plan), load_catalogue())
    for entry in (*agreed.waivers, *agreed.known):
        click.echo(f"{entry.name}: holds until {entry.expires}")
    for attested in agreed.attestations:
        click.echo(f"{attested.called}: {attested.person}, holds until {attested.expires}")
    held = len(agreed.waivers) + len(agreed.known) + len(agreed.attestations)
    click.echo(f"In order: {held}. Whether each still matches something, only a run can tell.")
