"""One requirement of one system, judged: what was found, and what people laid over it."""

from __future__ import annotations

from dataclasses import dataclass

from joinedup.conformance.outcomes import Cause, Judged, Outcome
from joinedup.reports.account import Point
from joinedup.reports.attestations import Attestation


@dataclass(frozen=True)
class Judgement:
    """
    One requirement of one system, judged.

    Args:
        blocked_by: ids of the findings that stood in its way.
        waived: whether an agreed exception covers every reason why it is not met.
        rest: what is left of it under the exception: a review that is open stays open.
        attested: who answers for it, where no machine can.
    """

    point: Point
    outcome: Outcome
    reason: str = ""
    cause: Cause = Cause.OUTSIDE
    not_tested: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    blocked_by: tuple[str, ...] = ()
    decides: bool = True
    waived: bool = False
    rest: Outcome = Outcome.PASS
    attested: Attestation | None = None

    @property
    def judged(self) -> Judged:
        """The requirement as the verdict table sees it."""
        if self.waived and self.rest is Outcome.REVIEW:
            return Judged(self.point.level, self.rest)
        return Judged(self.point.level, self.outcome, self.cause, self.waived)
