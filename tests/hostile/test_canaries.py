"""
Canaries seeded in a bundled agency appear in no output: not in a run with journeys, not under load, and in no form of it.

The agency is served as if it were somebody's product, and leaks all that it can: what it holds about one child and one
worried neighbour is made of canaries, and its callers' secrets are canaries of their own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tools import PACKAGES

from joinedup.mocks.serve import Served, served
from joinedup.reports import archive

LEAKS = ("error-repeats-value", "error-shows-record", "other-organisation-readable", "excess-property")
# A number of the test range, a pupil number of a pseudo authority, and words that stand in no contract and no journey.
SEEDED = {
    "source": "2A",
    "urgency": "same-day",
    "reason": "Kanarie-Nachbarin heard it from kanarie@example.org, who lives at 7 Kanariengasse.",
    "incidentReference": "KANARIE/4711",
    "child": {
        "givenName": "Kanarina",
        "familyName": "Kanarienvogel",
        "dateOfBirth": "2013-03-17",
        "nhsNumber": "9993337773",
        "postcode": "ZZ99 9KN",
    },
}
WORDS = (rb"kanari", rb"9993337773", rb"999 ?333 ?7773", rb"ZZ99 ?9KN", rb"2013-03-17")
# What opens an agency: a token that it issued, or a credential as it is sent.
CREDENTIALS = (
    rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ",
    rb"Bearer [A-Za-z0-9_.-]{20,}",
    rb"(?i)authorization: basic [a-z0-9+/]{12,}",
)
POINTS = ("AUT-03", "PRV-04", "SEC-02")
OPERATIONS = ("--operation", "social-care:listContacts", "--operation", "social-care:getContact")
COMMANDS = (
    ("check", "--quick", *(part for id_ in POINTS for part in ("--only", id_)), "--out", "run"),
    ("load", "--duration", "2s", "--rate", "20", "--out", "load", *OPERATIONS),
    # A journey whose partners the leaking agency would let down is played on the bundled agencies alone.
    (
        "load",
        "-c",
        "bundled.toml",
        "--duration",
        "2s",
        "--rate",
        "20",
        "--out",
        "story",
        "--journey",
        "police-notice",
    ),
    ("report", "run", "--allure", "allure"),
    ("replay", "f-1", "--run", "run"),
    ("waiver", "new", "f-1", "--run", "run"),
    ("compare", "run", "run", "--out", "comparison.html"),
    ("pack", "run", "--out", "evidence.zip"),
    ("verify", "evidence.zip"),
    ("doctor",),
)


@dataclass(frozen=True)
class Told:
    """A folder full of outputs, everything that was printed beside it, and what may stand in neither."""

    folder: Path
    printed: dict[str, bytes]
    forbidden: tuple[re.Pattern[bytes], ...]

    def where(self, content: bytes) -> list[bytes]:
        """What stands around each canary."""
        found = (match for pattern in self.forbidden for match in pattern.finditer(content))
        return [content[max(match.start() - 60, 0) : match.end() + 20] for match in found]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Every command, one after the other, on an agency that holds canaries."""
    folder = tmp_path_factory.mktemp("canaries")
    with served(("social-care",), apart=True, faults=LEAKS) as product:
        _seed(product)
        secrets = _configure(product, folder)
        (folder / "bundled.toml").touch()
        environment = {**os.environ, **secrets, "PATH": f"{PACKAGES / '.bin'}:{os.environ['PATH']}"}
        environment["GITHUB_STEP_SUMMARY"] = str(folder / "step-summary.md")
        printed = {" ".join(command): _run(command, folder, environment) for command in COMMANDS}
    secret = [re.escape(value.encode()) for value in secrets.values()]
    patterns = (*WORDS, *CREDENTIALS, *secret)
    return Told(folder, printed, tuple(re.compile(each, re.IGNORECASE) for each in patterns))


def _seed(product: Served) -> None:
    agency = product.systems["social-care"]
    headers = {
        "Authorization": product.authorization("social-care"),
        "X-Request-ID": "5f0c1e1a-6a5e-4f0e-8a51-2b9b9a0c7d11",
        "Sharing-Purpose": "SAFEGUARDING",
        "Lawful-Basis": "public-task",
    }
    made = httpx.post(f"{agency.base_url}/v1/contacts", headers=headers, json=SEEDED)
    assert made.status_code == 201, made.text
    listed = httpx.get(f"{agency.base_url}/v1/contacts", headers=headers).json()["items"]
    assert made.json()["contactId"] in [contact["contactId"] for contact in listed]


def _configure(product: Served, folder: Path) -> dict[str, str]:
    """Write joinedup.toml for the agency; gives its secrets by the names of environment variables."""
    agency, secrets = product.systems["social-care"], {}
    lines = ["[limits]", "requests_per_second = 0"]
    lines += ["[load]", 'permitted_by = "Ann Example, Example Council, 2026-11-02"', "[systems.social-care]"]
    told = {"base_url": agency.base_url, "contract": agency.contract, "profile": agency.profile}
    lines += [f"{key} = {json.dumps(value)}" for key, value in told.items()]
    for name, keys in agency.identities.items():
        secrets[f"SECRET_{name.upper()}"] = str(keys["client_secret"])
        lines.append(f"[systems.social-care.identities.{name}]")
        shown = {**keys, "client_secret": f"env:SECRET_{name.upper()}"}
        lines += [f"{key} = {json.dumps(value)}" for key, value in shown.items()]
    (folder / "joinedup.toml").write_text("\n".join(lines))
    return secrets


def _run(command: tuple[str, ...], folder: Path, environment: dict[str, str]) -> bytes:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "joinedup.conformance.cli", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=300,
    )
    return done.stdout + done.stderr


def test_the_canaries_were_met(told: Told) -> None:
    """The run read the agency's contacts, played journeys and found leaks; the load called it; no form is missing."""
    verdict = json.loads((told.folder / "run" / "verdict.json").read_text())
    record = (told.folder / "run" / "events.ndjson").read_text()
    assert {"AUT-03", "SEC-02"} <= {id_ for f in verdict["findings"] for id_ in f["requirements"]}
    assert verdict["journeys"]
    assert '"/v1/contacts' in record
    for load in ("load", "story"):
        assert json.loads((told.folder / load / "performance.json").read_text())["requests"] > 20
    assert b"Still there." in told.printed["replay f-1 --run run"]
    assert {"report.html", "junit.xml", "summary.md"} <= {p.name for p in (told.folder / "run").iterdir()}
    made = ["comparison.html", "evidence.zip", "step-summary.md"]
    assert [name for name in made if not (told.folder / name).is_file()] == []
    assert told.where(b"Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0 for Kanarina")


def test_no_canary_stands_in_any_file(told: Told) -> None:
    """Neither a run's folder nor what is made of it, in whatever form, holds a canary or a credential."""
    files = [path for path in told.folder.rglob("*") if path.is_file() and path.name != "joinedup.toml"]
    assert len(files) > 50
    found = {str(path.relative_to(told.folder)): told.where(path.read_bytes()) for path in files}
    assert {name: where[:3] for name, where in found.items() if where} == {}


def test_no_canary_stands_in_a_pack(told: Told) -> None:
    """Nor does any part of the pack, read as whoever receives it reads it."""
    parts = archive.read((told.folder / "evidence.zip").read_bytes())
    assert "events.ndjson" in parts
    assert {name: w[:3] for name, content in parts.items() if (w := told.where(content))} == {}


def test_no_canary_is_printed(told: Told) -> None:
    """Nor does any command say one."""
    assert {command: w[:3] for command, text in told.printed.items() if (w := told.where(text))} == {}
    assert [command for command, text in told.printed.items() if b"Traceback" in text] == []
