"""
What a system's table of the configuration names: does the contract know it, and is it enough?
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from joinedup.conformance.diagnosis import Fault, Probe, fault_of
from joinedup.conformance.errors import JoinedUpError, RealDataError
from joinedup.conformance.exchanges import Step
from joinedup.conformance.harvest import MOST_ATTEMPTS, compose
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.operations import Operation
from joinedup.conformance.real_people import refuse_real_people
from joinedup.conformance.redaction import Redactor
from joinedup.conformance.target import OWN, Target

MOST_FIXTURES = 20
PER_FIXTURE = 3


def name_faults(target: Target) -> Iterator[Fault]:
    """Names of the table that the contract does not know."""
    where = f"systems.{target.name}"
    known = {operation.operation_id for operation in target.contract.operations}
    known |= {operation.label for operation in target.contract.operations}
    for key, names in (("requests", target.system.requests), ("leave_out", target.system.leave_out)):
        for name in names:
            if name not in known:
                yield Fault(
                    "operation-unknown",
                    f"{where}.{key} names {name}, and the contract has no such operation.",
                    f"Correct {where}.{key}.{name}: it takes an operationId, or a method and path.",
                )
    used = {normalise(name) for name in target.contract.property_names}
    used |= {normalise(p.name) for operation in target.contract.operations for p in operation.parameters}
    for key, fixtures in _fixtures(target):
        for name in fixtures:
            if normalise(name) not in used:
                yield Fault(
                    "fixture-unused",
                    f"{key} names {name}, and no parameter and no property of the contract is called so.",
                    f"Correct {key}.{name}, or remove it.",
                )


def _fixtures(target: Target) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield f"systems.{target.name}.fixtures", target.system.fixtures
    for identity, keys in target.system.identities.items():
        if isinstance(keys.get("fixtures"), dict):
            yield f"systems.{target.name}.identities.{identity}.fixtures", keys["fixtures"]


def request_faults(target: Target) -> Iterator[Fault]:
    """Bodies of ``requests`` that cannot be read."""
    for operation in target.contract.operations:
        try:
            target.seed_body(operation)
        except JoinedUpError as error:
            key = f"systems.{target.name}.requests.{operation.operation_id}"
            yield fault_of(error, "request-unreadable", f"Correct the path in {key}.")


def fixtures_not_found(target: Target) -> Iterator[Fault]:
    """Fixtures that name an object which the system does not have: the reading of it answers 404."""
    sent = 0
    for name, values in target.system.fixtures.items():
        reader = _reader(target, name)
        for index, value in enumerate(values[:PER_FIXTURE] if reader else ()):
            step = _reading(target, reader, value)
            if step is None or sent >= MOST_FIXTURES:
                break
            sent += 1
            if target.client.send(step).status == 404:
                key = f"systems.{target.name}.fixtures.{name}"
                yield Fault(
                    "fixture-not-found",
                    f"{key}: value number {index + 1} was expected to be known to the system, and {step.operation} "
                    "answered 404.",
                    f"Give a value of this environment in {key}.",
                )


def _reader(target: Target, name: str) -> Operation | None:
    """The reading whose only path parameter goes by the fixture's name."""
    for operation in target.operations:
        places = [p for p in operation.parameters if p.location == "path"]
        if operation.method == "GET" and len(places) == 1 and normalise(places[0].name) == normalise(name):
            return operation
    return None


def _reading(target: Target, reader: Operation | None, value: Any) -> Step | None:
    if reader is None:
        return None
    place = next(p.name for p in reader.parameters if p.location == "path")
    return compose(target, reader, {place: value}, OWN)


def capability_probe(target: Target) -> Probe:
    """What the system is said to be able to do."""
    able = [name for name, has in target.system.capabilities.items() if has]
    listed = len(target.system.capabilities)
    said = f"{len(able)} of {listed} declared as there" if listed else "none are named"
    return Probe(target.name, "capabilities", said)


def limit_probe(target: Target, slowest_s: float) -> Probe:
    """Are the limits wide enough for a run to come to a verdict?"""
    limits, operations = target.configuration.limits, len(target.operations)
    pace = f"{target.budget.per_second:g} a second" if target.budget.per_second else "no pace"
    said = f"{limits.max_requests} requests, {pace}, {limits.timeout_s:g} s for an answer"
    if not target.destructive:
        said += "; nothing destructive"
    faults = []
    if limits.max_requests < operations * MOST_ATTEMPTS:
        faults.append(
            Fault(
                "limits-too-few-requests",
                f"limits.max_requests is {limits.max_requests}, and {operations} operations may need "
                f"{operations * MOST_ATTEMPTS} before each has succeeded once.",
                f"Write at least {operations * MOST_ATTEMPTS * 10} in limits.max_requests.",
            )
        )
    if slowest_s > limits.timeout_s / 2:
        faults.append(
            Fault(
                "limits-time-too-short",
                f"limits.timeout_s is {limits.timeout_s:g}, and an answer took {slowest_s:.1f} s already.",
                f"Write at least {slowest_s * 4:.0f} in limits.timeout_s.",
            )
        )
    return Probe(target.name, "limits", said, tuple(faults))


def real_people_in_settings(target: Target) -> Fault | None:
    """A fixture or a body of ``requests`` that looks like a real person."""
    tables = [fixtures for _, fixtures in _fixtures(target)]
    bodies = [str(target.seed_body(operation)) for operation in target.contract.operations]
    text = json.dumps([tables, bodies], ensure_ascii=False, default=str)
    try:
        refuse_real_people(text.encode("utf-8", "replace"), where="", ours=Redactor())
    except RealDataError:
        where = f"systems.{target.name}.fixtures"
        return Fault(
            "real-people",
            f"{where} or the bodies of systems.{target.name}.requests hold a valid NHS number outside the ranges set aside "
            "for tests.",
            "Replace it by a synthetic one, which begins with 999.",
        )
    return None
