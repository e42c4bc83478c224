"""
Who plays: one user of the load, with connections, callers and a marker of its own.

It knows nothing of Locust: whoever drives it says when each arrival was due, and is told of each request.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from joinedup.conformance.check import not_applicable
from joinedup.conformance.errors import JoinedUpError, RealDataError, SetupError
from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.operations import Operation
from joinedup.conformance.outcomes import Outcome
from joinedup.mocks.sharing import CORRELATION, WORK
from joinedup.scenarios.library import Callee, Source
from joinedup.scenarios.load_ground import Ground
from joinedup.scenarios.load_inputs import begun, places, without_child
from joinedup.scenarios.load_journeys import for_how_long
from joinedup.scenarios.load_markers import Markers, names_one
from joinedup.scenarios.load_plan import (
    MARK,
    NEW_ID,
    PlannedItem,
    PlannedJourney,
    PlannedOperation,
    filled,
)
from joinedup.scenarios.load_tally import Tally
from joinedup.scenarios.load_wire import (
    Answered,
    Connections,
    NoAnswerError,
    address_of,
    encoded,
    target_of,
)
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import CONTROL

LONGEST_WAIT_S = 5.0
DEFAULT_CORRELATION = "journey"
"""The correlation id of a request whose document names none of its own."""

Told = Callable[[str, str, float, int, str], None]
"""(method, name, seconds, bytes, why it failed or nothing)"""


class Player:
    """
    One user: plays what is due, one after the other.

    Args:
        user: number of the user over all processes, which no other has.
        begin: when the load began, on the clock that ``now`` reads.
        told: told of every request, and of every journey.
    """

    def __init__(self, ground: Ground, tally: Tally, user: int, *, begin: float, told: Told) -> None:
        plan = ground.plan
        self.ground, self.tally, self.user, self.begin, self._told = ground, tally, user, begin, told
        self.markers = Markers(plan.run, user)
        self._connections = Connections(plan.timeout_s, ground.trust, plan.largest_answer)
        self._intended = 0.0

    def play(self, item: PlannedItem, arrival: int, due: float, turn: int = 0) -> None:
        """
        Play one arrival that was due at a moment of ``time.monotonic``.

        Args:
            turn: how often this part of the mix was played before, by anybody.

        Raises:
            RealDataError: an answer looks like real people: no further request may be sent.
        """
        self._intended, self._arrival = due, arrival
        self._marker = self.markers.made(arrival).encode()
        if isinstance(item, PlannedJourney):
            self._journey(item, arrival, due, turn)
        else:
            self._operation(item, arrival)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    # One operation

    def _operation(self, item: PlannedOperation, arrival: int) -> None:
        choices = self.ground.requests[item.name]
        actor, step, operation = choices[self.user % len(choices)]
        marker = self.markers.made(arrival)
        headers = {n: _filled(v, marker) for n, v in step.headers.items()}
        content = step.content()
        if content is not None:
            headers.setdefault("Content-Type", step.media_type)
            content = _filled_bytes(content, marker)
        address = address_of(self.ground.plan.systems[item.system].base_url)
        target = _filled(target_of(address, step), marker)
        answered, reason = self._send(item.system, operation, actor, target, headers, content)
        name = f"{operation.label} of {item.system}"
        if answered is not None:
            reason = self._fault(item.system, operation, answered)
        self._count(item.system, operation, name, answered, reason)

    def _fault(self, system: str, operation: Operation, answered: Answered) -> str:
        """What is wrong with an answer to a request that has succeeded before; empty where nothing is."""
        found = self.ground.validators[system].breaches(
            operation, answered.status, answered.headers, answered.body
        )
        self.tally.breaches += bool(found)
        if answered.status >= 400:
            return f"answered with {answered.status}"
        return f"broke its contract: {found[0].kind} {found[0].keyword}".strip() if found else ""

    # One journey

    def _journey(self, item: PlannedJourney, arrival: int, due: float, turn: int) -> None:
        inputs = self._inputs(item, arrival, turn)
        started, self._requests = time.monotonic(), 0
        callee = self.ground.callees[item.name]
        try:
            played = play(callee, inputs, self)
            failed = played.outcome is not Outcome.PASS
            reason = _why(callee, played) if failed else ""
            self.tally.breaches += any(sent.breaches for sent in played.everything_sent())
        except RealDataError:
            raise
        except JoinedUpError as error:
            failed, reason = True, error.message
        ended = time.monotonic()
        self.tally.journey(item.name, ended - started, ended - due, failed)
        if failed:
            reason = without_child(reason, self._child(item, turn))
            self.tally.failed(item.name, reason)
            self.tally.left_out += max(item.requests - self._requests, 0)
        self._told("JOURNEY", item.name, ended - started, 0, reason if failed else "")

    def _inputs(self, item: PlannedJourney, arrival: int, turn: int) -> dict[str, Any]:
        found = places(self.markers.made(arrival), self.user, arrival, self._child(item, turn))
        # A child's day of birth stays, also where it is near the story.
        moved = begun(item.inputs, item.begins_at, datetime.now(UTC)) if item.begins_at else item.inputs
        inputs: dict[str, Any] = filled(moved, found)
        return inputs

    def _child(self, item: PlannedJourney, turn: int) -> dict[str, Any]:
        """The child that a play has for its own; empty where it needs none."""
        return self.ground.children[item.first_child + turn] if item.children else {}

    # The stage of a journey

    def send(self, source: Source, operation: Operation, step: Step, actor: str) -> Exchange:
        """Send one request of a journey; what the control plane is asked is not counted, nor the time it takes."""
        step = self._own_work(operation, step)
        if source.system == CONTROL:
            return self._asked(source, operation, step)
        address = address_of(source.base_url)
        headers, content = dict(step.headers), step.content()
        if content is not None:
            headers.setdefault("Content-Type", step.media_type)
        caller = actor if actor else None
        answered, reason = self._send(
            source.system, operation, caller, target_of(address, step), headers, content
        )
        name = f"{operation.label} of {source.system}"
        seconds = self._count(source.system, operation, name, answered, reason)
        if self.ground.plan.think_time_s:
            time.sleep(self.ground.plan.think_time_s)
        self._intended = time.monotonic()
        if answered is None:
            return Exchange(step, None, reason)
        return Exchange(
            step, Response(answered.status, httpx.Headers(answered.headers), answered.body, seconds)
        )

    def _own_work(self, operation: Operation, step: Step) -> Step:
        """The request under the arrival's own correlation id; of a list, only what came of its own work is asked for."""
        marker = self._marker.decode()
        headers = {
            name: marker
            if value == DEFAULT_CORRELATION and normalise(name) == normalise(CORRELATION)
            else value
            for name, value in step.headers.items()
        }
        if any(p.name == WORK and p.location == "query" for p in operation.parameters):
            return replace(step, headers=headers, query=(*step.query, (WORK, marker)))
        return replace(step, headers=headers)

    def _asked(self, source: Source, operation: Operation, step: Step) -> Exchange:
        """An exchange with the control plane; whoever is due waits no longer by it."""
        began, address = time.monotonic(), address_of(source.base_url)
        headers, content = dict(step.headers), step.content()
        if content is not None:
            headers.setdefault("Content-Type", step.media_type)
        request = encoded(operation.method, target_of(address, step), address.authority, headers, content)
        try:
            answered = self._connections.send(address, request)
        except NoAnswerError as error:
            return Exchange(step, None, str(error))
        seconds = time.monotonic() - began
        self._intended += seconds
        return Exchange(
            step, Response(answered.status, httpx.Headers(answered.headers), answered.body, seconds)
        )

    def wait(self, seconds: float) -> None:
        """Let a short time pass; raises ``Ended`` where it is long, since nobody's clock may be moved under load."""
        if seconds > LONGEST_WAIT_S:
            raise not_applicable(f"The document waits {seconds:g} s, which is not done under load.")
        time.sleep(seconds)
        self._intended += seconds

    def credential(self, source: Source, actor: str) -> str:
        """The actor's credential as the value of an Authorization header."""
        if source.system == CONTROL:
            return ""
        found = self.ground.caller(source.system, actor).headers() or {}
        return next((value for name, value in found.items() if name.lower() == "authorization"), "")

    # One request

    def _send(
        self,
        system: str,
        operation: Operation,
        actor: str | None,
        target: str,
        headers: dict[str, str],
        content: bytes | None,
    ) -> tuple[Answered | None, str]:
        base_url = self.ground.plan.systems[system].base_url
        address = address_of(base_url)
        try:
            if actor is not None:
                caller = self.ground.caller(system, actor)
                credential = caller.headers()
                if credential is None:
                    url = f"{address.scheme}://{address.authority}{target}"
                    target, headers = caller.authorised(operation.method, url, headers, content)
                else:
                    headers = {**headers, **credential}
            self._is_marked = content is not None and self._marker in content
            request = encoded(operation.method, target, address.authority, headers, content)
            self._sent_at = time.monotonic()
            return self._connections.send(address, request, head=operation.method == "HEAD"), ""
        except NoAnswerError as error:
            self.tally.unanswered[system] += 1
            return None, str(error)
        except SetupError as error:
            return None, error.message

    def _count(
        self, system: str, operation: Operation, name: str, answered: Answered | None, reason: str
    ) -> float:
        self._requests += 1
        ended = time.monotonic()
        seconds = ended - self._sent_at
        if answered is not None:
            self.tally.received[f"{system} {operation.label}"] += 1
            if self._is_marked and 200 <= answered.status < 300 and operation.method == "POST":
                self.tally.accept(f"{system} {operation.operation_id}", self._arrival)
            if names_one(operation.method, operation.path) and self.markers.foreign(answered.body):
                self.tally.foreign += 1
                reason = "the answer holds what another user sent"
        if reason:
            self.tally.failed(name, reason)
        self.tally.request(name, int(ended - self.begin), seconds, ended - self._intended, bool(reason))
        self._told(operation.method, name, seconds, len(answered.body) if answered else 0, reason)
        return seconds

    _requests = 0
    _sent_at = 0.0
    _is_marked = False


def _why(callee: Callee, played: Played) -> str:
    """Which step of a play did not succeed, and what it did not meet."""
    step = played.failed
    return f"step {step.id}: {_told(played.reason)}{for_how_long(callee, step.id)}" if step else ""


def _told(reason: object) -> str:
    """Why a step did not succeed, without what its answer held."""
    expected = getattr(reason, "expected", "")
    return f"not met: {expected}" if expected else "it did not succeed"


def _filled(text: str, marker: str) -> str:
    if "@@" not in text:
        return text
    return text.replace(MARK, marker).replace(NEW_ID, str(uuid.uuid4()))


def _filled_bytes(content: bytes, marker: str) -> bytes:
    if b"@@" not in content:
        return content
    return content.replace(MARK.encode(), marker.encode()).replace(
        NEW_ID.encode(), str(uuid.uuid4()).encode()
    )
