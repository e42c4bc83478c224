"""Evidence from real runs: packs that notice every change, comparisons of what really ran, and who answers for what."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.errors import UnverifiedError
from joinedup.reports import archive, pack, statement
from joinedup.reports.verification import verify

JOINEDUP = [sys.executable, "-P", "-m", "joinedup.conformance.cli"]
CHECK = ("check", "--system", "social-care", "--quick", "--only", "AUT-03", "--out")
FAULT = ("--fault", "other-organisation-readable")
TODAY = datetime.now(UTC).date()


def run(
    *words: str | Path, cwd: Path, umask: int = 0o022, **variables: str
) -> subprocess.CompletedProcess[str]:
    """One command in a folder; nothing that it says is a traceback."""
    done = subprocess.run(
        [*JOINEDUP, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **variables},
        umask=umask,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs that found nothing, ``once`` (with a load in it) and ``again``, and one with a fault."""
    folder = tmp_path_factory.mktemp("evidence")
    assert run(*CHECK, "once", cwd=folder).returncode == 0
    assert run("load", "--duration", "1s", "--rate", "20", "--out", "once", cwd=folder).returncode in (0, 1)
    assert (folder / "once" / "performance.json").exists()
    assert run(*CHECK, "again", cwd=folder).returncode == 0
    assert run(*CHECK, "broken", *FAULT, cwd=folder).returncode == 1
    for name in ("key", "other"):
        made = folder / f"{name}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", made], check=True)
        public = folder / f"{name}.pub.pem"
        subprocess.run(["openssl", "pkey", "-in", made, "-pubout", "-out", public], check=True)
    return folder


@pytest.fixture(scope="module")
def sealed(place: Path) -> Path:
    """The pack of the first run, with journeys and load in it, signed."""
    assert run("pack", "once", "--out", "once.zip", "--key", "key.pem", cwd=place).returncode == 0
    verdict = json.loads(archive.read((place / "once.zip").read_bytes())["verdict.json"])
    assert verdict["journeys"]
    assert verdict["performance"]
    return place / "once.zip"


# --- packs


def test_a_real_pack_verifies(place: Path, sealed: Path) -> None:
    """Without a key it is whole, with the signer's key it is theirs, and with another's it is refused (exit 7)."""
    whole = run("verify", sealed, cwd=place)
    assert (whole.returncode, "This proves integrity only" in whole.stdout) == (0, True)
    trusted = run("verify", sealed, "--trust", "key.pub.pem", cwd=place)
    assert (trusted.returncode, "the key that you trust" in trusted.stdout) == (0, True)
    refused = run("verify", sealed, "--trust", "other.pub.pem", cwd=place)
    assert (refused.returncode, refused.stdout) == (7, "")
    assert "once.zip does not verify. The pack is not signed by the key that you trust" in refused.stderr


def test_a_byte_flipped_anywhere_in_a_real_pack_is_noticed(sealed: Path, tmp_path: Path) -> None:
    """At each of 200 random places, also where a signature is not looked at."""
    content = sealed.read_bytes()
    chance = random.Random(200)
    for place in chance.sample(range(len(content)), 200):
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        (tmp_path / "flipped.zip").write_bytes(flipped)
        with pytest.raises(UnverifiedError):
            verify(tmp_path / "flipped.zip")


def test_a_manifest_rewritten_to_match_is_noticed_with_trust(place: Path, sealed: Path) -> None:
    """A load that was made faster throughout, in all views, manifest and statement: only the signer's key tells."""
    parts = archive.read(sealed.read_bytes())
    faster = json.loads(parts["performance.json"])
    faster["p95_ms"] = 0.1
    changed = {**parts, "performance.json": json.dumps(faster).encode()}
    verdict = pack.judged(changed)
    changed |= pack.views(verdict)
    covered = {k: v for k, v in changed.items() if k not in (pack.MANIFEST, pack.ENVELOPE)}
    forged = {**covered, pack.MANIFEST: pack.manifest(covered, str(verdict["run"]), pack.Tier.SIGNED)}
    signer = statement.private_key(place / "other.pem")
    forged[pack.ENVELOPE] = statement.enclose(statement.of(forged, verdict), signer)
    (place / "forged.zip").write_bytes(archive.write(forged))
    assert run("verify", "forged.zip", cwd=place).returncode == 0
    refused = run("verify", "forged.zip", "--trust", "key.pub.pem", cwd=place)
    assert refused.returncode == 7
    assert "not signed by the key that you trust" in refused.stderr


def test_packs_of_one_real_run_are_the_same_bytes(place: Path, sealed: Path, tmp_path: Path) -> None:
    """From another folder, under another umask, time zone and language, and after every view was written again."""
    elsewhere = tmp_path / "elsewhere" / "with another name"
    shutil.copytree(place / "once", elsewhere)
    (elsewhere / "report.html").unlink()
    shutil.rmtree(elsewhere / "allure-results")
    surroundings = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "7", "COLUMNS": "40"}
    assert run("report", elsewhere, cwd=tmp_path, umask=0o077, **surroundings).returncode == 0
    out = tmp_path / "other name.zip"
    words = ("pack", elsewhere, "--out", out, "--key", place / "key.pem")
    assert run(*words, cwd=tmp_path, umask=0o077, **surroundings).returncode == 0
    assert out.read_bytes() == sealed.read_bytes()


# --- comparisons


@pytest.mark.parametrize("of", ["runs", "packs"])
def test_two_runs_of_one_thing_do_not_differ(place: Path, of: str) -> None:
    """Neither in what they found nor in what they were given: addresses, times and load are no difference."""
    names = ["once", "again"]
    if of == "packs":
        for name in names:
            assert run("pack", name, "--out", f"{name}-unsigned.zip", cwd=place).returncode == 0
        names = [f"{name}-unsigned.zip" for name in names]
    done = run("compare", *names, "--json", cwd=place)
    compared = json.loads(done.stdout)
    assert (done.returncode, compared["requirements"], compared["findings"]) == (0, [], [])
    assert compared["harness"] == []


def test_a_fault_is_a_regression_and_its_end_is_not(place: Path) -> None:
    """What broke ends in exit 1, with the page; the other way round it is mended, and ends in exit 0."""
    worse = run("compare", "once", "broken", "--out", "worse.html", cwd=place)
    assert (worse.returncode, "There is a regression" in worse.stdout) == (1, True)
    assert "AUT-03" in (place / "worse.html").read_text()
    better = json.loads(run("compare", "broken", "once", "--json", cwd=place).stdout)
    assert (better["regression"], {row["change"] for row in better["requirements"]}) == (False, {"fixed"})
    assert [entry["what"] for entry in better["harness"]] == ["faults"]


# --- who answers for what


ANSWERS = {
    "reason": '"Mended in the next release."',
    "risk": '"Test records only."',
    "requested_by": '"Ann Example, product owner, Acme Care"',
    "approved_by": '"Ben Example, data protection officer, Example Council"',
    "approved_on": str(TODAY),
    "recorded_on": str(TODAY),
    "expires": str(TODAY + timedelta(days=30)),
}


def completed(entry: str) -> str:
    """A ready entry with every empty value filled in."""
    lines = []
    for line in entry.splitlines():
        key = line.partition(" ")[0]
        lines.append(f"{key} = {ANSWERS[key]}" if '= ""' in line else line)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("words", "file"),
    [((), "waivers.toml"), (("--baseline",), "baseline.toml")],
    ids=["waiver", "baseline"],
)
def test_a_printed_entry_is_refused_until_it_is_completed(
    place: Path, tmp_path: Path, words: tuple[str, ...], file: str
) -> None:
    """As printed no run takes it (exit 2, and nothing is sent); completed, it is in order."""
    printed = run("waiver", "new", "AUT-03", "--run", place / "broken", *words, cwd=tmp_path).stdout
    (tmp_path / file).write_text(printed)
    refused = run(*CHECK, "run", *FAULT, cwd=tmp_path)
    assert (refused.returncode, (tmp_path / "run").exists()) == (2, False)
    assert f"{file}, entry 1: `reason` is empty." in refused.stderr
    (tmp_path / file).write_text(completed(printed))
    assert run("waiver", "check", cwd=tmp_path).returncode == 0


def test_a_completed_entry_is_laid_over_a_real_failure(place: Path, tmp_path: Path) -> None:
    """A check, a journey and what that failure kept from being tested are accepted (exit 0), and compare says so."""
    printed = run("waiver", "new", "AUT-03", "--run", place / "broken", cwd=tmp_path).stdout
    (tmp_path / "waivers.toml").write_text(completed(printed))
    assert run(*CHECK, "run", *FAULT, cwd=tmp_path).returncode == 0
    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert [(r["outcome"], r["waived"]) for r in verdict["requirements"]] == [("fail", True)]
    compared = json.loads(run("compare", place / "broken", "run", "--json", cwd=tmp_path).stdout)
    assert {row["change"] for row in compared["requirements"]} == {"exception_changed"}


def test_a_failing_run_prints_its_entry_for_a_log(place: Path) -> None:
    """Nothing but the log of a CI job is needed to complete it."""
    said = run("report", "broken", cwd=place).stdout
    start = said.index("[[known]]")
    assert "f-1 is unexpected." in said[:start]
    (place / "baseline.toml").write_text(said[start : said.index("\n(", start)])
    try:
        refused = run("waiver", "check", cwd=place)
    finally:
        (place / "baseline.toml").unlink()
    assert (refused.returncode, "`reason` is empty" in refused.stderr) == (2, True)


NEEDS_A_PERSON = '''
import pytest
from joinedup.conformance.check import needs_a_person

@pytest.mark.requirement("CON-API-12")
def test_words_are_plain(target, check):
    """The words of every refusal are plain."""
    raise needs_a_person("somebody has to read the refusals")
'''


def test_what_needs_a_person_waits_for_one(tmp_path: Path) -> None:
    """A check of one's own that asks for a person gives no verdict (exit 6), and is met where one attests it (exit 0)."""
    (tmp_path / "test_own.py").write_text(NEEDS_A_PERSON)
    (tmp_path / "notes.txt").write_text("All were read.")

    def checked(out: str, *words: str) -> tuple[int, dict[str, Any]]:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "test_own.py",
            "-p",
            "no:cacheprovider",
            "--joinedup",
            "bundled",
        ]
        command += ["--joinedup-system", "social-care", "--joinedup-only", "CON-API-12"]
        command += ["--joinedup-out", out, *words]
        code = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=300).returncode
        return code, json.loads((tmp_path / out / "verdict.json").read_text())

    code, verdict = checked("open")
    assert (code, verdict["requirements"][0]["outcome"]) == (6, "review")
    assert run("report", "open", cwd=tmp_path).returncode == 6
    fields = {
        "requirement": "CON-API-12",
        "statement": "Every refusal was read, and is plain.",
        "evidence": "notes.txt",
        "sha256": sha256((tmp_path / "notes.txt").read_bytes()).hexdigest(),
        "name": "Cat Example",
        "role": "content designer",
        "organisation": "Example Council",
    }
    dates = [f"date = {TODAY}", f"expires = {TODAY + timedelta(days=90)}"]
    lines = ["[[attestation]]", *(f'{key} = "{value}"' for key, value in fields.items()), *dates]
    (tmp_path / "attestations.toml").write_text("\n".join([*lines, 'system = "social-care"']))
    code, verdict = checked("attested")
    (requirement,) = verdict["requirements"]
    assert (code, requirement["outcome"], requirement["attested"]["name"]) == (0, "pass", "Cat Example")
