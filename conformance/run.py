"""
One run in one process: configuration, bundled agencies, targets and the record.

The process that starts the run makes the folder, serves the bundled agencies and writes the views; worker processes get
a ``Plan`` and append to the same record.
"""

from __future__ import annotations

import contextlib
import json
import platform
import socket
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from joinedup.conformance.catalogue import Catalogue, load_catalogue, load_profile
from joinedup.conformance.configuration import (
    Configuration,
    configuration_hash,
    read_configuration,
)
from joinedup.conformance.errors import ConfigurationError, JoinedUpError, NothingSelectedError, near
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.target import OWN, Target, build_target
from joinedup.mocks.catalogue import AGENCIES
from joinedup.reports import agreements
from joinedup.reports.agreements import Agreements
from joinedup.reports.earlier import beside
from joinedup.reports.events import Record
from joinedup.reports.exceptions import as_record
from joinedup.reports.run_folder import write_views, write_whole
from joinedup.scenarios.judgement import CONTRACT
from joinedup.scenarios.stories import Story, bundled_stories

DEFAULT_FILE = "joinedup.toml"
BUNDLED = "bundled"
SPOILT_BY_TOOLBOX = ("expired", "not-yet-valid", "wrong-audience", "wrong-issuer")
RUNS = Path(".joinedup") / "runs"
VERSIONS = ("joinedup", "schemathesis", "hypothesis", "pytest", "httpx", "jsonschema-rs")


# What a plan names by a path; run.json keeps the names alone.
FILES = ("source", "waivers", "baseline", "attestations")


@dataclass(frozen=True)
class Plan:
    """
    What a run is asked to do; plain values, so that it can travel to another process.

    Args:
        source: path of the configuration, or ``bundled``.
        out: the run's folder.
        seed: of everything generated.
        cases: ``quick``, ``standard`` or ``thorough``.
        only: requirement ids or families.
        systems: names of systems; empty means all under test.
        journeys: names of journeys; where there are any, they alone are played, and no other check runs.
        faults: names of faults switched on in the bundled agencies.
        strict: whether a warn counts against a system.
        marker: the word that marks what the run makes on a system that is not its own.
        waivers: file of the scheme's exceptions; empty for the one beside the configuration, where there is one.
        baseline: file of the failures that the supplier knows, in the same way.
        attestations: file of what people attest, in the same way.
    """

    source: str
    out: str
    seed: int = 1
    cases: str = "standard"
    only: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    journeys: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    strict: bool = False
    marker: str = ""
    waivers: str = ""
    baseline: str = ""
    attestations: str = ""


def new_run_folder(base: Path) -> Path:
    """A folder of its own for a run, named by the time and a short random part."""
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    return base / RUNS / name


@dataclass
class Run:
    """
    A run as one process sees it.

    Args:
        plan: what is asked for.
        configuration: read, with the addresses of the bundled agencies where they are used.
        catalogue: every requirement.
        record: where events go.
        ours: names of systems that are bundled agencies.
        labels: the operations of each system, where another process has read its contract already.
    """

    plan: Plan
    configuration: Configuration
    catalogue: Catalogue
    record: Record
    ours: frozenset[str] = frozenset()
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _crowd: int = 0
    _targets: dict[str, Target | JoinedUpError] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return Path(self.plan.out)

    @cached_property
    def tested(self) -> tuple[str, ...]:
        """The systems that this run judges: of points or journeys that are named, those that these are about."""
        names = [n for n in self.configuration.tested if not self.plan.systems or n in self.plan.systems]
        if self.plan.only:
            names = [name for name in names if self.requirements(name)]
        if self.plan.journeys:
            names = [name for name in names if any(name in story.systems for story in self.stories)]
        return tuple(names)

    @cached_property
    def stories(self) -> tuple[Story, ...]:
        """The bundled journeys that the plan names."""
        return tuple(story for story in bundled_stories() if story.name in self.plan.journeys)

    @cached_property
    def only(self) -> frozenset[str]:
        """The requirements that the plan names; empty where it names none."""
        return (
            frozenset(r.id for r in self.catalogue.select(self.plan.only)) if self.plan.only else frozenset()
        )

    def target(self, name: str) -> Target:
        """
        The target of a system, built once in each process.

        Raises:
            JoinedUpError: the same each time, where it cannot be built.
        """
        if name not in self._targets:
            try:
                built = build_target(
                    name,
                    self.configuration,
                    self.catalogue,
                    seed=self.plan.seed,
                    write=self.record.write,
                    ours=name in self.ours,
                    marker="" if name in self.ours else self.plan.marker,
                    quick=self.plan.cases == "quick",
                )
                built.crowd = self._crowd
                self._targets[name] = built
            except JoinedUpError as error:
                self._targets[name] = error
        found = self._targets[name]
        if isinstance(found, JoinedUpError):
            raise found
        return found

    def operations(self, name: str) -> tuple[str, ...]:
        """The labels of a system's operations that may be called; none where it cannot be used."""
        if name not in self.labels:
            try:
                self.labels[name] = tuple(operation.label for operation in self.target(name).operations)
            except JoinedUpError:
                self.labels[name] = ()
        return self.labels[name]

    def share_out(self) -> None:
        """Tell every target how many operations the run judges in all; each gets fewer requests where they are many."""
        self._crowd = sum(len(self.operations(name)) for name in self.tested)
        for target in self.built():
            target.crowd = self._crowd

    def requirements(self, name: str) -> dict[str, str]:
        """Level by requirement that a system is held to in this run."""
        profile = load_profile(self.configuration.profile_of(name), self.catalogue)
        held = {r.id: str(r.level) for r in profile.requirements if not self.plan.only or r.id in self.only}
        if not self.plan.journeys:
            return held
        told = {id for story in self.stories if name in story.systems for id in story.requirements}
        return {id: level for id, level in held.items() if id in told or id == CONTRACT}

    def built(self) -> Iterator[Target]:
        """The targets that this process built."""
        yield from (target for target in self._targets.values() if isinstance(target, Target))

    def close(self) -> None:
        """Close every connection and the record."""
        for target in self.built():
            if "client" in target.__dict__:
                target.client.close()
        self.record.close()


def read_plan(plan: Plan) -> Configuration | None:
    """The configuration of a plan, or None where the bundled agencies are under test; raises ``ConfigurationError``."""
    return None if plan.source == BUNDLED else of_their_kinds(read_configuration(Path(plan.source)))


def of_their_kinds(configuration: Configuration) -> Configuration:
    """
    The configuration with every system that has an agency's name, and therefore its kind, not able to do what others do.

    Whoever describes a police system need not say that it cannot place a child.
    """
    asked = {name for requirement in load_catalogue() for name in requirement.capabilities}
    systems = {
        name: msgspec.structs.replace(
            system,
            capabilities=dict.fromkeys(sorted(asked - {*AGENCIES[name][1]}), False) | system.capabilities,
        )
        if name in AGENCIES
        else system
        for name, system in configuration.systems.items()
    }
    return msgspec.structs.replace(configuration, systems=systems)


def read_agreements(plan: Plan, configuration: Configuration | None, catalogue: Catalogue) -> Agreements:
    """
    What people agreed, recorded and attested for a run that starts now.

    Raises:
        ConfigurationError: an entry is incomplete, expired, too broad, or about nothing that is under test.
    """
    return agreements.read(
        Path(configuration.folder if configuration else "."),
        on=datetime.now(UTC).date(),
        profiles={
            name: [r.id for r in load_profile(profile, catalogue).requirements]
            for name, profile in _profiles(plan, configuration).items()
        },
        waivers=plan.waivers,
        baseline=plan.baseline,
        attestations=plan.attestations,
    )


def _profiles(plan: Plan, configuration: Configuration | None) -> dict[str, str]:
    """The profile of each system that may be under test, also of bundled agencies that this run leaves out."""
    if configuration is not None and plan.source != BUNDLED:
        return {name: configuration.profile_of(name) for name in configuration.tested}
    from joinedup.mocks import systems

    return {system.name: system.profile for system in systems()}


def check_selection(plan: Plan, configuration: Configuration, catalogue: Catalogue) -> None:
    """
    Refuse a selection that matches nothing, before anything is sent.

    Raises:
        NothingSelectedError: naming what comes near.
    """
    for name in plan.systems:
        if name not in configuration.tested:
            raise NothingSelectedError(
                f"No system under test is called {name!r}.", hint=near(name, configuration.tested)
            )
    if plan.only:
        chosen = {r.id for r in catalogue.select(plan.only)}
        for name in plan.systems or configuration.tested:
            profile = load_profile(configuration.profile_of(name), catalogue)
            if chosen & {r.id for r in profile.requirements}:
                return
        raise NothingSelectedError(
            f"No system under test is held to {', '.join(sorted(chosen))}.",
            hint="See `joinedup requirements`.",
        )


def bundled_under_test(plan: Plan) -> tuple[str, ...]:
    """The bundled agencies that a run judges: those named, else those whose faults are switched on, else all."""
    from joinedup.mocks.faults import fault_named

    faults = () if plan.journeys else [fault for name in plan.faults if (fault := fault_named(name))]
    faulty = dict.fromkeys(fault.system for fault in faults)
    return plan.systems or tuple(faulty if faulty and faulty.keys() <= AGENCIES.keys() else AGENCIES)


@contextlib.contextmanager
def serving(
    plan: Plan, configuration: Configuration | None, *, public: bool = False
) -> Iterator[tuple[Configuration, frozenset[str]]]:
    """
    The configuration with every system at an address: the bundled agencies are served while this is open.

    Args:
        public: whether the mocks that a live system calls are served at their public address too. Journeys serve them
            themselves: what a live system tells its partners has to reach those of the story.
    """
    if configuration is not None:
        if plan.faults:
            raise ConfigurationError(
                "--fault changes the bundled agencies, and the configuration has none of them under test.",
                hint="Leave out -c, or leave out --fault.",
            )
        with _reached_by_others(configuration) if public else contextlib.nullcontext():
            yield configuration, frozenset()
        return
    from joinedup.mocks.serve import served

    # Apart: several are judged at once, and a list that others add to all the time is never read to its end.
    names = bundled_under_test(plan)
    with served(names, faults=plan.faults, seed=plan.seed, apart=True) as agencies:
        yield bundled_configuration(agencies.systems, _spoilt(agencies)), frozenset(agencies.systems)


@contextlib.contextmanager
def _reached_by_others(configuration: Configuration) -> Iterator[None]:
    """The mocks that a live system calls, at their public address; those that ``joinedup mocks`` serves already stay."""
    mocks = configuration.public_mocks
    if not mocks.listen or _is_listened_on(mocks.listen):
        yield
        return
    from joinedup.mocks.serve import served

    with served(mocks.serve, public=mocks, folder=configuration.mocks_folder):
        yield


def _is_listened_on(place: str) -> bool:
    host, _, port = place.rpartition(":")
    near = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104 - only looked at
    try:
        socket.create_connection((near, int(port)), 2).close()
    except OSError:
        return False
    return True


def _spoilt(agencies: Any) -> dict[str, dict[str, dict[str, str]]]:
    """For each agency with tokens, callers whose properly signed token has one thing wrong; the toolbox makes them."""
    made: dict[str, dict[str, dict[str, str]]] = {}
    for name, agency in agencies.systems.items():
        own = agency.identities["own"]
        for defect in SPOILT_BY_TOOLBOX if own["flow"] == "client-credentials" else ():
            order = {"system": name, "organisation": own["organisation"], "defect": defect}
            token = agencies.ask("POST", "/v1/toolbox/tokens", order)["authorization"].removeprefix("Bearer ")
            made.setdefault(name, {})[defect] = {
                "flow": "bearer",
                "organisation": own["organisation"],
                "token": token,
            }
    return made


def bundled_configuration(
    agencies: Mapping[str, Any], more: Mapping[str, Mapping[str, dict[str, str]]] | None = None
) -> Configuration:
    """A configuration that puts every served agency under test, with more callers by agency where there are."""
    from joinedup.mocks.catalogue import AGENCIES

    asked = {name for requirement in load_catalogue() for name in requirement.capabilities}
    able = {name: frozenset(capabilities) for name, (_, capabilities) in AGENCIES.items()}
    systems = {
        name: {
            "base_url": agency.base_url,
            "contract": agency.contract,
            "profile": agency.profile,
            "capabilities": {each: each in able[name] for each in sorted(asked | able[name])},
            "identities": {
                identity: dict(keys)
                for identity, keys in {**agency.identities, **(more or {}).get(name, {})}.items()
            },
        }
        for name, agency in agencies.items()
    }
    # The bundled agencies' secrets are made for this run and end with it; they never reach a file.
    table = {
        "systems": systems,
        "product": {"name": "Bundled agencies"},
        "limits": {"requests_per_second": 0},
    }
    return msgspec.convert({**table, "folder": "."}, Configuration)


def start(plan: Plan, configuration: Configuration, catalogue: Catalogue, ours: frozenset[str]) -> Run:
    """Open the record, write its first events and ``run.json``, and views that say that nothing is known yet."""
    folder = Path(plan.out)
    if (folder / "events.ndjson").exists():
        raise ConfigurationError(
            f"The folder {folder} already holds the record of a run.",
            hint="Name another with --out, or remove it.",
        )
    agreed = read_agreements(plan, configuration, catalogue)
    run = Run(plan, configuration, catalogue, Record(folder), ours)
    _write_start(run)
    agreed.write(run.record.write)
    _write_earlier(run)
    _write_run_json(run)
    write_views(folder)
    return run


def _write_start(run: Run) -> None:
    used = {id for name in run.tested for id in run.requirements(name)}
    entries = [asdict(r) for r in run.catalogue if r.id in used]
    run.record.write(
        "run-started",
        run=run.folder.name,
        harness=version_of("joinedup"),
        seed=run.plan.seed,
        strict=run.plan.strict,
        cases=run.plan.cases,
        faults=list(run.plan.faults),
        journeys=list(run.plan.journeys),
        product=msgspec.to_builtins(run.configuration.product),
        marker=run.plan.marker,
        requirements=entries,
    )


def _write_earlier(run: Run) -> None:
    systems = {name: name not in run.ours for name in run.tested}
    for earlier in beside(run.folder, systems):
        run.record.write("earlier", **as_record(earlier))


def describe_system(run: Run, name: str) -> None:
    """Write what the run knows of a system before anything is sent to it."""
    system = run.configuration.systems[name]
    profile = load_profile(run.configuration.profile_of(name), run.catalogue)
    fields: dict[str, object] = {
        "system": name,
        "profile": profile.id,
        "profile_hash": profile.hash,
        "base_url": system.base_url,
        "live": name not in run.ours,
        "under_test": True,
        "identities": {OWN: "none"}
        | {identity: str(keys.get("flow", "")) for identity, keys in system.identities.items()},
        "requirements": run.requirements(name),
    }
    try:
        target = run.target(name)
    except JoinedUpError as error:
        run.record.write("system", **fields)
        run.record.write("error", outcome=str(Outcome.SETUP_ERROR), reason=str(error), system=name)
        return
    left_out = {op.label: reason for op in target.contract.operations if (reason := target.why_left_out(op))}
    run.record.write(
        "system",
        **fields,
        contract_hash=_contract_hash(run, name, target),
        operations=len(target.contract.operations),
        left_out=left_out,
    )


def _contract_hash(run: Run, name: str, target: Target) -> str:
    """The hash of what was read; without addresses where they are ours, for those are others in each run."""
    return target.contract.unplaced_hash if name in run.ours else target.contract.original_hash


def _write_run_json(run: Run) -> None:
    content = {
        "schema": 1,
        "run": run.folder.name,
        "plan": {**asdict(run.plan), "out": "", **{key: Path(getattr(run.plan, key)).name for key in FILES}},
        "versions": {name: version_of(name) for name in VERSIONS},
        "python": platform.python_version(),
        "platform": sys.platform,
        "catalogue_hash": run.catalogue.hash,
        "configuration_hash": configuration_hash(run.configuration) if not run.ours else None,
    }
    write_whole(run.folder / "run.json", json.dumps(content, indent=1) + "\n")


def version_of(name: str) -> str:
    """The installed version of a distribution, or an empty text."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
