"""
Who may call: clients, the tokens issued to them, and what is checked of a token.

Three kinds of token, by style: a JWT signed with RS256, a JWT signed with HS256, or an opaque string.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from service.messages import Call, Refusal
from service.store import ORGANISATIONS
from service.styles import Style

ISSUER = "https://referrals.example"
AUDIENCE = "https://referrals.example/v1"
LIFETIME_S = 900
READ, WRITE, MANAGE = "referrals.read", "referrals.write", "referrals.manage"
GUESSES, GUESS_WINDOW_S = 20, 60

STRONG_SECRET = "4QnJm0z8XcVq2LrT7yWb5KfHsD9gPaUe1iRoN6tZ3hY"
WEAK_SECRET = "secret"


@dataclass(frozen=True)
class Client:
    """A registered client of the token endpoint."""

    client_id: str
    secret: str
    organisation: str
    scopes: tuple[str, ...]


CLIENTS = (
    Client("north-hub", "north-hub-test-secret", ORGANISATIONS[0], (READ, WRITE, MANAGE)),
    Client("south-hub", "south-hub-test-secret", ORGANISATIONS[1], (READ, WRITE)),
    Client("north-reader", "north-reader-test-secret", ORGANISATIONS[0], (READ,)),
)


@dataclass(frozen=True)
class Caller:
    """Whoever a valid token names."""

    client_id: str
    organisation: str
    scopes: frozenset[str]


@functools.cache
def _rsa_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "tests"})


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(value: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))


def _hs256(signed: str, secret: str) -> str:
    return _encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())


@dataclass
class Tokens:
    """Issues tokens and says whom they name; keeps what it issued where tokens are opaque."""

    style: Style
    defects: frozenset[str]
    _opaque: dict[str, dict[str, Any]] = field(default_factory=dict)
    _guesses: dict[str, list[float]] = field(default_factory=dict)

    @property
    def _secret(self) -> str:
        return WEAK_SECRET if "signing-secret-can-be-guessed" in self.defects else STRONG_SECRET

    def issue(self, client: Client, scopes: tuple[str, ...], **changes: object) -> str:
        """A token for a client; ``changes`` replace claims, so that a test can make one with one thing wrong."""
        return self._written({**self._fresh(client, scopes), **changes})

    def _fresh(self, client: Client, scopes: tuple[str, ...]) -> dict[str, Any]:
        """The claims of a token made now."""
        moment = int(time.time())
        return {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": client.client_id,
            "organisation": client.organisation,
            "scope": " ".join(scopes),
            "iat": moment,
            "nbf": moment,
            "exp": moment + LIFETIME_S,
        }

    def _written(self, claims: dict[str, Any]) -> str:
        if self.style.token == "rs256":
            return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": "tests"}, claims, _rsa_key())
        if self.style.token == "hs256":
            head = _encode(b'{"alg":"HS256","typ":"JWT"}') + "." + _encode(json.dumps(claims).encode())
            return f"{head}.{_hs256(head, self._secret)}"
        made = secrets.token_urlsafe(32)
        self._opaque[made] = claims
        return made

    def caller(self, call: Call) -> Caller:
        """Whom the request's token names; refuses with 401 where there is none or it is not valid now."""
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise unauthorised("An access token is needed.")
        claims = self._claims(token.strip())
        self._check(claims)
        scopes = frozenset(str(claims.get("scope", "")).split())
        return Caller(str(claims.get("sub")), str(claims.get("organisation")), scopes)

    def _claims(self, token: str) -> dict[str, Any]:
        if self.style.token == "opaque":
            claims = self._opaque.get(token)
        else:
            try:
                claims = self._verified(token)
            except (JoseError, ValueError, RecursionError):
                claims = None
        if not isinstance(claims, dict) and "any-token-is-good-enough" in self.defects:
            return self._fresh(CLIENTS[0], CLIENTS[0].scopes)
        if not isinstance(claims, dict):
            raise unauthorised("The access token is not valid.", code="invalid_token")
        return claims

    def _verified(self, token: str) -> dict[str, Any] | None:
        """The claims of a signed token; None, or a ValueError or JoseError, where the signature does not hold."""
        head, payload, signature = token.split(".")
        algorithm = _decode(head).get("alg") if isinstance(_decode(head), dict) else None
        if "unsigned-token-accepted" in self.defects and str(algorithm).lower() == "none":
            return dict(_decode(payload))
        if algorithm != self.style.token.upper():
            return None
        if "signature-not-checked" in self.defects:
            return dict(_decode(payload))
        if algorithm == "RS256":
            return jwt.decode(token, _rsa_key(), algorithms=["RS256"]).claims
        good = hmac.compare_digest(_hs256(f"{head}.{payload}", self._secret), signature)
        return dict(_decode(payload)) if good else None

    def _check(self, claims: dict[str, Any]) -> None:
        """Refuse a token that is not for us, or not for now."""
        moment, defects = time.time(), self.defects
        wrong = (
            claims.get("exp", 0) <= moment and "expired-token-accepted" not in defects,
            claims.get("nbf", moment + 1) > moment and "token-not-yet-valid-accepted" not in defects,
            claims.get("aud") != AUDIENCE and "token-for-another-service-accepted" not in defects,
            claims.get("iss") != ISSUER and "token-of-another-issuer-accepted" not in defects,
            claims.get("organisation") not in ORGANISATIONS,
        )
        if any(wrong):
            raise unauthorised("The access token is not valid.", code="invalid_token")

    def client(self, client_id: str, secret: str) -> Client | None:
        """The client with this id and secret, if there is one."""
        known = next((client for client in CLIENTS if client.client_id == client_id), None)
        good = known is not None and hmac.compare_digest(known.secret.encode(), secret.encode())
        return known if good else None

    def may_guess(self, client_id: str) -> bool:
        """Whether another wrong secret for this client id is heard, and count it."""
        moment = time.monotonic()
        recent = [at for at in self._guesses.get(client_id, []) if at > moment - GUESS_WINDOW_S]
        self._guesses[client_id] = [*recent, moment]
        return len(recent) < GUESSES or "token-guesses-never-limited" in self.defects

    def forget_guesses(self) -> None:
        """Let everyone guess again, as after a reset."""
        self._guesses.clear()


def unauthorised(detail: str, *, code: str = "") -> Refusal:
    """A refusal with the challenge of RFC 6750: with an error code only where a token was sent."""
    challenge = 'Bearer realm="referrals"' + (f', error="{code}"' if code else "")
    return Refusal(401, detail, headers={"WWW-Authenticate": challenge})
