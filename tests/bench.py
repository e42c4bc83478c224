"""
How fast the harness is, beside its rival on the same server: ``make bench``.

Rates are taken in turns and compared as ratios, because two shared cores drift. Writes ``bench.json``.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from bench_mocks import mocks
from bench_people import people

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.generated_input import STANDARD
from joinedup.conformance.harvest import harvest
from joinedup.conformance.judging import generate
from joinedup.conformance.run import bundled_configuration
from joinedup.conformance.target import Target, build_target
from joinedup.mocks.serve import Served, served
from joinedup.reports.events import Record

ROUNDS = 5
PHASES = "examples,coverage,fuzzing,stateful"


def _token(agencies: Served) -> str:
    keys = agencies.systems["social-care"].identities["own"]
    form = {"grant_type": "client_credentials", "scope": keys.get("scope", "")}
    answer = httpx.post(keys["token_url"], data=form, auth=(keys["client_id"], keys["client_secret"]))
    return str(answer.json()["access_token"])


def _plain(agencies: Served, folder: Path) -> float:
    """Cases a second of ``st run`` with the same phases, seed and number of examples."""
    agencies.reset()
    settings = folder / "schemathesis.toml"
    settings.write_text(
        f"seed = 1\ncontinue-on-failure = true\n[generation]\nmax-examples = {STANDARD.fuzzing}\nno-shrink = true\n"
        f'database = "none"\n[phases.coverage]\nunexpected-methods = []\n[phases.stateful.generation]\n'
        f"max-examples = {STANDARD.stateful}\n"
    )
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(settings), "run"]
    command += [agencies.systems["social-care"].contract, "--phases", PHASES, "--workers", "1"]
    command += ["-H", f"Authorization: Bearer {_token(agencies)}"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"}
    )
    cases = re.search(r"([\d,]+) generated", done.stdout)
    seconds = re.search(r"in ([\d.]+)s =+\s*$", done.stdout)
    if cases is None or seconds is None:
        raise SystemExit(
            f"schemathesis said something unexpected:\n{done.stdout[-2000:]}\n{done.stderr[-500:]}"
        )
    return int(cases[1].replace(",", "")) / float(seconds[1])


def _ours(agencies: Served, folder: Path) -> float:
    """Cases a second of our generated phases, with judging, masking and the record."""
    agencies.reset()
    with Record(folder / f"ours-{time.monotonic_ns()}") as record:
        configuration = bundled_configuration(agencies.systems)
        target: Target = build_target(
            "social-care", configuration, load_catalogue(), seed=1, write=record.write, ours=True
        )
        harvest(target)
        generated = generate(target, "standard").generated
    return generated.cases / generated.seconds


def main() -> None:
    """Measure in turns and print medians."""
    with served(["social-care"]) as agencies, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _plain(agencies, folder), _ours(agencies, folder)
        pairs = [(_plain(agencies, folder), _ours(agencies, folder)) for _ in range(ROUNDS)]
    result: dict[str, Any] = {
        "generated_cases_per_second": {
            "plain_schemathesis": round(statistics.median(p for p, _ in pairs), 1),
            "joinedup": round(statistics.median(o for _, o in pairs), 1),
            "ratio": round(statistics.median(o / p for p, o in pairs), 2),
            "at_least": 0.9,
        },
        "people": people(),
        "mocks": mocks(),
    }
    Path("bench.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
