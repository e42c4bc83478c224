"""A printed reproduction sends what was recorded: each script is run by a real bash, curl and python3."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from joinedup.conformance.exchanges import Reference, Step, Text
from joinedup.reports.reproduction import script

pytestmark = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl") and shutil.which("python3")),
    reason="bash, curl and python3 are needed to run a reproduction",
)

AWKWARD = 'O\'Neill "Siân" `id` $(id) $HOME \\ !! \n\t{[]} %41 & ; | > \U0001f600 é /?#'


class Recorder(BaseHTTPRequestHandler):
    """Keeps every request, and answers the way the server's ``answer`` says."""

    server: Server

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.seen.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
        body = json.dumps(self.server.answer).encode()
        self.send_response(200)
        self.send_header("LOCATION", "http://example.test/v1/children/a%20b%2Fc?x=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_QUERY = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """A local server that remembers."""

    answer: Any = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Recorder)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Server]:
    """A local server on a free port."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(server: Server, *steps: Step, flows: dict[str, str] | None = None, **variables: str) -> str:
    """Run the reproduction of some steps; return what it prints."""
    text = script([step.as_record() for step in steps], base_url=server.url, flows=flows, finding="f-1")
    done = subprocess.run(
        ["bash", "-eu"],
        input=text.encode(),
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "OWN": "token-1", "OTHER": "token-2", **variables},
        capture_output=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, b""), text
    return done.stdout.decode("utf-8", "replace")


@pytest.mark.parametrize("value", [AWKWARD, "", "..", ".", "a/b", "nul\0byte", 12, True, None, -0.5])
def test_a_path_parameter_arrives_as_it_was_sent(server: Server, value: object) -> None:
    """A value in a path arrives percent-encoded exactly as the harness sends it."""
    step = Step("GET", "/v1/children/{childId}/plans", {"childId": value})
    run(server, step)
    assert [step.url_path()] == [path for _, path, _, _ in server.seen]


@pytest.mark.parametrize("value", [AWKWARD, "", "@file", "a=b&c=d", 12])
def test_a_query_arrives_as_it_was_sent(server: Server, value: object) -> None:
    """Names and values of a query arrive whole, in their order."""
    from urllib.parse import parse_qsl, urlsplit

    run(server, Step("GET", "/v1/children", query=(("filter[name]", value), ("b", "1"), ("b", "2"))))
    query = urlsplit(server.seen[0][1]).query
    assert [("filter[name]", str(value)), ("b", "1"), ("b", "2")] == parse_qsl(query, keep_blank_values=True)


@pytest.mark.parametrize(
    "body",
    [
        {"name": AWKWARD},
        {"json": 1},
        {"text": "kept as JSON"},
        [],
        None,
        "@/etc/hostname",
        {"from": "nowhere", "pointer": "/a"},
        {"long": "x" * 300_000},
        {"control": "\x07 \x7f"},
        Text("@not-a-file"),
        Text('{"broken": '),
        Text("nul\0byte\r\n"),
        Text("\ud800"),
        Text("é" * 3000),
        Text(""),
    ],
    ids=lambda body: repr(body)[:30],
)
def test_a_body_arrives_byte_for_byte(server: Server, body: object) -> None:
    """A body arrives as the very bytes that the harness sends, whatever is in it."""
    step = Step("POST", "/v1/contacts", body=body)
    run(server, step)
    assert [(step.content(), "application/json")] == [
        (b, h.get("Content-Type")) for _, _, h, b in server.seen
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT", "QUERY"])
def test_the_method_arrives(server: Server, method: str) -> None:
    """Every method is sent as it was recorded, and curl does not wait for a body that never comes."""
    run(server, Step(method, "/v1/children"))
    assert [method] == [seen for seen, _, _, _ in server.seen]


@pytest.mark.parametrize(
    ("headers", "name", "expected"),
    [
        ({"X-Note": 'it\'s "$HOME"'}, "X-Note", 'it\'s "$HOME"'),
        ({"X-Empty": ""}, "X-Empty", ""),
        ({"X-Two": "a\r\nX-Injected: b"}, "X-Injected", None),
    ],
)
def test_a_header_arrives(server: Server, headers: dict[str, str], name: str, expected: str | None) -> None:
    """A header arrives whole, and never becomes two."""
    run(server, Step("GET", "/v1/children", headers=headers))
    assert expected == server.seen[0][2].get(name)


@pytest.mark.parametrize(
    ("identity", "flow", "header", "expected"),
    [
        ("own", "client-credentials", "Authorization", "Bearer token-1"),
        ("other", "bearer", "Authorization", "Bearer token-2"),
        ("own", "basic", "Authorization", "Basic YWNtZTpzZWNyZXQ="),
        ("own", "api-key", "X-Api-Key", "secret"),
        ("own", "none", "Authorization", None),
        (None, "bearer", "Authorization", None),
    ],
)
def test_the_caller_is_the_recorded_one(
    server: Server, identity: str | None, flow: str, header: str, expected: str | None
) -> None:
    """Each request carries the credential of its own identity, from a variable, or none."""
    variables = {"basic": {"OWN": "acme:secret"}, "api-key": {"OWN": "X-Api-Key: secret"}}.get(flow, {})
    run(server, Step("GET", "/v1/x", identity=identity), flows={str(identity): flow}, **variables)
    assert expected == server.seen[0][2].get(header)


@pytest.mark.parametrize(
    "name", ["child", "path", "status", "BASE", "OWN", "work", "1st", "x-y", "é", "a'b", "$(id)"]
)
def test_a_value_is_fetched_by_an_earlier_step(server: Server, name: str) -> None:
    """A value of an earlier answer goes into path, query, header and body, whatever its name."""
    server.answer = {"items": [{"a/b": AWKWARD}]}
    fetched = Reference("s0", "/items/0/a~1b")
    run(
        server,
        Step("GET", "/v1/children", name="s0"),
        Step(
            "POST",
            f"/v1/children/{{{name}}}",
            {name: fetched},
            query=((name, fetched),),
            body={"kept": ["REFERENCE0", {"child": fetched}]},
            name="s1",
        ),
    )
    _, path, _, body = server.seen[1]
    expected = Step("GET", "/{x}", {"x": AWKWARD}).url_path()[1:]
    assert f"/v1/children/{expected}" == path.partition("?")[0]
    assert path.endswith(f"={expected}")
    assert json.loads(body) == {"kept": ["REFERENCE0", {"child": AWKWARD}]}


def test_a_value_is_fetched_and_added_to(server: Server) -> None:
    """What stood around a value stands around it again: in path, header and body, and around a number too."""
    server.answer = {"name": AWKWARD, "n": 7}
    around = Reference("s0", "/name", before="\" OR '", after="'--\n\\")
    run(
        server,
        Step("GET", "/v1/children", name="s0"),
        Step("POST", "/v1/{x}", {"x": around}, body=[around, Reference("s0", "/n", before="-")], name="s1"),
    )
    added = f"\" OR '{AWKWARD}'--\n\\"
    assert server.seen[1][1] == Step("GET", "/v1/{x}", {"x": added}).url_path()
    assert json.loads(server.seen[1][3]) == [added, "-7"]


def test_a_name_is_made_anew(server: Server) -> None:
    """A name that may be taken by now is another one each time, and the same wherever it stands in one script."""
    name = Reference(new="a name of 'some' length")
    steps = (Step("POST", "/v1/x", body={"name": name}, name="s0"), Step("PUT", "/v1/y", body={"name": name}))
    run(server, *steps)
    run(server, *steps)
    names = [json.loads(body)["name"] for *_, body in server.seen]
    assert names[0] == names[1] != names[2] == names[3]
    assert {(len(n), n[:17]) for n in names} == {(23, "a name of 'some' ")}


@pytest.mark.parametrize(("pattern", "expected"), [("", None), ("last-segment", "a b/c")])
def test_a_value_is_fetched_from_a_header(server: Server, pattern: str, expected: str | None) -> None:
    """A header of an earlier answer can be used whole or by its last segment, in any case of letters."""
    header = Reference("s 0/é", header="Location", pattern=pattern)
    run(
        server,
        Step("POST", "/v1/x", name="s 0/é"),
        Step("PUT", "/v1/y", headers={"X": "1"}, body={"at": header}),
    )
    whole = "http://example.test/v1/children/a%20b%2Fc?x=1"
    assert {"at": expected or whole} == json.loads(server.seen[1][3])


def test_a_fixture_comes_from_a_variable(server: Server) -> None:
    """A fixture's value, which the record does not hold, comes from the person's own environment."""
    step = Step("GET", "/v1/children/{childId}", {"childId": Reference(fixture="childId")})
    run(server, step, childId="a b")
    assert [path for _, path, _, _ in server.seen] == ["/v1/children/a%20b"]


@pytest.mark.parametrize(
    ("identity", "name"), [("own", "OWN"), ("path", "V_PATH"), ("a'; id #\n", "A___ID___")]
)
def test_a_missing_credential_is_asked_for(identity: str, name: str) -> None:
    """Without the credential the script stops before anything is sent, and says which variable is missing."""
    text = script([Step("GET", "/v1/x", identity=identity).as_record()], base_url="http://127.0.0.1:1")
    done = subprocess.run(["bash", "-c", text], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"Set {name} to an access token of" in done.stderr


def test_no_steps_give_no_script() -> None:
    """What is read from the contract alone has nothing to send."""
    assert script([]) == ""


def test_the_answer_is_printed(server: Server) -> None:
    """The last answer is shown with its status line."""
    assert "200 OK" in run(server, Step("GET", "/v1/children"))
