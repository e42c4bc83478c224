"""Loads on a product whose API is of another making than the reference, among the bundled agencies, and with the page."""

from __future__ import annotations

import functools
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from product.application import application
from product.caseload import Caseload
from product.outbox import Outbox
from product.playing import SYSTEM, table
from servers import free_port
from service.serve import hosted

from joinedup.conformance.cli import main

TESTS = Path(__file__).parents[1]
PATIENCE_S = 120


@pytest.fixture
def product() -> Iterator[str]:
    """The address of a product that plays social care with its own API."""
    kept = Caseload(Outbox(lambda letter: True))
    kept.reset()
    with hosted(application(kept)) as base_url:
        yield base_url


def _configuration(folder: Path, base_url: str) -> Path:
    """A configuration with the product in the place of social care, and a mix of a journey and an operation."""
    found = table(base_url)
    lines = [f"[systems.{SYSTEM}]"]
    lines += [f"{key} = {json.dumps(found[key])}" for key in ("base_url", "contract", "binding")]
    for name, keys in found["identities"].items():
        if name in ("own", "other"):
            (folder / f"{name}.key").write_text(keys["api_key"])
            lines += [f"[systems.{SYSTEM}.identities.{name}]"]
            given = {**keys, "api_key": f"file:{name}.key"}
            lines += [f"{key} = {json.dumps(value)}" for key, value in given.items()]
    lines += ["[load]", 'permitted_by = "A. Tester, Example, 2026-11-02"', "rate = 20", 'duration = "3s"']
    lines += ["[load.mix]", '"police-notice" = 1', '"police:raiseNotice" = 1']
    path = folder / "joinedup.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_journey_is_played_through_a_binding(product: str, tmp_path: Path) -> None:
    """The journey stays as it is: what it does at social care is done by the product's own operations."""
    out = tmp_path / "out"
    order = ["-c", str(_configuration(tmp_path, product)), "--processes", "2", "--out", str(out)]
    result = CliRunner().invoke(main, ["load", *order])
    assert result.exit_code == 0, result.output
    found = json.loads((out / "performance.json").read_bytes())
    names = {row["name"] for row in found["by_name"]}
    contract = (TESTS / "product" / "contract.yaml").read_text()
    of_the_product = {name.removesuffix(f" of {SYSTEM}") for name in names if name.endswith(f" of {SYSTEM}")}
    assert of_the_product
    assert all(label.split(" ", 1)[1] + ":" in contract for label in of_the_product)
    assert "police-notice" in names
    assert found["failures"] == 0
    assert found["correctness"]["breaches"] == 0
    assert found["correctness"]["judged"] == found["requests"]


def _read(url: str) -> Any:
    with suppress(OSError, ValueError), urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)
    return None


def test_locusts_page_shows_the_load_and_its_files_are_kept(tmp_path: Path) -> None:
    """With --ui the load starts by itself, the page has its names, and the end leaves what a headless one leaves."""
    out, port = tmp_path / "out", free_port()
    command = [str(Path(sys.executable).parent / "joinedup"), "load", "--ui", "--ui-port", str(port)]
    command += ["--operation", "social-care:listContacts", "--rate", "20", "--duration", "2s"]
    ended = False
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen(
            [*command, "--out", str(out)],
            stdout=log,
            stderr=log,
            # What runs in the background of a script ignores Ctrl-C, and so would the load.
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        try:
            deadline = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline and not ended:
                found = _read(f"http://127.0.0.1:{port}/stats/requests") or {}
                whole = [row for row in found.get("stats", ()) if row["name"] == "Aggregated"]
                ended = bool(whole) and whole[0]["num_requests"] >= 40
                time.sleep(0.2)
            child.send_signal(signal.SIGINT)
            child.wait(PATIENCE_S)
        finally:
            child.kill()
            child.wait()
    said = (tmp_path / "log").read_text()
    assert ended, said
    assert child.returncode == 0, said
    assert f"http://127.0.0.1:{port}" in said
    assert json.loads((out / "performance.json").read_bytes())["requests"] == 40
    kept = {path.name for path in out.iterdir()}
    assert {"locust.html", "locust_stats.csv", "locust_failures.csv", "tallies.json"} <= kept
    assert "GET /v1/contacts" in (out / "locust.html").read_text()
    assert "GET /v1/contacts" in (out / "locust_stats.csv").read_text()
