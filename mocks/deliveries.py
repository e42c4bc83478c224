"""
What agencies send each other: queued, attempted, tried again, kept in order and never lost.

::

    post ─ lane ─ attempt ─┬─ 2xx                              delivered, the next of the lane
                 ▲         ├─ 408, 425, 429, 5xx, nobody there  wait, and again
                 └─────────┴─ any other                        refused, the next of the lane

A lane holds what one sender has for one recipient about one subject; within it nothing overtakes. A delivery has one
id for all its attempts, by which a recipient knows that it has it already. While a partner is away attempts go on,
ever more rarely, for as long as it takes.
"""

from __future__ import annotations

import copy
import hashlib
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

import msgspec

from joinedup.mocks.clock import Clock
from joinedup.mocks.signatures import KeyRing, signed_headers

PERFORMER = "deliveries"
FORM = "application/x-www-form-urlencoded"
RETRYABLE = frozenset({408, 425, 429})
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
LONGEST_RETRY_AFTER_S = 24 * 3600.0
REMEMBERED = 10_000

Lane = tuple[str, str, str]


class State(StrEnum):
    """What has become of a delivery."""

    WAITING = "waiting"
    UNDER_WAY = "under-way"
    DELIVERED = "delivered"
    REFUSED = "refused"


@dataclass(frozen=True)
class Delivery:
    """
    Something that one agency has for another.

    Args:
        sender: system that sends.
        recipient: system or subscriber that is to have it.
        subject: opaque id of whom it is about: deliveries about one subject stay in order.
        path: at the recipient, from its base.
        body: JSON; or the fields of a form, where that is the media type.
        area: council area in which it is for the recipient, by whose client it is sent.
        headers: besides those that every delivery has.
        key: name of the key ring that it is signed with; empty where it is not signed but carries a token.
        media_type: of the body.
        reference: the sender's own id of what this makes at the recipient; empty where it never asks for it again.
    """

    sender: str
    recipient: str
    subject: str
    path: str
    body: Any
    area: str = ""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    correlation_id: str = ""
    media_type: str = "application/json"
    reference: str = ""

    @property
    def lane(self) -> Lane:
        """What it stays in order with."""
        return (self.sender, self.recipient, self.subject)


@dataclass(frozen=True)
class Outgoing:
    """One attempt as it goes over the wire; ``path`` begins with a slash."""

    recipient: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    sender: str = ""


@dataclass(frozen=True)
class Reply:
    """What came back; status 0 where nothing did. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        """Whether the recipient has it."""
        return 200 <= self.status < 300

    @property
    def may_be_retried(self) -> bool:
        """Whether another attempt may fare better."""
        return self.status == 0 or self.status in RETRYABLE or self.status >= 500


NOBODY = Reply(0)


@dataclass(frozen=True)
class Attempt:
    """One attempt as the journal has it; ``at`` is in seconds since 1970."""

    at: float
    number: int
    status: int


@dataclass
class Tracked:
    """
    A delivery and what has become of it.

    Args:
        number: in the order in which deliveries were posted.
        due: seconds since 1970 when it is tried next; None while it is not to be.
    """

    id: str
    number: int
    delivery: Delivery
    queued_at: float
    state: State = State.WAITING
    due: float | None = None
    attempts: list[Attempt] = field(default_factory=list)


Done = Callable[[Reply], None]
# Sends and calls ``done`` with what came back, at once or later, but on the thread that owns the agencies.
Transport = Callable[[Outgoing, Done], None]
Credentials = Callable[[Delivery], Mapping[str, str]]


@dataclass(frozen=True)
class DeliveriesState:
    """Deliveries as they were kept."""

    lanes: dict[Lane, deque[Tracked]]
    finished: deque[Tracked]
    rings: dict[str, list[Any]]
    count: int


class Deliveries:
    """
    The outboxes of the agencies of a process.

    Args:
        transport: how an attempt is made.
        credentials: headers that show who sends, for a delivery that is not signed.
        seed: of the ids, so that a run can be repeated.
    """

    def __init__(
        self, clock: Clock, transport: Transport, credentials: Credentials = lambda _: {}, *, seed: int = 1
    ) -> None:
        self.clock, self.transport, self.credentials, self.seed = clock, transport, credentials, seed
        self.rings: dict[str, KeyRing] = {}
        # Only a fault gives up: what could not be delivered is tried again for as long as it takes.
        self.gives_up: Callable[[Delivery], bool] = lambda _: False
        # Only a fault insists: what was refused is refused for good.
        self.insists: Callable[[Delivery], bool] = lambda _: False
        # Told of each that the recipient has, with what it answered.
        self.taken_in: Callable[[Delivery, Reply], None] = lambda _delivery, _reply: None
        clock.performers[PERFORMER] = self._perform
        self._epoch = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything that was posted; answers that are still to come are left aside."""
        self._epoch += 1
        self._lanes: dict[Lane, deque[Tracked]] = {}
        self._finished: deque[Tracked] = deque(maxlen=REMEMBERED)
        self._count = 0
        self._under_way = 0
        self.rings.clear()

    # Posting

    def ring(self, name: str) -> KeyRing:
        """The keys of that name; made on first use, alike for the same seed."""
        if name not in self.rings:
            self.rings[name] = _seeded_ring(name, self.seed)
        return self.rings[name]

    def post(self, delivery: Delivery, *, due: float | None = None) -> Tracked:
        """
        Have something delivered: as soon as the clock performs what is due, or later.

        Args:
            due: seconds since 1970 before which it is not sent.
        """
        self._count += 1
        identifier = str(uuid.UUID(bytes=_digest(f"{self.seed}/{self._count}")[:16], version=4))
        now = self.clock.seconds()
        tracked = Tracked(identifier, self._count, delivery, now, due=max(now, due or now))
        lane = self._lanes.setdefault(delivery.lane, deque())
        lane.append(tracked)
        if len(lane) == 1:
            self._queue(tracked)
        return tracked

    def _queue(self, tracked: Tracked) -> None:
        tracked.state = State.WAITING
        self.clock.queue(tracked.due or self.clock.seconds(), PERFORMER, tracked.delivery.lane)

    # Attempting

    def _perform(self, lane: Lane) -> None:
        waiting = self._lanes.get(lane)
        if not waiting or waiting[0].state is not State.WAITING:
            return
        tracked = waiting[0]
        tracked.state, tracked.due = State.UNDER_WAY, None
        self._under_way += 1
        epoch = self._epoch

        def done(reply: Reply) -> None:
            if epoch == self._epoch:
                self._under_way -= 1
                self._answered(tracked, reply)

        self.transport(self._outgoing(tracked), done)

    def _outgoing(self, tracked: Tracked) -> Outgoing:
        delivery = tracked.delivery
        body = _encoded(delivery)
        headers = {"X-Request-ID": tracked.id, **delivery.headers}
        if delivery.correlation_id:
            headers["X-Correlation-ID"] = delivery.correlation_id
        if body:
            headers["Content-Type"] = delivery.media_type
        headers.update(self._proof(tracked, body))
        return Outgoing(delivery.recipient, delivery.method, delivery.path, headers, body, delivery.sender)

    def _proof(self, tracked: Tracked, body: bytes) -> Mapping[str, str]:
        if not tracked.delivery.key:
            return self.credentials(tracked.delivery)
        key = self.ring(tracked.delivery.key).current
        number = len(tracked.attempts) + 1
        return signed_headers(key, body, delivery_id=tracked.id, attempt=number, now=self.clock.seconds())

    def _answered(self, tracked: Tracked, reply: Reply) -> None:
        now = self.clock.seconds()
        tracked.attempts.append(Attempt(now, len(tracked.attempts) + 1, reply.status))
        again = reply.may_be_retried or self.insists(tracked.delivery)
        if not reply.is_success and again and not self.gives_up(tracked.delivery):
            tracked.due = now + wait_s(len(tracked.attempts), reply, now)
            self._queue(tracked)
            return
        tracked.state = State.DELIVERED if reply.is_success else State.REFUSED
        if reply.is_success:
            self.taken_in(tracked.delivery, reply)
        self._finished.append(tracked)
        self._next(tracked.delivery.lane)

    def _next(self, lane: Lane) -> None:
        waiting = self._lanes[lane]
        waiting.popleft()
        if waiting:
            self._queue(waiting[0])
        else:
            del self._lanes[lane]

    # What became of it

    @property
    def under_way(self) -> int:
        """How many attempts wait for an answer."""
        return self._under_way

    def waiting(self) -> Iterator[Tracked]:
        """What is not delivered yet, lane by lane, in order."""
        return (tracked for lane in self._lanes.values() for tracked in lane)

    def posted(self) -> tuple[Tracked, ...]:
        """What was posted, in that order: all that waits, and the last 10,000 that do not."""
        return tuple(sorted((*self._finished, *self.waiting()), key=lambda tracked: tracked.number))

    def snapshot(self) -> DeliveriesState:
        """What there is, to be put back."""
        rings = {name: list(ring.keys) for name, ring in self.rings.items()}
        return copy.deepcopy(DeliveriesState(self._lanes, self._finished, rings, self._count))

    def restore(self, state: DeliveriesState) -> None:
        """Put back what was kept, after the clock; an attempt that was under way then is made again."""
        self.reset()
        kept = copy.deepcopy(state)
        self._lanes, self._finished, self._count = kept.lanes, kept.finished, kept.count
        for name, keys in kept.rings.items():
            self.ring(name).keys = keys
        for lane in self._lanes.values():
            if lane[0].state is State.UNDER_WAY:
                self._queue(lane[0])


def _encoded(delivery: Delivery) -> bytes:
    if delivery.body is None:
        return b""
    is_form = delivery.media_type == FORM
    return urlencode(delivery.body).encode() if is_form else msgspec.json.encode(delivery.body)


def wait_s(attempts: int, reply: Reply, now: float) -> float:
    """How long to wait after so many attempts: twice as long each time, and at least what the reply asks for."""
    wait = min(FIRST_WAIT_S * 2.0 ** min(attempts - 1, 30), LONGEST_WAIT_S)
    return max(wait, min(retry_after_s(reply.headers.get("retry-after", ""), now), LONGEST_RETRY_AFTER_S))


def retry_after_s(value: str, now: float) -> float:
    """What Retry-After asks for, in seconds (RFC 9110, 10.2.3); 0 where it asks for nothing that can be read."""
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _seeded_ring(name: str, seed: int) -> KeyRing:
    numbers = iter(range(1, 1_000_000))
    return KeyRing(name, lambda: _digest(f"{seed}/{name}/{next(numbers)}"))
