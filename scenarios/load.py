"""
Locust, and nothing else of ours knows it: users that take what is due from a fixed schedule.

A process of its own runs this (``python -m locust -f …`` with a file that imports ``Due``), because importing Locust
changes what sockets and threads are. The plan comes from the master, or from the file that ``JOINEDUP_LOAD`` names;
what was counted goes to the master and from there into the folder that the plan's file lies in.

::

    master ── plan and part ──▶ each worker   when the test starts
    master ◀── live figures ─── each worker   every second
    master ◀── the tally ────── each worker   once, when its part is done, or when it is told to stop
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import msgspec
import psutil
from locust import User, events, runners
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, Runner, WorkerRunner

from joinedup.conformance.errors import JoinedUpError, RealDataError
from joinedup.scenarios.arrivals import Arrival, schedule
from joinedup.scenarios.load_ground import Ground
from joinedup.scenarios.load_plan import LoadPlan, decode
from joinedup.scenarios.load_players import Player
from joinedup.scenarios.load_tally import Tally

PLAN = "JOINEDUP_LOAD"
PLAN_FILE, LIVE_FILE, TALLY_FILE = "plan.json", "live.json", "tallies.json"
LEAD_S = 1.0
"""Between the start of the first user and the first arrival: the others are there by then."""
USERS_EACH = 1_000_000
"""Numbers of users that each process has for itself."""

# While a worker reads contracts it sends no sign of life, and a busy machine takes its time over them.
runners.HEARTBEAT_LIVENESS = 60
# A worker whose master is gone ends by itself.
END_AFTER_S = 5


class Part:
    """What one process does of a load: its share of the schedule, its users, its tally."""

    def __init__(self, runner: Runner, plan: LoadPlan, part: int, of: int) -> None:
        self.runner, self.plan, self.part = runner, plan, part
        self.items = plan.items
        self.ground, self.tally = Ground(plan), Tally()
        self.ground.warm()
        self.arrivals: Iterator[Arrival] = schedule(plan.profile, plan.shares, part=part, of=of)
        self.tally.due = sum(1 for _ in schedule(plan.profile, plan.shares, part=part, of=of))
        self.begin = time.monotonic() + LEAD_S
        self.users, self.open = 0, 0
        self.is_done = False
        self._cpu = _Cpu()
        self._watch = gevent.spawn(self._watching)

    def player(self, environment: Environment) -> Player:
        """A new user of this process."""
        self.users += 1
        return Player(
            self.ground,
            self.tally,
            self.part * USERS_EACH + self.users,
            begin=self.begin,
            told=_teller(environment),
        )

    def following(self) -> Arrival | None:
        """The next arrival; None where there is none, or where it is too late for any."""
        if self.is_done or time.monotonic() > self.begin + self.plan.duration_s + self.plan.drain_s:
            return None
        arrival = next(self.arrivals, None)
        self.open += arrival is not None
        return arrival

    def stop(self, why: str) -> None:
        """End the whole load at once: nothing more is sent, by nobody."""
        self.tally.stopped = self.tally.stopped or why
        self.finish()

    def finish(self) -> None:
        """Hand the tally over, once."""
        if self.is_done:
            return
        self.is_done = True
        self._watch.kill(block=False)
        self.tally.judged = self.ground.judged
        self.tally.cpu, self.tally.busiest = [self._cpu.total()], [self._cpu.busiest()]
        self.tally.memory = [self._cpu.memory()]
        _hand_over(self.runner, self.tally)

    def live(self) -> dict[str, Any]:
        """A few figures for the line that says how it goes."""
        whole = self.tally.whole()
        return {
            "at": time.monotonic() - self.begin,
            "requests": whole.count,
            "failures": whole.failures,
            "started": self.tally.started,
            "busy": self.tally.started - self.tally.finished,
        }

    def _watching(self) -> None:
        while True:
            gevent.sleep(1)
            self._cpu.second()
            _tell_live(self.runner, self.live())


class _Cpu:
    """Processor time and memory of this process, from the start of its part."""

    WINDOW = 3

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._start = (time.process_time(), time.monotonic())
        self._last = self._start
        self._shares: list[float] = []
        self._memory = int(self._process.memory_info().rss)

    def second(self) -> None:
        """Note the share of a core that was used since the last time."""
        now = (time.process_time(), time.monotonic())
        self._shares.append((now[0] - self._last[0]) / max(now[1] - self._last[1], 0.001))
        self._last = now

    def total(self) -> tuple[float, float]:
        """Seconds of processor time, and seconds that passed."""
        return time.process_time() - self._start[0], time.monotonic() - self._start[1]

    def busiest(self) -> float:
        """The highest share of a core over three seconds in a row."""
        size = min(self.WINDOW, len(self._shares))
        windows = [self._shares[i : i + size] for i in range(len(self._shares) - size + 1)] if size else []
        return max((sum(window) / size for window in windows), default=0.0)

    def memory(self) -> tuple[int, int]:
        """Bytes in use at the start and now."""
        return self._memory, int(self._process.memory_info().rss)


def _play_what_is_due(user: User) -> None:
    """Take the next arrival, wait until it is due, play it, and take the next one, until nothing is due any more."""
    if "part" not in _state:
        raise StopUser
    part: Part = _state["part"]
    player = part.player(user.environment)
    try:
        while (arrival := part.following()) is not None:
            _play_one(part, player, arrival)
    except RealDataError as error:
        part.stop(error.message)
    finally:
        player.close()
    if part.open == 0:
        part.finish()
    raise StopUser


def _play_one(part: Part, player: Player, arrival: Arrival) -> None:
    due = part.begin + arrival.at_s
    early = due - time.monotonic()
    if early > 0:
        gevent.sleep(early)
        part.tally.late.record(time.monotonic() - due)
    part.tally.started += 1
    try:
        player.play(part.items[arrival.item], arrival.number, due, arrival.turn)
        part.tally.finished += 1
    finally:
        part.open -= 1


class Due(User):
    """A user of the load, as Locust counts them."""

    tasks = [_play_what_is_due]  # noqa: RUF012 - as Locust declares it


_state: dict[str, Any] = {"tallies": [], "live": {}, "workers": 0}


def _teller(environment: Environment) -> Any:
    """Tells Locust of each request, so that its page, CSV and HTML have it."""
    fire = environment.events.request.fire

    def told(method: str, name: str, seconds: float, size: int, reason: str) -> None:
        fire(  # type: ignore[no-untyped-call]
            request_type=method,
            name=name,
            response_time=seconds * 1000,
            response_length=size,
            exception=Failed(reason) if reason else None,
            context={},
        )

    return told


class Failed(Exception):
    """Why a request or a journey failed, for Locust's own pages."""


# --- master and workers


def _prepare(environment: Environment, **_: Any) -> None:
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        runner.register_message("joinedup-tally", _received_tally)
        runner.register_message("joinedup-live", _received_live)
    elif isinstance(runner, WorkerRunner):
        runner.register_message("joinedup-plan", _received_plan)
    _state["folder"] = Path(os.environ[PLAN]) if os.environ.get(PLAN) else None


def _start(environment: Environment, **_: Any) -> None:
    runner = environment.runner
    assert runner is not None, "Locust starts no test without one"
    if isinstance(runner, WorkerRunner):
        return
    text = (_state["folder"] / PLAN_FILE).read_text()
    _state["tallies"], _state["live"] = [], {}
    if isinstance(runner, MasterRunner):
        workers = [*runner.clients.ready, *runner.clients.running, *runner.clients.spawning]
        _state["workers"] = len(workers)
        for number, worker in enumerate(workers):
            message = {"plan": text, "part": number, "of": len(workers)}
            runner.send_message("joinedup-plan", message, worker.id)
    else:
        _state["workers"] = 1
        _begin(runner, decode(text), 0, 1)


def _begin(runner: Runner, plan: LoadPlan, part: int, of: int) -> None:
    """Take a part of the load; where something that it needs is not on this machine, the whole load ends."""
    try:
        _state["part"] = Part(runner, plan, part, of)
    except JoinedUpError as error:
        _hand_over(runner, Tally(unready=str(error)))


def _stop(environment: Environment, **_: Any) -> None:
    """Stopped before its time: what there is goes to the master."""
    if "part" in _state:
        _state["part"].finish()


events.init.add_listener(_prepare)  # type: ignore[no-untyped-call]
events.test_start.add_listener(_start)  # type: ignore[no-untyped-call]
events.test_stop.add_listener(_stop)  # type: ignore[no-untyped-call]


def _received_plan(environment: Environment, msg: Any, **_: Any) -> None:
    """A worker learns what it is to do."""
    plan = decode(msg.data["plan"])
    if os.environ.get("JOINEDUP_LOAD_FOLDER"):
        plan = msgspec.structs.replace(plan, folder=os.environ["JOINEDUP_LOAD_FOLDER"])
    assert environment.runner is not None, "a worker has received it"
    _begin(environment.runner, plan, msg.data["part"], msg.data["of"])


def _received_tally(environment: Environment, msg: Any, **_: Any) -> None:
    _note_tally(environment.runner, msg.data)


def _received_live(environment: Environment, msg: Any, **_: Any) -> None:
    _note_live(msg.node_id, msg.data)


def _hand_over(runner: Runner, tally: Tally) -> None:
    record = tally.as_record()
    if isinstance(runner, WorkerRunner):
        runner.send_message("joinedup-tally", {"tally": json.dumps(record)})
        if not os.environ.get("JOINEDUP_LOAD_UI"):
            gevent.spawn_later(END_AFTER_S, runner.quit)
    else:
        _note_tally(runner, {"tally": json.dumps(record)})


def _tell_live(runner: Runner, figures: dict[str, Any]) -> None:
    if isinstance(runner, WorkerRunner):
        runner.send_message("joinedup-live", figures)
    else:
        _note_live("local", figures)


def _note_live(who: str, figures: dict[str, Any]) -> None:
    _state["live"][who] = figures
    parts = list(_state["live"].values())
    sums = {name: sum(part[name] for part in parts) for name in ("requests", "failures", "started", "busy")}
    _write(_state["folder"] / LIVE_FILE, {**sums, "at": max(part["at"] for part in parts)})


def _note_tally(runner: Any, data: dict[str, Any]) -> None:
    _state["tallies"].append(json.loads(data["tally"]))
    _write(
        _state["folder"] / TALLY_FILE,
        {"workers": _state["workers"], "tallies": _state["tallies"]},
    )
    is_over = len(_state["tallies"]) >= _state["workers"]
    # With a page, people look at the result before they end it.
    last = _state["tallies"][-1]
    if last["stopped"] or last["unready"] or (is_over and not os.environ.get("JOINEDUP_LOAD_UI")):
        gevent.spawn_later(0.5, runner.quit)


def _write(path: Path, content: Any) -> None:
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(content))
    temporary.replace(path)
