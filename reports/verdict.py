"""
From the record of a run to ``verdict.json``, the one source of every view.

What is computed depends on the record alone, and on nothing else: the same events give the same verdict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace

from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import (
    HARNESS_FAULT,
    SETUP_FAULT,
    Cause,
    Decision,
    Judged,
    Level,
    Outcome,
    decide,
    decide_run,
    fold,
)
from joinedup.reports import account as accounts
from joinedup.reports import gaps, overlay, questions, reproduction, wording
from joinedup.reports.account import Account, Point, System
from joinedup.reports.attestations import attesting
from joinedup.reports.causes import Breach, Group, grouped
from joinedup.reports.events import Event
from joinedup.reports.events import as_record as finding_record
from joinedup.reports.exceptions import Agreed, as_record
from joinedup.reports.families import gathered
from joinedup.reports.gaps import exclusion
from joinedup.reports.judgement import Judgement
from joinedup.reports.overlay import Coverage

SCHEMA = 1
NO_CHECK_RAN = "no check ran"
ENDED_BEFORE = "the run ended before a check of this point"


def compute(
    events: Iterable[Event], *, strict: bool | None = None, performance: Mapping[str, object] | None = None
) -> dict[str, object]:
    """
    The verdict of a run as ``verdict.json`` holds it.

    Args:
        events: the record, as ``read_events`` gives it.
        strict: whether a ``warn`` counts against a system; None takes what the run was started with.
        performance: what ``performance.json`` of the run says; it stands beside conformance and decides nothing.
    """
    account = accounts.read(events)
    strict = bool(account.started.get("strict")) if strict is None else strict
    breaches = _breaches(account)
    confirmed = grouped("f", [b for b in breaches if b.finding.confirmed and b.level])
    parts = [part for group in confirmed for part in group.parts]
    found = {s.system: _judge_system(account, s, confirmed) for s in account.under_test()}
    coverage = _laid(account, found, account.waivers, parts)
    account = replace(account, errors=[*account.errors, *overlay.faults(account, coverage)])
    judgements = _waived(account, found, coverage)
    waived = overlay.covered_findings(account.levels, coverage, parts)
    decisions = {name: _decide(account, name, points, strict) for name, points in judgements.items()}
    decision = _decide_run(account, decisions)
    return {
        **_heading(account, decision, strict),
        "systems": [
            _system(account, s, decisions[s.system], judgements[s.system]) for s in account.under_test()
        ],
        "requirements": [_requirement(name, j) for name, points in judgements.items() for j in points],
        "findings": [_told(group, waived) for group in confirmed],
        "journeys": _journeys(account),
        "questions": _questions(account, judgements),
        "links": _links(account),
        "waivers": overlay.told(coverage),
        "baseline": _baseline(account, judgements, parts, strict),
        "unconfirmed": [_told(g) for g in grouped("u", [b for b in breaches if not b.finding.confirmed])],
        "outside_profile": [
            _told(g) for g in grouped("o", [b for b in breaches if b.finding.confirmed and not b.level])
        ],
        "not_tested": gaps.not_tested(account, judgements),
        "made": _made(account),
        "checks": _checks(account, parts, judgements),
        "errors": _errors(account),
        "earlier": [as_record(run) for run in account.earlier],
        "performance": performance,
        "counts": _counts(judgements.values()),
    }


def _questions(account: Account, judgements: Mapping[str, Sequence[Judgement]]) -> list[dict[str, object]]:
    """The council's questions, answered by the points and the journeys of a run."""
    played = [_came_to(journey) for journey in account.journeys.values()]
    points = [judgement for own in judgements.values() for judgement in own]
    told = not questions.TESTED.isdisjoint(played)
    return questions.answer(points, account.complete, journeys=told, played=played)


def _came_to(journey: Mapping[str, object]) -> Outcome:
    """What a journey says of the systems under test: where a partner failed that is not one of them, nothing yet."""
    outcome = Outcome(str(journey["outcome"]))
    return Outcome.BLOCKED if outcome is Outcome.FAIL and journey.get("charged") == [] else outcome


def _heading(account: Account, decision: Decision, strict: bool) -> dict[str, object]:
    started = account.started
    return {
        "schema": SCHEMA,
        "run": started.get("run", ""),
        "harness": started.get("harness", ""),
        "seed": started.get("seed"),
        "started": account.first,
        "seconds": account.seconds,
        "complete": account.complete,
        "verdict": decision.verdict,
        "exit_code": decision.exit_code,
        "reason": decision.reason,
        "strict": strict,
        "product": started.get("product") or {},
        "marker": started.get("marker") or "",
        "exchanges": account.exchanges,
        "unreadable": account.unreadable,
    }


def _breaches(account: Account) -> list[Breach]:
    """Every finding of the systems under test, one for each cause."""
    merged: dict[tuple[str, tuple[str, ...]], Finding] = {}
    for checked in gathered(account.checks):
        for finding in checked.findings:
            key = (checked.system or "", finding.key)
            merged[key] = _merge(merged[key], finding) if key in merged else finding
    return [
        _breach(account, account.systems[name], f)
        for (name, _), f in merged.items()
        if _judged(account, name)
    ]


def _judged(account: Account, name: str) -> bool:
    return name in account.systems and account.systems[name].under_test


def _merge(first: Finding, other: Finding) -> Finding:
    """Two findings with one cause as one: what the first says stands, unless only the other was confirmed."""
    kept = other if other.confirmed and not first.confirmed else first
    operations = tuple(sorted({*first.operations, *other.operations}))
    return replace(kept, operations=operations, count=first.count + other.count)


def _breach(account: Account, system: System, finding: Finding) -> Breach:
    levels = account.levels[system.system]
    broken = tuple(id_ for id_ in finding.requirements if id_ in levels)
    level = Level.MUST if any(levels[id_] is Level.MUST for id_ in broken) else Level.SHOULD
    finding = replace(finding, operations=tuple(sorted(set(finding.operations))))
    return Breach(system, finding, level if broken else None, broken)


def _judge_system(account: Account, system: System, found_in_run: Sequence[Group]) -> list[Judgement]:
    results = account.results(system.system)
    own = [group for group in found_in_run if group.system.system == system.system]
    ran = _ran(account, system.system)
    narrowed = account.complete and bool(account.started.get("journeys"))
    breaking: dict[str, list[Group]] = defaultdict(list)
    for group in own:
        for id_ in group.requirements:
            breaking[id_].append(group)
    judgements = []
    for point in account.profiles[system.system]:
        broken = breaking[point.id]
        found = results.get(point.id, [])
        if found or broken:
            judgements.append(_judge(point, found, broken, own))
        elif not narrowed:  # Journeys chosen by name are asked only for what they speak of.
            judgements.append(_unchecked(point, complete=account.complete, ran=ran))
    return [_attested(account, system.system, judgement) for judgement in judgements]


def _attested(account: Account, system: str, judgement: Judgement) -> Judgement:
    """What waits for a person is met where one attests it; what a check found beside that stands."""
    if judgement.outcome is not Outcome.REVIEW:
        return judgement
    valid = [a for a in account.attestations if not any(a.mistakes(account.day))]
    attested = attesting(valid, judgement.point.id, system, judgement.outcome)
    if attested is None:
        return judgement
    reported = [
        _levelled(result.outcome, judgement.point.level)
        for _, result in account.results(system).get(judgement.point.id, [])
    ]
    rest = fold([Outcome.PASS, *(outcome for outcome in reported if outcome is not Outcome.REVIEW)])
    return replace(judgement, outcome=rest, reason="", attested=attested)


def _ran(account: Account, system: str) -> bool:
    """Whether any check came to a conclusion: what does not apply concludes nothing."""
    own = account.checks_of.get(system, [])
    outcomes = {result.outcome for checked in own for result in checked.results}
    return bool(outcomes - {Outcome.NOT_APPLICABLE}) or any(checked.findings for checked in own)


def _judge(
    point: Point, found: Sequence[tuple[str, Result]], broken: Sequence[Group], own: Sequence[Group]
) -> Judgement:
    """A requirement by what checks reported of it; ``own`` are all findings of the system."""
    outcomes = [(_levelled(result.outcome, point.level), result) for _, result in found]
    outcome = fold([*(o for o, _ in outcomes), *(point.level.outcome for _ in broken)])
    deciding = [result for own, result in outcomes if own is outcome]
    reasons = [group.finding.title for group in broken if point.level.outcome is outcome]
    reasons += [result.reason for result in deciding if result.reason]
    blamed = outcome is Outcome.BLOCKED and any(result.cause is Cause.SYSTEM for result in deciding)
    behind = _in_the_way(deciding, own) if outcome is Outcome.BLOCKED else ()
    reasons = [f"{reason}: see {wording.listed(behind)}" for reason in reasons] if behind else reasons
    return Judgement(
        point=point,
        outcome=outcome,
        reason=reasons[0] if reasons and outcome is not Outcome.PASS else "",
        blocked_by=behind,
        cause=Cause.SYSTEM if blamed else Cause.OUTSIDE,
        not_tested=_parts_not_tested(point, found),
        checks=tuple(sorted({check for check, _ in found})),
        findings=tuple(group.id for group in broken),
    )


def _in_the_way(results: Sequence[Result], own: Sequence[Group]) -> tuple[str, ...]:
    """The findings without which something could have been tested."""
    rules = {result.blocked_by for result in results if result.blocked_by}
    return tuple(group.id for group in own if rules & {part.finding.rule for part in group.parts})


def _hindering(judgements: Mapping[str, Sequence[Judgement]]) -> set[str]:
    """The findings without which some required point could have been tested."""
    required = (j for points in judgements.values() for j in points if j.point.level is Level.MUST)
    return {id_ for judgement in required for id_ in judgement.blocked_by}


def _laid(
    account: Account,
    judgements: Mapping[str, Sequence[Judgement]],
    entries: Sequence[Agreed],
    parts: Sequence[Breach],
) -> Coverage:
    """The entries that hold on the day of the run, laid over what it found."""
    results = {name: account.results(name) for name in judgements}
    current = list(overlay.current(entries, account.day))
    return overlay.lay(account.levels, judgements, current, parts, results)


def _waived(
    account: Account, judgements: Mapping[str, Sequence[Judgement]], coverage: Coverage
) -> dict[str, list[Judgement]]:
    def under(name: str, judgement: Judgement) -> Judgement:
        covered = coverage[name, judgement.point.id]
        if not covered.whole:
            return judgement
        reason = judgement.reason if covered.used else f"{judgement.reason}, which people agreed to live with"
        return replace(judgement, waived=True, rest=_rest(account, name, judgement), reason=reason)

    return {name: [under(name, judgement) for judgement in points] for name, points in judgements.items()}


def _rest(account: Account, system: str, judgement: Judgement) -> Outcome:
    """What checks reported of a requirement beside its failures."""
    reported = {result.outcome for _, result in account.results(system).get(judgement.point.id, [])}
    return fold(reported - {Outcome.FAIL, Outcome.BLOCKED})


def _baseline(
    account: Account, judgements: Mapping[str, Sequence[Judgement]], parts: Sequence[Breach], strict: bool
) -> dict[str, object] | None:
    """
    What the supplier knew already, and the exit code that is left when that is taken out; None without a baseline.

    An entry that covers nothing ends in exit 2, unless the code is worse by itself: it would hide the next failure.
    """
    if not account.known:
        return None
    coverage = _laid(account, judgements, [*account.waivers, *account.known], parts)
    eased = _waived(account, judgements, coverage)
    decision = _decide_run(account, {name: _decide(account, name, js, strict) for name, js in eased.items()})
    stale = overlay.sentences(account.known, coverage, account)
    covered = overlay.covered_findings(account.levels, coverage, parts)
    hindering = _hindering(judgements)
    unmet = [part for part in parts if part.level is Level.MUST or part.group in hindering]
    return {
        "known": [entry for entry in overlay.told(coverage) if "recorded_on" in entry],
        "new": [part.id for part in unmet if part.id not in covered],
        "stale": stale,
        "exit_code": decision.exit_code or (2 if stale else 0),
    }


def _levelled(outcome: Outcome, level: Level) -> Outcome:
    """The catalogue, not the check, decides whether a point that is not met is a failure or a warning."""
    return level.outcome if outcome is Outcome.FAIL else outcome


# Reasons that no longer hold once something was found out, by a journey for instance.
TOLD_BY_RESULTS = ("planned", "journeys")


def _parts_not_tested(point: Point, found: Sequence[tuple[str, Result]]) -> tuple[str, ...]:
    parts = {part for _, result in found for part in result.not_tested}
    if point.excluded and not (found and point.excluded.reason in TOLD_BY_RESULTS):
        parts.add(exclusion(point))
    return tuple(sorted(parts))


def _unchecked(point: Point, *, complete: bool, ran: bool) -> Judgement:
    """A requirement for which no check reported anything."""
    if point.excluded:
        attested = point.excluded.reason == "attested"
        outcome = Outcome.REVIEW if attested else Outcome.NOT_APPLICABLE
        reason = exclusion(point)
        return Judgement(point, outcome, reason, not_tested=(reason,))
    return Judgement(
        point, Outcome.BLOCKED, NO_CHECK_RAN if complete else ENDED_BEFORE, decides=complete and ran
    )


def _decide(account: Account, name: str, judgements: Sequence[Judgement], strict: bool) -> Decision:
    own = [fault for fault in account.faults if fault.system == name]
    judged = [j.judged for j in judgements if j.decides]
    judged += [Judged(Level.MUST, fault.outcome) for fault in own]
    decision = decide(judged, complete=account.complete and _ran(account, name), strict=strict)
    ended = any(fault.ends_verdict for fault in own)
    return SETUP_FAULT if ended and decision is not HARNESS_FAULT else decision


def _decide_run(account: Account, decisions: dict[str, Decision]) -> Decision:
    """The worst of the systems, and of the faults that belong to none of them."""
    loose = [Judged(Level.MUST, f.outcome) for f in account.faults if f.system not in decisions]
    return decide_run([*decisions.values(), *([decide(loose)] if loose else [])])


def _system(
    account: Account, system: System, decision: Decision, judgements: Sequence[Judgement]
) -> dict[str, object]:
    exercised = [e for e in account.exercised.values() if e.system == system.system and e.succeeded]
    return {
        "system": system.system,
        "profile": system.profile,
        "profile_hash": system.profile_hash,
        "contract_hash": system.contract_hash,
        "base_url": system.base_url or "",
        "live": system.live,
        "waived": sum(j.waived for j in judgements),
        "verdict": decision.verdict,
        "reason": decision.reason,
        "operations": system.operations,
        # Journeys chosen by name call what their stories need: a share of the contract would say nothing.
        "operations_exercised": None if account.started.get("journeys") else len(exercised),
    }


def _requirement(system: str, judgement: Judgement) -> dict[str, object]:
    point = judgement.point
    return {
        "id": point.id,
        "system": system,
        "level": point.level,
        "outcome": judgement.outcome,
        "waived": judgement.waived,
        "attested": as_record(judgement.attested) if judgement.attested else None,
        "reason": judgement.reason,
        "cause": judgement.cause if judgement.outcome is Outcome.BLOCKED else None,
        "findings": list(judgement.findings),
        "blocked_by": list(judgement.blocked_by),
        "not_tested": list(judgement.not_tested),
        "checks": list(judgement.checks),
        "text": point.text,
        "plain": point.plain,
        "question": point.question,
        "source": point.source,
    }


def _told(group: Group, waived: Collection[str] = ()) -> dict[str, object]:
    """What is told as one, with its parts where it has several; the first part's steps show it again."""
    whole = replace(group.parts[0], id=group.id, finding=group.finding)
    parts = [_finding(part, part.id in waived) for part in group.parts] if len(group.parts) > 1 else []
    return {**_finding(whole, all(part.id in waived for part in group.parts)), "parts": parts}


def _finding(breach: Breach, waived: bool) -> dict[str, object]:
    finding, system = breach.finding, breach.system
    curl = reproduction.script(
        finding.steps, base_url=system.base_url or "", flows=system.identities, finding=breach.id
    )
    return {
        **finding_record(finding),
        "id": breach.id,
        "level": breach.level,
        "system": system.system,
        "waived": waived,
        "curl": curl,
    }


def _checks(
    account: Account, breaches: Sequence[Breach], judgements: Mapping[str, Sequence[Judgement]]
) -> list[dict[str, object]]:
    """Every check that ran on a system under test, with its outcome after levels and findings."""
    ids = {(breach.system.system, breach.finding.key): breach for breach in breaches}
    unmet = {
        name: {j.point.id: j.waived for j in points if j.outcome in (Outcome.FAIL, Outcome.BLOCKED)}
        for name, points in judgements.items()
    }
    return [
        _check(checked, account.levels[checked.system], ids, unmet[checked.system])
        for checked in sorted(
            gathered(account.checks), key=lambda checked: (checked.system or "", checked.check)
        )
        if checked.system and _judged(account, checked.system)
    ]


def _check(
    checked: accounts.Checked,
    levels: Mapping[str, Level],
    ids: Mapping[tuple[str, tuple[str, ...]], Breach],
    unmet: Mapping[str, bool],
) -> dict[str, object]:
    seen = {(checked.system or "", finding.key) for finding in checked.findings}
    breaches = [ids[key] for key in sorted(seen) if key in ids]
    results = [(_levelled(r.outcome, levels.get(r.requirement, Level.SHOULD)), r) for r in checked.results]
    outcome = fold(
        [*(own for own, _ in results), *(breach.level.outcome for breach in breaches if breach.level)]
    )
    proven = sorted(
        {result.requirement for result in checked.results} | {r for b in breaches for r in b.requirements}
    )
    reasons = [breach.finding.title for breach in breaches]
    reasons += [result.reason for own, result in results if own is outcome and result.reason]
    waived = [unmet[id_] for id_ in proven if id_ in unmet]
    return {
        "check": checked.check,
        "system": checked.system,
        "seconds": checked.seconds,
        "outcome": outcome,
        "waived": outcome in (Outcome.FAIL, Outcome.BLOCKED) and bool(waived) and all(waived),
        "level": Level.MUST if Level.MUST in {levels.get(id_) for id_ in proven} else Level.SHOULD,
        "reason": reasons[0] if reasons and outcome is not Outcome.PASS else "",
        "requirements": proven,
        "findings": [breach.id for breach in breaches],
    }


def _journeys(account: Account) -> list[dict[str, object]]:
    """Every journey that was played, as its event has it, by name."""
    return [
        {key: value for key, value in account.journeys[name].items() if key not in ("event", "at")}
        for name in sorted(account.journeys)
    ]


def _links(account: Account) -> list[dict[str, object]]:
    """Which system called or told which in any journey, with the worst that came of it."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    for link in account.links:
        found.setdefault((link.sender, link.to), []).append(link.outcome)
    return [
        {"from": sender, "to": to, "outcome": fold(outcomes)}
        for (sender, to), outcomes in sorted(found.items())
    ]


def _made(account: Account) -> list[dict[str, object]]:
    """What the run made on systems that are not its own, each deleted again or left behind."""
    objects = sorted(account.made, key=lambda made: (made.system, made.operation, made.deleted))
    return [asdict(made) for made in objects]


def _errors(account: Account) -> list[dict[str, object]]:
    faults: list[dict[str, object]] = [
        {"system": f.system or "", "check": f.check, "outcome": f.outcome, "reason": f.reason}
        for f in account.faults
    ]
    return sorted(faults, key=lambda fault: [str(value) for value in fault.values()])


def _counts(systems: Iterable[Sequence[Judgement]]) -> dict[str, int]:
    outcomes = [judgement.outcome for judgements in systems for judgement in judgements]
    return {str(outcome): outcomes.count(outcome) for outcome in Outcome}
