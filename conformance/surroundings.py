"""
What may be read beside a contract: its own folder, or the addresses below its own; nothing else.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urljoin, urlsplit

from joinedup.conformance.document import MAX_BYTES
from joinedup.conformance.errors import JoinedUpError

MAX_FILES = 300

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|\\")


class OutsideError(Exception):
    """Raised when a reference leads somewhere that may not, or cannot, be read; says so as a phrase."""


class Surroundings(Protocol):
    """
    What a contract's references may reach. Places are written as seen from the contract.

    Args:
        own: the contract's own place.
    """

    own: str

    def locate(self, location: str) -> str:
        """The place that a reference's location names; raises OutsideError where it may not be read."""

    def seen_from(self, place: str, reference: str) -> str:
        """A reference found at a place, written as seen from the contract."""

    def read(self, place: str) -> bytes:
        """What stands at a place; raises OutsideError."""


@dataclass
class Alone:
    """Nothing beside the contract is read."""

    own: str = ""

    def locate(self, location: str) -> str:
        """Refuse every location."""
        raise OutsideError("leads to another file, and nothing outside the document is read")

    def seen_from(self, place: str, reference: str) -> str:
        """The reference itself."""
        return reference

    def read(self, place: str) -> bytes:
        """Refuse every place."""
        raise OutsideError("is not read")


@dataclass
class Budget:
    """How many more files and bytes may be read."""

    files: int = field(default_factory=lambda: MAX_FILES)
    size: int = field(default_factory=lambda: 2 * MAX_BYTES)

    def spend(self, size: int) -> None:
        """Count one file of so many bytes; raises OutsideError when that is too much."""
        self.files -= 1
        self.size -= size
        if self.files < 0 or self.size < 0:
            raise OutsideError(f"goes beyond what is read for one contract ({MAX_FILES} files, 40 MB)")


@dataclass
class Folder:
    """The folder that holds the contract, symbolic links resolved."""

    root: Path
    own: str
    budget: Budget = field(default_factory=Budget)

    def locate(self, location: str) -> str:
        """The path below the folder that a location names."""
        if _SCHEME.match(location):
            raise OutsideError(_scheme_fault(location))
        place = posixpath.normpath(unquote(location)) if location else self.own
        if place.startswith(("/", "..")) or "\x00" in place:
            raise OutsideError("leads out of the contract's folder")
        root = self.root.resolve()
        if not (root / place).resolve().is_relative_to(root):
            raise OutsideError("leads out of the contract's folder")
        return place

    def seen_from(self, place: str, reference: str) -> str:
        """The reference with its location joined to the folder of the place."""
        location, mark, fragment = reference.partition("#")
        if _SCHEME.match(location) or location.startswith("/"):
            return reference
        joined = posixpath.join(posixpath.dirname(place), location) if location else place
        return posixpath.normpath(joined) + (mark + fragment if mark else "")

    def read(self, place: str) -> bytes:
        """The bytes of a file in the folder."""
        path = (self.root / place).resolve()
        try:
            if not path.is_file():
                raise OutsideError("leads to a file that is not there")
            self.budget.spend(path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            raise OutsideError("leads to a file that cannot be read") from error


@dataclass
class Address:
    """The addresses below the one that the contract was fetched from: same scheme, host, port and folder."""

    own: str
    fetch: Callable[[str], bytes]
    budget: Budget = field(default_factory=Budget)

    def locate(self, location: str) -> str:
        """The address that a location names."""
        place = urljoin(self.own, location)
        here, there = urlsplit(self.own), urlsplit(place)
        if there.scheme not in {"http", "https"}:
            raise OutsideError(_scheme_fault(location))
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise OutsideError("leads to another host, which is never asked")
        folder = posixpath.dirname(here.path).rstrip("/") + "/"
        if not posixpath.normpath(unquote(there.path)).startswith(folder):
            raise OutsideError("leads out of the contract's folder")
        return place

    def seen_from(self, place: str, reference: str) -> str:
        """The reference as an absolute address."""
        return urljoin(place, reference)

    def read(self, place: str) -> bytes:
        """What the address answers."""
        try:
            content = self.fetch(place)
        except JoinedUpError as error:
            raise OutsideError(f"cannot be fetched ({error.message.rstrip('.')})") from error
        self.budget.spend(len(content))
        return content


def _scheme_fault(location: str) -> str:
    if location.lower().startswith(("http:", "https:", "//")):
        return "leads to another host, which is never asked"
    return "names a kind of address that is never read"
