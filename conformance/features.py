"""
Features: what a contract shows that a system does, from a closed list, and the conditions written with them.

A requirement applies ``when`` a condition such as ``security.bearer and not paging.cursor`` holds. The names by
which a feature may go stand in one table, ``NAMES``.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from joinedup.conformance.anatomy import parts_of
from joinedup.conformance.conditions import is_true
from joinedup.conformance.contract import Contract, Operation
from joinedup.conformance.operations import Parameter
from joinedup.conformance.vocabulary import REQUEST_IDENTIFIERS


class Feature(enum.StrEnum):
    """Something that a contract can show."""

    SECURITY_BEARER = "security.bearer"
    SECURITY_OAUTH2 = "security.oauth2"
    SECURITY_API_KEY = "security.api-key"
    SECURITY_BASIC = "security.basic"
    SECURITY_MUTUAL_TLS = "security.mutual-tls"
    PAGING_CURSOR = "paging.cursor"
    PAGING_OFFSET = "paging.offset"
    PAGING_PAGE = "paging.page"
    PAGING_LINK = "paging.link"
    IDEMPOTENCY_KEY = "idempotency.key"
    CONCURRENCY_IF_MATCH = "concurrency.if-match"
    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    ERRORS_PROBLEM = "errors.problem"
    ERRORS_OPERATION_OUTCOME = "errors.operation-outcome"
    CORRELATION_REQUEST_ID = "correlation.request-id"
    IDENTIFIER_NHS_NUMBER = "identifier.nhs-number"
    IDENTIFIER_UPN = "identifier.upn"
    IDENTIFIER_ULN = "identifier.uln"
    BATCH = "batch"
    RATE_LIMIT = "rate-limit"
    DEPRECATION = "deprecation"
    WEBHOOKS = "webhooks"


NAMES: dict[Feature, frozenset[str]] = {
    Feature.PAGING_CURSOR: frozenset(
        {
            "cursor",
            "nextcursor",
            "pagetoken",
            "nextpagetoken",
            "continuationtoken",
            "startingafter",
            "after",
            "scrollid",
        }
        | {"nextpagekey", "pagecursor", "startkey", "continuefrom"}
    ),
    Feature.PAGING_OFFSET: frozenset({"offset", "skip", "startindex", "pageoffset"}),
    Feature.PAGING_PAGE: frozenset({"page", "pagenumber", "pageno", "pageindex", "currentpage"}),
    Feature.PAGING_LINK: frozenset({"link"}),
    # A request identifier is a key only where it says so: see ``is_repetition_key``.
    Feature.IDEMPOTENCY_KEY: REQUEST_IDENTIFIERS,
    Feature.CONCURRENCY_IF_MATCH: frozenset({"ifmatch"}),
    Feature.CORRELATION_REQUEST_ID: frozenset(
        {"xrequestid", "xcorrelationid", "correlationid", "requestid", "traceparent", "xtraceid"}
    ),
    Feature.IDENTIFIER_NHS_NUMBER: frozenset(
        {"nhsnumber", "nhsno", "nhsid", "patientnhsnumber", "childnhsnumber"}
    ),
    Feature.IDENTIFIER_UPN: frozenset({"upn", "uniquepupilnumber", "formerupn", "pupilupn"}),
    Feature.IDENTIFIER_ULN: frozenset({"uln", "uniquelearnernumber"}),
    Feature.RATE_LIMIT: frozenset(
        {
            "ratelimit",
            "ratelimitpolicy",
            "ratelimitlimit",
            "ratelimitremaining",
            "ratelimitreset",
            "retryafter",
        }
        | {"xratelimitlimit", "xratelimitremaining", "xratelimitreset"}
    ),
    Feature.BATCH: frozenset({"batch", "bulk", "batches"}),
    Feature.DEPRECATION: frozenset({"deprecation", "sunset"}),
}
"""The names, lower case and without punctuation, by which a parameter, header, property or path part is known."""

PAGE_SIZE = frozenset(
    {"limit", "pagesize", "perpage", "size", "count", "maxresults", "take", "top", "pagelimit"}
)
"""The names, plain, by which the number of items on a page is asked for."""

_REPETITION = re.compile(
    r"idempoten|duplicat|repeat|retr(y|ied|ies)|replay|only once|same (value|key|id|request)", re.IGNORECASE
)
_SPLIT = re.compile(r"[\[\].]+")


def plain(name: str) -> str:
    """A name as the tables hold it: ``page[after]`` is ``pageafter``, ``X-Request-ID`` is ``xrequestid``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def goes_by(feature: Feature, name: str) -> bool:
    """Whether a name, or the last part of one such as ``page[cursor]`` or ``filter.nhsNumber``, is the feature's."""
    parts = [part for part in _SPLIT.split(name) if part]
    return plain(name) in NAMES[feature] or (bool(parts) and plain(parts[-1]) in NAMES[feature])


def is_repetition_key(contract: Contract, parameter: Parameter) -> bool:
    """
    Whether a header tells a request that is sent twice from two requests, as its name or its description says.

    A request id that only traces promises nothing of what happens when it comes twice.
    """
    if parameter.location != "header" or not goes_by(Feature.IDEMPOTENCY_KEY, parameter.name):
        return False
    node = contract.resolve({"$ref": parameter.pointer})
    said = f"{node.get('description', '')} {parameter.schema.get('description', '')}"
    return "idempotency" in plain(parameter.name) or _REPETITION.search(said) is not None


# What each feature is read from


def _has_parameter(
    feature: Feature, *locations: str, methods: frozenset[str] = frozenset()
) -> Callable[[Contract], bool]:
    def found(contract: Contract) -> bool:
        return any(
            parameter.location in locations and goes_by(feature, parameter.name)
            for operation in contract.operations
            if not methods or operation.method in methods
            for parameter in operation.parameters
        )

    return found


def _has_repetition_key(contract: Contract) -> bool:
    return any(
        is_repetition_key(contract, parameter)
        for operation in contract.operations
        if operation.method in _MAKES
        for parameter in operation.parameters
    )


def _pages_by(feature: Feature, *types: str) -> Callable[[Contract], bool]:
    """A query parameter of one of a feature's names and types; ``after`` with a date is a filter, not a cursor."""

    def found(contract: Contract) -> bool:
        return any(
            parameter.location == "query"
            and goes_by(feature, parameter.name)
            and _type_of(contract, parameter.schema) in types
            and not str(parameter.schema.get("format", "")).startswith("date")
            for operation in contract.operations
            for parameter in operation.parameters
        )

    return found


def _type_of(contract: Contract, schema: dict[str, Any]) -> str:
    """The one type of a schema that is not null; ``string``, which fits any query text, where it names none."""
    options = schema.get("anyOf") or schema.get("oneOf") or [schema]
    found = [contract.resolve(option).get("type") for option in options]
    written = [name for entry in found for name in (entry if isinstance(entry, list) else [entry])]
    return next((str(name) for name in written if name not in {"null", None}), "string")


def _links_to_next_page(contract: Contract) -> bool:
    """A Link header on a successful GET that speaks of pages; others lead to documentation or a successor."""
    return any(
        goes_by(Feature.PAGING_LINK, name)
        and re.search(r"next|page|paging|pagination", str(header), re.IGNORECASE)
        for operation in contract.operations
        if operation.method == "GET"
        for _, response in operation.success_responses
        for name, header in _mapping(response.get("headers")).items()
    )


def _has_response_header(feature: Feature) -> Callable[[Contract], bool]:
    def found(contract: Contract) -> bool:
        return any(
            goes_by(feature, name)
            for operation in contract.operations
            for response in operation.responses.values()
            for name in _mapping(response.get("headers"))
        )

    return found


def _names_identifier(feature: Feature) -> Callable[[Contract], bool]:
    return lambda contract: any(goes_by(feature, name) for name in contract.property_names)


def _any_of(*tests: Callable[[Contract], bool]) -> Callable[[Contract], bool]:
    return lambda contract: any(test(contract) for test in tests)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def schemes_in_use(contract: Contract) -> dict[str, dict[str, Any]]:
    """The security schemes that some operation asks for, by name."""
    defined = _mapping(_mapping(contract.document.get("components")).get("securitySchemes"))
    asked = {name for operation in contract.operations for wanted in operation.security for name in wanted}
    return {name: contract.resolve(defined[name]) for name in defined if name in asked}


def _has_scheme(fits: Callable[[dict[str, Any]], bool]) -> Callable[[Contract], bool]:
    return lambda contract: any(fits(scheme) for scheme in schemes_in_use(contract).values())


def _is_http(*names: str) -> Callable[[dict[str, Any]], bool]:
    return lambda scheme: scheme.get("type") == "http" and str(scheme.get("scheme", "")).lower() in names


def _is_type(*names: str) -> Callable[[dict[str, Any]], bool]:
    return lambda scheme: scheme.get("type") in names


def _carries_bearer(scheme: dict[str, Any]) -> bool:
    """OAuth 2.0 and OpenID Connect hand out bearer tokens; an API key in Authorization may be one by description."""
    if _is_type("oauth2", "openIdConnect")(scheme) or _is_http("bearer")(scheme):
        return True
    in_authorization = scheme.get("in") == "header" and str(scheme.get("name", "")).lower() == "authorization"
    return in_authorization and "bearer" in str(scheme.get("description", "")).lower()


def is_item_path(operation: Operation) -> bool:
    """Whether an operation's path ends in a parameter, as that of one object does."""
    return operation.path.rstrip("/").endswith("}")


def is_create(contract: Contract, operation: Operation) -> bool:
    """Whether an operation makes an object: a POST that can answer 201, or to a collection whose items have paths."""
    if operation.method != "POST":
        return False
    item = re.compile(re.escape(operation.path.rstrip("/")) + r"/\{[^/]+\}/?")
    return "201" in operation.responses or (
        operation.body is not None
        and any(item.fullmatch(other.path) and other.method == "GET" for other in contract.operations)
    )


def _creates(contract: Contract) -> bool:
    return any(is_create(contract, operation) for operation in contract.operations)


def _has_operation(fits: Callable[[Operation], bool]) -> Callable[[Contract], bool]:
    return lambda contract: any(fits(operation) for operation in contract.operations)


def _has_media_type(wanted: str) -> Callable[[Contract], bool]:
    return lambda contract: any(
        wanted in media_type.lower()
        for operation in contract.operations
        for response in operation.responses.values()
        for media_type in _mapping(response.get("content"))
    )


def _has_status(status: str) -> Callable[[Contract], bool]:
    return lambda contract: any(status in operation.responses for operation in contract.operations)


def _describes_problem(contract: Contract) -> bool:
    """Whether an error answer has the members that RFC 9457 names, whatever its media type."""
    return any(
        {"type", "title", "status"}
        <= _mapping(contract.resolve(media.get("schema")).get("properties")).keys()
        for operation in contract.operations
        for status, response in operation.responses.items()
        if status[:1] in {"4", "5"} or status == "default"
        for media in _mapping(response.get("content")).values()
        if isinstance(media, Mapping)
    )


def _describes_operation_outcome(contract: Contract) -> bool:
    return "OperationOutcome" in contract.declared_values or any(
        part.path[-1] == "OperationOutcome" for part in parts_of(contract.document) if part.path
    )


def _is_batch(operation: Operation) -> bool:
    return any(plain(part) in NAMES[Feature.BATCH] for part in re.split(r"[/_-]", operation.path)) or (
        "207" in operation.responses
    )


def _has_body_array(contract: Contract) -> bool:
    return any(
        schema.get("type") == "array"
        for operation in contract.operations
        if operation.body and operation.method == "POST"
        for schema in operation.body.media_types.values()
    )


_CHANGES = frozenset({"PUT", "PATCH", "DELETE"})
_MAKES = frozenset({"POST", "PUT", "PATCH"})

TESTS: dict[Feature, Callable[[Contract], bool]] = {
    Feature.SECURITY_BEARER: _has_scheme(_carries_bearer),
    Feature.SECURITY_OAUTH2: _has_scheme(_is_type("oauth2", "openIdConnect")),
    Feature.SECURITY_API_KEY: _has_scheme(_is_type("apiKey")),
    Feature.SECURITY_BASIC: _has_scheme(_is_http("basic")),
    Feature.SECURITY_MUTUAL_TLS: _has_scheme(_is_type("mutualTLS")),
    Feature.PAGING_CURSOR: _pages_by(Feature.PAGING_CURSOR, "string", "integer"),
    Feature.PAGING_OFFSET: _pages_by(Feature.PAGING_OFFSET, "integer", "number", "string"),
    Feature.PAGING_PAGE: _pages_by(Feature.PAGING_PAGE, "integer", "number", "string", "object"),
    Feature.PAGING_LINK: _links_to_next_page,
    Feature.IDEMPOTENCY_KEY: _has_repetition_key,
    Feature.CONCURRENCY_IF_MATCH: _has_parameter(
        Feature.CONCURRENCY_IF_MATCH, "header", methods=_CHANGES | {"POST"}
    ),
    Feature.CREATE: _creates,
    Feature.READ: _has_operation(lambda operation: operation.method == "GET"),
    Feature.UPDATE: _has_operation(lambda operation: operation.method in {"PUT", "PATCH"}),
    Feature.DELETE: _has_operation(lambda operation: operation.method == "DELETE"),
    Feature.ERRORS_PROBLEM: _any_of(_has_media_type("application/problem+json"), _describes_problem),
    Feature.ERRORS_OPERATION_OUTCOME: _describes_operation_outcome,
    Feature.CORRELATION_REQUEST_ID: _any_of(
        _has_parameter(Feature.CORRELATION_REQUEST_ID, "header"),
        _has_response_header(Feature.CORRELATION_REQUEST_ID),
    ),
    Feature.IDENTIFIER_NHS_NUMBER: _names_identifier(Feature.IDENTIFIER_NHS_NUMBER),
    Feature.IDENTIFIER_UPN: _names_identifier(Feature.IDENTIFIER_UPN),
    Feature.IDENTIFIER_ULN: _names_identifier(Feature.IDENTIFIER_ULN),
    Feature.BATCH: _any_of(_has_operation(_is_batch), _has_body_array),
    Feature.RATE_LIMIT: _any_of(_has_status("429"), _has_response_header(Feature.RATE_LIMIT)),
    Feature.DEPRECATION: _any_of(
        _has_operation(lambda operation: operation.deprecated), _has_response_header(Feature.DEPRECATION)
    ),
    Feature.WEBHOOKS: lambda contract: (
        bool(contract.document.get("webhooks"))
        or any(part.kind == "callback" for part in parts_of(contract.document))
    ),
}


def features_of(contract: Contract) -> frozenset[Feature]:
    """What a contract shows that its system does."""
    return frozenset(feature for feature, shows in TESTS.items() if shows(contract))


KNOWN = frozenset(feature.value for feature in Feature)


def holds(expression: str, features: Iterable[str], *, known: Iterable[str] = ()) -> bool:
    """
    Whether a condition on features is true, such as ``security.bearer and not paging.cursor``.

    Args:
        expression: feature names joined by ``and``, ``or``, ``not`` and parentheses; an empty one is true.
        features: those that are there.
        known: names beside the features that may be used, such as capabilities.

    Raises:
        ConfigurationError: the condition cannot be read, or it names something unknown.
    """
    return is_true(expression, features, KNOWN | frozenset(known))
