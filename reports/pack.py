"""
A pack: the evidence of one run, sealed in one file.

::

    manifest.json          every other part with its size and SHA-256, and how far the pack may be trusted
    statement.dsse.json    an in-toto test-result statement about the manifest, signed or not
    verdict.json, …        the views, allure-results/ among them, written anew from the record
    events.ndjson          the record itself
    run.json               versions, seed and hashes
    performance.json, …    what else the run left behind

A run without a verdict proves nothing about a system, so it packs as a working copy only: named so, and with no
statement.
"""

from __future__ import annotations

import enum
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from joinedup.conformance.errors import ConfigurationError
from joinedup.reports import archive, statement
from joinedup.reports.events import FILE_NAME, parse_events
from joinedup.reports.run_folder import PERFORMANCE, performance_from, rendered, write_whole
from joinedup.reports.verdict import compute

MANIFEST = "manifest.json"
ENVELOPE = "statement.dsse.json"
RUN = "run.json"
OPTIONAL = (PERFORMANCE, "exercise.json")
WORKING_COPY = "working-copy"
SCHEMA = 1


class Tier(enum.StrEnum):
    """How far a pack may be trusted, before anybody has looked at it."""

    UNSIGNED = "self-run, unsigned"
    SIGNED = "self-run, signed"
    WORKING_COPY = "working copy: no verdict, proves nothing about the system"


@dataclass(frozen=True)
class Pack:
    """A pack that was written: where, how far it may be trusted, who signed it, and what it says."""

    path: Path
    tier: Tier
    signer: str
    verdict: Mapping[str, Any]


def seal(folder: Path, out: Path, key: Path | None = None) -> Pack:
    """
    Seal a run's folder in one file.

    Args:
        folder: the run's folder.
        out: the file; a working copy gets ``.working-copy`` before its suffix.
        key: PEM file of an Ed25519 private key to sign with.

    Raises:
        ConfigurationError: the folder holds no run, or the key cannot be used.
        SetupError: the file cannot be written.
    """
    signer = statement.private_key(key) if key else None
    parts = _parts(folder)
    verdict = judged(parts)
    tier = _tier(verdict, signer)
    if tier is Tier.WORKING_COPY and signer:
        raise ConfigurationError(
            f"The run {folder} has no verdict ({verdict['reason']}), so there is nothing to sign for.",
            hint="Leave out --key for a working copy, or run `joinedup check` again.",
        )
    path = _working_copy(out) if tier is Tier.WORKING_COPY else out
    content = archive.write(_sealed({**parts, **views(verdict)}, verdict, tier, signer))
    if len(content) > archive.MOST_BYTES:
        raise ConfigurationError(
            f"The run {folder} holds more than the {archive.MOST_BYTES:,} bytes that a pack may have."
        )
    write_whole(path, content)
    return Pack(path, tier, signer.public_key.keyid if signer else "", verdict)


def _tier(verdict: Mapping[str, Any], signer: statement.CryptoSigner | None) -> Tier:
    if verdict["verdict"] == "no_verdict":
        return Tier.WORKING_COPY
    return Tier.SIGNED if signer else Tier.UNSIGNED


def _working_copy(out: Path) -> Path:
    return out if WORKING_COPY in out.name else out.with_name(f"{out.stem}.{WORKING_COPY}{out.suffix}")


def judged(parts: Mapping[str, bytes]) -> dict[str, Any]:
    """The verdict that follows from the record and the load of a run, in the form in which it is read back."""
    performance = performance_from(parts[PERFORMANCE]) if PERFORMANCE in parts else None
    computed = compute(parse_events(io.BytesIO(parts[FILE_NAME])), performance=performance)
    verdict: dict[str, Any] = json.loads(json.dumps(computed))
    return verdict


def views(verdict: Mapping[str, Any]) -> dict[str, bytes]:
    """Every view of a run, by the name of its file."""
    return rendered(verdict)


def packed_by() -> str:
    """The program and version that packs here."""
    return f"joinedup {metadata.version('joinedup')}"


def _sealed(
    parts: Mapping[str, bytes], verdict: Mapping[str, Any], tier: Tier, signer: statement.CryptoSigner | None
) -> dict[str, bytes]:
    sealed = {**parts, MANIFEST: manifest(parts, str(verdict["run"]), tier)}
    if tier is not Tier.WORKING_COPY:
        sealed[ENVELOPE] = statement.enclose(statement.of(sealed, verdict), signer)
    return sealed


def manifest(parts: Mapping[str, bytes], run: str, tier: str) -> bytes:
    """The list of all parts with their sizes and hashes, as bytes."""
    files = [
        {"name": name, "bytes": len(parts[name]), "sha256": sha256(parts[name]).hexdigest()}
        for name in sorted(parts)
    ]
    content = {"schema": SCHEMA, "run": run, "packed_by": packed_by(), "tier": tier, "files": files}
    return json.dumps(content, indent=1).encode("ascii") + b"\n"


def _parts(folder: Path) -> dict[str, bytes]:
    """What a run's folder holds that no view is made from; anything that a run does not write is left behind."""
    try:
        parts = {name: (folder / name).read_bytes() for name in (FILE_NAME, RUN)}
        more = [folder / name for name in OPTIONAL if (folder / name).is_file()]
        return parts | {path.relative_to(folder).as_posix(): path.read_bytes() for path in more}
    except OSError as error:
        raise ConfigurationError(
            f"{folder} should hold a run, but {Path(str(error.filename)).name} cannot be read: {error.strerror}.",
            hint="Name the folder of a run, e.g. one below .joinedup/runs.",
        ) from None
