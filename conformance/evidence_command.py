"""What becomes of a run: packs, comparisons, and the entries of those who answer for what it found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.command import newest_run, source_or_default
from joinedup.conformance.errors import NothingSelectedError
from joinedup.conformance.run import Plan, read_agreements, read_plan
from joinedup.reports import compare as comparing
from joinedup.reports import comparison_page, verification
from joinedup.reports.exceptions import Known, Waiver, ready_entries
from joinedup.reports.pack import seal
from joinedup.reports.run_folder import read_verdict, write_whole


def pack(folder: Path, out: Path, key: Path | None) -> None:
    """Seal a run in one file and say how far it may be trusted."""
    sealed = seal(folder, out, key)
    click.echo(f"{sealed.path}: {sealed.verdict['verdict']} ({sealed.verdict['reason']}); {sealed.tier}")
    if sealed.signer:
        click.echo(f"Signed by {sealed.signer}.")


def verify(path: Path, trust: Path | None) -> None:
    """Say what a pack proves; raises ``UnverifiedError`` (exit 7) where it does not hold together."""
    click.echo(verification.render(path, verification.verify(path, trust)))


def compare(before: Path, after: Path, *, out: Path | None, as_json: bool) -> int:
    """Set two runs or packs side by side; exit 1 for a regression, else 0."""
    comparison = comparing.compare(comparing.side(before), comparing.side(after))
    if out:
        write_whole(out, comparison_page.render(comparison))
    click.echo(json.dumps(comparison, indent=1) if as_json else comparing.render(comparison))
    if out and not as_json:
        click.echo(f"Page: {out}")
    return int(comparison["regression"])


def new_waiver(name: str, folder: Path | None, *, baseline: bool) -> None:
    """
    Print entries to complete for a finding or requirement of a run.

    Raises:
        NothingSelectedError: the run has no failure of this name that nobody answers for.
    """
    folder = folder or newest_run()
    kind = Known if baseline else Waiver
    verdict = read_verdict(folder)
    entries = ready_entries(verdict, name, kind)
    if not entries:
        findings: Any = verdict.get("findings", [])
        known = ", ".join(str(finding["id"]) for finding in findings[:10]) or "none"
        raise NothingSelectedError(
            f"The run {folder.name} has no failure {name!r} that an entry of {kind.FILE} could be about.",
            hint=f"Name a finding or a requirement that is not met. Findings: {known}.",
        )
    click.echo("\n\n".join(entries))
    click.echo(f"Complete every empty value, and add it to {kind.FILE} beside joinedup.toml.", err=True)


def check_waivers(
    source: str | None, *, waivers: str | None, baseline: str | None, attestations: str | None
) -> None:
    """Read the three files as `joinedup check` would today, and list what they hold; raises ``ConfigurationError``."""
    plan = Plan(
        source=source_or_default(source),
        out="",
        waivers=waivers or "",
        baseline=baseline or "",
        attestations=attestations or "",
    )
    agreed = read_agreements(plan, read_plan(plan), load_catalogue())
    for entry in (*agreed.waivers, *agreed.known):
        click.echo(f"{entry.name}: holds until {entry.expires}")
    for attested in agreed.attestations:
        click.echo(f"{attested.called}: {attested.person}, holds until {attested.expires}")
    held = len(agreed.waivers) + len(agreed.known) + len(agreed.attestations)
    click.echo(f"In order: {held}. Whether each still matches something, only a run can tell.")
