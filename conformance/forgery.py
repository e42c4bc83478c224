"""
Credentials with one thing wrong, made from a caller's own.

A forgery is known by what it is "with": the caller ``own with a changed signature`` is ``own``, whose credential gets
another signature each time it is sent. So no forged credential stands in the record, and a replay makes a new one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from joinedup.conformance.identities import Identity

WITH = " with "
DAY_S = 86_400
_HASHES: Mapping[str, str] = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
# Where several headers are added, the one whose name speaks of the credential holds it.
_SPEAKING = ("authorization", "token", "key", "auth", "signature", "cookie")

# Secrets that manuals, tutorials, templates and standards print, and that people choose.
WEAK_KEYS: tuple[str, ...] = (
    *(
        "",
        "secret",
        "Secret",
        "SECRET",
        "password",
        "Password1",
        "changeme",
        "change-me",
        "changeit",
        "change_me",
    ),
    *(
        "key",
        "mykey",
        "my-key",
        "secretkey",
        "secret-key",
        "secret_key",
        "mysecret",
        "my-secret",
        "my_secret",
    ),
    *(
        "my-secret-key",
        "mysecretkey",
        "my_secret_key",
        "supersecret",
        "super-secret",
        "super_secret",
        "topsecret",
    ),
    *(
        "supersecretkey",
        "super-secret-key",
        "your-secret",
        "your-secret-key",
        "your_secret_key",
        "yoursecretkey",
    ),
    *("your-256-bit-secret", "your-384-bit-secret", "your-512-bit-secret", "jwt", "jwtsecret", "jwt-secret"),
    *(
        "jwt_secret",
        "jwt_secret_key",
        "jwt-secret-key",
        "JWT_SECRET",
        "JWT_SECRET_KEY",
        "SECRET_KEY",
        "token",
    ),
    *("tokensecret", "token-secret", "private", "privatekey", "private_key", "shhhhh", "shhhhhhared-secret"),
    *(
        "test",
        "testing",
        "test123",
        "testsecret",
        "test-secret",
        "test_secret",
        "dev",
        "development",
        "devsecret",
    ),
    *(
        "dev-secret",
        "default",
        "example",
        "example_key",
        "admin",
        "admin123",
        "root",
        "user",
        "guest",
        "demo",
    ),
    *(
        "123456",
        "12345678",
        "123456789",
        "1234567890",
        "0123456789",
        "qwerty",
        "letmein",
        "welcome",
        "passw0rd",
    ),
    *("pass", "pass123", "abc123", "foobar", "foo", "bar", "hello", "none", "null", "undefined", "random"),
    *(
        "s3cr3t",
        "s3cret",
        "thisisasecret",
        "this-is-a-secret",
        "this is a secret",
        "a-string-secret-at-least-256-bits-long",
    ),
    *(
        "secretsecretsecretsecretsecretsecret",
        "notasecret",
        "not-a-secret",
        "keyboard cat",
        "api",
        "apikey",
        "signature",
    ),
    *(
        "gateway",
        "identity",
        "oauth",
        "oauth2",
        "mesh",
        "nhs",
        "council",
        "social-care",
        "joinedup",
        "Banana",
    ),
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
)
"""Tried as text; the last one is the key that the FastAPI tutorial prints."""
# RFC 7515, appendix A.1.1, and RFC 7520, section 3.5: keys that stand in the standards themselves.
PUBLISHED_KEYS = (
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
)


@dataclass(frozen=True)
class Credential:
    """
    A credential as it stands in a request.

    Args:
        place: ``header`` or ``query``.
        name: of the header or query parameter.
        scheme: the word before it (``Bearer``), or nothing.
        value: the credential itself.
    """

    place: str
    name: str
    scheme: str
    value: str

    @property
    def text(self) -> str:
        """Scheme and value, as sent."""
        return f"{self.scheme} {self.value}" if self.scheme else self.value


@dataclass(frozen=True)
class Token:
    """A JSON Web Token taken apart (RFC 7519), without its signature being checked."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signature: bytes
    signed: str

    @property
    def algorithm(self) -> str:
        """What it says that it is signed with."""
        return str(self.header.get("alg", ""))

    @property
    def symmetric(self) -> bool:
        """Whether whoever may check its signature could also have made it."""
        return self.algorithm in _HASHES


def token_of(text: str) -> Token | None:
    """The parts of a signed token, or None where the text is none (opaque, or encrypted)."""
    parts = text.split(".")
    if len(parts) != 3:
        return None
    try:
        header, claims = (json.loads(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict) or "alg" not in header:
        return None
    return Token(header, claims, signature, f"{parts[0]}.{parts[1]}")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64url") from error


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _joined(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    return ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))


def _mac(signed: str, key: bytes, algorithm: str) -> bytes:
    return hmac.new(key, signed.encode(), getattr(hashlib, _HASHES[algorithm])).digest()


# --- weak keys


def weak_key(token: Token) -> bytes | None:
    """The key that a token is signed with, where it is on a short list; found without asking anybody."""
    if not token.symmetric:
        return None
    candidates = [key.encode() for key in WEAK_KEYS]
    candidates += [_decoded(key) for key in PUBLISHED_KEYS]
    candidates += [base64.b64encode(key) for key in candidates if key]
    return next(
        (
            k
            for k in candidates
            if hmac.compare_digest(_mac(token.signed, k, token.algorithm), token.signature)
        ),
        None,
    )


# --- where the credential stands


def credential_of(identity: Identity) -> Credential | None:
    """The credential that an identity puts into a request, or None where it puts none."""
    bare = httpx.Request("GET", "http://joinedup.example/")
    return _added(bare, identity.authorise(httpx.Request("GET", "http://joinedup.example/")))


def _added(before: httpx.Request, after: httpx.Request) -> Credential | None:
    """What one request has that another has not."""
    added = {n: v for n, v in after.headers.items() if before.headers.get(n) != v}
    if added:
        name = min(added, key=lambda n: next((i for i, w in enumerate(_SPEAKING) if w in n), len(_SPEAKING)))
        scheme, space, value = added[name].partition(" ")
        return Credential("header", name, scheme if space else "", value if space else scheme)
    query = [(n, v) for n, v in after.url.params.items() if n not in before.url.params]
    return Credential("query", query[0][0], "", query[0][1]) if query else None


# --- forgeries

Forge = Callable[[Credential], str | None]
"""Gives the wrong credential, or None where it cannot be made from one of this kind."""


def _of_token(change: Callable[[Token], str | None]) -> Forge:
    def forge(credential: Credential) -> str | None:
        token = token_of(credential.value)
        return None if token is None else change(token)

    return forge


def _malformed(credential: Credential) -> str:
    return "joinedup.is.no.credential" if credential.scheme else "joinedup-is-no-credential"


def _changed_signature(token: Token) -> str:
    middle = len(token.signature) // 2
    changed = bytearray(token.signature or b"\0")
    changed[middle] ^= 0x55
    return f"{token.signed}.{_encoded(bytes(changed))}"


def _changed_claims(token: Token) -> str:
    ends = token.claims.get("exp")
    later = ends + DAY_S if isinstance(ends, int | float) else int(time.time()) + DAY_S
    return f"{_joined(token.header, {**token.claims, 'exp': later})}.{_encoded(token.signature)}"


def _unsigned(name: str) -> Callable[[Token], str]:
    return lambda token: _joined({**token.header, "alg": name}, token.claims) + "."


def _empty_key(token: Token) -> str:
    signed = _joined({**token.header, "alg": "HS256"}, token.claims)
    return f"{signed}.{_encoded(_mac(signed, b'', 'HS256'))}"


@cache
def _own_key(kind: str) -> Any:
    if kind == "RSA":
        return RSAKey.generate_key(2048)
    return OKPKey.generate_key("Ed25519") if kind == "OKP" else ECKey.generate_key(kind)


_KINDS = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "OKP"}


def _another_key(token: Token) -> str | None:
    """Signed by the same algorithm with a key of ours, which the header names as the one to check with."""
    if token.symmetric:
        signed = _joined(token.header, token.claims)
        return f"{signed}.{_encoded(_mac(signed, b'joinedup-does-not-know-the-key', token.algorithm))}"
    if token.algorithm[:2] not in ("RS", "PS", "ES", "Ed"):
        return None
    key = _own_key(_KINDS.get(token.algorithm, "RSA"))
    header = {**token.header, "jwk": key.as_dict(private=False)}
    return str(jwt.encode(header, token.claims, key, algorithms=[token.algorithm]))


def _wrong_claims(change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[[Token], str | None]:
    """Properly signed with a key that was found, and one thing wrong in what it says."""

    def forge(token: Token) -> str | None:
        key = weak_key(token)
        if key is None:
            return None
        signed = _joined(token.header, {**token.claims, **change(token.claims)})
        return f"{signed}.{_encoded(_mac(signed, key, token.algorithm))}"

    return forge


def _expired(_claims: Mapping[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    return {"iat": now - 2 * DAY_S, "nbf": now - 2 * DAY_S, "exp": now - DAY_S}


def _not_yet(_claims: Mapping[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    return {"nbf": now + DAY_S, "exp": now + 2 * DAY_S}


def _changed_character(credential: Credential) -> str | None:
    """The last part of an opaque credential with the character in its middle changed: never padding, never case only."""
    if token_of(credential.value) is not None or not credential.value or credential.scheme.lower() == "basic":
        return None
    start = max(credential.value.rfind(mark) for mark in ".:") + 1
    place = start + (len(credential.value) - start) // 2
    if place >= len(credential.value):
        return None
    other = "7" if credential.value[place] != "7" else "3"
    return credential.value[:place] + other + credential.value[place + 1 :]


def _truncated(credential: Credential) -> str | None:
    if credential.scheme.lower() == "basic" or token_of(credential.value) or len(credential.value) < 8:
        return None
    return credential.value[: len(credential.value) // 2]


def _wrong_password(change: Callable[[str], str]) -> Forge:
    def forge(credential: Credential) -> str | None:
        if credential.scheme.lower() != "basic":
            return None
        user, _, password = base64.b64decode(credential.value).decode().partition(":")
        return base64.b64encode(f"{user}:{change(password)}".encode()).decode()

    return forge


SHORT_OF_A_KEY: Mapping[str, Forge] = {
    "a malformed credential": _malformed,
    "a changed signature": _of_token(_changed_signature),
    "changed claims under the old signature": _of_token(_changed_claims),
    "a token that says it is unsigned": _of_token(_unsigned("none")),
    "a token that says it is unsigned, in capitals": _of_token(_unsigned("NONE")),
    "a token signed with an empty key": _of_token(_empty_key),
    "a token signed with another key": _of_token(_another_key),
    "one character changed": _changed_character,
    "half of the credential": _truncated,
    "a wrong password": _wrong_password(lambda password: password + "x"),
    "half of the password": _wrong_password(lambda password: password[: len(password) // 2]),
    "an empty password": _wrong_password(lambda _password: ""),
}
"""What anybody can make, by what the caller is with; each gives None where the credential is of another kind."""

PROPERLY_SIGNED: Mapping[str, Forge] = {
    "an expired token": _of_token(_wrong_claims(_expired)),
    "a token that is not valid yet": _of_token(_wrong_claims(_not_yet)),
    "a token for another audience": _of_token(
        _wrong_claims(lambda _: {"aud": "https://another-service.example"})
    ),
    "a token of another issuer": _of_token(
        _wrong_claims(lambda _: {"iss": "https://another-issuer.example"})
    ),
}
"""What only the holder of the signing key can make."""

GUESSED = "a token made with a guessed key"
FORGERIES: Mapping[str, Forge] = {
    **SHORT_OF_A_KEY,
    **PROPERLY_SIGNED,
    GUESSED: _of_token(_wrong_claims(lambda _: {"jti": str(uuid.uuid4())})),
}


class Forged(httpx.Auth):
    """
    A caller's credential with one thing wrong.

    Args:
        identity: whose credential it is made from.
        forge: makes the wrong one.
    """

    def __init__(self, identity: Identity, forge: Forge) -> None:
        self._identity, self._forge = identity, forge

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the wrong credential where the right one would stand."""
        before = httpx.Request(request.method, request.url, headers=request.headers)
        prepared = self._identity.authorise(request)
        found = _added(before, prepared)
        if found is not None:
            # Never the true one: a credential that can no longer be forged so is replaced by one that is malformed.
            _place(prepared, replace(found, value=self._forge(found) or _malformed(found)))
        yield prepared


def _place(request: httpx.Request, credential: Credential) -> None:
    if credential.place == "header":
        request.headers[credential.name] = credential.text
    else:
        request.url = request.url.copy_set_param(credential.name, credential.value)


def forged(identity: Identity, forgery: str) -> Identity | None:
    """The caller with a forgery of its credential, or None where there is no such forgery or it cannot be made."""
    forge, credential = FORGERIES.get(forgery), credential_of(identity)
    if forge is None or credential is None or forge(credential) is None:
        return None
    return Identity(
        f"{identity.name}{WITH}{forgery}", identity.organisation, identity.flow, Forged(identity, forge)
    )
