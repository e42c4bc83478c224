"""Earlier runs as columns: what each of them concluded, and which points came out differently in any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from joinedup.conformance.outcomes import Outcome
from joinedup.reports import earlier, wording
from joinedup.reports.wording import Sign, Verdict

MOST_ROWS = 200
NOT_ASKED = Sign("Not asked", "–", "none")
NEVER_CAME_TO = (
    NOT_ASKED,
    wording.ANSWERS["not_tested"],
    wording.OUTCOMES[Outcome.BLOCKED],
    wording.OUTCOMES[Outcome.NOT_APPLICABLE],
)


@dataclass(frozen=True)
class Column:
    """A run: its name, when it started, and what a buyer was advised to do."""

    run: str
    started: str
    advice: Sign
    complete: bool


@dataclass(frozen=True)
class Row:
    """A requirement of a system, with what became of it in each run, oldest first."""

    system: str
    requirement: str
    plain: str
    signs: tuple[Sign, ...]


@dataclass(frozen=True)
class History:
    """
    The runs as columns.

    Args:
        rows: the requirements that did not come out the same in every run.
        same: how many did.
        more: how many rows are left out.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    same: int
    more: int


def history(verdict: Verdict) -> History | None:
    """The earlier runs and this one as columns; None where there is no earlier one."""
    runs = earlier.read(verdict)
    if not runs:
        return None
    outcomes = [run.outcomes for run in runs]
    every = [_row(requirement, outcomes) for requirement in verdict.get("requirements", [])]
    finished = [*(run.complete for run in runs), bool(verdict.get("complete"))]
    differing = [row for row in every if _differs(row, finished)]
    columns = [
        Column(run.run, run.started, _advice(run.verdict, bool(run.waivers)), run.complete) for run in runs
    ]
    own = Column(
        str(verdict.get("run")),
        str(verdict.get("started")),
        wording.recommendation(verdict),
        bool(verdict.get("complete")),
    )
    return History(
        columns=(*columns, own),
        rows=tuple(differing[:MOST_ROWS]),
        same=len(every) - len(differing),
        more=max(len(differing) - MOST_ROWS, 0),
    )


def _row(requirement: Verdict, outcomes: Sequence[Mapping[str, Mapping[str, str]]]) -> Row:
    system, id_ = str(requirement["system"]), str(requirement["id"])
    came = [*(run.get(system, {}).get(id_, "") for run in outcomes), earlier.became(requirement)]
    plain = str(requirement.get("plain") or requirement.get("text") or "")
    return Row(system, id_, plain, tuple(_sign(outcome) for outcome in came))


def _differs(row: Row, finished: Sequence[bool]) -> bool:
    """Whether a point came out otherwise in one run; what a run that did not finish never came to is no difference."""
    signs = zip(row.signs, finished, strict=True)
    return len({sign for sign, whole in signs if whole or sign not in NEVER_CAME_TO}) > 1


def _sign(outcome: str) -> Sign:
    if outcome == earlier.WAIVED:
        return wording.AGREED
    if outcome == earlier.NOT_TESTED:
        return wording.ANSWERS["not_tested"]
    return wording.outcome_sign(Outcome(outcome)) if outcome in set(Outcome) else NOT_ASKED


def _advice(verdict: str, waivers: bool) -> Sign:
    return wording.recommendation({"verdict": verdict, "waivers": waivers})
