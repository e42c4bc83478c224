"""
Identities: who calls a system, and how the credential gets into a request.

Every identity is an ``httpx.Auth``, ours or the user's own (``flow = "python:module.Class"``), and every request goes
through the same one, whichever library sends it.
"""

from __future__ import annotations

import base64
import importlib
import json
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx
from joserfc import jwk, jwt

from joinedup.conformance.configuration import is_secret_key, resolve_secret
from joinedup.conformance.errors import ConfigurationError, JoinedUpError, SetupError
from joinedup.conformance.fetch import LARGEST_TOKEN_ANSWER, TooLargeError, fetch
from joinedup.conformance.redaction import scalars

# A token is renewed this long before it ends, so that none ends between being chosen and being read.
RENEW_BEFORE_S = 20
ASSERTION_LIFE_S = 60
MOST_OWN_REQUESTS = 10
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class StaticHeader(httpx.Auth):
    """A credential that stands in one header and never changes."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the header in place."""
        request.headers[self.name] = self.value
        yield request


class StaticQuery(httpx.Auth):
    """An API key that the contract wants in the query."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the key to the query."""
        request.url = request.url.copy_merge_params({self.name: self.value})
        yield request


class NoCredential(httpx.Auth):
    """A caller that sends no credential."""


@dataclass(frozen=True)
class Way:
    """How a token server is reached: seconds for its whole answer, and whom to believe who it is."""

    timeout_s: float = 10
    trust: ssl.SSLContext | None = None


@dataclass(frozen=True)
class Grant:
    """A token, its life in seconds, and the scopes that the token server names with it."""

    token: str
    life_s: float
    scope: str = ""


class TokenServer(httpx.Auth):
    """
    OAuth 2.0 client credentials: a bearer token, fetched when needed and renewed before it ends (RFC 6749, 4.4).

    Args:
        fetch: asks the token server; gives what it granted. Raises ``SetupError``.
    """

    def __init__(self, fetch: Callable[[], Grant]) -> None:
        self._fetch = fetch
        self._token = ""
        self._scope = ""
        self._ends = 0.0
        self._lock = threading.Lock()

    @property
    def issued(self) -> bool:
        """Whether the token server has given a token."""
        return self._ends > 0

    @property
    def token(self) -> str:
        """A token that is good for at least a few seconds."""
        with self._lock:
            if not self._token or time.monotonic() >= self._ends:
                grant = self._fetch()
                self._token, self._scope = grant.token, grant.scope
                self._ends = time.monotonic() + max(grant.life_s - RENEW_BEFORE_S, grant.life_s / 2)
            return self._token

    @property
    def scope(self) -> str:
        """The scopes that the token server said it granted; empty where it said nothing (RFC 6749, 5.1)."""
        return self._scope if self.token else ""

    def renew(self) -> None:
        """Forget the token, so that the next request fetches another."""
        with self._lock:
            self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the token as a bearer token (RFC 6750)."""
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request


@dataclass(frozen=True)
class Identity:
    """
    A caller.

    Args:
        name: its name in the configuration (``own``, ``other``).
        organisation: the organisation it calls for, as its owner names it.
        flow: how it proves itself.
        auth: puts the credential into a request.
        trust: whom to believe who a token server is; the usual authorities where it is not given.
    """

    name: str
    organisation: str
    flow: str
    auth: httpx.Auth
    trust: ssl.SSLContext | None = None

    def authorise(self, request: httpx.Request) -> httpx.Request:
        """
        The request with the credential in it.

        A scheme that needs requests of its own first (a custom ``httpx.Auth``) gets them sent.
        """
        flow = self.auth.sync_auth_flow(request)
        try:
            prepared = next(flow)
            for _ in range(MOST_OWN_REQUESTS):
                if not _is_another(prepared, request):
                    return prepared
                prepared = flow.send(self._asked(prepared))
        except StopIteration:
            return request
        except JoinedUpError:
            raise
        except Exception as error:
            # What a class of the user's own says may hold its secrets: only the kind of the error is told.
            raise SetupError(
                f"The identity {self.name} (flow {self.flow}) could not put its credential in: {type(error).__name__}.",
                hint="Check the class and what it asks for its credential.",
                fault="credential-failed",
            ) from None
        finally:
            flow.close()
        raise SetupError(
            f"The identity {self.name} (flow {self.flow}) asked {MOST_OWN_REQUESTS} times without getting a credential.",
            hint="Its auth_flow must come to the request that it was given.",
            fault="credential-failed",
        )

    def _asked(self, request: httpx.Request) -> httpx.Response:
        with httpx.Client(timeout=10, verify=self.trust or True, trust_env=False) as client:
            return client.send(request)

    def renew(self) -> bool:
        """Make the next request use a fresh credential; False where this kind cannot be renewed."""
        renew = getattr(self.auth, "renew", None)
        if renew is None:
            return False
        renew()
        return True


def _is_another(prepared: httpx.Request, request: httpx.Request) -> bool:
    """Whether a scheme wants a request of its own sent first; the request itself may come back as a copy."""
    one, other = (r.url.copy_with(query=None) for r in (prepared, request))
    return prepared is not request and (prepared.method, one) != (request.method, other)


def build_identity(
    name: str,
    keys: Mapping[str, Any],
    *,
    folder: Path,
    where: str,
    contract_key: tuple[str, str] = ("header", "X-API-Key"),
    timeout_s: float = 10,
    trust: ssl.SSLContext | None = None,
) -> Identity:
    """
    The identity that a configuration table describes.

    Args:
        contract_key: where the contract wants an API key: (``header`` or ``query``, name).
        timeout_s: for the whole answer of a token server.
        trust: whom to believe who a token server is; the usual authorities where it is not given.

    Raises:
        SetupError: a secret cannot be resolved.
        ConfigurationError: a ``python:`` class cannot be imported or built.
    """
    flow = str(keys["flow"])
    values = {key: _resolved(key, value, folder, where) for key, value in keys.items()}
    organisation = str(values.get("organisation", ""))
    if flow.startswith("python:"):
        return Identity(name, organisation, flow, _custom(flow, values, folder, where), trust)
    built = _BUILDERS[flow](values, contract_key, Way(timeout_s, trust), where)
    return Identity(name, organisation, flow, built, trust)


def secrets_of(keys: Mapping[str, Any], folder: Path, where: str) -> list[str]:
    """The secret values of an identity, so that they can be kept out of every output."""
    return list(_secrets(keys, folder, where))


def _secrets(keys: Mapping[str, Any], folder: Path, where: str) -> Iterator[str]:
    for key, value in keys.items():
        if isinstance(value, dict) and key != "fixtures":
            yield from _secrets(value, folder, f"{where}.{key}")
        elif isinstance(value, str) and (is_secret_key(key) or value.startswith(("env:", "file:"))):
            yield _resolved(key, value, folder, where)


def _resolved(key: str, value: Any, folder: Path, where: str) -> Any:
    if isinstance(value, dict):
        return {inner: _resolved(inner, item, folder, f"{where}.{key}") for inner, item in value.items()}
    if isinstance(value, str) and key != "flow":
        return resolve_secret(value, folder, where=f"{where}.{key}")
    return value


def _custom(flow: str, values: Mapping[str, Any], folder: Path, where: str) -> httpx.Auth:
    module_name, _, class_name = flow.removeprefix("python:").rpartition(".")
    keywords = {key: value for key, value in values.items() if key not in ("flow", "organisation")}
    sys.path.insert(0, str(folder))
    try:
        built = getattr(importlib.import_module(module_name), class_name)(**keywords)
    except Exception as error:
        said = _without(values, str(error))
        raise ConfigurationError(
            f"{where}.flow is `{flow}`, which could not be imported and built: {type(error).__name__}: {said}.",
            hint=f"It must be an httpx.Auth that takes {', '.join(keywords) or 'no keywords'}, importable from the configuration's folder.",
        ) from None
    finally:
        sys.path.remove(str(folder))
    if not isinstance(built, httpx.Auth):
        raise ConfigurationError(
            f"{where}.flow is `{flow}`, which is no httpx.Auth.", hint="Derive it from httpx.Auth."
        )
    return built


def _without(values: Mapping[str, Any], text: str) -> str:
    """A text of somebody else's code in one line, without the value of any key."""
    for value in scalars(values):
        text = text.replace(value, "‹value›") if len(value) > 1 else text
    return " ".join(text.split()).rstrip(".")


def _bearer(values: Mapping[str, Any], _key: tuple[str, str], _way: Way, _where: str) -> httpx.Auth:
    return StaticHeader("Authorization", f"Bearer {values['token']}")


def _basic(values: Mapping[str, Any], _key: tuple[str, str], _way: Way, _where: str) -> httpx.Auth:
    pair = f"{values['username']}:{values['password']}".encode()
    return StaticHeader("Authorization", "Basic " + base64.b64encode(pair).decode())


def _api_key(values: Mapping[str, Any], key: tuple[str, str], _way: Way, _where: str) -> httpx.Auth:
    place, name = key
    name = str(values.get("header", name))
    return (
        StaticQuery(name, values["api_key"])
        if place == "query" and "header" not in values
        else StaticHeader(name, values["api_key"])
    )


def _no_credential(_values: Mapping[str, Any], _key: tuple[str, str], _way: Way, _where: str) -> httpx.Auth:
    return NoCredential()


def _client_credentials(values: Mapping[str, Any], _key: tuple[str, str], way: Way, where: str) -> httpx.Auth:
    form = {"grant_type": "client_credentials", **_scope(values)}
    pair = (values["client_id"], values["client_secret"])
    if values.get("client_auth") == "post":
        form |= {"client_id": pair[0], "client_secret": pair[1]}
        return TokenServer(lambda: _ask(values["token_url"], form, None, way, where))
    # RFC 6749, 2.3.1 wants both form-encoded before they are joined. Many servers do not decode them, so that what is
    # refused is sent as it is; where encoding changes nothing there is one way only.
    ways = list(dict.fromkeys([(quote_plus(pair[0]), quote_plus(pair[1])), pair]))
    return TokenServer(
        lambda: _first_accepted(ways, lambda sent: _ask(values["token_url"], form, sent, way, where))
    )


def _first_accepted(ways: list[tuple[str, str]], ask: Callable[[tuple[str, str]], Grant]) -> Grant:
    """What is granted to the first way of writing a client's name and secret that is taken, which is then kept to."""
    for pair in ways[:-1]:
        try:
            grant = ask(pair)
        except SetupError as error:
            if error.fault != "token-refused":
                raise
        else:
            ways[:] = [pair]
            return grant
    grant = ask(ways[-1])
    ways[:] = ways[-1:]
    return grant


def _private_key_jwt(values: Mapping[str, Any], _key: tuple[str, str], way: Way, where: str) -> httpx.Auth:
    algorithm = str(values.get("algorithm", "RS512"))

    def fetch() -> Grant:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": CLIENT_ASSERTION,
            **_scope(values),
        }
        form["client_assertion"] = _assertion(values, algorithm, where)
        return _ask(values["token_url"], form, None, way, where)

    return TokenServer(fetch)


def _assertion(values: Mapping[str, Any], algorithm: str, where: str) -> str:
    now = int(time.time())
    header = {"alg": algorithm, "typ": "JWT", **({"kid": values["key_id"]} if values.get("key_id") else {})}
    claims = {
        "iss": values["client_id"],
        "sub": values["client_id"],
        "aud": values.get("audience", values["token_url"]),
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + ASSERTION_LIFE_S,
    }
    try:
        kind = jwk.ECKey if algorithm.startswith("ES") else jwk.OKPKey if algorithm == "EdDSA" else jwk.RSAKey
        return jwt.encode(header, claims, kind.import_key(values["private_key"]), algorithms=[algorithm])
    except Exception as error:
        raise SetupError(
            f"{where}.private_key cannot sign with {algorithm}: {type(error).__name__}.",
            hint="Give a PEM private key that fits the algorithm.",
        ) from None


def _scope(values: Mapping[str, Any]) -> dict[str, str]:
    return {"scope": str(values["scope"])} if values.get("scope") else {}


def _ask(url: str, form: Mapping[str, str], pair: tuple[str, str] | None, way: Way, where: str) -> Grant:
    try:
        request = httpx.Request("POST", url, data=dict(form))
        if pair is not None:
            request = next(httpx.BasicAuth(*pair).sync_auth_flow(request))
        answer = fetch(request, timeout_s=way.timeout_s, trust=way.trust, most=LARGEST_TOKEN_ANSWER)
    except (httpx.HTTPError, httpx.InvalidURL, TooLargeError) as error:
        raise SetupError(
            f"{where}: the token server at {url} gave no answer ({type(error).__name__}).",
            hint=f"Check {where}.token_url and that the server runs.",
            fault="token-server-silent",
        ) from None
    if answer.status != 200:
        raise SetupError(
            f"{where}: the token server at {url} was expected to answer 200 and answered {answer.status}.",
            hint=f"Check client_id, the secret and the scope of {where}.",
            fault="token-refused",
        )
    try:
        return _granted(json.loads(answer.body))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SetupError(
            f"{where}: the token server at {url} answered 200 without an access_token.",
            hint=f"Check that {where}.token_url is the token endpoint.",
            fault="token-missing",
        ) from None


def _granted(body: Any) -> Grant:
    return Grant(
        str(body["access_token"]), float(body.get("expires_in") or 300), str(body.get("scope") or "")
    )


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any], tuple[str, str], Way, str], httpx.Auth]] = {
    "bearer": _bearer,
    "basic": _basic,
    "api-key": _api_key,
    "none": _no_credential,
    "client-credentials": _client_credentials,
    "private-key-jwt": _private_key_jwt,
}
