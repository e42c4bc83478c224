"""How many cases a run sends: by number, fewer of each kind where there is much to test."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from parks import CONTRACT, target_of
from schemathesis.generation import GenerationMode

from joinedup.conformance.generated_input import Cases, _alike, _sparing, document_for, schema_for

LITTLE = Cases(0, 0, of_one_kind=3, least_fuzzing=0)


@pytest.mark.parametrize(
    ("cases", "operations", "crowd", "requests", "fitting"),
    [
        (Cases(20, 5), 10, 0, 15_000, Cases(20, 5, most_covered=1105)),
        (Cases(20, 5), 187, 0, 15_000, Cases(6, 5, of_one_kind=3, most_covered=54)),
        (Cases(20, 5), 10, 187, 15_000, Cases(6, 5, of_one_kind=3, most_covered=1119)),
        (Cases(20, 5), 187, 0, 2_000, Cases(2, 5, of_one_kind=3, most_covered=5)),
        (Cases(20, 5), 2_000, 0, 15_000, Cases(1, 5, of_one_kind=1, most_covered=4)),
        (Cases(20, 5), 0, 0, 0, Cases(1, 0, most_covered=1)),
        (Cases(3, 0, least_fuzzing=0), 10, 187, 15_000, replace(LITTLE, most_covered=1125)),
        (
            Cases(3, 0, same_header=3, same_shape=1, examples=1, only_wrong=True),
            10,
            0,
            15_000,
            Cases(3, 0, most_covered=1122),
        ),
    ],
)
def test_cases_fall_as_operations_grow(
    cases: Cases, operations: int, crowd: int, requests: int, fitting: Cases
) -> None:
    """By number and never by seconds, the same for each operation, of this system and of all in the run."""
    assert cases.within(operations, requests, crowd) == fitting


@pytest.mark.parametrize(
    ("of_one_kind", "most", "kept"),
    [
        (None, None, "aaabbc"),
        (2, None, "aabbc"),
        (None, 4, "abca"),
        (1, 2, "ab"),
        (None, 6, "aaabbc"),
    ],
)
def test_each_kind_of_case_has_its_turn(of_one_kind: int | None, most: int | None, kept: str) -> None:
    """Where not all are sent, no kind is sent twice before each was sent once."""
    cases = [_OfAKind(letter) for letter in "aaabbc"]
    bounds = Cases(1, 0, of_one_kind=of_one_kind, most_covered=most)
    sent = _sparing(lambda operation, session: iter(cases), bounds)(_OPERATION)
    assert "".join(case.meta.phase.data.scenario for case in sent) == kept


@pytest.mark.parametrize(("alike", "kept"), [((), "abcdef"), (("GET /parks",), "abc")])
def test_what_is_shared_is_looked_at_in_a_few_operations(alike: tuple[str, ...], kept: str) -> None:
    """In the others bodies and paths are, and for what comes after them no case is even made."""
    places = {"a": None, "b": "body", "c": "path", "d": "header", "e": "query", "f": "body"}
    cases = iter([_OfAKind(letter, place) for letter, place in places.items()])
    sent = _sparing(lambda operation, session: cases, Cases(1, 0), alike)(_OPERATION)
    assert "".join(case.meta.phase.data.scenario for case in sent) == kept
    assert len(list(cases)) == (2 if alike else 0)


@pytest.mark.parametrize(
    ("only_wrong", "alike", "kept"),
    [(False, (), "rw"), (True, (), "w"), (False, ("GET /parks",), "r"), (True, ("GET /parks",), "r")],
)
def test_no_operation_goes_without_a_case(only_wrong: bool, alike: tuple[str, ...], kept: str) -> None:
    """Where nothing is left of what the contract rules out, a request that it allows is sent."""

    def generate(operation: object, *, generation_modes: list[GenerationMode], session: object) -> Any:
        made = {
            GenerationMode.POSITIVE: _OfAKind("r", None),
            GenerationMode.NEGATIVE: _OfAKind("w", "header"),
        }
        return (case for mode, case in made.items() if mode in generation_modes)

    spared = _sparing(generate, Cases(1, 0, only_wrong=only_wrong), alike)
    sent = spared(_OPERATION, generation_modes=list(GenerationMode))
    assert "".join(case.meta.phase.data.scenario for case in sent) == kept


@pytest.mark.parametrize(("most", "alike"), [(None, set()), (1, {"GET /b", "GET /c"}), (2, {"GET /c"})])
def test_operations_are_alike_whose_headers_and_query_are(most: int | None, alike: set[str]) -> None:
    """Whatever their path; one that takes a body, or another parameter, is another kind."""
    page = [{"name": "page", "in": "query", "schema": {"type": "integer"}}]
    responses = {"200": {"description": "x"}}
    body = {"content": {"application/json": {"schema": {"type": "object"}}}}
    contract = json.loads(json.dumps(CONTRACT))
    contract["paths"] = {
        **{path: {"get": {"parameters": page, "responses": responses}} for path in ("/a", "/b", "/c")},
        "/d": {
            "get": {"responses": responses},
            "post": {"parameters": page, "requestBody": body, "responses": responses},
        },
    }
    assert _alike(target_of("http://127.0.0.1:9", contract=contract).operations, most) == alike


class _OfAKind:
    """As much of a case as tells its kind."""

    def __init__(self, scenario: str, place: str | None = "body") -> None:
        self.meta = self.phase = self.data = self
        self.scenario, self.parameter_location = scenario, place


_OPERATION = SimpleNamespace(label="GET /parks")


LONG = "x" * 5
FIELDS = {f"field{n}": {"type": "string", "maxLength": 5, "example": LONG} for n in range(12)}


@pytest.mark.parametrize(("operations", "crowd", "fewer"), [(4, 0, False), (80, 0, True), (4, 80, True)])
def test_a_large_run_gets_fewer_cases_for_each_operation(operations: int, crowd: int, fewer: bool) -> None:
    """What is wrong in one way in one part is sent a few times, not once for every property there is."""
    schema = {"type": "object", "properties": FIELDS}
    contract = json.loads(json.dumps(CONTRACT))
    contract["paths"] = {
        f"/parks{n}": {
            "post": {
                "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
                "responses": {"200": {"description": "x"}},
            }
        }
        for n in range(operations)
    }
    target = target_of("http://127.0.0.1:9", contract=contract)
    target.crowd = crowd
    wanted = frozenset({"POST /parks0"})
    fitting = Cases(1, 0, in_a_crowd=2).within(operations, 15_000, crowd)
    (found,) = schema_for(target, fitting, wanted).get_all_operations()
    operation = found.ok()
    config = operation.schema.config.generation_for(operation=operation)
    cases = operation.schema.iter_coverage_cases(
        operation, generation_modes=config.modes, generation_config=config
    )
    kinds = Counter(str(case.meta.phase.data.scenario) for case in cases)
    assert kinds
    assert (max(kinds.values()) <= 2) is fewer
    assert target.portion(80) == (60 if fewer else 80)


@pytest.mark.parametrize(
    ("cases", "left_out"),
    [
        (Cases(20, 5), set()),
        (Cases(3, 0), {"stateful"}),
        (Cases(0, 0, False), {"coverage", "fuzzing", "stateful"}),
    ],
)
def test_what_a_run_of_its_size_leaves_out_is_named(cases: Cases, left_out: set[str]) -> None:
    """So that a phase without a request is not laid at the contract's door."""
    assert cases.left_out == left_out


def test_a_quick_run_asks_less_of_every_kind() -> None:
    """Also of the checks that are not generated, but never so little that a kind has no turn."""
    target = target_of("http://127.0.0.1:9", contract=CONTRACT)
    target.quick = True
    assert [target.portion(most) for most in (80, 40, 12, 3)] == [20, 10, 8, 3]


@pytest.mark.parametrize(("same", "kept"), [(None, 4), (2, 2), (0, 0)])
def test_an_optional_header_that_many_share_goes_to_a_few(same: int | None, kept: int) -> None:
    """A required one and one of the address go to all."""
    contract = json.loads(json.dumps(CONTRACT))
    shared = [
        {"name": "X-Correlation-ID", "in": "header", "schema": {"type": "string"}},
        {"name": "X-Purpose", "in": "header", "required": True, "schema": {"type": "string"}},
        {"name": "page", "in": "query", "schema": {"type": "integer"}},
    ]
    responses = {"200": {"description": "x"}}
    contract["paths"] = {f"/p{n}": {"get": {"parameters": shared, "responses": responses}} for n in range(4)}
    target = target_of("http://127.0.0.1:9", contract=contract)
    sent = document_for(target, frozenset(op.label for op in target.operations), same)
    names = [p["name"] for item in sent["paths"].values() for p in item["get"]["parameters"]]
    assert Counter(names) == Counter({"X-Correlation-ID": kept, "X-Purpose": 4, "page": 4})
