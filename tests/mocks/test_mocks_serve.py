"""The agencies are served in a process of their own, found by one line, and gone when nobody needs them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tour import CONTACT, SHARING

from joinedup.conformance.errors import SetupError
from joinedup.mocks import systems
from joinedup.mocks.serve import Served, main, served

COMMAND = [sys.executable, "-m", "joinedup.mocks.serve"]
REPEATED = {"X-Request-ID": "2f8b6b1e-6b0a-4d5b-9b0e-0a1b2c3d4e5f"}


@pytest.fixture(scope="module")
def agencies() -> Iterator[Served]:
    """Social care and the token server, served."""
    with served(["social-care", "auth"]) as found:
        yield found


@pytest.fixture
def client(agencies: Served) -> Iterator[httpx.Client]:
    """A client of the own organisation, with a token, on a fresh state."""
    agencies.reset()
    headers = {**SHARING, "Authorization": f"Bearer {token(agencies)}"}
    with httpx.Client(base_url=agencies.systems["social-care"].base_url, headers=headers) as found:
        yield found


def token(agencies: Served, name: str = "own") -> str:
    """An access token as a user gets one."""
    keys = agencies.systems["social-care"].identities[name]
    form = {"grant_type": "client_credentials", "scope": keys["scope"]}
    answer = httpx.post(keys["token_url"], data=form, auth=(keys["client_id"], keys["client_secret"]))
    return str(answer.json()["access_token"])


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The process and the line that it printed."""
    command = [*COMMAND, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
        process.kill()


def test_the_line_says_where_everything_is(agencies: Served) -> None:
    """Addresses, contracts and the two callers of each system are known."""
    assert set(agencies.systems) == {"social-care", "auth"}
    for system in agencies.systems.values():
        contract = httpx.get(system.contract).json()
        assert contract["servers"] == [{"url": system.base_url}]
        assert {name: keys["organisation"] for name, keys in system.identities.items()} == {
            "own": "E09000001",
            "other": "E09000002",
        }


def test_the_contract_names_the_token_server_that_is_served(agencies: Served) -> None:
    """The contract's tokenUrl is the one that the identities have."""
    contract = httpx.get(agencies.systems["social-care"].contract).json()
    flows = contract["components"]["securitySchemes"]["oauth2"]["flows"]
    assert (
        flows["clientCredentials"]["tokenUrl"]
        == agencies.systems["social-care"].identities["own"]["token_url"]
    )


def test_two_callers_see_their_own(agencies: Served, client: httpx.Client) -> None:
    """The two identities read different children over the wire."""
    own = client.get("/v1/children").json()["items"]
    headers = {"Authorization": f"Bearer {token(agencies, 'other')}"}
    other = client.get("/v1/children", headers=headers).json()["items"]
    assert own
    assert other
    assert not {i["childId"] for i in own} & {i["childId"] for i in other}


def test_head_is_get_without_the_body(client: httpx.Client) -> None:
    """HEAD has the length of what GET would answer."""
    head, get = client.head("/v1/children"), client.get("/v1/children")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_nothing_tells_what_serves(client: httpx.Client) -> None:
    """No header names the server or its version."""
    headers = client.get("/v1/status").headers
    assert not {"server", "x-powered-by", "access-control-allow-origin"} & set(headers)


def test_a_large_body_is_refused_and_the_connection_lives(client: httpx.Client) -> None:
    """A body of a megabyte gets 413, and the next request its answer."""
    headers = {"Content-Type": "application/json"}
    assert client.post("/v1/contacts", content=b" " * 1_000_000, headers=headers).status_code == 413
    assert client.get("/v1/children").status_code == 200


def test_a_slash_in_an_encoded_path_is_no_failure(client: httpx.Client) -> None:
    """Encoded slashes, dots and bytes in a path are answered with 400 or 404."""
    for path in (
        "/v1/children/a%2Fb",
        "/v1/children/%00",
        "/v1/children/%ff",
        "/v1/children/..%2f",
        "//v1/children",
    ):
        assert client.get(path).status_code in (400, 404)


def test_a_request_under_way_is_not_started_again(agencies: Served, client: httpx.Client) -> None:
    """While a creation is still being sent, the same X-Request-ID gets 409 and Retry-After; then the first's answer."""
    body = json.dumps(CONTACT).encode()
    address = httpx.URL(agencies.systems["social-care"].base_url)
    fields = {**SHARING, **REPEATED, "Authorization": client.headers["Authorization"], "Host": "127.0.0.1"}
    fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "POST /v1/contacts HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields.items()) + "\r\n"
    headers = {**REPEATED, "Content-Type": "application/json"}
    with socket.create_connection((address.host, address.port or 80)) as slow:
        slow.sendall(head.encode() + body[:5])
        while (meanwhile := client.post("/v1/contacts", content=body, headers=headers)).status_code == 201:
            agencies.reset()  # the slow one's head had not arrived yet
        slow.sendall(body[5:])
        first = slow.recv(65_536)
    again = client.post("/v1/contacts", content=body, headers=headers)
    assert (meanwhile.status_code, meanwhile.headers["Retry-After"]) == (409, "1")
    assert b"201 Created" in first
    assert again.status_code == 201
    assert again.headers["Location"].encode() in first


def test_control_resets_and_moves_the_clock(agencies: Served, client: httpx.Client) -> None:
    """A reset forgets what was made; a moved clock ends tokens; a reset brings real time back."""
    made = client.post("/v1/contacts", json=CONTACT).headers["Location"]
    agencies.reset()
    assert client.get(made).status_code == 404
    agencies.advance(3600)
    assert client.get("/v1/children").status_code == 401
    agencies.reset()
    assert client.get("/v1/children").status_code == 200


def test_control_says_what_it_cannot_do(agencies: Served) -> None:
    """An unknown operation is 404, a move of the clock without a number 422."""
    assert httpx.post(f"{agencies.control}/nothing").status_code == 404
    assert httpx.post(f"{agencies.control}/v1/clock/advances", json={"seconds": "soon"}).status_code == 422


def test_faults_are_switched_on_by_name() -> None:
    """A served fault shows."""
    with served(["social-care"], faults=["authentication-ignored"]) as agencies:
        address = agencies.systems["social-care"].base_url
        path = "/v1/referrals/5b1d8c1a-2a5e-4a59-8f0e-6b9d3b2c2b01"
        assert httpx.get(address + path, headers=SHARING).status_code == 200


def test_the_process_ends_with_its_input() -> None:
    """When standard input ends, the process does, cleanly."""
    with started("--system", "social-care") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_on_a_signal(number: signal.Signals) -> None:
    """SIGTERM and SIGINT end the process cleanly, also while a connection is open."""
    with started() as (process, ready), httpx.Client() as client:
        client.get(ready["systems"]["social-care"]["base_url"] + "/v1/status")
        os.kill(process.pid, number)
        assert process.wait(10) == 0


@pytest.mark.parametrize(("option", "what"), [("--system", "system"), ("--fault", "fault")])
def test_an_unknown_name_is_a_whole_sentence(
    option: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that does not exist ends with code 2 and the names that do."""
    assert main([option, "no-such-name"]) == 2
    said = capsys.readouterr().err
    assert f"There is no {what} named no-such-name" in said
    assert "Traceback" not in said


def test_agencies_that_do_not_start_are_a_set_up_error() -> None:
    """A caller learns why, without a traceback."""
    with pytest.raises(SetupError, match="no-such-name"), served(["no-such-name"]):
        pytest.fail("There is nothing to serve.")


def test_listing_systems_loads_no_server() -> None:
    """The list of systems costs neither a server nor joserfc."""
    heavy = "{'httptools', 'uvloop', 'joserfc', 'jsonschema_rs', 'httpx', 'faker', 'asyncio'}"
    code = f"import sys; from joinedup.mocks import systems; systems(); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_systems_are_listed_with_what_they_can_do() -> None:
    """Each has operations, capabilities in kebab-case, and faults that are its own."""
    for system in systems():
        assert system.operations
        assert all(name == name.lower() and " " not in name for name in system.capabilities)
        assert all(fault.system == system.name for fault in system.faults)


# Left out: positive_data_acceptance and missing_required_header, which hold a stale If-Match (412), a missing one (428),
# an unknown cursor (400) and an X-Request-ID used with other content (422) against a service that states these rules.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
    "unsupported_method",
)


@pytest.mark.parametrize("system", ["social-care", "auth"])
def test_schemathesis_finds_nothing(system: str, agencies: Served, tmp_path: Path) -> None:
    """Hundreds of generated requests, good and bad, get no answer outside the contract and no 500."""
    agencies.reset()
    keys = agencies.systems["auth"].identities["own"]
    auth = {
        "social-care": f'[auth.openapi.oauth2]\nbearer = "{token(agencies)}"\n',
        "auth": f'[auth.openapi.clientBasic]\nusername = "{keys["username"]}"\npassword = "{keys["password"]}"\n',
    }[system]
    (tmp_path / "schemathesis.toml").write_text(auth)
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", agencies.systems[system].contract]
    command += ["--checks", ",".join(CHECKS), "-n", "8", "--seed", "1", "--generation-database", "none"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert agencies.breaches() == ()
