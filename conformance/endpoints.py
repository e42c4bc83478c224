"""
The addresses of a configuration: can they be found and reached, and is who answers who it should be?
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from joinedup.conformance.certificates import Handshake, days_left, handshake
from joinedup.conformance.configuration import System
from joinedup.conformance.diagnosis import Fault, Probe

PORTS = {"http": 80, "https": 443}
LONGEST_LOOK_S = 10.0


@dataclass(frozen=True)
class Endpoint:
    """An address, and the key of ``joinedup.toml`` that names it."""

    key: str
    url: str

    @property
    def place(self) -> tuple[str, str, int]:
        """Scheme, host and port; raises ``ValueError`` where there is no such place."""
        parts = urlsplit(self.url)
        port = parts.port or PORTS.get(parts.scheme, 0)
        if not parts.hostname or not port:
            raise ValueError(self.url)
        return parts.scheme, parts.hostname, port

    @property
    def secure(self) -> bool:
        """Whether it is reached over TLS."""
        return urlsplit(self.url).scheme == "https"


def endpoints_of(name: str, system: System) -> tuple[Endpoint, ...]:
    """The distinct places that a system's table names: the system itself, its token servers, its contract."""
    named = [Endpoint(f"systems.{name}.base_url", system.base_url)]
    for identity, keys in system.identities.items():
        if isinstance(keys.get("token_url"), str):
            named.append(Endpoint(f"systems.{name}.identities.{identity}.token_url", keys["token_url"]))
    if system.contract.startswith(("http://", "https://")):
        named.append(Endpoint(f"systems.{name}.contract", system.contract))
    places: dict[object, Endpoint] = {}
    for endpoint in named:
        places.setdefault(_place_or_text(endpoint), endpoint)
    return tuple(places.values())


def _place_or_text(endpoint: Endpoint) -> object:
    try:
        return endpoint.place
    except ValueError:
        return endpoint.url


def address_fault(endpoint: Endpoint, timeout_s: float) -> Fault | None:
    """What keeps a connection from being opened, or None."""
    try:
        _, host, port = endpoint.place
    except ValueError:
        return Fault(
            "address-invalid",
            f"{endpoint.key} is {endpoint.url}, which is no http or https address.",
            f"Correct {endpoint.key}.",
        )
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return Fault(
            "address-unknown",
            f"{endpoint.key}: the name {host} was expected to lead to an address, and none was found in DNS.",
            f"Correct the host in {endpoint.key}, or connect to the network (VPN) that knows it.",
        )
    try:
        socket.create_connection((host, port), min(timeout_s, LONGEST_LOOK_S)).close()
    except OSError as error:
        return _no_connection(endpoint, error)
    return None


def _no_connection(endpoint: Endpoint, error: OSError) -> Fault:
    refused = isinstance(error, ConnectionRefusedError)
    why = "the connection was refused" if refused else "no connection could be made in time"
    return Fault(
        "address-refused" if refused else "address-silent",
        f"{endpoint.key}: {endpoint.url} gave no answer: {why}.",
        f"Start the system, or correct host and port in {endpoint.key}; a firewall may stand between.",
    )


def tls_fault(
    endpoint: Endpoint, context: ssl.SSLContext, timeout_s: float
) -> tuple[Handshake, Fault | None]:
    """The handshake with an address over TLS, and what is wrong with it, or None."""
    _, host, port = endpoint.place
    done = handshake(host, port, context, min(timeout_s, LONGEST_LOOK_S))
    if not done.fault:
        return done, None
    cause, fix = _TLS_WORDS[done.fault]
    facts = {
        "host": host,
        "key": endpoint.key,
        "bundle": f"systems.{endpoint.key.split('.')[1]}.ca_bundle",
        "names": ", ".join(done.names[:4]) or "no host at all",
        "ends": f" on {done.ends:%d %B %Y}" if done.ends else "",
        "starts": f" on {done.starts:%d %B %Y}" if done.starts else "",
        "reason": done.reason or "no reason was given",
    }
    return done, Fault(done.fault, cause.format(**facts), fix.format(**facts))


_TLS_WORDS: Mapping[str, tuple[str, str]] = {
    "tls-expired": (
        "{key}: the certificate of {host} was expected to be valid and ended{ends}.",
        "Renew the certificate of the server that {key} names.",
    ),
    "tls-not-yet-valid": (
        "{key}: the certificate of {host} was expected to be valid and only begins{starts}.",
        "Wait, correct the clock of this machine, or correct the certificate of the server that {key} names.",
    ),
    "tls-wrong-host": (
        "{key}: a certificate for {host} was expected, and the one that came is for {names}.",
        "Write the name that the certificate is for in {key}, or give the server a certificate for {host}.",
    ),
    "tls-self-signed": (
        "{key}: a certificate from a trusted authority was expected, and {host} signed its own.",
        "Save that certificate as a PEM file and name it in {bundle}, or give the server one from an authority.",
    ),
    "tls-unknown-authority": (
        "{key}: a certificate from a trusted authority was expected, and that of {host} comes from one that is "
        "unknown here ({reason}).",
        "Name a PEM file with the authority's certificate in {bundle}, and let the server send its whole chain.",
    ),
    "tls-old-protocol": (
        "{key}: TLS 1.2 or 1.3 was expected, and {host} offers only older protocols ({reason}).",
        "Switch TLS 1.2 or 1.3 on at the server that {key} names.",
    ),
    "tls-not-spoken": (
        "{key}: TLS was expected from {host}, and what came is no TLS ({reason}).",
        "Correct the port in {key}, or write http:// where the test server has no TLS.",
    ),
    "tls-no-handshake": (
        "{key}: a TLS handshake with {host} was expected to succeed and ended with: {reason}.",
        "Check the TLS settings of the server that {key} names.",
    ),
}


def endpoint_probes(
    name: str, endpoint: Endpoint, context: ssl.SSLContext, timeout_s: float
) -> Iterator[Probe]:
    """Can the address be reached, and does the certificate prove who answers?"""
    label = endpoint.key.rpartition(f"{name}.")[2]
    fault = address_fault(endpoint, timeout_s)
    if fault is not None:
        yield Probe(name, f"address {label}", faults=(fault,))
        return
    _, host, port = endpoint.place
    yield Probe(name, f"address {label}", f"{host}:{port} accepts connections")
    if not endpoint.secure:
        yield Probe(name, f"tls {label}", "not used: the address is http")
        return
    done, fault = tls_fault(endpoint, context, timeout_s)
    faults = (fault,) if fault else ()
    yield Probe(name, f"tls {label}", "" if faults else _said(done), faults)


def _said(done: Handshake) -> str:
    if done.ends is None:
        return done.version
    return f"{done.version}, valid until {done.ends:%d %B %Y} ({days_left(done.ends)} days)"
