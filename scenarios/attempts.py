"""
One attempt at a step: send the request, hold the answer against the contract and the criteria, take the outputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.exchanges import MISSING, Exchange
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.responses import OF_THE_HTTP_LAYER, Breach
from joinedup.scenarios.expressions import Expression, Scope
from joinedup.scenarios.library import Call
from joinedup.scenarios.model import Criterion, Step
from joinedup.scenarios.played import Judged, Played, Reason, Sent
from joinedup.scenarios.requests import PlacementError, request
from joinedup.scenarios.stages import Stage

NO_CONNECTION = "no connection could be made"
"""What the client says where nobody listens: their network, not the system's behaviour."""
LONGEST_SHOWN = 120


@dataclass(frozen=True)
class Attempt:
    """
    One attempt at a step.

    Args:
        scope: what expressions see after it.
        called: the workflow that was called, where one was.
        is_final: whether no other attempt and no action can change it: the stage could not go on.
    """

    step: Step
    scope: Scope
    outcome: Outcome
    criteria: tuple[Judged, ...] = ()
    reason: Reason | None = None
    sent: tuple[Sent, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    called: tuple[Played, ...] = ()
    system: str = ""
    actor: str = ""
    is_final: bool = False

    @property
    def failed(self) -> bool:
        """Whether the step did not succeed."""
        return self.outcome is not Outcome.PASS


def attempt_operation(
    stage: Stage, call: Call, step: Step, scope: Scope, actor: str, credential: str
) -> Attempt:
    """
    One attempt at a step that calls an operation.

    Raises:
        MissingValueError: the request cannot be without a value that is not there.
        Ended, SetupError: what the stage raises.
    """
    attempt = Attempt(step, scope, Outcome.FAIL, system=call.source.system, actor=actor)
    try:
        built = request(call, step, scope, name=step.id, actor=actor, credential=credential)
    except PlacementError as error:
        return replace(
            attempt, reason=Reason("That every replacement has its place.", str(error), _where(step, call))
        )
    exchange = stage.send(call.source, call.operation, built, actor)
    sent = Sent(call.source.system, actor, exchange, breaches(call, exchange))
    after = scope.after(exchange, f"{call.source.base_url}{built.url_path()}")
    attempt = replace(attempt, scope=after, sent=(sent,))
    if exchange.response is None:
        return _unanswered(attempt, exchange, _where(step, call))
    return outputs_of(judged(replace(attempt, outcome=Outcome.PASS), step.criteria, _where(step, call)))


def _where(step: Step, call: Call) -> str:
    return f"{step.place}; {call.operation.label} of {call.source.system}"


def _unanswered(attempt: Attempt, exchange: Exchange, where: str) -> Attempt:
    """No answer is the system's failure, but where no connection could be made at all it is the set-up's."""
    outcome = Outcome.SETUP_ERROR if exchange.error == NO_CONNECTION else Outcome.FAIL
    said = f"{exchange.error[:1].upper()}{exchange.error[1:]}."
    return replace(attempt, outcome=outcome, reason=Reason("An answer.", said, where))


def breaches(call: Call, exchange: Exchange) -> tuple[Breach, ...]:
    """How an answer departs from its contract; statuses of the HTTP layer need not be declared."""
    response = exchange.response
    if response is None or response.cut or exchange.step.method == "HEAD":
        return ()
    found = call.source.contract.response_problems(
        call.operation, response.status, response.headers, response.body
    )
    lenient = response.status in OF_THE_HTTP_LAYER or response.status >= 500
    return tuple(breach for breach in found if not (lenient and breach.kind == "undeclared-status"))


def judged(attempt: Attempt, criteria: Iterable[Criterion], where: str = "") -> Attempt:
    """The attempt with every criterion judged; a step without any succeeds with an answer below 400."""
    where = where or str(attempt.step.place)
    found = tuple(_judged(criterion, attempt.scope) for criterion in criteria)
    failed = next((judgement for judgement in found if not judgement.held), None)
    attempt = replace(attempt, criteria=found)
    if failed is not None:
        return replace(attempt, outcome=Outcome.FAIL, reason=_not_held(failed, attempt.scope, where))
    exchange = attempt.scope.exchange
    if not found and attempt.sent and exchange is not None and exchange.status >= 400:
        why = Reason("An answer below 400.", f"{exchange.status}.", where)
        return replace(attempt, outcome=Outcome.FAIL, reason=why)
    return attempt


def _judged(criterion: Criterion, scope: Scope) -> Judged:
    values = ((e.text, e.value(scope)) for e in dict.fromkeys(criterion.expressions))
    found = tuple((text, value) for text, value in values if value is not MISSING)
    return Judged(criterion, bool(criterion.holds(scope)), _actual(criterion, scope), found)


def _not_held(judgement: Judged, scope: Scope, where: str) -> Reason:
    criterion = judgement.criterion
    if criterion.kind == "regex" and criterion.context:
        expected = f"{criterion.context.text} matches {criterion.text}."
    elif criterion.kind == "jsonpath" and criterion.context:
        expected = f"{criterion.text} selects something in {criterion.context.text}."
    else:
        expected = f"{criterion.text}."
    return Reason(expected, judgement.actual, where)


def _actual(criterion: Criterion, scope: Scope) -> str:
    said = [
        f"{expression.text} is {_told(expression, scope)}"
        for expression in dict.fromkeys(criterion.expressions)
    ]
    return f"{'; '.join(said)}." if said else "It does not hold."


def _told(expression: Expression, scope: Scope) -> str:
    value = expression.value(scope)
    if value is MISSING:
        return "not there"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def outputs_of(attempt: Attempt) -> Attempt:
    """The attempt with the step's outputs; one that is not there is left out, and counts as null where it is used."""
    values = {name: expression.value(attempt.scope) for name, expression in attempt.step.outputs.items()}
    found = {name: value for name, value in values.items() if value is not MISSING}
    return replace(attempt, outputs=found)
