"""Who may import whom: the layers of ARCHITECTURE.md, module by module."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("conformance", "mocks", "scenarios", "reports")

# A module may import those of its own layer, as long as no circle comes of it, and those of the layers below. The first
# row that fits counts: modules above their package's own layer are named, all others belong to it. `test_*` stands for
# the checks of the suite.
LAYERS: dict[str, tuple[str, ...]] = {
    "suite": ("conformance.suite", "conformance.suite.test_*"),
    "commands": (
        *("conformance.run", "conformance.plugin", "conformance.settling", "conformance.replay"),
        *("conformance.journeys", "conformance.journey_items", "conformance.journey_replay"),
        "conformance.handover",
        *("conformance.*command", "conformance.child", "conformance.scheduling", "conformance.cli"),
    ),
    "generated": ("conformance.generated*", "conformance.judging"),
    "core": ("reports.events", "conformance", "conformance.*"),
    "mocks": ("mocks", "mocks.*"),
    "reports": ("reports", "reports.*"),
    "scenarios": ("scenarios", "scenarios.*"),
}

BELOW: dict[str, tuple[str, ...]] = {
    "core": (),
    "generated": ("core",),
    "mocks": ("core", "generated"),
    "reports": ("core", "generated"),
    "scenarios": ("core", "generated", "mocks", "reports"),
    "suite": ("core", "generated", "mocks", "reports", "scenarios"),
    "commands": ("core", "generated", "mocks", "reports", "scenarios", "suite"),
}

# A third-party library that shapes its surroundings is imported in one place.
ONLY_IN = {"schemathesis": "conformance.generated*", "locust": "scenarios.load"}

LAYER_OF = {name: layer for layer, names in LAYERS.items() for name in names}


def _modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = _modules()


def _entry(module: str) -> str | None:
    """The row of the table that a module stands in."""
    return next((name for name in LAYER_OF if fnmatch(module, name)), None)


def _imports(source: str) -> Iterator[str]:
    """Every name that is imported anywhere in the source, also inside functions; relative ones keep their dots."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            yield from (f"{dots}{node.module or ''}.{alias.name}" for alias in node.names)


def _imported_module(name: str) -> str:
    """The module of ours that ``joinedup.x.y`` means, whether ``y`` is a module or a name in one."""
    inner = name.removeprefix("joinedup.")
    return (
        inner
        if inner in MODULES or inner.rpartition(".")[2].startswith("test_")
        else inner.rpartition(".")[0]
    )


def _fault(module: str, name: str) -> str | None:
    """What is wrong with one import in one module, or None."""
    root = name.split(".")[0]
    if root == "":
        return f"{module} imports {name}: import it absolutely, as joinedup.…"
    if root in PACKAGES:
        return f"{module} imports {name}: import joinedup.{name}"
    if root in ONLY_IN and not fnmatch(module, ONLY_IN[root]):
        return f"{module} imports {root}: only {ONLY_IN[root]} may"
    if root == "joinedup":
        return _direction(module, _imported_module(name))
    return None


def _direction(module: str, imported: str) -> str | None:
    entry, other = _entry(module), _entry(imported)
    if entry is None or other is None:
        return f"{module} imports {imported}: {module if entry is None else imported} is not in LAYERS"
    if other.endswith("test_*"):
        return f"{module} imports {imported}: nothing imports a module of checks"
    layer, below = LAYER_OF[entry], LAYER_OF[other]
    if below == layer or below in BELOW[layer]:
        return None
    return f"{module} ({layer}) imports {imported} ({below}): imports go down only"


def circle(sources: Mapping[str, str]) -> list[str]:
    """Modules that import each other in a circle, the first one again at the end; empty where there is none."""
    graph = {
        module: {_imported_module(name) for name in _imports(source) if name.startswith("joinedup.")}
        for module, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def faults(module: str, source: str) -> list[str]:
    """Everything that is wrong with the imports of one module."""
    return [fault for name in _imports(source) if (fault := _fault(module, name))]


@pytest.mark.parametrize("module", MODULES)
def test_has_a_layer(module: str) -> None:
    """Every module stands in the table, so that a new one gets its place on purpose."""
    assert _entry(module), (
        f"{module} has no layer: add it to LAYERS in {Path(__file__).name}, as low as it goes"
    )


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module: str) -> None:
    """No module imports one that stands above or beside it."""
    assert faults(module, MODULES[module].read_text("utf-8")) == []


def test_imports_make_no_circle() -> None:
    """Any module can be read after those that it imports; none waits for itself."""
    assert circle({module: path.read_text("utf-8") for module, path in MODULES.items()}) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("conformance.findings", "from joinedup.conformance.outcomes import Cause", None),
        ("conformance.findings", "from joinedup.conformance import outcomes", None),
        ("conformance.findings", "import joinedup.conformance.outcomes", None),
        ("conformance.findings", "import json", None),
        ("conformance.outcomes", "from joinedup.conformance.findings import Finding", None),
        ("reports.events", "from joinedup.reports.verdict import summary", "imports go down only"),
        ("conformance.outcomes", "def f():\n import joinedup.reports.verdict", "imports go down only"),
        ("mocks", "from joinedup.reports.verdict import summary", "imports go down only"),
        ("reports.verdict", "import joinedup.mocks", "imports go down only"),
        ("conformance.client", "import joinedup.conformance.cli", "imports go down only"),
        ("conformance.suite.test_a", "from joinedup.conformance.findings import Finding", None),
        ("conformance.run", "import joinedup.conformance.suite.test_a", "nothing imports a module of checks"),
        ("conformance.run", "from joinedup.conformance.suite import test_a", "nothing imports a module"),
        ("conformance.run", "from joinedup.nowhere.at_all import thing", "not in LAYERS"),
        ("conformance.run", "from . import plugin", "import it absolutely"),
        ("conformance.run", "from .plugin import x", "import it absolutely"),
        ("conformance.run", "import mocks", "import joinedup.mocks"),
        ("conformance.run", "from conformance.errors import JoinedUpError", "import joinedup.conformance"),
        ("conformance.run", "import schemathesis.engine", "only conformance.generated* may"),
        ("conformance.generated", "from schemathesis import engine", None),
        ("conformance.generated_findings", "import schemathesis", None),
        ("conformance.run", "def f():\n from locust import User", "only scenarios.load may"),
        ("scenarios.load", "from locust import User", None),
    ],
)
def test_the_rule_itself(module: str, source: str, fault: str | None) -> None:
    """Each way to break the layers is seen, and each way to keep them is allowed."""
    found = faults(module, source)
    assert (found == []) if fault is None else (len(found) == 1 and fault in found[0])


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ({"errors": "outcomes", "outcomes": "findings", "findings": ""}, False),
        ({"errors": "outcomes", "outcomes": "findings", "findings": "errors"}, True),
        ({"errors": "errors"}, True),
    ],
)
def test_a_circle_is_seen(imports: dict[str, str], found: bool) -> None:
    """A circle inside one layer is found, however many modules it takes."""
    sources = {
        f"conformance.{module}": f"from joinedup.conformance.{other} import x" if other else ""
        for module, other in imports.items()
    }
    assert bool(circle(sources)) is found
