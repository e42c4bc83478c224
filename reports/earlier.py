"""
Earlier runs of the same systems: what each of them found, and what has changed since the last one.

A run looks at the folders beside its own when it starts, and writes what it finds there into its own record. From then
on nothing outside the record is needed, so a page can be made again, and a pack verified, where those folders are not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from joinedup.conformance.outcomes import Outcome
from joinedup.reports import wording
from joinedup.reports.wording import Verdict

VERDICT = "verdict.json"
MOST_RUNS = 5
MOST_FOLDERS = 200
MOST_BYTES = 100_000_000
# A run with more findings than this is told by its requirements alone.
MOST_FINDINGS = 2_000
WAIVED, NOT_TESTED = "waived", "not_tested"
JUDGED = frozenset({*map(str, (Outcome.PASS, Outcome.FAIL, Outcome.WARN)), WAIVED})


@dataclass(frozen=True)
class Shown:
    """A finding at one operation of a system, with the first requirement that it breaks."""

    system: str
    rule: str
    operation: str
    title: str = ""
    requirement: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same finding in another run."""
        return (self.system, self.rule, self.operation)


@dataclass(frozen=True)
class Earlier:
    """
    An earlier run, in short.

    Args:
        live: whether each system that it judged was a live one.
        outcomes: outcome by system and requirement; ``waived`` for an agreed exception, ``not_tested`` for what
            nothing in that run could prove.
        findings: what it found; None where that is not kept, which is so for all but the last complete run.
    """

    run: str
    started: str
    verdict: str
    complete: bool
    live: Mapping[str, bool]
    outcomes: Mapping[str, Mapping[str, str]]
    waivers: int = 0
    findings: tuple[Shown, ...] | None = None


def beside(folder: Path, systems: Mapping[str, bool]) -> list[Earlier]:
    """
    The latest runs in the folders beside a run's own, oldest first.

    Args:
        folder: the run's folder.
        systems: whether each system that it judges is a live one; runs that share none of them are left out.
    """
    found = [run for path in _verdicts(folder) if (run := _read(path)) and run.live.items() & systems.items()]
    latest = sorted(found, key=lambda run: (run.started, run.run))[-MOST_RUNS:]
    last = next((run for run in reversed(latest) if run.complete), None)
    return [run if run is last else replace(run, findings=None) for run in latest]


def _verdicts(folder: Path) -> list[Path]:
    """The verdicts beside a folder, the latest first, and no more of them than can be read in a moment."""
    own = folder.resolve()
    try:
        beside = [path / VERDICT for path in own.parent.iterdir() if path != own]
        dated = sorted((path.stat().st_mtime, path) for path in beside if _is_plain(path))
    except OSError:
        return []
    return [path for _, path in dated[-MOST_FOLDERS:]]


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_BYTES


def _read(path: Path) -> Earlier | None:
    """An earlier run from its verdict; None for anything that is not one."""
    try:
        return _short(json.loads(path.read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _short(verdict: Mapping[str, Any]) -> Earlier:
    outcomes: dict[str, dict[str, str]] = {str(system["system"]): {} for system in verdict["systems"]}
    for requirement in verdict["requirements"]:
        known = {**requirement, "outcome": Outcome(requirement["outcome"])}
        outcomes[requirement["system"]][str(requirement["id"])] = became(known)
    findings = tuple(shown(verdict))
    return Earlier(
        run=str(verdict["run"]),
        started=str(verdict["started"]),
        verdict=str(verdict["verdict"]),
        complete=verdict["complete"] is True,
        live={str(system["system"]): bool(system["live"]) for system in verdict["systems"]},
        outcomes=outcomes,
        waivers=len(verdict.get("waivers") or ()),
        findings=findings if len(findings) <= MOST_FINDINGS else None,
    )


def became(requirement: Verdict) -> str:
    """The outcome of a requirement, or that people agreed to live with it, or that nothing could prove it."""
    if requirement.get("waived"):
        return WAIVED
    return NOT_TESTED if wording.is_untested(requirement) else str(requirement["outcome"])


def shown(verdict: Verdict) -> Iterator[Shown]:
    """Every finding of a run, once for each operation that shows it."""
    for part in parts(verdict):
        for operation in part["operations"] or [part["where"]]:
            broken = next(iter(part["requirements"]), "")
            yield Shown(str(part["system"]), str(part["rule"]), str(operation), str(part["title"]), broken)


def parts(verdict: Verdict) -> list[Mapping[str, Any]]:
    """Every finding of a run, with what is told as one taken apart."""
    return [part for finding in verdict.get("findings", []) for part in finding.get("parts") or [finding]]


def from_record(record: object) -> Earlier:
    """An earlier run as a record holds it; raises ``ValueError`` where it is none."""
    return msgspec.convert(record, Earlier)


# --- what has changed


@dataclass(frozen=True)
class Changes:
    """
    What a run found that the last complete one before it did not, and the other way round.

    Args:
        since: the earlier run.
        new: ids of findings, or of their parts, that were not there.
        gone: what is not found any more, where it was looked for.
    """

    since: Earlier
    new: frozenset[str]
    gone: tuple[Shown, ...]

    @property
    def kinds_gone(self) -> int:
        """How many findings are gone, however many operations showed each."""
        return len({(found.system, found.rule, found.title) for found in self.gone})


def changes(verdict: Verdict) -> Changes | None:
    """What has changed since the last complete run; None where there is none, or its findings are not kept."""
    last = next((run for run in reversed(read(verdict)) if run.findings is not None), None)
    if last is None or last.findings is None:
        return None
    then = {found.key for found in last.findings}
    now = {found.key for found in shown(verdict)}
    new = [part for part in parts(verdict) if _is_new(part, last, then)]
    gone = {found.key: found for found in last.findings if found.key not in now and verdict.get("complete")}
    judged = {
        (str(r["system"]), str(r["id"])) for r in verdict.get("requirements", []) if r["outcome"] in JUDGED
    }
    return Changes(
        since=last,
        new=frozenset(str(part["id"]) for part in new),
        gone=tuple(found for _, found in sorted(gone.items()) if (found.system, found.requirement) in judged),
    )


def told_as_new(verdict: Verdict, changed: Changes | None) -> frozenset[str]:
    """Ids of the findings, each told as one, that are new or have a part that is."""
    new = changed.new if changed else frozenset()
    return frozenset(
        str(finding["id"])
        for finding in verdict.get("findings", [])
        if any(str(part["id"]) in new for part in finding.get("parts") or [finding])
    )


def _is_new(part: Mapping[str, Any], last: Earlier, then: set[tuple[str, str, str]]) -> bool:
    """Whether the last run looked for a finding and did not find it, at one operation at least."""
    outcomes = last.outcomes.get(str(part["system"]), {})
    places = part["operations"] or [part["where"]]
    return any(outcomes.get(id_) in JUDGED for id_ in part["requirements"]) and any(
        (part["system"], part["rule"], place) not in then for place in places
    )


def read(verdict: Verdict) -> Sequence[Earlier]:
    """The earlier runs that a verdict names, oldest first."""
    return [from_record(run) for run in verdict.get("earlier") or []]
