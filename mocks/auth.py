"""
The token server: OAuth 2.0 client credentials (RFC 6749), signed assertions (RFC 7523), revocation (RFC 7009).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import unquote_plus

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


def _client(call: AuthCall) -> Client:
    """
    The client, by HTTP Basic, by secret in the form or by signed assertion, in this order.

    Raises:
        Refusal: 401 invalid_client, 400 where an assertion is of an unknown kind.
    """
    header = call.headers.get("authorization", "")
    if header:
        return _known(call.state, *_basic(header))
    if "client_assertion" in call.body:
        return _asserted(call)
    return _known(call.state, call.body.get("client_id", ""), call.body.get("client_secret", ""))


def _known(tokens: Tokens, client_id: str, secret: str) -> Client:
    client = tokens.known_client(client_id, secret)
    if client is None:
        raise _invalid_client()
    return client


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


REFUSALS: Mapping[str, Refuse] = {"issueToken": oauth_error, "revokeToken": oauth_error}


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
            "getConfiguration": get_configuration,
            "getKeys": get_keys,
        },
        fresh=fresh,
        refuse=REFUSALS,
    )
