"""
Where a journey is played with live systems among the bundled agencies: ``Mixture(served, live)``.

Each live system takes the place of its mock. It is called by the identities of its configuration, through the client
that the checks use, so that what it says is masked, recorded and bounded in the same way. Time passes, and data are kept
and put back, in the bundled agencies and in the live systems together; where a live system's test environment cannot,
the journey is not applicable.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from joinedup.conformance.check import not_applicable
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.forgery import WITH, forged
from joinedup.conformance.operations import Operation
from joinedup.conformance.redaction import Redactor, scalars
from joinedup.conformance.target import OTHER, OWN, Target
from joinedup.mocks.serve import Served
from joinedup.scenarios.environment import RESTORE_SNAPSHOT, SET_CLOCK, TAKE_SNAPSHOT, Environment
from joinedup.scenarios.library import Library, Linked, Live, Source
from joinedup.scenarios.stages import ACTORS, CONTROL, SPOILT, Systems, real_wait, served_live, served_systems

FOR_ALL = frozenset({"switchOutage"})
"""Operations of the control plane that reach a live system too: what is between it and the agencies is cut."""
# What anybody can make wrong in a signed token.
FORGERIES: Mapping[str, str] = {
    "changed-claims": "changed claims under the old signature",
    "alg-none": "a token that says it is unsigned",
}
Write = Callable[..., None]


def library_of(served: Served, live: Mapping[str, Target]) -> Library:
    """Documents with each system where it answers; a live one by its own contract, and its binding where it has one."""
    places = {name: Live(target.system.base_url, target.contract) for name, target in live.items()}
    bindings = {
        name: Path(target.configuration.folder) / target.system.binding
        for name, target in live.items()
        if target.system.binding
    }
    return Library(live={**served_live(served), **places}, bindings=bindings)


@dataclass
class Mixture:
    """
    The served agencies with live systems in the place of some of them.

    Args:
        live: systems by name.
        called: those of them that what is played calls; the others are told things at most.
        write: appends an event to the record.
        shown: what of the bundled agencies' answers may be shown.
        bindings: the capabilities of live systems on contracts of their own, by system.
    """

    served: Served
    live: Mapping[str, Target]
    called: Collection[str]
    write: Write
    shown: Redactor
    bindings: Mapping[str, Linked] = field(default_factory=lambda: MappingProxyType({}))
    trust: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._bundled: Systems = served_systems(self.served, observe=self._observe, trust=self.trust)
        self._environments = [Environment(name, self.bindings.get(name), self) for name in self.live]

    def begin(self) -> None:
        """
        Put the agencies and the live systems back to where a story begins.

        Raises:
            SetupError: a live system could not be put back, though its binding says how.
        """
        self.served.reset()
        for environment in self._environments:
            environment.reset()

    def send(self, source: Source, operation: Operation, step: Step, actor: str) -> Exchange:
        """
        Send one request to its system.

        Raises:
            Ended: not applicable, where a live system lacks what it is about.
        """
        target = self.live.get(source.system)
        if target is None:
            return self._sent_to_bundled(source, operation, step, actor)
        if not actor and not operation.public:
            raise not_applicable(
                f"The document has a credential of its own for {source.system}, which is live: it is called by the "
                "identities of the configuration alone."
            )
        reason = target.why_left_out(operation)
        if reason:
            raise not_applicable(f"{operation.label} of {source.system} is {reason}.")
        exchange = target.client.send(replace(step, identity=self._name(target, actor) if actor else None))
        self._note(exchange, self.shown, *(t.redactor for t in self.live.values() if t is not target))
        return exchange

    def wait(self, seconds: float) -> None:
        """Let time pass: the agencies' where every live system has a clock that can be moved, else real time."""
        if all(environment.can(SET_CLOCK) for environment in self._concerned(SET_CLOCK)):
            self._move(self.served.now() + timedelta(seconds=seconds))
            self._bundled.wait(seconds)
        else:
            real_wait(seconds)

    def credential(self, source: Source, actor: str) -> str:
        """What the actor puts into the header Authorization of a system."""
        target = self.live.get(source.system)
        if target is None:
            return self._bundled.credential(source, actor)
        name = self._name(target, actor)
        identity = target.identities.get(name) or target.derived(name)
        request = identity.authorise(httpx.Request("GET", target.system.base_url))
        return str(request.headers.get("Authorization", ""))

    def close(self) -> None:
        """Close the connections to the agencies; those of live systems are the run's."""
        self._bundled.close()

    def redactor(self, system: str) -> Redactor:
        """What may be shown of a system's answers."""
        return self.live[system].redactor if system in self.live else self.shown

    def _name(self, target: Target, actor: str) -> str:
        """
        The identity of a live system's configuration that an actor calls it by.

        One that is named for the actor, else ``other`` for another organisation than its own, else ``own``.
        """
        if actor in SPOILT:
            return self._spoilt(target, actor)
        owner, role = ACTORS.get(actor, (actor, actor if actor in (OWN, OTHER) else OWN))
        wanted = actor if actor in target.identities else role if owner == target.name else ""
        name = wanted or (OTHER if actor.startswith(OTHER) else OWN)
        if name in target.identities:
            return name
        raise not_applicable(
            f"The configuration gives {target.name} no identity by which the actor {actor} could call it: "
            f"systems.{target.name}.identities.{actor} or {name}."
        )

    @staticmethod
    def _spoilt(target: Target, actor: str) -> str:
        """A caller whose credential has one thing wrong: one of the configuration, else one forged from the default one."""
        forgery = FORGERIES.get(actor, "")
        if actor in target.identities:
            return actor
        if forgery and forged(target.identities[OWN], forgery) is not None:
            return f"{OWN}{WITH}{forgery}"
        raise not_applicable(
            f"The configuration gives {target.name} no identity {actor}, and nobody but its issuer can make such a "
            f"credential: systems.{target.name}.identities.{actor}."
        )

    def _sent_to_bundled(self, source: Source, operation: Operation, step: Step, actor: str) -> Exchange:
        """The exchange with a bundled agency, or with the control plane and with what it cannot do by itself."""
        if source.system != CONTROL or not self.live:
            return self._bundled.send(source, operation, step, actor)
        self._refuse_beyond_reach(operation, step)
        self._before(operation, step)
        exchange = self._bundled.send(source, operation, step, actor)
        self._after(operation, exchange)
        return exchange

    def _refuse_beyond_reach(self, operation: Operation, step: Step) -> None:
        """The control plane reaches the bundled agencies alone."""
        asked = {*scalars(list(step.path_parameters.values())), *(str(value) for _, value in step.query)}
        asked |= set(scalars(step.body)) if isinstance(step.body, dict) else set()
        beyond = [name for name in self.live if name in asked]
        if beyond and operation.operation_id not in FOR_ALL:
            raise not_applicable(
                f"{beyond[0]} is live, and {operation.operation_id} is there for the bundled agencies alone."
            )

    def _before(self, operation: Operation, step: Step) -> None:
        """What live systems have to do before the agencies do it."""
        body = step.body if isinstance(step.body, dict) else {}
        if operation.operation_id == "setClock":
            self._move(datetime.fromisoformat(body["now"]) if "now" in body else self.served.now())
        elif operation.operation_id == "advanceClock":
            self._move(self.served.now() + timedelta(seconds=float(body["seconds"])))
        elif operation.operation_id == "switchOutage":
            for environment in self._environments:
                if environment.system == step.path_parameters.get("system"):
                    environment.set_read_only(body.get("readOnly") is True)
        elif operation.operation_id == "restoreSnapshot":
            for environment in self._concerned(RESTORE_SNAPSHOT):
                environment.put_back(str(step.path_parameters["snapshotId"]))

    def _after(self, operation: Operation, exchange: Exchange) -> None:
        body = exchange.response.json() if exchange.response else MISSING
        if operation.operation_id == "takeSnapshot" and isinstance(body, dict):
            for environment in self._concerned(TAKE_SNAPSHOT):
                environment.keep(str(body.get("snapshotId", "")))

    def _move(self, now: datetime) -> None:
        for environment in self._concerned(SET_CLOCK):
            environment.set_clock(now)

    def _concerned(self, workflow: str) -> list[Environment]:
        """Those that can do something, and those that would have to because they are called."""
        return [each for each in self._environments if each.can(workflow) or each.system in self.called]

    def _observe(self, system: str, exchange: Exchange) -> None:
        """Take note of an exchange with a bundled agency."""
        if system == CONTROL:
            return
        self.shown.sent(_sent(exchange.step))
        self._note(exchange, self.shown, *(target.redactor for target in self.live.values()))
        response, step = exchange.response, exchange.step
        record: dict[str, object] = {
            "system": system,
            "operation": step.operation,
            "identity": step.identity,
            "method": step.method,
            "url": self.shown.mask_url(step.url_path()),
            "status": exchange.status,
            "ms": round(response.seconds * 1000, 1) if response else None,
            "bytes": len(response.body) if response else 0,
        }
        self.write("exchange", **record, **({"error": exchange.error} if exchange.error else {}))

    @staticmethod
    def _note(exchange: Exchange, *redactors: Redactor) -> None:
        """What one system says is not shown because it is sent to the next one."""
        body = exchange.response.json() if exchange.response else MISSING
        if body is not MISSING:
            for redactor in redactors:
                redactor.received(body)


def _sent(step: Step) -> list[Any]:
    body = [] if step.body is MISSING else [step.body]
    return [
        *step.path_parameters.values(),
        *(value for _, value in step.query),
        *step.headers.values(),
        *body,
    ]
