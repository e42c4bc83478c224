"""The agencies as somebody serves them by hand: ``joinedup mocks`` in a process of its own."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = [str(Path(sys.executable).with_name("joinedup")), "mocks"]


@dataclass(frozen=True)
class ByHand:
    """A running command, and what it announced."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and what was said on standard error, after a signal."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@contextlib.contextmanager
def by_hand(folder: Path, *arguments: str) -> Iterator[ByHand]:
    """The command in a folder, from its ready line to the end of the block."""
    command = [*COMMAND, "--json", *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield ByHand(process, json.loads(line))
        finally:
            process.kill()


def said(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command says where it does not stay."""
    command = [*COMMAND, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
