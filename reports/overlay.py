"""What people agreed, laid over what a run found: it changes what counts, and never what was found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from joinedup.conformance.findings import Result
from joinedup.conformance.outcomes import Level, Outcome
from joinedup.reports.account import Account, Fault, Point
from joinedup.reports.causes import Breach
from joinedup.reports.exceptions import Agreed, as_record, places

UNDECIDED = frozenset({Outcome.HARNESS_ERROR, Outcome.SETUP_ERROR})


class Judged(Protocol):
    """What has to be known of a requirement."""

    @property
    def point(self) -> Point: ...
    @property
    def outcome(self) -> Outcome: ...


@dataclass(frozen=True)
class Covered:
    """
    One requirement of one system, under the entries that speak of it.

    Args:
        whole: whether every reason why it is not met is covered.
        used: each entry that covers something, with the findings that it covers.
        unused: each that covers nothing, with the sentence that says why.
    """

    whole: bool = False
    used: tuple[tuple[Agreed, tuple[str, ...]], ...] = ()
    unused: tuple[tuple[Agreed, str], ...] = ()

    @property
    def findings(self) -> set[str]:
        """Every finding that an entry covers."""
        return {id_ for _, ids in self.used for id_ in ids}


def cover(
    judged: Judged, entries: Sequence[Agreed], breaches: Sequence[Breach], results: Sequence[Result]
) -> Covered:
    """
    Lay entries over one requirement of one system.

    Args:
        judged: the requirement as it came out.
        entries: those that name it.
        breaches: every finding that breaks it.
        results: what checks reported of it.
    """
    if not entries:
        return Covered()
    unmet = any(judged.outcome in entry.OUTCOMES for entry in entries)
    stands_blocked = unmet and (not breaches or any(r.outcome is Outcome.BLOCKED for r in results))
    within = {
        entry: tuple(breach.id for breach in breaches if unmet and entry.scope.covers(breach))
        for entry in entries
    }
    used = [
        (entry, ids)
        for entry, ids in within.items()
        if ids or (stands_blocked and not entry.scope.names_findings)
    ]
    covered = {id_ for ids in within.values() for id_ in ids}
    named = all(breach.id in covered for breach in breaches)
    return Covered(
        whole=unmet
        and named
        and (not stands_blocked or any(not entry.scope.names_findings for entry in entries)),
        used=tuple(used),
        unused=tuple((e, _why(e, judged, breaches)) for e in entries if e not in [u for u, _ in used]),
    )


def _why(entry: Agreed, judged: Judged, breaches: Sequence[Breach]) -> str:
    """Why an entry covers nothing; empty where the run could not know."""
    if judged.outcome in UNDECIDED or (judged.outcome is Outcome.BLOCKED and entry.scope.names_findings):
        return ""
    if judged.outcome not in entry.OUTCOMES:
        told = {Outcome.WARN: "only recommended", Outcome.PASS: "met"}.get(
            judged.outcome, judged.outcome.replace("_", " ")
        )
        return f"{entry.name}: it matches nothing: the point is {told}. Remove the entry."
    if not entry.scope.names_findings:
        names = ", ".join(breach.id for breach in breaches[:5])
        return f"{entry.name}: it is too broad: it covers whatever is wrong. Name the finding or operations of {names}."
    touched = next((breach for breach in breaches if entry.scope.touches(breach)), None)
    if touched:
        more = ", ".join(sorted(places(touched) - set(entry.scope.operations))[:3])
        return f"{entry.name}: it does not cover {touched.id}, which shows at {more} too. Mend that, or agree it anew."
    return f"{entry.name}: it matches nothing: other findings break the point. Remove or correct the entry."


def current(entries: Sequence[Agreed], on: date) -> Iterator[Agreed]:
    """The entries with which nothing is wrong on a day."""
    yield from (entry for entry in entries if not any(entry.mistakes(on)))


def wrong(entries: Sequence[Agreed], on: date) -> Iterator[str]:
    """A sentence for each entry with which something is wrong on a day."""
    for entry in entries:
        for what, _ in list(entry.mistakes(on))[:1]:
            yield f"{entry.name}: {what}"


Coverage = Mapping[tuple[str, str], Covered]


def lay(
    judgements: Mapping[str, Sequence[Judged]],
    entries: Collection[Agreed],
    breaches: Sequence[Breach],
    results: Mapping[str, Mapping[str, Sequence[tuple[str, Result]]]],
) -> Coverage:
    """Every requirement of every system under the entries that speak of it, by system and id."""
    return {
        (name, judged.point.id): cover(
            judged,
            [e for e in entries if (e.scope.system, e.requirement) == (name, judged.point.id)],
            [b for b in breaches if b.system.system == name and judged.point.id in b.requirements],
            [result for _, result in results[name].get(judged.point.id, [])],
        )
        for name, points in judgements.items()
        for judged in points
    }


def sentences(entries: Sequence[Agreed], coverage: Coverage, account: Account) -> list[str]:
    """What is wrong with entries: by themselves, or, where the run is complete, because they cover nothing in it."""
    unused = [told for covered in coverage.values() for entry, told in covered.unused if entry in entries]
    return [*wrong(entries, account.day), *(told for told in unused if told and account.complete)]


def faults(account: Account, coverage: Coverage) -> list[Fault]:
    """Waivers with which something is wrong, as faults of the set-up: no system is charged with them."""
    return [Fault(Outcome.SETUP_ERROR, told) for told in sentences(account.waivers, coverage, account)]


def covered_findings(account: Account, coverage: Coverage, breaches: Sequence[Breach]) -> frozenset[str]:
    """Findings that are covered under every required point that they break."""
    return frozenset(
        breach.id
        for breach in breaches
        if (required := _required(account, breach))
        and all(breach.id in coverage[breach.system.system, id_].findings for id_ in required)
    )


def _required(account: Account, breach: Breach) -> list[str]:
    levels = account.levels[breach.system.system]
    must = [id_ for id_ in breach.requirements if levels[id_] is Level.MUST]
    return must or list(breach.requirements)


def told(coverage: Coverage) -> list[dict[str, Any]]:
    """The entries that cover something, as ``verdict.json`` lists them, in the order of their file."""
    used = [(entry, ids, covered.whole) for covered in coverage.values() for entry, ids in covered.used]
    return [_told(entry, ids, whole) for entry, ids, whole in sorted(used, key=lambda use: use[0].entry)]


def _told(entry: Agreed, findings: Sequence[str], whole: bool) -> dict[str, Any]:
    """An entry with its scope beside its other keys; ``whole``: nothing else breaks the requirement."""
    record = as_record(entry)
    scope = {**record.pop("scope"), "operations": list(entry.scope.operations)}
    return {**scope, **record, "findings": list(findings), "whole": whole}
