"""
Whether an answer keeps its contract: status, media type, headers and body, as the document declares them.

Written for the tests of the service itself and independent of any tester, so that "the clean service is clean" is
not said by the tool that it is there to test.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import httpx
import jsonschema_rs

from service.identifiers import is_nhs_number, is_upn

Part = dict[str, Any]
FORMATS = {"nhs-number": is_nhs_number, "upn": is_upn}


def breaches(contract: Part, response: httpx.Response) -> list[str]:
    """
    What an answer breaks, each as one sentence; empty where it keeps the contract.

    An answer to a request that the contract does not describe is right if it is a 404 or a 405.
    """
    operation = _operation(contract, response.request)
    if operation is None:
        good = response.status_code in (404, 405) or response.request.method == "HEAD"
        return [] if good else [f"an undeclared operation answered {response.status_code}"]
    declared = operation["responses"].get(str(response.status_code))
    if declared is None:
        return [f"{operation['operationId']} answered {response.status_code}, which it does not declare"]
    return [*_header_breaches(declared, response), *_body_breaches(contract, declared, response)]


def _operation(contract: Part, request: httpx.Request) -> Part | None:
    for template, item in contract["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), request.url.path):
            found: Part | None = item.get(request.method.lower())
            return found
    return None


def _header_breaches(declared: Part, response: httpx.Response) -> list[str]:
    found = []
    for name, header in declared.get("headers", {}).items():
        value = response.headers.get(name)
        if value is None and header.get("required"):
            found.append(f"the header {name} is missing")
        elif value is not None and not valid(_cast(value, header["schema"]), header["schema"]):
            found.append(f"the header {name} is not as declared")
    return found


def _cast(value: str, schema: Part) -> object:
    return int(value) if schema.get("type") == "integer" and value.isdigit() else value


def _body_breaches(contract: Part, declared: Part, response: httpx.Response) -> list[str]:
    if "content" not in declared:
        return ["there is a body, and none is declared"] if response.content else []
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    if media_type not in declared["content"]:
        return [f"the media type {media_type} is not declared"]
    schema = declared["content"][media_type]["schema"]
    return [f"the body breaks its schema: {reason}" for reason in reasons(response.json(), schema, contract)]


def reasons(value: object, schema: Part, contract: Part) -> list[str]:
    """Why a value breaks a schema of the contract."""
    whole = {**schema, "components": contract["components"]}
    return [error.message for error in _compiled(json.dumps(whole)).iter_errors(value)]


@functools.lru_cache(maxsize=256)
def _compiled(schema: str) -> jsonschema_rs.Validator:
    whole = {**json.loads(schema), "$schema": "https://json-schema.org/draft/2020-12/schema"}
    return jsonschema_rs.validator_for(whole, validate_formats=True, formats=FORMATS)


def valid(value: object, schema: Part) -> bool:
    """Whether a value keeps a schema without references."""
    return not reasons(value, schema, {"components": {}})
