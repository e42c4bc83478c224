"""
A run's child process: pytest with our own settings only, and what people see of it while it runs.

The folder in which a run is started can change no verdict: its pytest settings, plug-ins and Python path are forgotten.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from joinedup.conformance.run import Plan
from joinedup.conformance.settling import SUITE
from joinedup.reports.events import FILE_NAME
from joinedup.scenarios.library import JOURNEYS

# What the surroundings may not change: a user's own pytest settings, plug-ins and Python path.
_FORGOTTEN = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTHONPATH", "PYTHONSTARTUP")
_POLL_S = 0.2
_EMPTY_SETTINGS = "[pytest]\n"


def run_child(plan: Plan, workers: int, *, quiet: bool) -> tuple[int, str]:
    """
    Run the suite, or the journeys that the plan names, and say now and then how far it is.

    Returns:
        The exit code of pytest (negative where a signal or the user ended it), and what it said.
    """
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


def _arguments(plan: Plan, workers: int, settings: Path) -> list[str]:
    arguments = [sys.executable, "-P", "-m", "pytest", "-q", "--no-header", "--tb=no", "--noconftest"]
    arguments += ["-c", str(settings), "--rootdir", str(settings.parent)]
    # The last one goes through all objects five times at the end of each process, for warnings that nobody is shown.
    arguments += ["-p", "no:cacheprovider", "-p", "no:unraisableexception"]
    arguments += ["-p", "joinedup.conformance.plugin"]
    arguments += ["--pyargs", str(JOURNEYS) if plan.journeys else SUITE]
    arguments += ["--joinedup", plan.source, "--joinedup-out", plan.out]
    arguments += ["--joinedup-seed", str(plan.seed), "--joinedup-cases", plan.cases]
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
        return -signal.SIGINT
    progress.end()
    return int(child.returncode)


class _Progress:
    """What a run is doing: one line that changes on a terminal, a plain line now and then elsewhere."""

    EVERY_S = 10.0

    def __init__(self, folder: Path, quiet: bool) -> None:
        self._path, self._quiet = folder / FILE_NAME, quiet
        self._offset, self._planned, self._exchanges = 0, 0, 0
        self._checks: set[str] = set()
        self._terminal = sys.stderr.isatty()
        self._last, self._started = 0.0, time.monotonic()

    def show(self) -> None:
        """Read what is new in the record and say so."""
        for event in self._new():
            if event.startswith(b'{"event":"check"'):
                # By name, because a journey is one check that leaves a line for each system that it judges.
                self._checks.add(json.loads(event)["check"])
            self._exchanges += event.startswith(b'{"event":"exchange"')
            if event.startswith(b'{"event":"planned"'):
                self._planned = json.loads(event).get("checks", 0)
        now = time.monotonic()
        if self._quiet or (not self._terminal and now - self._last < self.EVERY_S):
            return
        self._last = now
        planned = f" of {self._planned}" if self._planned else ""
        text = (
            f"{now - self._started:4.0f} s: {len(self._checks)}{planned} checks, {self._exchanges} exchanges"
        )
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
