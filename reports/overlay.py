"""What people agreed, laid over what a run found: it changes what counts, and never what was found."""

from __future__ import annotations

from collections import defaultdict
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
        whole: whether every reason why it is not met is covered: what could not be tested for a finding that is
            covered itself needs no entry of its own.
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


@dataclass(frozen=True)
class Ground:
    """
    What one requirement of one system rests on.

    Args:
        judged: the requirement as it came out.
        breaches: every finding that breaks it.
        results: what checks reported of it.
        agreed: rules of the system whose findings are all covered; what they blocked is covered with them.
        hindering: rules of the system whose findings stood in the way of some point.
    """

    judged: Judged
    breaches: Sequence[Breach]
    results: Sequence[Result]
    agreed: Collection[str] = ()
    hindering: Collection[str] = ()

    def speaks(self, entry: Agreed) -> bool:
        """Whether an entry can be about it: it is not met, or only recommended and in the way of other points."""
        recommended = self.judged.outcome is Outcome.WARN
        hinders = recommended and any(b.finding.rule in self.hindering for b in self.breaches)
        return hinders or self.judged.outcome in entry.OUTCOMES

    @property
    def untested(self) -> bool:
        """Whether a part of it could not be tested, or failed without a finding."""
        return not self.breaches or any(r.outcome is Outcome.BLOCKED for r in self.results)

    @property
    def explained(self) -> bool:
        """Whether whatever could not be tested was blocked by findings that are agreed."""
        rest = [r for r in self.results if r.blocked_by not in self.agreed]
        found = bool(self.breaches) or (
            len(rest) < len(self.results) and self.judged.outcome is Outcome.BLOCKED
        )
        return found and not any(r.outcome is Outcome.BLOCKED for r in rest)


def cover(ground: Ground, entries: Sequence[Agreed]) -> Covered:
    """Lay the entries that name a requirement over it."""
    speaking = [entry for entry in entries if ground.speaks(entry)]
    if not speaking and not (ground.judged.outcome is Outcome.BLOCKED and ground.explained):
        return Covered(unused=tuple((entry, _why(entry, ground)) for entry in entries))
    whole = {entry for entry in speaking if ground.untested and not entry.scope.names_findings}
    within = {e: tuple(b.id for b in ground.breaches if e.scope.covers(b)) for e in speaking}
    used = {entry: ids for entry, ids in within.items() if ids or entry in whole}
    covered = {id_ for ids in within.values() for id_ in ids}
    return Covered(
        whole=all(b.id in covered for b in ground.breaches)
        and bool(whole or ground.explained or not ground.untested),
        used=tuple(used.items()),
        unused=tuple((e, _why(e, ground)) for e in entries if e not in used),
    )


def _why(entry: Agreed, ground: Ground) -> str:
    """Why an entry covers nothing; empty where the run could not know."""
    outcome, breaches = ground.judged.outcome, ground.breaches
    if outcome in UNDECIDED or (outcome is Outcome.BLOCKED and entry.scope.names_findings):
        return ""
    if not ground.speaks(entry):
        told = {Outcome.WARN: "only recommended", Outcome.PASS: "met"}.get(outcome, outcome.replace("_", " "))
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
Levels = Mapping[str, Mapping[str, Level]]
"""The level of each requirement, by system."""


def lay(
    levels: Levels,
    judgements: Mapping[str, Sequence[Judged]],
    entries: Collection[Agreed],
    breaches: Sequence[Breach],
    results: Mapping[str, Mapping[str, Sequence[tuple[str, Result]]]],
) -> Coverage:
    """
    Every requirement of every system under the entries that speak of it, by system and id.

    First without regard to what blocked what, which tells the findings that are agreed; then with it.
    """
    named, broken = _by_requirement(entries, breaches)
    hindering = {
        name: {result.blocked_by for found in points.values() for _, result in found}
        for name, points in results.items()
    }

    def laid(agreed: Mapping[str, Collection[str]]) -> Coverage:
        return {
            (name, judged.point.id): cover(
                Ground(
                    judged,
                    broken[name, judged.point.id],
                    [result for _, result in results[name].get(judged.point.id, [])],
                    agreed.get(name, ()),
                    hindering[name],
                ),
                named[name, judged.point.id],
            )
            for name, points in judgements.items()
            for judged in points
        }

    return laid(_agreed(covered_findings(levels, laid({}), breaches), breaches))


def _by_requirement(
    entries: Collection[Agreed], breaches: Sequence[Breach]
) -> tuple[Mapping[tuple[str, str], list[Agreed]], Mapping[tuple[str, str], list[Breach]]]:
    """Entries and findings by system and requirement."""
    named: dict[tuple[str, str], list[Agreed]] = defaultdict(list)
    for entry in entries:
        named[entry.scope.system, entry.requirement].append(entry)
    broken: dict[tuple[str, str], list[Breach]] = defaultdict(list)
    for breach in breaches:
        for requirement in breach.requirements:
            broken[breach.system.system, requirement].append(breach)
    return named, broken


def _agreed(covered: Collection[str], breaches: Sequence[Breach]) -> Mapping[str, Collection[str]]:
    """The rules of each system whose every finding is covered; recommended ones count where no other is there."""
    required = {_rule(breach) for breach in breaches if breach.level is Level.MUST}
    deciding = [b for b in breaches if b.level is Level.MUST or _rule(b) not in required]
    rules: dict[str, set[str]] = defaultdict(set)
    for system, rule in {_rule(b) for b in deciding} - {_rule(b) for b in deciding if b.id not in covered}:
        rules[system].add(rule)
    return rules


def _rule(breach: Breach) -> tuple[str, str]:
    return breach.system.system, breach.finding.rule


def sentences(entries: Sequence[Agreed], coverage: Coverage, account: Account) -> list[str]:
    """What is wrong with entries: by themselves, or, where the run is complete, because they cover nothing in it."""
    unused = [told for covered in coverage.values() for entry, told in covered.unused if entry in entries]
    return [*wrong(entries, account.day), *(told for told in unused if told and account.complete)]


def faults(account: Account, coverage: Coverage) -> list[Fault]:
    """Waivers with which something is wrong, as faults of the set-up: no system is charged with them."""
    return [Fault(Outcome.SETUP_ERROR, told) for told in sentences(account.waivers, coverage, account)]


def covered_findings(levels: Levels, coverage: Coverage, breaches: Sequence[Breach]) -> frozenset[str]:
    """Findings that are covered under every required point that they break."""
    return frozenset(
        breach.id
        for breach in breaches
        if (required := _required(levels[breach.system.system], breach))
        and all(breach.id in coverage[breach.system.system, id_].findings for id_ in required)
    )


def _required(levels: Mapping[str, Level], breach: Breach) -> list[str]:
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
