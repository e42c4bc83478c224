"""
The operations of a contract, compiled once: routes, scopes, parameters, bodies and promised answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema_rs

from joinedup.mocks.bundle import Document, each_operation, own_references, resolve
from joinedup.mocks.dialects import is_older, lifted
from joinedup.mocks.formats import FORMATS
from joinedup.mocks.messages import Answer

Validator = jsonschema_rs.Draft202012Validator

# Bodies of one status of an operation that are remembered as good, and the bytes of the longest of them.
REMEMBERED = 256
LONGEST_REMEMBERED = 4096


@dataclass(frozen=True)
class Parameter:
    """
    A declared parameter.

    Args:
        key: by which it is looked up where it is sent: the names of headers in lower case.
        kind: the JSON type that its text is read as.
    """

    name: str
    key: str
    location: str
    required: bool
    kind: str
    validator: Validator


Form = Callable[[Answer], bool]
"""
Whether an answer is like what is declared for its status and media type.

It may be where this says that it is not: headers are held against their schemas as they are written, so one that is a
number, or has its name in another case, is taken for wrong.
"""


def always_new(pair: Validator) -> Form:
    """For answers each of which is another one: all headers by name, and the body, are looked at as a pair."""
    is_valid = pair.is_valid
    return lambda answer: is_valid((dict(answer.headers), answer.body))


@dataclass(frozen=True)
class ReadAgain:
    """
    For answers that show the same few records over and over: a body that was good is remembered, as bytes.

    Args:
        head: of all headers by name.
    """

    head: Validator
    body: Validator
    known: set[bytes] = field(default_factory=set)

    def __call__(self, answer: Answer) -> bool:
        """Whether headers and body are as declared."""
        return self.head.is_valid(dict(answer.headers)) and (
            answer.written in self.known or self._is_good(answer)
        )

    def _is_good(self, answer: Answer) -> bool:
        if not self.body.is_valid(answer.body):
            return False
        if len(answer.written) <= LONGEST_REMEMBERED:
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            self.known.add(answer.written)
        return True


@dataclass(frozen=True)
class Promise:
    """
    An answer that the contract declares.

    Args:
        bodies: by media type.
        forms: headers and body together, by media type; under an empty name where no body is declared.
    """

    headers: Mapping[str, Parameter]
    bodies: Mapping[str, Validator]
    forms: Mapping[str, Form]


@dataclass(frozen=True)
class Operation:
    """
    One operation.

    Args:
        scopes: that a token must carry; None where the contract asks for no bearer token. Every operation of a
            bundled contract says what it asks for, so that none is public because someone forgot.
        proofs: headers, in lower case, by any of which a caller may show who it is instead of by a token; whether
            what is in them is good is for the behaviour to say.
        bodies: validators by media type; empty where no body is declared.
        parameters_together: of the values of all parameters by name.
        deduplicated: whether the same X-Request-ID again gives the same answer and no second effect: every
            operation that creates something, at once or later, and declares that header.
    """

    id: str
    method: str
    path: str
    scopes: tuple[str, ...] | None
    parameters: tuple[Parameter, ...]
    parameters_together: Validator
    bodies: Mapping[str, Validator]
    body_required: bool
    promises: Mapping[int, Promise]
    proofs: tuple[str, ...] = ()

    @cached_property
    def deduplicated(self) -> bool:
        begins = 202 in self.promises and "Location" in self.promises[202].headers
        return (201 in self.promises or begins) and any(p.name == "X-Request-ID" for p in self.parameters)

    @cached_property
    def forms(self) -> Mapping[tuple[int, str], Form]:
        """What answers are like, by status and media type, which is empty where there is no body."""
        return {(status, m): f for status, promise in self.promises.items() for m, f in promise.forms.items()}

    @cached_property
    def query_names(self) -> frozenset[str]:
        """Names of the parameters that a query may hold."""
        return frozenset(p.name for p in self.parameters if p.location == "query")

    def promises_media_type(self, status: int, media_type: str) -> bool:
        """Whether the contract declares that media type for that status."""
        promise = self.promises.get(status)
        return promise is not None and media_type in promise.bodies


@dataclass(frozen=True)
class Route:
    """
    A path template and the operations on it, by method.

    Those with an equal ``beginning`` are looked through together: the first two segments, None where one varies.
    """

    path: str
    pattern: re.Pattern[str]
    operations: Mapping[str, Operation]

    @property
    def beginning(self) -> str | None:
        found = beginning(self.path)
        return None if "{" in found else found

    @property
    def allow(self) -> str:
        """The methods that are answered, as the Allow header has them."""
        implied = {"OPTIONS"} | ({"HEAD"} if "GET" in self.operations else set())
        return ", ".join(sorted(implied | set(self.operations)))


def beginning(path: str) -> str:
    """The first two segments of a path: ``/v1/children`` of ``/v1/children/7/views``."""
    return "/".join(path.split("/", 3)[:3])


class Compiler:
    """
    Compiles the parts of one contract.

    Args:
        contract: a self-contained document.
        lenient_formats: formats of ``FORMATS`` whose check digits go unchecked.
    """

    def __init__(self, contract: Document, lenient_formats: frozenset[str] = frozenset()) -> None:
        self._is_older = is_older(contract)
        self.contract = lifted(contract) if self._is_older else contract
        self._validators: dict[str, Validator] = {}
        self.formats: dict[str, Callable[[str], bool]] = {
            name: (_accept if name in lenient_formats else check) for name, check in FORMATS.items()
        }

    def routes(self) -> tuple[Route, ...]:
        """Every route; those without a parameter first, so that they win."""
        by_path: dict[str, dict[str, Operation]] = {}
        for path, method, definition in each_operation(self.contract):
            by_path.setdefault(path, {})[method] = self.operation(path, method, definition)
        ordered = sorted(by_path, key=lambda path: path.count("{"))
        return tuple(Route(path, _pattern(path), by_path[path]) for path in ordered)

    def operation(self, path: str, method: str, definition: Document) -> Operation:
        """One operation from its definition."""
        body = resolve(self.contract, definition.get("requestBody", {}))
        declared = [
            resolve(self.contract, each)
            for each in (
                *self.contract["paths"][path].get("parameters", []),
                *definition.get("parameters", []),
            )
        ]
        return Operation(
            id=definition["operationId"],
            method=method,
            path=path,
            scopes=self._scopes(definition),
            parameters=tuple(self._parameter(p) for p in declared),
            parameters_together=self.validator(_by_name(declared)),
            bodies=self._bodies(body),
            body_required=bool(body.get("required")),
            promises={int(status): self._promise(p, method) for status, p in definition["responses"].items()},
            proofs=self._proofs(definition),
        )

    def validator(self, schema: Any) -> Validator:
        """A validator of a schema that may refer to the contract's components; equal schemas share one."""
        key = repr(schema)
        if key not in self._validators:
            self._validators[key] = self._compiled(schema)
        return self._validators[key]

    def _compiled(self, schema: Any) -> Validator:
        schema = lifted(schema) if self._is_older else schema
        components = self._reached(schema)
        return jsonschema_rs.Draft202012Validator(
            {"allOf": [schema], "components": components},
            # To be given any makes a validator slower, also where it needs none.
            formats=self.formats if _names_a_format([schema, components], self.formats) else {},
            validate_formats=True,
        )

    def _reached(self, schema: Any) -> Document:
        """The components that a schema refers to, itself or through others: a validator keeps all that it is given."""
        components: Document = {}
        waiting = own_references(schema)
        while waiting:
            kind, name = waiting.pop()
            if name not in components.setdefault(kind, {}):
                components[kind][name] = self.contract["components"][kind][name]
                waiting |= own_references(components[kind][name])
        return components

    def _scopes(self, definition: Document) -> tuple[str, ...] | None:
        schemes = self.contract.get("components", {}).get("securitySchemes", {})
        needed: list[dict[str, list[str]]] = definition["security"]
        bearer = [s[name] for s in needed for name in s if schemes[name]["type"] == "oauth2"]
        return tuple(scope for scopes in bearer for scope in scopes) if bearer else None

    def _proofs(self, definition: Document) -> tuple[str, ...]:
        schemes = self.contract.get("components", {}).get("securitySchemes", {})
        asked = [schemes[name] for needed in definition["security"] for name in needed]
        return tuple(s["name"].lower() for s in asked if (s["type"], s.get("in")) == ("apiKey", "header"))

    def _parameter(self, definition: Any) -> Parameter:
        found = resolve(self.contract, definition)
        kind = resolve(self.contract, found["schema"]).get("type", "string")
        required = bool(found.get("required"))
        name, location = found["name"], found["in"]
        key = name.lower() if location == "header" else name
        return Parameter(name, key, location, required, kind, self.validator(found["schema"]))

    def _bodies(self, holder: Document) -> dict[str, Validator]:
        return {media: self.validator(schema) for media, schema in _schemas(holder).items()}

    def _promise(self, definition: Any, method: str) -> Promise:
        found = resolve(self.contract, definition)
        named = [
            {"name": name, "in": "header", **resolve(self.contract, header)}
            for name, header in found.get("headers", {}).items()
        ]
        head = _by_name(named)
        forms = {
            media: self._form(head, schema, method)
            for media, schema in (_schemas(found) or {"": {"type": "null"}}).items()
        }
        return Promise({each["name"]: self._parameter(each) for each in named}, self._bodies(found), forms)

    def _form(self, head: Document, schema: Any, method: str) -> Form:
        if method == "GET":
            return ReadAgain(self.validator(head), self.validator(schema))
        return always_new(self.validator({"type": "array", "prefixItems": [head, schema]}))


def _schemas(holder: Document) -> dict[str, Any]:
    """By media type, the schema of what a request or an answer holds."""
    return {media: content.get("schema", True) for media, content in holder.get("content", {}).items()}


def _by_name(declared: Iterable[Document]) -> Document:
    """The schema of an object that holds the values of parameters, or of headers, by name."""
    named = {each["name"]: each for each in declared}
    required = [name for name, each in named.items() if each.get("required")]
    properties = {name: each["schema"] for name, each in named.items()}
    return {"type": "object", "properties": properties, "required": required}


def _names_a_format(node: Any, formats: Collection[str]) -> bool:
    if isinstance(node, dict):
        return str(node.get("format")) in formats or _names_a_format([*node.values()], formats)
    return isinstance(node, list) and any(_names_a_format(each, formats) for each in node)


def _accept(value: str) -> bool:
    return True


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{([^}]+)\}", path)
    return re.compile("".join(f"(?P<{p}>[^/]+)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))
