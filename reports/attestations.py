"""
Attestations: what no machine can test and a named person answers for, in ``attestations.toml``.

A requirement that needs a person is ``review`` without one and ``pass`` with one; it is shown as attested, and never
counted as tested. An attestation takes the place of no test: what a check found stands.
"""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from joinedup.conformance.outcomes import Outcome
from joinedup.reports import persons
from joinedup.reports.exceptions import REQUIREMENT, Mistake

FILE = "attestations.toml"
LONGEST_MONTHS = 12
TEXTS = ("statement", "evidence", "name", "role", "organisation")
_SHA_256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Attestation:
    """
    What one person says of one requirement.

    Args:
        evidence: what was looked at: a file beside ``attestations.toml``, or an https address.
        sha256: its hash, in hexadecimal.
        system: the system that it is about; may be empty where only one is under test.
        date: the day on which it was made.
        expires: the last day on which it holds.
        entry: its number in its file, from 1.
    """

    requirement: str
    statement: str
    evidence: str
    sha256: str
    name: str
    role: str
    organisation: str
    date: datetime.date
    expires: datetime.date
    system: str = ""
    entry: int = 0

    @property
    def called(self) -> str:
        """How a sentence speaks of it."""
        return f"{FILE}, entry {self.entry} ({self.requirement})"

    @property
    def person(self) -> str:
        """Who answers for it."""
        return f"{self.name}, {self.role}, {self.organisation}"

    def mistakes(self, on: datetime.date) -> Iterator[Mistake]:
        """Each thing that is wrong with it on a day, as (what, what to do)."""
        if not REQUIREMENT.fullmatch(self.requirement):
            yield (
                f"it is too broad: `{self.requirement}` is not the id of one requirement.",
                "Write one entry for each requirement.",
            )
        for key in TEXTS:
            if not str(getattr(self, key)).strip():
                yield f"`{key}` is empty.", "Complete the entry."
        if not persons.is_named(self.name):
            yield "`name` names nobody.", "Write the name of the person who attests it."
        if not _SHA_256.fullmatch(self.sha256):
            yield "`sha256` is no SHA-256 in hexadecimal.", "Write what `sha256sum FILE` prints."
        yield from self._dated(on)

    def _dated(self, on: datetime.date) -> Iterator[Mistake]:
        if self.date > on:
            yield f"`date` is {self.date}, which is yet to come.", "Correct the date."
            return
        latest = a_year_after(self.date)
        if self.expires < self.date:
            yield f"it expires on {self.expires}, before its date, {self.date}.", "Correct the dates."
        if self.expires > latest:
            yield (
                f"it expires on {self.expires}, more than {LONGEST_MONTHS} months after {self.date}.",
                f"Write {latest} or an earlier day.",
            )
        if self.expires < on:
            yield f"it expired on {self.expires}.", "Have it attested anew."

    def evidence_mistakes(self, folder: Path) -> Iterator[Mistake]:
        """Whether the evidence is still what the person saw; what lies at an address is not fetched."""
        if self.evidence.startswith("https://"):
            return
        try:
            found = sha256((folder / self.evidence).read_bytes()).hexdigest()
        except OSError as error:
            yield f"the evidence {self.evidence} cannot be read: {error.strerror}.", "Correct the path."
            return
        if found != self.sha256:
            yield (
                f"the evidence {self.evidence} is not what was attested: its SHA-256 is {found}.",
                "Have it attested anew.",
            )


def a_year_after(day: datetime.date) -> datetime.date:
    """The same day twelve months later; 28 February for 29 February."""
    last = calendar.monthrange(day.year + 1, day.month)[1]
    return day.replace(year=day.year + 1, day=min(day.day, last))


def attesting(
    attestations: Sequence[Attestation], requirement: str, system: str, outcome: Outcome
) -> Attestation | None:
    """What is attested of a requirement that needs a person; None for any that does not."""
    if outcome is not Outcome.REVIEW:
        return None
    own = (a for a in attestations if a.requirement == requirement and a.system in ("", system))
    return next(own, None)
