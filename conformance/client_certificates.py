"""
Whether a system that declares mutual TLS refuses machines that show it no certificate, or one that it did not ask for.

What is shown is made here, by an authority that nobody knows. Under TLS 1.3 a server looks at a client's certificate
only after the handshake, so a request is sent and its answer decides.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from joinedup.conformance.findings import Finding
from joinedup.conformance.operations import Operation
from joinedup.conformance.target import OWN, Target

NO_CERTIFICATE = "no certificate"
OF_NOBODY = "a certificate of an authority that nobody knows"
ENDED = "a certificate of that authority that has ended"
SHOWN = (NO_CERTIFICATE, OF_NOBODY, ENDED)
_DAY = timedelta(days=1)


def accepted(target: Target) -> Iterator[tuple[str, int | None]]:
    """What is shown to the system, and the status with which it then answers; None where it ends the connection."""
    operation = _asked(target)
    url = target.system.base_url.rstrip("/") + (operation.path if operation else "/")
    request = target.identities[OWN].authorise(httpx.Request("GET", url))
    for shown in SHOWN:
        yield shown, _status(target, request, shown)


def finding(shown: str, status: int) -> Finding:
    """A machine that was let in by what it showed."""
    return Finding(
        rule="client-certificate-not-asked-for",
        requirements=("TLS-02",),
        title="A machine without a certificate that was issued to it is let in",
        expected="A handshake that fails, or 400, 401 or 403: the contract declares mutual TLS.",
        actual=f"{status} to a client with {shown}.",
        where="the base URL",
        cause=shown,
        confirmed=True,
    )


def _asked(target: Target) -> Operation | None:
    """An operation that can be read without knowing anything."""
    plain = (op for op in target.operations if op.method == "GET" and "{" not in op.path)
    return next((op for op in plain if not target.is_declared_public(op)), None)


def _status(target: Target, request: httpx.Request, shown: str) -> int | None:
    # A context of its own: the target's would keep the certificate for every later call.
    context = httpx.create_ssl_context(trust_env=False)
    if target.system.ca_bundle:
        context.load_verify_locations(Path(target.configuration.folder) / target.system.ca_bundle)
    if shown != NO_CERTIFICATE:
        _show(context, ended=shown == ENDED)
    timeout_s = target.configuration.limits.timeout_s
    try:
        with httpx.Client(verify=context, timeout=timeout_s, trust_env=False) as client:
            return client.get(request.url, headers=request.headers).status_code
    except httpx.TransportError:
        return None


def _show(context: ssl.SSLContext, *, ended: bool) -> None:
    """Have a context show a certificate that was made for nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "joinedup.example")])
    last = datetime.now(UTC) + (-_DAY if ended else _DAY)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(last - 10 * _DAY)
        .not_valid_after(last)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "client.pem"
        path.write_bytes(text)
        context.load_cert_chain(path)
