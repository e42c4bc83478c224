"""Workflows that call workflows, what they are given, and where a play cannot go on."""

from __future__ import annotations

from typing import Any

import pytest
from arazzo_plays import ADDED, CITY, NONE, OK, Answer, Canned, linked, one_step, played, written

from joinedup.conformance.check import not_applicable
from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.operations import Operation
from joinedup.conformance.outcomes import Outcome
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.library import Source
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import InputsError, play

PARK = "operationId: getPark\nparameters: [{name: id, in: path, value: p1}]\n"
RETRIED = """
  - workflowId: w
    steps:
      - {stepId: a, operationId: getPark, parameters: &id [{name: id, in: path, value: p}], onFailure: [{name: r, type: retry}]}
      - {stepId: b, operationId: getPark, parameters: *id}
"""

# Workflows that call workflows

CAPABILITY = """
  - workflowId: add-park
    inputs:
      type: object
      required: [authorization, name]
      properties:
        authorization: {type: string}
        name: {type: string, minLength: 2}
        area: {type: number, default: 1.5}
        status: {type: integer, default: 201}
    steps:
      - stepId: add
        operationId: addPark
        parameters: [{name: authorization, in: header, value: $inputs.authorization}]
        requestBody: {payload: {name: $inputs.name, area: $inputs.area}}
        successCriteria: [{condition: $statusCode == $inputs.status}]
        outputs: {id: $response.body#/id, status: $statusCode, none: $response.body#/none}
    outputs: {id: $steps.add.outputs.id, status: $steps.add.outputs.status, none: $steps.add.outputs.none}
"""
JOURNEY = """
  - workflowId: w
    x-requirements: [SHR-02]
    inputs: {type: object, properties: {name: {type: string, default: Green}, token: {type: string}}}
    steps:
      - stepId: a
        workflowId: $sourceDescriptions.city.add-park
        %s
        parameters: [{name: authorization, value: $inputs.token}, {name: name, value: $inputs.name}]
        successCriteria: [{condition: $outputs.status == 201, x-requirements: [ACC-01]}, {condition: $outputs.none == null}]
        outputs: {id: $outputs.id, code: $statusCode}
      - {stepId: b, operationId: getPark, parameters: [{name: id, in: path, value: $steps.a.outputs.id}], x-requirements: [SHR-01]}
    outputs: {id: $steps.a.outputs.id, code: $steps.a.outputs.code}
"""


def journey(
    answers: list[Answer], *, actor: str = "x-actor: council", inputs: dict[str, Any] | None = None
) -> tuple[Played, Canned]:
    """A workflow that calls one of another document, played."""
    city = linked(written(CAPABILITY), name="city.arazzo.yaml")
    return played(written(JOURNEY % actor, sources=CITY), answers, inputs=inputs, others={"city": city})


def test_a_workflow_of_another_document_is_played() -> None:
    """Inputs go in with their defaults, outputs come back, and the last exchange is the step's own."""
    found, stage = journey([ADDED, OK])
    assert (found.outcome, dict(found.outputs)) == (Outcome.PASS, {"id": "p1", "code": 201})
    assert stage.sent[0].body == {"name": "Green", "area": 1.5}
    assert found.requirements() == {"SHR-02": Outcome.PASS, "ACC-01": Outcome.PASS, "SHR-01": Outcome.PASS}


def test_the_actor_is_whom_the_called_workflow_calls_as() -> None:
    """The credential is left to whoever sends: the request names the identity and holds no token."""
    _, stage = journey([ADDED, OK])
    assert (stage.sent[0].identity, dict(stage.sent[0].headers)) == ("council", {})
    assert stage.sent[1].identity is None


def test_without_an_actor_the_document_says_who_calls() -> None:
    """Any other runner passes the credential as an input, and so can this one."""
    _, stage = journey([ADDED, OK], actor="", inputs={"token": "Bearer t"})
    assert (stage.sent[0].identity, dict(stage.sent[0].headers)) == (None, {"authorization": "Bearer t"})


def test_a_called_workflow_that_fails_tells_why() -> None:
    """The step that called it fails with the reason of the step within, and its requirements are not met."""
    found, _ = journey([Answer(409, "")])
    assert [step.outcome for step in found.steps] == [Outcome.FAIL, Outcome.BLOCKED]
    reason = found.reason
    assert reason is not None
    assert reason.expected == "$statusCode == $inputs.status."
    assert reason.actual == "$statusCode is 409; $inputs.status is 201."
    assert reason.where.startswith("city.arazzo.yaml, workflow add-park, step add, #/workflows/0/steps/0")
    assert "POST /parks of parks" in reason.where
    assert found.requirements() == {"SHR-02": Outcome.FAIL, "ACC-01": Outcome.FAIL, "SHR-01": Outcome.BLOCKED}


def test_inputs_that_an_answer_made_wrong_fail_the_step() -> None:
    """What a called workflow does not take is told as what it expects, without the value."""
    found, stage = journey([OK], inputs={"name": "x"})
    assert not stage.sent
    assert "input name has at least 2 characters" in str(found.reason)


def test_a_step_that_calls_a_workflow_knows_its_last_exchange() -> None:
    """A workflow of the same document is called by its id, and $statusCode is that of its last exchange."""
    document = written(
        """
  - {workflowId: w, steps: [{stepId: a, workflowId: v, successCriteria: [{condition: $statusCode == 200}], outputs: {name: $response.body#/name}}], outputs: {name: $steps.a.outputs.name}}
  - {workflowId: v, steps: [{stepId: b, operationId: getPark, parameters: [{name: id, in: path, value: p}]}]}
"""
    )
    found, _ = played(document)
    assert dict(found.outputs) == {"name": "Green"}


DEPENDING = """
  - workflowId: w
    inputs: {type: object, properties: {id: {type: string, default: p9}}}
    dependsOn: [v, u]
    steps:
      - {stepId: a, operationId: getPark, parameters: [{name: id, in: path, value: $workflows.v.outputs.id}, {name: was, in: query, value: $workflows.v.inputs.id}]}
  - workflowId: v
    inputs: {type: object, properties: {id: {type: string}}}
    steps: [{stepId: b, operationId: getPark, parameters: [{name: id, in: path, value: $inputs.id}], outputs: {id: $response.body#/id}}]
    outputs: {id: $steps.b.outputs.id}
  - workflowId: u
    dependsOn: [v]
    steps: [{stepId: c, operationId: getPark, parameters: [{name: id, in: path, value: u}]}]
"""


def test_a_workflow_comes_after_those_that_it_depends_on() -> None:
    """Each is played once, before, with the inputs that it shares, and its outputs can be seen."""
    found, stage = played(written(DEPENDING))
    assert [step.url_path() for step in stage.sent] == ["/parks/p9", "/parks/u", "/parks/p1"]
    assert stage.sent[2].query == (("was", "p9"),)
    assert len(list(found.everything_sent())) == 3


def test_a_dependency_that_fails_blocks_the_workflow() -> None:
    """Nothing is played on top of what did not succeed; the reason names it."""
    found, stage = played(written(DEPENDING), [NONE])
    assert len(stage.sent) == 1
    assert found.outcome is Outcome.FAIL
    assert "workflow v, on which it depends" in str(found.steps[0].reason)


# Inputs


@pytest.mark.parametrize(
    ("schema", "inputs", "said"),
    [
        ("{type: object, required: [id], properties: {id: {type: string}}}", {}, "The input id is needed"),
        ("{type: object, properties: {id: {type: string}}}", {"id": 7}, "the input id is a string"),
        ("{type: object, properties: {id: {enum: [a, b]}}}", {"id": "c"}, 'the input id is one of "a", "b"'),
        ("{$ref: '#/components/inputs/i'}", {"n": "x"}, "the input n is a whole number"),
        (
            "{type: object, properties: {id: {type: string}}, additionalProperties: false}",
            {"no": 1},
            "only the properties",
        ),
    ],
)
def test_wrong_inputs_are_told_before_anything_is_sent(
    schema: str, inputs: dict[str, Any], said: str
) -> None:
    """Inputs that the JSON Schema does not allow are refused in words, without their values."""
    document = {
        **one_step(PARK, schema),
        "components": {"inputs": {"i": {"properties": {"n": {"type": "integer"}}}}},
    }
    stage = Canned()
    with pytest.raises(InputsError) as caught:
        play(prepared(linked(document), "w"), inputs, stage)
    assert said in str(caught.value)
    assert "workflow w" in str(caught.value)
    assert not stage.sent


def test_defaults_are_put_in_deeply() -> None:
    """Defaults by reference, in allOf and inside an object that is given count; a play does not share them."""
    schema = "{allOf: [{$ref: '#/components/inputs/i'}], properties: {o: {properties: {deep: {default: 2}}}}}"
    step = "{operationId: addPark, requestBody: {payload: {page: $inputs.page, o: $inputs.o}}}"
    document = {
        **one_step(step, schema),
        "components": {"inputs": {"i": {"properties": {"page": {"default": 1}}}}},
    }
    _, stage = played(document, [ADDED], inputs={"o": {"mine": 1}})
    assert stage.sent[0].body == {"page": 1, "o": {"mine": 1, "deep": 2}}


# Where the stage cannot go on


class Stopping(Canned):
    """A stage that raises what it is given when it is to send."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def send(self, source: Source, operation: Operation, step: Step, actor: str) -> Exchange:
        """Raise it."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "outcome", "rest"),
    [
        (not_applicable("The system has no clock."), Outcome.NOT_APPLICABLE, Outcome.NOT_APPLICABLE),
        (SetupError("No token was to be had."), Outcome.SETUP_ERROR, Outcome.BLOCKED),
    ],
)
def test_where_the_stage_cannot_go_on_nobody_is_charged(
    error: Exception, outcome: Outcome, rest: Outcome
) -> None:
    """What a system lacks is not applicable, with the reason; a fault of the set-up is one; neither is retried."""
    callee = prepared(linked(written(RETRIED)), "w")
    found = play(callee, {}, Stopping(error))
    assert (found.outcome, found.steps[1].outcome) == (outcome, rest)
    assert str(error) in str(found.reason)


@pytest.mark.parametrize(
    ("root", "outcome"), [("$inputs.none", Outcome.BLOCKED), ("$steps.a.outputs.none", Outcome.FAIL)]
)
def test_a_value_that_is_needed_and_missing_is_told(root: str, outcome: Outcome) -> None:
    """A path without its value is not sent: nobody passed it, or an answer left it out."""
    document = written(
        f"""
  - workflowId: w
    inputs: {{type: object, properties: {{none: {{type: string}}}}}}
    steps:
      - {{stepId: a, operationId: getPark, parameters: [{{name: id, in: path, value: p}}], outputs: {{none: $response.body#/none}}}}
      - {{stepId: b, operationId: getPark, parameters: [{{name: id, in: path, value: {root}}}]}}
"""
    )
    found, stage = played(document)
    assert len(stage.sent) == 1
    assert found.outcome is outcome
    assert root in str(found.reason)
