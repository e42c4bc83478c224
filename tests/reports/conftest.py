"""A small record to write, read and judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.findings import Finding, Result
from joinedup.reports.events import Record, as_record, read_events
from joinedup.reports.verdict import compute

ENTRIES = (
    {"id": "AUT-01", "level": "MUST", "text": "Refuses.", "plain": "Nobody gets in.", "question": "GP5"},
    {"id": "CON-01", "level": "MUST", "text": "Describes.", "plain": "It is described.", "question": "GP3"},
    {"id": "ERR-01", "level": "SHOULD", "text": "Problems.", "plain": "Errors are clear.", "question": "GP3"},
)


class Story:
    """Writes a record the way a run does, one line for each thing that happened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = Record(folder)

    def start(self, entries: Sequence[dict[str, Any]] = ENTRIES, **fields: object) -> Story:
        """The run's first line."""
        first = {"run": "r-1", "harness": "0.1.0", "seed": 1, "strict": False, "product": {}, **fields}
        self.record.write("run-started", requirements=list(entries), **first)
        return self

    def system(self, name: str = "social-care", **fields: object) -> Story:
        """A system that takes part."""
        self.record.write("system", system=name, **{"profile": "open-api-1", "operations": 2, **fields})
        return self

    def check(
        self,
        *found: Result | Finding,
        system: str | None = "social-care",
        check: str = "test_subject.py::test_promise",
    ) -> Story:
        """What one check found: results and findings."""
        results = [as_record(item) for item in found if isinstance(item, Result)]
        findings = [as_record(item) for item in found if isinstance(item, Finding)]
        fields = {"seconds": 0.25, "results": results, "findings": findings}
        self.record.write("check", system=system, check=check, **fields)
        return self

    def write(self, event: str, **fields: object) -> Story:
        """Any other line."""
        self.record.write(event, **fields)
        return self

    def verdict(self, *, finished: bool = True, strict: bool | None = None) -> dict[str, Any]:
        """End the run, or not, and judge it."""
        if finished:
            self.record.write("run-finished")
        return compute(read_events(self.folder), strict=strict)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A record that a test fills line by line."""
    return Story(tmp_path / "run")
