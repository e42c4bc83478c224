"""
Where a workflow is played: the one seam through which requests are sent, time passes and callers get credentials.

::

    Stage         what the player needs
    └── Systems   systems that answer at an address: the served agencies, live ones, or some of each
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from joinedup.conformance.check import not_applicable
from joinedup.conformance.client import Budget, Client
from joinedup.conformance.configuration import Limits
from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.identities import Identity, build_identity
from joinedup.conformance.operations import Operation
from joinedup.mocks.handle import Handle
from joinedup.scenarios.library import Live, Source

LONGEST_REAL_WAIT_S = 60.0
CONTROL = "control"
"""The system that is the control plane of the bundled agencies; it takes no credential."""
# Who calls, as documents name them: another name for (system, identity).
ACTORS: Mapping[str, tuple[str, str]] = {
    "council": ("social-care", "own"),
    "other-council": ("social-care", "other"),
    "other-force": ("police", "other"),
}

# Callers with a credential that has one thing wrong, as documents name them, with what the toolbox makes it by.
SPOILT: Mapping[str, Mapping[str, object]] = {
    **{
        defect: {"defect": defect}
        for defect in ("expired", "not-yet-valid", "wrong-audience", "changed-claims", "alg-none")
    },
    "revoked": {},
    "narrow": {"scopes": ["social-care:contacts.read"]},
}


class Stage(Protocol):
    """What a play needs of the world."""

    def send(self, source: Source, operation: Operation, step: Step, actor: str) -> Exchange:
        """Send one request; as the actor where one is named. May raise ``Ended`` or ``SetupError``."""

    def wait(self, seconds: float) -> None:
        """Let time pass. Raises ``Ended`` where it cannot."""

    def credential(self, source: Source, actor: str) -> str:
        """The actor's credential at a system, as the value of an Authorization header; empty where it needs none."""


Wait = Callable[[float], None]
Identities = Callable[[str, str], Identity | None]
Observe = Callable[[str, Exchange], None]
Ask = Callable[[str, str, object], Mapping[str, Any]]


def real_wait(seconds: float) -> None:
    """
    Let real time pass.

    Raises:
        Ended: not applicable, where it would be more than a minute.
    """
    if seconds > LONGEST_REAL_WAIT_S:
        raise not_applicable(
            f"The document waits {seconds:g} s, and the systems have no clock that can be moved; at most {LONGEST_REAL_WAIT_S:g} s are waited for."
        )
    time.sleep(seconds)


def unobserved(_system: str, _exchange: Exchange) -> None:
    """Whoever plays has the exchanges in the result."""


@dataclass
class Systems:
    """
    Systems that answer at an address, each with a client of its own.

    Args:
        identity: the caller of that name at that system; None where it is unknown.
        wait: how time passes.
        observe: told every exchange, with the name of the system.
        limits: requests in all, seconds and bytes for each system.
        trust: whom to believe who a server is; the usual authorities where it is not given.
    """

    identity: Identities
    wait: Wait = real_wait
    observe: Observe = unobserved
    limits: Limits = field(default_factory=Limits)
    trust: ssl.SSLContext | None = None
    _clients: dict[tuple[str, str], Client] = field(default_factory=dict)
    _known: dict[tuple[str, str], Identity] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, source: Source, operation: Operation, step: Step, actor: str) -> Exchange:
        """Send one request with the client of its system."""
        exchange = self._client(source).send(step)
        if source.system == CONTROL and step.method != "GET":
            self.renew()
        return exchange

    def renew(self) -> None:
        """Forget the tokens that were fetched: where the agencies' clock has moved, they may have ended."""
        with self._lock:
            known = list(self._known.values())
        for identity in known:
            identity.renew()

    def credential(self, source: Source, actor: str) -> str:
        """What the actor's identity puts into the header Authorization."""
        if source.system == CONTROL:
            return ""
        request = httpx.Request("GET", source.base_url)
        return str(self._identity(source, actor).authorise(request).headers.get("Authorization", ""))

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def _client(self, source: Source) -> Client:
        key = (source.system, source.base_url)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._connected(source)
            return self._clients[key]

    def _connected(self, source: Source) -> Client:
        return Client(
            source.base_url,
            (),
            Budget(self.limits),
            lambda exchange: self.observe(source.system, exchange),
            derive=lambda actor: self._identity(source, actor),
            trust=self.trust,
        )

    def _identity(self, source: Source, actor: str) -> Identity:
        found = self.identity(source.system, actor)
        if found is None:
            raise ConfigurationError(
                f"The actor {actor!r} (x-actor) has no identity at {source.system}.",
                hint=f"Name an identity of {source.system}, a system, or one of {', '.join(ACTORS)}.",
            )
        with self._lock:
            self._known[source.system, actor] = found
        return found


# The served agencies


def served_systems(
    served: Handle, *, observe: Observe = unobserved, trust: ssl.SSLContext | None = None
) -> Systems:
    """A stage on the served agencies: time is their clock's, and every organisation may call every system."""
    found: dict[tuple[str, str], Identity | None] = {}

    def identity(system: str, actor: str) -> Identity | None:
        if (system, actor) not in found:
            found[system, actor] = _served_identity(served, system, actor, trust)
        return found[system, actor]

    def wait(seconds: float) -> None:
        served.advance(seconds)
        stage.renew()

    stage = Systems(identity, wait, observe, trust=trust)
    return stage


def served_live(served: Handle) -> dict[str, Live]:
    """Where the served agencies answer, and their control plane, by system."""
    found = {name: Live(system.base_url) for name, system in served.systems.items()}
    return {**found, CONTROL: Live(served.control)}


def _served_identity(
    served: Handle, system: str, actor: str, trust: ssl.SSLContext | None = None
) -> Identity | None:
    """
    Who calls one of the served agencies.

    An actor is one of its own identities (``own``, ``other``), or another system: that is the system's own client,
    with the scopes that callers of the called system have; or its own caller with a credential that has one thing wrong.
    """
    called = served.systems.get(system)
    if called is None:
        return None
    keys: dict[str, Any]
    if actor in SPOILT:
        token = spoilt_token(served.ask, called.identities["own"], system, actor, trust)
        keys = {"flow": "bearer", "token": token}
        return build_identity(actor, keys, folder=Path(), where=f"{system}.{actor}", trust=trust)
    owner, name = ACTORS.get(actor, (actor, "own"))
    if actor in called.identities:
        keys = dict(called.identities[actor])
    elif owner in served.callers:
        keys = {**served.callers[owner][name]}
        keys |= {"scope": called.identities["own"].get("scope", "")} if "scope" in keys else {}
    else:
        return None
    return build_identity(actor, keys, folder=Path(), where=f"{system}.{actor}", trust=trust)


def spoilt_token(
    ask: Ask, own: Mapping[str, Any], system: str, actor: str, trust: ssl.SSLContext | None = None
) -> str:
    """
    A token of the usual caller of a bundled agency with one thing wrong.

    Args:
        ask: calls the control plane, by method, path and body.
        own: the caller's identity.
        actor: one of ``SPOILT``.
    """
    order = {"system": system, "organisation": own["organisation"], **SPOILT[actor]}
    token = str(ask("POST", "/v1/toolbox/tokens", order)["authorization"]).removeprefix("Bearer ")
    if actor == "revoked":
        httpx.post(
            own["token_url"].removesuffix("token") + "revoke",
            data={"token": token},
            auth=(own["client_id"], own["client_secret"]),
            verify=trust or True,
        ).raise_for_status()
    return token
