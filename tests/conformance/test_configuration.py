"""Every mistake in ``joinedup.toml`` gives one clear sentence that names the file and the key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.configuration import (
    Configuration,
    configuration_hash,
    is_loopback,
    is_secret_key,
    parse_configuration,
    read_configuration,
    resolve_secret,
)
from joinedup.conformance.errors import ConfigurationError, SetupError

WHOLE = """
profile = "open-api-1"
under_test = ["social-care"]

[product]
supplier = "Acme Care"
name = "CareTrack"
version = "8.3.1"

[systems.social-care]
profile = "social-care-1"
environment = "test"
base_url = "https://caretrack.test.example"
contract = "openapi.yaml"

[systems.social-care.identities.own]
organisation = "E09000001"
flow = "client-credentials"
token_url = "https://caretrack.test.example/oauth2/token"
client_id = "joinedup"
client_secret = "env:CARETRACK_SECRET"

[systems.social-care.capabilities]
search-children = true

[systems.social-care.fixtures]
childId = ["7d0c", 12]

[systems.social-care.leave_out]
resetTestData = "wipes the shared environment"

[systems.police]
base_url = "http://127.0.0.1:8001"
contract = "police.yaml"

[limits]
requests_per_second = 5
timeout_s = 2
"""
SYSTEM = '[systems.police]\nbase_url = "https://police.example"\ncontract = "police.yaml"\n'
OWN = SYSTEM + "[systems.police.identities.own]\n"


@dataclass(frozen=True)
class Mistake:
    """A file with something wrong, and what the sentence about it must say."""

    name: str
    text: str
    says: tuple[str, ...]
    hint: str = ""


MISTAKES = [
    Mistake("broken TOML", "[systems\n", ("is not valid TOML", "line 1"), "Mend that line"),
    Mistake("a key twice", 'profile = "a"\nprofile = "b"\n', ("is not valid TOML",)),
    Mistake("unknown key", 'profil = "x"\n', ("`profil`", "the top level"), "`profile`"),
    Mistake("unknown key far from any", "zzz = 1\n", ("`zzz`",), "Remove it"),
    Mistake("the key that is ours", 'folder = "/"\n', ("`folder`",), "Remove it"),
    Mistake("unknown key of limits", "[limits]\ntimeout = 3\n", ("`timeout`", "limits"), "`timeout_s`"),
    Mistake(
        "unknown key of a system",
        SYSTEM + 'base_urls = "x"\n',
        ("`base_urls`", "systems.police"),
        "`base_url`",
    ),
    Mistake(
        "no contract",
        '[systems.police]\nbase_url = "https://police.example"\n',
        ("systems.police", "`contract`"),
    ),
    Mistake("no base_url", '[systems.police]\ncontract = "c"\n', ("systems.police", "`base_url`")),
    Mistake("wrong type", "under_test = 3\n", ("under_test", "array")),
    Mistake(
        "wrong type in one of two systems",
        SYSTEM + "[systems.mash]\nbase_url = 8\ncontract = 'c'\n",
        ("systems.mash.base_url",),
    ),
    Mistake("a system that is no table", "systems.police = 1\n", ("systems.police",)),
    Mistake(
        "system under test unknown",
        'under_test = ["polise"]\n' + SYSTEM,
        ("under_test", "`polise`", "there are: police"),
        "correct the name",
    ),
    Mistake("system under test without any", 'under_test = ["police"]\n', ("under_test", "there are: none")),
    Mistake("no time", "[limits]\ntimeout_s = 0\n", ("limits.timeout_s",), "timeout_s = 10"),
    Mistake("no number for a time", "[limits]\ntimeout_s = nan\n", ("limits.timeout_s",)),
    Mistake("endless time", "[limits]\ntimeout_s = inf\n", ("limits.timeout_s",)),
    Mistake("no requests", "[limits]\nmax_requests = 0\n", ("limits.max_requests",)),
    Mistake("no bytes", "[limits]\nmax_response_bytes = 0\n", ("limits.max_response_bytes",)),
    Mistake(
        "negative pace",
        "[limits]\nrequests_per_second = -1\n",
        ("limits.requests_per_second",),
        "0 for no limit",
    ),
    Mistake(
        "production",
        SYSTEM + 'environment = "production"\n',
        ("systems.police.environment",),
        "test environment",
    ),
    Mistake("production, shouted", SYSTEM + 'environment = " LIVE "\n', ("systems.police.environment",)),
    *(
        Mistake(
            f"base_url {url}",
            f'[systems.police]\nbase_url = "{url}"\ncontract = "c"\n',
            ("systems.police.base_url",),
            "base_url",
        )
        for url in (
            "",
            "police.example",
            "ftp://police.example",
            "https://",
            "https:///path",
            "http://[broken",
            "http://joe:hunter2@[broken",
            "http://police.example:notaport",
            "http://police.example:99999",
        )
    ),
    Mistake(
        "password in base_url",
        '[systems.police]\nbase_url = "https://joe:hunter2@police.example"\ncontract = "c"\n',
        ("systems.police.base_url", "user name or password"),
        'flow = "basic"',
    ),
    Mistake(
        "query in base_url",
        '[systems.police]\nbase_url = "https://police.example/?key=hunter2"\ncontract = "c"\n',
        ("systems.police.base_url", "query"),
    ),
    Mistake(
        "unknown flow",
        OWN + 'flow = "oauth"\n',
        ("systems.police.identities.own.flow", "`oauth`", "client-credentials", "python:module.Class"),
        "Correct the flow.",
    ),
    Mistake("no flow", OWN + 'token = "env:T"\n', ("systems.police.identities.own.flow",)),
    Mistake("a flow that is no text", OWN + "flow = 1\n", ("systems.police.identities.own.flow",)),
    *(
        Mistake(
            f"{flow} without {key}",
            OWN + f'flow = "{flow}"\n' + "".join(f'{k} = "env:X"\n' for k in others),
            ("systems.police.identities.own", f"`{flow}`", f"`{key}`"),
            f"Add {key}.",
        )
        for flow, key, others in (
            ("client-credentials", "token_url", ("client_id", "client_secret")),
            ("client-credentials", "client_id", ("token_url", "client_secret")),
            ("client-credentials", "client_secret", ("token_url", "client_id")),
            ("private-key-jwt", "private_key", ("token_url", "client_id")),
            ("bearer", "token", ()),
            ("api-key", "api_key", ()),
            ("basic", "username", ("password",)),
            ("basic", "password", ("username",)),
        )
    ),
    *(
        Mistake(
            f"literal {key} = {literal}",
            OWN + f'flow = "python:ours.Caller"\n{key} = {literal}\n',
            (f"systems.police.identities.own.{key}", "secret in plain text"),
            f'{key} = "env:NAME"',
        )
        for key, literal in (
            ("token", '"hunter2"'),
            ("client_secret", '"hunter2"'),
            ("api_key", '"hunter2"'),
            ("password", '"hunter2"'),
            ("shared_key", '"hunter2"'),
            ("clientSecret", '"hunter2"'),
            ("password", "220022"),
            ("passphrase", '["hunter2"]'),
        )
    ),
    Mistake(
        "literal secret in a table of its own",
        OWN + 'flow = "python:ours.Caller"\noptions = {password = "hunter2"}\n',
        ("systems.police.identities.own.options.password", "secret in plain text"),
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_names_file_and_key(tmp_path: Path, mistake: Mistake) -> None:
    """One sentence says where the mistake is, another what to do; the exit code is 2; no secret is repeated."""
    file = tmp_path / "joinedup.toml"
    file.write_text(mistake.text)
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(file)
    message = raised.value.message
    assert str(file) in message
    assert [part for part in mistake.says if part not in message] == []
    assert mistake.hint in raised.value.hint
    assert raised.value.exit_code == 2
    assert message.endswith(".")
    assert "\n" not in message.removesuffix(".")
    assert not re.search("hunter2|220022|msgspec|\\[\\.\\.\\.\\]", str(raised.value))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The sentence names the file, the hint says how to name or make one."""
    with pytest.raises(ConfigurationError, match=r"missing\.toml does not exist") as raised:
        read_configuration(tmp_path / "missing.toml")
    assert "joinedup init" in raised.value.hint
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("content", [b"\xff\xfe", b"profile = '\xff'"])
def test_a_file_that_is_no_text(tmp_path: Path, content: bytes) -> None:
    """Bytes that are no UTF-8 are a mistake of the file and no crash."""
    file = tmp_path / "joinedup.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is not valid TOML"):
        read_configuration(file)


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    """A folder cannot be read, and the sentence says so."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_configuration(tmp_path)


def whole(tmp_path: Path, folder: str = "a") -> Configuration:
    """The example of the manual, read from a folder."""
    file = tmp_path / folder / "joinedup.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(WHOLE)
    return read_configuration(file)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """Everything that the manual shows arrives as it stands, with defaults for what it does not show."""
    read = whole(tmp_path)
    care = read.systems["social-care"]
    assert read.tested == ("social-care",)
    assert (read.profile_of("social-care"), read.profile_of("police")) == ("social-care-1", "open-api-1")
    assert care.identities["own"]["client_secret"] == "env:CARETRACK_SECRET"
    assert care.fixtures == {"childId": ["7d0c", 12]}
    assert care.leave_out == {"resetTestData": "wipes the shared environment"}
    assert (read.limits.requests_per_second, read.limits.timeout_s, read.limits.max_requests) == (
        5,
        2,
        20_000,
    )
    assert read.limits.destructive is False
    assert read.folder == str(tmp_path / "a")


def test_without_a_list_every_system_is_under_test() -> None:
    """Where ``under_test`` is not given, each system of the file is tested, in its order."""
    systems = {n: {"base_url": "https://x.example", "contract": "c"} for n in ("school", "health")}
    read = parse_configuration({"systems": systems}, name="joinedup.toml", folder=Path())
    assert read.tested == ("school", "health")


def test_an_empty_file_is_a_configuration() -> None:
    """Everything has a default; no system means that nothing of the user's is tested."""
    assert parse_configuration({}, name="joinedup.toml", folder=Path()).tested == ()


def test_a_flow_of_ones_own_takes_any_keys() -> None:
    """``python:module.Class`` takes keys of its own, secrets by reference."""
    keys = {"flow": "python:ours.Caller", "tenant": "north", "seal_key": "env:SEAL", "key_id": "k1"}
    system = {"base_url": "https://x.example", "contract": "c", "identities": {"own": keys}}
    read = parse_configuration({"systems": {"x": system}}, name="joinedup.toml", folder=Path())
    assert read.systems["x"].identities["own"] == keys


def test_the_hash_is_of_the_content_and_not_of_the_place(tmp_path: Path) -> None:
    """The same file in another folder has the same hash; another content has another."""
    one, other = whole(tmp_path, "a"), whole(tmp_path, "b")
    changed = parse_configuration({"profile": "school-1"}, name="joinedup.toml", folder=tmp_path)
    assert one.folder != other.folder
    assert configuration_hash(one) == configuration_hash(other)
    assert configuration_hash(one) != configuration_hash(changed)
    assert re.fullmatch("[0-9a-f]{64}", configuration_hash(one))


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("env:JOINEDUP_TEST_SECRET", "s3cret"),
        ("file:secret.txt", "from a file"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_a_reference_gives_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, value: str
) -> None:
    """``env:`` reads the environment, ``file:`` a file beside the configuration; other text stays."""
    monkeypatch.setenv("JOINEDUP_TEST_SECRET", "s3cret")
    (tmp_path / "secret.txt").write_text("from a file\n")
    assert resolve_secret(reference, tmp_path, where="systems.x.identities.own.token") == value


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("env:JOINEDUP_TEST_UNSET", "JOINEDUP_TEST_UNSET, which is not set"),
        ("env:JOINEDUP_TEST_EMPTY", "JOINEDUP_TEST_EMPTY, which is not set"),
        ("file:absent.txt", "absent.txt, which cannot be read (FileNotFoundError)"),
        ("file:.", "which cannot be read (IsADirectoryError)"),
        ("file:bytes.bin", "which cannot be read (UnicodeDecodeError)"),
        ("file:empty.txt", "empty.txt, which is empty"),
    ],
)
def test_a_reference_to_nothing_is_a_fault_of_the_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, says: str
) -> None:
    """The sentence names the key and what it refers to, and the exit code is 3."""
    monkeypatch.delenv("JOINEDUP_TEST_UNSET", raising=False)
    monkeypatch.setenv("JOINEDUP_TEST_EMPTY", "")
    (tmp_path / "bytes.bin").write_bytes(b"\xff\xff")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(SetupError) as raised:
        resolve_secret(reference, tmp_path, where="systems.x.identities.own.token")
    assert says in raised.value.message
    assert raised.value.message.startswith("systems.x.identities.own.token refers to")
    assert raised.value.exit_code == 3


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("client_secret", True),
        ("token", True),
        ("api_key", True),
        ("password", True),
        ("private_key", True),
        ("mesh_shared_key", True),
        ("Password", True),
        ("clientSecret", True),
        ("apikey", True),
        ("token_url", False),
        ("key_id", False),
        ("client_id", False),
        ("scope", False),
        ("monkey", False),
        ("tokens_per_day", False),
    ],
)
def test_which_keys_hold_a_secret(key: str, secret: bool) -> None:
    """A key holds a secret by its name, unless it names a place or a public name."""
    assert is_secret_key(key) is secret


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://[::1]:1/x", True),
        ("http://127.0.0.1.example", False),
        ("https://localhost.example", False),
        ("", False),
    ],
)
def test_what_is_on_this_machine(url: str, here: bool) -> None:
    """Only the loopback names count as this machine."""
    assert is_loopback(url) is here


def test_every_mistake_of_a_kind_is_found_in_any_system() -> None:
    """A fault in the second system is found although the first is whole."""
    good: dict[str, Any] = {"base_url": "https://x.example", "contract": "c"}
    bad = {**good, "environment": "prod"}
    with pytest.raises(ConfigurationError, match=r"systems\.second\.environment"):
        parse_configuration({"systems": {"first": good, "second": bad}}, name="x", folder=Path())
