"""Deliberate defects of the token server."""

from __future__ import annotations

from joinedup.mocks.fault import Fault

FAULTS: tuple[Fault, ...] = (
    Fault(
        "guessable-key",
        "auth",
        ("AUT-09",),
        "Tokens are signed with a secret that stands in every list of such secrets.",
    ),
    Fault(
        "wrong-passwords-unlimited",
        "auth",
        ("AUT-11",),
        "Secrets of a client can be guessed at as often and as fast as anybody likes.",
    ),
    Fault(
        "tokens-outlive-agreement",
        "auth",
        ("AUT-08",),
        "The tokens of a supplier whose agreement has ended go on opening everything until they expire.",
    ),
)
