"""
Who a server proves to be: the authorities that are trusted, and what is wrong with a handshake.

Verification is never switched off: a private test authority is named by ``ca_bundle``, in addition to the usual ones.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from cryptography import x509

from joinedup.conformance.configuration import System
from joinedup.conformance.errors import SetupError

# OpenSSL's numbers of what may be wrong with a certificate (x509_vfy.h).
_NOT_YET_VALID, _EXPIRED = 9, 10
_SELF_SIGNED, _SELF_SIGNED_ABOVE = 18, 19
_WRONG_HOST, _WRONG_ADDRESS = 62, 64
_VERIFICATION: Mapping[int, str] = {
    _NOT_YET_VALID: "tls-not-yet-valid",
    _EXPIRED: "tls-expired",
    _SELF_SIGNED: "tls-self-signed",
    _WRONG_HOST: "tls-wrong-host",
    _WRONG_ADDRESS: "tls-wrong-host",
}
_OLD_PROTOCOL = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION"})
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"})


def trusted(system: System, folder: Path) -> ssl.SSLContext:
    """
    The authorities that are trusted for a system: the usual ones, and those of its ``ca_bundle``.

    Raises:
        SetupError: the bundle cannot be read.
    """
    return _context(str(folder / system.ca_bundle) if system.ca_bundle else "", system.ca_bundle)


@functools.lru_cache(maxsize=32)
def _context(path: str, name: str) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if path:
        try:
            context.load_verify_locations(cafile=path)
        except (OSError, ValueError) as error:
            raise SetupError(
                f"The file {name} of ca_bundle cannot be read as certificates ({type(error).__name__}).",
                hint="Name a PEM file with the certificate of the authority.",
                fault="ca-bundle-unreadable",
            ) from None
    return context


@dataclass(frozen=True)
class Handshake:
    """
    How a TLS handshake ended.

    Args:
        fault: id of what is wrong; empty where nothing is.
        version: of the protocol that was agreed upon, e.g. ``TLSv1.3``.
        names: the hosts that the certificate is for.
        starts, ends: from when until when it is valid.
        reason: what OpenSSL calls the trouble.
    """

    fault: str = ""
    version: str = ""
    names: tuple[str, ...] = ()
    starts: datetime | None = None
    ends: datetime | None = None
    reason: str = ""


def handshake(host: str, port: int, context: ssl.SSLContext, timeout_s: float) -> Handshake:
    """Make a TLS connection, send nothing over it, and say how it went; never raises for what a server does."""
    try:
        with (
            socket.create_connection((host, port), timeout_s) as raw,
            context.wrap_socket(raw, server_hostname=host) as connection,
        ):
            version, shown = connection.version() or "", connection.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError as error:
        fault = _VERIFICATION.get(error.verify_code, "tls-unknown-authority")
        return _with_certificate(_shown(host, port, timeout_s), fault=fault, reason=error.verify_message)
    except ssl.SSLError as error:
        return Handshake(_of_the_protocol(error), reason=_words(error))
    except (OSError, ValueError) as error:
        return Handshake("tls-no-handshake", reason=type(error).__name__)
    return _with_certificate(shown, version=version)


def _of_the_protocol(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if reason in _OLD_PROTOCOL:
        return "tls-old-protocol"
    return "tls-not-spoken" if reason in _NO_TLS else "tls-no-handshake"


def _words(error: ssl.SSLError) -> str:
    return (error.reason or type(error).__name__).replace("_", " ").lower()


def _shown(host: str, port: int, timeout_s: float) -> bytes | None:
    """The certificate that a server shows, believed or not: only to say what is wrong with it."""
    with contextlib.suppress(OSError, ValueError):
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, port), timeout=timeout_s))
    return None


def _with_certificate(
    shown: bytes | None, *, fault: str = "", version: str = "", reason: str = ""
) -> Handshake:
    try:
        certificate = x509.load_der_x509_certificate(shown or b"")
        return Handshake(
            fault,
            version,
            _names(certificate),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            reason,
        )
    except ValueError:
        return Handshake(fault, version, reason=reason)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    names = listed.get_values_for_type(x509.DNSName)
    return (*names, *(str(address) for address in listed.get_values_for_type(x509.IPAddress)))


def days_left(ends: datetime, now: datetime | None = None) -> int:
    """Whole days from now until a moment."""
    return (ends - (now or datetime.now(UTC))).days
