"""Small documents, a small contract and answers that are known beforehand, for the tests of the runner."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import yaml

from joinedup.conformance.contract import Contract, parse_contract
from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.operations import Operation
from joinedup.scenarios.checking import every_problem, prepared
from joinedup.scenarios.documents import parse_arazzo
from joinedup.scenarios.library import Linked, Source, link
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import play

CONTRACT = """
openapi: 3.1.0
info: {title: Parks, version: "1"}
servers: [{url: "https://parks.example"}]
paths:
  /parks/{id}:
    get:
      operationId: getPark
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: tags, in: query, schema: {type: array, items: {type: string}}}
        - {name: ids, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {type: string}}}
        - {name: box, in: query, style: deepObject, explode: true, schema: {type: object}}
      responses:
        "200":
          description: A park.
          content: {application/json: {schema: {$ref: "#/components/schemas/Park"}}}
        "404": {description: None.}
        "503": {description: Away.}
  /parks:
    post:
      operationId: addPark
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses:
        "201": {description: Added., content: {application/json: {schema: {$ref: "#/components/schemas/Park"}}}}
        "409": {description: There already.}
  /forms:
    post:
      operationId: sendForm
      requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object}}}}
      responses:
        "200": {description: Taken.}
components:
  schemas:
    Park:
      type: object
      properties: {id: {type: string}, name: {type: string}, area: {type: number}, gates: {type: array}}
"""
CITY = "  - {name: city, type: arazzo, url: city.arazzo.yaml}"
PARKS: Contract = parse_contract(CONTRACT.encode(), origin="parks.yaml")


@dataclass(frozen=True)
class Answer:
    """One canned answer; a body that is no text is sent as JSON, None is no answer at all."""

    status: int = 200
    body: Any = field(default_factory=lambda: {"id": "p1", "name": "Green", "area": 2.5, "gates": ["N", "S"]})
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    def exchange(self, step: Step) -> Exchange:
        """The exchange that a step becomes."""
        if self.error:
            return Exchange(step, None, self.error)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        kind = "text/plain" if isinstance(self.body, str) else "application/json"
        headers = httpx.Headers({"content-type": kind, **self.headers} if text else dict(self.headers))
        return Exchange(step, Response(self.status, headers, text.encode()))


OK = Answer()
AWAY = Answer(503, "")
NONE = Answer(404, "")
ADDED = Answer(201)


class Canned:
    """A stage that answers what it is told to, in order; the last answer again and again."""

    def __init__(self, answers: Iterable[Answer] = (OK,)) -> None:
        self.answers = list(answers)
        self.sent: list[Step] = []
        self.waited: list[float] = []

    def send(self, source: Source, operation: Operation, step: Step, actor: str) -> Exchange:
        """Keep the request, give the next answer."""
        self.sent.append(step)
        return self.answers[min(len(self.sent), len(self.answers)) - 1].exchange(step)

    def wait(self, seconds: float) -> None:
        """Keep how long it would have been."""
        self.waited.append(seconds)

    def credential(self, source: Source, actor: str) -> str:
        """A credential that shows whose it is."""
        return f"Bearer {actor} at {source.system}"


def written(workflows: str, *, more: str = "", sources: str = "") -> dict[str, Any]:
    """A document around some workflows in YAML, with the small contract as its source ``parks``."""
    text = f"""
arazzo: 1.0.1
info: {{title: T, version: "1"}}
sourceDescriptions:
  - {{name: parks, type: openapi, url: parks.yaml}}
{sources}
workflows:
{workflows}
{more}
"""
    return dict(yaml.safe_load(text))


def linked(
    document: Mapping[str, Any], others: Mapping[str, Linked] | None = None, name: str = "t.yaml"
) -> Linked:
    """A document with its contract, and with other documents by the name of the source description."""
    read = parse_arazzo(json.dumps(document).encode(), name=name)
    contracts = [d for d in read.sources.values() if d.kind == "openapi"]
    sources = {d.name: Source(d.name, d.system, PARKS, "https://parks.example") for d in contracts}
    return link(Linked(read, sources, dict(others or {})))


def one_step(step: str, inputs: str = "{}") -> dict[str, Any]:
    """A document with one workflow ``w`` of one step ``s``, whose other keys are given in YAML."""
    workflow = {
        "workflowId": "w",
        "inputs": yaml.safe_load(inputs),
        "steps": [{"stepId": "s", **yaml.safe_load(step)}],
    }
    return {**written("  - {}"), "workflows": [workflow]}


def problems(document: Mapping[str, Any], others: Mapping[str, Linked] | None = None) -> list[str]:
    """Everything that is known to be wrong before anything is sent."""
    return [str(problem) for problem in every_problem(linked(document, others))]


def played(
    document: Mapping[str, Any],
    answers: Iterable[Answer] = (OK,),
    *,
    workflow: str = "w",
    inputs: Mapping[str, Any] | None = None,
    others: Mapping[str, Linked] | None = None,
) -> tuple[Played, Canned]:
    """A workflow played on canned answers, and the stage with what was sent."""
    stage = Canned(answers)
    return play(prepared(linked(document, others), workflow), inputs or {}, stage), stage
