"""How a system is reached: real TLS servers with certificates made for the test."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import trustme
from judged import outcome_of, target_of
from service.serve import serving

from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_transport as suite
from joinedup.conformance.target import Target
from joinedup.conformance.transport import judge


class _Answers(http.server.BaseHTTPRequestHandler):
    """Answers every GET with an empty 200."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Handshakes that fail are what is tested."""


@contextlib.contextmanager
def _listening(context: ssl.SSLContext | None) -> Iterator[str]:
    """A server on a free port, with TLS where a context is given; its https address."""
    server = _Server(("127.0.0.1", 0), _Answers)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of the test's own."""
    return trustme.CA()


def _trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def _serving(authority: trustme.CA, host: str, least: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = least
    if least < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("DEFAULT@SECLEVEL=0")
    return context


def test_is_silent_on_current_tls(authority: trustme.CA) -> None:
    """TLS 1.2 and newer with a certificate that verifies, and nothing else, has no findings."""
    with _listening(_serving(authority, "127.0.0.1", ssl.TLSVersion.TLSv1_2)) as url:
        judged = judge(url, _trust(authority), 5)
    assert judged.findings == []
    assert judged.tried >= 2


@pytest.mark.parametrize(
    ("host", "least", "rules"),
    [
        ("care.example", ssl.TLSVersion.TLSv1_2, {"tls-not-verified"}),
        ("127.0.0.1", ssl.TLSVersion.TLSv1, {"tls-old-version"}),
    ],
)
def test_finds_a_wrong_certificate_and_old_versions(
    authority: trustme.CA, host: str, least: ssl.TLSVersion, rules: set[str]
) -> None:
    """A certificate for another host, and a server that still speaks TLS 1.0 and 1.1, are found."""
    with _listening(_serving(authority, host, least)) as url:
        judged = judge(url, _trust(authority), 5)
    assert {finding.rule for finding in judged.findings} == rules
    assert {id for finding in judged.findings for id in finding.requirements} == {"TLS-01"}


def test_finds_an_unknown_authority(authority: trustme.CA) -> None:
    """A certificate of an authority that nobody trusts does not verify."""
    with _listening(_serving(authority, "127.0.0.1", ssl.TLSVersion.TLSv1_2)) as url:
        judged = judge(url, ssl.create_default_context(), 5)
    assert {finding.rule for finding in judged.findings} == {"tls-not-verified"}


def test_finds_plain_http(authority: trustme.CA) -> None:
    """A port that answers plain HTTP where it should speak TLS is found."""
    with _listening(None) as url:
        judged = judge(url, _trust(authority), 5)
    assert {"tls-not-verified", "plain-http-answered"} <= {finding.rule for finding in judged.findings}


def test_does_not_apply_on_this_computer() -> None:
    """A system that is served on this computer for the test is not held to TLS, and is told why."""
    with serving("cursor") as served:
        check = outcome_of(suite.test_is_reached_over_current_tls_only, target_of(served), "TLS-01")
    (result,) = check.results()
    assert result.outcome is Outcome.NOT_APPLICABLE
    assert "on this computer" in result.reason


@contextlib.contextmanager
def _mutual(folder: Path, authority: trustme.CA, asks: ssl.VerifyMode) -> Iterator[Target]:
    """A target at a server that asks its clients for a certificate, or does not."""
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    context = _serving(authority, "127.0.0.1", ssl.TLSVersion.TLSv1_2)
    context.verify_mode = asks
    authority.configure_trust(context)
    with _listening(context) as url, serving("cursor") as served:
        target = target_of(served, ca_bundle=str(folder / "authority.pem"))
        target.system = msgspec.structs.replace(target.system, base_url=url)
        yield target


def test_a_system_that_asks_for_certificates_passes(authority: trustme.CA, tmp_path: Path) -> None:
    """Whoever has none, one of another authority, or one that has ended is not let in; what cannot be made is named."""
    with _mutual(tmp_path, authority, ssl.CERT_REQUIRED) as target:
        check = outcome_of(suite.test_lets_in_only_machines_with_a_certificate, target, "TLS-02")
    (result,) = check.results()
    assert (result.outcome, check.findings, len(result.not_tested)) == (Outcome.PASS, [], 1)


def test_finds_a_system_that_asks_for_none(authority: trustme.CA, tmp_path: Path) -> None:
    """A system that lets in machines without a certificate is found, for each way in which one may be missing."""
    with _mutual(tmp_path, authority, ssl.CERT_NONE) as target:
        check = outcome_of(suite.test_lets_in_only_machines_with_a_certificate, target, "TLS-02")
    assert {id for finding in check.findings for id in finding.requirements} == {"TLS-02"}
    assert len(check.findings) == 3


def test_mutual_tls_is_asked_for_over_tls_alone() -> None:
    """A system that is not reached over TLS is told so once, and not by this check."""
    with serving("cursor") as served:
        (result,) = outcome_of(
            suite.test_lets_in_only_machines_with_a_certificate, target_of(served), "TLS-02"
        ).results()
    assert result.outcome is Outcome.NOT_APPLICABLE
