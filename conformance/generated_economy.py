"""
What generating does without here, because nothing in a run reads it.

Hypothesis writes out the source of every lambda for whoever debugs a test, and looks for numbers and words in the source
of every module that is installed as this one is; both parse the same files again in each process. Without them the cases
also no longer depend on which modules happen to be loaded. It tries which characters a codec has, a million of them, and
remembers that in a folder that ends with the run. Schemathesis forgets after each document what it has drawn for a
parameter that others have too, and puts its settings together anew for each request.

The names are private to both. A version of Hypothesis that lacks one is only slower (Schemathesis is held to the versions
whose names these are); a test says which is gone.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from schemathesis.config import ProjectConfig
from schemathesis.generation.coverage import GenerationSession

DRAWN = GenerationSession()
"""What has been drawn in this process, by the schema that it was drawn for: every draw has the same seed."""

# Questions that are asked several times for each request; each answer is put together from all settings.
_SETTINGS = ("generation_for", "phases_for", "checks_config_for")
CHARACTERS = {"ascii": ((0, 0x7F),), "utf-8": ((0, 0xD7FF), (0xE000, sys.maxunicode))}
"""By codec, the first and the last of each range of its characters."""

Place = tuple[Any, str, Any]
"""A module or class, a name in it, and what is put there while something is generated."""


def _no_descriptions() -> Place:
    from hypothesis.internal import lambda_sources

    return lambda_sources, "lambda_description", lambda function: "lambda"


def _no_constants() -> Place:
    from hypothesis.internal.conjecture import providers
    from hypothesis.internal.constants_ast import Constants

    none = Constants()
    return providers, "_get_local_constants", lambda: none


def _known_characters() -> Place:
    from hypothesis.internal import charmap
    from hypothesis.internal.intervalsets import IntervalSet

    # The characters of a codec, and those of them that it does not give back as they were.
    known = {codec: (IntervalSet(ranges), IntervalSet(())) for codec, ranges in CHARACTERS.items()}
    found_out = charmap.intervals_from_codec
    return charmap, "intervals_from_codec", lambda codec: known.get(codec) or found_out(codec)


def _places() -> Iterator[Place]:
    """Those that the versions of Hypothesis and Schemathesis that are there have."""
    for place in (_no_descriptions, _no_constants, _known_characters):
        with contextlib.suppress(ImportError, AttributeError, TypeError):
            found = place()
            getattr(found[0], found[1])
            yield found
    for name in _SETTINGS:
        yield ProjectConfig, name, _remembered(ProjectConfig, name)


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
    with contextlib.ExitStack() as undo:
        for place, name, value in [*_places()]:
            undo.callback(setattr, place, name, getattr(place, name))
            setattr(place, name, value)
        yield
