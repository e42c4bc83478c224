"""
What a deliberate defect is: one change of behaviour as a user would see it. A leaf, so that every agency can list its own.
"""

from __future__ import annotations

from dataclasses import dataclass

# Instead of a system's name: a fault that any of them can be given.
ANY = "any"


@dataclass(frozen=True)
class Fault:
    """A deliberate defect of one system; ``shows`` is what a user would see."""

    name: str
    system: str
    breaks: tuple[str, ...]
    shows: str
    may_break: tuple[str, ...] = ()
