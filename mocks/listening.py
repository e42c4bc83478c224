"""
Where agencies listen: each on a port of the loopback interface, or all behind one address that others reach.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from joinedup.conformance.errors import SetupError

LOOPBACK = "127.0.0.1"
LOOPBACKS = frozenset({LOOPBACK, "localhost", "::1"})
CONTROL = "control"
PUBLIC = "public"


@dataclass(frozen=True)
class Tls:
    """
    What a server shows and asks for; files in PEM.

    Args:
        key: of the certificate; None where its file holds it.
        callers: an authority; whoever calls must show a certificate of it. None where callers need none.
    """

    certificate: Path
    key: Path | None = None
    callers: Path | None = None

    def context(self) -> ssl.SSLContext:
        """The same as a server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if self.callers is not None:
            context.load_verify_locations(self.callers)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@dataclass(frozen=True)
class Public:
    """
    One address for all agencies, each below a path of its own name.

    Args:
        url: by which others reach it, perhaps through a proxy.
        proof: key of the answers that show that it is these agencies that answer there.
        shown: the agencies that others reach, the rest staying on the loopback interface; empty for all of them.
    """

    host: str
    port: int
    url: str
    proof: bytes = field(repr=False)
    shown: tuple[str, ...] = ()

    def shows(self, system: str) -> bool:
        """Whether others reach an agency."""
        return not self.shown or system in self.shown


@dataclass(frozen=True)
class Listening:
    """
    Where and how agencies listen.

    Args:
        ports: by system, and of ``control``; any other gets one that is free.
        public: one address for all but the control plane, which stays on the loopback interface.
    """

    ports: Mapping[str, int] = field(default_factory=dict)
    tls: Tls | None = None
    public: Public | None = None

    @contextlib.contextmanager
    def sockets(self, systems: Collection[str]) -> Iterator[dict[str, socket.socket]]:
        """
        Open a socket for each server, by name.

        Raises:
            SetupError: a port is taken, or may not be used.
        """
        here = [name for name in systems if not self.is_public(name)]
        wanted = {name: (LOOPBACK, self.ports.get(name, 0)) for name in (*here, CONTROL)}
        if self.public is not None:
            wanted[PUBLIC] = (self.public.host, self.public.port)
        with contextlib.ExitStack() as stack:
            yield {name: stack.enter_context(_bound(name, *place)) for name, place in wanted.items()}

    def addresses(self, systems: Collection[str], opened: Mapping[str, socket.socket]) -> dict[str, str]:
        """The address of each system and of the control plane."""
        scheme = "https" if self.tls and self.public is None else "http"
        found = {name: _address(scheme, opened[name]) for name in systems if not self.is_public(name)}
        if self.public is not None:
            base = self.public.url.rstrip("/")
            found |= {name: f"{base}/{name}" for name in systems if self.is_public(name)}
        return found | {CONTROL: _address("http", opened[CONTROL])}

    def is_public(self, system: str) -> bool:
        """Whether others reach an agency at the public address."""
        return self.public is not None and self.public.shows(system)

    def context_of(self, name: str) -> ssl.SSLContext | None:
        """What a socket shows: the control plane and what stays here beside a public address speak plainly."""
        if self.tls is None or name == CONTROL or (self.public is not None and name != PUBLIC):
            return None
        return self.tls.context()


def _bound(name: str, host: str, port: int) -> socket.socket:
    # Named as TCP, because asyncio switches off the waiting for more (Nagle) only where the protocol says so.
    found = socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        # Claimed at once: two processes may bind a port in turn, and only the first may listen on it.
        found.listen()
    except OSError as error:
        found.close()
        raise SetupError(
            f"The port {port} of {host}, for {name}, cannot be listened on: {error.strerror}.",
            hint="End what listens there, or name another port.",
            fault="port-taken",
        ) from None
    return found


def _address(scheme: str, found: socket.socket) -> str:
    return f"{scheme}://{LOOPBACK}:{found.getsockname()[1]}"
