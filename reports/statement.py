"""
The in-toto statement of a pack, in a DSSE envelope: what was tested, how it came out, and who signs for it.

Statement v1 and predicate ``test-result`` v0.1 of https://github.com/in-toto/attestation. The only module that imports
securesystemslib.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.dsse import Envelope as Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner as CryptoSigner  # type: ignore[attr-defined] # it declares no exports
from securesystemslib.signer import SSlibKey as SSlibKey  # type: ignore[attr-defined] # the same

from joinedup.conformance.errors import ConfigurationError, UnverifiedError
from joinedup.conformance.outcomes import Outcome
from joinedup.reports.wording import printable

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"

_SHA_256 = re.compile(r"[0-9a-f]{64}")
_MAKE = "`openssl genpkey -algorithm ed25519 -out key.pem` makes one."


def of(parts: Mapping[str, bytes], verdict: Mapping[str, Any]) -> bytes:
    """
    The statement of a pack as bytes; the same pack gives the same.

    Its subjects are the manifest, which lists all else, and the contract of each system under test.
    """
    contracts = [
        _resource(f"{system['system']} contract", str(system["contract_hash"]))
        for system in verdict.get("systems", [])
        if _SHA_256.fullmatch(str(system["contract_hash"]))
    ]
    statement = {
        "_type": STATEMENT,
        "subject": [_part(parts, "manifest.json"), *contracts],
        "predicateType": PREDICATE,
        "predicate": {"configuration": [_part(parts, "run.json")], **_results(verdict)},
    }
    return canonical(statement)


def _part(parts: Mapping[str, bytes], name: str) -> dict[str, Any]:
    return _resource(name, sha256(parts[name]).hexdigest())


def _resource(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}}


def _results(verdict: Mapping[str, Any]) -> dict[str, Any]:
    tests: dict[str, list[str]] = {"failedTests": [], "passedTests": [], "warnedTests": []}
    for requirement in verdict.get("requirements", []):
        if kind := _kind(requirement):
            tests[kind].append(f"{requirement['system']} {requirement['id']}")
    conformant = verdict.get("verdict") == "conformant"
    result = ("WARNED" if tests["warnedTests"] else "PASSED") if conformant else "FAILED"
    return {"result": result, **{kind: sorted(names) for kind, names in tests.items()}}


def _kind(requirement: Mapping[str, Any]) -> str:
    """The list that a requirement stands in; what was attested or did not apply was no test, and stands in none."""
    outcome = requirement["outcome"]
    if outcome == Outcome.NOT_APPLICABLE or requirement.get("attested"):
        return ""
    if outcome == Outcome.PASS:
        return "passedTests"
    return "warnedTests" if outcome == Outcome.WARN or requirement.get("waived") else "failedTests"


def canonical(value: object) -> bytes:
    """JSON in one form only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"


def enclose(statement: bytes, signer: CryptoSigner | None) -> bytes:
    """The statement in its envelope; without a signer the list of signatures is empty."""
    envelope = Envelope(statement, PAYLOAD_TYPE, {})
    if signer is not None:
        envelope.sign(signer)
    return canonical(envelope.to_dict())


def opened(content: bytes) -> Envelope:
    """
    The envelope that ``enclose`` wrote.

    Raises:
        UnverifiedError: when it would have written other bytes.
    """
    try:
        envelope = Envelope.from_dict(json.loads(content))
        same = canonical(envelope.to_dict()) == content and envelope.payload_type == PAYLOAD_TYPE
    except Exception:
        same = False
    if not same:
        raise UnverifiedError("The envelope of the pack's statement cannot be read.")
    return envelope


def demand_signature(envelope: Envelope, key: SSlibKey) -> None:
    """
    Check that the envelope is signed with this key.

    Raises:
        UnverifiedError: it is not.
    """
    try:
        envelope.verify([key], threshold=1)
    except VerificationError:
        signers = printable(", ".join(envelope.signatures))[:200]
        named = f"it names {signers}" if signers else "nobody signed it"
        raise UnverifiedError(
            f"The pack is not signed by the key that you trust ({key.keyid}): {named}.",
            hint="Ask the signer for their public key, or for the pack that they signed.",
        ) from None


def private_key(path: Path) -> CryptoSigner:
    """
    The signer whose Ed25519 private key a PEM file holds.

    Raises:
        ConfigurationError: the file holds none that can be used.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ConfigurationError(f"The key {path} cannot be read: {error.strerror}.", hint=_MAKE) from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(
            f"{path} should hold an Ed25519 private key in PEM, without a passphrase.", hint=_MAKE
        )
    return CryptoSigner(key)


def public_key(path: Path) -> SSlibKey:
    """
    The Ed25519 public key that a PEM file holds.

    Raises:
        ConfigurationError: the file holds none that can be used.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"The public key {path} cannot be read: {error.strerror}.", hint="Name the signer's public key."
        ) from None
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(
            f"{path} should hold an Ed25519 public key in PEM.",
            hint="`openssl pkey -in key.pem -pubout -out key.pub.pem` takes it out of a private key.",
        )
    return SSlibKey.from_crypto(key)
