"""
Which operations use which part of a contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from joinedup.conformance.anatomy import Path, parts_of, tokens_of
from joinedup.conformance.operations import Operation

Users = Callable[[str], tuple[str, ...]]


def users_of(
    document: dict[str, Any], operations: Sequence[Operation], renamed: Mapping[str, str] | None = None
) -> Users:
    """
    A function from a JSON pointer to the labels of the operations that use what stands there, in contract order.

    Args:
        document: repaired.
        operations: those of the document.
        renamed: paths as written, which pointers may name, to paths as mended.

    A part of a path belongs to its operations; a component to every operation that refers to it, at any remove.
    """
    references = _references(document)
    reach = {operation.label: _reached(tokens_of(operation.pointer), references) for operation in operations}

    def users(pointer: str) -> tuple[str, ...]:
        tokens = tokens_of(pointer)
        if tokens[:1] == ("paths",) and len(tokens) > 1:
            tokens = ("paths", (renamed or {}).get(tokens[1], tokens[1]), *tokens[2:])
        if tokens[:1] == ("components",):
            component = tokens[:3]
            return tuple(label for label, components in reach.items() if component in components)
        return tuple(
            operation.label for operation in operations if _concerns(tokens, tokens_of(operation.pointer))
        )

    return users


def _concerns(tokens: Path, operation: Path) -> bool:
    """Whether a part lies in an operation, or in the path that holds it but in no other operation of it."""
    if tokens[: len(operation)] == operation:
        return True
    return len(tokens) > 1 and tokens[:2] == operation[:2] and (len(tokens) == 2 or tokens[2] == "parameters")


def _references(document: dict[str, Any]) -> dict[Path, set[Path]]:
    """For each operation, path and component, the components that it refers to."""
    found: dict[Path, set[Path]] = {}
    for part in parts_of(document):
        if isinstance(part.value, dict) and isinstance(part.value.get("$ref"), str):
            target = tokens_of(part.value["$ref"])[:3]
            for owner in _owners(part.path):
                found.setdefault(owner, set()).add(target)
    return found


def _owners(path: Path) -> Iterator[Path]:
    yield path[:3]
    if path[:1] == ("paths",) and (len(path) == 2 or path[2:3] == ("parameters",)):
        yield path[:2]


def _reached(operation: Path, references: dict[Path, set[Path]]) -> set[Path]:
    reached: set[Path] = set()
    waiting = [operation, operation[:2]]
    while waiting:
        for target in references.get(waiting.pop(), ()):
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached
