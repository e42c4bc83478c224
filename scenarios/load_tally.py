"""
What a process counts while it sends, and the sum over processes, which is exact: counts are added, buckets are added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joinedup.scenarios.latency import Histogram, histogram_from

MOST_SAMPLES = 20
MOST_ACCEPTED = 5_000
REQUEST, JOURNEY = "request", "journey"
_COUNTERS = ("due", "started", "finished", "left_out", "judged", "breaches", "foreign")


@dataclass
class Row:
    """
    One name: a request or a journey.

    Args:
        service: from the sending to the end of the answer.
        intended: from the moment at which it should have been sent.
    """

    kind: str
    count: int = 0
    failures: int = 0
    service: Histogram = field(default_factory=Histogram)
    intended: Histogram = field(default_factory=Histogram)

    def add(self, other: Row) -> None:
        """Add what another counted under the same name."""
        self.count += other.count
        self.failures += other.failures
        self.service.add(other.service)
        self.intended.add(other.intended)

    def as_record(self) -> dict[str, Any]:
        """The row as JSON."""
        return {
            "kind": self.kind,
            "count": self.count,
            "failures": self.failures,
            "service": self.service.as_record(),
            "intended": self.intended.as_record(),
        }


def _row_from(record: Mapping[str, Any]) -> Row:
    return Row(
        record["kind"],
        record["count"],
        record["failures"],
        histogram_from(record["service"]),
        histogram_from(record["intended"]),
    )


@dataclass
class Tally:
    """
    Everything that was counted.

    Args:
        rows: by name.
        seconds: requests that ended in each second of the load.
        due, started, finished: arrivals.
        received: answers by ``system operation``, to be held against the journals of those who received them.
        unanswered: requests that were sent and got no answer, by system.
        accepted: the arrivals, latest last, whose marked object a system said that it has, by ``system operationId``.
        left_out: requests that journeys no longer sent, because they had failed before.
        judged: answers that were held against their contract.
        breaches: how many of them broke it.
        foreign: answers that held another user's marker.
        why: reasons of failures, with how often.
        cpu: seconds of processor time by process, with the seconds that passed.
        memory: bytes in use by process, at the start and the end.
        stopped: why the whole load was ended at once: an answer looked like real people; empty where it was not.
        unready: why a process could not even begin; empty where it could.
        late: how late arrivals started although a user was free: what the generator itself is to blame for.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    seconds: dict[int, Row] = field(default_factory=dict)
    due: int = 0
    started: int = 0
    finished: int = 0
    left_out: int = 0
    received: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    accepted: dict[str, list[int]] = field(default_factory=dict)
    judged: int = 0
    breaches: int = 0
    foreign: int = 0
    why: Counter[str] = field(default_factory=Counter)
    cpu: list[tuple[float, float]] = field(default_factory=list)
    busiest: list[float] = field(default_factory=list)
    memory: list[tuple[int, int]] = field(default_factory=list)
    late: Histogram = field(default_factory=Histogram)
    stopped: str = ""
    unready: str = ""

    def request(self, name: str, second: int, service_s: float, intended_s: float, failed: bool) -> None:
        """Count one request that ended in a second of the load."""
        for row in (self._row(name, REQUEST), self._second(second)):
            row.count += 1
            row.failures += failed
            row.service.record(service_s)
            row.intended.record(intended_s)

    def journey(self, name: str, service_s: float, intended_s: float, failed: bool) -> None:
        """Count one play of a journey."""
        row = self._row(name, JOURNEY)
        row.count += 1
        row.failures += failed
        row.service.record(service_s)
        row.intended.record(intended_s)

    def failed(self, name: str, reason: str) -> None:
        """Remember why something failed."""
        self.why[f"{name}: {reason}"[:300]] += 1

    def accept(self, where: str, arrival: int) -> None:
        """Note that a system accepted something that carries an arrival's marker; the latest are kept."""
        kept = self.accepted.setdefault(where, [])
        kept.append(arrival)
        if len(kept) > 2 * MOST_ACCEPTED:
            del kept[:-MOST_ACCEPTED]

    def _row(self, name: str, kind: str) -> Row:
        row = self.rows.get(name)
        if row is None:
            row = self.rows[name] = Row(kind)
        return row

    def _second(self, second: int) -> Row:
        row = self.seconds.get(second)
        if row is None:
            row = self.seconds[second] = Row(REQUEST)
        return row

    def add(self, other: Tally) -> None:
        """Add what another process counted."""
        for name, row in other.rows.items():
            self._row(name, row.kind).add(row)
        for second, row in other.seconds.items():
            self._second(second).add(row)
        for counter in _COUNTERS:
            setattr(self, counter, getattr(self, counter) + getattr(other, counter))
        self.received.update(other.received)
        self.unanswered.update(other.unanswered)
        for where, arrivals in other.accepted.items():
            self.accepted.setdefault(where, []).extend(arrivals)
        self.why.update(other.why)
        self.cpu += other.cpu
        self.busiest += other.busiest
        self.memory += other.memory
        self.late.add(other.late)
        self.stopped = self.stopped or other.stopped

    def whole(self) -> Row:
        """All requests as one row."""
        whole = Row(REQUEST)
        for row in self.rows.values():
            if row.kind == REQUEST:
                whole.add(row)
        return whole

    def as_record(self) -> dict[str, Any]:
        """The tally as JSON."""
        plain = (*_COUNTERS, "cpu", "busiest", "memory")
        return {
            "rows": {name: row.as_record() for name, row in self.rows.items()},
            "seconds": [[second, row.as_record()] for second, row in sorted(self.seconds.items())],
            **{name: getattr(self, name) for name in plain},
            "received": dict(self.received),
            "unanswered": dict(self.unanswered),
            "accepted": self.accepted,
            "why": dict(self.why.most_common(MOST_SAMPLES)),
            "late": self.late.as_record(),
            "stopped": self.stopped,
            "unready": self.unready,
        }


def tally_from(record: Mapping[str, Any]) -> Tally:
    """Read a tally back."""
    return Tally(
        rows={name: _row_from(row) for name, row in record["rows"].items()},
        seconds={int(second): _row_from(row) for second, row in record["seconds"]},
        **{counter: record[counter] for counter in _COUNTERS},
        received=Counter(record["received"]),
        unanswered=Counter(record["unanswered"]),
        accepted={where: list(arrivals) for where, arrivals in record["accepted"].items()},
        why=Counter(record["why"]),
        cpu=[(float(a), float(b)) for a, b in record["cpu"]],
        busiest=[float(share) for share in record["busiest"]],
        memory=[(int(a), int(b)) for a, b in record["memory"]],
        late=histogram_from(record["late"]),
        stopped=record["stopped"],
        unready=record["unready"],
    )


def summed(tallies: Iterable[Tally]) -> Tally:
    """The sum of what several processes counted."""
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    return whole
