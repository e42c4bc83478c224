"""Schemathesis as anybody runs it, ``st run`` with its own settings and a token, finds nothing true in the agencies."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from joinedup.mocks.serve import Served, served

SYSTEMS = ("early-help", "police", "mash")
# What it cannot know of a service, read in its findings: that an If-Match is stale (412), a cursor was never given out
# (400) and a body names a thing that is not there (422) is for the service to say, whatever the contract allows.
GUESSED = {"ST202"}  # Schema-valid request rejected


@pytest.fixture(scope="module")
def agencies() -> Iterator[Served]:
    """Three agencies, served."""
    with served(SYSTEMS) as found:
        yield found


@pytest.mark.parametrize("system", SYSTEMS)
def test_finds_nothing_true(system: str, agencies: Served, tmp_path: Path) -> None:
    """Every finding is of a kind that it can only guess at, and no answer broke its contract."""
    command = [str(Path(sys.executable).with_name("st")), "run", agencies.systems[system].contract]
    command += ["-H", f"Authorization: {agencies.authorization(system)}", "-n", "2", "--seed", "1"]
    command += ["--generation-database", "none", "--phases", "examples,fuzzing"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert re.search(r"[\d,]+ generated", done.stdout), done.stdout[-2000:] + done.stderr
    codes = set(re.findall(r"^\s*- (ST\d+) ", done.stdout, re.MULTILINE))
    assert codes <= GUESSED, done.stdout[-4000:]
    assert agencies.breaches() == ()
