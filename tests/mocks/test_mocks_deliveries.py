"""What agencies send each other arrives once, in order and signed, however long a partner is away."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import respx

from joinedup.mocks.clock import Clock
from joinedup.mocks.deliveries import (
    Deliveries,
    Delivery,
    Done,
    Outgoing,
    Reply,
    State,
    retry_after_s,
    wait_s,
)
from joinedup.mocks.signatures import (
    ATTEMPT,
    SignatureError,
    verify,
)
from joinedup.mocks.transports import Http

START = datetime(2026, 11, 2, 9, 30, tzinfo=UTC).timestamp()


@dataclass
class Partner:
    """A recipient that answers as it is told to, and keeps what it was sent."""

    replies: list[Reply] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)
    is_away: bool = False

    def __call__(self, outgoing: Outgoing, done: Done) -> None:
        self.sent.append(outgoing)
        if self.is_away:
            done(Reply(503, {"retry-after": "60"}))
        else:
            done(self.replies.pop(0) if self.replies else Reply(201))

    def taken(self) -> list[Any]:
        """What it was sent, by its bodies."""
        return [json.loads(outgoing.body)["n"] for outgoing in self.sent]


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def partner() -> Partner:
    return Partner()


@pytest.fixture
def deliveries(clock: Clock, partner: Partner) -> Deliveries:
    return Deliveries(clock, partner, lambda delivery: {"Authorization": f"Bearer {delivery.area}"})


def notice(n: int, subject: str = "child-1", recipient: str = "school", **more: Any) -> Delivery:
    """A numbered notice of the police."""
    return Delivery("police", recipient, subject, "/v1/notices", {"n": n}, area="01", **more)


def test_what_is_posted_is_sent_as_soon_as_the_clock_performs_what_is_due(
    clock: Clock, deliveries: Deliveries, partner: Partner
) -> None:
    """Once, with its id, its credential and its body."""
    tracked = deliveries.post(notice(1, correlation_id="enquiry-1"))
    assert partner.sent == []
    clock.perform_due()
    assert (tracked.state, [a.status for a in tracked.attempts]) == (State.DELIVERED, [201])
    (sent,) = partner.sent
    assert (sent.method, sent.path, sent.recipient) == ("POST", "/v1/notices", "school")
    assert sent.headers == {
        "X-Request-ID": tracked.id,
        "X-Correlation-ID": "enquiry-1",
        "Content-Type": "application/json",
        "Authorization": "Bearer 01",
    }
    clock.advance(3600)
    assert partner.taken() == [1]


def test_what_is_due_later_is_sent_then(clock: Clock, deliveries: Deliveries, partner: Partner) -> None:
    """Not a second before."""
    deliveries.post(notice(1), due=START + 60)
    clock.advance(59)
    assert partner.sent == []
    clock.advance(1)
    assert partner.taken() == [1]


@pytest.mark.parametrize("status", [0, 408, 425, 429, 500, 502, 503, 504])
def test_what_may_fare_better_is_tried_again(
    status: int, clock: Clock, deliveries: Deliveries, partner: Partner
) -> None:
    """With the same id, after one second, two, four."""
    partner.replies = [Reply(status)] * 3
    tracked = deliveries.post(notice(1))
    clock.advance(60)
    assert [a.status for a in tracked.attempts] == [status, status, status, 201]
    assert [a.at - START for a in tracked.attempts] == [0, 1, 3, 7]
    assert {sent.headers["X-Request-ID"] for sent in partner.sent} == {tracked.id}


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 409, 410, 413, 422])
def test_what_will_not_fare_better_is_refused(
    status: int, clock: Clock, deliveries: Deliveries, partner: Partner
) -> None:
    """Redirects among them; it is tried once, and what comes after it goes on."""
    partner.replies = [Reply(status)]
    first, second = deliveries.post(notice(1)), deliveries.post(notice(2))
    clock.advance(3600)
    assert [t.state for t in (first, second)] == [State.REFUSED, State.DELIVERED]
    assert partner.taken() == [1, 2]


def test_a_subject_stays_in_order_while_others_go_on(
    clock: Clock, deliveries: Deliveries, partner: Partner
) -> None:
    """What is about one child waits for what came before about that child, and for nothing else."""
    partner.replies = [Reply(503), Reply(201)]
    deliveries.post(notice(1))
    deliveries.post(notice(2))
    deliveries.post(notice(3, subject="child-2"))
    clock.perform_due()
    assert partner.taken() == [1, 3]
    clock.advance(1)
    assert partner.taken() == [1, 3, 1, 2]


def test_nothing_is_lost_doubled_or_out_of_order_while_a_partner_is_away(
    clock: Clock, deliveries: Deliveries, partner: Partner
) -> None:
    """Four hours, two hundred deliveries of twenty children."""
    partner.is_away = True
    for n in range(200):
        deliveries.post(notice(n, subject=f"child-{n % 20}"))
        clock.advance(72)
    assert len(list(deliveries.waiting())) == 200
    partner.is_away, attempts = False, len(partner.sent)
    clock.advance(600)
    assert list(deliveries.waiting()) == []
    arrived = partner.taken()[attempts:]
    assert sorted(arrived) == list(range(200))
    for child in range(20):
        assert [n for n in arrived if n % 20 == child] == list(range(child, 200, 20))
    assert len({t.id for t in deliveries.posted()}) == 200


def test_attempts_grow_rarer_and_never_end(clock: Clock, deliveries: Deliveries, partner: Partner) -> None:
    """At most five minutes lie between two, if the partner does not ask for more."""
    partner.replies = [Reply(0)] * 500
    tracked = deliveries.post(notice(1))
    clock.advance(24 * 3600)
    times = [attempt.at for attempt in tracked.attempts]
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert gaps == sorted(gaps)
    assert (gaps[0], max(gaps)) == (1, 300)
    assert tracked.state is State.WAITING


def test_retry_after_is_honoured(clock: Clock, deliveries: Deliveries, partner: Partner) -> None:
    """Not a second sooner than the partner asked for."""
    partner.replies = [Reply(429, {"retry-after": "120"})]
    tracked = deliveries.post(notice(1))
    clock.advance(119)
    assert (tracked.state, tracked.due) == (State.WAITING, START + 120)
    clock.advance(1)
    assert tracked.state is State.DELIVERED


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Mon, 02 Nov 2026 09:31:00 GMT", 60),
        ("Mon, 02 Nov 2026 09:29:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("", 0),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float) -> None:
    """Seconds or a date; anything else asks for nothing."""
    assert retry_after_s(value, START) == seconds


def test_a_wait_has_an_end() -> None:
    """A partner that asks for a year gets a day, and a thousand attempts make no overflow."""
    assert wait_s(1, Reply(503, {"retry-after": str(365 * 86400)}), START) == 86400
    assert wait_s(1000, Reply(503), START) == 300


def test_a_slow_answer_holds_up_its_lane_alone(clock: Clock) -> None:
    """While an attempt is under way nothing of its lane is sent; an answer after a reset is left aside."""
    open_attempts: list[tuple[Outgoing, Done]] = []
    deliveries = Deliveries(clock, lambda outgoing, done: open_attempts.append((outgoing, done)))
    deliveries.post(notice(1))
    deliveries.post(notice(2))
    deliveries.post(notice(3, subject="child-2"))
    clock.advance(60)
    assert (len(open_attempts), deliveries.under_way) == (2, 2)
    open_attempts[0][1](Reply(201))
    clock.perform_due()
    assert (len(open_attempts), deliveries.under_way) == (3, 2)
    deliveries.reset()
    clock.reset()
    open_attempts[1][1](Reply(503))
    assert (deliveries.posted(), deliveries.under_way, clock.queued) == ((), 0, ())


def test_deliveries_can_be_put_back(clock: Clock, deliveries: Deliveries, partner: Partner) -> None:
    """What waited when they were kept is delivered after they were put back, once, with the same ids."""
    partner.is_away = True
    deliveries.post(notice(1))
    deliveries.post(notice(2))
    clock.perform_due()
    kept, kept_time = deliveries.snapshot(), clock.snapshot()
    partner.is_away = False
    clock.advance(600)
    ids = [t.id for t in deliveries.posted()]
    partner.sent.clear()
    clock.restore(kept_time)
    deliveries.restore(kept)
    assert [t.state for t in deliveries.posted()] == [State.WAITING, State.WAITING]
    clock.advance(600)
    assert partner.taken() == [1, 2]
    assert [t.id for t in deliveries.posted()] == ids


def test_an_attempt_that_was_under_way_is_made_again(clock: Clock) -> None:
    """Its answer belongs to a time that is no more."""
    open_attempts: list[tuple[Outgoing, Done]] = []
    deliveries = Deliveries(clock, lambda outgoing, done: open_attempts.append((outgoing, done)))
    deliveries.post(notice(1))
    clock.perform_due()
    kept, kept_time = deliveries.snapshot(), clock.snapshot()
    clock.restore(kept_time)
    deliveries.restore(kept)
    clock.perform_due()
    open_attempts[0][1](Reply(201))
    assert [t.state for t in deliveries.posted()] == [State.UNDER_WAY]
    open_attempts[1][1](Reply(201))
    assert [t.state for t in deliveries.posted()] == [State.DELIVERED]


def test_ids_are_repeatable() -> None:
    """The same seed gives the same ids, another gives others."""

    def ids(seed: int) -> list[str]:
        found = Deliveries(Clock(START), Partner(), seed=seed)
        return [found.post(notice(n)).id for n in range(3)]

    assert ids(1) == ids(1)
    assert not set(ids(1)) & set(ids(2))


def test_each_attempt_is_signed_anew_and_the_id_stays(
    clock: Clock, deliveries: Deliveries, partner: Partner
) -> None:
    """Number and time change, so that the last attempt of a long absence is still believed."""
    partner.replies = [Reply(503, {"retry-after": "3600"})]
    tracked = deliveries.post(notice(1, key="police-school"))
    clock.advance(3600)
    first, second = ({k.lower(): v for k, v in sent.headers.items()} for sent in partner.sent)
    assert (first[ATTEMPT.lower()], second[ATTEMPT.lower()]) == ("1", "2")
    assert "authorization" not in second
    ring = deliveries.ring("police-school")
    assert verify(second, partner.sent[1].body, ring, clock.seconds()) == tracked.id
    with pytest.raises(SignatureError, match="too long ago"):
        verify(first, partner.sent[0].body, ring, clock.seconds())


def test_keys_are_put_back_and_repeatable(deliveries: Deliveries, clock: Clock) -> None:
    """A rotation after a snapshot is undone with it; the same seed gives the same secrets."""
    ring = deliveries.ring("police-school")
    first = ring.current
    kept = deliveries.snapshot()
    ring.rotate(START)
    deliveries.restore(kept)
    assert deliveries.ring("police-school").current == first
    assert Deliveries(Clock(START), Partner()).ring("police-school").current == first
    assert Deliveries(Clock(START), Partner(), seed=2).ring("police-school").current != first


def test_a_recipient_without_an_address_is_away() -> None:
    """What is for it waits until it has one."""
    addresses: dict[str, str] = {}
    clock = Clock(START)
    deliveries = Deliveries(clock, Http(addresses))
    tracked = deliveries.post(notice(1))
    clock.advance(10)
    assert [t.state for t in deliveries.waiting()] == [State.WAITING]
    addresses["school"] = "https://school.example"
    with respx.mock() as router:
        router.post("https://school.example/v1/notices").respond(201)
        clock.advance(60)
    assert tracked.state is State.DELIVERED
