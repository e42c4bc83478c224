"""
What every generated request and answer passes: its turn, the caller's credential, the limits, and the record.
"""

from __future__ import annotations

import contextlib
import random
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
from schemathesis.core.transport import STREAM_CUT_SHORT_ATTRIBUTE
from schemathesis.engine import context as engine_context
from schemathesis.transport.requests import ManagedCookiesSession

from joinedup.conformance.adapter import BoundedAdapter, Expiry, body_of, expiring
from joinedup.conformance.errors import JoinedUpError, SetupError
from joinedup.conformance.exchanges import MISSING, Exchange, Response, Step, Text
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.reproduction import another_identifier, step_from_wire
from joinedup.conformance.target import OWN, Target
from joinedup.conformance.vocabulary import REQUEST_IDENTIFIERS


def below(url: str, base_url: str) -> str:
    """Path and query of a URL below the base URL's path, percent-encoded as sent."""
    parts, base = urlsplit(url), urlsplit(base_url).path.rstrip("/")
    path = parts.path.removeprefix(base) or "/"
    return f"{path}?{parts.query}" if parts.query else path


# A wait that was ended by its limit took this much of it at least.
NEARLY = 0.9
CASE_ID = "X-Schemathesis-TestCaseId"


class Gate:
    """
    What every generated request and answer passes.

    ``withheld`` holds the identifiers of the cases that were not sent.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.fault: JoinedUpError | None = None
        self.withheld: set[str] = set()
        self._identity = target.identities.get(OWN)
        self._random = random.Random(target.seed)  # noqa: S311 - repeatable test data, no secret
        self._used: set[str] = set()
        self._foreign = False

    def before(self, request: requests.PreparedRequest) -> None:
        """Wait for the request's turn and put the credential in."""
        if self.fault is not None:
            raise requests.ConnectionError("the run is stopping")
        if self._label(request) in self.target.culprits:
            self.withheld.add(_text(request.headers.get(CASE_ID, "")))
            raise requests.ConnectionError("the operation is left out")
        try:
            self.target.budget.take()
            self._make_new(request)
            if self._identity is not None:
                self._authorise(request)
        except SetupError as error:
            self.fault = error
            raise requests.ConnectionError("the run is stopping") from None

    def _label(self, request: requests.PreparedRequest) -> str:
        path = below(str(request.url), self.target.system.base_url).partition("?")[0]
        return self.target.routes.label(str(request.method), path)

    def _make_new(self, request: requests.PreparedRequest) -> None:
        """Give a request that carries a used identifier one of its own, of the same shape: it is no repetition."""
        for name, value in request.headers.items():
            if normalise(name) not in REQUEST_IDENTIFIERS:
                continue
            text = _text(value)
            if text in self._used:
                fresh = uuid.UUID(int=self._random.getrandbits(128), version=4)
                request.headers[name] = another_identifier(name, text, fresh)
            self._used.add(text)

    def _authorise(self, request: requests.PreparedRequest) -> None:
        # A credential that the case itself carries is part of the test and stays.
        if self._identity is None or "Authorization" in request.headers:
            self._foreign = True
            return
        self._foreign = False
        body = (
            request.body
            if isinstance(request.body, bytes)
            else (request.body or "").encode()
            if isinstance(request.body, str)
            else None
        )
        twin = httpx.Request(str(request.method), str(request.url), content=body)
        before = set(twin.headers)
        prepared = self._identity.authorise(twin)
        for name, value in prepared.headers.items():
            if name not in before:
                request.headers[name] = value
        if str(prepared.url) != str(httpx.URL(str(request.url))):
            request.url = str(prepared.url)

    def read(self, response: requests.Response, expiry: Expiry) -> None:
        """Read the body within the limits."""
        limits = self.target.configuration.limits
        try:
            response._content, cut = body_of(response, expiry, limits.max_response_bytes)
        finally:
            response.close()
        setattr(response, STREAM_CUT_SHORT_ATTRIBUTE, cut)
        response._content_consumed = True

    def note(
        self, request: requests.PreparedRequest, response: requests.Response | None, seconds: float
    ) -> None:
        """Hand the exchange to the record."""
        raw = below(str(request.url), self.target.system.base_url)
        path = raw.partition("?")[0]
        label = self._label(request)
        step = Step(str(request.method), path, identity=OWN, operation=label)
        got = (
            None
            if response is None
            else Response(
                response.status_code, httpx.Headers(dict(response.headers.items())), response.content, seconds
            )
        )
        try:
            if got is not None and not self._foreign:
                self.target.watch_over(OWN, step, got.status)
            self.target.note(_sent(request, raw), got, raw, "" if got else "no answer", step)
            waited = seconds >= self.target.configuration.limits.timeout_s * NEARLY
            self.target.silent.after(Exchange(step, got), hung=got is None and waited)
            self.target.client.heed(got is not None)
        except JoinedUpError as error:
            self.fault = error


def _sent(request: requests.PreparedRequest, raw: str) -> Iterator[Any]:
    step = step_from_wire(
        str(request.method),
        raw,
        "",
        {n: _text(v) for n, v in request.headers.items()},
        _bytes(request.body),
        operation="",
        identity=None,
    )
    yield from (httpx.URL(raw.partition("?")[0]).path.split("/") if raw.startswith("/") else ())
    yield from (value for _, value in step.query)
    yield from step.headers.values()
    if step.body is not MISSING:
        yield step.body.text if isinstance(step.body, Text) else step.body


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes | None:
    return (
        body.encode("utf-8", "surrogatepass")
        if isinstance(body, str)
        else body
        if isinstance(body, bytes)
        else None
    )


class _Session(ManagedCookiesSession):
    """A session that goes through the gate."""

    gate: Gate

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: a redirect is an answer; requests would read its body without a bound."""
        return None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        self.gate.before(request)
        started = time.monotonic()
        try:
            with expiring(self.gate.target.configuration.limits.timeout_s) as expiry:
                response = super().send(request, **{**kwargs, "stream": True, "allow_redirects": False})
                self.gate.read(response, expiry)
        except requests.RequestException:
            self.gate.note(request, None, time.monotonic() - started)
            raise
        except Exception as error:
            # urllib3 and the decoders have errors of their own while a body is read.
            self.gate.note(request, None, time.monotonic() - started)
            raise requests.ConnectionError(type(error).__name__, request=request) from None
        self.gate.note(request, response, time.monotonic() - started)
        return response


@contextlib.contextmanager
def sessions(gate: Gate) -> Iterator[None]:
    """Make the engine use our session; it has no setting for one (held by a contract test)."""
    original = engine_context.make_session
    opened: list[_Session] = []

    def make(config: Any, *, operation: Any = None) -> requests.Session:
        session = _Session()
        session.gate = gate
        session.headers = {}  # type: ignore[assignment]
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, BoundedAdapter(gate.target.trust))
        opened.append(session)
        return session

    engine_context.make_session = make
    try:
        yield
    finally:
        engine_context.make_session = original
        for session in opened:
            session.close()
