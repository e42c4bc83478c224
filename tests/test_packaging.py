"""What is installed: the wheel holds the tree, and the command works wherever it is called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("conformance", "mocks", "scenarios", "reports")
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE")
HOSTILE = "raise RuntimeError('a package of the folder was imported in place of ours')\n"


def _run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The finished process; what it said on both channels is shown where it failed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packed: a build leaves folders behind that the next one would pack."""
    copy = tmp_path_factory.mktemp("tree")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, copy)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="session")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with what is installed here and without a network."""
    out = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, tree)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment in which the wheel is installed, and the tree is not."""
    folder = tmp_path_factory.mktemp("environment")
    _run(sys.executable, "-m", "venv", "--without-pip", folder)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", commands / "python")
    _run(*pip, "install", "--no-deps", "--no-index", "--quiet", wheel)
    scheme = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
    # The dependencies are borrowed; the editable install is not, because its .pth file lies in a folder that is
    # itself added by a .pth file, and Python reads no further ones there.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    return commands


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder with packages of its own under the names of ours, as a council's repository may have."""
    for name in (*PACKAGES, "joinedup"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(HOSTILE, "utf-8")
    return tmp_path


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def _files(tree: Path) -> set[str]:
    return {
        f"joinedup/{path.relative_to(tree).as_posix()}"
        for package in PACKAGES
        for path in (tree / package).rglob("*")
        if path.is_file()
    }


def test_wheel_holds_the_tree_and_nothing_else(wheel: Path, tree: Path) -> None:
    """Every module, requirement, contract and template of the tree is installed, and no stray file is."""
    names = {name for name in _names(wheel) if ".dist-info/" not in name}
    assert sorted(_files(tree) - names) == [], "in the tree, and missing from the wheel: see pyproject.toml"
    assert sorted(names - _files(tree)) == [], "in the wheel, and not in the tree"


@pytest.mark.parametrize(
    "path",
    [
        "joinedup/conformance/requirements/contract.yaml",
        "joinedup/conformance/profiles/open-api-1.yaml",
        "joinedup/conformance/suite/__init__.py",
        "joinedup/mocks/py.typed",
    ],
)
def test_wheel_holds_what_is_not_code(wheel: Path, path: str) -> None:
    """The kinds of file that packaging forgets first are there by name."""
    assert path in _names(wheel)


def test_wheel_carries_the_licence_and_one_command(wheel: Path) -> None:
    """The licence travels with the code, ``joinedup`` is the only command, and both plug-ins are named."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        commands = next(name for name in names if name.endswith(".dist-info/entry_points.txt"))
        assert archive.read(commands).decode().split() == [
            *("[console_scripts]", "joinedup", "=", "joinedup.conformance.cli:main"),
            *("[pytest11]", "joinedup", "=", "joinedup.conformance.plugin"),
            *("joinedup_agencies", "=", "joinedup.mocks.pytest_plugin"),
        ]
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]


def test_installed_code_is_the_wheel(installed: Path, hostile: Path) -> None:
    """The environment of these tests imports the installed copy, so that what they prove is about the wheel."""
    code = "import joinedup.conformance.outcomes as module; print(module.__file__)"
    path = Path(_run(installed / "python", "-P", "-c", code, cwd=hostile).stdout.strip())
    assert path.is_relative_to(installed.parent)


def test_command_works_beside_packages_of_the_same_names(installed: Path, hostile: Path) -> None:
    """In a folder with its own ``mocks``, ``conformance`` and ``joinedup``, ours are used."""
    listed = json.loads(_run(installed / "joinedup", "requirements", "--json", cwd=hostile).stdout)
    assert "AUT-01" in {requirement["id"] for requirement in listed}


def test_run_is_ours_in_such_a_folder(installed: Path, hostile: Path) -> None:
    """Every process that a run starts, the agencies' too, uses ours: the verdict does not depend on the folder."""
    chosen = ("--system", "social-care", "--only", "AUT-01", "--quick")
    _run(installed / "joinedup", "check", *chosen, "--out", hostile / "out", cwd=hostile)
    verdict = json.loads((hostile / "out" / "verdict.json").read_text("utf-8"))
    assert (verdict["complete"], verdict["verdict"]) == (True, "conformant")
