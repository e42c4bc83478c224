"""What ``joinedup load`` does; the command line in ``cli`` only reads the words."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from joinedup.conformance.configuration import Configuration, read_configuration
from joinedup.conformance.errors import ConfigurationError, NothingSelectedError
from joinedup.conformance.run import DEFAULT_FILE, bundled_configuration, new_run_folder
from joinedup.mocks import systems as bundled_systems
from joinedup.mocks.serve import Served, served
from joinedup.reports.events import FILE_NAME
from joinedup.reports.load_picture import capacity_picture, load_picture
from joinedup.reports.run_folder import PERFORMANCE, write_views, write_whole
from joinedup.scenarios.arrivals import SHAPES
from joinedup.scenarios.load_capacity import find_capacity
from joinedup.scenarios.load_children import OwnChildren, read_children
from joinedup.scenarios.load_counting import counted
from joinedup.scenarios.load_levels import DEFAULT, checked
from joinedup.scenarios.load_plan import LoadPlan, Outage
from joinedup.scenarios.load_preparation import (
    DEFAULT_MIX,
    Preparation,
    Wanted,
    enrolled,
    systems_needed,
    wanted,
)
from joinedup.scenarios.load_results import performance
from joinedup.scenarios.load_run import Cluster, send, work
from joinedup.scenarios.stages import CONTROL

NO_VERDICT = 3
LEAST_USERS, MOST_USERS = 10, 2000
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_EVERY_S = 5.0


@dataclass(frozen=True)
class Ordered:
    """What the command line orders; what is None is taken from the configuration."""

    source: str | None
    rate: float | None
    duration: str | None
    users: int | None
    processes: int
    shape: str | None
    journeys: tuple[str, ...]
    operations: tuple[str, ...]
    out: Path | None
    master: bool
    worker: bool
    expect_workers: int
    master_host: str
    master_port: int
    ui: bool
    ui_port: int
    find_capacity: bool
    seed: int
    faults: tuple[str, ...]
    as_json: bool


def load(order: Ordered) -> int:
    """
    Send a load and say what it found; 0 where every level was met, 1 where one was not, 3 where it proves nothing.

    Raises:
        JoinedUpError: before any load: the order, the configuration or the mix cannot be used.
    """
    source = order.source or (DEFAULT_FILE if Path(DEFAULT_FILE).exists() else None)
    configuration = read_configuration(Path(source)) if source else None
    folder = Path(configuration.folder if configuration else ".")
    if order.worker:
        return work(order.master_host, order.master_port, order.processes, folder)
    if order.find_capacity and order.master:
        raise ConfigurationError(
            "--find-capacity starts many loads, and the workers of a master end after one.",
            hint="Use --processes on one machine, or try rates one by one.",
        )
    settings = (configuration or Configuration()).load
    checked(settings.levels)
    out = order.out or new_run_folder(Path())
    if (out / PERFORMANCE).exists():
        raise ConfigurationError(
            f"The folder {out} already holds the result of a load.",
            hint="Name another with --out, or remove it.",
        )
    own = read_children(folder, settings.children) if settings.children else None
    entries = wanted(_mix(order, settings.mix, configuration), folder)
    needed = systems_needed(entries)
    _refuse_what_nobody_allowed(configuration, needed)
    with _serving(configuration, needed, order) as (whole, ours, agencies):
        choices = {**_choices(order, settings, entries, ours), "seed": order.seed}
        preparation = Preparation(
            whole, ours, agencies, choices, lambda sentence: click.echo(sentence, err=True), own
        )
        plan = preparation.plan(entries)
        found = _found(order, plan, settings.levels or DEFAULT, out, agencies, ours, own)
    write_whole(out / PERFORMANCE, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    write_whole(out / "performance.svg", load_picture(found))
    if found.get("capacity"):
        write_whole(out / "capacity.svg", capacity_picture(found["capacity"]))
    if (out / FILE_NAME).exists():
        # A run was checked in this folder: its views show the load beside the verdict.
        write_views(out)
    click.echo(json.dumps(found, indent=1) if order.as_json else told(found, out))
    return {"met": 0, "broken": 1}.get(found["verdict"], NO_VERDICT)


def _found(
    order: Ordered,
    plan: LoadPlan,
    levels: Mapping[str, Any],
    out: Path,
    agencies: Served | None,
    ours: frozenset[str],
    own: OwnChildren | None,
) -> dict[str, Any]:
    def once(one: LoadPlan) -> dict[str, Any]:
        return _once(order, one, levels, out, agencies, ours)

    if not order.find_capacity:
        return once(plan)
    kept = agencies.snapshot() if agencies else ""
    taken = 0

    def tried(rate: float) -> dict[str, Any]:
        nonlocal taken
        if agencies:
            agencies.restore(kept)
        users = order.users or _users(rate)
        faster = msgspec.structs.replace(plan, run=secrets.token_hex(3), rate=rate, users=users)
        following = enrolled(faster, agencies, own, taken)
        # Agencies of ours are put back; whom a live system has seen has had their play.
        taken = following.children if own else 0
        return once(following)

    return find_capacity(tried, plan.rate, lambda sentence: click.echo(sentence, err=True))


def _once(
    order: Ordered,
    plan: LoadPlan,
    levels: Mapping[str, Any],
    out: Path,
    agencies: Served | None,
    ours: frozenset[str],
) -> dict[str, Any]:
    cluster = Cluster(
        order.processes,
        order.expect_workers if order.master else 0,
        "0.0.0.0" if order.master else "127.0.0.1",  # noqa: S104 - workers on other machines reach the master there
        order.master_port if order.master else 0,
        order.ui_port if order.ui else 0,
    )
    if order.ui:
        click.echo(f"Locust's page: http://127.0.0.1:{order.ui_port} (it stays until Ctrl+C)", err=True)
    line = _Line(plan, order.as_json)
    sent = send(plan, out, cluster, served=agencies, say=line.show)
    line.end()
    return performance(
        plan,
        sent.tally,
        levels,
        missing=sent.missing,
        counted=counted(agencies, sent.tally, plan.run, sorted(ours), plan.users) if agencies else None,
        served_memory=sent.served_memory,
    )


# --- what is asked for


def _mix(
    order: Ordered, configured: Mapping[str, float], configuration: Configuration | None
) -> Mapping[str, float]:
    """The mix: what the command line names, else the configuration's, else the default one."""
    named = [*order.journeys, *order.operations]
    if named:
        return {name: configured.get(name, 1.0) for name in named}
    if configured:
        return configured
    if configuration is not None and configuration.systems:
        raise ConfigurationError(
            "The configuration does not say what the load is to be made of.",
            hint='Write [load.mix] with for example "police-notice" = 2 or "caretrack:listChildren" = 1, or use --journey and --operation.',
        )
    return DEFAULT_MIX


def _choices(order: Ordered, settings: Any, entries: list[Wanted], ours: frozenset[str]) -> dict[str, Any]:
    rate = order.rate or settings.rate
    shape = order.shape or settings.shape
    if shape not in SHAPES:
        raise ConfigurationError(f"There is no shape {shape!r}.", hint=f"There are: {', '.join(SHAPES)}.")
    outage = None
    if shape == "outage":
        outage = _outage(settings.outage, ours)
    return {
        "rate": rate,
        "duration_s": seconds(order.duration or settings.duration),
        "users": order.users or settings.users or _users(rate),
        "shape": shape,
        "validate": settings.validate,
        "think_time_s": settings.think_time_s,
        "outage": outage,
    }


def _users(rate: float) -> int:
    """Enough for answers that take a second each."""
    return int(min(max(rate, LEAST_USERS), MOST_USERS))


def _outage(system: str, ours: frozenset[str]) -> Outage:
    chosen = system or next(iter(sorted(ours)), "")
    if chosen not in ours:
        raise ConfigurationError(
            f"The shape outage takes {chosen or 'a system'} away, which is no bundled agency of this load.",
            hint=f"Name one in [load] outage: {', '.join(sorted(ours)) or 'none takes part'}.",
        )
    return Outage(chosen)


def seconds(text: str) -> float:
    """
    A duration such as ``90s``, ``2m`` or ``1h`` in seconds.

    Raises:
        ConfigurationError: it is none, or nothing.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise ConfigurationError(f"{text!r} is no duration.", hint="Write for example 20s, 2m or 1h.")
    return float(match[1]) * _SECONDS[match[2]]


def _refuse_what_nobody_allowed(configuration: Configuration | None, needed: tuple[str, ...]) -> None:
    """
    See that somebody who may has allowed the load on systems that are not ours.

    Raises:
        ConfigurationError: nobody has.
    """
    live = [name for name in needed if configuration is not None and name in configuration.systems]
    if not live or configuration is None:
        return
    said = configuration.load.permitted_by
    parts = [part.strip() for part in said.split(",")]
    with contextlib.suppress(ValueError):
        if len(parts) >= 3 and all(parts) and date.fromisoformat(parts[-1]) <= date.today():
            return
    raise ConfigurationError(
        f"A load on {', '.join(live)} needs the permission of whoever runs it, and load.permitted_by "
        + (f"is {said!r}." if said else "is not there."),
        hint='Write [load] permitted_by = "name, organisation, date", with the day as 2026-11-02, once it is given.',
    )


@contextlib.contextmanager
def _serving(
    configuration: Configuration | None, needed: tuple[str, ...], order: Ordered
) -> Iterator[tuple[Configuration, frozenset[str], Served | None]]:
    """The configuration with every system of the mix at an address; those that it does not have are served."""
    known = {system.name for system in bundled_systems()}
    listed = set(configuration.systems) if configuration else set()
    asks = CONTROL in needed
    missing = [name for name in needed if name not in listed and name != CONTROL]
    for name in missing:
        if name not in known:
            raise NothingSelectedError(
                f"The mix names the system {name!r}, which is not there.",
                hint=f"There are: {', '.join(sorted(listed) or sorted(known))}.",
            )
    if not missing and not asks and configuration is not None:
        yield configuration, frozenset(), None
        return
    with served(missing or ["auth"], seed=order.seed, faults=order.faults) as agencies:
        own = bundled_configuration(agencies.systems)
        ours = frozenset(agencies.systems)
        if configuration is None:
            yield own, ours, agencies
        else:
            whole = msgspec.structs.replace(configuration, systems={**own.systems, **configuration.systems})
            yield whole, ours - listed, agencies


# --- what people see


class _Line:
    """How the load goes: one line that changes on a terminal, a plain line now and then elsewhere."""

    def __init__(self, plan: LoadPlan, quiet: bool) -> None:
        self._plan, self._quiet = plan, quiet
        self._terminal = sys.stderr.isatty()
        self._last = -_EVERY_S
        self._before = (0.0, 0)

    def show(self, live: Mapping[str, Any]) -> None:
        """Say where the load is."""
        at = live["at"]
        if self._quiet or at < 0 or (not self._terminal and at - self._last < _EVERY_S):
            return
        passed = at - self._before[0]
        rate = (live["requests"] - self._before[1]) / passed if passed > 0 else 0.0
        self._last, self._before = at, (at, live["requests"])
        text = f"{min(at, self._plan.duration_s):4.0f} of {self._plan.duration_s:g} s: {live['requests']} requests, {rate:.0f} a second, {live['failures']} failed, {live['busy']} under way"
        click.echo(f"\r{text}\033[K" if self._terminal else text, nl=not self._terminal, err=True)

    def end(self) -> None:
        """Clear the line."""
        if self._terminal and not self._quiet:
            click.echo("\r\033[K", nl=False, err=True)


_SAID = {
    "met": "✓ Every service level was met.",
    "broken": "✗ A service level was not met.",
    "invalid": "? Nothing can be concluded from this load.",
}


def told(found: Mapping[str, Any], out: Path) -> str:
    """The result for people."""
    lines = [_SAID[found["verdict"]], *(f"  {sentence}" for sentence in found["invalid_because"])]
    lines += [
        f"  {'met    ' if each['met'] else 'NOT MET'} {each['level']}{_measured(each)}"
        for each in found["levels"]
    ]
    lines += [
        f"{found['requests']} requests, {found['failures']} failed; {found['rate_achieved']:g} a second of {found['rate_scheduled']:g} that were due; generator at {found['generator_cpu']:g}% of a core",
        "",
        f"{'ms':<58}{'count':>8}{'failed':>8}{'p50':>9}{'p95':>9}{'p99':>9}{'p95 from due':>14}",
    ]
    lines += [_row(row) for row in found["by_name"]]
    lines += [_row({**found, "name": "all requests"})]
    lines += [
        f"  {row['name']} was played as far as {row['ends_at']}: {row['ends_because']}."
        for row in found["by_name"]
        if "ends_at" in row
    ]
    lines += [f"  {each['count']} × {each['reason']}" for each in found["reasons"][:5]]
    if capacity := found.get("capacity"):
        lines += ["", capacity["sentence"]]
    lines.append(
        f"Result: {out / PERFORMANCE}; picture: {out / 'performance.svg'}; Locust's own: {out / 'locust.html'}"
    )
    return "\n".join(lines)


def _measured(level: Mapping[str, Any]) -> str:
    return "" if level["key"] == "correct" else f" (measured: {level['measured']})"


def _row(row: Mapping[str, Any]) -> str:
    figures = [f"{row[key]:>9.1f}" for key in ("p50_ms", "p95_ms", "p99_ms")]
    part = f" ({row['steps_played']} of {row['steps']} steps)" if "ends_at" in row else ""
    name = f"{row['name'][: 57 - len(part)]}{part}"
    return f"{name:<58}{row['requests']:>8}{row['failures']:>8}{''.join(figures)}{row['p95_from_intended_ms']:>14.1f}"
