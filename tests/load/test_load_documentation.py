"""What the pages on load show is what the command takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from joinedup.conformance.cli import main
from joinedup.conformance.configuration import read_configuration
from joinedup.scenarios.arrivals import SHAPES
from joinedup.scenarios.load_levels import checked

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "load.md").read_text()


def _options() -> set[str]:
    assert isinstance(main, click.Group)
    return {name for parameter in main.commands["load"].params for name in parameter.opts}


@pytest.mark.parametrize("line", re.findall(r"^joinedup load .*$", PAGE, re.MULTILINE))
def test_every_command_that_is_shown_exists(line: str) -> None:
    """Each option stands in the command line."""
    assert set(re.findall(r"(?<= )--?[a-z][a-z-]*", line.split("#")[0])) <= _options()


def test_every_key_of_the_example_is_one(tmp_path: Path) -> None:
    """The table [load] that the page shows is read, and its shapes are those that there are."""
    shown = next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[load]" in block)
    file = tmp_path / "joinedup.toml"
    file.write_text(shown)
    settings = read_configuration(file).load
    checked(settings.levels)
    named = re.search(r'shape = "(\w+)"\s+# (.*)', shown)
    assert named is not None
    assert {named[1], *named[2].split(", ")} == set(SHAPES)


def test_the_example_on_a_real_system_is_read() -> None:
    """The configuration for the message exchange names a mix, levels and two identities."""
    found = read_configuration(DOCS / "load" / "mesh" / "joinedup.toml")
    assert len(found.load.mix) >= 5
    assert set(found.systems["mesh"].identities) == {"own", "other"}


def test_the_pods_find_each_other() -> None:
    """As many workers are started as the master waits for, at the name and port at which it listens."""
    parts: dict[tuple[str, str], Any] = {
        (part["kind"], part["metadata"]["name"]): part
        for part in yaml.safe_load_all((DOCS / "load" / "kubernetes.yaml").read_text())
    }
    master, workers = (
        parts["Job", name]["spec"]["template"]["spec"]["containers"][0]["args"]
        for name in ("load-master", "load-workers")
    )
    number = parts["Job", "load-workers"]["spec"]
    assert int(master[master.index("--expect-workers") + 1]) == number["parallelism"] == number["completions"]
    service = parts["Service", workers[workers.index("--master-host") + 1]]["spec"]
    assert parts["Job", "load-master"]["spec"]["template"]["metadata"]["labels"] == service["selector"]
    default = next(p for p in main.commands["load"].params if p.name == "master_port").default
    assert service["ports"][0]["port"] == default
    for args in (master, workers):
        assert {word for word in args if word.startswith("--")} <= _options()
