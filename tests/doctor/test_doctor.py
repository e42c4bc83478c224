"""Each thing that can stand in the way of a verdict has one fault, by a stable id, with a cause and the key to change."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trustme
from stdnum.gb import nhs
from tls_servers import KINDS, Manners, bundle, serving

from joinedup.conformance.catalogue import Catalogue, load_catalogue
from joinedup.conformance.configuration import parse_configuration
from joinedup.conformance.diagnosis import Diagnosis
from joinedup.conformance.doctor import examine, make_sure
from joinedup.conformance.errors import SetupError
from joinedup.conformance.target import build_target

CONTRACT = Path(__file__).parent / "contract.yaml"
Table = dict[str, Any]


@cache
def catalogue() -> Catalogue:
    """The catalogue, read once."""
    return load_catalogue()


def live_number() -> str:
    """A valid NHS number in a range that people can have, of no known person: computed, from equal digits on."""
    return next(number for n in range(10_000) if nhs.is_valid(number := f"400000{n:04d}"))


def table(url: str, **of_the_system: Any) -> Table:
    """A configuration with one system and one caller; keys of the system may be given."""
    own = {
        "flow": "client-credentials",
        "token_url": f"{url}/token",
        "client_id": "joinedup",
        "client_secret": "env:DOCTOR_SECRET",
        "scope": "things.read",
    }
    system = {"base_url": url, "contract": "contract.yaml", "identities": {"own": own}, **of_the_system}
    return {"systems": {"records": system}, "limits": {"timeout_s": 2}}


def diagnosis(configuration: Table, folder: Path) -> Diagnosis:
    """What doctor finds."""
    (folder / "contract.yaml").write_text(CONTRACT.read_text())
    return examine(parse_configuration(configuration, name="joinedup.toml", folder=folder), catalogue())


def ids(found: Diagnosis) -> list[str]:
    """The ids of the faults."""
    return [fault.id for _, fault in found.faults]


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTOR_SECRET", "canary-secret")


def test_a_system_in_order_has_no_fault(tmp_path: Path) -> None:
    """Every probe is ok where everything is as it should be."""
    with serving() as url:
        found = diagnosis(table(url, fixtures={"thingId": ["known-1"]}), tmp_path)
    assert [(probe.name, probe.state) for probe in found.probes if probe.state != "ok"] == []
    assert found.green
    wanted = {"configuration", "answer", "clock", "identity own", "contract", "served", "fixtures", "limits"}
    assert wanted <= {probe.name for probe in found.probes}


@pytest.mark.parametrize(
    ("manners", "fault", "key"),
    [
        (Manners(skew=timedelta(minutes=5)), "clock-skew", "base_url"),
        (Manners(skew=timedelta(hours=-2)), "clock-skew", "base_url"),
        (Manners(status={"/token": 401}), "token-refused", "identities.own"),
        (Manners(everywhere=(200, "{}")), "token-missing", "identities.own"),
        (Manners(status={"/v1/things": 401}), "credential-refused", "identities.own"),
        (Manners(status={"/v1/things": 404}), "contract-not-served", "the contract names /care"),
        (Manners(status={"/v1/things": 503}), "system-unavailable", "base_url"),
        (Manners(status={"/v1/things": 302}), "redirected", "base_url"),
        (Manners(media_type="text/html"), "login-page", "identities.own"),
        (Manners(granted="other.read"), "scope-missing", "identities.own.scope"),
        (Manners(body=json.dumps({"items": [live_number()]})), "real-people", "base_url"),
        (Manners(headers={"X-Person": live_number()}), "real-people", "base_url"),
    ],
)
def test_each_fault_of_a_server_is_named(manners: Manners, fault: str, key: str, tmp_path: Path) -> None:
    """What a server does wrong has its id; the fix names the key of the file, and no cause holds a value."""
    with serving(manners) as url:
        found = diagnosis(table(url), tmp_path)
    faults = {f.id: f for _, f in found.faults}
    assert fault in faults
    assert key in faults[fault].fix
    assert live_number() not in found.as_text() + json.dumps(found.as_record())


@pytest.mark.parametrize(
    ("changes", "fault", "key"),
    [
        ({"fixtures": {"childId": ["1"]}}, "fixture-unused", "fixtures.childId"),
        ({"fixtures": {"thingId": ["gone"]}}, "fixture-not-found", "fixtures.thingId"),
        ({"fixtures": {"thingId": [live_number()]}}, "real-people", "999"),
        ({"requests": {"makeThing": "body.json"}}, "operation-unknown", "requests.makeThing"),
        ({"requests": {"listThings": "body.json"}}, "request-unreadable", "path"),
        ({"leave_out": {"GET /v1/nothing": "it is not there"}}, "operation-unknown", "leave_out"),
        ({"contract": "absent.yaml"}, "contract-unusable", "path"),
        ({"contract": "http://127.0.0.1:9/openapi.json"}, "contract-unreachable", "systems.records.contract"),
        ({"ca_bundle": "absent.pem"}, "ca-bundle-unreadable", "PEM"),
        (
            {"identities": {"own": {"flow": "bearer", "token": "env:NO_SUCH_SECRET"}}},
            "secret-missing",
            "systems.records.identities.own.token",
        ),
        (
            {"identities": {"own": {"flow": "python:nowhere.Signer"}}},
            "identity-unusable",
            "httpx.Auth",
        ),
        (
            {"identities": {n: {"flow": "bearer", "token": "env:DOCTOR_SECRET"} for n in ("own", "other")}},
            "identity-twice",
            "identities.other",
        ),
    ],
)
def test_each_fault_of_a_table_is_named(changes: Table, fault: str, key: str, tmp_path: Path) -> None:
    """What the file gets wrong has its id, and the fix says what to change."""
    with serving() as url:
        found = diagnosis(table(url, **changes), tmp_path)
    faults = {f.id: f for _, f in found.faults}
    assert fault in faults
    assert key in faults[fault].fix
    assert not found.green


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        ({"max_requests": 3}, "limits-too-few-requests"),
        ({"timeout_s": 0.000_1, "max_requests": 300}, "no-answer"),
    ],
)
def test_limits_that_leave_no_room_are_named(limits: Table, fault: str, tmp_path: Path) -> None:
    """Limits under which nothing can be found out are a fault of the file."""
    with serving() as url:
        found = diagnosis({**table(url), "limits": limits}, tmp_path)
    assert fault in ids(found) or "address-silent" in ids(found)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://no-such-host.invalid", "address-unknown"),
        ("http://127.0.0.1:{closed}", "address-refused"),
    ],
)
def test_an_address_that_leads_nowhere_is_named(url: str, fault: str, tmp_path: Path) -> None:
    """DNS and a closed port are told apart, and what depends on an answer is not tried."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = diagnosis(table(url.format(closed=unused.getsockname()[1])), tmp_path)
    assert fault in ids(found)
    assert {probe.name for probe in found.probes if probe.state == "not tried"} >= {"answer", "identity own"}


def test_a_run_begins_with_what_is_essential(tmp_path: Path) -> None:
    """What ends a run before any verdict is said in the words of doctor."""
    (tmp_path / "contract.yaml").write_text(CONTRACT.read_text())
    with serving(Manners(status={"/v1/things": 401})) as url:
        configuration = parse_configuration(table(url), name="joinedup.toml", folder=tmp_path)
        target = build_target("records", configuration, catalogue(), seed=1, write=lambda e, **f: None)
        with pytest.raises(SetupError) as raised:
            make_sure(target)
        target.client.close()
    assert (raised.value.fault, raised.value.exit_code) == ("credential-refused", 3)


# --- the command


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in a folder."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "joinedup.conformance.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "DOCTOR_SECRET": "canary-secret"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert "canary" not in done.stdout + done.stderr
    return done


def written(url: str, folder: Path, more: Mapping[str, str] | None = None) -> None:
    """A configuration file and its contract."""
    (folder / "contract.yaml").write_text(CONTRACT.read_text())
    extra = "".join(f'{key} = "{value}"\n' for key, value in (more or {}).items())
    (folder / "joinedup.toml").write_text(
        f'[systems.records]\nbase_url = "{url}"\ncontract = "contract.yaml"\n{extra}'
        f'[systems.records.identities.own]\nflow = "client-credentials"\ntoken_url = "{url}/token"\n'
        'client_id = "joinedup"\nclient_secret = "env:DOCTOR_SECRET"\n'
    )


def test_a_private_authority_is_enough_for_a_whole_run(tmp_path: Path) -> None:
    """With ``ca_bundle``, doctor is green (exit 0), and contract, token and generated requests all go over TLS."""
    authority = trustme.CA()
    with serving(tls=KINDS["good"](authority)) as url:
        written(url, tmp_path, {"ca_bundle": bundle(authority, tmp_path)})
        healthy = run("doctor", "--json", cwd=tmp_path)
        checked = run("check", "--quick", "--only", "CON-API-03", "--out", "run", "--json", cwd=tmp_path)
    assert (healthy.returncode, json.loads(healthy.stdout)["green"]) == (0, True)
    assert [e["reason"] for e in json.loads(checked.stdout)["errors"]] == []
    assert json.loads(checked.stdout)["systems"][0]["operations_exercised"] > 0


def test_a_red_doctor_means_no_verdict(tmp_path: Path) -> None:
    """Doctor exits 3 with cause and fix; check exits 3 and says the same, whatever else it could have found."""
    authority = trustme.CA()
    with serving(tls=KINDS["expired"](authority)) as url:
        written(url, tmp_path, {"ca_bundle": bundle(authority, tmp_path)})
        sick = run("doctor", cwd=tmp_path)
        checked = run("check", "--out", "run", cwd=tmp_path)
    assert (sick.returncode, checked.returncode) == (3, 3)
    for said in (sick.stdout, checked.stdout):
        assert "ended on 03 May 2021" in " ".join(said.split())


def test_a_configuration_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    """Exit 2, as for every command: there is nothing to look at."""
    (tmp_path / "joinedup.toml").write_text("under_test = [")
    done = run("doctor", cwd=tmp_path)
    assert (done.returncode, "is not valid TOML" in done.stderr) == (2, True)
