"""
Generated checks: Schemathesis's engine, driven once per system, its events turned into observations.

This is the only module that imports Schemathesis. It gives plain values: how many requests of which kind each operation
got in each phase, and what looked wrong. Judging responses against the contract, grouping by cause and confirming are
ours, so that a sentence never holds a value of the system and a finding is the same in every run.
"""

from __future__ import annotations

import contextlib
import copy
import random
import time
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
import schemathesis
from schemathesis.core.transport import STREAM_CUT_SHORT_ATTRIBUTE
from schemathesis.engine import context as engine_context
from schemathesis.engine import events, from_schema
from schemathesis.generation.meta import CoveragePhaseData
from schemathesis.transport.requests import ManagedCookiesSession

from joinedup.conformance.adapter import BoundedAdapter, Expiry, body_of, expiring
from joinedup.conformance.client import TOO_LARGE, BudgetSpentError
from joinedup.conformance.errors import JoinedUpError, SetupError
from joinedup.conformance.exchanges import MISSING, Exchange, Response, Step, Text
from joinedup.conformance.harvest import IGNORED_HEADERS
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.operations import Operation
from joinedup.conformance.reproduction import UUID, step_from_wire
from joinedup.conformance.target import OWN, Target
from joinedup.conformance.vocabulary import REQUEST_IDENTIFIERS
from joinedup.conformance.watch import RISKY

PHASES = ("examples", "coverage", "fuzzing", "stateful")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
FEED_PROBABILITY = 0.6
SHORTEST_IDENTIFIER = 8
FREE_IDENTIFIERS = frozenset({"idempotency-key", "x-idempotency-key"})


@dataclass(frozen=True)
class Cases:
    """How many cases a run may generate: by number, never by seconds."""

    fuzzing: int
    stateful: int
    coverage: bool = True


QUICK, STANDARD, THOROUGH = Cases(3, 0), Cases(20, 5), Cases(150, 40)


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
    """Everything that the engine did to one system."""

    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    cases: int = 0
    seconds: float = 0.0
    cut: str = ""
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
    generated = Generated()
    started = time.monotonic()
    gate = _Gate(target)
    with _sessions(gate):
        for operations in _groups(target):
            _run_engine(target, cases, operations, judge, generated, gate)
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
    gate: _Gate,
) -> None:
    if gate.fault is not None:
        return
    try:
        for event in from_schema(_schema(target, cases, operations)).execute():
            _take(event, target, generated, judge, gate)
            if gate.fault is not None:
                return
    except SetupError as error:
        gate.fault = gate.fault or error


def _take(
    event: Any, target: Target, generated: Generated, judge: Callable[[Observation], None], gate: _Gate
) -> None:
    if isinstance(event, events.ScenarioFinished):
        for observation in _observations(event, target):
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


def _observations(event: Any, target: Target) -> Iterator[Observation]:
    recorder, phase = event.recorder, _phase_name(event.phase)
    exchanges: dict[str, Exchange] = {}
    for case_id, interaction in recorder.interactions.items():
        node = recorder.cases.get(case_id)
        if node is None:
            continue
        exchange = _exchange(interaction, node.value, target)
        if exchange.response is None and exchange.step.operation in target.culprits:
            continue
        exchanges[case_id] = exchange
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
    raw = _below(request.uri, target.system.base_url)
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


def _below(url: str, base_url: str) -> str:
    """Path and query of a URL below the base URL's path, percent-encoded as sent."""
    parts, base = urlsplit(url), urlsplit(base_url).path.rstrip("/")
    path = parts.path.removeprefix(base) or "/"
    return f"{path}?{parts.query}" if parts.query else path


# --- what is handed to Schemathesis


def _schema(target: Target, cases: Cases, operations: frozenset[str]) -> Any:
    wanted = [operation for operation in target.operations if operation.label in operations]
    feeds = {operation.label: _feed(target, operation) for operation in wanted}
    config = schemathesis.Config.from_dict(_settings(target, cases, feeds))
    return schemathesis.openapi.from_dict(_document(target, operations), config=config)


def _settings(target: Target, cases: Cases, feeds: Mapping[str, Mapping[str, list[Any]]]) -> dict[str, Any]:
    off = {"enabled": False}
    dictionaries, operations = _bindings(feeds)
    limits = target.configuration.limits
    return {
        "seed": target.seed,
        "base-url": target.system.base_url,
        "workers": 1,
        "continue-on-failure": True,
        "request-timeout": limits.timeout_s,
        "max-redirects": 0,
        "cache": off,
        "warnings": False,
        "output": {"truncation": {"max-recorded-payload-size": limits.max_response_bytes + 1}},
        "generation": {
            "max-examples": max(cases.fuzzing, 1),
            "database": "none",
            "no-shrink": True,
            "with-security-parameters": False,
        },
        "phases": {
            "examples": {"enabled": True, "fill-missing": True, "extra-data-sources": {"responses": False}},
            "coverage": {
                "enabled": cases.coverage,
                "unexpected-methods": [],
                "extra-data-sources": {"responses": False},
            },
            "fuzzing": {"enabled": cases.fuzzing > 0, "extra-data-sources": {"responses": False}},
            "stateful": {
                "enabled": cases.stateful > 0,
                "generation": {"max-examples": max(cases.stateful, 1)},
                "inference": {"algorithms": []},
                "max-steps": 5,
            },
        },
        # Status, media type, schema and headers are judged by us, against the same contract that journeys use; the
        # rules on credentials, methods and sequences have controls of their own (see the suite).
        "checks": {
            "enabled": False,
            "not_a_server_error": {"enabled": True},
            "negative_data_rejection": {"enabled": True},
            "missing_required_header": {"enabled": True, "expected-statuses": ["4xx", "5xx"]},
        },
        "dictionaries": dictionaries,
        "operations": operations,
    }


def _bindings(feeds: Mapping[str, Mapping[str, list[Any]]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    dictionaries: dict[str, Any] = {}
    operations: list[dict[str, Any]] = []
    for label, feed in feeds.items():
        parameters = {}
        for place, values in feed.items():
            name = f"h{len(dictionaries)}"
            dictionaries[name] = {"values": values}
            parameters[place] = {"dictionary": name, "probability": FEED_PROBABILITY}
        if parameters:
            operations.append({"include-name": label, "parameters": parameters})
    return dictionaries, operations


def _feed(target: Target, operation: Operation) -> dict[str, list[Any]]:
    """Known values by ``path.name``, ``query.name``, ``header.name``; none for DELETE, which would eat them."""
    if operation.method == "DELETE":
        return {}
    feed: dict[str, list[Any]] = {}
    for parameter in operation.parameters:
        if (
            parameter.location in ("path", "query", "header")
            and parameter.name.lower() not in IGNORED_HEADERS
        ):
            values = target.knowledge.values_for(parameter.name, operation.path, parameter.location)
            usable = [value for value in values if isinstance(value, str | int | float)]
            if usable:
                feed[f"{parameter.location}.{parameter.name}"] = usable
    return feed


def _document(target: Target, operations: frozenset[str]) -> dict[str, Any]:
    """The contract as Schemathesis gets it: operations left out are gone, known values stand as examples."""
    document = copy.deepcopy(target.contract.document)
    for operation in target.contract.operations:
        item = _path_item(document, operation)
        if item is None:
            continue
        if operation.label not in operations:
            item.pop(operation.method.lower(), None)
            continue
        node = item[operation.method.lower()]
        node["parameters"] = [
            _as_fed(target, operation, p) for p in operation.parameters if not _is_ignored(p)
        ]
        _add_known_body(target, operation, node)
    for item in document.get("paths", {}).values():
        if isinstance(item, dict):
            item.pop("parameters", None)
    return document


def _path_item(document: dict[str, Any], operation: Operation) -> dict[str, Any] | None:
    item = document.get("paths", {}).get(operation.path)
    if not isinstance(item, dict) or operation.method.lower() not in item:
        return None
    return item


def _is_ignored(parameter: Any) -> bool:
    return parameter.location == "header" and parameter.name.lower() in IGNORED_HEADERS


def _as_fed(target: Target, operation: Operation, parameter: Any) -> dict[str, Any]:
    node = dict(target.contract.resolve({"$ref": parameter.pointer}))
    values = (
        []
        if operation.method == "DELETE"
        else target.knowledge.values_for(parameter.name, operation.path, parameter.location)
    )
    if values:
        node.pop("example", None)
        node["examples"] = {f"known{index}": {"value": value} for index, value in enumerate(values)}
    return node


def _add_known_body(target: Target, operation: Operation, node: dict[str, Any]) -> None:
    """A body that the system has accepted becomes an example of the operation."""
    good = target.good.get((operation.label, OWN))
    if (
        good is None
        or good.step.body is MISSING
        or isinstance(good.step.body, Text)
        or operation.body is None
    ):
        return
    body = target.contract.resolve(node.get("requestBody"))
    media = (body.get("content") or {}).get(good.step.media_type)
    if isinstance(media, dict):
        kept = {name: value for name, value in media.items() if name != "example"}
        examples = dict(kept.get("examples") or {})
        content = {
            **body["content"],
            good.step.media_type: {**kept, "examples": {**examples, "accepted": {"value": good.step.body}}},
        }
        node["requestBody"] = {**body, "content": content}


# --- the session: limits, credential, record


class _Gate:
    """What every generated request and answer passes."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.fault: JoinedUpError | None = None
        self._identity = target.identities.get(OWN)
        self._random = random.Random(target.seed)  # noqa: S311 - repeatable test data, no secret
        self._used: set[str] = set()
        self._foreign = False

    def before(self, request: requests.PreparedRequest) -> None:
        """Wait for the request's turn and put the credential in."""
        if self.fault is not None:
            raise requests.ConnectionError("the run is stopping")
        if self._label(request) in self.target.culprits:
            raise requests.ConnectionError("the operation is left out")
        try:
            self.target.budget.take()
            self._make_new(request)
            if self._identity is not None:
                self._authorise(request)
        except SetupError as error:
            self.fault = error
            raise requests.ConnectionError("the run is stopping") from None

    def _label(self, request: requests.PreparedRequest) -> str:
        path = _below(str(request.url), self.target.system.base_url).partition("?")[0]
        return self.target.routes.label(str(request.method), path)

    def _make_new(self, request: requests.PreparedRequest) -> None:
        """Give a request that carries a used identifier one of its own, of the same shape: it is no repetition."""
        for name, value in request.headers.items():
            if normalise(name) not in REQUEST_IDENTIFIERS:
                continue
            text = _text(value)
            if text in self._used and UUID.fullmatch(text):
                request.headers[name] = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
            elif text in self._used and name.lower() in FREE_IDENTIFIERS and len(text) >= SHORTEST_IDENTIFIER:
                request.headers[name] = (self._random.randbytes(len(text)).hex())[: len(text)]
            self._used.add(text)

    def _authorise(self, request: requests.PreparedRequest) -> None:
        # A credential that the case itself carries is part of the test and stays.
        if self._identity is None or "Authorization" in request.headers:
            self._foreign = True
            return
        self._foreign = False
        body = (
            request.body
            if isinstance(request.body, bytes)
            else (request.body or "").encode()
            if isinstance(request.body, str)
            else None
        )
        twin = httpx.Request(str(request.method), str(request.url), content=body)
        before = set(twin.headers)
        prepared = self._identity.authorise(twin)
        for name, value in prepared.headers.items():
            if name not in before:
                request.headers[name] = value
        if str(prepared.url) != str(httpx.URL(str(request.url))):
            request.url = str(prepared.url)

    def read(self, response: requests.Response, expiry: Expiry) -> None:
        """Read the body within the limits."""
        limits = self.target.configuration.limits
        response._content, cut = body_of(response, expiry, limits.max_response_bytes)
        setattr(response, STREAM_CUT_SHORT_ATTRIBUTE, cut)
        response._content_consumed = True

    def note(
        self, request: requests.PreparedRequest, response: requests.Response | None, seconds: float
    ) -> None:
        """Hand the exchange to the record."""
        raw = _below(str(request.url), self.target.system.base_url)
        path = raw.partition("?")[0]
        label = self._label(request)
        step = Step(str(request.method), path, identity=OWN, operation=label)
        got = (
            None
            if response is None
            else Response(
                response.status_code, httpx.Headers(dict(response.headers.items())), response.content, seconds
            )
        )
        try:
            if got is not None and not self._foreign:
                self.target.watch_over(OWN, step, got.status)
            self.target.note(_sent(request, raw), got, raw, "" if got else "no answer", step)
            self.target.client.heed(got is not None)
        except JoinedUpError as error:
            self.fault = error


def _sent(request: requests.PreparedRequest, raw: str) -> Iterator[Any]:
    step = step_from_wire(
        str(request.method),
        raw,
        "",
        {n: _text(v) for n, v in request.headers.items()},
        _bytes(request.body),
        operation="",
        identity=None,
    )
    yield from (httpx.URL(raw.partition("?")[0]).path.split("/") if raw.startswith("/") else ())
    yield from (value for _, value in step.query)
    yield from step.headers.values()
    if step.body is not MISSING:
        yield step.body.text if isinstance(step.body, Text) else step.body


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes | None:
    return (
        body.encode("utf-8", "surrogatepass")
        if isinstance(body, str)
        else body
        if isinstance(body, bytes)
        else None
    )


class _Session(ManagedCookiesSession):
    """A session that goes through the gate."""

    gate: _Gate

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: a redirect is an answer; requests would read its body without a bound."""
        return None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        self.gate.before(request)
        started = time.monotonic()
        try:
            with expiring(self.gate.target.configuration.limits.timeout_s) as expiry:
                response = super().send(request, **{**kwargs, "stream": True, "allow_redirects": False})
                self.gate.read(response, expiry)
        except requests.RequestException:
            self.gate.note(request, None, time.monotonic() - started)
            raise
        except Exception as error:
            # urllib3 and the decoders have errors of their own while a body is read.
            self.gate.note(request, None, time.monotonic() - started)
            raise requests.ConnectionError(type(error).__name__, request=request) from None
        self.gate.note(request, response, time.monotonic() - started)
        return response


@contextlib.contextmanager
def _sessions(gate: _Gate) -> Iterator[None]:
    """Make the engine use our session; it has no setting for one (held by a contract test)."""
    original = engine_context.make_session
    opened: list[_Session] = []

    def make(config: Any, *, operation: Any = None) -> requests.Session:
        session = _Session()
        session.gate = gate
        session.headers = {}  # type: ignore[assignment]
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, BoundedAdapter(gate.target.trust))
        opened.append(session)
        return session

    engine_context.make_session = make
    try:
        yield
    finally:
        engine_context.make_session = original
        for session in opened:
            session.close()


def engine_seed(name: str, seed: int) -> int:
    """A seed for one system of a run."""
    return seed ^ zlib.crc32(name.encode())
