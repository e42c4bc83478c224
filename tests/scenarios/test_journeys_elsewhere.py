"""The bundled journeys and capabilities in somebody else's linter and runner."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from product.playing import BINDING
from tools import node_tool

from joinedup.mocks.serve import Served, served
from joinedup.scenarios.expressions import Scope
from joinedup.scenarios.journey import agencies_of, bundled_capabilities, bundled_journeys
from joinedup.scenarios.library import Library, Linked
from joinedup.scenarios.model import INPUT_OF_CREDENTIAL
from joinedup.scenarios.stages import served_live, served_systems

# Those that wait for no refusal and read nothing that may be missing (docs/journeys.md).
A_YEAR_S = 366 * 86_400
PLAYED_ELSEWHERE = (
    *("newly-looked-after", "notice-for-siblings", "police-notice"),
    *("refusal-recorded", "subject-access-request", "suspension"),
)


def _redocly(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [node_tool("redocly"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_another_linter_accepts_every_document() -> None:
    """Journeys and capabilities are documents that other tools read."""
    paths = [*bundled_journeys().values(), *bundled_capabilities().values(), BINDING]
    done = _redocly("lint", *map(str, paths))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"You have \d+ warning", done.stdout + done.stderr), done.stdout + done.stderr


@pytest.mark.parametrize("name", PLAYED_ELSEWHERE)
def test_another_runner_plays_a_journey_unchanged(name: str) -> None:
    """Tokens are inputs, addresses are options; the document is the same."""
    path = bundled_journeys()[name]
    with served(agencies_of(Library().open(path))) as agencies:
        done = _redocly("respect", str(path), *_options(path, agencies))
    assert done.returncode == 0, done.stdout + done.stderr


def _options(path: Path, agencies: Served) -> list[str]:
    linked = Library(live=served_live(agencies)).open(path)
    sources = {
        source.name: source for other in linked.documents.values() for source in other.sources.values()
    }
    _begin(linked, agencies)
    servers = [part for s in sources.values() for part in ("--server", f"{s.name}={s.base_url}")]
    return ["--input", json.dumps(_tokens(linked, agencies)), *servers]


def _begin(linked: Linked, agencies: Served) -> None:
    """Set the clock to the moment at which the story begins: a token from another day would not be good then."""
    workflow = next(iter(linked.document.workflows.values()))
    first = next(
        (s for s in workflow.steps if s.workflow.rpartition(".")[2] in ("begin-at", "set-clock")), None
    )
    if first is not None:
        defaults = {name: schema.get("default") for name, schema in workflow.input_properties.items()}
        now = next(p.value.render(Scope(defaults)) for p in first.parameters if p.name == "now")
        agencies.ask("PUT", "/v1/clock", {"now": now, "mayGoBack": True, "running": False})


def _tokens(linked: Linked, agencies: Served) -> dict[str, str]:
    """The credential of each step's actor, good for the whole story, by the input that the step passes on."""
    found: dict[str, str] = {}
    steps = next(iter(linked.document.workflows.values())).steps
    with closing(served_systems(agencies)) as stage:
        for step in steps:
            callee = linked.callee(step.workflow)
            passed = [p.value.expressions for p in step.parameters if p.name == INPUT_OF_CREDENTIAL]
            if callee is not None and step.actor and passed and passed[0]:
                system = next(iter(callee.linked.sources.values())).system
                caller = stage.identity(system, step.actor)
                assert caller is not None, step.actor
                order = {"system": system, "organisation": caller.organisation, "lifetimeSeconds": A_YEAR_S}
                token = agencies.ask("POST", "/v1/toolbox/tokens", order)["authorization"]
                found[str(passed[0][0].parts[0])] = token
    return found
