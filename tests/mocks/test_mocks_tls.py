"""Over TLS the agencies let in only who shows a certificate that is good (TLS-02)."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from by_hand import ByHand, by_hand
from cryptography import x509

from joinedup.mocks.certificates import Certificates, write_certificates


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the command is called."""
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[ByHand]:
    """Police over TLS."""
    with by_hand(folder, "--system", "police", "--tls") as found:
        yield found


def trust(folder: Path, shown: str = "", *, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A caller's side: what it trusts, and the certificate that it shows."""
    files = folder / ".joinedup" / "mocks"
    context = ssl.create_default_context(cafile=str(files / "authority.pem"))
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if shown:
        context.load_cert_chain(files / f"{shown}.pem")
    return context


def test_a_good_certificate_is_let_in(folder: Path, served: ByHand) -> None:
    """With it everything works as without TLS: contract, token and call."""
    keys = served.ready["systems"]["police"]["identities"]["own"]
    with httpx.Client(verify=trust(folder, "client")) as client:
        form = {"grant_type": "client_credentials", "scope": keys["scope"]}
        token = client.post(keys["token_url"], data=form, auth=(keys["client_id"], keys["client_secret"]))
        headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        base = served.ready["systems"]["police"]["base_url"]
        assert base.startswith("https://")
        assert client.get(f"{base}/v1/public-protection-notices", headers=headers).status_code == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shown", ["", "expired", "stranger"])
@pytest.mark.parametrize("system", ["police", "auth"])
def test_any_other_caller_is_refused(
    system: str, shown: str, version: ssl.TLSVersion, folder: Path, served: ByHand
) -> None:
    """No certificate, one that has ended and one of another authority get no answer at all."""
    status = f"{_base(served, system)}/v1/status"
    with (
        httpx.Client(verify=trust(folder, shown, version=version)) as client,
        pytest.raises(httpx.TransportError),
    ):
        client.get(status)


def _base(served: ByHand, system: str) -> str:
    if system == "auth":
        return str(served.ready["signed"]["token_url"]).removesuffix("/oauth2/token")
    return str(served.ready["systems"][system]["base_url"])


def test_a_caller_that_does_not_trust_the_authority_stays_away(served: ByHand) -> None:
    """The server is known by our authority alone."""
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(_base(served, "police"))


def test_old_protocols_are_refused(folder: Path, served: ByHand) -> None:
    """TLS 1.1 is no longer spoken (RFC 8996)."""
    context = trust(folder, "client")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with httpx.Client(verify=context) as client, pytest.raises(httpx.ConnectError):
        client.get(_base(served, "police"))


def test_the_control_plane_stays_on_this_machine(served: ByHand) -> None:
    """It is reached without a certificate, on the loopback interface alone."""
    assert served.ready["control"].startswith("http://127.0.0.1:")
    assert httpx.get(f"{served.ready['control']}/v1/status").status_code == 200


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_call_shows_the_certificate(folder: Path, served: ByHand) -> None:
    """The line for the shell works over TLS as it stands."""
    done = subprocess.run(
        served.ready["calls"]["police"], shell=True, cwd=folder, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert "items" in json.loads(done.stdout)


@pytest.fixture
def made(tmp_path: Path) -> Certificates:
    return write_certificates(tmp_path, ["mocks.example"], "caller")


def test_the_authority_stays_and_what_it_issues_is_new(made: Certificates, tmp_path: Path) -> None:
    """Who trusts the authority once goes on trusting it."""
    before = [made.authority.read_bytes(), made.server.read_bytes()]
    write_certificates(tmp_path, ["mocks.example"], "caller")
    assert [made.authority.read_bytes() == before[0], made.server.read_bytes() == before[1]] == [True, False]


def test_keys_are_nobody_elses(made: Certificates, tmp_path: Path) -> None:
    """Only their owner reads a file with a key in it."""
    with_key = [path for path in tmp_path.iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert {path.name for path in with_key} >= {"authority.key", "server.pem", "client.pem"}
    assert [path.name for path in with_key if path.stat().st_mode & 0o077] == []


def test_a_certificate_is_for_the_hosts_that_were_named(made: Certificates) -> None:
    """The server proves to be the host that it is called by."""
    certificate = x509.load_pem_x509_certificate(made.server.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mocks.example"]
