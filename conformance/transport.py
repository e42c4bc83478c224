"""
How a system is reached: TLS 1.2 or newer with a certificate that verifies, older versions and plain HTTP refused.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from joinedup.conformance.findings import Finding

PLAIN_PORT = 80
OLD_VERSIONS = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
_NAMES = {
    ssl.TLSVersion.TLSv1: "TLS 1.0",
    ssl.TLSVersion.TLSv1_1: "TLS 1.1",
    ssl.TLSVersion.TLSv1_2: "TLS 1.2",
    ssl.TLSVersion.TLSv1_3: "TLS 1.3",
}
TITLE = "A system is not reached over current TLS only"


@dataclass(frozen=True)
class Address:
    """Where a system listens, and how long one connection may take in seconds."""

    host: str
    port: int
    timeout_s: float = 10


def address_of(base_url: str, timeout_s: float = 10) -> Address:
    """Host and port of a base URL."""
    parts = urlsplit(base_url)
    return Address(
        parts.hostname or "", parts.port or (443 if parts.scheme == "https" else PLAIN_PORT), timeout_s
    )


def greets(address: Address, context: ssl.SSLContext) -> str:
    """
    Why a TLS handshake fails; empty where it succeeds. Nothing is sent over the connection.

    Raises:
        OSError: there is nothing that listens, or it is not to be reached.
    """
    with socket.create_connection((address.host, address.port), address.timeout_s) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=address.host):
                return ""
        except ssl.SSLError as error:
            return (error.reason or type(error).__name__).replace("_", " ").lower()
        except OSError as error:
            return type(error).__name__


def speaks_old_version(address: Address, version: ssl.TLSVersion) -> bool | None:
    """
    Whether a server agrees upon an old version of TLS; None where this computer cannot ask for it.

    Whose certificate it shows does not matter here, so that nothing but the version decides.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        # Without it, OpenSSL 3 would refuse old versions itself, and prove nothing of the server.
        context.set_ciphers("DEFAULT@SECLEVEL=0")
    except (ssl.SSLError, ValueError):
        return None
    reason = greets(address, context)
    return None if "no protocols available" in reason or "no ciphers" in reason else reason == ""


def answers_in_plain_http(address: Address, path: str) -> int | None:
    """
    The status with which a port answers plain HTTP with content of its own; None where it refuses, is silent or leads to https.

    A 400 is how servers that speak TLS say that they were not spoken to in TLS.
    """
    url = f"http://{_bracketed(address.host)}:{address.port}{path or '/'}"
    with contextlib.suppress(httpx.HTTPError, httpx.InvalidURL):
        response = httpx.get(url, timeout=address.timeout_s, follow_redirects=False, trust_env=False)
        location = response.headers.get("location", "")
        leads_up = 300 <= response.status_code < 400 and location.lower().startswith("https://")
        refused = (
            response.status_code in (400, 403, 404, 405, 410, 421, 426, 497) or response.status_code >= 500
        )
        return None if leads_up or refused else response.status_code
    return None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@dataclass
class Judged:
    """What was found of how a system is reached, and what could not be tried."""

    findings: list[Finding]
    untested: list[str]
    tried: int = 0


def judge(base_url: str, trust: ssl.SSLContext, timeout_s: float) -> Judged:
    """
    Judge how a system at an https address is reached.

    Raises:
        OSError: there is nothing that listens, or it is not to be reached.
    """
    address, judged = address_of(base_url, timeout_s), Judged([], [])
    for finding in (
        *_certificate(address, trust),
        *_versions(address, judged),
        *_plain_http(address, base_url),
    ):
        judged.findings.append(finding)
    judged.tried += 2
    return judged


def _certificate(address: Address, trust: ssl.SSLContext) -> Iterator[Finding]:
    reason = greets(address, trust)
    if reason:
        yield _finding(
            "tls-not-verified",
            "A handshake of TLS 1.2 or newer with a certificate that verifies for the host.",
            f"The handshake failed: {reason}.",
        )


def _versions(address: Address, judged: Judged) -> Iterator[Finding]:
    for version in OLD_VERSIONS:
        spoken = speaks_old_version(address, version)
        if spoken is None:
            judged.untested.append(f"{_NAMES[version]}, which this computer does not speak")
            continue
        judged.tried += 1
        if spoken:
            expected = f"A refusal of {_NAMES[version]}, which is no longer safe (RFC 8996)."
            yield _finding("tls-old-version", expected, f"{_NAMES[version]} was agreed upon.")


def _plain_http(address: Address, base_url: str) -> Iterator[Finding]:
    path = urlsplit(base_url).path
    # On the usual port both are asked; on another port the neighbour on 80 may be a stranger.
    ports = (PLAIN_PORT, address.port) if address.port == 443 else (address.port,)
    for port in ports:
        status = answers_in_plain_http(Address(address.host, port, address.timeout_s), path)
        if status is not None:
            expected = "No answer over plain HTTP, a refusal, or a redirection to https."
            yield _finding("plain-http-answered", expected, f"{status} over plain HTTP.")
            return


def plain_http_finding() -> Finding:
    """A system that is not on this computer and whose own address is plain HTTP."""
    return _finding("plain-http-answered", "An https address.", "The system is called over plain HTTP.")


def _finding(rule: str, expected: str, actual: str) -> Finding:
    return Finding(
        rule=rule,
        requirements=("TLS-01",),
        title=TITLE,
        expected=expected,
        actual=actual,
        where="the base URL",
        cause=f"{rule} {expected}",
        confirmed=True,
    )
