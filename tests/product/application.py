"""
The product over HTTP: keys, its contract's rules for what comes in, and its own error objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.routing import Route

from product.caseload import COUNCILS, Caseload
from product.messages import RefusedError, Request
from product.operations import OPERATIONS

HERE = Path(__file__).parent
CONTRACT = HERE / "contract.yaml"
KEY_HEADER = "x-caseload-key"
# One key for each council, as it is handed to those who report to it.
KEYS = dict(zip(("caseload-demo-key-one", "caseload-demo-key-two"), COUNCILS, strict=True))
# Keys of the first council that open no more, and one that opens intakes alone.
ENDED, REVOKED, NARROW = "caseload-demo-key-ended", "caseload-demo-key-revoked", "caseload-demo-key-intakes"
OPENED_BY_NARROW = frozenset({"log_intake", "list_intakes", "show_intake"})
ENVIRONMENT = frozenset({"set_clock", "reset_data", "take_snapshot", "restore_snapshot", "set_read_only"})
# What changes nothing, though it is asked by a POST.
READS = frozenset({"look_up_people"})
OPEN = ENVIRONMENT | {"code_of", "show_status"}


def application(kept: Caseload) -> Starlette:
    """The product as an application."""
    document = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    routes = [
        Route(path, _endpoint(document, path, methods, kept), methods=[m.upper() for m in methods])
        for path, methods in document["paths"].items()
    ]
    return Starlette(routes=routes)


def _endpoint(
    document: Mapping[str, Any],
    path: str,
    methods: Mapping[str, Any],
    kept: Caseload,
) -> Callable[[HttpRequest], Any]:
    validators = {method: _validator(document, path, method) for method in methods}

    async def answer(request: HttpRequest) -> JSONResponse:
        method = request.method.lower()
        body = await request.body()
        try:
            read = _read(body, validators[method])
            call = _call(request, methods[method]["operationId"], read, kept)
            kept.outbox.flush()
            status, found = OPERATIONS[call.operation](kept, call)
        except RefusedError as refusal:
            return JSONResponse(refusal.body(), refusal.status)
        return JSONResponse(found, status)

    return answer


def _call(request: HttpRequest, operation: str, body: Any, kept: Caseload) -> Request:
    council = _council(request.headers.get(KEY_HEADER, ""), operation, kept)
    if kept.is_read_only and request.method != "GET" and operation not in ENVIRONMENT | READS:
        raise RefusedError(503, "read_only", "Nothing can be changed at the moment.")
    for name in ("offset", "page_size"):
        if not re.fullmatch(r"[0-9]{1,6}", request.query_params.get(name, "0")):
            raise RefusedError(422, "not_a_number", "It is a number.", name)
    return Request(
        operation,
        council,
        kept.moment.now(),
        {name: str(value) for name, value in request.path_params.items()},
        request.query_params,
        {name.lower(): value for name, value in request.headers.items()},
        body,
    )


def _council(key: str, operation: str, kept: Caseload) -> str:
    """Whom a key belongs to."""
    keys = {**KEYS, NARROW: COUNCILS[0]} | ({ENDED: COUNCILS[0]} if "ended_keys_open" in kept.defects else {})
    council = keys.get(key, "")
    if not council and operation not in OPEN:
        raise RefusedError(401, "no_key", "The key is missing or not known.")
    if key == NARROW and operation not in OPENED_BY_NARROW | OPEN:
        raise RefusedError(403, "not_by_this_key", "The key does not open this.")
    return council


def _validator(document: Mapping[str, Any], path: str, method: str) -> jsonschema_rs.Validator | None:
    if "requestBody" not in document["paths"][path][method]:
        return None
    place = path.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
    pointer = f"urn:caseload#/paths/{place}/{method}/requestBody/content/application~1json/schema"
    registry = jsonschema_rs.Registry([("urn:caseload", dict(document))])
    return jsonschema_rs.Draft202012Validator({"$ref": pointer}, registry=registry, validate_formats=True)


def _read(body: bytes, validator: jsonschema_rs.Validator | None) -> Any:
    if validator is None:
        return None
    try:
        read = json.loads(body)
    except ValueError:
        raise RefusedError(400, "not_json", "The body is no JSON.") from None
    for error in validator.iter_errors(read):
        place = ".".join(str(token) for token in error.instance_path)
        raise RefusedError(422, "not_valid", "The value is not as it has to be.", place or "body")
    return read
