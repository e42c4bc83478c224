"""
The bounded client: every request that a check sends goes through here.

Requests are counted and paced; an answer is bounded in time, size, decompression and redirects (none is followed);
each exchange is handed over once, to whoever records it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import httpx

from joinedup.conformance.configuration import Limits
from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.identities import Identity

MOST_HEADER_BYTES = 200_000
_CHUNK = 65_536


class BudgetSpentError(SetupError):
    """Raised when a run has sent as many requests as ``limits.max_requests`` allows."""


class Budget:
    """
    How many more requests may be sent to one system, and when the next one may go.

    Args:
        limits: requests in all.
        per_second: requests per second; 0 means no limit.
        now, sleep: the clock, so that tests can move it.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        per_second: float = 0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limits = limits
        self.per_second = per_second
        self.sent = 0
        self._now, self._sleep = now, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def take(self) -> None:
        """
        Wait for the turn of one request.

        Raises:
            BudgetSpentError: ``limits.max_requests`` have been sent.
        """
        with self._lock:
            if self.sent >= self.limits.max_requests:
                raise BudgetSpentError(
                    f"The run has sent limits.max_requests = {self.limits.max_requests} requests to this system and stops asking.",
                    hint="Raise limits.max_requests, or use --quick.",
                )
            self.sent += 1
            if not self.per_second:
                return
            wait = self._next - self._now()
            self._next = max(self._next, self._now()) + 1 / self.per_second
        if wait > 0:
            self._sleep(wait)


class Observer(Protocol):
    """Whoever wants to see every exchange, once, in the order in which they took place."""

    def __call__(self, exchange: Exchange) -> None:
        """Take note of one exchange."""


class Client:
    """
    Sends steps to one system.

    Args:
        base_url: where the system's paths start.
        identities: callers by name.
        budget: shared by everything that sends to this system.
        observe: called once for each exchange.
        derive: gives a caller that is no identity of its own, such as ``own with a changed signature``.
        verify: a CA bundle's path, or True for the usual authorities.
    """

    def __init__(
        self,
        base_url: str,
        identities: Iterable[Identity],
        budget: Budget,
        observe: Observer,
        *,
        derive: Callable[[str], Identity] | None = None,
        verify: bool | str = True,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.identities = {identity.name: identity for identity in identities}
        self.budget = budget
        self._observe = observe
        self._derive = derive
        self._http = httpx.Client(
            timeout=httpx.Timeout(budget.limits.timeout_s),
            follow_redirects=False,
            verify=verify,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=4),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, step: Step) -> Exchange:
        """
        Send one step and give the exchange; a network fault becomes the exchange's ``error``, never an exception.

        Raises:
            BudgetSpentError: the run has used up its requests.
            SetupError: the identity could not get its credential.
        """
        self.budget.take()
        exchange = self._exchange(step)
        self._observe(exchange)
        return exchange

    def send_together(self, steps: Sequence[Step]) -> list[Exchange]:
        """Send steps at the same time; raises what ``send`` raises. They are handed over in their own order."""
        for _ in steps:
            self.budget.take()
        with ThreadPoolExecutor(len(steps)) as pool:
            exchanges = list(pool.map(self._exchange, steps))
        for exchange in exchanges:
            self._observe(exchange)
        return exchanges

    def _exchange(self, step: Step) -> Exchange:
        try:
            request = self.build(step)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
            return Exchange(step, None, f"the request could not be built ({type(error).__name__})")
        try:
            return Exchange(step, self._receive(request))
        except httpx.TimeoutException:
            return Exchange(step, None, f"no answer within {self.budget.limits.timeout_s:g} s")
        except httpx.HTTPError as error:
            return Exchange(step, None, _network_fault(error))
        finally:
            # A caller's cookies must never travel with another caller's request.
            self._http.cookies.clear()

    def build(self, step: Step) -> httpx.Request:
        """The request that a step stands for, credential included."""
        headers = dict(step.headers)
        content = step.content()
        if (
            content is not None
            and step.media_type
            and not any(name.lower() == "content-type" for name in headers)
        ):
            headers["Content-Type"] = step.media_type
        url = self.base_url + step.url_path()
        request = self._http.build_request(
            step.method, url, params=list(step.query) or None, headers=headers, content=content
        )
        if step.identity is None:
            return request
        return self._caller(step.identity).authorise(request)

    def _caller(self, name: str) -> Identity:
        if name not in self.identities and self._derive is not None:
            return self._derive(name)
        return self.identities[name]

    def _receive(self, request: httpx.Request) -> Response:
        started = time.monotonic()
        ends = started + self.budget.limits.timeout_s
        response = self._http.send(request, stream=True)
        try:
            body, cut = self._read(response, ends)
        finally:
            response.close()
        return Response(response.status_code, response.headers, body, time.monotonic() - started, cut)

    def _read(self, response: httpx.Response, ends: float) -> tuple[bytes, str]:
        parts: list[bytes] = []
        size = 0
        try:
            for chunk in response.iter_bytes(_CHUNK):
                parts.append(chunk)
                size += len(chunk)
                if size > self.budget.limits.max_response_bytes:
                    return b"".join(parts)[
                        : self.budget.limits.max_response_bytes
                    ], "larger than limits.max_response_bytes"
                if time.monotonic() > ends:
                    return b"".join(parts), "slower than limits.timeout_s"
        except httpx.DecodingError:
            return b"".join(parts), "its content encoding could not be decoded"
        except httpx.RemoteProtocolError:
            return b"".join(parts), "the connection ended before the body did"
        return b"".join(parts), ""


def _network_fault(error: httpx.HTTPError) -> str:
    words: dict[type[httpx.HTTPError], str] = {
        httpx.ConnectError: "no connection could be made",
        httpx.RemoteProtocolError: "the connection was dropped or the answer was no HTTP",
        httpx.ReadError: "the connection was broken while reading",
        httpx.WriteError: "the connection was broken while sending",
    }
    return words.get(type(error), type(error).__name__)
