"""
What generating does without here, because nothing in a run reads it.

Hypothesis writes out the source of every lambda for whoever debugs a test, and looks for numbers and words in the source
of every module that is installed as this one is; both parse the same files again in each process. Without them the cases
also no longer depend on which modules happen to be loaded. It tries which characters a codec has, a million of them, and
remembers that in a folder that ends with the run. Schemathesis forgets after each document what it has drawn for a
parameter that others have too.

The names are private to Hypothesis, whose version is locked; a test says which of them is gone.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from hypothesis.internal import charmap, lambda_sources
from hypothesis.internal.conjecture import providers
from hypothesis.internal.intervalsets import IntervalSet
from schemathesis.generation.coverage import GenerationSession

DRAWN = GenerationSession()
"""What has been drawn in this process, by the schema that it was drawn for: every draw has the same seed."""

_NO_CONSTANTS = providers.Constants()
_NOTHING = IntervalSet(())
# The characters of a codec, and those of them that it does not give back as they were.
_CHARACTERS = {
    "ascii": (IntervalSet(((0, 0x7F),)), _NOTHING),
    "utf-8": (IntervalSet(((0, 0xD7FF), (0xE000, sys.maxunicode))), _NOTHING),
}
_found_out = charmap.intervals_from_codec


def _characters(codec: str) -> tuple[IntervalSet, IntervalSet]:
    return _CHARACTERS.get(codec) or _found_out(codec)


# What is put where, for as long as something is generated: (module, name, value).
_SPARED: tuple[tuple[Any, str, Any], ...] = (
    (lambda_sources, "lambda_description", lambda function: "lambda"),
    (providers, "_get_local_constants", lambda: _NO_CONSTANTS),
    (charmap, "intervals_from_codec", _characters),
)


@contextlib.contextmanager
def sparing() -> Iterator[None]:
    """Generate without what nobody reads while this is open; other tests of the process are as they were."""
    with contextlib.ExitStack() as undo:
        for module, name, value in _SPARED:
            undo.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        yield
