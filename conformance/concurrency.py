"""
Two writers of one object cannot wipe out each other's work unnoticed (CCY-01).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from joinedup.conformance.changes import Change, change_of, condition_of, tag_of, with_tag
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.objects import Subject
from joinedup.conformance.operations import Operation
from joinedup.conformance.sequences import Tried
from joinedup.conformance.target import Target

THIS = ("CCY-01",)
Maker = Callable[[], Subject | None]
Attempt = Callable[[Target, Maker, Tried], Iterator[Suspicion]]


@dataclass(frozen=True)
class Held:
    """An object that was read, with its entity tag, and the operation that changes it on condition of one."""

    subject: Subject
    operation: Operation
    read: Exchange
    tag: str


def _held(target: Target, maker: Maker, tried: Tried) -> Held | None:
    subject = maker()
    operation = subject.change if subject else None
    if subject is None or operation is None or not condition_of(operation):
        if subject is None:
            tried.lacks("no object could be made or read to be changed")
        return None
    read = subject.send(target, "GET")
    if read is None or not read.ok:
        tried.lacks(f"the object that {operation.label} changes could not be read")
    elif not tag_of(read):
        tried.lacks(f"{read.step.operation} gives no ETag, so that nothing can be put in If-Match")
    else:
        return Held(subject, operation, read, tag_of(read))
    return None


def _change(target: Target, held: Held, current: Exchange, tag: str) -> Change | None:
    change = change_of(target, held.subject, current)
    if change is None:
        return None
    return replace(change, step=with_tag(change.step, held.operation, tag))


def _suspicion(
    rule: str, sentences: tuple[str, str, str], exchanges: tuple[Exchange, ...], expectation: Expectation
) -> Suspicion:
    title, expected, actual = sentences
    label = exchanges[-1].step.operation
    return Suspicion(
        rule=rule,
        requirements=THIS,
        title=title,
        expected=expected,
        actual=actual,
        exchanges=exchanges,
        expectation=expectation,
        cause=label,
        operations=(label,),
    )


def stale(target: Target, maker: Maker, tried: Tried) -> Iterator[Suspicion]:
    """Change an object, then change it again on the tag that it had before."""
    held = _held(target, maker, tried)
    if held is None:
        return
    done = _changed(target, held, tried)
    if done is None:
        return
    changed, now = done
    if tag_of(now) == held.tag:
        tried.lacks("the ETag does not change when the object does, so that no tag is ever stale")
        return
    late = _change(target, held, now, held.tag)
    answer = target.client.send(late.step if late else with_tag(changed.step, held.operation, held.tag))
    if answer.ok:
        sentences = (
            "A change that was made on an old reading is taken",
            "A 4xx such as 412, because the object has changed since that reading.",
            f"{answer.status}.",
        )
        exchanges = (*held.subject.origin, held.read, changed, now, answer)
        yield _suspicion("stale-change-taken", sentences, exchanges, Expectation(statuses=("4XX",)))
    elif 400 <= answer.status < 500:
        tried.proved += 1
        yield from _refused_and_made(target, held, late, answer)
    else:
        tried.lacks(f"{held.operation.label} answered {answer.status or 'nothing'} to a stale tag")
    _restore(target, held)


def _changed(target: Target, held: Held, tried: Tried) -> tuple[Exchange, Exchange] | None:
    """Change the object with its current tag and read it; None, with the reason noted, where nothing changed."""
    change = _change(target, held, held.read, held.tag)
    good = target.good.get((held.operation.label, held.subject.identity))
    if change is None and good is None:
        tried.lacks(f"no change could be made for {held.operation.label}")
        return None
    step = (
        change.step
        if change
        else with_tag(_about(good.step, held), held.operation, held.tag)
        if good
        else None
    )
    changed = target.client.send(step) if step else None
    now = held.subject.send(target, "GET") if changed is not None and changed.ok else None
    if changed is None or now is None or not now.ok:
        status = changed.status if changed else "nothing"
        tried.lacks(f"{held.operation.label} answered {status} to a change with the current tag")
    elif change is not None and change.reads_as(now) != change.new:
        tried.lacks(f"a change by {held.operation.label} is not there when the object is read")
    else:
        return changed, now
    return None


def _about(step: Step, held: Held) -> Step:
    """A change that was accepted once, about the object that is held."""
    return replace(step, path_parameters=dict(held.subject.values))


def _refused_and_made(
    target: Target, held: Held, late: Change | None, answer: Exchange
) -> Iterator[Suspicion]:
    after = held.subject.send(target, "GET") if late else None
    if late is None or after is None or not after.ok or late.reads_as(after) != late.new:
        return
    sentences = (
        "A change that was refused is made all the same",
        "The object as it was, because the change was refused.",
        f"{answer.status} to the change, and its text when the object was read again.",
    )
    exchanges = (*held.subject.origin, held.read, answer, after)
    yield _suspicion("refused-change-made", sentences, exchanges, Expectation(lacks=late.new))


def _restore(target: Target, held: Held) -> None:
    """Change back an object that was there before."""
    if held.subject.made is not None:
        return
    before = change_of(target, held.subject, held.read)
    now = held.subject.send(target, "GET")
    back = change_of(target, held.subject, now, before.old) if before and now is not None and now.ok else None
    if back is not None:
        target.client.send(back.step)


def unconditional(target: Target, maker: Maker, tried: Tried) -> Iterator[Suspicion]:
    """Change an object without any condition, where the contract wants one."""
    held = _held(target, maker, tried)
    if held is None or not wants_condition(held.operation):
        return
    change = _change(target, held, held.read, "")
    if change is None:
        tried.lacks(f"no change could be made for {held.operation.label}")
        return
    answer = target.client.send(change.step)
    if answer.ok:
        sentences = (
            "A change without If-Match is taken, although the contract requires it",
            "A 4xx such as 428, because a change must say which reading it was made on.",
            f"{answer.status}.",
        )
        exchanges = (*held.subject.origin, answer)
        yield _suspicion("unconditional-change-taken", sentences, exchanges, Expectation(statuses=("4XX",)))
        _restore(target, held)
    elif 400 <= answer.status < 500:
        tried.proved += 1


def wants_condition(operation: Operation) -> bool:
    """Whether a contract says that an operation is refused without ``If-Match``."""
    name = condition_of(operation)
    return "428" in operation.responses or any(p.required for p in operation.parameters if p.name == name)


def deletion(target: Target, maker: Maker, tried: Tried) -> Iterator[Suspicion]:
    """Delete an object of our own on a tag that it no longer has, and without one where the contract wants one."""
    held = _held(target, maker, tried)
    remover = held.subject.operations.get("DELETE") if held else None
    if held is None or remover is None or held.subject.made is None or not condition_of(remover):
        return
    done = _changed(target, held, tried)
    step = held.subject.step(target, "DELETE")
    if done is None or step is None or tag_of(done[1]) == held.tag:
        return
    tags = [held.tag, *([""] if wants_condition(remover) else [])]
    for tag in tags:
        answer = target.client.send(with_tag(step, remover, tag))
        if answer.ok:
            sentences = (
                f"A deletion {'on an old reading' if tag else 'without If-Match'} is carried out",
                "A 4xx, because the object may have changed since whoever deletes it has read it.",
                f"{answer.status}.",
            )
            exchanges = (*held.subject.origin, held.read, *done, answer)
            yield _suspicion("stale-deletion-taken", sentences, exchanges, Expectation(statuses=("4XX",)))
            return
        tried.proved += 400 <= answer.status < 500


def together(target: Target, maker: Maker, tried: Tried) -> Iterator[Suspicion]:
    """Two writers change an object at the same time, both on the tag that they read."""
    held = _held(target, maker, tried)
    if held is None:
        return
    changes = [_change(target, held, held.read, held.tag) for _ in range(2)]
    steps = [change.step for change in changes if change is not None]
    if len(steps) < 2:
        tried.lacks(f"no change could be made for {held.operation.label}")
        return
    answers = target.client.send_together(steps)
    taken = [answer for answer in answers if answer.ok]
    if len(taken) == 2:
        now = held.subject.send(target, "GET")
        if now is not None and tag_of(now) == held.tag:
            tried.lacks("the ETag does not change when the object does, so that no tag is ever stale")
            return
        if target.client.send(steps[0]).ok:
            tried.lacks(f"{held.operation.label} takes a stale tag also from one writer at a time")
            return
        sentences = (
            "Two changes at the same time, made on one reading, are both taken",
            "One success and one 4xx such as 412.",
            f"{taken[0].status} and {taken[1].status}.",
        )
        exchanges = (*held.subject.origin, held.read, *taken)
        yield _suspicion("both-writers-succeed", sentences, exchanges, Expectation())
    elif taken:
        tried.proved += 1
    else:
        tried.lacks(
            f"{held.operation.label} answered {answers[0].status or 'nothing'} to two changes at once"
        )
    _restore(target, held)
