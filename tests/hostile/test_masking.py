"""Nothing that a system says reaches disk or console: not its values, and not its names."""

from __future__ import annotations

import itertools
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from miscreants import Misbehaving, Miscreant, Speak, misbehaving
from stdnum.gb import nhs

CONTRACT = (Path(__file__).parent / "contract.yaml").read_text().replace(", format: uuid", "")
CANARY = re.compile(rb"kanarie", re.IGNORECASE)
CONFIGURATION = """
[systems.things]
base_url = "{base_url}"
contract = "contract.yaml"
[systems.things.identities.own]
flow = "bearer"
token = "env:THINGS_TOKEN"
[limits]
destructive = true
max_requests = 2000
"""
HEADERS = (
    "X-Kanarie-Name: kanarie-header",
    "Set-Cookie: kanarie-cookie=kanarie-crumb; Path=/",
    'ETag: "kanarie-etag"',
    "Server: kanarie/1.0",
    'Link: </v1/things?cursor=kanarie-cursor>; rel="next"',
    "X-Request-Id: kanarie-request",
)


def _answer(
    body: object, *headers: str, status: str = "200 Kanarie", media_type: str = "application/json"
) -> bytes:
    text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {media_type}",
        f"Content-Length: {len(text)}",
        *HEADERS,
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + text


_numbers = itertools.count()
THINGS = [
    {"id": "kanarie-1", "name": "Kanarie Smith", "kanarie-key": {"kanarie-inner": "kanarie-deep"}},
    {"id": "kanarie-2", "name": 12, "note": ["kanarie-item"]},
]
ERROR = {
    "title": "kanarie: it went wrong",
    "detail": "Traceback: KanarieError at kanarie.py",
    "kanarie-code": 7,
}


def gossips(server: Misbehaving, connection: socket.socket, request: bytes) -> None:
    """Canaries wherever an answer has a place for one, in answers that are wrong in many ways."""
    first, _, rest = request.partition(b"\r\n")
    method, path = (part.decode("latin-1") for part in first.split(b" ")[:2])
    connection.sendall(_said(method, path.partition("?")[0], rest))


def _said(method: str, path: str, rest: bytes) -> bytes:
    if path == "/v1/status":
        return _answer("kanarie: up", media_type="text/kanarie; kanarie=kanarie")
    if b"bearer" not in rest.lower():
        return _answer(ERROR, 'WWW-Authenticate: Bearer realm="kanarie-realm"', status="401 Kanarie")
    if (method, path) == ("GET", "/v1/things"):
        return _answer({"items": THINGS, "next": "kanarie-cursor", "kanarie-top": "kanarie"})
    if (method, path) == ("POST", "/v1/things"):
        return _made(rest.partition(b"\r\n\r\n")[2])
    if method == "GET" and path.startswith("/v1/things/kanarie"):
        return _answer(THINGS[1])
    if method == "GET" and path.startswith("/v1/things/"):
        return _answer("no such kanarie", status="404 Kanarie", media_type="text/plain")
    return b"HTTP/1.1 200 Kanarie\r\nthis is no header, kanarie\r\n\r\n"


def _made(body: bytes) -> bytes:
    try:
        name = json.loads(body)["name"]
    except (ValueError, TypeError, KeyError):
        return _answer(ERROR, status="500 Kanarie")
    if not isinstance(name, str):
        return _answer(ERROR, "Allow: KANARIE", "Retry-After: kanarie", status="418 Kanarie")
    number = next(_numbers)
    made = {"id": f"kanarie-made-{number}", "name": f"kanarie {name}", "kanarie-extra": True}
    return _answer(made, f"Location: /v1/things/kanarie-made-{number}?kanarie=1", status="201 Kanarie")


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """The command in a folder."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "joinedup.conformance.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "THINGS_TOKEN": "kanarie-token"},
        capture_output=True,
        timeout=170,
    )


def checked(speak: Speak, folder: Path, *more: str) -> Iterator[subprocess.CompletedProcess[bytes]]:
    """A run against a server, which goes on speaking until the next value is asked for."""
    with misbehaving(Miscreant(speak)) as server:
        (folder / "joinedup.toml").write_text(CONFIGURATION.format(base_url=server.base_url))
        (folder / "contract.yaml").write_text(CONTRACT)
        yield run("check", "--quick", "--out", "run", *more, cwd=folder)


@pytest.fixture(scope="module")
def gossip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[bytes]]]:
    """The folder of a run against the gossip, and everything that was printed: by check, doctor and every replay."""
    folder = tmp_path_factory.mktemp("gossip")
    for done in checked(gossips, folder):
        printed = [done.stdout, done.stderr]
        verdict = json.loads((folder / "run" / "verdict.json").read_text())
        rules = {finding["rule"]: finding["id"] for finding in verdict["findings"]}
        commands = [
            ("doctor",),
            ("report", "run"),
            *(("replay", id, "--run", "run") for id in list(rules.values())[:4]),
        ]
        for command in commands:
            again = run(*command, cwd=folder)
            printed += [again.stdout, again.stderr]
        yield folder, printed


def where(content: bytes) -> list[bytes]:
    """What stands around each canary."""
    return [content[max(m.start() - 80, 0) : m.end() + 40] for m in CANARY.finditer(content)]


def test_the_gossip_is_judged(gossip: tuple[Path, list[bytes]]) -> None:
    """The run really read the canaries: it exercised operations and found what is wrong with them, with evidence."""
    verdict = json.loads((gossip[0] / "run" / "verdict.json").read_text())
    assert verdict["systems"][0]["operations_exercised"] >= 3
    assert len({finding["rule"] for finding in verdict["findings"]}) >= 4
    assert any(finding["evidence"] for finding in verdict["findings"])


def test_no_canary_reaches_the_disk(gossip: tuple[Path, list[bytes]]) -> None:
    """Record, verdict, page, JUnit and Allure hold no value, no property, no header and no error text of the system."""
    files = [path for path in gossip[0].rglob("*") if path.is_file() and path.name != "joinedup.toml"]
    assert {"events.ndjson", "verdict.json", "run.json", "junit.xml", "report.html"} <= {
        p.name for p in files
    }
    assert any("allure-results" in path.parts for path in files)
    assert {p.name: w[:3] for p in files if (w := where(p.read_bytes()) + where(p.name.encode()))} == {}


def test_no_canary_reaches_the_console(gossip: tuple[Path, list[bytes]]) -> None:
    """Neither a run, nor doctor, nor a replay prints anything that the system said."""
    assert [w[:3] for text in gossip[1] if (w := where(text))] == []


# --- errors that quote the system

BREAKS = """
import httpx

class Breaks(httpx.Auth):
    def auth_flow(self, request):
        answer = yield httpx.Request("GET", str(request.url).partition("/v1")[0] + "/v1/status")
        raise {error}(f"the system said {{answer.status_code}} {{answer.headers}} kanarie")
"""
QUOTING = {
    "token-refused": 'flow = "client-credentials"\ntoken_url = "{base_url}/v1/nowhere"\nclient_id = "a"\nclient_secret = "env:THINGS_TOKEN"',
    "token-no-json": 'flow = "client-credentials"\ntoken_url = "{base_url}/v1/status"\nclient_id = "a"\nclient_secret = "env:THINGS_TOKEN"',
    "value-error": 'flow = "python:breaks.Breaks"',
    "network-error": 'flow = "python:breaks.Breaks"',
}
ERRORS = {"network-error": "httpx.ReadError"}


@pytest.mark.parametrize("quoting", QUOTING)
def test_no_error_quotes_the_system(quoting: str, tmp_path: Path) -> None:
    """What a token endpoint says, and what an exception says of an answer, stands nowhere; nor does a traceback."""
    with misbehaving(Miscreant(gossips)) as server:
        settings = CONFIGURATION.replace('flow = "bearer"\ntoken = "env:THINGS_TOKEN"', QUOTING[quoting])
        (tmp_path / "joinedup.toml").write_text(settings.format(base_url=server.base_url))
        (tmp_path / "contract.yaml").write_text(CONTRACT)
        (tmp_path / "breaks.py").write_text(BREAKS.format(error=ERRORS.get(quoting, "ValueError")))
        done = [
            run("check", "--quick", "--only", "CON-API-03", "--out", "run", cwd=tmp_path),
            run("doctor", cwd=tmp_path),
        ]
    assert done[0].returncode in (3, 4)
    written = [path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()]
    for text in (*written, *(d.stdout for d in done), *(d.stderr for d in done)):
        assert where(text) == []
        assert b"Traceback" not in text


# --- real people


def live_number() -> str:
    """A valid NHS number in a range that people can have, of no known person: computed when the test runs."""
    return next(number for n in range(10_000) if nhs.is_valid(number := f"400000{n:04d}"))


def _with_a_person(place: str) -> Speak:
    number = live_number()
    person: dict[str, object] = {"id": "t-1", "name": "Amber"}
    header: tuple[str, ...] = ()
    if place == "name":
        person[f"{number[:3]} {number[3:6]} {number[6:]}"] = True
    else:
        header = (f"X-Subject: {number}",)

    def speak(server: Misbehaving, connection: socket.socket, request: bytes) -> None:
        connection.sendall(_answer({"items": [person]}, *header))

    return speak


@pytest.mark.parametrize("place", ["name", "header"])
def test_a_real_persons_number_stops_the_run(place: str, tmp_path: Path) -> None:
    """Exit 3 and no verdict, whatever else was found; no part of the number stands anywhere."""
    number = live_number()
    for done in checked(_with_a_person(place), tmp_path, "--only", "AUT-01"):
        verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())
        assert (done.returncode, verdict["verdict"]) == (3, "no_verdict")
        assert "looks like real people" in " ".join(error["reason"] for error in verdict["errors"])
        written = [path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()]
        for text in (*written, done.stdout, done.stderr):
            assert not re.search(rb"400[ -]?000[ -]?" + number[6:].encode(), text)
