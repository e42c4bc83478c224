"""What a person meets at the command line: exit codes, sentences, machine forms, and runs that are cut short."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from joinedup.mocks.catalogue import AGENCIES

JOINEDUP = [sys.executable, "-P", "-m", "joinedup.conformance.cli"]
HOSTILE_INI = "[pytest]\naddopts = --no-such-option\nfilterwarnings = error\npython_files = nothing.py\n"
HOSTILE_CONFTEST = "raise RuntimeError('a folder must not be able to change a verdict')\n"
SYSTEM = """
[systems.records]
base_url = "{base_url}"
contract = "contract.yaml"
[systems.records.identities.own]
flow = "{flow}"
{more}
"""
CONTRACT = """
openapi: 3.1.0
info: {title: Records, version: "1"}
paths:
  /v1/status:
    get:
      operationId: getStatus
      summary: Says that the service runs
      security: []
      responses: {"200": {description: It runs}, "4XX": {description: A refusal}}
"""


def run(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command in a folder, with the variables added to the environment."""
    done = subprocess.run(
        [*JOINEDUP, *arguments],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=500,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def verdict_of(folder: Path) -> dict[str, Any]:
    """The verdict that a run's folder holds."""
    found: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    return found


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """A quick check of the bundled agencies in a folder whose own pytest settings would break any other run."""
    folder = tmp_path_factory.mktemp("clean")
    (folder / "pytest.ini").write_text(HOSTILE_INI)
    (folder / "conftest.py").write_text(HOSTILE_CONFTEST)
    done = run("check", "--quick", "--out", "run", cwd=folder, PYTEST_ADDOPTS="--also-no-such-option")
    return done, folder / "run"


def test_clean_agencies_conform(clean: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    """With no configuration the bundled agencies are checked, conform, and nothing is reported."""
    done, folder = clean
    verdict = verdict_of(folder)
    assert [f["title"] for f in verdict["findings"]] == []
    assert [
        (r["id"], r["reason"]) for r in verdict["requirements"] if r["outcome"] in ("blocked", "fail")
    ] == []
    assert (done.returncode, verdict["verdict"]) == (0, "conformant")


def test_every_operation_is_exercised(clean: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    """Each operation of all twelve agencies succeeds at least once."""
    assert [system["system"] for system in verdict_of(clean[1])["systems"]] == sorted(AGENCIES)
    for system in verdict_of(clean[1])["systems"]:
        assert system["operations_exercised"] == system["operations"] > 0


def test_a_run_leaves_every_view(clean: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    """The record and all views stand in the run's folder, and nothing else is left in the one above."""
    names = {path.name for path in clean[1].iterdir()}
    assert {
        "events.ndjson",
        "verdict.json",
        "run.json",
        "junit.xml",
        "report.html",
        "allure-results",
    } <= names
    assert {p.name for p in clean[1].parent.iterdir()} == {"pytest.ini", "conftest.py", "run"}


def test_speaks_in_plain_lines_without_a_terminal(
    clean: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    """A CI log gets whole lines: no carriage returns, no colour codes, and where the report is."""
    done = clean[0]
    assert "\r" not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "run/report.html" in done.stdout


def test_allure_results_name_requirement_and_system(
    clean: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    """Each Allure result carries its system, its requirements and a severity."""
    results = [json.loads(path.read_text()) for path in (clean[1] / "allure-results").glob("*-result.json")]
    labels = {(label["name"], label["value"]) for result in results for label in result["labels"]}
    assert {("parentSuite", "social-care"), ("requirement", "AUT-01"), ("severity", "critical")} <= labels


def test_a_fault_is_found_and_replayed(tmp_path: Path) -> None:
    """A faulty agency does not conform (exit 1), and the finding can be seen again with one command."""
    fault = _faults()["AUT-01"]
    done = run(
        "check", "--quick", "--only", "AUT-01", "--fault", fault, "--out", "run", "--json", cwd=tmp_path
    )
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["verdict"]) == (1, "not_conformant")
    assert {id for f in verdict["findings"] for id in f["requirements"]} == {"AUT-01"}
    again = run("replay", verdict["findings"][0]["id"], "--run", "run", cwd=tmp_path)
    assert (again.returncode, again.stdout.strip().splitlines()[-1]) == (1, "Still there.")


@pytest.mark.parametrize("fault", ["expired-token-accepted", "audience-ignored"])
def test_a_token_that_only_its_issuer_can_spoil_is_shown(tmp_path: Path, fault: str) -> None:
    """The bundled agencies are shown properly signed tokens with one thing wrong, and a fault in that is found."""
    done = run(
        "check", "--quick", "--only", "AUT-01", "--fault", fault, "--out", "run", "--json", cwd=tmp_path
    )
    verdict = json.loads(done.stdout)
    assert (done.returncode, {id for f in verdict["findings"] for id in f["requirements"]}) == (1, {"AUT-01"})
    assert "wrong-credential-accepted" in {f["rule"] for f in verdict["findings"]}


def _faults() -> dict[str, str]:
    listed = json.loads(run("systems", "--json", cwd=Path()).stdout)
    return {fault["breaks"][0]: fault["name"] for system in listed for fault in reversed(system["faults"])}


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (None, "does not exist"),
        ("under_test = [", "is not valid TOML"),
        ("surprise = 1", "unknown key `surprise`"),
        (
            SYSTEM.format(base_url="http://127.0.0.1:9", flow="bearer", more='token = "abc"'),
            "holds a secret in plain text",
        ),
        (SYSTEM.format(base_url="http://127.0.0.1:9", flow="guess", more=""), "flow is `guess`"),
        (SYSTEM.format(base_url="ftp://x", flow="none", more=""), "no http or https address"),
        (
            SYSTEM.format(base_url="http://127.0.0.1:9", flow="none", more="").replace(
                "[systems.records.id", 'environment = "production"\n[systems.records.id'
            ),
            "never runs against production",
        ),
    ],
    ids=["missing", "broken", "unknown-key", "literal-secret", "unknown-flow", "no-address", "production"],
)
def test_an_invalid_configuration_is_a_sentence(tmp_path: Path, file: str | None, says: str) -> None:
    """Exit 2, one sentence that names the file or key, and no folder left behind."""
    if file is not None:
        (tmp_path / "joinedup.toml").write_text(file)
    done = run("check", "-c", "joinedup.toml", "--out", "run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("file", "contract", "says"),
    [
        (SYSTEM.format(base_url="http://127.0.0.1:9", flow="none", more=""), CONTRACT, "gave no answer"),
        (
            SYSTEM.format(base_url="http://127.0.0.1:9", flow="bearer", more='token = "env:NO_SUCH_SECRET"'),
            CONTRACT,
            "NO_SUCH_SECRET, which is not set",
        ),
        (SYSTEM.format(base_url="http://127.0.0.1:9", flow="none", more=""), None, "cannot be read"),
        (SYSTEM.format(base_url="http://127.0.0.1:9", flow="none", more=""), "swagger: '2.0'", "Swagger 2.0"),
        (
            SYSTEM.format(base_url="http://127.0.0.1:9", flow="none", more="").replace(
                "contract.yaml", "http://127.0.0.1:9/openapi.json"
            ),
            None,
            "gave no answer",
        ),
    ],
    ids=["unreachable", "secret-not-set", "no-contract", "swagger", "contract-unreachable"],
)
def test_a_fault_of_the_set_up_gives_no_verdict(
    tmp_path: Path, file: str, contract: str | None, says: str
) -> None:
    """Exit 3: what stands in the way is said, and nothing is charged to the system."""
    (tmp_path / "joinedup.toml").write_text(file)
    if contract:
        (tmp_path / "contract.yaml").write_text(contract)
    done = run(
        "check",
        "--out",
        "run",
        "--only",
        "AUT",
        "--only",
        "CON-API-03",
        "--only",
        "CON-API-11",
        "--json",
        cwd=tmp_path,
    )
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["verdict"]) == (3, "no_verdict")
    assert says in json.dumps([verdict["errors"], verdict["requirements"]])
    assert verdict["findings"] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--only", "AUX-01"), "AUT-01"),
        (("--system", "socialcare"), "social-care"),
        (("--fault", "no-such-fault"), "`joinedup systems` lists them all"),
    ],
)
def test_a_selection_of_nothing_names_what_is_near(
    tmp_path: Path, arguments: tuple[str, str], says: str
) -> None:
    """Exit 5 when a selection matches nothing; near names are given."""
    done = run("check", "--out", "run", *arguments, cwd=tmp_path)
    assert done.returncode == 5
    assert says in done.stderr


def test_a_folder_with_a_record_is_not_overwritten(tmp_path: Path) -> None:
    """A second run into the same folder is refused (exit 2) and loses nothing."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events.ndjson").write_text("kept\n")
    done = run("check", "--out", "run", cwd=tmp_path)
    assert (done.returncode, (tmp_path / "run" / "events.ndjson").read_text()) == (2, "kept\n")


def test_a_killed_run_says_that_it_is_incomplete(tmp_path: Path) -> None:
    """After SIGKILL the record can be read, `joinedup report` says incomplete, and nothing is left running."""
    process = subprocess.Popen(
        [*JOINEDUP, "check", "--out", "run"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    events = tmp_path / "run" / "events.ndjson"
    deadline = time.monotonic() + 60
    while not (events.exists() and b'"event":"exchange"' in events.read_bytes()):
        assert time.monotonic() < deadline, "the run never sent anything"
        assert process.poll() is None
        time.sleep(0.05)
    assert verdict_of(tmp_path / "run")["complete"] is False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = run("report", "run", cwd=tmp_path)
    verdict = verdict_of(tmp_path / "run")
    assert (verdict["complete"], verdict["verdict"]) == (False, "no_verdict")
    assert done.returncode == verdict["exit_code"] != 0


def test_lists_are_machine_readable(tmp_path: Path) -> None:
    """`requirements --json` and `systems --json` have the fields that others rely on."""
    requirements = json.loads(run("requirements", "--json", cwd=tmp_path).stdout)
    assert {"id", "level", "text", "question", "checks", "faults", "excluded"} <= set(requirements[0])
    systems = json.loads(run("systems", "--json", cwd=tmp_path).stdout)
    expected = {"system", "agency", "operations", "capabilities", "faults", "generic_faults", "journeys"}
    assert all(expected <= set(system) for system in systems)
    named = {fault["name"] for system in systems for fault in system["generic_faults"]}
    assert {"police-latency", "auth-truncated-body"} <= named
    assert len(named) == 6 * len(systems)


def test_faults_that_any_agency_can_be_given_are_listed_once(tmp_path: Path) -> None:
    """Each by its own name, with what is seen of it."""
    lines = run("systems", cwd=tmp_path).stdout.splitlines()
    assert [line for line in lines if "dropped-after-commit" in line] == [
        "    fault dropped-after-commit: Every third request that changes something is done, and the connection ends "
        "before its answer."
    ]


def test_every_requirement_has_a_check_or_says_why_not(tmp_path: Path) -> None:
    """No requirement of the catalogue is silently untested."""
    listed = json.loads(run("requirements", "--json", cwd=tmp_path).stdout)
    assert [r["id"] for r in listed if not r["checks"] and not r["excluded"]] == []


def test_the_suite_runs_under_plain_pytest_too(tmp_path: Path) -> None:
    """`pytest --pyargs joinedup.conformance.suite --joinedup FILE` gives the same verdict and exit code."""
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "pytest",
            "--pyargs",
            "joinedup.conformance.suite",
            "-p",
            "no:cacheprovider",
            "--joinedup",
            "bundled",
            "--joinedup-out",
            "run",
            "--joinedup-system",
            "social-care",
            "--joinedup-only",
            "AUT-01",
            "--joinedup-cases",
            "quick",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    verdict = verdict_of(tmp_path / "run")
    assert (done.returncode, verdict["verdict"]) == (0, "conformant"), done.stdout[-2000:]
    assert [r["id"] for r in verdict["requirements"]] == ["AUT-01"]


OWN_CHECKS = '''
import pytest

from joinedup.mocks.catalogue import AGENCIES

@pytest.mark.requirement("CON-API-12")
def test_answers(target, check):
    """The status is answered."""
    check.proves()

@pytest.mark.requirement("CON-API-13")
def test_asserts(target):
    """Two is three."""
    assert 2 == 3

@pytest.mark.requirement("CON-API-08")
def test_breaks(target, check):
    """Raises by mistake."""
    raise RuntimeError("canary-7f3a")
'''


def test_a_supplier_can_add_checks_of_their_own(tmp_path: Path) -> None:
    """Own checks use the same fixtures; an assert is a finding, a bug is a harness_error (exit 4) without its text."""
    (tmp_path / "test_own.py").write_text(OWN_CHECKS)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "test_own.py",
            "-p",
            "no:cacheprovider",
            "--tb=no",
            "--joinedup",
            "bundled",
        ]
        + ["--joinedup-out", "run", "--joinedup-system", "social-care"]
        + [part for id in ("CON-API-08", "CON-API-12", "CON-API-13") for part in ("--joinedup-only", id)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    verdict = verdict_of(tmp_path / "run")
    outcomes = {r["id"]: r["outcome"] for r in verdict["requirements"]}
    assert outcomes == {"CON-API-08": "harness_error", "CON-API-12": "pass", "CON-API-13": "fail"}
    assert (done.returncode, [f["title"] for f in verdict["findings"]]) == (4, ["Two is three."])
    assert "canary-7f3a" not in (tmp_path / "run" / "events.ndjson").read_text()


def test_workers_share_one_record(tmp_path: Path) -> None:
    """With --workers the same requirements are judged, into one complete record that says how many checks there are."""
    chosen = ("--system", "auth", "--system", "mash", "--only", "AUT-01", "--only", "CON-API-03")
    done = run("check", "--workers", "2", "--quick", *chosen, "--out", "run", "--json", cwd=tmp_path)
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["complete"]) == (0, True)
    events = [json.loads(line) for line in (tmp_path / "run" / "events.ndjson").read_text().splitlines()]
    planned = [event["checks"] for event in events if event["event"] == "planned"]
    assert planned == [len({(e["check"], e["system"]) for e in events if e["event"] == "check"})]
    exercised = Counter((e["system"], e["operation"]) for e in events if e["event"] == "exercised")
    assert {system for system, _ in exercised} == {"auth", "mash"}
    assert set(exercised.values()) == {1}, "two workers were at one system"


def test_journeys_chosen_by_name_are_judged_alone(tmp_path: Path) -> None:
    """With --journey clean agencies conform (exit 0), by what that journey speaks of and nothing else."""
    done = run("check", "--journey", "referral-to-plan", "--out", "run", "--json", cwd=tmp_path)
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["verdict"]) == (0, "conformant")
    assert [journey["id"] for journey in verdict["journeys"]] == ["referral-to-plan"]
    assert {requirement["outcome"] for requirement in verdict["requirements"]} == {"pass"}
