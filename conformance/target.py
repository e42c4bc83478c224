"""
One system under test as the checks see it: its contract, its callers, and what has been learned of it.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from joinedup.conformance.catalogue import Catalogue, Profile, load_profile
from joinedup.conformance.certificates import trusted
from joinedup.conformance.client import Budget, Client, hung
from joinedup.conformance.conditions import CAPABILITY
from joinedup.conformance.configuration import (
    REMOTE_REQUESTS_PER_SECOND,
    Configuration,
    System,
    is_loopback,
)
from joinedup.conformance.contract import Contract, load_contract
from joinedup.conformance.errors import ConfigurationError, SetupError
from joinedup.conformance.exchanges import MISSING, Exchange, Response, Step, Text
from joinedup.conformance.features import features_of
from joinedup.conformance.fetch import fetch_bounded
from joinedup.conformance.forgery import WITH, forged
from joinedup.conformance.identities import Identity, NoCredential, build_identity, secrets_of
from joinedup.conformance.knowledge import Knowledge, normalise
from joinedup.conformance.operations import Operation
from joinedup.conformance.real_people import refuse_real_people
from joinedup.conformance.redaction import Redactor
from joinedup.conformance.samples import Sampler
from joinedup.conformance.watch import CredentialWatch, Routes, SilenceWatch

LARGE = 60
"""A run of more operations than this sends fewer requests to each, so that it ends within minutes."""
LEAST = 8
QUICKER = 4
OWN, OTHER = "own", "other"
LIMITED_TO = " limited to "
# Words that every report uses; a system that answers with one of them gives nothing away.
_COMMON = ("true", "false", "null", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
Write = Callable[..., None]


@dataclass
class Target:
    """
    A system under test.

    Args:
        name: its name in the configuration.
        system: its table of the configuration.
        configuration: the whole configuration.
        profile: what it is held to.
        contract: its OpenAPI document.
        seed: of everything that is generated.
        write: appends an event to the record.
        ours: whether it is one of the bundled agencies, served by this run.
        marker: the word that marks what the run makes on the system; empty where nothing is marked.
        crowd: how many operations all systems have that the run judges; 0 where it judges this one alone.
        quick: whether each operation gets few requests, also of the checks that are not generated.
        made: answers of successful POSTs: what the run may have left on the system.
        deleted: paths that were deleted with success.
        good: a successful exchange by (operation, identity): the control of every rule.
        answers: statuses by operation, 0 for no answer.
        wrongly_accepted: (operation, place) of input that was accepted although the contract rules it out: reported
            once, by the check that found it first.
        first: the first exchange by (status, operation).
        last_refused: the last exchange of an operation that was answered with 400 or 422.
    """

    name: str
    system: System
    configuration: Configuration
    profile: Profile
    contract: Contract
    seed: int
    write: Write
    ours: bool = False
    marker: str = ""
    crowd: int = 0
    quick: bool = False
    made: list[Exchange] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    good: dict[tuple[str, str | None], Exchange] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    wrongly_accepted: set[tuple[str, str]] = field(default_factory=set)
    _watches: dict[str, CredentialWatch] = field(default_factory=dict)
    first: dict[tuple[int, str], Exchange] = field(default_factory=dict)
    last_refused: dict[str, Exchange] = field(default_factory=dict)
    _derived: dict[str, Identity] = field(default_factory=dict)

    @cached_property
    def redactor(self) -> Redactor:
        """What may be shown of this system's answers."""
        return Redactor([*self.contract.declared_values, *self.contract.property_names, *_COMMON])

    @cached_property
    def identities(self) -> Mapping[str, Identity]:
        """The callers by name; raises ``SetupError`` or ``ConfigurationError``."""
        built = {name: self.caller(name, keys) for name, keys in self.system.identities.items()}
        # A system that asks for no credential still has a caller, so that no check needs a special case.
        built.setdefault(OWN, Identity(OWN, "", "none", NoCredential()))
        return built

    def caller(self, name: str, keys: Mapping[str, Any]) -> Identity:
        """The caller that a table of the configuration describes; raises ``SetupError`` or ``ConfigurationError``."""
        folder, where = Path(self.configuration.folder), f"systems.{self.name}.identities.{name}"
        for secret in secrets_of(keys, folder, where):
            self.redactor.keep_secret(secret)
        return build_identity(
            name,
            {key: value for key, value in keys.items() if key != "fixtures"},
            folder=folder,
            where=where,
            contract_key=_api_key_place(self.contract),
            timeout_s=self.configuration.limits.timeout_s,
            trust=self.trust,
        )

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """The authorities that are trusted for this system; raises ``SetupError`` where ``ca_bundle`` cannot be read."""
        return trusted(self.system, Path(self.configuration.folder))

    @cached_property
    def budget(self) -> Budget:
        """The requests that this run may send to the system."""
        limits = self.configuration.limits
        default = 0.0 if is_loopback(self.system.base_url) else REMOTE_REQUESTS_PER_SECOND
        per_second = default if limits.requests_per_second is None else limits.requests_per_second
        return Budget(limits, per_second=per_second)

    @cached_property
    def client(self) -> Client:
        """Sends steps to the system."""
        callers = self.identities.values()
        return Client(
            self.system.base_url,
            callers,
            self.budget,
            self.observe,
            derive=self.derived,
            trust=self.trust,
            withheld=lambda: self.silent.names,
        )

    def derived(self, name: str) -> Identity:
        """
        A caller made from an identity: ``own with a changed signature``, ``own limited to referrals.read``.

        Raises:
            ConfigurationError: there is no such identity, or nothing of the kind can be made from its credential.
        """
        if name in self._derived:
            return self._derived[name]
        base, _, forgery = name.partition(WITH)
        made = forged(self.identities[base], forgery) if base in self.identities else None
        base, _, scope = name.partition(LIMITED_TO)
        if base in self.identities and scope:
            made = self.caller(name, self.system.identities[base] | {"scope": scope})
        if made is not None:
            return self._derived.setdefault(name, made)
        raise ConfigurationError(
            f"systems.{self.name} has no identity {name!r}, and none can be made.",
            hint=f"It has: {', '.join(self.identities) or 'none'}.",
        )

    @cached_property
    def knowledge(self) -> Knowledge:
        """What the run has learned of the system, fixtures first."""
        own = {name: keys["fixtures"] for name, keys in self.system.identities.items() if "fixtures" in keys}
        return Knowledge(self.system.fixtures, own)

    @cached_property
    def features(self) -> frozenset[str]:
        """What the contract shows and the configuration gives, by name."""
        found = {str(feature) for feature in features_of(self.contract)}
        credentialled = [i for i in self.system.identities.values() if i.get("flow") != "none"]
        if credentialled:
            found.add("identity.any")
        if OTHER in self.system.identities:
            found.add("identity.other")
        if self.system.previous_contract:
            found.add("contract.previous")
        found.update(CAPABILITY + name for name, has in self.system.capabilities.items() if has)
        return frozenset(found)

    @property
    def destructive(self) -> bool:
        """Whether DELETE, floods and revocation may reach this system."""
        return self.ours or self.configuration.limits.destructive

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations that may be called: without those left out and, unless allowed, without DELETE."""
        return tuple(operation for operation in self.contract.operations if not self.why_left_out(operation))

    def why_left_out(self, operation: Operation) -> str:
        """Why an operation is not called; empty where it is."""
        reason = self.system.leave_out.get(operation.operation_id) or self.system.leave_out.get(
            operation.label
        )
        if reason:
            return f"left out by the configuration: {reason}"
        if operation.label in self.culprits:
            return f"left out once it was known that {self.culprits[operation.label]}"
        if operation.method == "DELETE" and not self.destructive:
            return "DELETE is only sent to a live system when limits.destructive is true"
        return ""

    def is_declared_public(self, operation: Operation) -> bool:
        """Whether the contract says that an operation needs no credential; to say nothing of security is not enough."""
        node = self.contract.resolve({"$ref": operation.pointer})
        return operation.public and ("security" in node or "security" in self.contract.document)

    def issues_our_credential(self, operation: Operation) -> bool:
        """Whether an operation is the token endpoint that an identity has got its token from."""
        url = self.system.base_url.rstrip("/") + operation.path
        return operation.method == "POST" and any(
            keys.get("token_url") == url and getattr(self.identities[name].auth, "issued", False)
            for name, keys in self.system.identities.items()
        )

    def succeeded(self) -> frozenset[str]:
        """Labels of the operations that have succeeded at least once, whoever called them."""
        issuing = {op.label for op in self.operations if self.issues_our_credential(op)}
        return frozenset(issuing | {label for label, _ in self.good})

    def sampler(
        self, seed: int = 0, identity: str | None = OWN, path: str = "", *, plain: bool = False
    ) -> Sampler:
        """
        Makes valid values, real ones where they are known for a name.

        Args:
            plain: free text without spaces and capitals, and only identifiers are those of real objects, so that a
                name is one that no object has.
        """

        def known(name: str) -> Any:
            if plain and not normalise(name).endswith("id"):
                return MISSING
            values = self.knowledge.values_for(name, path, "body", identity=identity, most=1)
            return values[0] if values else MISSING

        return Sampler(self.contract.resolve, self.seed * 1000 + seed, known, self.marker, plain=plain)

    def observe(self, exchange: Exchange) -> None:
        """
        Take note of one exchange: what may be shown, what was learned, what stands in the record.

        Raises:
            RealDataError: the answer looks like real people; nothing of it was written.
        """
        self.note(
            _sent_values(exchange), exchange.response, exchange.step.url_path(), exchange.error, exchange.step
        )
        self.remember(exchange)
        self.silent.after(exchange, hung=hung(exchange))
        caller = exchange.step.identity
        # A credential that was made wrong on purpose is refused by right.
        if exchange.response is not None and caller is not None and caller in self.identities:
            self.watch_over(caller, exchange.step, exchange.status)

    def watch_over(self, identity: str, step: Step, status: int) -> None:
        """Let the credential watch see an answer; raises ``SetupError`` where the credential is lost."""
        if identity not in self._watches:
            self._watches[identity] = CredentialWatch(
                self.client.send_unwatched,
                self.identities[identity],
                lambda: [exchange for (_, caller), exchange in self.good.items() if caller == identity],
            )
        self._watches[identity].after(step.operation, step.method, step.path, status)

    def portion(self, most: int) -> int:
        """How many requests of one kind one operation gets: fewer than ``most`` where there are very many."""
        operations = max(len(self.operations), self.crowd, LARGE)
        return min(most, max(LEAST, most * LARGE // operations // (QUICKER if self.quick else 1)))

    @property
    def culprits(self) -> dict[str, str]:
        """Operations that ended a caller's credential or never answer, with what was seen."""
        ended = {label: why for watch in self._watches.values() for label, why in watch.culprits.items()}
        return {**self.silent.names, **ended}

    @cached_property
    def silent(self) -> SilenceWatch:
        """Operations that gave no answer in time, again and again."""
        return SilenceWatch(self.configuration.limits.timeout_s)

    @cached_property
    def routes(self) -> Routes:
        """Finds the operation that a request on the wire belongs to."""
        return Routes(self.contract.operations)

    def note(self, sent: Iterable[Any], response: Response | None, url: str, error: str, step: Step) -> None:
        """Like ``observe``, for an exchange whose request is known only as it went over the wire."""
        for value in sent:
            self.redactor.sent(value)
        if response is not None:
            where = f"{step.method} {step.path} of {self.name}"
            headers = "\n".join(f"{name}\n{value}" for name, value in response.headers.multi_items())
            for part in (response.body, headers.encode()):
                refuse_real_people(part, where=where, ours=self.redactor)
            body = response.json()
            if body is not MISSING:
                self.redactor.received(body)
            if "etag" in response.headers:
                self.redactor.received(response.headers["etag"])
        record: dict[str, object] = {
            "system": self.name,
            "operation": step.operation,
            "identity": step.identity,
            "method": step.method,
            "url": self.redactor.mask_url(url),
            "status": response.status if response else 0,
            "ms": round(response.seconds * 1000, 1) if response else None,
            "bytes": len(response.body) if response else 0,
        }
        self.write("exchange", **record, **({"error": error} if error else {}))

    def remember(self, exchange: Exchange) -> None:
        """Keep what later checks need of an exchange: its status, and a success as a control."""
        step = exchange.step
        self.answers.setdefault(step.operation, []).append(exchange.status)
        self.first.setdefault((exchange.status, step.operation), exchange)
        if exchange.status in (400, 422):
            self.last_refused[step.operation] = exchange
        self.knowledge.note_change(exchange)
        if exchange.ok:
            self.good.setdefault((step.operation, step.identity), exchange)
            if step.method == "POST":
                self.made.append(exchange)
            elif step.method == "DELETE":
                self.deleted.add(step.url_path())

    def fixture(self, name: str, index: int) -> Any:
        """
        A known good value of the configuration.

        Raises:
            SetupError: the configuration does not give it.
        """
        tables = [keys.get("fixtures", {}) for keys in self.system.identities.values()] + [
            self.system.fixtures
        ]
        for table in tables:
            if index < len(table.get(name, ())):
                return table[name][index]
        raise SetupError(
            f"The fixture {name} (number {index + 1}) is not in systems.{self.name}.fixtures.",
            hint="Use the configuration of that run.",
        )

    def seed_body(self, operation: Operation) -> Any:
        """The body that the configuration gives for an operation, or ``MISSING``."""
        name = self.system.requests.get(operation.operation_id)
        if not name:
            return MISSING
        path = Path(self.configuration.folder) / name
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(
                f"systems.{self.name}.requests.{operation.operation_id} names {name}, which cannot be read ({type(error).__name__}).",
                hint="Correct the path.",
            ) from None
        try:
            return json.loads(text)
        except ValueError:
            return Text(text)


def _sent_values(exchange: Exchange) -> Iterator[Any]:
    step = exchange.step
    yield from step.path_parameters.values()
    yield from (value for _, value in step.query)
    yield from step.headers.values()
    if step.body is not MISSING:
        yield step.body.text if isinstance(step.body, Text) else step.body


def _api_key_place(contract: Contract) -> tuple[str, str]:
    """Where the contract wants an API key: (``header`` or ``query``, name)."""
    schemes = (contract.document.get("components") or {}).get("securitySchemes") or {}
    for scheme in schemes.values():
        if (
            isinstance(scheme, dict)
            and scheme.get("type") == "apiKey"
            and scheme.get("in") in ("header", "query")
        ):
            return str(scheme["in"]), str(scheme.get("name", "X-API-Key"))
    return "header", "X-API-Key"


def read_contract(name: str, system: System, configuration: Configuration, key: str = "contract") -> Contract:
    """
    The contract of a system, or its previous one.

    Raises:
        ConfigurationError: it is no contract that can be used.
        SetupError: its address gives no answer.
    """
    source = getattr(system, key)

    def fetch(url: str) -> bytes:
        return fetch_bounded(
            url,
            f"systems.{name}.{key}",
            timeout_s=configuration.limits.timeout_s,
            trust=trusted(system, Path(configuration.folder)),
        )

    return load_contract(source, folder=Path(configuration.folder), fetch=fetch)


def build_target(
    name: str,
    configuration: Configuration,
    catalogue: Catalogue,
    *,
    seed: int,
    write: Write,
    ours: bool = False,
    marker: str = "",
    quick: bool = False,
) -> Target:
    """
    The target for one system of the configuration.

    Raises:
        ConfigurationError: an unknown profile, an unusable contract.
        SetupError: the contract's address gives no answer.
    """
    system = configuration.systems[name]
    profile = load_profile(configuration.profile_of(name), catalogue)
    contract = read_contract(name, system, configuration)
    return Target(name, system, configuration, profile, contract, seed, write, ours, marker, quick=quick)
