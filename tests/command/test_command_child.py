"""What a run says while it goes on, and what a configuration need not say of a system whose kind is known."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from joinedup.conformance.child import _Progress
from joinedup.conformance.configuration import parse_configuration
from joinedup.conformance.run import of_their_kinds
from joinedup.reports.events import FILE_NAME

SYSTEM = """
[systems.{name}]
base_url = "http://127.0.0.1:9"
contract = "contract.yaml"
{more}
"""


def test_a_journey_is_one_check_however_many_systems_it_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The progress never counts more checks than were planned."""
    journey = "journeys/suspension.arazzo.yaml::suspension"
    events = [
        {"event": "planned", "checks": 2},
        {"event": "check", "check": "test_input.py::test_keeps_moments[school]"},
        *({"event": "check", "check": journey, "system": name} for name in ("school", "police", "mash")),
        {"event": "exchange"},
    ]
    lines = (json.dumps(event, separators=(",", ":")) + "\n" for event in events)
    (tmp_path / FILE_NAME).write_text("".join(lines))
    _Progress(tmp_path, quiet=False).show()
    assert "2 of 2 checks, 1 exchanges" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("police", "", False),
        ("social-care", "", None),
        ("police", "capabilities = {accept-transfer = true}", True),
        ("caretrack", "", None),
    ],
)
def test_a_system_of_a_known_kind_need_not_say_what_others_do(
    name: str, more: str, said: bool | None, tmp_path: Path
) -> None:
    """What only social care does is false of police unless it says otherwise; a name of no agency tells nothing."""
    table = tomllib.loads(SYSTEM.format(name=name, more=more))
    configuration = of_their_kinds(parse_configuration(table, name="joinedup.toml", folder=tmp_path))
    assert configuration.systems[name].capabilities.get("accept-transfer") is said
