"""Credentials: missing, forged, narrowed, weakly signed and guessed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import httpx
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from judged import Judge, found, harvested, outcome_of, target_of
from service.serve import serving

from joinedup.conformance.attempts import unlike
from joinedup.conformance.authentication import SPOILT
from joinedup.conformance.forgery import (
    FORGERIES,
    PROPERLY_SIGNED,
    SHORT_OF_A_KEY,
    Credential,
    Forged,
    credential_of,
    forged,
    token_of,
    weak_key,
)
from joinedup.conformance.harvest import harvest
from joinedup.conformance.identities import Identity, StaticHeader, StaticQuery
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.scopes import may_imply
from joinedup.conformance.suite import test_authentication as suite
from joinedup.conformance.suite import test_guessing as guessing
from joinedup.conformance.target import OWN

IN = suite.test_refuses_whoever_has_no_valid_credential
SCOPE = suite.test_refuses_a_token_that_lacks_the_scope
KEY = suite.test_signs_tokens_with_a_key_that_cannot_be_guessed
ALIKE = guessing.test_refuses_a_known_and_an_unknown_account_alike
ENOUGH = guessing.test_does_not_let_anybody_go_on_guessing


@pytest.mark.parametrize(
    ("style", "defect", "judge", "broken"),
    [
        ("cursor", "practitioners-open-to-everyone", IN, "AUT-01"),
        ("link", "practitioners-open-to-everyone", IN, "AUT-01"),
        ("cursor", "unsigned-token-accepted", IN, "AUT-01"),
        ("offset", "unsigned-token-accepted", IN, "AUT-01"),
        ("cursor", "signature-not-checked", IN, "AUT-01"),
        ("offset", "signature-not-checked", IN, "AUT-01"),
        ("cursor", "closing-needs-no-permission", SCOPE, "AUT-02"),
        ("link", "deleting-needs-no-permission", SCOPE, "AUT-02"),
        ("offset", "reading-permission-is-enough-to-write", SCOPE, "AUT-02"),
        ("cursor", "reading-can-be-turned-into-deleting", SCOPE, "AUT-02"),
        ("cursor", "reading-can-be-turned-into-changing", SCOPE, "AUT-02"),
        ("offset", "reading-can-be-turned-into-changing", SCOPE, "AUT-02"),
        ("offset", "signing-secret-can-be-guessed", KEY, "AUT-09"),
        ("cursor", "unknown-client-told-apart", ALIKE, "AUT-10"),
        ("offset", "token-guesses-never-limited", ENOUGH, "AUT-11"),
    ],
)
def test_finds_each_way_in(style: str, defect: str, judge: Judge, broken: str) -> None:
    """Each defect of who gets in is found under its requirement, as one finding."""
    with harvested(style, defect) as target:
        check = outcome_of(judge, target, broken)
    assert found(check) == {broken}
    assert len(check.findings) == 1


@pytest.mark.parametrize("style", ["cursor", "offset", "link"])
@pytest.mark.parametrize(
    ("judge", "requirement"),
    [(IN, "AUT-01"), (SCOPE, "AUT-02"), (KEY, "AUT-09"), (ALIKE, "AUT-10"), (ENOUGH, "AUT-11")],
)
def test_is_silent_on_a_service_that_lets_nobody_in(style: str, judge: Judge, requirement: str) -> None:
    """A clean service passes; opaque tokens show no signature to judge."""
    with harvested(style) as target:
        check = outcome_of(judge, target, requirement)
    opaque = style == "link" and judge is KEY
    assert check.findings == []
    assert [r.outcome for r in check.results()] == [Outcome.NOT_APPLICABLE if opaque else Outcome.PASS]


def test_does_not_ask_a_credential_of_what_is_public() -> None:
    """Where the contract declares every operation public, that nobody gets in without a credential does not apply."""
    with harvested("cursor") as target:
        for operation in target.operations:
            target.contract.resolve({"$ref": operation.pointer})["security"] = []
        public = [replace(operation, public=True) for operation in target.operations]
        target.contract = replace(target.contract, operations=tuple(public))
        check = outcome_of(IN, target, "AUT-01")
    assert [result.outcome for result in check.results()] == [Outcome.NOT_APPLICABLE]


@pytest.mark.parametrize(
    ("defect", "name", "claims"),
    [
        ("expired-token-accepted", "expired", {"exp": 1}),
        ("token-not-yet-valid-accepted", "not-yet-valid", {"nbf": 4_000_000_000}),
        ("token-for-another-service-accepted", "wrong-audience", {"aud": "https://other.example"}),
        ("token-of-another-issuer-accepted", "wrong-issuer", {"iss": "https://other.example"}),
    ],
)
@pytest.mark.parametrize("faulty", [True, False])
def test_shows_spoilt_tokens_that_a_configuration_gives(
    defect: str, name: str, claims: dict[str, object], faulty: bool
) -> None:
    """A properly signed token with one thing wrong is shown where its issuer gave one, and named where not."""
    with serving("cursor", frozenset({defect} if faulty else ())) as served:
        spoilt = {"flow": "bearer", "token": served.service.token("north-hub", **claims)}
        target = target_of(served)
        target.system = msgspec.structs.replace(
            target.system, identities={**target.system.identities, name: spoilt}
        )
        harvest(target, OWN)
        check = outcome_of(IN, target, "AUT-01")
        target.client.close()
    left_out = check.results()[0].not_tested
    assert found(check) == ({"AUT-01"} if faulty else set())
    assert not any(SPOILT[name] in part for part in left_out)
    assert len(left_out) == 3


@pytest.mark.parametrize(
    "defect",
    ["expired-token-accepted", "token-not-yet-valid-accepted", "token-for-another-service-accepted"],
)
def test_signs_wrong_tokens_with_a_key_that_it_guessed(defect: str) -> None:
    """Where the key is guessed, tokens with wrong claims are made, and nothing is left out."""
    with harvested("offset", "signing-secret-can-be-guessed", defect) as target:
        check = outcome_of(IN, target, "AUT-01")
    assert found(check) == {"AUT-01"}
    assert check.results()[0].not_tested == ()


def test_wrong_passwords_are_not_tried_where_nothing_may_be_destroyed() -> None:
    """Without limits.destructive no wrong password is sent."""
    with harvested("cursor") as target:
        limits = msgspec.structs.replace(target.configuration.limits, destructive=False)
        target.configuration = msgspec.structs.replace(target.configuration, limits=limits)
        sent = target.budget.sent
        outcomes = [outcome_of(judge, target, id) for judge, id in ((ALIKE, "AUT-10"), (ENOUGH, "AUT-11"))]
        assert target.budget.sent == sent
    assert [check.results()[0].outcome for check in outcomes] == [Outcome.BLOCKED] * 2


def _jwt(algorithm: str, secret: str = "") -> str:
    claims = {"sub": "own", "exp": 4_000_000_000}
    if algorithm == "RS256":
        return jwt.encode({"alg": "RS256"}, claims, RSAKey.generate_key(2048))
    head = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "HS256"}, claims)
    )
    made = hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


CREDENTIALS = {
    "rs256": Credential("header", "authorization", "Bearer", _jwt("RS256")),
    "weak": Credential("header", "authorization", "Bearer", _jwt("HS256", "secret")),
    "strong": Credential("header", "authorization", "Bearer", _jwt("HS256", "Jq8#tV2!")),
    "opaque": Credential("header", "authorization", "Bearer", "2YotnFZFEjr1zCsicMWpAA"),
    "hmac": Credential("header", "authorization", "NHSMESH", "X26ABC1:nonce:0:202611220000:0af3b7c177"),
    "basic": Credential("header", "authorization", "Basic", base64.b64encode(b"own:pass-word").decode()),
    "key": Credential("header", "x-api-key", "", "3a9f6f2c-key-of-tests"),
}


@pytest.mark.parametrize("kind", sorted(FORGERIES))
@pytest.mark.parametrize("name", sorted(CREDENTIALS))
def test_a_forgery_is_never_the_true_credential(kind: str, name: str) -> None:
    """What is made differs from what it is made from, in the bytes that count and not only in padding."""
    credential = CREDENTIALS[name]
    made = FORGERIES[kind](credential)
    assert made != credential.value
    token, before = token_of(made or ""), token_of(credential.value)
    if token is not None and before is not None:
        assert (token.signature, token.signed) != (before.signature, before.signed)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        (
            "rs256",
            {"a changed signature", "a token signed with another key", "a token that says it is unsigned"},
        ),
        ("opaque", {"one character changed", "half of the credential"}),
        ("hmac", {"one character changed", "half of the credential"}),
        ("basic", {"a wrong password", "an empty password"}),
        ("key", {"one character changed", "a malformed credential"}),
        ("weak", set(PROPERLY_SIGNED)),
    ],
)
def test_forges_what_a_kind_of_credential_allows(name: str, kinds: set[str]) -> None:
    """Each kind of credential gets the forgeries that can be made of it."""
    made = {kind for kind, forge in FORGERIES.items() if forge(CREDENTIALS[name]) is not None}
    assert kinds <= made


def test_makes_no_properly_signed_token_without_the_key() -> None:
    """Without the key, nothing that only its holder could make is pretended."""
    for name in ("rs256", "strong", "opaque", "basic", "key", "hmac"):
        assert not [k for k, forge in PROPERLY_SIGNED.items() if forge(CREDENTIALS[name])]


@pytest.mark.parametrize(
    ("secret", "weak"),
    [("secret", True), ("", True), ("your-256-bit-secret", True), ("c2VjcmV0", True), ("Jq8#tV2!", False)],
)
def test_guesses_common_keys_only(secret: str, weak: bool) -> None:
    """Common keys are found, base64 of them too; others are not."""
    token = token_of(_jwt("HS256", secret))
    assert token is not None
    assert (weak_key(token) is not None) is weak


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        (StaticHeader("Authorization", "Bearer 2YotnFZFEjr1zCsicMWpAA"), ("header", "Bearer")),
        (StaticHeader("X-API-Key", "0123456789"), ("header", "")),
        (StaticQuery("api_key", "0123456789"), ("query", "")),
    ],
)
def test_puts_a_forgery_where_the_credential_stands(auth: httpx.Auth, sent: tuple[str, str]) -> None:
    """A forged credential goes into the same header or parameter, and the true one is gone."""
    identity = Identity("own", "", "bearer", auth)
    made = forged(identity, "one character changed")
    assert made is not None
    before, after = credential_of(identity), credential_of(made)
    assert before is not None
    assert after is not None
    assert (after.place, after.scheme) == sent == (before.place, before.scheme)
    assert after.value != before.value


def test_never_lets_the_true_credential_through() -> None:
    """A forgery that cannot be made any more is replaced by a malformed credential."""
    identity = Identity("own", "", "bearer", StaticHeader("Authorization", "Bearer opaque-token"))
    request = httpx.Request("GET", "https://service.example/")
    sent = next(Forged(identity, lambda _credential: None).sync_auth_flow(request))
    assert "opaque-token" not in sent.headers["authorization"]


@pytest.mark.parametrize(
    ("held", "needed", "implied"),
    [
        ("referrals.write", "referrals.read", True),
        ("referrals.read", "referrals.write", False),
        ("contacts.read", "children.read", False),
        ("admin", "referrals.write", True),
        ("referrals.manage", "children.read", False),
    ],
)
def test_knows_which_scope_may_include_another(held: str, needed: str, implied: bool) -> None:
    """A scope that reaches further over the same things may include one that reaches less far."""
    assert may_imply(held, needed) is implied


@pytest.mark.parametrize("name", ["north-hub", "X26ABC1", "sam.o'test@example.org", "qqqqq"])
def test_an_unknown_account_has_the_form_of_a_known_one(name: str) -> None:
    """Another name of the same length and kinds of character, in the same domain."""
    other = unlike(name)
    assert other != name
    assert [c.isdigit() for c in other] == [c.isdigit() for c in name]
    assert other.partition("@")[2] == name.partition("@")[2]


def test_every_common_forgery_is_one_that_anybody_can_make() -> None:
    """What only a key holder can make is kept apart from what anybody can."""
    assert not set(SHORT_OF_A_KEY) & set(PROPERLY_SIGNED)
