"""Children of the tester's own: a file with a row for each, of which every play takes another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from product.application import application
from product.caseload import COUNCILS, Caseload
from product.outbox import Outbox
from product.playing import SYSTEM, table
from service.serve import hosted

from joinedup.conformance.cli import main
from joinedup.mocks.identifiers import nth_nhs_number
from joinedup.scenarios.library import CAPABILITIES

# A live product, and a journey that takes a child into care, which happens to a child once

STORY = f"""
arazzo: 1.0.1
info: {{title: A child comes into care, version: 1.0.0}}
sourceDescriptions:
  - {{name: social-care, type: arazzo, url: {CAPABILITIES}/social-care.arazzo.yaml}}
  - {{name: control, type: arazzo, url: {CAPABILITIES}/control.arazzo.yaml}}
workflows:
  - workflowId: into-care
    x-under-load: {{child: "{{child}}", reference: "{{child.caseloadRef}}"}}
    inputs:
      type: object
      properties:
        child: {{type: object, default: {{nhsNumber: "9990001073", dateOfBirth: "2019-01-05"}}}}
        reference: {{type: string, default: none}}
    steps:
      - stepId: begin
        workflowId: $sourceDescriptions.control.begin-at
        parameters: [{{name: now, value: "2026-11-02T10:00:00Z"}}]
        successCriteria: [{{condition: $outputs.status == 200}}]
      - stepId: find
        workflowId: $sourceDescriptions.social-care.search-children
        x-actor: council
        parameters: [{{name: nhs-number, value: $inputs.child.nhsNumber}}]
        successCriteria: [{{condition: $outputs.first-child-id == $inputs.reference}}]
      - stepId: into-care
        workflowId: $sourceDescriptions.social-care.start-looked-after-episode
        x-actor: council
        parameters:
          - {{name: child-id, value: $inputs.reference}}
          - {{name: legal-status, value: C2}}
          - {{name: started-on, value: "2026-11-02"}}
        successCriteria: [{{condition: $outputs.status == 201}}]
      - stepId: read
        workflowId: $sourceDescriptions.social-care.read-child
        x-actor: council
        parameters: [{{name: child-id, value: $inputs.reference}}]
        successCriteria: [{{condition: $outputs.date-of-birth == $inputs.child.dateOfBirth}}]
"""
REFERENCE = "0c0ffee0-{:04d}-4000-8000-0123456789ab"
NAMES = ("Quillon", "Zephyrine", "Ysolde", "Xanthippe")
TRIALS = 2


def _row(number: int) -> dict[str, str]:
    """A child of the product's test environment."""
    return {
        "nhsNumber": nth_nhs_number(800_000 + number),
        "dateOfBirth": f"2026-{number % 9 + 1:02d}-17",
        "givenName": f"{NAMES[number % 4]}-{number:03d}",
        "caseloadRef": REFERENCE.format(number),
    }


@pytest.fixture
def product() -> Iterator[tuple[str, Caseload]]:
    """A product that plays social care with its own API and knows children of its own: address and records."""
    kept = Caseload(Outbox(lambda letter: True))
    kept.reset()
    for number in range(100):
        row = _row(number)
        record = {
            "person_ref": row["caseloadRef"],
            "nhs_no": row["nhsNumber"],
            "born_on": row["dateOfBirth"],
            "first_name": row["givenName"],
            "last_name": "Example",
            "council_number": f"1/{number:04d}",
            "gender": "U",
            "key_worker": "K. Worker",
            "standing": "none",
            "lead_council": COUNCILS[0],
            "is_shielded": False,
        }
        kept.keep("people", COUNCILS[0], record, "person_ref")
    with hosted(application(kept)) as base_url:
        yield base_url, kept


def _folder(folder: Path, base_url: str, rows: int) -> list[str]:
    """A folder with configuration, journey and children, and the order to load."""
    found = table(base_url)
    lines = [f"[systems.{SYSTEM}]"]
    lines += [f"{key} = {json.dumps(found[key])}" for key in ("base_url", "contract", "binding")]
    for name in ("own", "other"):
        keys = found["identities"][name]
        (folder / f"{name}.key").write_text(keys["api_key"])
        lines += [f"[systems.{SYSTEM}.identities.{name}]"]
        lines += [f"{k} = {json.dumps(v)}" for k, v in {**keys, "api_key": f"file:{name}.key"}.items()]
    lines += ["[load]", 'permitted_by = "A. Tester, Example, 2026-11-02"', 'children = "children.csv"']
    lines += ["[load.mix]", '"story.arazzo.yaml" = 1']
    (folder / "joinedup.toml").write_text("\n".join(lines) + "\n")
    (folder / "story.arazzo.yaml").write_text(STORY)
    table_of_rows = [",".join(_row(0)), *(",".join(_row(n).values()) for n in range(rows))]
    (folder / "children.csv").write_text("\r\n".join(table_of_rows), encoding="utf-8-sig")
    order = ["load", "-c", str(folder / "joinedup.toml"), "--out", str(folder / "out"), "--processes", "2"]
    return [*order, "--rate", "15", "--duration", "3s"]


def _cells(rows: int) -> set[str]:
    return {cell for number in range(rows) for cell in _row(number).values()}


def test_each_play_takes_a_row_at_a_product_of_another_making(
    product: tuple[str, Caseload], tmp_path: Path
) -> None:
    """Over users and processes no row is taken twice, babies keep their birthday, and nothing of a row is kept."""
    base_url, kept = product
    result = CliRunner().invoke(main, _folder(tmp_path, base_url, 40))
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out" / "performance.json").read_bytes())
    plays = next(row["requests"] for row in found["by_name"] if row["kind"] == "journey")
    assert plays == 15
    taken = [care["person_ref"] for care in kept.records["care"].values()]
    assert sorted(taken) == [REFERENCE.format(number) for number in range(TRIALS + plays)]
    said = result.output + "".join(p.read_text() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert {cell for cell in _cells(40) if cell in said} == set()
