"""
Access tokens: clients, issue, verification and revocation.

Tokens are JWTs signed with ES256. A token that was verified once is remembered until it expires, because verifying
costs fifty times as much as all else; revocation forgets it at once.
"""

from __future__ import annotations

import hmac
import secrets
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OctKey
from joserfc.util import urlsafe_b64decode

from joinedup.mocks.clock import Clock
from joinedup.mocks.guesses import Guesses
from joinedup.mocks.organisations import area_of

ALGORITHM = "ES256"
GUESSABLE = "secret"  # of every list of guesses
LIFETIME_S = 600
REMEMBERED = 10_000


@dataclass(frozen=True)
class Caller:
    """
    Who calls, as the token says: nothing else in a request is believed about it.

    Args:
        area: council area that it works in; the organisation's own where none is given.
    """

    organisation: str
    client_id: str
    scopes: frozenset[str]
    area: str = ""

    def __post_init__(self) -> None:
        if not self.area:
            object.__setattr__(self, "area", area_of(self.organisation))


@dataclass(frozen=True)
class Client:
    """
    A registered client; it has a secret, or a public key that its assertions are verified with.

    Args:
        area: council area that its tokens are good for; the organisation's own where none is given.
    """

    id: str
    organisation: str
    scopes: tuple[str, ...]
    secret: str = field(default="", repr=False)
    key: ECKey | None = field(default=None, repr=False)
    area: str = ""


class InvalidTokenError(Exception):
    """Raised when a token or an assertion is not good now."""


@dataclass(frozen=True)
class _Verified:
    caller: Caller
    claims: dict[str, Any]


def audience_of(scope: str) -> str:
    """The system that a scope belongs to: ``social-care:children.read`` is one of ``social-care``."""
    return scope.partition(":")[0]


class Tokens:
    """
    The clients, the signing key, and which tokens are good.

    Args:
        guessable: whether tokens are signed with a secret that everybody knows (a fault).
    """

    def __init__(self, clock: Clock, clients: Iterable[Client] = (), *, guessable: bool = False) -> None:
        self.clock = clock
        self.clients = {client.id: client for client in clients}
        self.key = ECKey.generate_key("P-256", {"kid": "key-1", "use": "sig", "alg": ALGORITHM})
        self.sign_guessably(guessable)
        self.issuer = "https://auth.joinedup.example"
        self.guesses = Guesses()
        self._revoked: set[str] = set()
        # How often all tokens of a client were revoked; a token says how often that was when it was issued.
        self._revocations: dict[str, int] = {}
        self._used_assertions: dict[str, float] = {}

    def sign_guessably(self, guessable: bool) -> None:
        """Sign with a secret that everybody knows from now on, or with the key that nobody else has."""
        self._signing: tuple[str, ECKey | OctKey] = (
            ("HS256", _guessable_key()) if guessable else (ALGORITHM, self.key)
        )
        self._verified: dict[str, _Verified] = {}

    def snapshot(self) -> tuple[set[str], dict[str, float], dict[str, int]]:
        """Revocations and used assertions, to be put back."""
        return set(self._revoked), dict(self._used_assertions), dict(self._revocations)

    def restore(self, kept: tuple[set[str], dict[str, float], dict[str, int]]) -> None:
        """Put back what was kept."""
        self.reset()
        self._revoked.update(kept[0])
        self._used_assertions.update(kept[1])
        self._revocations.update(kept[2])

    def reset(self) -> None:
        """Forget revocations, used assertions and guesses; clients, key and tokens stay good."""
        self._revoked.clear()
        self._revocations.clear()
        self.guesses.reset()
        self._verified.clear()
        self._used_assertions.clear()

    def known_client(self, client_id: str, secret: str) -> Client | None:
        """The client with that id and secret; None where there is none."""
        client = self.clients.get(client_id)
        # Compared even where there is no such client, so that the time taken does not tell.
        expected = client.secret if client and client.secret else secrets.token_urlsafe(8)
        same = hmac.compare_digest(expected.encode(), secret.encode())
        return client if same else None

    def asserted_client(self, assertion: str, audiences: tuple[str, ...]) -> Client:
        """
        The client that a signed assertion shows (RFC 7523, 3). Each assertion is good once.

        Raises:
            InvalidTokenError: it is not.
        """
        try:
            key = self.clients[str(_unverified(assertion)["sub"])].key
            if key is None:
                raise InvalidTokenError("The client has no key.")
            claimed = jwt.decode(assertion, key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise InvalidTokenError("The assertion is not signed by a registered client.") from error
        now = self.clock.seconds()
        client = self.clients.get(str(claimed.get("sub")))
        aud = claimed.get("aud")
        named = set(aud if isinstance(aud, list) else [aud])
        right = client is not None and claimed.get("iss") == client.id and bool(named & set(audiences))
        identifier = claimed.get("jti")
        if client is None or not right or not _current(claimed, now) or not isinstance(identifier, str):
            raise InvalidTokenError("The assertion is for someone or something else, or not good now.")
        if self._used_assertions.get(identifier, 0) > now:
            raise InvalidTokenError("The assertion was used before.")
        if len(self._used_assertions) >= REMEMBERED:
            self._used_assertions = {kept: end for kept, end in self._used_assertions.items() if end > now}
        self._used_assertions[identifier] = float(claimed["exp"])
        return client

    def issue(
        self,
        client: Client,
        scopes: tuple[str, ...],
        *,
        lifetime_s: int = LIFETIME_S,
        audience: tuple[str, ...] = (),
    ) -> str:
        """A new token for a client, with those scopes; for the systems of the scopes, where none is named."""
        return self.sign(self.claims(client, scopes, lifetime_s=lifetime_s, audience=audience))

    def claims(
        self,
        client: Client,
        scopes: tuple[str, ...],
        *,
        lifetime_s: int = LIFETIME_S,
        audience: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """What such a token says."""
        now = int(self.clock.seconds())
        return {
            "iss": self.issuer,
            "sub": client.id,
            "aud": sorted(audience or {audience_of(scope) for scope in scopes}),
            "organisation": client.organisation,
            "area": client.area or area_of(client.organisation),
            "scope": " ".join(scopes),
            "iat": now,
            "nbf": now,
            "exp": now + lifetime_s,
            "jti": secrets.token_urlsafe(16),
            "revocations": self._revocations.get(client.id, 0),
        }

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with these claims, good or not."""
        algorithm, key = self._signing
        return jwt.encode({"alg": algorithm, "kid": "key-1", "typ": "at+jwt"}, claims, key)

    def verify(self, token: str, audience: str, lenient: frozenset[str] = frozenset()) -> Caller:
        """
        Who a token speaks for.

        Args:
            audience: the system that the token is shown to.
            lenient: faults that are on, some of which leave out a part of this.

        Raises:
            InvalidTokenError: the token is not good for that system now.
        """
        verified = self._verified.get(token) or self._verify_signature(token, lenient)
        claims = verified.claims
        if self._is_revoked(claims) and "revoked-token-accepted" not in lenient:
            raise InvalidTokenError("The token was revoked.")
        if audience not in claims["aud"] and "audience-ignored" not in lenient:
            raise InvalidTokenError("The token is for another system.")
        if not _current(claims, self.clock.seconds(), "expired-token-accepted" in lenient):
            raise InvalidTokenError("The token is not good now.")
        return verified.caller

    def _verify_signature(self, token: str, lenient: frozenset[str] = frozenset()) -> _Verified:
        try:
            claims = self._claims(token, lenient)
            scopes = frozenset(str(claims["scope"]).split())
            area = str(claims.get("area", ""))
            caller = Caller(str(claims["organisation"]), str(claims["sub"]), scopes, area)
            if claims["iss"] != self.issuer or not isinstance(claims["jti"], str):
                raise InvalidTokenError("The token is not one of ours.")
            counted = {"aud": tuple(claims["aud"]), "revocations": int(claims.get("revocations", 0))}
            verified = _Verified(caller, {**claims, **counted})
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise InvalidTokenError("The token is not one of ours.") from error
        if len(self._verified) >= REMEMBERED:
            self._verified.clear()
        self._verified[token] = verified
        return verified

    def _claims(self, token: str, lenient: frozenset[str]) -> dict[str, Any]:
        if "signature-ignored" in lenient:
            return _unverified(token)
        algorithm, key = self._signing
        return dict(jwt.decode(token, key, algorithms=[algorithm]).claims)

    def _is_revoked(self, claims: dict[str, Any]) -> bool:
        before = self._revocations.get(claims["sub"], 0) if self._revocations else 0
        return claims["jti"] in self._revoked or claims["revocations"] < before

    def revoke_all(self, client_id: str) -> None:
        """Make every token that a client has been issued good for nothing; it may ask for new ones."""
        self._revocations[client_id] = self._revocations.get(client_id, 0) + 1

    def revoke(self, token: str, client: Client) -> None:
        """Make a client's token good for nothing; unknown tokens and those of others are left alone."""
        try:
            verified = self._verified.get(token) or self._verify_signature(token)
        except InvalidTokenError:
            return
        if verified.caller.client_id == client.id:
            self._revoked.add(verified.claims["jti"])
            self._verified.pop(token, None)


def _guessable_key() -> OctKey:
    with warnings.catch_warnings():
        # The library rightly warns of what this fault is about.
        warnings.simplefilter("ignore", SecurityWarning)
        return OctKey.import_key(GUESSABLE)


def _unverified(token: str) -> dict[str, Any]:
    """The claims of a token as they stand. Raises ValueError, KeyError or TypeError where it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("A token has three parts.")
    return dict(msgspec.json.decode(urlsafe_b64decode(parts[1].encode())))


def _current(claims: dict[str, Any], now: float, ended_too: bool = False) -> bool:
    try:
        begun = float(claims.get("nbf", 0)) <= now + 1
        return begun and (ended_too or now < float(claims["exp"]))
    except (KeyError, TypeError, ValueError):
        return False
