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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from joinedup.conformance.errors import ConfigurationError, UnverifiedError
from joinedup.reports import archive, statement
from joinedup.reports.events import FILE_NAME, Event, parse_events
from joinedup.reports.run_folder import PERFORMANCE, performance_from, rendered, write_whole
from joinedup.reports.verdict import compute

MANIFEST = "manifest.json"
ENVELOPE = "statement.dsse.json"
RUN = "run.json"
OPTIONAL = (PERFORMANCE, "exercise.json")
WORKING_COPY = "working-copy"
SCHEMA = 1

MOST = {"system": 200, "journey": 2_000, "earlier": 50, "waiver": 2_000, "known": 2_000, "attestation": 2_000}
"""How many events of a kind a record may hold: views set some of them side by side, and a pack may be hostile."""
ROOM = 512
"""Bytes that the two headers of a part take, with its name in each, at most."""
MOST_LINKED = 200
"""How many systems may stand in the matrix of links."""


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
    try:
        verdict = judged(parts)
    except UnverifiedError as error:
        raise ConfigurationError(f"The run {folder} cannot be packed. {error.message}") from None
    tier = _tier(verdict, signer)
    if tier is Tier.WORKING_COPY and signer:
        raise ConfigurationError(
            f"The run {folder} has no verdict ({verdict['reason']}), so there is nothing to sign for.",
            hint="Leave out --key for a working copy, or run `joinedup check` again.",
        )
    path = _working_copy(out) if tier is Tier.WORKING_COPY else out
    sealed = _sealed({**parts, **views(verdict)}, verdict, tier, signer)
    _refuse_large(folder, sealed)
    content = archive.write(sealed)
    write_whole(path, content)
    return Pack(path, tier, signer.public_key.keyid if signer else "", verdict)


def _refuse_large(folder: Path, sealed: Mapping[str, bytes]) -> None:
    """Refuse what no reader would take."""
    for number, most, what in (
        (sum(map(len, sealed.values())), archive.MOST_BYTES - ROOM * len(sealed), "bytes"),
        (len(sealed), archive.MOST_PARTS, "parts"),
    ):
        if number > most:
            raise ConfigurationError(
                f"The run {folder} is too large for a pack: {number:,} {what}, where {most:,} are the most.",
                hint="Check fewer systems in one run, with --system.",
            )


def _tier(verdict: Mapping[str, Any], signer: statement.CryptoSigner | None) -> Tier:
    if verdict["verdict"] == "no_verdict":
        return Tier.WORKING_COPY
    return Tier.SIGNED if signer else Tier.UNSIGNED


def _working_copy(out: Path) -> Path:
    return out if WORKING_COPY in out.name else out.with_name(f"{out.stem}.{WORKING_COPY}{out.suffix}")


def judged(parts: Mapping[str, bytes]) -> dict[str, Any]:
    """
    The verdict that follows from the record and the load of a run, in the form in which it is read back.

    Raises:
        UnverifiedError: the record holds more of something than any run does.
    """
    performance = performance_from(parts[PERFORMANCE]) if PERFORMANCE in parts else None
    events = list(parse_events(io.BytesIO(parts[FILE_NAME])))
    _refuse_many(events)
    computed = compute(events, performance=performance)
    verdict: dict[str, Any] = json.loads(json.dumps(computed))
    return verdict


def _refuse_many(events: Sequence[Event]) -> None:
    counts = Counter(str(event["event"]) for event in events)
    for kind, most in MOST.items():
        if counts[kind] > most:
            raise UnverifiedError(
                f"The record holds {counts[kind]:,} events {kind!r}, where {most:,} are the most."
            )
    if len(set(_linked(events))) > MOST_LINKED:
        raise UnverifiedError(f"The record links more than the {MOST_LINKED} systems that a pack may have.")


def _linked(events: Sequence[Event]) -> Iterator[str]:
    """The systems at both ends of every link; what has another form is refused where it is judged."""
    for event in events:
        links = event.get("links") if event["event"] == "journey" else None
        for link in links if isinstance(links, list) else ():
            if isinstance(link, dict):
                yield from (str(link.get("from")), str(link.get("to")))


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
