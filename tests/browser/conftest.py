"""One browser for all tests here: starting one takes longer than any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.chromium import Browser, running
from joinedup.reports import page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium that reaches no network."""
    with running() as browser:
        yield browser


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Any], Path]:
    """Writes a verdict's page to a file, as a run does."""

    def write(verdict: Any) -> Path:
        path = tmp_path / "report.html"
        path.write_bytes(page.render(verdict).encode("utf-8", "replace"))
        return path

    return write
