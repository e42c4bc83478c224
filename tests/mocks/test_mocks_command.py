"""`joinedup mocks` serves the agencies by hand, says how to call them, and goes without a trace."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from by_hand import COMMAND, ByHand, by_hand, said
from servers import free_port

from joinedup.conformance.configuration import parse_configuration
from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.mocks_command import fixed_ports
from joinedup.mocks.cast import Cast
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.folder import Folder

CURL = shutil.which("curl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the command is called."""
    return tmp_path_factory.mktemp("by-hand")


@pytest.fixture(scope="module")
def all_of_them(folder: Path) -> Iterator[ByHand]:
    """All agencies, served once for the tests that only read."""
    with by_hand(folder) as found:
        yield found


def test_the_ready_line_names_every_agency(all_of_them: ByHand) -> None:
    """One line of JSON says where all are, and each answers by then."""
    assert all_of_them.ready["ready"] is True
    assert list(all_of_them.ready["systems"]) == list(AGENCIES)
    for system in all_of_them.ready["systems"].values():
        assert httpx.get(system["contract"]).json()["servers"] == [{"url": system["base_url"]}]


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
@pytest.mark.parametrize("system", list(AGENCIES))
def test_the_printed_call_works(system: str, folder: Path, all_of_them: ByHand) -> None:
    """The line for the shell reads something, with the token that its file holds."""
    line = all_of_them.ready["calls"][system]
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert "title" not in answer, answer
    assert answer


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_the_printed_line_fetches_a_token(folder: Path, all_of_them: ByHand) -> None:
    """The line for a token of one's own gets one, and it opens something."""
    done = subprocess.run(
        all_of_them.ready["token_call"], shell=True, cwd=folder, capture_output=True, text=True
    )
    headers = {"Authorization": f"Bearer {json.loads(done.stdout)['access_token']}"}
    base = all_of_them.ready["systems"]["social-care"]["base_url"]
    assert httpx.get(f"{base}/v1/contacts", headers=headers).status_code == 200


def test_a_call_that_was_tried_leaves_no_trace(all_of_them: ByHand) -> None:
    """Finding out which call works is not written down anywhere."""
    found = httpx.get(f"{all_of_them.ready['control']}/v1/disclosures?system=mash").json()
    assert [line for line in found["items"] if line["operationId"] == "listEnquiries"] == []
    assert httpx.get(f"{all_of_them.ready['control']}/v1/breaches").json() == {"items": []}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM end it with code 0 and not a word."""
    with by_hand(tmp_path, "--system", "police") as served:
        assert served.stop(number) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_ends_it_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    """Whoever changes their mind before it is ready sees no traceback."""
    code = (
        "import signal, sys; from joinedup.conformance import mocks_command as c\n"
        "from joinedup.mocks import cast\n"
        f"cast.Cast = lambda *a, **k: signal.raise_signal({int(number)})\n"
        "c.mocks(None, systems=(), faults=(), seed=1, ports=(), tls=False, folder=None, print_partners=None, as_json=True)"
    )
    python = Path(COMMAND[0]).with_name("python")
    done = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_says_how_to_call(tmp_path: Path) -> None:
    """Without --json people get a table with ports, clients, calls and where the secrets are."""
    port = free_port()
    arguments = [*COMMAND, "--system", "police", "--port", f"police={port}"]
    with subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        page = "".join(itertools.takewhile(lambda line: not line.startswith("Ready."), process.stdout))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, page
    assert f"police  http://127.0.0.1:{port}  own     police-42" in page
    assert f"curl --silent --show-error -H @.joinedup/mocks/calls/police http://127.0.0.1:{port}/" in page
    assert "Secrets by client: .joinedup/mocks/secrets" in page


def test_secrets_stay_and_are_nobody_elses(tmp_path: Path) -> None:
    """The next start has the same secrets, which only their owner can read."""
    found = []
    for _ in range(2):
        with by_hand(tmp_path, "--system", "police") as served:
            found.append(served.ready["systems"]["police"]["identities"]["own"]["client_secret"])
            served.stop()
    kept = tmp_path / ".joinedup" / "mocks" / "secrets" / "police-42"
    assert found[0] == found[1] == kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_faults_and_seed_are_those_asked_for(tmp_path: Path) -> None:
    """A named fault is on and the people are those of the seed."""
    arguments = ("--system", "social-care", "--fault", "authentication-ignored", "--seed", "7")
    with by_hand(tmp_path, *arguments) as served:
        control = served.ready["control"]
        faults = httpx.get(f"{control}/v1/faults").json()["items"]
        assert [f["name"] for f in faults if f["active"]] == ["authentication-ignored"]
        assert httpx.get(f"{control}/v1/status").json()["seed"] == 7


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--system", "no-such"), 5, "There is no system named no-such"),
        (("--fault", "no-such"), 5, "There is no fault named no-such; none comes near it, of "),
        (
            ("--fault", "police-latency", "--fault", "update-losst"),
            5,
            "named update-losst; near it come update-lost",
        ),
        (("--port", "high"), 2, "--port high names no port."),
        (("--port", "no-such=9000"), 2, "there is no no-such."),
        (("--print-partners",), 2, "its port is not fixed."),
        (("-c", "nowhere.toml"), 2, "nowhere.toml does not exist."),
    ],
)
def test_what_cannot_be_served_is_a_sentence(
    arguments: tuple[str, ...], code: int, sentence: str, tmp_path: Path
) -> None:
    """A wrong word ends the command at once, with what is wrong and no traceback."""
    done = said(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def _a_file_for_secrets(folder: Path) -> None:
    folder.mkdir()
    (folder / "secrets").write_text("Not a folder.")


def _a_folder_for_a_secret(folder: Path) -> None:
    (folder / "secrets" / "police-42").mkdir(parents=True)


def _no_authority(folder: Path) -> None:
    folder.mkdir()
    (folder / "authority.pem").write_text("Not a certificate.")
    (folder / "authority.key").write_text("Not a key.")


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (_a_file_for_secrets, "kept/secrets cannot be read or written: File exists."),
        (_a_folder_for_a_secret, "kept/secrets/police-42 cannot be read or written: Is a directory."),
        (_no_authority, "kept holds something else than what was written there."),
    ],
)
def test_a_folder_that_cannot_be_used_is_a_sentence(
    prepare: Callable[[Path], None], sentence: str, tmp_path: Path
) -> None:
    """Exit 3 says what is in the way and what to do."""
    prepare(tmp_path / "kept")
    done = said(tmp_path, "--system", "police", "--tls", "--folder", "kept")
    assert (done.returncode, done.stdout) == (3, "")
    assert sentence in done.stderr
    assert "--folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_secret_that_was_not_written_to_its_end_is_made_anew(tmp_path: Path) -> None:
    """A start that was cut off leaves no client without a secret."""
    kept = Folder(tmp_path)
    kept.secret_file("police-42").parent.mkdir()
    kept.secret_file("police-42").touch()
    cast = Cast(["police"])
    kept.share_secrets(cast)
    assert len(cast.tokens.clients["police-42"].secret) > 20


def test_a_port_that_is_taken_is_a_sentence(tmp_path: Path, all_of_them: ByHand) -> None:
    """Exit 3 names the port and for whom it was wanted."""
    taken = httpx.URL(all_of_them.ready["systems"]["police"]["base_url"]).port
    done = said(tmp_path, "--system", "police", "--port", f"police={taken}")
    assert done.returncode == 3
    assert f"The port {taken} of 127.0.0.1, for police, cannot be listened on" in done.stderr


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        ((), {}),
        (("8600",), {"control": 8600, "a": 8601, "b": 8602}),
        (("b=9000",), {"b": 9000}),
        (("b=9000", "8600"), {"control": 8600, "a": 8601, "b": 9000}),
        (("control=1",), {"control": 1}),
    ],
)
def test_ports_are_fixed_by_name_or_in_a_row(words: tuple[str, ...], ports: dict[str, int]) -> None:
    """A number alone fixes all of them; a name wins over it."""
    assert fixed_ports(words, ("a", "b")) == ports


@pytest.mark.parametrize(
    "word", ["0", "65534", "a=0", "a=65536", "a=", "=1", "-1", "a=1=2", "\N{SUPERSCRIPT TWO}"]
)
def test_other_ports_are_refused(word: str) -> None:
    """What is no port, or would leave the range of ports, is a mistake on the command line."""
    with pytest.raises(ConfigurationError):
        fixed_ports((word,), ("a", "b"))


def test_partners_are_printed_for_a_configuration(tmp_path: Path) -> None:
    """The TOML is a configuration as it stands, with the addresses that a later start has, and secrets by file."""
    port = free_port()
    fixed = ("--system", "police", "--port", f"police={port}", "--port", f"auth={free_port()}")
    done = said(tmp_path, *fixed, "--print-partners", "toml")
    table: dict[str, Any] = tomllib.loads(done.stdout)
    configuration = parse_configuration(table, name="printed", folder=tmp_path)
    keys = configuration.systems["police"].identities["own"]
    with by_hand(tmp_path, *fixed) as served:
        announced = served.ready["systems"]["police"]
        secret = Path(keys["client_secret"].removeprefix("file:")).read_text()
        assert announced["base_url"] == configuration.systems["police"].base_url
        assert {**keys, "client_secret": secret} == announced["identities"]["own"]


def test_partners_are_printed_for_people_and_machines(tmp_path: Path) -> None:
    """The table names addresses, clients and scopes; --json holds the same."""
    fixed = ("--system", "police", "--port", "8600", "--print-partners")
    page, machine = said(tmp_path, *fixed).stdout, said(tmp_path, *fixed, "--json").stdout
    police = json.loads(machine)["systems"]["police"]
    assert police["base_url"] in page
    assert police["identities"]["own"]["client_id"] in page
    assert police["identities"]["own"]["scope"] in page
