"""
Harvest: before anything is generated, find real identifiers and one successful request for each operation.

Read what can be read; what it holds opens more paths. Then create, change and, last, delete an object of its own.
Valid creates are the bottleneck, so they get a ladder of bodies and stop at the first that is accepted; where none is,
the refusals are read for what they ask for.
"""

from __future__ import annotations

import contextlib
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from joinedup.conformance.errors import JoinedUpError
from joinedup.conformance.exchanges import MISSING, Exchange, Step, Text
from joinedup.conformance.mending import Mender
from joinedup.conformance.operations import Operation, Parameter
from joinedup.conformance.responses import base_type, is_json
from joinedup.conformance.samples import CannotSampleError, Sampler
from joinedup.conformance.target import OWN, Target
from joinedup.conformance.watch import RISKY as RISKY

LEVELS = 3
MOST_ATTEMPTS = 8
MOST_PATHS = 3
# How many refusals are followed, and how often each: a form may complain of one thing at a time.
MOST_REFUSALS = 2
MOST_MENDED = 6
# Headers that HTTP or the credential owns; OpenAPI 3 says that parameters of these names are ignored.
IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})
CONDITION = frozenset({"if-match"})


def harvest(target: Target, identity: str = OWN) -> None:
    """
    Exercise every operation that can be called, as one caller; what is found goes to ``target``.

    Raises:
        SetupError: the caller got no credential, or the requests are used up.
    """
    creates = [op for op in target.operations if op.method == "POST" and not RISKY.search(op.path)]
    for level in range(LEVELS):
        grown = _read_all(target, identity)
        if level < LEVELS - 1:
            created = [_attempt(target, op, identity) for op in creates if not _done(target, op, identity)]
            grown = grown or any(created)
        if not grown:
            break
    for operation in (
        op for op in target.operations if op.method in ("PUT", "PATCH") and not RISKY.search(op.path)
    ):
        _attempt(target, operation, identity)
    _read_all(target, identity)


def try_again(target: Target, operation: Operation, identity: str = OWN) -> bool:
    """Try an operation once more, with all that has been learned since; True where it succeeded."""
    return _done(target, operation, identity) or _attempt(target, operation, identity)


def _done(target: Target, operation: Operation, identity: str | None) -> bool:
    return (operation.label, identity) in target.good


def _read_all(target: Target, identity: str | None) -> bool:
    """Read everything that can be read and was not yet; True where something new was learned."""
    learned = False
    for operation in target.operations:
        if operation.method in ("GET", "HEAD") and not _done(target, operation, identity):
            learned |= _attempt(target, operation, identity)
    return learned


def _attempt(target: Target, operation: Operation, identity: str | None) -> bool:
    """Try an operation until it succeeds; True where it did."""
    if operation.label in target.culprits:
        return False
    refusals: list[Exchange] = []
    for step in itertools.islice(candidates(target, operation, identity), MOST_ATTEMPTS):
        exchange = target.client.send(step)
        if exchange.ok:
            target.knowledge.learn(exchange)
            return True
        if exchange.status in (401, 405, 501):
            return False
        refusals += [exchange] if exchange.status in _speaks_of_input(operation) else []
    return any(_is_mended(target, operation, refusal) for refusal in refusals[:MOST_REFUSALS])


def _speaks_of_input(operation: Operation) -> tuple[int, ...]:
    """The statuses with which a refusal may name a part of the request; 404 where nothing in the path can be meant."""
    return (400, 422) if "{" in operation.path else (400, 404, 422)


def _is_mended(target: Target, operation: Operation, refusal: Exchange) -> bool:
    """Do as a refusal says, and as the next one says; True where that is accepted in the end."""
    mender = Mender(target, operation)
    for _ in range(MOST_MENDED):
        step = mender.mended(refusal)
        if step is None:
            return False
        refusal = target.client.send(step)
        if refusal.ok:
            target.knowledge.learn(refusal)
            return True
        if refusal.status not in (400, 404, 409, 422):
            return False
    return False


def candidates(target: Target, operation: Operation, identity: str | None = OWN) -> Iterator[Step]:
    """Requests for an operation that may well be accepted, the likeliest first."""
    paths = list(itertools.islice(path_values(target, operation, identity), MOST_PATHS))
    bodies: list[tuple[Any, str]] | None = None
    for full, values in itertools.product((False, True), paths):
        base = compose(target, operation, values, identity, full=full)
        if base is None:
            continue
        if bodies is None:
            bodies = list(body_ladder(target, operation, base))
        if not bodies:
            yield base
            continue
        for body, media_type in bodies:
            yield replace(base, body=body, media_type=media_type)
        bodies = bodies[:3]


def path_values(target: Target, operation: Operation, identity: str | None) -> Iterator[dict[str, Any]]:
    """Values for all path parameters together: known ones first, then the contract's examples."""
    parameters = [p for p in operation.parameters if p.location == "path"]
    choices = [_choices(target, operation, parameter, identity) for parameter in parameters]
    for values in itertools.product(*choices):
        yield {p.name: value for p, value in zip(parameters, values, strict=True)}


def _choices(target: Target, operation: Operation, parameter: Parameter, identity: str | None) -> list[Any]:
    known = target.knowledge.values_for(parameter.name, operation.path, "path", identity=identity)
    enumerated = list(parameter.schema.get("enum") or [])
    made = [] if known else _sampled(target.sampler(identity=identity, path=operation.path), parameter)
    return list(
        dict.fromkeys(
            [*known, *enumerated, *(e for e in parameter.examples if isinstance(e, str | int)), *made]
        )
    )[:5]


def _sampled(sampler: Sampler, parameter: Parameter) -> list[Any]:
    try:
        value = sampler.value(parameter.schema)
    except CannotSampleError:
        return []
    return [value] if isinstance(value, str | int | float) else []


def accepted_version(operation: Operation) -> str:
    """
    The media type to ask for where a success comes in types of the system's own only, such as a version each.

    Without it a server gives the version that it likes, or refuses. Empty where plain JSON or no JSON is declared.
    """
    content = (name for _, response in operation.success_responses for name in response.get("content") or {})
    declared = [name for name in dict.fromkeys(content) if is_json(name) and "*" not in name]
    plain_json = any(base_type(name) == "application/json" and "version" not in name for name in declared)
    return declared[0] if declared and not plain_json else ""


def compose(
    target: Target, operation: Operation, values: dict[str, Any], identity: str | None, *, full: bool = False
) -> Step | None:
    """
    A request with its path filled in, what is required in query and headers, and no body.

    None where a required parameter cannot be made. ``full`` adds the optional query parameters that have a known value.
    """
    sampler = target.sampler(
        seed=len(target.answers.get(operation.label, ())), identity=identity, path=operation.path
    )
    query: list[tuple[str, Any]] = []
    headers: dict[str, str] = {}
    for parameter in operation.parameters:
        if parameter.location not in ("query", "header") or parameter.name.lower() in IGNORED_HEADERS:
            continue
        value = _parameter_value(target, operation, parameter, sampler, identity, full=full)
        if value is MISSING:
            if parameter.required and parameter.name.lower() not in CONDITION:
                return None
        elif parameter.location == "query":
            query.extend(
                (parameter.name, plain(item)) for item in (value if isinstance(value, list) else [value])
            )
        else:
            headers[parameter.name] = plain(value)
    if version := accepted_version(operation):
        headers["Accept"] = version
    step = Step(
        operation.method,
        operation.path,
        values,
        tuple(query),
        headers,
        identity=identity,
        operation=operation.label,
    )
    return _with_condition(target, operation, step)


def _parameter_value(
    target: Target,
    operation: Operation,
    parameter: Parameter,
    sampler: Sampler,
    identity: str | None,
    *,
    full: bool,
) -> Any:
    name = parameter.name
    if name.lower() in CONDITION:
        return MISSING
    known = target.knowledge.values_for(name, operation.path, parameter.location, identity=identity, most=1)
    if known and (parameter.required or full):
        return known[0]
    if not parameter.required:
        return MISSING
    if parameter.schema.get("format") == "uuid":
        return str(uuid.uuid4())
    if parameter.examples:
        return parameter.examples[0]
    try:
        return sampler.value(parameter.schema, name=name)
    except CannotSampleError:
        return MISSING


def plain(value: Any) -> str:
    """A value as it stands in a header or query: ``true`` and not ``True``."""
    return (
        value
        if isinstance(value, str)
        else {True: "true", False: "false", None: ""}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )


def _with_condition(target: Target, operation: Operation, step: Step) -> Step:
    """The step with the current entity tag, where the operation takes one."""
    condition = next(
        (p for p in operation.parameters if p.location == "header" and p.name.lower() in CONDITION), None
    )
    reader = reader_of(target, operation.path)
    if condition is None or reader is None:
        return step
    current = read_again(target, reader, step)
    tag = current.response.headers.get("etag") if current and current.response else None
    return replace(step, headers={**step.headers, condition.name: tag}) if tag else step


def reader_of(target: Target, path: str) -> Operation | None:
    """The GET of the same path, or of the nearest item that the path lies under."""
    while path:
        found = target.contract.operation(f"GET {path}")
        if found is not None:
            return found
        path = path.rpartition("/")[0]
    return None


def read_again(target: Target, reader: Operation, step: Step) -> Exchange | None:
    """Read the object that a step is about, as the same caller; None where that request cannot be made."""
    names = [p.name for p in reader.parameters if p.location == "path"]
    if any(name not in step.path_parameters for name in names):
        return None
    base = compose(target, reader, {name: step.path_parameters[name] for name in names}, step.identity)
    return target.client.send(base) if base is not None else None


def body_ladder(target: Target, operation: Operation, base: Step) -> Iterator[tuple[Any, str]]:
    """Bodies to try, the likeliest first, each with its media type; nothing where the operation takes none."""
    seed = target.seed_body(operation)
    if seed is not MISSING:
        yield seed, _json_type(operation) or "application/json"
        return
    if operation.body is None:
        if operation.method in ("POST", "PUT", "PATCH"):
            yield MISSING, ""
            yield Text("joinedup test message"), "text/plain"
        return
    media_type = _json_type(operation)
    if media_type is None:
        yield from _other_bodies(target, operation)
        return
    yield from ((body, media_type) for body in _json_bodies(target, operation, base, media_type))


def _json_bodies(target: Target, operation: Operation, base: Step, media_type: str) -> Iterator[Any]:
    body = operation.body
    if body is None:
        return
    if operation.method == "PUT":
        yield from _as_it_is(target, operation, base)
    yield from body.examples.get(media_type, ())[:2]
    schema = body.media_types[media_type]
    for full in (True, False):
        for known in (True, False):
            try:
                sampler = (
                    target.sampler(identity=base.identity, path=operation.path)
                    if known
                    else Sampler(target.contract.resolve, target.seed)
                )
                yield sampler.value(schema, full=full)
            except (CannotSampleError, JoinedUpError):
                continue
    yield from _plain_bodies(target, operation, base, schema)
    if not body.required:
        yield MISSING
    yield {}


def _plain_bodies(target: Target, operation: Operation, base: Step, schema: Any) -> Iterator[Any]:
    """Bodies whose free text is of lower-case letters, digits and hyphens: what many systems want of a name."""
    sampler = target.sampler(identity=base.identity, path=operation.path, plain=True)
    for full in (True, False):
        with contextlib.suppress(CannotSampleError):
            yield sampler.value(schema, full=full)


def _as_it_is(target: Target, operation: Operation, base: Step) -> Iterator[Any]:
    """What a replaced object is now, with only the properties that the request's schema declares."""
    reader = target.contract.operation(f"GET {operation.path}")
    current = read_again(target, reader, base) if reader else None
    value = current.json() if current is not None and current.ok else MISSING
    media_type = _json_type(operation)
    if not isinstance(value, dict) or operation.body is None or media_type is None:
        return
    declared = writable(target, operation.body.media_types[media_type])
    if declared:
        yield {name: item for name, item in value.items() if name in declared}


def writable(target: Target, schema: Any) -> dict[str, Any]:
    """The properties that a request schema declares and does not mark as read-only, with their schemas."""
    node = target.contract.resolve(schema)
    found: dict[str, Any] = {}
    for part in node.get("allOf", []):
        found |= writable(target, part)
    for name, inner in (node.get("properties") or {}).items():
        if not target.contract.resolve(inner).get("readOnly"):
            found[name] = inner
    return found


def _json_type(operation: Operation) -> str | None:
    """The JSON media type that the operation takes, plain JSON before others."""
    types = list(operation.body.media_types) if operation.body else []
    plain_json = [t for t in types if t.partition(";")[0].strip() == "application/json"]
    return next(
        iter(
            [
                *plain_json,
                *(t for t in types if t.partition(";")[0].strip().endswith("json")),
                *(t for t in types if t == "*/*"),
            ]
        ),
        None,
    )


def _other_bodies(target: Target, operation: Operation) -> Iterator[tuple[Any, str]]:
    """Form and text bodies; XML and multipart are left to the generated phases."""
    body = operation.body
    for media_type, schema in body.media_types.items() if body else ():
        if media_type.startswith("application/x-www-form-urlencoded"):
            for full in (False, True):
                try:
                    fields = target.sampler(path=operation.path).value(schema, full=full)
                except CannotSampleError:
                    continue
                if isinstance(fields, dict):
                    yield Text(as_form(fields)), media_type
        elif media_type.startswith("text/"):
            yield Text("joinedup test message"), media_type


def as_form(fields: dict[str, Any]) -> str:
    """A form as it goes over the wire: percent-encoded, a list as one pair for each item."""
    pairs = [
        (name, plain(item))
        for name, value in fields.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    return urlencode(pairs)
