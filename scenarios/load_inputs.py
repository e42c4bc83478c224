"""
What is passed to a journey that many users play at once: each play has a marker, a child and numbers of its own.

A workflow may say what its inputs are under load (``x-under-load``, by their names): a value whose texts may have
places, or ``{child}`` for an object that tells who a child is.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from joinedup.mocks.families import SPARE_NHS_NUMBERS
from joinedup.mocks.identifiers import nth_nhs_number
from joinedup.scenarios.library import Callee

UNDER_LOAD = "x-under-load"
CHILD = "{child}"
# What is further away from the beginning of a story is a day of birth, and does not move with it.
_OF_THE_STORY = timedelta(days=2 * 366)
_WORDS = 4
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?")
# The register gives out numbers of its own from the end of what is spare.
_NUMBERS = SPARE_NHS_NUMBERS[: len(SPARE_NHS_NUMBERS) // 2]


def inputs_under_load(callee: Callee, given: Mapping[str, Any]) -> dict[str, Any]:
    """
    The inputs of a journey, with places for what differs for each play.

    What is given stays; else what the document says of an input under load; else the marker is put into every sentence
    that it has by default: a text of four words or more, up to a full stop, that no pattern and no list of values
    rules.
    """
    found, under_load = dict(given), callee.workflow.extensions.get(UNDER_LOAD)
    for name, schema in callee.workflow.input_properties.items():
        if name in found or not isinstance(schema, dict):
            continue
        default, said = schema.get("default"), dict(under_load or {}).get(name)
        if said == CHILD and isinstance(default, dict):
            found[name] = {key: f"{{child.{key}}}" for key in default}
        elif said is not None:
            found[name] = said
        elif _is_sentence(schema, default):
            found[name] = f"{default} {{marker}}"
    whole = callee.linked.inputs[callee.workflow.id].completed(found)
    return json.loads(json.dumps(whole))  # type: ignore[no-any-return]


def _is_sentence(schema: Mapping[str, Any], default: object) -> bool:
    if not isinstance(default, str) or {"enum", "pattern", "const"} & set(schema):
        return False
    return default.endswith(".") and len(default.split()) >= _WORDS and len(default) < 400


def needs_child(inputs: Mapping[str, Any]) -> bool:
    """Whether each play needs a child of its own."""
    return "{child." in json.dumps(inputs)


def places(marker: str, user: int, arrival: int, child: Mapping[str, Any]) -> dict[str, str]:
    """What the places in inputs stand for: nobody else in this load has the same."""
    return {
        "{marker}": marker,
        "{number}": str(arrival),
        "{user}": str(user),
        "{uuid}": str(uuid.uuid4()),
        "{nhs-number}": nth_nhs_number(_NUMBERS[arrival % len(_NUMBERS)]),
        **{f"{{child.{key}}}": str(value) for key, value in child.items()},
    }


def without_child(text: str, child: Mapping[str, Any]) -> str:
    """A text in which places stand where it told who a child is."""
    place = {str(value): f"{{child.{key}}}" for key, value in child.items() if value}
    longest_first = "|".join(re.escape(value) for value in sorted(place, key=len, reverse=True))
    if not place:
        return text
    return re.sub(rf"(?<!\w)({longest_first})(?!\w)", lambda found: place[found[0]], text)


def begun(inputs: Any, begins_at: str, now: datetime) -> Any:
    """Inputs whose dates have moved by as much as the beginning of the story has."""
    start = datetime.fromisoformat(begins_at)
    return _moved(inputs, start, now.astimezone(UTC).replace(microsecond=0))


def _moved(value: Any, start: datetime, now: datetime) -> Any:
    if isinstance(value, dict):
        return {key: _moved(item, start, now) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, start, now) for item in value]
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return value
    return _moved_text(value, start, now)


def _moved_text(text: str, start: datetime, now: datetime) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    if abs(found.replace(tzinfo=UTC) - start) > _OF_THE_STORY:
        return text
    if len(text) == len("2026-11-02"):
        days = (now.date() - start.date()).days
        return (date.fromisoformat(text) + timedelta(days=days)).isoformat()
    return (found + (now - start)).strftime("%Y-%m-%dT%H:%M:%SZ")
