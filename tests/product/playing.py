"""
The product among the bundled agencies, as a run plays it: whatever a journey does at social care is done with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from journeys.played import Playing, playing
from service.serve import hosted

from joinedup.conformance.journeys import Ending
from joinedup.mocks.serve import Served
from joinedup.scenarios.journey import bundled_journeys, systems_of
from joinedup.scenarios.library import Library
from product.application import ENDED, KEY_HEADER, KEYS, NARROW, REVOKED, application
from product.caseload import Caseload, person_ref, seeded_ref
from product.outbox import Letter, Outbox

SYSTEM = "social-care"
HERE = Path(__file__).parent
BINDING = HERE / "binding.arazzo.yaml"
OWN, OTHER = KEYS
FIRST_CHILD = {"child-id": person_ref(KEYS[OWN], 0)}
# As in [journeys.<name>.inputs] of a configuration: people by what the product calls them.
INPUTS: dict[str, dict[str, str]] = {
    "rectification": FIRST_CHILD,
    "maintenance-night": FIRST_CHILD,
    "broken-authorisation": FIRST_CHILD,
    "continuity": {**FIRST_CHILD, "conference-id": seeded_ref("conference")},
}
# What the product has not, as `[systems.social-care.capabilities]` of a configuration says with false.
LACKING = frozenset({"withdraw-contact"})
RETRYABLE = frozenset({408, 425, 429})


def journeys_of_the_product() -> dict[str, Path]:
    """The bundled journeys in which social care takes part."""
    library = Library()
    return {n: path for n, path in bundled_journeys().items() if SYSTEM in systems_of(library.open(path))}


def identities() -> dict[str, dict[str, str]]:
    """Who calls the product, as a configuration has them: both councils, and keys that open less or nothing."""
    first, second = KEYS.values()
    keys = {"own": OWN, "other": OTHER, "expired": ENDED, "revoked": REVOKED, "narrow": NARROW}
    return {
        name: {
            "organisation": second if name == "other" else first,
            "flow": "api-key",
            "header": KEY_HEADER,
            "api_key": key,
        }
        for name, key in keys.items()
    }


def table(base_url: str, **more: Any) -> dict[str, Any]:
    """The product's table of a configuration."""
    return {
        "base_url": base_url,
        "contract": str(HERE / "contract.yaml"),
        "binding": str(BINDING),
        "profile": "social-care-1",
        "identities": identities(),
        "capabilities": dict.fromkeys(LACKING, False),
        **more,
    }


@dataclass(frozen=True)
class Mixture:
    """The product and the run that plays journeys with it."""

    run: Playing
    kept: Caseload

    def play(self, name: str, *defects: str) -> Ending:
        """Play a journey, with defects put into the product."""
        self.kept.defects = frozenset(defects)
        try:
            return self.run.ending(name)
        finally:
            self.kept.defects = frozenset()


@contextlib.contextmanager
def mixture(folder: Path, **more: Any) -> Iterator[Mixture]:
    """Everything, for as long as the block lasts; ``more`` is for the product's table of the configuration."""
    runs: list[Playing] = []
    kept = Caseload(Outbox(_sender(lambda: runs[0].journeys.agencies)))
    kept.reset()
    with hosted(application(kept)) as base_url:
        live: Mapping[str, Any] = {SYSTEM: table(base_url, **more)}
        with playing(folder, live, inputs=INPUTS) as run:
            runs.append(run)
            yield Mixture(run, kept)


def _sender(agencies: Callable[[], Served]) -> Callable[[Letter], bool]:
    """The product's way to its partners: with a token of the council for that partner."""

    def send(letter: Letter) -> bool:
        cast = agencies()
        order = {"system": letter.to, "organisation": letter.council}
        token = str(cast.ask("POST", "/v1/toolbox/tokens", order)["authorization"])
        headers = {**letter.headers, "Authorization": token}
        url = cast.systems[letter.to].base_url + letter.path
        status = httpx.post(url, json=letter.body, headers=headers, timeout=10).status_code
        return status < 500 and status not in RETRYABLE

    return send
