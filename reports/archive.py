"""
A zip that has one form only: stored entries, sorted by name, no times, no extras, nothing before, between or after.

Because the form is fixed, whoever reads one needs no unpacking and no trust: what was read is written again and has
to be the same, byte for byte. That leaves no room for links, encryption, duplicates, hidden data or bombs, and one
run always gives the same bytes on every machine (compressed bytes would depend on the compressor).
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Mapping

from joinedup.conformance.errors import UnverifiedError

MOST_BYTES = 512 * 1024 * 1024
MOST_PARTS = 60_000
NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,150}(/(?!\.)[A-Za-z0-9._-]{1,150})?", re.ASCII)
"""A part's name: a file, or a file in one folder; nothing hidden, nothing that climbs."""

EPOCH = (1980, 1, 1, 0, 0, 0)
PLAIN_FILE = 0o100644 << 16
UNIX = 3

_SIGNATURE = b"PK\x03\x04"
# Signature, version, flags, method, time, date, checksum, stored and real size, lengths of name and extra.
_HEADER = struct.Struct("<4s5H3I2H")
_AGAIN = "Ask for the file as `joinedup pack` wrote it."


def write(parts: Mapping[str, bytes]) -> bytes:
    """The parts as one zip; the same parts give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(parts):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = UNIX, PLAIN_FILE
            archive.writestr(entry, parts[name])
    return target.getvalue()


def read(content: bytes) -> dict[str, bytes]:
    """
    The parts of a zip that ``write`` wrote; nothing reaches the disk.

    Raises:
        UnverifiedError: when ``write`` would not write these bytes.
    """
    parts: dict[str, bytes] = {}
    offset = 0
    while content[offset : offset + len(_SIGNATURE)] == _SIGNATURE:
        name, start, size = _entry(content, offset)
        if name in parts:
            raise UnverifiedError(f"The pack holds two parts called {name}.", hint=_AGAIN)
        parts[name] = content[start : start + size]
        offset = start + size
        if len(parts) > MOST_PARTS:
            raise UnverifiedError(f"The pack holds more than {MOST_PARTS:,} parts.", hint=_AGAIN)
    if not parts:
        raise UnverifiedError("The file is not a zip that holds a pack.", hint=_AGAIN)
    if write(parts) != content:
        raise UnverifiedError(
            "The zip, built again from its parts, is not the same byte for byte: it was changed or packed anew.",
            hint=_AGAIN,
        )
    return parts


def _entry(content: bytes, offset: int) -> tuple[str, int, int]:
    """Name, start and size of the part whose header is at ``offset``."""
    header = content[offset : offset + _HEADER.size]
    if len(header) < _HEADER.size:
        raise UnverifiedError("The pack ends in the middle of a part.", hint=_AGAIN)
    _, _, flags, method, _, _, _, _, size, named, extra = _HEADER.unpack(header)
    start = offset + _HEADER.size + named
    name = content[offset + _HEADER.size : start].decode("ascii", "replace")
    for wrong, what in (
        (flags & 1, "is encrypted"),
        (method != zipfile.ZIP_STORED, "is compressed"),
        (flags or extra, "has a header that no pack has"),
        (not NAME.fullmatch(name), "has a name that no pack holds"),
        (start + size > len(content), "is longer than the file"),
    ):
        if wrong:
            raise UnverifiedError(f"The part {name[:80]!r} {what}.", hint=_AGAIN)
    return name, start, size
