"""
What the engine is given: the contract with known values as examples, links where it declares none, and settings.
"""

from __future__ import annotations

import copy
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import schemathesis

from joinedup.conformance.anatomy import parts_of
from joinedup.conformance.exchanges import MISSING, Text
from joinedup.conformance.generated_economy import DRAWN
from joinedup.conformance.harvest import IGNORED_HEADERS
from joinedup.conformance.lists import escaped
from joinedup.conformance.objects import creates_of, identifier_of, item_operations
from joinedup.conformance.operations import Operation, Parameter
from joinedup.conformance.target import LARGE, OWN, Target

FEED_PROBABILITY = 0.6
MOST_STEPS = 5


@dataclass(frozen=True)
class Cases:
    """
    How many cases a run may generate: by number, never by seconds.

    Args:
        of_one_kind: coverage cases of an operation that are right or wrong in the same way and part; None for as many
            as there are.
        in_a_crowd: the same where a run has more than ``LARGE`` operations, for that many.
        filled: whether bodies and parameters without an example get a made one.
        least_fuzzing: fuzzing cases of an operation in any crowd.
        same_header: how many operations of a crowd are sent an optional header of one name; None for all.
        same_shape: how many operations of a crowd with the same headers and query get coverage cases for these; None for
            all. Bodies and paths get theirs everywhere.
        examples: how many requests an operation of a crowd gets that are made of examples; None for all.
        only_wrong: whether the coverage cases of a crowd are those that the contract rules out; what it just allows is
            sent by a check of its own.
        most_covered: coverage cases of an operation; None for as many as there are.
    """

    fuzzing: int
    stateful: int
    coverage: bool = True
    of_one_kind: int | None = None
    in_a_crowd: int = 10
    filled: bool = True
    least_fuzzing: int = 3
    same_header: int | None = None
    same_shape: int | None = None
    examples: int | None = None
    only_wrong: bool = False
    most_covered: int | None = None

    def within(self, operations: int, requests: int, crowd: int = 0) -> Cases:
        """
        The cases that fit, the same for every operation: fewer of each where there are many, so that none goes without.

        Args:
            requests: how many may be sent in all. A quarter of them at most is for fuzzing, a tenth for sequences, and
                what fuzzing leaves of three quarters for coverage; examples need the rest.
            crowd: operations of all systems that the run judges, where they are several.
        """
        each, large = requests // max(operations, 1), max(max(operations, crowd) / LARGE, 1)
        fuzzing = min(self.fuzzing, max(int(self.fuzzing / large), self.least_fuzzing), max(each // 4, 1))
        return replace(
            self,
            fuzzing=fuzzing,
            stateful=min(self.stateful, requests // (10 * MOST_STEPS)),
            of_one_kind=self.of_one_kind if large == 1 else max(int(self.in_a_crowd / large), 1),
            same_header=self.same_header if large > 1 else None,
            same_shape=self.same_shape if large > 1 else None,
            examples=self.examples if large > 1 else None,
            only_wrong=self.only_wrong and large > 1,
            most_covered=max(each * 3 // 4 - fuzzing, 1),
        )

    @property
    def left_out(self) -> frozenset[str]:
        """Phases of which nothing is sent."""
        sent = {"coverage": self.coverage, "fuzzing": self.fuzzing, "stateful": self.stateful}
        return frozenset(phase for phase, number in sent.items() if not number)


QUICK = Cases(
    3,
    0,
    of_one_kind=1,
    in_a_crowd=1,
    filled=False,
    least_fuzzing=0,
    same_header=3,
    same_shape=1,
    examples=1,
    only_wrong=True,
)
STANDARD, THOROUGH = Cases(20, 5), Cases(150, 40, in_a_crowd=100)


def schema_for(target: Target, cases: Cases, operations: frozenset[str]) -> Any:
    wanted = [operation for operation in target.operations if operation.label in operations]
    feeds = {operation.label: _feed(target, operation) for operation in wanted}
    config = schemathesis.Config.from_dict(_settings(target, cases, feeds))
    schema = schemathesis.openapi.from_dict(
        document_for(target, operations, cases.same_header), config=config
    )
    alike = _alike(target.operations, cases.same_shape)
    alike = _alike(target.operations, cases.same_shape)
    sparing = _sparing(schema.iter_coverage_cases, cases, alike)
    vars(schema)["iter_coverage_cases"] = sparing
    vars(schema)["get_strategies_from_examples"] = _first(cases.examples, schema.get_strategies_from_examples)
    return schema


def _first(most: int | None, generate: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """The first of what is generated; all of it where ``most`` is None."""
    return lambda *positional, **named: generate(*positional, **named)[:most]


def _alike(operations: Sequence[Operation], most: int | None) -> frozenset[str]:
    """Labels of the operations before which ``most`` others come that have the same headers and query."""
    shapes: Counter[frozenset[tuple[str, str]]] = Counter()
    alike = set()
    for operation in operations:
        # A body is a part like these: that it is missing is seen among the cases of the headers.
        body = [("body", "")] if operation.body else []
        named = [(p.location, p.name.lower()) for p in operation.parameters if p.location != "path"]
        shape = frozenset([*body, *named])
        shapes[shape] += 1
        if most is not None and shapes[shape] > most:
            alike.add(operation.label)
    return frozenset(alike)


def _sparing(
    generate: Callable[..., Iterator[Any]], bounds: Cases, alike: Collection[str] = ()
) -> Callable[..., Iterator[Any]]:
    """
    The coverage cases of an operation, bounded for each kind and in all; one at least, where there is any.

    A kind is what is wrong, or right, in which part. Where not all are sent, each kind has its turn before any has two.

    Args:
        alike: labels of operations of which only bodies and paths are looked at.
    """

    def spared(operation: Any, **named: Any) -> Iterator[Any]:
        named["session"] = DRAWN
        generated = generate(operation, **_of_wrong(named) if bounds.only_wrong else named)
        if operation.label in alike:
            # The cases come part by part, bodies and paths first; those that follow are not even made.
            generated = itertools.takewhile(_is_of_body_or_path, generated)
        cases = _in_turn(generated, bounds.of_one_kind, bounds.most_covered)
        yield from cases or itertools.islice(generate(operation, **named), 1)

    return spared


def _of_wrong(named: Mapping[str, Any]) -> dict[str, Any]:
    modes = [mode for mode in named["generation_modes"] if mode.is_negative]
    return {**named, "generation_modes": modes}


def _in_turn(generated: Iterable[Any], of_one_kind: int | None, most: int | None) -> list[Any]:
    kinds: dict[tuple[str, ...], list[Any]] = {}
    cases = []
    for case in generated:
        kept = kinds.setdefault(_kind(case), [])
        if of_one_kind is None or len(kept) < of_one_kind:
            kept.append(case)
            cases.append(case)
    if most is not None and len(cases) > most:
        turns = itertools.chain.from_iterable(itertools.zip_longest(*kinds.values()))
        cases = list(itertools.islice((case for case in turns if case is not None), most))
    return cases


def _is_of_body_or_path(case: Any) -> bool:
    """Whether a coverage case is about the body or the path, or nothing in particular."""
    return _kind(case)[1].rpartition(".")[2].lower() in ("body", "path", "none", "")


def _kind(case: Any) -> tuple[str, ...]:
    data = case.meta.phase.data if case.meta is not None else None
    return tuple(str(getattr(data, name, "")) for name in ("scenario", "parameter_location"))


def _settings(target: Target, cases: Cases, feeds: Mapping[str, Mapping[str, list[Any]]]) -> dict[str, Any]:
    off = {"enabled": False}
    dictionaries, operations = _bindings(feeds)
    limits = target.configuration.limits
    return {
        "seed": target.seed,
        "base-url": target.system.base_url,
        "workers": 1,
        "continue-on-failure": True,
        "request-timeout": limits.timeout_s,
        "max-redirects": 0,
        "cache": off,
        "warnings": False,
        "output": {"truncation": {"max-recorded-payload-size": limits.max_response_bytes + 1}},
        "generation": {
            "max-examples": max(cases.fuzzing, 1),
            "database": "none",
            "no-shrink": True,
            "with-security-parameters": False,
        },
        "phases": {
            "examples": {
                "enabled": True,
                "fill-missing": cases.filled,
                "extra-data-sources": {"responses": False},
            },
            "coverage": {
                "enabled": cases.coverage,
                "unexpected-methods": [],
                "extra-data-sources": {"responses": False},
            },
            "fuzzing": {"enabled": cases.fuzzing > 0, "extra-data-sources": {"responses": False}},
            "stateful": {
                "enabled": cases.stateful > 0,
                "generation": {"max-examples": max(cases.stateful, 1)},
                "inference": {"algorithms": []},
                "max-steps": MOST_STEPS,
            },
        },
        # Status, media type, schema and headers are judged by us, against the same contract that journeys use; the
        # rules on credentials, methods and sequences have controls of their own (see the suite).
        "checks": {
            "enabled": False,
            "not_a_server_error": {"enabled": True},
            "negative_data_rejection": {"enabled": True},
            "missing_required_header": {"enabled": True, "expected-statuses": ["4xx", "5xx"]},
        },
        "dictionaries": dictionaries,
        "operations": operations,
    }


def _bindings(feeds: Mapping[str, Mapping[str, list[Any]]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    dictionaries: dict[str, Any] = {}
    operations: list[dict[str, Any]] = []
    for label, feed in feeds.items():
        parameters = {}
        for place, values in feed.items():
            name = f"h{len(dictionaries)}"
            dictionaries[name] = {"values": values}
            parameters[place] = {"dictionary": name, "probability": FEED_PROBABILITY}
        if parameters:
            operations.append({"include-name": label, "parameters": parameters})
    return dictionaries, operations


def _feed(target: Target, operation: Operation) -> dict[str, list[Any]]:
    """Known values by ``path.name``, ``query.name``, ``header.name``; none for DELETE, which would eat them."""
    if operation.method == "DELETE":
        return {}
    feed: dict[str, list[Any]] = {}
    for parameter in operation.parameters:
        if (
            parameter.location in ("path", "query", "header")
            and parameter.name.lower() not in IGNORED_HEADERS
        ):
            values = target.knowledge.values_for(parameter.name, operation.path, parameter.location)
            usable = [value for value in values if isinstance(value, str | int | float)]
            if usable:
                feed[f"{parameter.location}.{parameter.name}"] = usable
    return feed


def document_for(
    target: Target, operations: frozenset[str], same_header: int | None = None
) -> dict[str, Any]:
    """
    The contract as Schemathesis gets it: operations left out are gone, known values stand as examples.

    Args:
        same_header: how many operations keep an optional header of one name; None for all.
    """
    headers: Counter[str] = Counter()

    def is_wanted(parameter: Parameter) -> bool:
        if _is_ignored(parameter):
            return False
        if parameter.location != "header" or parameter.required or same_header is None:
            return True
        headers[parameter.name.lower()] += 1
        return headers[parameter.name.lower()] <= same_header

    document = copy.deepcopy(target.contract.document)
    for operation in target.contract.operations:
        item = _path_item(document, operation)
        if item is None:
            continue
        if operation.label not in operations:
            item.pop(operation.method.lower(), None)
            continue
        node = item[operation.method.lower()]
        node["parameters"] = [_as_fed(target, operation, p) for p in operation.parameters if is_wanted(p)]
        _add_known_body(target, operation, node)
    for item in document.get("paths", {}).values():
        if isinstance(item, dict):
            item.pop("parameters", None)
    if not any(part.kind == "link" for part in parts_of(target.contract.document)):
        _add_links(target, document, operations)
    return document


def _add_links(target: Target, document: dict[str, Any], operations: frozenset[str]) -> None:
    """Links from each create to what can be done with what it made, for a contract that declares none."""
    for create in creates_of(target):
        made = target.good[(create.label, OWN)]
        pointer = _pointer_to(made.json(), identifier_of(target, made))
        item = _path_item(document, create)
        if not pointer or item is None:
            continue
        node = item[create.method.lower()]
        followers = [op for op in item_operations(target, create).values() if op.label in operations]
        links = {op.operation_id: _link(op, create, pointer) for op in followers}
        responses = node.get("responses") or {}
        status = next((s for s in (str(made.status), "2XX", "default") if s in responses), "")
        if status and links:
            response = target.contract.resolve(responses[status])
            node["responses"] = {**responses, status: {**response, "links": links}}


def _link(operation: Operation, create: Operation, pointer: str) -> dict[str, Any]:
    names = [p.name for p in operation.parameters if p.location == "path"]
    above = {p.name for p in create.parameters if p.location == "path"}
    parameters = {
        name: f"$request.path.{name}" if name in above else f"$response.body#{pointer}" for name in names
    }
    return {"operationId": operation.operation_id, "parameters": parameters}


def _pointer_to(body: Any, value: Any) -> str:
    """The JSON pointer to a value at the top of an answer, or one object below it; empty where it is not there."""
    objects = [("", body)] if isinstance(body, dict) else []
    objects += [
        (f"/{escaped(name)}", inner)
        for _, outer in objects
        for name, inner in outer.items()
        if isinstance(inner, dict)
    ]
    found = (
        f"{where}/{escaped(name)}"
        for where, item in objects
        for name, inner in item.items()
        if inner == value
    )
    return next(found, "")


def _path_item(document: dict[str, Any], operation: Operation) -> dict[str, Any] | None:
    item = document.get("paths", {}).get(operation.path)
    if not isinstance(item, dict) or operation.method.lower() not in item:
        return None
    return item


def _is_ignored(parameter: Parameter) -> bool:
    return parameter.location == "header" and parameter.name.lower() in IGNORED_HEADERS


def _as_fed(target: Target, operation: Operation, parameter: Any) -> dict[str, Any]:
    node = dict(target.contract.resolve({"$ref": parameter.pointer}))
    values = (
        []
        if operation.method == "DELETE"
        else target.knowledge.values_for(parameter.name, operation.path, parameter.location)
    )
    if values:
        node.pop("example", None)
        node["examples"] = {f"known{index}": {"value": value} for index, value in enumerate(values)}
    return node


def _add_known_body(target: Target, operation: Operation, node: dict[str, Any]) -> None:
    """A body that the system has accepted becomes an example of the operation."""
    good = target.good.get((operation.label, OWN))
    if (
        good is None
        or good.step.body is MISSING
        or isinstance(good.step.body, Text)
        or operation.body is None
    ):
        return
    body = target.contract.resolve(node.get("requestBody"))
    media = (body.get("content") or {}).get(good.step.media_type)
    if isinstance(media, dict):
        kept = {name: value for name, value in media.items() if name != "example"}
        examples = dict(kept.get("examples") or {})
        content = {
            **body["content"],
            good.step.media_type: {**kept, "examples": {**examples, "accepted": {"value": good.step.body}}},
        }
        node["requestBody"] = {**body, "content": content}
