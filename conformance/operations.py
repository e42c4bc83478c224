"""
The operations of a contract as values: parameters, bodies, responses, security.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joinedup.conformance.anatomy import METHODS, look_up, pointer_to, tokens_of

MAX_REFERENCES = 50
"""How many references in a row are followed before a chain counts as circular."""


@dataclass(frozen=True)
class Parameter:
    """
    One parameter of an operation.

    Args:
        name: as sent.
        location: ``path``, ``query``, ``header`` or ``cookie``.
        required: path parameters always are.
        schema: its schema, a first reference followed; of its media type where it is described by ``content``.
        examples: values that the contract gives, from the parameter and from its schema, in order.
        pointer: JSON pointer to where it is written.
    """

    name: str
    location: str
    required: bool
    schema: dict[str, Any]
    examples: tuple[object, ...] = ()
    pointer: str = ""


@dataclass(frozen=True)
class Body:
    """
    The body that an operation takes.

    Args:
        required: whether it may not be left out.
        media_types: media type to schema, a first reference followed.
        examples: media type to the values that the contract gives for it.
        pointer: JSON pointer to where it is written.
    """

    required: bool
    media_types: Mapping[str, dict[str, Any]]
    examples: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    pointer: str = ""


@dataclass(frozen=True)
class Operation:
    """
    One operation that can be tested.

    Args:
        method: upper case.
        path: the path template.
        operation_id: as written or, where there is none, made of method and path.
        pointer: JSON pointer to the operation.
        parameters: those of the operation, then those of the path that it does not replace.
        body: what it takes, if anything.
        responses: status (``200``, ``4XX``, ``default``) to response object, a first reference followed.
        response_pointers: status to the JSON pointer of that response object.
        security: the alternatives that are in force, each a map of scheme to scopes.
        public: whether it may be called without a credential.
        deprecated: whether it says that it will go.
        tags: as written.
    """

    method: str
    path: str
    operation_id: str
    pointer: str
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    responses: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    response_pointers: Mapping[str, str] = field(default_factory=dict)
    security: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    public: bool = True
    deprecated: bool = False
    tags: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Method and path template, the name by which people and reports know the operation."""
        return f"{self.method} {self.path}"

    @property
    def success_responses(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """The declared 2xx responses with their statuses."""
        return tuple((status, body) for status, body in self.responses.items() if status.startswith("2"))


def followed(document: Mapping[str, Any], node: object, pointer: str = "") -> tuple[dict[str, Any], str]:
    """
    The object that a chain of local references leads to, and its pointer.

    An object without a reference is its own end. A broken or circular chain gives an empty object.
    """
    for _ in range(MAX_REFERENCES):
        if not isinstance(node, dict):
            return {}, pointer
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return node, pointer
        if not reference.startswith("#"):
            return {}, pointer
        try:
            tokens = tokens_of(reference)
            node, pointer = look_up(document, tokens), pointer_to(*tokens)
        except KeyError:
            return {}, pointer
    return {}, pointer


def operations_of(document: dict[str, Any]) -> tuple[Operation, ...]:
    """Every operation of a repaired document, in the order in which it is written."""
    found: list[Operation] = []
    for path, item in (document.get("paths") or {}).items():
        resolved, where = followed(document, item, pointer_to("paths", path))
        for method in resolved:
            if method in METHODS and isinstance(resolved[method], dict):
                found.append(_operation(document, path, method, resolved, where))
    return tuple(found)


def _operation(
    document: dict[str, Any], path: str, method: str, item: dict[str, Any], where: str
) -> Operation:
    node = item[method]
    pointer = f"{where}/{method}"
    security = _security(node.get("security", document.get("security")))
    responses, pointers = _responses(document, node, pointer)
    return Operation(
        method=method.upper(),
        path=path,
        operation_id=str(node.get("operationId") or f"{method} {path}"),
        pointer=pointer,
        parameters=_parameters(document, item, where, node, pointer),
        body=_body(document, node, pointer),
        responses=responses,
        response_pointers=pointers,
        security=security,
        public=not security or any(not alternative for alternative in security),
        deprecated=node.get("deprecated") is True,
        tags=tuple(str(tag) for tag in node.get("tags") or ()),
    )


def _security(value: object) -> tuple[Mapping[str, tuple[str, ...]], ...]:
    alternatives = value if isinstance(value, list) else []
    return tuple(
        {str(name): tuple(str(scope) for scope in scopes or ()) for name, scopes in alternative.items()}
        for alternative in alternatives
        if isinstance(alternative, dict)
    )


def _responses(
    document: dict[str, Any], node: dict[str, Any], pointer: str
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    responses: dict[str, dict[str, Any]] = {}
    pointers: dict[str, str] = {}
    for status, response in (node.get("responses") or {}).items():
        if not str(status).startswith("x-"):
            at = pointer + pointer_to("responses", status)[1:]
            responses[str(status)], pointers[str(status)] = followed(document, response, at)
    return responses, pointers


def _parameters(
    document: dict[str, Any], item: dict[str, Any], where: str, node: dict[str, Any], pointer: str
) -> tuple[Parameter, ...]:
    merged: dict[tuple[str, str], Parameter] = {}
    for holder, at in ((node, pointer), (item, where)):
        for index, written in enumerate(holder.get("parameters") or ()):
            found, place = followed(document, written, f"{at}/parameters/{index}")
            if isinstance(found.get("name"), str) and isinstance(found.get("in"), str):
                merged.setdefault((found["name"], found["in"]), _parameter(document, found, place))
    return tuple(merged.values())


def _parameter(document: dict[str, Any], node: dict[str, Any], pointer: str) -> Parameter:
    holder = next(iter((node.get("content") or {}).values()), node)
    schema, _ = followed(document, holder.get("schema"))
    return Parameter(
        name=node["name"],
        location=node["in"],
        required=node.get("required") is True or node["in"] == "path",
        schema=schema,
        examples=(*examples_of(document, holder), *schema_examples(schema)),
        pointer=pointer,
    )


def _body(document: dict[str, Any], node: dict[str, Any], pointer: str) -> Body | None:
    if "requestBody" not in node:
        return None
    found, at = followed(document, node["requestBody"], f"{pointer}/requestBody")
    content = {name: media for name, media in (found.get("content") or {}).items() if isinstance(media, dict)}
    schemas = {name: followed(document, media.get("schema", {}))[0] for name, media in content.items()}
    return Body(
        required=found.get("required") is True,
        media_types=schemas,
        examples={
            name: (*examples_of(document, media), *schema_examples(schemas[name]))
            for name, media in content.items()
        },
        pointer=at,
    )


def examples_of(document: dict[str, Any], node: dict[str, Any]) -> tuple[object, ...]:
    """The values under ``example`` and ``examples`` of a parameter, header or media type, in order."""
    found: list[object] = [node["example"]] if "example" in node else []
    named = node.get("examples")
    for example in named.values() if isinstance(named, dict) else ():
        resolved, _ = followed(document, example)
        if "value" in resolved:
            found.append(resolved["value"])
    return tuple(found)


def schema_examples(schema: dict[str, Any]) -> tuple[object, ...]:
    """The values under ``example`` (3.0) and ``examples`` (3.1) of a schema, in order."""
    several = schema.get("examples")
    one = (schema["example"],) if "example" in schema else ()
    return (*one, *(several if isinstance(several, list) else ()))
