"""The product in a process of its own, checked from a folder with a configuration, as a supplier would."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from product.playing import HERE, INPUTS, LACKING, identities

CONFIGURATION = """\
under_test = ["social-care"]

[systems.social-care]
base_url = "http://127.0.0.1:{port}"
contract = "contract.yaml"
binding = "binding.arazzo.yaml"
profile = "social-care-1"

[mocks]
listen = "127.0.0.1:{mocks}"
public_url = "https://localhost:{mocks}"
serve = ["school", "health", "cp-is", "virtual-school", "early-help", "police"]
"""
PLAYED = ("police-notice", "referral-to-plan", "newly-looked-after")
STARTS_WITHIN_S = 60


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Supplier:
    """A folder with a configuration, and where the product of it answers."""

    folder: Path
    port: int

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``joinedup`` in the folder."""
        keys = {_variable(name): keys["api_key"] for name, keys in identities().items()}
        return subprocess.run(
            [sys.executable, "-m", "joinedup.conformance.cli", *arguments],
            cwd=self.folder,
            env={**os.environ, **keys},
            capture_output=True,
            text=True,
            timeout=300,
        )

    @contextmanager
    def product(self, *defects: str) -> Iterator[None]:
        """The product, as long as the block lasts."""
        command = [sys.executable, "-m", "product.serve", "--port", str(self.port)]
        command += ["--partners", str(self.folder / "partners.json")]
        command += [part for name in defects for part in ("--defect", name)]
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(HERE.parent)})
        try:
            _wait_for(f"http://127.0.0.1:{self.port}/api/status")
            yield
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(url: str) -> None:
    """Until somebody answers; raises where nobody does in time."""
    end = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            httpx.get(url, timeout=5).raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _variable(identity: str) -> str:
    return f"CASELOAD_{identity.upper()}"


@pytest.fixture(scope="module")
def supplier(tmp_path_factory: pytest.TempPathFactory) -> Supplier:
    """What a supplier has before a check: contract, binding, configuration, and what partners must be told."""
    folder, port = tmp_path_factory.mktemp("supplier"), free_port()
    for name in ("contract.yaml", "binding.arazzo.yaml"):
        shutil.copy(HERE / name, folder)
    lines = [CONFIGURATION.format(port=port, mocks=free_port())]
    for name, keys in identities().items():
        table = {**keys, "api_key": f"env:{_variable(name)}"}
        lines += [f"[systems.social-care.identities.{name}]", *(f'{k} = "{v}"' for k, v in table.items()), ""]
    lines += ["[systems.social-care.capabilities]", *(f"{name} = false" for name in sorted(LACKING)), ""]
    for journey, given in INPUTS.items():
        lines += [f"[journeys.{journey}.inputs]", *(f'{k} = "{v}"' for k, v in given.items()), ""]
    (folder / "joinedup.toml").write_text("\n".join(lines))
    found = Supplier(folder, port)
    told = found.run("mocks", "-c", "joinedup.toml", "--print-partners", "--json")
    assert told.returncode == 0, told.stderr
    (folder / "partners.json").write_text(told.stdout)
    return found


def _check(supplier: Supplier, out: str, *journeys: str) -> subprocess.CompletedProcess[str]:
    return supplier.run("check", *(part for name in journeys for part in ("--journey", name)), "--out", out)


def test_journeys_are_played_with_the_product(supplier: Supplier) -> None:
    """Agencies' deliveries arrive by the binding, the product's arrive at the agencies, and the system is accepted."""
    with supplier.product():
        done = _check(supplier, "clean", *PLAYED)
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads((supplier.folder / "clean" / "verdict.json").read_text())
    assert {journey["id"]: journey["outcome"] for journey in verdict["journeys"]} == dict.fromkeys(
        PLAYED, "pass"
    )
    links = {(link["from"], link["to"]): link["outcome"] for link in verdict["links"]}
    assert links["school", "social-care"] == links["social-care", "police"] == "pass"
    assert verdict["errors"] == []


def test_a_defect_is_reported_by_the_products_own_paths(supplier: Supplier) -> None:
    """The exit code says that it does not conform, and page and console name the product's request."""
    with supplier.product("access_not_logged"):
        done = _check(supplier, "unlogged", "referral-to-plan")
    assert done.returncode == 1, done.stdout + done.stderr
    verdict = json.loads((supplier.folder / "unlogged" / "verdict.json").read_text())
    assert {operation for f in verdict["findings"] for operation in f["operations"]} == {
        "GET /api/people/{person_ref}/access_log"
    }
    assert "/api/people/{person_ref}/access_log" in done.stdout
    assert "/api/people/{person_ref}/access_log" in (supplier.folder / "unlogged" / "report.html").read_text()


def test_a_product_that_does_not_run_is_told(supplier: Supplier) -> None:
    """Nobody answers: that is the set-up's, and never the system's."""
    done = _check(supplier, "gone", "police-notice")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "No connection could be made" in done.stdout
