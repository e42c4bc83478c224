"""
Exceptions: failures that somebody answers for, each in so many words and for so long.

::

    Agreed        one requirement of one system, and the finding or operations that it is about
    ├── Waiver    the scheme's, in waivers.toml: the failure is accepted, and the requirement stays ``fail``
    └── Known     the supplier's, in baseline.toml: CI stays green, and the verdict stays as it is

An entry that names no finding and no operation speaks of a requirement that could not be tested, and of nothing else: no
entry covers findings that nobody has seen yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import msgspec

from joinedup.conformance.findings import Finding
from joinedup.conformance.outcomes import Outcome
from joinedup.reports import persons, wording

LONGEST_DAYS = 180
REQUIREMENT = re.compile(r"[A-Z]{3}(-[A-Z]{3})?-[0-9]{2}")

Mistake = tuple[str, str]


class Shown(Protocol):
    """A finding of a run, under its number."""

    @property
    def id(self) -> str: ...
    @property
    def finding(self) -> Finding: ...


@dataclass(frozen=True)
class Scope:
    """
    What an entry is about, and not a word more.

    Args:
        finding: name of the rule that is broken; empty for any of the operations.
        operations: labels of the operations that show it; empty for all that break this rule.
    """

    system: str
    finding: str = ""
    operations: tuple[str, ...] = ()

    @property
    def names_findings(self) -> bool:
        """Whether it speaks of findings, and not of a requirement that could not be tested."""
        return bool(self.finding or self.operations)

    def covers(self, breach: Shown) -> bool:
        """Whether a finding lies within it, with every operation that shows it."""
        return self.touches(breach) and (not self.operations or places(breach) <= set(self.operations))

    def touches(self, breach: Shown) -> bool:
        """Whether a finding lies within it at one operation at least."""
        ruled = not self.finding or self.finding == breach.finding.rule
        return self.names_findings and ruled and (not self.operations or bool(self._shared(breach)))

    def _shared(self, breach: Shown) -> set[str]:
        return places(breach) & set(self.operations)


def places(breach: Shown) -> set[str]:
    """Where a finding shows: its operations, or its place in the contract."""
    return set(breach.finding.operations) or {breach.finding.where}


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """
    What waivers and known failures share.

    Args:
        expires: the last day on which it holds.
        entry: its number in its file, from 1.
    """

    requirement: str
    scope: Scope
    reason: str
    expires: date
    entry: int = 0

    FILE: ClassVar[str]
    OUTCOMES: ClassVar[frozenset[Outcome]]
    BEGINS: ClassVar[str]
    TEXTS: ClassVar[tuple[str, ...]]

    @property
    def name(self) -> str:
        """How a sentence speaks of it."""
        return f"{self.FILE}, entry {self.entry} ({self.requirement}, {self.scope.system})"

    def mistakes(self, on: date) -> Iterator[Mistake]:
        """Each thing that is wrong with it on a day, as (what, what to do)."""
        yield from self._empty()
        yield from self._broad()
        yield from self._dated(on)

    def _empty(self) -> Iterator[Mistake]:
        for key in self.TEXTS:
            if not str(getattr(self, key)).strip():
                yield f"`{key}` is empty.", "Complete the entry."

    def _broad(self) -> Iterator[Mistake]:
        if not REQUIREMENT.fullmatch(self.requirement):
            yield (
                f"it is too broad: `{self.requirement}` is not the id of one requirement.",
                "Write one entry for each requirement, such as AUT-03.",
            )
        if not self.scope.system.strip() or "*" in self.scope.system:
            yield "it is too broad: it names no system.", "Write one entry for each system."
        if any(
            "*" in text or not text.strip() for text in (self.scope.finding or "x", *self.scope.operations)
        ):
            yield (
                "it is too broad: a finding and an operation are named in full.",
                "Take them from `joinedup waiver new`.",
            )

    def _dated(self, on: date) -> Iterator[Mistake]:
        begins: date = getattr(self, self.BEGINS)
        if begins > on:
            yield f"`{self.BEGINS}` is {begins}, which is yet to come.", "Correct the date."
            return
        if self.expires < begins:
            yield f"it expires on {self.expires}, before it begins on {begins}.", "Correct the dates."
        if self.expires > begins + timedelta(days=LONGEST_DAYS):
            latest = begins + timedelta(days=LONGEST_DAYS)
            yield (
                f"it expires on {self.expires}, more than {LONGEST_DAYS} days after {begins}.",
                f"Write {latest} or an earlier day.",
            )
        if self.expires < on:
            yield f"it expired on {self.expires}.", "Mend the system, or have the exception agreed anew."


@dataclass(frozen=True, kw_only=True)
class Waiver(Agreed):
    """A failure that the scheme accepts for a time: who asked, who agreed, why, and at what risk."""

    risk: str
    requested_by: str
    approved_by: str
    approved_on: date

    FILE = "waivers.toml"
    OUTCOMES = frozenset({Outcome.FAIL, Outcome.BLOCKED})
    BEGINS = "approved_on"
    TEXTS = ("reason", "risk", "requested_by", "approved_by")

    def mistakes(self, on: date) -> Iterator[Mistake]:
        """Each thing that is wrong with it on a day, as (what, what to do)."""
        yield from super().mistakes(on)
        for key in ("requested_by", "approved_by"):
            if not persons.is_named(getattr(self, key)):
                yield (
                    f"`{key}` names nobody.",
                    "Begin it with the name of a person, then role and organisation.",
                )
        if persons.is_same(self.requested_by, self.approved_by):
            yield "the same person asked for it and approved it.", "Have another person approve it."


@dataclass(frozen=True, kw_only=True)
class Known(Agreed):
    """A failure that the supplier knows of."""

    recorded_on: date

    FILE = "baseline.toml"
    OUTCOMES = frozenset({Outcome.FAIL, Outcome.BLOCKED, Outcome.WARN})
    BEGINS = "recorded_on"
    TEXTS = ("reason",)


if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def as_record(entry: DataclassInstance) -> dict[str, Any]:
    """An entry as plain JSON values, dates in ISO 8601."""
    return cast("dict[str, Any]", msgspec.to_builtins(asdict(entry)))


# --- ready entries

_WAIVER = {
    "reason": "why it is accepted for now",
    "risk": "what could go wrong, and for whom",
    "requested_by": "name, role, organisation",
    "approved_by": "another person: name, role, organisation",
    "approved_on": "a date without quotes, such as 2026-11-22",
    "expires": f"a date at most {LONGEST_DAYS} days after that",
}
_KNOWN = {
    "reason": "what is known of it, and when it will be mended",
    "recorded_on": "a date without quotes, such as 2026-11-22",
    "expires": f"a date at most {LONGEST_DAYS} days after that",
}
FORMS: Mapping[type[Agreed], tuple[str, Mapping[str, str]]] = {
    Waiver: ("waiver", _WAIVER),
    Known: ("known", _KNOWN),
}


def ready_entries(verdict: Mapping[str, Any], name: str, kind: type[Agreed] = Waiver) -> list[str]:
    """
    Entries to be completed for a finding (``f-3``, ``f-3.1``) or a requirement (``AUT-03``) of a run.

    One for each requirement and rule that is not met and not waived yet. No loader takes one as it is: everything that
    a person has to say is empty. An empty list means that the run has nothing of this name that needs one.
    """
    parts = [part for finding in verdict.get("findings", []) for part in finding.get("parts") or [finding]]
    requirements = [r for r in verdict.get("requirements", []) if not r.get("waived")]
    hindering = {id_ for requirement in requirements for id_ in requirement.get("blocked_by", [])}
    unmet = {
        (requirement["system"], requirement["id"])
        for requirement in requirements
        if requirement["outcome"] in kind.OUTCOMES or hindering & set(requirement["findings"])
    }
    scopes: dict[tuple[str, str, str], tuple[str, set[str]]] = {}
    for part in parts:
        for id_ in part["requirements"]:
            if (part["system"], id_) in unmet and name in (part["id"], part["id"].partition(".")[0], id_):
                _, shown = scopes.setdefault((id_, part["system"], part["rule"]), (part["title"], set()))
                shown.update(part["operations"] or [part["where"]])
    entries = [
        _ready(kind, title, id_, Scope(system, rule, tuple(sorted(shown))))
        for (id_, system, rule), (title, shown) in scopes.items()
    ]
    return entries or [
        _ready(kind, "It could not be tested.", id_, Scope(system))
        for system, id_ in sorted(unmet)
        if id_ == name
    ]


def _ready(kind: type[Agreed], title: str, requirement: str, scope: Scope) -> str:
    table, form = FORMS[kind]
    named = {"system": scope.system, "finding": scope.finding}
    within = [f"{key} = {_quoted(value)}" for key, value in named.items() if value]
    if scope.operations:
        within.append(f"operations = [{', '.join(_quoted(label) for label in scope.operations)}]")
    lines = [f"# {wording.printable(title)}", f"[[{table}]]", f"requirement = {_quoted(requirement)}"]
    lines.append(f"scope = {{{', '.join(within)}}}")
    width = max(len(key) for key in form)
    return "\n".join([*lines, *(f'{key:<{width}} = ""  # {told}' for key, told in form.items())])


def _quoted(text: str) -> str:
    return json.dumps(wording.printable(text), ensure_ascii=False)


def exit_code(verdict: Mapping[str, Any]) -> int:
    """What the process ends with: the verdict's own code, or the baseline's where there is one."""
    baseline = verdict.get("baseline")
    return int(baseline["exit_code"] if baseline else verdict["exit_code"])


def first_unexpected(verdict: Mapping[str, Any], within: Sequence[str] | None = None) -> str:
    """
    Name of the first required thing that is not met and that nobody answers for; empty where there is none.

    Args:
        verdict: of the run.
        within: ids of the findings to look at; None for all.
    """
    open_ = [r for r in verdict.get("requirements", []) if not r.get("waived") and r["level"] == "MUST"]
    hinders = wording.hindering(verdict)
    unexpected = [
        str(part["id"])
        for finding in verdict.get("findings", [])
        for part in finding.get("parts") or [finding]
        if (part["level"] == "MUST" or finding["id"] in hinders)
        and not part.get("waived")
        and (within is None or part["id"] in within)
    ]
    unfound = [str(r["id"]) for r in open_ if r["outcome"] == Outcome.FAIL and not r["findings"]]
    return next(iter([*unexpected, *unfound]), "")
