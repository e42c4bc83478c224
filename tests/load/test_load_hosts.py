"""A master and two workers on three hosts, each with a network, a folder and secrets of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from loads import NOTES
from servers import free_port

from joinedup.scenarios.load_tally import summed, tally_from

COMMAND = [str(Path(sys.executable).parent / "joinedup"), "load", "-c", "joinedup.toml"]
PATIENCE_S = 120
CONFIGURATION = """
[systems.notes]
base_url = "http://{host}:{port}"
contract = "notes.yaml"
[systems.notes.identities.own]
flow = "api-key"
header = "X-Api-Key"
api_key = "env:NOTES_KEY"
[load]
permitted_by = "A. Tester, Example, 2026-11-02"
rate = 40
duration = "3s"
[load.mix]
"notes:addNote" = 1
"""
# A system that writes down which addresses it was called from.
SYSTEM = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen = set()

class Notes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201 if self.headers.get("X-Api-Key") == sys.argv[3] else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.client_address[0] not in seen:
            seen.add(self.client_address[0])
            print(self.client_address[0], flush=True)

    def log_message(self, *_):
        pass

ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Notes).serve_forever()
"""


@dataclass(frozen=True)
class Host:
    """
    Where a process runs.

    Args:
        before: what goes before a command, so that it runs there.
        folder: that it has for itself.
    """

    address: str
    before: tuple[str, ...]
    folder: Path


def _ip(*words: str) -> bool:
    try:
        return subprocess.run(["ip", *words], capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@contextlib.contextmanager
def _networks(folder: Path) -> Iterator[list[Host] | None]:
    """Three networks that reach each other through a bridge; None where this machine does not let us make them."""
    name = f"ju{os.getpid()}"
    spaces = [f"{name}n{number}" for number in range(3)]
    try:
        made = all(_ip("netns", "add", space) for space in spaces) and _connected(name, spaces)
        hosts = [
            Host(f"10.77.0.{number + 1}", ("ip", "netns", "exec", space), folder / space)
            for number, space in enumerate(spaces)
        ]
        yield hosts if made else None
    finally:
        for space in spaces:
            _ip("netns", "del", space)


def _connected(name: str, spaces: list[str]) -> bool:
    first = spaces[0]
    done = [_ip("-n", first, "link", "add", "br0", "type", "bridge")]
    done += [_ip("-n", first, "addr", "add", "10.77.0.1/24", "dev", "br0")]
    for number, space in enumerate(spaces[1:], 1):
        here, there = f"{name}a{number}"[-15:], f"{name}b{number}"[-15:]
        done += [_ip("-n", first, "link", "add", here, "type", "veth", "peer", "name", there, "netns", space)]
        done += [_ip("-n", first, "link", "set", here, "master", "br0")]
        done += [_ip("-n", first, "link", "set", here, "up")]
        done += [_ip("-n", space, "addr", "add", f"10.77.0.{number + 1}/24", "dev", there)]
        done += [_ip("-n", space, "link", "set", there, "up")]
    done += [_ip("-n", space, "link", "set", "lo", "up") for space in spaces]
    return all([*done, _ip("-n", first, "link", "set", "br0", "up")])


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[list[Host]]:
    """Three hosts with networks of their own; three folders of this one where it cannot be divided."""
    with _networks(tmp_path) as found:
        here = [Host("127.0.0.1", (), tmp_path / f"host{number}") for number in range(3)]
        yield found or here


def _furnished(host: Host, system: str, port: int) -> None:
    host.folder.mkdir()
    (host.folder / "notes.yaml").write_text(yaml.safe_dump(NOTES))
    (host.folder / "joinedup.toml").write_text(CONFIGURATION.format(host=system, port=port))


def _started(host: Host, *command: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*host.before, *command],
        cwd=host.folder,
        env={**os.environ, "NOTES_KEY": "told to each host by its own environment"},
        text=True,
        **more,
    )


def test_workers_on_other_hosts_take_their_part(hosts: list[Host]) -> None:
    """
    Each sends half from its own address, by its own copy of the configuration; the master sends none of it.

    The merged figures are the sum of what each counted, to the last bucket.
    """
    first, *others = hosts
    port, master = free_port(), str(free_port())
    for host in hosts:
        _furnished(host, first.address, port)
    key = "told to each host by its own environment"
    program = (sys.executable, "-c", SYSTEM, first.address, str(port), key)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    system = _started(first, *program, stdout=subprocess.PIPE)
    order = ("--worker", "--master-host", first.address, "--master-port", master)
    workers = [_started(host, *COMMAND, *order, **quiet) for host in others]
    try:
        _until_it_answers(first, port)
        arguments = ("--master", "--expect-workers", "2", "--master-port", master, "--out", "out")
        done = _started(first, *COMMAND, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = done.communicate(timeout=PATIENCE_S)[0]
        for worker in workers:
            worker.wait(PATIENCE_S)
    finally:
        for process in (*workers, system):
            process.kill()
            process.wait()
        seen = system.communicate()[0].split()
    assert done.returncode == 0, said
    found = json.loads((first.folder / "out" / "performance.json").read_bytes())
    kept = json.loads((first.folder / "out" / "tallies.json").read_bytes())["tallies"]
    parts = [tally_from(record) for record in kept]
    assert [part.started for part in parts] == [60, 60]
    assert (found["processes"], found["failures"], found["arrivals"]["due"]) == (2, 0, 120)
    assert [row["name"] for row in found["by_name"]] == ["POST /notes of notes"]
    for row in found["by_name"]:
        assert row["requests"] == sum(part.rows[row["name"]].count for part in parts) == 120
        assert row["p95_ms"] == round(summed(parts).rows[row["name"]].service.percentile(95), 2)
    # What was tried before the load came from the first host.
    assert set(seen) == {host.address for host in hosts}


def _until_it_answers(host: Host, port: int) -> None:
    program = f"import socket; socket.create_connection(({host.address!r}, {port}), 1)"
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if _started(host, sys.executable, "-c", program, stderr=subprocess.DEVNULL).wait() == 0:
            return
        # It is another process, which says nothing when it listens.
        time.sleep(0.1)
    raise AssertionError("the system does not answer")
