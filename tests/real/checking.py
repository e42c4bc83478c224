"""One whole check of a real server, as a user runs it: exit code, folder and verdict."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LONGEST_S = 600
# More than this nobody reads.
MOST_FINDINGS = 12


@dataclass(frozen=True)
class Checked:
    """
    What a check left.

    Args:
        code: the exit code.
        folder: where ``joinedup.toml`` stands; the run is in ``run`` below it.
        variables: secrets of the configuration, by name.
    """

    code: int
    folder: Path
    verdict: dict[str, Any]
    variables: Mapping[str, str]

    @property
    def shares(self) -> tuple[int, int]:
        """How many operations succeeded at least once, of how many."""
        system = self.verdict["systems"][0]
        return system["operations_exercised"], system["operations"]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The findings, each place or way of one on its own."""
        return parts(self.verdict)

    @property
    def causes(self) -> set[tuple[str, str]]:
        """The findings by rule and place."""
        return {(part["rule"], part["where"]) for part in self.parts}

    @property
    def broken(self) -> list[str]:
        """The requirements at which the harness itself failed."""
        return [r["id"] for r in self.verdict["requirements"] if r["outcome"] == "harness_error"]

    def replayed(self, finding: str) -> tuple[int, str]:
        """Exit code and complaints of a replay of a finding."""
        done = _run(self.folder, ["replay", finding, "--run", "run"], self.variables)
        return done.returncode, done.stderr


def parts(verdict: dict[str, Any]) -> list[dict[str, Any]]:
    """The findings of a verdict, each place or way of one on its own."""
    return [part for finding in verdict["findings"] for part in finding["parts"] or [finding]]


def check(
    product: str, port: int, folder: Path, *options: str, variables: Mapping[str, str] | None = None
) -> Checked:
    """Check the server on a port with the configuration that stands in the product's folder."""
    shutil.copytree(HERE / product, folder, dirs_exist_ok=True)
    settings = folder / "joinedup.toml"
    standing = next(line for line in settings.read_text().splitlines() if line.startswith("base_url"))
    address = standing.partition("//")[2].partition("/")[0].strip('"')
    settings.write_text(settings.read_text().replace(address, f"127.0.0.1:{port}"))
    done = _run(folder, ["check", "--out", "run", *options], variables or {})
    assert "Traceback" not in done.stdout + done.stderr
    verdict = json.loads((folder / "run" / "verdict.json").read_text())
    return Checked(done.returncode, folder, verdict, variables or {})


def _run(
    folder: Path, arguments: list[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    command = shutil.which("joinedup", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert command
    environment = {**os.environ, **variables}
    return subprocess.run(
        [command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST_S
    )
