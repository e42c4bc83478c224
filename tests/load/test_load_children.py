"""Children of the tester's own: a file with a row for each, of which every play takes another one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from product.application import application
from product.caseload import COUNCILS, Caseload
from product.outbox import Outbox
from product.playing import SYSTEM, table
from servers import free_port
from service.serve import hosted

from joinedup.conformance.cli import main
from joinedup.conformance.errors import ConfigurationError, SetupError
from joinedup.mocks.identifiers import nth_nhs_number, unique_pupil_number
from joinedup.scenarios.arrivals import schedule
from joinedup.scenarios.library import CAPABILITIES
from joinedup.scenarios.load_capacity import find_capacity
from joinedup.scenarios.load_children import OwnChildren, read_children
from joinedup.scenarios.load_ground import Ground
from joinedup.scenarios.load_inputs import without_child
from joinedup.scenarios.load_plan import LoadPlan, PlannedJourney
from joinedup.scenarios.load_preparation import enrolled

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
PATIENCE_S = 120


def _row(number: int) -> dict[str, str]:
    """A child of the product's test environment."""
    return {
        "nhsNumber": nth_nhs_number(800_000 + number),
        "dateOfBirth": f"2026-{number % 9 + 1:02d}-17",
        "givenName": f"{NAMES[number % 4]}-{number:03d}",
        "familyName": "Mockfordshire",
        "upn": unique_pupil_number(number, 26, 801),
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
            "last_name": row["familyName"],
            "pupil_no": row["upn"],
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


def _folder(folder: Path, base_url: str, rows: int, *journeys: str) -> list[str]:
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
    lines += ["[load.mix]", *(f'"{name}" = 1' for name in ("story.arazzo.yaml", *journeys))]
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
    """
    Over journeys, users and processes no row is taken twice, babies keep their birthday, and nothing of a row is kept.

    One journey is the tester's, and one a bundled one that changes a child.
    """
    base_url, kept = product
    result = CliRunner().invoke(main, _folder(tmp_path, base_url, 40, "move-between-councils"))
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out" / "performance.json").read_bytes())
    plays = {row["name"]: row["requests"] for row in found["by_name"] if row["kind"] == "journey"}
    assert min(plays.values()) >= 3
    in_care = [care["person_ref"] for care in kept.records["care"].values()]
    moved = [move["person"]["nhs_no"] for move in kept.records["moves"].values()]
    assert (len(in_care), len(moved)) == (plays["story"] + TRIALS, plays["move-between-councils"] + TRIALS)
    by_number = {_row(number)["nhsNumber"]: _row(number)["caseloadRef"] for number in range(40)}
    taken = [*in_care, *(by_number[number] for number in moved)]
    assert sorted(taken) == [REFERENCE.format(number) for number in range(len(taken))]
    said = result.output + "".join(p.read_text() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert {cell for cell in _cells(40) if cell in said} == set()


@pytest.mark.parametrize(
    ("rows", "change", "said"),
    [
        (16, ("", ""), "need 17 children of their own, one for each play, and children.csv has 16 rows"),
        (
            40,
            ("caseloadRef", "ref"),
            "The journey story needs the column caseloadRef, which children.csv does not",
        ),
        (40, ("dateOfBirth", "dateOfbirth"), "The journey story needs the column dateOfBirth"),
        (40, ("2026-02-17", ""), "needs the column dateOfBirth, which is empty in line 3 of children.csv"),
        (
            40,
            (nth_nhs_number(800_003), "4010232137"),
            "nhsNumber in line 5 holds an NHS number outside the ranges",
        ),
    ],
)
def test_a_load_is_refused_before_anything_is_sent(
    tmp_path: Path, rows: int, change: tuple[str, str], said: str
) -> None:
    """With too few rows, a column that the journey needs or a real person; the system is not even there."""
    order = _folder(tmp_path, f"http://127.0.0.1:{free_port()}", rows)
    path = tmp_path / "children.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace(*change, 1))
    result = CliRunner().invoke(main, order)
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert {cell for cell in {*_cells(40), "4010232137"} if cell in result.output} == set()


@pytest.mark.parametrize("missing", ["children.csv", "story.arazzo.yaml"])
def test_a_load_ends_where_a_worker_lacks_a_file(
    product: tuple[str, Caseload], tmp_path: Path, missing: str
) -> None:
    """Each machine reads its own copy; where one has none, nobody waits, and the master says which file it is."""
    port = str(free_port())
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        _folder(folder, product[0], 40)
    (there / missing).unlink()
    command = [str(Path(sys.executable).parent / "joinedup"), "load", "--master-port", port]
    with (there / "log").open("w") as log:
        where = ["-c", str(there / "joinedup.toml"), "--master-host", "127.0.0.1"]
        worker = subprocess.Popen([*command, "--worker", *where], stdout=log, stderr=log)
    order = [
        "-c",
        str(here / "joinedup.toml"),
        "--out",
        str(here / "out"),
        "--rate",
        "15",
        "--duration",
        "3s",
    ]
    try:
        done = subprocess.run(
            [*command, "--master", *order], capture_output=True, text=True, timeout=PATIENCE_S
        )
        worker.wait(PATIENCE_S)
    finally:
        worker.kill()
        worker.wait()
    assert done.returncode == 3, done.stderr
    assert "A process that was to send could not begin" in done.stderr
    assert missing in done.stderr
    assert len(product[1].records["care"]) == TRIALS


# What is wrong with a file

ONE, TWO = nth_nhs_number(1), nth_nhs_number(2)
HEAD = "nhsNumber,givenName,extra"


def _written(folder: Path, content: bytes) -> Path:
    (folder / "children.csv").write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "children.csv is empty"),
        (b"\n  ,\n", "children.csv is empty"),
        (HEAD.encode(), "has a header and no rows"),
        (f"{HEAD}\n{ONE},Zephyrine\n".encode(), "line 2 has 2 cells, and line 1 names 3"),
        (f"{HEAD}\n{ONE},Zephyrine,x,y\n".encode(), "line 2 has 4 cells, and line 1 names 3"),
        (f'{HEAD}\n\n{ONE},"Zeph\nyrine",x\n{TWO},Ysolde\n'.encode(), "line 5 has 2 cells"),
        (f'{HEAD}\n{ONE},"Zephyrine,x\n'.encode(), "line 2 is no CSV"),
        (f"{HEAD}\n{ONE},Zephyrine,x\n{TWO},Zoë,x\n".encode("latin-1"), "line 3 is not UTF-8"),
        (
            f"{HEAD}\n{ONE},Zephyrine,x\n{ONE},Ysolde,y\n".encode(),
            "nhsNumber in line 3 is the same as in line 2",
        ),
        (b"upn,extra\nR001000025008,x\nR001000025008,y\nR001000025008,x", "line 4 is the same as line 2"),
        (f"{HEAD}\n{ONE[:9]}{(int(ONE[9]) + 1) % 10},Zoe,x".encode(), "nhsNumber in line 2 is no NHS number"),
        (f"{HEAD}\n{ONE[:3]} {ONE[3:]},Zephyrine,x".encode(), "nhsNumber in line 2 is no NHS number"),
        (f"{HEAD}\n{ONE},Zephyrine,4010232137".encode(), "extra in line 2 holds an NHS number outside"),
        (
            f"{HEAD}\n{ONE},Zephyrine,see 401 023 2137.".encode(),
            "extra in line 2 holds an NHS number outside",
        ),
        (f"{HEAD}\n5990128088,Zephyrine,x".encode(), "nhsNumber in line 2 is an NHS number outside"),
        (f"nhsNumber,,extra\n{ONE},Zephyrine,x".encode(), "column 2 has no name"),
        (f"nhsNumber,extra,extra\n{ONE},Zephyrine,x".encode(), "columns 2 and 3 have the same name"),
        (f"{ONE},Zephyrine,x\n{TWO},Ysolde,x".encode(), "line 1 is no header"),
        (b"4010232137,Zephyrine,x\n4010232137,Ysolde,x", "line 1 is no header"),
    ],
)
def test_a_wrong_file_is_refused_by_line_and_column(tmp_path: Path, content: bytes, said: str) -> None:
    """The sentence names the file, the line and the column, says what to do, and shows no cell."""
    with pytest.raises(ConfigurationError) as caught:
        read_children(_written(tmp_path, content), "children.csv")
    assert said in caught.value.message
    assert caught.value.message.startswith("children.csv")
    assert caught.value.hint
    rows = content.decode("latin-1").partition("\n")[2]
    cells = {cell for cell in re.split(r'[,\n"]', rows) if len(cell) > 3}
    assert {cell for cell in cells if cell in str(caught.value)} == set()


@pytest.mark.parametrize(("name", "said"), [("none.csv", "does not exist"), (".", "cannot be read")])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str, said: str) -> None:
    """The key and the name as it is written in the configuration."""
    with pytest.raises(
        ConfigurationError, match=rf"^load\.children names the file {re.escape(name)}, .*{said}"
    ):
        read_children(tmp_path, name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_is_read_as_a_spreadsheet_saves_it(tmp_path: Path, encoding: str, newline: str) -> None:
    """With or without a byte order mark, quoted cells, blank lines and columns of any name."""
    lines = [HEAD, f'{ONE},"Zoë, Jr",', "", f" {TWO} ,Siân,7", ""]
    found = read_children(_written(tmp_path, newline.join(lines).encode(encoding)), "children.csv")
    assert [dict(row) for row in found.rows] == [
        {"nhsNumber": ONE, "givenName": "Zoë, Jr", "extra": ""},
        {"nhsNumber": TWO, "givenName": "Siân", "extra": "7"},
    ]
    assert found.lines == (2, 4)


# Who takes which row


def _plan(**more: Any) -> LoadPlan:
    """A load of two journeys that change a child and one that does not."""
    journeys = [
        PlannedJourney(name, f"{name}.yaml", name, weight, 3, {}, children=children)
        for name, weight, children in (("a", 2.0, TRIALS), ("b", 1.0, 0), ("c", 1.0, TRIALS))
    ]
    given = {"rate": 30.0, "duration_s": 4.0, "users": 5, **more}
    return LoadPlan(run="abcdef", systems={}, operations=[], journeys=journeys, **given)


def _own(rows: int) -> OwnChildren:
    return OwnChildren("children.csv", ({"a": "b"},) * rows, tuple(range(2, rows + 2)), "digest")


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_no_row_is_taken_twice(processes: int) -> None:
    """By the plays of any journey in any process; the trials had the first rows, and none is passed over."""
    plan = enrolled(_plan(), None, _own(100))
    taken = [
        plan.journeys[arrival.item].first_child + arrival.turn
        for part in range(processes)
        for arrival in schedule(plan.profile, plan.shares, part=part, of=processes)
        if plan.journeys[arrival.item].children
    ]
    assert sorted(taken) == list(range(2 * TRIALS, plan.children))
    assert len(taken) == 30


@pytest.mark.parametrize(
    ("rows", "taken", "said"),
    [
        (34, 0, ""),
        (33, 0, "need 34 children of their own, one for each play, and children.csv has 33 rows"),
        (64, 34, ""),
        (63, 34, "need 30 children of their own, beside the 34 that had their plays at other rates"),
    ],
)
def test_there_have_to_be_as_many_rows_as_plays(rows: int, taken: int, said: str) -> None:
    """Beside two for the trials of each journey and those that were taken at the rates before."""
    if not said:
        assert enrolled(_plan(), None, _own(rows), taken).children == rows
        return
    with pytest.raises(ConfigurationError, match=said) as caught:
        enrolled(_plan(), None, _own(rows), taken)
    assert "duration" in caught.value.hint
    assert "rows" in caught.value.hint


def test_the_search_for_a_rate_ends_where_the_rows_do() -> None:
    """What held until then stands, and why nothing higher was tried is said; without any rate it is refused."""

    def attempt(rate: float) -> dict[str, Any]:
        if rate > 25:
            raise ConfigurationError("There are too few rows.")
        figures = ("rate_achieved", "p50_ms", "p95_ms", "p99_ms", "p95_from_intended_ms", "failures")
        return {**dict.fromkeys((*figures, "generator_cpu"), 0), "levels": [], "invalid_because": []}

    found = find_capacity(attempt, 10)["capacity"]
    assert found["highest"] == 20
    assert found["sentence"].endswith("40 could not be tried: There are too few rows.")
    with pytest.raises(ConfigurationError):
        find_capacity(attempt, 30)


def test_a_machine_with_another_file_does_not_begin(tmp_path: Path) -> None:
    """Two machines with different rows would give two plays the same child."""
    digest = read_children(_written(tmp_path, f"{HEAD}\n{ONE},Jo,x".encode()), "children.csv").digest
    plan = enrolled(_plan(folder=str(tmp_path), children_file="children.csv", children_digest=digest), None)
    assert Ground(plan).children == [{"nhsNumber": ONE, "givenName": "Jo", "extra": "x"}]
    _written(tmp_path, f"{HEAD}\n{TWO},Jo,x".encode())
    with pytest.raises(SetupError, match="is not the one that the load was planned with"):
        _ = Ground(plan).children


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not met: 9990000018 is Li Ming", "not met: {child.nhsNumber} is {child.name}"),
        ("Li is in Limbo", "{child.family} is in Limbo"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_why_a_play_failed_tells_nothing_of_its_child(text: str, told: str) -> None:
    """Places stand where values were, the longest first."""
    child = {"nhsNumber": "9990000018", "family": "Li", "name": "Li Ming", "empty": ""}
    assert without_child(text, child) == told
    assert without_child(text, {}) == text
