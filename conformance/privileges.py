"""
Properties that a caller has no say in, sent all the same and read back.

A property takes effect where the object that is read afterwards has what was sent and an object of the same kind,
made without it, has not. Properties of objects inside an object count too: an ``audit.createdBy`` is set as easily as a
``createdBy``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.evidence import Suspicion, confirm
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.findings import Finding
from joinedup.conformance.harvest import writable
from joinedup.conformance.inside import Path, places_in, value_at, with_value
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.objects import (
    Subject,
    creates_of,
    existing_subjects,
    fresh,
    item_operations,
    renewed,
    schema_of,
    step_to,
    subject_of,
    with_new_text,
)
from joinedup.conformance.operations import Operation
from joinedup.conformance.samples import CannotSampleError, Sampler, type_of
from joinedup.conformance.target import OWN, Target
from joinedup.conformance.vocabulary import IDENTIFIERS

# Names that open something in many systems, with what would open it.
PRIVILEGED: Mapping[str, Any] = {
    "role": "admin",
    "roles": ["admin"],
    "admin": True,
    "isAdmin": True,
    "is_admin": True,
    "permissions": ["admin"],
    "scope": "admin",
    "verified": True,
    "approved": True,
    "superuser": True,
}
MEANINGLESS = "joinedupMeaningless"
"""A property that no system knows: where this one is kept, everything is, and a privileged name says nothing."""
MOST_PROPERTIES = 10
MOST_SUBJECTS = 12
Values = Mapping[Path, Any]


@dataclass
class Attempt:
    """
    What came of sending properties that are not the caller's to set.

    Args:
        target: the system under test.
        held: how often one was refused or had no effect.
        reports: those that took effect.
    """

    target: Target
    held: int = 0
    reports: list[Finding] = field(default_factory=list)


# --- which properties, and what to send


def is_closed(target: Target, operation: Operation) -> bool:
    """Whether the body of an operation may hold no property that its schema does not declare."""
    schemas = operation.body.media_types.values() if operation.body else ()
    return any(target.contract.resolve(schema).get("additionalProperties") is False for schema in schemas)


def _is_open(target: Target, schema: Mapping[str, Any]) -> bool:
    """Whether a schema says in so many words that it takes any property."""
    return bool(target.contract.resolve(schema).get("additionalProperties"))


def answered_properties(target: Target, operation: Operation) -> dict[str, Any]:
    """The properties of an operation's successful JSON answer, with their schemas."""
    found: dict[str, Any] = {}
    for _, response in operation.success_responses:
        for media in (response.get("content") or {}).values():
            found |= _properties(target, media.get("schema") if isinstance(media, dict) else None)
    return found


def _properties(target: Target, schema: Any, depth: int = 0) -> dict[str, Any]:
    node = target.contract.resolve(schema)
    found: dict[str, Any] = {}
    for part in node.get("allOf", []) if depth < 5 else ():
        found |= _properties(target, part, depth + 1)
    return found | (node.get("properties") or {})


def not_the_callers(
    target: Target, operation: Operation, reader: Operation, media_type: str
) -> dict[Path, Any]:
    """The properties that are answered and may not be sent, with their schemas, by the names that lead to them."""
    schema = schema_of(operation, media_type)
    if schema is None:
        return {}
    taken = dict(places_in(target.contract, sendable(target, schema)))
    found: dict[Path, Any] = {}
    for path, node in sorted(
        places_in(target.contract, answered_properties(target, reader)), key=lambda pair: len(pair[0])
    ):
        read_only = bool(node.get("readOnly") or taken.get(path, {}).get("readOnly"))
        if path in taken and not read_only:
            continue
        # Some systems let the caller choose an identifier; only where that is ruled out is it wrong.
        free = _takes_more(target, schema, taken, path) or normalise(path[-1]) in IDENTIFIERS
        if read_only or not free:
            found[path] = node
    return found


def sendable(target: Target, schema: Any) -> dict[str, Any]:
    """The properties that a request may hold in one form or another, with their schemas."""
    node = target.contract.resolve(schema)
    found = writable(target, schema)
    for form in (*node.get("oneOf", ()), *node.get("anyOf", ())):
        found = sendable(target, form) | found
    return found


def _takes_more(target: Target, schema: Mapping[str, Any], taken: Values, path: Path) -> bool:
    """Whether the object that a property stands in says that it takes any property."""
    around = [schema, *(taken[path[:n]] for n in range(1, len(path)) if path[:n] in taken)]
    return _is_open(target, around[-1])


def another_value(target: Target, schema: Any, current: Any, seed: int) -> Any:
    """A value that the schema allows and that differs from the current one; ``MISSING`` where there is none."""
    node = target.contract.resolve(schema)
    if node.get("enum"):
        return next((v for v in node["enum"] if v not in (current, None)), MISSING)
    if "const" in node or type_of(node) in ("object", "array", "null"):
        return MISSING
    if isinstance(current, bool) or type_of(node) == "boolean":
        return current is not True
    if isinstance(current, int | float):
        return current + 1000 if "maximum" not in node else MISSING
    try:
        made = Sampler(target.contract.resolve, 7000 + seed).value(dict(node), name="")
    except CannotSampleError:
        return MISSING
    return made if made != current else MISSING


# --- creating


def set_when_making(attempt: Attempt) -> None:
    """Send each of them with a create, and read the object that was made."""
    target = attempt.target
    for create in creates_of(target)[:MOST_SUBJECTS]:
        control = fresh(target, create)
        reader = item_operations(target, create).get("GET")
        good = target.good[(create.label, OWN)].step
        if control is None or not isinstance(good.body, dict):
            continue
        usual = _read_back(target, control, reader)
        properties = not_the_callers(target, create, reader or create, good.media_type)
        values = _values(target, properties, usual)

        def send(extra: Values, create: Operation = create, good: Step = good) -> Exchange:
            step = with_new_text(target, create, good)
            made = target.client.send(renewed(target, replace(step, body=_with(step.body, extra))))
            target.knowledge.learn(made)
            return made

        for extra in _portions(target, create, values, good):
            made = send(extra)
            if not made.ok:
                attempt.held += 1
                continue
            reading = step_to(target, made, reader) if reader else None
            after = target.client.send(reading) if reading is not None else made
            # An object that its maker cannot read any more is judged by what was said of it.
            exchanges = (made, after) if after.ok and after is not made else (made,)
            _judge(attempt, create, extra, usual, exchanges)


def _with(body: Any, extra: Values) -> Any:
    for path, value in extra.items():
        body = with_value(body, path, value)
    return body


def _values(target: Target, properties: Values, usual: Any) -> dict[Path, Any]:
    """Another value for each of some properties, as many as are tried at the most."""
    made = {
        path: another_value(target, schema, _none_if_missing(value_at(usual, path)), seed)
        for seed, (path, schema) in enumerate(properties.items())
    }
    return dict([(path, value) for path, value in made.items() if value is not MISSING][:MOST_PROPERTIES])


def _none_if_missing(value: Any) -> Any:
    return None if value is MISSING else value


def _portions(target: Target, operation: Operation, values: Values, good: Step) -> Iterator[Values]:
    """What to send together: each on its own where one that is refused would hide the others."""
    yield from ({path: value} for path, value in values.items())
    schema = schema_of(operation, good.media_type)
    if schema is None or is_closed(target, operation) or _is_open(target, schema):
        return
    sent = {path[0] for path in values}
    known = {*sent, *writable(target, schema), *answered_properties(target, operation)}
    undeclared: dict[Path, Any] = {(name,): value for name, value in PRIVILEGED.items() if name not in known}
    yield {**undeclared, (MEANINGLESS,): "Amber Birch"}


def _read_back(target: Target, made: Exchange, reader: Operation | None) -> dict[str, Any]:
    step = step_to(target, made, reader) if reader else None
    value = (target.client.send(step) if step is not None else made).json()
    return value if isinstance(value, dict) else {}


def _judge(
    attempt: Attempt,
    operation: Operation,
    extra: Values,
    usual: Mapping[str, Any],
    exchanges: tuple[Exchange, ...],
) -> bool:
    """Report each property that took effect; True where one did."""
    after = exchanges[-1].json()
    if not exchanges[-1].ok or not isinstance(after, dict):
        return False
    taken = [p for p, v in extra.items() if value_at(after, p) == v and value_at(usual, p) != v]
    if (MEANINGLESS,) in taken:
        return False
    attempt.held += not taken
    for path in taken:
        held = _none_if_missing(value_at(usual, path))
        attempt.reports.append(
            confirm(attempt.target, _suspicion(operation, path, extra[path], held, exchanges))
        )
    return bool(taken)


def _suspicion(
    operation: Operation, path: Path, sent: Any, usual: Any, exchanges: tuple[Exchange, ...]
) -> Suspicion:
    name = ".".join(path)
    distinct = isinstance(sent, str) and len(sent) >= 8
    return Suspicion(
        rule="property-not-the-callers-takes-effect",
        requirements=("SEC-01",),
        title="A property that is not the caller's to set takes effect",
        expected=f"A refusal, or {name} as the system itself sets it, because the contract does not let callers send it.",
        actual=f"{exchanges[-2 if len(exchanges) > 1 else -1].status}, and {name} reads back as it was sent.",
        exchanges=exchanges,
        expectation=Expectation(lacks=sent) if distinct else Expectation(at=("/" + "/".join(path), usual)),
        where=operation.label,
        operations=(operation.label,),
        cause=f"{operation.label} {name}",
        advice="Take from a body only the properties that callers may set, by name.",
    )


# --- changing


def set_when_changing(attempt: Attempt) -> None:
    """Send each of them with a change, and read the object afterwards."""
    target = attempt.target
    made = [(create, fresh(target, create)) for create in creates_of(target)[:MOST_SUBJECTS]]
    subjects = [s for create, m in made if m is not None and (s := subject_of(target, create, m)) is not None]
    # One for each change that there is: an object of ours where there is one, else one that was there.
    by_change: dict[str, Subject] = {}
    for subject in [*subjects, *existing_subjects(target)]:
        if subject.change is not None and "GET" in subject.operations:
            by_change.setdefault(subject.change.label, subject)
    for subject in list(by_change.values())[:MOST_SUBJECTS]:
        if subject.change is not None:
            _change(attempt, subject, subject.change)


def _change(attempt: Attempt, subject: Subject, operation: Operation) -> None:
    target = attempt.target
    good = target.good.get((operation.label, OWN))
    before = subject.send(target, "GET")
    if good is None or before is None or not before.ok or not isinstance(good.step.body, dict):
        return
    usual = before.json()
    if not isinstance(usual, dict):
        return
    properties = not_the_callers(target, operation, subject.operations["GET"], good.step.media_type)
    values = {
        p: v for p, v in _values(target, properties, usual).items() if normalise(p[-1]) not in IDENTIFIERS
    }
    for extra in _portions(target, operation, values, good.step):
        # Read once more, so that the printed steps hold the entity tag that the change needs.
        current = subject.send(target, "GET")
        changed = _send_change(target, subject, operation, good.step, extra)
        if changed is None or current is None:
            return
        if not changed.ok:
            attempt.held += 1
            continue
        after = subject.send(target, "GET")
        if after is not None and _judge(
            attempt, operation, extra, usual, (*subject.origin, current, changed, after)
        ):
            held = {path: value_at(usual, path) for path in extra if value_at(usual, path) is not MISSING}
            _put_back(target, subject, operation, good.step, held)


def _send_change(
    target: Target, subject: Subject, operation: Operation, good: Step, extra: Values
) -> Exchange | None:
    step = subject.step(target, operation.method)
    if step is None:
        return None
    return target.client.send(replace(step, body=_with(good.body, extra), media_type=good.media_type))


def _put_back(target: Target, subject: Subject, operation: Operation, good: Step, usual: Values) -> None:
    """Leave an object that was there before as it was, by the way that was just found open."""
    if subject.made is None and usual:
        _send_change(target, subject, operation, good, usual)
