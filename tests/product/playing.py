"""
The product among the bundled agencies: whatever a journey does at social care is done with it, through its binding.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from service.serve import hosted

from joinedup.conformance.identities import Identity, build_identity
from joinedup.mocks.serve import Served, served
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.gateway import Gateway, listening
from joinedup.scenarios.journey import bundled_capabilities, bundled_journeys, first_workflow, systems_of
from joinedup.scenarios.library import Library, Live
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import Systems, served_live, served_systems
from product.application import KEY_HEADER, KEYS, application
from product.caseload import Caseload, person_ref
from product.outbox import Letter, Outbox

SYSTEM = "social-care"
BINDING = Path(__file__).parent / "binding.arazzo.yaml"
OTHERS = frozenset({"other", "other-council"})
FIRST_CHILD = {"child-id": person_ref("E09000001", 0)}
# As in [journeys.<name>.inputs] of a configuration: people by what the product calls them.
INPUTS: dict[str, dict[str, str]] = {
    "rectification": FIRST_CHILD,
    "care-leaver": FIRST_CHILD,
    "continuity": FIRST_CHILD,
}
RETRYABLE = frozenset({408, 425, 429})


def journeys_of_the_product() -> dict[str, Path]:
    """The bundled journeys in which social care takes part."""
    library = Library()
    return {n: path for n, path in bundled_journeys().items() if SYSTEM in systems_of(library.open(path))}


@dataclass(frozen=True)
class Mixture:
    """
    The product and the agencies around it.

    Args:
        handed_in: what was played for each delivery to the product, in order.
    """

    cast: Served
    kept: Caseload
    stage: Systems
    library: Library
    gateway: Gateway
    handed_in: list[Played]

    def play(self, name: str, *defects: str) -> Played:
        """Play a journey from the beginning, with defects put into the product."""
        self.cast.reset()
        # What the agencies have for each other goes out when a journey lets time pass, in its order.
        self.cast.ask("PUT", "/v1/clock", {"running": False})
        self.kept.reset()
        self.gateway.forget()
        self.handed_in.clear()
        self.kept.defects = frozenset(defects)
        linked = self.library.open(bundled_journeys()[name])
        return play(prepared(linked, first_workflow(linked)), INPUTS.get(name, {}), self.stage)


@contextlib.contextmanager
def mixture() -> Iterator[Mixture]:
    """Everything, for as long as the block lasts."""
    with listening() as (address, connect), served((), elsewhere={SYSTEM: address}) as cast:
        kept = Caseload(Outbox(_sender(cast)))
        with hosted(application(kept, cast.now)) as base_url:
            library = Library(live={**served_live(cast), SYSTEM: Live(base_url)}, bindings={SYSTEM: BINDING})
            handed_in: list[Played] = []
            with contextlib.closing(_stage(cast)) as stage:
                reference = Library().open(bundled_capabilities()[SYSTEM])
                gateway = Gateway(reference, library.open(BINDING), stage, _actor, handed_in.append)
                connect(gateway, _organisation)
                yield Mixture(cast, kept, stage, library, gateway, handed_in)


def _stage(cast: Served) -> Systems:
    """The agencies' callers, who have a key of the product each."""
    stage = served_systems(cast)
    theirs = stage.identity
    keys = {organisation: key for key, organisation in KEYS.items()}
    own, other = (_identity(organisation, key) for organisation, key in keys.items())

    def identity(system: str, actor: str) -> Identity | None:
        if system != SYSTEM:
            return theirs(system, actor)
        return other if actor in OTHERS else own

    stage.identity = identity
    return stage


def _identity(organisation: str, key: str) -> Identity:
    keys = {"organisation": organisation, "flow": "api-key", "header": KEY_HEADER, "api_key": key}
    return build_identity(organisation, keys, folder=Path(), where=SYSTEM)


def _actor(organisation: str) -> str:
    return "other" if organisation == tuple(KEYS.values())[1] else "own"


def _organisation(headers: Mapping[str, str]) -> str:
    """Whom a delivery is for, as the sender's token says."""
    claims = headers["authorization"].split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["area"])


def _sender(cast: Served) -> Callable[[Letter], bool]:
    """The product's way to its partners: with a token of the council for that partner."""

    def send(letter: Letter) -> bool:
        order = {"system": letter.to, "organisation": letter.council}
        token = str(cast.ask("POST", "/v1/toolbox/tokens", order)["authorization"])
        headers = {**letter.headers, "Authorization": token}
        url = cast.systems[letter.to].base_url + letter.path
        status = httpx.post(url, json=letter.body, headers=headers, timeout=10).status_code
        return status < 500 and status not in RETRYABLE

    return send
