"""
Documents in the shapes in which the specification's examples are written, played over HTTP against a mock of their source.

The examples of the specification (OAI/Arazzo-Specification, examples/1.0.0) sign in and use what they were given, name an
operation by its path, and choose the next step by what was answered. The documents here do so in words of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import respx

from joinedup.conformance.outcomes import Outcome
from joinedup.scenarios.checking import every_problem, prepared
from joinedup.scenarios.library import Library, Linked
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import Systems

LIBRARY = """
openapi: 3.0.3
info: {title: Lending library, version: "1"}
servers: [{url: "https://library.example/v1"}]
paths:
  /sessions:
    get:
      operationId: signIn
      parameters:
        - {name: reader, in: query, required: true, schema: {type: string}}
        - {name: pin, in: query, required: true, schema: {type: string}}
      responses:
        "200":
          description: A pass.
          headers: {X-Ends-After: {schema: {type: string}}}
          content: {application/json: {schema: {type: string}}}
  /books/on-the-shelf:
    get:
      operationId: listBooks
      parameters:
        - {name: state, in: query, schema: {type: string}}
        - {name: X-Pass, in: header, schema: {type: string}}
      responses:
        "200": {description: Books., content: {application/json: {schema: {type: array, items: {type: object}}}}}
  /loans:
    post:
      operationId: borrow
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses:
        "200": {description: Has to be asked first., content: {application/json: {schema: {type: object}}}}
        "201": {description: Lent., content: {application/json: {schema: {type: object}}}}
  /loans/{loan}:
    get:
      operationId: readLoan
      parameters: [{name: loan, in: path, required: true, schema: {type: string}}]
      responses:
        "200": {description: A loan., content: {application/json: {schema: {type: object}}}}
"""
READING = """
arazzo: 1.0.0
info: {title: Find a book, version: 1.0.0}
sourceDescriptions:
  - {name: library, type: openapi, url: library.yaml}
workflows:
  - workflowId: signInAndList
    inputs: {type: object, properties: {reader: {type: string}, pin: {type: string}}}
    steps:
      - stepId: signInStep
        operationId: $sourceDescriptions.library.signIn
        parameters:
          - {name: reader, in: query, value: $inputs.reader}
          - {name: pin, in: query, value: $inputs.pin}
        successCriteria: [{condition: $statusCode == 200}]
        outputs:
          endsAfter: $response.header.X-Ends-After
          pass: $response.body
      - stepId: listStep
        operationPath: '{$sourceDescriptions.library.url}#/paths/~1books~1on-the-shelf/get'
        parameters:
          - {name: state, in: query, value: free}
          - {name: X-Pass, in: header, value: $steps.signInStep.outputs.pass}
        successCriteria: [{condition: $statusCode == 200}]
        outputs: {books: $response.body}
    outputs:
      free: $steps.listStep.outputs.books
      until: $steps.signInStep.outputs.endsAfter
  - workflowId: borrowOne
    inputs: {type: object, properties: {book: {type: string}}, required: [book]}
    steps:
      - stepId: ask
        operationId: borrow
        requestBody: {payload: {book: $inputs.book}}
        successCriteria: [{condition: $statusCode == 200 || $statusCode == 201}]
        onSuccess:
          - {name: lent, type: goto, stepId: look, criteria: [{condition: $statusCode == 201}]}
          - {name: refused, type: end, criteria: [{context: $response.body, type: jsonpath, condition: "$[?@ == 'not-allowed']"}]}
        outputs: {loan: $response.body#/loan}
      - stepId: askAgain
        operationId: borrow
        requestBody: {payload: {book: $inputs.book, insist: true}}
        successCriteria: [{condition: $statusCode == 201}]
        outputs: {loan: $response.body#/loan}
      - stepId: look
        operationId: readLoan
        parameters: [{name: loan, in: path, value: $steps.ask.outputs.loan}]
        successCriteria: [{condition: $statusCode == 200}]
"""


@pytest.fixture
def document(tmp_path: Path) -> Linked:
    """The document beside its contract."""
    (tmp_path / "library.yaml").write_text(LIBRARY)
    path = tmp_path / "reading.arazzo.yaml"
    path.write_text(READING)
    return Library().open(path)


@pytest.fixture
def stage() -> Iterator[Systems]:
    """Real requests over httpx, of callers without a credential."""
    with closing(Systems(lambda system, actor: None)) as systems:
        yield systems


def test_nothing_is_wrong_with_such_documents(document: Linked) -> None:
    """Version 1.0.0, operations by name and by path, and steps chosen by answers are read."""
    assert every_problem(document) == ()


@respx.mock
def test_what_signing_in_gave_is_used_in_the_next_step(document: Linked, stage: Systems) -> None:
    """The whole body of one answer is the header of the next request, and a header becomes an output."""
    pass_given = httpx.Response(200, json="p-7", headers={"X-Ends-After": "2027-01-01T00:00:00Z"})
    signed_in = respx.get("https://library.example/v1/sessions").mock(return_value=pass_given)
    books = [{"title": "Emil"}]
    listed = respx.get("https://library.example/v1/books/on-the-shelf").respond(json=books)
    inputs = {"reader": "r 1", "pin": "0&0"}
    found = play(prepared(document, "signInAndList"), inputs, stage)
    assert found.outcome is Outcome.PASS, found.reason
    assert dict(signed_in.calls.last.request.url.params) == inputs
    assert dict(listed.calls.last.request.url.params) == {"state": "free"}
    assert listed.calls.last.request.headers["X-Pass"] == "p-7"
    assert found.outputs == {"free": books, "until": "2027-01-01T00:00:00Z"}


@respx.mock
@pytest.mark.parametrize(
    ("answers", "steps"),
    [
        ([(201, {"loan": "l1"})], ["ask", "look"]),
        ([(200, {"because": "not-allowed"})], ["ask"]),
        ([(200, {"because": "busy"}), (201, {"loan": "l2"})], ["ask", "askAgain"]),
    ],
    ids=["lent", "refused", "asked-again"],
)
def test_what_was_answered_decides_what_follows(
    document: Linked, stage: Systems, answers: list[tuple[int, dict[str, str]]], steps: list[str]
) -> None:
    """A step is left out, the story ends, or the next step follows, by criteria on the answer."""
    responses = [httpx.Response(status, json=body) for status, body in answers]
    asked = respx.post("https://library.example/v1/loans").mock(side_effect=responses)
    respx.get(url__startswith="https://library.example/v1/loans/").respond(json={})
    found = play(prepared(document, "borrowOne"), {"book": "b1"}, stage)
    assert _sent(found) == steps
    assert [json.loads(call.request.content)["book"] for call in asked.calls] == ["b1"] * len(answers)


def _sent(found: Played) -> list[str]:
    return [step.id for step in found.steps if step.sent]
