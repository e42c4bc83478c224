"""
Whether a pack is what it says it is.

A pack comes from somebody else, so nothing in it is believed: the zip is built again from its parts and compared, every
part is compared with the manifest, the statement with both, and the verdict and every view are computed again from the
record. Only a signature by a key that the reader trusts says who answers for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joinedup.conformance.errors import ConfigurationError, UnverifiedError
from joinedup.reports import archive, pack, statement
from joinedup.reports.events import FILE_NAME
from joinedup.reports.pack import ENVELOPE, MANIFEST, RUN, Tier
from joinedup.reports.run_folder import VERDICT
from joinedup.reports.statement import SSlibKey
from joinedup.reports.wording import printable


@dataclass(frozen=True)
class Verified:
    """
    A pack that holds together.

    Args:
        tier: as the manifest says it.
        signers: ids of the keys that the statement names; not one of them is checked without ``trusted``.
        trusted: id of the key that was demanded and did sign; empty where none was.
        packed_by: program and version that packed it.
        same_version: whether this version packed it, so that the views could be compared too.
    """

    parts: Mapping[str, bytes]
    verdict: Mapping[str, Any]
    tier: Tier
    signers: tuple[str, ...]
    trusted: str
    packed_by: str
    same_version: bool


def verify(path: Path, trust: Path | None = None) -> Verified:
    """
    Check a pack from outside in.

    Args:
        path: the file.
        trust: PEM file of the public key that has to have signed it.

    Raises:
        UnverifiedError: it is not what it says it is, or not signed by the key that is trusted.
        ConfigurationError: there is no such file, or no such key.
    """
    key = statement.public_key(trust) if trust else None
    content = _content(path)
    try:
        return _verified(content, key)
    except UnverifiedError as error:
        name = printable(path.name)
        raise UnverifiedError(f"{name} does not verify. {error.message}", hint=error.hint) from None


def _verified(content: bytes, key: SSlibKey | None) -> Verified:
    parts = archive.read(content)
    listed = _manifest(parts)
    same_version = listed["packed_by"] == pack.packed_by()
    verdict = _verdict(parts, same_version)
    tier = _tier(listed, verdict)
    envelope = _statement(parts, verdict, tier, same_version)
    if key and not envelope:
        raise UnverifiedError("The pack is a working copy, which nobody signs, and a signer was demanded.")
    if key and envelope:
        statement.demand_signature(envelope, key)
    return Verified(
        parts=parts,
        verdict=verdict,
        tier=tier,
        signers=tuple(envelope.signatures) if envelope else (),
        trusted=key.keyid if key else "",
        packed_by=listed["packed_by"],
        same_version=same_version,
    )


def _content(path: Path) -> bytes:
    if not path.is_file():
        what = f"{path} is a folder, and a pack is one file" if path.is_dir() else f"There is no file {path}"
        raise ConfigurationError(f"{what}.", hint="Name a file that `joinedup pack` wrote.")
    if path.stat().st_size > archive.MOST_BYTES:
        raise UnverifiedError(
            f"{path.name} does not verify. It is larger than the {archive.MOST_BYTES:,} bytes that a pack may have."
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None


def _manifest(parts: Mapping[str, bytes]) -> dict[str, Any]:
    """The manifest, after every part was compared with it."""
    for name in (MANIFEST, FILE_NAME, RUN, VERDICT):
        if name not in parts:
            raise UnverifiedError(f"The pack holds no {name}.")
    listed = _object(parts[MANIFEST], MANIFEST)
    covered = {name: content for name, content in parts.items() if name not in (MANIFEST, ENVELOPE)}
    expected = _object(pack.manifest(covered, str(listed.get("run")), str(listed.get("tier"))), MANIFEST)
    named = _named(listed.get("files"))
    for name in sorted({*covered, *named}):
        if name not in covered or name not in named:
            where = "in the manifest but not in the pack" if name in named else "in no line of the manifest"
            raise UnverifiedError(f"The part {printable(name[:80])} is {where}.")
    for entry in expected["files"]:
        if named[entry["name"]] != entry:
            raise UnverifiedError(f"The part {entry['name']} is not the one that the manifest lists.")
    if {**expected, "packed_by": listed.get("packed_by")} != listed or not isinstance(
        listed["packed_by"], str
    ):
        raise UnverifiedError("The manifest is not in the form that a pack has.")
    return listed


def _named(files: object) -> dict[str, object]:
    entries = files if isinstance(files, list) else []
    return {str(entry.get("name")): entry for entry in entries if isinstance(entry, dict)}


def _object(content: bytes, name: str) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UnverifiedError(f"The part {name} cannot be read.")
    return value


def _verdict(parts: Mapping[str, bytes], same_version: bool) -> dict[str, Any]:
    """The verdict, computed again from the record and compared with what the pack shows."""
    claimed = _object(parts[VERDICT], VERDICT)
    try:
        verdict = pack.judged(parts)
        views = pack.views(verdict) if same_version else {}
        same = decisive(claimed) == decisive(verdict)
    except UnverifiedError:
        raise
    except Exception:
        raise UnverifiedError("The record in the pack cannot be judged.") from None
    if not same:
        raise UnverifiedError("The verdict in the pack is not the one that follows from its record.")
    for name, content in views.items():
        if parts.get(name) != content:
            raise UnverifiedError(f"The part {name} does not show what follows from the record.")
    return verdict


def decisive(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """What a verdict says, without the form in which one version says it."""
    requirements = [
        {key: requirement.get(key) for key in ("system", "id", "level", "outcome", "waived")}
        for requirement in verdict["requirements"]
    ]
    findings = [
        {key: finding[key] for key in ("system", "rule", "requirements", "operations")}
        for finding in verdict["findings"]
    ]
    whole = {key: verdict[key] for key in ("run", "verdict", "exit_code", "complete")}
    return {**whole, "requirements": requirements, "findings": findings}


def _tier(listed: Mapping[str, Any], verdict: Mapping[str, Any]) -> Tier:
    working_copy = verdict["verdict"] == "no_verdict"
    tier = listed["tier"]
    if tier not in set(Tier) or working_copy is not (tier == Tier.WORKING_COPY):
        raise UnverifiedError("The manifest claims more, or less, than a run with this verdict can give.")
    if listed["run"] != verdict["run"]:
        raise UnverifiedError("The manifest names another run than the record.")
    return Tier(tier)


def _statement(
    parts: Mapping[str, bytes], verdict: Mapping[str, Any], tier: Tier, same_version: bool
) -> statement.Envelope | None:
    """The envelope, after its statement was compared with the pack; a working copy has none."""
    if (ENVELOPE in parts) is (tier is Tier.WORKING_COPY):
        raise UnverifiedError(
            "The pack has a statement where there should be none, or none where it needs one."
        )
    if tier is Tier.WORKING_COPY:
        return None
    envelope = statement.opened(parts[ENVELOPE])
    if bool(envelope.signatures) is not (tier is Tier.SIGNED):
        raise UnverifiedError("The manifest and the statement disagree on whether the pack is signed.")
    expected = statement.of(parts, verdict)
    if envelope.payload != expected and (same_version or not _same_subject(envelope.payload, expected)):
        raise UnverifiedError("The statement of the pack speaks of another pack.")
    return envelope


def _same_subject(payload: bytes, expected: bytes) -> bool:
    ours, theirs = (_object(content, ENVELOPE) for content in (expected, payload))
    subjects = theirs.get("subject")
    return isinstance(subjects, list) and ours["subject"][0] in subjects


def render(path: Path, verified: Verified) -> str:
    """What was proved, and what was not, in plain lines."""
    verdict = verified.verdict
    lines = [
        f"✓ {path.name} verifies: {verdict['verdict']} ({verdict['reason']})",
        f"  whole     {len(verified.parts)} parts, each as the manifest lists it; built again, the file is the same",
        "  verdict   computed again from the record, with the same result",
        f"  trust     {verified.tier}",
    ]
    if not verified.same_version:
        lines.append(
            f"  pages     not compared: {verified.packed_by} wrote them, and this is {pack.packed_by()};"
            " believe verdict.json"
        )
    return "\n".join(printable(line) for line in (*lines, *_who(verified)))


def _who(verified: Verified) -> list[str]:
    if verified.trusted:
        return [f"  signer    the key that you trust: {verified.trusted}"]
    names = ", ".join(verified.signers)
    claim = [f"  signer    claims to be {names}, which was not checked"] if names else []
    missing = "Name the signer's key with --trust to know more." if names else "Nobody signs for it."
    return [*claim, f"This proves integrity only, and nothing about who made the pack. {missing}"]
