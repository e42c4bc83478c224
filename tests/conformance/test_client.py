"""Whatever a server does on the wire becomes one bounded exchange, and never an exception."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from servers import free_port
from wires import Speak, answer, head, listening, repeats, says, says_and_ends

from joinedup.conformance.client import KEPT_OF_CUT, Budget, BudgetSpentError, Client
from joinedup.conformance.configuration import Limits
from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import Exchange, Step, Text
from joinedup.conformance.identities import Identity, NoCredential, StaticHeader

MEGABYTE = 1_000_000
TICK_S = 0.05


@dataclass
class Caller:
    """A client and everything that it handed over."""

    client: Client
    seen: list[Exchange]


@contextlib.contextmanager
def calling(
    base_url: str, *identities: Identity, timeout_s: float = 5, most: int = MEGABYTE
) -> Iterator[Caller]:
    """A client with limits of a test."""
    seen: list[Exchange] = []
    budget = Budget(Limits(timeout_s=timeout_s, max_response_bytes=most))
    client = Client(
        base_url, identities or [Identity("own", "", "none", NoCredential())], budget, seen.append
    )
    try:
        yield Caller(client, seen)
    finally:
        client.close()


def sent(speak: Speak, *, timeout_s: float = 5, most: int = MEGABYTE, method: str = "GET") -> Exchange:
    """What one request to such a server gives; it was handed over exactly once."""
    with listening(speak) as wire, calling(wire.base_url, timeout_s=timeout_s, most=most) as caller:
        exchange = caller.client.send(Step(method, "/"))
        assert caller.seen == [exchange]
        return exchange


BOMB = gzip.compress(bytes(50 * MEGABYTE), 9)
TOO_LARGE = "larger than limits.max_response_bytes"
TOO_SLOW = "slower than limits.timeout_s"
NO_DECODING = "its content encoding could not be decoded"


@pytest.mark.parametrize(
    ("speak", "status", "body", "cut"),
    [
        (says(answer(b"hello")), 200, b"hello", ""),
        (says(answer(b"", status="204 No Content")), 204, b"", ""),
        (says(answer(gzip.compress(b"hello"), "Content-Encoding: gzip")), 200, b"hello", ""),
        (says(answer(gzip.compress(b"hello"), "Content-Encoding: x-gzip")), 200, b"hello", ""),
        (says(answer(zlib.compress(b"hello"), "Content-Encoding: deflate")), 200, b"hello", ""),
        (says(answer(zlib.compress(b"hello", wbits=-15), "Content-Encoding: deflate")), 200, b"hello", ""),
        (
            says(answer(gzip.compress(zlib.compress(b"hello")), "Content-Encoding: deflate, gzip")),
            200,
            b"hello",
            "",
        ),
        (says(answer(b"hello", "Content-Encoding: identity")), 200, b"hello", ""),
        (says(answer(b"", "Content-Encoding: gzip")), 200, b"", ""),
        (says(answer(b"hello", "Content-Encoding: gzip")), 200, b"", NO_DECODING),
        (says(answer(b"hello", "Content-Encoding: squeezed")), 200, b"", NO_DECODING),
        (says(answer(gzip.compress(b"hello" * 99)[:-12], "Content-Encoding: gzip")), 200, None, NO_DECODING),
        (repeats(head("Transfer-Encoding: chunked"), b"5\r\nhello\r\n"), 200, b"hello" * 2, TOO_LARGE),
        (repeats(head(), b"hello"), 200, b"hello" * 2, TOO_LARGE),
        (repeats(head("Content-Length: 9999999"), b"hello"), 200, b"hello" * 2, TOO_LARGE),
        (
            says_and_ends(head("Content-Length: 9") + b"hello"),
            200,
            b"hello",
            "the connection ended before the body did",
        ),
        (
            says_and_ends(head("Transfer-Encoding: chunked") + b"5\r\nhel"),
            200,
            b"hel",
            "the connection ended before the body did",
        ),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_a_body_comes_whole_or_says_why_not(speak: Speak, status: int, body: bytes | None, cut: str) -> None:
    """A body is decoded and kept up to ten bytes, or what came of it with the reason for the cut."""
    response = sent(speak, most=10 if cut == TOO_LARGE else MEGABYTE).response
    assert response is not None
    assert (response.status, response.cut) == (status, cut)
    assert body is None or response.body == body


@pytest.mark.parametrize(
    ("speak", "error"),
    [
        (says_and_ends(b""), "the connection was dropped or the answer was no HTTP"),
        (
            says_and_ends(b"220 mail.example ESMTP\r\n"),
            "the connection was dropped or the answer was no HTTP",
        ),
        (says(b"\x16\x03\x01\x00\x05hello"), "the connection was dropped or the answer was no HTTP"),
        (says_and_ends(b"HTTP/1.1 200"), "the connection was dropped or the answer was no HTTP"),
        (says(b"HTTP/1.1 twohundred OK\r\n\r\n"), "the connection was dropped or the answer was no HTTP"),
        (says(head("X-Large: " + "x" * 200_000)), "the connection was dropped or the answer was no HTTP"),
        (
            says(head(*[f"X-{n}: {'y' * 90}" for n in range(2_000)])),
            "the connection was dropped or the answer was no HTTP",
        ),
    ],
)
def test_what_is_no_answer_is_an_error_in_words(speak: Speak, error: str) -> None:
    """No HTTP, half an answer or giant headers give an exchange without a response, and say why."""
    exchange = sent(speak)
    assert (exchange.response, exchange.error, exchange.status) == (None, error, 0)


@pytest.mark.parametrize(
    ("speak", "cut", "error"),
    [
        (repeats(head(), b"x", TICK_S), TOO_SLOW, ""),
        (repeats(head("Content-Length: 9999999"), b"x", TICK_S), TOO_SLOW, ""),
        (repeats(head("Transfer-Encoding: chunked"), b"1\r\nx\r\n", TICK_S), TOO_SLOW, ""),
        (repeats(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", TICK_S), "", "no answer within 0.2 s"),
        (repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n", TICK_S), "", "no answer within 0.2 s"),
        (repeats(b"", b"", TICK_S), "", "no answer within 0.2 s"),
    ],
)
def test_an_answer_that_drips_is_cut_at_the_time_limit(speak: Speak, cut: str, error: str) -> None:
    """One byte every 50 ms keeps no request waiting: neither in the body nor in the headers."""
    exchange = sent(speak, timeout_s=0.2)
    assert exchange.error == error
    assert (exchange.response.cut if exchange.response else "") == cut


def test_a_body_that_stops_is_an_error_or_a_cut() -> None:
    """A server that says nothing more after the first bytes keeps the request no longer than the limit."""
    exchange = sent(says(head("Content-Length: 9") + b"hello"), timeout_s=0.2)
    assert exchange.response is not None
    assert (exchange.response.body, exchange.response.cut) == (b"hello", TOO_SLOW)


def test_a_decompression_bomb_is_never_held_in_memory() -> None:
    """50 MB of zeros in 50 kB are cut at the limit, with a few MB of memory at most."""
    with listening(says(answer(BOMB, "Content-Encoding: gzip"))) as wire, calling(wire.base_url) as caller:
        tracemalloc.start()
        try:
            exchange = caller.client.send(Step("GET", "/"))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert exchange.response is not None
    assert (len(exchange.response.body), exchange.response.cut) == (KEPT_OF_CUT, TOO_LARGE)
    assert peak < 6 * MEGABYTE


def test_a_bomb_in_a_bomb_is_never_held_in_memory() -> None:
    """Each layer of encoding is bounded."""
    nested = answer(gzip.compress(BOMB), "Content-Encoding: gzip, gzip")
    response = sent(says(nested)).response
    assert response is not None
    assert (len(response.body), response.cut) == (KEPT_OF_CUT, TOO_LARGE)


@pytest.mark.parametrize(
    "location",
    ["/elsewhere", "https://elsewhere.example/", "http://[broken", "//", "javascript:1", "\xff", ""],
)
def test_a_redirect_is_an_answer_and_is_not_followed(location: str) -> None:
    """A 302 is handed over as it is, even where its Location is none; nothing else is asked."""
    speak = says(
        "\r\n".join(["HTTP/1.1 302 Found", f"Location: {location}", "Content-Length: 0", "", ""]).encode(
            "latin-1"
        )
    )
    with listening(speak) as wire, calling(wire.base_url) as caller:
        assert caller.client.send(Step("GET", "/")).status == 302
        assert len(wire.requests) == 1


def test_a_port_without_a_listener_is_an_error_in_words() -> None:
    """Nothing listens: the exchange says so."""
    with calling(f"http://127.0.0.1:{free_port()}") as caller:
        exchange = caller.client.send(Step("GET", "/"))
    assert (exchange.response, exchange.error) == (None, "no connection could be made")
    assert caller.seen == [exchange]


def test_more_body_than_its_length_does_not_spoil_the_next_answer() -> None:
    """What a server writes beyond its Content-Length is nobody's answer."""
    speak = says(head("Content-Length: 5") + b"hello and more")
    with listening(speak) as wire, calling(wire.base_url) as caller:
        answers = [caller.client.send(Step("GET", "/")) for _ in range(3)]
    assert [(e.status, e.response.body if e.response else e.error) for e in answers] == [(200, b"hello")] * 3


def test_a_connection_that_the_server_closed_is_opened_again() -> None:
    """A server that closes after each answer costs no request."""
    with listening(says_and_ends(answer(b"hello"))) as wire, calling(wire.base_url) as caller:
        answers = [caller.client.send(Step("GET", "/")).status for _ in range(4)]
    assert answers == [200, 200, 200, 200]


def test_a_cut_answer_does_not_spoil_the_next() -> None:
    """After an answer that was cut, the next request has a connection of its own."""
    turns = iter([repeats(head(), b"x"), says(answer(b"hello"))])
    with (
        listening(lambda wire, connection, request: next(turns)(wire, connection, request)) as wire,
        calling(wire.base_url, most=10) as caller,
    ):
        first, second = (caller.client.send(Step("GET", "/")) for _ in range(2))
    assert first.response is not None
    assert first.response.cut == TOO_LARGE
    assert (second.status, second.error) == (200, "")


@pytest.mark.parametrize(
    ("step", "line", "header", "body"),
    [
        (Step("GET", "/a b"), b"GET /a%20b HTTP/1.1", b"", b""),
        (Step("GET", "/{x}", {"x": "a/b é\0"}), b"GET /a%2Fb%20%C3%A9%00 HTTP/1.1", b"", b""),
        (Step("GET", "/{x}", {"x": ".."}), b"GET /%2E%2E HTTP/1.1", b"", b""),
        (Step("GET", "/", query=(("a", "1"), ("a", "2"))), b"GET /?a=1&a=2 HTTP/1.1", b"", b""),
        (Step("GET", "/", query=(("a", ""),)), b"GET /?a= HTTP/1.1", b"", b""),
        (
            Step("GET", "/", query=(("a", 1), ("b", True), ("a", None))),
            b"GET /?a=1&b=true&a= HTTP/1.1",
            b"",
            b"",
        ),
        (Step("GET", "/", query=(("a", "\ud800 é"),)), b"GET /?a=%ED%A0%80+%C3%A9 HTTP/1.1", b"", b""),
        (Step("GET", "/?a=%FF&a"), b"GET /?a=%FF&a HTTP/1.1", b"", b""),
        (Step("GET", "/", headers={"X-Page": 3}), b"GET / HTTP/1.1", b"x-page: 3", b""),  # type: ignore[dict-item]
        (Step("GET", "/", headers={"X-Name": "Siân"}), b"GET / HTTP/1.1", b"x-name: Si\xe2n", b""),
        (Step("GET", "/", headers={"X-Name": "明"}), b"GET / HTTP/1.1", b"x-name: \xe6\x98\x8e", b""),
        (
            Step("POST", "/", body={"a": "é"}),
            b"POST / HTTP/1.1",
            b"content-type: application/json",
            '{"a": "é"}'.encode(),
        ),
        (Step("POST", "/", body=[], media_type="a/b"), b"POST / HTTP/1.1", b"content-type: a/b", b"[]"),
        (
            Step("POST", "/", body=Text("x"), media_type="text/plain", headers={"Content-Type": "odd"}),
            b"POST / HTTP/1.1",
            b"content-type: odd",
            b"x",
        ),
        (Step("POST", "/", body=Text(""), media_type=""), b"POST / HTTP/1.1", b"content-length: 0", b""),
    ],
)
def test_what_goes_over_the_wire(step: Step, line: bytes, header: bytes, body: bytes) -> None:
    """A step goes out percent-encoded, with its headers and its body as given."""
    with listening(says(answer(b""))) as wire, calling(wire.base_url) as caller:
        assert caller.client.send(step).status == 200
    head, _, content = wire.requests[0].partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    assert first == line
    assert header.lower() in [h.lower() for h in headers] or not header
    assert content == body


@pytest.mark.parametrize(
    "step",
    [
        Step("GET", "/", headers={"X-Name": "a\r\nX-Other: b"}),
        Step("GET", "/", headers={"bad name": "a"}),
        Step("GE T", "/"),
    ],
)
def test_a_request_that_is_no_http_is_not_sent(step: Step) -> None:
    """What cannot be written as HTTP gives an exchange that blames nobody else, and sends nothing."""
    with listening(says(answer(b""))) as wire, calling(wire.base_url) as caller:
        exchange = caller.client.send(step)
        assert exchange.response is None
        assert exchange.error.startswith("the request could not be built (")
        assert (len(caller.seen), wire.requests) == (1, [])


def test_only_encodings_that_are_bounded_are_asked_for() -> None:
    """The client asks for gzip and deflate, whatever else is installed beside it."""
    with listening(says(answer(b""))) as wire, calling(wire.base_url) as caller:
        caller.client.send(Step("GET", "/"))
    assert b"\r\naccept-encoding: gzip, deflate\r\n" in wire.requests[0].lower()


def test_a_cookie_of_one_caller_is_never_sent_for_another() -> None:
    """A cookie that an answer sets is not sent again, by whoever calls next."""
    callers = [
        Identity(name, "", "bearer", StaticHeader("Authorization", f"Bearer {name}"))
        for name in ("own", "other")
    ]
    with (
        listening(says(answer(b"", "Set-Cookie: session=own; Path=/"))) as wire,
        calling(wire.base_url, *callers) as caller,
    ):
        for identity in ("own", "own", "other", None):
            caller.client.send(Step("GET", "/", identity=identity))
    credentials = [dict(h.split(b": ", 1) for h in r.split(b"\r\n")[1:] if h) for r in wire.requests]
    assert [c.get(b"Authorization") for c in credentials] == [
        b"Bearer own",
        b"Bearer own",
        b"Bearer other",
        None,
    ]
    assert [c for c in credentials if b"Cookie" in c] == []


def test_a_derived_caller_is_made_when_asked_for() -> None:
    """A name that is no identity goes to whoever can derive one."""

    def derive(name: str) -> Identity:
        return Identity(name, "", "bearer", StaticHeader("X-Caller", name))

    with listening(says(answer(b""))) as wire:
        client = Client(wire.base_url, [], Budget(Limits()), lambda exchange: None, derive=derive)
        client.send(Step("GET", "/", identity="own with a changed signature"))
        client.close()
    assert b"\r\nX-Caller: own with a changed signature\r\n" in wire.requests[0]


class Breaking(httpx.Auth):
    """A credential that cannot be had."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Fail before anything is sent."""
        raise SetupError("systems.x.identities.own: no credential.")
        yield request


def test_a_credential_that_cannot_be_had_is_a_fault_of_the_set_up() -> None:
    """What is no answer of the system is raised and not handed over as one."""
    with (
        listening(says(answer(b""))) as wire,
        calling(wire.base_url, Identity("own", "", "python:x", Breaking())) as caller,
        pytest.raises(SetupError, match="no credential"),
    ):
        caller.client.send(Step("GET", "/"))
    assert (caller.seen, wire.requests) == ([], [])


@dataclass
class Clock:
    """A clock that moves when somebody sleeps."""

    time: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        """Seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(round(seconds, 6))
        self.time += seconds


@pytest.mark.parametrize(
    ("per_second", "pauses", "slept"),
    [
        (0, [0, 0, 0, 0], []),
        (20, [0, 0, 0, 0], [0.05, 0.05, 0.05]),
        (2, [0, 0.1, 0.9, 0], [0.4, 0.5]),
        (1, [0, 5, 0], [1.0]),
        (0.5, [0, 0], [2.0]),
    ],
)
def test_requests_keep_their_pace(per_second: float, pauses: list[float], slept: list[float]) -> None:
    """Each request waits for its turn, counted from the one before; a pause saves up nothing."""
    clock = Clock()
    budget = Budget(Limits(), per_second=per_second, now=clock.now, sleep=clock.sleep)
    for pause in pauses:
        clock.time += pause
        budget.take()
    assert clock.slept == slept


def test_the_budget_ends_with_a_sentence() -> None:
    """After the last request that is allowed, the next is refused, names the key, and is never sent."""
    with listening(says(answer(b""))) as wire:
        client = Client(wire.base_url, [], Budget(Limits(max_requests=2)), lambda exchange: None)
        for _ in range(2):
            client.send(Step("GET", "/", identity=None))
        with pytest.raises(BudgetSpentError, match=r"limits\.max_requests = 2 ") as raised:
            client.send(Step("GET", "/", identity=None))
        client.close()
    assert raised.value.exit_code == 3
    assert len(wire.requests) == 2
