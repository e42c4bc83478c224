"""
The folder of agencies that are served by hand: what has to stay from one start to the next, and what callers need.

::

    authority.pem authority.key              the authority of all certificates
    server.pem client.pem …                  what it issued (``certificates``)
    secrets/<client id>                      each client's secret
    calls/<system>                           headers of a call that works, for ``curl -H @FILE``
    proof.key                                with which a public address shows that it leads here
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from joinedup.conformance.configuration import Mocks
from joinedup.conformance.errors import SetupError
from joinedup.conformance.way_back import AUTHORITY, PROOF_KEY
from joinedup.mocks.cast import Cast
from joinedup.mocks.certificates import Certificates, write_certificates, write_privately
from joinedup.mocks.listening import LOOPBACK, Listening, Public, Tls

TOKENS = "auth"
"""Whoever calls one of them needs its tokens, so it is always shown to others."""


@dataclass(frozen=True)
class Folder:
    """
    Where agencies that are served by hand keep what stays.

    What reads or writes there raises a SetupError where the folder cannot be used.
    """

    path: Path

    def share_secrets(self, cast: Cast) -> None:
        """Give every client the secret that it had when the folder was used before."""
        with self._in_use():
            for name, client in cast.tokens.clients.items():
                if client.secret:
                    cast.tokens.clients[name] = replace(client, secret=self._kept(self.secret_file(name)))

    def secret_file(self, client: str) -> Path:
        """Where a client's secret is."""
        return self.path / "secrets" / client

    def call_file(self, system: str) -> Path:
        """Where the headers of a call that works are."""
        return self.path / "calls" / system

    @property
    def authority(self) -> Path:
        """The authority that whoever calls over TLS must trust."""
        return self.path / AUTHORITY

    def proof(self) -> bytes:
        """The key with which a public address shows that it leads here."""
        with self._in_use():
            return self._kept(self.path / PROOF_KEY).encode()

    def certificates(self, *hosts: str) -> Certificates:
        """Certificates for a server that is called by those names, too."""
        with self._in_use():
            return write_certificates(self.path, (*hosts, LOOPBACK, "localhost"), "joinedup-client")

    def listening(self, ports: dict[str, int], *, tls: bool, mocks: Mocks | None = None) -> Listening:
        """
        Where to listen: on the loopback interface, or as ``[mocks]`` says.

        Args:
            tls: whether to serve over TLS and to ask for a caller's certificate; a public address is always TLS.
        """
        if mocks is None:
            made = self.certificates() if tls else None
            return Listening(ports, Tls(made.server, callers=made.authority) if made else None)
        host, _, port = mocks.listen.rpartition(":")
        public = Public(host.strip("[]"), int(port), mocks.public_url, self.proof(), (*mocks.serve, TOKENS))
        made = self.certificates(urlsplit(mocks.public_url).hostname or LOOPBACK)
        callers = made.authority if tls else None
        if mocks.certificate:
            return Listening(
                ports,
                Tls(Path(mocks.certificate), Path(mocks.private_key or mocks.certificate), callers),
                public,
            )
        return Listening(ports, Tls(made.server, callers=callers), public)

    def _kept(self, path: Path) -> str:
        """A secret that stays; made where there is none, and where a start that was cut off left an empty file."""
        kept = path.read_text().strip() if path.exists() else ""
        if not kept:
            kept = secrets.token_urlsafe(24)
            write_privately(path, kept.encode())
        return kept

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = error.filename or self.path
            raise SetupError(
                f"{where} cannot be read or written: {error.strerror}.",
                hint=f"Mend what is in {self.path}, or name another folder with --folder.",
            ) from None
        except ValueError:
            raise SetupError(
                f"A file in {self.path} holds something else than what was written there.",
                hint="Remove the folder, whose secrets and certificates are then made anew, or name another with --folder.",
            ) from None
