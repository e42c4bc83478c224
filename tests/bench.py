"""
How fast the harness is, beside its rivals on the same server: ``make bench``.

Rates are taken in turns and compared as ratios, because two shared cores drift. Writes ``bench.json`` and prints a
table of what is wanted and whether it is met; what cannot be measured, because a rival is not installed, is named.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

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

ROUNDS = 3
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


def generated() -> dict[str, Any]:
    """Cases a second of plain Schemathesis and of ours, in turns."""
    with served(["social-care"]) as agencies, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _plain(agencies, folder), _ours(agencies, folder)
        pairs = [(_plain(agencies, folder), _ours(agencies, folder)) for _ in range(ROUNDS)]
    return {
        "plain_schemathesis": round(statistics.median(p for p, _ in pairs), 1),
        "joinedup": round(statistics.median(o for _, o in pairs), 1),
        "ratio": round(statistics.median(o / p for p, o in pairs), 2),
    }


def load() -> dict[str, Any]:
    """What ``bench_load.py`` adds to the file, in a process of its own: Locust changes the one that loads it."""
    script = Path(__file__).with_name("bench_load.py")
    subprocess.run([sys.executable, str(script)], check=True, stdout=subprocess.DEVNULL)
    return dict(json.loads(RESULT.read_bytes())["load"])


RESULT = Path("bench.json")
PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "people": people,
    "mocks": mocks,
    "generated_cases_per_second": generated,
    "load": load,
}


class Wanted(NamedTuple):
    """A figure, where it stands in the result, and what is wanted of it."""

    what: str
    place: str
    least: float | None = None
    most: float | None = None

    def found(self, result: dict[str, Any]) -> float | None:
        """The figure; None where it was not measured."""
        value: Any = result
        for key in self.place.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return None if value is None else float(value)

    def row(self, result: dict[str, Any]) -> str:
        """One line of the table."""
        found = self.found(result)
        wanted = f"at least {self.least}" if self.least is not None else f"at most {self.most}"
        if found is None:
            return f"{self.what:<58}{'-':>8}  {wanted:<14}  not measured"
        met = found >= self.least if self.least is not None else found <= (self.most or 0)
        return f"{self.what:<58}{found:>8.2f}  {wanted:<14}  {'yes' if met else 'NO'}"


WANTED = (
    Wanted(
        "Generated cases a second, of those of plain st run", "generated_cases_per_second.ratio", least=0.9
    ),
    Wanted("100,000 children, processor seconds", "people.processor_seconds", most=3),
    Wanted("All agencies answer after seconds", "mocks.start_seconds.all", most=3),
    Wanted("One agency answers after seconds", "mocks.start_seconds.one", most=1),
    *(
        wanted
        for method in ("get", "post")
        for wanted in (
            Wanted(
                f"{method.upper()} with validation, of without",
                f"mocks.speed.{method}.to_without_validation",
                0.9,
            ),
            Wanted(
                f"{method.upper()} with signed tokens, of opaque",
                f"mocks.speed.{method}.to_opaque_tokens",
                0.9,
            ),
            Wanted(f"{method.upper()}, times Prism", f"mocks.speed.{method}.to_prism", least=6),
        )
    ),
    Wanted("POST, p99 as a multiple of p50", "mocks.speed.post.p99_to_p50", most=5),
    Wanted(
        "Operations under load, validated, of processor time",
        "load.validation_costs.operation.as_it_is",
        most=0.1,
    ),
    Wanted(
        "Journeys under load, validated, of processor time",
        "load.validation_costs.journey.as_it_is",
        most=0.1,
    ),
    Wanted("A planned rate is missed by", "load.planned_rate.off_by", most=0.02),
)


def main() -> None:
    """Measure part by part, keep what was found after each, and say at the end what is met."""
    result: dict[str, Any] = {}
    for name, measure in PARTS.items():
        began = time.monotonic()
        try:
            result[name] = measure()
        except (Exception, SystemExit) as error:
            result[name] = {"left_out": f"{type(error).__name__}: {error}"}
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    print(json.dumps(result, indent=1))
    for part in (result["mocks"].get("speed", {}), *result.values()):
        if part.get("left_out"):
            print(f"Left out: {part['left_out']}")
    print(f"\n{'What':<58}{'found':>8}  {'wanted':<14}  met")
    print("\n".join(wanted.row(result) for wanted in WANTED))


if __name__ == "__main__":
    main()
