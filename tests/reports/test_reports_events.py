"""The record: whole lines from several processes, read back however it was cut."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from joinedup.conformance.errors import SetupError
from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Cause, Outcome
from joinedup.reports.events import (
    FILE_NAME,
    Record,
    as_record,
    finding_from,
    read_events,
    result_from,
    timestamp,
)

AWKWARD = 'quote " backslash \\ newline \n nul \0 \u2028 \U0001f600 Siân \ud800 </script>'


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (AWKWARD, AWKWARD),
        ({"a": [1, None, True, 0.5]}, {"a": [1, None, True, 0.5]}),
        (float("nan"), "nan"),
        ([float("inf")], ["inf"]),
        ({1}, [1]),
        ({("a", "b"): 1}, {"('a', 'b')": 1}),
        (Path("a"), "a"),
        (Outcome.FAIL, "fail"),
    ],
    ids=repr,
)
def test_whatever_is_written_is_read(tmp_path: Path, given: object, read: object) -> None:
    """A record never stops a run: every value comes back, as itself or as text."""
    with Record(tmp_path / "deep" / "run") as record:
        record.write("check", value=given)
    [event] = read_events(tmp_path / "deep" / "run")
    assert (event["event"], event["value"]) == ("check", read)


def test_events_are_stamped_by_the_clock(tmp_path: Path) -> None:
    """Each event carries the time in UTC, whatever the clock's own zone."""
    moment = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=1)))
    with Record(tmp_path, now=lambda: moment) as record:
        record.write("run-finished")
    assert read_events(tmp_path) == [{"event": "run-finished", "at": "2026-07-01T11:00:00.250Z"}]
    assert timestamp(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"


def _write_many(folder: Path, writer: int) -> None:
    with Record(folder) as record:
        for number in range(50):
            record.write("exchange", writer=writer, number=number, body="x" * 20_000)


def test_several_processes_write_whole_lines(tmp_path: Path) -> None:
    """Lines of several processes never mix, and each process's stay in order."""
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(tmp_path, writer)) for writer in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    events = read_events(tmp_path)
    assert len(events) == 150
    for number in range(3):
        assert [event["number"] for event in events if event["writer"] == number] == list(range(50))


KILLED = """
import sys
from pathlib import Path
from joinedup.reports.events import Record
record = Record(Path(sys.argv[1]))
for number in range(10**9):
    record.write("exchange", number=number, body="x" * 5000)
    if number == 100:
        print("ready", flush=True)
"""


def test_a_killed_writer_tears_one_line_at_most(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing leaves a record of which all but the last line can be read."""
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        os.kill(writer.pid, signal.SIGKILL)
    events = read_events(tmp_path)
    if events[-1]["event"] == "unreadable":
        events.pop()
    assert len(events) > 100
    assert [event.get("number") for event in events] == list(range(len(events)))


@pytest.mark.parametrize("cut", [1, 9, 30, 45, 80, 120])
def test_a_line_behind_a_torn_one_is_read(tmp_path: Path, cut: int) -> None:
    """What another process wrote after a line was torn is not lost, whatever both hold."""
    with Record(tmp_path) as record:
        record.write("exchange", body={"event": "inside", "text": '{"event":"x","at":1}', "more": "x" * 99})
    torn = record.path.read_bytes()[:cut]
    record.path.write_bytes(torn)
    with Record(tmp_path) as record:
        record.write("exchange", body=[{"event": "inside"}])
        record.write("run-finished")
    events = read_events(tmp_path)
    assert [event["event"] for event in events] == ["unreadable", "exchange", "run-finished"]
    assert events[1]["body"] == [{"event": "inside"}]


@pytest.mark.parametrize(
    "line",
    [
        b'{"event": "check"',
        b"\xff\xfe",
        b"",
        b"[]",
        b"5",
        b'{"no": "event"}',
        b'{"event": 5}',
        b"[" * 100_000,
    ],
    ids=lambda line: repr(line[:12]),
)
def test_an_unreadable_line_is_said_and_passed_over(tmp_path: Path, line: bytes) -> None:
    """A torn or strange line becomes an event of its own, and the lines after it are still read."""
    (tmp_path / FILE_NAME).write_bytes(b'{"event":"a"}\n' + line + b'\n{"event":"b"}\n')
    assert read_events(tmp_path) == [
        {"event": "a"},
        {"event": "unreadable", "line": 2, "bytes": len(line) + 1},
        {"event": "b"},
    ]


def test_a_missing_record_has_no_events(tmp_path: Path) -> None:
    """A folder in which nothing was recorded reads as empty."""
    assert read_events(tmp_path / "none") == []


def test_a_folder_that_cannot_be_written_is_a_set_up_error(tmp_path: Path) -> None:
    """A person is told which file cannot be written, and what to do."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SetupError, match=r"cannot be written: .* --out"):
        Record(tmp_path / "file" / "run")


@pytest.mark.parametrize(
    "finding",
    [
        Finding("rule", ("A-01",), "title", "expected", "actual", "where"),
        Finding(
            "rule",
            ("A-01", "B-01"),
            AWKWARD,
            "e",
            "a",
            "w",
            operations=("GET /a",),
            cause="c",
            count=3,
            confirmed=False,
            steps=({"name": "s0", "path_parameters": {"id": {"from": "s", "pointer": "/a"}}},),
            advice="do",
            evidence=(("Request", "GET /"),),
        ),
    ],
)
def test_a_finding_comes_back_from_its_record(finding: Finding) -> None:
    """Every field of a finding survives the record, and a later version's fields do no harm."""
    assert finding_from({**as_record(finding), "of_a_later_version": 1}) == finding


def test_a_result_comes_back_from_its_record() -> None:
    """Every field of a result survives the record."""
    result = Result("A-01", Outcome.BLOCKED, "because", Cause.SYSTEM, ("a part",))
    assert result_from(as_record(result)) == result


def test_what_is_no_finding_is_refused() -> None:
    """A record of something else raises ValueError, which readers count as unreadable."""
    with pytest.raises(ValueError, match="rule"):
        finding_from({"title": "no rule"})
