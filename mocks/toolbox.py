"""
What a journey cannot compute: due days, signatures, tokens with one thing wrong, the same call many times.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from joinedup.mocks.calendar import (
    add_working_days,
    end_of_day,
    local_day,
    school,
)
from joinedup.mocks.deadlines import DEADLINES, due
from joinedup.mocks.messages import Answer, FieldError, Incoming, Refusal
from joinedup.mocks.sharing import moment
from joinedup.mocks.signatures import REPLAY_WINDOW_S, Key, signature
from joinedup.mocks.store import Record
from joinedup.mocks.tokens import ALGORITHM, LIFETIME_S, Client, Tokens

AT_ONCE = 20
CALL_TIMEOUT_S = 10.0


def refused(pointer: str, code: str, detail: str) -> Refusal:
    """A refusal of one property of a body that is as declared."""
    errors = (FieldError(pointer, code, detail[:200]),)
    return Refusal(422, "What was asked for cannot be computed.", errors=errors)


# Days


def working_days(body: Record) -> Answer:
    """The n-th working day after a day."""
    return _counted(lambda: add_working_days(_day(body["from"]), body["count"]))


def school_days(body: Record) -> Answer:
    """The n-th day of a school after a day."""
    return _counted(lambda: school(body["urn"]).add_school_days(_day(body["from"]), body["count"]))


def _counted(count: Callable[[], date]) -> Answer:
    try:
        day = count()
        return Answer(200, {"day": day.isoformat(), "endsAt": _stamp(end_of_day(day))})
    except (ValueError, OverflowError) as error:
        raise refused("/from", "range", str(error)) from None


def due_moment(body: Record) -> Answer:
    """When something is due by a named rule; of a rule in hours or school mornings the day is that of the moment."""
    start = moment(body["from"], "/from")
    try:
        end = due(body["rule"], start, school(body.get("urn")), amount=body.get("amount"))
    except (ValueError, OverflowError) as error:
        raise refused("/from", "range", str(error)) from None
    last = local_day(end - timedelta(microseconds=1))
    return Answer(200, {"day": last.isoformat(), "endsAt": _stamp(end)})


def deadlines() -> Answer:
    """The rules with their sources."""
    rows = [
        {
            "name": rule.name,
            "what": rule.what,
            "starts": rule.starts,
            "amount": rule.amount,
            "unit": rule.unit.value,
            "basis": rule.basis.value,
            "source": rule.source,
        }
        for rule in DEADLINES.values()
    ]
    return Answer(200, {"items": rows})


def _day(text: str) -> date:
    return date.fromisoformat(text) if len(text) == 10 else local_day(moment(text, "/from"))


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


# Signatures

_TIME_SHIFTS = {"stale": -(REPLAY_WINDOW_S + 60), "early": REPLAY_WINDOW_S + 60}


def signed(key: Key, body: bytes, now: float, delivery_id: str, attempt: int, defect: str) -> Record:
    """The values of the headers of a signed delivery, good or with one thing wrong."""
    at = int(now) + _TIME_SHIFTS.get(defect, 0)
    by = replace(key, secret=b"of somebody else") if defect == "wrong-key" else key
    value = signature(by, at, body)
    if defect == "wrong-signature":
        value = value[:-1] + ("0" if value[-1] != "0" else "1")
    return {
        "signature": "sha256=not-hexadecimal" if defect == "malformed" else value,
        "unixTime": str(at),
        "keyId": "unknown-key" if defect == "unknown-key" else key.id,
        "deliveryId": delivery_id,
        "attempt": str(attempt),
    }


# Tokens


def _shifted(seconds: int) -> Callable[[Record], Record]:
    def shift(claims: Record) -> Record:
        return {**claims, **{name: claims[name] + seconds for name in ("iat", "nbf", "exp")}}

    return shift


_CLAIMS: dict[str, Callable[[Record], Record]] = {
    "expired": _shifted(-7200),
    "not-yet-valid": _shifted(7200),
    "wrong-audience": lambda claims: {**claims, "aud": ["another-system"]},
    "wrong-issuer": lambda claims: {**claims, "iss": "https://elsewhere.joinedup.example"},
}


def token(
    tokens: Tokens,
    client: Client,
    scopes: tuple[str, ...],
    system: str,
    defect: str,
    lifetime_s: int = LIFETIME_S,
) -> str:
    """An access token for a system, good or with exactly one thing wrong."""
    claims = tokens.claims(client, scopes, lifetime_s=lifetime_s, audience=(system,))
    claims = _CLAIMS.get(defect, dict)(claims)
    if defect == "alg-none":
        return f"{_encoded({'alg': 'none', 'typ': 'at+jwt'})}.{_encoded(claims)}."
    if defect == "wrong-key":
        key = ECKey.generate_key("P-256")
        return jwt.encode({"alg": ALGORITHM, "kid": "key-1", "typ": "at+jwt"}, claims, key)
    made = tokens.sign(claims)
    if defect == "changed-claims":
        head, _, proof = made.split(".")
        return f"{head}.{_encoded({**claims, 'exp': claims['exp'] + 60})}.{proof}"
    return made


def _encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(part)).decode().rstrip("=")


# The same call many times


@dataclass(frozen=True)
class Repeated:
    """One answer of a call that was made many times; status 0 where there was none."""

    status: int
    body: bytes
    retry_after: str | None = None


Call = Callable[[httpx.Request], Repeated]


def over_http(client: httpx.Client) -> Call:
    """A call over HTTP."""

    def call(request: httpx.Request) -> Repeated:
        try:
            answer = client.send(request)
        except httpx.HTTPError:
            return Repeated(0, b"")
        return Repeated(answer.status_code, answer.content, answer.headers.get("retry-after"))

    return call


def in_process(answer: Callable[[Incoming], Answer], base_path: str = "") -> Call:
    """A call of an agency of this process."""

    def call(request: httpx.Request) -> Repeated:
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.url.path.removeprefix(base_path)
        found = answer(Incoming(request.method, path, request.url.query, headers, request.content))
        body = b"" if found.body is None else msgspec.json.encode(found.body)
        return Repeated(found.status, body, found.header("Retry-After"))

    return call


def repeat(body: Record, call: Call | None = None) -> Answer:
    """
    Make a call so many times.

    Args:
        call: how; over HTTP where none is given.
    """
    with httpx.Client(timeout=CALL_TIMEOUT_S, follow_redirects=False) as client:
        try:
            request = client.build_request(
                body["method"],
                body["url"],
                headers=[(header["name"], header["value"]) for header in body.get("headers", [])],
                content=body.get("body", "").encode() or None,
            )
        except (httpx.InvalidURL, ValueError):
            raise refused("/url", "form", "The address cannot be called.") from None
        requests = [request] * body["times"]
        make = call or over_http(client)
        if body.get("atOnce") and call is None:
            with ThreadPoolExecutor(min(AT_ONCE, len(requests))) as pool:
                return _told(list(pool.map(make, requests)))
        return _told([make(each) for each in requests])


def _told(answers: list[Repeated]) -> Answer:
    counts = sorted(Counter(answer.status for answer in answers).items())
    kinds = {(answer.status, _comparable(answer.body)) for answer in answers}
    waits: Iterable[str] = (answer.retry_after for answer in reversed(answers) if answer.retry_after)
    return Answer(
        200,
        {
            "statuses": [{"status": status, "count": count} for status, count in counts],
            "bodiesAlike": len(kinds) == len(counts),
            "lastRetryAfter": next(iter(waits), None),
        },
    )


def _comparable(body: bytes) -> bytes:
    """A body without what names the single request: the instance of problem details (RFC 9457, 3.1.5)."""
    try:
        found = msgspec.json.decode(body)
    except ValueError:
        return body
    if isinstance(found, dict):
        found.pop("instance", None)
    return msgspec.json.encode(found, order="sorted")
