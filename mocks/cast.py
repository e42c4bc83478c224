"""
The agencies of one process: their engines, the clients that may call them, and what a caller must know of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from joserfc.jwk import ECKey

from joinedup.mocks import auth, police, school, social_care
from joinedup.mocks.bundle import load_contract
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.clock import Clock
from joinedup.mocks.engine import Agency, Engine
from joinedup.mocks.faults import FAULTS
from joinedup.mocks.social_care import ORGANISATIONS
from joinedup.mocks.tokens import ALGORITHM, Client, Tokens, audience_of

BUILDERS: dict[str, Callable[[Tokens], Agency[Any]]] = {
    "social-care": lambda tokens: social_care.AGENCY,
    "school": lambda tokens: school.AGENCY,
    "police": lambda tokens: police.AGENCY,
    "auth": auth.agency,
}
PROFILE = "open-api-1"
# The organisations of the callers own and other, where they are not the two councils.
ORGANISATIONS_OF: dict[str, tuple[str, str]] = {"police": police.ORGANISATIONS}


class UnknownNameError(ValueError):
    """Raised when a system or a fault of that name does not exist; the message lists those that do."""


class Cast:
    """
    Engines by system, over one token server and one clock.

    Args:
        systems: names; the token server is always there, because the others' callers need it.
        faults: names of those that are on.

    Raises:
        UnknownNameError: a name is not one of ours.
    """

    def __init__(self, systems: Collection[str], *, seed: int = 1, faults: Collection[str] = ()) -> None:
        _known("system", systems, AGENCIES)
        _known("fault", faults, {fault.name: fault for fault in FAULTS})
        self.asked = tuple(systems)
        self.clock = Clock()
        self.tokens = Tokens(self.clock, guessable="guessable-key" in faults)
        self.signing_key = ECKey.generate_key("P-256", {"kid": "client-key-1", "alg": ALGORITHM})
        self._register()
        names = [*systems, *(() if "auth" in systems else ("auth",))]
        self.engines: dict[str, Engine[Any]] = {
            name: Engine(BUILDERS[name](self.tokens), self.tokens, seed=seed, faults=frozenset(faults))
            for name in names
        }

    def _register(self) -> None:
        """A client with a secret for each organisation, and one that signs assertions."""
        pairs = (ORGANISATIONS, *ORGANISATIONS_OF.values())
        for organisation in dict.fromkeys(each for pair in pairs for each in pair):
            self._add(Client(client_id(organisation), organisation, scopes(), secrets.token_urlsafe(24)))
        self._add(Client("council-signed", ORGANISATIONS[0], scopes(), key=self.signing_key))

    def _add(self, client: Client) -> None:
        self.tokens.clients[client.id] = client

    def reset(self) -> None:
        """Every agency back to its seeded state, and the clock to real time."""
        self.clock.reset()
        for engine in self.engines.values():
            engine.reset()

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
                "profile": PROFILE,
                "identities": self.identities(name, addresses),
            }
            for name in self.asked
        }
        signed = self.identity("council-signed", addresses)
        key = {"private_key": self.signing_key.as_pem(private=True).decode(), "kid": "client-key-1"}
        signed = {**signed, **key, "flow": "private-key-jwt", "algorithm": ALGORITHM}
        signed.pop("client_secret")
        return {"ready": True, "systems": systems, "control": control, "signed": signed}

    def identities(self, system: str, addresses: dict[str, str]) -> dict[str, Any]:
        """The callers of a system, as configuration has them."""
        organisations = ORGANISATIONS_OF.get(system, ORGANISATIONS)
        both = {
            name: self.identity(client_id(organisation), addresses, system)
            for name, organisation in zip(("own", "other"), organisations, strict=True)
        }
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


def client_id(organisation: str) -> str:
    """The id of an organisation's client."""
    kind = "council" if organisation in ORGANISATIONS else "client"
    return f"{kind}-{organisation.lower()}"


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


def _known(what: str, names: Collection[str], all_names: Collection[str]) -> None:
    unknown = sorted(set(names) - set(all_names))
    if unknown:
        raise UnknownNameError(
            f"There is no {what} named {', '.join(unknown)}; there are {', '.join(sorted(all_names))}."
        )
