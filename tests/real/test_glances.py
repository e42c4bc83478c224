"""
Glances, a monitor of a computer (PyPI), checked as its user would check it.

What is expected here was read in that server's source and seen with curl (docs/real-servers.md), not taken from the
harness: a finding that is not in the table is a new one, true or false, and has to be read.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from checking import HERE, MOST_FINDINGS, Checked, check
from servers import environment, free_port, running

# Few plugins, so that what is seen does not depend on the disks and networks of a machine.
PLUGINS = "load,percpu,processcount,core,version"
READ = {
    # int(pid) of a path parameter that is declared as a string.
    ("server-error", "GET /api/4/processes/{pid}"),
    ("server-error", "POST /api/4/processes/extended/{pid}"),
    # GET and HEAD are two routes, and the 405 names one of them.
    ("allow-incomplete", "/api/4/status"),
    ("operation-without-error", "#/paths/~1api~14~1status/get"),
    # The framework's own refusals hold the input.
    ("refusal-repeats-the-value", "GET /api/4/{plugin}/history, the query parameter nb"),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    """One whole check of Glances."""
    bin_folder, port = environment("glances", ["glances[web]==4.5.8", "fastapi<1"]), free_port()
    command = [str(bin_folder / "glances"), "-w", "-C", str(HERE / "glances" / "glances.conf")]
    command += ["-B", "127.0.0.1", "-p", str(port), "--disable-webui", "--disable-check-update"]
    command += ["--disable-plugin", "all", "--enable-plugin", PLUGINS]
    with running(command, f"http://127.0.0.1:{port}/api/4/status"):
        yield check("glances", port, tmp_path_factory.mktemp("glances"))


def test_ends_with_a_verdict_by_the_table(checked: Checked) -> None:
    """The run ends by itself with exit 1, for Glances breaks points of its own document."""
    assert (checked.code, checked.verdict["verdict"], checked.broken) == (1, "not_conformant", [])
    assert checked.verdict["complete"] is True


def test_exercises_nearly_every_operation(checked: Checked) -> None:
    """All but the two that no plugin of these answers."""
    exercised, operations = checked.shares
    assert operations == 34
    assert exercised >= 30


def test_finds_what_was_read_and_nothing_else(checked: Checked) -> None:
    """Each finding is one that was judged true by reading; a new one fails until it was read."""
    # Refused as 400 and 404, and only 200 and 422 are declared: at 16 operations, of which the simplest request stands
    # for all.
    [undeclared] = [part for part in checked.parts if part["rule"] == "undeclared-status"]
    assert undeclared["actual"][:3] in {"400", "404"}
    assert len(undeclared["operations"]) >= 12
    assert {cause for cause in checked.causes if cause[0] != "undeclared-status"} == READ
    assert len(checked.verdict["findings"]) <= MOST_FINDINGS


def test_every_finding_is_reproduced(checked: Checked) -> None:
    """What a finding prints shows it again, and asks for no credential where there is none."""
    sent = [part for part in checked.parts if part["curl"]]
    assert sent
    for finding in sent:
        assert "OWN" not in finding["curl"]
        assert (finding["id"], *checked.replayed(finding["id"])) == (finding["id"], 1, "")
