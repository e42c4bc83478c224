"""
Certificates for agencies that are served over TLS: an authority, a server and clients, written to a folder.

The authority stays when the folder is used again, so that what trusts it once goes on trusting it; everything that it
issued is made anew.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

LONG_AGO, YESTERDAY = timedelta(days=30), timedelta(days=1)


@dataclass(frozen=True)
class Certificates:
    """
    Where the files are, all of them PEM; those of a certificate hold its key too.

    Args:
        authority: to be trusted by whoever calls.
        server: of the agencies.
        client: what a caller shows.
        expired: what a caller showed until yesterday.
        stranger: what a caller shows that another authority vouches for.
    """

    authority: Path
    server: Path
    client: Path
    expired: Path
    stranger: Path


def write_certificates(folder: Path, hosts: Sequence[str], client: str) -> Certificates:
    """
    Write them into a folder.

    Args:
        hosts: names and addresses that the server is called by.
        client: whom the callers' certificates name.
    """
    authority, now = _authority(folder), datetime.now(UTC)
    files = {
        "server": authority.issue_cert(*hosts),
        "client": authority.issue_cert(common_name=client, organization_name="joinedup"),
        "expired": authority.issue_cert(
            common_name=client, not_before=now - LONG_AGO, not_after=now - YESTERDAY
        ),
        "stranger": trustme.CA(organization_name="Somebody else").issue_cert(common_name=client),
    }
    for name, found in files.items():
        write_privately(folder / f"{name}.pem", found.private_key_and_cert_chain_pem.bytes())
    return Certificates(folder / "authority.pem", **{name: folder / f"{name}.pem" for name in files})


def _authority(folder: Path) -> trustme.CA:
    shown, kept = folder / "authority.pem", folder / "authority.key"
    if shown.exists() and kept.exists():
        return trustme.CA.from_pem(shown.read_bytes(), kept.read_bytes())
    made = trustme.CA(organization_name="joinedup mocks")
    write_privately(kept, made.private_key_pem.bytes())
    shown.write_bytes(made.cert_pem.bytes())
    return made


def write_privately(path: Path, content: bytes) -> None:
    """Write a file that nobody but its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
