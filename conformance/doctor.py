"""
``joinedup doctor``: everything that has to be right before a verdict means anything, with cause and fix.

``essential`` is the part that every run begins with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from joinedup.conformance.callers import caller_faults, caller_probe
from joinedup.conformance.catalogue import Catalogue
from joinedup.conformance.certificates import trusted
from joinedup.conformance.client import Client
from joinedup.conformance.configuration import Configuration
from joinedup.conformance.diagnosis import Diagnosis, Fault, Probe, fault_of
from joinedup.conformance.endpoints import Endpoint, address_fault, endpoint_probes, endpoints_of, tls_fault
from joinedup.conformance.errors import JoinedUpError, RealDataError
from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.served import looks, serving_faults
from joinedup.conformance.settings import (
    capability_probe,
    fixtures_not_found,
    limit_probe,
    name_faults,
    real_people_in_settings,
    request_faults,
)
from joinedup.conformance.target import OWN, Target, build_target
from joinedup.conformance.way_back import way_back_probes

# Token servers and gateways allow a minute between two clocks (RFC 7519, 4.1.4: "usually no more than a few minutes").
MOST_SKEW_S = 60


def make_sure(target: Target) -> None:
    """
    Make sure that a verdict would mean something: the essential part of what ``doctor`` looks at.

    Raises:
        SetupError: the first fault, in the words of ``doctor``.
    """
    for fault in essential(target):
        raise fault.error()


def essential(target: Target) -> Iterator[Fault]:
    """
    What keeps a run from being about the system at all: secrets, address, TLS, credentials, contract.

    Raises:
        SetupError: a secret or a caller's class is not there, which shows before anything is sent.
    """
    callers, timeout_s = tuple(target.identities), target.configuration.limits.timeout_s
    for endpoint in endpoints_of(target.name, target.system):
        yield from _unreachable(target, endpoint, timeout_s)
    for name in callers:
        yield from caller_faults(target, name)
    yield from serving_faults(target, looks(target))


def _unreachable(target: Target, endpoint: Endpoint, timeout_s: float) -> Iterator[Fault]:
    fault = address_fault(endpoint, timeout_s)
    if fault is None and endpoint.secure:
        _, fault = tls_fault(endpoint, target.trust, timeout_s)
    if fault is not None:
        yield fault


# --- all of it


def examine(configuration: Configuration, catalogue: Catalogue, ours: Iterable[str] = ()) -> Diagnosis:
    """Look at every system under test; never raises for what is wrong with one."""
    first = Probe("", "configuration", f"{len(configuration.tested)} under test")
    probes = [first]
    for name in configuration.tested:
        probes += _examine(name, configuration, catalogue, name in set(ours))
    probes += way_back_probes(configuration)
    return Diagnosis(tuple(probes))


def _examine(name: str, configuration: Configuration, catalogue: Catalogue, ours: bool) -> Iterator[Probe]:
    system, folder = configuration.systems[name], Path(configuration.folder)
    try:
        trust = trusted(system, folder)
    except JoinedUpError as error:
        yield Probe(name, "authorities", faults=(fault_of(error, "ca-bundle-unreadable"),))
        return
    reached = True
    for endpoint in endpoints_of(name, system):
        for probe in endpoint_probes(name, endpoint, trust, configuration.limits.timeout_s):
            reached = reached and not probe.faults
            yield probe
    try:
        target = build_target(name, configuration, catalogue, seed=1, write=_forget, ours=ours)
    except JoinedUpError as error:
        key = f"systems.{name}.contract"
        yield Probe(name, "contract", faults=(fault_of(error, "contract-unusable", f"Correct {key}."),))
        return
    yield _contract(target)
    yield from _answers(target, reached)
    yield from _table(target)


def _forget(_event: str, **_fields: object) -> None:
    """Doctor leaves no record."""


def _contract(target: Target) -> Probe:
    contract = target.contract
    said = f"OpenAPI {contract.version}, {len(contract.operations)} operations, SHA-256 {contract.original_hash[:12]}…"
    return Probe(target.name, "contract", said)


def _answers(target: Target, reached: bool) -> Iterator[Probe]:
    """Everything that needs the system to answer."""
    rest = ["answer", "clock", "served", "fixtures", "people"]
    if not reached:
        yield from _not_tried(target, [*_identity_names(target), *rest], "the address cannot be used")
        return
    try:
        exchange = _first_answer(target)
        yield from _first_probes(target, exchange)
        callers = [caller_probe(target, name) for name in target.system.identities or (OWN,)]
        yield from callers
        if exchange.response is None or any(
            fault for probe in callers for fault in probe.faults if _stops(fault)
        ):
            yield from _not_tried(target, rest[2:], "no caller gets an answer")
            return
        yield from _served(target)
    except RealDataError as error:
        yield Probe(target.name, "people", faults=(fault_of(error, "real-people"),))
    except JoinedUpError as error:
        yield Probe(target.name, "served", faults=(fault_of(error, "request-unreadable"),))
    finally:
        if "client" in target.__dict__:
            target.client.close()


def _identity_names(target: Target) -> list[str]:
    return [f"identity {name}" for name in target.system.identities]


def _not_tried(target: Target, names: Iterable[str], why: str) -> Iterator[Probe]:
    for name in names:
        yield Probe(target.name, name, f"not tried: {why}", tried=False)


def _stops(fault: Fault) -> bool:
    """Whether a fault of a caller leaves no credential to call with."""
    return fault.id not in ("scope-missing", "identity-twice")


def _first_answer(target: Target) -> Exchange:
    """One request without a credential, so that an answer shows even where no credential can be had."""
    client = Client(target.system.base_url, (), target.budget, target.observe, trust=target.trust)
    try:
        return client.send(Step("GET", "/", identity=None, operation=""))
    finally:
        client.close()


def _first_probes(target: Target, exchange: Exchange) -> Iterator[Probe]:
    key = f"systems.{target.name}.base_url"
    if exchange.response is None:
        cause = f"{key}: {target.system.base_url} gave no answer: {exchange.error}."
        fix = f"Check that the system behind {key} runs, and limits.timeout_s."
        yield Probe(target.name, "answer", faults=(Fault("no-answer", cause, fix),))
        yield from _not_tried(target, ["clock"], "there is no answer")
        return
    yield Probe(target.name, "answer", f"{exchange.status} in {exchange.response.seconds * 1000:.0f} ms")
    yield _clock(target, exchange.response.headers.get("date", ""))


def _clock(target: Target, date: str, now: datetime | None = None) -> Probe:
    """Is the server's clock near ours? Signed tokens are only good for minutes."""
    try:
        theirs = parsedate_to_datetime(date).astimezone(UTC)
    except ValueError:
        return Probe(target.name, "clock", "the answer has no Date that can be read")
    skew = (theirs - (now or datetime.now(UTC))).total_seconds()
    if abs(skew) <= MOST_SKEW_S:
        return Probe(target.name, "clock", "within a minute of ours")
    way = "ahead of" if skew > 0 else "behind"
    cause = f"The clock of the system was expected to be within a minute of ours, and is {_long(abs(skew))} {way} it."
    fix = f"Set the clock of this machine, or of the server that systems.{target.name}.base_url names, by a time server."
    return Probe(target.name, "clock", faults=(Fault("clock-skew", cause, fix),))


def _long(seconds: float) -> str:
    for size, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = round(seconds / size)
            return f"{number} {word}{'' if number == 1 else 's'}"
    return f"{seconds:.0f} seconds"


def _served(target: Target) -> Iterator[Probe]:
    """The contract's paths, and the fixtures, against the server."""
    looked = looks(target)
    faults = tuple(serving_faults(target, looked))
    statuses = ", ".join(f"{operation.label} {exchange.status}" for operation, exchange in looked[:3])
    yield Probe(
        target.name,
        "served",
        "" if faults else statuses or "no path can be read without an identifier",
        faults,
    )
    missing = () if faults else tuple(fixtures_not_found(target))
    number = len(target.system.fixtures)
    yield Probe(target.name, "fixtures", "" if missing else f"{number} named", missing)
    yield Probe(target.name, "people", "no answer looks like real people")


def _table(target: Target) -> Iterator[Probe]:
    """What the table names, without a request."""
    faults = (*name_faults(target), *request_faults(target))
    yield Probe(target.name, "names", "" if faults else "the contract knows every name of the table", faults)
    if not any(fault.id == "request-unreadable" for fault in faults):
        people = real_people_in_settings(target)
        yield Probe(target.name, "settings", "" if people else "hold nobody", (people,) if people else ())
    yield capability_probe(target)
    seen = [e.response.seconds for e in target.good.values() if e.response is not None]
    yield limit_probe(target, max(seen, default=0.0))
