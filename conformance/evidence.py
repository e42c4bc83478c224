"""
From something that looks wrong to a finding: seen twice, masked, and with the steps that show it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import MISSING, Exchange, Reference, Step, Text
from joinedup.conformance.expect import Expectation
from joinedup.conformance.findings import Finding
from joinedup.conformance.reproduction import Plan, plans, play, resolved_value, with_new_identifiers
from joinedup.conformance.target import Target

MOST_SHOWN = 1500
UNAVAILABLE, PATIENCE, PAUSE_S = 503, 3, 1.0
NEEDS_STATE = "It was seen twice, in a state of the system that the printed steps alone do not bring back."


@dataclass(frozen=True)
class Suspicion:
    """
    Something that looks wrong, before it is confirmed.

    Args:
        rule: stable kebab-case name of the rule.
        requirements: ids that it breaks.
        title: the rule in plain words, free of values.
        expected, actual: one sentence each; ``actual`` is already masked.
        exchanges: what took place, the exchange that is judged last.
        expectation: what the last answer should have been; one that asks for nothing where only all the answers
            together show what is wrong.
        where: place; the operation's label where empty.
        cause: what findings with one cause share.
        operations: labels; the last exchange's operation where empty.
        count: how many exchanges showed it.
        family: what a crowd of findings shares, whose causes may be one.
        variant: how it showed here, of the ways in which one cause may show: a status, the part that was wrong.
        again: sends it all once more and says whether it is still wrong; where it is not given, the last request
            alone is sent again.
    """

    rule: str
    requirements: tuple[str, ...]
    title: str
    expected: str
    actual: str
    exchanges: tuple[Exchange, ...]
    expectation: Expectation
    where: str = ""
    cause: str = ""
    operations: tuple[str, ...] = ()
    count: int = 1
    advice: str = ""
    variant: str = ""
    family: str = ""
    again: Callable[[], bool] | None = field(default=None, compare=False)

    @property
    def last(self) -> Exchange:
        """The exchange that is judged."""
        return self.exchanges[-1]


def confirm(target: Target, suspicion: Suspicion) -> Finding:
    """The finding, confirmed where it shows again, with the shortest steps that show it on their own."""
    again = suspicion.again() if suspicion.again else _again(target, suspicion)
    judged_alone = bool(suspicion.expectation.as_record())
    plan, stands = (
        _standing(target, suspicion) if again and judged_alone else (_plans(target, suspicion)[0], True)
    )
    return as_finding(target, suspicion, confirmed=again, plan=plan, stands=stands)


def _again(target: Target, suspicion: Suspicion) -> bool:
    exchange = target.client.send(with_new_identifiers(suspicion.last.step))
    for _ in range(PATIENCE):
        if exchange.status != UNAVAILABLE:
            break
        # It says itself that this passes (RFC 9110, 15.6.4), so it is given time to.
        target.budget.pause(PAUSE_S)
        exchange = target.client.send(with_new_identifiers(suspicion.last.step))
    return suspicion.expectation.is_broken_by(exchange, target.contract)


def _plans(target: Target, suspicion: Suspicion) -> list[Plan]:
    expected = suspicion.expectation.given
    redactor = target.redactor
    return list(
        plans(target.knowledge, redactor.is_shown, suspicion.exchanges, expected, redactor.masked_within)
    )


def is_broken_by(
    expectation: Expectation, played: Sequence[Exchange], target: Target, given: Mapping[str, Any]
) -> bool:
    """
    Whether the last of some exchanges breaks the promise.

    Args:
        given: the expectation's values as references to the answers of these exchanges.

    Raises:
        SetupError: a value was not in those answers.
    """
    done = {exchange.step.name: exchange for exchange in played}
    values = {name: resolved_value(value, done, target.fixture) for name, value in given.items()}
    return expectation.with_given(values).is_broken_by(played[-1], target.contract)


def _standing(target: Target, suspicion: Suspicion) -> tuple[Plan, bool]:
    """The first plan that shows it again on its own, and whether there is one."""
    possible = _plans(target, suspicion)
    for plan in possible:
        try:
            played = play(target.client.send, plan.steps, target.fixture)
            shows = is_broken_by(suspicion.expectation, played, target, plan.expected)
        except SetupError:
            continue
        if shows:
            return plan, True
    return possible[0], False


def as_finding(
    target: Target,
    suspicion: Suspicion,
    *,
    confirmed: bool,
    plan: Plan | None = None,
    stands: bool = True,
) -> Finding:
    """The finding, masked, with its steps and its evidence."""
    last = suspicion.last
    plan = plan or _plans(target, suspicion)[0]
    records = [_shown(target, step).as_record() for step in plan.steps]
    expectation = suspicion.expectation.with_given(_shown_values(target, plan.expected))
    records[-1] = {**records[-1], "status": last.status, "expect": expectation.as_record()}
    return Finding(
        rule=suspicion.rule,
        requirements=suspicion.requirements,
        title=suspicion.title,
        expected=suspicion.expected,
        actual=suspicion.actual,
        where=suspicion.where or last.step.operation or f"{last.step.method} {last.step.path}",
        operations=suspicion.operations or ((last.step.operation,) if last.step.operation else ()),
        cause=suspicion.cause,
        family=suspicion.family or _failure(target, last),
        count=suspicion.count,
        confirmed=confirmed,
        steps=tuple(records),
        advice=" ".join(part for part in (suspicion.advice, "" if stands else NEEDS_STATE) if part),
        evidence=tuple(evidence(target, last)),
    )


def _failure(target: Target, exchange: Exchange) -> str:
    """What failures of a server have in common as seen from outside: status and answer, masked."""
    response = exchange.response
    if response is None or response.status < 500:
        return ""
    return f"{response.status} {target.redactor.mask_body(response.body, most=200)}"


def evidence(target: Target, exchange: Exchange) -> list[tuple[str, str]]:
    """Request and response of an exchange, masked, as (heading, text)."""
    step = exchange.step
    request = f"{step.method} {target.redactor.mask_url(step.url_path())}"
    query = "&".join(f"{name}={value}" for name, value in _shown(target, step).query)
    lines = [request + (f"?{query}" if query else "")]
    lines += [f"{name}: {value}" for name, value in _shown(target, step).headers.items()]
    if step.body is not MISSING:
        lines += [f"Content-Type: {step.media_type}", "", _cut(_body_text(_shown(target, step).body))]
    shown = [("Request", "\n".join(lines))]
    if exchange.response is None:
        return [*shown, ("Response", exchange.error)]
    response = exchange.response
    headers = "\n".join(
        f"{name}: {value}" for name, value in target.redactor.mask_headers(dict(response.headers)).items()
    )
    body = target.redactor.mask_body(response.body, most=MOST_SHOWN)
    return [*shown, ("Response", f"{response.status}\n{headers}\n\n{body}".strip())]


def _shown(target: Target, step: Step) -> Step:
    """The step with every value that may not be shown and is no reference replaced by its token."""

    def mask(value: Any) -> Any:
        return _masked(target, value)

    body = Text(target.redactor.mask_text(step.body.text)) if isinstance(step.body, Text) else mask(step.body)
    return replace(
        step,
        path=_shown_path(target, step.path),
        path_parameters={name: mask(value) for name, value in step.path_parameters.items()},
        query=tuple((name, mask(value)) for name, value in step.query),
        headers={name: mask(value) for name, value in step.headers.items()},
        body=body,
    )


def _shown_path(target: Target, path: str) -> str:
    """A path as it may be shown: a template is the contract's, a query beside it is not."""
    template, mark, query = path.partition("?")
    shown = template if "{" in template else target.redactor.mask_url(template)
    return shown + (target.redactor.mask_url(mark + query) if mark else "")


def _masked(target: Target, value: Any) -> Any:
    if isinstance(value, Reference) or value is MISSING:
        return value
    if isinstance(value, dict):
        return {key: _masked(target, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(target, item) for item in value]
    return target.redactor.mask(value)


def _shown_values(target: Target, values: Mapping[str, Any]) -> dict[str, Any]:
    """An expectation's values fit to be kept; a place in an answer (``at``) is no value."""
    return {
        name: (value[0], _masked(target, value[1])) if name == "at" else _masked(target, value)
        for name, value in values.items()
    }


def _body_text(body: Any) -> str:
    return body.text if isinstance(body, Text) else json.dumps(body, ensure_ascii=False, default=str)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + " …"
