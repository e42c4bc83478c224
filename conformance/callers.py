"""
The callers of a configuration: does each get its credential, and does it carry the scopes that the contract asks for?
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx

from joinedup.conformance.check import first_of
from joinedup.conformance.diagnosis import Fault, Probe, fault_of
from joinedup.conformance.errors import JoinedUpError
from joinedup.conformance.identities import Identity, TokenServer
from joinedup.conformance.operations import Operation
from joinedup.conformance.target import OWN, Target

# What tells two callers apart in their tables; everything else may well be the same.
_OF_A_CALLER = (
    "client_id",
    "token",
    "api_key",
    "username",
    "client_secret",
    "password",
    "private_key",
    "key_id",
)


def caller_faults(target: Target, name: str) -> tuple[Fault, ...]:
    """What keeps a caller from getting its credential; empty where nothing does."""
    try:
        _credential(target, name)
    except JoinedUpError as error:
        return (fault_of(error, "identity-unusable", f"Correct {_where(target, name)}."),)
    except httpx.HTTPError as error:
        return (
            Fault(
                "identity-unusable",
                f"{_where(target, name)}: its own requests for a credential failed ({type(error).__name__}).",
                f"Correct {_where(target, name)}.",
            ),
        )
    return ()


def caller_probe(target: Target, name: str) -> Probe:
    """A caller's credential: obtained, of its own, and with the scopes that the contract asks for."""
    faults = caller_faults(target, name)
    if faults:
        return Probe(target.name, f"identity {name}", faults=faults)
    held = scopes_held(target, name)
    flow = str(target.system.identities.get(name, {}).get("flow", "none"))
    said = f"{flow}: credential obtained" + (f", with {len(held)} scopes" if held else "")
    missing = _missing_scopes(target, name, held)
    twin = _twin_of(target, name)
    return Probe(target.name, f"identity {name}", said, tuple(f for f in (missing, twin) if f))


def _where(target: Target, name: str) -> str:
    return f"systems.{target.name}.identities.{name}"


def _built(target: Target, name: str) -> Identity:
    keys = target.system.identities.get(name)
    return target.caller(name, keys) if keys is not None else target.identities[name]


def _credential(target: Target, name: str) -> tuple[Identity, httpx.Request]:
    identity = _built(target, name)
    return identity, identity.authorise(httpx.Request("GET", target.system.base_url))


def scopes_held(target: Target, name: str) -> frozenset[str]:
    """The scopes that a caller's credential shows: as its token server says, else as the token itself says."""
    identity, request = _credential(target, name)
    said = identity.auth.scope if isinstance(identity.auth, TokenServer) else ""
    token = request.headers.get("authorization", "").partition(" ")[2]
    claims = _claims(token)
    for claim in (said, claims.get("scope"), claims.get("scp")):
        if isinstance(claim, str) and claim.strip():
            return frozenset(claim.split())
        if isinstance(claim, list) and claim:
            return frozenset(str(scope) for scope in claim)
    return frozenset()


def _claims(token: str) -> Mapping[str, Any]:
    """What a JWT says, unchecked; nothing where the token is none."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _missing_scopes(target: Target, name: str, held: frozenset[str]) -> Fault | None:
    """For the default caller only: the others may well be limited on purpose."""
    if name != OWN or not held:
        return None
    refused = [operation for operation in target.operations if not _is_covered(operation, held)]
    wanted = sorted({scope for operation in refused for scope in _asked(operation)} - held)
    if not wanted:
        return None
    return Fault(
        "scope-missing",
        f"{_where(target, name)}: the contract asks for {first_of(wanted, 4)} at {first_of([o.label for o in refused], 2)}, "
        "and the credential does not carry it.",
        f"Add the scope in {_where(target, name)}.scope and have it granted, or leave the operations out in "
        f"systems.{target.name}.leave_out with the reason.",
    )


def _asked(operation: Operation) -> set[str]:
    return {
        scope for alternative in operation.security for scopes in alternative.values() for scope in scopes
    }


def _is_covered(operation: Operation, held: frozenset[str]) -> bool:
    """Whether one of the alternatives is satisfied; an operation that asks for no scope is."""
    alternatives = operation.security or ({},)
    return any({s for scopes in a.values() for s in scopes} <= held for a in alternatives)


def _twin_of(target: Target, name: str) -> Fault | None:
    """Another caller with the same credential, which would make every check of isolation empty."""
    mine = _told_apart(target, name)
    for other in target.system.identities:
        if other == name:
            return None
        if mine and mine == _told_apart(target, other):
            return Fault(
                "identity-twice",
                f"{_where(target, name)} and {_where(target, other)} were expected to be two callers and have one credential.",
                f"Give {_where(target, name)} the credential of another organisation, or remove it.",
            )
    return None


def _told_apart(target: Target, name: str) -> dict[str, Any]:
    keys = target.system.identities.get(name, {})
    return {key: keys[key] for key in _OF_A_CALLER if key in keys}
