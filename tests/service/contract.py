"""
The OpenAPI document of a style: complete, and true of the clean service.

A defect never changes it: the contract is what the service promises, not what it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service import examples
from service.operations import FOUND_AT_MOST, routes
from service.paging import CURSOR_PATTERN, LARGEST_OFFSET, LARGEST_PAGE_NUMBER, LONGEST_PAGE, USUAL_PAGE
from service.schemas import NEEDS, ROLES, components, correlation, spelled, token_request
from service.styles import KEY_PATTERN, Style
from service.tokens import MANAGE, READ, WRITE
from service.validation import BODY_LIMIT, DEPTH_LIMIT

Part = dict[str, Any]

ETAG_PATTERN = '^"[0-9a-f]{16}"$'
SCOPES = {
    READ: "Read the organisation's referrals.",
    WRITE: "Make, change and delete the organisation's referrals.",
    MANAGE: "Close referrals.",
}
_OPERATION_NAMES = {
    "get_status": ("getStatus", "Say whether the service is up"),
    "list_referrals": ("listReferrals", "List the referrals of the caller's organisation"),
    "create_referral": ("createReferral", "Make a referral"),
    "read_referral": ("readReferral", "Read a referral"),
    "change_referral": ("changeReferral", "Change a referral"),
    "delete_referral": ("deleteReferral", "Delete a referral and its notes"),
    "list_notes": ("listNotes", "List the notes of a referral"),
    "create_note": ("createNote", "Add a note to a referral"),
    "close_referral": ("closeReferral", "Close a referral that is open"),
    "read_closure": ("readClosure", "Read the closing of a referral"),
    "search_referrals": ("searchReferrals", "Find referrals by details of the child"),
    "list_practitioners": ("listPractitioners", "List practitioners in a role"),
}
_BODIES = {
    "create_referral": "NewReferral",
    "change_referral": "ReferralPatch",
    "create_note": "NewNote",
    "close_referral": "NewClosure",
    "search_referrals": "Search",
}
# Operation: success status, schema of the answer, whether it is a list of that schema, headers besides the usual.
_ANSWERS: dict[str, tuple[str, str, bool, tuple[str, ...]]] = {
    "get_status": ("200", "Status", False, ()),
    "list_referrals": ("200", "ReferralSummary", True, ()),
    "create_referral": ("201", "Referral", False, ("Location", "ETag")),
    "read_referral": ("200", "Referral", False, ("ETag",)),
    "change_referral": ("200", "Referral", False, ("ETag",)),
    "delete_referral": ("204", "", False, ()),
    "list_notes": ("200", "Note", True, ()),
    "create_note": ("201", "Note", False, ()),
    "close_referral": ("201", "Closure", False, ("Location",)),
    "read_closure": ("200", "Closure", False, ()),
    "search_referrals": ("200", "ReferralSummary", True, ()),
    "list_practitioners": ("200", "Practitioner", True, ()),
}
_CREATES = ("create_referral", "create_note", "close_referral")
_UNDER_A_REFERRAL = ("read_referral", "list_notes", "create_note", "close_referral")


def document(style: Style, *, quota: int = 0) -> Part:
    """The whole description of a style; with a quota it declares 429 for every operation that needs a token."""
    paths: dict[str, Part] = {}
    for route in routes(style):
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(
            style, route.operation, route.scope, quota
        )
    paths["/oauth2/token"] = {"post": _token_operation(style)}
    whole = {
        "openapi": style.openapi,
        "info": _info(quota),
        "servers": [{"url": "/"}],
        "tags": [{"name": "referrals", "description": "Early help referrals of one organisation."}],
        "paths": paths,
        "components": {
            "schemas": components(style),
            "securitySchemes": {"oauth2": _security_scheme()},
        },
    }
    described: Part = spelled(whole, style)
    return described


def _info(quota: int) -> Part:
    limits = f"A body may hold {BODY_LIMIT} bytes, nested {DEPTH_LIMIT} deep at most."
    limits += f" An organisation may make {quota} requests in a minute." if quota else ""
    return {
        "title": "Early help referrals (test service)",
        "version": "1.0.0",
        "description": f"Referrals of invented children between invented organisations, for tests. {limits}",
        "contact": {"name": "Test service", "url": "https://referrals.example/help"},
        "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
    }


def _security_scheme() -> Part:
    flow = {"tokenUrl": "/oauth2/token", "scopes": SCOPES}
    return {
        "type": "oauth2",
        "description": "Bearer tokens, for 15 minutes.",
        "flows": {"clientCredentials": flow},
    }


def _operation(style: Style, operation: str, scope: str, quota: int) -> Part:
    name, summary = _OPERATION_NAMES[operation]
    described: Part = {
        "operationId": name,
        "summary": summary,
        "tags": ["referrals"],
        "parameters": _parameters(style, operation),
        "responses": _responses(style, operation, scope, quota),
        "security": [{"oauth2": [scope]}] if scope else [],
    }
    if operation in _BODIES:
        described["requestBody"] = _request_body(style, operation)
    return described


def _request_body(style: Style, operation: str) -> Part:
    schema = _BODIES[operation]
    if operation == "change_referral":
        media_type, schema = (
            style.update_media_type,
            "ReferralPatch" if style.update == "PATCH" else _new(style),
        )
    else:
        media_type, schema = "application/json", _new(style) if schema == "NewReferral" else schema
    example = spelled(examples.REQUESTS[schema if schema != "Referral" else "NewReferral"], style)
    return {"required": True, "content": {media_type: {"schema": _reference(schema), "example": example}}}


def _new(style: Style) -> str:
    return "NewReferral" if style.closed else "Referral"


def _reference(schema: str) -> Part:
    return {"$ref": f"#/components/schemas/{schema}"}


# Parameters


def _parameters(style: Style, operation: str) -> list[Part]:
    common = [_header(style.correlation_header, correlation(style), "Echoed in the answer.", False)]
    if operation in _CREATES and style.replay_header != style.correlation_header:
        text = "The same key with the same body makes one thing only, and gets the same answer again."
        common.append(_header(style.replay_header, {"type": "string", "pattern": KEY_PATTERN}, text, False))
    elif operation in _CREATES:
        common[0]["description"] = (
            "Echoed; the same value with the same body makes one thing only, and is answered alike."
        )
    return [*_own_parameters(style, operation), *common]


def _own_parameters(style: Style, operation: str) -> list[Part]:
    """Parameters besides the headers that every operation has."""
    if operation in _OWN_PARAMETERS:
        return _OWN_PARAMETERS[operation](style)
    return [_path_parameter("referralId")] if operation in _UNDER_A_REFERRAL else []


def _header(name: str, schema: Part, description: str, required: bool) -> Part:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _path_parameter(name: str) -> Part:
    schema = {"type": "string", "format": "uuid"}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": "From an earlier answer.",
        "schema": schema,
    }


def _query(name: str, schema: Part, description: str, *, required: bool = False) -> Part:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema}


def _conditional(required: bool) -> list[Part]:
    schema = {"type": "string", "pattern": ETAG_PATTERN}
    text = "The ETag that was read; nothing is done where it is no longer true."
    return [_path_parameter("referralId"), _header("If-Match", schema, text, required)]


def _list_parameters(style: Style) -> list[Part]:
    size = {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": USUAL_PAGE}
    need = {"type": "string", "enum": list(NEEDS)}
    return [
        _query(style.size_parameter, size, "How many items a page may hold."),
        _POSITION[style.paging],
        _query("need", need, "Only referrals with this primary need."),
    ]


_POSITION = {
    "cursor": _query(
        "cursor",
        {"type": "string", "pattern": CURSOR_PATTERN},
        "From the answer before; one that this service did not make is refused with 400.",
    ),
    "offset": _query(
        "offset",
        {"type": "integer", "minimum": 0, "maximum": LARGEST_OFFSET, "default": 0},
        "How many items to leave out; beyond the end the page is empty.",
    ),
    "page": _query(
        "page",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE_NUMBER, "default": 1},
        "Number of the page; beyond the last one it is empty.",
    ),
}
_OWN_PARAMETERS: dict[str, Callable[[Style], list[Part]]] = {
    "list_referrals": _list_parameters,
    "change_referral": lambda style: _conditional(True),
    "delete_referral": lambda style: _conditional(False),
    "read_closure": lambda style: [_path_parameter("closureId")],
    "list_practitioners": lambda style: [
        _query("role", {"type": "string", "enum": list(ROLES)}, "The role asked for.", required=True)
    ],
}


# Answers


def _responses(style: Style, operation: str, scope: str, quota: int) -> Part:
    status, schema, is_list, headers = _ANSWERS[operation]
    success = _success(style, operation, schema, is_list, headers)
    refusals = {str(code): _refusal(style, code) for code in _refusals(style, operation, scope, quota)}
    return {status: success, **refusals}


def _success(style: Style, operation: str, schema: str, is_list: bool, headers: tuple[str, ...]) -> Part:
    described: Part = {"description": "Done.", "headers": _headers(style, *headers)}
    if operation == "list_referrals" and style.paging == "page":
        text = "Pages around this one (RFC 8288): first, prev, next and last."
        described["headers"]["Link"] = {"description": text, "schema": {"type": "string"}}
    if not schema:
        return described
    shape = _list(style, operation, schema) if is_list else _reference(schema)
    example = spelled(examples.answer(schema, operation, is_list, style), style)
    described["content"] = {"application/json": {"schema": shape, "example": example}}
    if style.links and operation == "create_referral":
        described["links"] = _links()
    return described


def _list(style: Style, operation: str, schema: str) -> Part:
    properties: Part = {"items": {"type": "array", "items": _reference(schema)}}
    if operation == "search_referrals":
        properties["items"] |= {"maxItems": FOUND_AT_MOST, "description": "The first ones that arrived."}
    if operation == "list_referrals" and style.paging == "cursor":
        text = "Where the next page begins; null on the last one."
        properties["nextCursor"] = {
            "type": ["string", "null"],
            "pattern": CURSOR_PATTERN,
            "description": text,
        }
        properties["items"]["maxItems"] = LONGEST_PAGE
    if operation == "list_referrals" and style.paging == "offset":
        number = {"type": "integer", "minimum": 0}
        properties |= {"total": number, "offset": number, "limit": {**number, "maximum": LONGEST_PAGE}}
    shape: Part = {"type": "object", "properties": properties, "required": list(properties)}
    return {**shape, "additionalProperties": False} if style.closed else shape


def _links() -> Part:
    item = {"referralId": "$response.body#/id"}
    change = {**item, "header.If-Match": "$response.header.ETag"}
    names = {"read": "readReferral", "delete": "deleteReferral", "notes": "listNotes", "note": "createNote"}
    links: Part = {name: {"operationId": operation, "parameters": item} for name, operation in names.items()}
    return {**links, "change": {"operationId": "changeReferral", "parameters": change}}


def _refusals(style: Style, operation: str, scope: str, quota: int) -> list[int]:
    """Every status but success that an operation may answer."""
    statuses = {style.invalid}
    if scope:
        statuses |= {401, 403} | ({429} if quota else set())
    if operation in _BODIES:
        statuses |= {400, 413, 415}
    if operation == "list_referrals" and style.paging == "cursor":
        statuses.add(400)
    if any(part["in"] == "path" for part in _parameters(style, operation)):
        statuses.add(404)
    if operation == "change_referral":
        statuses |= {style.stale, style.unconditional}
    if operation == "delete_referral":
        statuses.add(style.stale)
    if operation in _CREATES:
        statuses.add(style.reused)
    return sorted(statuses | ({409} if operation == "close_referral" else set()))


def _meaning(style: Style, status: int) -> str:
    meanings = {
        400: "The request cannot be read",
        401: "There is no valid token",
        403: "The token lacks the scope",
        404: "There is nothing with this identifier for the caller",
        409: "It does not fit the present state",
        412: "If-Match is no longer true",
        413: f"The body holds more than {BODY_LIMIT} bytes",
        415: "The media type is not supported",
        422: "A value is not allowed, or a key was used before with another body",
        428: "If-Match is missing",
        429: "There were too many requests",
    }
    own = {
        400: "The request cannot be read, or a value is not allowed",
        403: "The token lacks the scope, or the object is another organisation's",
        409: "If-Match is missing or no longer true, or a key was used before with another body, or it is closed already",
    }
    special = {style.invalid, style.foreign, style.stale, style.reused} & set(own)
    return own[status] if status in special else meanings[status]


def _refusal(style: Style, status: int) -> Part:
    more = {401: ("WWW-Authenticate",), 429: ("Retry-After",)}.get(status, ())
    content = {"schema": _reference("Error"), "example": spelled(examples.refusal(status, style), style)}
    return {
        "description": _meaning(style, status) + ".",
        "headers": _headers(style, *more),
        "content": {style.error_media_type: content},
    }


def _headers(style: Style, *names: str) -> Part:
    schemas: dict[str, Part] = {
        "Cache-Control": {"type": "string", "enum": ["no-store"]},
        style.correlation_header: correlation(style),
        "ETag": {"type": "string", "pattern": ETAG_PATTERN},
        "Location": {"type": "string", "format": "uri-reference"},
        "WWW-Authenticate": {"type": "string"},
        "Retry-After": {"type": "integer", "minimum": 1},
    }
    usual = ("Cache-Control", style.correlation_header)
    return {name: {"required": True, "schema": schemas[name]} for name in (*usual, *names)}


# The token endpoint


def _token_operation(style: Style) -> Part:
    refusals = {
        "400": ("The request is no valid token request.", "invalid_request", ()),
        "401": ("Client id or secret is wrong.", "invalid_client", ("WWW-Authenticate",)),
        "429": ("There were too many wrong secrets.", "slow_down", ("Retry-After",)),
    }
    responses: Part = {"200": _token_answer(style)}
    responses |= {status: _token_refusal(style, *parts) for status, parts in refusals.items()}
    content = {"schema": token_request(), "example": examples.REQUESTS["Token"]}
    return {
        "operationId": "issueToken",
        "summary": "Issue an access token (RFC 6749, client credentials)",
        "tags": ["referrals"],
        "security": [],
        "parameters": _parameters(style, "issue_token"),
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": content}},
        "responses": responses,
    }


def _token_answer(style: Style) -> Part:
    content = {"schema": _reference("Token"), "example": examples.TOKEN}
    return {"description": "Issued.", "headers": _headers(style), "content": {"application/json": content}}


def _token_refusal(style: Style, description: str, code: str, headers: tuple[str, ...]) -> Part:
    example = {"error": code, "error_description": "No token was issued: see RFC 6749 section 5.2."}
    content = {"schema": _reference("TokenError"), "example": example}
    return {
        "description": description,
        "headers": _headers(style, *headers),
        "content": {"application/json": content},
    }
