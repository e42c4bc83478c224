"""
How much of a journey many users can play at once: ``part_of(callee)``.

Clock, outages and keys are the same for everybody, so that one user's Monday would be another's Friday. A journey is
played as far as the step that would change them::

    begin-at                         left out: the story begins when its user begins, and its dates move with it
    due moments, signatures, tokens  asked of the control plane; not counted
    what agencies received or sent   asked of the control plane, for this user's piece of work alone; not counted
    advance-clock, a minute at most  time in which word travels: what is read next is tried again until it holds
    anything else                    the end, before that step
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from joinedup.conformance.errors import ConfigurationError
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.expressions import Scope
from joinedup.scenarios.journey import first_workflow
from joinedup.scenarios.library import Call, Callee, Library
from joinedup.scenarios.load_markers import is_read
from joinedup.scenarios.model import Action, Flow, Step
from joinedup.scenarios.stages import CONTROL

NEVER = "x-not-under-load"
"""Of a workflow: why many users cannot play it at once, as a clause."""
BEGIN, TRAVEL = "begin-at", "advance-clock"
LONGEST_TRAVEL_S = 60.0
"""Of the agencies' clock; what passes for longer is about deadlines, and not about word that travels."""
TRIED_EVERY_S, TRIED_FOR_S = 0.25, 5.0
_WORD_TRAVELS = "word-travels"
LEAST_REQUESTS = 3
"""A part that sends fewer is not worth playing."""

# What changes nothing for anybody.
_ASKED = frozenset(
    {
        *("getControlStatus", "getClock", "getSnapshot", "listFaults", "listBreaches"),
        *("listExchanges", "listDeliveries", "listDisclosures", "listDeadlines"),
        *("addWorkingDays", "addSchoolDays", "computeDueMoment", "signBody", "makeToken"),
    }
)
_WHY: Mapping[str, str] = {
    "setClock": "it sets everybody's clock to another moment",
    "advanceClock": "it moves everybody's clock",
    "switchOutage": "it takes an agency away from everybody, or tells where one is",
    "switchFault": "it switches a fault for everybody",
    "takeSnapshot": "it keeps everybody's records",
    "restoreSnapshot": "it puts everybody's records back",
    "rotateKey": "it replaces a key by which everybody's deliveries are signed",
    "repeatCall": "it has the control plane call a system itself",
    "resetAgencies": "it puts everybody's records back",
}


@dataclass(frozen=True)
class Part:
    """
    What of a journey is played under load.

    Args:
        callee: with the steps that are.
        steps: how many come before the end, those that are left out too.
        of: how many the journey has.
        ends_at: the step before which it ends; empty where it is played whole.
        why: why it ends there, as a clause.
        begins_at: the moment at which the story begins; empty where it does not say.
        asks: whether the control plane is needed.
    """

    callee: Callee
    steps: int
    of: int
    ends_at: str
    why: str
    begins_at: str
    asks: bool

    @property
    def requests(self) -> int:
        """How many of its steps call a system."""
        return sum(not _at_control(self.callee, step) for step in self.callee.workflow.steps)

    @property
    def is_worth_playing(self) -> bool:
        """Whether there is enough of it."""
        return not self.ends_at or self.requests >= LEAST_REQUESTS

    @property
    def sentence(self) -> str:
        """How far it is played."""
        if not self.is_worth_playing:
            least = f"; before it are {self.requests} requests" if self.steps else ""
            return f"not, as of {self.ends_at}: {self.why}{least}"
        if not self.ends_at:
            return f"whole ({self.of} steps)"
        return f"{self.steps} of {self.of} steps, as far as {self.ends_at}: {self.why}"


def part_of(
    library: Library, path: str | Path, workflow: str = "", inputs: Mapping[str, Any] = MappingProxyType({})
) -> Part:
    """
    What of a document's workflow, the first one where none is named, is played under load.

    Args:
        inputs: that are given.

    Raises:
        ConfigurationError: the document cannot be played at all.
    """
    linked = library.open(path)
    whole = prepared(linked, workflow or first_workflow(linked))
    kept: list[Step] = []
    begins_at, travels = "", False
    steps = whole.workflow.steps
    if never := whole.workflow.extensions.get(NEVER):
        return _part(whole, kept, 0, steps[0], str(never), begins_at)
    for position, step in enumerate(steps):
        kind = _capability(whole, step)
        if kind == BEGIN:
            begins_at = str(_passed(whole, step, "now", inputs))
        elif kind == TRAVEL and 0 <= _seconds(whole, step) <= LONGEST_TRAVEL_S:
            travels = True
        elif why := _everybodys(whole, step):
            return _part(whole, kept, position, step, why, begins_at)
        else:
            kept.append(_patient(whole, step) if travels else step)
    return _part(whole, kept, len(steps), None, "", begins_at)


def calls_of(callee: Callee) -> int:
    """How many calls of systems its steps make, each made once."""
    found = [call for step in callee.workflow.steps for call in _calls(callee, step)]
    return sum(call.source.system != CONTROL for call in found)


def refused(name: str, part: Part) -> ConfigurationError:
    """The error for a journey of which too little can be played."""
    few = (
        f", and before it {'one request is' if part.requests == 1 else f'{part.requests} requests are'} sent, of"
        f" {LEAST_REQUESTS} at least"
        if part.steps
        else ""
    )
    return ConfigurationError(
        f"The journey {name} cannot be played by many users at once as of its step {part.ends_at}: {part.why}{few}.",
        hint="`joinedup load` without --journey has a mix; docs/load.md lists every bundled journey. Single operations "
        "can all be sent (--operation system:operationId).",
    )


def _part(whole: Callee, kept: list[Step], steps: int, end: Step | None, why: str, begins_at: str) -> Part:
    callee = Callee(whole.linked, replace(whole.workflow, steps=tuple(kept)))
    asks = any(_at_control(whole, step) for step in kept)
    return Part(callee, steps, len(whole.workflow.steps), end.id if end else "", why, begins_at, asks)


def _patient(at: Callee, step: Step) -> Step:
    """The step; where it only reads, it is tried again until its criteria hold."""
    if not all(is_read(c.operation.method, c.operation.path) for c in _calls(at, step)):
        return step
    tries = round(TRIED_FOR_S / TRIED_EVERY_S)
    again = Action(_WORD_TRAVELS, Flow.RETRY, step.place, retry_after_s=TRIED_EVERY_S, retry_limit=tries)
    return replace(step, on_failure=(*step.on_failure, again))


def for_how_long(callee: Callee, step: str) -> str:
    """How long a step was tried before it failed, as words to go after what it did not meet; empty where once."""
    found = callee.workflow.step(step)
    was_patient = found is not None and any(a.name == _WORD_TRAVELS for a in found.on_failure)
    return f" (tried for {TRIED_FOR_S:g} s)" if was_patient else ""


def _capability(at: Callee, step: Step) -> str:
    """The capability of the control plane that a step calls; empty where it calls something else."""
    callee = at.linked.callee(step.workflow) if step.workflow else None
    is_control = callee is not None and any(s.system == CONTROL for s in callee.linked.sources.values())
    return callee.workflow.id if callee is not None and is_control else ""


def _passed(callee: Callee, step: Step, name: str, inputs: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """What a step passes as an input, where that is known before the journey is played."""
    defaults = callee.linked.inputs[callee.workflow.id].completed(inputs)
    value = next((p.value for p in step.parameters if p.name == name), None)
    return value.render(Scope(defaults)) if value is not None else None


def _seconds(callee: Callee, step: Step) -> float:
    value = _passed(callee, step, "seconds")
    return float(value) if isinstance(value, int | float) else float("inf")


def _everybodys(at: Callee, step: Step) -> str:
    """Why a step cannot be played under load; empty where it can."""
    for call in _calls(at, step):
        if call.source.system == CONTROL and call.operation.operation_id not in _ASKED:
            return _WHY.get(call.operation.operation_id, "it changes something for everybody")
    return ""


def _at_control(at: Callee, step: Step) -> bool:
    """Whether a step calls the control plane alone."""
    return all(call.source.system == CONTROL for call in _calls(at, step))


def _calls(at: Callee, step: Step, seen: frozenset[str] = frozenset()) -> Iterator[Call]:
    """Every operation that a step of a workflow calls, those of the workflows that it names too."""
    callee = at.linked.callee(step.workflow) if step.workflow else None
    if callee is None:
        yield at.linked.calls[at.workflow.id, step.id]
    elif callee.workflow.id not in seen:
        for inner in callee.workflow.steps:
            yield from _calls(callee, inner, seen | {callee.workflow.id})
