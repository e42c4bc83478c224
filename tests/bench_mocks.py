"""
How fast the agencies answer, beside themselves with a part left out and beside Prism: a part of ``make bench``.

Needs wrk (``apt-get install wrk``) and, for Prism, ``npm ci --prefix tests/strangers``. Every subject answers the same
requests from the same social-care contract and they take turns, each time another one first. Other work on the machine
only ever adds to the processor time of a request and to a start, so the least of the turns is what counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from bench_served import VARIANTS
from servers import free_port
from tools import node_tool

from joinedup.mocks.bundle import load_contract
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.serve import served
from joinedup.mocks.social_care import FIRST_CHILD

STARTS = 5
SETS = 3
ROUNDS = 3
SECONDS = 1
CONNECTIONS = 16
SYSTEM = "social-care"
GET, POST = f"/v1/children/{FIRST_CHILD}", "/v1/contacts"
SHARING = {"Sharing-Purpose": "SAFEGUARDING", "Lawful-Basis": "public-task"}
CONTACT = {
    "source": "2A",
    "urgency": "same-day",
    "reason": "Came to school with a bruise and did not want to go home.",
    "child": {"givenName": "Amber", "familyName": "Green", "nhsNumber": "9990001006"},
}
# Each request has an X-Request-ID of its own, so that each makes something.
SCRIPT = """
local count = 0
local start = os.time() * 1000
function request()
  count = count + 1
  wrk.headers["X-Request-ID"] = string.format("%08x-0000-4000-8000-%012x", start % 4294967296, count)
  return wrk.format({method}, nil, wrk.headers, {body})
end
function done(summary, latency, requests)
  print(string.format("P50 %d P99 %d ERRORS %d", latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Subject:
    """Something that answers, the id of its process, and the Authorization that it takes."""

    address: str
    process: int
    authorization: str
    control: str = ""


@dataclass(frozen=True)
class Measured:
    """Requests a second; processor time of the server a request, and latencies, in microseconds."""

    rate: float
    processor: float
    p50: int
    p99: int


Turns = dict[str, dict[str, list[Measured]]]
"""What was measured, by method and subject."""


@contextlib.contextmanager
def _variant(name: str) -> Iterator[Subject]:
    command = [sys.executable, str(Path(__file__).with_name("bench_served.py")), name, "--system", SYSTEM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            ready = json.loads(_first_line(process))
            system = ready["systems"][SYSTEM]
            authorization = f"Bearer {_token(system['identities']['own'])}"
            yield Subject(system["base_url"], process.pid, authorization, ready["control"])
        finally:
            process.terminate()


def _token(keys: Mapping[str, str]) -> str:
    form = {"grant_type": "client_credentials", "scope": keys["scope"]}
    answer = httpx.post(keys["token_url"], data=form, auth=(keys["client_id"], keys["client_secret"]))
    return str(answer.json()["access_token"])


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(30):
            raise SystemExit("An agency did not start.")
    return process.stdout.readline()


@contextlib.contextmanager
def _prism(folder: Path) -> Iterator[Subject]:
    contract, port = folder / "contract.json", free_port()
    contract.write_text(json.dumps(load_contract(SYSTEM)))
    address = f"http://127.0.0.1:{port}"
    command = [node_tool("prism"), "mock", "-v", "silent", "-p", str(port), str(contract)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(address)
            yield Subject(address, process.pid, "Bearer anything")
        finally:
            process.terminate()


def _wait_for(address: str) -> None:
    for _ in range(300):
        with contextlib.suppress(httpx.TransportError):
            httpx.get(address + "/v1/status")
            return
        time.sleep(0.1)
    raise SystemExit("Prism did not start.")


def _processor_seconds(process: int) -> float:
    """What a process has used so far, in all of its threads (proc(5): fields 14 and 15)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _measure(subject: Subject, method: str, script: Path, seconds: int = SECONDS) -> Measured:
    """One run of wrk."""
    if subject.control:
        httpx.post(f"{subject.control}/v1/resets", json={})
    body = json.dumps(CONTACT) if method == "POST" else ""
    quoted = "nil" if not body else f"[[{body}]]"
    script.write_text(SCRIPT.replace("{method}", f'"{method}"').replace("{body}", quoted))
    headers = {**SHARING, "Authorization": subject.authorization, "Content-Type": "application/json"}
    if method == "GET":
        del headers["Content-Type"]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    command += [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command.append(subject.address + (GET if method == "GET" else POST))
    before = _processor_seconds(subject.process)
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = _processor_seconds(subject.process) - before
    rate, requests = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"(\d+) requests in", said)
    rest = re.search(r"P50 (\d+) P99 (\d+) ERRORS (\d+)", said)
    if rate is None or requests is None or rest is None or int(rest[3]):
        raise SystemExit(f"wrk met errors or said something unexpected:\n{said}")
    return Measured(float(rate[1]), used / int(requests[1]) * 1e6, int(rest[1]), int(rest[2]))


def _turns(subjects: Mapping[str, Subject], script: Path, found: Turns) -> None:
    """Add measurements by method and subject, taken in turns after one that does not count."""
    for method, runs in found.items():
        names = list(subjects)
        for round_number in range(ROUNDS + 1):
            for name in names[round_number % len(names) :] + names[: round_number % len(names)]:
                measured = _measure(subjects[name], method, script)
                if round_number:
                    runs.setdefault(name, []).append(measured)


def _times(runs: Mapping[str, list[Measured]], other: str) -> float:
    """How many requests the whole agency answers in the processor time in which the other answers one."""
    return round(_least(runs[other]) / _least(runs["whole"]), 2)


def _least(measured: Sequence[Measured]) -> float:
    return min(each.processor for each in measured)


def speed() -> dict[str, Any]:
    """
    Rates and their ratios for reading and creating, over loopback, with wrk on the other core.

    Each set of turns has processes of its own: how one process lies in memory makes it a tenth faster or slower.
    """
    if shutil.which("wrk") is None:
        return {"left_out": "wrk is not installed; to install it: apt-get install wrk"}
    left_out = ""
    found: Turns = {"GET": {}, "POST": {}}
    for _ in range(SETS):
        with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
            folder = Path(name)
            subjects = {each: stack.enter_context(_variant(each)) for each in VARIANTS}
            try:
                subjects["prism"] = stack.enter_context(_prism(folder))
            except pytest.skip.Exception as missing:
                left_out = str(missing)
            _turns(subjects, folder / "load.lua", found)
    return {method.lower(): _summary(runs) for method, runs in found.items()} | {
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "left_out": left_out,
    }


def _summary(runs: Mapping[str, list[Measured]]) -> dict[str, Any]:
    whole = runs["whole"]
    medians = {
        name: {
            "requests_per_second": round(statistics.median(m.rate for m in measured)),
            "processor_us": round(_least(measured), 1),
            "p50_ms": round(statistics.median(m.p50 for m in measured) / 1000, 2),
            "p99_ms": round(statistics.median(m.p99 for m in measured) / 1000, 2),
        }
        for name, measured in runs.items()
    }
    others = {f"to_{name.replace('-', '_')}": _times(runs, name) for name in runs if name != "whole"}
    return medians | others | {"p99_to_p50": round(statistics.median(m.p99 / m.p50 for m in whole), 1)}


def start(systems: Sequence[str]) -> float:
    """Seconds from the start of the process until all of these have answered: the least of five."""
    taken = []
    for _ in range(STARTS):
        began = time.perf_counter()
        with served(systems) as agencies:
            for name in systems:
                httpx.get(agencies.systems[name].contract).raise_for_status()
            taken.append(time.perf_counter() - began)
    return round(min(taken), 2)


def mocks() -> dict[str, Any]:
    """All of it."""
    started = {"all": start(tuple(AGENCIES)), "one": start((SYSTEM,))}
    return {"start_seconds": started, "speed": speed()}


if __name__ == "__main__":
    print(json.dumps(mocks(), indent=1))
