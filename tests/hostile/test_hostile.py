"""Whatever a server does, a run against it ends soon, in little memory, and never with a pass or a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from miscreants import MISCREANTS, misbehaving

CONTRACT = Path(__file__).parent / "contract.yaml"
SYSTEM = """
[systems.{name}]
base_url = "{base_url}"
contract = "contract.yaml"
[systems.{name}.identities.own]
flow = "bearer"
token = "env:THINGS_TOKEN"
"""
LIMITS = """
[limits]
timeout_s = 0.5
max_requests = 300
"""
LONGEST_S = 120
MOST_MEGABYTES = 400
AT_ONCE = 2
CASES = [(group, name) for group, servers in MISCREANTS.items() for name in servers]


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code, what it said, the most memory that it held, and its verdict."""

    code: int
    said: str
    megabytes: float
    verdict: Mapping[str, Any]

    def system(self, name: str) -> Mapping[str, Any]:
        """What the verdict says of a system."""
        found: Mapping[str, Any] = next(s for s in self.verdict["systems"] if s["system"] == name)
        return found

    def errors(self, name: str) -> list[str]:
        """Why there is no verdict on a system: faults of the set-up, in words."""
        loose = [e["reason"] for e in self.verdict["errors"] if e["system"] == name]
        points = [r for r in self.verdict["requirements"] if r["system"] == name]
        return loose + [r["reason"] for r in points if r["outcome"] == "setup_error"]


def _check(group: str, folder: Path) -> Ended:
    """One run against every server of a group, with small limits."""
    with contextlib.ExitStack() as running:
        tables = [
            SYSTEM.format(name=name, base_url=running.enter_context(misbehaving(miscreant)).base_url)
            for name, miscreant in MISCREANTS[group].items()
        ]
        (folder / "joinedup.toml").write_text("".join([*tables, LIMITS]))
        (folder / "contract.yaml").write_text(CONTRACT.read_text())
        code, megabytes = _run(folder)
    verdict = json.loads((folder / "run" / "verdict.json").read_text())
    return Ended(code, (folder / "said").read_text(), megabytes, verdict)


# A process starts as a copy of the one that starts it, which in a long test run is large; so a small one stands between
# and says what those below it needed at most.
_MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


def _run(folder: Path) -> tuple[int, float]:
    """Exit code and megabytes of a run; it is killed, and the code negative, where it does not end by itself."""
    command = [sys.executable, "-P", "-m", "joinedup.conformance.cli", "check", "--out", "run"]
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _MEASURED, str(folder / "peak"), *command],
            cwd=folder,
            env={**os.environ, "THINGS_TOKEN": "canary-token"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        killer = threading.Timer(LONGEST_S, os.killpg, (process.pid, signal.SIGKILL))
        killer.start()
        code = process.wait()
        killer.cancel()
    peak = folder / "peak"
    return code, int(peak.read_text()) / 1024 if peak.exists() else float("inf")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Ended]]]:
    """A run against each group of servers, a few at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {group: pool.submit(_check, group, tmp_path_factory.mktemp(group)) for group in MISCREANTS}


@pytest.mark.parametrize(("group", "name"), CASES)
def test_no_server_passes(group: str, name: str, runs: Mapping[str, Future[Ended]]) -> None:
    """What misbehaves is not conformant; what cannot be talked to gets no verdict, and the reason says why."""
    ended = runs[group].result()
    miscreant = MISCREANTS[group][name]
    assert ended.system(name)["verdict"] == miscreant.ends
    if miscreant.says:
        assert [reason for reason in ended.errors(name) if miscreant.says in reason], ended.errors(name)


@pytest.mark.parametrize("group", MISCREANTS)
def test_a_run_ends_by_itself(group: str, runs: Mapping[str, Future[Ended]]) -> None:
    """Exit 1 where something is charged to a server and 3 where nothing can be; never a fault of the harness."""
    ended = runs[group].result()
    charged = any(miscreant.ends == "not_conformant" for miscreant in MISCREANTS[group].values())
    assert (ended.code, ended.verdict["complete"]) == (1 if charged else 3, True), ended.said
    assert "Traceback" not in ended.said
    assert {e["outcome"] for e in ended.verdict["errors"]} <= {"setup_error"}
    assert {r["outcome"] for r in ended.verdict["requirements"]}.isdisjoint({"harness_error"})


@pytest.mark.parametrize("group", MISCREANTS)
def test_memory_is_bounded(group: str, runs: Mapping[str, Future[Ended]]) -> None:
    """No endless or inflated answer is held in memory."""
    assert runs[group].result().megabytes < MOST_MEGABYTES
