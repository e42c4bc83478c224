"""
What a load is made of: plain values that travel from the command to every process that sends.

::

    LoadPlan
    ├── systems     where each answers, its contract, its callers
    ├── operations  single requests that have succeeded once, to be sent again with a marker of their own
    └── journeys    Arazzo documents, with what is passed to them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.identities import Identity, build_identity
from joinedup.scenarios.arrivals import Profile, schedule
from joinedup.scenarios.stages import ACTORS

MARK = "@@MARK@@"
"""In a prepared request: where the marker of whoever sends it goes."""
NEW_ID = "@@UUID@@"
"""In a prepared request: where a request identifier of its own goes."""
OWN = "own"


class PlannedSystem(msgspec.Struct, frozen=True):
    """
    A system that takes part.

    Args:
        contract: path or address of its OpenAPI document.
        identities: tables as the configuration has them, references to secrets unresolved.
        is_ours: whether it is a bundled agency that was started for this load.
    """

    base_url: str
    contract: str
    identities: dict[str, dict[str, Any]]
    ca_bundle: str = ""
    binding: str = ""
    is_ours: bool = False


class PlannedOperation(msgspec.Struct, frozen=True):
    """
    A single request of the mix.

    Args:
        label: of the operation, such as ``POST /v1/contacts``.
        steps: the request in the record's form, by the identity that it succeeded for.
    """

    name: str
    system: str
    label: str
    weight: float
    steps: dict[str, dict[str, Any]]

    @property
    def requests(self) -> int:
        """How many requests each arrival sends."""
        return 1


class PlannedJourney(msgspec.Struct, frozen=True):
    """
    A journey of the mix.

    Args:
        document: the name of a bundled journey, or the path of an Arazzo document from the plan's folder.
        requests: how many requests each play sends, counted before the load.
        inputs: what is passed to it, with places for the marker.
        callers: (system, actor) of every request that it sends.
        begins_at: when the story begins; its dates move with the real beginning. Empty: they stay.
        steps, of: how many of its steps are played.
        ends_at, why: the step before which it ends, and why, as a clause; empty where it is played whole.
        first_child, children: which of the children of a load are its own, one for each play; none: it needs none.
    """

    name: str
    document: str
    workflow: str
    weight: float
    requests: int
    inputs: dict[str, Any]
    callers: list[tuple[str, str]] = []
    begins_at: str = ""
    steps: int = 0
    of: int = 0
    ends_at: str = ""
    why: str = ""
    first_child: int = 0
    children: int = 0


PlannedItem = PlannedOperation | PlannedJourney


class Outage(msgspec.Struct, frozen=True):
    """A bundled agency that is away for part of the load; times are shares of the duration."""

    system: str
    starts: float = 0.4
    ends: float = 0.6


class LoadPlan(msgspec.Struct, frozen=True):
    """
    A whole load.

    Args:
        run: six hexadecimal digits in every marker of this load.
        control: address of the bundled agencies' control plane; empty where none are served.
        clients: those of every organisation at the bundled agencies, by system and name.
        folder: where relative paths of the systems start.
        rate: requests a second at the shape's highest.
        users: most arrivals that are under way at once, over all processes.
        validate: share of answers that are held against their contract, 0 to 1.
        judged_a_second: most answers a second of which each process does that, so that it does not take from the
            sending; 0: no limit.
        think_time_s: between the requests of a journey.
        seed: of the bundled agencies' people.
        children_file: path, from the folder, of the children that journeys have for their own; empty: newcomers.
        children_digest: of that file.
        drain_s: how long after the end of the schedule what is late may still start.
    """

    run: str
    systems: dict[str, PlannedSystem]
    operations: list[PlannedOperation]
    journeys: list[PlannedJourney]
    rate: float
    duration_s: float
    users: int
    control: str = ""
    clients: dict[str, dict[str, dict[str, Any]]] = {}
    folder: str = "."
    shape: str = "steady"
    validate: float = 1.0
    judged_a_second: float = 250.0
    think_time_s: float = 0.0
    timeout_s: float = 10.0
    drain_s: float = 5.0
    largest_answer: int = 5_000_000
    outage: Outage | None = None
    seed: int = 1
    children_file: str = ""
    children_digest: str = ""

    @property
    def items(self) -> Sequence[PlannedItem]:
        """The mix, journeys first."""
        return [*self.journeys, *self.operations]

    @property
    def profile(self) -> Profile:
        """How the rate runs."""
        return Profile(self.shape, self.rate, self.duration_s)

    @property
    def children(self) -> int:
        """How many children the journeys of this load have for their own, the first of all included."""
        return max((j.first_child + j.children for j in self.journeys), default=0)

    @property
    def turns(self) -> list[int]:
        """How often each part of the mix is played."""
        found = [0] * len(self.items)
        for arrival in schedule(self.profile, self.shares):
            found[arrival.item] += 1
        return found

    @property
    def shares(self) -> list[float]:
        """Arrivals of each part of the mix for each request: its share of the weights, divided by its requests."""
        total = sum(item.weight for item in self.items)
        return [item.weight / total / item.requests for item in self.items]


def keys_of(plan: LoadPlan, system: str, actor: str) -> dict[str, Any]:
    """
    The table of the identity by which an actor calls a system.

    One of the system's own identities where it is named so; at a bundled agency the client of the actor's own
    organisation, also where the actor's system is not bundled, with the scopes of that agency's callers; else the
    system's ``own``.

    Raises:
        ConfigurationError: there is none.
    """
    called = plan.systems[system]
    owner, name = ACTORS.get(actor, (actor, OWN))
    if actor in called.identities:
        return called.identities[actor]
    clients = plan.clients.get(owner, {})
    if called.is_ours and name in clients:
        keys = dict(clients[name])
        if "scope" in keys:
            keys["scope"] = called.identities[OWN].get("scope", "")
        return keys
    wanted = name if owner == system or actor.startswith("other") else OWN
    if wanted not in called.identities:
        raise ConfigurationError(
            f"The actor {actor!r} has no identity at {system}.",
            hint=f"Add [systems.{system}.identities.{actor}] to the configuration.",
        )
    return called.identities[wanted]


def identity_of(plan: LoadPlan, system: str, actor: str) -> Identity:
    """The caller; raises ``ConfigurationError`` or ``SetupError``."""
    keys = {k: v for k, v in keys_of(plan, system, actor).items() if k != "fixtures"}
    return build_identity(
        actor, keys, folder=Path(plan.folder), where=f"{system}.{actor}", timeout_s=plan.timeout_s
    )


def filled(value: Any, places: Mapping[str, str]) -> Any:
    """A value with the places in its texts filled in."""
    if isinstance(value, str):
        for place, text in places.items():
            value = value.replace(place, text)
        return value
    if isinstance(value, dict):
        return {key: filled(item, places) for key, item in value.items()}
    return [filled(item, places) for item in value] if isinstance(value, list) else value


def encode(plan: LoadPlan) -> str:
    """The plan as text."""
    return msgspec.json.encode(plan).decode()


def decode(text: str) -> LoadPlan:
    """What ``encode`` wrote."""
    return msgspec.json.decode(text, type=LoadPlan)
