"""
Tracing: request, correlation and trace headers come back as they were sent, and a malformed one does no harm.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from joinedup.conformance.causes import Causes
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import NAMES, Feature
from joinedup.conformance.features import plain as bare
from joinedup.conformance.near_misses import matches, server_failure
from joinedup.conformance.operations import Operation, Parameter
from joinedup.conformance.places import Base

MALFORMED = ("a" * 2_000, "' \"<>;")
MOST_MALFORMED = 3
"""Operations that are sent malformed ids: it is the same code everywhere."""


@dataclass
class Traced:
    """
    What became of request ids.

    Args:
        judged: ids that should have come back.
        harmless: malformed ids that did no harm.
        undeclared: operations whose answers do not declare the header of their requests.
        causes: ids that did not come back, and malformed ones that made the server fail.
    """

    judged: int = 0
    harmless: int = 0
    undeclared: list[str] = field(default_factory=list)
    causes: Causes = field(default_factory=Causes)


def judge_tracing(base: Base, traced: Traced) -> None:
    """Judge each tracing header that an operation declares."""
    for parameter in base.operation.parameters:
        if parameter.location == "header" and bare(parameter.name) in NAMES[Feature.CORRELATION_REQUEST_ID]:
            _judge_echo(base, parameter, traced)
            _judge_malformed(base, parameter, traced)


def _judge_echo(base: Base, parameter: Parameter, traced: Traced) -> None:
    sent, value = base.next(), telling_id(parameter.schema)
    if sent is None or not value:
        return
    exchange = base.sent(_with_header(sent, parameter.name, value))
    if not exchange.ok:
        return
    if not _declares(base.operation, exchange.status, parameter.name):
        traced.undeclared.append(base.operation.label)
        return
    traced.judged += 1
    if exchange.response is not None and exchange.response.headers.get(parameter.name) != value:
        traced.causes.add(_lost(base, parameter, exchange, value))


def telling_id(schema: Mapping[str, object]) -> str:
    """An id that a schema allows and that nobody else sends; empty where none is known."""
    made = str(uuid.uuid4())
    trace = f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01"
    return next((value for value in (made, made.replace("-", ""), trace) if matches(schema, value)), "")


def _with_header(step: Step, name: str, value: str) -> Step:
    kept = {key: held for key, held in step.headers.items() if key.lower() != name.lower()}
    return replace(step, headers={**kept, name: value})


def _declares(operation: Operation, status: int, name: str) -> bool:
    response = operation.responses.get(str(status)) or operation.responses.get(f"{str(status)[0]}XX") or {}
    return any(header.lower() == name.lower() for header in response.get("headers") or {})


def _judge_malformed(base: Base, parameter: Parameter, traced: Traced) -> None:
    if traced.harmless >= MOST_MALFORMED * len(MALFORMED):
        return
    for value in MALFORMED:
        step = base.next()
        if step is None:
            return
        exchange = base.sent(_with_header(step, parameter.name, value))
        if exchange.status >= 500:
            traced.causes.add(_failure(exchange))
        elif exchange.response is not None:
            traced.harmless += 1


def _failure(exchange: Exchange) -> Suspicion:
    return replace(server_failure(exchange), requirements=("OBS-01", "CON-API-12"))


def _lost(base: Base, parameter: Parameter, exchange: Exchange, value: str) -> Suspicion:
    def again() -> bool:
        step, other = base.next(), telling_id(parameter.schema)
        second = base.sent(_with_header(step, parameter.name, other)) if step is not None else None
        return bool(
            second is not None
            and second.ok
            and second.response
            and second.response.headers.get(parameter.name) != other
        )

    came = exchange.response is not None and parameter.name in exchange.response.headers
    return Suspicion(
        rule="request-id-not-returned",
        requirements=("OBS-01",),
        title="A request id does not come back as it was sent",
        expected=f"The header {parameter.name} with the value sent, as the contract declares it for the answer.",
        actual=f"{exchange.status} with {'another value' if came else 'no such header'}.",
        exchanges=(*base.lead, exchange),
        expectation=Expectation(header=parameter.name, header_is=value),
        cause=f"header {parameter.name}",
        again=again,
    )
