"""
The ledger: what a run made on a system that is not its own, marked, and taken away again where that is allowed.

Whoever cleans up afterwards finds the rest by the marker, which stands in a free text of each object that has one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from joinedup.conformance.errors import JoinedUpError
from joinedup.conformance.exchanges import MISSING, Exchange, encode_segment
from joinedup.conformance.features import is_create
from joinedup.conformance.objects import identifier_of, item_operations, location_path, step_to
from joinedup.conformance.target import Target

# What a system answers about an object that is not there any more.
GONE = frozenset({404, 410})


@dataclass(frozen=True)
class Entry:
    """
    One object that the run made.

    Args:
        operation: label of the create.
        where: where it is, masked.
        deleted: whether it is gone again.
    """

    operation: str
    where: str
    deleted: bool


def new_marker() -> str:
    """A word of its own for a run, to mark what it makes: letters and digits only, so that few systems refuse it."""
    return f"joinedup{uuid.uuid4().hex[:6]}"


def settle(target: Target) -> Iterator[Entry]:
    """
    Everything that the run made, the newest first, each deleted where the contract and ``limits.destructive`` allow.

    Deleting ends with the requests that are left; what is not deleted then is listed as left behind.
    """
    may_delete = target.destructive
    for made in reversed(_objects(target)):
        where = _where(target, made)
        deleted = where in target.deleted
        if not deleted and may_delete:
            try:
                deleted = _delete(target, made)
            except JoinedUpError:
                may_delete = False
        yield Entry(made.step.operation, target.redactor.mask_url(where), deleted)


def _objects(target: Target) -> list[Exchange]:
    """The creates that succeeded, one for each object."""
    found: dict[str, Exchange] = {}
    for made in target.made:
        operation = target.contract.operation(made.step.operation)
        if operation is not None and is_create(target.contract, operation):
            found.setdefault(_where(target, made), made)
    return list(found.values())


def _where(target: Target, made: Exchange) -> str:
    """The path of an object, as far as its create tells it."""
    location = location_path(target, made)
    if location:
        return location
    identifier = identifier_of(target, made)
    path = made.step.url_path().rstrip("/")
    return path if identifier is MISSING else f"{path}/{encode_segment(identifier)}"


def _delete(target: Target, made: Exchange) -> bool:
    """Delete an object; False where nothing deletes it, or the system refuses."""
    create = target.contract.operation(made.step.operation)
    remover = item_operations(target, create).get("DELETE") if create else None
    step = step_to(target, made, remover) if remover else None
    if step is None:
        return False
    gone = target.client.send(step)
    return gone.ok or gone.status in GONE
