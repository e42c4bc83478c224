"""
The way back: does the public address of ``[mocks]`` lead to the mocks of this machine?

A live system that calls its partners there tells nobody when it cannot. So a number that nobody else knows is asked at
the public address, and only the mocks that hold the key beside the configuration can answer it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx

from joinedup.conformance.configuration import Configuration
from joinedup.conformance.diagnosis import Fault, Probe

WAY_BACK = "way-back"
PROOF_KEY = "proof.key"
AUTHORITY = "authority.pem"
CLIENT = "client.pem"


def proof_of(key: bytes, nonce: str) -> str:
    """What answers a nonce."""
    return hmac.new(key, nonce.encode(), hashlib.sha256).hexdigest()


def way_back_probes(configuration: Configuration) -> Iterator[Probe]:
    """Whether others who call the public address reach the mocks; nothing where there is none."""
    if configuration.mocks.public_url:
        fault = way_back_fault(configuration)
        said = "" if fault else f"{configuration.mocks.public_url} leads back here"
        yield Probe("", "way back", said, (fault,) if fault else ())


def way_back_fault(configuration: Configuration) -> Fault | None:
    """Why others do not reach the mocks, or None where they do."""
    mocks, nonce = configuration.public_mocks, secrets.token_hex(16)
    try:
        key = (configuration.mocks_folder / PROOF_KEY).read_text().strip().encode()
        url = f"{mocks.public_url.rstrip('/')}/{WAY_BACK}/{nonce}"
        trust = trust_in_mocks(configuration.mocks_folder, mocks.certificate)
        answer = httpx.get(url, verify=trust, timeout=configuration.limits.timeout_s)
        proof = answer.json().get("proof", "") if answer.status_code == httpx.codes.OK else ""
    except (httpx.HTTPError, OSError) as error:
        return _closed(configuration, error)
    except (ValueError, AttributeError):
        proof = ""
    if hmac.compare_digest(str(proof).encode(), proof_of(key, nonce).encode()):
        return None
    return Fault(
        "way-back-elsewhere",
        f"mocks.public_url: {mocks.public_url} was expected to lead to the mocks that listen on {mocks.listen}, and somebody else answers there (status {answer.status_code}).",
        "Correct mocks.public_url, or have whoever answers there pass requests on to mocks.listen.",
    )


def _closed(configuration: Configuration, error: Exception) -> Fault:
    mocks = configuration.mocks
    why = str(error).rstrip(".") or type(error).__name__
    return Fault(
        "way-back-closed",
        f"mocks.public_url: {mocks.public_url} was expected to lead to the mocks that listen on {mocks.listen}, and cannot be used: {why}.",
        "Check the name in mocks.public_url, the firewall and the proxy before mocks.listen, and mocks.certificate.",
    )


def trust_in_mocks(folder: Path, certificate: str) -> ssl.SSLContext:
    """The usual authorities, the mocks' own, and their own certificate; with theirs to show, should it be asked for."""
    context = ssl.create_default_context()
    for path in (folder / AUTHORITY, *([Path(certificate)] if certificate else [])):
        if path.exists():
            context.load_verify_locations(path)
    if (folder / CLIENT).exists():
        context.load_cert_chain(folder / CLIENT)
    return context
