"""
A cursor over a document that nobody here wrote: values with their place, and a note of everything that is wrong.

Reading never stops at a mistake: it is noted, and an empty value stands in its stead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.anatomy import pointer_to
from joinedup.conformance.expectations import type_name
from joinedup.scenarios.model import Place, Problem

MOST_NOTED = 200


@dataclass
class Notes:
    """Problems of one document, in the order in which they were found."""

    document: str
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Node:
    """
    One value of a document.

    Args:
        tokens: the way to it.
        workflow, step: ids of what it belongs to.
    """

    value: Any
    notes: Notes
    tokens: tuple[str | int, ...] = ()
    workflow: str = ""
    step: str = ""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.notes.document, pointer_to(*self.tokens), self.workflow, self.step)

    def within(self, *, workflow: str = "", step: str = "") -> Node:
        """The same value, known to belong to a workflow or a step."""
        return replace(self, workflow=workflow or self.workflow, step=step or self.step)

    def note(self, sentence: str) -> None:
        """Note that something is wrong here."""
        if len(self.notes.problems) < MOST_NOTED:
            self.notes.problems.append(Problem(self.place, sentence))

    def has(self, key: str) -> bool:
        """Whether it is an object with that key."""
        return isinstance(self.value, dict) and key in self.value

    def get(self, key: str) -> Node:
        """What stands at a key; a node of None where nothing does."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return replace(self, value=value, tokens=(*self.tokens, key))

    def text(self, key: str, *, required: bool = False, options: Collection[str] = ()) -> str:
        """A text; empty where it is not there or wrong."""
        node = self.get(key)
        if not self.has(key):
            if required:
                self.note(f"The key {key} is missing.")
            return ""
        if not isinstance(node.value, str) or (required and not node.value):
            node.note(f"{key} is a text, and came as {type_name(node.value)}.")
            return ""
        if options and node.value not in options:
            node.note(f"{key} is one of {', '.join(options)}, and came as {node.value[:60]!r}.")
            return ""
        return node.value

    def text_or_texts(self, key: str) -> tuple[str, ...]:
        """A text, or a list of texts; nothing where it is not there or wrong."""
        if isinstance(self.get(key).value, list):
            return self.texts(key)
        text = self.text(key)
        return (text,) if text else ()

    def number(self, key: str, default: float, *, whole: bool = False) -> float:
        """A number that is not negative."""
        node = self.get(key)
        if not self.has(key):
            return default
        kinds = (int,) if whole else (int, float)
        if isinstance(node.value, bool) or not isinstance(node.value, kinds) or node.value < 0:
            node.note(f"{key} is {'a whole number' if whole else 'a number'} of 0 or more.")
            return default
        return float(node.value)

    def items(self, key: str, *, required: bool = False, most: int = 1000) -> tuple[Node, ...]:
        """The elements of a list."""
        node = self.get(key)
        if not self.has(key):
            if required:
                self.note(f"The key {key} is missing.")
            return ()
        if not isinstance(node.value, list) or (required and not node.value):
            node.note(f"{key} is a list{' with something in it' if required else ''}.")
            return ()
        if len(node.value) > most:
            node.note(f"{key} holds {len(node.value):,} elements; at most {most:,} are read.")
        return tuple(
            replace(node, value=value, tokens=(*node.tokens, index))
            for index, value in enumerate(node.value[:most])
        )

    def members(self, key: str) -> Iterator[tuple[str, Node]]:
        """The members of an object by name, extensions left out."""
        node = self.get(key)
        if not self.has(key):
            return
        if not isinstance(node.value, dict):
            node.note(f"{key} is an object, and came as {type_name(node.value)}.")
            return
        for name in node.value:
            if not name.startswith("x-"):
                yield name, node.get(name)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self.items(key)
        for node in found:
            if not isinstance(node.value, str):
                node.note(f"{key} is a list of texts, and holds {type_name(node.value)}.")
        return tuple(node.value for node in found if isinstance(node.value, str))

    def is_object(self, what: str, keys: Collection[str]) -> bool:
        """Whether it is an object; keys that its kind does not have are noted, extensions are not."""
        if not isinstance(self.value, dict):
            self.note(f"{what} is an object, and came as {type_name(self.value)}.")
            return False
        for key in self.value:
            if key not in keys and not key.startswith("x-"):
                self.get(key).note(f"{what} has no key {key[:60]!r}; it has {', '.join(keys)}.")
        return True

    def extensions(self) -> dict[str, Any]:
        """The extensions of an object, by name."""
        found = self.value if isinstance(self.value, dict) else {}
        return {key: value for key, value in found.items() if key.startswith("x-")}
