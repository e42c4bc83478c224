"""Which generated exchange is held against a system, under which rule, and which is passed over in silence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from parks import CONTRACT, Answer, Asked, Parks, answer, serving, target_of

from joinedup.conformance.exchanges import MISSING, Exchange, Response, Step
from joinedup.conformance.findings import Finding
from joinedup.conformance.generated import Generated, Observation
from joinedup.conformance.judging import Judge, Outcomes, judge_observation
from joinedup.conformance.target import Target

PARK = {"id": "p-one", "name": "Amber Green"}
JSON = "application/json"


@pytest.fixture(scope="module")
def target() -> Target:
    """The parks as a target that nothing is sent to; reading a park may also answer 503."""
    contract = json.loads(json.dumps(CONTRACT))
    contract["paths"]["/parks/{parkId}"]["head"] = {
        "parameters": [{"name": "parkId", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {"200": {"description": "x", "content": {JSON: {"schema": {"type": "object"}}}}},
    }
    return target_of("http://127.0.0.1:9", contract=contract)


def observed(
    status: int,
    body: Any = MISSING,
    *,
    method: str = "GET",
    park: str = "p-one",
    positive: bool | None = True,
    fault: tuple[str, str, str] = ("", "", ""),
    failures: tuple[str, ...] = (),
    media_type: str = JSON,
    cut: str = "",
    label: str = "",
    phase: str = "fuzzing",
    **headers: str,
) -> Observation:
    """An exchange about a park; status 0 for no answer."""
    content = b"" if body is MISSING else body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    received = httpx.Headers({**({"Content-Type": media_type} if content else {}), **sent})
    label = label or f"{method} /parks/{{parkId}}"
    step = Step(method, "/parks/{parkId}", {"parkId": park}, operation=label)
    response = Response(status, received, content, cut=cut) if status else None
    return Observation(
        phase, positive, fault, failures, Exchange(step, response, "" if status else "no answer came")
    )


def wrong(
    *failures: str, status: int = 200, fault: tuple[str, str, str] = ("body", "name", "too long"), **more: Any
) -> Observation:
    """A request that the contract rules out, and its answer."""
    body = PARK if status < 300 else {"title": "No."}
    return observed(
        status,
        body,
        method="PUT",
        positive=more.pop("positive", False),
        fault=fault,
        failures=failures,
        **more,
    )


SILENT = [
    observed(200, PARK),
    observed(404, {"title": "No."}),
    observed(404, {"title": "No."}, positive=False),
    *(
        observed(s, b"<p>", media_type="text/html")
        for s in (405, 406, 408, 411, 413, 414, 415, 421, 426, 429, 431)
    ),
    observed(503, b"later", media_type="text/plain", Retry_After="30"),
    observed(200, method="HEAD"),
    observed(200, b"<p>", method="HEAD", media_type="text/html"),
    observed(418, {"a": 1}, park="a/b"),
    observed(418, {"a": 1}, park=".."),
    observed(418, {"a": 1}, park="."),
    observed(418, {"a": 1}, park=" "),
    observed(418, {"a": 1}, park="a;b"),
    observed(418, {"a": 1}, park="a%2Fb"),
    observed(418, {"a": 1}, park="a\0"),
    observed(418, {"a": 1}, park="a?b"),
    observed(418, {"a": 1}, park="a#b"),
    observed(418, {"a": 1}, park="a\\b"),
    observed(418, {"a": 1}, label="GET /elsewhere"),
    wrong("ST201", status=400),
    wrong("ST201", status=404),
    wrong(),
    wrong("ST202"),
    wrong("ST201", positive=None),
    wrong("ST201", positive=True),
    wrong("ST201", fault=("cookie", "session", "missing parameter")),
    wrong("ST201", fault=("header", "", "object unexpected properties")),
    wrong("ST203", fault=("header", "Idempotency-Key", "missing parameter")),
]
RULES = [
    (observed(0), "no-answer"),
    (observed(0, positive=False), "no-answer"),
    (observed(200, PARK, cut="larger than limits.max_response_bytes"), "endless-answer"),
    (observed(500, cut="slower than limits.timeout_s"), "endless-answer"),
    (observed(500, {"title": "No."}), "server-error"),
    (observed(500, {"title": "No."}, positive=False), "server-error"),
    (observed(500, {"title": "No."}, park="a/b"), "server-error"),
    (observed(502), "server-error"),
    (observed(503), "server-error"),
    (observed(500, Retry_After="30"), "server-error"),
    (observed(500, method="HEAD"), "server-error"),
    (observed(418, {"a": 1}), "undeclared-status"),
    (observed(202, PARK), "undeclared-status"),
    (observed(302, Location="/"), "undeclared-status"),
    (observed(418, {"a": 1}, park="a.b"), "undeclared-status"),
    (observed(200, {"id": 7, "name": "x"}), "contract-schema"),
    (observed(200, {"id": "p"}), "contract-schema"),
    (observed(404, {"detail": "x"}), "contract-schema"),
    (observed(200, b"<p>", media_type="text/html"), "contract-undeclared-media-type"),
    (observed(200, b"{"), "contract-body-not-parsable"),
    (wrong("ST201"), "invalid-input-accepted"),
    (wrong("ST203", fault=("header", "If-Match", "missing parameter")), "invalid-input-accepted"),
    (wrong("ST201", fault=("query", "limit", "value below minimum")), "invalid-input-accepted"),
    (wrong("ST201", fault=("", "", "incorrect type")), "invalid-input-accepted"),
]


def shown(observation: Observation) -> str:
    """A name for a row of the tables."""
    step = observation.exchange.step
    return f"{step.method} {step.path_parameters['parkId']!a} {observation.exchange.status} {observation.positive} {observation.fault[0]}"


@pytest.mark.parametrize("observation", SILENT, ids=shown)
def test_what_is_passed_over(target: Target, observation: Observation) -> None:
    """Right answers, refusals of wrong requests, what the HTTP layer says, and what another operation may have said."""
    assert list(judge_observation(target, observation)) == []


@pytest.mark.parametrize(
    ("observation", "rule"), RULES, ids=lambda value: value if isinstance(value, str) else shown(value)
)
def test_what_is_held_against_a_system(target: Target, observation: Observation, rule: str) -> None:
    """Each way of going wrong has one rule, with sentences that end and hold no value of the system."""
    (suspicion,) = judge_observation(target, observation)
    assert suspicion.rule == rule
    assert suspicion.exchanges == (observation.exchange,)
    assert suspicion.requirements
    assert suspicion.expected.endswith(".")
    assert suspicion.actual.endswith(".")
    assert "Amber" not in f"{suspicion.title} {suspicion.expected} {suspicion.actual} {suspicion.where}"
    assert not any(character.isdigit() for character in suspicion.title)


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        (("body", "name", "too long"), "because the body property name is"),
        (("body", "", "incorrect type"), "because the body is"),
        (("query", "limit", "below"), "because the query parameter limit is"),
        (("header", "X-A", "missing"), "because the header X-A is"),
        (("path", "parkId", "short"), "because the path parameter parkId is"),
        (("", "", "odd"), "because the request is"),
    ],
)
def test_the_place_of_a_wrong_input_is_told(target: Target, fault: tuple[str, str, str], place: str) -> None:
    """The sentence names the part that was wrong, and how."""
    (suspicion,) = judge_observation(target, wrong("ST201", fault=fault))
    assert place in suspicion.expected
    assert f"({fault[2]})" in suspicion.actual


def test_what_breaks_a_schema_is_broken_again_by_the_same_place_only(target: Target) -> None:
    """The expectation of a breach is broken by the same breach, and not by a right answer or another breach."""
    (suspicion,) = judge_observation(target, observed(200, {"id": 7, "name": "x"}))
    again = {
        name: observed(200, body).exchange
        for name, body in (("same", {"id": 8, "name": "y"}), ("other", {"id": "p"}), ("right", PARK))
    }
    broken = {
        name
        for name, exchange in again.items()
        if suspicion.expectation.is_broken_by(exchange, target.contract)
    }
    assert broken == {"same"}


# --- one cause, one finding


def gathered(target: Target, *observations: Observation) -> Judge:
    """A judge that has seen these observations."""
    judge = Judge(target)
    for observation in observations:
        judge(observation)
    return judge


@pytest.mark.parametrize(
    ("observations", "causes"),
    [
        ([observed(500), observed(500, park="p-two")], 1),
        ([observed(500), observed(502)], 2),
        ([observed(500), observed(500, method="PUT")], 2),
        ([observed(418), observed(418, method="PUT")], 1),
        ([observed(418), observed(419)], 1),
        ([observed(418), observed(302)], 2),
        ([observed(200, {"id": 7, "name": "x"}), observed(200, {"id": 8, "name": "x"})], 1),
        ([observed(200, {"id": 7, "name": "x"}), observed(200, {"id": "p", "name": 7})], 2),
        ([wrong("ST201"), wrong("ST201", "ST203")], 1),
        ([wrong("ST201"), wrong("ST201", fault=("body", "name", "too short"))], 2),
        ([wrong("ST201", fault=("query", name, "incorrect type")) for name in ("limit", "offset")], 1),
        (
            [
                wrong("ST201", fault=("query", "limit", f"value {how}"))
                for how in ("above maximum", "below minimum")
            ],
            1,
        ),
        ([wrong("ST201", fault=(where, "limit", "incorrect type")) for where in ("query", "body")], 2),
        ([observed(0), observed(0, park="p-two")], 1),
    ],
)
def test_one_cause_is_one_finding(target: Target, observations: list[Observation], causes: int) -> None:
    """Exchanges that share their cause are counted, not listed; another place, status or fault is another cause."""
    judge = gathered(target, *observations)
    assert len(judge.suspicions) == causes
    assert sum(suspicion.count for suspicion in judge.suspicions.values()) == len(observations)
    assert judge.judged == len(observations)


def test_the_ways_in_which_a_cause_showed_are_told(target: Target) -> None:
    """A finding that stands for several statuses or parts names them all."""
    judge = gathered(target, observed(418), observed(419), observed(418, method="PUT"))
    with serving(Parks()) as base_url:
        judge.target = target_of(base_url)
        ((finding, _),) = judge.findings()
        judge.target.client.close()
    assert finding.advice.startswith("Declare the status for the operations listed")
    assert "It was seen with: 418; 419." in finding.advice


LIMIT: dict[str, Any] = {
    "bound": {"type": "integer", "minimum": 1, "maximum": 9},
    "nested": {"anyOf": [{"type": "integer", "maximum": 9}, {"type": "null"}]},
    "format": {"type": "integer", "format": "int32"},
}


@pytest.mark.parametrize(
    ("schema", "how", "held"),
    [
        ("bound", "value above maximum", 1),
        ("bound", "value below minimum", 1),
        ("nested", "value above maximum", 1),
        ("nested", "value below minimum", 0),
        ("format", "value above maximum", 0),
        ("format", "incorrect type", 1),
    ],
)
@pytest.mark.parametrize("location", ["query", "body"])
def test_a_format_is_no_bound(schema: str, how: str, held: int, location: str) -> None:
    """A number beyond 32 bits is ruled out by a declared maximum, not by ``format: int32``, which only describes."""
    contract = json.loads(json.dumps(CONTRACT))
    body = {
        "type": "object",
        "properties": {"list": {"type": "array", "items": {"properties": {"limit": LIMIT[schema]}}}},
    }
    contract["paths"]["/parks"]["post"]["requestBody"]["content"][JSON]["schema"] = body
    contract["paths"]["/parks"]["post"]["parameters"] = [
        {"name": "limit", "in": "query", "schema": LIMIT[schema]}
    ]
    name = "limit" if location == "query" else "list.*.limit"
    seen = wrong("ST201", fault=(location, name, how))
    step = replace(
        seen.exchange.step, method="POST", path="/parks", operation="POST /parks", path_parameters={}
    )
    observation = replace(seen, exchange=replace(seen.exchange, step=step))
    accepted = [
        s
        for s in judge_observation(target_of("http://127.0.0.1:9", contract=contract), observation)
        if s.rule == "invalid-input-accepted"
    ]
    assert len(accepted) == held


def test_the_simplest_example_stands_for_its_cause(target: Target) -> None:
    """Of all exchanges with one cause the shortest is shown, whenever it came; operations and phases are all kept."""
    judge = gathered(
        target,
        observed(418, park="p-rather-long", phase="coverage"),
        observed(418, park="p"),
        observed(418, park="p-longer", method="PUT"),
    )
    ((key, suspicion),) = judge.suspicions.items()
    assert suspicion.last.step.path_parameters == {"parkId": "p"}
    assert suspicion.count == 3
    assert judge.operations[key] == {"GET /parks/{parkId}", "PUT /parks/{parkId}"}
    assert judge.phases[key] == {
        ("GET /parks/{parkId}", "coverage"),
        ("GET /parks/{parkId}", "fuzzing"),
        ("PUT /parks/{parkId}", "fuzzing"),
    }


# --- seen twice


@pytest.fixture
def broken() -> Iterator[tuple[Parks, Target]]:
    """The parks, failing on every read of one park."""

    def instead(asked: Asked) -> Answer | None:
        return answer(500, {"title": "No."}) if asked.path == "/parks/p-one" else None

    parks = Parks(instead)
    with serving(parks) as base_url:
        target = target_of(base_url)
        yield parks, target
        target.client.close()


def findings(target: Target, *observations: Observation) -> list[Finding]:
    """What a judge makes of these observations."""
    return [finding for finding, _ in gathered(target, *observations).findings()]


def test_a_fault_that_shows_again_is_confirmed(broken: tuple[Parks, Target]) -> None:
    """Each cause is asked for once more; the finding lists every operation that showed it."""
    parks, target = broken
    (finding,) = findings(target, observed(500), observed(500))
    assert finding.confirmed
    assert finding.count == 2
    assert finding.operations == ("GET /parks/{parkId}",)
    assert finding.steps[-1]["status"] == 500
    assert {asked.gist[:2] for asked in parks.asked} == {("GET", "/parks/p-one")}


def test_a_fault_that_does_not_show_again_is_not_confirmed(broken: tuple[Parks, Target]) -> None:
    """What was seen once only is reported as such."""
    _, target = broken
    (finding,) = findings(target, observed(500, park="p-two"))
    assert not finding.confirmed


def test_a_finding_is_reported_by_one_item_only(target: Target) -> None:
    """A cause that several operations and phases showed is counted by the first of them."""
    finding = Finding("undeclared-status", ("CON-API-03",), "t", "e", "a", "w")
    pairs = {("GET /parks", "fuzzing"), ("GET /parks", "coverage"), ("PUT /parks", "coverage")}
    outcomes = Outcomes(target, Generated(), [(finding, pairs)])
    assert [pair for pair in sorted(pairs) if outcomes.of(*pair)] == [("GET /parks", "coverage")]
    assert outcomes.of("GET /parks", "coverage") == [replace(finding)]
