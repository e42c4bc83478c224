"""
What ``joinedup doctor`` finds: probes, and faults that each have a cause and a fix.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from joinedup.conformance.errors import JoinedUpError, SetupError

WIDTH = 100


@dataclass(frozen=True)
class Fault:
    """
    One thing that stands in the way of a verdict.

    Args:
        id: stable kebab-case name, e.g. ``tls-expired``.
        cause: one sentence: what was expected and what came.
        fix: one sentence: what to do, with the key of ``joinedup.toml``.
    """

    id: str
    cause: str
    fix: str

    def error(self) -> SetupError:
        """The same as an error that ends whatever depends on it."""
        return SetupError(self.cause, hint=self.fix, fault=self.id)


def fault_of(error: JoinedUpError, otherwise: str, fix: str = "") -> Fault:
    """An error as a fault; ``otherwise`` names it where the error does not, ``fix`` where it says nothing to do."""
    return Fault(error.fault or otherwise, error.message, error.hint or fix)


@dataclass(frozen=True)
class Probe:
    """
    One thing that was looked at.

    Args:
        system: which system; empty for the configuration as a whole.
        name: e.g. ``tls`` or ``identity own``.
        said: what was seen, in a few words.
        faults: what is wrong; empty where nothing is.
        tried: False where an earlier fault left nothing to look at; ``said`` then says why.
    """

    system: str
    name: str
    said: str = ""
    faults: tuple[Fault, ...] = ()
    tried: bool = True

    @property
    def state(self) -> str:
        """``ok``, ``fault`` or ``not tried``."""
        return "fault" if self.faults else "ok" if self.tried else "not tried"


@dataclass(frozen=True)
class Diagnosis:
    """Every probe, in the order in which they were made."""

    probes: tuple[Probe, ...]

    @property
    def green(self) -> bool:
        """Whether nothing stands in the way."""
        return all(probe.state == "ok" for probe in self.probes)

    @property
    def faults(self) -> tuple[tuple[Probe, Fault], ...]:
        """Each fault once, with the probe that found it first."""
        found: dict[Fault, Probe] = {}
        for probe in self.probes:
            for fault in probe.faults:
                found.setdefault(fault, probe)
        return tuple((probe, fault) for fault, probe in found.items())

    def as_record(self) -> dict[str, object]:
        """The machine form of ``joinedup doctor --json``."""
        return {
            "green": self.green,
            "probes": [
                {
                    "system": probe.system,
                    "probe": probe.name,
                    "state": probe.state,
                    "said": probe.said,
                    "faults": [fault.id for fault in probe.faults],
                }
                for probe in self.probes
            ],
            "faults": [{"system": p.system, "probe": p.name, **asdict(fault)} for p, fault in self.faults],
        }

    def as_text(self) -> str:
        """One line for each probe, then causes and fixes."""
        return "\n".join([*_lines(self.probes), *_faults(self.faults), "", _last(self)])


def _lines(probes: Iterable[Probe]) -> Iterator[str]:
    system = ""
    for probe in probes:
        if probe.system != system:
            system = probe.system
            yield f"\n{system}"
        said = probe.said or ", ".join(fault.id for fault in probe.faults)
        yield f"  {probe.state:<9}  {probe.name:<32}  {_plain(said)}".rstrip()


def _faults(faults: Iterable[tuple[Probe, Fault]]) -> Iterator[str]:
    for probe, fault in faults:
        yield f"\n{fault.id} ({', '.join(part for part in (probe.system, probe.name) if part)})"
        yield _wrapped("because", fault.cause)
        yield _wrapped("do", fault.fix)


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(
        f"{label:<9}{_plain(text)}",
        WIDTH,
        initial_indent="  ",
        subsequent_indent=" " * 11,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    """The text without what controls a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _last(diagnosis: Diagnosis) -> str:
    if diagnosis.green:
        return "Nothing stands in the way of a verdict."
    number = len(diagnosis.faults)
    return f"{number} fault{'' if number == 1 else 's'}: put {'it' if number == 1 else 'them'} right before asking for a verdict."
