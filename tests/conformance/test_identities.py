"""Every flow gets its credential into a request, from a real token server where it needs one."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import httpx
import parks
import pytest
from servers import free_port

from joinedup.conformance import identities
from joinedup.conformance.errors import ConfigurationError, JoinedUpError, SetupError
from joinedup.conformance.identities import Grant, Identity, TokenServer, build_identity, secrets_of
from joinedup.mocks.serve import Served, served

WHERE = "systems.care.identities.own"


@pytest.fixture(scope="module")
def agencies() -> Iterator[Served]:
    """The bundled token server and one agency that takes its tokens."""
    with served(["auth", "social-care"]) as running:
        yield running


def built(keys: dict[str, Any], folder: Path | None = None, **more: Any) -> Identity:
    """An identity of a configuration."""
    return build_identity("own", keys, folder=folder or Path(), where=WHERE, **more)


def authorised(identity: Identity, url: str = "https://care.example/children?a=1") -> httpx.Request:
    """A request with the identity's credential in it."""
    return identity.authorise(httpx.Request("GET", url))


def accepted(agencies: Served, identity: Identity) -> bool:
    """Whether the agency knows the caller."""
    request = authorised(identity, agencies.systems["social-care"].base_url + "/v1/children/unknown")
    with httpx.Client() as client:
        return client.send(request).status_code != 401


@pytest.fixture
def keys(agencies: Served) -> dict[str, Any]:
    """The keys of a caller with a client secret."""
    return dict(agencies.systems["social-care"].identities["own"])


@pytest.mark.parametrize("client_auth", ["basic", "post"])
def test_client_credentials_get_a_token(agencies: Served, keys: dict[str, Any], client_auth: str) -> None:
    """The secret goes in the header or in the form, and the token that comes back is taken."""
    assert accepted(agencies, built({**keys, "client_auth": client_auth}))


def test_a_signed_assertion_gets_a_token(agencies: Served, tmp_path: Path) -> None:
    """A private key signs an assertion, and the token that comes back is taken."""
    (tmp_path / "key.pem").write_text(agencies.signed["private_key"])
    keys = {**agencies.signed, "private_key": "file:key.pem"}
    assert accepted(agencies, built(keys, tmp_path))


def test_without_a_credential_the_agency_says_so(agencies: Served) -> None:
    """The control of the tests above: the same request without a credential is refused."""
    assert not accepted(agencies, built({"flow": "none"}))


@pytest.mark.parametrize("client_auth", ["basic", "post"])
def test_a_wrong_secret_is_a_fault_of_the_set_up(keys: dict[str, Any], client_auth: str) -> None:
    """The sentence names the identity, the server and the status, and not the secret."""
    identity = built({**keys, "client_secret": "wr0ng-s3cret", "client_auth": client_auth})
    with pytest.raises(SetupError) as raised:
        authorised(identity)
    assert raised.value.message == (
        f"{WHERE}: the token server at {keys['token_url']} was expected to answer 200 and answered 401."
    )
    assert "the secret" in raised.value.hint
    assert "wr0ng-s3cret" not in str(raised.value)
    assert raised.value.exit_code == 3


def _sent_basic(asked: parks.Asked, *, decodes: bool) -> tuple[str, str]:
    """Name and secret of a client, read as RFC 6749 says or as they stand."""
    pair = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
    name, _, secret = pair.partition(":")
    return (unquote_plus(name), unquote_plus(secret)) if decodes else (name, secret)


def _token_endpoint(client: tuple[str, str], *, decodes: bool) -> parks.Parks:
    """A token server that knows one client."""

    def instead(asked: parks.Asked) -> parks.Answer:
        known = _sent_basic(asked, decodes=decodes) == client
        return (
            parks.answer(200, {"access_token": "t0ken", "expires_in": 300})
            if known
            else parks.answer(401, {"error": "invalid_client"})
        )

    return parks.Parks(instead=instead)


@pytest.mark.parametrize(
    ("secret", "decodes", "asked"),
    [
        ("plain-s3cret", True, 1),
        ("plain-s3cret", False, 1),
        ("50%+a b&c:é", True, 1),
        ("50%+a b&c:é", False, 2),
        ("100%25", True, 1),
        ("100%25", False, 2),
    ],
)
def test_a_secret_of_any_letters_gets_in(secret: str, decodes: bool, asked: int) -> None:
    """A secret is form-encoded as RFC 6749 says, and sent as it stands where that is refused; what is taken is kept to."""
    server = _token_endpoint(("care", secret), decodes=decodes)
    with parks.serving(server) as address:
        keys = {"flow": "client-credentials", "token_url": f"{address}/token", "client_id": "care"}
        identity = built({**keys, "client_secret": secret})
        sent = authorised(identity).headers["authorization"]
        first = len(server.asked)
        identity.renew()
        authorised(identity)
    assert sent == "Bearer t0ken"
    assert first == asked
    assert len(server.asked) == first + 1


@pytest.mark.parametrize(("secret", "asked"), [("plain-s3cret", 1), ("50%+", 2)])
def test_a_wrong_secret_is_not_tried_over_and_over(secret: str, asked: int) -> None:
    """A secret that is refused in every way in which it can be written is a fault of the set-up."""
    server = _token_endpoint(("care", "another"), decodes=True)
    with parks.serving(server) as address:
        keys = {"flow": "client-credentials", "token_url": f"{address}/token", "client_id": "care"}
        with pytest.raises(SetupError, match="answered 401"):
            authorised(built({**keys, "client_secret": secret}))
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("path", "says"),
    [("/nowhere", "answered 404"), ("/.well-known/openid-configuration", "was expected to answer 200")],
)
def test_a_wrong_address_is_a_fault_of_the_set_up(keys: dict[str, Any], path: str, says: str) -> None:
    """An address that is no token endpoint is named with what it answered."""
    url = keys["token_url"].removesuffix("/oauth2/token") + path
    with pytest.raises(SetupError, match=says):
        authorised(built({**keys, "token_url": url}))


def test_a_token_server_that_is_not_there_is_a_fault_of_the_set_up(keys: dict[str, Any]) -> None:
    """Nothing listens: the sentence says so and names the key to correct."""
    url = f"http://127.0.0.1:{free_port()}/token"
    with pytest.raises(SetupError, match="gave no answer") as raised:
        authorised(built({**keys, "token_url": url}))
    assert f"{WHERE}.token_url" in raised.value.hint


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", "no key at all"),
        ("RS512", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        ("none", "x"),
    ],
)
def test_a_key_that_cannot_sign_is_a_fault_of_the_set_up(agencies: Served, algorithm: str, key: str) -> None:
    """The sentence names the key's place and the algorithm, and holds nothing of the key."""
    with pytest.raises(SetupError, match=rf"{WHERE}\.private_key cannot sign with {algorithm}") as raised:
        authorised(built({**agencies.signed, "algorithm": algorithm, "private_key": key}))
    assert key not in str(raised.value)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time = 5_000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.time


@pytest.mark.parametrize(
    ("life", "passed", "fetched"),
    [
        (300, 0, 1),
        (300, 279, 1),
        (300, 280, 2),
        (300, 10_000, 2),
        (30, 14, 1),
        (30, 15, 2),
        (0, 1, 2),
    ],
)
def test_a_token_is_renewed_before_it_ends(
    monkeypatch: pytest.MonkeyPatch, life: float, passed: float, fetched: int
) -> None:
    """Twenty seconds before its end, or at half its life where that is later, another is fetched."""
    clock, grants = Clock(), iter([Grant("t1", life), Grant("t2", life)])
    monkeypatch.setattr(identities, "time", clock)
    auth = TokenServer(lambda: next(grants))
    identity = Identity("own", "", "client-credentials", auth)
    assert authorised(identity).headers["Authorization"] == "Bearer t1"
    clock.time += passed
    assert authorised(identity).headers["Authorization"] == f"Bearer t{fetched}"


def test_a_token_that_the_server_ended_is_fetched_again(agencies: Served, keys: dict[str, Any]) -> None:
    """After ``renew`` the next request has another token, and the agency takes it."""
    identity = built(keys)
    first = authorised(identity).headers["Authorization"]
    assert authorised(identity).headers["Authorization"] == first
    assert identity.renew()
    agencies.advance(1)
    assert authorised(identity).headers["Authorization"] != first
    assert accepted(agencies, identity)


@pytest.mark.parametrize(
    ("keys", "headers", "query"),
    [
        ({"flow": "bearer", "token": "t0ken"}, {"authorization": "Bearer t0ken"}, {"a": ["1"]}),
        (
            {"flow": "basic", "username": "joinedup", "password": "pa:ss"},
            {"authorization": "Basic " + base64.b64encode(b"joinedup:pa:ss").decode()},
            {"a": ["1"]},
        ),
        ({"flow": "api-key", "api_key": "k3y"}, {"x-api-key": "k3y"}, {"a": ["1"]}),
        ({"flow": "api-key", "api_key": "k3y", "header": "X-Own"}, {"x-own": "k3y"}, {"a": ["1"]}),
        ({"flow": "none"}, {}, {"a": ["1"]}),
    ],
)
def test_a_credential_that_never_changes(
    keys: dict[str, Any], headers: dict[str, str], query: dict[str, list[str]]
) -> None:
    """Each flow puts its credential where it belongs, and nothing else into the request."""
    identity = built({"organisation": "E09000001", **keys})
    request = authorised(identity)
    assert {name: value for name, value in request.headers.items() if name != "host"} == headers
    assert parse_qs(request.url.query.decode()) == query
    assert (identity.name, identity.organisation, identity.flow) == ("own", "E09000001", keys["flow"])
    assert not identity.renew()


@pytest.mark.parametrize(
    ("contract_key", "more", "header", "query"),
    [
        (("header", "X-Contract"), {}, ("x-contract", "k3y"), {"a": ["1"]}),
        (("query", "key"), {}, None, {"a": ["1"], "key": ["k3y"]}),
        (("query", "key"), {"header": "X-Own"}, ("x-own", "k3y"), {"a": ["1"]}),
    ],
)
def test_an_api_key_goes_where_the_contract_wants_it(
    contract_key: tuple[str, str],
    more: dict[str, str],
    header: tuple[str, str] | None,
    query: dict[str, list[str]],
) -> None:
    """The contract says whether header or query; the configuration can name another header."""
    request = authorised(built({"flow": "api-key", "api_key": "k3y", **more}, contract_key=contract_key))
    assert header is None or header in request.headers.items()
    assert parse_qs(request.url.query.decode()) == query


OURS = '''
import httpx

class Caller(httpx.Auth):
    """Seals each request."""

    def __init__(self, tenant, seal_key, options=None):
        self.tenant, self.seal_key, self.options = tenant, seal_key, options or {}

    def auth_flow(self, request):
        request.headers["X-Seal"] = f"{self.tenant}:{self.seal_key}:{self.options.get('pin', '')}"
        yield request

class Copying(httpx.Auth):
    def auth_flow(self, request):
        yield httpx.Request(request.method, request.url.copy_add_param("sealed", "1"), headers={"X-Seal": "copy"})

class Asking(httpx.Auth):
    """Asks the same host for a ticket first."""

    def auth_flow(self, request):
        answer = yield httpx.Request("GET", str(request.url.copy_with(path="/oauth2/ticket", query=None)))
        request.headers["X-Ticket"] = str(answer.status_code)
        yield request

class Endless(httpx.Auth):
    def auth_flow(self, request):
        while True:
            yield httpx.Request("GET", str(request.url.copy_with(path="/oauth2/ticket", query=None)))

class Failing(httpx.Auth):
    def __init__(self, **keys):
        self.keys = keys

    def auth_flow(self, request):
        raise RuntimeError(f"bad {self.keys}")
        yield request

class Picky(httpx.Auth):
    def __init__(self, **keys):
        raise ValueError(f"will not have\\n{keys}")

class NoAuth:
    pass
'''


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> tuple[Path, str]:
    """The folder of a configuration with a module of the user's own, and the module's name."""
    name = f"ours_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(OURS))
    (tmp_path / f"{name}_broken.py").write_text("import not_installed_anywhere\n")
    (tmp_path / "pin.txt").write_text("4711")
    monkeypatch.setenv("JOINEDUP_TEST_SEAL", "s3al")
    return tmp_path, name


def test_a_flow_of_ones_own_gets_its_keys(folder: tuple[Path, str]) -> None:
    """The class gets every other key as a keyword, references resolved, in tables too; the path is left clean."""
    path, name = folder
    keys = {
        "flow": f"python:{name}.Caller",
        "organisation": "E09000001",
        "tenant": "north",
        "seal_key": "env:JOINEDUP_TEST_SEAL",
        "options": {"pin": "file:pin.txt"},
    }
    assert authorised(built(keys, path)).headers["X-Seal"] == "north:s3al:4711"
    assert sorted(secrets_of(keys, path, WHERE)) == ["4711", "s3al"]


def test_a_flow_of_ones_own_may_give_a_copy(folder: tuple[Path, str]) -> None:
    """The request may come back as another object: it is sent, not asked first."""
    path, name = folder
    request = authorised(built({"flow": f"python:{name}.Copying"}, path))
    assert (request.headers["X-Seal"], request.url.query) == ("copy", b"a=1&sealed=1")


def test_a_flow_of_ones_own_may_ask_the_same_host(folder: tuple[Path, str], agencies: Served) -> None:
    """A request of its own is sent and answered, also where the token server is the system itself."""
    path, name = folder
    url = agencies.systems["auth"].base_url + "/children"
    request = authorised(built({"flow": f"python:{name}.Asking"}, path), url)
    assert str(request.url) == url
    assert request.headers["X-Ticket"] == "404"


@pytest.mark.parametrize(("kind", "says"), [("Endless", "asked 10 times"), ("Failing", "RuntimeError")])
def test_a_flow_of_ones_own_that_fails_is_a_fault_of_the_set_up(
    folder: tuple[Path, str], agencies: Served, kind: str, says: str
) -> None:
    """An error or an endless loop of the user's class is told in a sentence without any of its values."""
    path, name = folder
    keys = {
        "flow": f"python:{name}.{kind}",
        **({"seal_key": "env:JOINEDUP_TEST_SEAL"} if kind == "Failing" else {}),
    }
    with pytest.raises(SetupError, match=says) as raised:
        authorised(built(keys, path), agencies.systems["auth"].base_url)
    assert raised.value.message.startswith(f"The identity own (flow python:{name}.{kind})")
    assert "s3al" not in str(raised.value)


def test_a_flow_of_ones_own_without_a_network_is_a_fault_of_the_set_up(folder: tuple[Path, str]) -> None:
    """A request of its own that gets no answer is no answer of the system."""
    path, name = folder
    with pytest.raises(SetupError, match="ConnectError"):
        authorised(built({"flow": f"python:{name}.Asking"}, path), f"http://127.0.0.1:{free_port()}/")


@pytest.mark.parametrize(
    ("flow", "more", "says"),
    [
        ("python:{}.Absent", {}, "AttributeError"),
        ("python:{}_absent.Caller", {}, "ModuleNotFoundError"),
        ("python:{}_broken.Caller", {}, "No module named 'not_installed_anywhere'"),
        ("python:Caller", {}, "ValueError"),
        ("python:", {}, "ValueError"),
        ("python:{}.Caller", {}, "TypeError"),
        ("python:{}.Caller", {"tenant": "n", "seal_key": "env:JOINEDUP_TEST_SEAL", "other": "x"}, "other"),
        ("python:{}.Picky", {"seal_key": "env:JOINEDUP_TEST_SEAL"}, "will not have"),
        ("python:{}.NoAuth", {}, "is no httpx.Auth"),
    ],
)
def test_a_flow_that_cannot_be_built_is_a_mistake(
    folder: tuple[Path, str], flow: str, more: dict[str, str], says: str
) -> None:
    """One sentence names the key, the class and what went wrong, and holds no secret; the exit code is 2."""
    path, name = folder
    with pytest.raises(ConfigurationError) as raised:
        built({"flow": flow.format(name), **more}, path)
    assert raised.value.message.startswith(f"{WHERE}.flow is `{flow.format(name)}`, which ")
    assert says in raised.value.message
    assert "\n" not in raised.value.message
    assert "s3al" not in str(raised.value)
    assert raised.value.exit_code == 2


def test_a_secret_that_cannot_be_resolved_names_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence leads to the line of the file."""
    monkeypatch.delenv("JOINEDUP_TEST_UNSET", raising=False)
    with pytest.raises(JoinedUpError, match=rf"{WHERE}\.token refers to the environment variable"):
        built({"flow": "bearer", "token": "env:JOINEDUP_TEST_UNSET"})


def test_the_secrets_of_an_identity_are_known(tmp_path: Path) -> None:
    """What has to be kept out of every output: the values of secret keys, and of nothing else."""
    (tmp_path / "key").write_text("p3m")
    keys = {
        "flow": "private-key-jwt",
        "client_id": "joinedup",
        "private_key": "file:key",
        "token_url": "https://x",
    }
    assert secrets_of(keys, tmp_path, WHERE) == ["p3m"]
