"""The faults of the way between systems show as they say, served and embedded, for one agency or for all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tour import CONTACT, SHARING, StoppedClock

from joinedup.mocks.cast import Cast
from joinedup.mocks.connections import CONNECTIONS
from joinedup.mocks.deliveries import Delivery
from joinedup.mocks.embedded import Agencies
from joinedup.mocks.fault import ANY
from joinedup.mocks.faults import FAULTS, fault_named
from joinedup.mocks.faults_generic import NAMES, OVERTAKEN_S
from joinedup.mocks.handle import Handle
from joinedup.mocks.serve import served
from joinedup.mocks.sharing import Ledger, Message

GENERIC = [fault for fault in FAULTS if fault.system == ANY]


@pytest.fixture(scope="module")
def over_the_wire() -> Iterator[Handle]:
    """Social care and police, served."""
    with served(["social-care", "police"]) as found:
        yield found


@pytest.fixture(params=["served", "embedded"])
def either(request: pytest.FixtureRequest) -> Handle:
    """The same agencies both ways, fresh."""
    if request.param == "embedded":
        embedded: Agencies = request.getfixturevalue("agencies")
        return embedded
    found: Handle = request.getfixturevalue("over_the_wire")
    found.reset(1)
    return found


def ask(agencies: Handle, method: str, path: str, *, system: str = "social-care", **how: Any) -> Any:
    """The status of an answer, or the kind of error where there is none."""
    headers = {**SHARING, "Authorization": agencies.authorization(system)}
    try:
        return httpx.request(
            method, agencies.systems[system].base_url + path, headers=headers, **how
        ).status_code
    except httpx.TransportError as error:
        return type(error)


def contacts(agencies: Handle) -> int:
    """How many contacts social care was asked for and kept."""
    return sum(e["method"] == "POST" and e["status"] == 201 for e in agencies.exchanges("social-care"))


def test_every_third_request_is_refused_for_a_moment(either: Handle) -> None:
    """503 with Retry-After in the form of a problem, and nothing done; the next goes through."""
    with either.fault("unavailable-at-times"):
        found = [ask(either, "POST", "/v1/contacts", json=CONTACT) for _ in range(4)]
        assert found == [201, 201, 503, 201]
        assert contacts(either) == 3
    with either.fault("unavailable-at-times"):
        either.reset(1)
    assert ask(either, "GET", "/v1/children") == 200


def test_the_refusal_says_when_to_come_again(either: Handle) -> None:
    """A client reads the seconds from Retry-After, and a problem from the body."""
    status = either.systems["social-care"].base_url + "/v1/status"
    with either.fault("social-care-unavailable-at-times"):
        answer = [httpx.get(status) for _ in range(3)][-1]
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 503


def test_every_third_change_is_done_and_not_answered(either: Handle) -> None:
    """The caller sees a broken connection, and the record is there all the same; readings are left alone."""
    with either.fault("dropped-after-commit"):
        found = [ask(either, "POST", "/v1/contacts", json=CONTACT) for _ in range(4)]
        assert found == [201, 201, httpx.RemoteProtocolError, 201]
        assert contacts(either) == 4
        assert [ask(either, "GET", "/v1/children") for _ in range(3)] == [200] * 3


def test_every_third_body_ends_in_the_middle(either: Handle) -> None:
    """The caller gets a status and half a body, and learns that it was half."""
    with either.fault("truncated-body"):
        found = [ask(either, "GET", "/v1/children") for _ in range(4)]
    assert found == [200, 200, httpx.RemoteProtocolError, 200]


def test_every_answer_is_late(over_the_wire: Handle) -> None:
    """Served, a client that waits half a second gives up, and one that waits longer has its answer."""
    over_the_wire.reset(1)
    with over_the_wire.fault("latency"):
        assert ask(over_the_wire, "GET", "/v1/children", timeout=0.5) is httpx.ReadTimeout
        assert ask(over_the_wire, "GET", "/v1/children", timeout=30) == 200


def test_embedded_lateness_costs_no_time(agencies: Agencies) -> None:
    """The same without waiting: the agencies' clock moves instead, as far as the client would have waited."""
    before, begun = agencies.now(), time.monotonic()
    with agencies.fault("latency"):
        for patience in [*[0.5] * 20, None]:
            expected = httpx.ReadTimeout if patience else 200
            assert ask(agencies, "GET", "/v1/children", timeout=patience) == expected
    assert (agencies.now() - before).total_seconds() >= 11 > time.monotonic() - begun


@pytest.mark.parametrize("fault", ["unavailable-at-times", "dropped-after-commit", "truncated-body"])
def test_a_fault_of_one_agency_leaves_the_others_alone(fault: str, agencies: Agencies) -> None:
    """With the agency's name in front it is that agency's only."""
    with agencies.fault(f"police-{fault}"):
        assert [ask(agencies, "POST", "/v1/contacts", json=CONTACT) for _ in range(3)] == [201] * 3
        statuses = [ask(agencies, "GET", "/v1/status", system="police") for _ in range(3)]
    assert (statuses == [200] * 3) == (fault == "dropped-after-commit")


@pytest.mark.parametrize("fault", sorted(NAMES))
def test_a_fault_of_the_way_is_no_breach(fault: str, agencies: Agencies) -> None:
    """The engine itself keeps its contract, and every agency can be given every one of them."""
    with agencies.fault(fault), agencies.fault(f"school-{fault}"):
        for _ in range(3):
            ask(agencies, "GET", "/v1/children")
    assert agencies.breaches() == ()
    assert [ask(agencies, "GET", "/v1/children") for _ in range(3)] == [200] * 3


# Deliveries


@pytest.fixture
def notified(monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Social care that tells itself of what happens, by its own contract."""

    def arriving(message: Message) -> tuple[Delivery, ...]:
        body = {**CONTACT, "reason": message.body["reason"]}
        return (
            Delivery(
                "social-care", "social-care", "one child", "/v1/contacts", body, "E09000001", headers=SHARING
            ),
        )

    monkeypatch.setitem(CONNECTIONS, ("social-care", "told"), arriving)
    return Cast(["social-care"], clock=StoppedClock())


def tell(cast: Cast, *reasons: str) -> None:
    """Have these delivered, one after the other."""
    ledger: Ledger = cast.engines["social-care"].state.ledger
    for reason in reasons:
        ledger.outbox.append(Message("E09000001", "told", {"reason": reason}, ""))
        cast._send_on("social-care")


def arrived(cast: Cast) -> list[str]:
    """The reasons of the contacts that arrived, in that order."""
    exchanges = cast.journal.exchanges("social-care")
    return [
        e.answer.body["reason"] for e in exchanges if e.incoming.method == "POST" and e.answer.status == 201
    ]


def test_deliveries_arrive_twice_with_one_id(notified: Cast) -> None:
    """A receiver that knows the id has the same thing once."""
    notified.switch_fault("duplicate-deliveries", True)
    tell(notified, "first")
    notified.clock.advance(1)
    sent = [e for e in notified.journal.exchanges("social-care") if e.incoming.method == "POST"]
    assert arrived(notified) == ["first", "first"]
    assert len({e.incoming.headers["x-request-id"] for e in sent}) == 1
    assert len({e.answer.body["contactId"] for e in sent}) == 1


@pytest.mark.parametrize(
    ("faults", "order"),
    [
        ((), ["first", "second", "third"]),
        (("reordered-deliveries",), ["second", "third", "first"]),
        (("social-care-reordered-deliveries",), ["second", "third", "first"]),
        (("police-reordered-deliveries",), ["first", "second", "third"]),
    ],
)
def test_the_later_delivery_overtakes(notified: Cast, faults: tuple[str, ...], order: list[str]) -> None:
    """What was sent first arrives last, though it is about the same child; nothing is lost."""
    for fault in faults:
        notified.switch_fault(fault, True)
    tell(notified, "first", "second", "third")
    notified.clock.advance(OVERTAKEN_S + 1)
    assert arrived(notified) == order


# As declared


@pytest.mark.parametrize("fault", GENERIC, ids=lambda fault: fault.name)
def test_a_generic_fault_says_what_it_may_break(fault: Any) -> None:
    """Each is a whole sentence; none must break a requirement, since a careful caller comes through all of them."""
    assert fault.shows.endswith(".")
    assert fault.breaks == ()
    assert len(set(fault.may_break)) == len(fault.may_break)


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("latency", ANY),
        ("police-latency", "police"),
        ("social-care-truncated-body", "social-care"),
        ("update-lost", "social-care"),
        ("no-such-latency", None),
        ("police-update-lost", None),
        ("police", None),
    ],
)
def test_a_fault_is_found_by_its_name(name: str, system: str | None) -> None:
    """Generic ones also with an agency that there is in front; others by their own name alone."""
    found = fault_named(name)
    assert (found.system if found else None) == system
    assert found is None or found.name == name
