"""A live system reaches chosen mocks at one public address, by what was printed for it and nothing else."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from by_hand import ByHand, by_hand, said
from servers import free_port

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.configuration import Configuration, parse_configuration, read_configuration
from joinedup.conformance.doctor import examine
from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.run import Plan, serving
from joinedup.conformance.way_back import way_back_fault

# A partner's product: Python's own library, in a process that has never heard of joinedup.
PARTNER = """
import base64, json, pathlib, ssl, sys, tomllib, urllib.error, urllib.parse, urllib.request

partner = tomllib.loads(sys.stdin.read())["systems"]["police"]
caller = partner["identities"]["own"]
trust = ssl.create_default_context(cafile=partner["ca_bundle"])
secret = pathlib.Path(caller["client_secret"].removeprefix("file:")).read_text()


def call(url, headers, form=None):
    data = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, context=trust) as answer:
            return answer.status, dict(answer.headers), json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.load(error)


basic = base64.b64encode(f"{caller['client_id']}:{secret}".encode()).decode()
form = {"grant_type": "client_credentials", "scope": caller["scope"]}
token = call(caller["token_url"], {"Authorization": f"Basic {basic}"}, form)[2]["access_token"]
notices = partner["base_url"] + "/v1/public-protection-notices"
good = call(notices, {"Authorization": f"Bearer {token}"})
print(json.dumps({
    "status": good[0],
    "notices": len(good[2]["items"]),
    "without a token": call(notices, {})[0],
    "contract": call(partner["contract"], {})[2]["servers"],
    "ours": [name for name in sys.modules if name.startswith("joinedup")],
}))
"""


def configured(folder: Path, *, public_url: str = "", more: str = "") -> Path:
    """A configuration whose mocks others reach, here by the name that every machine has for itself."""
    port = free_port()
    url = public_url or f"https://localhost:{port}/partners"
    path = folder / "joinedup.toml"
    table = f'[mocks]\nlisten = "127.0.0.1:{port}"\npublic_url = "{url}"\nserve = ["police", "social-care"]\n{more}'
    path.write_text(table)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of the tests that only call."""
    return configured(tmp_path_factory.mktemp("public"))


@pytest.fixture(scope="module")
def public(file: Path) -> Iterator[ByHand]:
    """The mocks at their public address."""
    with by_hand(file.parent, "-c", str(file)) as found:
        yield found


def test_a_partner_calls_by_what_was_printed(file: Path, public: ByHand, tmp_path: Path) -> None:
    """Another product, elsewhere, with nothing of ours, is let in with the printed client and not without."""
    printed = said(tmp_path, "-c", str(file), "--print-partners", "toml").stdout
    command = [sys.executable, "-I", "-S", "-c", PARTNER]
    done = subprocess.run(command, input=printed, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
    base = public.ready["systems"]["police"]["base_url"]
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen.pop("notices") > 0
    assert seen == {"status": 200, "without a token": 401, "contract": [{"url": base}], "ours": []}


def test_a_location_leads_back_through_the_address(file: Path, public: ByHand) -> None:
    """What was made is found at the Location that the answer gives, below the agency's own path."""
    system = public.ready["systems"]["social-care"]
    trust = ssl.create_default_context(cafile=file.parent / ".joinedup" / "mocks" / "authority.pem")
    keys = system["identities"]["own"]
    with httpx.Client(verify=trust) as client:
        form = {"grant_type": "client_credentials", "scope": keys["scope"]}
        token = client.post(
            keys["token_url"], data=form, auth=(keys["client_id"], keys["client_secret"])
        ).json()
        headers = {"Authorization": f"Bearer {token['access_token']}", "Sharing-Purpose": "SAFEGUARDING"}
        headers["Lawful-Basis"] = "public-task"
        body = {"source": "2A", "urgency": "same-day", "reason": "Seen.", "child": {"givenName": "Ann"}}
        made = client.post(f"{system['base_url']}/v1/contacts", json=body, headers=headers)
        assert made.status_code == 201, made.text
        found = client.get(httpx.URL(system["base_url"]).join(made.headers["Location"]), headers=headers)
    assert found.json()["contactId"] == made.json()["contactId"]


@pytest.mark.parametrize(
    "path", ["", "/", "/mash/v1/status", "/control/v1/status", "/way-back/", "/way-back/zz"]
)
def test_nothing_else_is_shown(path: str, file: Path, public: ByHand) -> None:
    """Agencies that were not chosen, and the control plane, are not at the public address."""
    trust = ssl.create_default_context(cafile=file.parent / ".joinedup" / "mocks" / "authority.pem")
    assert httpx.get(read_configuration(file).mocks.public_url + path, verify=trust).status_code == 404


def test_the_way_back_is_proved_while_they_are_served(file: Path, public: ByHand) -> None:
    """Doctor sees that the public address leads to these mocks, beside those that were started by hand."""
    with serving(Plan(source=str(file), out=""), read_configuration(file)) as (configuration, _):
        diagnosis = examine(configuration, load_catalogue())
    probe = next(probe for probe in diagnosis.probes if probe.name == "way back")
    assert (probe.state, probe.said) == ("ok", f"{configuration.mocks.public_url} leads back here")


def test_a_run_serves_them_itself(tmp_path: Path) -> None:
    """Without `joinedup mocks` they are there as long as they are needed, and gone afterwards."""
    configuration = read_configuration(configured(tmp_path))
    with serving(Plan(source=str(tmp_path / "joinedup.toml"), out=""), configuration, public=True):
        assert way_back_fault(configuration) is None
    fault = way_back_fault(configuration)
    assert fault is not None
    assert fault.id == "way-back-closed"


def test_a_certificate_of_ones_own_is_shown(tmp_path: Path) -> None:
    """A council's own certificate for the address is used instead of one of ours."""
    authority = trustme.CA()
    made = authority.issue_cert("localhost")
    (tmp_path / "mocks.pem").write_bytes(made.cert_chain_pems[0].bytes() + authority.cert_pem.bytes())
    (tmp_path / "mocks.key").write_bytes(made.private_key_pem.bytes())
    file = configured(tmp_path, more='certificate = "mocks.pem"\nprivate_key = "mocks.key"\n')
    configuration = read_configuration(file)
    with serving(Plan(source=str(file), out=""), configuration, public=True):
        assert way_back_fault(configuration) is None


def test_somebody_elses_address_is_told_apart(file: Path, public: ByHand, tmp_path: Path) -> None:
    """An address where other mocks answer is not taken for ours, though it looks the same."""
    theirs = read_configuration(file)
    ours = read_configuration(configured(tmp_path, public_url=theirs.mocks.public_url))
    for name in ("authority.pem", "client.pem"):
        (ours.mocks_folder).mkdir(parents=True, exist_ok=True)
        (ours.mocks_folder / name).write_bytes((theirs.mocks_folder / name).read_bytes())
    (ours.mocks_folder / "proof.key").write_text("another")
    fault = way_back_fault(ours)
    assert fault is not None
    assert fault.id == "way-back-elsewhere"
    assert theirs.mocks.public_url in fault.cause


def parsed(tmp_path: Path, **mocks: Any) -> Configuration:
    good: dict[str, Any] = {
        "listen": "0.0.0.0:8443",
        "public_url": "https://mocks.example",
        "serve": ["police"],
    }
    return parse_configuration({"mocks": {**good, **mocks}}, name="joinedup.toml", folder=tmp_path)


@pytest.mark.parametrize(
    ("mocks", "key"),
    [
        ({"listen": "8443"}, "mocks.listen"),
        ({"listen": "0.0.0.0:https"}, "mocks.listen"),
        ({"listen": ""}, "mocks.listen"),
        ({"public_url": "http://mocks.example"}, "mocks.public_url"),
        ({"public_url": ""}, "mocks.public_url"),
        ({"serve": []}, "mocks.serve"),
    ],
)
def test_half_a_table_is_a_mistake(mocks: dict[str, Any], key: str, tmp_path: Path) -> None:
    """Each key is needed, and the public address is https."""
    assert parsed(tmp_path).mocks.serve == ["police"]
    with pytest.raises(ConfigurationError, match=key):
        parsed(tmp_path, **mocks)


def test_it_is_off_until_it_is_asked_for(tmp_path: Path) -> None:
    """A configuration without [mocks] serves nobody, and says what is missing."""
    path = tmp_path / "joinedup.toml"
    path.write_text("")
    done = said(tmp_path, "-c", str(path))
    assert done.returncode == 2
    assert "has no [mocks] table" in done.stderr
