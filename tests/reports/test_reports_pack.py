"""Sealing a run: one form, one set of bytes, and nothing in it that the run did not write."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from joinedup.conformance.errors import ConfigurationError, UnverifiedError
from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Outcome
from joinedup.reports import archive, pack
from joinedup.reports.pack import Tier, seal
from joinedup.reports.run_folder import write_views
from joinedup.reports.statement import opened
from joinedup.reports.verification import verify

BROKEN = Finding("rule", ("AUT-01",), "A title", "expected", "actual", "GET /a", ("GET /a",))
MET = [Result(id_, Outcome.PASS) for id_ in ("AUT-01", "CON-01", "ERR-01")]


@pytest.fixture
def run(story: Any) -> Callable[..., Path]:
    """A run's folder as ``joinedup check`` leaves it."""

    def make(*found: Finding | Result, finished: bool = True) -> Path:
        story.start().system(contract_hash="c" * 64).check(*(found or MET)).verdict(finished=finished)
        write_views(story.folder)
        (story.folder / "run.json").write_text('{"schema": 1, "run": "r-1"}\n')
        return Path(story.folder)

    return make


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private key to sign with."""
    return write_key(tmp_path / "key.pem", Ed25519PrivateKey.generate())


def write_key(path: Path, key: Any) -> Path:
    """The PEM file of a private key."""
    form = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(key.private_bytes(*form))
    return path


@pytest.mark.parametrize("signed", [False, True])
def test_two_packs_of_one_run_are_the_same_bytes(
    run: Callable[..., Path], key: Path, tmp_path: Path, signed: bool
) -> None:
    """Packing again, later and elsewhere, gives the same file."""
    folder = run()
    first = seal(folder, tmp_path / "a.zip", key if signed else None)
    (folder / "events.ndjson").touch()
    second = seal(folder, tmp_path / "deeper" / "b.zip", key if signed else None)
    assert first.path.read_bytes() == second.path.read_bytes()


def test_another_program_can_open_a_pack(run: Callable[..., Path], tmp_path: Path) -> None:
    """An ordinary zip with verdict, run and manifest at its root, in which the manifest lists all that can be listed."""
    sealed = seal(run(), tmp_path / "a.zip")
    with zipfile.ZipFile(sealed.path) as opened_pack:
        assert opened_pack.testzip() is None
        parts = {name: opened_pack.read(name) for name in opened_pack.namelist()}
    assert {"verdict.json", "run.json", "manifest.json", "events.ndjson", "report.html", "junit.xml"} <= set(
        parts
    )
    manifest = json.loads(parts["manifest.json"])
    hashes = {entry["name"]: entry["sha256"] for entry in manifest["files"]}
    assert hashes == {
        name: sha256(content).hexdigest()
        for name, content in parts.items()
        if name not in ("manifest.json", "statement.dsse.json")
    }
    assert any(name.startswith("allure-results/") and name.endswith("-result.json") for name in hashes)
    assert manifest["tier"] == "self-run, unsigned"


def test_only_what_a_run_writes_is_packed(run: Callable[..., Path], tmp_path: Path) -> None:
    """A secret that lies in the folder, and a link that leads out of it, stay behind."""
    folder = run()
    (tmp_path / "secret").write_text("a secret")
    (folder / "notes.txt").write_text("a secret")
    (folder / "allure-results" / "link.json").symlink_to(tmp_path / "secret")
    (folder / "allure-results" / "strange name.json").write_text("a secret")
    assert b"a secret" not in seal(folder, tmp_path / "a.zip").path.read_bytes()


@pytest.mark.parametrize(
    ("found", "result", "passed", "failed"),
    [
        (MET, "WARNED", ["AUT-01", "CON-01"], []),
        ([*MET[:2], Result("ERR-01", Outcome.PASS)], "PASSED", ["AUT-01", "CON-01", "ERR-01"], []),
        ([*MET, BROKEN], "FAILED", ["CON-01", "ERR-01"], ["AUT-01"]),
    ],
)
def test_the_statement_says_what_the_verdict_says(
    run: Callable[..., Path],
    key: Path,
    tmp_path: Path,
    found: list[Finding | Result],
    result: str,
    passed: list[str],
    failed: list[str],
) -> None:
    """An in-toto test-result about the manifest and the contract, with each point under what became of it."""
    warned = [*MET[:2], Result("ERR-01", Outcome.WARN, "because")] if result == "WARNED" else found
    parts = archive.read(seal(run(*warned), tmp_path / "a.zip", key).path.read_bytes())
    statement = json.loads(opened(parts["statement.dsse.json"]).payload)
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    digests = {entry["name"]: entry["digest"]["sha256"] for entry in statement["subject"]}
    assert digests == {
        "manifest.json": sha256(parts["manifest.json"]).hexdigest(),
        "social-care contract": "c" * 64,
    }
    predicate = statement["predicate"]
    assert predicate["result"] == result
    assert predicate["passedTests"] == [f"social-care {id_}" for id_ in passed]
    assert predicate["failedTests"] == [f"social-care {id_}" for id_ in failed]


@pytest.mark.parametrize(
    ("out", "written"),
    [("evidence.zip", "evidence.working-copy.zip"), ("my-working-copy.zip", "my-working-copy.zip")],
)
def test_a_run_without_a_verdict_packs_as_a_working_copy(
    run: Callable[..., Path], tmp_path: Path, out: str, written: str
) -> None:
    """It is named a working copy, says so, and makes no statement."""
    sealed = seal(run(finished=False), tmp_path / out)
    assert (sealed.path.name, sealed.tier) == (written, Tier.WORKING_COPY)
    assert not (tmp_path / "evidence.zip").exists()
    assert "statement.dsse.json" not in archive.read(sealed.path.read_bytes())


def test_a_run_without_a_verdict_is_not_signed(run: Callable[..., Path], key: Path, tmp_path: Path) -> None:
    """There is nothing to sign for, so nothing is written."""
    with pytest.raises(ConfigurationError, match="has no verdict"):
        seal(run(finished=False), tmp_path / "a.zip", key)
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.parametrize("kind", ["missing", "noise", "rsa", "passphrase", "public"])
def test_a_key_that_cannot_sign_is_refused(run: Callable[..., Path], tmp_path: Path, kind: str) -> None:
    """Each is named in a sentence that says how to make one, and nothing is written."""
    path, made = tmp_path / "key.pem", Ed25519PrivateKey.generate()
    pem = serialization.Encoding.PEM
    if kind == "noise":
        path.write_bytes(b"\x00 no key")
    elif kind == "rsa":
        write_key(path, generate_private_key(65537, 2048))
    elif kind == "passphrase":
        form = serialization.PrivateFormat.PKCS8
        path.write_bytes(made.private_bytes(pem, form, serialization.BestAvailableEncryption(b"p")))
    elif kind == "public":
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        path.write_bytes(made.public_key().public_bytes(pem, public))
    with pytest.raises(ConfigurationError) as refused:
        seal(run(), tmp_path / "a.zip", path)
    assert "key.pem" in refused.value.message
    assert "openssl genpkey" in refused.value.hint
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize("missing", ["events.ndjson", "run.json"])
def test_a_folder_without_a_run_is_refused(run: Callable[..., Path], tmp_path: Path, missing: str) -> None:
    """What is missing is named."""
    folder = run()
    (folder / missing).unlink()
    with pytest.raises(ConfigurationError, match=missing):
        seal(folder, tmp_path / "a.zip")


def _many(event: str) -> bytes:
    return b"".join(b'{"event":"%s"}\n' % event.encode() for _ in range(pack.MOST[event] + 1))


TOO_MANY = {
    **{event: _many(event) for event in pack.MOST},
    "links": json.dumps(
        {"event": "journey", "links": [{"from": f"a{n}", "to": f"b{n}"} for n in range(pack.MOST_LINKED)]}
    ).encode(),
}


@pytest.mark.parametrize("kind", TOO_MANY)
def test_a_record_that_would_fill_the_memory_is_refused(
    run: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    """What views set side by side is bounded: no pack is made of it, and none that holds it verifies."""
    folder = run()
    parts = archive.read(seal(folder, tmp_path / "a.zip").path.read_bytes())
    parts["events.ndjson"] += TOO_MANY[kind] + b"\n"
    covered = {k: v for k, v in parts.items() if k not in (pack.MANIFEST, pack.ENVELOPE)}
    (tmp_path / "b.zip").write_bytes(
        archive.write({**parts, pack.MANIFEST: pack.manifest(covered, "r-1", Tier.UNSIGNED)})
    )
    with pytest.raises(UnverifiedError, match=r"^b\.zip does not verify\. The record .* most\.|may have\."):
        verify(tmp_path / "b.zip")
    (folder / "events.ndjson").write_bytes(parts["events.ndjson"])
    with pytest.raises(ConfigurationError, match="cannot be packed"):
        seal(folder, tmp_path / "c.zip")


@pytest.mark.parametrize(("name", "most"), [("MOST_PARTS", 3), ("MOST_BYTES", 9_000)])
def test_nothing_is_packed_that_no_reader_takes(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    """A run that is too large is told what the most is, and leaves no file."""
    monkeypatch.setattr(archive, name, most)
    with pytest.raises(ConfigurationError, match="too large for a pack"):
        seal(run(), tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


NAMES = [("../a", False), ("/a", False), ("a/../b", False), (".a", False), ("a/.b", False), ("a\\b", False)]
NAMES += [("a/b/c", False), ("", False), ("a" * 200, False), ("é", False), ("a\n", False), ("a/b.json", True)]


@pytest.mark.parametrize(("name", "good"), NAMES)
def test_a_part_has_a_plain_name(name: str, good: bool) -> None:
    """No part hides, climbs or leads elsewhere."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as hostile:
        hostile.writestr(zipfile.ZipInfo(name, archive.EPOCH), b"x")
    if good:
        assert archive.read(archive.write({name: b"x"})) == {name: b"x"}
    else:
        with pytest.raises(UnverifiedError):
            archive.read(content.getvalue())
