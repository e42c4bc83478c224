"""
The request that a step stands for: its values put where the operation's contract wants them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from joinedup.conformance import exchanges
from joinedup.conformance.anatomy import look_up, tokens_of
from joinedup.conformance.exchanges import MISSING, Text
from joinedup.conformance.responses import base_type, is_json
from joinedup.scenarios.expressions import MissingValueError, Scope
from joinedup.scenarios.library import Call
from joinedup.scenarios.model import Parameter, Replacement, RequestBody, Step

FORM = "application/x-www-form-urlencoded"
_SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


class PlacementError(Exception):
    """Raised when a replacement's target is not in the payload; the message is one sentence."""


def request(
    call: Call, step: Step, scope: Scope, *, name: str, actor: str, credential: str
) -> exchanges.Step:
    """
    The request of a step.

    Args:
        name: what to call it in the record.
        actor: whom it is made as; empty where the document's own values say so.
        credential: the actor's, which whoever sends puts in itself: a value that is this one is left out.

    Raises:
        MissingValueError: a value that the request cannot be without is not there.
        PlacementError: a replacement leads nowhere.
    """
    values = [(p, value) for p in step.parameters if (value := _value(p, scope, credential)) is not MISSING]
    cookies = "; ".join(f"{p.name}={_text(value)}" for p, value in values if p.location == "cookie")
    headers = {p.name: _text(value) for p, value in values if p.location == "header"}
    body, media_type = _body(call, step.body, scope) if step.body else (MISSING, "")
    return exchanges.Step(
        method=call.operation.method,
        path=call.operation.path,
        path_parameters={p.name: _text(value) for p, value in values if p.location == "path"},
        query=tuple(pair for p, value in values if p.location == "query" for pair in _pairs(call, p, value)),
        headers={**headers, "Cookie": cookies} if cookies else headers,
        body=body,
        media_type=media_type,
        identity=actor or None,
        operation=call.operation.label,
        name=name,
    )


def _value(parameter: Parameter, scope: Scope, credential: str) -> Any:
    value = parameter.value.render(scope)
    if value is MISSING and parameter.location == "path":
        raise MissingValueError(parameter.value.expressions[0])
    if credential and value == credential and parameter.location != "path":
        return MISSING
    return value


def _text(value: Any) -> str:
    """A value in a path, a header or a cookie: style ``simple`` of OpenAPI."""
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ",".join(f"{key},{_text(item)}" for key, item in value.items())
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _pairs(call: Call, parameter: Parameter, value: Any) -> Iterator[tuple[str, Any]]:
    """A value in the query, in the style that the contract declares."""
    if not isinstance(value, list | dict):
        yield parameter.name, value
        return
    written = _written(call, parameter.name)
    style = written.get("style", "form")
    explode = written.get("explode", style == "form")
    if isinstance(value, dict):
        yield from _object_pairs(parameter.name, value, style, explode)
    elif explode:
        yield from ((parameter.name, item) for item in value)
    else:
        yield parameter.name, _SEPARATORS.get(style, ",").join(_text(item) for item in value)


def _object_pairs(
    name: str, value: Mapping[str, Any], style: str, explode: bool
) -> Iterator[tuple[str, Any]]:
    if style == "deepObject":
        yield from ((f"{name}[{key}]", item) for key, item in value.items())
    elif explode:
        yield from value.items()
    else:
        yield name, _text(dict(value))


def _written(call: Call, name: str) -> Mapping[str, Any]:
    """The parameter object of the contract; empty where it declares none of that name."""
    declared = next((p for p in call.operation.parameters if (p.name, p.location) == (name, "query")), None)
    try:
        found = look_up(call.source.contract.document, tokens_of(declared.pointer)) if declared else {}
    except KeyError:
        return {}
    return found if isinstance(found, dict) else {}


def _body(call: Call, body: RequestBody, scope: Scope) -> tuple[Any, str]:
    media_type = body.content_type or _declared_media_type(call)
    payload = body.payload.render(scope) if body.payload else MISSING
    if isinstance(payload, str) and body.is_text and is_json(media_type):
        payload = _read(payload)
    if body.replacements:
        payload = copy.deepcopy(payload)
        for replacement in body.replacements:
            payload = _replaced(payload, replacement, replacement.value.render(scope))
    if payload is MISSING:
        return MISSING, media_type
    if base_type(media_type) == FORM and isinstance(payload, dict):
        return Text(urlencode({k: _text(v) for k, v in payload.items()})), media_type
    if isinstance(payload, str) and not is_json(media_type):
        return Text(payload), media_type
    return payload, media_type


def _declared_media_type(call: Call) -> str:
    declared = list(call.operation.body.media_types) if call.operation.body else []
    return next((name for name in declared if is_json(name)), declared[0] if declared else "application/json")


def _read(text: str) -> Any:
    """A text that was written as JSON, as its value; as it stands where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return Text(text)


def _replaced(payload: Any, replacement: Replacement, value: Any) -> Any:
    """The payload with a value put at a place; taken out where the value is missing."""
    *way, last = replacement.target or ("",)
    if not replacement.target:
        return value
    holder = payload
    for token in way:
        holder = _member(holder, token, replacement)
    if isinstance(holder, dict):
        holder.pop(last, None) if value is MISSING else holder.__setitem__(last, value)
    elif isinstance(holder, list):
        _put_in_list(holder, last, value, replacement)
    else:
        raise _nowhere(replacement)
    return payload


def _member(holder: Any, token: str, replacement: Replacement) -> Any:
    if isinstance(holder, dict) and token in holder:
        return holder[token]
    if isinstance(holder, list) and token.isdigit() and int(token) < len(holder):
        return holder[int(token)]
    raise _nowhere(replacement)


def _put_in_list(holder: list[Any], place: str, value: Any, replacement: Replacement) -> None:
    index = len(holder) if place == "-" else int(place) if place.isdigit() else len(holder) + 1
    if index > len(holder) or (value is MISSING and index == len(holder)):
        raise _nowhere(replacement)
    holder[index : index + 1] = [] if value is MISSING else [value]


def _nowhere(replacement: Replacement) -> PlacementError:
    target = "/".join(("", *replacement.target))
    return PlacementError(
        f"The payload has no place {target}, which the replacement {replacement.place} names."
    )
