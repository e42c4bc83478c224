"""
Start Locust in a process of its own, say how it goes, and read what its processes counted.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from joinedup.conformance.errors import RealDataError, SetupError
from joinedup.mocks.serve import Served
from joinedup.reports.run_folder import write_whole
from joinedup.scenarios.load_plan import LoadPlan, encode
from joinedup.scenarios.load_tally import Tally, summed, tally_from

PLAN, PLAN_FILE, LIVE_FILE, TALLY_FILE = "JOINEDUP_LOAD", "plan.json", "live.json", "tallies.json"
LOG = "locust.log"
START_WITHIN_S = 60
_POLL_S = 0.2
_ENTRY = "from joinedup.scenarios.load import Due\n"

Say = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Cluster:
    """
    Which processes send.

    Args:
        processes: on this machine.
        expected: workers that are started elsewhere; 0 where none are waited for.
        bind_host, port: where the master listens for them.
        ui_port: of Locust's own page; 0 for none.
    """

    processes: int = 1
    expected: int = 0
    bind_host: str = "127.0.0.1"
    port: int = 0
    ui_port: int = 0


@dataclass
class Sent:
    """
    What a load left behind.

    Args:
        missing: processes that handed nothing over.
        served_memory: bytes that the bundled agencies used, over the load.
        is_interrupted: whether somebody ended it before its time.
    """

    tally: Tally
    missing: int = 0
    served_memory: list[int] = field(default_factory=list)
    is_interrupted: bool = False


def send(
    plan: LoadPlan, out: Path, cluster: Cluster, *, served: Served | None = None, say: Say = lambda _: None
) -> Sent:
    """
    Send the load of a plan and read what came of it; Locust's own files and log stay in ``out``.

    Raises:
        SetupError: Locust did not start, and the hint holds the last thing that it said; or a process lacks a file.
        RealDataError: an answer looked like real people, and the load was stopped.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="joinedup-load-") as name:
        folder = Path(name)
        # It holds the credentials of the bundled agencies, which end with the run.
        (folder / PLAN_FILE).touch(mode=0o600)
        (folder / PLAN_FILE).write_text(encode(plan))
        entry = folder / "locust" / "due.py"
        entry.parent.mkdir()
        entry.write_text(_ENTRY)
        environment = _environment(cluster)
        with (out / LOG).open("w") as log:
            child = subprocess.Popen(  # noqa: S603 - Locust with a file of ours
                [*_locust(entry), *_arguments(plan, out, cluster)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**environment, PLAN: str(folder)},
            )
            watch = _Watch(plan, folder, served, say)
            is_interrupted = watch.until_it_ends(child)
        return _read(folder, out, watch.memory, is_interrupted)


def work(host: str, port: int, processes: int, folder: Path) -> int:
    """Be a worker of a master that runs elsewhere, until it ends; gives Locust's exit code."""
    with tempfile.TemporaryDirectory(prefix="joinedup-load-") as name:
        entry = Path(name) / "due.py"
        entry.write_text(_ENTRY)
        command = [*_locust(entry), "--worker", "--master-host", host, "--master-port", str(port)]
        if processes > 1:
            command += ["--processes", str(processes)]
        environment = {**_environment(Cluster()), "JOINEDUP_LOAD_FOLDER": str(folder.resolve())}
        child = subprocess.Popen(command, env=environment)  # noqa: S603 - Locust with a file of ours
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)
            return child.wait()


def _locust(entry: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "locust", "-f", str(entry)]


def _environment(cluster: Cluster) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")}
    return {**kept, "JOINEDUP_LOAD_UI": "1" if cluster.ui_port else ""}


def _arguments(plan: LoadPlan, out: Path, cluster: Cluster) -> list[str]:
    users = str(plan.users)
    arguments = ["-u", users, "-r", users, "--stop-timeout", "1"]
    arguments += ["--csv", str(out / "locust"), "--html", str(out / "locust.html"), "--only-summary"]
    if cluster.ui_port:
        arguments += ["--autostart", "--web-host", "127.0.0.1", "--web-port", str(cluster.ui_port)]
    else:
        arguments += ["--headless"]
    if cluster.processes > 1 or cluster.expected:
        port = str(cluster.port or _free_port())
        arguments += ["--master-bind-host", cluster.bind_host, "--master-bind-port", port]
    if cluster.expected:
        arguments += ["--master", "--expect-workers", str(cluster.expected)]
    elif cluster.processes > 1:
        arguments += ["--master-host", "127.0.0.1", "--master-port", port]
        arguments += ["--processes", str(cluster.processes)]
    return arguments


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class _Watch:
    """Looks after a load: the line that says how it goes, the outage in its middle, the agencies' memory."""

    def __init__(self, plan: LoadPlan, folder: Path, served: Served | None, say: Say) -> None:
        self.plan, self.folder, self.served, self.say = plan, folder, served, say
        self.memory: list[int] = []
        self._away = False
        self._served_process = _agencies_process() if served else None

    def until_it_ends(self, child: subprocess.Popen[bytes]) -> bool:
        """Wait for the end of the process; gives whether somebody ended it early."""
        interrupted = False
        last = -1.0
        while child.poll() is None:
            try:
                live = self._live()
                if live is not None and live["at"] != last:
                    last = live["at"]
                    self._note(live)
                time.sleep(_POLL_S)
            except KeyboardInterrupt:
                interrupted = True
                child.send_signal(signal.SIGINT)
        self._switch(False)
        return interrupted

    def _note(self, live: dict[str, Any]) -> None:
        self.say(live)
        if self._served_process is not None:
            with contextlib.suppress(psutil.Error):
                self.memory.append(int(self._served_process.memory_info().rss))
        outage = self.plan.outage
        if outage is not None:
            share = live["at"] / self.plan.duration_s
            self._switch(outage.starts <= share < outage.ends)

    def _switch(self, away: bool) -> None:
        outage = self.plan.outage
        if outage is None or self.served is None or away == self._away:
            return
        self._away = away
        self.served.switch_outage(outage.system, away)

    def _live(self) -> dict[str, Any] | None:
        try:
            found = json.loads((self.folder / LIVE_FILE).read_bytes())
        except (OSError, ValueError):
            return None
        return dict(found)


def _agencies_process() -> psutil.Process | None:
    """The process that serves the bundled agencies, which is a child of this one."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "joinedup.mocks.serve" in child.cmdline():
                return child
    return None


def _read(folder: Path, out: Path, memory: list[int], is_interrupted: bool) -> Sent:
    try:
        found = json.loads((folder / TALLY_FILE).read_bytes())
    except (OSError, ValueError):
        lines = (out / LOG).read_text(errors="replace").strip().splitlines()
        told = next((line for line in reversed(lines) if "Error" in line or "ERROR" in line), "")
        raise SetupError(
            "Locust ended without having sent the load.",
            hint=f"It said: {told or (lines or ['nothing'])[-1]} (all of it is in {out / LOG}).",
        ) from None
    tallies = [tally_from(record) for record in found["tallies"]]
    if why := next((tally.stopped for tally in tallies if tally.stopped), ""):
        raise RealDataError(
            why,
            hint="The load was stopped, and nothing of it was kept. Point base_url at an environment with synthetic people only.",
        )
    if why := next((tally.unready for tally in tallies if tally.unready), ""):
        raise SetupError(f"A process that was to send could not begin, and the load was ended: {why}")
    # What each process counted, so that anybody can add it up again.
    write_whole(out / TALLY_FILE, json.dumps(found))
    return Sent(
        summed(tallies), found["workers"] - len(tallies), memory[:: max(len(memory) // 60, 1)], is_interrupted
    )
