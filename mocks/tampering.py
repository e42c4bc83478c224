"""
Faults that change an answer after it was found to keep its contract, by name.

Each takes the answer, the operation (None where the address or the method is unknown) and the request, and gives the
answer that goes out.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from joinedup.mocks.messages import JSON, PROBLEM, Answer, Incoming, Refusal, problem
from joinedup.mocks.operations import Operation

Tampering = Callable[[Answer, Operation | None, Incoming], Answer]

TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/srv/app/children.py", line 214, in get_child\n'
    "    return self.by_id[child_id]\n"
    "KeyError: no such child"
)
_CHILD = re.compile(r"/v1/children/([0-9a-f-]{36})")


def _is(operation: Operation | None, *names: str) -> bool:
    return operation is not None and operation.id in names


def _changed(answer: Answer, **properties: Any) -> Answer:
    return replace(answer, body={**answer.body, **properties})


def undeclared_status(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    return replace(answer, status=202) if _is(operation, "getReferral") and answer.status == 200 else answer


def rare_value_breaks_schema(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    shown = _is(operation, "raiseContact", "getContact") and answer.status < 300
    if shown and answer.body and answer.body["source"] == "5D":
        return _changed(answer, version=str(answer.body["version"]))
    return answer


def undeclared_method_answers(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    match = _CHILD.fullmatch(incoming.path)
    if incoming.method == "PUT" and match and answer.status == 405:
        body = {"childId": match[1], "status": "child-in-need", "version": 1}
        return replace(answer, status=200, body=body, media_type=JSON).without("Allow")
    return answer


def time_without_offset(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if _is(operation, "getReferral") and answer.status < 300:
        return _changed(answer, receivedAt=answer.body["receivedAt"].removesuffix("Z"))
    return answer


def unusual_character_breaks(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if (
        _is(operation, "raiseContact")
        and answer.status == 201
        and any(_beyond_basic(t) for t in _texts(answer.body))
    ):
        failed = problem(Refusal(500, "Something went wrong."), str(answer.header("X-Request-ID")))
        return replace(failed, headers=answer.without("Location").without("ETag").headers)
    return answer


def _beyond_basic(text: str) -> bool:
    return any(ord(character) > 0xFFFF for character in text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)


def location_leads_nowhere(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if _is(operation, "raiseContact") and answer.status == 201:
        return answer.having(("Location", f"/v1/contacts/{uuid.uuid4()}"))
    return answer


def allow_missing(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    return answer.without("Allow") if answer.status == 405 else answer


def challenge_missing(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    return answer.without("WWW-Authenticate") if answer.status == 401 else answer


def excess_property(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if _is(operation, "getChild") and answer.status == 200:
        return _changed(answer, internalNotes="Not for anyone outside the team.")
    return answer


def stack_trace_shown(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if _is(operation, "getChild") and answer.status == 404:
        return _changed(answer, detail=TRACE)
    return answer


def errors_are_not_problems(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if answer.media_type == PROBLEM:
        return replace(answer, body={"error": answer.body["title"], "code": answer.status}, media_type=JSON)
    return answer


def problem_status_differs(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if answer.status == 404 and operation is not None and answer.media_type == PROBLEM:
        return _changed(answer, status=400)
    return answer


def error_repeats_value(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    errors = answer.body.get("errors") if answer.media_type == PROBLEM else None
    if not errors or answer.status != 422:
        return answer
    told = [{**e, "detail": f"Not valid: {_sent(incoming, e['pointer'])!s:.150}"} for e in errors]
    return _changed(answer, errors=told)


def _sent(incoming: Incoming, pointer: str) -> Any:
    """The value that an error is about; the whole body where the pointer leads elsewhere."""
    value: Any = msgspec.json.decode(incoming.body)
    for part in pointer.removeprefix("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal():
            value = value[int(key)]
    return value


def answers_may_be_stored(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if _is(operation, "getChild") and answer.status == 200:
        return answer.having(("Cache-Control", "max-age=3600"))
    return answer


def request_id_not_echoed(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    return answer.having(("X-Request-ID", str(uuid.uuid4())))


def list_without_object(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if _is(operation, "listContacts") and answer.status == 200:
        return replace(answer, body=answer.body["items"])
    return answer


def cors_open(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    origin = incoming.headers.get("origin")
    if origin is None:
        return answer
    allowed = (("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"))
    return answer.having(*allowed)


def quote_breaks(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if _is(operation, "searchChildren") and answer.status == 200 and incoming.body.count(b"'") % 2:
        failed = problem(Refusal(500, "Something went wrong."), str(answer.header("X-Request-ID")))
        return replace(failed, headers=answer.headers)
    return answer


def redirect_elsewhere(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if _is(operation, "getContact") and answer.status == 200:
        elsewhere = ("Location", f"http://elsewhere.example{incoming.path}")
        return replace(answer, status=302, body=None).having(elsewhere)
    return answer


def category_of_its_own(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if _is(operation, "getPlan") and answer.status == 200:
        return replace(answer, body={**answer.body, "category": "ABU"})
    return answer


def ended_placement_type(answer: Answer, operation: Operation | None, incoming: Incoming) -> Answer:
    if _is(operation, "getEpisode") and answer.status == 200:
        placements = [{**placement, "placementType": "P2"} for placement in answer.body["placements"]]
        return replace(answer, body={**answer.body, "placements": placements})
    return answer


TAMPERING: dict[str, Tampering] = {
    "undeclared-status": undeclared_status,
    "rare-value-breaks-schema": rare_value_breaks_schema,
    "undeclared-method-answers": undeclared_method_answers,
    "time-without-offset": time_without_offset,
    "unusual-character-breaks": unusual_character_breaks,
    "location-leads-nowhere": location_leads_nowhere,
    "allow-missing": allow_missing,
    "challenge-missing": challenge_missing,
    "excess-property": excess_property,
    "stack-trace-shown": stack_trace_shown,
    "error-repeats-value": error_repeats_value,
    "problem-status-differs": problem_status_differs,
    "errors-are-not-problems": errors_are_not_problems,
    "answers-may-be-stored": answers_may_be_stored,
    "list-without-object": list_without_object,
    "cors-open": cors_open,
    "quote-breaks": quote_breaks,
    "redirect-elsewhere": redirect_elsewhere,
    "request-id-not-echoed": request_id_not_echoed,
    "category-of-its-own-shown": category_of_its_own,
    "ended-placement-type-shown": ended_placement_type,
}
