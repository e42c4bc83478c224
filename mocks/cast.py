"""
The agencies of one process: their engines, the clients that may call them, and what a caller must know of them.
"""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from joserfc.jwk import ECKey

from joinedup.mocks import (
    auth,
    cp_is,
    early_help,
    health,
    identity,
    locator,
    mash,
    police,
    school,
    social_care,
    supplier_app,
    virtual_school,
)
from joinedup.mocks.auth import basic
from joinedup.mocks.bundle import load_contract
from joinedup.mocks.catalogue import AGENCIES, profile_of
from joinedup.mocks.clock import Clock, ClockState
from joinedup.mocks.connections import connected
from joinedup.mocks.deliveries import (
    NOBODY,
    Deliveries,
    DeliveriesState,
    Delivery,
    Done,
    Outgoing,
    Reply,
    Transport,
)
from joinedup.mocks.engine import Agency
from joinedup.mocks.faults import FAULTS, fault_named
from joinedup.mocks.faults_deliveries import acknowledged_late, gives_up, insists, misdelivered
from joinedup.mocks.faults_generic import DUPLICATED, OVERTAKEN_S, REORDERED, generic_of
from joinedup.mocks.member import Journal, Member, MemberState, Outage
from joinedup.mocks.newcomers import ENROL, newcomers
from joinedup.mocks.organisations import COUNCILS, SPEAKERS, callers, client_id
from joinedup.mocks.roles import granted
from joinedup.mocks.signatures import KeyRing
from joinedup.mocks.tokens import ALGORITHM, Client, Tokens, audience_of
from joinedup.mocks.transports import Http, routed

BUILDERS: dict[str, Callable[[Tokens], Agency[Any]]] = {
    "social-care": lambda tokens: social_care.AGENCY,
    "early-help": lambda tokens: early_help.AGENCY,
    "health": lambda tokens: health.AGENCY,
    "school": lambda tokens: school.AGENCY,
    "virtual-school": lambda tokens: virtual_school.AGENCY,
    "police": lambda tokens: police.AGENCY,
    "mash": lambda tokens: mash.AGENCY,
    "cp-is": lambda tokens: cp_is.AGENCY,
    "identity": lambda tokens: identity.AGENCY,
    "locator": lambda tokens: locator.AGENCY,
    "auth": auth.agency,
}
# Those that verify signatures are given the keys that deliveries are signed with.
KEYED: dict[str, Callable[[Callable[[str], KeyRing]], Agency[Any]]] = {"supplier-app": supplier_app.agency}
AWAY = 503
"""What a system that is away answers to whoever delivers something."""
GONE = Outage()
MOST_TOLD = 20


class UnknownNameError(ValueError):
    """Raised when a system or a fault of that name does not exist; the message lists those that do."""


@dataclass(frozen=True)
class CastState:
    """Everything as it was kept."""

    clock: ClockState
    deliveries: DeliveriesState
    members: dict[str, MemberState]
    newcomers: int = 0


class Cast:
    """
    Engines by system, over one token server and one clock.

    ``addresses`` are those of recipients that are not among them, such as a subscriber, or that take the place of one of
    them, such as a live system; ``far`` is how these are reached.

    Args:
        systems: names; the token server is always there, because the others' callers need it.
        faults: names of those that are on at first.
        clock: that all of them share; one that runs where none is given.
        apart: whether what they have for each other stays in their outboxes, so that nobody adds to another's records.

    Raises:
        UnknownNameError: a name is not one of ours.
    """

    def __init__(
        self,
        systems: Collection[str],
        *,
        seed: int = 1,
        faults: Collection[str] = (),
        clock: Clock | None = None,
        apart: bool = False,
    ) -> None:
        _known("system", systems, AGENCIES)
        _known_faults(faults)
        self.asked, self.apart = tuple(systems), apart
        self.seed = seed
        self.faults = self._initial_faults = frozenset(faults)
        self.clock = clock or Clock()
        self.tokens = Tokens(self.clock, guessable="guessable-key" in faults)
        self.signing_key = ECKey.generate_key("P-256", {"kid": "client-key-1", "alg": ALGORITHM})
        self._register()
        self.journal = Journal()
        self.newcomers = 0
        self.addresses: dict[str, str] = {}
        # What their systems let the agencies in by, as the value of an Authorization header.
        self.passes: dict[str, str] = {}
        # Those elsewhere that are to these agencies as if they were away.
        self.away: set[str] = set()
        self.far: Transport = Http(self.addresses)
        self.deliveries = Deliveries(self.clock, self._send, self._credentials, seed=seed)
        self.deliveries.gives_up = lambda delivery: gives_up(delivery, self.faults)
        self.deliveries.insists = lambda delivery: insists(delivery, self.faults)
        self.deliveries.taken_in = self._remember_place
        names = [*systems, *(() if "auth" in systems else ("auth",))]
        self.engines: dict[str, Member[Any]] = {name: self._member(name) for name in names}

    def _member(self, name: str) -> Member[Any]:
        agency = KEYED[name](self.deliveries.ring) if name in KEYED else BUILDERS[name](self.tokens)
        member: Member[Any] = Member(agency, self.tokens, seed=self.seed, faults=self.faults)
        member.journal, member.send_on = self.journal, self._send_on
        return member

    # What passes between them

    def _send(self, outgoing: Outgoing, done: Done) -> None:
        if outgoing.recipient in self.away:
            done(Reply(AWAY))
            return
        near = {name: engine for name, engine in self.engines.items() if name not in self.addresses}
        send = routed(near, self.far)
        if DUPLICATED in generic_of(outgoing.sender, self.faults):
            send(outgoing, lambda _: None)
        outage = near[outgoing.recipient].outage if outgoing.recipient in near else None
        lost = outage is not None and outage.answers_lost
        if lost or acknowledged_late(outgoing.recipient, self.faults):
            send(outgoing, lambda _: done(NOBODY))
            return
        send(outgoing, done)

    def _send_on(self, sender: str) -> None:
        """Post what an agency left in its outbox, as far as it is known where it goes; the rest stays there."""
        ledger = getattr(self.engines[sender].state, "ledger", None)
        if ledger is None:
            return
        for message in ledger.take():
            said = () if self.apart else connected(sender, message)
            taken_in = [each for each in said if self._takes_in(each)]
            for delivery in taken_in:
                for posted, due in misdelivered(delivery, self.faults, self.clock.seconds()):
                    late = self._overtaken(posted)
                    self.deliveries.post(late or posted, due=due + OVERTAKEN_S if late else due)
            if not taken_in:
                ledger.leave(message)

    def _overtaken(self, delivery: Delivery) -> Delivery | None:
        """The delivery as it is held back and in order with nothing, where the fault asks for it and none is yet."""
        if REORDERED not in generic_of(delivery.sender, self.faults):
            return None
        held = f"overtaken {delivery.subject}"
        lanes = {tracked.delivery.lane for tracked in self.deliveries.waiting()}
        return (
            None if (delivery.sender, delivery.recipient, held) in lanes else replace(delivery, subject=held)
        )

    def _remember_place(self, delivery: Delivery, reply: Reply) -> None:
        """Let the sender know where the recipient keeps what it was sent, as far as it asked for that."""
        place = reply.headers.get("location")
        if delivery.reference and place:
            self.engines[delivery.sender].state.ledger.places[delivery.reference] = place

    def _takes_in(self, delivery: Delivery) -> bool:
        """Whether the recipient is there at all, and its sender is a client of it in that area."""
        is_known = delivery.recipient in self.engines or delivery.recipient in self.addresses
        return is_known and (bool(delivery.key) or delivery.area in COUNCILS)

    def _credentials(self, delivery: Delivery) -> dict[str, str]:
        """A token of the sender's client in that area, good for the recipient alone; or what the recipient gave us."""
        if delivery.recipient in self.passes:
            return {"Authorization": self.passes[delivery.recipient]}
        if delivery.area not in COUNCILS:
            return {}
        client = self.tokens.clients[client_id(delivery.sender, delivery.area)]
        if delivery.recipient == "auth":
            return {"Authorization": basic(client)}
        theirs = tuple(scope for scope in client.scopes if audience_of(scope) == delivery.recipient)
        return {"Authorization": f"Bearer {self.tokens.issue(client, theirs)}"} if theirs else {}

    # Faults and outages

    def switch_fault(self, name: str, active: bool) -> None:
        """
        Switch a fault on or off; records stay as they are.

        Raises:
            UnknownNameError: there is no such fault.
        """
        _known_faults([name])
        self._switch(self.faults | {name} if active else self.faults - {name})

    def _switch(self, faults: frozenset[str]) -> None:
        if faults == self.faults:
            return
        guessable = "guessable-key" in faults
        if guessable != ("guessable-key" in self.faults):
            self.tokens.sign_guessably(guessable)
        self.faults = faults
        for engine in self.engines.values():
            engine.switch(faults)

    def switch_outage(self, system: str, away: bool, how: Outage = GONE) -> None:
        """
        Make an agency go away or come back; of one elsewhere, its partners here only.

        Args:
            how: it is away.

        Raises:
            UnknownNameError: it is not here, nor known where it is.
        """
        if system in self.addresses:
            (self.away.add if away else self.away.discard)(system)
            return
        _known("system", [system], self.engines)
        self.engines[system].outage = how if away else None

    # All at once

    def enrol(self, count: int) -> int:
        """See that the agencies that are here know so many newcomers; gives how many they know."""
        if count > self.newcomers:
            for number, person in enumerate(newcomers(self.seed, count)):
                if number >= self.newcomers:
                    for name in ENROL.keys() & self.engines.keys():
                        ENROL[name](self.engines[name].state, person, number)
            self.newcomers = count
        return self.newcomers

    def reset(self, seed: int | None = None) -> None:
        """Every agency back to its seeded state and its faults at first, and the clock to what it showed at first."""
        self.seed = self.seed if seed is None else seed
        self.deliveries.seed = self.seed
        self.clock.reset()
        self.deliveries.reset()
        self.journal.reset()
        self.away.clear()
        self.newcomers = 0
        self._switch(self._initial_faults)
        for engine in self.engines.values():
            engine.seed, engine.outage = self.seed, None
            engine.reset()

    def snapshot(self) -> CastState:
        """Everything that there is but faults and the journal, to be put back."""
        members = {name: engine.snapshot() for name, engine in self.engines.items()}
        return CastState(self.clock.snapshot(), self.deliveries.snapshot(), members, self.newcomers)

    def restore(self, kept: CastState) -> None:
        """Put back what was kept."""
        self.clock.restore(kept.clock)
        self.newcomers = kept.newcomers
        self.deliveries.restore(kept.deliveries)
        for name, state in kept.members.items():
            self.engines[name].restore(state)

    def _register(self) -> None:
        """A client with a secret for each system and area, and one that signs assertions."""
        for system, speakers in SPEAKERS.items():
            for area, code in zip(COUNCILS, speakers, strict=True):
                its = granted(system, scopes())
                self._add(Client(client_id(system, area), code, its, secrets.token_urlsafe(24), area=area))
        its = granted("social-care", scopes())
        self._add(Client("council-signed", COUNCILS[0], its, key=self.signing_key))

    def _add(self, client: Client) -> None:
        self.tokens.clients[client.id] = client

    def client_of(self, organisation: str, system: str, named: str = "") -> Client | None:
        """
        The client by which an organisation calls a system; None where it has none.

        Args:
            named: its id; without one it is one of the system's callers, else the organisation's first.
        """
        registered = self.tokens.clients.values()
        theirs = [
            c for c in registered if c.organisation == organisation and c.secret and named in ("", c.id)
        ]
        usual = callers(system).values() if system in AGENCIES else ()
        return next((c for c in theirs if c.id in usual), theirs[0] if theirs else None)

    def breaches(self) -> tuple[str, ...]:
        """Answers that broke their contract without a fault having asked for it; there should be none."""
        return tuple(breach for engine in self.engines.values() for breach in engine.breaches)

    def serve_at(self, addresses: dict[str, str]) -> None:
        """Tell the engines their addresses."""
        self.tokens.issuer = addresses["auth"]
        for name, engine in self.engines.items():
            engine.serve_at(addresses[name], self.token_url(addresses))

    def token_url(self, addresses: dict[str, str]) -> str:
        """Where tokens are issued."""
        return f"{addresses['auth']}/oauth2/token"

    def announcement(self, addresses: dict[str, str], control: str) -> dict[str, Any]:
        """What callers must know, as one JSON object."""
        systems = {
            name: {
                "base_url": addresses[name],
                "contract": f"{addresses[name]}/openapi.json",
                "profile": profile_of(name),
                "identities": self.identities(name, addresses),
            }
            for name in self.asked
        }
        signed = self.identity("council-signed", addresses)
        key = {"private_key": self.signing_key.as_pem(private=True).decode(), "kid": "client-key-1"}
        signed = {**signed, **key, "flow": "private-key-jwt", "algorithm": ALGORITHM}
        signed.pop("client_secret")
        speaking = {name: self.speaking(name, addresses) for name in AGENCIES}
        return {"ready": True, "systems": systems, "control": control, "signed": signed, "callers": speaking}

    def speaking(self, system: str, addresses: dict[str, str]) -> dict[str, Any]:
        """The clients by which a system calls others, in the first area and in the second."""
        if system not in SPEAKERS:
            return self.identities(system, addresses)
        both = zip(("own", "other"), COUNCILS, strict=True)
        return {name: self.identity(client_id(system, area), addresses, system) for name, area in both}

    def identities(self, system: str, addresses: dict[str, str]) -> dict[str, Any]:
        """The callers of a system, as configuration has them."""
        both = {name: self.identity(client, addresses, system) for name, client in callers(system).items()}
        if system != "auth":
            return both
        return {
            name: {
                "organisation": keys["organisation"],
                "flow": "basic",
                "username": keys["client_id"],
                "password": keys["client_secret"],
            }
            for name, keys in both.items()
        }

    def identity(self, client_id: str, addresses: dict[str, str], system: str = "") -> dict[str, Any]:
        """A client as configuration has it; with the scopes of one system, where one is named."""
        client = self.tokens.clients[client_id]
        chosen = [s for s in client.scopes if system in ("", "auth", audience_of(s))]
        return {
            "organisation": client.organisation,
            "flow": "client-credentials",
            "token_url": self.token_url(addresses),
            "client_id": client.id,
            "client_secret": client.secret,
            "scope": " ".join(chosen),
        }


@cache
def scopes() -> tuple[str, ...]:
    """Every scope that any contract declares, in the order of the contracts."""
    found: dict[str, None] = {}
    for name in AGENCIES:
        schemes = load_contract(name)["components"].get("securitySchemes", {})
        for scheme in schemes.values():
            for flow in scheme.get("flows", {}).values():
                found.update(dict.fromkeys(flow["scopes"]))
    return tuple(found)


def _known_faults(names: Collection[str]) -> None:
    _known("fault", [n for n in names if fault_named(n) is None], [fault.name for fault in FAULTS])


def _known(what: str, names: Collection[str], all_names: Collection[str]) -> None:
    unknown = sorted(set(names) - set(all_names))
    if unknown:
        told = _there_are(unknown, all_names)
        raise UnknownNameError(f"There is no {what} named {', '.join(unknown)}; {told}.")


def _there_are(unknown: list[str], all_names: Collection[str]) -> str:
    """The names that there are; of more than can be read those that come near, and how many there are."""
    if len(all_names) <= MOST_TOLD:
        return f"there are {', '.join(sorted(all_names))}"
    near = dict.fromkeys(name for each in unknown for name in difflib.get_close_matches(each, all_names))
    told = f"near it come {', '.join(near)}" if near else "none comes near it"
    return f"{told}, of {len(all_names)} that there are"
