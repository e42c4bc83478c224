"""
Objects of our own: made anew, found in lists, read, changed and taken away again.

A check that changes or deletes does it to an object that it made. What a collection is, which operations an object has
and which of its values identifies it are read from the contract and from answers; the names stand in ``vocabulary``.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from joinedup.conformance.exchanges import MISSING, Exchange, Step, Text
from joinedup.conformance.features import is_create
from joinedup.conformance.harvest import RISKY, compose, writable
from joinedup.conformance.inside import Path, value_at, with_value
from joinedup.conformance.knowledge import context_of, normalise
from joinedup.conformance.lists import identifier_in, items_of
from joinedup.conformance.operations import Operation
from joinedup.conformance.responses import is_json
from joinedup.conformance.samples import CannotSampleError, Sampler, type_of
from joinedup.conformance.target import OWN, Target
from joinedup.conformance.vocabulary import FREE_TEXT, REQUEST_IDENTIFIERS

MOST_PARENTS = 2
SHORTEST_TEXT = 12
"""A free text that is shorter may stand in an answer by chance."""
LONGEST_TEXT = 24
"""No new text is longer."""


@dataclass(frozen=True)
class Collection:
    """
    A list that can be read.

    Args:
        operation: the GET that answers it.
        step: a request for it that succeeded.
        identity: who may read it.
    """

    operation: Operation
    step: Step
    identity: str | None = OWN


# --- lists


def collections_of(target: Target, identity: str | None = OWN) -> tuple[Collection, ...]:
    """Every list that this caller has read, in contract order."""
    found = []
    for operation in target.operations:
        good = target.good.get((operation.label, identity))
        if operation.method == "GET" and good is not None and items_of(good) is not None:
            found.append(Collection(operation, good.step, identity))
    return tuple(found)


def collection_of(target: Target, create: Operation, identity: str | None = OWN) -> Collection | None:
    """The list at the address of a create, where it can be read."""
    return next((c for c in collections_of(target, identity) if c.operation.path == create.path), None)


# --- objects


def creates_of(target: Target, identity: str | None = OWN) -> tuple[Operation, ...]:
    """The operations that make an object and have done so, in contract order; none that may end a credential."""
    return tuple(
        operation
        for operation in target.operations
        if is_create(target.contract, operation)
        and not RISKY.search(operation.path)
        and (operation.label, identity) in target.good
    )


def item_operations(target: Target, create: Operation) -> dict[str, Operation]:
    """
    What can be done to an object that was made: method to operation.

    Found by path (``POST /things`` and ``/things/{id}``), else by the ``Location`` of an answer.
    """
    below = re.compile(re.escape(create.path.rstrip("/")) + r"/\{[^/{}]+\}/?")
    found = {op.method: op for op in target.operations if below.fullmatch(op.path)}
    if found:
        return found
    location = location_path(target, target.good.get((create.label, OWN)))
    templates = {op.path for op in target.operations if location and _fits(op.path, location)}
    # An address that several templates fit says nothing certain.
    return {op.method: op for op in target.operations if op.path in templates} if len(templates) == 1 else {}


def _fits(template: str, path: str) -> bool:
    pattern = re.sub(r"\\\{[^{}]+\\\}", "[^/]+", re.escape(template))
    return template.rstrip("/").endswith("}") and re.fullmatch(pattern, path) is not None


def location_path(target: Target, made: Exchange | None) -> str:
    """The path below the base URL that ``Location`` leads to; empty where there is none, or it leads elsewhere."""
    if made is None or made.response is None:
        return ""
    location = str(made.response.headers.get("location", ""))
    if not location:
        return ""
    base = target.client.base_url
    # Relative to the request, as RFC 9110 10.2.2 says.
    try:
        joined = urljoin(base + made.step.url_path(), location)
    except ValueError:
        return ""
    return joined[len(base) :].partition("#")[0] if joined.startswith(base + "/") else ""


def identifier_of(target: Target, made: Exchange) -> Any:
    """What identifies an object that was made: from the answer, else from ``Location``; ``MISSING`` where nothing does."""
    operation = target.contract.operation(made.step.operation)
    items = item_operations(target, operation) if operation else {}
    parameter = next((_last_parameter(op.path) for op in items.values()), "")
    body = made.json()
    found = identifier_in(body, context_of(made.step.path), parameter) if isinstance(body, dict) else MISSING
    if found is not MISSING:
        return found
    location = made.response.headers.get("location", "") if made.response else ""
    return location.rstrip("/").rpartition("/")[2].partition("?")[0] or MISSING


def _last_parameter(path: str) -> str:
    return next(iter(re.findall(r"\{([^{}]+)\}/?$", path)), "")


def fresh(
    target: Target,
    create: Operation,
    identity: str | None = OWN,
    *,
    identified_by: str = "",
    parents: int = 0,
) -> Exchange | None:
    """
    Make an object of our own, as an earlier create did, with a request id and free text of its own.

    What it answers is learned. Where it is refused, because its kind may exist only once or under an object that has
    one already, other values and a new parent are tried. None where it cannot be made.

    Args:
        identified_by: a header to send with a request identifier of its own, beside those of the earlier create.
        parents: how many parents were made for it already.
    """
    good = target.good.get((create.label, identity))
    if good is None:
        return None
    for step in _fresh_steps(target, create, good, parents):
        headers = {**step.headers, identified_by: ""} if identified_by else step.headers
        made = target.client.send(renewed(target, replace(step, headers=headers)))
        if made.ok:
            target.knowledge.learn(made)
            return made
        if made.status in (401, 403, 405, 429):
            return None
    return None


def _fresh_steps(target: Target, create: Operation, good: Exchange, parents: int) -> Iterator[Step]:
    yield with_new_text(target, create, good.step)
    sampled = _sampled(target, create, good.step)
    if sampled is not None:
        yield sampled
    parent = _parent(target, create)
    if parent is not None and parents < MOST_PARENTS:
        made = fresh(target, parent, good.step.identity, parents=parents + 1)
        name = next(n for n in re.findall(r"\{([^{}]+)\}", create.path) if f"{{{n}}}" not in parent.path)
        if made is not None and (identifier := identifier_of(target, made)) is not MISSING:
            values = {**good.step.path_parameters, **made.step.path_parameters, name: identifier}
            yield replace(good.step, path_parameters=values)


def _parent(target: Target, create: Operation) -> Operation | None:
    """The create of the object under which another one is made: ``POST /a`` for ``POST /a/{id}/b``."""
    before = create.path.rpartition("/{")[0]
    found = target.contract.operation(f"POST {before}") if before else None
    return found if found is not None and found in target.operations else None


def _sampled(target: Target, create: Operation, step: Step) -> Step | None:
    """The same request with a body made anew, without the values that are known by name."""
    schema = schema_of(create, step.media_type)
    if schema is None or not isinstance(step.body, dict):
        return None
    sampler = target.sampler(seed=target.budget.sent, identity=None, path=create.path)
    try:
        return replace(step, body=sampler.value(schema, full=True))
    except CannotSampleError:
        return None


def renewed(target: Target, step: Step) -> Step:
    """The step as a new request: with a request id of its own, where it carries one."""
    headers = {
        name: str(uuid.uuid4()) if normalise(name) in REQUEST_IDENTIFIERS else value
        for name, value in step.headers.items()
    }
    return replace(step, headers=headers)


def step_to(target: Target, made: Exchange, operation: Operation) -> Step | None:
    """A request of an item operation for an object that was made; None where a part of it is unknown."""
    identifier = identifier_of(target, made)
    last = _last_parameter(operation.path)
    if identifier is MISSING or not last:
        return None
    values = {**made.step.path_parameters, last: identifier}
    names = re.findall(r"\{([^{}]+)\}", operation.path)
    if any(name not in values for name in names):
        return None
    return compose(target, operation, {name: values[name] for name in names}, made.step.identity)


def read(target: Target, create: Operation, made: Exchange) -> Exchange | None:
    """Read an object that was made; None where nothing reads it."""
    reader = item_operations(target, create).get("GET")
    step = step_to(target, made, reader) if reader else None
    return target.client.send(step) if step is not None else None


def delete(target: Target, create: Operation, made: Exchange) -> Exchange | None:
    """Delete an object that was made for this; None where nothing deletes it, or nothing may."""
    remover = item_operations(target, create).get("DELETE")
    step = step_to(target, made, remover) if remover else None
    if step is None:
        return None
    gone = target.client.send(step)
    if gone.ok:
        target.knowledge.forget(identifier_of(target, made))
    return gone


# --- an object to work on


@dataclass(frozen=True)
class Subject:
    """
    An object that a sequence works on.

    Args:
        values: what the item's path parameters are.
        operations: what can be done to it, by method.
        identity: whose it is.
        made: how it was made; None for one that was there before and is left as it was.
    """

    values: Mapping[str, Any]
    operations: Mapping[str, Operation]
    identity: str | None = OWN
    made: Exchange | None = None

    @property
    def origin(self) -> tuple[Exchange, ...]:
        """The exchange that made it, if one did."""
        return (self.made,) if self.made else ()

    @property
    def change(self) -> Operation | None:
        """The operation that changes it, PATCH before PUT."""
        return self.operations.get("PATCH") or self.operations.get("PUT")

    def step(self, target: Target, method: str) -> Step | None:
        """A request of one of its operations; None where there is none, or a part of it is unknown."""
        operation = self.operations.get(method)
        return compose(target, operation, dict(self.values), self.identity) if operation else None

    def send(self, target: Target, method: str) -> Exchange | None:
        """Send that request; None where there is none."""
        step = self.step(target, method)
        return target.client.send(step) if step is not None else None


def subject_of(target: Target, create: Operation, made: Exchange) -> Subject | None:
    """An object that was made, as something to work on; None where nothing can be done to it."""
    operations = item_operations(target, create)
    steps = [step_to(target, made, operation) for operation in operations.values()]
    values = next((step.path_parameters for step in steps if step is not None), None)
    return None if values is None else Subject(values, operations, made.step.identity, made)


def fresh_subject(target: Target, create: Operation, identity: str | None = OWN) -> Subject | None:
    """A new object to work on; None where it cannot be made, or nothing can be done to it."""
    made = fresh(target, create, identity)
    return subject_of(target, create, made) if made is not None else None


def existing_subjects(target: Target, identity: str | None = OWN) -> Iterator[Subject]:
    """Objects that were read and can be changed, and that no create of the contract makes, in contract order."""
    made = {
        op.path for create in creates_of(target, identity) for op in item_operations(target, create).values()
    }
    for operation in target.operations:
        good = target.good.get((operation.label, identity))
        if operation.method != "GET" or good is None or operation.path in made or "{" not in operation.path:
            continue
        operations = {op.method: op for op in target.operations if op.path == operation.path}
        yield Subject(good.step.path_parameters, operations, identity)


def same(subject: Subject) -> Subject:
    """An object that was there before, where one that is made anew could stand."""
    return subject


# --- free text


def free_texts(target: Target, schema: Any, depth: int = 0) -> Iterator[Path]:
    """The paths of properties that take any text, those of the outermost object first, descriptive names before others."""
    properties = writable(target, schema)
    texts = [name for name, inner in properties.items() if _takes_text(target, inner)]
    yield from ((name,) for name in sorted(texts, key=lambda n: normalise(n) not in FREE_TEXT))
    if depth < 2:
        for name, inner in properties.items():
            if type_of(target.contract.resolve(inner)) == "object":
                yield from ((name, *rest) for rest in free_texts(target, inner, depth + 1))


def free_text(target: Target, schema: Any) -> Path | None:
    """The path of the property of a schema that best takes any text, or None."""
    return next(free_texts(target, schema), None)


def _takes_text(target: Target, schema: Any) -> bool:
    node = target.contract.resolve(schema)
    if {"enum", "const", "format", "oneOf", "anyOf", "allOf"} & node.keys() or type_of(node) != "string":
        return False
    if (
        int(node.get("maxLength", LONGEST_TEXT)) < LONGEST_TEXT
        or int(node.get("minLength", 0)) > SHORTEST_TEXT
    ):
        return False
    try:
        return re.search(node.get("pattern", ""), "Amber Birch 12") is not None
    except re.error:
        return False


def new_text(target: Target, held: str = "") -> str:
    """
    A text that was not sent before; it has letters, digits and spaces only.

    Args:
        held: the text in whose place it comes; where that begins with the run's marker, so does the new one.
    """
    marked = bool(target.marker) and held.startswith(target.marker)
    length = len(held) if marked else SHORTEST_TEXT
    schema = {"type": "string", "minLength": length, "maxLength": length if marked else 10_000}
    marker = target.marker if marked else ""
    made = Sampler(target.contract.resolve, target.seed * 1000 + target.budget.sent, marker=marker).value(
        schema
    )
    return str(made)


def with_new_text(target: Target, operation: Operation, step: Step) -> Step:
    """The step with its first free text replaced by a new one; itself where it has none."""
    schema = schema_of(operation, step.media_type)
    if isinstance(step.body, Text) or not isinstance(step.body, dict) or schema is None:
        return step
    for path in free_texts(target, schema):
        if isinstance(value_at(step.body, path), str):
            held = str(value_at(step.body, path))
            return replace(step, body=with_value(step.body, path, new_text(target, held)))
    return step


def schema_of(operation: Operation, media_type: str) -> dict[str, Any] | None:
    """The schema of a JSON body that an operation takes, by media type; None for other bodies."""
    schemas = operation.body.media_types if operation.body else {}
    return schemas.get(media_type) if is_json(media_type) else None
