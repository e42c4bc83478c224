"""A supplier's own pytest has the agencies without a port, and everything that its handbook says."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from tour import CONTACT, SHARING

from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.embedded import Agencies, ControlError

HANDBOOK = Path(__file__).parents[2] / "docs" / "mocks.md"
CHILD_SETTINGS = {"PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"}


def written(folder: Path) -> None:
    """The examples of the handbook as the files that they name."""
    found = re.findall(r"```python file=(\S+)\n(.*?)```", HANDBOOK.read_text(), re.DOTALL)
    assert {name for name, _ in found} == {"caretrack.py", "test_caretrack.py", "test_served.py"}
    for name, text in found:
        (folder / name).write_text(text)


def test_the_handbooks_examples_work(tmp_path: Path) -> None:
    """A stranger's folder with nothing but the examples: all pass, embedded and served."""
    written(tmp_path)
    environment = {name: value for name, value in os.environ.items() if name not in CHILD_SETTINGS}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_the_fixture_is_there_by_name(tmp_path: Path) -> None:
    """Without plug-ins that load themselves, the line of the handbook brings it."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["joinedup.mocks.pytest_plugin"]\n')
    (tmp_path / "test_it.py").write_text("def test_it(agencies): assert agencies.systems\n")
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_plugin_is_light() -> None:
    """A session that does not ask for the agencies does not load them."""
    heavy = "{'httptools', 'httpx', 'respx', 'jsonschema_rs', 'joserfc', 'faker', 'trustme'}"
    code = f"import sys, joinedup.mocks.pytest_plugin; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def get(agencies: Agencies, system: str, path: str, **how: Any) -> httpx.Response:
    """What an agency answers to its own caller."""
    headers = {**SHARING, "Authorization": agencies.authorization(system), **how.pop("headers", {})}
    return httpx.get(agencies.systems[system].base_url + path, headers=headers, **how)


def raise_contact(agencies: Agencies) -> str:
    """Where a new contact is."""
    headers = {**SHARING, "Authorization": agencies.authorization("social-care")}
    answer = httpx.post(
        f"{agencies.systems['social-care'].base_url}/v1/contacts", json=CONTACT, headers=headers
    )
    assert answer.status_code == 201
    return str(answer.headers["Location"])


@pytest.mark.parametrize("system", list(AGENCIES))
def test_every_agency_is_at_its_host(system: str, agencies: Agencies) -> None:
    """Each serves its contract at its own address, and its tokens come from the token server beside it."""
    contract = httpx.get(agencies.systems[system].contract).json()
    assert contract["servers"] == [{"url": f"https://{system}.agencies.example"}]


def test_sync_and_async_clients_get_the_same(agencies: Agencies) -> None:
    """Both kinds of client, also within a running loop, are answered alike."""

    async def ask() -> httpx.Response:
        headers = {**SHARING, "Authorization": agencies.authorization("social-care")}
        async with httpx.AsyncClient(
            base_url=agencies.systems["social-care"].base_url, headers=headers
        ) as client:
            return await client.get("/v1/children?limit=3")

    theirs = asyncio.run(ask())
    assert theirs.status_code == 200
    assert theirs.json() == get(agencies, "social-care", "/v1/children?limit=3").json()


def test_many_at_once_are_answered_each(agencies: Agencies) -> None:
    """Tasks of one loop do not get in each other's way."""

    async def ask() -> list[int]:
        async with httpx.AsyncClient() as client:
            url = agencies.systems["police"].base_url + "/v1/status"
            return [
                answer.status_code for answer in await asyncio.gather(*(client.get(url) for _ in range(50)))
            ]

    assert asyncio.run(ask()) == [200] * 50


def test_no_port_is_opened(agencies: Agencies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a socket is made."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("A socket was asked for.")

    monkeypatch.setattr(socket, "socket", refuse)
    assert get(agencies, "social-care", "/v1/children").status_code == 200


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_begins_afresh(turn: int, agencies: Agencies) -> None:
    """What one test made, moved, switched or named is not there in the next."""
    assert agencies.exchanges("social-care") == ()
    assert agencies.addresses == {}
    assert agencies.ask("GET", "/v1/status")["seed"] == 1
    made = raise_contact(agencies)
    assert get(agencies, "social-care", made).status_code == 200
    agencies.advance(1000)
    agencies.switch_fault("latency", True)
    agencies.switch_outage("police", True)
    agencies.addresses["caretrack"] = "https://caretrack.example"
    agencies.reset(7)
    assert get(agencies, "social-care", made).status_code == 404


def test_a_snapshot_is_put_back(agencies: Agencies) -> None:
    """Records made after it are gone; those before stay."""
    before = raise_contact(agencies)
    kept = agencies.snapshot()
    after = raise_contact(agencies)
    agencies.restore(kept)
    assert [get(agencies, "social-care", path).status_code for path in (before, after)] == [200, 404]


def test_an_agency_that_is_away_comes_back(agencies: Agencies) -> None:
    """An outage is 503 with Retry-After until it is over."""
    agencies.switch_outage("social-care", True)
    away = get(agencies, "social-care", "/v1/children")
    agencies.switch_outage("social-care", False)
    assert (away.status_code, away.headers["Retry-After"]) == (503, "30")
    assert get(agencies, "social-care", "/v1/children").status_code == 200


def test_what_the_control_plane_refuses_is_told(agencies: Agencies) -> None:
    """An unknown name is an error that says so."""
    with pytest.raises(ControlError, match="There is no fault of that name"):
        agencies.switch_fault("no-such-fault", True)


def test_no_other_host_is_reached(agencies: Agencies) -> None:
    """A misspelt agency, or any other address, is refused rather than called."""
    for url in ("https://polcie.agencies.example/v1/status", "https://elsewhere.example/"):
        with pytest.raises(AssertionError, match="not mocked"):
            httpx.get(url)


@pytest.mark.parametrize("first", [True, False])
def test_routes_of_a_tests_own_answer_beside_the_agencies(first: bool, joinedup_agencies: Agencies) -> None:
    """A supplier's respx routes and the agencies' live together, whichever came first."""
    joinedup_agencies.begin()
    own = respx.MockRouter(assert_all_called=False)
    own.get("https://elsewhere.example/").respond(204)
    contexts = [own, joinedup_agencies.routed()] if first else [joinedup_agencies.routed(), own]
    with contexts[0], contexts[1]:  # type: ignore[attr-defined]
        assert httpx.get("https://elsewhere.example/").status_code == 204
        assert get(joinedup_agencies, "social-care", "/v1/children").status_code == 200


def test_servers_of_this_machine_are_reached_as_ever(agencies: Agencies) -> None:
    """A request to a port of this machine goes there, though nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{found.getsockname()[1]}/")


def test_head_and_encoded_paths_are_as_served(agencies: Agencies) -> None:
    """HEAD has no body, and a slash that is encoded opens nothing."""
    headers = {**SHARING, "Authorization": agencies.authorization("social-care")}
    base = agencies.systems["social-care"].base_url
    assert httpx.head(f"{base}/v1/children", headers=headers).content == b""
    assert httpx.get(f"{base}/v1/children/a%2Fb", headers=headers).status_code in (400, 404)
