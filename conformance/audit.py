"""
Whether an account of who looked keeps every line, and leaves nobody out.

A log is known by its name, in any style of writing. The object that it is of is read several times, and the log before
and after: each reading that leaves a line leaves one every time, and no line that was there is gone or different.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import plain as bare
from joinedup.conformance.lists import items_of
from joinedup.conformance.objects import Collection, collections_of
from joinedup.conformance.operations import Operation
from joinedup.conformance.pages import LARGEST_SIZE, Walk, following, pager_of
from joinedup.conformance.sequences import Tried
from joinedup.conformance.target import Target

LOGS = frozenset(
    {
        *("disclosures", "disclosurelog", "audit", "auditlog", "audittrail", "auditevents", "auditentries"),
        *("accesslog", "accesslogs", "accesshistory", "accessrecords"),
    }
)
"""The last word of a log's address, plain."""
LOOKS = 3
MOST_PAGES = 60
CHANGES = ("PUT", "PATCH", "DELETE")


def logs_of(target: Target) -> list[Collection]:
    """The logs that can be read."""
    return [
        found for found in collections_of(target) if bare(found.operation.path.rpartition("/")[2]) in LOGS
    ]


def keeps_every_line(target: Target, log: Collection, tried: Tried) -> Iterator[Suspicion]:
    """Read what a log is of, try to change the log, and see that it has grown by every look and lost nothing."""
    before = _lines(target, log)
    if before is None:
        tried.lacks(f"{log.operation.label} could not be read to its end")
        return
    looks = [exchange for exchange in _looks(target, log) if exchange.ok]
    tampered = list(_attempts(target, log))
    after = _lines(target, log)
    if after is None:
        tried.lacks(f"{log.operation.label} could not be read to its end")
        return
    tried.proved += 1
    last, gone, gained = after[1], before[0] - after[0], after[0] - before[0]
    if gone:
        yield _suspicion(
            "audit-line-gone",
            "A line of the account of who looked is gone or different",
            "Every line that was there, as it was.",
            f"{last.status}, and {gone.total()} of the lines that were there before are not there any more.",
            (*tampered, last),
        )
    if gained and gained.total() < len(looks):
        yield _suspicion(
            "audit-line-missing",
            "Of several looks not each one is on record",
            f"A line for each of {len(looks)} looks.",
            f"{last.status}, and the looks have left {gained.total()}.",
            (*looks, last),
        )


def notes_looks(target: Target, log: Collection) -> bool:
    """Whether reading what a log is of leaves a line in it at all."""
    before = _lines(target, log)
    looked = any(exchange.ok for exchange in _looks(target, log))
    after = _lines(target, log)
    return bool(looked and before and after and after[0] - before[0])


def _lines(target: Target, log: Collection) -> tuple[Counter[str], Exchange] | None:
    """Every line of a log, as text, and the last page; None where it could not be read to its end."""
    pager, found = pager_of(target, log), Walk()
    size = min(pager.declared_most, LARGEST_SIZE)
    step, lines = pager.first(size), Counter[str]()
    for _ in range(MOST_PAGES):
        exchange = target.client.send(step)
        items = items_of(exchange)
        if items is None:
            return None
        lines.update(json.dumps(item, sort_keys=True) for item in items)
        found.exchanges.append(exchange)
        found.pages.append(list(range(len(items))))
        following_step = following(target, pager, found, size)[1]
        if following_step is None:
            return lines, exchange
        step = following_step
    return None


def _parent(target: Target, log: Collection) -> Operation | None:
    """The operation that reads what a log is of."""
    return target.contract.operation(f"GET {log.operation.path.rpartition('/')[0]}")


def _looks(target: Target, log: Collection) -> Iterator[Exchange]:
    parent = _parent(target, log)
    known = target.good.get((parent.label, log.identity)) if parent is not None else None
    if known is None:
        return
    parameters = {**known.step.path_parameters, **log.step.path_parameters}
    for _ in range(LOOKS):
        yield target.client.send(replace(known.step, path_parameters=parameters))


def _attempts(target: Target, log: Collection) -> Iterator[Exchange]:
    """Requests that would change the log or remove it, where such may be sent."""
    for method in CHANGES if target.destructive else ():
        declared = target.contract.operation(f"{method} {log.operation.path}")
        if declared is None:
            yield target.client.send(replace(log.step, operation="", method=method, query=()))


def _suspicion(
    rule: str, title: str, expected: str, actual: str, exchanges: tuple[Exchange, ...]
) -> Suspicion:
    return Suspicion(rule, ("AUD-02",), title, expected, actual, exchanges, Expectation(), cause=rule)
