"""
Children of one's own: a CSV file with a row for each child whom the test environment of a live system knows.

The columns are the names of places: ``{child.nhsNumber}`` in the inputs of a journey is the column ``nhsNumber``. Each
play takes a row that no other play of the load takes. What is said of the file names lines and columns, and never a
cell: the rows are the tester's.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stdnum.gb import nhs

from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.features import Feature, goes_by
from joinedup.conformance.real_people import may_be_somebodys

_PLACE = re.compile(r"\{child\.([^{}]+)\}")
_TEN_DIGITS = re.compile(r"[0-9]{10}")


@dataclass(frozen=True)
class OwnChildren:
    """
    What the file holds.

    Args:
        name: of the file, as the configuration has it.
        rows: by column, every row as long as the others.
        lines: on which each row begins; the header is on line 1.
        digest: SHA-256 of the file, by which two machines see that they have the same one.
    """

    name: str
    rows: tuple[Mapping[str, str], ...]
    lines: tuple[int, ...]
    digest: str

    def refuse_what_lacks(self, journey: str, inputs: Mapping[str, Any]) -> None:
        """
        See that every row has what a journey needs.

        Raises:
            ConfigurationError: a column is not there, or one of its cells is empty.
        """
        for column in sorted(set(_PLACE.findall(json.dumps(inputs, ensure_ascii=False)))):
            if column not in self.rows[0]:
                raise ConfigurationError(
                    f"The journey {journey} needs the column {column}, which {self.name} does not have.",
                    hint=f"Add the column, or pass what it stands for in [journeys.{journey}.inputs].",
                )
            for line, row in zip(self.lines, self.rows, strict=True):
                if not row[column]:
                    raise ConfigurationError(
                        f"The journey {journey} needs the column {column}, which is empty in line {line} of {self.name}.",
                        hint="Fill it in, or take the row out.",
                    )


def read_children(folder: Path, name: str) -> OwnChildren:
    """
    Read and check the file.

    Args:
        folder: where its path starts.

    Raises:
        ConfigurationError: it cannot be read, a line of it is wrong, or a row may be about somebody.
    """
    content = _content(folder, name)
    columns, *lines = _lines(content, name)
    mistakes = itertools.chain(_header_mistakes(columns[1]), _row_mistakes(columns[1], lines))
    if (first := next(mistakes, None)) is not None:
        raise ConfigurationError(f"{name}: {first[0]}", hint=first[1])
    return OwnChildren(
        name,
        tuple(dict(zip(columns[1], cells, strict=True)) for _, cells in lines),
        tuple(line for line, _ in lines),
        hashlib.sha256(content).hexdigest(),
    )


def _content(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(
            f"load.children names the file {name}, which does not exist.",
            hint="Its path starts in the folder of the configuration.",
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"load.children names the file {name}, which cannot be read: {error.strerror}.",
            hint="Name a file that whoever starts the load may read.",
        ) from None


def _lines(content: bytes, name: str) -> list[tuple[int, list[str]]]:
    """Each line that is not blank with its number, the header first; a quoted cell may go on over several."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{name}: line {line} is not UTF-8.", hint="Save the file as “CSV UTF-8”."
        ) from None
    found, begins = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((begins, [cell.strip() for cell in cells]))
            begins = reader.line_num + 1
    except csv.Error:
        raise ConfigurationError(
            f"{name}: line {begins} is no CSV.",
            hint="See that every quotation mark in it is closed, and doubled where it is part of a cell.",
        ) from None
    if len(found) < 2:
        what = "has a header and no rows" if found else "is empty"
        raise ConfigurationError(
            f"{name} {what}.", hint="Write a line with the names of the columns, and one for each child."
        )
    return found


def _header_mistakes(columns: list[str]) -> Iterator[tuple[str, str]]:
    """Each thing that is wrong with the header, as (what, what to do)."""
    for place, column in enumerate(columns, 1):
        if not column:
            yield f"column {place} has no name.", "Name it in line 1."
        elif column in columns[: place - 1]:
            first = columns.index(column) + 1
            yield f"columns {first} and {place} have the same name.", "Rename one, or take it out."
        elif may_be_somebodys(column):
            yield "line 1 is no header: it holds what may be a real person's NHS number.", _REAL
        elif nhs.is_valid(column):
            yield "line 1 is no header: it holds an NHS number.", "Write the names of the columns there."


_REAL = "Loads are sent about made-up people only: use NHS numbers that are set aside for tests, which begin with 9, such as 999…."
_Seen = dict[object, int]


def _row_mistakes(columns: list[str], lines: list[tuple[int, list[str]]]) -> Iterator[tuple[str, str]]:
    """Each thing that is wrong with the rows, as (what, what to do)."""
    seen: _Seen = {}
    for line, cells in lines:
        if len(cells) != len(columns):
            yield (
                f"line {line} has {len(cells)} cells, and line 1 names {len(columns)} columns.",
                "Write a cell for each column; one that holds a comma stands in quotation marks.",
            )
            continue
        for column, cell in zip(columns, cells, strict=True):
            yield from _cell_mistakes(line, column, cell, seen)
        if (before := seen.setdefault(tuple(cells), line)) != line:
            yield f"line {line} is the same as line {before}.", "Each play needs a child of its own."


def _cell_mistakes(line: int, column: str, cell: str, seen: _Seen) -> Iterator[tuple[str, str]]:
    if may_be_somebodys(cell):
        yield (
            f"{column} in line {line} holds an NHS number outside the ranges for tests (999…), which may be a real person's.",
            _REAL,
        )
    if not cell or not goes_by(Feature.IDENTIFIER_NHS_NUMBER, column):
        return
    if not _TEN_DIGITS.fullmatch(cell) or not nhs.is_valid(cell):
        yield (
            f"{column} in line {line} is no NHS number: ten digits, the last of which is a right check digit.",
            "Correct it; a number that begins with 0 loses it where a spreadsheet takes it for a quantity.",
        )
    elif not cell.startswith("9"):
        yield f"{column} in line {line} is an NHS number outside the ranges for tests (999…).", _REAL
    elif (before := seen.setdefault((column, cell), line)) != line:
        yield (
            f"{column} in line {line} is the same as in line {before}.",
            "Each play needs a child of its own: take one of the rows out.",
        )
