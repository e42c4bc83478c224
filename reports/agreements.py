"""
The three files of people beside ``joinedup.toml``: read before anything is sent, and written into the record.

A file that is wrong in any way stops the run with exit 2, so that nobody learns at its end that an exception had
expired. What is right goes into the record, and the verdict is computed from there: it needs no file to be computed
again.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec

from joinedup.conformance.errors import ConfigurationError
from joinedup.reports.attestations import FILE as ATTESTATIONS
from joinedup.reports.attestations import Attestation
from joinedup.reports.exceptions import Agreed, Known, Mistake, Waiver, as_record

Entry = TypeVar("Entry", Waiver, Known, Attestation)

TABLES: Mapping[type, tuple[str, str]] = {
    Waiver: (Waiver.FILE, "waiver"),
    Known: (Known.FILE, "known"),
    Attestation: (ATTESTATIONS, "attestation"),
}
"""For each kind of entry its file and the name of its tables, which is also the name of its event."""


@dataclass(frozen=True)
class Agreements:
    """What people have agreed, recorded and attested."""

    waivers: tuple[Waiver, ...] = ()
    known: tuple[Known, ...] = ()
    attestations: tuple[Attestation, ...] = ()

    def write(self, write: Callable[..., None]) -> None:
        """Put every entry into a record."""
        entries: list[Waiver | Known | Attestation] = [*self.waivers, *self.known, *self.attestations]
        for entry in entries:
            write(TABLES[type(entry)][1], **as_record(entry))


def read(
    folder: Path,
    *,
    on: date,
    profiles: Mapping[str, Collection[str]],
    waivers: str = "",
    baseline: str = "",
    attestations: str = "",
) -> Agreements:
    """
    Read the files that are there.

    Args:
        folder: where they lie unless they are named.
        on: the day of the run.
        profiles: for each system, the ids of the requirements that it is held to.
        waivers: another file; so are the two that follow. A file that is named has to be there.

    Raises:
        ConfigurationError: naming file, entry and what to write instead.
    """
    found = Agreements(
        _entries(folder, waivers, Waiver),
        _entries(folder, baseline, Known),
        _entries(folder, attestations, Attestation),
    )
    for agreed in (*found.waivers, *found.known):
        _refuse(agreed.name, [*agreed.mistakes(on), *_astray(agreed, profiles)])
    evidence = Path(attestations).parent if attestations else folder
    for attested in found.attestations:
        mistakes = [*attested.mistakes(on), *_misplaced(attested, profiles)]
        _refuse(attested.called, [*mistakes, *attested.evidence_mistakes(evidence)])
    return found


def _entries(folder: Path, named: str, kind: type[Entry]) -> tuple[Entry, ...]:
    file, table = TABLES[kind]
    path = Path(named) if named else folder / file
    if not named and not path.exists():
        return ()
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.", hint="Name a file, or leave the option out."
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{path} is not valid TOML: it is not in UTF-8.", hint="Save it as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.", hint="Mend that line.") from None
    entries = content.get(table, [])
    if set(content) - {table} or not isinstance(entries, list):
        raise ConfigurationError(
            f"{path} holds something else than [[{table}]] tables.",
            hint=f"Begin each entry with [[{table}]].",
        )
    return tuple(_entry(path, number, entry, kind) for number, entry in enumerate(entries, start=1))


def _entry(path: Path, number: int, entry: object, kind: type[Entry]) -> Entry:
    where = f"{path}, entry {number}"
    known = [field.name for field in fields(kind) if field.name != "entry"]
    unknown = sorted(set(entry) - set(known)) if isinstance(entry, dict) else []
    within = entry.get("scope") if isinstance(entry, dict) else None
    if isinstance(within, dict):
        unknown += sorted(set(within) - {"system", "finding", "operations"})
    if unknown:
        raise ConfigurationError(
            f"{where}: unknown key `{unknown[0]}`.", hint=f"There are: {', '.join(known)}."
        )
    for key in _empty(entry) if isinstance(entry, dict) else ():
        raise ConfigurationError(f"{where}: `{key}` is empty.", hint="Complete the entry.")
    try:
        return replace(msgspec.convert(entry, kind), entry=number)
    except msgspec.ValidationError as error:
        what, hint = _misformed(str(error))
        raise ConfigurationError(f"{where}: {what}", hint=hint) from None


def _empty(entry: Mapping[str, object]) -> Iterator[str]:
    """Keys without a value; an empty finding would cover any, so it is not the same as none."""
    within = entry.get("scope")
    if isinstance(within, dict):
        yield from (f"scope.{key}" for key, value in within.items() if value in ("", []))
    yield from (key for key, value in entry.items() if value == "")


_FORMS: Mapping[str, tuple[str, str]] = {
    "date": ("a date", "Write it as 2026-11-22, without quotes."),
    "str": ("text", "Write it in quotes."),
    "array": ("a list", 'Write it as ["GET /v1/children/{childId}"].'),
    "object": ("a table", 'Write it as {system = "social-care", finding = "…"}.'),
}


def _misformed(said: str) -> Mistake:
    """What msgspec says of a value that is missing or of another kind, in words."""
    text, _, place = said.partition(" - at ")
    key = place.strip("`").removeprefix("$").removeprefix(".")
    if missing := re.search(r"missing required field `(\w+)`", text):
        return f"`{'.'.join(part for part in (key, missing[1]) if part)}` is missing.", "Complete the entry."
    expected = re.search(r"xpected `(\w+)", text)
    form, hint = _FORMS.get(expected[1] if expected else "date", ("something else", "Complete the entry."))
    return f"`{key or 'the entry'}` should be {form}.", hint


def _astray(agreed: Agreed, profiles: Mapping[str, Collection[str]]) -> Iterator[Mistake]:
    """Why no run of this configuration could ever match an entry."""
    if agreed.scope.system not in profiles:
        known = ", ".join(profiles) or "none"
        yield "it matches nothing: there is no such system.", f"The systems under test are: {known}."
    elif agreed.requirement not in profiles[agreed.scope.system]:
        yield "it matches nothing: the system is not held to this requirement.", "Remove the entry."


def _misplaced(attested: Attestation, profiles: Mapping[str, Collection[str]]) -> Iterator[Mistake]:
    held = [name for name, ids in profiles.items() if attested.requirement in ids]
    if attested.system not in ("", *held) or not held:
        yield (
            "it matches nothing: no such system is held to this requirement.",
            "Correct or remove the entry.",
        )
    elif not attested.system and len(held) > 1:
        yield (
            f"it is too broad: {', '.join(held)} are held to this requirement.",
            "Name one with `system`, and write one entry for each.",
        )


def _refuse(name: str, mistakes: list[Mistake]) -> None:
    for what, hint in mistakes[:1]:
        raise ConfigurationError(f"{name}: {what}", hint=hint)
