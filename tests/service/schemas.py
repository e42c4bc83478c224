"""
The shapes of what the service takes and gives, as JSON Schema, written once and spelled as each style spells them.

What goes in is validated with these very schemas, so the contract cannot say one thing and the service do another.
A defect of validation is an edit of the schema behind the contract's back: see ``EDITS``.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from service.identifiers import NHS_NUMBER_SHAPE, UPN_SHAPE
from service.styles import CORRELATION_PATTERN, Style

Schema = dict[str, Any]

NEEDS = ("housing", "parenting", "school-attendance", "emotional-wellbeing", "young-carer")
STATUSES = ("received", "accepted", "declined", "closed")
CLOSING_REASONS = ("completed", "stepped-up", "moved-away")
ROLES = ("family-worker", "health-visitor", "school-nurse")
NOTE_KINDS = ("call", "visit", "letter")
POSTCODE_SHAPE = "^[A-Za-z]{1,2}[0-9][A-Za-z0-9]? ?[0-9][A-Za-z]{2}$"
ID = "7f3c1f0e-5b7a-5d0b-9d56-0c7f8f1d2a11"

CAMEL_NAMES = (
    *("referralId", "closureId", "familyName", "givenName", "dateOfBirth", "nhsNumber", "primaryNeed"),
    *("observedAt", "createdAt", "createdBy", "updatedAt", "recordedAt", "recordedBy", "nextCursor"),
    *("closedAt", "workPhone", "homeAddress"),
)
SNAKE_NAMES = {name: re.sub("([A-Z])", r"_\1", name).lower() for name in CAMEL_NAMES}
_CAMEL_OF = {snake: camel for camel, snake in SNAKE_NAMES.items()}


def spelled(value: Any, style: Style) -> Any:
    """A document, schema or answer with its names as the style writes them."""
    return _renamed(value, SNAKE_NAMES) if style.snake_case else value


def internal(value: Any, style: Style) -> Any:
    """A body as received, with its property names as the service writes them inside; values stay as they are."""
    if isinstance(value, dict):
        names = _CAMEL_OF if style.snake_case else {}
        return {names.get(key, key): internal(inner, style) for key, inner in value.items()}
    return [internal(inner, style) for inner in value] if isinstance(value, list) else value


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """The value with every key and every string that is one of the names renamed, and path templates too."""
    if isinstance(value, dict):
        return {_renamed(key, names): _renamed(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, names) for inner in value]
    if not isinstance(value, str):
        return value
    if value in names:
        return names[value]
    return re.sub(r"\{(\w+)\}", lambda found: "{" + names.get(found[1], found[1]) + "}", value)


def answered(body: Any, style: Style) -> Any:
    """A body about to be sent, with its property names as the style writes them; values stay as they are."""
    if isinstance(body, dict):
        names = SNAKE_NAMES if style.snake_case else {}
        return {names.get(key, key): answered(inner, style) for key, inner in body.items()}
    return [answered(inner, style) for inner in body] if isinstance(body, list) else body


def _object(properties: Schema, *, optional: tuple[str, ...] = (), **more: object) -> Schema:
    required = [name for name in properties if name not in optional]
    schema: Schema = {"type": "object", "properties": properties, **more}
    return {**schema, "required": required} if required else schema


def _text(shortest: int, longest: int, **more: object) -> Schema:
    return {"type": "string", "minLength": shortest, "maxLength": longest, **more}


def _one_of(values: tuple[str, ...]) -> Schema:
    return {"type": "string", "enum": list(values)}


def _moment(**more: object) -> Schema:
    return {"type": "string", "format": "date-time", **more}


def _id(**more: object) -> Schema:
    return {"type": "string", "format": "uuid", **more}


def child() -> Schema:
    """The child whom a referral is about."""
    return _object(
        {
            "familyName": _text(1, 60, description="Any script; 60 characters at most."),
            "givenName": _text(1, 60, description="Left out where a person has one name only."),
            "dateOfBirth": {"type": "string", "format": "date"},
            "nhsNumber": {
                "type": "string",
                "format": "nhs-number",
                "pattern": NHS_NUMBER_SHAPE,
                "description": "Ten digits with a true check digit, not all alike.",
            },
            "upn": {
                "type": "string",
                "format": "upn",
                "pattern": UPN_SHAPE,
                "description": "Unique pupil number with a true check letter.",
            },
            "postcode": {
                "type": "string",
                "pattern": POSTCODE_SHAPE,
                "maxLength": 8,
                "description": "Upper or lower case, with or without the space.",
            },
        },
        optional=("givenName", "nhsNumber", "upn", "postcode"),
    )


def new_referral() -> Schema:
    """What a caller may say of a referral."""
    return _object(
        {
            "child": child(),
            "primaryNeed": _one_of(NEEDS),
            "urgency": {"type": "integer", "minimum": 1, "maximum": 5},
            "summary": _text(1, 500),
            "observedAt": _moment(description="When the need was first seen, with Z or an offset."),
        },
        optional=("observedAt",),
    )


def _service_made() -> Schema:
    """Properties of a referral that only the service sets."""
    return {
        "id": _id(readOnly=True),
        "status": {**_one_of(STATUSES), "readOnly": True},
        "organisation": _text(9, 9, readOnly=True, description="ONS code of the organisation that made it."),
        "createdBy": _text(1, 80, readOnly=True, description="The client that made it."),
        "createdAt": _moment(readOnly=True),
        "updatedAt": _moment(readOnly=True),
        "restricted": {
            "type": "boolean",
            "readOnly": True,
            "description": "Set by the safeguarding team only, outside this API.",
        },
    }


def referral() -> Schema:
    """A referral as it is answered."""
    new = new_referral()
    properties = {**_service_made(), **new["properties"]}
    return _object(properties, optional=("observedAt",))


def referral_patch() -> Schema:
    """A merge patch of a referral: any part of it, with null to take an optional part away."""
    new = new_referral()
    for schema, kept in ((new, {"observedAt"}), (new["properties"]["child"], set(child()["properties"]))):
        for name in kept & set(schema["properties"]) - {"familyName", "dateOfBirth"}:
            schema["properties"][name]["type"] = ["string", "null"]
        del schema["required"]
    return new


def summary() -> Schema:
    """A referral in a list: no personal details."""
    made = _service_made()
    names = ("id", "status", "organisation", "createdAt")
    need = new_referral()["properties"]
    picked = {name: {k: v for k, v in made[name].items() if k != "readOnly"} for name in names}
    return _object({**picked, "primaryNeed": need["primaryNeed"], "urgency": need["urgency"]})


def new_note() -> Schema:
    """What a caller may say in a note."""
    return _object({"kind": _one_of(NOTE_KINDS), "text": _text(1, 2000)})


def note() -> Schema:
    """A note as it is answered."""
    made: Schema = {
        "id": _id(readOnly=True),
        "recordedAt": _moment(readOnly=True),
        "recordedBy": _text(1, 80, readOnly=True),
    }
    return _object({**made, **new_note()["properties"]})


def search() -> Schema:
    """What to search by: everything that is given must match exactly, names without regard to case."""
    properties = child()["properties"]
    names = ("familyName", "dateOfBirth", "nhsNumber", "upn", "postcode")
    return _object({name: properties[name] for name in names}, optional=names, minProperties=1)


def new_closure() -> Schema:
    """Why a referral is closed."""
    return _object({"reason": _one_of(CLOSING_REASONS)})


def closure() -> Schema:
    """The closing of a referral, as it is answered."""
    properties = {"id": _id(readOnly=True), "referralId": _id(readOnly=True), **new_closure()["properties"]}
    return _object({**properties, "closedAt": _moment(readOnly=True)})


def practitioner() -> Schema:
    """A practitioner of the caller's organisation, with work details only."""
    phone = {"type": "string", "pattern": "^01632 960[0-9]{3}$"}
    return _object({"id": _id(), "name": _text(1, 120), "role": _one_of(ROLES), "workPhone": phone})


def error(style: Style) -> Schema:
    """What every refusal looks like, but for the token endpoint's."""
    fields = {"type": "array", "items": {"type": "string"}, "description": "JSON pointers; never values."}
    if style.problem:
        properties = {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "pointers": fields,
        }
        return _object(properties, optional=("detail", "pointers"))
    inner = _object(
        {"code": {"type": "string"}, "message": {"type": "string"}, "fields": fields}, optional=("fields",)
    )
    return _object({"error": inner})


def token_request() -> Schema:
    """The form of RFC 6749 section 4.4; the client may also name itself by HTTP Basic."""
    properties: Schema = {
        "grant_type": _one_of(("client_credentials",)),
        "client_id": _text(1, 80),
        "client_secret": _text(1, 200),
        "scope": _text(1, 200, description="Separated by spaces; what the client may not have is left out."),
    }
    return _object(properties, optional=("client_id", "client_secret", "scope"))


def token() -> Schema:
    """The answer of RFC 6749 section 5.1."""
    return _object(
        {
            "access_token": {"type": "string"},
            "token_type": _one_of(("Bearer",)),
            "expires_in": {"type": "integer", "minimum": 1},
            "scope": {"type": "string"},
        }
    )


def token_error() -> Schema:
    """The refusal of RFC 6749 section 5.2."""
    codes = ("invalid_request", "invalid_client", "unsupported_grant_type", "slow_down")
    return _object({"error": _one_of(codes), "error_description": {"type": "string"}})


def status() -> Schema:
    """Whether the service is up."""
    return _object({"status": _one_of(("up", "degraded"))})


def correlation(style: Style) -> Schema:
    """The value of the header that is echoed."""
    return {"type": "string", "pattern": CORRELATION_PATTERN}


def components(style: Style) -> dict[str, Schema]:
    """Every schema of the contract by name, as the style spells and closes them."""
    schemas = {
        "Referral": referral(),
        "ReferralSummary": summary(),
        "NewNote": new_note(),
        "Note": note(),
        "Search": search(),
        "NewClosure": new_closure(),
        "Closure": closure(),
        "Practitioner": practitioner(),
        "Error": error(style),
        "Token": token(),
        "TokenError": token_error(),
        "Status": status(),
    }
    if style.closed:
        schemas["NewReferral"] = new_referral()
    if style.update == "PATCH":
        schemas["ReferralPatch"] = referral_patch()
    if style.closed:
        for schema in schemas.values():
            close(schema)
    if style.snake_case:
        for name in {"Referral", "NewReferral", "Search"} & set(schemas):
            _leave_to_formats(schemas[name])
    written: dict[str, Schema] = spelled(copy.deepcopy(schemas), style)
    return written


def close(schema: Schema) -> None:
    """Forbid further properties in a schema and in every object within it."""
    if schema.get("type") == "object":
        schema["additionalProperties"] = False
    for inner in schema.get("properties", {}).values():
        close(inner)


def _leave_to_formats(schema: Schema) -> None:
    """Let the format alone say what an identifier looks like, as some contracts do; others give a pattern too."""
    described = schema["properties"].get("child", schema)["properties"]
    for name in ("nhsNumber", "upn"):
        del described[name]["pattern"]
