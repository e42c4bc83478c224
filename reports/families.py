"""
Findings that come in crowds: many of one family are told as one, with the places where they were seen.

A server that takes ``null`` for whatever is optional does so at a hundred places for one reason. A few findings of a
family stay apart, each with its own steps; a crowd of them is one finding, or nobody would read the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from joinedup.conformance.findings import Finding
from joinedup.reports.account import Checked

FEW = 3
MOST_NAMED = 12
Family = tuple[str, ...]


def gathered(checks: Iterable[Checked]) -> list[Checked]:
    """The checks, each finding of a crowd with the cause that it shares with the others."""
    checks = list(checks)
    crowds = {family: found for family, found in _families(checks).items() if len(found) > FEW}
    return [
        replace(check, findings=tuple(_in_crowd(finding, check, crowds) for finding in check.findings))
        for check in checks
    ]


def _families(checks: Sequence[Checked]) -> dict[Family, dict[tuple[str, ...], str]]:
    """The places of each family, by the key of the finding; what was not confirmed is no part of one."""
    families: dict[Family, dict[tuple[str, ...], str]] = defaultdict(dict)
    for check in checks:
        for finding in check.findings:
            if finding.family and finding.confirmed:
                families[_family(finding, check)].setdefault(finding.key, finding.where)
    return families


def _family(finding: Finding, check: Checked) -> Family:
    return (check.system or "", finding.rule, *finding.requirements, finding.family)


def _in_crowd(finding: Finding, check: Checked, crowds: dict[Family, dict[tuple[str, ...], str]]) -> Finding:
    crowd = crowds.get(_family(finding, check)) if finding.confirmed else None
    if crowd is None:
        return finding
    places = sorted(crowd.values())
    more = f"; and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
    told = f"It was seen at {len(places)} places: {'; '.join(places[:MOST_NAMED])}{more}."
    return replace(
        finding,
        cause=f"family {finding.family}",
        advice=" ".join(part for part in (finding.advice, told) if part),
    )
