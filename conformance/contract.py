"""
A contract: a system's OpenAPI document, mended where it breaks tools, with its operations and response schemas.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from joinedup.conformance.anatomy import pointer_to
from joinedup.conformance.dialect import Direction
from joinedup.conformance.document import parse_document
from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.operations import Body, Operation, Parameter, followed, operations_of
from joinedup.conformance.outline import mend_outline
from joinedup.conformance.problems import CONTRACT_VALID, Problem, Problems
from joinedup.conformance.references import Bundler
from joinedup.conformance.repair import repair
from joinedup.conformance.responses import Breach, ResponseValidator, SchemaCompiler
from joinedup.conformance.surroundings import Address, Alone, Folder, Surroundings
from joinedup.conformance.usage import users_of
from joinedup.conformance.vocabulary import declared_values, property_names

__all__ = [
    "Body",
    "Breach",
    "Contract",
    "Operation",
    "Parameter",
    "Problem",
    "load_contract",
    "parse_contract",
]

Fetch = Callable[[str], bytes]
_VERSION = re.compile(r"3\.[01]\.\d+.*")


@dataclass(frozen=True, eq=False)
class Contract:
    """
    A contract that can be tested against.

    Args:
        document: mended and self-contained; never to be changed.
        original_hash: SHA-256 of the bytes that were read, hexadecimal.
        version: of OpenAPI, e.g. ``3.0.3``.
        operations: those that can be tested, in contract order.
        problems: every repair and every part that cannot be used.
        declared_values: enums, constants, examples and defaults as text: what may be shown unmasked.
        property_names: every property, parameter and header name that is declared.
    """

    document: dict[str, Any]
    original_hash: str
    version: str
    operations: tuple[Operation, ...]
    problems: tuple[Problem, ...]
    declared_values: frozenset[str]
    property_names: frozenset[str]
    _responses: ResponseValidator

    def operation(self, label: str) -> Operation | None:
        """The operation with a label such as ``GET /v1/children/{childId}``, or none."""
        return next((operation for operation in self.operations if operation.label == label), None)

    def resolve(self, node: object) -> dict[str, Any]:
        """The object that a chain of local references leads to; empty where it is broken or circular."""
        return followed(self.document, node)[0]

    def response_problems(
        self, operation: Operation, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[Breach]:
        """How a response departs from what the contract declares for it; empty where it does not."""
        return self._responses.breaches(operation, status, headers, body)

    @property
    def unplaced_hash(self) -> str:
        """
        SHA-256 of the document without the addresses of its servers and of its token server, hexadecimal.

        The bundled agencies are at other addresses in each run, and their contract is the same nevertheless.
        """
        kept = {key: value for key, value in self.document.items() if key != "servers"}
        return hashlib.sha256(json.dumps(_without(kept, "tokenUrl"), sort_keys=True).encode()).hexdigest()

    @cached_property
    def _requests(self) -> SchemaCompiler:
        return SchemaCompiler(self.document, self.version, Direction.REQUEST)

    def allows(self, operation: Operation, media_type: str, body: object) -> bool:
        """Whether an operation takes a JSON body, as far as that can be told: what cannot be judged is allowed."""
        where = (
            operation.body.pointer + pointer_to("content", media_type, "schema")[1:] if operation.body else ""
        )
        return not where or not self._requests.errors(where, body)


def load_contract(source: str | Path, *, folder: Path | None = None, fetch: Fetch | None = None) -> Contract:
    """
    Read a contract and what it refers to.

    Args:
        source: a path, relative to ``folder``, or an http(s) URL.
        folder: where a relative path starts; the current folder if not given.
        fetch: how a URL is read; bounded and authenticated by the caller.

    Raises:
        ConfigurationError: it is not there, not JSON or YAML, not OpenAPI 3, too large or too deep.
    """
    text = str(source)
    if re.match(r"https?://", text):
        return _fetched(text, fetch)
    path = (folder or Path()) / Path(source)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"The contract {text} cannot be read: {error.strerror or error}.",
            hint="Name an OpenAPI 3 document by its path or http(s) address.",
        ) from error
    return _read(content, text, Folder(path.parent, path.name))


def _fetched(url: str, fetch: Fetch | None) -> Contract:
    if fetch is None:
        raise ConfigurationError(
            f"The contract {url} is at an address, and nothing was given to read addresses with.",
            hint="Save the document to a file and name that.",
        )
    return _read(fetch(url), url, Address(url, fetch))


def parse_contract(text: bytes, *, origin: str) -> Contract:
    """
    Read a contract from its bytes; nothing that it refers to outside itself is read.

    Raises:
        ConfigurationError: it is not JSON or YAML, not OpenAPI 3, too large or too deep.
    """
    return _read(text, origin, Alone())


def _read(text: bytes, origin: str, surroundings: Surroundings) -> Contract:
    parsed = parse_document(text, origin=origin)
    version = _version(parsed.value, origin)
    document: dict[str, Any] = parsed.value
    problems = Problems()
    for pointer in parsed.duplicates:
        problems.add(_duplicate(pointer))
    mend_outline(document, problems)
    Bundler(document, version, surroundings, problems).run()
    mend_outline(document, problems)  # again, for what was brought in
    renamed = repair(document, version, problems)
    return _assembled(document, version, hashlib.sha256(text).hexdigest(), problems, renamed)


def _assembled(
    document: dict[str, Any],
    version: str,
    original_hash: str,
    problems: Problems,
    renamed: Mapping[str, str],
) -> Contract:
    operations = operations_of(document)
    names = property_names(document)
    responses = ResponseValidator(document, version, names)
    for problem in responses.unusable_schemas(operations):
        problems.add(problem)
    users = users_of(document, operations, renamed)
    return Contract(
        document=document,
        original_hash=original_hash,
        version=version,
        operations=operations,
        problems=tuple(replace(problem, operations=users(problem.pointer)) for problem in problems),
        declared_values=declared_values(document),
        property_names=names,
        _responses=responses,
    )


def _duplicate(pointer: str) -> Problem:
    return Problem(
        rule="duplicate-key",
        requirement=CONTRACT_VALID,
        title="A key is written twice in one object",
        expected="Every key of an object is written once.",
        actual="The key is there again; the last one counts.",
        pointer=pointer,
        repaired=False,
    )


def _without(node: object, name: str) -> object:
    """A JSON value without any member of this name."""
    if isinstance(node, dict):
        return {key: _without(value, name) for key, value in node.items() if key != name}
    return [_without(value, name) for value in node] if isinstance(node, list) else node


def _version(document: object, origin: str) -> str:
    if not isinstance(document, dict):
        raise ConfigurationError(
            f"{origin} is not an OpenAPI document: its top level is not an object.",
            hint="Name an OpenAPI 3.0 or 3.1 document.",
        )
    if "swagger" in document:
        raise ConfigurationError(
            f"{origin} is a Swagger {document['swagger']} document; OpenAPI 3.0 or 3.1 is needed.",
            hint="Convert it, for instance with swagger2openapi, and name the result.",
        )
    version = str(document.get("openapi", ""))
    if not _VERSION.fullmatch(version):
        said = f"it says openapi: {version[:20]!r}" if version else "it has no 'openapi' key"
        raise ConfigurationError(
            f"{origin} is not an OpenAPI 3.0 or 3.1 document: {said}.",
            hint="Name an OpenAPI 3.0 or 3.1 document.",
        )
    return version
