"""
A change of one free text of an object, and what it should read as afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.harvest import CONDITION, writable
from joinedup.conformance.inside import Path, places_in, value_at, with_value
from joinedup.conformance.objects import Subject, free_texts, new_text
from joinedup.conformance.operations import Operation
from joinedup.conformance.responses import base_type, is_json
from joinedup.conformance.target import Target

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"


@dataclass(frozen=True)
class Change:
    """
    A change of one free text.

    Args:
        step: the request; as conditional as the contract wants it.
        path: where the text stands, in the request and when the object is read.
        old, new: the text before and after; the old one is null or ``MISSING`` where there was none.
    """

    step: Step
    path: Path
    old: Any
    new: str

    def reads_as(self, answer: Exchange) -> Any:
        """The text in an answer, or ``MISSING``."""
        return value_at(answer.json(), self.path)


def change_of(target: Target, subject: Subject, current: Exchange, text: str = "") -> Change | None:
    """
    A change of an object that was just read; None where the contract has none, or no free text is read back.

    An object of our own that has no free text yet is given one, where the contract says that it is read back.

    Args:
        text: what to change it to; a new text where it is empty.
    """
    operation = subject.change
    media_type = _media_type(operation)
    body = current.json()
    if operation is None or operation.body is None or not media_type or not isinstance(body, dict):
        return None
    schema = operation.body.media_types[media_type]
    described = _described(subject.operations.get("GET")) if base_type(media_type) == JSON_PATCH else schema
    texts = list(free_texts(target, described))
    path = next((p for p in texts if isinstance(value_at(body, p), str)), None)
    if path is None and subject.made is not None:
        path = next((p for p in texts if _can_be_set(target, subject, body, p)), None)
    base = subject.step(target, operation.method) if path else None
    if path is None or base is None:
        return None
    new = text or new_text(target)
    sent = _body(target, operation, media_type, body, path, new)
    return Change(replace(base, body=sent, media_type=media_type), path, value_at(body, path), new)


def _can_be_set(target: Target, subject: Subject, body: dict[str, Any], path: Path) -> bool:
    """Whether an object has no text at a path yet, has what it would stand in, and is said to show it when it is read."""
    outer = value_at(body, path[:-1])
    shown = dict(places_in(target.contract, writable(target, _described(subject.operations.get("GET")))))
    return value_at(body, path) in (None, MISSING) and isinstance(outer, dict) and _is_shown(shown.get(path))


def _is_shown(schema: dict[str, Any] | None) -> bool:
    return schema is not None and not schema.get("writeOnly")


def _media_type(operation: Operation | None) -> str:
    types = (
        [name for name in operation.body.media_types if is_json(name)] if operation and operation.body else []
    )
    return next(iter(sorted(types, key=lambda name: base_type(name) != MERGE_PATCH)), "")


def _described(reader: Operation | None) -> Any:
    """The schema of what a reader answers."""
    for _, response in reader.success_responses if reader else ():
        for name, media in (response.get("content") or {}).items():
            if is_json(name):
                return media.get("schema", {})
    return {}


def _body(
    target: Target, operation: Operation, media_type: str, current: dict[str, Any], path: Path, new: str
) -> Any:
    if base_type(media_type) == JSON_PATCH:
        how = "replace" if value_at(current, path) is not MISSING else "add"
        return [{"op": how, "path": "/" + "/".join(path), "value": new}]
    schema = operation.body.media_types[media_type] if operation.body else {}
    if operation.method == "PUT":
        kept = {name: value for name, value in current.items() if name in writable(target, schema)}
        return with_value(kept, path, new)
    if base_type(media_type) == MERGE_PATCH:
        return with_value({}, path, new)
    required = target.contract.resolve(schema).get("required") or ()
    kept = {name: value for name, value in current.items() if name in required or name == path[0]}
    return with_value(kept, path, new)


def with_tag(step: Step, operation: Operation, tag: str) -> Step:
    """The step on condition that an entity tag is current; without any condition where the tag is empty."""
    others = {name: value for name, value in step.headers.items() if name.lower() not in CONDITION}
    name = condition_of(operation)
    return replace(step, headers={**others, name: tag} if tag and name else others)


def condition_of(operation: Operation) -> str:
    """The name of the ``If-Match`` header that an operation declares; empty where it declares none."""
    named = (p.name for p in operation.parameters if p.location == "header" and p.name.lower() in CONDITION)
    return next(named, "")


def tag_of(exchange: Exchange | None) -> str:
    """The entity tag of an answer; empty where it has none."""
    return exchange.response.headers.get("etag", "") if exchange is not None and exchange.response else ""
