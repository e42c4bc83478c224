"""Everything that is wrong with a document is found before anything is sent, and its place is told."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
import yaml
from arazzo_plays import CITY, linked, one_step, problems, written

from joinedup.conformance.errors import ConfigurationError, NothingSelectedError
from joinedup.scenarios.checking import every_problem, prepared
from joinedup.scenarios.documents import parse_arazzo
from joinedup.scenarios.model import ScenarioError

PARK = "operationId: getPark, parameters: [{name: id, in: path, value: p1}]"
STEP = "workflow w, step s, #/workflows/0/steps/0"

# What is written in the one step of a workflow, where it is told, and what is said.
STEPS: list[tuple[str, str, str]] = [
    ("{}", STEP, "exactly one of operationId, operationPath and workflowId"),
    ("{operationId: getPark, workflowId: w}", STEP, "exactly one of operationId"),
    ("{operationId: getParks}", STEP, "There is no operation 'getParks'"),
    ("{operationId: GETPARK}", STEP, "there are for instance getPark"),
    ("{operationId: $sourceDescriptions.zoo.getPark}", STEP, "no source description 'zoo'; there are: parks"),
    ("{operationPath: /parks}", STEP, "An operationPath is of the form"),
    (
        "{operationPath: '{$sourceDescriptions.zoo.url}#/paths/~1parks/get'}",
        STEP,
        "no source description 'zoo'",
    ),
    (
        "{operationPath: '{$sourceDescriptions.parks.url}#/paths/~1parks/get'}",
        STEP,
        "has no operation GET /parks",
    ),
    ("{workflowId: v}", STEP, "There is no workflow 'v' in this document; there are: w"),
    ("{workflowId: $sourceDescriptions.zoo.v}", STEP, "no source description 'zoo'"),
    ("{workflowId: w}", "workflow w, #/workflows/0", "in a circle: w → w"),
    ("{operationId: getPark}", STEP, "needs the path parameter 'id'"),
    (
        "{operationId: addPark, parameters: [{name: id, in: path, value: 1}]}",
        f"{STEP}/parameters/0",
        "has no path parameter 'id'",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, value: 1}]}",
        f"{STEP}/parameters/0",
        "says where it goes",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, in: body, value: 1}]}",
        f"{STEP}/parameters/0/in",
        "in is one of path",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, in: query}]}",
        f"{STEP}/parameters/0",
        "The key value is missing",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, in: query, value: 1}, {name: q, in: query, value: 2}]}",
        f"{STEP}/parameters/1",
        "is there twice",
    ),
    (
        "{operationId: addPark, parameters: [{reference: $components.parameters.none}]}",
        f"{STEP}/parameters/0/reference",
        "which is not there",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, in: query, value: $inputs.none}]}",
        f"{STEP}/parameters/0",
        "$inputs.none: there is no input 'none'; there are: given",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, in: query, value: $statusCode}]}",
        f"{STEP}/parameters/0",
        "nothing has been sent yet",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, in: query, value: $steps.t.outputs.x}]}",
        f"{STEP}/parameters/0",
        "there is no step 't'; there are: s",
    ),
    (
        "{operationId: addPark, outputs: {x: $statusCode}, parameters: [{name: q, in: query, value: $steps.s.outputs.x}]}",
        f"{STEP}/parameters/0",
        "the step s has no outputs yet",
    ),
    (
        "{operationId: addPark, outputs: {x: $statusCode}, successCriteria: [{condition: $steps.s.outputs.y == 1}]}",
        f"{STEP}/successCriteria/0",
        "there is no output of the step s 'y'; there are: x",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, in: query, value: $outputs.x}]}",
        f"{STEP}/parameters/0",
        "outputs are there once it has ended",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, in: query, value: $workflows.v.outputs.x}]}",
        f"{STEP}/parameters/0",
        "there is no workflow 'v'",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, in: query, value: $components.inputs.x}]}",
        f"{STEP}/parameters/0",
        "only parameters have a value",
    ),
    (
        "{operationId: addPark, parameters: [{name: q, in: query, value: $sourceDescriptions.parks.getPark}]}",
        f"{STEP}/parameters/0",
        "only the url",
    ),
    (
        "{operationId: addPark, requestBody: {payload: {a: [$inputs.none]}}}",
        f"{STEP}/requestBody",
        "no input 'none'",
    ),
    (
        "{operationId: addPark, requestBody: {payload: {a: 'x {$input.none}'}}}",
        f"{STEP}/requestBody/payload",
        "no runtime expression",
    ),
    (
        "{operationId: addPark, requestBody: {payload: {}, replacements: [{target: //order/id, value: 1}, {target: order, value: 1}]}}",
        f"{STEP}/requestBody/replacements/1/target",
        "XPath is not supported",
    ),
    (
        "{workflowId: w, requestBody: {payload: {}}}",
        f"{STEP}/requestBody",
        "calls a workflow has no requestBody",
    ),
    (
        f"{{{PARK}, successCriteria: [{{condition: $status == 1}}]}}",
        f"{STEP}/successCriteria/0",
        "no runtime expression",
    ),
    (
        f"{{{PARK}, successCriteria: [{{context: $statusCode, condition: '(', type: regex}}]}}",
        f"{STEP}/successCriteria/0",
        "no regular expression",
    ),
    (
        f"{{{PARK}, successCriteria: [{{condition: '200', type: regex}}]}}",
        f"{STEP}/successCriteria/0",
        "needs a context",
    ),
    (
        f"{{{PARK}, successCriteria: [{{context: $response.body, condition: $.a == 1, type: jsonpath}}]}}",
        f"{STEP}/successCriteria/0",
        "no JSONPath query",
    ),
    (
        f"{{{PARK}, successCriteria: [{{context: $response.body, condition: //a, type: xpath}}]}}",
        f"{STEP}/successCriteria/0/type",
        "XPath is not supported",
    ),
    (
        f"{{{PARK}, successCriteria: [{{context: $response.body, condition: //a, type: {{type: xpath, version: xpath-30}}}}]}}",
        f"{STEP}/successCriteria/0/type/type",
        "XPath is not supported",
    ),
    (
        f"{{{PARK}, successCriteria: [{{context: $response.body, condition: $.a, type: {{type: jsonpath, version: v9}}}}]}}",
        f"{STEP}/successCriteria/0/type/version",
        "version is one of",
    ),
    (
        f"{{{PARK}, successCriteria: [{{condition: $inputs.no == 1}}]}}",
        f"{STEP}/successCriteria/0",
        "no input 'no'",
    ),
    (
        f"{{{PARK}, onSuccess: [{{name: a, type: goto, stepId: t}}]}}",
        f"{STEP}/onSuccess/0",
        "leads to the step 't', which is not there",
    ),
    (
        f"{{{PARK}, onSuccess: [{{name: a, type: goto, workflowId: t}}]}}",
        f"{STEP}/onSuccess/0",
        "There is no workflow 't'",
    ),
    (f"{{{PARK}, onSuccess: [{{name: a, type: goto}}]}}", f"{STEP}/onSuccess/0", "says where to"),
    (
        f"{{{PARK}, onSuccess: [{{name: a, type: goto, stepId: s, workflowId: w}}]}}",
        f"{STEP}/onSuccess/0",
        "not to both",
    ),
    (
        f"{{{PARK}, onSuccess: [{{name: a, type: retry}}]}}",
        f"{STEP}/onSuccess/0/type",
        "type is one of end, goto",
    ),
    (
        f"{{{PARK}, onSuccess: [{{name: a, type: end}}, {{name: a, type: end}}]}}",
        f"{STEP}/onSuccess/1",
        "is there twice",
    ),
    (
        f"{{{PARK}, onFailure: [{{name: a, type: retry, retryAfter: -1}}]}}",
        f"{STEP}/onFailure/0/retryAfter",
        "0 or more",
    ),
    (
        f"{{{PARK}, onFailure: [{{name: a, type: retry, retryLimit: 1.5}}]}}",
        f"{STEP}/onFailure/0/retryLimit",
        "a whole number",
    ),
    (
        f"{{{PARK}, onFailure: [{{name: a, type: retry, workflowId: w}}]}}",
        "workflow w, #/workflows/0",
        "in a circle",
    ),
    (
        f"{{{PARK}, onSuccess: [{{reference: $components.failureActions.x}}]}}",
        f"{STEP}/onSuccess/0/reference",
        "which is not there",
    ),
    (f"{{{PARK}, outputs: {{'a b': $statusCode}}}}", f"{STEP}/outputs/a b", "An output is named by"),
    (f"{{{PARK}, outputs: {{a: 7}}}}", f"{STEP}/outputs/a", "An output is a runtime expression"),
    (f"{{{PARK}, outputs: {{a: $response.cookie.x}}}}", f"{STEP}/outputs/a", ".header, .body"),
    (f"{{{PARK}, condition: x}}", f"{STEP}/condition", "has no key 'condition'"),
]


@pytest.mark.parametrize(
    ("step", "place", "said"), STEPS, ids=[f"{i}-{row[2][:40]}" for i, row in enumerate(STEPS)]
)
def test_what_is_wrong_with_a_step_is_told_with_its_place(step: str, place: str, said: str) -> None:
    """Document, workflow, step and JSON pointer are named, and what is expected there."""
    found = problems(one_step(step, "{type: object, properties: {given: {type: string}}}"))
    assert any(problem.startswith(f"t.yaml, {place}: ") and said in problem for problem in found), found


DOCUMENTS: list[tuple[dict[str, Any], str, str]] = [
    ({"workflows": []}, "#/workflows", "a list with something in it"),
    ({"sourceDescriptions": None}, "#/sourceDescriptions", "a list"),
    ({"info": {"title": ""}}, "#/info/title", "title is a text"),
    ({"more": 1}, "#/more", "has no key 'more'"),
    (
        {"sourceDescriptions": [{"name": "a b", "url": "x", "type": "openapi"}]},
        "#/sourceDescriptions/0/name",
        "letters, digits",
    ),
    (
        {"sourceDescriptions": [{"name": "a", "url": "x", "type": "wsdl"}]},
        "#/sourceDescriptions/0/type",
        "one of openapi, arazzo",
    ),
    ({"components": {"steps": {}}}, "#/components/steps", "has no key 'steps'"),
    (
        {"components": {"parameters": {"a b": {"name": "x", "value": 1}}}},
        "#/components/parameters/a b",
        "named by letters",
    ),
]


@pytest.mark.parametrize(("change", "pointer", "said"), DOCUMENTS, ids=[row[1] for row in DOCUMENTS])
def test_what_is_wrong_with_a_document_is_told_with_its_place(
    change: dict[str, Any], pointer: str, said: str
) -> None:
    """The outline of a document is checked like its steps."""
    found = parse_arazzo(json.dumps({**one_step(f"{{{PARK}}}"), **change}).encode(), name="t.yaml").problems
    assert any(
        str(problem).startswith(f"t.yaml, {pointer}: ") and said in str(problem) for problem in found
    ), found


WORKFLOWS: list[tuple[str, str, str]] = [
    ("dependsOn: [v]", "workflow w, #/workflows/0", "There is no workflow 'v'"),
    ("dependsOn: [w]", "workflow w, #/workflows/0", "in a circle"),
    ("dependsOn: 7", "workflow w, #/workflows/0/dependsOn", "dependsOn is a list"),
    ("outputs: {a: $statusCode}", "workflow w, #/workflows/0", "are of its steps"),
    ("outputs: {a: $steps.s.outputs.none}", "workflow w, #/workflows/0", "no output of the step s 'none'"),
    ("outputs: {a: $outputs.none}", "workflow w, #/workflows/0", "no such output"),
    ("inputs: {type: 7}", "workflow w, #/workflows/0", "no JSON Schema that can be used"),
    (
        "inputs: {$ref: '#/components/inputs/none'}",
        "workflow w, #/workflows/0",
        "no JSON Schema that can be used",
    ),
    ("inputs: []", "workflow w, #/workflows/0/inputs", "inputs is a JSON Schema"),
]


@pytest.mark.parametrize(("key", "place", "said"), WORKFLOWS, ids=[row[0] for row in WORKFLOWS])
def test_what_is_wrong_with_a_workflow_is_told_with_its_place(key: str, place: str, said: str) -> None:
    """Dependencies, outputs and schemas are checked before anything is sent."""
    document = one_step(f"{{{PARK}}}")
    document["workflows"][0].update(yaml.safe_load(key))
    found = problems(document)
    assert any(problem.startswith(f"t.yaml, {place}: ") and said in problem for problem in found), found


ACROSS: list[tuple[str, str]] = [
    ("{workflowId: $sourceDescriptions.city.v}", "There is no workflow 'v' in city.yaml; there are: add"),
    ("{workflowId: $sourceDescriptions.city.add}", "needs the input 'name', which is not given"),
    (
        "{workflowId: $sourceDescriptions.city.add, parameters: [{name: name, value: x}, {name: nome, value: x}]}",
        "has no input 'nome'; it has: authorization, name, size",
    ),
    (
        "{workflowId: $sourceDescriptions.city.add, x-actor: council, parameters: [{name: name, value: x}], outputs: {a: $outputs.none}}",
        "there is no output of add 'none'; there are: id",
    ),
]


@pytest.mark.parametrize(("step", "said"), ACROSS)
def test_what_does_not_fit_another_document_is_told(step: str, said: str) -> None:
    """Workflows, inputs and outputs of another document are checked where they are used."""
    city = linked(
        written(
            """
  - workflowId: add
    inputs:
      required: [authorization, name, size]
      properties: {authorization: {type: string}, name: {type: string}, size: {default: 1}}
    steps: [{stepId: a, operationId: addPark, outputs: {id: $response.body#/id}}]
    outputs: {id: $steps.a.outputs.id}
"""
        ),
        name="city.yaml",
    )
    document = {**one_step(step), "sourceDescriptions": written("  - {}", sources=CITY)["sourceDescriptions"]}
    found = problems(document, {"city": city})
    assert any(said in problem for problem in found), found


def test_what_is_not_played_does_not_stand_in_the_way() -> None:
    """A mistake in another workflow of the document is listed, and refuses only that workflow."""
    document = written(
        f"""
  - {{workflowId: w, steps: [{{stepId: s, {PARK}}}]}}
  - {{workflowId: v, steps: [{{stepId: s, operationId: none}}]}}
"""
    )
    both = linked(document)
    assert prepared(both, "w").workflow.id == "w"
    with pytest.raises(ScenarioError, match="There is no operation 'none'"):
        prepared(both, "v")
    with pytest.raises(NothingSelectedError, match="no workflow 'x'"):
        prepared(both, "x")


def test_a_circle_over_several_workflows_is_named() -> None:
    """Every workflow of the circle is in the sentence, in order."""
    calls = {"w": "v", "v": "u", "u": "w"}
    workflows = [{"workflowId": a, "steps": [{"stepId": "s", "workflowId": b}]} for a, b in calls.items()]
    found = problems({**written("  - {}"), "workflows": workflows})
    assert any("in a circle: w → v → u → w" in problem for problem in found)


def test_too_many_calls_in_a_row_are_refused() -> None:
    """A chain of workflows is bounded, in whatever order its links are found."""
    names = [f"w{number}" for number in range(60)]
    workflows: list[dict[str, Any]] = [
        {"workflowId": a, "steps": [{"stepId": "s", "workflowId": b}]} for a, b in itertools.pairwise(names)
    ]
    workflows.append({"workflowId": names[-1], "steps": [{"stepId": "s", **yaml.safe_load(f"{{{PARK}}}")}]})
    workflows.append(
        {"workflowId": "all", "steps": [{"stepId": name, "workflowId": name} for name in reversed(names)]}
    )
    with pytest.raises(ScenarioError, match="More than 20 workflows call one another in a row"):
        prepared(linked({**written("  - {}"), "workflows": workflows}), "all")


# Documents that nobody here wrote


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not an Arazzo 1.0 document"),
        (b"[]", "is not an Arazzo 1.0 document"),
        (b"arazzo: 2.0.0", "it says arazzo: '2.0.0'"),
        (b"arazzo: 1.1.0", "it says arazzo: '1.1.0'"),
        (b"openapi: 3.1.0", "it has no key 'arazzo'"),
        (b"{", "neither JSON nor YAML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"a: " + b"[" * 1000, "levels deep"),
        (b"#" * 2_000_001, "more than 2,000,000 bytes"),
    ],
)
def test_what_is_no_document_is_refused(content: bytes, said: str) -> None:
    """What cannot be read is refused in one sentence."""
    with pytest.raises(ConfigurationError) as caught:
        parse_arazzo(content, name="t.yaml")
    assert said in str(caught.value)


ANYTHING: tuple[Any, ...] = (None, 7, "", "x", [], {}, [None], {"a": None}, [[]], True)


def test_whatever_is_in_a_document_is_told_and_never_a_traceback() -> None:
    """Any value in place of any other gives problems, or none, and no exception of our own making."""
    document = one_step(
        f"{{{PARK}, successCriteria: [{{condition: $statusCode == 200}}], outputs: {{a: $statusCode}}, onSuccess: [{{name: a, type: end}}]}}"
    )
    told = 0
    for place in _places(document):
        for value in ANYTHING:
            changed = json.loads(json.dumps(document))
            holder = changed
            for token in place[:-1]:
                holder = holder[token]
            holder[place[-1]] = value
            if place[0] != "arazzo":
                problems = every_problem(linked(changed))
                assert all(problem.sentence for problem in problems)
                told += bool(problems)
    assert told > len(_places(document))


def _places(node: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = [way] if way else []
    return found + [place for key, value in members for place in _places(value, (*way, key))]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            "{operationPath: '{$sourceDescriptions.parks.url}#/paths/~1parks'}",
            "An operationPath is of the form",
        ),
        ("{operationId: animals.postAnimal}", "There is no operation 'animals.postAnimal'"),
        ("{operationId: addPark, parameters: [{name: products, in: body, value: 1}]}", "in is one of path"),
        ("{operationId: addPark, outputs: {id: '$outputs[0].id'}}", "not of the form $outputs.<name>"),
        ("{operationId: addPark, outputs: {id: $workflow_order_id}}", "no runtime expression"),
        ("{operationId: addPark, outputs: {url: $response.headers.Location}}", ".header, .body"),
        (
            "{operationId: addPark, onSuccess: [{name: a, type: end, condition: $statusCode == 1}]}",
            "has no key 'condition'",
        ),
        (
            "{operationId: addPark, successCriteria: [{context: $response.body, condition: $.token != null, type: jsonpath}]}",
            "no JSONPath query",
        ),
    ],
)
def test_slips_of_the_published_examples_are_told_and_the_rest_is_read(step: str, said: str) -> None:
    """What the specification's own examples write against its text does not keep a document from loading."""
    document = one_step(step)
    read = parse_arazzo(json.dumps(document).encode(), name="t.yaml")
    assert list(read.workflows) == ["w"]
    assert any(said in problem for problem in problems(document))
