"""
The bounded client: every request that a check sends goes through here.

Requests are counted and paced; an answer is bounded in time, size, decompression and redirects (none is followed);
each exchange is handed over once, to whoever records it.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from urllib.parse import urlencode

import httpx

from joinedup.conformance.configuration import Limits
from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.identities import Identity
from joinedup.conformance.wire import Passage, decoded, ending, timed_transport

# What is asked for is what can be decoded piece by piece; brotli and zstd would be decoded in one go.
ENCODINGS = "gzip, deflate"
# Requests in a row without an answer after which the system itself is asked for.
MOST_SILENT = 5
# What is kept of an answer that does not end: it says nothing more, and hundreds of them would fill the memory.
KEPT_OF_CUT = 100_000
TOO_LARGE = "larger than limits.max_response_bytes"
TOO_SLOW = "slower than limits.timeout_s"
NOT_BUILT = "the request could not be built"
NOT_SENT = "not sent again"
NO_ANSWER = "no answer within"
_CHUNK = 65_536


class BudgetSpentError(SetupError):
    """Raised when a run has sent as many requests as ``limits.max_requests`` allows."""


class SystemGoneError(SetupError):
    """Raised when a system gives no answer any more, so that waiting for each request would be waste."""


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
        self._gone = ""
        self._now, self._sleep = now, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """How many more requests may be sent."""
        return max(self.limits.max_requests - self.sent, 0)

    def take(self) -> None:
        """
        Wait for the turn of one request.

        Raises:
            BudgetSpentError: ``limits.max_requests`` have been sent.
            SystemGoneError: the system gives no answer any more.
        """
        with self._lock:
            if self._gone:
                raise SystemGoneError(
                    self._gone, hint="Check the system and start again when it runs.", fault="system-gone"
                )
            if self.sent >= self.limits.max_requests:
                raise BudgetSpentError(
                    f"The run has sent limits.max_requests = {self.limits.max_requests} requests to this system and stops asking.",
                    hint="Raise limits.max_requests, or use --quick.",
                    fault="limits-too-few-requests",
                )
            self.sent += 1
            if not self.per_second:
                return
            wait = self._next - self._now()
            self._next = max(self._next, self._now()) + 1 / self.per_second
        if wait > 0:
            self._sleep(wait)

    def pause(self, seconds: float) -> None:
        """Wait before the next request."""
        self._sleep(seconds)

    def close(self, reason: str) -> None:
        """Send nothing more, for a reason that is one sentence."""
        self._gone = reason


class Observer(Protocol):
    """Whoever wants to see every exchange, once, in the order in which they took place."""

    def __call__(self, exchange: Exchange, /) -> None:
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
        trust: whom to believe who the server is; the usual authorities where it is not given.
        withheld: operations that are not called any more, by label, with the reason.
    """

    def __init__(
        self,
        base_url: str,
        identities: Iterable[Identity],
        budget: Budget,
        observe: Observer,
        *,
        derive: Callable[[str], Identity] | None = None,
        trust: ssl.SSLContext | None = None,
        withheld: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.identities = {identity.name: identity for identity in identities}
        self.budget = budget
        self._observe = observe
        self._silent = 0
        self._derive = derive
        self._withheld = withheld
        # Requests go straight to the transport: no redirect is looked at, and no cookie of one caller is kept for
        # another.
        self._transport = timed_transport(trust)
        self._http = httpx.Client(transport=self._transport, timeout=httpx.Timeout(budget.limits.timeout_s))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, step: Step) -> Exchange:
        """
        Send one step and give the exchange; a network fault becomes the exchange's ``error``, never an exception.

        An operation that is withheld gets nothing: its exchange says so and is not handed over.

        Raises:
            BudgetSpentError: the run has used up its requests.
            SetupError: the identity could not get its credential.
        """
        reason = self._withheld().get(step.operation)
        if reason:
            return Exchange(step, None, f"{NOT_SENT}, since {reason}")
        self.budget.take()
        exchange = self._exchange(step)
        self._observe(exchange)
        self._heed_exchange(exchange)
        return exchange

    def send_together(self, steps: Sequence[Step]) -> list[Exchange]:
        """Send steps at the same time; raises what ``send`` raises. They are handed over in their own order."""
        for _ in steps:
            self.budget.take()
        with ThreadPoolExecutor(len(steps)) as pool:
            exchanges = list(pool.map(self._exchange, steps))
        for exchange in exchanges:
            self._observe(exchange)
        for exchange in exchanges:
            self._heed_exchange(exchange)
        return exchanges

    def _heed_exchange(self, exchange: Exchange) -> None:
        if not exchange.error.startswith(NOT_BUILT):
            self.heed(_is_whole(exchange))

    def heed(self, answered: bool) -> None:
        """
        Count requests in a row that got no answer; where there are many, see whether the system is there at all.

        Raises:
            SystemGoneError: it is not.
        """
        self._silent = 0 if answered else self._silent + 1
        if self._silent < MOST_SILENT:
            return
        self._silent = 0
        there = (self._exchange(Step("GET", "/", identity=None)) for _ in range(2))
        if not any(_is_whole(exchange) for exchange in there):
            self.budget.close(f"{self.base_url} gives no answer any more: the run stops asking.")
            self.budget.take()

    def send_unwatched(self, step: Step) -> Exchange:
        """The same without telling the observer: a probe of the harness's own, which learns and records nothing."""
        self.budget.take()
        return self._exchange(step)

    def _exchange(self, step: Step) -> Exchange:
        try:
            request = self.build(step)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
            return _not_built(step, error)
        try:
            return Exchange(step, self._receive(request))
        except httpx.LocalProtocolError as error:
            return _not_built(step, error)
        except httpx.TimeoutException:
            return Exchange(step, None, f"{NO_ANSWER} {self.budget.limits.timeout_s:g} s")
        except httpx.HTTPError as error:
            return Exchange(step, None, _network_fault(error))

    def build(self, step: Step) -> httpx.Request:
        """The request that a step stands for, credential included."""
        headers = [(name, _on_the_wire(value)) for name, value in step.headers.items()]
        names = {name.lower() for name in step.headers}
        content = step.content()
        if content is not None and step.media_type and "content-type" not in names:
            headers.append(("Content-Type", _on_the_wire(step.media_type)))
        if "accept-encoding" not in names:
            headers.append(("Accept-Encoding", ENCODINGS.encode()))
        url = self.base_url + step.url_path()
        if step.query:
            # httpx would put pairs of one name side by side; the order is part of the request.
            url += "?" + urlencode([(n, _plain(v)) for n, v in step.query], errors="surrogatepass")
        request = self._http.build_request(
            step.method,
            url,
            headers=[(name.encode(), value) for name, value in headers],
            content=content,
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
        with ending(started + self.budget.limits.timeout_s) as passage:
            response = self._answer(request, passage)
            try:
                body, cut = self._read(response)
            finally:
                response.close()
        return Response(response.status_code, response.headers, body, time.monotonic() - started, cut)

    def _answer(self, request: httpx.Request, passage: Passage) -> httpx.Response:
        try:
            return self._transport.handle_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if not passage.may_be_stale(request.method):
                raise
            return self._transport.handle_request(request)

    def _read(self, response: httpx.Response) -> tuple[bytes, str]:
        most = self.budget.limits.max_response_bytes
        body = bytearray()
        try:
            for chunk in decoded(response.iter_raw(), response.headers.get("content-encoding", "")):
                body += chunk
                if len(body) > most:
                    return bytes(body[: min(most, KEPT_OF_CUT)]), TOO_LARGE
        except httpx.ReadTimeout:
            return bytes(body), TOO_SLOW
        except zlib.error:
            return bytes(body), "its content encoding could not be decoded"
        except (httpx.RemoteProtocolError, httpx.ReadError):
            return bytes(body), "the connection ended before the body did"
        return bytes(body), ""


def hung(exchange: Exchange) -> bool:
    """Whether an answer, or the end of it, was waited for until ``limits.timeout_s`` was over."""
    if exchange.response is None:
        return exchange.error.startswith(NO_ANSWER)
    return exchange.response.cut == TOO_SLOW


def _is_whole(exchange: Exchange) -> bool:
    """Whether an answer came in time."""
    return exchange.response is not None and exchange.response.cut != TOO_SLOW


def _not_built(step: Step, error: Exception) -> Exchange:
    return Exchange(step, None, f"{NOT_BUILT} ({type(error).__name__})")


def _plain(value: object) -> str:
    """A query's value as text: ``true`` and not ``True``, nothing for None."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _on_the_wire(value: object) -> bytes:
    """A header's value as bytes: Latin-1 as servers read it, UTF-8 where that has no such character."""
    text = str(value)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _network_fault(error: httpx.HTTPError) -> str:
    words: dict[type[httpx.HTTPError], str] = {
        httpx.ConnectError: "no connection could be made",
        httpx.RemoteProtocolError: "the connection was dropped or the answer was no HTTP",
        httpx.ReadError: "the connection was broken while reading",
        httpx.WriteError: "the connection was broken while sending",
    }
    return words.get(type(error), type(error).__name__)
