"""
The service: from a request to an answer, and the thin Starlette application around it.

The clean service keeps every promise of its contract. ``create_app(style, defects)`` breaks promises one by one;
their names are in ``service.defects``.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import math
import re
import time
import urllib.parse
import uuid
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.contract import document
from service.defects import DEFECTS
from service.messages import Answer, Call, Crash, Refusal, encoded, refused
from service.operations import Operations, Parts, Route, routes
from service.store import ORGANISATIONS, seeded
from service.styles import CORRELATION_PATTERN, STYLES, Style
from service.tokens import CLIENTS, GUESS_WINDOW_S, LIFETIME_S, WRITE, Caller, Client, Tokens
from service.validation import matching

NOBODY = Caller("", ORGANISATIONS[0], frozenset())
TOKEN_PATH = "/oauth2/token"
# Long enough for two requests that are sent at the same time to meet on a busy machine.
LATE_S = 0.1


class Service:
    """
    One test service with a state of its own.

    Args:
        style: name of a style in ``service.styles.STYLES``.
        defects: names from ``service.defects.DEFECTS``; a name that is not there, or not for this style, is an error.
        quota: requests that one organisation may make in a minute; 0 for no limit, and then none is declared.

    Raises:
        ValueError: where a defect is unknown or cannot occur in this style.
    """

    def __init__(
        self, style: str = "cursor", defects: frozenset[str] = frozenset(), *, quota: int = 0
    ) -> None:
        possible = {defect.name for defect in DEFECTS if style in defect.styles}
        if defects - possible:
            raise ValueError(f"not a defect of the style {style}: {', '.join(sorted(defects - possible))}")
        self.style: Style = STYLES[style]
        self.defects = defects
        self.quota = quota
        self.tokens = Tokens(self.style, defects)
        self.operations = Operations(self.style, defects)
        self.routes = (*routes(self.style), Route("POST", TOKEN_PATH, "token"))
        self._calls: dict[str, list[float]] = {}
        self._under_way: list[str] = []

    @functools.cached_property
    def contract(self) -> dict[str, Any]:
        """The OpenAPI document, which no defect changes."""
        return document(self.style, quota=self.quota)

    def reset(self) -> None:
        """Forget everything but the tokens, as if the service had just started."""
        self.operations.store = seeded()
        self.tokens.forget_guesses()
        self._calls.clear()

    def token(self, client_id: str = "north-hub", **claims: object) -> str:
        """A token for a client with some claims replaced, signed as the service signs; for tests inside the process."""
        client = next(client for client in CLIENTS if client.client_id == client_id)
        return self.tokens.issue(client, client.scopes, **claims)

    def handle(self, call: Call) -> Answer:
        """The answer to a request, which is under way until ``sent`` is told that the answer is on its way."""
        key = self._key(call)
        again = bool(key) and key in self._under_way
        self._under_way.append(key)
        try:
            if again and self.answers_late:
                raise Crash
            answer = self._answer(call)
        except Refusal as refusal:
            answer = self._refused(refusal)
        except Crash:
            answer = refused(Refusal(500, "Something went wrong in the service."), self.style)
        return self._finished(call, answer)

    def sent(self, call: Call) -> None:
        """Take note that the answer to a request is on its way."""
        self._under_way.remove(self._key(call))

    @property
    def answers_late(self) -> bool:
        """Whether answers are kept back, so that requests sent at the same time meet."""
        return "repetition-while-under-way-crashes" in self.defects

    def _key(self, call: Call) -> str:
        return call.headers.get(self.style.replay_header.lower(), "") if call.method == "POST" else ""

    def _answer(self, call: Call) -> Answer:
        if call.path == "/openapi.json":
            return self._description(call)
        route, parts = self._routed(call)
        if route.operation == "token":
            return self._token(call)
        caller = self._caller(route, call)
        matching(call, self.style.correlation_header, CORRELATION_PATTERN, self.style)
        return self.operations.run(route, call, caller, parts)

    def _description(self, call: Call) -> Answer:
        if call.method not in ("GET", "HEAD"):
            raise Refusal(405, "The description can only be read.", headers={"Allow": "GET, HEAD"})
        return Answer(200, {"Content-Type": "application/json"}, encoded(self.contract))

    def _routed(self, call: Call) -> tuple[Route, Parts]:
        """The operation that a request is for, and the parts of its path; refuses with 404 or 405."""
        here = [
            (route, parts)
            for route in self.routes
            if (parts := _parts(route.template, call.path)) is not None
        ]
        if not here:
            raise Refusal(404, "There is nothing at this address.")
        method = "GET" if call.method == "HEAD" else call.method
        for route, parts in here:
            if route.method == method:
                return route, parts
            if route.operation == "list_practitioners" and "unlisted-method-answers-data" in self.defects:
                return route, parts
        raise Refusal(
            405, "This address does not know that method.", headers=self._allow([r for r, _ in here])
        )

    def _allow(self, here: list[Route]) -> dict[str, str]:
        methods = {route.method for route in here} | (
            {"HEAD"} if any(r.method == "GET" for r in here) else set()
        )
        if "allow-names-methods-that-are-refused" in self.defects:
            methods |= {"PUT", "DELETE", "PATCH"}
        return {} if "allow-missing" in self.defects else {"Allow": ", ".join(sorted(methods))}

    def _caller(self, route: Route, call: Call) -> Caller:
        """Who calls; refuses with 401 whoever has no valid token, with 403 whoever lacks the scope."""
        if not route.scope:
            return NOBODY
        if route.operation == "list_practitioners" and "practitioners-open-to-everyone" in self.defects:
            return NOBODY
        caller = self.tokens.caller(call)
        self._count(caller)
        if not self._permitted(route, caller):
            challenge = f'Bearer realm="referrals", error="insufficient_scope", scope="{route.scope}"'
            raise Refusal(
                403, f"This needs the scope {route.scope}.", headers={"WWW-Authenticate": challenge}
            )
        return self._named(call, caller)

    def _permitted(self, route: Route, caller: Caller) -> bool:
        needless = {
            "close_referral": "closing-needs-no-permission",
            "delete_referral": "deleting-needs-no-permission",
        }
        if needless.get(route.operation) in self.defects:
            return True
        if route.scope == WRITE and "reading-permission-is-enough-to-write" in self.defects:
            return True
        return route.scope in caller.scopes

    def _named(self, call: Call, caller: Caller) -> Caller:
        """The caller, whose organisation a header can change where a defect lets it."""
        named = call.headers.get("x-organisation-id", "")
        if named in ORGANISATIONS and "organisation-taken-from-a-header" in self.defects:
            return replace(caller, organisation=named)
        return caller

    def _count(self, caller: Caller) -> None:
        """Refuse with 429 an organisation that has used up its quota."""
        if not self.quota or "quota-not-enforced" in self.defects:
            return
        moment = time.monotonic()
        recent = [at for at in self._calls.get(caller.organisation, []) if at > moment - 60]
        if len(recent) >= self.quota:
            raise self._hasty(60 - (moment - recent[0]))
        self._calls[caller.organisation] = [*recent, moment]

    def _hasty(self, seconds: float) -> Refusal:
        detail = "Too many requests: wait for the time that Retry-After gives."
        if "haste-refused-without-a-time" in self.defects:
            return Refusal(429, detail)
        told = 1 if "haste-refused-beyond-its-time" in self.defects else max(1, math.ceil(seconds))
        return Refusal(429, detail, headers={"Retry-After": str(told)})

    # The token endpoint

    def _token(self, call: Call) -> Answer:
        """A token for a client that knows its secret (RFC 6749 section 4.4)."""
        form = _form(call)
        sent = call.headers.get(self.style.correlation_header.lower())
        if form is None or not (sent is None or re.fullmatch(CORRELATION_PATTERN, sent)):
            return self._no_token(400, "invalid_request")
        if form.get("grant_type") != "client_credentials":
            given = "unsupported_grant_type" if form.get("grant_type") else "invalid_request"
            return self._no_token(400, given)
        client_id, secret = _basic(call) or (form.get("client_id", ""), form.get("client_secret", ""))
        client = self.tokens.client(client_id, secret)
        return self._unknown(client_id) if client is None else self._issued(client, form.get("scope"))

    def _issued(self, client: Client, wanted: str | None) -> Answer:
        scopes = tuple(scope for scope in client.scopes if wanted is None or scope in wanted.split())
        issued = self.tokens.issue(client, scopes)
        body = {
            "access_token": issued,
            "token_type": "Bearer",
            "expires_in": LIFETIME_S,
            "scope": " ".join(scopes),
        }
        return Answer(200, {"Content-Type": "application/json"}, encoded(body))

    def _unknown(self, client_id: str) -> Answer:
        if not self.tokens.may_guess(client_id):
            return self._no_token(429, "slow_down", **self._hasty(GUESS_WINDOW_S).headers)
        known = any(client.client_id == client_id for client in CLIENTS)
        if not known and "unknown-client-told-apart" in self.defects:
            return self._no_token(400, "invalid_request")
        return self._no_token(401, "invalid_client", **{"WWW-Authenticate": 'Basic realm="clients"'})

    def _no_token(self, status: int, code: str, **headers: str) -> Answer:
        body = {"error": code, "error_description": "No token was issued: see RFC 6749 section 5.2."}
        return Answer(status, {"Content-Type": "application/json", **headers}, encoded(body))

    # What every answer has

    def _refused(self, refusal: Refusal) -> Answer:
        answer = refused(refusal, self.style)
        if "refusal-as-plain-text" in self.defects:
            return replace(answer, content=refusal.detail.encode()).having(
                Content_Type="text/plain; charset=utf-8"
            )
        if "refusal-states-another-status" in self.defects:
            return replace(answer, content=re.sub(rb'"status":\d+', b'"status":500', answer.content))
        return answer

    def _finished(self, call: Call, answer: Answer) -> Answer:
        answer = answer.having(Cache_Control=self._cache(call, answer), X_Content_Type_Options="nosniff")
        if "no-challenge-with-401" in self.defects and answer.status == 401:
            answer = answer.without("WWW-Authenticate")
        if "server-version-in-refusals" in self.defects and answer.status >= 400:
            answer = answer.having(Server="ReferralHub/2.3.1 Python/3.11.7")
        if "any-website-may-read-with-credentials" in self.defects:
            origin = call.headers.get("origin", "*")
            answer = answer.having(
                Access_Control_Allow_Origin=origin, Access_Control_Allow_Credentials="true"
            )
        if "correlation-not-echoed" in self.defects:
            return answer.having(**{self.style.correlation_header: str(uuid.uuid4())})
        return answer.having(**{self.style.correlation_header: self._correlation(call)})

    def _cache(self, call: Call, answer: Answer) -> str:
        defect = "refusals-may-be-kept" if answer.status >= 400 else "personal-answers-may-be-kept"
        if call.path in (TOKEN_PATH, "/v1/status"):
            return "no-store"
        return "public, max-age=3600" if defect in self.defects else "no-store"

    def _correlation(self, call: Call) -> str:
        sent = call.headers.get(self.style.correlation_header.lower(), "")
        return sent if re.fullmatch(CORRELATION_PATTERN, sent) else str(uuid.uuid4())


def _parts(template: str, path: str) -> Parts | None:
    """The parameters that a path gives a template, or None where it does not fit."""
    found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), path)
    return None if found is None else found.groupdict()


def _form(call: Call) -> dict[str, str] | None:
    """The fields of a form, or None where it is no form or names a field twice (RFC 6749 section 3.2)."""
    if call.media_type != "application/x-www-form-urlencoded":
        return None
    try:
        pairs = urllib.parse.parse_qsl(
            call.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except ValueError:
        return None
    fields = {name: value for name, value in pairs if value}
    return fields if len(fields) == len([value for _, value in pairs if value]) else None


def _basic(call: Call) -> tuple[str, str] | None:
    """Client id and secret from HTTP Basic, if they are there (RFC 6749 section 2.3.1)."""
    kind, _, value = call.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (urllib.parse.unquote_plus(client_id), urllib.parse.unquote_plus(secret)) if colon else None


def create_app(style: str = "cursor", defects: frozenset[str] = frozenset(), *, quota: int = 0) -> Starlette:
    """The service as an application; its state and its tokens are at ``app.state.service``."""
    service = Service(style, defects, quota=quota)

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        call = _call(request, await request.body())
        answer = service.handle(call)
        if service.answers_late and call.method == "POST":
            await asyncio.sleep(LATE_S)
        service.sent(call)
        await Response(answer.content, answer.status, answer.headers)(scope, receive, send)

    app = Starlette(routes=[StarletteRoute("/{anything:path}", _Endpoint(respond))])
    app.state.service = service
    return app


class _Endpoint:
    """An application that Starlette routes every method to."""

    def __init__(self, respond: ASGIApp) -> None:
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.respond(scope, receive, send)


def _call(request: Request, body: bytes) -> Call:
    query = tuple(urllib.parse.parse_qsl(request.url.query, keep_blank_values=True))
    return Call(request.method, request.scope["path"], query, dict(request.headers), body)
