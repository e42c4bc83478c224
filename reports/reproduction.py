"""From recorded steps to a short shell script that shows a finding again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def script(steps: Sequence[Mapping[str, object]], *, base_url: str = "") -> str:
    """A shell script that sends the steps again; empty where there are none."""
    return ""
