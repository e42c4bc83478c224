"""
The fixture ``agencies`` for a pytest of one's own; loaded by itself where joinedup is installed.

Light: what the agencies need is imported when a test first asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from joinedup.mocks.embedded import Agencies


@pytest.fixture(scope="session")
def joinedup_agencies() -> Agencies:
    """The agencies of a session, whose contracts are compiled once; tests use ``agencies``."""
    from joinedup.mocks.embedded import Agencies

    return Agencies()


@pytest.fixture
def agencies(joinedup_agencies: Agencies) -> Iterator[Agencies]:
    """
    The bundled agencies, fresh, at ``https://<system>.agencies.example`` for every client of httpx.

    A test fails at its end where an agency broke its own contract without a fault having asked for it.
    """
    joinedup_agencies.begin()
    with joinedup_agencies.routed():
        yield joinedup_agencies
    breaches = joinedup_agencies.breaches()
    if breaches:
        pytest.fail(f"A bundled agency broke its own contract; please report it: {breaches[0]}")
