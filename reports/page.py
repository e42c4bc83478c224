"""The page: one self-contained file that a buyer reads first and an engineer reads on."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from joinedup.conformance.outcomes import Outcome
from joinedup.reports import wording
from joinedup.reports.wording import Verdict

TEMPLATES = Path(__file__).parent / "templates"

# Beyond this many the page lists findings in a table, so that it opens on any machine.
MOST_DETAILED_FINDINGS = 300
LONGEST_TEXT = 6000
# More gaps than this with one reason are shown together.
MOST_ALIKE = 3


def render(verdict: Verdict) -> str:
    """The report of a run as one HTML file; nothing in it is fetched, and no text in it can become markup."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    return (
        environment()
        .get_template("report.html")
        .render(
            verdict=verdict,
            style=Markup(style),  # noqa: S704 - our own file, and the policy allows no other
            style_hash=hash_of(style),
            tiles=tiles(verdict),
            findings=verdict.get("findings", [])[:MOST_DETAILED_FINDINGS],
            more_findings=verdict.get("findings", [])[MOST_DETAILED_FINDINGS:],
            detailed=detailed(verdict),
            known={requirement["id"] for requirement in verdict.get("requirements", [])},
            anchors=anchors(verdict.get("requirements", [])),
            many=len(verdict.get("systems", [])) > 1,
            profiles=sorted(
                {str(system["profile"]) for system in verdict.get("systems", []) if system["profile"]}
            ),
            gaps=gaps(verdict),
            made=made(verdict),
            provenance=provenance(verdict.get("systems", [])),
        )
    )


@functools.cache
def environment() -> jinja2.Environment:
    """The templates of every page, with the words and signs that they share; all text is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "sign": wording.outcome_sign,
        "moment": moment,
        "cut": cut,
        "result": result,
        "web": web,
    }
    made.globals |= {
        "answers": wording.ANSWERS,
        "recommendation": wording.recommendation,
        "title": wording.title,
        "sentence": wording.sentence,
        "plural": wording.plural,
        "listed": wording.listed,
    }
    return made


def hash_of(style: str) -> str:
    """The hash that lets the one style sheet through the page's own policy."""
    digest = hashlib.sha256(style.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def tiles(verdict: Verdict) -> list[dict[str, Any]]:
    """The three tiles; a tile shows a question mark, and never a nought, where something could not be judged."""
    waivers = [str(waiver.get("reason", "")) for waiver in verdict.get("waivers", [])]
    return [
        _tile("Must fix", "bad", _titles(verdict, "MUST", Outcome.FAIL), _doubt(verdict, "MUST")),
        _tile("Agreed exceptions", "warn" if waivers else "none", waivers),
        _tile("Worth improving", "warn", _titles(verdict, "SHOULD", Outcome.WARN), _doubt(verdict, "SHOULD")),
    ]


def _doubt(verdict: Verdict, level: str) -> str:
    """Why nothing found does not mean nothing wrong; empty where it does."""
    points = [r for r in verdict.get("requirements", []) if r["level"] == level]
    unjudged = sum(r["outcome"] in wording.UNJUDGED for r in points)
    if unjudged:
        return f"{wording.plural(unjudged, 'point')} could not be judged."
    return "" if points and verdict.get("complete") else "This could not be judged."


def _titles(verdict: Verdict, level: str, outcome: str) -> list[str]:
    """What a tile counts: findings of a level, and points not met without one."""
    points = [
        r
        for r in verdict.get("requirements", [])
        if r["outcome"] == outcome and not r["findings"] and not r.get("waived")
    ]
    titles = [
        str(finding["title"])
        for finding in verdict.get("findings", [])
        if finding.get("level") == level and not finding.get("waived")
    ]
    return titles + [str(point["plain"] or point["text"]) for point in points]


def _tile(name: str, tone: str, titles: Sequence[str], doubt: str = "") -> dict[str, Any]:
    """A tile; ``doubt`` says why nothing found does not mean nothing wrong."""
    if not titles and tone != "none":
        tone = "none" if doubt else "ok"
    return {
        "name": name,
        "tone": tone,
        "number": "?" if doubt and not titles else str(len(titles)),
        "titles": list(titles[:3]),
        "more": max(len(titles) - 3, 0),
        "note": doubt or ("" if titles else "None in this run."),
    }


def anchors(requirements: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """The anchor of each requirement's row: its own id where it first stands, with the system after that."""
    names: dict[tuple[str, str], str] = {}
    first: set[str] = set()
    for requirement in sorted(requirements, key=lambda requirement: str(requirement["system"])):
        name, system = str(requirement["id"]), str(requirement["system"])
        names[name, system] = f"{name}--{system}" if name in first else name
        first.add(name)
    return names


def provenance(systems: Sequence[Mapping[str, Any]]) -> str:
    """What the run was made against: live systems, bundled stand-ins, or both."""
    live = [str(system["system"]) for system in systems if system.get("live")]
    played = [str(system["system"]) for system in systems if not system.get("live")]
    parts = [f"A real system answered for {wording.listed(live)}."] if live else []
    if played:
        parts.append(f"A bundled stand-in with invented people answered for {wording.listed(played)}.")
    return " ".join(parts)


def detailed(verdict: Verdict) -> set[str]:
    """The parts of findings that are shown in full; the others are listed, so that the page opens on any machine."""
    every = [
        part["id"]
        for name in ("findings", "unconfirmed", "outside_profile")
        for finding in verdict.get(name, [])
        for part in finding.get("parts") or []
    ]
    return set(every[:MOST_DETAILED_FINDINGS])


def gaps(verdict: Verdict) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """What was not tested, as (shared reason, entries): first what has a reason of its own, without a shared one."""
    entries: list[Mapping[str, Any]] = verdict.get("not_tested", [])
    times = Counter(str(entry["reason"]) for entry in entries)
    shared = {
        reason: [e for e in entries if e["reason"] == reason] for reason, n in times.items() if n > MOST_ALIKE
    }
    alone = [entry for entry in entries if entry["reason"] not in shared]
    return [*([("", alone)] if alone else []), *shared.items()]


def made(verdict: Verdict) -> list[tuple[str, str, int, int]]:
    """What was made on live systems: (system, operation, how many, how many of them are left)."""
    rows = [(str(e["system"]), str(e["operation"]), bool(e["deleted"])) for e in verdict.get("made", [])]
    total, left = Counter(row[:2] for row in rows), Counter(row[:2] for row in rows if not row[2])
    return [
        (system, operation, number, left[system, operation]) for (system, operation), number in total.items()
    ]


def cut(text: str) -> str:
    """A long text's beginning, with a line that says that there is more."""
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}\n… {len(text) - LONGEST_TEXT:,} more characters stand in verdict.json"


def web(url: object) -> str:
    """An address that a link may lead to; empty for anything but http and https."""
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else ""


def result(requirement: Mapping[str, Any]) -> wording.Sign:
    """How a requirement came out; what no check can prove is shown as not tested, for it may well apply."""
    excluded = requirement.get("outcome") == Outcome.NOT_APPLICABLE and requirement.get("not_tested")
    return (
        wording.ANSWERS["not_tested"] if excluded else wording.outcome_sign(str(requirement.get("outcome")))
    )


def moment(at: str) -> str:
    """A time stamp as people read it: ``22 November 2026, 14:05 UTC``; as it is where it is none."""
    try:
        when = datetime.fromisoformat(at)
    except (ValueError, TypeError):
        return str(at)
    return f"{when.day} {when:%B %Y, %H:%M} UTC"
