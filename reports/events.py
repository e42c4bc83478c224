"""
The record of a run: one JSON object a line, in the order in which things happened, never changed.

::

    run-started   run, harness, seed, strict, configuration, product, requirements,
                  journeys (those chosen by name; they alone are played, and what they say nothing of is not judged)
    waiver, known, attestation   an entry of waivers.toml, baseline.toml or attestations.toml
    earlier       run, started, verdict, complete, live, outcomes, findings: an earlier run of the same systems
    system        system, profile, profile_hash, contract_hash, base_url, operations, live, under_test,
                  left_out ({operation: reason}), identities ({name: flow}),
                  requirements ({id: level}; absent: every requirement of the run, at its own level)
    check         system, check, seconds, results, findings
    journey       id, title, summary, systems, requirements, outcome, reason, steps, exchanges (numbers),
                  played ([{id, description, actor, from, system, outcome, reason,
                            exchanges: [{system, method, path, status}]}]: from is the system in whose name it was called),
                  deliveries ([{from, to, kind, path, status, state, attempts}]: what agencies told each other by themselves),
                  links ([{from, to, outcome}])
    exercised     system, operation, succeeded, last_statuses
    exchange      system and what was sent and answered
    made          system and what was made there
    error         outcome (setup_error or harness_error), reason, system: what no check can report
    run-finished  nothing: without it as the last line the run is incomplete

Several processes may write to one record, each line in a single append, so lines never mix. A process that is killed
in the middle of an append tears at most that one line (Linux writes page by page and stops between pages); a reader
takes a torn line as what it is, and still finds the line that another process wrote behind it.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import cast

import msgspec

from joinedup.conformance.errors import SetupError
from joinedup.conformance.findings import Finding, Result

FILE_NAME = "events.ndjson"

# How every line starts; inside a text its quotes would be escaped.
START = b'{"event":"'
MOST_STARTS = 50

Event = dict[str, object]


def _now() -> datetime:
    return datetime.now(UTC)


class Record:
    """
    An append-only record in a folder, safe to write from several processes at once.

    Args:
        folder: the run's folder; it is made where it is missing.
        now: the clock, for tests.

    Raises:
        SetupError: when the folder cannot be written to.
    """

    def __init__(self, folder: Path, *, now: Callable[[], datetime] = _now) -> None:
        self.path = Path(folder) / FILE_NAME
        self._now = now
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(
                self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644
            )
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def write(self, event: str, **fields: object) -> None:
        """
        Append one event, stamped with the time.

        Raises:
            SetupError: when the line could not be written in full.
        """
        line = _line({"event": event, "at": timestamp(self._now()), **fields})
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        if written != len(line):
            raise _unwritable(self.path, OSError("only a part of the line could be written"))

    def close(self) -> None:
        """Release the file; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _unwritable(path: Path, error: OSError) -> SetupError:
    return SetupError(
        f"The record {path} cannot be written: {error.strerror or error}.",
        hint="Make room, or name another folder with --out.",
    )


def timestamp(moment: datetime) -> str:
    """A moment in ISO 8601, in UTC, to the millisecond, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(event: Event) -> bytes:
    """One line of ASCII JSON; what JSON cannot hold is written as text, for a record never stops a run."""
    try:
        text = json.dumps(event, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError):
        text = json.dumps(_plain(event), allow_nan=False, separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def _plain(value: object) -> object:
    """The value with every part that JSON cannot hold replaced by its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | None) else str(value)


def read_events(folder: Path) -> list[Event]:
    """
    Every event of a record in order; a line that cannot be read becomes ``{"event": "unreadable", "line": n}``.

    A folder without a record gives no events.
    """
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        return []
    with path.open("rb") as lines:
        return list(parse_events(lines))


def parse_events(lines: Iterable[bytes]) -> Iterator[Event]:
    """Every event of the lines of a record, as ``read_events`` gives them."""
    for number, line in enumerate(lines, start=1):
        event = _event(line)
        if event is None:
            yield {"event": "unreadable", "line": number, "bytes": len(line)}
            event = _behind_a_torn_line(line)
        if event is not None:
            yield event


def _event(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _behind_a_torn_line(line: bytes) -> Event | None:
    """The event that another process wrote behind a torn one, on the same line."""
    starts = itertools.islice(re.finditer(re.escape(START), line), MOST_STARTS)
    events = (_event(line[start.start() :]) for start in starts if start.start())
    return next((event for event in events if event is not None and "at" in event), None)


def as_record(value: Finding | Result) -> Event:
    """A finding or a result as plain JSON values, every field by its name."""
    return cast(Event, _plain(msgspec.to_builtins(value)))


def finding_from(record: Mapping[str, object]) -> Finding:
    """
    The finding that a record holds; fields that this version does not know are left aside.

    Raises:
        ValueError: when the record is no finding.
    """
    return msgspec.convert(record, Finding)


def result_from(record: Mapping[str, object]) -> Result:
    """
    The result that a record holds; fields that this version does not know are left aside.

    Raises:
        ValueError: when the record is no result.
    """
    return msgspec.convert(record, Result)
