"""A check of the suite run against the test service, in process and on its own."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from service.serve import Identity, Serving, serving

from joinedup.conformance.catalogue import Catalogue, load_catalogue
from joinedup.conformance.check import Check, Ended
from joinedup.conformance.configuration import Configuration, Limits, System
from joinedup.conformance.harvest import harvest
from joinedup.conformance.run import bundled_configuration
from joinedup.conformance.target import OTHER, OWN, Target, build_target
from joinedup.mocks.serve import served

Judge = Callable[[Target, Check], None]


@functools.cache
def catalogue() -> Catalogue:
    """The catalogue, read once."""
    return load_catalogue()


@contextlib.contextmanager
def harvested(style: str, *defects: str, quota: int = 0, **of_the_system: object) -> Iterator[Target]:
    """The test service as a target of which identifiers and good requests are known."""
    with serving(style, frozenset(defects), quota=quota) as served:
        target = target_of(served, **of_the_system)
        harvest(target, OWN)
        harvest(target, OTHER)
        yield target
        target.client.close()


@contextlib.contextmanager
def agency(name: str, *faults: str) -> Iterator[Target]:
    """A bundled agency as a target of which identifiers and good requests are known."""
    with served((name,), apart=True, faults=faults) as agencies:
        configuration = bundled_configuration(agencies.systems)
        target = build_target(
            name, configuration, catalogue(), seed=1, write=lambda event, **fields: None, ours=True
        )
        with contextlib.closing(target.client):
            harvest(target, OWN)
            harvest(target, OTHER)
            yield target


def target_of(served: Serving, **of_the_system: object) -> Target:
    """A target for a service that is running."""
    system = System(
        base_url=served.base_url,
        contract=served.contract_url,
        identities={OWN: _flow(served.identities.own), OTHER: _flow(served.identities.other)},
    )
    system = msgspec.structs.replace(system, **of_the_system)
    configuration = Configuration(
        systems={"service": system},
        under_test=["service"],
        limits=Limits(destructive=True),
        folder=str(Path.cwd()),
    )
    return build_target("service", configuration, catalogue(), seed=1, write=lambda event, **fields: None)


def _flow(identity: Identity) -> dict[str, object]:
    return {
        "organisation": identity.organisation,
        "flow": "client-credentials",
        "token_url": identity.token_url,
        "client_id": identity.client_id,
        "client_secret": identity.client_secret,
        "scope": identity.scope,
    }


def outcome_of(judge: Judge, target: Target, *requirements: str) -> Check:
    """A check after it was run."""
    check = Check(target.name, requirements)
    try:
        judge(target, check)
    except Ended as ended:
        check.ends(ended)
    return check


def found(check: Check) -> set[str]:
    """The requirements that a check's confirmed findings break."""
    return {id for finding in check.findings if finding.confirmed for id in finding.requirements}
