"""
Methods in disguise: a request that says in a header or a parameter that it is meant as another method.

Judged by what becomes of an object of our own. The controls: the method as such is refused to the caller (or what is
sent is a reading, which must never act), and the request that is sent changes nothing without its disguise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from joinedup.conformance.changes import change_of, tag_of, with_tag
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.objects import Subject, fresh_subject, renewed
from joinedup.conformance.operations import Operation
from joinedup.conformance.target import OWN, Target
from joinedup.conformance.trespass import with_text
from joinedup.conformance.vocabulary import METHOD_OVERRIDES

MEANT = ("DELETE", "PUT", "PATCH")
REFUSED = (401, 403, 404, 405, 501)
GONE = (404, 410)
Disguise = Callable[[Step, str], Step]


@dataclass(frozen=True)
class Intent:
    """
    What is meant by a request in disguise.

    Args:
        step: the request by the method that is meant.
        has_happened: whether what its owner reads afterwards shows that it was carried out.
    """

    step: Step
    has_happened: Callable[[Exchange], bool]


@dataclass(frozen=True)
class Trial:
    """
    What came of one object and one method that was meant.

    Args:
        held: how many disguises were not taken.
        taken: where one was: what made the object, the request in disguise, and what its owner read afterwards.
        why_not: why nothing could be tried; empty where it could.
    """

    held: int = 0
    taken: tuple[Exchange, ...] = ()
    why_not: str = ""


def try_on(target: Target, create: Operation, meant: str, caller: str = OWN) -> Trial:
    """Send an object of the owner's what is meant as another method, as a caller to whom that method is refused."""
    subject = fresh_subject(target, create)
    reading = subject.step(target, "GET") if subject else None
    before = target.client.send(reading) if reading else None
    if subject is None or before is None or not before.ok:
        return Trial(why_not=f"no object that {create.label} makes could be read before it is tried")
    intent = _intent(target, create, subject, before, meant)
    if intent is None:
        return Trial()
    senders = _senders(target, subject, caller, intent)
    held = 0
    for sent in senders:
        for disguise in (_bare, _by_headers, _by_parameter):
            asked = target.client.send(_disguised(target, before.step, intent, sent, caller, disguise))
            after = target.client.send(before.step)
            if not intent.has_happened(after):
                held += disguise is not _bare
            elif disguise is _bare:
                return Trial(held)
            else:
                return Trial(held, (*subject.origin, asked, after))
    return Trial(held)


def _senders(target: Target, subject: Subject, caller: str, intent: Intent) -> Iterator[str]:
    """
    The methods that may be sent in place of the one that is meant.

    A reading must never act. A POST may stand for what the caller may do anyway, so that it shows something only where
    the method itself is refused.
    """
    permitted = caller == OWN and intent.step.method in subject.operations
    if not permitted:
        plainly = target.client.send(replace(renewed(target, intent.step), identity=caller))
        if plainly.status not in REFUSED:
            return
    yield "GET"
    path = intent.step.path
    if not permitted and not any(
        op.path == path and op.method == "POST" for op in target.contract.operations
    ):
        yield "POST"


def _intent(
    target: Target, create: Operation, subject: Subject, before: Exchange, meant: str
) -> Intent | None:
    if meant == "DELETE":
        step = subject.step(target, meant) or replace(before.step, method=meant)
        return Intent(replace(step, operation=f"{meant} {step.path}"), lambda after: after.status in GONE)
    declared = subject.operations.get(meant)
    if declared is not None:
        change = change_of(target, replace(subject, operations=_only(subject, meant)), before)
        if change is None:
            return None
        conditional = with_tag(change.step, declared, tag_of(before))
        return Intent(conditional, lambda after: change.reads_as(after) == change.new)
    made = subject.origin[0].step if subject.origin else None
    written = with_text(target, create, made) if made is not None else None
    if written is None:
        return None
    sent, text = written
    step = replace(
        before.step,
        method=meant,
        body=sent.body,
        media_type=sent.media_type,
        operation=f"{meant} {before.step.path}",
    )
    return Intent(step, lambda after: after.response is not None and text.encode() in after.response.body)


def _only(subject: Subject, method: str) -> dict[str, Operation]:
    """The reading and one change."""
    return {name: op for name, op in subject.operations.items() if name in ("GET", method)}


def _disguised(
    target: Target, reading: Step, intent: Intent, sent: str, caller: str, disguise: Disguise
) -> Step:
    label = reading.operation if sent == "GET" else f"{sent} {reading.path}"
    plain = replace(intent.step, method=sent, operation=label, identity=caller)
    if sent == "POST" and plain.body is MISSING:
        plain = replace(plain, body={}, media_type="application/json")
    return renewed(target, disguise(plain, intent.step.method))


def _bare(step: Step, _meant: str) -> Step:
    return step


def _by_headers(step: Step, meant: str) -> Step:
    return replace(step, headers={**step.headers, **dict.fromkeys(METHOD_OVERRIDES, meant)})


def _by_parameter(step: Step, meant: str) -> Step:
    return replace(step, query=(*step.query, ("_method", meant)))
