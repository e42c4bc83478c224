"""
What the bundled agencies have for a live system, handed in as that system takes it: by the capabilities of its binding.

::

    agency ── POST /v1/contacts ──► gateway ── capability raise-contact ──► binding ── POST /api/intakes ──► product

Agencies speak the reference contract. The reference capability that calls the operation says which of its inputs each
value of the request is; the capability of the same name in the binding is played with these.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joinedup.conformance.outcomes import Outcome
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.library import Call, Linked
from joinedup.scenarios.model import INPUT_OF_CREDENTIAL, Step, Workflow
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import Stage

NOBODY_TAKES_IT = 404
UNANSWERED = 503
LARGEST_BODY = 2_000_000


@dataclass(frozen=True)
class Incoming:
    """What came; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True)
class Reading:
    """
    How a request of the reference contract reads as a capability.

    Args:
        path: pattern of the paths that are meant, with a group for each parameter.
        parameters: input by (location, name).
        properties: input by property of the body.
    """

    workflow: str
    method: str
    path: re.Pattern[str]
    parameters: Mapping[tuple[str, str], str]
    properties: Mapping[str, str]

    def inputs(self, incoming: Incoming) -> dict[str, Any] | None:
        """The inputs that the request stands for; None where it is not meant, or holds more than they can say."""
        match = self.path.fullmatch(incoming.path)
        body = incoming.body if isinstance(incoming.body, dict) else {}
        if match is None or incoming.method != self.method or not body.keys() <= self.properties.keys():
            return None
        places = {"path": match.groupdict(), "header": incoming.headers}
        found = {
            name: places[location][key.lower() if location == "header" else key]
            for (location, key), name in self.parameters.items()
            if (key.lower() if location == "header" else key) in places.get(location, {})
        }
        return {**found, **{self.properties[name]: value for name, value in body.items()}}


def readings(reference: Linked) -> tuple[Reading, ...]:
    """How requests read as the capabilities of a document, those of a single step, in its order."""
    calls = ((w, w.steps[0]) for w in reference.document.workflows.values() if len(w.steps) == 1)
    return tuple(
        _reading(reference, workflow, step, reference.calls[workflow.id, step.id])
        for workflow, step in calls
        if (workflow.id, step.id) in reference.calls
    )


def _reading(reference: Linked, workflow: Workflow, step: Step, call: Call) -> Reading:
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(call.operation.path))
    written = ((p.location, p.name, p.value.expressions[:1]) for p in step.parameters)
    parameters = {
        (location, name): str(found[0].parts[0])
        for location, name, found in written
        if found and found[0].root == "inputs" and found[0].parts[0] != INPUT_OF_CREDENTIAL
    }
    return Reading(
        workflow.id, call.operation.method, re.compile(pattern), parameters, _properties(reference, workflow)
    )


def _properties(reference: Linked, workflow: Workflow) -> dict[str, str]:
    raw = next(w for w in reference.document.raw["workflows"] if w["workflowId"] == workflow.id)
    payload = raw["steps"][0].get("requestBody", {}).get("payload")
    members = payload.items() if isinstance(payload, dict) else ()
    return {
        name: value.removeprefix("$inputs.")
        for name, value in members
        if isinstance(value, str) and value.startswith("$inputs.")
    }


@dataclass
class Gateway:
    """
    Takes in deliveries for one live system.

    Args:
        reference, binding: the capabilities on the reference contract and on the system's own.
        stage: on which the binding is played; None while the system takes no part in what is played.
        actor: name of the identity, at the system, of an organisation.
        observe: told what was played for each delivery.
        fault: what went wrong here while a delivery was handed in, to be raised by whoever plays.
    """

    reference: Linked
    binding: Linked
    stage: Stage | None
    actor: Callable[[str], str] = lambda _: "own"
    observe: Callable[[Played], None] = lambda _: None
    fault: Exception | None = None
    _taken: dict[str, int] = field(default_factory=dict)
    _one_by_one: threading.Lock = field(default_factory=threading.Lock)

    def take(self, incoming: Incoming, organisation: str = "") -> int:
        """
        Hand one delivery in; gives the status to answer it with.

        What was taken in before is not handed in again. One comes after the other, as they came.
        """
        delivery = incoming.headers.get("x-request-id", "")
        with self._one_by_one:
            if delivery not in self._taken:
                status = self._handed_in(incoming, self.actor(organisation))
                if not delivery or status >= 400:
                    return status
                self._taken[delivery] = status
            return self._taken[delivery]

    def begin(self, stage: Stage | None) -> None:
        """Take in for another story; after a reset of the agencies deliveries have the same ids again."""
        with self._one_by_one:
            self.stage, self.fault = stage, None
            self._taken.clear()

    @cached_property
    def _readings(self) -> tuple[Reading, ...]:
        return readings(self.reference)

    def _handed_in(self, incoming: Incoming, actor: str) -> int:
        if self.stage is None:
            return UNANSWERED
        for reading in self._readings:
            inputs = reading.inputs(incoming)
            if inputs is not None and reading.workflow in self.binding.document.workflows:
                played = self._played(self.stage, reading.workflow, inputs, actor)
                self.observe(played)
                return _status(played)
        return NOBODY_TAKES_IT

    def _played(self, stage: Stage, workflow: str, inputs: dict[str, Any], actor: str) -> Played:
        callee = prepared(self.binding, workflow)
        source = next(iter(self.binding.sources.values()))
        credential = stage.credential(source, actor)
        if credential and INPUT_OF_CREDENTIAL in callee.workflow.input_properties:
            inputs = {**inputs, INPUT_OF_CREDENTIAL: credential}
        return play(callee, inputs, stage, actor=actor, credential=credential)


def _status(played: Played) -> int:
    statuses = [sent.exchange.status for sent in played.everything_sent() if sent.exchange.response]
    if played.outcome is Outcome.PASS or (statuses and statuses[-1] >= 400):
        return statuses[-1]
    return UNANSWERED


def organisation_of(headers: Mapping[str, str]) -> str:
    """The council whose system a delivery is for, as the sender's token says; empty where it says nothing."""
    _, _, token = headers.get("authorization", "").partition(" ")
    claims = [*token.split("."), ""][1]
    try:
        said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:
        return ""
    return str(said.get("area") or said.get("organisation", "")) if isinstance(said, dict) else ""


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, Callable[[Gateway], None]]]:
    """
    A free port of the loopback interface for deliveries.

    Gives its address, and a function that says which gateway takes them in; until it was called they are to be tried
    again.
    """
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.connect
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gateway: Gateway | None = None

    def connect(self, gateway: Gateway) -> None:
        """From now on this gateway takes deliveries in."""
        self.gateway = gateway


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Take one delivery in."""
        self.send_response(self._status())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _status(self) -> int:
        gateway = self.server.gateway
        length = min(int(self.headers.get("Content-Length", 0)), LARGEST_BODY)
        body = self.rfile.read(length)
        if gateway is None:
            return UNANSWERED
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            incoming = Incoming("POST", self.path, headers, json.loads(body or b"null"))
            return gateway.take(incoming, organisation_of(headers))
        except Exception as error:
            # Raised in a thread of the server's; whoever plays the story has to hear of it.
            gateway.fault = error
            return UNANSWERED

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: the record has what was played."""
