"""
The parts of an OpenAPI document: which key holds what, and where.

A table says what kind of object stands under each key, so that a walk never mistakes a property that happens to
be called ``example`` or ``$ref`` for the keyword, and never reads an example's data as a schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

SECTIONS = {
    "schema": "schemas",
    "response": "responses",
    "parameter": "parameters",
    "example": "examples",
    "request-body": "requestBodies",
    "header": "headers",
    "security-scheme": "securitySchemes",
    "link": "links",
    "callback": "callbacks",
    "path-item": "pathItems",
}
"""Where ``components`` keeps each kind of object."""

# How a key's value is built of objects of a kind: one, a list of them, a map of names to them.
ONE, LIST, MAP = "one", "list", "map"

_SCHEMA: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"), (MAP, "schema")
    ),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), (LIST, "schema")),
    **dict.fromkeys(
        (
            "items",
            "additionalProperties",
            "additionalItems",
            "not",
            "if",
            "then",
            "else",
            "contains",
            "propertyNames",
            "unevaluatedItems",
            "unevaluatedProperties",
            "contentSchema",
        ),
        (ONE, "schema"),
    ),
    "example": (ONE, "literal"),
    "default": (ONE, "literal"),
    "examples": (LIST, "literal"),
}
_WITH_SCHEMA: dict[str, tuple[str, str]] = {
    "schema": (ONE, "schema"),
    "content": (MAP, "media-type"),
    "example": (ONE, "literal"),
    "examples": (MAP, "example"),
}
PARTS: dict[str, dict[str, tuple[str, str]]] = {
    "document": {
        "paths": (MAP, "path-item"),
        "webhooks": (MAP, "path-item"),
        "components": (ONE, "components"),
    },
    "components": {section: (MAP, kind) for kind, section in SECTIONS.items()},
    "path-item": {
        **dict.fromkeys(METHODS, (ONE, "operation")),
        "parameters": (LIST, "parameter"),
    },
    "operation": {
        "parameters": (LIST, "parameter"),
        "requestBody": (ONE, "request-body"),
        "responses": (MAP, "response"),
        "callbacks": (MAP, "callback"),
    },
    "parameter": _WITH_SCHEMA,
    "header": _WITH_SCHEMA,
    "request-body": {"content": (MAP, "media-type")},
    "media-type": {
        "schema": (ONE, "schema"),
        "example": (ONE, "literal"),
        "examples": (MAP, "example"),
        "encoding": (MAP, "encoding"),
    },
    "encoding": {"headers": (MAP, "header")},
    "response": {"headers": (MAP, "header"), "content": (MAP, "media-type"), "links": (MAP, "link")},
    "example": {"value": (ONE, "literal")},
    "schema": _SCHEMA,
    "security-scheme": {},
    "link": {},
    "literal": {},
}

Path = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """
    One object of a document: where it stands, what it is, and the container and key that hold it.

    ``holder[key] is value``, so that a repair can put something else there.
    """

    path: Path
    kind: str
    value: Any
    holder: Any
    key: Any

    @property
    def pointer(self) -> str:
        """The JSON pointer of the object."""
        return pointer_to(*self.path)

    def put(self, value: object) -> None:
        """Put something else in the object's place."""
        self.holder[self.key] = value


def pointer_to(*tokens: str | int) -> str:
    """The JSON pointer (with ``#``) made of tokens that are not yet escaped."""
    return "".join(("#", *("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)))


def as_fragment(pointer: str) -> str:
    """The pointer with what a URI may not hold percent-encoded."""
    return "#" + quote(pointer[1:], safe="/~:@!$&'()*+,;=-._")


def tokens_of(pointer: str) -> Path:
    """The tokens of a JSON pointer such as ``#/paths/~1children``; percent-encoding is undone."""
    fragment = pointer.partition("#")[2] if "#" in pointer else pointer
    raw = fragment.split("/")[1:]
    return tuple(unquote(token).replace("~1", "/").replace("~0", "~") for token in raw)


_MISSING = object()


def look_up(document: object, tokens: Path) -> object:
    """What stands at a pointer; raises KeyError where nothing does."""
    node = document
    for token in tokens:
        if isinstance(node, Mapping) and token in node:
            node = node[token]
        elif isinstance(node, list) and token.isdigit() and int(token) < len(node):
            node = node[int(token)]
        else:
            raise KeyError(token)
    return node


def parts_of(document: dict[str, Any], kind: str = "document", path: Path = ()) -> Iterator[Part]:
    """
    Every object of a document with its kind, holders before what they hold.

    What a caller puts in an object's place while walking is walked in its stead.
    """
    root = {"": document}
    stack = [Part(path, kind, document, root, "")]
    while stack:
        part = stack.pop()
        yield part
        value = part.holder[part.key]
        if isinstance(value, dict):
            stack.extend(reversed(list(_children(part, value))))


def _children(part: Part, value: dict[str, Any]) -> Iterator[Part]:
    if part.kind == "callback":
        yield from _members(part.path, value, MAP, "path-item")
        return
    table = PARTS[part.kind]
    for key, child in value.items():
        if key in table:
            shape, kind = table[key]
            yield from _shaped((*part.path, key), shape, kind, child, value, key)


def _shaped(path: Path, shape: str, kind: str, child: object, holder: Any, key: Any) -> Iterator[Part]:
    if shape == ONE and not (key == "items" and isinstance(child, list)):
        yield Part(path, kind, child, holder, key)
    else:
        yield from _members(path, child, shape, kind)


def _members(path: Path, container: object, shape: str, kind: str) -> Iterator[Part]:
    if isinstance(container, dict) and shape == MAP:
        for name, member in container.items():
            if not str(name).startswith("x-") or kind in {"schema", "header", "example"}:
                yield Part((*path, str(name)), kind, member, container, name)
    elif isinstance(container, list) and shape != MAP:
        for index, member in enumerate(container):
            yield Part((*path, str(index)), kind, member, container, index)
