"""A worker process continues the run that another process leads."""

from __future__ import annotations

import json
from pathlib import Path

from parks import CONTRACT

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.handover import handed_over, taken_over
from joinedup.conformance.run import Plan, Run, read_plan
from joinedup.reports.events import Record


def _led(folder: Path) -> Run:
    (folder / "openapi.json").write_text(json.dumps(CONTRACT))
    (folder / "joinedup.toml").write_text(
        'under_test = ["parks"]\n\n[systems.parks]\nbase_url = "http://127.0.0.1:9"\ncontract = "openapi.json"\n'
    )
    plan = Plan(source=str(folder / "joinedup.toml"), out=str(folder / "run"), seed=7, only=("CON-API-03",))
    configuration = read_plan(plan)
    assert configuration is not None
    return Run(plan, configuration, load_catalogue(), Record(folder / "run"))


def test_a_worker_has_the_run_that_was_started(tmp_path: Path) -> None:
    """The same plan, systems and operations; a contract is read where its system is judged, and nowhere else."""
    led = _led(tmp_path)
    worker = taken_over(handed_over(led))
    assert (worker.plan, worker.tested, worker.only) == (led.plan, led.tested, led.only)
    (tmp_path / "openapi.json").unlink()
    assert worker.operations("parks") == tuple(op.label for op in led.target("parks").operations) != ()
    assert not list(worker.built())


def test_every_target_of_a_worker_knows_the_whole_run(tmp_path: Path) -> None:
    """Also one whose contract is read after the operations were counted."""
    worker = taken_over(handed_over(_led(tmp_path)))
    worker.share_out()
    assert worker.target("parks").crowd == len(worker.operations("parks")) > 0
