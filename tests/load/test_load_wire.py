"""Requests over plain sockets: every form of an answer is read, and no request is sent twice that may not be."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import pytest
import trustme
from servers import free_port

from joinedup.conformance.exchanges import Step
from joinedup.scenarios import load_wire
from joinedup.scenarios.load_wire import Connections, NoAnswerError, address_of, encoded, target_of

END = b"the end"
"""In the answers of a server: it closes the connection."""


class _Server:
    """Answers the requests of each connection with bytes, in order; the last connection's script is used again."""

    def __init__(self, scripts: Sequence[Sequence[bytes]], tls: ssl.SSLContext | None = None) -> None:
        self._scripts, self._tls = scripts, tls
        self.connections = 0
        self.requests: list[bytes] = []
        self.closed = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            try:
                self._answer(self._tls.wrap_socket(connection, True) if self._tls else connection, script)
            except OSError:
                connection.close()

    def _answer(self, connection: socket.socket, script: Sequence[bytes]) -> None:
        with connection:
            for answer in script:
                if answer == END:
                    break
                self.requests.append(connection.recv(65_536))
                connection.sendall(answer)
            else:
                connection.recv(65_536)
        self.closed.set()

    def close(self) -> None:
        """Accept no more."""
        self._listening.close()


@contextmanager
def _serving(*scripts: Sequence[bytes], tls: ssl.SSLContext | None = None) -> Iterator[_Server]:
    with closing(_Server(scripts, tls)) as server:
        yield server


def _ask(connections: Connections, url: str, method: str = "GET", content: bytes | None = None) -> object:
    address = address_of(url)
    request = encoded(method, "/x", address.authority, {}, content)
    answered = connections.send(address, request, head=method == "HEAD")
    return answered.status, answered.body


def _answer(body: bytes, *headers: str, status: str = "200 OK", version: str = "HTTP/1.1") -> bytes:
    lines = [f"{version} {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


OK = _answer(b"{}")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PACKED = gzip.compress(b"packed", mtime=0)


@pytest.mark.parametrize(
    ("method", "answer", "status", "body"),
    [
        ("GET", OK, 200, b"{}"),
        ("GET", CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", 200, b"abcde"),
        ("GET", CHUNKED + b"3\r\nabc\r\n0\r\nExpires: never\r\n\r\n", 200, b"abc"),
        ("GET", _answer(PACKED, "Content-Encoding: gzip"), 200, b"packed"),
        ("GET", _answer(zlib.compress(b"packed"), "Content-Encoding: deflate"), 200, b"packed"),
        (
            "GET",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"%x\r\n%b\r\n0\r\n\r\n" % (len(PACKED), PACKED),
            200,
            b"packed",
        ),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, b""),
        ("GET", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"{}"),
        ("GET", b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
    ],
)
def test_every_form_of_an_answer_is_read(method: str, answer: bytes, status: int, body: bytes) -> None:
    """Whatever way an answer tells its end and packs its body, it is read whole, and the connection goes on."""
    with _serving([answer, OK]) as server, closing(Connections(5)) as connections:
        assert _ask(connections, server.url, method) == (status, body)
        assert _ask(connections, server.url) == (200, b"{}")
        assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (_answer(b"{}", "Connection: close"), b"{}"),
        (_answer(b"{}", version="HTTP/1.0"), b"{}"),
    ],
)
def test_an_answer_that_ends_the_connection_is_followed_by_another(answer: bytes, body: bytes) -> None:
    """Where the server closes after an answer, the next request has a connection of its own."""
    with _serving([answer, END], [OK]) as server, closing(Connections(5)) as connections:
        assert _ask(connections, server.url, "POST", b"1") == (200, body)
        assert _ask(connections, server.url, "POST", b"2") == (200, b"{}")
        assert server.connections == 2
        assert len(server.requests) == 2


def test_a_header_that_is_there_twice_is_one() -> None:
    """Fields of one name are joined, as HTTP allows, and names have small letters."""
    with _serving([_answer(b"", "Link: a", "LINK: b")]) as server, closing(Connections(5)) as connections:
        address = address_of(server.url)
        answered = connections.send(address, encoded("GET", "/", address.authority, {}, None))
        assert answered.headers["link"] == "a, b"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "ended before"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "ended before"),
        (CHUNKED + b"9\r\nhalf", "ended before"),
        (b"SSH-2.0-x\r\n\r\n", "no HTTP"),
        (CHUNKED + b"x\r\nabc\r\n", "no HTTP"),
        (_answer(b"no gzip", "Content-Encoding: gzip"), "no HTTP"),
        (_answer(b"x" * 3000), "max_response_bytes"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "no HTTP"),
    ],
)
def test_what_is_no_answer_is_told(answer: bytes, said: str) -> None:
    """An answer that is cut off, no HTTP or too large is none, in a phrase that holds nothing of it."""
    with (
        _serving([answer, END]) as server,
        closing(Connections(5, largest=2000)) as connections,
        pytest.raises(NoAnswerError, match=said),
    ):
        _ask(connections, server.url, "POST", b"1")


def test_silence_ends_in_time() -> None:
    """A server that says nothing is waited for no longer than the limit."""
    with (
        _serving([b"HTTP/1.1"]) as server,
        closing(Connections(0.2)) as connections,
        pytest.raises(NoAnswerError, match=r"no answer within 0\.2 s"),
    ):
        _ask(connections, server.url)


def test_nobody_there_is_told() -> None:
    """A port on which nobody listens is no connection."""
    with closing(Connections(5)) as connections, pytest.raises(NoAnswerError, match="no connection"):
        _ask(connections, f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    ("method", "lost", "sent"),
    [("GET", b"", 3), ("PUT", b"", 3), ("POST", b"", 2), ("GET", b"HTTP/1.1 200 OK\r\n", 2)],
)
def test_only_what_may_be_sent_twice_is(method: str, lost: bytes, sent: int) -> None:
    """On a kept connection that ends in silence a request is sent again, unless that could make a thing twice."""
    with _serving([OK, lost, END], [OK]) as server, closing(Connections(5)) as connections:
        _ask(connections, server.url, method, b"1")
        if sent == 3:
            assert _ask(connections, server.url, method, b"2") == (200, b"{}")
        else:
            with pytest.raises(NoAnswerError, match="ended before"):
                _ask(connections, server.url, method, b"2")
        assert len(server.requests) == sent


def test_a_connection_that_was_closed_meanwhile_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that closes what is idle loses no request, also none that may not be sent twice."""
    monkeypatch.setattr(load_wire, "IDLE_S", 0.0)
    with _serving([OK, END], [OK, OK]) as server, closing(Connections(5)) as connections:
        _ask(connections, server.url, "POST", b"1")
        assert server.closed.wait(5)
        for _ in range(2):
            assert _ask(connections, server.url, "POST", b"2") == (200, b"{}")
        assert server.connections == 2
        assert len(server.requests) == 3


@pytest.mark.parametrize("idle_s", [0.0, 60.0])
def test_tls_is_believed_only_where_it_is_trusted(idle_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the authority that signed it a server is believed, and its connection kept; without, there is no request."""
    monkeypatch.setattr(load_wire, "IDLE_S", idle_s)
    authority, server_side = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    with _serving([OK, OK], tls=server_side) as server:
        with closing(Connections(5, {address_of(server.url): client_side})) as connections:
            for _ in range(2):
                assert _ask(connections, server.url, "POST", b"1") == (200, b"{}")
        assert server.connections == 1
        with closing(Connections(5)) as connections, pytest.raises(NoAnswerError, match="SSL"):
            _ask(connections, server.url)
        assert len(server.requests) == 2


def test_targets_are_encoded() -> None:
    """The path of the base URL comes first, and whatever has to be is escaped."""
    step = Step("GET", "/children/{id}", path_parameters={"id": "a/b ü"}, query=(("q", "x y"), ("on", True)))
    address = address_of("https://[::1]:8443/api/")
    assert target_of(address, step) == "/api/children/a%2Fb%20%C3%BC?q=x+y&on=true"
    assert address.authority == "[::1]:8443"
