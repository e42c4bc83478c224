"""
How fast a load is sent, beside Locust's own fast user and wrk, on the same server in one run: ``make bench``.

Each takes its turn with one process and as many users, as fast as it can. Rates on shared cores drift and are there for
orientation; what is compared is the processor time that each used for a request, which other work disturbs least, as
medians of ratios taken in turns. Adds ``load`` to ``bench.json``; takes about a minute.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from joinedup.conformance.run import bundled_configuration
from joinedup.mocks.serve import Served, served
from joinedup.scenarios.load_ground import Ground
from joinedup.scenarios.load_plan import LoadPlan, PlannedItem
from joinedup.scenarios.load_players import Player
from joinedup.scenarios.load_preparation import Preparation, wanted
from joinedup.scenarios.load_run import Cluster, send
from joinedup.scenarios.load_tally import Tally
from joinedup.scenarios.load_validation import Allowance

ROUNDS = 3
SECONDS = 2
USERS = 16
OPERATION = "social-care:getChild"
JOURNEY = "police-notice"
FAR_TOO_FAST = 40_000
PLANNED = 150
PAIRS = 200
TURN = 20
"""Requests of a turn in which validation is measured."""


def _plan(agencies: Served, mix: dict[str, float]) -> LoadPlan:
    choices = {"rate": FAR_TOO_FAST, "duration_s": float(SECONDS), "users": USERS, "drain_s": 0.0}
    preparation = Preparation(
        bundled_configuration(agencies.systems), frozenset(agencies.systems), agencies, choices
    )
    return preparation.plan(wanted(mix, Path()))


Turn = dict[str, float]
"""``rate``: requests a second; ``cpu_us``: microseconds of the sender's processor for each."""


def _ours(plan: LoadPlan, folder: Path, **changes: Any) -> Turn:
    """What one process of ``joinedup load`` sends."""
    one = msgspec.structs.replace(plan, run=os.urandom(3).hex(), **changes)
    sent = send(one, folder, Cluster())
    count = sent.tally.whole().count
    ended = sum(row.count for second, row in sent.tally.seconds.items() if second < one.duration_s)
    return {"rate": ended / one.duration_s, "cpu_us": 1e6 * sent.tally.cpu[0][0] / max(count, 1)}


_FAST = """
import time
from locust import FastHttpUser, constant, events, task

class Fast(FastHttpUser):
    wait_time = constant(0)
    host = {host!r}

    @task
    def one(self):
        self.client.get({path!r}, headers={headers!r})

@events.test_start.add_listener
def start(environment, **_):
    Fast.used = time.process_time()

@events.test_stop.add_listener
def stop(environment, **_):
    open({out!r}, "w").write(str(time.process_time() - Fast.used))
"""


def _fast_user(url: str, token: str, folder: Path) -> Turn | None:
    """What Locust's FastHttpUser sends, which looks at no answer; None where the machine let it send nothing."""
    entry, used = folder / "fast.py", folder / "fast.txt"
    host, _, path = url.partition("/v1")
    entry.write_text(_FAST.format(host=host, path="/v1" + path, headers=_headers(token), out=str(used)))
    command = [sys.executable, "-P", "-m", "locust", "-f", str(entry), "--headless", "-u", str(USERS)]
    command += ["-r", str(USERS), "-t", f"{SECONDS}s", "--json", "--only-summary"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    count = sum(row["num_requests"] for row in json.loads(done.stdout))
    return {"rate": count / SECONDS, "cpu_us": 1e6 * float(used.read_text()) / count} if count else None


def _wrk(url: str, token: str) -> Turn | None:
    """What wrk sends with one thread; None where it is not installed."""
    if shutil.which("wrk") is None:
        return None
    command = ["wrk", "-t1", f"-c{USERS}", f"-d{SECONDS}s", url]
    command += [part for name, value in _headers(token).items() for part in ("-H", f"{name}: {value}")]
    before = _children_s()
    done = subprocess.run(command, capture_output=True, text=True)
    used = _children_s() - before
    found = re.search(r"(\d+) requests in", done.stdout)
    return {"rate": int(found[1]) / SECONDS, "cpu_us": 1e6 * used / int(found[1])} if found else None


def _children_s() -> float:
    """Processor seconds of children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
        turns: dict[str, Callable[[], Turn | None]] = {
            "wrk": lambda: _wrk(url, token),
            "fast_http_user": lambda: _fast_user(url, token, folder),
            "operation": lambda: _ours(operation, folder),
            "journey": lambda: _ours(journey, folder),
        }
        # None may come first each time: the first after a pause is slower.
        rounds = [{name: turns[name]() for name in sorted(turns, reverse=bool(n % 2))} for n in range(ROUNDS)]
        planned = _ours(operation, folder, rate=float(PLANNED), users=100, duration_s=10.0, drain_s=5.0)
        costs = {name: _validation(plan) for name, plan in (("operation", operation), ("journey", journey))}
    return _summary(rounds, journey.journeys[0].requests, planned, costs)


def _validation(plan: LoadPlan) -> dict[str, float]:
    """
    What validation adds to the processor time of a request, as a share: as it is, and where every answer is judged.

    It is measured without Locust, which would add to both sides, in turns of a few milliseconds, so that whatever else
    the machine does meets both alike.
    """
    # Half of the time is the other's turn, in which the allowance grows too.
    half = plan.judged_a_second / 2
    return {
        "as_it_is": _adds(plan, msgspec.structs.replace(plan, judged_a_second=half)),
        "of_every_answer": _adds(plan, msgspec.structs.replace(plan, judged_a_second=0)),
    }


def _adds(plan: LoadPlan, judging: LoadPlan) -> float:
    silent = msgspec.structs.replace(plan, validate=0.0)
    grounds = [Ground(judging), Ground(silent)]
    # A core that others use as well is no slower generator: time is what this process had of it.
    grounds[0].allowance = Allowance(1.0, judging.judged_a_second, now=time.process_time)
    players = [
        Player(ground, Tally(), user, begin=0.0, told=lambda *_: None) for user, ground in enumerate(grounds)
    ]
    with contextlib.ExitStack() as open_ones:
        for player in players:
            open_ones.enter_context(contextlib.closing(player))
            _used(player, plan.items[0])
        pairs = []
        for number in range(PAIRS):
            order = players if number % 2 else players[::-1]
            used = {player.user: _used(player, plan.items[0]) for player in order}
            pairs.append(used[0] / used[1])
    return round(statistics.median(pairs) - 1, 3)


def _used(player: Player, item: PlannedItem) -> float:
    """Processor seconds of one turn."""
    start = time.process_time()
    for arrival in range(max(TURN // item.requests, 1)):
        player.play(item, arrival, time.monotonic())
    return time.process_time() - start


def _summary(
    rounds: list[dict[str, Turn | None]], requests: int, planned: Turn, costs: dict[str, dict[str, float]]
) -> dict[str, Any]:
    def median(name: str, key: str) -> float | None:
        found = [turn[key] for one in rounds if (turn := one[name])]
        return round(float(statistics.median(found)), 1) if found else None

    def ratio(name: str, to: str) -> float | None:
        pairs = [(a["cpu_us"], b["cpu_us"]) for one in rounds if (a := one[name]) and (b := one[to])]
        return round(float(statistics.median(a / b for a, b in pairs)), 2) if pairs else None

    journeys = median("journey", "rate")
    return {
        "per_second": {name: median(name, "rate") for name in rounds[0]},
        "journeys_per_second": round(journeys / requests, 1) if journeys else None,
        "processor_us_per_request": {name: median(name, "cpu_us") for name in rounds[0]},
        "processor_of_fast_http_user": ratio("operation", "fast_http_user"),
        "validation_costs": {**costs, "as_it_is_at_most": 0.1},
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
