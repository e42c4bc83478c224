"""Clients that a public generator makes of the contracts talk to the agencies, in a process that imports nothing of ours."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from servers import environment

from joinedup.mocks.bundle import load_contract
from joinedup.mocks.serve import ServedSystem, served

GENERATOR = ["openapi-python-client==0.29.1"]
CREATES = {
    "social-care": "/v1/contacts",
    "police": "/v1/public-protection-notices",
    "early-help": "/v1/early-help-requests",
}


def _generate(bin_folder: Path, system: str, folder: Path) -> Path:
    contract = folder / f"{system}.json"
    contract.write_text(json.dumps(load_contract(system)), encoding="utf-8")
    command = [str(bin_folder / "openapi-python-client"), "generate", "--path", str(contract)]
    subprocess.run(
        [*command, "--output-path", str(folder / system)], check=True, capture_output=True, timeout=120
    )
    return folder / system


def _token(system: ServedSystem) -> str:
    identity = system.identities["own"]
    answer = httpx.post(
        identity["token_url"],
        data={"grant_type": "client_credentials", "scope": identity["scope"]},
        auth=(identity["client_id"], identity["client_secret"]),
    )
    return str(answer.json()["access_token"])


def _example(system: str) -> Any:
    body = load_contract(system)["paths"][CREATES[system]]["post"]["requestBody"]
    return next(iter(body["content"]["application/json"]["examples"].values()))["value"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the consumer's program read, by system."""
    folder = tmp_path_factory.mktemp("clients")
    bin_folder = environment("openapi-python-client", GENERATOR)
    clients = [_generate(bin_folder, system, folder) for system in CREATES]
    with served(tuple(CREATES)) as agencies:
        asked = {
            name: {"base_url": system.base_url, "token": _token(system), "example": _example(name)}
            for name, system in agencies.systems.items()
            if name in CREATES
        }
        done = subprocess.run(
            [str(bin_folder / "python"), str(Path(__file__).with_name("caller.py"))],
            input=json.dumps(asked),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, clients))},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert agencies.breaches() == ()
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("system", CREATES)
def test_reads_what_it_made(found: dict[str, dict[str, Any]], system: str) -> None:
    """What a generated client makes, it reads again as the model that the contract declares."""
    assert found[system]["made"] == found[system]["read"]


def test_understands_a_refusal(found: dict[str, dict[str, Any]]) -> None:
    """What there is not is a problem to a generated client, no exception."""
    assert found["social-care"]["refused"] is True


def test_finds_what_it_made_in_the_list(found: dict[str, dict[str, Any]]) -> None:
    """A page is read as objects of the model."""
    assert found["police"]["listed"] is True
