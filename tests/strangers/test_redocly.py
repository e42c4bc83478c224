"""What another linter says of the contracts, as they are served."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tools import node_tool

from joinedup.mocks.bundle import contract_names, load_contract


def _lint(documents: list[Path]) -> dict[str, list[str]]:
    """Rule and place of every problem, errors and warnings alike, by the name of the document."""
    command = [node_tool("redocly"), "lint", "--extends=recommended", "--format=json", "--max-problems=1000"]
    done = subprocess.run(
        [*command, *(path.name for path in documents)],
        cwd=documents[0].parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    problems: dict[str, list[str]] = {path.name: [] for path in documents}
    for problem in (p for said in _objects(done.stdout) for p in said["problems"]):
        place = problem["location"][0]
        name = Path(place["source"]["ref"]).name
        problems[name].append(f"{problem['ruleId']} at {place.get('pointer')}: {problem['message']}")
    return problems


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects that stand one after another in a text: one for each document."""
    decoder, text = json.JSONDecoder(), text.strip()
    while text:
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:].lstrip()


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Of the contracts as they are served, and of one that is wrong."""
    folder = tmp_path_factory.mktemp("contracts")
    contracts = {name: load_contract(name) for name in contract_names()}
    wrong = load_contract("police")
    wrong["servers"] = [{"url": "http://localhost"}]
    wrong["paths"]["/v1/{nobody}"] = {"get": {"responses": {}}}
    paths = []
    for name, contract in {**contracts, "wrong": wrong}.items():
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(contract, ensure_ascii=False), encoding="utf-8")
    return _lint(paths)


@pytest.mark.parametrize("name", contract_names())
def test_finds_nothing_in_a_contract(problems: dict[str, list[str]], name: str) -> None:
    """A contract gives another linter nothing to say."""
    assert problems[f"{name}.json"] == []


def test_sees_what_is_wrong(problems: dict[str, list[str]]) -> None:
    """The linter was asked: a contract that is wrong has problems."""
    assert any("path-parameters-defined" in problem for problem in problems["wrong.json"])
