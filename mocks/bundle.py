"""
Contracts of the bundled agencies: YAML with shared components, bundled into one self-contained document.

A contract refers to a shared component as ``components.yaml#/components/<kind>/<name>``. Bundling copies each one
that is used, and what it uses in turn, into the contract's own ``components``. Kept light: listing the systems
must not cost the command line its start-up time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from joinedup.mocks.dialects import is_older, lowered

CONTRACTS = Path(__file__).with_name("contracts")
SHARED = "components.yaml"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

Document = dict[str, Any]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without the timestamps of YAML 1.1: a date in a contract is a string."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in _Loader.yaml_implicit_resolvers.items()
}


def contract_names() -> tuple[str, ...]:
    """Names of the systems that have a contract, sorted."""
    return tuple(sorted(path.stem for path in CONTRACTS.glob("*.yaml") if path.name != SHARED))


def load_contract(system: str) -> Document:
    """
    The contract of a system as one self-contained document, a fresh copy each time.

    Raises:
        KeyError: there is no contract of that name.
        ValueError: a reference leads nowhere, or a shared component has the name of one of the contract's own.
    """
    return copy.deepcopy(_bundled(system))


@cache
def _bundled(system: str) -> Document:
    if system not in contract_names():
        raise KeyError(system)
    document = _read(f"{system}.yaml")
    components: dict[str, dict[str, Any]] = document.setdefault("components", {})
    wanted = _take_shared(document)
    while wanted:
        kind, name = wanted.pop()
        section = components.setdefault(kind, {})
        if name in section:
            continue
        section[name] = _shared(kind, name)
        if is_older(document):
            section[name] = lowered(section[name], lambda node: resolve(_shared_document(), node))
        wanted |= own_references(section[name])
    return document


@cache
def _shared_document() -> Document:
    return _read(SHARED)


def _shared(kind: str, name: str) -> Any:
    try:
        return copy.deepcopy(_shared_document()["components"][kind][name])
    except KeyError:
        raise ValueError(f"{SHARED} has no components/{kind}/{name}, to which a contract refers.") from None


def _read(name: str) -> Document:
    # Copied through, because YAML anchors make one object appear in several places.
    return _unshared(yaml.load((CONTRACTS / name).read_text("utf-8"), Loader=_Loader))  # type: ignore[no-any-return] # noqa: S506 - a safe loader


def _unshared(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _unshared(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_unshared(value) for value in node]
    return node


def _references(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _take_shared(document: Document) -> set[tuple[str, str]]:
    """Point references to the shared file at the document itself; give what they name."""
    wanted = set()
    for node in _references(document):
        target, _, pointer = node["$ref"].partition("#")
        if target != SHARED:
            continue
        node["$ref"] = f"#{pointer}"
        _, _, kind, name = pointer.split("/")
        if name in document["components"].get(kind, {}):
            raise ValueError(f"The contract has its own components/{kind}/{name} beside that of {SHARED}.")
        wanted.add((kind, name))
    return wanted


def own_references(node: Any) -> set[tuple[str, str]]:
    """Kind and name of each component that a part of a self-contained document refers to."""
    return {(parts[2], parts[3]) for ref in _references(node) if (parts := ref["$ref"].split("/"))}


def resolve(document: Document, node: Any) -> Any:
    """The node itself, or what its ``$ref`` points to within the document."""
    while isinstance(node, dict) and "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def each_operation(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Path, method in capitals and definition of every operation, in contract order."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method.upper(), item[method]


def operation_ids(system: str) -> tuple[str, ...]:
    """The operationId of every operation of a system, in contract order."""
    return tuple(definition["operationId"] for _, _, definition in each_operation(_bundled(system)))
