"""The page: one self-contained file that a buyer reads first and an engineer reads on."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from joinedup.reports import earlier, glance, history, links, load_chart, load_section, sequence, wording
from joinedup.reports.wording import Verdict

TEMPLATES = Path(__file__).parent / "templates"

# Beyond this many the page lists findings in a table, so that it opens on any machine.
MOST_DETAILED_FINDINGS = 300
LONGEST_TEXT = 6000
_CODE = re.compile(r"`([^`\n]+)`")
_PLACE = re.compile(r"((?<=\bjourney )[a-z0-9-]+|\bf-[0-9]+(?:\.[0-9]+)?\b)")
# More gaps than this with one reason are shown together.
MOST_ALIKE = 3


def render(verdict: Verdict) -> str:
    """The report of a run as one HTML file; nothing in it is fetched, and no text in it can become markup."""
    systems = [str(system["system"]) for system in verdict.get("systems", [])]
    style = _style(len(systems))
    findings, hinders = verdict.get("findings", []), wording.hindering(verdict)
    changes = earlier.changes(verdict)
    return (
        environment()
        .get_template("report.html")
        .render(
            verdict=verdict,
            style=Markup(style),  # noqa: S704 - our own file, and the policy allows no other
            style_hash=hash_of(style),
            tiles=glance.tiles(verdict),
            whose=glance.whose(verdict),
            again=glance.again(verdict),
            findings=findings[:MOST_DETAILED_FINDINGS],
            more_findings=findings[MOST_DETAILED_FINDINGS:],
            hinders=hinders,
            levels=Counter(_class_of(finding, hinders) for finding in findings),
            detailed=detailed(verdict),
            known={requirement["id"] for requirement in verdict.get("requirements", [])},
            anchors=anchors(verdict.get("requirements", [])),
            many=len(systems) > 1,
            numbers={name: number for number, name in enumerate(systems)},
            judged=judged(verdict.get("systems", [])),
            gaps=gaps(verdict),
            made=made(verdict),
            provenance=provenance(verdict.get("systems", [])),
            attested=attested(verdict),
            changes=changes,
            new=earlier.told_as_new(verdict, changes),
            history=history.history(verdict),
            journeys=journeys(verdict),
            places=places(verdict),
            matrix=links.matrix(verdict.get("links", [])),
            performance=verdict.get("performance"),
            load=load_section.section(verdict.get("performance")),
        )
    )


def _style(systems: int) -> str:
    """The style sheet, with a rule for each system that can be chosen; systems are numbered, and never named, in it."""
    rules = [
        f"body:has(#system-{n}:checked) .of-system:not(.system-{n}):not(:target):not(:has(:target))"
        for n in range(systems)
    ]
    chosen = f"{','.join(rules)} {{ display: none; }}\n" if rules else ""
    return (TEMPLATES / "report.css").read_text(encoding="utf-8") + chosen


def _class_of(finding: Mapping[str, Any], hinders: Collection[str]) -> str:
    """What the filters call a finding."""
    if finding.get("waived"):
        return "agreed"
    return "must" if wording.is_to_be_fixed(finding, hinders) else "should"


def journeys(verdict: Verdict) -> list[dict[str, Any]]:
    """The journeys, those that did not go well first, each with its steps in words and as a picture."""
    told = [
        {"journey": journey, "parts": parts, "diagram": sequence.diagram(parts)}
        for journey in verdict.get("journeys", [])
        for parts in [sequence.told(journey)]
    ]
    order = [str(outcome) for outcome in wording.OUTCOMES]
    return sorted(told, key=lambda each: _place(str(each["journey"].get("outcome")), order))


def _place(outcome: str, order: Sequence[str]) -> int:
    return order.index(outcome) if outcome in order else len(order)


def attested(verdict: Verdict) -> dict[str, list[str]]:
    """Who attests points of each question, and until when."""
    people: dict[str, list[str]] = {}
    for requirement in verdict.get("requirements", []):
        by = requirement.get("attested")
        if by:
            person = f"{by['name']}, {by['role']}, {by['organisation']}, until {by['expires']}"
            named = people.setdefault(str(requirement.get("question")), [])
            named += [] if person in named else [person]
    return people


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
        "result": wording.result,
        "inline": inline,
        "owner": glance.owner,
        "web": web,
        "figure": load_chart.figure,
        "rows": load_chart.rows,
        "class_of": _class_of,
        "journey": journey_sign,
    }
    made.globals |= {
        "answers": wording.ANSWERS,
        "agreed_sign": wording.AGREED,
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


def anchors(requirements: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """The anchor of each requirement's row: its own id where it first stands, with the system after that."""
    names: dict[tuple[str, str], str] = {}
    first: set[str] = set()
    for requirement in sorted(requirements, key=lambda requirement: str(requirement["system"])):
        name, system = str(requirement["id"]), str(requirement["system"])
        names[name, system] = f"{name}--{system}" if name in first else name
        first.add(name)
    return names


def judged(systems: Sequence[Mapping[str, Any]]) -> str:
    """What was judged, in a few words: the systems, which of them are stand-ins, and by which profiles."""
    names = [f"{s['system']}{'' if s.get('live') else ' (bundled stand-in)'}" for s in systems]
    profiles = sorted({str(system["profile"]) for system in systems if system["profile"]})
    held = f", held to {wording.listed(profiles, most=4)}" if profiles else ""
    return f"{wording.listed(names, most=4)}{held}"


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


def places(verdict: Verdict) -> frozenset[str]:
    """The anchors of findings and journeys, to which sentences lead."""
    found = verdict.get("findings", [])
    told = [each for finding in found for each in (finding, *(finding.get("parts") or []))]
    played = verdict.get("journeys", [])
    return frozenset([*(str(each["id"]) for each in told), *(f"journey-{each.get('id')}" for each in played)])


def inline(text: object, places: Collection[str] = ()) -> Markup:
    """A sentence with what stands in back-ticks as code, and with links to the journeys and findings that it names."""
    told = _CODE.split(str(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else _linked(piece, places)
        for number, piece in enumerate(told)
    )


def _linked(text: str, places: Collection[str]) -> Markup:
    return Markup("").join(
        _link(piece, places) if number % 2 else escape(piece)
        for number, piece in enumerate(_PLACE.split(text))
    )


def _link(name: str, places: Collection[str]) -> Markup:
    anchor = next((place for place in (name, f"journey-{name}") if place in places), "")
    return Markup('<a href="#{}">{}</a>').format(anchor, name) if anchor else escape(name)


def web(url: object) -> str:
    """An address that a link may lead to; empty for anything but http and https."""
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else ""


def journey_sign(outcome: object) -> wording.Sign:
    """How a journey, or a step of one, came out."""
    return sequence.SIGNS.get(str(outcome), wording.outcome_sign(str(outcome)))


def moment(at: str) -> str:
    """A time stamp as people read it: ``22 November 2026, 14:05 UTC``; as it is where it is none."""
    try:
        when = datetime.fromisoformat(at)
    except (ValueError, TypeError):
        return str(at)
    return f"{when.day} {when:%B %Y, %H:%M} UTC"
