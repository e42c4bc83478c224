"""The token server issues, refuses and revokes as the RFCs say."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from tour import stopped_cast

from joinedup.mocks.auth import ASSERTION
from joinedup.mocks.cast import Cast
from joinedup.mocks.messages import Answer, Incoming
from joinedup.mocks.tokens import LIFETIME_S

FORM = {"content-type": "application/x-www-form-urlencoded"}
GRANT = {"grant_type": "client_credentials"}
TOKEN_URL = "https://auth.joinedup.example/oauth2/token"
OWN = "council-e09000001"


@pytest.fixture
def cast() -> Cast:
    """A fresh token server."""
    return stopped_cast()


def post(cast: Cast, path: str, form: dict[str, str], **headers: str) -> Answer:
    """Send a form to the token server."""
    incoming = Incoming("POST", path, b"", {**FORM, **headers}, urlencode(form).encode())
    return cast.engines["auth"].answer(incoming)


def basic(client_id: str, secret: str) -> str:
    """The header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{quote(client_id)}:{quote(secret)}".encode()).decode()


def assertion(cast: Cast, key: ECKey | None = None, **claims: Any) -> dict[str, str]:
    """A form with a signed assertion, good but for the claims that are changed."""
    now = int(cast.clock.seconds())
    good = {"iss": "council-signed", "sub": "council-signed", "aud": TOKEN_URL, "exp": now + 60, "jti": "a"}
    signed = jwt.encode({"alg": "ES256"}, {**good, **claims}, key or cast.signing_key)
    return {**GRANT, "client_assertion_type": ASSERTION, "client_assertion": signed}


def secret_of(cast: Cast, client_id: str = OWN) -> str:
    """A client's secret."""
    return cast.tokens.clients[client_id].secret


def test_a_token_for_http_basic(cast: Cast) -> None:
    """A client with its secret in the header gets a token that social care takes."""
    answer = post(cast, "/oauth2/token", GRANT, authorization=basic(OWN, secret_of(cast)))
    assert answer.status == 200
    assert answer.body["token_type"] == "Bearer"
    assert answer.body["expires_in"] == LIFETIME_S
    assert cast.tokens.verify(answer.body["access_token"], "social-care").organisation == "E09000001"


def test_a_token_for_a_secret_in_the_form(cast: Cast) -> None:
    """A client with its secret in the form gets a token of its own organisation."""
    form = {**GRANT, "client_id": "council-e09000002", "client_secret": secret_of(cast, "council-e09000002")}
    token = post(cast, "/oauth2/token", form).body["access_token"]
    assert cast.tokens.verify(token, "social-care").organisation == "E09000002"


def test_a_token_for_a_signed_assertion(cast: Cast) -> None:
    """A client that signs an assertion gets a token without any secret."""
    token = post(cast, "/oauth2/token", assertion(cast)).body["access_token"]
    assert cast.tokens.verify(token, "social-care").client_id == "council-signed"


def test_an_assertion_is_good_once(cast: Cast) -> None:
    """The same assertion again is refused."""
    form = assertion(cast)
    assert [post(cast, "/oauth2/token", form).status for _ in range(2)] == [200, 401]


def test_used_assertions_are_forgotten_once_they_have_ended(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many clients show one, only those that could be shown again are kept, and these stay refused."""
    monkeypatch.setattr("joinedup.mocks.tokens.REMEMBERED", 3)
    now = int(cast.clock.seconds())
    forms = [assertion(cast, jti=str(n), exp=now + (30 if n else 3000)) for n in range(3)]
    for form in forms:
        assert post(cast, "/oauth2/token", form).status == 200
    cast.clock.advance(60)
    assert post(cast, "/oauth2/token", assertion(cast)).status == 200
    assert len(cast.tokens.snapshot()[1]) == 2
    assert post(cast, "/oauth2/token", forms[0]).status == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.example"},
        {"exp": 1},
        {"exp": "soon"},
        {"nbf": 9_999_999_999},
        {"iss": "someone-else"},
        {"sub": "nobody"},
        {"sub": OWN, "iss": OWN},
        {"jti": 1},
        {"aud": []},
    ],
    ids=str,
)
def test_a_wrong_assertion_is_refused(cast: Cast, claims: dict[str, Any]) -> None:
    """An assertion for something else, by someone else or of another time shows nothing."""
    answer = post(cast, "/oauth2/token", assertion(cast, **claims))
    assert (answer.status, answer.body["error"]) == (401, "invalid_client")


def test_an_assertion_of_another_key_is_refused(cast: Cast) -> None:
    """Only the registered key counts."""
    answer = post(cast, "/oauth2/token", assertion(cast, ECKey.generate_key("P-256")))
    assert answer.status == 401


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({**GRANT, "scope": "admin"}, 400, "invalid_scope"),
        ({**GRANT, "client_id": OWN, "client_secret": "wrong"}, 401, "invalid_client"),
        ({**GRANT, "client_id": "council-signed", "client_secret": "x"}, 401, "invalid_client"),
        ({**GRANT, "client_id": "nobody", "client_secret": "x"}, 401, "invalid_client"),
        (GRANT, 401, "invalid_client"),
        ({**GRANT, "client_assertion": "a.b.c"}, 400, "invalid_request"),
        ({**GRANT, "client_assertion": "a.b.c", "client_assertion_type": ASSERTION}, 401, "invalid_client"),
        ({**GRANT, "client_id": "a b"}, 400, "invalid_request"),
    ],
    ids=str,
)
def test_refusals_are_those_of_the_rfc(cast: Cast, form: dict[str, str], status: int, error: str) -> None:
    """Each refusal has the status and the name that RFC 6749 (5.2) gives it; a 401 has a challenge."""
    answer = post(cast, "/oauth2/token", form)
    assert (answer.status, answer.body["error"]) == (status, error)
    assert (answer.header("WWW-Authenticate") is not None) == (status == 401)


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !", "Basic b3du", "Bearer x", "Basic \xff", "Basic /////w=="]
)
def test_a_broken_header_is_an_unknown_client(cast: Cast, header: str) -> None:
    """A header that is not HTTP Basic is refused with 401 and is no failure."""
    assert post(cast, "/oauth2/token", GRANT, authorization=header).status == 401
    assert cast.breaches() == ()


def test_a_narrower_scope_gives_a_narrower_token(cast: Cast) -> None:
    """A client gets what it asks for and no more."""
    form = {**GRANT, "scope": "social-care:children.read"}
    answer = post(cast, "/oauth2/token", form, authorization=basic(OWN, secret_of(cast)))
    caller = cast.tokens.verify(answer.body["access_token"], "social-care")
    assert answer.body["scope"] == "social-care:children.read"
    assert caller.scopes == {"social-care:children.read"}


@pytest.mark.parametrize(("revoker", "good_after"), [(OWN, False), ("council-e09000002", True)])
def test_revocation(cast: Cast, revoker: str, good_after: bool) -> None:
    """A client's own token is good for nothing after revocation; another client's is left alone."""
    client = cast.tokens.clients[OWN]
    token = cast.tokens.issue(client, client.scopes)
    headers = {"authorization": f"Bearer {token}"}
    children = Incoming("GET", "/v1/children", b"", headers)
    assert cast.engines["social-care"].answer(children).status == 200
    answer = post(
        cast, "/oauth2/revoke", {"token": token}, authorization=basic(revoker, secret_of(cast, revoker))
    )
    assert answer.status == 200
    assert (cast.engines["social-care"].answer(children).status == 200) == good_after


def test_revoking_an_unknown_token_is_no_error(cast: Cast) -> None:
    """A token that is none is answered with 200 (RFC 7009, 2.2)."""
    answer = post(cast, "/oauth2/revoke", {"token": "x"}, authorization=basic(OWN, secret_of(cast)))
    assert answer.status == 200


def test_revocation_needs_a_client(cast: Cast) -> None:
    """Nobody revokes without showing who it is."""
    assert post(cast, "/oauth2/revoke", {"token": "x"}).status == 401


def test_discovery_leads_to_the_key_that_signs(cast: Cast) -> None:
    """The published key verifies a token and holds nothing private."""
    engine = cast.engines["auth"]
    configuration = engine.answer(Incoming("GET", "/.well-known/openid-configuration")).body
    key = engine.answer(Incoming("GET", "/jwks")).body["keys"][0]
    client = cast.tokens.clients[OWN]
    claims = jwt.decode(
        cast.tokens.issue(client, client.scopes), ECKey.import_key(key), algorithms=["ES256"]
    ).claims
    assert configuration["jwks_uri"].endswith("/jwks")
    assert configuration["token_endpoint"].endswith("/oauth2/token")
    assert claims["iss"] == configuration["issuer"]
    assert "d" not in key


def test_nothing_secret_shows(cast: Cast) -> None:
    """Neither the printed form of a client nor any error holds a secret."""
    secret = secret_of(cast)
    answer = post(cast, "/oauth2/token", {**GRANT, "client_id": "nobody", "client_secret": secret})
    assert secret not in repr(cast.tokens.clients[OWN])
    assert secret not in json.dumps(answer.body)


def test_the_clean_token_server_keeps_its_contract(cast: Cast) -> None:
    """All of this is within the contract."""
    for form in (GRANT, {}, {**GRANT, "scope": "x"}):
        post(cast, "/oauth2/token", form)
        post(cast, "/oauth2/revoke", form)
    assert cast.breaches() == ()


# Guessing


def guess(cast: Cast, client_id: str = OWN, secret: str = "wrong") -> Answer:
    """Ask for a token with that secret."""
    return post(cast, "/oauth2/token", GRANT, authorization=basic(client_id, secret))


def guessed(cast: Cast, times: int, client_id: str = OWN) -> list[int]:
    """The statuses of so many guesses at a client's secret."""
    return [guess(cast, client_id).status for _ in range(times)]


@pytest.mark.parametrize("client_id", [OWN, "council-signed", "nobody"])
def test_guessing_has_to_wait(cast: Cast, client_id: str) -> None:
    """After 20 wrong secrets within a minute, also for a client that does not exist; then again after that minute."""
    assert guessed(cast, 20, client_id) == [401] * 20
    limited = guess(cast, client_id)
    assert (limited.status, limited.body["error"]) == (429, "too_many_attempts")
    assert limited.header("Retry-After") == "60"
    cast.clock.advance(60)
    assert guess(cast, client_id).status == 401


def test_nobody_shuts_a_client_out_by_guessing(cast: Cast) -> None:
    """A right secret is taken while others guess, ends the count, and other clients have one of their own."""
    assert guessed(cast, 21)[-1] == 429
    assert guess(cast, "council-e09000002").status == 401
    assert guess(cast, secret=secret_of(cast)).status == 200
    assert guess(cast).status == 401


def test_guesses_of_long_ago_count_no_more(cast: Cast) -> None:
    """Only those of the last minute do."""
    for _ in range(30):
        assert guess(cast).status == 401
        cast.clock.advance(4)


def test_guessing_is_not_limited_where_that_is_the_fault() -> None:
    """Every guess is answered alike, as often as anybody likes."""
    assert guessed(stopped_cast("wrong-passwords-unlimited"), 40) == [401] * 40


# All tokens of a client

SUPPLIER = "supplier-app-e09000001"
CHILDREN = ("social-care:children.read",)


def revoke_all(cast: Cast, caller: str, client_id: str = SUPPLIER, secret: str = "") -> int:
    """The status of revoking all tokens of a client."""
    header = basic(caller, secret or secret_of(cast, caller))
    return post(cast, "/oauth2/revoke-client", {"client": client_id}, authorization=header).status


def opens(cast: Cast, token: str) -> bool:
    """Whether a token opens social care."""
    headers = {"authorization": f"Bearer {token}"}
    return cast.engines["social-care"].answer(Incoming("GET", "/v1/children", b"", headers)).status == 200


@pytest.mark.parametrize(
    ("caller", "is_revoked"),
    [(OWN, True), (SUPPLIER, True), ("council-e09000002", False), ("police-42", False)],
)
def test_whoever_a_client_acts_for_revokes_all_its_tokens(cast: Cast, caller: str, is_revoked: bool) -> None:
    """Its council and the client itself; others change nothing, and are not told so. New tokens are good."""
    client = cast.tokens.clients[SUPPLIER]
    tokens = [cast.tokens.issue(client, CHILDREN) for _ in range(2)]
    others = cast.tokens.issue(cast.tokens.clients[OWN], CHILDREN)
    assert revoke_all(cast, caller) == 200
    assert [opens(cast, token) for token in tokens] == [not is_revoked] * 2
    assert opens(cast, others)
    assert opens(cast, cast.tokens.issue(client, CHILDREN))


def test_revoking_all_tokens_needs_the_right_secret(cast: Cast) -> None:
    """Before it is said whether there is such a client."""
    assert [revoke_all(cast, OWN, name, "wrong") for name in (SUPPLIER, "nobody")] == [401, 401]


def test_a_snapshot_keeps_that_all_tokens_were_revoked(cast: Cast) -> None:
    """What was revoked then is revoked again, and what was revoked since is good."""
    client = cast.tokens.clients[SUPPLIER]
    token = cast.tokens.issue(client, CHILDREN)
    before = cast.snapshot()
    revoke_all(cast, OWN)
    after = cast.snapshot()
    cast.restore(before)
    assert opens(cast, token)
    cast.restore(after)
    assert not opens(cast, token)
