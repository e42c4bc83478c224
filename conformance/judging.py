"""
From generated exchanges to findings: judged against the contract, grouped by cause, confirmed by a replay.

Of all exchanges that show one cause, the simplest stands for it. Statuses that the HTTP layer gives on its own are not
held against a contract that does not list them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from joinedup.conformance.contract import Breach
from joinedup.conformance.evidence import Suspicion, confirm
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.findings import Finding
from joinedup.conformance.generated import PHASES, Generated, Observation, run_generated
from joinedup.conformance.generated_input import QUICK, STANDARD, THOROUGH, Cases
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.operations import Operation
from joinedup.conformance.responses import OF_THE_HTTP_LAYER
from joinedup.conformance.target import Target
from joinedup.conformance.vocabulary import REQUEST_IDENTIFIERS

SERVER_ERROR = "ST101"
ACCEPTED_NEGATIVE = "ST201"
MISSING_HEADER = "ST203"
MOST_CONFIRMED = 400
MOST_TOLD = 12
DEEPEST = 20
# What is wrong with a value in two directions is one thing that the server does not look at.
NUMBER_BOUNDS: Mapping[str, tuple[str, ...]] = {
    "value above maximum": ("maximum", "exclusiveMaximum"),
    "value below minimum": ("minimum", "exclusiveMinimum"),
}
CASES: Mapping[str, Cases] = {"quick": QUICK, "standard": STANDARD, "thorough": THOROUGH}

BREACH_TITLES = {
    "undeclared-status": "A status that the contract does not declare",
    "undeclared-media-type": "A media type that the contract does not declare",
    "body-not-parsable": "A body that is not what its media type says",
    "schema": "An answer that breaks its own schema",
    "header-missing": "A header that the contract requires is missing",
    "header-invalid": "A header that breaks its own schema",
}


@dataclass
class Judge:
    """
    Collects what looks wrong in generated exchanges.

    Args:
        target: the system under test.
    """

    target: Target
    suspicions: dict[tuple[str, ...], Suspicion] = field(default_factory=dict)
    operations: dict[tuple[str, ...], set[str]] = field(default_factory=dict)
    phases: dict[tuple[str, ...], set[tuple[str, str]]] = field(default_factory=dict)
    variants: dict[tuple[str, ...], set[str]] = field(default_factory=dict)
    judged: int = 0

    def __call__(self, observation: Observation) -> None:
        """Judge one exchange."""
        self.judged += 1
        for suspicion in judge_observation(self.target, observation):
            self._add(suspicion, observation.phase)

    def _add(self, suspicion: Suspicion, phase: str) -> None:
        key = (suspicion.rule, *suspicion.requirements, suspicion.cause)
        label = suspicion.last.step.operation
        self.operations.setdefault(key, set()).add(label)
        self.phases.setdefault(key, set()).add((label, phase))
        self.variants.setdefault(key, set()).add(suspicion.variant)
        known = self.suspicions.get(key)
        if known is None:
            self.suspicions[key] = suspicion
            return
        simplest = suspicion if _size(suspicion.last) < _size(known.last) else known
        self.suspicions[key] = replace(simplest, count=known.count + 1)

    def note_silence(self, label: str, exchange: Exchange) -> None:
        """An operation that never answered and was left out of the generated phases for it is wrong all the same."""
        suspicion = _no_answer(self.target, exchange)
        if (suspicion.rule, *suspicion.requirements, suspicion.cause) not in self.suspicions:
            self._add(replace(suspicion, actual=f"{_sentence(self.target.silent.names[label])}."), PHASES[0])

    def findings(self) -> list[tuple[Finding, set[tuple[str, str]]]]:
        """Each finding, confirmed or not, with the (operation, phase) pairs that showed it."""
        found = []
        for key, suspicion in list(self.suspicions.items())[:MOST_CONFIRMED]:
            operations = tuple(sorted(self.operations[key]))
            told = " ".join(part for part in (suspicion.advice, _told(self.variants[key])) if part)
            finding = confirm(self.target, replace(suspicion, operations=operations, advice=told))
            found.append((finding, self.phases[key]))
        return found


def _told(variants: set[str]) -> str:
    """The ways in which one cause was seen, where there is more than one."""
    if len(variants) < 2:
        return ""
    shown = sorted(variants)[:MOST_TOLD]
    more = f"; and {len(variants) - MOST_TOLD} more" if len(variants) > MOST_TOLD else ""
    return f"It was seen with: {'; '.join(shown)}{more}."


def _size(exchange: Exchange) -> tuple[int, str]:
    step = exchange.step
    body = step.content() or b""
    path = step.url_path() + str(step.query)
    return (len(path) + len(body) + len(str(step.headers)), path)


def judge_observation(target: Target, observation: Observation) -> Iterator[Suspicion]:
    """Everything that looks wrong in one generated exchange."""
    exchange = observation.exchange
    operation = target.contract.operation(exchange.step.operation)
    if operation is None:
        return
    if exchange.response is None:
        yield _no_answer(target, exchange)
        return
    if exchange.response.cut:
        yield _never_ends(target, exchange)
        return
    if exchange.status >= 500:
        yield from _server_error(exchange)
        return
    if "{" in operation.path and _rerouted(exchange):
        return
    yield from contract_suspicions(target, operation, exchange)
    if observation.positive is False and exchange.ok:
        yield from _accepted(target, observation)


def contract_suspicions(target: Target, operation: Operation, exchange: Exchange) -> Iterator[Suspicion]:
    """Each way in which an answer departs from the contract."""
    response = exchange.response
    if response is None or response.cut or exchange.step.method == "HEAD":
        return
    for breach in target.contract.response_problems(
        operation, response.status, response.headers, response.body
    ):
        if breach.kind == "undeclared-status" and (
            response.status in OF_THE_HTTP_LAYER or response.status >= 500
        ):
            continue
        yield breach_suspicion(target, exchange, breach)


def breach_suspicion(target: Target, exchange: Exchange, breach: Breach) -> Suspicion:
    """A breach of the contract as a suspicion; its cause is the place in the contract, not the operation."""
    received = breach.received or "something else"
    status = exchange.status
    if breach.kind == "undeclared-status":
        return Suspicion(
            rule="undeclared-status",
            requirements=("CON-API-03",),
            title=BREACH_TITLES[breach.kind],
            expected=breach.expected,
            actual=f"{status}, which the contract does not declare for this operation.",
            exchanges=(exchange,),
            expectation=Expectation(never=(str(status),)),
            where=exchange.step.operation,
            # A contract that is silent about refusals is silent about most of them, for one reason.
            cause="refusals" if 400 <= status < 500 else f"status {status}",
            variant=str(status),
            advice="Declare the status for the operations listed, or answer with one that is declared.",
        )
    place = f" at {breach.instance_path}" if breach.instance_path else ""
    return Suspicion(
        rule=f"contract-{breach.kind}",
        requirements=("CON-API-03",),
        title=BREACH_TITLES.get(breach.kind, "An answer that breaks the contract"),
        expected=breach.expected,
        actual=f"{status} with {received}{place}.",
        exchanges=(exchange,),
        expectation=Expectation(breach=(breach.kind, breach.pointer, breach.keyword)),
        where=breach.pointer,
        cause=_breach_cause(breach),
    )


def _breach_cause(breach: Breach) -> str:
    """One format that a whole component gets wrong is one cause; any other breach is its place in the contract."""
    if breach.keyword == "format":
        component = "/".join(breach.pointer.split("/")[:4])
        return f"{breach.kind} {component} {breach.expected.rpartition(' ')[2]}"
    return f"{breach.kind} {breach.pointer}"


def _server_error(exchange: Exchange) -> Iterator[Suspicion]:
    if exchange.status == 501:
        return
    if exchange.status == 503 and exchange.response and "retry-after" in exchange.response.headers:
        return
    yield Suspicion(
        rule="server-error",
        requirements=("CON-API-12",),
        title="An input makes the server fail",
        expected="An answer below 500, whatever is sent: a success, or a 4xx that says what is wrong with the request.",
        actual=f"{exchange.status}.",
        exchanges=(exchange,),
        expectation=Expectation(never=("5XX",)),
        cause=f"{exchange.step.operation} {exchange.status}",
    )


def _no_answer(target: Target, exchange: Exchange) -> Suspicion:
    return Suspicion(
        rule="no-answer",
        requirements=("CON-API-12",),
        title="An input gets no answer",
        expected=f"An answer within {target.configuration.limits.timeout_s:g} s.",
        actual=f"{_sentence(exchange.error)}.",
        exchanges=(exchange,),
        expectation=Expectation(answered=True),
        cause=exchange.step.operation,
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _never_ends(target: Target, exchange: Exchange) -> Suspicion:
    cut = exchange.response.cut if exchange.response else ""
    return Suspicion(
        rule="endless-answer",
        requirements=("CON-API-12",),
        title="An answer that does not end within the limits",
        expected=f"A whole answer within {target.configuration.limits.timeout_s:g} s and {target.configuration.limits.max_response_bytes:,} bytes.",
        actual=f"{exchange.status} with an answer that was {cut}.",
        exchanges=(exchange,),
        expectation=Expectation(answered=True),
        cause=exchange.step.operation,
        again=lambda: bool((response := target.client.send(exchange.step).response) is None or response.cut),
    )


def _accepted(target: Target, observation: Observation) -> Iterator[Suspicion]:
    """A request that the contract rules out and the server acted on."""
    if not {ACCEPTED_NEGATIVE, MISSING_HEADER} & set(observation.failures):
        return
    location, name, how = observation.fault
    if location == "cookie" or (location == "header" and normalise(name) in {"", *REQUEST_IDENTIFIERS}):
        # Cookies are not sent, and a request identifier that was used before is renewed on its way. A header that
        # no contract declares is to be ignored (RFC 9110, 5.1).
        return
    if (observation.exchange.step.operation, f"{location} {name}") in target.wrongly_accepted:
        return
    if _no_such_bound(target, observation):
        return
    part = {
        "body": "body property",
        "query": "query parameter",
        "header": "header",
        "path": "path parameter",
    }.get(location, "part")
    place = f"the {part} {name}" if name else f"the {location or 'request'}"
    exchange = observation.exchange
    yield Suspicion(
        rule="invalid-input-accepted",
        requirements=("CON-API-10",),
        title="Input that the contract rules out is accepted",
        expected=f"A 4xx, because {place} is not as the contract says.",
        actual=f"{exchange.status}: the request was accepted ({how}).",
        exchanges=(exchange,),
        expectation=Expectation(statuses=("4XX", "5XX", "3XX")),
        where=f"{exchange.step.operation}, {place}",
        cause=f"{location} {'bounds' if how in NUMBER_BOUNDS else how}",
        variant=f"{place.removeprefix('the ')} ({how})",
    )


def _no_such_bound(target: Target, observation: Observation) -> bool:
    """Whether a number was held against a bound that its schema does not declare: ``format: int32`` is no bound."""
    location, name, how = observation.fault
    operation = target.contract.operation(observation.exchange.step.operation)
    if how not in NUMBER_BOUNDS or operation is None:
        return False
    body = operation.body.media_types.values() if operation.body and location == "body" else ()
    parameters = (p.schema for p in operation.parameters if (p.location, p.name) == (location, name))
    within = [part for part in name.split(".") if part not in ("", "*")] if location == "body" else []
    schemas = [*body, *parameters]
    keywords = NUMBER_BOUNDS[how]
    return bool(schemas) and not any(_declares(target, schema, within, keywords) for schema in schemas)


def _declares(
    target: Target, schema: object, within: Sequence[str], keywords: tuple[str, ...], depth: int = 0
) -> bool:
    """Whether a schema, or what is nested at a place within it, has one of these keywords."""
    node = target.contract.resolve(schema)
    if depth > DEEPEST or not node:
        return depth > DEEPEST
    if not within and any(keyword in node for keyword in keywords):
        return True
    inner = [part for key in ("allOf", "anyOf", "oneOf") for part in node.get(key) or ()]
    beside = any(_declares(target, part, within, keywords, depth + 1) for part in inner)
    below = [node["items"]] if isinstance(node.get("items"), dict) else []
    listed = any(_declares(target, part, within, keywords, depth + 1) for part in below)
    properties = node.get("properties") or {}
    nested = bool(within) and within[0] in properties
    return (
        beside
        or listed
        or (nested and _declares(target, properties[within[0]], within[1:], keywords, depth + 1))
    )


def _rerouted(exchange: Exchange) -> bool:
    """Whether a path parameter was such that the URL may lead to another operation."""
    values = [str(value) for value in exchange.step.path_parameters.values()]
    # Servers and proxies decode and normalise a path before they route it; what comes then is another operation's.
    return not values or any(
        not value.strip() or set(value) & set("/\\?#;%\0") or value.strip(".") == "" for value in values
    )


@dataclass
class Outcomes:
    """
    What one engine run found, by operation and phase.

    Args:
        target: the system.
        generated: what was sent.
        findings: each with the (operation, phase) pairs that showed it.
    """

    target: Target
    generated: Generated
    findings: list[tuple[Finding, set[tuple[str, str]]]]

    def of(self, operation: str, phase: str) -> list[Finding]:
        """
        The findings that an operation showed in a phase.

        A finding that several items showed is reported by the first of them only, so that it is counted once.
        """
        return [finding for finding, pairs in self.findings if min(pairs) == (operation, phase)]


def generate(target: Target, cases: str) -> Outcomes:
    """Run the engine once against a system and confirm what it shows."""
    judge = Judge(target)
    generated = run_generated(target, CASES[cases], judge)
    for label, exchange in target.silent.found.items():
        judge.note_silence(label, exchange)
    return Outcomes(target, generated, judge.findings())
