"""
What is told as one thing to mend: findings of one kind, each with its own place, steps and evidence as a part of it.

A required point that is broken in one way at five operations is one finding with five parts, and so is everything that a
description lacks under one requirement, or that falls short of one recommended point. Nothing is left out by that:
each part keeps its number, and is shown, replayed and listed with the checks that found it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from joinedup.conformance.findings import Finding
from joinedup.conformance.outcomes import Level
from joinedup.reports.account import System

MOST_TITLES = 3
# Media type, body, schema and headers of an answer are described in one place, and that description is wrong.
OF_THE_ANSWER = "contract-"
# One step of a journey that went wrong is one thing to mend, however many points it breaks.
OF_A_JOURNEY = "journey-"


@dataclass(frozen=True)
class Breach:
    """A finding in one system, after findings with one key have become one."""

    system: System
    finding: Finding
    level: Level | None
    requirements: tuple[str, ...]
    id: str = ""

    @property
    def group(self) -> str:
        """Id of what it is told as a part of, e.g. ``f-3`` of ``f-3.1``."""
        return self.id.partition(".")[0]

    @property
    def order(self) -> tuple[object, ...]:
        """MUST first, then by requirement, rule and place, so that numbers are the same in every run."""
        return (
            self.level is not Level.MUST,
            self._first,
            self.finding.rule,
            self.finding.where,
            self.system.system,
            self.finding.key,
        )

    @property
    def kind(self) -> tuple[str, ...]:
        """What is told as one: a recommended point, a point of the description, one way to break a required point."""
        told_by_point = self.level is Level.SHOULD or not self.finding.steps
        way = OF_THE_ANSWER if self.finding.rule.startswith(OF_THE_ANSWER) else self.finding.title
        if self.level is Level.MUST and self.finding.rule.startswith(OF_A_JOURNEY):
            return (self.system.system, str(self.level), self.finding.rule)
        return (self.system.system, str(self.level), *self._first, "" if told_by_point else way)

    @property
    def _first(self) -> tuple[str, ...]:
        return self.requirements[:1] or self.finding.requirements[:1]


@dataclass(frozen=True)
class Group:
    """
    Findings that are told as one.

    Args:
        id: ``f-3``; its parts are ``f-3.1`` and so on where there are several.
        parts: at least one, in order.
    """

    id: str
    parts: tuple[Breach, ...]

    @property
    def system(self) -> System:
        """The system that shows it."""
        return self.parts[0].system

    @property
    def level(self) -> Level | None:
        """Whether it is required or recommended; None where the profile asks for neither."""
        return self.parts[0].level

    @property
    def requirements(self) -> tuple[str, ...]:
        """What its parts break, the first part's first."""
        return tuple(dict.fromkeys(id_ for part in self.parts for id_ in part.requirements))

    @property
    def finding(self) -> Finding:
        """All parts as one: the first one's words and steps, everybody's operations."""
        first = self.parts[0].finding
        found = [part.finding for part in self.parts]
        return replace(
            first,
            title=_title(list(dict.fromkeys(finding.title for finding in found))),
            requirements=tuple(dict.fromkeys(id_ for finding in found for id_ in finding.requirements)),
            operations=tuple(sorted({label for finding in found for label in finding.operations})),
            count=sum(finding.count for finding in found),
        )


def _title(titles: list[str]) -> str:
    """The titles of the parts as one."""
    told = "; ".join([titles[0], *(_continued(title) for title in titles[1:MOST_TITLES])])
    return f"{told}; and more" if len(titles) > MOST_TITLES else told


def _continued(title: str) -> str:
    """A title after a semicolon: without its capital, unless the word is all capitals."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def grouped(letter: str, breaches: Iterable[Breach]) -> list[Group]:
    """Breaches as what is told as one, numbered: ``f-1``, its parts ``f-1.1`` and so on."""
    kinds: dict[tuple[str, ...], list[Breach]] = defaultdict(list)
    for breach in sorted(breaches, key=lambda breach: breach.order):
        kinds[breach.kind].append(breach)
    return [
        Group(f"{letter}-{number}", tuple(_numbered(f"{letter}-{number}", parts)))
        for number, parts in enumerate(kinds.values(), start=1)
    ]


def _numbered(id_: str, parts: list[Breach]) -> Iterator[Breach]:
    if len(parts) == 1:
        yield replace(parts[0], id=id_)
        return
    for number, part in enumerate(parts, start=1):
        yield replace(part, id=f"{id_}.{number}")
