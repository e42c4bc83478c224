"""A connection carries HTTP/1.1 as RFC 9112 has it, and ends where that is not what comes."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from joinedup.mocks.app import Reply
from joinedup.mocks.messages import Answer, Incoming, Spoilt
from joinedup.mocks.reading import MAX_BODY
from joinedup.mocks.wire import MAX_HEAD, Server

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def echo(incoming: Incoming) -> Reply:
    """What came, as an answer; some paths are special."""
    if incoming.path == "/fails":
        raise RuntimeError("A defect.")
    if incoming.path == "/splits":
        return Answer(200, None, (("X-Part", "a\r\nX-Other: b"),))
    if incoming.path == "/later":
        return asyncio.sleep(0.01, Answer(200, {"path": "/later"}))
    if incoming.path == "/half":
        return Spoilt(Answer(200, {"path": "/half"}), share=0.5)
    if incoming.path == "/nothing":
        return Spoilt(Answer(200, {"path": "/nothing"}), share=0.0)
    shown = {"path": incoming.path, "query": incoming.query.decode(), "body": incoming.body.decode()[:20]}
    shown |= {"size": str(len(incoming.body)), "headers": str(sorted(incoming.headers.items()))}
    return Answer(200, shown)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Where the echo is served, on a loop in a thread."""
    listening = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    server = Server(echo, listening)
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield listening.getsockname()
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def said(address: tuple[str, int], *parts: bytes) -> bytes:
    """All that comes back until the connection ends; what is sent last ends it."""
    with socket.create_connection(address, timeout=30) as found:
        for part in parts:
            try:
                found.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
        return b"".join(iter(lambda: received(found), b""))


def received(found: socket.socket) -> bytes:
    """The next of what came; nothing where the connection was cut off."""
    try:
        return found.recv(65_536)
    except ConnectionResetError:
        return b""


def test_requests_that_come_together_are_answered_in_order(address: tuple[str, int]) -> None:
    """Also where one of them is answered late."""
    later = GET.replace(b"/a", b"/later")
    back = said(address, GET + later + GET.replace(b"/a", b"/b") + LAST)
    assert back.count(b"HTTP/1.1 200 OK\r\n") == 4
    places = [back.index(b'"path":"%s"' % path) for path in (b"/a", b"/later", b"/b", b"/last")]
    assert places == sorted(places)
    assert back.count(b"connection: close\r\n") == 1


@pytest.mark.parametrize("cut", [1, 20, 40])
def test_a_request_may_come_in_pieces(cut: int, address: tuple[str, int]) -> None:
    """Wherever it is cut."""
    assert b'"path":"/last"' in said(address, LAST[:cut], LAST[cut:])


def test_path_query_and_repeated_headers_are_read(address: tuple[str, int]) -> None:
    """The path decoded, the query not, headers of one name joined by a comma."""
    back = said(
        address, LAST.replace(b"/last", b"/a%20b?c=%20d").replace(b"Host", b"X-A: 1\r\nx-a: 2\r\nHost")
    )
    assert b'"path":"/a b"' in back
    assert b'"query":"c=%20d"' in back
    assert b"('x-a', '1, 2')" in back


def test_a_body_in_chunks_is_joined_and_its_trailers_are_left_out(address: tuple[str, int]) -> None:
    """A trailer never passes for a header (RFC 9110, 6.5.1)."""
    head = LAST.replace(b"GET", b"POST").replace(b"Host", b"Transfer-Encoding: chunked\r\nHost")
    back = said(address, head + b"2\r\nab\r\n", b"3\r\ncde\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    assert b'"body":"abcde"' in back
    assert b"authorization" not in back


def test_of_a_large_body_no_more_is_kept_than_shows_that_it_is(address: tuple[str, int]) -> None:
    """One byte more than is accepted."""
    head = LAST.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 300000\r\nHost")
    assert b'"size":"%d"' % (MAX_BODY + 1) in said(address, head + b"x" * 300_000)


def test_a_caller_who_waits_to_be_asked_for_the_body_is(address: tuple[str, int]) -> None:
    """Expect: 100-continue gets its interim answer once."""
    head = LAST.replace(b"GET", b"POST").replace(
        b"Host", b"Expect: 100-continue\r\nContent-Length: 2\r\nHost"
    )
    with socket.create_connection(address, timeout=30) as found:
        found.sendall(head)
        assert found.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        found.sendall(b"a")
        found.sendall(b"b")
        assert found.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


def test_of_an_answer_to_head_only_the_head_goes_out(address: tuple[str, int]) -> None:
    """With the length that the body would have."""
    head, _, body = said(address, LAST.replace(b"GET", b"HEAD")).partition(b"\r\n\r\n")
    assert b"content-length: " in head
    assert b"content-length: 0" not in head
    assert body == b""


@pytest.mark.parametrize("sent", [LAST, GET.replace(b"1.1", b"1.0"), GET.replace(b"/a", b"/half")])
def test_a_connection_ends_after_what_is_last(sent: bytes, address: tuple[str, int]) -> None:
    """Where the caller says so, in HTTP/1.0, and where an answer is cut off."""
    assert said(address, sent).startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_offer_of_another_protocol_is_left_aside(address: tuple[str, int]) -> None:
    """It is answered in HTTP/1.1 (RFC 9110, 7.8), and what follows is not read as a request."""
    upgrade = GET.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: websocket\r\nHost")
    assert said(address, upgrade + GET).count(b"HTTP/1.1 200 OK\r\n") == 1


def test_nothing_is_said_where_an_answer_is_lost(address: tuple[str, int]) -> None:
    """The connection ends."""
    assert said(address, GET.replace(b"/a", b"/nothing")) == b""


@pytest.mark.parametrize(
    "sent",
    [b"nonsense\r\n\r\n", b"GET /a HTTP/1.1\r\nbad header\r\n\r\n", b"GET /a HTTP/7.0\r\n\r\n"],
)
def test_what_is_no_request_is_refused_and_the_connection_ends(sent: bytes, address: tuple[str, int]) -> None:
    """With 400, after what was good before it."""
    back = said(address, GET + sent)
    assert back.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"HTTP/1.1 400 Bad Request\r\n" in back


@pytest.mark.parametrize("ends", [b"", b"\r\n\r\n"])
@pytest.mark.parametrize("piece", [1_000, 10_000_000])
def test_a_head_that_is_too_long_is_refused(piece: int, ends: bytes, address: tuple[str, int]) -> None:
    """With 431 and the end of the connection, in pieces or at once, before or when it is whole."""
    head = GET[:-2] + b"".join(b"X-%d: %s\r\n" % (n, b"v" * 1000) for n in range(300)) + b"X: " + ends
    back = said(address, *(head[at : at + piece] for at in range(0, len(head), piece)))
    # Where the caller still sends when it is refused, the refusal may be lost with the connection.
    assert back == b"" or back.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_a_long_head_within_the_bound_is_read(address: tuple[str, int]) -> None:
    """Also behind others on its connection."""
    long = LAST.replace(b"Host", b"X: %s\r\nHost" % (b"v" * (MAX_HEAD - 100)))
    assert said(address, GET * 10 + long).count(b"HTTP/1.1 200 OK\r\n") == 11


@pytest.mark.parametrize("path", [b"/fails", b"/splits"])
def test_a_defect_is_a_500(path: bytes, address: tuple[str, int], capfd: pytest.CaptureFixture[str]) -> None:
    """An application that fails, or a header that would be two, says nothing to the caller."""
    back = said(address, LAST.replace(b"/last", path))
    assert back.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b"X-Other" not in back
    assert "joinedup mock" in capfd.readouterr().err
