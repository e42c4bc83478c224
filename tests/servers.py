"""Real servers for tests: each in an environment of its own, on 127.0.0.1 and a free port, ended by who started it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / ".venv" / "servers"
READY_WITHIN_S = 60


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The ``bin`` folder of an environment with these packages, made once and kept beside ours."""
    folder = ENVIRONMENTS / name
    stamp = folder / "installed"
    wanted = "\n".join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [
            str(folder / "bin" / "pip"),
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *requirements,
        ]
        subprocess.run(pip, check=True)
        stamp.write_text(wanted)
    return folder / "bin"


@contextlib.contextmanager
def running(
    command: Sequence[str], ready: str, *, variables: Mapping[str, str] | None = None
) -> Iterator[None]:
    """A server process, from the moment in which ``ready`` answers until the end of the block."""
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(variables or {})},
    )
    try:
        _wait_for(ready, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The server for {url} ended with {process.returncode} before it answered.")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"Nothing answered at {url} within {READY_WITHIN_S} s.")
