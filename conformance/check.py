"""
How a check says what it found.

A pass is earned: a check that reports nothing and shows nothing leaves its requirements ``blocked``, never ``pass``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from joinedup.conformance.catalogue import Requirement
from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Cause, Outcome


class Ended(Exception):
    """Raised by a check that cannot go on; the plugin turns it into the outcome it carries."""

    def __init__(
        self, outcome: Outcome, reason: str, cause: Cause = Cause.OUTSIDE, blocked_by: str = ""
    ) -> None:
        super().__init__(reason)
        self.outcome, self.reason, self.cause, self.blocked_by = outcome, reason, cause, blocked_by


def not_applicable(reason: str) -> Ended:
    """The system does not have what the requirement is about."""
    return Ended(Outcome.NOT_APPLICABLE, reason)


def blocked(reason: str, cause: Cause = Cause.OUTSIDE, blocked_by: str = "") -> Ended:
    """
    The requirement should have been testable; a prerequisite is missing or something earlier failed.

    Args:
        blocked_by: the rule of the finding that says what failed, where one does.
    """
    return Ended(Outcome.BLOCKED, reason, cause, blocked_by)


def needs_a_person(reason: str) -> Ended:
    """No machine can tell: a named person has to look, and may attest it in ``attestations.toml``."""
    return Ended(Outcome.REVIEW, reason)


def setup_fault(reason: str) -> Ended:
    """Configuration, network or environment stands in the way."""
    return Ended(Outcome.SETUP_ERROR, reason)


def why_not_judged(
    requirement: Requirement, features: Collection[str], system: str, capabilities: Mapping[str, bool]
) -> Ended | None:
    """
    Why a requirement is not put to the test on a system; None where it is.

    Args:
        features: what the contract shows and the configuration gives.
        system: its name in the configuration.
        capabilities: what the configuration says that it can, and cannot.
    """
    unsaid = sorted(requirement.capabilities - capabilities.keys())
    if unsaid:
        return setup_fault(
            f"systems.{system}.capabilities does not say whether the system can {', '.join(unsaid)}: write true "
            "or false for each."
        )
    if requirement.applies(features):
        return None
    return not_applicable(f"the contract shows none of what this is about ({requirement.when})")


@dataclass
class Check:
    """
    One running check of one system.

    Args:
        system: the system's name.
        requirements: ids that the check may speak of.
    """

    system: str
    requirements: tuple[str, ...]
    findings: list[Finding] = field(default_factory=list)
    _proved: dict[str, int] = field(default_factory=dict)
    _ended: dict[str, Ended] = field(default_factory=dict)
    _not_tested: dict[str, list[str]] = field(default_factory=dict)

    def proves(self, *requirements: str, times: int = 1) -> None:
        """Note that requirements were really put to the test, so that silence means that they are met."""
        for requirement in requirements or self.requirements:
            if times:
                self._proved[requirement] = self._proved.get(requirement, 0) + times

    def report(self, *findings: Finding) -> None:
        """Report findings; each counts for the requirements that it names."""
        self.findings.extend(findings)
        for finding in findings:
            self.proves(*finding.requirements)

    def ends(self, ended: Ended, *requirements: str) -> None:
        """Give requirements an outcome other than pass, unless they were proved otherwise."""
        for requirement in requirements or self.requirements:
            self._ended.setdefault(requirement, ended)

    def leaves_out(self, part: str, *requirements: str) -> None:
        """Name a part of a requirement that could not be produced from outside."""
        for requirement in requirements or self.requirements:
            parts = self._not_tested.setdefault(requirement, [])
            if part not in parts:
                parts.append(part)

    def spoke_of(self, requirement: str) -> bool:
        """Whether anything at all was said of a requirement."""
        return requirement in self._proved or requirement in self._ended

    def results(self) -> list[Result]:
        """One result for each requirement. The level decides later whether a finding is a fail or a warn."""
        return [self._result(requirement) for requirement in self.requirements]

    def _result(self, requirement: str) -> Result:
        untested = tuple(self._not_tested.get(requirement, ()))
        ended = self._ended.get(requirement)
        if ended is not None and (
            ended.outcome is not Outcome.NOT_APPLICABLE or requirement not in self._proved
        ):
            return Result(requirement, ended.outcome, ended.reason, ended.cause, untested, ended.blocked_by)
        if requirement in self._proved:
            return Result(requirement, Outcome.PASS, not_tested=untested)
        return Result(
            requirement, Outcome.BLOCKED, "nothing could be put to the test", Cause.OUTSIDE, untested
        )


def first_of(values: Iterable[str], most: int = 6) -> str:
    """A list for a sentence: at most so many, then how many more."""
    listed = list(values)
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")
