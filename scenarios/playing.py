"""
Play a workflow: ``play(prepared(linked, "raise-notice"), inputs, stage)``.

A play keeps its state in a session of its own and shares nothing, so any number of them may go on at the same time
over the same documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.check import Ended
from joinedup.conformance.errors import ConfigurationError, RealDataError, SetupError
from joinedup.conformance.exchanges import MISSING
from joinedup.conformance.features import features_of
from joinedup.conformance.outcomes import Outcome
from joinedup.scenarios.attempts import Attempt, attempt_operation, judged, outputs_of
from joinedup.scenarios.expressions import Finished, MissingValueError, Scope
from joinedup.scenarios.library import Callee, Linked
from joinedup.scenarios.model import (
    INPUT_OF_CREDENTIAL,
    Action,
    Criterion,
    Flow,
    Step,
    Workflow,
)
from joinedup.scenarios.origins import where
from joinedup.scenarios.played import FAILURES, Played, PlayedStep, Reason, Sent
from joinedup.scenarios.stages import Stage

MOST_STEPS_PLAYED = 2000
"""Of one play, so that a goto that never ends does."""
LONGEST_RETRY_AFTER_S = 86_400.0


class InputsError(ConfigurationError):
    """Raised when the inputs of a workflow are not what it declares; nothing was sent."""


def play(
    callee: Callee, inputs: Mapping[str, Any], stage: Stage, *, actor: str = "", credential: str = ""
) -> Played:
    """
    Play a workflow that was prepared.

    Args:
        actor: whom its calls are made as, where no step says it; ``credential`` is the actor's.

    Raises:
        InputsError: the inputs are not what it declares; nothing was sent.
        RealDataError: an answer looks like real people.
    """
    completed = _completed(callee, inputs)
    faults = callee.linked.inputs[callee.workflow.id].faults(completed)
    if faults:
        listed = ", ".join(callee.workflow.input_properties) or "none"
        raise InputsError(
            f"{callee.linked.document.name}, workflow {callee.workflow.id}: {' '.join(faults)}",
            hint=f"Its inputs are: {listed}.",
        )
    return _Session(stage).workflow(callee, completed, actor, credential)


def _completed(callee: Callee, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return callee.linked.inputs[callee.workflow.id].completed(inputs)


@dataclass
class _Run:
    """
    One workflow while it is played.

    Args:
        actor: whom its calls are made as; empty where its values say so.
        credential: the actor's.
    """

    callee: Callee
    inputs: dict[str, Any]
    scope: Scope
    actor: str = ""
    credential: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    played: list[PlayedStep] = field(default_factory=list)

    @property
    def workflow(self) -> Workflow:
        return self.callee.workflow

    @property
    def linked(self) -> Linked:
        return self.callee.linked


# What comes after a step: the position of the next one, another workflow, or None at the end.
_Next = int | Callee | None


class _Session:
    """One play: how many steps were played, and which workflows, by document."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.count = 0
        self.finished: dict[int, dict[str, Finished]] = {}
        self.dependencies: dict[tuple[int, str], Played] = {}

    # Workflows

    def workflow(
        self, callee: Callee, inputs: dict[str, Any], actor: str = "", credential: str = ""
    ) -> Played:
        """Play a workflow with inputs that are complete, and those that it is transferred to."""
        before: list[Played] = []
        following: Callee | None = callee
        while following is not None:
            given = inputs if following is callee else _completed(following, _shared(following, inputs))
            played, following = self._once(following, given, actor, credential)
            before.append(played)
        *earlier, last = before
        return replace(last, before=(*earlier, *last.before)) if earlier else last

    def _once(
        self, callee: Callee, inputs: dict[str, Any], actor: str, credential: str
    ) -> tuple[Played, Callee | None]:
        known = set(self.dependencies)
        needed = [self._dependency(callee.linked, ref, inputs) for ref in callee.workflow.depends_on]
        before = [self.dependencies[key] for key in self.dependencies if key in needed and key not in known]
        run = self._run(callee, inputs, actor, credential)
        failed = next((p for key in needed if (p := self.dependencies[key]).outcome in FAILURES), None)
        if failed is not None:
            self._block(run, 0, f"The workflow {failed.workflow}, on which it depends, did not succeed.")
        other = None if failed else self._steps(run)
        return self._ended(run, before), other

    def _run(self, callee: Callee, inputs: dict[str, Any], actor: str, credential: str) -> _Run:
        outputs: dict[str, Any] = {}
        steps: dict[str, dict[str, Any]] = {}
        finished = self.finished.setdefault(id(callee.linked), {})
        components = {n: t.render(Scope(inputs)) for n, t in callee.linked.document.components.items()}
        scope = Scope(
            inputs,
            outputs=outputs,
            steps=steps,
            workflows={**finished, callee.workflow.id: Finished(inputs, outputs)},
            sources=callee.linked.addresses,
            components=components,
        )
        return _Run(callee, inputs, scope, actor, credential, outputs, steps)

    def _dependency(self, linked: Linked, reference: str, inputs: Mapping[str, Any]) -> tuple[int, str]:
        """See that a workflow that another depends on was played, once in a session; gives its key."""
        callee = linked.callee(reference)
        assert callee is not None, "prepared() has seen to it"
        key = (id(callee.linked), callee.workflow.id)
        if key not in self.dependencies:
            self.dependencies[key] = self.workflow(callee, _completed(callee, _shared(callee, inputs)))
        return key

    def _ended(self, run: _Run, before: list[Played]) -> Played:
        for name, expression in run.workflow.outputs.items():
            value = expression.value(run.scope)
            if value is not MISSING:
                run.outputs[name] = value
        self.finished[id(run.linked)][run.workflow.id] = Finished(run.inputs, run.outputs)
        return Played(
            run.linked.document.name,
            run.workflow.id,
            run.workflow.summary,
            tuple(run.played),
            run.outputs,
            tuple(before),
            run.workflow.requirements,
        )

    def _steps(self, run: _Run) -> Callee | None:
        """Play the steps; gives the workflow that is to be played instead of the rest, where one is."""
        following: _Next = 0
        while isinstance(following, int) and following < len(run.workflow.steps):
            step = run.workflow.steps[following]
            self.count += 1
            if self.count > MOST_STEPS_PLAYED:
                self._block(
                    run, following, f"More than {MOST_STEPS_PLAYED} steps were played: it never ends."
                )
                return None
            following = self._step(run, step, following)
        return following if isinstance(following, Callee) else None

    def _block(self, run: _Run, position: int, reason: str, outcome: Outcome = Outcome.BLOCKED) -> None:
        """Give every step from a position on that was not played an outcome, with the reason."""
        done = {played.id for played in run.played}
        for step in run.workflow.steps[position:]:
            if step.id not in done:
                why = Reason("The step is played.", reason, str(step.place))
                run.played.append(_unplayed(step, outcome, why))

    # Steps

    def _step(self, run: _Run, step: Step, position: int) -> _Next:
        """Play a step with its retries and note what came of it; gives what follows."""
        retries: dict[str, int] = {}
        attempts: list[Attempt] = []
        while True:
            attempt = self._attempt(run, step)
            attempts.append(attempt)
            action = _action(step, attempt, retries)
            if action is None or action.flow is not Flow.RETRY:
                return self._after(run, step, position, attempts, action)
            retries[action.name] = retries.get(action.name, 0) + 1
            between = self._before_retry(run, action, attempt)
            attempts.append(between)
            if between.is_final:
                return self._after(run, step, position, attempts, None)

    def _before_retry(self, run: _Run, action: Action, attempt: Attempt) -> Attempt:
        """Wait, and play what the action names; gives what was called, or how it ended where time could not pass."""
        try:
            self.stage.wait(_pause(action, attempt))
        except Ended as ended:
            return _final(attempt, ended.outcome, str(ended))
        called: tuple[Played, ...] = ()
        if action.step:
            step = run.workflow.step(action.step)
            assert step is not None, "prepared() has seen to it"
            self.count += 1
            run.played.append(_played(step, [self._attempt(run, step)]))
        elif action.workflow:
            callee = run.linked.callee(action.workflow)
            assert callee is not None, "prepared() has seen to it"
            inputs = _completed(callee, _shared(callee, run.inputs))
            called = (self.workflow(callee, inputs, run.actor, run.credential),)
        return replace(attempt, sent=(), called=called)

    def _after(
        self, run: _Run, step: Step, position: int, attempts: list[Attempt], action: Action | None
    ) -> _Next:
        last = attempts[-1]
        if last.outcome is Outcome.NOT_APPLICABLE and step.is_optional:
            run.played.append(_played(step, attempts))
            return position + 1
        foreseen = action is not None and action.flow is Flow.GOTO
        run.played.append(_played(step, attempts, foreseen=foreseen and last.failed))
        if last.failed and not foreseen:
            if last.outcome is Outcome.NOT_APPLICABLE:
                self._block(run, position + 1, str(last.reason and last.reason.actual), last.outcome)
            else:
                self._block(run, position + 1, f"The step {step.id} did not succeed.")
            return None
        if action is None:
            return position + 1
        if action.flow is Flow.END:
            return None
        if action.step:
            return run.workflow.position(action.step)
        return run.linked.callee(action.workflow)

    def _attempt(self, run: _Run, step: Step) -> Attempt:
        """One attempt at a step; its outputs are noted."""
        start = Attempt(step, run.scope, Outcome.FAIL, actor=step.actor or run.actor)
        try:
            attempt = self._called(run, step) if step.workflow else self._operated(run, step)
        except Ended as ended:
            return _final(start, ended.outcome, str(ended))
        except RealDataError:
            raise
        except (SetupError, ConfigurationError) as error:
            return _final(start, Outcome.SETUP_ERROR, str(error))
        except MissingValueError as error:
            # What an answer left out is the system's; what nobody passed is not.
            outcome = Outcome.BLOCKED if error.expression.root == "inputs" else Outcome.FAIL
            why = Reason(f"{error.expression.text} gives a value.", "It gives none.", str(step.place))
            return replace(start, outcome=outcome, reason=why)
        run.steps[step.id] = dict(attempt.outputs)
        return attempt

    def _operated(self, run: _Run, step: Step) -> Attempt:
        call = run.linked.calls[run.workflow.id, step.id]
        actor = step.actor or run.actor
        credential = self.stage.credential(call.source, step.actor) if step.actor else run.credential
        return attempt_operation(self.stage, call, step, run.scope, actor, credential)

    def _called(self, run: _Run, step: Step) -> Attempt:
        """Play the workflow that a step calls, and hold the step's own criteria against what it gave."""
        callee = run.linked.callee(step.workflow)
        assert callee is not None, "prepared() has seen to it"
        actor, credential = self._caller(run, step, callee)
        inputs = _completed(callee, _given(step, callee, run.scope, credential))
        faults = callee.linked.inputs[callee.workflow.id].faults(inputs)
        system = _system(callee)
        if faults:
            expected = f"Inputs as the workflow {callee.workflow.id} declares them."
            why = Reason(expected, " ".join(faults), str(step.place))
            return Attempt(step, run.scope, Outcome.FAIL, reason=why, system=system, actor=actor)
        played = self.workflow(callee, inputs, actor, credential)
        last = _last(played.everything_sent())
        scope = run.scope.after(last.exchange if last else None, "", played.outputs)
        attempt = Attempt(step, scope, played.outcome, system=system, actor=actor, called=(played,))
        if played.outcome is Outcome.PASS:
            criteria = _that_apply(step.criteria, callee)
            return outputs_of(_located(judged(attempt, criteria), callee.workflow, last))
        ended = played.outcome is Outcome.NOT_APPLICABLE
        return outputs_of(replace(attempt, reason=played.reason, is_final=ended))

    def _caller(self, run: _Run, step: Step, callee: Callee) -> tuple[str, str]:
        """Whom the called workflow's calls are made as, and with what credential."""
        if not step.actor:
            return "", ""
        source = next(iter(callee.linked.sources.values()), None)
        return step.actor, self.stage.credential(source, step.actor) if source else ""


def _that_apply(criteria: tuple[Criterion, ...], callee: Callee) -> tuple[Criterion, ...]:
    """The criteria without those about what the contract of the called system does not show."""
    wanted = {criterion.feature for criterion in criteria} - {""}
    shown = (
        {f for source in callee.linked.sources.values() for f in features_of(source.contract)}
        if wanted
        else ()
    )
    return tuple(each for each in criteria if not each.feature or each.feature in shown)


def _located(attempt: Attempt, called: Workflow, last: Sent | None) -> Attempt:
    """The attempt, whose reason says at which request and in which field of the system the criterion did not hold."""
    failed = next((each.criterion for each in attempt.criteria if not each.held), None)
    if attempt.reason is None:
        return attempt
    place = where(attempt.step.place, failed, called, last)
    return replace(attempt, reason=replace(attempt.reason, where=place))


def _given(step: Step, callee: Callee, scope: Scope, credential: str) -> dict[str, Any]:
    """What a step passes to a workflow; a value that is not there is not passed."""
    values = {p.name: p.value.render(scope) for p in step.parameters}
    found = {name: value for name, value in values.items() if value is not MISSING}
    if credential and INPUT_OF_CREDENTIAL in callee.workflow.input_properties:
        found[INPUT_OF_CREDENTIAL] = credential
    return found


def _shared(callee: Callee, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Those inputs that another workflow declares under the same names."""
    return {name: inputs[name] for name in callee.workflow.input_properties if name in inputs}


def _system(callee: Callee) -> str:
    return next((source.system for source in callee.linked.sources.values()), "")


def _last(sent: Iterator[Sent]) -> Sent | None:
    last = None
    for each in sent:
        last = each
    return last


def _action(step: Step, attempt: Attempt, retries: Mapping[str, int]) -> Action | None:
    """The first action whose criteria hold, retries that are used up left aside."""
    if attempt.is_final:
        return None
    actions = step.on_failure if attempt.failed else step.on_success
    usable = (a for a in actions if a.flow is not Flow.RETRY or retries.get(a.name, 0) < a.retry_limit)
    return next((action for action in usable if action.applies(attempt.scope)), None)


def _pause(action: Action, attempt: Attempt) -> float:
    """Seconds before the next attempt: what the answer's Retry-After says, else what the action says."""
    exchange = attempt.scope.exchange
    said = exchange.response.headers.get("retry-after", "") if exchange and exchange.response else ""
    return min(float(said), LONGEST_RETRY_AFTER_S) if said.isdigit() else action.retry_after_s


def _final(attempt: Attempt, outcome: Outcome, said: str) -> Attempt:
    """An attempt after which there is no other, because the stage could not go on."""
    why = Reason("The step can be played.", said, str(attempt.step.place))
    return replace(attempt, outcome=outcome, reason=why, is_final=True, sent=(), called=(), criteria=())


def _unplayed(step: Step, outcome: Outcome, reason: Reason) -> PlayedStep:
    return PlayedStep(
        step.id,
        step.place,
        outcome,
        reason,
        step.description,
        actor=step.actor,
        requirements=_requirements(step, step.criteria),
        systems=step.systems,
    )


def _requirements(step: Step, unjudged: tuple[Criterion, ...] = ()) -> tuple[str, ...]:
    """What the step proves as a whole, and what criteria would have that could not be judged."""
    return (*step.requirements, *(r for criterion in unjudged for r in criterion.requirements))


def _played(step: Step, attempts: list[Attempt], *, foreseen: bool = False) -> PlayedStep:
    """
    A step as it was played.

    A failure that an action foresees (``goto``) is none, unless it is one of what proves a requirement, or an answer
    broke its contract.
    """
    last = attempts[-1]
    outcome, reason = last.outcome, last.reason
    marked = step.requirements or any(not j.held and j.criterion.requirements for j in last.criteria)
    if foreseen and not marked:
        outcome = Outcome.PASS
    sent = tuple(each for attempt in attempts for each in attempt.sent)
    broken = next((each for each in sent if each.breaches), None)
    if broken is not None and outcome is Outcome.PASS:
        outcome, reason = Outcome.FAIL, broken_contract(step, broken)
    return PlayedStep(
        id=step.id,
        place=step.place,
        outcome=outcome,
        reason=reason,
        description=step.description,
        system=last.system,
        actor=last.actor,
        criteria=last.criteria,
        sent=sent,
        outputs=last.outputs,
        called=tuple(played for attempt in attempts for played in attempt.called),
        requirements=_requirements(step, () if last.criteria else step.criteria),
        systems=step.systems,
        is_optional=step.is_optional,
    )


def broken_contract(step: Step, sent: Sent) -> Reason:
    """Why an answer that breaks its contract is a failure."""
    breach = sent.breaches[0]
    place = f" at {breach.instance_path}" if breach.instance_path else ""
    actual = f"{sent.exchange.status} with {breach.received or 'something else'}{place}."
    where = f"{step.place}; {sent.exchange.step.operation} of {sent.system}, contract {breach.pointer}"
    return Reason(breach.expected, actual, where)
