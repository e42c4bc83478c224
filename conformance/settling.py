"""
From what happened in an item to its results: one event in the record, one outcome for pytest, labels for Allure.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.check import Check, Ended
from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Level, Outcome, fold
from joinedup.reports.events import as_record

SESSION = pytest.StashKey["Session"]()
CHECK = pytest.StashKey[Check]()
SUITE = "joinedup.conformance.suite"


class Session:
    """
    The run as this pytest process sees it.

    Args:
        run: configuration, targets and record.
        leads: whether this process started the run (no xdist worker).
        closing: what ends with the run, for example the bundled agencies.
    """

    def __init__(self, run: Any, leads: bool, closing: contextlib.ExitStack) -> None:
        self.run, self.leads, self.closing = run, leads, closing
        self.levels = {name: run.requirements(name) for name in run.tested}

    def judges(self, system: str, requirements: tuple[str, ...]) -> tuple[str, ...]:
        """Those of some requirements that a system is held to in this run."""
        return tuple(id for id in requirements if id in self.levels.get(system, {}))


def harness_fault(error: Exception) -> Ended:
    """Our bug: named by kind and place, never by its text, which may hold a value of the system."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if str(name).startswith("joinedup"):
            place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return Ended(Outcome.HARNESS_ERROR, f"{type(error).__name__} in {place or 'a library'}")


def take_assertion(item: pytest.Item, check: Check, error: AssertionError) -> None:
    """A plain assert in a supplier's own check is a finding; in the suite it is our bug."""
    if str(getattr(item, "module", None) and item.module.__name__).startswith(SUITE):  # type: ignore[attr-defined]
        check.ends(harness_fault(error))
        return
    title = (item.function.__doc__ or item.name).strip().splitlines()[0]  # type: ignore[attr-defined]
    check.report(
        Finding(
            rule=f"own-{item.name.partition('[')[0].removeprefix('test_').replace('_', '-')}",
            requirements=check.requirements,
            title=title,
            expected="What the check of your own asserts.",
            actual=f"An assertion did not hold, in {Path(str(item.fspath)).name}.",
            where=item.name,
        )
    )


def settle(item: pytest.Item, check: Check, ended: Ended | None, started: float) -> None:
    """Write the item's results and raise what pytest is to show."""
    session = item.config.stash[SESSION]
    if ended is not None:
        check.ends(ended)
    elif "check" not in getattr(item, "fixturenames", ()) and not check.findings:
        check.proves()
    results = check.results()
    session.run.record.write(
        "check",
        system=check.system,
        check=item.nodeid,
        seconds=round(time.monotonic() - started, 3),
        results=[as_record(result) for result in results],
        findings=[as_record(finding) for finding in check.findings],
    )
    outcome = _folded(session, check, results)
    for requirement in check.requirements:
        item.user_properties.append(("requirement", requirement))
    item.user_properties.append(("outcome", str(outcome)))
    _attach(check)
    _show(outcome, check, results)


def _folded(session: Session, check: Check, results: list[Result]) -> Outcome:
    levels = session.levels[check.system]
    found = [
        Level(levels[id]).outcome
        for f in check.findings
        if f.confirmed
        for id in f.requirements
        if id in levels
    ]
    return fold([*found, *(result.outcome for result in results)])


def _show(outcome: Outcome, check: Check, results: list[Result]) -> None:
    reasons = "; ".join(dict.fromkeys(r.reason for r in results if r.reason and r.outcome is outcome))
    if outcome in (Outcome.PASS, Outcome.WARN):
        return
    if outcome in (Outcome.NOT_APPLICABLE, Outcome.REVIEW):
        pytest.skip(f"{outcome}: {reasons}")
    sentences = [
        f"{f.title}: expected {f.expected} Received {f.actual} ({f.where})"
        for f in check.findings
        if f.confirmed
    ]
    pytest.fail(f"{outcome}: " + ("\n".join(sentences) or reasons), pytrace=False)


def label(item: pytest.Item, check: Check) -> None:
    with contextlib.suppress(ImportError):
        import allure

        session = item.config.stash[SESSION]
        must = any(session.levels[check.system].get(id) == Level.MUST for id in check.requirements)
        label: Any = allure.dynamic  # allure-pytest has no annotations
        label.parent_suite(check.system)
        label.suite(
            item.nodeid.partition("::")[0].rpartition("/")[2].removeprefix("test_").removesuffix(".py")
        )
        label.severity(allure.severity_level.CRITICAL if must else allure.severity_level.MINOR)
        for id in check.requirements:
            label.label("requirement", id)
            label.tag(id)


def _attach(check: Check) -> None:
    with contextlib.suppress(ImportError):
        import allure

        for finding in check.findings:
            for heading, text in finding.evidence:
                allure.attach(text, f"{finding.title}: {heading}", allure.attachment_type.TEXT)
