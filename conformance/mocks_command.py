"""``joinedup mocks``: serve the agencies by hand, and say how to call them."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from joinedup.conformance.configuration import MOCKS_FOLDER, Configuration, Mocks, read_configuration
from joinedup.conformance.errors import ConfigurationError, NothingSelectedError
from joinedup.mocks.catalogue import AGENCIES

MOST_PORT = 65_535


def mocks(
    source: str | None,
    *,
    systems: Sequence[str],
    faults: Sequence[str],
    seed: int,
    ports: Sequence[str],
    tls: bool,
    folder: Path | None,
    print_partners: str | None,
    as_json: bool,
) -> int:
    """
    Serve the agencies until Ctrl-C or SIGTERM, or say what a partner must be told of them.

    Raises:
        JoinedUpError: a name, a port or the configuration cannot be used.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    configuration = read_configuration(Path(source)) if source else None
    public = _public(configuration, source) if configuration else None
    named = _selected(systems, public)
    fixed = fixed_ports(ports, tuple(AGENCIES))
    # Imported here: a mistake in the words above is told at once.
    from joinedup.mocks.cast import Cast, UnknownNameError
    from joinedup.mocks.folder import Folder

    kept = Folder(folder or (configuration.mocks_folder if configuration else MOCKS_FOLDER))
    try:
        cast = Cast(named, seed=seed, faults=faults)
    except UnknownNameError as error:
        raise NothingSelectedError(str(error), hint="See `joinedup systems`.") from None
    kept.share_secrets(cast)
    listening = kept.listening(fixed, tls=tls, mocks=public)
    if print_partners is not None:
        click.echo(_partners(cast, kept, listening, "json" if as_json else print_partners))
        return 0
    _serve(cast, kept, listening, as_json)
    return 0


def _leave(_number: int, _frame: object) -> None:
    sys.exit(0)


def _public(configuration: Configuration, source: str | None) -> Mocks:
    if not configuration.mocks.listen:
        raise ConfigurationError(
            f"{source} has no [mocks] table, which says where the agencies are to be reached by others.",
            hint="Add listen, public_url and serve, or leave out -c to serve on this machine alone.",
        )
    return configuration.public_mocks


def _selected(systems: Sequence[str], public: Mocks | None) -> tuple[str, ...]:
    if public is None:
        return tuple(systems) or tuple(AGENCIES)
    unknown = sorted(set(systems) - set(public.serve))
    if unknown:
        raise ConfigurationError(
            f"mocks.serve does not name {', '.join(unknown)}, so it is not shown to others.",
            hint="Add it to mocks.serve, or leave out --system.",
        )
    return tuple(systems) or tuple(public.serve)


def fixed_ports(words: Sequence[str], agencies: Sequence[str]) -> dict[str, int]:
    """
    Ports by name from words such as ``8600`` and ``police=9001``.

    A number alone is the control plane's; the agencies follow in their order in the catalogue, whichever are served.

    Raises:
        ConfigurationError: a word is none of these.
    """
    found: dict[str, int] = {}
    for word in sorted(words, key=lambda word: "=" in word):
        name, named, number = word.rpartition("=")
        if not number.isdecimal() or not 0 < int(number) <= MOST_PORT - (0 if named else len(agencies)):
            raise ConfigurationError(
                f"--port {word} names no port.", hint="Write --port 8600 or --port police=8606."
            )
        if named and name not in (*agencies, "control"):
            raise ConfigurationError(
                f"--port {word}: there is no {name}.", hint=f"There are control, {', '.join(agencies)}."
            )
        every = ("control", *agencies)
        found |= {name: int(number)} if named else {each: int(number) + n for n, each in enumerate(every)}
    return found


# Telling


def _partners(cast: Any, folder: Any, listening: Any, form: str) -> str:
    from joinedup.mocks.partners import as_table, as_toml, partners, scopes_table

    addresses = _addresses(cast, listening)
    systems = partners(cast.announcement(addresses, ""), folder, listening)
    if form == "json":
        return json.dumps({"systems": systems}, indent=1)
    if form == "toml":
        return as_toml(systems)
    secrets = f"Secrets by client: {folder.path / 'secrets'}"
    trust = [f"Authority to trust: {folder.authority}"] if listening.tls else []
    token = f"Tokens (OAuth 2.0 client credentials): {cast.token_url(addresses)}"
    return "\n".join([as_table(systems), "", scopes_table(systems), "", token, secrets, *trust])


def _addresses(cast: Any, listening: Any) -> dict[str, str]:
    if listening.public is not None:
        return {name: f"{listening.public.url.rstrip('/')}/{name}" for name in cast.engines}
    free = [name for name in cast.engines if name not in listening.ports]
    if free:
        raise ConfigurationError(
            f"Nobody can be told where {', '.join(free)} will be: its port is not fixed.",
            hint="Fix the ports with --port 8600, or give a public address in [mocks] and name the file with -c.",
        )
    scheme = "https" if listening.tls else "http"
    return {name: f"{scheme}://127.0.0.1:{listening.ports[name]}" for name in cast.engines}


def _serve(cast: Any, folder: Any, listening: Any, as_json: bool) -> None:
    from joinedup.mocks import partners
    from joinedup.mocks.server import run

    def announce(announcement: dict[str, Any]) -> None:
        calls = partners.calls(cast, announcement, folder, listening)
        token = partners.token_call(announcement, folder, listening)
        if as_json:
            said = {**announcement, "folder": str(folder.path), "calls": calls, "token_call": token}
            click.echo(json.dumps(said))
        else:
            systems = partners.partners(announcement, folder, listening)
            click.echo(_page(announcement, partners.as_table(systems), calls, token, folder, listening))

    run(cast, listening, announce=announce, until_input_ends=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _page(
    announcement: Mapping[str, Any],
    table: str,
    calls: Mapping[str, str],
    token: str,
    folder: Any,
    listening: Any,
) -> str:
    files = [f"Secrets by client: {folder.path / 'secrets'}"]
    if listening.tls:
        files.append(f"Certificates: {folder.path} (trust authority.pem)")
    if listening.tls and listening.tls.callers:
        files.append(
            "Callers must show a certificate: client.pem is good, expired.pem and stranger.pem are refused."
        )
    return "\n".join(
        [
            table,
            "",
            f"Control plane, for this machine alone: {announcement['control']}",
            *files,
            "",
            "Calls that work for the next 12 hours:",
            *(f"  {line}" for line in calls.values()),
            "A token of your own:",
            f"  {token}",
            "",
            "Ready. Ctrl-C ends it.",
        ]
    )
