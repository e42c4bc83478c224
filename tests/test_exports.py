"""The public face: what a package lists in ``__all__`` is what it offers."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

PACKAGES = [
    f"joinedup.{name}" for name in ("conformance", "conformance.suite", "mocks", "scenarios", "reports")
]


def listed(package: ModuleType) -> list[str]:
    """The names in ``__all__``; a package without one offers nothing but its modules."""
    return list(getattr(package, "__all__", []))


def offered(package: ModuleType) -> set[str]:
    """The public names that the package itself binds, its own modules left out."""
    return {
        name
        for name, value in vars(package).items()
        if not name.startswith("_")
        and name != "annotations"
        and not (isinstance(value, ModuleType) and value.__name__ == f"{package.__name__}.{name}")
    }


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_what_is_offered(name: str) -> None:
    """A name that is offered is listed, and a name that is listed exists."""
    package = importlib.import_module(name)
    assert sorted(listed(package)) == sorted(offered(package))


@pytest.mark.parametrize(
    ("source", "matches"),
    [
        ("", True),
        ("from json import loads\n__all__ = ['loads']", True),
        ("from json import loads", False),
        ("import json", False),
        ("__all__ = ['loads']", False),
        ("from json import loads\n__all__ = ['loads', 'loads']", False),
        ("from __future__ import annotations\n_private = 1", True),
    ],
)
def test_the_comparison_itself(source: str, matches: bool) -> None:
    """A name too many, too few or twice is seen."""
    package = ModuleType("package")
    exec(compile(source, "package", "exec"), vars(package))
    assert (sorted(listed(package)) == sorted(offered(package))) is matches
