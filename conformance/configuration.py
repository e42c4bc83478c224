"""
``joinedup.toml``: what is under test, how to call it, and within which limits.

Every system has the same shape, whether it is under test or a partner. Secrets stand in the file by reference only
(``env:NAME`` or ``file:PATH``); a literal secret is an error, and so is a production environment.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from joinedup.conformance.errors import ConfigurationError, SetupError

FLOWS = ("client-credentials", "private-key-jwt", "bearer", "api-key", "basic", "none")
FLOW_NEEDS: Mapping[str, tuple[str, ...]] = {
    "client-credentials": ("token_url", "client_id", "client_secret"),
    "private-key-jwt": ("token_url", "client_id", "private_key"),
    "bearer": ("token",),
    "api-key": ("api_key",),
    "basic": ("username", "password"),
    "none": (),
}
# Where `joinedup mocks` keeps what stays from one start to the next, and the keys of [mocks] that name files.
MOCKS_FOLDER = Path(".joinedup") / "mocks"
MOCKS_FILES = ("certificate", "private_key")
REMOTE_REQUESTS_PER_SECOND = 20.0
LONGEST_TIMEOUT_S = 3600
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
PRODUCTION = frozenset({"production", "prod", "live"})
# A key whose name ends so holds a secret, unless it names a place (token_url) or a public name (key_id).
_SECRET_KEY = re.compile(r"(secret|token|password|passphrase|apikey|privatekey|sharedkey|(?:^|_)key)$")


class Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the report calls the product under test."""

    supplier: str = ""
    name: str = ""
    version: str = ""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    How hard, how long and how far a run may press a system.

    Args:
        requests_per_second: sent to one system; 0 means no limit. Where it is not given, 20 for a system on another
            machine and no limit for one on this machine.
        max_requests: sent to one system in one run, before the run stops asking.
        timeout_s: seconds for one whole answer, its body included.
        max_response_bytes: bytes of one answer, after decompression.
        destructive: whether DELETE, method probing, floods and revocation may reach a live system.
    """

    requests_per_second: float | None = None
    max_requests: int = 20_000
    timeout_s: float = 10
    max_response_bytes: int = 5_000_000
    destructive: bool = False


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    return (urlsplit(url).hostname or "") in LOOPBACK


class System(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One ``[systems.NAME]`` table. ``identities`` stay plain tables: their keys depend on the flow.

    Args:
        capabilities: what the system can do, by name; what a binding says how to do need not be listed.
        ca_bundle: a PEM file of authorities that are trusted for this system beside the usual ones. There is no
            setting that trusts anybody.
    """

    base_url: str
    contract: str
    profile: str = ""
    environment: str = "test"
    previous_contract: str = ""
    binding: str = ""
    ca_bundle: str = ""
    identities: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    capabilities: dict[str, bool] = msgspec.field(default_factory=dict)
    fixtures: dict[str, list[str | int | float | bool]] = msgspec.field(default_factory=dict)
    requests: dict[str, str] = msgspec.field(default_factory=dict)
    leave_out: dict[str, str] = msgspec.field(default_factory=dict)


class Journey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One ``[journeys.NAME]`` table."""

    inputs: dict[str, Any] = msgspec.field(default_factory=dict)


class Mocks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The ``[mocks]`` table: mocks that a live system must be able to reach.

    Args:
        listen: host and port, such as ``0.0.0.0:8443``.
        public_url: the https address by which others come there; each agency is below a path of its name.
        serve: names of agencies.
        certificate: a PEM file for that address; one of an authority of its own is made where none is named.
        private_key: a PEM file; where none is named, that of the certificate holds the key too.
    """

    listen: str = ""
    public_url: str = ""
    serve: list[str] = msgspec.field(default_factory=list)
    certificate: str = ""
    private_key: str = ""


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The ``[load]`` table: what ``joinedup load`` sends where the command line does not say.

    Args:
        permitted_by: name, organisation and date of whoever allowed a load on systems that are not bundled.
        rate: requests a second, over the whole mix.
        users: most arrivals under way at once; 0 for as many as the rate.
        mix: weight by name: a journey, a path of a document, or ``system:operationId``.
        validate: share of answers that are held against their contract, 0 to 1.
        outage: the bundled agency that the shape ``outage`` takes away.
        children: path of a CSV file with a row for each child that a journey may have for its own.
        levels: service levels, of all requests or in a table of a name's own.
    """

    permitted_by: str = ""
    rate: float = 50
    duration: str = "60s"
    users: int = 0
    shape: str = "steady"
    mix: dict[str, float] = msgspec.field(default_factory=dict)
    think_time_s: float = 0
    validate: float = 1
    outage: str = ""
    children: str = ""
    levels: dict[str, float | dict[str, float]] = msgspec.field(default_factory=dict)


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``joinedup.toml``; ``folder`` is where relative paths start, never read from the file."""

    systems: dict[str, System] = msgspec.field(default_factory=dict)
    under_test: list[str] = msgspec.field(default_factory=list)
    profile: str = "open-api-1"
    product: Product = Product()
    limits: Limits = Limits()
    journeys: dict[str, Journey] = msgspec.field(default_factory=dict)
    mocks: Mocks = Mocks()
    load: Load = Load()
    folder: str = "."

    @property
    def tested(self) -> tuple[str, ...]:
        """Names of the systems under test: those listed, else every system of the file."""
        return tuple(self.under_test or self.systems)

    @property
    def mocks_folder(self) -> Path:
        """Where secrets and certificates of mocks that others reach are kept."""
        return Path(self.folder) / MOCKS_FOLDER

    @property
    def public_mocks(self) -> Mocks:
        """``[mocks]`` with the paths of its files."""
        files = {
            name: str(Path(self.folder) / path) for name in MOCKS_FILES if (path := getattr(self.mocks, name))
        }
        return msgspec.structs.replace(self.mocks, **files)

    def profile_of(self, system: str) -> str:
        """The profile that a system is held to."""
        return self.systems[system].profile or self.profile


def read_configuration(path: Path) -> Configuration:
    """
    Read and check a configuration file.

    Raises:
        ConfigurationError: naming the file and the key, with what to write instead.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(
            f"The configuration file {path} does not exist.",
            hint="Name another with -c FILE, or write one with `joinedup init CONTRACT`.",
        ) from None
    except OSError as error:
        raise ConfigurationError(f"The configuration file {path} cannot be read: {error.strerror}.") from None
    try:
        table = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} is not valid TOML: {error}.", hint="Mend that line and run again."
        ) from None
    return parse_configuration(table, name=str(path), folder=path.resolve().parent)


def parse_configuration(table: Mapping[str, Any], *, name: str, folder: Path) -> Configuration:
    """Turn a TOML table into a checked ``Configuration``; raises ``ConfigurationError``."""
    if "folder" in table:
        raise ConfigurationError(f"{name}: unknown key `folder`.", hint="Remove it.")
    try:
        configuration = msgspec.convert({**table, "folder": str(folder)}, Configuration)
    except msgspec.ValidationError as error:
        raise _invalid(name, str(error), table) from None
    for message, hint in _mistakes(configuration):
        raise ConfigurationError(f"{name}: {message}", hint=hint)
    systems = {key: _with_bound(system, folder) for key, system in configuration.systems.items()}
    return msgspec.structs.replace(configuration, systems=systems)


def _with_bound(system: System, folder: Path) -> System:
    """The system with every capability that its binding says how to do, unless its table says that it cannot."""
    if not system.binding:
        return system
    try:
        text = (folder / system.binding).read_text(encoding="utf-8")
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        bound = {str(workflow["workflowId"]): True for workflow in document["workflows"]}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return system  # what is wrong with the document is told by whoever plays it
    return msgspec.structs.replace(system, capabilities=bound | system.capabilities)


def _invalid(name: str, message: str, table: Mapping[str, Any]) -> ConfigurationError:
    text, _, where = message.partition(" - at ")
    key = _spelled_out(table, where.strip("`").removeprefix("$").removeprefix(".")) or "the top level"
    unknown = re.search(r"unknown field `([^`]+)`", text)
    if unknown is None:
        return ConfigurationError(f"{name}: {key}: {text[0].lower()}{text[1:]}.")
    known = {
        field
        for struct in (Configuration, System, Limits, Product, Mocks, Journey, Load)
        for field in struct.__struct_fields__
    }
    near = difflib.get_close_matches(unknown[1], sorted(known - {"folder"}), n=1)
    hint = f"Did you mean `{near[0]}`?" if near else "Remove it, or see the README for the keys there are."
    return ConfigurationError(f"{name}: unknown key `{unknown[1]}` in {key}.", hint=hint)


def _spelled_out(table: Mapping[str, Any], where: str) -> str:
    """The place of a mistake with each ``[...]`` of msgspec replaced by the name that is meant."""
    first, *others = where.split("[...]")
    keys = first.split(".")
    for other in others:
        keys += [_guilty(table, keys), *other.split(".")[1:]]
    return ".".join(keys)


def _guilty(table: Mapping[str, Any], keys: list[str]) -> str:
    """Which entry of the table at ``keys`` holds the mistake: the one that is refused on its own."""
    entries = reduce(lambda node, key: node[key], keys, table)
    for name, entry in entries.items():
        alone: Any = {name: entry}
        for depth in range(len(keys), 0, -1):
            beside = reduce(lambda node, key: node[key], keys[: depth - 1], table)
            alone = {**beside, keys[depth - 1]: alone}
        try:
            msgspec.convert(alone, Configuration)
        except msgspec.ValidationError:
            return str(name)
    return "?"


def _mistakes(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Each thing that is wrong, as (what, what to do)."""
    for name in configuration.under_test:
        if name not in configuration.systems:
            known = ", ".join(configuration.systems) or "none"
            yield (
                f"under_test names `{name}`, which has no [systems.{name}] table (there are: {known}).",
                "Add the table or correct the name.",
            )
    yield from _limit_mistakes(configuration.limits)
    if configuration.mocks != Mocks():
        yield from _mocks_mistakes(configuration.mocks)
    for name, system in configuration.systems.items():
        yield from _system_mistakes(name, system)


def _limit_mistakes(limits: Limits) -> Iterator[tuple[str, str]]:
    if not 0 < limits.timeout_s <= LONGEST_TIMEOUT_S:
        yield (
            f"limits.timeout_s must be above 0 and at most {LONGEST_TIMEOUT_S} seconds.",
            "Write for example timeout_s = 10.",
        )
    if limits.max_requests <= 0:
        yield "limits.max_requests must be above 0.", "Write for example max_requests = 20000."
    if limits.max_response_bytes <= 0:
        yield "limits.max_response_bytes must be above 0.", "Write for example max_response_bytes = 5000000."
    if not 0 <= (limits.requests_per_second or 0) < math.inf:
        yield (
            "limits.requests_per_second must be a number that is not negative.",
            "Write for example requests_per_second = 20, or 0 for no limit.",
        )


def _mocks_mistakes(mocks: Mocks) -> Iterator[tuple[str, str]]:
    host, _, port = mocks.listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        yield (
            f"mocks.listen is `{mocks.listen}`, which is no host and port.",
            'Write for example listen = "0.0.0.0:8443".',
        )
    if urlsplit(mocks.public_url).scheme != "https" or not urlsplit(mocks.public_url).hostname:
        yield (
            f"mocks.public_url is `{mocks.public_url}`, which is no https address: others reach the mocks over TLS only.",
            'Write for example public_url = "https://mocks.test.example:8443".',
        )
    if not mocks.serve:
        yield "mocks.serve names no agency.", 'Write for example serve = ["police", "cp-is"].'


def _system_mistakes(name: str, system: System) -> Iterator[tuple[str, str]]:
    where = f"systems.{name}"
    if system.environment.strip().lower() in PRODUCTION:
        yield (
            f"{where}.environment is `{system.environment}`: joinedup never runs against production, where real children's records are.",
            'Point base_url at a test environment and write environment = "test".',
        )
    yield from _address_mistakes(f"{where}.base_url", system.base_url)
    for identity, keys in system.identities.items():
        yield from _identity_mistakes(f"{where}.identities.{identity}", keys)


def _address_mistakes(where: str, url: str) -> Iterator[tuple[str, str]]:
    correct = 'Write for example base_url = "https://test.example".'
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        yield f"{where} is no address that can be read.", correct
        return
    if parts.username or parts.password:
        yield f"{where} carries a user name or password.", 'Move it to an identity with flow = "basic".'
    elif parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        yield f"{where} is `{url}`, which is no http or https address.", correct
    elif parts.query or parts.fragment:
        yield f"{where} has a query or fragment, which every request would lose.", correct


def _identity_mistakes(where: str, keys: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    flow = keys.get("flow")
    if not isinstance(flow, str) or not (flow in FLOWS or flow.startswith("python:")):
        yield (
            f"{where}.flow is `{flow}`; there are {', '.join(FLOWS)} and python:module.Class.",
            "Correct the flow.",
        )
        return
    for needed in FLOW_NEEDS.get(flow, ()):
        if not keys.get(needed):
            yield f"{where} has flow `{flow}` but no `{needed}`.", f"Add {needed}."
    yield from _plain_secrets(where, {key: value for key, value in keys.items() if key != "fixtures"})


def _plain_secrets(where: str, keys: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in keys.items():
        if isinstance(value, dict):
            yield from _plain_secrets(f"{where}.{key}", value)
        elif is_secret_key(key) and not str(value).startswith(("env:", "file:")):
            yield (
                f"{where}.{key} holds a secret in plain text.",
                f'Put it in an environment variable and write {key} = "env:NAME", or in a file and write {key} = "file:PATH".',
            )


def is_secret_key(key: str) -> bool:
    """Whether a key of an identity holds a secret, by its name."""
    return bool(_SECRET_KEY.search(key.lower())) and not key.lower().endswith(("_url", "_id"))


def resolve_secret(reference: str, folder: Path, *, where: str) -> str:
    """
    The value behind ``env:NAME`` or ``file:PATH``; other text is returned as it is.

    Raises:
        SetupError: the variable is not set or the file cannot be read.
    """
    kind, _, target = reference.partition(":")
    if kind == "env":
        value = os.environ.get(target)
        if not value:
            raise SetupError(
                f"{where} refers to the environment variable {target}, which is not set.",
                hint=f"Set {target}, which {where} names, and run again.",
                fault="secret-missing",
            )
        return value
    if kind == "file":
        return _secret_file(folder / target, target, where)
    return reference


def _secret_file(path: Path, name: str, where: str) -> str:
    try:
        value = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"{where} refers to the file {name}, which cannot be read ({type(error).__name__}).",
            hint=f"Correct the path in {where}, or its permissions.",
            fault="secret-missing",
        ) from None
    if not value:
        raise SetupError(
            f"{where} refers to the file {name}, which is empty.",
            hint=f"Write the secret into it, or name another file in {where}.",
            fault="secret-missing",
        )
    return value


def configuration_hash(configuration: Configuration) -> str:
    """SHA-256 of the configuration without where it lies; it holds no secret, only references."""
    return hashlib.sha256(
        msgspec.json.encode({**msgspec.to_builtins(configuration), "folder": ""}, order="sorted")
    ).hexdigest()
