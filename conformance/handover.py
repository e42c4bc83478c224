"""
What a worker process is told of a run: the process that leads it has read the contracts and counted the operations.

A worker then reads the contracts of those systems alone that it is given.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import msgspec

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.configuration import Configuration
from joinedup.conformance.run import Plan, Run
from joinedup.reports.events import Record


def handed_over(run: Run) -> str:
    """What a worker process needs of a run, as text."""
    return json.dumps(
        {
            "plan": asdict(run.plan),
            "configuration": msgspec.to_builtins(run.configuration),
            "ours": sorted(run.ours),
            "labels": {name: run.operations(name) for name in run.tested},
        }
    )


def taken_over(text: str) -> Run:
    """The run that ``handed_over`` described, in a worker process."""
    packed = json.loads(text)
    lists = {key: tuple(value) for key, value in packed["plan"].items() if isinstance(value, list)}
    plan = Plan(**{**packed["plan"], **lists})
    return Run(
        plan,
        msgspec.convert(packed["configuration"], Configuration),
        load_catalogue(),
        Record(Path(plan.out)),
        frozenset(packed["ours"]),
        {name: tuple(labels) for name, labels in packed["labels"].items()},
    )
