"""Allure's own report of a run, made by the ``allure`` command of npm, with history and without what it sends elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from joinedup.conformance.errors import ConfigurationError, SetupError
from joinedup.reports import wording
from joinedup.reports.allure_results import FOLDER
from joinedup.reports.run_folder import read_verdict, write_whole

HISTORY = "allure-history.jsonl"
HOW_TO_INSTALL = "npm install --global allure"
PATIENCE_S = 300
# Allure counts its readers with a script of Google's: the one that is fetched, and the one after it that sends.
_ANALYTICS = re.compile(
    r"<script\b[^>]*googletagmanager\.com[^>]*>\s*</script>|<script>(?:(?!</script>).)*?gtag\((?:(?!</script>).)*</script>",
    re.DOTALL,
)


def generate(folder: Path, out: Path, command: str = "allure") -> Path:
    """
    Make Allure's report of a run and return its page.

    Args:
        folder: the run's folder; the history of all runs beside it is kept next to it.
        out: the folder of the report.
        command: the ``allure`` command, version 3.

    Raises:
        ConfigurationError: there is no such command, or the run left no results for it.
        SetupError: it failed.
    """
    found = shutil.which(command)
    if not found:
        raise ConfigurationError(f"There is no command {command}.", hint=f"To install it: {HOW_TO_INSTALL}")
    if not (folder / FOLDER).is_dir():
        raise ConfigurationError(f"{folder} holds no {FOLDER}.", hint="Name the folder of a run.")
    history = folder.resolve().parent / HISTORY
    arguments = [
        "awesome",
        "--history-path",
        str(history),
        "--name",
        _name(folder),
        "--output",
        str(out.resolve()),
        str(folder / FOLDER),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - the command that the user installed
            [found, *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{command} could not make the report: {type(error).__name__}.") from error
    page = out / "index.html"
    if done.returncode or not page.is_file():
        raise SetupError(
            f"{command} could not make the report (exit {done.returncode}): {done.stderr[-300:]}"
        )
    write_whole(page, without_analytics(page.read_text("utf-8")))
    return page


def _name(folder: Path) -> str:
    """What the report is called: what was judged, and what to do about it."""
    try:
        verdict = read_verdict(folder)
    except ConfigurationError:
        return "joinedup"
    return f"{wording.title(verdict)}: {wording.recommendation(verdict).word}"


def without_analytics(html: str) -> str:
    """
    A page of Allure without the scripts that tell Google that it was opened.

    Raises:
        SetupError: when something of them is left, because this version of Allure writes them otherwise.
    """
    kept = _ANALYTICS.sub("", html)
    if "googletagmanager" in kept or "gtag(" in kept:
        raise SetupError(
            "Allure's page still holds a script that tells Google that it was opened.",
            hint="Use another version of Allure.",
        )
    return kept
