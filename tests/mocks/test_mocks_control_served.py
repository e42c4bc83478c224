"""The control plane of served agencies waits for those they reach, and lets in nobody from elsewhere."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx
import pytest
from tour import StoppedClock

from joinedup.mocks.cast import Cast
from joinedup.mocks.deliveries import Delivery
from joinedup.mocks.serve import Served, served
from joinedup.mocks.server import step_by_step
from joinedup.mocks.signatures import verify
from joinedup.mocks.transports import Http, in_background


class Subscriber(http.server.BaseHTTPRequestHandler):
    """Somebody else's system: fails once, then takes in."""

    received: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        """Keep what came."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(503 if len(self.received) == 1 else 202)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def subscriber() -> Iterator[str]:
    """The address of a system that is not one of ours."""
    Subscriber.received.clear()
    with http.server.HTTPServer(("127.0.0.1", 0), Subscriber) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hooks"
        server.shutdown()
        thread.join()


def test_a_moved_clock_waits_for_those_who_are_reached_over_http(subscriber: str) -> None:
    """The second attempt is made a second of virtual time after the first failed, within the same move."""
    cast = Cast(["social-care"], clock=StoppedClock())
    cast.addresses["app"] = subscriber
    start = cast.clock.seconds()
    notices = [
        Delivery("identity", "app", "child-1", "/events", {"n": n}, key="identity-app") for n in range(2)
    ]

    async def move() -> int:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:
            cast.far = in_background(Http(cast.addresses), loop, pool)
            for notice in notices:
                cast.deliveries.post(notice)
            moving = cast.clock.moving(start + 3600)
            return await asyncio.to_thread(step_by_step(cast, loop), moving)

    assert asyncio.run(move()) == 3
    first, second = cast.deliveries.posted()
    assert [(a.at - start, a.status) for a in first.attempts] == [(0, 503), (1, 202)]
    assert [(a.at - start, a.status) for a in second.attempts] == [(1, 202)]
    assert [json.loads(body)["n"] for _, body in Subscriber.received] == [0, 0, 1]
    headers, body = Subscriber.received[1]
    assert verify(headers, body, cast.deliveries.ring("identity-app"), start + 1) == first.id
    assert cast.clock.seconds() == start + 3600


@pytest.fixture(scope="module")
def agencies() -> Iterator[Served]:
    with served(["social-care"]) as found:
        yield found


def test_served_agencies_are_controlled(agencies: Served) -> None:
    """What a test needs is there by name."""
    agencies.reset()
    address = agencies.systems["social-care"].base_url
    httpx.get(f"{address}/v1/status")
    assert [e["operationId"] for e in agencies.exchanges("social-care")] == ["getStatus"]
    kept = agencies.snapshot()
    agencies.switch_outage("social-care", True)
    assert httpx.get(f"{address}/v1/status").status_code == 503
    agencies.restore(kept)
    assert httpx.get(f"{address}/v1/status").status_code == 200
    later = agencies.now() + timedelta(days=200)
    agencies.set_clock(later)
    agencies.advance(3600)
    assert agencies.now() >= later + timedelta(hours=1)
    agencies.switch_fault("authentication-ignored", True)
    assert agencies.deliveries("social-care") == ()
    assert agencies.breaches() == ()
    agencies.reset()
    assert abs(agencies.now() - datetime.now(UTC)) < timedelta(seconds=60)


def test_the_contract_of_the_control_plane_is_served(agencies: Served) -> None:
    """With the address at which it is."""
    found = httpx.get(f"{agencies.control}/openapi.json").json()
    assert found["servers"] == [{"url": agencies.control}]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "[::"},
    ],
)
def test_nobody_from_elsewhere_is_let_in(headers: dict[str, str], agencies: Served) -> None:
    """A page of a browser that was lured here cannot control."""
    answer = httpx.post(f"{agencies.control}/v1/resets", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST"])
def test_this_machine_is_let_in_by_its_names(host: str, agencies: Served) -> None:
    """With a port or without."""
    port = httpx.URL(agencies.control).port
    for name in (host, f"{host}:{port}"):
        assert httpx.get(f"{agencies.control}/v1/clock", headers={"Host": name}).status_code == 200


def test_the_same_call_is_made_at_once_over_http(agencies: Served) -> None:
    """To an agency of the same process, which goes on answering meanwhile."""
    call = {"url": f"{agencies.systems['social-care'].base_url}/v1/status", "method": "GET", "times": 30}
    for at_once in (True, False):
        found = agencies.ask("POST", "/v1/toolbox/repetitions", {**call, "atOnce": at_once})
        assert found["statuses"] == [{"status": 200, "count": 30}]
    nobody = agencies.ask(
        "POST", "/v1/toolbox/repetitions", {**call, "url": "http://127.0.0.1:9/", "times": 2}
    )
    assert nobody["statuses"] == [{"status": 0, "count": 2}]
