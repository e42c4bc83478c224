"""What a run says on the console: the verdict in one sentence, what is wrong, and what is not known."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from joinedup.conformance.outcomes import Outcome
from joinedup.reports import wording
from joinedup.reports.exceptions import Agreed, Known, Waiver, first_unexpected, ready_entries
from joinedup.reports.wording import Verdict

MOST_LINES = 40
MOST_FINDINGS = 4
MOST_GAPS = 4
MOST_ANSWERED = 3
RUNS = ".joinedup"
_OTHER: Mapping[type[Agreed], type[Agreed]] = {Known: Waiver, Waiver: Known}
_WHOSE: Mapping[type[Agreed], str] = {
    Known: "Does the supplier know of it?",
    Waiver: "Does the scheme accept it for a time?",
}

COLOURS = {"bad": "31", "warn": "33", "ok": "32", "none": "36"}


def render(verdict: Verdict, *, report: Path | None = None, colour: bool = False, width: int = 100) -> str:
    """
    The run in at most 40 lines of plain text.

    Args:
        verdict: as ``verdict.compute`` gives it.
        report: where the page is, for the last line.
        colour: whether to use colour codes; words and marks carry the meaning without them.
        width: where lines end.
    """
    run = _named(report)
    lines = [*_heading(verdict, colour), *_answered_for(verdict, width)]
    lines += [*_findings(verdict, colour, width, run), *_gaps(verdict, width)]
    last = [*_unexpected(verdict, run), *_left_behind(verdict, width)]
    last += [_short(f"Report: {report}", 1000)] if report else []
    room = MOST_LINES - len(last)
    return "\n".join([*(lines if len(lines) <= room else [*lines[: room - 1], "…"]), *last])


def _named(report: Path | None) -> str:
    """How a command is told of the run: only one below ``.joinedup`` is found without."""
    if report is None or RUNS in report.parts:
        return ""
    return f" --run {shlex.quote(wording.printable(str(report.parent)))}"


def _heading(verdict: Verdict, colour: bool) -> Iterator[str]:
    advice = wording.recommendation(verdict)
    yield _painted(
        f"{advice.mark} {wording.printable(wording.title(verdict))}: {advice.word}", advice.tone, colour
    )
    yield wording.printable(wording.sentence(verdict))
    counts = verdict.get("counts", {})
    shown = [f"{counts[o]} {wording.OUTCOMES[o].word.lower()}" for o in Outcome if counts.get(o)]
    attested = sum(bool(requirement.get("attested")) for requirement in verdict.get("requirements", []))
    shown += [f"{attested} of the points met attested and not tested"] if attested else []
    if shown:
        yield f"Points: {', '.join(shown)}"
    for system in verdict.get("systems", []):
        yield _short(
            f"{system['system']}: {wording.recommendation(system).word.lower()}{_exercised(system)}", 100
        )
    for error in verdict.get("errors", [])[:3]:
        sign = wording.outcome_sign(error["outcome"])
        yield _short(f"{sign.word}: {error['reason'] or error['check']}", 300)


def _exercised(system: Verdict) -> str:
    """The share of the contract that was exercised; empty where only journeys were played."""
    if system["operations_exercised"] is None:
        return ""
    return (
        f"; {system['operations_exercised']} of {wording.plural(system['operations'], 'operation')} exercised"
    )


def _answered_for(verdict: Verdict, width: int) -> Iterator[str]:
    """What people answer for: agreed exceptions, attestations, and failures that the supplier knows."""
    for waiver in verdict.get("waivers", [])[:MOST_ANSWERED]:
        agreed = f"approved by {waiver['approved_by']}, until {waiver['expires']}"
        yield _short(f"Agreed exception: {waiver['requirement']} of {waiver['system']}, {agreed}", width)
    attested = [r for r in verdict.get("requirements", []) if r.get("attested")]
    for requirement in attested[:MOST_ANSWERED]:
        by = requirement["attested"]
        person = f"{by['name']}, {by['role']}, {by['organisation']}"
        yield _short(f"Attested, not tested: {requirement['id']} by {person}, until {by['expires']}", width)
    yield from _baseline(verdict)


def _baseline(verdict: Verdict) -> Iterator[str]:
    """The supplier's baseline, and the exit code that it leaves; it never changes the verdict above it."""
    baseline = verdict.get("baseline")
    if not baseline:
        return
    for sentence in baseline["stale"][:MOST_ANSWERED]:
        yield _short(sentence, 300)
    known = sorted({id_ for entry in baseline["known"] for id_ in entry["findings"]})
    told = f"known: {wording.listed(known) or 'none'}; new: {wording.listed(baseline['new']) or 'none'}"
    code = f"exit code {baseline['exit_code']}, where the verdict alone gives {verdict['exit_code']}"
    yield f"Baseline, which changes no verdict: {told}; {code}."


def _unexpected(verdict: Verdict, run: str) -> Iterator[str]:
    """
    A ready entry for the first failure that nobody answers for, never cut: a CI log may be all that is left of a run.

    It is for the file that is kept; where none is, for the supplier's, which changes no verdict.
    """
    baseline = verdict.get("baseline")
    first = first_unexpected(verdict, baseline["new"] if baseline else None)
    kind = Waiver if verdict.get("waivers") and not baseline else Known
    entries = ready_entries(verdict, first, kind) if first else []
    if not entries:
        return
    yield ""
    yield f"{first} is unexpected. {_WHOSE[kind]} Complete this entry in {kind.FILE}:"
    yield from entries[0].splitlines()
    one, other = "" if kind is Waiver else " --baseline", "" if kind is Known else " --baseline"
    more = f"all {len(entries)} with `joinedup waiver new {first}{one}{run}`, " if len(entries) > 1 else ""
    yield f"({more}{'and' if more else 'or'} for {_OTHER[kind].FILE} with `joinedup waiver new {first}{other}{run}`)"


def _findings(verdict: Verdict, colour: bool, width: int, run: str) -> Iterator[str]:
    findings, hinders = verdict.get("findings", []), wording.hindering(verdict)
    for finding in findings[:MOST_FINDINGS]:
        must = wording.is_to_be_fixed(finding, hinders)
        sign = wording.OUTCOMES[Outcome.FAIL if must else Outcome.WARN]
        yield ""
        if finding.get("waived"):
            sign = wording.AGREED
        name = f"{sign.mark} {finding['id']} {', '.join(finding['requirements'])}: {finding['title']}"
        name += " (agreed exception)" if finding.get("waived") else ""
        yield _painted(_short(name, width), sign.tone, colour)
        yield _field("expected", finding["expected"], width)
        yield _field("received", finding["actual"], width)
        yield _field("where", _where(finding), width)
        yield _field("again", f"joinedup replay {finding['id']}{run}{_parts(finding)}", width)
    if len(findings) > MOST_FINDINGS:
        yield f"… and {wording.plural(len(findings) - MOST_FINDINGS, 'more finding', 'more findings')} in the report"


def _parts(finding: Verdict) -> str:
    """How many ways or places are told as one."""
    number = len(finding.get("parts") or ())
    return f" (this is the first of {number} ways or places)" if number else ""


def _where(finding: Verdict) -> str:
    others = [operation for operation in finding["operations"] if operation != finding["where"]]
    return f"{finding['where']} (also {wording.listed(others, most=2)})" if others else str(finding["where"])


def _gaps(verdict: Verdict, width: int) -> Iterator[str]:
    gaps = verdict.get("not_tested", [])
    if not gaps:
        return
    yield ""
    yield f"Not tested: {wording.plural(len(gaps), 'part')}"
    grouped = _by_reason(gaps)
    for reason, names in list(grouped.items())[:MOST_GAPS]:
        yield _short(f"  {wording.listed(names, most=5)}: {reason}", width)
    if len(grouped) > MOST_GAPS:
        yield "  … and more in the report"


def _left_behind(verdict: Verdict, width: int) -> Iterator[str]:
    """What the run made on systems that are not its own and could not take away again."""
    left = Counter(
        f"{made['operation']} of {made['system']}" for made in verdict.get("made", []) if not made["deleted"]
    )
    if not left:
        return
    yield ""
    yield f"Left behind: {wording.plural(left.total(), 'object')}; each is listed in verdict.json under made"
    marker = f"with {verdict['marker']} in their texts: " if verdict.get("marker") else ""
    yield _short(f"  {marker}{wording.listed([f'{n} by {what}' for what, n in left.items()], most=4)}", width)


def _by_reason(gaps: Sequence[Verdict]) -> dict[str, list[str]]:
    """The gaps under their reasons; a requirement that stands alone is told in words."""
    reasons = [str(gap["reason"]) for gap in gaps]
    grouped: dict[str, list[str]] = {}
    for gap, reason in zip(gaps, reasons, strict=True):
        words = f"{gap['requirement'] or ''} {str(gap['what']).rstrip('.')}".strip()
        alone = reasons.count(reason) <= 3 or not gap["requirement"]
        name = words if alone else str(gap["requirement"])
        if name not in grouped.setdefault(reason, []):
            grouped[reason].append(name)
    return grouped


def _field(name: str, text: str, width: int) -> str:
    return _short(f"  {name:<9}{text}", width)


def _short(text: str, width: int) -> str:
    """One line, cut at a word where it is too long; what controls a terminal is left out."""
    text = wording.printable(text)
    if len(text) <= width:
        return text
    start, space, _ = text[: width - 1].rpartition(" ")
    return (start if space and len(start) > width // 2 else text[: width - 2]) + " …"


def _painted(text: str, tone: str, colour: bool) -> str:
    return f"\x1b[1;{COLOURS[tone]}m{text}\x1b[0m" if colour else text
