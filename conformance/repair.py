"""
Repairs to what breaks tools in a contract; each is reported, none silences a defect.
"""

from __future__ import annotations

from typing import Any

from joinedup.conformance.problems import Problems


def repair(document: dict[str, Any], problems: Problems) -> None:
    """Mend a document in place and note each repair."""
