"""One clock for all: it moves when it is told to, does on the way what falls due, and can be put back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from joinedup.mocks.clock import Clock, ClockError, stamp

START = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


class Diary:
    """Performs by writing down what was done and what the clock showed."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.entries: list[tuple[Any, str]] = []
        clock.performers["write"] = self.write
        clock.performers["write-and-queue"] = self.write_and_queue

    def write(self, value: Any) -> None:
        self.entries.append((value, stamp(self.clock.now())[11:19]))

    def write_and_queue(self, value: Any) -> None:
        """Writes, and queues the same again after as many seconds as the value says."""
        self.write(value)
        self.clock.queue(self.clock.seconds() + value, "write-and-queue", value)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at half past nine."""
    return Clock(START.timestamp())


@pytest.fixture
def diary(clock: Clock) -> Diary:
    return Diary(clock)


def after(clock: Clock, seconds: float) -> datetime:
    return clock.now() + timedelta(seconds=seconds)


def test_a_clock_that_stands_moves_only_when_told(clock: Clock) -> None:
    """It shows the same until it is advanced, and then exactly as much later."""
    assert clock.is_stopped
    assert clock.now() == clock.now() == START
    clock.advance(90.5)
    assert clock.now() == START + timedelta(seconds=90.5)


def test_a_clock_that_runs_is_real_time_plus_what_it_was_advanced_by() -> None:
    """It stays near real time, and goes on from where it was moved to."""
    clock = Clock()
    assert abs(clock.seconds() - time.time()) < 1
    clock.advance(3600)
    assert 3599 < clock.seconds() - time.time() < 3601
    assert not clock.is_stopped
    clock.stop()
    shown = clock.now()
    assert (clock.now(), clock.is_stopped) == (shown, True)
    clock.start()
    assert timedelta(0) <= clock.now() - shown < timedelta(seconds=1)


def test_a_clock_that_runs_loses_no_time_by_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands while something is done, and shows real time again after it, however often that is."""
    real = [1_800_000_000.0]
    monkeypatch.setattr(time, "time", lambda: real[0])
    clock, shown = Clock(), []

    def take_a_while(_: object) -> None:
        real[0] += 0.25
        shown.append(clock.seconds())

    clock.performers["take a while"] = take_a_while
    for _ in range(8):
        clock.queue(clock.seconds(), "take a while")
        clock.perform_due()
    assert shown == [1_800_000_000.0 + 0.25 * turn for turn in range(8)]
    assert clock.seconds() == real[0] == 1_800_000_002.0


def test_work_is_done_in_order_of_due_time_while_the_clock_moves(clock: Clock, diary: Diary) -> None:
    """Not in the order in which it was queued, and each piece at its own moment."""
    for value, seconds in (("third", 30), ("first", 10), ("second", 20), ("late", 61)):
        clock.queue(after(clock, seconds), "write", value)
    assert clock.advance(60) == 3
    assert diary.entries == [("first", "09:30:10"), ("second", "09:30:20"), ("third", "09:30:30")]
    assert stamp(clock.now()) == "2026-11-02T09:31:00Z"
    assert [work.value for work in clock.queued] == ["late"]


def test_work_of_the_same_moment_is_done_in_the_order_in_which_it_was_queued(
    clock: Clock, diary: Diary
) -> None:
    """Nothing overtakes."""
    for value in range(20):
        clock.queue(after(clock, 5), "write", value)
    clock.advance(5)
    assert [value for value, _ in diary.entries] == list(range(20))


def test_work_may_queue_more_work(clock: Clock, diary: Diary) -> None:
    """What is queued on the way and falls due on the way is done on the way, in order with the rest."""
    clock.queue(after(clock, 20), "write-and-queue", 20)
    clock.queue(after(clock, 30), "write", "between")
    assert clock.advance(65) == 4
    assert diary.entries == [(20, "09:30:20"), ("between", "09:30:30"), (20, "09:30:40"), (20, "09:31:00")]


def test_what_is_queued_for_the_past_is_done_next_and_the_clock_does_not_go_back(
    clock: Clock, diary: Diary
) -> None:
    """Overdue work is done at the moment that the clock shows."""
    clock.queue(after(clock, -60), "write", "overdue")
    assert diary.entries == []
    assert clock.perform_due() == 1
    assert diary.entries == [("overdue", "09:30:00")]


def test_due_work_is_not_done_within_work(clock: Clock, diary: Diary) -> None:
    """Work that asks for what is due does not start it in its own middle; the mover goes on to it."""

    def nested(value: Any) -> None:
        clock.queue(clock.now(), "write", "after")
        assert clock.perform_due() == 0
        diary.write("before")

    clock.performers["nested"] = nested
    clock.queue(clock.now(), "nested")
    assert clock.perform_due() == 2
    assert [value for value, _ in diary.entries] == ["before", "after"]


def test_work_that_moves_the_clock_is_an_error(clock: Clock) -> None:
    """There is one who moves it."""
    clock.performers["move"] = lambda _: (clock.advance(1), None)[1]
    clock.queue(clock.now(), "move")
    with pytest.raises(ClockError, match="being moved already"):
        clock.advance(5)
    assert clock.advance(5) == 0


def test_work_that_never_ends_is_an_error(
    clock: Clock, diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work that queues itself for the same moment is stopped."""
    monkeypatch.setattr("joinedup.mocks.clock.MOST_AT_ONCE", 50)
    clock.queue(clock.now(), "write-and-queue", 0)
    with pytest.raises(ClockError, match="more than 50"):
        clock.advance(1)


@pytest.mark.parametrize("standing", [True, False])
def test_a_reset_within_a_move_ends_it(standing: bool) -> None:
    """Whoever puts everything back does not find the clock moved on afterwards, nor old work done."""
    clock = Clock(START.timestamp()) if standing else Clock()
    diary, before = Diary(clock), clock.seconds()
    clock.performers["reset"] = lambda _: clock.reset()
    clock.queue(after(clock, 60), "reset")
    clock.queue(after(clock, 61), "write", "old")
    assert clock.advance(3600) == 1
    assert abs(clock.seconds() - before) < 1
    assert clock.advance(3600) == 0
    assert (diary.entries, clock.is_stopped) == ([], standing)


def test_withdrawn_work_is_not_done(clock: Clock, diary: Diary) -> None:
    """Also where it was the next, and twice is no harm."""
    first = clock.queue(after(clock, 1), "write", "withdrawn")
    clock.queue(after(clock, 2), "write", "kept")
    clock.withdraw(first)
    clock.withdraw(first)
    assert [work.value for work in clock.queued] == ["kept"]
    assert clock.advance(3) == 1
    assert [value for value, _ in diary.entries] == ["kept"]


def test_work_that_nobody_performs_is_an_error_at_once(clock: Clock) -> None:
    """A mistyped performer is seen when the work is queued, not when it is due."""
    with pytest.raises(ClockError, match="Nobody performs wrote"):
        clock.queue(clock.now(), "wrote")


def test_it_is_set_only_forward(clock: Clock, diary: Diary) -> None:
    """A set does what falls due; a moment that is past is an error."""
    clock.queue(after(clock, 60), "write", "due")
    assert clock.set(after(clock, 3600)) == 1
    assert stamp(clock.now()) == "2026-11-02T10:30:00Z"
    with pytest.raises(ClockError, match="2026-11-02T10:30:00Z already"):
        clock.set(START)
    assert clock.set(clock.now()) == 0


def test_moving_back_does_no_work(clock: Clock, diary: Diary) -> None:
    """Only for what must look back: a token that is not valid yet."""
    clock.queue(after(clock, -30), "write", "due")
    clock.advance(-60)
    assert (stamp(clock.now()), diary.entries) == ("2026-11-02T09:29:00Z", [])


@pytest.mark.parametrize("make", [lambda: Clock(START.timestamp()), Clock])
def test_a_reset_forgets_work_and_moves(make: Callable[[], Clock]) -> None:
    """A clock goes back to what it was at first, standing or running."""
    clock = make()
    Diary(clock)
    before, stood = clock.seconds(), clock.is_stopped
    clock.queue(after(clock, 7200), "write")
    clock.advance(3600)
    clock.stop()
    clock.reset()
    assert abs(clock.seconds() - before) < 1
    assert (clock.queued, clock.is_stopped) == ((), stood)


def test_a_snapshot_can_be_put_back_twice(clock: Clock, diary: Diary) -> None:
    """Time and queue are as they were, whatever was done since, and so is what the work holds."""
    value = {"list": [1]}
    clock.queue(after(clock, 60), "write", value)
    kept = clock.snapshot()
    value["list"].append(2)
    for _ in range(2):
        assert clock.advance(120) == 1
        assert clock.queued == ()
        clock.restore(kept)
        assert clock.now() == START
    clock.advance(60)
    assert [value for value, _ in diary.entries] == [{"list": [1, 2]}, {"list": [1]}, {"list": [1]}]


def test_many_pieces_of_work_are_done_in_order(clock: Clock, diary: Diary) -> None:
    """Ten thousand, queued in disorder."""
    for n in range(10_000):
        clock.queue(after(clock, n * 7919 % 10_000), "write", n * 7919 % 10_000)
    assert clock.advance(10_000) == 10_000
    assert [value for value, _ in diary.entries] == list(range(10_000))


def test_a_moment_is_stamped_in_utc() -> None:
    """To the second, with a Z."""
    assert stamp(datetime.fromisoformat("2026-07-15T00:30:00+01:00")) == "2026-07-14T23:30:00Z"
