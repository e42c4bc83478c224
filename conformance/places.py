"""
The places of a request where something can be put, and requests that are known to be accepted.

A near miss proves something only beside a control: the same request without it, accepted. A ``Base`` is that control,
and can be made again as often as needed, also where an accepted request uses up the object that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.contract import Contract
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.features import is_create
from joinedup.conformance.harvest import CONDITION, IGNORED_HEADERS, RISKY, plain, read_again, reader_of
from joinedup.conformance.inside import MOST_LEVELS, Path, flattened, taken, value_at, with_value, without
from joinedup.conformance.objects import (
    creates_of,
    fresh,
    identifier_of,
    item_operations,
    renewed,
    schema_of,
    step_to,
    with_new_text,
)
from joinedup.conformance.operations import Operation
from joinedup.conformance.samples import CannotSampleError, type_of
from joinedup.conformance.target import OWN, Target


@dataclass(frozen=True)
class Place:
    """
    Where a value goes in a request.

    Args:
        location: ``path``, ``query``, ``header`` or ``body``.
        path: names of properties from the outside in; the one name of a parameter; empty for the whole body.
        schema: what the contract says of the value, references and ``allOf`` resolved.
        required: whether the contract wants it.
        conditional: whether that holds only for the alternative that an accepted body takes (``oneOf``, ``anyOf``).
    """

    location: str
    path: Path
    schema: Mapping[str, Any]
    required: bool
    conditional: bool = False

    @property
    def name(self) -> str:
        """The innermost name; empty for the whole body."""
        return self.path[-1] if self.path else ""

    @property
    def label(self) -> str:
        """How people are told of it."""
        if not self.path:
            return "the body"
        kind = {"body": "property", "header": "header"}.get(self.location, f"{self.location} parameter")
        return f"the {kind} {'.'.join(self.path)}"

    @property
    def takes_null(self) -> bool:
        """Whether the contract allows null, or says nothing of the type."""
        kind = self.schema.get("type")
        return (
            kind is None
            or self.schema.get("nullable") is True
            or kind == "null"
            or (isinstance(kind, list) and "null" in kind)
            or None in (self.schema.get("enum") or [])
        )


def places_of(
    contract: Contract, operation: Operation, media_type: str, body: Any = MISSING
) -> Iterator[Place]:
    """
    Every place of an operation's request: parameters first, then the body from the outside in.

    Args:
        body: an accepted body; its lists are entered at their first item, and it decides between alternatives.
    """
    for parameter in operation.parameters:
        if parameter.location in ("path", "query") or (
            parameter.location == "header" and parameter.name.lower() not in IGNORED_HEADERS | CONDITION
        ):
            schema = flattened(contract, parameter.schema)
            yield Place(parameter.location, (parameter.name,), schema, parameter.required)
    schema_of_body = schema_of(operation, media_type)
    if schema_of_body is not None and operation.body is not None:
        whole, chosen = taken(contract, schema_of_body, body)
        yield Place("body", (), whole, operation.body.required, chosen)
        yield from _within(contract, Place("body", (), whole, True, chosen), body)


def _within(contract: Contract, outer: Place, held: Any) -> Iterator[Place]:
    """The places inside one: the properties of an object, the first item of a list that is there."""
    wanted = outer.schema.get("required") or ()
    inner = dict(outer.schema.get("properties") or {}) if type_of(outer.schema) == "object" else {}
    if isinstance(held, list) and held and outer.schema.get("type") == "array":
        inner = {"0": outer.schema.get("items")}
    for name, schema in inner.items():
        value = value_at(held, (name,))
        node, chosen = taken(contract, schema, value)
        if node.get("readOnly"):
            continue
        place = Place("body", (*outer.path, name), node, name in wanted, outer.conditional or chosen)
        yield place
        if len(outer.path) < MOST_LEVELS:
            yield from _within(contract, place, value)


# --- one thing changed


def value_in(step: Step, place: Place) -> Any:
    """What a request has at a place, or ``MISSING``."""
    if place.location == "body":
        return value_at(step.body, place.path)
    if place.location == "path":
        return step.path_parameters.get(place.name, MISSING)
    pairs = step.query if place.location == "query" else tuple(step.headers.items())
    return next((value for name, value in pairs if name == place.name), MISSING)


def changed(step: Step, place: Place, value: Any) -> Step:
    """The request with another value at a place; ``MISSING`` takes it away."""
    if place.location == "body":
        body = (
            without(step.body, place.path) if value is MISSING else with_value(step.body, place.path, value)
        )
        return replace(step, body=body)
    if place.location == "path":
        return replace(step, path_parameters={**step.path_parameters, place.name: value})
    if place.location == "header":
        headers = {name: held for name, held in step.headers.items() if name != place.name}
        return replace(step, headers=headers if value is MISSING else {**headers, place.name: plain(value)})
    pairs = tuple(pair for pair in step.query if pair[0] != place.name)
    return replace(step, query=pairs if value is MISSING else (*pairs, (place.name, plain(value))))


# --- requests that are accepted


@dataclass
class Base:
    """
    A request that the system accepts, to be sent again with one thing changed.

    Args:
        target: the system under test.
        operation: what is called.
        step: the request that was accepted last.
        single_use: whether each accepted request needs a parent of its own.
        lead: what must take place before it, for a printed reproduction.
        made: what of that made the object that it is about.
    """

    target: Target
    operation: Operation
    step: Step
    single_use: bool = False
    lead: tuple[Exchange, ...] = ()
    made: tuple[Exchange, ...] = ()
    _used: bool = field(default=False)

    def next(self) -> Step | None:
        """The request once more, ready to be accepted; None where it cannot be made ready."""
        if self._used:
            ready = self._readied()
            if ready is None:
                return None
            self.step, self._used = ready, False
        return renewed(self.target, self.step)

    def _readied(self) -> Step | None:
        if self.single_use:
            prepared = _under_new_parent(self.target, self.operation, self.step)
            if prepared is None:
                return None
            step, parent = prepared
            self.lead = (parent,)
            return step
        step, reading = _with_current_tag(self.target, self.operation, self.step)
        self.lead = (*self.made, reading) if reading is not None else self.lead
        return step

    def send(self, place: Place | None = None, value: Any = MISSING) -> Exchange | None:
        """Send it, with another value at a place where one is given; None where it cannot be made ready."""
        step = self.next()
        if step is None:
            return None
        return self.sent(changed(step, place, value) if place is not None else step)

    def sent(self, step: Step) -> Exchange:
        """Send a request that was made of this one, and note whether it used it up."""
        exchange = self.target.client.send(step)
        if exchange.ok:
            self._used = step.method != "GET"
        return exchange

    def is_accepted(self) -> bool:
        """Whether the request as it is, with nothing changed, is accepted now."""
        exchange = self.send()
        return exchange is not None and exchange.ok


def caller(target: Target) -> str | None:
    """The caller whose requests are the controls."""
    return OWN if OWN in target.identities else None


def bases(target: Target, *methods: str) -> Iterator[Base]:
    """A base for each operation that has succeeded and succeeds again, in contract order; none that may end a credential."""
    for operation in target.operations:
        if (methods and operation.method not in methods) or operation.method in ("DELETE", "HEAD", "OPTIONS"):
            continue
        if operation.method != "GET" and RISKY.search(operation.path):
            continue
        base = base_of(target, operation)
        if base is not None:
            yield base


def kept_from(target: Target) -> list[str]:
    """
    Labels of the operations that no base is made of, where no other takes input; empty where another does.

    They may end a credential, so that generated requests alone reach them, after everything else.
    """
    taking = [op for op in target.operations if op.body or any(_is_input(p.location) for p in op.parameters)]
    kept = [op.label for op in taking if op.method != "GET" and RISKY.search(op.path)]
    return kept if len(kept) == len(taking) else []


def _is_input(location: str) -> bool:
    return location in ("path", "query")


def base_of(target: Target, operation: Operation) -> Base | None:
    """A request for an operation that is accepted now, or None."""
    good = target.good.get((operation.label, caller(target)))
    if good is None:
        return None
    own = _on_own_object(target, operation, good.step)
    if own is not None and own.is_accepted():
        return own
    step, reading = _with_current_tag(target, operation, good.step)
    base = Base(target, operation, step, lead=(reading,) if reading is not None else ())
    if base.is_accepted():
        return base
    if operation.method != "POST":
        return None
    renewed_text = Base(target, operation, with_new_text(target, operation, good.step))
    if renewed_text.step != good.step and renewed_text.is_accepted() and renewed_text.is_accepted():
        return renewed_text
    prepared = _under_new_parent(target, operation, good.step)
    if prepared is None:
        return None
    moved = Base(target, operation, prepared[0], single_use=True, lead=(prepared[1],))
    return moved if moved.is_accepted() else None


def _on_own_object(target: Target, operation: Operation, step: Step) -> Base | None:
    """A change of an object that was made for it, so that what others rely on stays as it is; None where none can be made."""
    if operation.method not in ("PUT", "PATCH"):
        return None
    for create in creates_of(target, step.identity):
        if item_operations(target, create).get(operation.method) != operation:
            continue
        made = fresh(target, create, step.identity)
        to = step_to(target, made, operation) if made is not None else None
        if made is None or to is None:
            return None
        moved = replace(step, path_parameters=to.path_parameters)
        current, reading = _with_current_tag(target, operation, moved)
        return Base(target, operation, current, made=(made,), lead=(made, reading) if reading else (made,))
    return None


def _with_current_tag(target: Target, operation: Operation, step: Step) -> tuple[Step, Exchange | None]:
    """The step with the entity tag that its object has now, and the reading that told it."""
    header = next((name for name in step.headers if name.lower() in CONDITION), None)
    reader = reader_of(target, operation.path) if header else None
    reading = read_again(target, reader, step) if reader is not None else None
    tag = reading.response.headers.get("etag") if reading is not None and reading.response else None
    if header is None or not tag:
        return step, None
    return replace(step, headers={**step.headers, header: tag}), reading


def _under_new_parent(target: Target, operation: Operation, step: Step) -> tuple[Step, Exchange] | None:
    """The step about a new object, for what can be done to an object once; and the answer that made the object."""
    before = operation.path
    while before := before.rpartition("/{")[0]:
        create = target.contract.operation(f"POST {before}")
        if create is None or create not in target.operations or not is_create(target.contract, create):
            continue
        made = fresh(target, create, step.identity)
        identifier = identifier_of(target, made) if made is not None else MISSING
        if made is None or identifier is MISSING:
            return None
        name = _parameter_after(operation.path, before)
        values = {**step.path_parameters, **made.step.path_parameters, name: identifier}
        moved, _ = _with_current_tag(target, operation, replace(step, path_parameters=values))
        return moved, made
    return None


def _parameter_after(path: str, before: str) -> str:
    found = re.match(r"/\{([^{}]+)\}", path[len(before) :])
    return found[1] if found else ""


def filled(target: Target, base: Base) -> Base:
    """
    A base with every optional property too, where the system accepts that; otherwise the base itself.

    More properties are more places to test, each beside a value that was accepted.
    """
    schema = schema_of(base.operation, base.step.media_type)
    if schema is None or not isinstance(base.step.body, dict):
        return base
    try:
        whole = target.sampler(path=base.operation.path).value(schema, full=True)
    except CannotSampleError:
        return base
    step = base.next()
    if step is None or not isinstance(whole, dict):
        return base
    body = _over(whole, step.body)
    if body == step.body:
        return base
    return (
        replace(base, step=replace(base.step, body=body)) if base.sent(replace(step, body=body)).ok else base
    )


def _over(whole: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Values that were accepted before over sampled ones; null gives way."""
    together = dict(whole)
    for name, value in known.items():
        under = together.get(name)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            together[name] = _over(under, value)
        elif value is not None or name not in together:
            together[name] = value
    return together
