"""
VER-01, VER-04 and AUT-02 as far as a contract shows: versions, what is going, and which scopes an operation needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from joinedup.conformance.anatomy import look_up, parts_of, tokens_of
from joinedup.conformance.contract import Contract, Operation
from joinedup.conformance.conventions import segments
from joinedup.conformance.features import plain, schemes_in_use
from joinedup.conformance.findings import Finding
from joinedup.conformance.rules import Place, Rule, at, has_operations, one_finding

_WHOLE = re.compile(r"v\d+", re.IGNORECASE)
_FRACTION = re.compile(r"v\d+[._]\d+([._]\d+)?", re.IGNORECASE)
_IN_MEDIA_TYPE = re.compile(r"[.+;\s-](v\d+|version=\"?\d+(\.0)*\"?|v=\d+)\b", re.IGNORECASE)
# A version stands among so many first segments of a path; a number further on is somebody's.
DEEPEST_NUMBER = 3
_VERSION_NAMES = frozenset({"version", "apiversion", "xapiversion", "acceptversion"})


def _addresses(contract: Contract) -> list[str]:
    """Every server's address and every path."""
    servers = [
        str(server.get("url", ""))
        for part in parts_of(contract.document)
        if part.kind in {"document", "path-item", "operation"} and isinstance(part.value, dict)
        for server in _dicts(part.value.get("servers"))
    ]
    return [*servers, *(operation.path for operation in contract.operations)]


def _dicts(value: object) -> list[dict[str, Any]]:
    return [member for member in value if isinstance(member, dict)] if isinstance(value, list) else []


def _media_types(contract: Contract) -> set[str]:
    return {part.path[-1] for part in parts_of(contract.document) if part.kind == "media-type"}


def _takes_version(contract: Contract) -> bool:
    """Whether a parameter chooses the version: by its name, or an Accept header that holds one."""
    return any(
        plain(parameter.name) in _VERSION_NAMES
        or (
            parameter.name.lower() == "accept"
            and any(_IN_MEDIA_TYPE.search(str(e)) for e in _shown(parameter))
        )
        for operation in contract.operations
        for parameter in operation.parameters
        if parameter.location in {"path", "header"}
    )


def _shown(parameter: Any) -> list[object]:
    return [*parameter.examples, *(parameter.schema.get("enum") or ()), parameter.schema.get("default", "")]


def no_version(contract: Contract) -> Iterator[Finding]:
    """A contract in which no address, media type or parameter tells one version from the next."""
    parts = {part for address in _addresses(contract) for part in segments(address)}
    told = any(_WHOLE.fullmatch(part) or _FRACTION.fullmatch(part) for part in parts)
    if (
        told
        or _numbered(contract)
        or _takes_version(contract)
        or any(_IN_MEDIA_TYPE.search(name) for name in _media_types(contract))
    ):
        return
    yield from one_finding(
        "no-version",
        "VER-01",
        "Nothing tells one version of the interface from the next",
        "The path or the media type holds the version as a whole number, such as /v1.",
        [Place("#/paths", "no path, server, media type or parameter holds a version")],
    )


def _numbered(contract: Contract) -> bool:
    """Whether every path begins with the version as a bare number, as in ``/api/4/all``."""
    paths = [tuple(segments(operation.path))[:DEEPEST_NUMBER] for operation in contract.operations]
    return any(len(set(column)) == 1 and column[0].isdecimal() for column in zip(*paths, strict=False))


def fractional_version(contract: Contract) -> Iterator[Finding]:
    """Paths whose version has parts, which changes more often than callers can follow."""
    places = (
        at(operation, f"{operation.path} has {segment}")
        for operation in contract.operations
        for segment in segments(operation.path)
        if _FRACTION.fullmatch(segment)
    )
    title = "The version in a path is not a whole number"
    expected = "The path holds the version as a whole number, such as /v1."
    yield from one_finding("version-not-whole", "VER-01", title, expected, places)


# VER-04

_SAYS_WHEN = re.compile(
    r"\b(20\d\d)\b|sunset|(remov|retir|withdraw|withdrawn|switched off|end of life|no longer)\w*[^.]*\b(by|on|after|in|from|until)\b",
    re.IGNORECASE,
)
_SUNSET_HEADERS = frozenset({"sunset"})


def deprecated_without_date(contract: Contract) -> Iterator[Finding]:
    """Deprecated operations that do not say when they go."""
    places = (
        at(operation, "it is deprecated and names no date")
        for operation in contract.operations
        if operation.deprecated and not _says_when(contract, operation)
    )
    title = "A deprecated operation does not say when it goes"
    expected = "A deprecated operation names the date of its end, in its description or by a Sunset header."
    yield from one_finding("deprecated-without-date", "VER-04", title, expected, places)


def _says_when(contract: Contract, operation: Operation) -> bool:
    written = look_up(contract.document, tokens_of(operation.pointer))
    node: Mapping[str, Any] = written if isinstance(written, dict) else {}
    told = " ".join(str(node.get(key, "")) for key in ("summary", "description"))
    headers = {
        plain(name) for response in operation.responses.values() for name in response.get("headers") or ()
    }
    return bool(_SAYS_WHEN.search(told) or headers & _SUNSET_HEADERS or "x-sunset" in node)


def _has_deprecated(contract: Contract) -> bool:
    return any(operation.deprecated for operation in contract.operations)


# AUT-02


def operations_without_scope(contract: Contract) -> Iterator[Finding]:
    """Operations that ask for an OAuth 2.0 token of any scope."""
    oauth = _oauth_schemes(contract)
    places = (
        at(operation, "it asks for a token and names no scope")
        for operation in contract.operations
        if not operation.public
        and any(name in oauth for wanted in operation.security for name in wanted)
        and not any(
            scopes for wanted in operation.security for name, scopes in wanted.items() if name in oauth
        )
    )
    title = "An operation does not say which scope it needs"
    expected = "Every operation that needs an OAuth 2.0 token names at least one scope."
    yield from one_finding("operation-without-scope", "AUT-02", title, expected, places)


def scopes_not_defined(contract: Contract) -> Iterator[Finding]:
    """Scopes that an operation names and no flow of its scheme defines."""
    defined = {name: _scopes(scheme) for name, scheme in _oauth_schemes(contract).items()}
    places = (
        at(operation, f"it names {scope}, which {name} does not define")
        for operation in contract.operations
        for wanted in operation.security
        for name, scopes in wanted.items()
        for scope in scopes
        if name in defined and scope not in defined[name]
    )
    title = "An operation names a scope that is not defined"
    expected = "Every scope that an operation names is defined by a flow of its security scheme."
    yield from one_finding("scope-not-defined", "AUT-02", title, expected, places)


def _oauth_schemes(contract: Contract) -> dict[str, dict[str, Any]]:
    return {
        name: scheme for name, scheme in schemes_in_use(contract).items() if scheme.get("type") == "oauth2"
    }


def _scopes(scheme: Mapping[str, Any]) -> set[str]:
    flows = scheme.get("flows")
    return {
        str(scope)
        for flow in (flows.values() if isinstance(flows, dict) else ())
        if isinstance(flow, dict)
        for scope in _mapping(flow.get("scopes"))
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _uses_oauth(contract: Contract) -> bool:
    return bool(_oauth_schemes(contract))


RULES = (
    Rule("no-version", "VER-01", no_version, has_operations),
    Rule("version-not-whole", "VER-01", fractional_version, has_operations),
    Rule("deprecated-without-date", "VER-04", deprecated_without_date, _has_deprecated),
    Rule("operation-without-scope", "AUT-02", operations_without_scope, _uses_oauth),
    Rule("scope-not-defined", "AUT-02", scopes_not_defined, _uses_oauth),
)
