"""
From what took place to steps that anyone can send again, on their own.

A value that the system gave is not printed: an earlier step fetches it. What the harness made stands as it is. Where a
plain reading does not bring back the state that mattered, the object is made anew and what was done to it is done again.
"""

from __future__ import annotations

import itertools
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_to_bytes, urlencode

from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import MISSING, Exchange, Reference, Step, Text, last_segment
from joinedup.conformance.knowledge import Knowledge, Origin, normalise
from joinedup.conformance.vocabulary import REQUEST_IDENTIFIERS

MAX_DEPTH = 6
SHORTEST_IDENTIFIER = 8
NEW_DIGITS = 6
# Headers that always hold an entity tag of an earlier answer.
CONDITIONS = frozenset({"ifmatch", "ifnonematch"})
# Headers that the client library, the connection or the credential puts in; the rest was part of the test.
AUTOMATIC = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "user-agent",
        "transfer-encoding",
        "x-schemathesis-testcaseid",
    }
)
# Properties whose value many systems want to be used once only.
NAMING = re.compile(r"name|slug|key|code|title|label|reference|email|identifier", re.IGNORECASE)
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Shown = Callable[[Any], bool]


def step_from_wire(
    method: str,
    raw_path: str,
    template: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    operation: str,
    identity: str | None,
) -> Step:
    """
    The step that sends the same bytes again.

    Args:
        raw_path: path below the base URL, percent-encoded, with its query.
        template: the operation's path template; parameters that fill it cleanly become path parameters.
    """
    path, mark, query = raw_path.partition("?")
    values, pairs, rest = _filled(template, path), _pairs(query), ""
    if pairs is None:
        pairs, rest = (), mark + query
    kept = {name: value for name, value in headers.items() if name.lower() not in AUTOMATIC}
    media_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    step = Step(
        method, path + rest, {}, pairs, kept, _body(body, media_type), media_type, identity, operation
    )
    if values is None or "{" in rest:
        return step
    return replace(step, path=template + rest, path_parameters=values)


def _pairs(query: str) -> tuple[tuple[str, str], ...] | None:
    """The names and values of a query, or None where writing them again gives other bytes."""
    pairs = tuple(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"))
    written = urlencode(pairs, errors="surrogateescape")
    if any(map(_holds_bytes, (text for pair in pairs for text in pair))):
        return None
    same = unquote_to_bytes(written.replace("+", "%20")) == unquote_to_bytes(query.replace("+", "%20"))
    return pairs if same else None


def _holds_bytes(text: str) -> bool:
    """Whether a text holds the escape of a byte that is no text (PEP 383)."""
    return any("\udc80" <= character <= "\udcff" for character in text)


def _filled(template: str, path: str) -> dict[str, Any] | None:
    """Values of the template's parameters in a path, or None where filling them in again gives another path."""
    names = re.findall(r"\{([^{}]+)\}", template)
    pattern = re.sub(r"\\\{[^{}]+\\\}", "([^/]*)", re.escape(template))
    found = re.fullmatch(pattern, path)
    if found is None:
        return None
    values = {
        name: unquote(raw, errors="surrogateescape") for name, raw in zip(names, found.groups(), strict=True)
    }
    return values if all(values.values()) and not any(map(_holds_bytes, values.values())) else None


def _body(body: bytes | None, media_type: str) -> Any:
    if not body:
        return MISSING
    text = body.decode("utf-8", "surrogateescape")
    value = _json(text) if "json" in media_type and not _holds_bytes(text) else MISSING
    return value if isinstance(value, dict | list) else Text(text)


def _json(text: str) -> Any:
    """A JSON value, or ``MISSING`` where it is none or would be written with another meaning: NaN, names twice."""
    try:
        value = json.loads(text, object_pairs_hook=_without_doubles)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return MISSING
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


@dataclass
class Reproduction:
    """
    Collects steps, giving names, and putting first what fetches the values that they need.

    Args:
        knowledge: where values came from.
        shown: whether a value may stand as it is.
        made_anew: whether objects are created again instead of read, and what was done to them done again.
        new_names: whether what is created on the way gets names of its own, since the old ones may be taken.
        within: what of a text a system said; a check may have added to it.
    """

    knowledge: Knowledge
    shown: Shown
    made_anew: bool = False
    new_names: bool = False
    within: Callable[[str], str] = lambda _text: ""
    steps: list[Step] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)
    _given: dict[str, Reference] = field(default_factory=dict)
    _new: dict[str, Reference] = field(default_factory=dict)

    def add(self, step: Step, answer: Exchange | None = None, depth: int = 0) -> Step:
        """Add a step with its known values replaced by references; gives the step as added."""
        path_parameters = {
            name: self._value(value, depth, step, always=True) for name, value in step.path_parameters.items()
        }
        if self.made_anew and answer is not None and depth == 0:
            self._do_again(step)
        if self.new_names and depth and step.method == "POST" and isinstance(step.body, dict):
            self._rename(step.body)
        body = (
            step.body
            if step.body is MISSING or isinstance(step.body, Text)
            else self._value(step.body, depth, step)
        )
        named = replace(
            step,
            name=f"s{len(self.steps)}",
            path_parameters=path_parameters,
            query=tuple((name, self._value(value, depth, step)) for name, value in step.query),
            headers={
                name: self._value(value, depth, step, always=normalise(name) in CONDITIONS)
                for name, value in step.headers.items()
            },
            body=body,
        )
        named = replace(named, name=f"s{len(self.steps)}")
        self.steps.append(named)
        self._names[id(step)] = named.name
        if answer is not None:
            self._note_answer(named.name, answer)
        return named

    def _rename(self, body: Mapping[str, Any]) -> None:
        for name, value in body.items():
            if NAMING.search(name) and isinstance(value, str) and value and self.shown(value):
                self._new.setdefault(value, Reference(new=value))

    def _note_answer(self, name: str, answer: Exchange) -> None:
        body = answer.json()
        for pointer, value in _pointers(body) if answer.ok and body is not MISSING else ():
            self._given.setdefault(str(value), Reference(step=name, pointer=pointer))
        location = answer.response.headers.get("location", "") if answer.ok and answer.response else ""
        if location:
            self._given.setdefault(
                last_segment(location), Reference(step=name, header="Location", pattern="last-segment")
            )
        tag = answer.response.headers.get("etag", "") if answer.ok and answer.response else ""
        if tag:
            self._given.setdefault(tag, Reference(step=name, header="ETag"))

    def _do_again(self, step: Step) -> None:
        """What was done to the object that a step is about, before the step itself."""
        for value in step.path_parameters.values():
            for change in self.knowledge.changes(value):
                if change is not step and id(change) not in self._names:
                    self.add(change, depth=1)

    def _value(self, value: Any, depth: int, within: Step, *, always: bool = False) -> Any:
        if isinstance(value, dict):
            return {key: self._value(item, depth, within) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item, depth, within) for item in value]
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, str) and value in self._new:
            return self._new[value]
        given = self._given.get(str(value))
        if given is not None and (always or not self.shown(value)):
            return given
        if self.shown(value) or depth >= MAX_DEPTH:
            return value
        origin = self._origin(value)
        if origin is None and isinstance(value, str):
            return self._added_to(value, depth, within)
        if origin is None or origin.step is within:
            return value
        if origin.step is None:
            return origin.reference
        name = self._names.get(id(origin.step)) or self.add(origin.step, depth=depth + 1).name
        return replace(origin.reference, step=name)

    def _added_to(self, text: str, depth: int, within: Step) -> Any:
        """A text to which something was added, as what the system said of it and what stands around that."""
        said = self.within(text)
        before, _, after = text.partition(said) if said else ("", "", "")
        if not said or said == text or not (self.shown(before) and self.shown(after)):
            return text
        inner = self._value(said, depth, within)
        return replace(inner, before=before, after=after) if isinstance(inner, Reference) else text

    def referenced(self, values: Mapping[str, Any], within: Step) -> dict[str, Any]:
        """Values by name, as references to the steps that give them; to be asked before ``within`` is added."""
        return {
            name: tuple(self._value(item, 0, within) for item in value)
            if isinstance(value, tuple)
            else self._value(value, 0, within)
            for name, value in values.items()
        }

    def _origin(self, value: Any) -> Origin | None:
        created = self.knowledge.created(value) if self.made_anew else None
        return created or self.knowledge.origin(value)


def _pointers(value: Any, pointer: str = "", most: int = 200) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in list(value.items())[:most]:
            yield from _pointers(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, item in enumerate(value[:20]):
            yield from _pointers(item, f"{pointer}/{index}")
    elif isinstance(value, str | int) and not isinstance(value, bool) and value != "":
        yield pointer, value


@dataclass(frozen=True)
class Plan:
    """
    Steps that stand on their own, the last of which is judged.

    Args:
        steps: in order; what they need is fetched first.
        expected: values that the judged answer is compared with, as references where an earlier step gives them.
    """

    steps: tuple[Step, ...]
    expected: Mapping[str, Any] = field(default_factory=dict)


def plans(
    knowledge: Knowledge,
    shown: Shown,
    exchanges: Sequence[Exchange],
    expected: Mapping[str, Any] | None = None,
    within: Callable[[str], str] = lambda _text: "",
) -> Iterator[Plan]:
    """
    Ways to show the last exchange again, the shortest first.

    First with objects that are read, then with objects made anew to which the same was done; then both again with new
    names for what is made.

    Args:
        expected: values that the last answer is compared with, by name.
    """
    seen: list[Plan] = []
    for new_names, made_anew in itertools.product((False, True), repeat=2):
        reproduction = Reproduction(knowledge, shown, made_anew, new_names, within)
        for exchange in exchanges[:-1]:
            reproduction.add(exchange.step, exchange)
        wanted = reproduction.referenced(expected or {}, exchanges[-1].step)
        reproduction.add(exchanges[-1].step, exchanges[-1])
        plan = Plan(tuple(reproduction.steps), wanted)
        if plan not in seen:
            seen.append(plan)
            yield plan


# --- playing steps


def play(
    send: Callable[[Step], Exchange], steps: Sequence[Step], fixtures: Callable[[str, int], Any]
) -> list[Exchange]:
    """
    Send steps in order, fetching what they refer to from the answers before them.

    A request identifier (``X-Request-ID`` and the like) that was a UUID becomes a new one, the same wherever it stood
    more than once, so that a server which recognises repetitions sees a new conversation.

    Raises:
        SetupError: a value that a step needs was not in the answer.
    """
    done: dict[str, Exchange] = {}
    renewed: dict[str, str] = {}
    mark = uuid.uuid4().hex[:NEW_DIGITS]
    for step in steps:
        done[step.name] = send(_with_new_identifiers(resolved(step, done, fixtures, mark), renewed))
    return list(done.values())


def new_text(text: str, mark: str) -> str:
    """A name like another, of the same length where that is long enough: its end is replaced by a mark."""
    return (text[: -len(mark)] if len(text) >= 2 * len(mark) else text) + mark


def _with_new_identifiers(step: Step, renewed: dict[str, str]) -> Step:
    headers = dict(step.headers)
    for name, value in headers.items():
        if normalise(name) in REQUEST_IDENTIFIERS and isinstance(value, str):
            headers[name] = renewed.setdefault(value, another_identifier(name, value, uuid.uuid4()))
    return replace(step, headers=headers)


def another_identifier(name: str, value: str, source: uuid.UUID) -> str:
    """
    Another request identifier of the same shape, so that what was wrong with it stays wrong.

    A UUID gives a UUID; an idempotency key of any other form keeps its length; what is too short to tell stays.
    """
    if UUID.fullmatch(value):
        return str(source)
    if "idempotency" in normalise(name) and len(value) >= SHORTEST_IDENTIFIER:
        return (source.hex * (len(value) // 32 + 1))[: len(value)]
    return value


def with_new_identifiers(step: Step) -> Step:
    """The same request as a new one: with a request identifier of its own."""
    return _with_new_identifiers(step, {})


def resolved(
    step: Step, done: Mapping[str, Exchange], fixtures: Callable[[str, int], Any], mark: str = ""
) -> Step:
    """
    The step with every reference replaced by its value.

    Args:
        mark: what makes names that are to be new differ from all that were there before.

    Raises:
        SetupError: a value is not there.
    """

    def value(item: Any) -> Any:
        return resolved_value(item, done, fixtures, mark)

    return replace(
        step,
        path_parameters={name: value(item) for name, item in step.path_parameters.items()},
        query=tuple((name, value(item)) for name, item in step.query),
        headers={name: value(item) for name, item in step.headers.items()},
        body=step.body if step.body is MISSING or isinstance(step.body, Text) else value(step.body),
    )


def resolved_value(
    value: Any, done: Mapping[str, Exchange], fixtures: Callable[[str, int], Any], mark: str = ""
) -> Any:
    """A JSON value with every reference replaced; raises ``SetupError`` where what it means is not there."""
    if isinstance(value, Reference):
        if value.new:
            return new_text(value.new, mark)
        found = _fetched(value, done, fixtures)
        return f"{value.before}{found}{value.after}" if value.before or value.after else found
    if isinstance(value, dict):
        return {key: resolved_value(item, done, fixtures, mark) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolved_value(item, done, fixtures, mark) for item in value]
    return value


def _fetched(reference: Reference, done: Mapping[str, Exchange], fixtures: Callable[[str, int], Any]) -> Any:
    if reference.fixture:
        return fixtures(reference.fixture, reference.index)
    earlier = done[reference.step]
    if reference.header:
        text = earlier.response.headers.get(reference.header, "") if earlier.response else ""
        found: Any = last_segment(text) if reference.pattern == "last-segment" else text
    else:
        found = at_pointer(earlier.json(), reference.pointer)
    if found is MISSING or found == "":
        place = f"the header {reference.header}" if reference.header else reference.pointer
        raise SetupError(
            f"Step {reference.step} was expected to give a value at {place} and answered {earlier.status} without one.",
            hint="The system holds other data than then; check it again.",
        )
    return found


def at_pointer(value: Any, pointer: str) -> Any:
    """What stands at an RFC 6901 pointer, or ``MISSING``."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return value
