"""Small systems for doctor: a well-behaved one, and real TLS servers with certificates of every kind."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trustme

TOKEN = "canary-token"
NOT_FOUND = '{"title": "Not found"}'


@dataclass
class Manners:
    """
    How the system answers.

    Args:
        status: by path; what it answers there instead of the usual.
        everywhere: status and body for every path, where set.
        media_type: of every answer.
        skew: how far its clock is ahead.
        granted: scopes that its token server names.
        body: of the list of things.
    """

    status: Mapping[str, int] = field(default_factory=dict)
    everywhere: tuple[int, str] | None = None
    media_type: str = "application/json"
    skew: timedelta = timedelta()
    granted: str = "things.read"
    body: str = '{"items": []}'
    headers: Mapping[str, str] = field(default_factory=dict)


def _answer(manners: Manners, method: str, path: str, credential: str, form: bytes) -> tuple[int, str]:
    if manners.everywhere is not None:
        return manners.everywhere
    if path in manners.status:
        return manners.status[path], NOT_FOUND
    if path == "/token":
        asked = parse_qs(form.decode()).get("scope", [""])[0]
        granted = {"access_token": TOKEN, "expires_in": 300, "scope": manners.granted or asked}
        return 200, json.dumps(granted)
    if path == "/v1/things" or path.startswith("/v1/things/known"):
        return (200, manners.body) if credential == f"Bearer {TOKEN}" else (401, "{}")
    return 404, NOT_FOUND


def _handler(manners: Manners) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            form = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            credential = self.headers.get("Authorization") or ""
            status, text = _answer(manners, self.command, path, credential, form)
            body = text.encode()
            self.send_response_only(status)
            self.send_header("Date", format_datetime(datetime.now(UTC) + manners.skew, usegmt=True))
            self.send_header("Content-Type", manners.media_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in manners.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_OPTIONS = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a test's console is for pytest."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a handshake that fails is what some tests are about."""


@contextlib.contextmanager
def serving(manners: Manners | None = None, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of the system, over TLS where a context is given, until the end of the block."""
    server = _Server(("127.0.0.1", 0), _handler(manners or Manners()))
    if tls is not None:
        # The handshake belongs to the connection's thread, so that a failing one does not stop the server.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Kind = Callable[[trustme.CA], ssl.SSLContext]


def _with(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def _good(authority: trustme.CA) -> ssl.SSLContext:
    return _with(authority.issue_cert("localhost"))


def _expired(authority: trustme.CA) -> ssl.SSLContext:
    return _with(authority.issue_cert("localhost", not_before=_day(2020), not_after=_day(2021)))


def _early(authority: trustme.CA) -> ssl.SSLContext:
    return _with(authority.issue_cert("localhost", not_before=_day(2090), not_after=_day(2091)))


def _day(year: int) -> datetime:
    return datetime(year, 5, 3, tzinfo=UTC)


def _of_another_host(authority: trustme.CA) -> ssl.SSLContext:
    return _with(authority.issue_cert("other.example"))


def _of_another_authority(authority: trustme.CA) -> ssl.SSLContext:
    return _with(trustme.CA().issue_cert("localhost"))


def _self_signed(authority: trustme.CA) -> ssl.SSLContext:
    """An authority's own certificate, shown as the server's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other = trustme.CA()
    with other.cert_pem.tempfile() as certificate, other.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)
    return context


def _old(authority: trustme.CA) -> ssl.SSLContext:
    """TLS 1.1 and nothing newer; OpenSSL 3 wants security level 0 for it."""
    context = _good(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


KINDS: Mapping[str, Kind] = {
    "good": _good,
    "expired": _expired,
    "early": _early,
    "of-another-host": _of_another_host,
    "of-another-authority": _of_another_authority,
    "self-signed": _self_signed,
    "old": _old,
}


def bundle(authority: trustme.CA, folder: Path) -> str:
    """The authority's certificate as a file of the folder, by its name."""
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    return "authority.pem"
