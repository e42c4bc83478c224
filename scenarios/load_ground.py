"""
What all users of a process share: contracts, documents and callers, each read once.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from joinedup.conformance.certificates import trusted
from joinedup.conformance.configuration import System
from joinedup.conformance.contract import Contract, load_contract
from joinedup.conformance.errors import JoinedUpError, SetupError
from joinedup.conformance.exchanges import Step, step_from_record
from joinedup.conformance.fetch import fetch_bounded
from joinedup.conformance.identities import Identity, build_identity
from joinedup.conformance.operations import Operation
from joinedup.conformance.redaction import Redactor
from joinedup.mocks.bundle import CONTRACTS
from joinedup.mocks.newcomers import newcomers, told_of
from joinedup.scenarios.journey import bundled_journeys
from joinedup.scenarios.library import Callee, Library, Live
from joinedup.scenarios.load_children import read_children
from joinedup.scenarios.load_journeys import part_of
from joinedup.scenarios.load_plan import OWN, LoadPlan, PlannedJourney, PlannedOperation, identity_of
from joinedup.scenarios.load_validation import Allowance, SampledValidator
from joinedup.scenarios.load_wire import Address, address_of
from joinedup.scenarios.stages import CONTROL, SPOILT, spoilt_token

# How long a credential that stands in headers alone is used before it is asked for again.
CREDENTIAL_S = 2.0
# Tokens with one thing wrong are made by the control plane; one that is not valid yet must not become so.
SPOILT_S = 300.0
# Flows whose credential is the same headers for every request.
_SAME_HEADERS = frozenset({"client-credentials", "private-key-jwt", "bearer", "basic", "none"})


@dataclass
class Caller:
    """
    Puts a credential into requests, without asking anew where it is the same for each.

    Args:
        lasts_s: for how long it is the same.
        renewed: makes the identity anew after that, where asking it again is not enough.
    """

    identity: Identity
    lasts_s: float = CREDENTIAL_S
    renewed: Callable[[], Identity] | None = None
    _headers: dict[str, str] = field(default_factory=dict)
    _until: float = 0.0

    def headers(self) -> dict[str, str] | None:
        """The headers of its credential; None where each request has its own."""
        if self.identity.flow not in _SAME_HEADERS:
            return None
        if time.monotonic() >= self._until:
            if self.renewed is not None and self._headers:
                self.identity = self.renewed()
            bare = httpx.Request("GET", "http://credential.example")
            before = set(bare.headers)
            found = self.identity.authorise(bare).headers
            self._headers = {name: value for name, value in found.items() if name not in before}
            self._until = time.monotonic() + self.lasts_s
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
    """What all users of a process share."""

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
        _ = (self.callees, self.requests, self.trust, self.validators, self.children)
        callers = {(item.system, actor) for item in self.plan.operations for actor in item.steps}
        callers |= {caller for journey in self.plan.journeys for caller in journey.callers}
        for system, actor in sorted(callers):
            # What a token server refuses is counted with the request that needs the token.
            with contextlib.suppress(JoinedUpError):
                self.caller(system, actor).headers()

    @cached_property
    def _control(self) -> Contract:
        """The control plane's contract; its answers are not held against it: it is ours, and not what is measured."""
        contract = load_contract(f"{CONTROL}.yaml", folder=CONTRACTS)
        never = SampledValidator(contract._responses, Allowance(0), shown=self._shown, system=CONTROL)
        return replace(contract, _responses=never)

    @cached_property
    def callees(self) -> dict[str, Callee]:
        """Each journey, ready to be played."""
        places = {
            name: Live(system.base_url, replace(self.contracts[name], _responses=self.validators[name]))
            for name, system in self.plan.systems.items()
        }
        places[CONTROL] = Live(self.plan.control, self._control)
        folder = Path(self.plan.folder)
        bindings = {n: folder / s.binding for n, s in self.plan.systems.items() if s.binding}
        library = Library(live=places, bindings=bindings)
        return {j.name: part_of(library, self._document(j), j.workflow).callee for j in self.plan.journeys}

    def _document(self, journey: PlannedJourney) -> Path:
        """Where the document of a journey is on this machine."""
        return bundled_journeys().get(journey.document) or Path(self.plan.folder) / journey.document

    @cached_property
    def children(self) -> list[dict[str, Any]]:
        """The children that journeys of this load have for their own, in order."""
        if self.plan.children_file and self.plan.children:
            return self._own_children()
        return [told_of(person) for person in newcomers(self.plan.seed, self.plan.children)]

    def _own_children(self) -> list[dict[str, Any]]:
        """
        The children of the tester's file.

        Raises:
            ConfigurationError: it cannot be read.
            SetupError: it is not the one that the load was planned with.
        """
        found = read_children(Path(self.plan.folder), self.plan.children_file)
        if found.digest != self.plan.children_digest:
            raise SetupError(
                f"The file {self.plan.children_file} is not the one that the load was planned with.",
                hint="Every machine that sends needs the same file; leave it as it is until the load has ended.",
            )
        return [dict(row) for row in found.rows]

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
            self._callers[key] = self._made(system, actor)
        return self._callers[key]

    def _made(self, system: str, actor: str) -> Caller:
        """The caller; one with a credential that has one thing wrong has it from the control plane."""
        planned = self.plan.systems[system]
        if actor in SPOILT and actor not in planned.identities and planned.is_ours:
            return Caller(self._spoilt(system, actor), SPOILT_S, lambda: self._spoilt(system, actor))
        return Caller(identity_of(self.plan, system, actor))

    def _spoilt(self, system: str, actor: str) -> Identity:
        """
        The usual caller of a bundled agency, whose token has one thing wrong.

        Raises:
            SetupError: the control plane did not make one.
        """
        own = self.plan.systems[system].identities[OWN]
        try:
            token = spoilt_token(self._ask, own, system, actor)
        except (httpx.HTTPError, KeyError) as error:
            raise SetupError(
                f"The control plane made no token for the caller {actor} of {system}: {error}"
            ) from None
        return build_identity(
            actor,
            {"flow": "bearer", "token": token},
            folder=Path(self.plan.folder),
            where=f"{system}.{actor}",
        )

    def _ask(self, method: str, path: str, body: object) -> dict[str, Any]:
        """Call an operation of the control plane; raises ``httpx.HTTPError`` where it refuses."""
        answer = httpx.request(method, self.plan.control + path, json=body, timeout=self.plan.timeout_s)
        return dict(answer.raise_for_status().json())

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
