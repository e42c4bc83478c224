"""Loads that are sent: by one process and by several, on agencies that answer, freeze, fail and mix people up."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import yaml
from click.testing import CliRunner
from loads import NOTES
from stdnum.gb import nhs

from joinedup.conformance.cli import main
from joinedup.conformance.configuration import parse_configuration
from joinedup.conformance.run import bundled_configuration
from joinedup.mocks.serve import Served, served
from joinedup.scenarios.load_counting import counted
from joinedup.scenarios.load_plan import LoadPlan, Outage
from joinedup.scenarios.load_preparation import Preparation, wanted
from joinedup.scenarios.load_results import performance
from joinedup.scenarios.load_run import Cluster, send

MIX = {
    "police-notice": 2,
    "social-care:raiseContact": 1,
    "social-care:listContacts": 1,
    "police:raiseNotice": 1,
}


@pytest.fixture(scope="module")
def agencies() -> Iterator[Served]:
    """The police and social care, served."""
    with served(["police", "social-care"]) as found:
        yield found


@pytest.fixture(scope="module")
def plan(agencies: Served) -> LoadPlan:
    """A mix of a journey and single operations, prepared once."""
    choices = {"rate": 30, "duration_s": 2.0, "users": 60, "drain_s": 30.0}
    ours = frozenset(agencies.systems)
    preparation = Preparation(bundled_configuration(agencies.systems), ours, agencies, choices)
    return preparation.plan(wanted(MIX, Path()))


def _fresh(plan: LoadPlan, **changes: Any) -> LoadPlan:
    return msgspec.structs.replace(plan, run=os.urandom(3).hex(), **changes)


def test_a_load_is_met_by_agencies_that_answer(agencies: Served, plan: LoadPlan, tmp_path: Path) -> None:
    """Two processes send every arrival once; nothing fails, and nothing is lost, duplicated or mixed up."""
    # Not a fresh one: what was tried when it was prepared is not taken for something that came twice.
    one = plan
    sent = send(one, tmp_path, Cluster(processes=2))
    books = counted(agencies, sent.tally, one.run, sorted(agencies.systems), one.users)
    found = performance(one, sent.tally, {"error_rate": 0}, missing=sent.missing, counted=books)
    assert found["arrivals"]["due"] == found["arrivals"]["started"] == found["arrivals"]["finished"]
    assert found["failures"] == 0
    assert found["processes"] == 2
    assert books["compared"] > 20
    assert [level for level in found["levels"] if not level["met"]] == []
    assert len(found["by_name"]) >= 5
    assert found["correctness"]["judged"] == found["requests"]
    assert {"locust_stats.csv", "locust.html", "locust.log"} <= {path.name for path in tmp_path.iterdir()}


def test_a_server_that_freezes_shows(agencies: Served, plan: LoadPlan, tmp_path: Path) -> None:
    """What was due while nothing answered waited, and the percentiles from the intended start say so."""
    process = next(c for c in psutil.Process().children() if "joinedup.mocks.serve" in c.cmdline())
    frozen: list[threading.Timer] = []

    def freeze(live: dict[str, Any]) -> None:
        if live["at"] >= 1 and not frozen:
            process.suspend()
            frozen.append(threading.Timer(2, process.resume))
            frozen[0].start()

    try:
        # With four users, two seconds of silence hold almost all of what is due back, which is not in flight.
        sent = send(_fresh(plan, users=4, duration_s=5.0), tmp_path, Cluster(), say=freeze)
    finally:
        process.resume()
    whole = sent.tally.whole()
    assert frozen
    assert whole.intended.percentile(90) > 1000
    assert whole.intended.percentile(90) > 3 * whole.service.percentile(90)
    assert sent.tally.finished == sent.tally.due


def test_an_outage_in_the_middle_fails_and_ends(agencies: Served, plan: LoadPlan, tmp_path: Path) -> None:
    """While an agency is away requests fail; before and after they do not."""
    one = _fresh(plan, duration_s=6.0, shape="outage", outage=Outage("social-care"))
    sent = send(one, tmp_path, Cluster(), served=agencies)
    failed = [second for second, row in sorted(sent.tally.seconds.items()) if row.failures]
    assert failed
    assert 0 not in failed
    assert sent.tally.seconds[max(sent.tally.seconds)].failures == 0
    agencies.ask("GET", "/v1/status")


# --- a system that mixes people up


class _Mixing(BaseHTTPRequestHandler):
    """Answers every note with the one that another user sent before."""

    protocol_version = "HTTP/1.1"
    last = b'{"text": "nobody yet"}'
    person, after, count = b"", 40, 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer, type(self).last = type(self).last, body
        if self.person:
            type(self).count += 1
            answer = self.person if self.count > self.after else body
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Path]:
    """A folder with the contract of a system that mixes its users up, and a configuration that names it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Mixing)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    (tmp_path / "notes.yaml").write_text(yaml.safe_dump(NOTES))
    (tmp_path / "joinedup.toml").write_text(
        f'[systems.notes]\nbase_url = "http://127.0.0.1:{server.server_port}"\ncontract = "notes.yaml"\n'
        '[systems.notes.identities.own]\nflow = "none"\n'
        '[load]\npermitted_by = "A. Tester, Example, 2026-11-02"\nrate = 20\nduration = "2s"\n'
        '[load.mix]\n"notes:addNote" = 1\n'
    )
    yield tmp_path
    server.shutdown()
    server.server_close()


def test_another_users_answer_breaks_the_load(notes: Path) -> None:
    """A system that answers with what somebody else sent is caught, whatever its latency."""
    out = notes / "out"
    result = CliRunner().invoke(main, ["load", "-c", str(notes / "joinedup.toml"), "--out", str(out)])
    assert result.exit_code == 1, result.output
    found = json.loads((out / "performance.json").read_bytes())
    assert found["correctness"]["foreign"] > 5
    assert found["verdict"] == "broken"


# --- what is refused before anything is sent


@pytest.mark.parametrize(
    ("change", "options", "code", "said"),
    [
        (("A. Tester, Example, 2026-11-02", ""), [], 2, "permitted_by"),
        (("A. Tester, Example, 2026-11-02", "somebody"), [], 2, "name, organisation, date"),
        (("A. Tester, Example, 2026-11-02", "A. Tester, Example, 2999-01-01"), [], 2, "permitted_by"),
        (("notes:addNote", "notes:addNotes"), [], 5, "addNote"),
        (("notes:addNote", "polise-notice"), [], 5, "police-notice"),
        (("= 1\n", "= 0\n"), [], 2, "weight"),
        (("", ""), ["--shape", "wave"], 2, "steady"),
        (("", ""), ["--duration", "soon"], 2, "20s"),
        (("rate = 20", "rat = 20"), [], 2, "rate"),
        (("[load.mix]", "[load.levels]\np96_ms = 1\n[load.mix]"), [], 2, "p95_ms"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    notes: Path, change: tuple[str, str], options: list[str], code: int, said: str
) -> None:
    """A load on somebody's system needs a permission; names and values that are wrong are named, and nothing is sent."""
    file = notes / "joinedup.toml"
    file.write_text(file.read_text().replace(*change) if change[0] else file.read_text())
    _Mixing.last = b"untouched"
    result = CliRunner().invoke(main, ["load", "-c", str(file), "--out", str(notes / "out"), *options])
    assert result.exit_code == code, result.output
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_journey_that_changes_the_world_at_once_is_refused(tmp_path: Path) -> None:
    """The step that would change something for everybody is named, before anything is served."""
    order = ["--journey", "operation-encompass", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["load", *order])
    assert result.exit_code == 2, result.output
    assert "school-system-is-away: it takes an agency away from everybody" in result.output
    assert "docs/load.md" in result.output
    assert not (tmp_path / "out").exists()


def test_real_people_stop_everything(notes: Path) -> None:
    """The first answer that looks like a real person ends the load; nothing of it is written, its number least."""
    number = next(n for n in map(str, range(4_000_000_000, 4_000_000_100)) if nhs.is_valid(n))
    _Mixing.person, out = json.dumps({"text": f"about {number}"}).encode(), notes / "out"
    try:
        order = ["--rate", "40", "--duration", "60s", "--processes", "2", "--out", str(out)]
        result = CliRunner().invoke(main, ["load", "-c", str(notes / "joinedup.toml"), *order])
    finally:
        _Mixing.person = b""
    assert result.exit_code == 3, result.output
    assert "looks like real people" in result.output
    assert not (out / "performance.json").exists()
    assert not (out / "tallies.json").exists()
    written = b"".join(path.read_bytes() for path in out.iterdir() if path.is_file())
    assert number.encode() not in written + result.output.encode()


def test_permission_is_not_asked_for_our_own() -> None:
    """The bundled agencies may be loaded by anybody."""
    configuration = parse_configuration({}, name="x", folder=Path())
    assert configuration.load.permitted_by == ""
