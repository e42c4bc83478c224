"""Journeys played in process, as a run plays them, with live systems where a test asks for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.configuration import Configuration
from joinedup.conformance.journeys import Ending, Journeys
from joinedup.conformance.run import BUNDLED, Plan, Run, bundled_configuration, describe_system, start
from joinedup.mocks.serve import Served, served
from joinedup.reports.events import read_events
from joinedup.reports.verdict import compute
from joinedup.scenarios.journey import bundled_journeys


@dataclass
class Playing:
    """A run that plays journeys."""

    run: Run
    journeys: Journeys

    def play(self, name: str, path: Path | None = None) -> str:
        """Play one journey; gives its outcome."""
        return str(self.ending(name, path).outcome)

    def ending(self, name: str, path: Path | None = None) -> Ending:
        """Play one journey; gives what became of it."""
        return self.journeys.play(path or bundled_journeys()[name], name, f"journeys/{name}")

    def verdict(self) -> dict[str, Any]:
        """The verdict of what was played so far."""
        return dict(compute([*read_events(self.run.folder), {"event": "run-finished"}]))


@contextlib.contextmanager
def playing(
    folder: Path,
    live: Mapping[str, Any] | None = None,
    *,
    faults: tuple[str, ...] = (),
    tested: tuple[str, ...] = (),
    journeys: tuple[str, ...] = (),
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[Playing]:
    """
    A run as the plugin leads it.

    Args:
        live: tables of systems that are not bundled; the bundled agencies are under test where there are none.
        tested: systems under test, all of the configuration where none is named.
        inputs: of journeys, by journey.
    """
    source = "joinedup.toml" if live else BUNDLED
    plan = Plan(source, str(folder / "run"), faults=faults, journeys=journeys)
    with contextlib.ExitStack() as closing:
        if live:
            table = {"systems": dict(live), "under_test": list(tested), "folder": str(folder)}
            table["journeys"] = {name: {"inputs": given} for name, given in (inputs or {}).items()}
            configuration, ours = msgspec.convert(table, Configuration), frozenset[str]()
        else:
            agencies = closing.enter_context(served(tested, apart=True))
            configuration, ours = bundled_configuration(agencies.systems), frozenset(tested)
        run = start(plan, configuration, load_catalogue(), ours)
        closing.callback(run.close)
        for name in run.tested:
            describe_system(run, name)
        yield Playing(run, Journeys(run, closing))


def table_of(product: Served, system: str, **more: Any) -> dict[str, Any]:
    """The table of the configuration for an agency that is served as if it were somebody's product."""
    agency = product.systems[system]
    return {
        "base_url": agency.base_url,
        "contract": agency.contract,
        "profile": agency.profile,
        "identities": {name: dict(keys) for name, keys in agency.identities.items()},
        **more,
    }
