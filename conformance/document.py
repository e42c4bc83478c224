"""
Reading a JSON or YAML document that nobody here wrote, within bounds.

YAML is read as its version 1.2 core schema says, which is what OpenAPI asks for: dates stay strings, ``no`` is a
word and ``10:30`` is not a number. Aliases are expanded under a budget, so that a few lines cannot fill the memory.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from joinedup.conformance.anatomy import pointer_to
from joinedup.conformance.errors import ConfigurationError

MAX_BYTES = 20 * 1024 * 1024
MAX_DEPTH = 200
MAX_NODES = 4_000_000

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "<<"
_STRING = "tag:yaml.org,2002:str"
_LONGEST_NUMBER = 400
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEXADECIMAL = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True)
class Parsed:
    """A document as plain JSON data, and the pointers of keys that were written more than once."""

    value: Any
    duplicates: tuple[str, ...] = ()


def parse_document(text: bytes, *, origin: str) -> Parsed:
    """
    Read JSON or YAML.

    Args:
        text: at most 20 MB of UTF-8.
        origin: what to call the document in messages.

    Raises:
        ConfigurationError: it is too large, too deep, not UTF-8, or neither JSON nor YAML.
    """
    if len(text) > MAX_BYTES:
        raise ConfigurationError(
            f"{origin} holds {len(text):,} bytes; at most {MAX_BYTES:,} are read.",
            hint="Split the document or leave out its long examples.",
        )
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{origin} is not UTF-8 text (byte {error.start:,}).", hint="Save it as UTF-8."
        ) from error
    try:
        parsed = _parse(decoded, origin)
        _check_depth(parsed.value, origin)
    except RecursionError as error:
        raise _too_deep(origin) from error
    return parsed


def _parse(text: str, origin: str) -> Parsed:
    if text.lstrip()[:1] in {"{", "["}:
        try:
            return _parse_json(text)
        except ValueError as error:
            if origin.endswith(".json"):
                raise ConfigurationError(f"{origin} is not JSON: {error}.") from error
    return _parse_yaml(text, origin)


def _too_deep(origin: str) -> ConfigurationError:
    return ConfigurationError(
        f"{origin} is nested more than {MAX_DEPTH} levels deep.", hint="Use references instead of nesting."
    )


def _check_depth(value: object, origin: str) -> None:
    stack = [(value, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise _too_deep(origin)
        if isinstance(node, dict):
            stack.extend((child, depth + 1) for child in node.values())
        elif isinstance(node, list):
            stack.extend((child, depth + 1) for child in node)


def _parse_json(text: str) -> Parsed:
    repeated: list[tuple[dict[str, Any], str]] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) < len(pairs):
            names = [name for name, _ in pairs]
            repeated.extend((built, name) for name in built if names.count(name) > 1)
        return built

    value = json.loads(text, object_pairs_hook=build, parse_constant=str)
    return Parsed(value, tuple(_locate(value, repeated)))


def _locate(value: object, repeated: list[tuple[dict[str, Any], str]]) -> Iterator[str]:
    if not repeated:
        return
    names: dict[int, list[str]] = {}
    for holder, name in repeated:
        names.setdefault(id(holder), []).append(name)
    stack: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while stack:
        path, node = stack.pop()
        yield from (pointer_to(*path, name) for name in names.get(id(node), ()))
        if isinstance(node, dict):
            stack.extend(((*path, key), child) for key, child in node.items())
        elif isinstance(node, list):
            stack.extend(((*path, index), child) for index, child in enumerate(node))


def _parse_yaml(text: str, origin: str) -> Parsed:
    try:
        _check_yaml_depth(text, origin)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"{origin} is neither JSON nor YAML: {_yaml_fault(error)}.") from error
    builder = _Builder(origin)
    value = None if node is None else builder.build(node, ())
    return Parsed(value, tuple(builder.duplicates))


def _check_yaml_depth(text: str, origin: str) -> None:
    """Refuse deep nesting before the parser builds nodes, which it does by recursion that ends the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _too_deep(origin)


def _yaml_fault(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"line {mark.line + 1}, {problem}" if mark else str(problem)


@dataclass
class _Builder:
    """Turns YAML's node graph into plain data; each use of an alias becomes a copy of its own."""

    origin: str
    duplicates: list[str] = field(default_factory=list)
    nodes: int = 0

    def build(self, node: Any, path: tuple[str | int, ...]) -> Any:
        self._count(path)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
        return _scalar(node)

    def _count(self, path: tuple[str | int, ...]) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise ConfigurationError(
                f"{self.origin} grows to more than {MAX_NODES:,} values when its YAML aliases are expanded.",
                hint="Write references ($ref) instead of YAML aliases.",
            )
        if len(path) > MAX_DEPTH:
            raise _too_deep(self.origin)

    def _mapping(self, node: Any, path: tuple[str | int, ...]) -> dict[str, Any]:
        built: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            value = self.build(value_node, (*path, key))
            if key == _MERGE and not key_node.style:
                for source in value if isinstance(value, list) else [value]:
                    merged = {**(source if isinstance(source, dict) else {}), **merged}
                continue
            if key in built:
                self.duplicates.append(pointer_to(*path, key))
            built[key] = value
        return {**merged, **built} if merged else built


def _scalar(node: Any) -> object:
    text = str(node.value)
    if node.style or (node.tag == _STRING and not _FLOAT.fullmatch(text)):
        return text
    if text in _WORDS:
        return _WORDS[text]
    return _number(text, written_as_string=node.tag == _STRING)


def _number(text: str, *, written_as_string: bool) -> object:
    """A number, or the text itself; ``!!str 1`` and ``07700 900123`` are strings to both versions of YAML."""
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return text if written_as_string else int(text)
    if _OCTAL_OR_HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
