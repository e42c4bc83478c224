"""The folder of a run: every view in it is written whole or not at all, and from the record alone."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from joinedup.conformance.errors import ConfigurationError, SetupError
from joinedup.reports import allure_results, junit, markdown, page
from joinedup.reports.events import read_events
from joinedup.reports.verdict import compute

VERDICT = "verdict.json"
PERFORMANCE = "performance.json"

View = Callable[[Mapping[str, object]], str]

VIEWS: dict[str, View] = {
    VERDICT: lambda verdict: json.dumps(verdict, indent=1) + "\n",
    "junit.xml": junit.render,
    "report.html": page.render,
    "summary.md": markdown.summary,
}


def write_views(folder: Path, *, strict: bool | None = None) -> dict[str, object]:
    """
    Write every view of a run from its record and return the verdict.

    A record that was cut short gives views that say so.

    Args:
        folder: the run's folder.
        strict: whether a ``warn`` counts; None takes what the run was started with.

    Raises:
        SetupError: when a view cannot be written.
    """
    verdict = compute(read_events(folder), strict=strict, performance=read_performance(folder))
    for name, content in rendered(verdict).items():
        write_whole(Path(folder) / name, content)
    return verdict


def rendered(verdict: Mapping[str, object]) -> dict[str, bytes]:
    """Every view of a run as it stands on disk, by its name in the run's folder."""
    texts = {name: render(verdict) for name, render in VIEWS.items()} | allure_results.render(verdict)
    return {name: encoded(text) for name, text in texts.items()}


def read_performance(folder: Path) -> dict[str, object] | None:
    """What a run's folder says of its load; None where it says nothing, or nothing that can be read."""
    try:
        return performance_from((Path(folder) / PERFORMANCE).read_bytes())
    except OSError:
        return None


def performance_from(content: bytes) -> dict[str, object] | None:
    """The content of ``performance.json``; None where it is no JSON object."""
    try:
        performance = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return performance if isinstance(performance, dict) else None


def write_whole(path: Path, content: str | bytes) -> None:
    """
    Write a file so that a reader sees the old content or the new, and never a part.

    Raises:
        SetupError: when the file cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(encoded(content) if isinstance(content, str) else content)
            os.fchmod(file.fileno(), 0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise SetupError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Make room, or name another folder."
        ) from error


def encoded(text: str) -> bytes:
    """A view as it stands on disk."""
    return text.encode("utf-8", "replace")


def read_verdict(folder: Path) -> dict[str, object]:
    """
    The verdict that a run's folder holds.

    Raises:
        ConfigurationError: when there is none, or it cannot be read.
    """
    path = Path(folder) / VERDICT
    try:
        verdict = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path} should hold the verdict of a run, but cannot be read.", hint="Name a run's folder."
        ) from error
    if not isinstance(verdict, dict):
        raise ConfigurationError(f"{path} should hold one JSON object.", hint="Name a run's folder.")
    return verdict
