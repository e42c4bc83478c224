"""
The token server: OAuth 2.0 client credentials (RFC 6749), signed assertions (RFC 7523), revocation (RFC 7009).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import quote_plus, unquote_plus

from joinedup.mocks.engine import Agency, Call, Refuse
from joinedup.mocks.messages import JSON, Answer, Refusal
from joinedup.mocks.tokens import ALGORITHM, LIFETIME_S, Client, InvalidTokenError, Tokens

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CHALLENGE = (("WWW-Authenticate", 'Basic realm="auth"'),)

AuthCall = Call[Tokens]


def issue_token(call: AuthCall) -> Answer:
    """A token for the client that shows who it is."""
    client = _client(call)
    scopes = _scopes(client, call.body.get("scope"))
    body = {
        "access_token": call.state.issue(client, scopes),
        "token_type": "Bearer",
        "expires_in": LIFETIME_S,
        "scope": " ".join(scopes),
    }
    return Answer(200, body)


def _scopes(client: Client, asked: str | None) -> tuple[str, ...]:
    """What is asked for and the client may have; all that it may have where nothing is asked for."""
    granted = client.scopes if asked is None else tuple(s for s in client.scopes if s in asked.split())
    if not granted:
        raise Refusal(400, "The client may have none of these scopes.", code="invalid_scope")
    return granted


def revoke_token(call: AuthCall) -> Answer:
    """The client's token is good for nothing from now on; others are left alone without a word about it."""
    call.state.revoke(call.body["token"], _client(call))
    return Answer(200)


def revoke_client_tokens(call: AuthCall) -> Answer:
    """No token of a client of the caller's organisation is good any more; others are left alone without a word."""
    caller, client = _client(call), call.state.clients.get(call.body["client"])
    ours = client is not None and client.organisation == caller.organisation
    if client is not None and ours and "tokens-outlive-agreement" not in call.faults:
        call.state.revoke_all(client.id)
    return Answer(200)


def _client(call: AuthCall) -> Client:
    """
    The client, by HTTP Basic, by secret in the form or by signed assertion, in this order.

    Raises:
        Refusal: 401 invalid_client, 429 after too many wrong secrets, 400 where an assertion is of an unknown kind.
    """
    header, body = call.headers.get("authorization", ""), call.body
    if header:
        return _known(call, *_basic(header))
    if "client_assertion" in body:
        return _asserted(call)
    return _known(call, body.get("client_id", ""), body.get("client_secret", ""))


def _known(call: AuthCall, client_id: str, secret: str) -> Client:
    tokens = call.state
    client = tokens.known_client(client_id, secret)
    if client is not None:
        tokens.guesses.forget(client_id)
        return client
    wait_s = tokens.guesses.wait_s(client_id, call.now.timestamp())
    if wait_s and "wrong-passwords-unlimited" not in call.faults:
        detail = "Too many wrong credentials were shown for this client; try again later."
        raise Refusal(429, detail, code="too_many_attempts", headers=(("Retry-After", str(wait_s)),))
    raise _invalid_client()


def _invalid_client() -> Refusal:
    detail = "The client is unknown or its credential is wrong."
    return Refusal(401, detail, code="invalid_client", headers=CHALLENGE)


def _basic(header: str) -> tuple[str, str]:
    scheme, _, value = header.partition(" ")
    try:
        client_id, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise _invalid_client() from None
    if scheme.lower() != "basic" or not colon:
        raise _invalid_client()
    # Both are form-encoded before they are joined (RFC 6749, 2.3.1).
    return unquote_plus(client_id), unquote_plus(secret)


def basic(client: Client) -> str:
    """The value of the header Authorization by which a client shows who it is."""
    pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _asserted(call: AuthCall) -> Client:
    if call.body.get("client_assertion_type") != ASSERTION:
        raise Refusal(400, "The client_assertion_type is not supported.")
    audiences = (call.address, f"{call.address}/oauth2/token", call.state.issuer)
    try:
        return call.state.asserted_client(call.body["client_assertion"], audiences)
    except InvalidTokenError:
        raise _invalid_client() from None


def get_configuration(call: AuthCall) -> Answer:
    """What a client needs to know (OpenID Connect Discovery 1.0, RFC 8414)."""
    body = {
        "issuer": call.state.issuer,
        "token_endpoint": f"{call.address}/oauth2/token",
        "revocation_endpoint": f"{call.address}/oauth2/revoke",
        "jwks_uri": f"{call.address}/jwks",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ],
        "token_endpoint_auth_signing_alg_values_supported": [ALGORITHM],
        "scopes_supported": sorted({scope for c in call.state.clients.values() for scope in c.scopes}),
    }
    return Answer(200, body)


def get_keys(call: AuthCall) -> Answer:
    """The public key that tokens are signed with."""
    return Answer(200, {"keys": [call.state.key.as_dict(private=False)]})


def oauth_error(refusal: Refusal, request_id: str) -> Answer:
    """A refusal as RFC 6749 (5.2) has it; there is no 422 in it."""
    status = 400 if refusal.status == 422 else refusal.status
    body = {"error": refusal.code or _error_name(refusal), "error_description": refusal.detail}
    return Answer(status, body, refusal.headers, JSON)


def _error_name(refusal: Refusal) -> str:
    if any(e.pointer == "/grant_type" and e.code == "enum" for e in refusal.errors):
        return "unsupported_grant_type"
    if any(e.pointer == "/scope" for e in refusal.errors):
        return "invalid_scope"
    return "invalid_request"


OAUTH = ("issueToken", "revokeToken", "revokeClientTokens")
REFUSALS: Mapping[str, Refuse] = dict.fromkeys(OAUTH, oauth_error)


def agency(tokens: Tokens) -> Agency[Tokens]:
    """The token server over those tokens; a reset forgets revocations, not clients."""

    def fresh(seed: int) -> Tokens:
        tokens.reset()
        return tokens

    return Agency(
        name="auth",
        behaviours={
            "issueToken": issue_token,
            "revokeToken": revoke_token,
            "revokeClientTokens": revoke_client_tokens,
            "getConfiguration": get_configuration,
            "getKeys": get_keys,
        },
        fresh=fresh,
        refuse=REFUSALS,
    )
