"""
What whoever calls the served agencies must know: addresses, clients, scopes, and a call that works.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from joinedup.mocks.bundle import Document, each_operation, resolve
from joinedup.mocks.cast import Cast
from joinedup.mocks.certificates import write_privately
from joinedup.mocks.engine import Engine
from joinedup.mocks.folder import Folder
from joinedup.mocks.listening import Listening
from joinedup.mocks.messages import Incoming
from joinedup.mocks.organisations import callers
from joinedup.mocks.tokens import audience_of

# A day at the keyboard; tokens that callers fetch themselves end after minutes.
TRIAL_LIFETIME_S = 12 * 3600
_SECRETS = {"client_secret": "client_id", "password": "username"}


def partners(announcement: Mapping[str, Any], folder: Folder, listening: Listening) -> dict[str, Any]:
    """The served systems in the shape of ``[systems]`` in ``joinedup.toml``, secrets by reference."""
    return {
        name: {
            "base_url": system["base_url"],
            "contract": system["contract"],
            **({"ca_bundle": str(_trusted(folder, listening))} if listening.tls else {}),
            "identities": {
                caller: _by_reference(keys, folder) for caller, keys in system["identities"].items()
            },
        }
        for name, system in announcement["systems"].items()
    }


def _trusted(folder: Folder, listening: Listening) -> Any:
    own = listening.tls is not None and listening.tls.certificate.parent == folder.path
    return folder.authority.resolve() if own or listening.tls is None else listening.tls.certificate.resolve()


def _by_reference(keys: Mapping[str, str], folder: Folder) -> dict[str, str]:
    kept = dict(keys)
    for secret, client in _SECRETS.items():
        if secret in kept:
            kept[secret] = f"file:{folder.secret_file(keys[client]).resolve()}"
    return kept


def as_toml(systems: Mapping[str, Any]) -> str:
    """The systems as tables of ``joinedup.toml``, to be pasted there or read by a partner's own set-up."""
    lines: list[str] = []
    for name, system in systems.items():
        plain = {key: value for key, value in system.items() if key != "identities"}
        lines += ["", f"[systems.{name}]", *_pairs(plain)]
        for caller, keys in system["identities"].items():
            lines += ["", f"[systems.{name}.identities.{caller}]", *_pairs(keys)]
    return "\n".join(lines[1:])


def _pairs(table: Mapping[str, str]) -> list[str]:
    # A text of JSON is a basic string of TOML.
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


def as_table(systems: Mapping[str, Any]) -> str:
    """The same for people: a line for each system and caller."""
    rows = [("SYSTEM", "ADDRESS", "CALLER", "CLIENT", "ORGANISATION")]
    for name, system in systems.items():
        for caller, keys in system["identities"].items():
            client = keys.get("client_id") or keys.get("username", "")
            rows.append((name, system["base_url"], caller, client, keys["organisation"]))
    return columns(rows)


def scopes_table(systems: Mapping[str, Any]) -> str:
    """Which scopes there are to ask for, a line for each system."""
    own = {name: system["identities"]["own"].get("scope", "") for name, system in systems.items()}
    return columns([("SYSTEM", "SCOPES"), *((name, scope) for name, scope in own.items() if scope)])


def columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows with their columns in line; the last one is as wide as it is."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )


# A call that works


def calls(
    cast: Cast, announcement: Mapping[str, Any], folder: Folder, listening: Listening
) -> dict[str, str]:
    """
    For each system, a line for the shell that reads something from it; its headers are written into the folder.

    Each was tried in process, and everything is as it was before.
    """
    found = {}
    for name, system in announcement["systems"].items():
        path, headers = _found(cast.engines[name], _token(cast, name))
        said = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        write_privately(folder.call_file(name), said.encode())
        found[name] = curl(folder, listening, system["base_url"] + path, folder.call_file(name))
    cast.reset()
    return found


def curl(folder: Folder, listening: Listening, url: str, headers: object = None) -> str:
    """A line for the shell that calls an address."""
    words = ["curl", "--silent", "--show-error"]
    if listening.tls is not None:
        words += ["--cacert", str(_trusted(folder, listening))]
        if listening.tls.callers is not None:
            words += ["--cert", str(folder.path / "client.pem")]
    if headers is not None:
        words += ["-H", f"@{headers}"]
    return shlex.join([*words, url])


def token_call(announcement: Mapping[str, Any], folder: Folder, listening: Listening) -> str:
    """A line for the shell that fetches a token of one's own; the secret is read from its file."""
    keys = next(
        (
            s["identities"]["own"]
            for s in announcement["systems"].values()
            if "token_url" in s["identities"]["own"]
        ),
        None,
    )
    if keys is None:
        keys = {**announcement["signed"], "client_id": _any_client(announcement), "scope": ""}
    line = curl(folder, listening, keys["token_url"])
    secret = f'"{keys["client_id"]}:$(cat {shlex.quote(str(folder.secret_file(keys["client_id"])))})"'
    scope = f" -d {shlex.quote('scope=' + keys['scope'])}" if keys["scope"] else ""
    return f"{line} -u {secret} -d grant_type=client_credentials{scope}"


def _any_client(announcement: Mapping[str, Any]) -> str:
    return str(announcement["systems"]["auth"]["identities"]["own"]["username"])


def _token(cast: Cast, system: str) -> str:
    client = cast.tokens.clients[callers(system)["own"]]
    theirs = tuple(scope for scope in client.scopes if audience_of(scope) == system)
    return cast.tokens.issue(client, theirs, lifetime_s=TRIAL_LIFETIME_S, audience=(system,))


def _found(engine: Engine[Any], token: str) -> tuple[str, dict[str, str]]:
    """Path and headers of the first reading that succeeds as the contract's examples have it; else the contract."""
    for path, headers in _readings(engine.contract):
        sent = {**headers, "Authorization": f"Bearer {token}"}
        lower = {name.lower(): value for name, value in sent.items()}
        if engine.answer(Incoming("GET", path, b"", lower)).status == 200:
            return path, sent
    return "/openapi.json", {}


def _readings(contract: Document) -> Iterator[tuple[str, dict[str, str]]]:
    """Each GET with the examples of its required parameters; lists of what is behind a token first."""
    found = []
    for path, method, definition in each_operation(contract):
        declared = [*contract["paths"][path].get("parameters", []), *definition.get("parameters", [])]
        named = [resolve(contract, parameter) for parameter in declared]
        needed = [p for p in named if p.get("required") and p["in"] != "query"]
        if method == "GET" and all(_example(p) is not None for p in needed):
            values = {(p["in"], p["name"]): str(_example(p)) for p in needed}
            filled = path
            for (place, name), value in values.items():
                filled = filled.replace(f"{{{name}}}", value) if place == "path" else filled
            headers = {name: value for (place, name), value in values.items() if place == "header"}
            found.append((not definition.get("security"), "{" in path, filled, headers))
    yield from ((path, headers) for _, _, path, headers in sorted(found, key=lambda each: each[:2]))


def _example(parameter: Mapping[str, Any]) -> Any:
    schema = parameter.get("schema", {})
    listed = [*schema.get("examples", []), *schema.get("enum", [])]
    return parameter.get("example", schema.get("example", listed[0] if listed else None))
