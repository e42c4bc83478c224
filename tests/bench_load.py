"""
How fast a load is sent, beside Locust's own fast user and wrk, on the same server in one run: ``make bench``.

Each takes its turn with one process and as many users, as fast as it can; rates on shared cores drift, so medians of
ratios taken side by side are what counts. Adds ``load`` to ``bench.json``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from joinedup.conformance.run import bundled_configuration
from joinedup.mocks.serve import Served, served
from joinedup.scenarios.load_plan import LoadPlan
from joinedup.scenarios.load_preparation import Preparation, wanted
from joinedup.scenarios.load_run import Cluster, send

ROUNDS = 3
SECONDS = 4
USERS = 16
OPERATION = "social-care:getChild"
JOURNEY = "police-notice"
FAR_TOO_FAST = 40_000
PLANNED = 150


def _plan(agencies: Served, mix: dict[str, float]) -> LoadPlan:
    choices = {"rate": FAR_TOO_FAST, "duration_s": float(SECONDS), "users": USERS, "drain_s": 0.0}
    preparation = Preparation(
        bundled_configuration(agencies.systems), frozenset(agencies.systems), agencies.control, choices
    )
    return preparation.plan(wanted(mix, Path()))


def _ours(plan: LoadPlan, folder: Path, **changes: Any) -> dict[str, float]:
    """Requests a second, and microseconds of the generator's processor for each."""
    one = msgspec.structs.replace(plan, run=os.urandom(3).hex(), **changes)
    sent = send(one, folder, Cluster())
    count = sent.tally.whole().count
    ended = sum(row.count for second, row in sent.tally.seconds.items() if second < one.duration_s)
    return {"rate": ended / one.duration_s, "cpu_us": 1e6 * sent.tally.cpu[0][0] / max(count, 1)}


def _fast_user(url: str, token: str, folder: Path) -> float:
    """Requests a second of Locust's FastHttpUser."""
    entry = folder / "fast.py"
    entry.write_text(
        "from locust import FastHttpUser, constant, task\n"
        "class Fast(FastHttpUser):\n"
        "    wait_time = constant(0)\n"
        f"    host = {url.partition('/v1')[0]!r}\n"
        "    @task\n"
        "    def one(self):\n"
        f"        self.client.get({'/v1' + url.partition('/v1')[2]!r}, headers={_headers(token)!r})\n"
    )
    command = [sys.executable, "-P", "-m", "locust", "-f", str(entry), "--headless", "-u", str(USERS)]
    command += ["-r", str(USERS), "-t", f"{SECONDS}s", "--json", "--only-summary"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    return float(json.loads(done.stdout)[0]["num_requests"]) / SECONDS


def _wrk(url: str, token: str) -> float | None:
    """Requests a second of wrk with one thread; None where it is not installed."""
    if shutil.which("wrk") is None:
        return None
    command = ["wrk", "-t1", f"-c{USERS}", f"-d{SECONDS}s", url]
    command += [part for name, value in _headers(token).items() for part in ("-H", f"{name}: {value}")]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    return float(found[1]) if found else None


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": token, "Sharing-Purpose": "SAFEGUARDING", "Lawful-Basis": "public-task"}


def measure() -> dict[str, Any]:
    """Everything, in turns."""
    with served(["social-care", "police"]) as agencies, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        operation, journey = _plan(agencies, {OPERATION: 1}), _plan(agencies, {JOURNEY: 1})
        step = next(iter(operation.operations[0].steps.values()))
        base = agencies.systems["social-care"].base_url
        path = step["path"]
        for key, value in step["path_parameters"].items():
            path = path.replace("{" + key + "}", str(value))
        url, token = base + path, agencies.authorization("social-care")
        rounds = [
            {
                "wrk": _wrk(url, token),
                "fast_http_user": _fast_user(url, token, folder),
                "validated": _ours(operation, folder),
                "unvalidated": _ours(operation, folder, validate=0.0),
                "journey": _ours(journey, folder),
            }
            for _ in range(ROUNDS)
        ]
        planned = _ours(operation, folder, rate=float(PLANNED), users=100, duration_s=10.0, drain_s=5.0)
    return _summary(rounds, journey, planned)


def _summary(rounds: list[dict[str, Any]], journey: LoadPlan, planned: dict[str, float]) -> dict[str, Any]:
    def median(of: Any) -> float:
        return round(float(statistics.median(of(r) for r in rounds)), 2)

    wrk = [r["wrk"] for r in rounds if r["wrk"] is not None]
    return {
        "wrk_per_second": round(statistics.median(wrk)) if wrk else None,
        "fast_http_user_per_second": median(lambda r: r["fast_http_user"]),
        "operations_per_second": median(lambda r: r["validated"]["rate"]),
        "operations_to_fast_http_user": median(lambda r: r["validated"]["rate"] / r["fast_http_user"]),
        "journeys_per_second": median(lambda r: r["journey"]["rate"] / journey.journeys[0].requests),
        "journey_requests_per_second": median(lambda r: r["journey"]["rate"]),
        "validation_costs": {
            "throughput": median(lambda r: 1 - r["validated"]["rate"] / r["unvalidated"]["rate"]),
            "processor_us": median(lambda r: r["validated"]["cpu_us"] - r["unvalidated"]["cpu_us"]),
            "processor_share": median(lambda r: r["validated"]["cpu_us"] / r["unvalidated"]["cpu_us"] - 1),
            "at_most": 0.1,
        },
        "planned_rate": {
            "planned": PLANNED,
            "achieved": round(planned["rate"], 2),
            "off_by": round(abs(planned["rate"] / PLANNED - 1), 4),
            "at_most": 0.02,
        },
    }


def main() -> None:
    """Measure, and add what was found to ``bench.json``."""
    path = Path("bench.json")
    known = json.loads(path.read_bytes()) if path.exists() else {}
    found = measure()
    path.write_text(json.dumps({**known, "load": found}, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
