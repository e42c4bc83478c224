"""
Which worker process does what: everything about one system is the work of one worker, in its order.

Two workers at one system would change its records under each other. xdist has groups for this (``--dist loadgroup``),
but xdist 3.8 writes them into a name that pytest 9.2 no longer reads, so that nothing is kept together any more.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from xdist.scheduler import LoadScopeScheduling

from joinedup.conformance.journey_items import SUFFIX

JOURNEYS = "journeys"


class SystemScheduling(LoadScopeScheduling):
    """
    Hands out systems whole, the largest first.

    Args:
        systems: names of those under test.
        apart: whether journeys may be played by several workers at once.
    """

    def __init__(self, config: Any, log: Any, systems: Collection[str], *, apart: bool) -> None:
        super().__init__(config, log)
        self._systems, self._apart = systems, apart

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid, self._systems, apart=self._apart)


def scope_of(nodeid: str, systems: Collection[str], *, apart: bool) -> str:
    """
    What an item is done together with.

    Args:
        nodeid: ``test_input.py::test_keeps_moments[school]``, ``test_exercise.py::test_x[cp-is-GET /v1/status]``,
            ``journeys/suspension.arazzo.yaml::suspension``.
        apart: whether each journey is a scope of its own.
    """
    path, _, name = nodeid.partition("::")
    if path.endswith(SUFFIX):
        return nodeid if apart else JOURNEYS
    about = name.partition("[")[2].removesuffix("]")
    # The longest, because the name of one system may begin with that of another.
    named = [system for system in systems if about == system or about.startswith(f"{system}-")]
    return max(named, key=len, default=nodeid)
