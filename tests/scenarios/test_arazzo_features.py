"""The conformance cases: one row for each thing that a feature of Arazzo does when it is played."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from arazzo_plays import AWAY, NONE, OK, Answer, one_step, played, written

from joinedup.conformance.exchanges import Text
from joinedup.conformance.outcomes import Outcome
from joinedup.scenarios.played import Played

PARK = "operationId: getPark\nparameters:\n  - {name: id, in: path, value: p1}\n"


def ids(found: Played) -> list[str]:
    """The steps that were played, in order."""
    return [step.id for step in found.steps if step.outcome is not Outcome.BLOCKED]


# Requests

REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "operationId",
        "{operationId: getPark, parameters: [{name: id, in: path, value: p/1}]}",
        {"url": "/parks/p%2F1"},
    ),
    (
        "operationId with source",
        "{operationId: $sourceDescriptions.parks.getPark, parameters: [{name: id, in: path, value: p1}]}",
        {"url": "/parks/p1"},
    ),
    (
        "operationPath",
        "{operationPath: '{$sourceDescriptions.parks.url}#/paths/~1parks~1{id}/get', parameters: [{name: id, in: path, value: 7}]}",
        {"url": "/parks/7"},
    ),
    ("query", PARK + "  - {name: q, in: query, value: true}", {"query": (("q", True),)}),
    (
        "query, list",
        PARK + "  - {name: tags, in: query, value: [a, b]}",
        {"query": (("tags", "a"), ("tags", "b"))},
    ),
    ("query, pipes", PARK + "  - {name: ids, in: query, value: [a, b]}", {"query": (("ids", "a|b"),)}),
    ("query, object", PARK + "  - {name: box, in: query, value: {w: 1}}", {"query": (("box[w]", 1),)}),
    ("query, undeclared", PARK + "  - {name: more, in: query, value: {w: 1}}", {"query": (("w", 1),)}),
    ("header", PARK + "  - {name: X-On, in: header, value: true}", {"headers": {"X-On": "true"}}),
    ("header, list", PARK + "  - {name: X-On, in: header, value: [1, a]}", {"headers": {"X-On": "1,a"}}),
    (
        "cookie",
        PARK + "  - {name: a, in: cookie, value: 1}\n  - {name: b, in: cookie, value: x}",
        {"headers": {"Cookie": "a=1; b=x"}},
    ),
    ("optional value", PARK + "  - {name: q, in: query, value: $inputs.none}", {"query": ()}),
    (
        "payload, object",
        "{operationId: addPark, requestBody: {payload: {name: $inputs.name, note: $inputs.none, n: 'x{$inputs.n}'}}}",
        {"body": {"name": "Siân", "n": "x3"}, "media_type": "application/json"},
    ),
    (
        "payload, expression",
        "{operationId: addPark, requestBody: {payload: $inputs.order}}",
        {"body": {"a": [1, 2]}},
    ),
    (
        "payload, JSON text",
        """{operationId: addPark, requestBody: {contentType: application/json, payload: '{"n": {$inputs.n}, "t": "{$inputs.quoted}"}'}}""",
        {"body": {"n": 3, "t": 'say "hi"'}},
    ),
    (
        "payload, XML text",
        "{operationId: addPark, requestBody: {contentType: application/xml, payload: '<n>{$inputs.n}</n>'}}",
        {"body": Text("<n>3</n>"), "media_type": "application/xml"},
    ),
    (
        "payload, form",
        "{operationId: sendForm, requestBody: {payload: {a: $inputs.quoted, b: 1}}}",
        {"body": Text("a=say+%22hi%22&b=1"), "media_type": "application/x-www-form-urlencoded"},
    ),
    (
        "payload, form text",
        "{operationId: sendForm, requestBody: {contentType: application/x-www-form-urlencoded, payload: 'a={$inputs.n}'}}",
        {"body": Text("a=3")},
    ),
    (
        "replacements",
        """
        operationId: addPark
        requestBody:
          payload: {a: {b: [1, 2]}, gone: 1}
          replacements:
            - {target: /a/b/0, value: $inputs.n}
            - {target: /a/b/-, value: 9}
            - {target: /a/new~1key, value: {x: "{$inputs.name}"}}
            - {target: /gone, value: $inputs.none}
        """,
        {"body": {"a": {"b": [3, 2, 9], "new/key": {"x": "Siân"}}}},
    ),
    (
        "replacement of all",
        "{operationId: addPark, requestBody: {payload: {a: 1}, replacements: [{target: '', value: [1]}]}}",
        {"body": [1]},
    ),
    (
        "components in a value",
        "{operationId: getPark, parameters: [{name: id, in: path, value: $components.parameters.id}]}",
        {"url": "/parks/c1"},
    ),
    (
        "reusable parameter",
        "{operationId: getPark, parameters: [{reference: $components.parameters.id}]}",
        {"url": "/parks/c1"},
    ),
    (
        "reusable parameter with a value",
        "{operationId: getPark, parameters: [{reference: $components.parameters.id, value: $inputs.n}]}",
        {"url": "/parks/3"},
    ),
    (
        "address of a source",
        PARK + "  - {name: q, in: query, value: $sourceDescriptions.parks.url}",
        {"query": (("q", "https://parks.example"),)},
    ),
]
INPUTS = """
type: object
properties:
  none: {type: string}
  name: {type: string, default: Siân}
  n: {type: integer, default: 3}
  quoted: {default: say "hi"}
  order: {default: {a: [1, 2]}}
"""
COMPONENTS = {"parameters": {"id": {"name": "id", "in": "path", "value": "c1"}}}


@pytest.mark.parametrize(("feature", "step", "sent"), REQUESTS, ids=[row[0] for row in REQUESTS])
def test_a_request_is_what_the_step_says(feature: str, step: str, sent: dict[str, Any]) -> None:
    """Every place of a parameter and every form of a payload becomes the request that the contract describes."""
    document = {**one_step(step, INPUTS), "components": COMPONENTS}
    _, stage = played(document)
    found = stage.sent[0]
    assert {key: found.url_path() if key == "url" else getattr(found, key) for key in sent} == sent


# Success and what follows it

CRITERIA: list[tuple[str, str, Answer, Outcome]] = [
    ("simple", "[{condition: $statusCode == 200}]", OK, Outcome.PASS),
    ("simple, not held", "[{condition: $statusCode == 201}]", OK, Outcome.FAIL),
    (
        "all must hold",
        "[{condition: $statusCode == 200}, {condition: $response.body#/area > 3}]",
        OK,
        Outcome.FAIL,
    ),
    ("regex", "[{context: $statusCode, condition: '^200$', type: regex}]", OK, Outcome.PASS),
    (
        "regex on an object",
        "[{context: $response.body, condition: '^(?!.*secret)', type: regex}]",
        OK,
        Outcome.PASS,
    ),
    ("regex, found", "[{context: $response.body, condition: '^(?!.*Green)', type: regex}]", OK, Outcome.FAIL),
    ("regex, no value", "[{context: $response.header.ETag, condition: '.*', type: regex}]", OK, Outcome.FAIL),
    (
        "jsonpath",
        "[{context: $response.body, condition: '$.gates[?@ == \"S\"]', type: jsonpath}]",
        OK,
        Outcome.PASS,
    ),
    (
        "jsonpath, none",
        "[{context: $response.body, condition: '$.gates[9]', type: jsonpath}]",
        OK,
        Outcome.FAIL,
    ),
    (
        "jsonpath with a version",
        "[{context: $response.body, condition: $.gates, type: {type: jsonpath, version: draft-goessner-dispatch-jsonpath-00}}]",
        OK,
        Outcome.PASS,
    ),
    ("simple, named", "[{condition: $statusCode == 200, type: simple}]", OK, Outcome.PASS),
    ("none, below 400", "[]", OK, Outcome.PASS),
    ("none, 400 or more", "[]", NONE, Outcome.FAIL),
    ("a refusal that is waited for", "[{condition: $statusCode == 404}]", NONE, Outcome.PASS),
    (
        "an answer that breaks its contract",
        "[{condition: $statusCode == 200}]",
        Answer(body={"area": "wide"}),
        Outcome.FAIL,
    ),
    ("a status that is not declared", "[{condition: $statusCode == 410}]", Answer(410, ""), Outcome.FAIL),
    ("no answer", "[]", Answer(error="no answer within 10 s"), Outcome.FAIL),
    ("no connection", "[]", Answer(error="no connection could be made"), Outcome.SETUP_ERROR),
]


@pytest.mark.parametrize(
    ("feature", "criteria", "answer", "outcome"), CRITERIA, ids=[row[0] for row in CRITERIA]
)
def test_a_step_succeeds_by_its_criteria(
    feature: str, criteria: str, answer: Answer, outcome: Outcome
) -> None:
    """A step succeeds where all its criteria hold and the answer keeps its contract."""
    document = one_step(PARK)
    document["workflows"][0]["steps"][0]["successCriteria"] = yaml.safe_load(criteria)
    found, _ = played(document, [answer])
    assert found.outcome is outcome
    assert (found.reason is None) == (outcome is Outcome.PASS)


NAMED = "{properties: {told: {type: string, default: Green}, kept: {type: string, default: '(a.b'}, none: {type: string}}}"


@pytest.mark.parametrize(
    ("pattern", "outcome"),
    [
        ("^(?!.*{$inputs.told})", Outcome.FAIL),
        ("{$inputs.told}", Outcome.PASS),
        ("^(?!.*{$inputs.kept})", Outcome.PASS),
        ("^(?!.*{$inputs.none})", Outcome.FAIL),
    ],
)
def test_a_pattern_names_values(pattern: str, outcome: Outcome) -> None:
    """An expression stands for its value letter by letter; that something unknown is not told is never true."""
    document = one_step(PARK, NAMED)
    criterion = {"context": "$response.body", "condition": pattern, "type": "regex"}
    document["workflows"][0]["steps"][0]["successCriteria"] = [criterion]
    assert played(document)[0].outcome is outcome


STEPS = """
  - workflowId: w
    inputs: {type: object, properties: {id: {type: string, default: p1}}}
    %s
    steps:
      - {stepId: a, operationId: getPark, parameters: &id [{name: id, in: path, value: $inputs.id}], outputs: {name: $response.body#/name}, %s}
      - {stepId: b, operationId: getPark, parameters: *id}
      - {stepId: c, operationId: getPark, parameters: *id}
    outputs: {name: $steps.a.outputs.name}
  - workflowId: other
    inputs: {type: object, properties: {id: {type: string}}}
    steps:
      - {stepId: o, operationId: getPark, parameters: [{name: id, in: path, value: $inputs.id}]}
"""
RETRY = "onFailure: [{name: again, type: retry, retryAfter: 2.5, retryLimit: 3}]"
FLOWS: list[tuple[str, str, str, list[Answer], list[str], Outcome, list[float]]] = [
    ("one after another", "", "", [OK], ["a", "b", "c"], Outcome.PASS, []),
    ("end", "", "onSuccess: [{name: e, type: end}]", [OK], ["a"], Outcome.PASS, []),
    ("goto", "", "onSuccess: [{name: g, type: goto, stepId: c}]", [OK], ["a", "c"], Outcome.PASS, []),
    (
        "goto workflow",
        "",
        "onSuccess: [{name: g, type: goto, workflowId: other}]",
        [OK],
        ["o"],
        Outcome.PASS,
        [],
    ),
    (
        "the first action whose criteria hold",
        "",
        "onSuccess: [{name: e, type: end, criteria: [{condition: $statusCode == 404}]}, {name: g, type: goto, stepId: c}]",
        [OK],
        ["a", "c"],
        Outcome.PASS,
        [],
    ),
    (
        "an action sees the step's outputs",
        "",
        "onSuccess: [{name: g, type: goto, stepId: c, criteria: [{condition: $steps.a.outputs.name == 'green'}]}]",
        [OK],
        ["a", "c"],
        Outcome.PASS,
        [],
    ),
    (
        "no action fits",
        "",
        "onSuccess: [{name: e, type: end, criteria: [{condition: 'false'}]}]",
        [OK],
        ["a", "b", "c"],
        Outcome.PASS,
        [],
    ),
    ("for all steps", "successActions: [{name: e, type: end}]", "", [OK], ["a"], Outcome.PASS, []),
    (
        "overridden by name",
        "successActions: [{name: e, type: end}]",
        "onSuccess: [{name: e, type: goto, stepId: c}]",
        [OK],
        ["a", "c"],
        Outcome.PASS,
        [],
    ),
    (
        "reusable action",
        "",
        "onSuccess: [{reference: $components.successActions.stop}]",
        [OK],
        ["a"],
        Outcome.PASS,
        [],
    ),
    ("a failure ends it", "", "", [NONE], ["a"], Outcome.FAIL, []),
    ("failure, end", "", "onFailure: [{name: e, type: end}]", [NONE], ["a"], Outcome.FAIL, []),
    (
        "failure, goto",
        "",
        "onFailure: [{name: g, type: goto, stepId: c}]",
        [NONE, OK],
        ["a", "c"],
        Outcome.PASS,
        [],
    ),
    ("retry", "", RETRY, [AWAY, AWAY, OK], ["a", "b", "c"], Outcome.PASS, [2.5, 2.5]),
    ("retry, used up", "", RETRY, [AWAY], ["a"], Outcome.FAIL, [2.5, 2.5, 2.5]),
    (
        "retry once unless said",
        "",
        "onFailure: [{name: again, type: retry}]",
        [AWAY],
        ["a"],
        Outcome.FAIL,
        [0],
    ),
    (
        "retry, never",
        "",
        "onFailure: [{name: again, type: retry, retryLimit: 0}]",
        [AWAY],
        ["a"],
        Outcome.FAIL,
        [],
    ),
    (
        "Retry-After overrules",
        "",
        RETRY,
        [Answer(503, "", {"Retry-After": "30"}), OK],
        ["a", "b", "c"],
        Outcome.PASS,
        [30],
    ),
    (
        "retry, then the next action",
        "",
        "onFailure: [{name: r, type: retry, retryLimit: 1}, {name: g, type: goto, stepId: c}]",
        [AWAY, AWAY, OK],
        ["a", "c"],
        Outcome.PASS,
        [0],
    ),
    (
        "retry by criteria",
        "",
        "onFailure: [{name: r, type: retry, criteria: [{condition: $statusCode == 503}]}]",
        [NONE],
        ["a"],
        Outcome.FAIL,
        [],
    ),
    (
        "retry after a step",
        "",
        "onFailure: [{name: r, type: retry, stepId: c}]",
        [AWAY, OK],
        ["c", "a", "b", "c"],
        Outcome.PASS,
        [0],
    ),
    (
        "retry after a workflow",
        "",
        "onFailure: [{name: r, type: retry, workflowId: other}]",
        [AWAY, OK],
        ["a", "b", "c"],
        Outcome.PASS,
        [0],
    ),
    (
        "failure actions for all steps",
        "failureActions: [{name: r, type: retry}]",
        "",
        [AWAY, OK],
        ["a", "b", "c"],
        Outcome.PASS,
        [0],
    ),
    (
        "parameters for all steps",
        "parameters: [{name: X-All, in: header, value: $inputs.id}]",
        "",
        [OK],
        ["a", "b", "c"],
        Outcome.PASS,
        [],
    ),
]


@pytest.mark.parametrize(
    ("feature", "workflow", "step", "answers", "steps", "outcome", "waits"),
    FLOWS,
    ids=[row[0] for row in FLOWS],
)
def test_the_flow_is_what_the_actions_say(
    feature: str,
    workflow: str,
    step: str,
    answers: list[Answer],
    steps: list[str],
    outcome: Outcome,
    waits: list[float],
) -> None:
    """End, goto and retry lead where they say, with their delays, limits and criteria."""
    more = "components: {successActions: {stop: {name: stop, type: end}}}"
    found, stage = played(written(STEPS % (workflow, step), more=more), answers)
    assert (ids(found), found.outcome, stage.waited) == (steps, outcome, waits)


def test_what_is_sent_before_a_retry_is_kept() -> None:
    """The exchanges of every attempt, and of a workflow between them, are in the result in order."""
    step = "onFailure: [{name: r, type: retry, workflowId: other}]"
    found, _ = played(written(STEPS % ("", step)), [AWAY, OK])
    assert [sent.exchange.status for sent in found.steps[0].everything_sent()] == [503, 200, 200]


def test_a_failure_blocks_the_rest_and_names_the_step() -> None:
    """Steps that cannot be played any more are blocked, and say after which one."""
    found, stage = played(written(STEPS % ("", "")), [NONE])
    assert [step.outcome for step in found.steps] == [Outcome.FAIL, Outcome.BLOCKED, Outcome.BLOCKED]
    assert "step a did not succeed" in str(found.steps[2].reason)
    assert len(stage.sent) == 1
    assert found.reason is found.steps[0].reason
    assert "404" in str(found.reason)


def test_a_loop_ends() -> None:
    """A goto that leads back for ever is ended."""
    found, _ = played(written(STEPS % ("", "onSuccess: [{name: g, type: goto, stepId: a}]")))
    assert found.outcome is Outcome.BLOCKED
    assert "never ends" in str(found.reason)


def test_two_workflows_may_lead_to_each_other_without_end() -> None:
    """A goto between workflows waits for nobody, so it may lead back; it is ended as well."""
    document = written(
        """
  - {workflowId: w, steps: [{stepId: a, operationId: getPark, parameters: &id [{name: id, in: path, value: p}], onSuccess: [{name: g, type: goto, workflowId: v}]}]}
  - {workflowId: v, steps: [{stepId: b, operationId: getPark, parameters: *id, onSuccess: [{name: g, type: goto, workflowId: w}]}]}
"""
    )
    found, _ = played(document)
    assert found.outcome is Outcome.BLOCKED
