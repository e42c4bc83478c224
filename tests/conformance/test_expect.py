"""An expectation judges an answer the same way now, a second time, and when somebody replays it."""

from __future__ import annotations

import json

import httpx
import pytest

from joinedup.conformance.contract import Contract, parse_contract
from joinedup.conformance.exchanges import Exchange, Reference, Response, Step
from joinedup.conformance.expect import Expectation, breaches, expectation_from, status_fits

PLAY = {
    "openapi": "3.1.0",
    "info": {"title": "Parks", "version": "1"},
    "paths": {
        "/parks": {
            "get": {
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["size"],
                                    "properties": {"size": {"type": "integer"}},
                                }
                            }
                        },
                    }
                }
            }
        }
    },
}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def contract() -> Contract:
    """One operation with one answer."""
    return parse_contract(json.dumps(PLAY).encode(), origin="parks")


def exchange(status: int, body: bytes = b'{"size": 1}', **headers: str) -> Exchange:
    """An answer to ``GET /parks``; status 0 for none."""
    step = Step("GET", "/parks", operation="GET /parks")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answered = Response(status, httpx.Headers({**JSON, **named}), body) if status else None
    return Exchange(step, answered)


@pytest.mark.parametrize(
    ("status", "patterns", "fits"),
    [
        (200, ("200",), True),
        (201, ("200",), False),
        (404, ("4XX",), True),
        (404, ("4xx",), True),
        (404, ("5XX", "404"), True),
        (404, ("40X",), True),
        (410, ("40X",), False),
        (404, (), False),
        (404, ("default",), False),
        (0, ("4XX",), False),
    ],
)
def test_statuses_match_as_contracts_write_them(status: int, patterns: tuple[str, ...], fits: bool) -> None:
    """``X`` stands for any digit, in either case; what is no status matches nothing."""
    assert status_fits(status, patterns) is fits


@pytest.mark.parametrize(
    ("expectation", "answer", "broken"),
    [
        (Expectation(), exchange(500), False),
        (Expectation(statuses=("4XX",)), exchange(404), False),
        (Expectation(statuses=("4XX",)), exchange(200), True),
        (Expectation(never=("5XX",)), exchange(500), True),
        (Expectation(never=("5XX",)), exchange(499), False),
        (Expectation(statuses=("2XX",), never=("204",)), exchange(204), True),
        (Expectation(never=("5XX",)), exchange(0), False),
        (Expectation(statuses=("200",)), exchange(0), False),
        (Expectation(answered=True), exchange(0), True),
        (Expectation(answered=True), exchange(200), False),
        (Expectation(header="Allow"), exchange(405, allow="GET"), False),
        (Expectation(header="Allow"), exchange(405), True),
        (Expectation(without="marker-7"), exchange(200, b"... marker-7 ..."), True),
        (Expectation(without="marker-7"), exchange(200, b"... marker-8 ..."), False),
        # values in the answer
        (Expectation(holds="c1"), exchange(200, b'{"items": [{"id": "c1"}]}'), False),
        (Expectation(holds="c1"), exchange(200, b'{"c1": "x"}'), True),
        (Expectation(holds="7"), exchange(200, b"[7]"), False),
        (Expectation(holds=7), exchange(200, b'["7"]'), False),
        (Expectation(holds=True), exchange(200, b"[true]"), False),
        (Expectation(holds="c1"), exchange(200, b"no JSON c1"), True),
        (Expectation(lacks="c1"), exchange(200, b'["c1"]'), True),
        (Expectation(lacks="c1"), exchange(200, b'["c10"]'), False),
        (Expectation(lacks="c1"), exchange(200, b"no JSON"), False),
        (Expectation(at=("/a/0", "x")), exchange(200, b'{"a": ["x"]}'), False),
        (Expectation(at=("/a/0", "x")), exchange(200, b'{"a": ["y"]}'), True),
        (Expectation(at=("/a/0", "x")), exchange(200, b'{"a": []}'), True),
        (Expectation(at=("/a", False)), exchange(200, b'{"a": false}'), False),
        (Expectation(at=("/a", False)), exchange(200, b'{"a": true}'), True),
        (Expectation(at=("/a", 7)), exchange(200, b'{"a": "7"}'), False),
        (Expectation(most=2), exchange(200, b'{"items": [1, 2]}'), False),
        (Expectation(most=2), exchange(200, b'{"items": [1, 2, 3]}'), True),
        (Expectation(most=2), exchange(200, b'{"a": 1}'), False),
        # shapes
        (Expectation(text_at=("/at", r"\d+")), exchange(200, b'{"at": "17"}'), False),
        (Expectation(text_at=("/at", r"\d+")), exchange(200, b'{"at": "17x"}'), True),
        (Expectation(text_at=("/at", r"\d+")), exchange(200, b'{"at": 17}'), True),
        (Expectation(text_at=("/at", r"\d+")), exchange(200, b"{}"), False),
        (Expectation(absent="/secret"), exchange(200, b'{"secret": null}'), True),
        (Expectation(absent="/secret"), exchange(200, b'{"open": 1}'), False),
        (Expectation(unlike="Traceback"), exchange(500, b"Traceback (most recent"), True),
        (Expectation(unlike="Traceback"), exchange(500, b"\xff sorry"), False),
        # headers
        (Expectation(header="X-Id", matches="[a-f]+"), exchange(200, x_id="abc"), False),
        (Expectation(header="X-Id", matches="[a-f]+"), exchange(200, x_id="abz"), True),
        (Expectation(header="X-Id", header_is="abc"), exchange(200, x_id="abd"), True),
        (Expectation(header="X-Id", header_is="abc"), exchange(200, x_id="abc"), False),
        (Expectation(header="X-Id", header_not="abc"), exchange(200, x_id="abc"), True),
        (Expectation(header_unlike=("Server", r"\d")), exchange(200, server="Parks/8"), True),
        (Expectation(header_unlike=("Server", r"\d")), exchange(200, server="Parks"), False),
        (Expectation(header_unlike=("Server", r"\d")), exchange(200), False),
    ],
)
def test_what_breaks_an_expectation(expectation: Expectation, answer: Exchange, broken: bool) -> None:
    """Each part of an expectation is broken by exactly what it speaks of."""
    assert expectation.is_broken_by(answer, None) is broken


def test_a_breach_is_recognised_by_its_place(contract: Contract) -> None:
    """The same breach breaks the expectation; a whole answer, or another breach, does not."""
    wrong = exchange(200, b'{"size": "big"}')
    (found,) = breaches(wrong, contract)
    expectation = Expectation(breach=found)
    assert found[0] == "schema"
    assert found[1].startswith("#/paths/~1parks/get/responses/200/")
    assert found[2] == "type"
    assert expectation.is_broken_by(wrong, contract)
    assert not expectation.is_broken_by(exchange(200), contract)
    assert not expectation.is_broken_by(exchange(200, b"{}"), contract)
    assert not expectation.is_broken_by(wrong, None)


def test_what_the_contract_does_not_know_breaks_nothing(contract: Contract) -> None:
    """An answer of no declared operation, or none at all, has no breaches."""
    unknown = Exchange(Step("GET", "/", operation="GET /elsewhere"), exchange(200).response)
    assert breaches(unknown, contract) == set()
    assert breaches(exchange(0), contract) == set()


@pytest.mark.parametrize(
    ("expectation", "record"),
    [
        (Expectation(), {}),
        (Expectation(statuses=("4XX",)), {"statuses": ["4XX"]}),
        (Expectation(never=("5XX",)), {"never": ["5XX"]}),
        (Expectation(answered=True), {"answered": True}),
        (Expectation(breach=("schema", "#/a", "type")), {"breach": ["schema", "#/a", "type"]}),
        (Expectation(header="Allow", without="x"), {"header": "Allow", "without": "x"}),
        (Expectation(holds="c1", lacks=7), {"holds": "c1", "lacks": 7}),
        (Expectation(holds=Reference(step="s0", pointer="/id")), {"holds": {"from": "s0", "pointer": "/id"}}),
        (
            Expectation(at=("/a", Reference(step="s0", header="ETag"))),
            {"at": ["/a", {"from": "s0", "header": "ETag"}]},
        ),
        (Expectation(most=2, absent="/a", unlike="x"), {"most": 2, "absent": "/a", "unlike": "x"}),
        (Expectation(header="A", matches="b"), {"header": "A", "matches": "b"}),
        (
            Expectation(header="A", header_is="b", header_not="c"),
            {"header": "A", "header_is": "b", "header_not": "c"},
        ),
        (Expectation(text_at=("/a", "b")), {"text_at": ["/a", "b"]}),
        (Expectation(header_unlike=("A", "b")), {"header_unlike": ["A", "b"]}),
    ],
)
def test_the_record_brings_an_expectation_back(expectation: Expectation, record: dict[str, object]) -> None:
    """What is left open is left out, and JSON in between changes nothing."""
    read = json.loads(json.dumps(expectation.as_record()))
    assert read == record
    assert expectation_from(read) == expectation


def test_values_that_a_system_gave_can_be_replaced() -> None:
    """What came from the system is known by name, so that a replay compares with what it gets then."""
    expectation = Expectation(statuses=("200",), holds="c1", at=("/a", "old"))
    assert expectation.given == {"holds": "c1", "at": ("/a", "old")}
    fresh = expectation.with_given({"holds": "c2", "at": ("/a", "new")})
    assert fresh == Expectation(statuses=("200",), holds="c2", at=("/a", "new"))
