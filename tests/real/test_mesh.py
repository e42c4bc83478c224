"""
NHS England's own message exchange sandbox, authenticated for real, checked as its user would check it.

What is expected here was read in that server's source and seen with curl, not taken from the harness.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checking import MOST_FINDINGS, parts
from servers import environment, free_port, running

HERE = Path(__file__).parent / "mesh"
SECRETS = {"MESH_PASSWORD": "password", "MESH_SHARED_KEY": "Banana"}
# The sandbox's own document and behaviour, November 2026 (mesh-sandbox 1.0.137).
UNDECLARED = {"400", "404", "410", "417", "423"}
OF_THE_DETAILS = "#/components/schemas/MessageDetails"
TRACKING = "#/paths/~1messageexchange~1{mailbox_id}~1outbox~1tracking/get/responses/200/content/application~1json/schema"
COUNT = "#/paths/~1messageexchange~1{mailbox_id}~1count/get"
LOOKUP = (
    "#/paths/~1messageexchange~1endpointlookup~1{ods_code}~1{workflow_id}/get/responses/200/content"
    "/application~1json/schema"
)
EVENT = "~1message~1{message_id}~1event/post/responses/200/content"
# Read one by one (docs/real-servers.md): a finding that is not here is a new one, true or false, and has to be read.
READ = {
    ("answers-without-a-credential", "POST /messageexchange/admin/report"),
    ("dangling-reference", f"{LOOKUP}/properties/results/items"),
    ("not-valid-openapi", "#/paths/~1messageexchange~1{mailbox_id}/post"),
    ("contract-body-not-parsable", f"#/paths/~1admin{EVENT}"),
    ("contract-body-not-parsable", f"#/paths/~1messageexchange~1admin{EVENT}"),
    ("contract-schema", f"{OF_THE_DETAILS}/properties/expiry_time/anyOf/0/format"),
    ("contract-schema", f"{OF_THE_DETAILS}/required"),
    ("contract-schema", f"{TRACKING}/required"),
    # Asked for its second version, it answers that, and calls it application/json, which is the first.
    ("contract-schema", f"{LOOKUP}/required"),
    ("contract-schema", f"{LOOKUP}/$defs/EndpointLookupItemV1/required"),
    ("contract-schema", f"{COUNT}/responses/200/content/application~1json/schema/required"),
    ("server-error", "POST /messageexchange/admin/report"),
    ("allow-incomplete", "/messageexchange/{mailbox_id}"),
    ("credential-as-parameter", "#/paths/~1messageexchange~1{mailbox_id}/post"),
    (
        "example-breaks-schema",
        "#/paths/~1messageexchange~1{mailbox_id}~1inbox/get/parameters/2/schema/examples/0",
    ),
    ("operation-without-error", "#/paths/~1admin~1reset/delete"),
    ("mixed-property-case", f"{COUNT}/responses/200/content/application~1json/schema/properties/internalID"),
    ("date-not-as-it-should-be", "GET /messageexchange/admin/message/{message_id}"),
    ("date-without-format", f"{TRACKING}/properties/downloadTimestamp"),
    (
        "refusal-repeats-the-value",
        "GET /messageexchange/{mailbox_id}/inbox, the query parameter workflow_filter",
    ),
    ("deprecated-without-date", COUNT),
    ("deprecation-unsaid", "GET /messageexchange/{mailbox_id}/count"),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path, dict[str, Any]]]:
    """One whole check of the sandbox: exit code, folder, verdict."""
    bin_folder = environment("mesh", ["mesh-sandbox==1.0.137", "uvicorn"])
    port, folder = free_port(), tmp_path_factory.mktemp("mesh")
    for file in ("nhsmesh.py", "joinedup.toml"):
        shutil.copy(HERE / file, folder / file)
    settings = folder / "joinedup.toml"
    settings.write_text(settings.read_text().replace("127.0.0.1:8701", f"127.0.0.1:{port}"))
    command = [
        str(bin_folder / "uvicorn"),
        "mesh_sandbox.api:app",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    with running(
        command, f"http://127.0.0.1:{port}/health", variables={"AUTH_MODE": "full", "STORE_MODE": "memory"}
    ):
        done = subprocess.run(
            [_joinedup(), "check", "--out", "run"],
            cwd=folder,
            env={**os.environ, **SECRETS},
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert "Traceback" not in done.stdout + done.stderr
        yield done.returncode, folder, json.loads((folder / "run" / "verdict.json").read_text())


def _joinedup() -> str:
    found = shutil.which("joinedup", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert found
    return found


def test_ends_with_a_verdict_by_the_table(checked: tuple[int, Path, dict[str, Any]]) -> None:
    """The run ends by itself with exit 1, for the sandbox breaks points of its own document."""
    code, _, verdict = checked
    assert (code, verdict["verdict"], verdict["complete"]) == (1, "not_conformant", True)
    assert not [r["id"] for r in verdict["requirements"] if r["outcome"] == "harness_error"]


def test_exercises_more_than_half_of_the_operations(checked: tuple[int, Path, dict[str, Any]]) -> None:
    """Real identifiers open what random ones cannot."""
    system = checked[2]["systems"][0]
    assert system["operations"] == 24
    assert system["operations_exercised"] >= 18


def test_names_statuses_that_the_document_does_not_declare(checked: tuple[int, Path, dict[str, Any]]) -> None:
    """Only statuses that the sandbox really gives without declaring them are reported."""
    found = {f["actual"][:3] for f in parts(checked[2]) if f["rule"] == "undeclared-status"}
    assert found
    assert found <= UNDECLARED


def test_finds_what_is_missing_from_the_answers(checked: tuple[int, Path, dict[str, Any]]) -> None:
    """Message details lack required properties, and their times have no offset: both are in its models."""
    causes = {(f["rule"], f["where"].rpartition("schemas/")[2].partition("/")[0]) for f in parts(checked[2])}
    assert ("contract-schema", "MessageDetails") in causes


def test_finds_nothing_that_was_not_read(checked: tuple[int, Path, dict[str, Any]]) -> None:
    """Each finding is one that was judged by reading, but for the statuses, which have a test of their own."""
    found = {(f["rule"], f["where"]) for f in parts(checked[2])}
    assert {cause for cause in found if cause[0] != "undeclared-status"} == READ
    assert len(checked[2]["findings"]) <= MOST_FINDINGS


@pytest.mark.parametrize("requirement", ["AUT-03", "AUT-04", "PAG-01", "SEC-02"])
def test_reports_nothing_that_the_sandbox_does_right(
    checked: tuple[int, Path, dict[str, Any]], requirement: str
) -> None:
    """Foreign mailboxes, foreign messages and bad ranges are refused by that server, so nothing is reported."""
    assert [f["title"] for f in checked[2]["findings"] if requirement in f["requirements"]] == []


def test_every_finding_is_reproduced(checked: tuple[int, Path, dict[str, Any]]) -> None:
    """What a finding prints shows it again, on the server as the run left it."""
    _, folder, verdict = checked
    sent = [f["id"] for f in parts(verdict) if f["curl"]]
    assert sent
    for finding in sent:
        done = subprocess.run(
            [_joinedup(), "replay", finding, "--run", "run"],
            cwd=folder,
            env={**os.environ, **SECRETS},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (finding, done.returncode, done.stderr) == (finding, 1, "")


def test_keeps_the_secrets_out_of_everything(checked: tuple[int, Path, dict[str, Any]]) -> None:
    """Neither password nor shared key stands in any file of the run."""
    for path in (checked[1] / "run").rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert b"Banana" not in text, path.name
            assert b"NHSMESH X26ABC1:" not in text, path.name
