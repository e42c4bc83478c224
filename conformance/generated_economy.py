"""
What generating does without here, because nothing in a run reads it.

Hypothesis writes out the source of every lambda for whoever debugs a test, and looks for numbers and words in the source
of every module that is installed as this one is; both parse the same files again in each process. Without them the cases
also no longer depend on which modules happen to be loaded. It tries which characters a codec has, a million of them, and
remembers that in a folder that ends with the run. Schemathesis forgets after each document what it has drawn for a
parameter that others have too, and puts its settings together anew for each request.

The names are private to both, whose versions are locked; a test says which of them is gone.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis.internal import charmap, lambda_sources
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.internal.intervalsets import IntervalSet
from schemathesis.config import ProjectConfig
from schemathesis.generation.coverage import GenerationSession

DRAWN = GenerationSession()
"""What has been drawn in this process, by the schema that it was drawn for: every draw has the same seed."""

_NO_CONSTANTS = Constants()
_NOTHING = IntervalSet(())
# The characters of a codec, and those of them that it does not give back as they were.
_CHARACTERS = {
    "ascii": (IntervalSet(((0, 0x7F),)), _NOTHING),
    "utf-8": (IntervalSet(((0, 0xD7FF), (0xE000, sys.maxunicode))), _NOTHING),
}
_found_out = charmap.intervals_from_codec


def _characters(codec: str) -> tuple[IntervalSet, IntervalSet]:
    return _CHARACTERS.get(codec) or _found_out(codec)


# Questions that are asked several times for each request; each answer is put together from all settings.
_SETTINGS = ("generation_for", "phases_for", "checks_config_for")
# What is put where, for as long as something is generated: (module, name, value).
_SPARED: tuple[tuple[Any, str, Any], ...] = (
    (lambda_sources, "lambda_description", lambda function: "lambda"),
    (providers, "_get_local_constants", lambda: _NO_CONSTANTS),
    (charmap, "intervals_from_codec", _characters),
)


def _remembered(config: type[Any], name: str) -> Callable[..., Any]:
    """A method of the settings that answers what it has answered for the same operation and phase."""
    answer = getattr(config, name)
    # With the settings themselves, so that no others can come to stand at their place in memory meanwhile.
    known: dict[tuple[int, str, str | None], tuple[Any, Any]] = {}

    def remembered(self: Any, *, operation: Any = None, phase: str | None = None) -> Any:
        key = (id(self), operation.label if operation is not None else "", phase)
        if key not in known:
            asked = {"operation": operation} | ({"phase": phase} if phase is not None else {})
            known[key] = (self, answer(self, **asked))
        return known[key][1]

    return remembered


@contextlib.contextmanager
def sparing() -> Iterator[None]:
    """Generate without what nobody reads while this is open; other tests of the process are as they were."""
    settings = ((ProjectConfig, name, _remembered(ProjectConfig, name)) for name in _SETTINGS)
    with contextlib.ExitStack() as undo:
        for place, name, value in (*_SPARED, *settings):
            undo.callback(setattr, place, name, getattr(place, name))
            setattr(place, name, value)
        yield
