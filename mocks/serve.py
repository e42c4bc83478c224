"""
Start the agencies in a process of their own: ``python -m joinedup.mocks.serve``, or ``served`` from Python.

The process prints one line of JSON when everything answers, and ends on SIGTERM, on SIGINT and when its standard input
ends, so that it never outlives whoever started it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

import msgspec

from joinedup.conformance.configuration import Mocks
from joinedup.conformance.errors import SetupError
from joinedup.mocks.handle import Handle, served_systems
from joinedup.mocks.handle import ServedSystem as ServedSystem

if TYPE_CHECKING:
    from joinedup.mocks.cast import Cast
    from joinedup.mocks.listening import Listening

READY_WITHIN_S = 30
GONE_WITHIN_S = 5
# Moving the clock waits for every attempt at a delivery on the way.
CONTROL_TIMEOUT_S = 120
PASSES = "JOINEDUP_PASSES"


@dataclass(frozen=True)
class Served(Handle):
    """
    The agencies that answer.

    Args:
        control: address of the control plane.
        signed: a client that shows who it is by a signed assertion, with its private key.
        callers: the clients of every agency's organisations, also of one that is not served: ``own`` and ``other``.
    """

    systems: Mapping[str, ServedSystem]
    control: str
    signed: Mapping[str, str]
    callers: Mapping[str, Mapping[str, Mapping[str, str]]]

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """
        Call an operation of the control plane.

        Raises:
            urllib.error.HTTPError: it refused.
        """
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if sent else {}
        request = urllib.request.Request(  # noqa: S310 - our own child
            self.control + path, data=sent, headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=CONTROL_TIMEOUT_S) as response:  # noqa: S310
            return dict(json.loads(response.read() or b"{}"))


@contextlib.contextmanager
def served(
    systems: Sequence[str],
    *,
    faults: Collection[str] = (),
    seed: int = 1,
    public: Mocks | None = None,
    folder: Path | None = None,
    apart: bool = False,
    elsewhere: Mapping[str, str] = MappingProxyType({}),
    passes: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Served]:
    """
    The agencies, served by a child process as long as the context lasts.

    Args:
        public: one address for all of them, which others reach.
        folder: where secrets and certificates stay; needed for a public address.
        apart: whether what they have for each other stays with them, so that each is judged by its callers alone.
        elsewhere: addresses that get what the agencies have for a system, instead of the agency of that name.
        passes: what those let the agencies in by, as the value of the header Authorization.

    Raises:
        SetupError: they did not come up; the hint holds what the process said.
    """
    command = [sys.executable, "-P", "-m", "joinedup.mocks.serve", "--seed", str(seed)]
    command += [part for name in systems for part in ("--system", name)]
    command += [part for name in faults for part in ("--fault", name)]
    command += ["--public", json.dumps(msgspec.to_builtins(public))] if public else []
    command += ["--folder", str(folder)] if folder else []
    command += ["--apart"] if apart else []
    command += [part for name, url in elsewhere.items() for part in ("--elsewhere", f"{name}={url}")]
    # Not on the command line, which everybody on the machine may read.
    environment = {**os.environ, PASSES: json.dumps(dict(passes))}
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, env=environment
        )
        try:
            yield _served(_announced(process, said))
        finally:
            _end(process)


def _announced(process: subprocess.Popen[str], said: IO[str]) -> dict[str, Any]:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(READY_WITHIN_S) else ""
    if not line:
        said.seek(0)
        last = (said.read().strip().splitlines() or ["It said nothing."])[-1]
        raise SetupError("The bundled agencies did not start.", hint=last)
    return dict(json.loads(line))


def _served(announced: dict[str, Any]) -> Served:
    signed = MappingProxyType(announced["signed"])
    return Served(served_systems(announced), announced["control"], signed, announced["callers"])


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(GONE_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the agencies that the arguments name; exit code 2 where a name is unknown."""
    parser = argparse.ArgumentParser(prog="python -m joinedup.mocks.serve", description="Serve the agencies.")
    parser.add_argument(
        "--system", action="append", default=[], metavar="NAME", help="all where none is named"
    )
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="a deliberate defect")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the synthetic data")
    parser.add_argument("--stay", action="store_true", help="go on when standard input ends")
    parser.add_argument("--apart", action="store_true", help="deliver nothing from one agency to another")
    parser.add_argument(
        "--elsewhere", action="append", default=[], metavar="NAME=URL", help="who gets what is for an agency"
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="for secrets and certificates that stay")
    parser.add_argument(
        "--public", metavar="JSON", help="a [mocks] table: one address for all, in --folder's name"
    )
    chosen = parser.parse_args(arguments)
    # Imported here: whoever only starts the process need not load what it serves with.
    from joinedup.mocks.cast import Cast, UnknownNameError
    from joinedup.mocks.catalogue import AGENCIES
    from joinedup.mocks.server import run

    try:
        cast = Cast(
            chosen.system or tuple(AGENCIES), seed=chosen.seed, faults=chosen.fault, apart=chosen.apart
        )
        cast.addresses.update(named.split("=", 1) for named in chosen.elsewhere)
        cast.passes.update(json.loads(os.environ.pop(PASSES, "{}")))
        run(cast, _listening(chosen, cast), until_input_ends=not chosen.stay)
    except (UnknownNameError, SetupError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _listening(chosen: argparse.Namespace, cast: Cast) -> Listening:
    from joinedup.mocks.folder import Folder
    from joinedup.mocks.listening import Listening

    if chosen.folder is None:
        return Listening()
    folder = Folder(chosen.folder)
    folder.share_secrets(cast)
    public = msgspec.json.decode(chosen.public, type=Mocks) if chosen.public else None
    return folder.listening({}, tls=False, mocks=public)


if __name__ == "__main__":
    sys.exit(main())
