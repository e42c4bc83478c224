"""
The engine: an agency is a contract and a table of behaviours, and everything else is here.

::

    Incoming ─ route ─ authenticate ─ read (parameters, body) ─ behaviour ─ check ─ Answer
                 │          │                   │                   │         │
               404, 405  401, 403   400, 413, 415, 422, 428     404, 409…   500 and a breach

The contract is the only source of routes, schemas and scopes. Every answer is checked against it, refusals included;
one that breaks it becomes a 500 and is kept in ``breaches``, which tests hold to be empty. Deliberate defects that
break the contract are put in after that check (``tampering``).
"""

from __future__ import annotations

import hashlib
import re
import sys
import traceback
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from joinedup.mocks.bundle import load_contract
from joinedup.mocks.clock import Clock
from joinedup.mocks.faults import faults_of
from joinedup.mocks.faults_generic import generic_of
from joinedup.mocks.messages import Answer, FieldError, Incoming, Refusal, problem
from joinedup.mocks.misdescription import MISDESCRIPTIONS, NOUN_PATH, VERB_PATH
from joinedup.mocks.operations import Compiler, Operation, Promise, Route, beginning
from joinedup.mocks.reading import field_errors, read_body, read_parameters
from joinedup.mocks.store import ANYONE
from joinedup.mocks.tampering import TAMPERING, Tampering
from joinedup.mocks.tokens import Caller, InvalidTokenError, Tokens

REMEMBERED_ANSWERS = 10_000
LENIENT = {"check-digit-ignored": "nhs-number", "check-letter-ignored": "upn"}
ANONYMOUS = Caller(ANYONE, "", frozenset())

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CORRELATION = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
# Names of headers that an answer repeats, by their keys in a request, and the form that their values must have.
ECHOED = {
    "x-correlation-id": ("X-Correlation-ID", _CORRELATION),
    "traceparent": ("traceparent", _TRACEPARENT),
}
NOT_STORED = ("Cache-Control", "no-store")

_in_order = msgspec.json.Encoder(order="sorted").encode

State = TypeVar("State")


class Call(NamedTuple, Generic[State]):
    """
    A request that was found good, as a behaviour sees it.

    Args:
        parameters: of path, query and header, by their names in the contract, typed.
        body: as declared; None where there is none.
        caller: from the token, and from nowhere else.
        address: where this agency is served, without a slash at the end.
        faults: names of those that are on.
        raw: the body as it came, for what is signed.
    """

    state: State
    operation: Operation
    parameters: Mapping[str, Any]
    body: Any
    headers: Mapping[str, str]
    caller: Caller
    now: datetime
    address: str
    faults: frozenset[str]
    raw: bytes = b""

    def parameter(self, name: str, default: Any = None) -> Any:
        """A parameter's value, or the default where it was not sent."""
        return self.parameters.get(name, default)


Behaviour = Callable[[Call[State]], Answer]
Refuse = Callable[[Refusal, str], Answer]


@dataclass(frozen=True)
class Agency(Generic[State]):
    """
    A system that is played: its contract's name, what each operation does, and the state it starts with.

    Args:
        behaviours: by operationId; exactly those of the contract.
        fresh: makes the state for a seed.
        refuse: writes a refusal as an answer, where it is not problem details.
        tampering: by fault, what it does to an answer after that was checked; beside that of ``TAMPERING``.
        acts_as: by fault, another fault of the engine or of ``TAMPERING`` that it amounts to in this agency.
        represent: by operationId, writes an answer, refusals too, in the media type that the request accepts best.
    """

    name: str
    behaviours: Mapping[str, Behaviour[State]]
    fresh: Callable[[int], State]
    refuse: Mapping[str, Refuse] = field(default_factory=dict)
    tampering: Mapping[str, Tampering] = field(default_factory=dict)
    acts_as: Mapping[str, str] = field(default_factory=dict)
    represent: Mapping[str, Tampering] = field(default_factory=dict)


@dataclass(frozen=True)
class _Remembered:
    digest: bytes
    answer: Answer


class Engine(Generic[State]):
    """
    One agency at work.

    Args:
        tokens: verify callers.
        seed: of its synthetic data.
        faults: names of those that are on; of other systems too, which are left aside.
    """

    def __init__(
        self,
        agency: Agency[State],
        tokens: Tokens,
        *,
        seed: int = 1,
        faults: frozenset[str] = frozenset(),
        address: str = "",
    ) -> None:
        self.agency, self.tokens, self.seed = agency, tokens, seed
        self.clock: Clock = tokens.clock
        self.breaches: list[str] = []
        self._served: tuple[str, str] | None = None
        self.address = address
        self.switch(faults)
        self._check_behaviours()
        self.reset()

    def switch(self, faults: frozenset[str]) -> None:
        """Behave with exactly these faults from now on; records stay as they are."""
        named = faults & {fault.name for fault in faults_of(self.agency.name)}
        meant = {self.agency.acts_as[fault] for fault in named if fault in self.agency.acts_as}
        self.faults = named | meant | generic_of(self.agency.name, faults)
        self.contract = load_contract(self.agency.name)
        self.address = self.address or self.contract["servers"][0]["url"]
        lenient = _lenient(self.faults)
        self.routes = compiled(self.agency.name, lenient)
        self._fixed = {route.path: route for route in self.routes if "{" not in route.path}
        self._beginning = by_beginning(self.agency.name, lenient)
        self._misdescribe()
        tampering = {**TAMPERING, **self.agency.tampering}
        self.tampering: tuple[Tampering, ...] = tuple(tampering[f] for f in tampering if f in self.faults)
        if self._served:
            self.serve_at(*self._served)

    def _check_behaviours(self) -> None:
        declared = {operation.id for route in self.routes for operation in route.operations.values()}
        if declared != set(self.agency.behaviours):
            odd = sorted(declared ^ set(self.agency.behaviours))
            raise ValueError(f"Contract and behaviours of {self.agency.name} differ on {', '.join(odd)}.")

    def _misdescribe(self) -> None:
        for fault in MISDESCRIPTIONS:
            if fault in self.faults:
                MISDESCRIPTIONS[fault](self.contract)
        if VERB_PATH in self.contract["paths"]:
            self._fixed[VERB_PATH] = self._fixed[NOUN_PATH]

    def serve_at(self, address: str, token_url: str) -> None:
        """Write into the contract where this agency and its token server are."""
        self.address, self._served = address, (address, token_url)
        self.contract["servers"] = [{"url": address}]
        for scheme in self.contract["components"].get("securitySchemes", {}).values():
            for flow in scheme.get("flows", {}).values():
                flow["tokenUrl"] = token_url

    def reset(self) -> None:
        """Go back to the seeded state."""
        self.state = self.agency.fresh(self.seed)
        self.disturbed: Counter[str] = Counter()
        self._answers: OrderedDict[tuple[str, str, str], _Remembered] = OrderedDict()

    def answer(self, incoming: Incoming) -> Answer:
        """The answer to a request; never raises."""
        request_id = _request_id(incoming)
        operation: Operation | None = None
        try:
            operation, in_path = self._route(incoming)
            answer = self._perform(operation, in_path, incoming)
        except Refusal as refusal:
            answer = self._refused(refusal, operation, request_id)
        except Exception:
            answer = self._broken(operation, traceback.format_exc(), request_id)
        if operation is not None and operation.id in self.agency.represent:
            answer = self.agency.represent[operation.id](answer, operation, incoming)
        answer = self._finished(answer, incoming, request_id)
        if operation is not None and answer.status != 500 and (broken := breach(operation, answer)):
            answer = self._finished(self._broken(operation, broken, request_id), incoming, request_id)
        for tamper in self.tampering:
            answer = tamper(answer, operation, incoming)
        return answer

    def _route(self, incoming: Incoming) -> tuple[Operation, Mapping[str, str]]:
        route, in_path = self._find_route(incoming.path)
        method = "GET" if incoming.method == "HEAD" else incoming.method
        if "method-override-honoured" in self.faults:
            method = incoming.headers.get("x-http-method-override", method)
        operation = route.operations.get(method)
        if operation is None:
            if method == "OPTIONS":
                raise _Options(route.allow)
            raise Refusal(
                405, "This method is not one of those allowed here.", headers=(("Allow", route.allow),)
            )
        return operation, in_path

    def _find_route(self, path: str) -> tuple[Route, Mapping[str, str]]:
        if path in self._fixed:
            return self._fixed[path], {}
        for route in self._beginning.get(beginning(path), self._beginning[None]):
            if match := route.pattern.fullmatch(path):
                return route, match.groupdict()
        raise Refusal(404, "There is nothing at this address.")

    def _perform(self, operation: Operation, in_path: Mapping[str, str], incoming: Incoming) -> Answer:
        caller = self._caller(operation, incoming)
        parameters = self._parameters(operation, in_path, incoming)
        if incoming.repeated and operation.deduplicated:
            detail = "A request with this X-Request-ID is still under way."
            raise Refusal(409, detail, headers=(("Retry-After", "1"),))
        body = self._body(operation, incoming)
        call = Call(
            self.state,
            operation,
            parameters,
            body,
            incoming.headers,
            caller,
            self.clock.now(),
            self.address,
            self.faults,
            incoming.body,
        )
        behaviour = self.agency.behaviours[operation.id]
        request_id = parameters.get("X-Request-ID")
        if operation.deduplicated and request_id is not None:
            return self._once((caller.client_id, operation.id, request_id.lower()), incoming, call, behaviour)
        return behaviour(call)

    def _parameters(
        self, operation: Operation, in_path: Mapping[str, str], incoming: Incoming
    ) -> dict[str, Any]:
        try:
            return read_parameters(operation, in_path, incoming)
        except Refusal as refusal:
            if refusal.status == 428 and "if-match-not-needed" in self.faults:
                return read_parameters(operation, in_path, _with_header(incoming, "if-match", '"0"'))
            raise

    def _body(self, operation: Operation, incoming: Incoming) -> Any:
        try:
            return read_body(operation, incoming)
        except Refusal as refusal:
            return self._tolerated(operation, refusal)

    def _tolerated(self, operation: Operation, refusal: Refusal) -> Any:
        """What a faulty agency takes in all the same: properties that the contract rules out."""
        codes = {(error.pointer, error.code) for error in refusal.errors}
        extra = codes == {("", "additionalProperties")}
        if extra and operation.id == "raiseContact" and "extra-property-accepted" in self.faults:
            return refusal.sent
        long = codes == {("/reason", "maxLength")} and operation.id == "decideReferral"
        if long and "length-unlimited" in self.faults and isinstance(refusal.sent, dict):
            return {**refusal.sent, "reason": refusal.sent["reason"][:2000]}
        writable = extra and operation.id == "updateChild" and "read-only-writable" in self.faults
        sent = refusal.sent
        if writable and isinstance(sent, dict) and isinstance(sent.get("restricted"), bool):
            return sent
        raise refusal

    def _caller(self, operation: Operation, incoming: Incoming) -> Caller:
        """
        Who calls.

        Raises:
            Refusal: 401 without a good token, 403 where it lacks a scope (RFC 6750, 3).
        """
        shows_proof = operation.proofs and any(name in incoming.headers for name in operation.proofs)
        if operation.scopes is None or shows_proof:
            return ANONYMOUS
        try:
            caller = self._bearer(incoming)
        except Refusal:
            if "authentication-ignored" in self.faults and operation.id == "getReferral":
                return ANONYMOUS
            raise
        if "scope-ignored" not in self.faults and not caller.scopes.issuperset(operation.scopes):
            challenge = f'Bearer realm="{self.agency.name}", error="insufficient_scope", scope="{" ".join(operation.scopes)}"'
            detail = "The access token lacks a scope that this operation needs."
            raise Refusal(403, detail, headers=(("WWW-Authenticate", challenge),))
        if "organisation-from-header" in self.faults and "end-user-organisation" in incoming.headers:
            return Caller(incoming.headers["end-user-organisation"], caller.client_id, caller.scopes)
        return caller

    def _bearer(self, incoming: Incoming) -> Caller:
        scheme, _, token = incoming.headers.get("authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            raise self._unauthorised("")
        try:
            return self.tokens.verify(token.strip(), self.agency.name, lenient=self.faults)
        except InvalidTokenError:
            raise self._unauthorised(', error="invalid_token"') from None

    def _unauthorised(self, error: str) -> Refusal:
        challenge = f'Bearer realm="{self.agency.name}"{error}'
        detail = "The access token is missing or not valid."
        return Refusal(401, detail, headers=(("WWW-Authenticate", challenge),))

    def _once(
        self, key: tuple[str, str, str], incoming: Incoming, call: Call[State], behaviour: Behaviour[State]
    ) -> Answer:
        """Perform a creation once for an X-Request-ID, and give its answer again when it is repeated."""
        digest = hashlib.sha256(incoming.path.encode() + b"\n" + _in_order(call.body)).digest()
        seen = self._answers.get(key)
        if seen is not None and "replay-creates-twice" not in self.faults:
            if seen.digest != digest and "replay-ignores-content" not in self.faults:
                raise Refusal(
                    422,
                    "The X-Request-ID was used before with other content; use a new one.",
                    errors=(FieldError("/header/X-Request-ID", "reused", "Another request had this id."),),
                )
            return seen.answer
        answer = behaviour(call)
        self._answers[key] = _Remembered(digest, answer)
        if len(self._answers) > REMEMBERED_ANSWERS:
            self._answers.popitem(last=False)
        return answer

    def _refused(self, refusal: Refusal, operation: Operation | None, request_id: str) -> Answer:
        if isinstance(refusal, _Options):
            return Answer(204, None, refusal.headers)
        write = self.agency.refuse.get(operation.id, problem) if operation else problem
        return write(refusal, request_id)

    def _broken(self, operation: Operation | None, what: str, request_id: str) -> Answer:
        """A 500 that says nothing to the caller and everything to whoever runs this."""
        where = operation.id if operation else "routing"
        self.breaches.append(f"{self.agency.name} {where}: {what}")
        print(f"joinedup mock {self.agency.name}: {where}: {what}", file=sys.stderr, flush=True)
        return problem(Refusal(500, "The service failed; this is a defect of the mock."), request_id)

    def _finished(self, answer: Answer, incoming: Incoming, request_id: str) -> Answer:
        sent = incoming.headers
        echoed = [
            (name, sent[key])
            for key, (name, form) in ECHOED.items()
            if key in sent and form.fullmatch(sent[key])
        ]
        return answer.having(("X-Request-ID", request_id), NOT_STORED, *echoed)


class _Options(Refusal):
    """Raised to answer OPTIONS, which every route has (RFC 9110, 9.3.7)."""

    def __init__(self, allow: str) -> None:
        super().__init__(204, "", headers=(("Allow", allow),))


def breach(operation: Operation, answer: Answer) -> str:
    """How an answer breaks its contract, in one sentence; empty where it does not."""
    form = operation.forms.get((answer.status, "" if answer.body is None else answer.media_type))
    # All at once; one by one only where that finds something.
    return "" if form is not None and form(answer) else _told(operation, answer)


def _told(operation: Operation, answer: Answer) -> str:
    promise = operation.promises.get(answer.status)
    if promise is None:
        return f"status {answer.status} is not declared"
    body = promise.bodies.get(answer.media_type)
    if body is None and (answer.body is not None or promise.bodies):
        return f"status {answer.status} with {answer.media_type} is not declared"
    if body is not None and not body.is_valid(answer.body):
        error = field_errors(body, answer.body)[0]
        return f"status {answer.status}: body {error.pointer or '/'}: {error.code}"
    return _header_breach(promise, answer)


def _header_breach(promise: Promise, answer: Answer) -> str:
    sent = {name.lower(): value for name, value in answer.headers}
    for header in promise.headers.values():
        value = sent.get(header.key)
        if value is None:
            if header.required:
                return f"status {answer.status}: header {header.name} is missing"
        elif not header.validator.is_valid(int(value) if header.kind == "integer" else value):
            return f"status {answer.status}: header {header.name} is not as declared"
    return ""


def _request_id(incoming: Incoming) -> str:
    sent = incoming.headers.get("x-request-id", "")
    return sent if _UUID.fullmatch(sent) else str(uuid.uuid4())


@cache
def compiled(system: str, lenient_formats: frozenset[str]) -> tuple[Route, ...]:
    """The routes of a system's contract, compiled once in a process."""
    return Compiler(load_contract(system), lenient_formats).routes()


@cache
def by_beginning(system: str, lenient_formats: frozenset[str]) -> dict[str | None, tuple[Route, ...]]:
    """The same routes by how a path begins that they may match; under None those that any path may."""
    routes = compiled(system, lenient_formats)
    return {
        begins: tuple(route for route in routes if route.beginning in (begins, None))
        for begins in (None, *(route.beginning for route in routes))
    }


def _lenient(faults: frozenset[str]) -> frozenset[str]:
    return frozenset(name for fault, name in LENIENT.items() if fault in faults)


def _with_header(incoming: Incoming, name: str, value: str) -> Incoming:
    return incoming._replace(headers={**incoming.headers, name: value})
