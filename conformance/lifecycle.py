"""
What was created can be read and is listed, what was changed reads as changed, what was deleted is gone (CON-API-13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from joinedup.conformance.changes import change_of
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.lists import identifiers_in, items_of
from joinedup.conformance.objects import (
    Subject,
    collection_of,
    fresh,
    fresh_subject,
    identifier_of,
    subject_of,
)
from joinedup.conformance.operations import Operation
from joinedup.conformance.pages import Walk, whole
from joinedup.conformance.sequences import Tried, settled
from joinedup.conformance.target import Target

THIS = ("CON-API-13",)
GONE = ("404", "410")


def _readable(target: Target, create: Operation, tried: Tried) -> tuple[Exchange, Exchange] | None:
    """A new object, how it was made and how it was read; None where either did not succeed."""
    made = fresh(target, create)
    subject = subject_of(target, create, made) if made is not None else None
    if made is None:
        tried.lacks(f"{create.label} did not make another object")
    elif made.status == 202:
        tried.lacks(f"{create.label} answers 202, so that what it makes may come at any time")
    elif subject is not None and (step := subject.step(target, "GET")) is not None:
        return made, settled(target, step, lambda answer: answer.ok)
    return None


def created_is_read(target: Target, create: Operation, tried: Tried) -> Iterator[Suspicion]:
    """Make an object and read it."""
    found = _readable(target, create, tried)
    if found is None:
        return
    made, answer = found
    if answer.ok:
        tried.proved += 1
    elif str(answer.status) in GONE:
        yield Suspicion(
            rule="created-object-cannot-be-read",
            requirements=THIS,
            title="An object that was just made cannot be read",
            expected="The object, because making it was answered with success.",
            actual=f"{made.status} to the request that made it, and {answer.status} when it was read.",
            exchanges=(made, answer),
            expectation=Expectation(never=GONE),
            cause=create.label,
            operations=(create.label, answer.step.operation),
        )
    else:
        tried.lacks(f"{answer.step.operation} answered {answer.status or 'nothing'} for an object of our own")


def created_is_listed(target: Target, create: Operation, tried: Tried) -> Iterator[Suspicion]:
    """Make an object and look for it in the list at the same address."""
    collection = collection_of(target, create)
    found = _readable(target, create, tried) if collection is not None else None
    if collection is None or found is None:
        return
    made, answer = found
    if not answer.ok:
        tried.lacks(f"what {create.label} makes cannot be read, so that a list proves nothing")
        return
    identifier = str(identifier_of(target, made))
    listed = whole(target, collection)
    for _ in range(2):
        if listed.complete and identifier not in _texts(listed):
            listed = whole(target, collection)
    if not listed.complete or not listed.items:
        tried.lacks(f"{collection.operation.label} could not be read to its end, or held nothing")
    elif identifier in _texts(listed):
        tried.proved += 1
    else:
        yield Suspicion(
            rule="created-object-is-not-listed",
            requirements=THIS,
            title="An object that was just made is not in the list",
            expected="The object in the list, because it was made at the list's own address and can be read.",
            actual=f"{made.status} to the request that made it, and a list of {len(listed.items)} without it.",
            exchanges=(made, *listed.exchanges),
            # Of several pages, no single one has to hold it.
            expectation=Expectation(holds=identifier) if len(listed.exchanges) == 1 else Expectation(),
            cause=create.label,
            operations=(create.label, collection.operation.label),
        )


def _texts(listed: Walk) -> set[str]:
    return {str(item) for item in listed.items}


def change_is_read(
    target: Target, subject_maker: Callable[[], Subject | None], tried: Tried
) -> Iterator[Suspicion]:
    """Change one free text and read the object again; what was there before is changed back."""
    subject = subject_maker()
    step = subject.step(target, "GET") if subject else None
    before = target.client.send(step) if step is not None else None
    if subject is None or step is None or before is None or not before.ok:
        tried.lacks("no object could be made or read to be changed")
        return
    change = change_of(target, subject, before)
    if change is None:
        tried.lacks("the contract has no free text that can be changed and is read back")
        return
    changed = target.client.send(change.step)
    if not changed.ok or changed.status == 202:
        tried.lacks(
            f"{changed.step.operation} answered {changed.status or 'nothing'} to a change of one free text"
        )
        return
    after = settled(target, step, lambda answer: change.reads_as(answer) == change.new)
    if subject.made is None and (back := change_of(target, subject, after, change.old)) is not None:
        target.client.send(back.step)
    if change.reads_as(after) == change.new:
        tried.proved += 1
    elif change.old is not MISSING and change.reads_as(after) == change.old:
        yield _lost(subject, before, changed, after, change.new)
    elif change.old is MISSING:
        tried.lacks("a text that the object did not have before is not read back")
    else:
        tried.lacks("the text that was changed reads as neither the old one nor the new one")


def _lost(subject: Subject, before: Exchange, changed: Exchange, after: Exchange, new: str) -> Suspicion:
    return Suspicion(
        rule="change-is-lost",
        requirements=THIS,
        title="A change that was answered with success is not there",
        expected="The new text when the object is read after the change.",
        actual=f"{changed.status} to the change, and the old text when the object was read again.",
        exchanges=(*subject.origin, before, changed, after),
        expectation=Expectation(holds=new),
        cause=changed.step.operation,
        operations=(changed.step.operation, after.step.operation),
    )


def deleted_is_gone(target: Target, create: Operation, tried: Tried) -> Iterator[Suspicion]:
    """Delete an object of our own, read it, look for it in the list, and delete it once more."""
    subject = fresh_subject(target, create)
    step = subject.step(target, "GET") if subject else None
    before = target.client.send(step) if step is not None else None
    if subject is None or subject.made is None or step is None or before is None or not before.ok:
        tried.lacks(f"no object that {create.label} makes could be read before it is deleted")
        return
    entry = _entry(target, create, subject)
    deleted = subject.send(target, "DELETE")
    if deleted is None or not deleted.ok or deleted.status == 202:
        status = deleted.status if deleted is not None else "nothing"
        tried.lacks(f"deleting an object of our own was answered with {status}")
        return
    target.knowledge.forget(identifier_of(target, subject.made))
    yield from _still_read(target, subject, step, before, deleted, tried)
    yield from _still_listed(target, create, subject, (before, deleted), entry)
    yield from _deleted_twice(target, (*subject.origin, before, deleted))


def _still_read(
    target: Target, subject: Subject, step: Step, before: Exchange, deleted: Exchange, tried: Tried
) -> Iterator[Suspicion]:
    after = settled(target, step, lambda answer: not answer.ok)
    # An object that now says that it was deleted, cancelled or the like was not forgotten by mistake.
    if not after.ok or after.json() != before.json():
        tried.proved += 1
        return
    yield Suspicion(
        rule="deleted-object-can-be-read",
        requirements=THIS,
        title="An object that was deleted can still be read",
        expected="404 or 410, or an object that says that it was deleted.",
        actual=f"{deleted.status} to the deletion, and {after.status} with the same object afterwards.",
        exchanges=(*subject.origin, before, deleted, after),
        expectation=Expectation(never=("2XX",)),
        cause=deleted.step.operation,
        operations=(deleted.step.operation, after.step.operation),
    )


def _entry(target: Target, create: Operation, subject: Subject) -> tuple[Any, Walk] | None:
    """What a list says of an object, and the list; None where it is not listed, or the list cannot be read."""
    collection = collection_of(target, create)
    if collection is None or subject.made is None:
        return None
    listed = whole(target, collection)
    identifier = str(identifier_of(target, subject.made))
    for exchange in listed.exchanges:
        for item, named in zip(items_of(exchange) or (), identifiers_in(exchange) or (), strict=False):
            if str(named) == identifier:
                return item, listed
    return None


def _still_listed(
    target: Target,
    create: Operation,
    subject: Subject,
    done: tuple[Exchange, Exchange],
    entry: tuple[Any, Walk] | None,
) -> Iterator[Suspicion]:
    after = _entry(target, create, subject) if entry is not None else None
    if entry is None or after is None or after[0] != entry[0] or subject.made is None:
        return
    deleted = done[-1]
    identifier = identifier_of(target, subject.made)
    page = next(e for e in after[1].exchanges if str(identifier) in map(str, identifiers_in(e) or ()))
    yield Suspicion(
        rule="deleted-object-is-listed",
        requirements=THIS,
        title="An object that was deleted is still in the list",
        expected="A list without the object, or an entry that says that it was deleted.",
        actual=f"{deleted.status} to the deletion, and the same entry in the list afterwards.",
        exchanges=(*subject.origin, *done, page),
        expectation=Expectation(lacks=identifier),
        cause=deleted.step.operation,
        operations=(deleted.step.operation, page.step.operation),
    )


def _deleted_twice(target: Target, done: tuple[Exchange, ...]) -> Iterator[Suspicion]:
    deleted = done[-1]
    again = target.client.send(deleted.step)
    if again.status >= 500:
        yield Suspicion(
            rule="second-deletion-fails",
            requirements=("CON-API-12",),
            title="Deleting what is no longer there makes the server fail",
            expected="404, 410 or a success: a deletion may be sent again when its answer was lost.",
            actual=f"{deleted.status} to the first deletion and {again.status} to the second.",
            exchanges=(*done, again),
            expectation=Expectation(never=("5XX",)),
            cause=f"{again.step.operation} {again.status}",
        )
