"""
What an intruder does beyond reading one object: listing, searching, changing, adding and deleting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange, Step, Text
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import is_create
from joinedup.conformance.harvest import RISKY
from joinedup.conformance.inside import value_at, with_value
from joinedup.conformance.isolation import (
    REFUSED,
    Belonging,
    Boundary,
    long_page,
    made_anew,
    reached_by,
    read_across,
    shown_to,
)
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.lists import items_of
from joinedup.conformance.objects import (
    collections_of,
    delete,
    free_texts,
    fresh,
    identifier_of,
    item_operations,
    new_text,
    schema_of,
    step_to,
)
from joinedup.conformance.operations import Operation
from joinedup.conformance.redaction import as_text, scalars
from joinedup.conformance.target import Target
from joinedup.conformance.vocabulary import POINTERS


def cross(boundary: Boundary) -> None:
    """Try everything at one boundary."""
    belongings = made_anew(boundary.target, boundary.owner)
    seen = shown_to(boundary.target, boundary.intruder)
    for belonging in belongings:
        if str(belonging.identifier) in seen:
            _listed(boundary, belonging)
    private = [b for b in belongings if str(b.identifier) not in seen]
    read_across(boundary, private, seen)
    for belonging in private:
        search_across(boundary, belonging)
        change_across(boundary, belonging)
        add_across(boundary, belonging)
        if boundary.target.destructive:
            delete_across(boundary, belonging)


# --- lists and searches


def _listed(boundary: Boundary, belonging: Belonging) -> None:
    """A list of the intruder's that holds an object which the intruder may not read."""
    target = boundary.target
    if not _may_not_read(boundary, belonging):
        return
    for collection in collections_of(target, boundary.intruder):
        if "{" in collection.operation.path:
            continue
        answer = target.client.send(long_page(collection.operation, collection.step))
        if str(belonging.identifier) in set(scalars(answer.json())):
            _note_shown(boundary, belonging, answer, "A list shows what belongs to another organisation")


def _may_not_read(boundary: Boundary, belonging: Belonging) -> bool:
    """Whether the owner can read an object and the intruder is refused it."""
    reader = item_operations(boundary.target, belonging.create).get("GET")
    step = step_to(boundary.target, belonging.made, reader) if reader else None
    if step is None or not boundary.as_owner(step).ok:
        return False
    return boundary.as_intruder(step).status in REFUSED


def _note_shown(boundary: Boundary, belonging: Belonging, answer: Exchange, title: str) -> None:
    """
    Report an answer that shows the intruder what an object says.

    That it exists, of which kind and who has it may be for others to know, as with a record locator: who may read what
    it says is then decided where it is read.
    """
    if not _content(belonging, answer):
        boundary.pointed = True
        return
    boundary.report(
        Suspicion(
            rule="shown-to-another-organisation",
            requirements=("AUT-03",),
            title=title,
            expected="Of other organisations no more than that an object exists, as reading this one is refused.",
            actual=f"{answer.status} with what another organisation has just written.",
            exchanges=(belonging.made, answer),
            expectation=Expectation(lacks=belonging.identifier),
            cause=f"shown by {answer.step.operation}",
            advice="Select within the caller's own organisation, as the credential states it.",
        )
    )


def _content(belonging: Belonging, answer: Exchange) -> set[tuple[str, str]]:
    """What the owner said of an object and the intruder did not ask by, by name and value, where an answer shows it."""
    shown = (
        pair
        for item in items_of(answer) or [answer.json()]
        if str(belonging.identifier) in set(scalars(item))
        for pair in _pairs(item)
    )
    written = {(name, value) for name, value in _pairs(belonging.made.step.body) if not _points(name)}
    return (written & set(shown)) - set(_pairs(answer.step.body))


def _points(name: str) -> bool:
    return name in POINTERS or name.endswith(("id", "identifier", "reference", "type"))


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Every scalar with the name that it has, normalised; those in a list have the name of the list."""
    inner = [("", value)]
    while inner:
        name, item = inner.pop()
        if isinstance(item, dict):
            inner.extend((normalise(key), held) for key, held in item.items())
        elif isinstance(item, list):
            inner.extend((name, held) for held in item)
        elif item is not None and item is not MISSING:
            yield name, as_text(item)


def search_across(boundary: Boundary, belonging: Belonging) -> None:
    """Searches by what the owner said of an object, which find it for the owner."""
    sent = belonging.made.step.body
    if not isinstance(sent, dict):
        return
    for operation in boundary.target.operations:
        if operation.method != "POST" or is_create(boundary.target.contract, operation):
            continue
        step = _search(boundary, operation, _by_name(sent))
        if step is None or str(belonging.identifier) not in set(scalars(boundary.as_owner(step).json())):
            continue
        theirs = boundary.as_intruder(step)
        if theirs.ok and str(belonging.identifier) not in set(scalars(theirs.json())):
            boundary.held += 1
        elif theirs.ok and _may_not_read(boundary, belonging) and not boundary.open_to_all(step):
            _note_shown(boundary, belonging, theirs, "A search shows what belongs to another organisation")
        else:
            boundary.note(theirs)


def _by_name(value: Any) -> dict[str, Any]:
    """Every scalar of a body by its normalised name, outer ones before inner ones."""
    found: dict[str, Any] = {}
    inner = [value]
    while inner:
        item = inner.pop(0)
        for name, held in item.items() if isinstance(item, dict) else ():
            if isinstance(held, dict):
                inner.append(held)
            elif isinstance(held, str | int):
                found.setdefault(normalise(name), held)
    return found


def _search(boundary: Boundary, operation: Operation, known: Mapping[str, Any]) -> Step | None:
    good = boundary.target.good.get((operation.label, boundary.owner))
    schema = schema_of(operation, good.step.media_type) if good is not None else None
    if good is None or schema is None or "{" in operation.path or RISKY.search(operation.path):
        return None
    names = boundary.target.contract.resolve(schema).get("properties") or {}
    body = {name: known[normalise(name)] for name in names if normalise(name) in known}
    return replace(good.step, body=body) if body else None


# --- changing, adding, deleting


def change_across(boundary: Boundary, belonging: Belonging) -> None:
    """A change of an object by the intruder, judged by what the owner reads afterwards."""
    items = item_operations(boundary.target, belonging.create)
    for method in ("PATCH", "PUT"):
        if method in items and "GET" in items:
            _change(boundary, belonging, items[method], items["GET"])


def _change(boundary: Boundary, belonging: Belonging, operation: Operation, reader: Operation) -> None:
    def attempt(to: Belonging) -> tuple[tuple[Exchange, ...], str] | None:
        return _changed(boundary, to, operation, reader)

    changed = attempt(belonging)
    if changed is None:
        return
    exchanges, text = changed
    boundary.report(
        Suspicion(
            rule="changed-by-another-organisation",
            requirements=("AUT-03",),
            title="One organisation can change what belongs to another",
            expected="403 or 404 to the change, and the object as its owner left it.",
            actual=f"{exchanges[-2].status} to the change, and the owner reads what the other organisation wrote.",
            exchanges=exchanges,
            expectation=Expectation(without=text),
            where=operation.label,
            operations=(operation.label,),
            cause=f"change {operation.label}",
            advice="Look the object up within the caller's own organisation before changing it.",
            again=_once_more(boundary, belonging, attempt),
        )
    )


def _once_more(
    boundary: Boundary, belonging: Belonging, attempt: Callable[[Belonging], object]
) -> Callable[[], bool]:
    """The same with a new object of the same kind."""

    def again() -> bool:
        made = fresh(boundary.target, belonging.create, belonging.owner)
        identifier = identifier_of(boundary.target, made) if made is not None else MISSING
        if made is None or identifier is MISSING:
            return False
        return attempt(Belonging(belonging.create, made, identifier)) is not None

    return again


def _changed(
    boundary: Boundary, belonging: Belonging, operation: Operation, reader: Operation
) -> tuple[tuple[Exchange, ...], str] | None:
    """What took place, and the text that the intruder wrote, where the owner reads it afterwards."""
    target = boundary.target
    reading = step_to(target, belonging.made, reader)
    change = step_to(target, belonging.made, operation)
    good = target.good.get((operation.label, boundary.owner))
    if reading is None or change is None or good is None or isinstance(good.step.body, Text):
        return None
    written = with_text(
        target, operation, replace(change, body=good.step.body, media_type=good.step.media_type)
    )
    if written is None:
        return None
    step, text = written
    before = boundary.as_owner(reading)
    theirs = boundary.as_intruder(step)
    if boundary.note(theirs) or not theirs.ok:
        return None
    mine = boundary.as_owner(reading)
    if mine.response is None or text.encode() not in mine.response.body:
        return None
    return (belonging.made, before, theirs, mine), text


def with_text(target: Target, operation: Operation, step: Step) -> tuple[Step, str] | None:
    """The step with a new text in a property that takes any, and that text; None where it has none."""
    schema = schema_of(operation, step.media_type)
    if schema is None or not isinstance(step.body, dict):
        return None
    paths = list(free_texts(target, schema))
    path = next((p for p in paths if isinstance(value_at(step.body, p), str)), paths[0] if paths else None)
    if path is None:
        return None
    text = new_text(target)
    return replace(step, body=with_value(step.body, path, text)), text


def add_across(boundary: Boundary, belonging: Belonging) -> None:
    """Something added by the intruder under an object that it may not read."""
    below = re.compile(re.escape(belonging.create.path.rstrip("/")) + r"/\{[^/{}]+\}/[^{}]+")
    adds = [
        operation
        for operation in boundary.target.operations
        if operation.method == "POST"
        and below.fullmatch(operation.path)
        and (operation.label, boundary.owner) in boundary.target.good
        and not RISKY.search(operation.path)
    ]
    for operation in adds:
        if not _may_not_read(boundary, belonging):
            return
        _add(boundary, belonging, operation)


def _add(boundary: Boundary, belonging: Belonging, operation: Operation) -> None:
    target = boundary.target

    def attempt(to: Belonging) -> Exchange | None:
        good = target.good[(operation.label, boundary.owner)].step
        names = re.findall(r"\{([^{}]+)\}", operation.path)
        values = reached_by(target, to)
        if any(name not in values for name in names):
            return None
        step = replace(good, path_parameters={name: values[name] for name in names})
        theirs = boundary.as_intruder(step)
        boundary.note(theirs)
        return theirs if theirs.ok else None

    theirs = attempt(belonging)
    if theirs is None:
        return
    boundary.report(
        Suspicion(
            rule="added-by-another-organisation",
            requirements=("AUT-03",),
            title="One organisation can add to what belongs to another",
            expected="403 or 404, as reading the object is refused.",
            actual=f"{theirs.status}: it was added.",
            exchanges=(belonging.made, theirs),
            expectation=Expectation(never=("2XX",)),
            cause=f"add {operation.label}",
            advice="Look the object up within the caller's own organisation before adding to it.",
            again=_once_more(boundary, belonging, attempt),
        )
    )


def delete_across(boundary: Boundary, belonging: Belonging) -> None:
    """An object deleted by the intruder, judged by what the owner reads afterwards."""
    items = item_operations(boundary.target, belonging.create)
    if "DELETE" not in items or "GET" not in items:
        return

    def attempt(at: Belonging) -> tuple[Exchange, ...] | None:
        removal = step_to(boundary.target, at.made, items["DELETE"])
        reading = step_to(boundary.target, at.made, items["GET"])
        if removal is None or reading is None or not boundary.as_owner(reading).ok:
            return None
        theirs = boundary.as_intruder(removal)
        boundary.note(theirs)
        gone = boundary.as_owner(reading) if theirs.ok else None
        if gone is None or gone.status not in (404, 410):
            return None
        boundary.target.knowledge.forget(at.identifier)
        return at.made, theirs, gone

    after = attempt(belonging)
    if after is None:
        # Left alone: the owner takes it away again.
        delete(boundary.target, belonging.create, belonging.made)
        return
    boundary.report(
        Suspicion(
            rule="deleted-by-another-organisation",
            requirements=("AUT-03",),
            title="One organisation can delete what belongs to another",
            expected="403 or 404 to the deletion, and the object still there for its owner.",
            actual=f"{after[1].status} to the deletion, and {after[2].status} to the owner afterwards.",
            exchanges=after,
            expectation=Expectation(never=("404", "410")),
            where=items["DELETE"].label,
            operations=(items["DELETE"].label,),
            cause=f"delete {items['DELETE'].label}",
            advice="Look the object up within the caller's own organisation before deleting it.",
            again=_once_more(boundary, belonging, attempt),
        )
    )
