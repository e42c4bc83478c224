"""What there is: requirements, bundled agencies and journeys, as lines to read or as JSON."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from joinedup.conformance.catalogue import Reason, load_catalogue
from joinedup.conformance.description import RULES
from joinedup.mocks import Fault
from joinedup.mocks import systems as bundled
from joinedup.mocks.faults_generic import FAULTS as GENERIC
from joinedup.scenarios.stories import as_records, bundled_stories


def requirements(*, as_json: bool) -> str:
    """The catalogue, with what checks each requirement and what can break it."""
    checks = _checks_by_requirement()
    faults: dict[str, list[str]] = {}
    for system in bundled():
        for fault in system.faults:
            for id in fault.breaks:
                faults.setdefault(id, []).append(fault.name)
    rows = [
        {
            "id": r.id,
            "level": str(r.level),
            "text": r.text,
            "question": r.question,
            "checks": checks.get(r.id, []),
            "faults": sorted(faults.get(r.id, [])),
            "excluded": None
            if r.excluded is None or r.excluded.reason is Reason.JOURNEYS
            else {"reason": str(r.excluded.reason), "note": r.excluded.note},
        }
        for r in load_catalogue()
    ]
    if as_json:
        return json.dumps(rows, indent=1)
    return "\n".join(f"{row['id']:<11} {row['level']:<7} {row['text']}" for row in rows)


def _checks_by_requirement() -> dict[str, list[str]]:
    """Names of the checks that prove each requirement, read from the suite without running it."""
    found: dict[str, list[str]] = {}
    suite = Path(__file__).parent / "suite"
    for path in sorted(suite.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for id in _marked(node):
                    found.setdefault(id, []).append(f"{path.stem}::{node.name}")
    for rule in RULES:
        found.setdefault(rule.requirement, []).append(f"test_description::{rule.name}")
    for story in bundled_stories():
        for id in story.requirements:
            found.setdefault(id, []).append(f"journeys::{story.name}")
    return found


def _marked(node: Any) -> Iterator[str]:
    for mark in node.decorator_list:
        if (
            isinstance(mark, ast.Call)
            and isinstance(mark.func, ast.Attribute)
            and mark.func.attr == "requirement"
        ):
            yield from (str(arg.value) for arg in mark.args if isinstance(arg, ast.Constant))


def systems(*, as_json: bool) -> str:
    """The bundled agencies, with the faults of each, and those that any of them can be given."""
    stories = bundled_stories()
    rows = [
        {
            "system": s.name,
            "agency": s.agency,
            "operations": len(s.operations),
            "capabilities": list(s.capabilities),
            "faults": [_fault(fault, fault.name) for fault in s.faults],
            "generic_faults": [_fault(fault, f"{s.name}-{fault.name}") for fault in GENERIC],
            "journeys": [story.name for story in stories if s.name in story.systems],
        }
        for s in bundled()
    ]
    if as_json:
        return json.dumps(rows, indent=1)
    lines = []
    for row in rows:
        lines.append(f"{row['system']}: {row['agency']}, {row['operations']} operations")
        lines += [f"    fault {fault['name']} breaks {', '.join(fault['breaks'])}" for fault in row["faults"]]  # type: ignore[attr-defined]
    lines.append(
        f"any of them, by the name alone or with an agency in front, as in {rows[0]['system']}-latency"
    )
    lines += [f"    fault {fault.name}: {fault.shows}" for fault in GENERIC]
    return "\n".join(lines)


def _fault(fault: Fault, name: str) -> dict[str, Any]:
    return {"name": name, "breaks": list(fault.breaks), "shows": fault.shows}


def journeys(*, as_json: bool) -> str:
    """The bundled journeys."""
    stories = bundled_stories()
    if as_json:
        return json.dumps(as_records(stories), indent=1, ensure_ascii=False)
    lines = []
    for story in stories:
        lines.append(f"{story.name}: {story.title}, {story.steps} steps")
        lines.append(f"    between {', '.join(story.systems)}")
        if story.requirements:
            lines.append(f"    proves {', '.join(story.requirements)}")
    return "\n".join(lines)
