"""
Two runs side by side: what was mended, what got worse, and what is known no longer.

It works by requirement and by finding. A finding is its rule, system and operation, which mean the same in every run; its
number does not. Proof that was lost is a regression, whoever lost it: a point that was met and could not be tested
again is not known to be met.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.outcomes import Outcome
from joinedup.reports import wording
from joinedup.reports.pack import RUN
from joinedup.reports.run_folder import read_verdict
from joinedup.reports.verification import verify

SCHEMA = 1
UNMET = (Outcome.FAIL, Outcome.WARN)
JUDGED = (Outcome.PASS, *UNMET)
# Outcomes of which something was proved that can be lost.
PROVED = (Outcome.PASS, Outcome.WARN)
MOST_ROWS = 20
# What an exception says, without what one run made of it.
OF_ONE_RUN = ("entry", "findings", "whole")


class Change(enum.StrEnum):
    """What became of a requirement or a finding, in the order in which people should read it."""

    REGRESSED = "regressed"
    NEWLY_BLOCKED = "newly_blocked"
    NEWLY_NOT_APPLICABLE = "newly_not_applicable"
    EXCEPTION_CHANGED = "exception_changed"
    NEW_IN_PROFILE = "new_in_profile"
    LEFT_PROFILE = "left_profile"
    NEWLY_JUDGED = "newly_judged"
    FIXED = "fixed"


WORDS: Mapping[str, str] = {
    Change.REGRESSED: "Got worse",
    Change.NEWLY_BLOCKED: "Could not be judged again",
    Change.NEWLY_NOT_APPLICABLE: "No longer applies",
    Change.EXCEPTION_CHANGED: "Exception or attestation changed",
    Change.NEW_IN_PROFILE: "Asked for the first time",
    Change.LEFT_PROFILE: "No longer asked",
    Change.NEWLY_JUDGED: "Judged for the first time",
    Change.FIXED: "Mended",
}


@dataclass(frozen=True)
class Side:
    """One of the two runs: its verdict and its ``run.json``."""

    name: str
    verdict: Mapping[str, Any]
    run: Mapping[str, Any]

    @property
    def requirements(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """Its requirements by system and id."""
        return {(r["system"], r["id"]): r for r in self.verdict["requirements"]}

    @property
    def findings(self) -> dict[tuple[str, str, str], Mapping[str, Any]]:
        """Its findings by system, rule and operation."""
        parts = [part for finding in self.verdict["findings"] for part in finding.get("parts") or [finding]]
        return {
            (part["system"], part["rule"], shown): part
            for part in parts
            for shown in part["operations"] or [part["where"]]
        }

    @property
    def heading(self) -> dict[str, Any]:
        """What has to be known of it to read the comparison."""
        keys = ("run", "started", "harness", "verdict", "reason", "complete")
        return {key: self.verdict.get(key) for key in keys} | {"waivers": bool(self.verdict.get("waivers"))}


@dataclass(frozen=True)
class Row:
    """
    One difference.

    Args:
        name: the requirement's id, or the finding's rule.
        what: the requirement in plain words, or the finding's title.
        operation: where a finding shows; empty for a requirement.
        before: outcome then; empty where there was none. For an exception, who approved it and until when.
        after: the same now.
        regression: whether something that was known to be right is so no more.
    """

    change: Change
    system: str
    name: str
    what: str
    level: str
    before: str = ""
    after: str = ""
    operation: str = ""
    regression: bool = False


def side(path: Path) -> Side:
    """
    A run's folder, or a pack, which has to verify.

    Raises:
        ConfigurationError: there is neither at this place.
        UnverifiedError: the pack does not hold together.
    """
    if not path.is_dir() and not path.is_file():
        raise ConfigurationError(
            f"There is neither a run nor a pack at {path}.",
            hint="Name the folder of a run, e.g. one below .joinedup/runs, or a file that `joinedup pack` wrote.",
        )
    if path.is_file():
        verified = verify(path)
        return _checked(Side(path.name, verified.verdict, _run(verified.parts[RUN])))
    try:
        run = _run((path / RUN).read_bytes())
    except OSError:
        run = {}
    return _checked(Side(path.name, read_verdict(path), run))


def _run(content: bytes) -> dict[str, Any]:
    try:
        run = json.loads(content)
    except (ValueError, RecursionError):
        run = None
    return run if isinstance(run, dict) else {}


def _checked(side: Side) -> Side:
    try:
        _ = (side.requirements, side.findings, list(_circumstances(side)))
    except (KeyError, TypeError, AttributeError):
        raise ConfigurationError(
            f"The verdict of {side.name} is not in a form that this version can compare.",
            hint="Write it again with `joinedup report`.",
        ) from None
    return side


def compare(before: Side, after: Side) -> dict[str, Any]:
    """Everything that differs, as plain JSON values; ``regression`` decides the exit code."""
    requirements = [*_requirements(before, after), *_exceptions(before, after)]
    findings = list(_findings(before, after))
    rows = [*requirements, *findings]
    return {
        "schema": SCHEMA,
        "before": before.heading,
        "after": after.heading,
        "regression": any(row.regression for row in rows),
        "counts": {str(change): sum(row.change is change for row in rows) for change in Change},
        "requirements": _told(requirements, "id"),
        "findings": _told(findings, "rule"),
        "harness": _harness(before, after),
    }


def _told(rows: Collection[Row], called: str) -> list[dict[str, Any]]:
    """The rows in order, as plain values; ``called`` is what their name is called there."""
    order = list(Change)
    rows = sorted(rows, key=lambda row: (order.index(row.change), row.system, row.name, row.operation))
    records = [asdict(row) for row in rows]
    return [{called: record.pop("name"), **record} for record in records]


def _requirements(before: Side, after: Side) -> Iterator[Row]:
    then, now = before.requirements, after.requirements
    for key in sorted({*then, *now}):
        first, second = _outcome(then, key), _outcome(now, key)
        if first == second:
            continue
        about = now.get(key) or then[key]
        change = _change(first, second)
        yield Row(
            change=change,
            system=key[0],
            name=key[1],
            what=about.get("plain") or about.get("text") or "",
            level=about["level"],
            before=first,
            after=second,
            regression=change is Change.REGRESSED or (change is Change.NEWLY_BLOCKED and first in PROVED),
        )


def _outcome(requirements: Mapping[tuple[str, str], Mapping[str, Any]], key: tuple[str, str]) -> str:
    return str(requirements[key]["outcome"]) if key in requirements else ""


def _change(before: str, after: str) -> Change:
    """The first line that is true."""
    lines = (
        (not before, Change.NEW_IN_PROFILE),
        (not after, Change.LEFT_PROFILE),
        (after == Outcome.NOT_APPLICABLE, Change.NEWLY_NOT_APPLICABLE),
        (after not in JUDGED, Change.NEWLY_BLOCKED),
        (after == Outcome.PASS and before in (*UNMET, Outcome.BLOCKED), Change.FIXED),
        (before == Outcome.PASS or (before, after) == (Outcome.WARN, Outcome.FAIL), Change.REGRESSED),
        ((before, after) == (Outcome.FAIL, Outcome.WARN), Change.FIXED),
    )
    return next((change for true, change in lines if true), Change.NEWLY_JUDGED)


def _exceptions(before: Side, after: Side) -> Iterator[Row]:
    then, now = _agreed(before), _agreed(after)
    for key in sorted({*then, *now}):
        first, second = then.get(key, []), now.get(key, [])
        if first != second:
            about = after.requirements.get(key) or before.requirements.get(key) or {}
            yield Row(
                change=Change.EXCEPTION_CHANGED,
                system=key[0],
                name=key[1],
                what=str(about.get("plain") or about.get("text") or ""),
                level=str(about.get("level", "")),
                before="; ".join(_until(entry) for entry in first),
                after="; ".join(_until(entry) for entry in second),
            )


def _agreed(side: Side) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """What people answer for in a run, by system and requirement."""
    agreed: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for waiver in side.verdict.get("waivers") or []:
        kept = {key: value for key, value in waiver.items() if key not in OF_ONE_RUN}
        agreed.setdefault((waiver["system"], waiver["requirement"]), []).append(kept)
    for key, requirement in side.requirements.items():
        if attested := requirement.get("attested"):
            kept = {name: value for name, value in attested.items() if name not in OF_ONE_RUN}
            agreed.setdefault(key, []).append(kept)
    return agreed


def _until(entry: Mapping[str, Any]) -> str:
    who = f"approved by {entry['approved_by']}" if "approved_by" in entry else f"attested by {entry['name']}"
    return f"{who}, until {entry['expires']}"


def _findings(before: Side, after: Side) -> Iterator[Row]:
    then, now = before.findings, after.findings
    for key in sorted({*then, *now}):
        if (key in then) is (key in now):
            continue
        finding = then.get(key) or now[key]
        other = before if key in now else after
        change = (_appeared if key in now else _went)(_outcomes(other, finding))
        yield Row(
            change=change,
            system=key[0],
            name=key[1],
            what=finding["title"],
            level=finding["level"],
            before="found" if key in then else "",
            after="found" if key in now else "",
            operation=key[2],
            regression=change is Change.REGRESSED,
        )


def _outcomes(side: Side, finding: Mapping[str, Any]) -> set[str]:
    """What the other run found of the requirements that a finding breaks."""
    keys = [(finding["system"], id_) for id_ in finding["requirements"]]
    return {str(side.requirements[key]["outcome"]) for key in keys if key in side.requirements}


def _appeared(before: set[str]) -> Change:
    """A finding that only the later run has, by what the earlier one said of its requirements."""
    if not before:
        return Change.NEW_IN_PROFILE
    return Change.REGRESSED if before & set(JUDGED) else Change.NEWLY_JUDGED


def _went(after: set[str]) -> Change:
    """A finding that only the earlier run has: mended only where the later one judged what it breaks."""
    if not after:
        return Change.LEFT_PROFILE
    if after & set(JUDGED):
        return Change.FIXED
    return Change.NEWLY_NOT_APPLICABLE if after == {Outcome.NOT_APPLICABLE} else Change.NEWLY_BLOCKED


def _harness(before: Side, after: Side) -> list[dict[str, Any]]:
    """What differs in the harness and in what it was given: the cause of a difference may lie here."""
    then, now = dict(_circumstances(before)), dict(_circumstances(after))
    return [
        {"what": what, "before": then.get(what), "after": now.get(what)}
        for what in dict.fromkeys([*then, *now])
        if then.get(what) != now.get(what)
    ]


def _circumstances(side: Side) -> Iterator[tuple[str, Any]]:
    plan = side.run.get("plan") or {}
    yield "joinedup", side.verdict.get("harness")
    yield from sorted((side.run.get("versions") or {}).items())
    yield "catalogue", side.run.get("catalogue_hash")
    for key in ("seed", "cases", "strict", "only", "systems", "faults"):
        yield key, plan.get(key)
    yield "configuration", side.run.get("configuration_hash")
    for system in side.verdict["systems"]:
        name = system["system"]
        yield f"profile of {name}", system["profile"]
        yield f"requirements of the profile of {name}", system["profile_hash"]
        yield f"contract of {name}", system["contract_hash"]


# --- the console


def render(comparison: Mapping[str, Any]) -> str:
    """The comparison as plain lines, what is worse first."""
    before, after = comparison["before"], comparison["after"]
    lines = [f"{_side(before)} → {_side(after)}"]
    rows = [*comparison["requirements"], *comparison["findings"]]
    for change in Change:
        own = [row for row in rows if row["change"] == change]
        if own:
            lines += ["", f"{WORDS[change]}: {len(own)}", *(f"  {line(row)}" for row in own[:MOST_ROWS])]
            lines += [f"  … and {len(own) - MOST_ROWS} more"] if len(own) > MOST_ROWS else []
    if comparison["harness"]:
        told = wording.listed([str(entry["what"]) for entry in comparison["harness"]])
        lines += ["", f"Not the same in both runs: {told}. A difference may come from there."]
    lines += ["", sentence(comparison)]
    return "\n".join(wording.printable(text) for text in lines)


def _side(heading: Mapping[str, Any]) -> str:
    return f"{heading['run']}: {wording.recommendation(heading).word.lower()}"


def line(row: Mapping[str, Any]) -> str:
    """One difference in one line."""
    where = f"{row['system']}, {row['operation']}" if row["operation"] else row["system"]
    if row["operation"]:
        return f"{row['rule']} ({where}): {row['what']}"
    return f"{row['id']} ({where}): {was(row, 'before')} → {was(row, 'after')}. {row['what']}"


def was(row: Mapping[str, Any], when: str) -> str:
    """What became of a point, whether a finding was there, or who answered for it, ``before`` or ``after``."""
    text = str(row.get(when) or "")
    if text:
        return wording.OUTCOMES[text].word.lower() if text in wording.OUTCOMES else text
    if not row.get("id"):
        return "not found"
    return "nobody answers for it" if row["change"] == Change.EXCEPTION_CHANGED else "not asked"


def sentence(comparison: Mapping[str, Any]) -> str:
    """The comparison in a sentence or two."""
    rows = [*comparison["requirements"], *comparison["findings"]]
    worse = sum(row["regression"] for row in rows)
    lines = (
        (worse, f"There is a regression: {wording.plural(worse, 'difference')} for the worse."),
        (rows, "There is no regression."),
    )
    said = next((text for true, text in lines if true), "Both runs found the same.")
    then, now = (wording.recommendation(comparison[key]).word.lower() for key in ("before", "after"))
    return said if then == now else f"{said} The advice was “{then}”, and is “{now}” now."
