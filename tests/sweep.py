"""
Every defect of the test service, looked for in every style: is each found, and what is found beside it?

    python tests/sweep.py                      each defect, with the checks of the requirement that it is about
    python tests/sweep.py --whole              each defect, with every check
    python tests/sweep.py --style link --defect pages-never-end
    python tests/sweep.py --agency social-care the faults of a bundled agency that a single check can find

It ends with 1 where a defect was not found, or anything was found that its table does not name. A clean service comes
first in every style: on it nothing may be found.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import inspect
import pkgutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from judged import catalogue, harvested, outcome_of
from service.defect import ALL, Defect
from service.defects import DEFECTS

import joinedup.conformance.suite as suite
from joinedup.conformance.check import Check
from joinedup.conformance.description import RULES
from joinedup.conformance.harvest import harvest
from joinedup.conformance.judging import generate
from joinedup.conformance.run import Plan, serving
from joinedup.conformance.target import OTHER, OWN, Target, build_target
from joinedup.mocks import systems

QUOTA = 20
"""Requests in a minute, where a defect is one of quotas; the harvest alone needs more."""
CLEAN = Defect("clean", "The service keeps its promises.", ())
GENERATED = frozenset({"CON-API-03", "CON-API-10", "CON-API-12"})
"""What the generated requests judge beside the checks."""


@dataclass(frozen=True)
class Item:
    """One check of the suite that needs nothing but a system: its name, its requirements, and what runs it."""

    name: str
    requirements: tuple[str, ...]
    judge: Callable[[Target, Check], None]


@dataclass
class Sweep:
    """
    What came of one defect in one style.

    Args:
        defect: what was switched on.
        style: of the service.
        found: requirements that confirmed findings break, each with the rules that found it.
        seconds: how long it took.
    """

    defect: Defect
    style: str
    found: dict[str, set[str]] = field(default_factory=dict)
    seconds: float = 0

    @property
    def extra(self) -> set[str]:
        """Requirements that were found broken and that the defect's table does not name."""
        return set(self.found) - {*self.defect.breaks, *self.defect.may_break}

    @property
    def is_right(self) -> bool:
        """Whether the defect was found under the requirement that it is about, and nothing that it does not name."""
        return not self.extra and (not self.defect.breaks or self.defect.breaks[0] in self.found)

    def add(self, requirements: tuple[str, ...], rule: str) -> None:
        """Keep a confirmed finding."""
        for requirement in requirements:
            self.found.setdefault(requirement, set()).add(rule)

    def __str__(self) -> str:
        verdict = "found " if self.is_right else "WRONG "
        beside = sorted(set(self.found) - set(self.defect.breaks[:1]))
        told = ", ".join(f"{id} ({', '.join(sorted(self.found[id]))})" for id in beside)
        return f"{verdict} {self.style:6} {self.defect.name:44} {self.seconds:5.1f} s  {told and 'beside it ' + told}"


def items() -> Iterator[Item]:
    """Every check of the suite that takes a harvested system and no single operation, once for each of its parameters."""
    for module in pkgutil.iter_modules(suite.__path__):
        for name, function in vars(importlib.import_module(f"{suite.__name__}.{module.name}")).items():
            if name.startswith("test_") and inspect.isfunction(function) and _takes_a_system(function):
                marks = {mark.name: mark.args for mark in reversed(getattr(function, "pytestmark", []))}
                for values in _parameters(marks.get("parametrize")):
                    yield Item(name, marks["requirement"], partial(_run, function, values))


def _takes_a_system(function: Callable[..., Any]) -> bool:
    names = inspect.signature(function).parameters
    return "harvested" in names and "operation" not in names


def _parameters(arguments: tuple[Any, ...] | None) -> Iterator[dict[str, Any]]:
    if arguments is None:
        yield {}
        return
    name, values = arguments
    yield from ({name: getattr(value, "values", (value,))[0]} for value in values)


def _run(function: Callable[..., None], values: dict[str, Any], target: Target, check: Check) -> None:
    function(harvested=target, check=check, **values)


def sweep(style: str, defect: Defect, *, whole: bool) -> Sweep:
    """Look for one defect, with every check or with those of the requirement that it is about."""
    names = [] if defect is CLEAN else [defect.name]
    service = harvested(style, *names, quota=QUOTA if defect.needs_quota else 0)
    return _looked_for(defect, style, service, whole=whole)


@contextlib.contextmanager
def _agency(name: str, fault: Defect) -> Iterator[Target]:
    """A bundled agency with one fault, as a run serves it, harvested."""
    faults = () if fault is CLEAN else (fault.name,)
    with serving(Plan("bundled", "", systems=(name,), faults=faults), None) as (configuration, _):
        target = build_target(
            name, configuration, catalogue(), seed=1, write=lambda event, **_: None, ours=True
        )
        for identity in (OWN, OTHER):
            harvest(target, identity)
        yield target
        target.client.close()


def faults_of(agency: str) -> Iterator[Defect]:
    """The faults of a bundled agency whose requirement a single check or the generated requests judge."""
    judged = GENERATED.union(*(item.requirements for item in items()), (rule.requirement for rule in RULES))
    for system in (system for system in systems() if system.name == agency):
        for fault in system.faults:
            if fault.breaks[0] in judged:
                yield Defect(fault.name, fault.shows, fault.breaks, fault.may_break)


def _looked_for(
    defect: Defect, style: str, service: contextlib.AbstractContextManager[Target], *, whole: bool
) -> Sweep:
    started, result = time.monotonic(), Sweep(defect, style)
    about = set(defect.breaks[:1])
    with service as target:
        for item in items():
            if whole or about & set(item.requirements):
                check = outcome_of(item.judge, target, *item.requirements)
                for finding in check.findings:
                    if finding.confirmed:
                        result.add(finding.requirements, finding.rule)
        for rule in RULES:
            if (whole or rule.requirement in about) and rule.applies(target.contract):
                for finding in rule.judge(target.contract):
                    result.add(finding.requirements, finding.rule)
        # Generated requests take the longest, so that they come where the checks alone have not found it.
        if whole or (about & GENERATED and not about & set(result.found)):
            for finding, _ in generate(target, "quick").findings:
                if finding.confirmed:
                    result.add(finding.requirements, finding.rule)
    result.seconds = time.monotonic() - started
    return result


def main(arguments: list[str]) -> int:
    """Run what the command line asks for and print a line for each defect."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--style", action="append", choices=ALL, help="a style (default: each)")
    parser.add_argument("--defect", action="append", help="a defect by name (default: each)")
    parser.add_argument("--whole", action="store_true", help="run every check, and list what else is found")
    parser.add_argument("--agency", help="a bundled agency, in place of the test service")
    asked = parser.parse_args(arguments)
    if asked.agency:
        return _told(
            _looked_for(fault, asked.agency, _agency(asked.agency, fault), whole=asked.whole)
            for fault in faults_of(asked.agency)
            if not asked.defect or fault.name in asked.defect
        )
    wanted = [d for d in (CLEAN, *DEFECTS) if not asked.defect or d.name in asked.defect]
    unknown = set(asked.defect or ()) - {defect.name for defect in wanted}
    if unknown:
        parser.error(f"there is no defect {', '.join(sorted(unknown))}; see tests/service/defects.py")
    # A defect that only the service's own key shows is none that a caller could find.
    return _told(
        sweep(style, defect, whole=asked.whole or defect is CLEAN)
        for style in asked.style or ALL
        for defect in wanted
        if style in defect.styles and defect.from_outside
    )


def _told(sweeps: Iterable[Sweep]) -> int:
    """Print each as it comes and what was wrong at the end; gives the exit status."""
    results = []
    for result in sweeps:
        results.append(result)
        print(result, flush=True)
    wrong = [result for result in results if not result.is_right]
    print(f"{len(results)} runs, {len(wrong)} wrong" + "".join(f"\n  {result}" for result in wrong))
    return 1 if wrong or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
