"""Documents as files: what a document reaches, and nothing else; and files of either form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from arazzo_plays import CONTRACT, one_step

from joinedup.scenarios.checking import every_problem
from joinedup.scenarios.documents import load
from joinedup.scenarios.library import Library

PARK = "operationId: getPark, parameters: [{name: id, in: path, value: p1}]"


def _file(folder: Path, url: str, kind: str = "openapi") -> Path:
    document = one_step(f"{{{PARK}}}")
    document["sourceDescriptions"] = [{"name": "parks", "type": kind, "url": url}]
    path = folder / "t.arazzo.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://parks.example/openapi.yaml", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
        ("//parks.example/openapi.yaml", "nothing is fetched"),
        ("/etc/passwd", "outside the document's folder"),
        ("../outside.yaml", "outside the document's folder"),
        ("%2e%2e/outside.yaml", "outside the document's folder"),
        ("link.yaml", "outside the document's folder"),
        ("none.yaml", "cannot be read"),
    ],
)
def test_no_file_outside_the_folder_is_read(tmp_path: Path, url: str, said: str) -> None:
    """A document reaches what lies beside it, and neither the network nor the rest of the disk."""
    (tmp_path / "outside.yaml").write_text(CONTRACT)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    opened = Library().open(_file(folder, url))
    assert any(said in str(problem) for problem in every_problem(opened))


def test_a_contract_beside_the_document_is_read(tmp_path: Path) -> None:
    """What lies in the folder is linked, and the contract's own server is where it answers."""
    (tmp_path / "parks.yaml").write_text(CONTRACT)
    opened = Library().open(_file(tmp_path, "parks.yaml"))
    assert every_problem(opened) == ()
    assert opened.sources["parks"].base_url == "https://parks.example"


def test_documents_may_name_each_other(tmp_path: Path) -> None:
    """Two documents that name each other as sources are read once each."""
    (tmp_path / "parks.yaml").write_text(CONTRACT)
    for name, other in (("a", "b"), ("b", "a")):
        document = one_step(f"{{{PARK}}}")
        document["sourceDescriptions"].append({"name": "other", "type": "arazzo", "url": f"{other}.yaml"})
        (tmp_path / f"{name}.yaml").write_text(json.dumps(document))
    opened = Library().open(tmp_path / "a.yaml")
    assert opened.documents["other"].documents["other"] is opened
    assert every_problem(opened) == ()


def test_json_and_yaml_are_the_same_document(tmp_path: Path) -> None:
    """A document is read from either form."""
    document = one_step(f"{{{PARK}}}")
    for name, text in (("a.json", json.dumps(document)), ("a.yaml", yaml.safe_dump(document))):
        (tmp_path / name).write_text(text)
    assert load(tmp_path / "a.json").raw == load(tmp_path / "a.yaml").raw
