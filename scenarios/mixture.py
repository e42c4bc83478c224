"""
Where a journey is played with live systems among the bundled agencies: ``Mixture(served, live)``.

Each live system takes the place of its mock. It is called by the identities of its configuration, through the client
that the checks use, so that what it says is masked, recorded and bounded in the same way. It has no clock that can be
moved, so a journey that needs one is not applicable as soon as it takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from joinedup.conformance.check import not_applicable
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.operations import Operation
from joinedup.conformance.redaction import Redactor, scalars
from joinedup.conformance.target import OTHER, OWN, Target
from joinedup.mocks.serve import Served
from joinedup.scenarios.library import Library, Live, Source
from joinedup.scenarios.stages import ACTORS, CONTROL, Systems, real_wait, served_live, served_systems

MOVES_TIME = frozenset({"setClock", "advanceClock"})
"""Operations of the control plane that move the agencies' clock."""
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
        live: systems by name, those that take part in what is played.
        write: appends an event to the record.
        shown: what of the bundled agencies' answers may be shown.
    """

    served: Served
    live: Mapping[str, Target]
    write: Write
    shown: Redactor

    def __post_init__(self) -> None:
        self._bundled: Systems = served_systems(self.served, observe=self._observe)

    def send(self, source: Source, operation: Operation, step: Step, actor: str) -> Exchange:
        """
        Send one request to its system.

        Raises:
            Ended: not applicable, where a live system lacks what it is about.
        """
        target = self.live.get(source.system)
        if target is None:
            self._refuse_beyond_reach(source, operation, step)
            return self._bundled.send(source, operation, step, actor)
        reason = target.why_left_out(operation)
        if reason:
            raise not_applicable(f"{operation.label} of {source.system} is {reason}.")
        exchange = target.client.send(replace(step, identity=self._name(target, actor) if actor else None))
        self._note(exchange, self.shown, *(t.redactor for t in self.live.values() if t is not target))
        return exchange

    def wait(self, seconds: float) -> None:
        """Let time pass: the agencies' where they are among themselves, real time where a live system takes part."""
        (real_wait if self.live else self.served.advance)(seconds)

    def credential(self, source: Source, actor: str) -> str:
        """What the actor puts into the header Authorization of a system."""
        target = self.live.get(source.system)
        if target is None:
            return self._bundled.credential(source, actor)
        identity = target.identities[self._name(target, actor)]
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
        owner, role = ACTORS.get(actor, (actor, actor if actor in (OWN, OTHER) else OWN))
        wanted = actor if actor in target.identities else role if owner == target.name else ""
        name = wanted or (OTHER if actor.startswith(OTHER) else OWN)
        if name in target.identities:
            return name
        raise not_applicable(
            f"The configuration gives {target.name} no identity by which the actor {actor} could call it: "
            f"systems.{target.name}.identities.{actor} or {name}."
        )

    def _refuse_beyond_reach(self, source: Source, operation: Operation, step: Step) -> None:
        """The control plane reaches the bundled agencies alone."""
        if source.system != CONTROL or not self.live:
            return
        if operation.operation_id in MOVES_TIME:
            raise not_applicable(f"{' and '.join(self.live)} has no clock that can be moved.")
        asked = {*scalars(list(step.path_parameters.values())), *(str(value) for _, value in step.query)}
        asked |= set(scalars(step.body)) if isinstance(step.body, dict) else set()
        beyond = [name for name in self.live if name in asked]
        if beyond:
            raise not_applicable(
                f"{beyond[0]} is live, and {operation.operation_id} is there for the bundled agencies alone."
            )

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
