"""
Whether a response is what the contract declares: status, media type, body, headers.

A schema that cannot be compiled judges nothing; it is listed for the description instead. No sentence here holds a
value from a body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema_rs

from joinedup.conformance.anatomy import as_fragment, pointer_to
from joinedup.conformance.dialect import Direction, modernised, written_pointer
from joinedup.conformance.expectations import expectation, type_name
from joinedup.conformance.operations import Operation, followed
from joinedup.conformance.problems import CONTRACT_VALID, Problem
from joinedup.conformance.redaction import PLAIN_MEDIA_TYPE

MAX_BREACHES = 20
MAX_BODY_DEPTH = 400
BACKTRACK_LIMIT = 100_000
# Given by servers, proxies and frameworks before an operation is reached (RFC 9110, 15.5 and 15.6).
OF_THE_HTTP_LAYER = frozenset(
    {405, 406, 408, 411, 413, 414, 415, 421, 426, 429, 431, 501, 502, 503, 504, 505}
)
_URN = "urn:joinedup:contract"
_ENGINE_FAULTS = ("BacktrackLimitExceeded", "RegexEngineFailure")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+*/-]{1,100}")


@dataclass(frozen=True)
class Breach:
    """
    One way in which a response departs from the contract.

    Args:
        kind: ``undeclared-status``, ``undeclared-media-type``, ``body-not-parsable``, ``schema``,
            ``header-missing`` or ``header-invalid``.
        pointer: JSON pointer into the contract, into the component where one is used.
        expected: one sentence, free of values from the response.
        received: a phrase that is safe to show: a status, a media type, the JSON type of the value.
        instance_path: JSON pointer into the body; indexes and names that the contract does not declare are ``*``.
        keyword: the schema keyword that was not met, empty for the other kinds.
    """

    kind: str
    pointer: str
    expected: str
    received: str = ""
    instance_path: str = ""
    keyword: str = ""


@dataclass
class SchemaCompiler:
    """Compiles the schemas of one document, each once; those that do not compile are kept with the reason."""

    document: dict[str, Any]
    version: str
    direction: Direction
    unusable: dict[str, str] = field(default_factory=dict)
    _compiled: dict[str, jsonschema_rs.Validator | None] = field(default_factory=dict)

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry:
        converted = modernised(self.document, self.version, self.direction)
        return jsonschema_rs.Registry([(_URN, converted)], draft=jsonschema_rs.Draft202012)

    def compiled(self, pointer: str) -> jsonschema_rs.Validator | None:
        """The validator of the schema at a pointer, or none where it cannot be compiled."""
        if pointer not in self._compiled:
            self._compiled[pointer] = self._compile(pointer)
        return self._compiled[pointer]

    def _compile(self, pointer: str) -> jsonschema_rs.Validator | None:
        try:
            return jsonschema_rs.Draft202012Validator(
                {"$ref": _URN + as_fragment(pointer)},
                registry=self._registry,
                validate_formats=True,
                pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT),
                offline=True,
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            self.unusable[pointer] = str(error).splitlines()[0][:200]
            return None

    def errors(self, pointer: str, value: object) -> list[jsonschema_rs.ValidationError]:
        """How a value departs from the schema at a pointer; nothing where that cannot be judged."""
        validator = self.compiled(pointer)
        if validator is None or is_deep(value):
            return []
        found: list[jsonschema_rs.ValidationError] = []
        try:
            for error in validator.iter_errors(value):
                found.extend(_leaves(error))
                if len(found) >= MAX_BREACHES:
                    break
        except ValueError:  # a value that the validator cannot hold, such as a number beyond its range
            return []
        return found[:MAX_BREACHES]


def is_deep(value: object) -> bool:
    """Whether a value is nested deeper than is safe to validate."""
    stack = [(value, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_BODY_DEPTH:
            return True
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        stack.extend((child, depth + 1) for child in children if isinstance(child, dict | list))
    return False


def _leaves(error: jsonschema_rs.ValidationError) -> Iterator[jsonschema_rs.ValidationError]:
    """The error itself or, where only one alternative can have been meant, what is wrong with that one."""
    kind = type(error.kind).__name__
    if kind in _ENGINE_FAULTS:
        return
    context = getattr(error.kind, "context", None)
    if kind not in {"AnyOf", "OneOfNotValid"} or not context:
        yield error
        return
    if any(type(inner.kind).__name__ in _ENGINE_FAULTS for branch in context for inner in branch):
        return
    meant = _meant(context, error.instance_path)
    if len(meant) == 1:
        for inner in meant[0]:
            yield from _leaves(inner)
    else:
        yield error


Branch = list[jsonschema_rs.ValidationError]


def _meant(branches: list[Branch], path: list[str | int]) -> list[Branch]:
    """The alternatives that a value can have been meant as: of its type, else with its fixed values."""
    typed = [b for b in branches if not any(e.kind.name == "type" and e.instance_path == path for e in b)]
    fixed = [b for b in typed if not any(e.kind.name in {"const", "enum"} for e in b)]
    return typed if len(typed) == 1 else fixed


def is_json(media_type: str) -> bool:
    """Whether a media type holds JSON."""
    base = base_type(media_type)
    return base in {"application/json", "text/json"} or base.endswith("+json")


def base_type(media_type: str) -> str:
    """A media type without its parameters, lower case."""
    return media_type.partition(";")[0].strip().lower()


def _parameters_of(media_type: str) -> frozenset[str]:
    return frozenset(
        re.sub(r"[\s\"]", "", parameter).lower()
        for parameter in media_type.split(";")[1:]
        if parameter.strip()
    )


def matching_media_type(declared: Mapping[str, Any], received: str) -> str | None:
    """The declared media type (ranges included) that best fits the one received, or none."""
    wanted, parameters = base_type(received), _parameters_of(received)
    exact = [name for name in declared if base_type(name) == wanted]
    if exact:
        return max(exact, key=lambda name: len(_parameters_of(name) & parameters))
    major = wanted.partition("/")[0] + "/*"
    return next((name for name in declared if base_type(name) in {major, "*/*", "*"}), None)


def declared_status(operation: Operation, status: int) -> str | None:
    """The key under which a contract declares a status: itself, its range or ``default``."""
    for key in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default"):
        if key in operation.responses:
            return key
    return None


class ResponseValidator:
    """Judges responses against one document; compiled validators are kept."""

    def __init__(self, document: dict[str, Any], version: str, names: frozenset[str] = frozenset()) -> None:
        self._document = document
        self._names = names
        self.schemas = SchemaCompiler(document, version, Direction.RESPONSE)

    def unusable_schemas(self, operations: Iterable[Operation]) -> Iterator[Problem]:
        """A problem for each response schema that cannot be compiled; answers are not judged by it."""
        for operation in operations:
            for status, response in operation.responses.items():
                content = response.get("content")
                for name, media in content.items() if isinstance(content, dict) else ():
                    if is_json(name) and isinstance(media, dict) and isinstance(media.get("schema"), dict):
                        at = operation.response_pointers[status] + pointer_to("content", name, "schema")[1:]
                        self.schemas.compiled(at)
        for pointer, reason in self.schemas.unusable.items():
            yield Problem(
                rule="schema-not-usable",
                requirement=CONTRACT_VALID,
                title="A schema cannot be used to judge values",
                expected="Every schema is one that JSON Schema allows.",
                actual=f"It does not compile ({reason.rstrip('.')}); answers are not judged by it.",
                pointer=pointer,
                repaired=False,
            )

    def breaches(
        self, operation: Operation, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[Breach]:
        """How a response departs from what the operation declares."""
        key = declared_status(operation, status)
        if key is None:
            listed = ", ".join(operation.responses) or "none"
            return [
                Breach(
                    "undeclared-status",
                    f"{operation.pointer}/responses",
                    f"The status is one that the contract declares for this operation ({listed}).",
                    f"status {status}",
                )
            ]
        lowered = {name.lower(): value for name, value in headers.items()}
        found = list(self._header_breaches(operation, key, lowered))
        if operation.method != "HEAD" and status >= 200 and status not in {204, 205, 304}:
            found.extend(self._body_breaches(operation, key, lowered.get("content-type", ""), body))
        return found

    def _body_breaches(self, operation: Operation, key: str, received: str, body: bytes) -> Iterator[Breach]:
        content = operation.responses[key].get("content")
        if not isinstance(content, dict) or not content:
            return
        pointer = f"{operation.response_pointers[key]}/content"
        name = matching_media_type(content, received) if received else None
        if name is None and (received or body):
            yield _undeclared_media_type(content, received, pointer)
            return
        name = name or next(iter(content))
        if not is_json(received or name):
            return
        value, fault = _read_json(body)
        if fault:
            yield Breach("body-not-parsable", pointer, f"The body is JSON, as {base_type(name)} says.", fault)
        else:
            yield from self._schema_breaches(content[name], pointer + pointer_to(name)[1:], value)

    def _schema_breaches(self, media: object, pointer: str, value: object) -> Iterator[Breach]:
        if not isinstance(media, dict) or not isinstance(media.get("schema"), dict):
            return
        for error in self.schemas.errors(f"{pointer}/schema", value):
            yield Breach(
                "schema",
                written_pointer(self._document, error.schema_path),
                expectation(error, self._names),
                type_name(error.instance) if error.kind.name != "required" else "no such property",
                self._instance_path(error.instance_path),
                error.kind.name,
            )

    def _instance_path(self, path: list[str | int]) -> str:
        shown = (token if isinstance(token, str) and token in self._names else "*" for token in path)
        return "".join("/" + token for token in shown)

    def _header_breaches(
        self, operation: Operation, key: str, headers: Mapping[str, str]
    ) -> Iterator[Breach]:
        declared = operation.responses[key].get("headers")
        for name, written in declared.items() if isinstance(declared, dict) else ():
            at = operation.response_pointers[key] + pointer_to("headers", name)[1:]
            header, pointer = followed(self._document, written, at)
            value = headers.get(name.lower())
            if name.lower() == "content-type":
                continue
            if value is None and header.get("required") is True:
                yield Breach("header-missing", pointer, f"The header {name} is sent.", "no such header")
            elif value is not None and "schema" in header:
                yield from self._header_schema_breaches(name, header["schema"], pointer, value)

    def _header_schema_breaches(self, name: str, schema: object, pointer: str, text: str) -> Iterator[Breach]:
        readable, value = _header_value(followed(self._document, schema)[0], text)
        errors = self.schemas.errors(f"{pointer}/schema", value) if readable else []
        for error in errors[:1]:
            yield Breach(
                "header-invalid",
                written_pointer(self._document, error.schema_path),
                expectation(error, self._names, f"The header {name}"),
                type_name(error.instance),
                keyword=error.kind.name,
            )


def _undeclared_media_type(content: Mapping[str, Any], received: str, pointer: str) -> Breach:
    shown = base_type(received)
    unknown = "a media type of its own making" if _MEDIA_TYPE.fullmatch(shown) else "no readable media type"
    return Breach(
        "undeclared-media-type",
        pointer,
        f"The media type is one that the contract declares for this answer ({', '.join(content)}).",
        shown if PLAIN_MEDIA_TYPE.fullmatch(shown) else unknown,
    )


def _reject_constant(_name: str) -> object:
    raise ValueError


def _read_json(body: bytes) -> tuple[object, str]:
    if not body.strip():
        return None, "an empty body"
    try:
        return json.loads(body, parse_constant=_reject_constant), ""
    except RecursionError:
        return None, "a body nested too deeply to read"
    except ValueError:
        return None, "a body that is not JSON"


def _header_value(schema: Mapping[str, Any], text: str) -> tuple[bool, object]:
    """A header's text as the declared type; false where the type is not one that a header can be read as."""
    declared = schema.get("type")
    names = [name for name in declared if name != "null"] if isinstance(declared, list) else [declared]
    if len(names) != 1:
        return False, None
    if names[0] == "string":
        return True, text
    if names[0] in {"integer", "number", "boolean"}:
        try:
            return True, json.loads(text, parse_constant=_reject_constant)
        except ValueError:
            return True, text
    return False, None
