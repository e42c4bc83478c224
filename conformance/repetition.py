"""
The same request sent twice happens once, where the contract gives it a key (IDM-01), and breaks nothing (CON-API-12).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import is_create, is_repetition_key
from joinedup.conformance.harvest import RISKY, writable
from joinedup.conformance.inside import value_at
from joinedup.conformance.lists import escaped
from joinedup.conformance.objects import (
    fresh,
    identifier_of,
    renewed,
    schema_of,
    subject_of,
    with_new_text,
)
from joinedup.conformance.operations import Operation
from joinedup.conformance.samples import type_of
from joinedup.conformance.sequences import Tried
from joinedup.conformance.target import OWN, Target

THIS = ("IDM-01",)
Attempt = Callable[[Target, Operation, Tried], Iterator[Suspicion]]
# Refusals that say nothing of the key.
ELSEWHERE = (401, 403, 404, 405, 429)


def key_of(target: Target, operation: Operation) -> str:
    """The header by which a repeated create is recognised, as its name or its description says; else empty."""
    keys = (p.name for p in operation.parameters if is_repetition_key(target.contract, p))
    return next(keys, "")


def repeatable(target: Target, tried: Tried) -> list[Operation]:
    """The creates that have a key and succeeded, in contract order; those that did not are noted."""
    keyed = [
        operation
        for operation in target.operations
        if operation.method == "POST" and not RISKY.search(operation.path) and key_of(target, operation)
    ]
    for operation in keyed:
        if (operation.label, OWN) not in target.good:
            tried.lacks(f"{operation.label} never succeeded")
    return [operation for operation in keyed if (operation.label, OWN) in target.good]


def _suspicion(
    rule: str, sentences: tuple[str, str, str], exchanges: tuple[Exchange, ...], expectation: Expectation
) -> Suspicion:
    title, expected, actual = sentences
    label = exchanges[-1].step.operation
    # Keys are kept in one place: what goes wrong with them on several operations has one cause.
    return Suspicion(
        rule=rule,
        requirements=THIS,
        title=title,
        expected=expected,
        actual=actual,
        exchanges=exchanges,
        expectation=expectation,
        cause="idempotency key",
        operations=(label,),
    )


def _made(target: Target, create: Operation, tried: Tried) -> Exchange | None:
    made = fresh(target, create, identified_by=key_of(target, create))
    if made is None:
        tried.lacks(f"{create.label} did not make another object with a key")
    return made


def _broken_by(answers: Sequence[Exchange], how: str, before: tuple[Exchange, ...] = ()) -> Suspicion | None:
    """A repetition that makes the server fail; one that asks the caller to come back later is a refusal."""
    failed = next((answer for answer in answers if _fails(answer)), None)
    if failed is None:
        return None
    return Suspicion(
        rule="repetition-fails",
        requirements=("CON-API-12",),
        title="A request that comes a second time makes the server fail",
        expected="The answer of the first time, or a 4xx such as 409: the same request alone is answered.",
        actual=f"{failed.status} to {how}.",
        exchanges=(*before, *(answer for answer in answers if answer is not failed), failed),
        # Only both requests together show it, so that no single answer can be judged.
        expectation=Expectation(never=("5XX",)) if before else Expectation(),
        cause=f"idempotency key {failed.status}",
        operations=(failed.step.operation,),
    )


def _fails(answer: Exchange) -> bool:
    later = answer.response is not None and "retry-after" in answer.response.headers
    return answer.status >= 500 and answer.status != 501 and not (answer.status == 503 and later)


def repeated(target: Target, create: Operation, tried: Tried) -> Iterator[Suspicion]:
    """Send a create once more as it was: nothing new may come of it, and the answer is the same."""
    made = _made(target, create, tried)
    if made is None:
        return
    again = target.client.send(made.step)
    if _carried_out_again(target, made, again):
        sentences = (
            "A repeated request is carried out twice",
            "The answer of the first time, because key and body are the same.",
            f"{again.status} with another object.",
        )
        expectation = Expectation(holds=identifier_of(target, made))
        yield _suspicion("repeated-request-makes-another", sentences, (made, again), expectation)
    elif again.ok and (untrue := _untrue(target, create, made, again)):
        sentences = (
            "A repeated request is answered otherwise than the first time",
            "The answer of the first time, because key and body are the same.",
            f"{again.status} with another value at {untrue}, although the object is as it was.",
        )
        expectation = Expectation(at=(untrue, made.json()[untrue[1:]]))
        yield _suspicion("repeated-request-answered-otherwise", sentences, (made, again), expectation)
    elif broken := _broken_by([again], "a repetition", (made,)):
        yield broken
    elif again.ok or (400 <= again.status < 500 and again.status not in ELSEWHERE):
        tried.proved += 1
    else:
        tried.lacks(f"{create.label} answered {again.status or 'nothing'} to a repetition")


def _carried_out_again(target: Target, first: Exchange, second: Exchange) -> bool:
    """Whether two answers to one request are each about an object of its own."""
    identifiers = [identifier_of(target, answer) if answer.ok else MISSING for answer in (first, second)]
    return MISSING not in identifiers and identifiers[0] != identifiers[1]


def _untrue(target: Target, create: Operation, made: Exchange, again: Exchange) -> str:
    """The pointer to a value that the first answer and the object have alike, and the second answer has not."""
    subject = subject_of(target, create, made)
    read = subject.send(target, "GET") if subject else None
    bodies = [exchange.json() for exchange in (made, again, read) if exchange is not None]
    if len(bodies) < 3 or not all(isinstance(body, dict) for body in bodies):
        return ""
    first, second, now = bodies
    names = (n for n, v in first.items() if not isinstance(v, dict | list) and n in second and n in now)
    return next((f"/{escaped(n)}" for n in names if first[n] == now[n] != second[n]), "")


def another_body(target: Target, create: Operation, tried: Tried) -> Iterator[Suspicion]:
    """Send another body with a key that was used."""
    made = _made(target, create, tried)
    other = altered(target, create, made.step) if made is not None else None
    if made is None or other is None:
        tried.lacks(f"no other body could be made for {create.label}")
        return
    if _carried_out_again(target, made, target.client.send(made.step)):
        tried.lacks(f"{create.label} carries out a plain repetition twice")
        return
    answer = target.client.send(other)
    if answer.ok:
        sentences = (
            "A key that was used is taken with another body",
            "A 4xx, because the key belongs to another request.",
            f"{answer.status}.",
        )
        yield _suspicion("key-taken-twice", sentences, (made, answer), Expectation(statuses=("4XX",)))
    elif broken := _broken_by([answer], "another body with a used key", (made,)):
        yield broken
    elif 400 <= answer.status < 500 and answer.status not in ELSEWHERE:
        tried.proved += 1
    else:
        tried.lacks(f"{create.label} answered {answer.status or 'nothing'} to another body with a used key")


def altered(target: Target, operation: Operation, step: Step) -> Step | None:
    """The step with one value of its body changed to another valid one: a free text, else a code, else a number."""
    changed = with_new_text(target, operation, step)
    schema = schema_of(operation, step.media_type)
    if changed is not step or schema is None or not isinstance(step.body, dict):
        return changed if changed is not step else None
    for name, inner in writable(target, schema).items():
        value = value_at(step.body, (name,))
        other = _other(target.contract.resolve(inner), value)
        if value is not MISSING and other is not MISSING:
            return replace(step, body={**step.body, name: other})
    return None


def _other(node: dict[str, Any], value: Any) -> Any:
    """Another value that a schema allows, or ``MISSING``."""
    codes = [code for code in node.get("enum") or () if code not in (value, None)]
    if codes:
        return codes[0]
    if type_of(node) == "integer" and isinstance(value, int) and "const" not in node and "enum" not in node:
        return value + 1 if value < node.get("maximum", value + 1) else MISSING
    return MISSING


def in_flight(target: Target, create: Operation, tried: Tried) -> Iterator[Suspicion]:
    """Send a create twice at the same time."""
    good = target.good[(create.label, OWN)]
    step = with_new_text(target, create, good.step)
    step = renewed(target, replace(step, headers={**step.headers, key_of(target, create): ""}))
    answers = target.client.send_together([step, step])
    made = [answer for answer in answers if answer.ok]
    if broken := _broken_by(answers, "one of two requests that came at the same time"):
        yield broken
    elif made and _carried_out_again(target, made[0], target.client.send(step)):
        tried.lacks(f"{create.label} carries out a plain repetition twice")
    elif len(made) == 2 and _carried_out_again(target, *made):
        sentences = (
            "A request that comes twice at the same time is carried out twice",
            "One effect, because key and body are the same.",
            f"{made[0].status} and {made[1].status}, each with an object of its own.",
        )
        yield _suspicion("concurrent-request-makes-another", sentences, tuple(made), Expectation())
    elif made:
        tried.proved += 1
    else:
        tried.lacks(f"{create.label} answered {answers[0].status or 'nothing'} to two requests at once")


def declares_key(target: Target) -> bool:
    """Whether some create has a key."""
    return any(is_create(target.contract, op) and key_of(target, op) for op in target.contract.operations)
