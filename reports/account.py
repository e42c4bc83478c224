"""What the record of a run says, sorted by kind; no judgement is made here."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import msgspec

from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Level, Outcome
from joinedup.reports.attestations import Attestation
from joinedup.reports.earlier import Earlier
from joinedup.reports.events import Event
from joinedup.reports.exceptions import Known, Waiver

FAULTS = (Outcome.HARNESS_ERROR, Outcome.SETUP_ERROR)


@dataclass(frozen=True)
class System:
    """
    A system that took part.

    Args:
        left_out: reason by operation that was not to be called.
        identities: flow by identity.
        requirements: level by requirement of its profile; None for every requirement of the run at its own level.
    """

    system: str
    profile: str = ""
    profile_hash: str = ""
    contract_hash: str = ""
    base_url: str | None = None
    operations: int = 0
    live: bool = False
    under_test: bool = True
    left_out: dict[str, str] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    requirements: dict[str, Level] | None = None


@dataclass(frozen=True)
class Exclusion:
    """Why a requirement, or a half of it, is not tested by machine."""

    reason: str
    note: str = ""


@dataclass(frozen=True)
class Point:
    """A requirement as the catalogue had it when the run began."""

    id: str
    level: Level
    text: str = ""
    plain: str = ""
    question: str | None = None
    source: object = None
    excluded: Exclusion | None = None


@dataclass(frozen=True)
class Checked:
    """One check of one system: a pytest item, by its node id."""

    check: str
    system: str | None = ""
    seconds: float = 0.0
    results: tuple[Result, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Exercised:
    """How an operation fared over the whole run."""

    system: str
    operation: str
    succeeded: bool
    last_statuses: tuple[int | str, ...] = ()


@dataclass(frozen=True)
class Made:
    """
    An object that the run made on a system that is not its own.

    Args:
        operation: what made it.
        where: its path, masked.
        deleted: whether it is gone again.
    """

    system: str
    operation: str
    where: str = ""
    deleted: bool = False


class Link(msgspec.Struct, frozen=True):
    """One system that called or told another, and the worst that came of it."""

    to: str
    outcome: Outcome
    sender: str = msgspec.field(name="from")


class Journey(msgspec.Struct, frozen=True):
    """What every view relies on of a journey; the rest of its event is passed on as it is."""

    id: str
    outcome: Outcome
    title: str = ""
    systems: list[str] = msgspec.field(default_factory=list)
    steps: int = 0
    exchanges: int = 0
    links: list[Link] = msgspec.field(default_factory=list)


@dataclass(frozen=True)
class Fault:
    """
    What went wrong outside every requirement: a fault of ours or of the set-up.

    Args:
        ends_verdict: whether it leaves no verdict on its system, whatever else was found: what answered was not the
            system, or real people's records came back.
    """

    outcome: Outcome
    reason: str = ""
    system: str | None = ""
    check: str = ""
    ends_verdict: bool = False


@dataclass
class Account:
    """
    Everything that a record says; what is computed from it is kept, so it is read in full first.

    ``complete`` is true when the last line is ``run-finished`` and every line could be read: a line that was lost
    may have held a failure.
    """

    started: Event = field(default_factory=dict)
    points: dict[str, Point] = field(default_factory=dict)
    systems: dict[str, System] = field(default_factory=dict)
    checks: list[Checked] = field(default_factory=list)
    exercised: dict[tuple[str, str], Exercised] = field(default_factory=dict)
    errors: list[Fault] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    journeys: dict[str, Event] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    waivers: list[Waiver] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    attestations: list[Attestation] = field(default_factory=list)
    earlier: list[Earlier] = field(default_factory=list)
    exchanges: int = 0
    unreadable: int = 0
    finished: bool = False
    first: str = ""
    last: str = ""

    @property
    def complete(self) -> bool:
        """Whether nothing of the record is missing."""
        return self.finished and not self.unreadable

    @property
    def seconds(self) -> float:
        """From the first event to the last, in seconds."""
        try:
            moments = [datetime.fromisoformat(at) for at in (self.first, self.last)]
            return round((moments[1] - moments[0]).total_seconds(), 3)
        except (ValueError, TypeError):
            return 0.0

    @property
    def day(self) -> date:
        """The day on which the run started; the first of all days where the record does not say."""
        try:
            return datetime.fromisoformat(self.first).date()
        except ValueError:
            return date.min

    def under_test(self) -> list[System]:
        """The systems that are judged, by name."""
        return sorted((s for s in self.systems.values() if s.under_test), key=lambda system: system.system)

    @functools.cached_property
    def profiles(self) -> Mapping[str, list[Point]]:
        """The requirements that each system must meet, at the level its profile gives them, by id."""
        return {name: self._profile(system.requirements) for name, system in self.systems.items()}

    def _profile(self, levels: Mapping[str, Level] | None) -> list[Point]:
        if levels is None:
            return [self.points[id_] for id_ in sorted(self.points)]
        known = (self.points.get(id_, Point(id_, levels[id_])) for id_ in sorted(levels))
        return [replace(point, level=levels[point.id]) for point in known]

    @functools.cached_property
    def levels(self) -> Mapping[str, Mapping[str, Level]]:
        """The level of each requirement of each system's profile."""
        return {name: {point.id: point.level for point in points} for name, points in self.profiles.items()}

    @functools.cached_property
    def checks_of(self) -> Mapping[str, list[Checked]]:
        """The checks of each system, in order; what belongs to no system stands under the empty name."""
        checks: dict[str, list[Checked]] = defaultdict(list)
        for checked in self.checks:
            checks[checked.system or ""].append(checked)
        return checks

    @functools.cached_property
    def faults(self) -> list[Fault]:
        """Faults outside every requirement in use: what was reported as one, and checks that prove none of them."""
        reported = [
            Fault(result.outcome, result.reason, checked.system, checked.check)
            for checked in self.checks
            for result in checked.results
            if result.requirement not in self.levels.get(checked.system or "", {})
        ]
        return [fault for fault in [*self.errors, *reported] if fault.outcome in FAULTS]

    def results(self, system: str) -> Mapping[str, list[tuple[str, Result]]]:
        """What was found for each requirement of a system, with the check that found it, in order."""
        return self._results.get(system, {})

    @functools.cached_property
    def _results(self) -> Mapping[str, Mapping[str, list[tuple[str, Result]]]]:
        found: dict[str, dict[str, list[tuple[str, Result]]]] = defaultdict(lambda: defaultdict(list))
        for checked in self.checks:
            for result in checked.results:
                found[checked.system or ""][result.requirement].append((checked.check, result))
        return found


def _started(account: Account, event: Event) -> None:
    """A run starts the account anew: what an earlier run left in the same folder is not part of it."""
    fresh = Account(started=event, first=_at(event))
    entries = msgspec.convert(event.get("requirements") or [], list[Point])
    fresh.points = {point.id: point for point in entries}
    vars(account).update(vars(fresh))


def _system(account: Account, event: Event) -> None:
    system = msgspec.convert(event, System)
    account.systems[system.system] = system


def _check(account: Account, event: Event) -> None:
    checked = msgspec.convert(event, Checked)
    if checked.system:
        account.systems.setdefault(checked.system, System(checked.system))
    account.checks.append(checked)


def _exercised(account: Account, event: Event) -> None:
    seen = msgspec.convert(event, Exercised)
    key = (seen.system, seen.operation)
    if key not in account.exercised or not account.exercised[key].succeeded:
        account.exercised[key] = seen


def _exchange(account: Account, event: Event) -> None:
    account.exchanges += 1


def _made(account: Account, event: Event) -> None:
    account.made.append(msgspec.convert(event, Made))


def _journey(account: Account, event: Event) -> None:
    """A journey as the record has it; what every view relies on is checked."""
    told = msgspec.convert(event, Journey)
    account.journeys[told.id] = event
    account.links += told.links


def _error(account: Account, event: Event) -> None:
    account.errors.append(msgspec.convert(event, Fault))


def _waiver(account: Account, event: Event) -> None:
    account.waivers.append(msgspec.convert(event, Waiver))


def _known(account: Account, event: Event) -> None:
    account.known.append(msgspec.convert(event, Known))


def _attestation(account: Account, event: Event) -> None:
    account.attestations.append(msgspec.convert(event, Attestation))


def _earlier(account: Account, event: Event) -> None:
    account.earlier.append(msgspec.convert(event, Earlier))


def _unreadable(account: Account, event: Event) -> None:
    account.unreadable += 1


def _at(event: Event) -> str:
    at = event.get("at")
    return at if isinstance(at, str) else ""


_READERS: dict[str, Callable[[Account, Event], None]] = {
    "run-started": _started,
    "system": _system,
    "check": _check,
    "exercised": _exercised,
    "exchange": _exchange,
    "error": _error,
    "made": _made,
    "journey": _journey,
    "waiver": _waiver,
    "known": _known,
    "attestation": _attestation,
    "earlier": _earlier,
    "unreadable": _unreadable,
}


def _ignore(account: Account, event: Event) -> None:
    """An event of a kind that this account has no use for."""


def read(events: Iterable[Event]) -> Account:
    """The account of a record; an event that is not of its kind's form counts as unreadable."""
    account = Account()
    for event in events:
        try:
            _READERS.get(str(event.get("event")), _ignore)(account, event)
        except ValueError:
            account.unreadable += 1
        account.finished = event.get("event") == "run-finished"
        account.last = _at(event) or account.last
    return account
