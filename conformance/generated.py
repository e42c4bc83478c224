"""
Generated checks: Schemathesis's engine, driven once per system, its events turned into observations.

The modules whose names begin like this one are the only ones that import Schemathesis. They give plain values: how many
requests of which kind each operation got in each phase, and what looked wrong. Judging responses against the contract,
grouping by cause and confirming are ours, so that a sentence never holds a value of the system and a finding is the same
in every run.

::

    generated           drives the engine and reads its events
    generated_input     what the engine is given: contract, known values, links, settings
    generated_economy   what generating does without
    generated_session   what every request and answer passes: limits, credential, record
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from schemathesis.engine import events, from_schema
from schemathesis.generation.meta import CoveragePhaseData

from joinedup.conformance.client import TOO_LARGE, BudgetSpentError
from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import Exchange, Response
from joinedup.conformance.generated_economy import sparing
from joinedup.conformance.generated_input import Cases, schema_for
from joinedup.conformance.generated_session import Gate, below, sessions
from joinedup.conformance.reproduction import step_from_wire
from joinedup.conformance.target import OWN, Target
from joinedup.conformance.watch import RISKY

# Of the requests that are left; confirming what was found, and the checks that come last, need the rest.
SHARE = 0.8
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass(frozen=True)
class Observation:
    """
    One generated exchange.

    Args:
        phase: one of ``PHASES``.
        positive: whether the contract allows the request; None where it is neither (a probe of the request's shape).
        fault: what is wrong with a request that the contract does not allow: (location, name, how).
        failures: codes of the Schemathesis checks that the answer failed.
        exchange: what was sent and what came back.
        before: what led to it, in the stateful phase.
    """

    phase: str
    positive: bool | None
    fault: tuple[str, str, str]
    failures: tuple[str, ...]
    exchange: Exchange
    before: tuple[Exchange, ...] = ()


@dataclass
class Tally:
    """What one operation got in one phase."""

    positive: int = 0
    negative: int = 0
    accepted: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


@dataclass
class Generated:
    """
    Everything that the engine did to one system.

    Args:
        cut: why not everything that was meant could be sent; empty where it was.
        left_out: phases that a run of this size leaves out.
        one_of_a_shape: whether wrong headers and queries went to one operation only of those that have the same.
    """

    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    cases: int = 0
    seconds: float = 0.0
    cut: str = ""
    left_out: frozenset[str] = frozenset()
    one_of_a_shape: bool = False
    errors: list[tuple[str, str]] = field(default_factory=list)

    def tally(self, label: str, phase: str) -> Tally:
        """The tally of an operation in a phase."""
        return self.tallies.setdefault((label, phase), Tally())


def run_generated(target: Target, cases: Cases, judge: Callable[[Observation], None]) -> Generated:
    """
    Generate and send, handing every exchange to ``judge`` once, in the order of the engine's scenarios.

    Raises:
        RealDataError: an answer looks like real people.
        SetupError: the caller's credential could not be had.
    """
    fitting = cases.within(len(target.operations), int(target.budget.left * SHARE), target.crowd)
    generated = Generated(left_out=fitting.left_out, one_of_a_shape=fitting.same_shape is not None)
    started = time.monotonic()
    gate = Gate(target)
    with sessions(gate), sparing():
        for operations in _groups(target):
            _run_engine(target, fitting, operations, judge, generated, gate)
    generated.seconds = time.monotonic() - started
    if isinstance(gate.fault, BudgetSpentError):
        generated.cut = gate.fault.message
    elif gate.fault is not None:
        raise gate.fault
    return generated


def _groups(target: Target) -> list[frozenset[str]]:
    """Labels to run together: what may end the caller's credential comes last, on its own."""
    risky = frozenset(op.label for op in target.operations if op.method != "GET" and RISKY.search(op.path))
    safe = frozenset(op.label for op in target.operations) - risky
    return [group for group in (safe, risky) if group]


def _run_engine(
    target: Target,
    cases: Cases,
    operations: frozenset[str],
    judge: Callable[[Observation], None],
    generated: Generated,
    gate: Gate,
) -> None:
    if gate.fault is not None:
        return
    try:
        for event in from_schema(schema_for(target, cases, operations)).execute():
            _take(event, target, generated, judge, gate)
            if gate.fault is not None:
                return
    except SetupError as error:
        gate.fault = gate.fault or error


def _take(
    event: Any, target: Target, generated: Generated, judge: Callable[[Observation], None], gate: Gate
) -> None:
    if isinstance(event, events.ScenarioFinished):
        for observation in _observations(event, target, gate.withheld):
            _count(generated, observation)
            target.remember(observation.exchange)
            judge(observation)
    elif isinstance(event, events.NonFatalError) and gate.fault is None:
        phase = event.phase.name.lower().replace("_testing", "") if event.phase else ""
        sentence = f"{type(event.value).__name__} while generating"
        if event.related_to_operation:
            generated.tally(event.label, phase).errors.append(sentence)
        else:
            generated.errors.append((event.label, sentence))


def _count(generated: Generated, observation: Observation) -> None:
    step = observation.exchange.step
    tally = generated.tally(step.operation, observation.phase)
    generated.cases += 1
    tally.positive += observation.positive is True
    tally.negative += observation.positive is False
    tally.accepted += observation.exchange.ok
    tally.statuses[observation.exchange.status] += 1


def _observations(event: Any, target: Target, withheld: Collection[str]) -> Iterator[Observation]:
    recorder, phase = event.recorder, _phase_name(event.phase)
    exchanges: dict[str, Exchange] = {}
    for case_id, interaction in recorder.interactions.items():
        node = recorder.cases.get(case_id)
        if node is None or case_id in withheld:
            continue
        exchanges[case_id] = exchange = _exchange(interaction, node.value, target)
        failures = tuple(
            check.failure_info.failure.code
            for check in recorder.checks.get(case_id, ())
            if check.failure_info is not None
        )
        before = [exchanges[node.parent_id]] if node.parent_id in exchanges else []
        yield Observation(
            phase, _is_positive(node.value), _fault(node.value), failures, exchange, tuple(before)
        )


def _phase_name(phase: Any) -> str:
    return str(phase.value).lower().partition(" ")[0].replace("_testing", "")


def _is_positive(case: Any) -> bool | None:
    meta = case.meta
    if meta is None:
        return None
    data = meta.phase.data
    if isinstance(data, CoveragePhaseData) and data.scenario.value in (
        "unspecified_http_method",
        "malformed_content_type",
        "unsupported_content_type",
    ):
        return None
    return bool(meta.generation.mode.is_positive)


def _fault(case: Any) -> tuple[str, str, str]:
    """What is wrong with a negative case: (location, name, how), in words that hold no value."""
    meta = case.meta
    if meta is None or meta.generation.mode.is_positive:
        return ("", "", "")
    data = meta.phase.data
    location = str(getattr(data.parameter_location, "value", "") or "")
    if isinstance(data, CoveragePhaseData):
        name = _property(data.location or "") if location == "body" else (data.parameter or "")
        return (location, name, data.scenario.value.replace("_", " "))
    mutation = next(iter(data.mutations), None)
    if mutation is None:
        return (location, data.parameter or "", "against its schema")
    path = ".".join("*" if isinstance(part, int) else str(part) for part in mutation.path)
    keywords = ", ".join(sorted(mutation.keywords))
    how = mutation.operator.value.replace("_", " ") + (f" ({keywords})" if keywords else "")
    return (mutation.parameter_location.value, path or mutation.parameter or "", how)


def _property(pointer: str) -> str:
    """The property of a body that a place in its schema is about: ``address.lines.*``; empty for the body itself."""
    parts = iter(pointer.strip("/").split("/"))
    names: list[str] = []
    for part in parts:
        if part == "properties":
            names.append(next(parts, "").replace("~1", "/").replace("~0", "~"))
        elif part == "items":
            names.append("*")
    return ".".join(names)


def _exchange(interaction: Any, case: Any, target: Target) -> Exchange:
    request = interaction.request
    label = case.operation.label
    headers = {name: values[0] for name, values in request.headers.items()}
    raw = below(request.uri, target.system.base_url)
    step = step_from_wire(
        request.method, raw, case.operation.path, headers, request.body, operation=label, identity=OWN
    )
    response = interaction.response
    if response is None:
        return Exchange(step, None, "no answer came, or the connection was dropped")
    cut = TOO_LARGE if response.stream_cut_short else ""
    received = [(name, value) for name, values in response.headers.items() for value in values]
    return Exchange(
        step, Response(response.status_code, httpx.Headers(received), response.content, response.elapsed, cut)
    )
