"""
Who plays: one user of the load, with connections, callers and a marker of its own.

It knows nothing of Locust: whoever drives it says when each arrival was due, and is told of each request.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from joinedup.conformance.certificates import trusted
from joinedup.conformance.check import not_applicable
from joinedup.conformance.configuration import System
from joinedup.conformance.contract import Contract, load_contract
from joinedup.conformance.errors import JoinedUpError, RealDataError, SetupError
from joinedup.conformance.exchanges import Exchange, Response, Step, step_from_record
from joinedup.conformance.fetch import fetch_bounded
from joinedup.conformance.identities import Identity
from joinedup.conformance.operations import Operation
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.redaction import Redactor
from joinedup.mocks.identifiers import NHS_NUMBERS, nth_nhs_number
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.library import Callee, Library, Live, Source
from joinedup.scenarios.load_markers import Markers, names_one
from joinedup.scenarios.load_plan import (
    MARK,
    NEW_ID,
    LoadPlan,
    PlannedItem,
    PlannedJourney,
    PlannedOperation,
    filled,
    identity_of,
)
from joinedup.scenarios.load_tally import Tally
from joinedup.scenarios.load_validation import Allowance, SampledValidator
from joinedup.scenarios.load_wire import (
    Address,
    Answered,
    Connections,
    NoAnswerError,
    address_of,
    encoded,
    target_of,
)
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import CONTROL

LONGEST_WAIT_S = 5.0
# How long a credential that stands in headers alone is used before it is asked for again.
CREDENTIAL_S = 2.0
# Flows whose credential is the same headers for every request.
_SAME_HEADERS = frozenset({"client-credentials", "private-key-jwt", "bearer", "basic", "none"})

Told = Callable[[str, str, float, int, str], None]
"""(method, name, seconds, bytes, why it failed or nothing)"""


@dataclass
class Caller:
    """Puts a credential into requests, without asking anew where it is the same for each."""

    identity: Identity
    _headers: dict[str, str] = field(default_factory=dict)
    _until: float = 0.0

    def headers(self) -> dict[str, str] | None:
        """The headers of its credential; None where each request has its own."""
        if self.identity.flow not in _SAME_HEADERS:
            return None
        if time.monotonic() >= self._until:
            bare = httpx.Request("GET", "http://credential.example")
            before = set(bare.headers)
            found = self.identity.authorise(bare).headers
            self._headers = {name: value for name, value in found.items() if name not in before}
            self._until = time.monotonic() + CREDENTIAL_S
        return self._headers

    def authorised(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> tuple[str, dict[str, str]]:
        """Path with query, and headers, of a request whose credential is its own."""
        request = self.identity.authorise(httpx.Request(method, url, headers=dict(headers), content=content))
        kept = {n: v for n, v in request.headers.items() if n not in ("host", "content-length")}
        return request.url.raw_path.decode("ascii"), kept


@dataclass
class Ground:
    """What all users of a process share: contracts, documents and callers, each read once."""

    plan: LoadPlan

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """The contract of each system."""
        return {name: self._contract(name) for name in self.plan.systems}

    @cached_property
    def allowance(self) -> Allowance:
        """How many answers may be judged."""
        return Allowance(self.plan.validate, self.plan.judged_a_second)

    @cached_property
    def validators(self) -> dict[str, SampledValidator]:
        """What judges the answers of each system."""
        return {
            name: SampledValidator(contract._responses, self.allowance, shown=self._shown, system=name)
            for name, contract in self.contracts.items()
        }

    @cached_property
    def _shown(self) -> Redactor:
        """What contracts declare and what is sent, which is nobody's although it may look like a person's number."""
        declared = (
            value for c in self.contracts.values() for value in (*c.declared_values, *c.property_names)
        )
        found = Redactor(declared)
        found.sent([[*item.steps.values()] for item in self.plan.operations])
        found.sent([item.inputs for item in self.plan.journeys])
        return found

    def warm(self) -> None:
        """Read and fetch all that is used later, tokens too, so that no request waits for it."""
        _ = (self.callees, self.requests, self.trust, self.validators)
        callers = {(item.system, actor) for item in self.plan.operations for actor in item.steps}
        callers |= {caller for journey in self.plan.journeys for caller in journey.callers}
        for system, actor in sorted(callers):
            # What a token server refuses is counted with the request that needs the token.
            with contextlib.suppress(JoinedUpError):
                self.caller(system, actor).headers()

    @cached_property
    def callees(self) -> dict[str, Callee]:
        """Each journey, ready to be played."""
        places = {
            name: Live(system.base_url, replace(self.contracts[name], _responses=self.validators[name]))
            for name, system in self.plan.systems.items()
        }
        places[CONTROL] = Live(self.plan.control)
        folder = Path(self.plan.folder)
        bindings = {n: folder / s.binding for n, s in self.plan.systems.items() if s.binding}
        library = Library(live=places, bindings=bindings)
        return {j.name: prepared(library.open(j.document), j.workflow) for j in self.plan.journeys}

    @cached_property
    def trust(self) -> dict[Address, Any]:
        """Whom to believe who each system is."""
        return {
            address_of(system.base_url): trusted(
                System(system.base_url, system.contract, ca_bundle=system.ca_bundle), Path(self.plan.folder)
            )
            for system in self.plan.systems.values()
            if system.base_url.startswith("https")
        }

    def caller(self, system: str, actor: str) -> Caller:
        """The caller, made once."""
        key = (system, actor)
        if key not in self._callers:
            self._callers[key] = Caller(identity_of(self.plan, system, actor))
        return self._callers[key]

    @property
    def callers(self) -> list[tuple[str, str]]:
        """(system, actor) of every caller that was needed so far."""
        return sorted(self._callers)

    @cached_property
    def _callers(self) -> dict[tuple[str, str], Caller]:
        return {}

    @cached_property
    def requests(self) -> dict[str, list[tuple[str, Step, Operation]]]:
        """Each single operation: whom it is sent as, the request, and what the contract says of it."""
        return {item.name: self._steps(item) for item in self.plan.operations}

    def _steps(self, item: PlannedOperation) -> list[tuple[str, Step, Operation]]:
        operation = self.contracts[item.system].operation(item.label)
        assert operation is not None, "it was prepared from the same contract"
        return [(actor, step_from_record(record), operation) for actor, record in item.steps.items()]

    @property
    def judged(self) -> int:
        """How many answers were held against their contract."""
        return sum(validator.judged for validator in self.validators.values())

    def _contract(self, name: str) -> Contract:
        system = self.plan.systems[name]
        context = trusted(
            System(system.base_url, system.contract, ca_bundle=system.ca_bundle), Path(self.plan.folder)
        )
        return load_contract(
            system.contract,
            folder=Path(self.plan.folder),
            fetch=lambda url: fetch_bounded(
                url, f"systems.{name}.contract", timeout_s=self.plan.timeout_s, trust=context
            ),
        )


class Player:
    """
    One user: plays what is due, one after the other.

    Args:
        user: number of the user over all processes, which no other has.
        begin: when the load began, on the clock that ``now`` reads.
        told: told of every request, and of every journey.
    """

    def __init__(self, ground: Ground, tally: Tally, user: int, *, begin: float, told: Told) -> None:
        plan = ground.plan
        self.ground, self.tally, self.user, self.begin, self._told = ground, tally, user, begin, told
        self.markers = Markers(plan.run, user)
        self._connections = Connections(plan.timeout_s, ground.trust, plan.largest_answer)
        self._intended = 0.0

    def play(self, item: PlannedItem, arrival: int, due: float) -> None:
        """
        Play one arrival that was due at a moment of ``time.monotonic``.

        Raises:
            RealDataError: an answer looks like real people: no further request may be sent.
        """
        self._intended, self._arrival = due, arrival
        self._marker = self.markers.made(arrival).encode()
        if isinstance(item, PlannedJourney):
            self._journey(item, arrival, due)
        else:
            self._operation(item, arrival)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    # One operation

    def _operation(self, item: PlannedOperation, arrival: int) -> None:
        choices = self.ground.requests[item.name]
        actor, step, operation = choices[self.user % len(choices)]
        marker = self.markers.made(arrival)
        headers = {n: _filled(v, marker) for n, v in step.headers.items()}
        content = step.content()
        if content is not None:
            headers.setdefault("Content-Type", step.media_type)
            content = _filled_bytes(content, marker)
        address = address_of(self.ground.plan.systems[item.system].base_url)
        target = _filled(target_of(address, step), marker)
        answered, reason = self._send(item.system, operation, actor, target, headers, content)
        name = f"{operation.label} of {item.system}"
        if answered is not None:
            reason = self._fault(item.system, operation, answered)
        self._count(item.system, operation, name, answered, reason)

    def _fault(self, system: str, operation: Operation, answered: Answered) -> str:
        """What is wrong with an answer to a request that has succeeded before; empty where nothing is."""
        found = self.ground.validators[system].breaches(
            operation, answered.status, answered.headers, answered.body
        )
        self.tally.breaches += bool(found)
        if answered.status >= 400:
            return f"answered with {answered.status}"
        return f"broke its contract: {found[0].kind} {found[0].keyword}".strip() if found else ""

    # One journey

    def _journey(self, item: PlannedJourney, arrival: int, due: float) -> None:
        inputs = filled(item.inputs, self.places(arrival))
        started, self._requests = time.monotonic(), 0
        try:
            played = play(self.ground.callees[item.name], inputs, self)
            failed = played.outcome is not Outcome.PASS
            reason = f"step {played.failed.id}: {_told(played.reason)}" if failed and played.failed else ""
            self.tally.breaches += any(sent.breaches for sent in played.everything_sent())
        except RealDataError:
            raise
        except JoinedUpError as error:
            failed, reason = True, error.message
        ended = time.monotonic()
        self.tally.journey(item.name, ended - started, ended - due, failed)
        if failed:
            self.tally.failed(item.name, reason)
            self.tally.left_out += max(item.requests - self._requests, 0)
        self._told("JOURNEY", item.name, ended - started, 0, reason if failed else "")

    def places(self, arrival: int) -> dict[str, str]:
        """What the places in inputs stand for: nobody else in this load has the same."""
        return {
            "{marker}": self.markers.made(arrival),
            "{number}": str(arrival),
            "{user}": str(self.user),
            "{nhs-number}": nth_nhs_number(arrival % NHS_NUMBERS),
        }

    # The stage of a journey

    def send(self, source: Source, operation: Operation, step: Step, actor: str) -> Exchange:
        """Send one request of a journey."""
        if source.system == CONTROL:
            raise not_applicable(
                "The control plane is everyone's: a journey that uses it is not played under load."
            )
        address = address_of(source.base_url)
        headers, content = dict(step.headers), step.content()
        if content is not None:
            headers.setdefault("Content-Type", step.media_type)
        caller = actor if actor else None
        answered, reason = self._send(
            source.system, operation, caller, target_of(address, step), headers, content
        )
        name = f"{operation.label} of {source.system}"
        seconds = self._count(source.system, operation, name, answered, reason)
        if self.ground.plan.think_time_s:
            time.sleep(self.ground.plan.think_time_s)
        self._intended = time.monotonic()
        if answered is None:
            return Exchange(step, None, reason)
        return Exchange(
            step, Response(answered.status, httpx.Headers(answered.headers), answered.body, seconds)
        )

    def wait(self, seconds: float) -> None:
        """Let a short time pass; raises ``Ended`` where it is long, since nobody's clock may be moved under load."""
        if seconds > LONGEST_WAIT_S:
            raise not_applicable(f"The document waits {seconds:g} s, which is not done under load.")
        time.sleep(seconds)

    def credential(self, source: Source, actor: str) -> str:
        """The actor's credential as the value of an Authorization header."""
        if source.system == CONTROL:
            return ""
        found = self.ground.caller(source.system, actor).headers() or {}
        return next((value for name, value in found.items() if name.lower() == "authorization"), "")

    # One request

    def _send(
        self,
        system: str,
        operation: Operation,
        actor: str | None,
        target: str,
        headers: dict[str, str],
        content: bytes | None,
    ) -> tuple[Answered | None, str]:
        base_url = self.ground.plan.systems[system].base_url
        address = address_of(base_url)
        try:
            if actor is not None:
                caller = self.ground.caller(system, actor)
                credential = caller.headers()
                if credential is None:
                    url = f"{address.scheme}://{address.authority}{target}"
                    target, headers = caller.authorised(operation.method, url, headers, content)
                else:
                    headers = {**headers, **credential}
            self._is_marked = content is not None and self._marker in content
            request = encoded(operation.method, target, address.authority, headers, content)
            self._sent_at = time.monotonic()
            return self._connections.send(address, request, head=operation.method == "HEAD"), ""
        except NoAnswerError as error:
            self.tally.unanswered[system] += 1
            return None, str(error)
        except SetupError as error:
            return None, error.message

    def _count(
        self, system: str, operation: Operation, name: str, answered: Answered | None, reason: str
    ) -> float:
        self._requests += 1
        ended = time.monotonic()
        seconds = ended - self._sent_at
        if answered is not None:
            self.tally.received[f"{system} {operation.label}"] += 1
            if self._is_marked and 200 <= answered.status < 300 and operation.method == "POST":
                self.tally.accept(f"{system} {operation.operation_id}", self._arrival)
            if names_one(operation.method, operation.path) and self.markers.foreign(answered.body):
                self.tally.foreign += 1
                reason = "the answer holds what another user sent"
        if reason:
            self.tally.failed(name, reason)
        self.tally.request(name, int(ended - self.begin), seconds, ended - self._intended, bool(reason))
        self._told(operation.method, name, seconds, len(answered.body) if answered else 0, reason)
        return seconds

    _requests = 0
    _sent_at = 0.0
    _is_marked = False


def _told(reason: object) -> str:
    """Why a step did not succeed, without what its answer held."""
    expected = getattr(reason, "expected", "")
    return f"not met: {expected}" if expected else "it did not succeed"


def _filled(text: str, marker: str) -> str:
    if "@@" not in text:
        return text
    return text.replace(MARK, marker).replace(NEW_ID, str(uuid.uuid4()))


def _filled_bytes(content: bytes, marker: str) -> bytes:
    if b"@@" not in content:
        return content
    return content.replace(MARK.encode(), marker.encode()).replace(
        NEW_ID.encode(), str(uuid.uuid4()).encode()
    )


def inputs_with_markers(callee: Callee, given: Mapping[str, Any]) -> dict[str, Any]:
    """
    The inputs of a journey, with the marker in every sentence that it has by default.

    A text of several words that no pattern and no list of values rules is free text.
    """
    marked = dict(given)
    for name, schema in callee.workflow.input_properties.items():
        default = schema.get("default") if isinstance(schema, dict) else None
        if name in marked or not isinstance(default, str) or {"enum", "pattern", "const"} & set(schema):
            continue
        if " " in default and len(default) < 400 and not default.startswith(("{", "[", "Bearer ")):
            marked[name] = f"{default} {{marker}}"
    return json.loads(json.dumps(marked))  # type: ignore[no-any-return]
