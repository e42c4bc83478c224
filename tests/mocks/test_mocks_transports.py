"""An attempt reaches an agency of this process directly and any other over HTTP, or nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx

from joinedup.mocks.deliveries import (
    Outgoing,
    Reply,
)
from joinedup.mocks.messages import Answer, Incoming
from joinedup.mocks.transports import Http, routed


class Echo:
    """An agency that answers 201 and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Incoming] = []

    def answer(self, incoming: Incoming) -> Answer:
        self.asked.append(incoming)
        return Answer(201, None, (("Retry-After", "7"),))


def replies(transport: Any, outgoing: Outgoing) -> Reply:
    found: list[Reply] = []
    transport(outgoing, found.append)
    (reply,) = found
    return reply


OUTGOING = Outgoing("school", "POST", "/v1/a%20b?limit=1", {"X-Request-ID": "r-1"}, b"{}")


def test_an_agency_of_this_process_is_reached_directly() -> None:
    """Path and query apart, header names in lower case, as a server would give them."""
    echo = Echo()
    reply = replies(routed({"school": echo}, Http({})), OUTGOING)
    assert (reply.status, reply.headers) == (201, {"retry-after": "7"})
    assert echo.asked == [Incoming("POST", "/v1/a b", b"limit=1", {"x-request-id": "r-1"}, b"{}")]


@pytest.fixture
def wire() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def test_a_partner_with_an_address_is_reached_over_http(wire: respx.MockRouter) -> None:
    """With the method, path, headers and body of the attempt."""
    route = wire.post("https://school.example/base/v1/a%20b?limit=1").respond(
        429, headers={"Retry-After": "9"}
    )
    reply = replies(routed({}, Http({"school": "https://school.example/base/"})), OUTGOING)
    assert (reply.status, reply.headers["retry-after"]) == (429, "9")
    sent = route.calls.last.request
    assert (sent.headers["X-Request-ID"], sent.content) == ("r-1", b"{}")


def test_redirects_are_not_followed(wire: respx.MockRouter) -> None:
    """What is about a child is not sent to whoever a partner names."""
    wire.post("https://school.example/v1/a%20b?limit=1").respond(
        307, headers={"Location": "https://other.example/"}
    )
    other = wire.post("https://other.example/").respond(201)
    assert replies(Http({"school": "https://school.example"}), OUTGOING).status == 307
    assert not other.called


@pytest.mark.parametrize("fault", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
def test_nobody_there_is_no_status(fault: Exception, wire: respx.MockRouter) -> None:
    """A connection that fails and an answer that does not come are the same: it may be tried again."""
    wire.post("https://school.example/v1/a%20b?limit=1").mock(side_effect=fault)
    assert replies(Http({"school": "https://school.example"}), OUTGOING).status == 0
