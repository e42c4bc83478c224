"""
Markers: a word in what each user sends that says whose it is, so that an answer with another user's word is seen.

A marker is ``jl<run>u<user>n<arrival>z``: it has letters and digits only, so that any free text takes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LENGTH = len("jl0a1b2cu123456n12345678z")
# Names that hold no personal data in an address: what is asked for stands in the body.
_SEARCHES = ("/search", "/searches", "/queries")
_MARKER = re.compile(rb"jl([0-9a-f]{6})u(\d+)n(\d+)z")


@dataclass
class Markers:
    """
    The markers of one load.

    Args:
        run: six hexadecimal digits.
        user: number of the user, over all processes.
    """

    run: str
    user: int
    _needle: bytes = field(init=False)
    _mine: bytes = field(init=False)

    def __post_init__(self) -> None:
        self._needle = f"jl{self.run}u".encode()
        self._mine = f"jl{self.run}u{self.user}n".encode()

    def made(self, arrival: int) -> str:
        """The marker of one arrival."""
        return f"jl{self.run}u{self.user}n{arrival}z"

    def foreign(self, body: bytes) -> bool:
        """Whether a body holds a marker of another user of the same load."""
        if self._needle not in body:
            return False
        run, mine = self.run.encode(), str(self.user).encode()
        return any(m[1] == run and m[2] != mine for m in _MARKER.finditer(body))


def names_one(method: str, path: str) -> bool:
    """
    Whether an answer is about one object, which is the caller's own or one that is named.

    A list that several users of one organisation share holds what all of them sent, by right: a GET without a path
    parameter, and a search.
    """
    if method == "GET":
        return "{" in path
    return not is_read(method, path)


def is_read(method: str, path: str) -> bool:
    """Whether a request changes nothing: a search is one that does not, although it is a POST."""
    return method in ("GET", "HEAD") or path.rstrip("/").endswith(_SEARCHES)
