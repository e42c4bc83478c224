"""
The agencies that the harness plays: a contract each, and a mock that keeps it.

Listing them is light; what serves them is imported by ``joinedup.mocks.serve`` alone.
"""

from __future__ import annotations

from joinedup.mocks.catalogue import System, systems
from joinedup.mocks.faults import Fault

__all__ = ["Fault", "System", "systems"]
