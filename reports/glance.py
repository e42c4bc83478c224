"""What a buyer sees first: what must be fixed, what was agreed, what is worth improving, and whose each of it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from joinedup.conformance.outcomes import Outcome
from joinedup.reports import wording
from joinedup.reports.wording import Verdict

MOST_TITLES = 3


@dataclass(frozen=True)
class Line:
    """One thing that a tile counts: its title, and the anchor of what the page says of it."""

    title: str
    anchor: str = ""


@dataclass(frozen=True)
class Tile:
    """
    One of the three tiles.

    Args:
        number: how many, or ``?`` where nothing found does not mean nothing wrong.
        lines: the first of them.
        more: how many there are beside those.
        note: why it says ``?`` or nought.
    """

    name: str
    tone: str
    number: str
    lines: tuple[Line, ...]
    more: int
    note: str


def tiles(verdict: Verdict) -> list[Tile]:
    """The three tiles; a tile shows a question mark, and never a nought, where something could not be judged."""
    waivers = [
        Line(f"{w.get('requirement', '')}, until {w.get('expires', '')}: {w.get('reason', '')}", "agreed")
        for w in verdict.get("waivers", [])
    ]
    return [
        _tile("Must fix", "bad", *_counted(verdict, "MUST", Outcome.FAIL)),
        _tile("Agreed exceptions", "warn" if waivers else "none", waivers),
        _tile("Worth improving", "warn", *_counted(verdict, "SHOULD", Outcome.WARN)),
    ]


def _counted(verdict: Verdict, level: str, outcome: str) -> tuple[Sequence[Line], str, str]:
    lines = _lines(verdict, level, outcome)
    return lines, _doubt(verdict, level), _breaks(verdict, level, outcome, len(lines))


def _breaks(verdict: Verdict, level: str, outcome: str, number: int) -> str:
    """How many points the findings of a tile break, where that is another number than theirs."""
    points = [r for r in verdict.get("requirements", []) if r["level"] == level and not r.get("waived")]
    broken = sum(point["outcome"] == outcome for point in points)
    if not broken or broken == number:
        return ""
    kind = "required point" if level == "MUST" else "recommended point"
    return f"{'Together they break' if number > 1 else 'It breaks'} {wording.plural(broken, kind)}."


def _doubt(verdict: Verdict, level: str) -> str:
    """Why nothing found does not mean nothing wrong; empty where it does."""
    points = [r for r in verdict.get("requirements", []) if r["level"] == level]
    unjudged = sum(r["outcome"] in wording.UNJUDGED and not r.get("waived") for r in points)
    if unjudged:
        return f"{wording.plural(unjudged, 'point')} could not be judged."
    return "" if points and verdict.get("complete") else "This could not be judged."


def _lines(verdict: Verdict, level: str, outcome: str) -> list[Line]:
    """What a tile counts: findings of a level, and points not met without one."""
    points = [
        r
        for r in verdict.get("requirements", [])
        if r["outcome"] == outcome and not r["findings"] and not r.get("waived")
    ]
    hinders = wording.hindering(verdict)
    found = [
        Line(str(finding["title"]), str(finding["id"]))
        for finding in verdict.get("findings", [])
        if wording.is_to_be_fixed(finding, hinders) == (level == "MUST") and not finding.get("waived")
    ]
    return found + [Line(str(point["plain"] or point["text"])) for point in points]


def _tile(name: str, tone: str, lines: Sequence[Line], doubt: str = "", breaks: str = "") -> Tile:
    if not lines and tone != "none":
        tone = "none" if doubt else "ok"
    return Tile(
        name=name,
        tone=tone,
        number="?" if doubt and not lines else f"{len(lines):,}",
        lines=tuple(lines[:MOST_TITLES]),
        more=max(len(lines) - MOST_TITLES, 0),
        note=" ".join(said for said in (breaks, doubt) if said) or ("" if lines else "None in this run."),
    )


def whose(verdict: Verdict) -> str:
    """Whose each thing is that stands in the way of a yes: the systems', the set-up's, or the harness's own."""
    hinders = wording.hindering(verdict)
    found = Counter(
        str(finding["system"])
        for finding in verdict.get("findings", [])
        if wording.is_to_be_fixed(finding, hinders) and not finding.get("waived")
    )
    faults = Counter(str(error["outcome"]) for error in verdict.get("errors", []))
    said = [f"What must be fixed lies with {_each(found)}."] if found else []
    if faults[Outcome.SETUP_ERROR]:
        said.append(
            f"{wording.plural(faults[Outcome.SETUP_ERROR], 'fault')} of configuration, network or test environment:"
            " for whoever ran this."
        )
    if faults[Outcome.HARNESS_ERROR]:
        said.append(f"{wording.plural(faults[Outcome.HARNESS_ERROR], 'fault')} of joinedup itself.")
    if faults:
        said.append("No fault of set-up or harness is held against a system.")
    return " ".join(said)


def _each(found: Counter[str]) -> str:
    return wording.listed(
        [f"{name} ({wording.plural(number, 'thing')})" for name, number in found.items()], 6
    )


def owner(finding: Verdict) -> str:
    """Whose a finding is, and what it was seen in."""
    rule, system = str(finding.get("rule", "")), str(finding.get("system", ""))
    if rule.startswith("journey-"):
        return f"{system}: what it did, or left out, in this journey."
    if rule.startswith("contract-"):
        return f"{system}: what it answered, or what its contract says."
    return f"{system}: {'its contract' if str(finding.get('where', '')).startswith('#') else 'what it answered'}."


def again(verdict: Verdict) -> str:
    """The command that shows the first finding again; empty where there is none."""
    return next((f"joinedup replay {finding['id']}" for finding in verdict.get("findings", [])), "")
