"""
The requests that a contract itself gives as examples, ready to be sent to the agency that it belongs to.

Every agency's first records have the ids of the examples, so that each of these can succeed as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from joinedup.mocks.bundle import Document, each_operation, resolve
from joinedup.mocks.messages import Incoming

FORM = "application/x-www-form-urlencoded"
# What reads comes first, as long as there is everything to be read, and what removes last.
ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Example:
    """
    A request of a contract's own.

    Args:
        label: method and path template, as messages have them.
        path: encoded, as it goes over a connection.
        parameters: those in the path, by name.
    """

    label: str
    path: str
    parameters: dict[str, str]
    incoming: Incoming


def examples(contract: Document, authorization: str) -> Iterator[Example]:
    """Each operation with each of its example bodies, in an order in which all can succeed."""
    for path, method, definition in sorted(each_operation(contract), key=lambda each: ORDER.index(each[1])):
        declared = [*contract["paths"][path].get("parameters", []), *definition.get("parameters", [])]
        values: dict[str, dict[str, str]] = {}
        for parameter in (resolve(contract, each) for each in declared):
            if parameter.get("required"):
                values.setdefault(parameter["in"], {})[parameter["name"]] = str(_example(parameter))
        headers = {name.lower(): value for name, value in values.get("header", {}).items()}
        in_path = values.get("path", {})
        for media_type, body in _bodies(contract, definition):
            incoming = Incoming(
                method,
                path.format(**in_path),
                urlencode(values.get("query", {})).encode(),
                {**headers, "authorization": authorization, **({"content-type": media_type} if body else {})},
                body,
            )
            encoded = path.format(**{name: quote(value, safe="") for name, value in in_path.items()})
            yield Example(f"{method} {path}", encoded, in_path, incoming)


def _example(described: dict[str, Any]) -> Any:
    """The first example of a parameter or a media type; of a schema where there is no other."""
    if "example" in described:
        return described["example"]
    if described.get("examples"):
        return next(iter(described["examples"].values()))["value"]
    schema = described.get("schema", {})
    return schema.get("enum", schema.get("examples", [""]))[0]


def _bodies(contract: Document, definition: Document) -> Iterator[tuple[str, bytes]]:
    content = resolve(contract, definition.get("requestBody", {})).get("content", {})
    if not content:
        yield "", b""
    for media_type, described in content.items():
        given = [resolve(contract, each)["value"] for each in described.get("examples", {}).values()]
        for value in given or [_example(described)]:
            yield media_type, _written(media_type, value)


def _written(media_type: str, value: Any) -> bytes:
    return urlencode(value).encode() if media_type == FORM else msgspec.json.encode(value)
