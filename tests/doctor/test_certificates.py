"""What is wrong with a TLS server is said before any verdict: by id, cause and the key to change."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path

import pytest
import trustme
from tls_servers import KINDS, bundle, serving

from joinedup.conformance.certificates import handshake, trusted
from joinedup.conformance.configuration import System
from joinedup.conformance.diagnosis import Fault
from joinedup.conformance.endpoints import Endpoint, tls_fault
from joinedup.conformance.errors import SetupError


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A private test authority."""
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA, tmp_path: Path) -> ssl.SSLContext:
    """What is trusted where ``ca_bundle`` names that authority."""
    system = System(base_url="https://localhost", contract="c.yaml", ca_bundle=bundle(authority, tmp_path))
    return trusted(system, tmp_path)


def fault_of(kind: str, authority: trustme.CA, context: ssl.SSLContext) -> Fault | None:
    """What is found wrong with a server of a kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls = KINDS[kind](authority)
    with serving(tls=tls) as url:
        return tls_fault(Endpoint("systems.records.base_url", url), context, 5)[1]


@pytest.mark.parametrize(
    ("kind", "fault", "cause"),
    [
        ("good", None, ""),
        ("expired", "tls-expired", "ended on 03 May 2021"),
        ("early", "tls-not-yet-valid", "only begins on 03 May 2090"),
        ("of-another-host", "tls-wrong-host", "the one that came is for other.example"),
        ("of-another-authority", "tls-unknown-authority", "one that is unknown here"),
        ("self-signed", "tls-self-signed", "signed its own"),
        ("old", "tls-old-protocol", "offers only older protocols"),
    ],
)
def test_each_kind_of_certificate_has_its_fault(
    kind: str, fault: str | None, cause: str, authority: trustme.CA, context: ssl.SSLContext
) -> None:
    """A real TLS server of each kind is told apart, with what came and the key to change."""
    found = fault_of(kind, authority, context)
    assert (found.id if found else None) == fault
    if found is not None:
        assert cause in found.cause
        assert "systems.records." in found.fix


def test_this_platform_really_serves_the_old_protocol(authority: trustme.CA) -> None:
    """The old server speaks TLS 1.1 to a client that takes it; otherwise the case above would prove nothing."""
    client = ssl.create_default_context()
    authority.configure_trust(client)
    client.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = ssl.TLSVersion.TLSv1_1
        tls = KINDS["old"](authority)
    with serving(tls=tls) as url:
        done = handshake("localhost", int(url.rpartition(":")[2]), client, 5)
    assert (done.version, done.fault) == ("TLSv1.1", "")


def test_a_private_authority_is_unknown_without_its_bundle(authority: trustme.CA) -> None:
    """A good certificate of a private authority is believed only where ``ca_bundle`` names it."""
    unaided = trusted(System(base_url="https://localhost", contract="c.yaml"), Path())
    found = fault_of("good", authority, unaided)
    assert found is not None
    assert (found.id, "systems.records.ca_bundle" in found.fix) == ("tls-unknown-authority", True)


@pytest.mark.parametrize("content", [None, "no certificate", ""])
def test_a_bundle_that_cannot_be_read_is_said(content: str | None, tmp_path: Path) -> None:
    """A missing or wrong file of authorities is a fault of the set-up and never an unverified connection."""
    if content is not None:
        (tmp_path / "bundle.pem").write_text(content)
    with pytest.raises(SetupError, match=r"bundle\.pem of ca_bundle"):
        trusted(System(base_url="https://localhost", contract="c.yaml", ca_bundle="bundle.pem"), tmp_path)
