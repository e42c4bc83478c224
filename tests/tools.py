"""Other people's tools: those that come from npm are listed, with their versions, in ``tests/strangers``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parent / "strangers" / "node_modules"
HOW_TO_INSTALL = "npm ci --prefix tests/strangers"


def node_tool(name: str) -> str:
    """
    The path of a command of ``tests/strangers``; the test is skipped where it is not installed, and fails in CI.
    """
    return _there(PACKAGES / ".bin" / name, name)


def node_file(path: str) -> Path:
    """The path of a file of a package of ``tests/strangers``, on the same terms as ``node_tool``."""
    return Path(_there(PACKAGES / path, path))


def _there(path: Path, name: str) -> str:
    if path.exists() and shutil.which("node"):
        return str(path)
    missing = f"{name} is not installed; to install it: {HOW_TO_INSTALL}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
