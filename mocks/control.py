"""
The control plane: what tests and journeys do to the agencies that no caller of theirs may do.

It has a contract like every agency and is answered by the same engine, on a port of its own, on the loopback
interface alone.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from joinedup.mocks import toolbox
from joinedup.mocks.cast import Cast, CastState, UnknownNameError
from joinedup.mocks.clock import ClockError, Work, stamp
from joinedup.mocks.deliveries import Tracked
from joinedup.mocks.engine import Agency, Call, Engine
from joinedup.mocks.fault import ANY
from joinedup.mocks.faults import FAULTS, Fault, fault_named
from joinedup.mocks.member import Exchange, Member, Outage
from joinedup.mocks.messages import Answer, Refusal
from joinedup.mocks.sharing import CORRELATION, WORK, moment
from joinedup.mocks.store import Record, read_cursor, write_cursor
from joinedup.mocks.tokens import LIFETIME_S, audience_of

DEFAULT_LIMIT = 20
MOST_SNAPSHOTS = 20
SECRETS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
# Operations that may wait for others, and so are not to hold up the agencies.
WAITING = frozenset({"/v1/clock", "/v1/clock/advances", "/v1/toolbox/repetitions"})


def at_one_go(moving: Iterator[Work]) -> int:
    """Move the clock without waiting for anything; gives how much was done."""
    return sum(1 for _ in moving)


@dataclass
class Plane:
    """
    The agencies, and what is kept of them.

    Args:
        move: how the clock is moved.
        is_served: whether the agencies have addresses at which they answer.
        own_breaches: answers of the control plane itself that broke its contract.
    """

    cast: Cast
    snapshots: OrderedDict[str, tuple[str, CastState]] = field(default_factory=OrderedDict)
    move: Callable[[Iterator[Work]], int] = at_one_go
    is_served: bool = False
    own_breaches: list[str] = field(default_factory=list)


ControlCall = Call[Plane]


def control(cast: Cast) -> Engine[Plane]:
    """The engine that answers for the control plane of a cast."""
    engine = Engine(agency(Plane(cast)), cast.tokens)
    engine.state.own_breaches = engine.breaches
    return engine


# State


def get_status(call: ControlCall) -> Answer:
    """Which agencies there are."""
    cast = call.state.cast
    systems = [_system(cast, name) for name in cast.engines]
    return Answer(200, {"seed": cast.seed, "systems": systems})


def _system(cast: Cast, name: str) -> Record:
    if name in cast.addresses:
        return {"system": name, "address": cast.addresses[name], "away": name in cast.away}
    engine = cast.engines[name]
    return {"system": name, "address": engine.address, "away": _is_away(engine), **_reads(engine)}


def _is_away(engine: Member[Any]) -> bool:
    """Whether an agency answers nobody."""
    return engine.outage is not None and not (engine.outage.reads or engine.outage.answers_lost)


def _reads(engine: Member[Any]) -> Record:
    """Whether an agency can only be read, where that is so."""
    return {"readOnly": True} if engine.outage is not None and engine.outage.reads else {}


def reset(call: ControlCall) -> Answer:
    """Everything back to the seed."""
    call.state.cast.reset((call.body or {}).get("seed"))
    return get_status(call)


def list_faults(call: ControlCall) -> Answer:
    """What can be switched."""
    wanted = call.parameter("system")
    here = [fault for fault in FAULTS if fault.system in (ANY, *call.state.cast.engines)]
    return Answer(200, {"items": [_fault(call, f) for f in here if wanted in (None, f.system)]})


def _fault(call: ControlCall, fault: Fault) -> Record:
    return {
        "name": fault.name,
        "system": fault.system,
        "shows": fault.shows,
        "breaks": list(fault.breaks),
        "active": fault.name in call.state.cast.faults,
    }


def switch_fault(call: ControlCall) -> Answer:
    """Switch a fault."""
    name = call.parameters["name"]
    try:
        call.state.cast.switch_fault(name, call.body["active"])
    except UnknownNameError:
        raise Refusal(404, "There is no fault of that name.") from None
    fault = fault_named(name)
    assert fault is not None, name
    return Answer(200, _fault(call, fault))


def switch_outage(call: ControlCall) -> Answer:
    """Make an agency go away or come back."""
    name = call.parameters["system"]
    try:
        read_only = call.body.get("readOnly", False)
        lost = call.body.get("answersLost", False)
        how = Outage(call.body.get("status", 503), read_only, lost)
        call.state.cast.switch_outage(name, call.body["away"] or read_only or lost, how)
    except UnknownNameError:
        raise Refusal(404, "There is no such agency here.") from None
    return Answer(200, _system(call.state.cast, name))


def take_snapshot(call: ControlCall) -> Answer:
    """Keep everything as it is."""
    if len(call.state.snapshots) >= MOST_SNAPSHOTS:
        raise Refusal(409, f"No more than {MOST_SNAPSHOTS} snapshots are kept; forget one first.")
    identifier = str(uuid.uuid4())
    call.state.snapshots[identifier] = (stamp(call.now), call.state.cast.snapshot())
    return Answer(201, _snapshot(call, identifier), (("Location", f"/v1/snapshots/{identifier}"),))


def _snapshot(call: ControlCall, identifier: str) -> Record:
    return {"snapshotId": identifier, "takenAt": call.state.snapshots[identifier][0]}


def _found(call: ControlCall) -> str:
    identifier: str = call.parameters["snapshotId"].lower()
    if identifier not in call.state.snapshots:
        raise Refusal(404, "There is no such snapshot.")
    return identifier


def get_snapshot(call: ControlCall) -> Answer:
    """When a snapshot was taken."""
    return Answer(200, _snapshot(call, _found(call)))


def restore_snapshot(call: ControlCall) -> Answer:
    """Everything back to a snapshot."""
    identifier = _found(call)
    call.state.cast.restore(call.state.snapshots[identifier][1])
    return Answer(200, _snapshot(call, identifier))


def drop_snapshot(call: ControlCall) -> Answer:
    """Forget a snapshot."""
    del call.state.snapshots[_found(call)]
    return Answer(204)


def enrol_newcomers(call: ControlCall) -> Answer:
    """See that the agencies know so many newcomers."""
    return Answer(200, {"count": call.state.cast.enrol(call.body["count"])})


# Time


def get_clock(call: ControlCall) -> Answer:
    """What time it is."""
    return _clock(call, 0)


def _clock(call: ControlCall, performed: int) -> Answer:
    cast = call.state.cast
    queued = cast.clock.queued
    body = {
        "now": stamp(cast.clock.now()),
        "running": not cast.clock.is_stopped,
        "performed": performed,
        "queued": len(queued),
        "underWay": cast.deliveries.under_way,
        "nextDueAt": _at(queued[0].due) if queued else None,
    }
    return Answer(200, body)


def _at(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))


def set_clock(call: ControlCall) -> Answer:
    """Set the clock forward, or back where that is asked for, and make it stand or run."""
    clock = call.state.cast.clock
    performed = 0
    if "now" in call.body:
        until = moment(call.body["now"], "/now")
        behind = until.timestamp() - clock.seconds()
        if behind < 0 and call.body.get("mayGoBack", False):
            # A second more, because a clock that runs has gone on when it is set.
            _moved(call, lambda: clock.after(behind - 1))
        performed = _moved(call, lambda: clock.ahead(until))
    if "running" in call.body:
        clock.start() if call.body["running"] else clock.stop()
    return _clock(call, performed)


def advance_clock(call: ControlCall) -> Answer:
    """Move the clock on."""
    clock = call.state.cast.clock
    return _clock(call, _moved(call, lambda: clock.after(call.body["seconds"])))


def _moved(call: ControlCall, until: Callable[[], float]) -> int:
    try:
        return call.state.move(call.state.cast.clock.moving(until()))
    except ClockError as error:
        raise Refusal(409, str(error)) from None


# Records


def _page(call: ControlCall, numbered: Iterable[tuple[int, Record]]) -> Answer:
    cursor = call.parameter("cursor")
    after = read_cursor(cursor) if cursor is not None else 0
    rest = [(number, record) for number, record in numbered if number > after]
    shown = rest[: call.parameter("limit", DEFAULT_LIMIT)]
    more = write_cursor(shown[-1][0]) if len(rest) > len(shown) else None
    return Answer(200, {"items": [record for _, record in shown], "next": more})


def list_exchanges(call: ControlCall) -> Answer:
    """What the agencies received."""
    found = call.state.cast.journal.exchanges(call.parameter("system"))
    work = call.parameter(WORK)
    if work is not None:
        found = (each for each in found if each.incoming.headers.get(CORRELATION.lower()) == work)
    return _page(call, ((exchange.number, _exchange(call.state.cast, exchange)) for exchange in found))


def _exchange(cast: Cast, exchange: Exchange) -> Record:
    incoming, answer = exchange.incoming, exchange.answer
    record: Record = {
        "number": exchange.number,
        "at": _at(exchange.at),
        "system": exchange.system,
        "method": incoming.method[:100],
        "path": incoming.path,
        "headers": [{"name": n, "value": v} for n, v in incoming.headers.items() if n not in SECRETS],
        "status": answer.status,
    }
    operation = cast.engines[exchange.system].operation_id(incoming)
    more = {
        "operationId": operation,
        "query": incoming.query.decode("latin-1"),
        "body": _readable(incoming.body),
        "answer": answer.body,
    }
    return {**record, **{name: value for name, value in more.items() if value not in ("", None)}}


def _readable(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


def list_deliveries(call: ControlCall) -> Answer:
    """What the agencies have sent each other, or are to."""
    wanted, work = call.parameter("system"), call.parameter(WORK)
    posted = (
        (tracked.number, _delivery(tracked))
        for tracked in call.state.cast.deliveries.posted()
        if wanted in (None, tracked.delivery.sender) and work in (None, tracked.delivery.correlation_id)
    )
    return _page(call, posted)


def _delivery(tracked: Tracked) -> Record:
    delivery = tracked.delivery
    record = {
        "deliveryId": tracked.id,
        "sender": delivery.sender,
        "recipient": delivery.recipient,
        "subject": delivery.subject,
        "path": delivery.path,
        "body": delivery.body,
        "state": tracked.state.value,
        "queuedAt": _at(tracked.queued_at),
        "attempts": [{"number": a.number, "at": _at(a.at), "status": a.status} for a in tracked.attempts],
    }
    if delivery.correlation_id:
        record["correlationId"] = delivery.correlation_id
    return record if tracked.due is None else {**record, "dueAt": _at(tracked.due)}


def list_disclosures(call: ControlCall) -> Answer:
    """What the agencies disclosed or refused."""
    wanted = call.parameter("system")
    ledgers = {
        name: getattr(engine.state, "ledger", None)
        for name, engine in call.state.cast.engines.items()
        if wanted in (None, name)
    }
    work = call.parameter(WORK)
    lines = [
        (name, line)
        for name, ledger in ledgers.items()
        for line in (ledger.disclosures if ledger else ())
        if work in (None, line.correlation_id)
    ]
    lines.sort(key=lambda pair: pair[1].at)
    # Those that are not kept any more count all the same, so that a cursor stays where it is.
    first = 1 + sum(ledger.noted - len(ledger.disclosures) for ledger in ledgers.values() if ledger)
    return _page(call, ((n, _disclosure(n, name, line)) for n, (name, line) in enumerate(lines, first)))


def _disclosure(number: int, system: str, line: Any) -> Record:
    return {
        "number": number,
        "at": line.at,
        "system": system,
        "organisation": line.organisation,
        "clientId": line.client_id,
        "operationId": line.operation,
        "purpose": line.purpose,
        "basis": line.basis,
        "about": line.about,
        "outcome": line.outcome,
    }


def list_breaches(call: ControlCall) -> Answer:
    """Defects of the mocks."""
    return Answer(200, {"items": [*call.state.cast.breaches(), *call.state.own_breaches]})


# Toolbox


def sign_body(call: ControlCall) -> Answer:
    """Sign as a sender does."""
    body, cast = call.body, call.state.cast
    key = cast.deliveries.ring(body["keyRing"]).current
    return Answer(
        200,
        toolbox.signed(
            key,
            body["body"].encode(errors="surrogatepass"),
            cast.clock.seconds(),
            body.get("deliveryId") or str(uuid.uuid4()),
            body.get("attempt", 1),
            body.get("defect", "none"),
        ),
    )


def rotate_key(call: ControlCall) -> Answer:
    """Sign with a new key."""
    ring = call.state.cast.deliveries.ring(call.body["keyRing"])
    now, grace = call.state.cast.clock.seconds(), call.body.get("graceSeconds", 86400)
    key = ring.rotate(now, grace)
    return Answer(200, {"keyId": key.id, "formerKeyGoodUntil": _at(now + grace)})


def make_token(call: ControlCall) -> Answer:
    """A token of an organisation's client, good or with one thing wrong."""
    body, cast = call.body, call.state.cast
    if body["system"] not in cast.engines:
        raise toolbox.refused("/system", "unknown", "There is no such agency here.")
    client = cast.client_of(body["organisation"], body["system"], body.get("clientId", ""))
    if client is None:
        raise toolbox.refused("/organisation", "unknown", "No client of that organisation is registered.")
    theirs = tuple(scope for scope in client.scopes if audience_of(scope) == body["system"])
    scopes = tuple(body.get("scopes", theirs))
    if not set(scopes) <= set(theirs):
        raise toolbox.refused("/scopes", "unknown", "The client may not have all of these scopes there.")
    lifetime_s = body.get("lifetimeSeconds", LIFETIME_S)
    made = toolbox.token(cast.tokens, client, scopes, body["system"], body.get("defect", "none"), lifetime_s)
    return Answer(200, {"authorization": f"Bearer {made}"})


def repeat_call(call: ControlCall) -> Answer:
    """The same call so many times."""
    return toolbox.repeat(call.body, _in_process(call.state, call.body["url"]))


def _in_process(plane: Plane, url: str) -> toolbox.Call | None:
    """How an agency of this process is called, where it is not served; None for every other address."""
    if plane.is_served:
        return None
    for engine in plane.cast.engines.values():
        if url.startswith(engine.address + "/"):
            return toolbox.in_process(engine.answer)
    return None


def agency(plane: Plane) -> Agency[Plane]:
    """The control plane as the engine plays it; a reset of its own forgets snapshots."""

    def fresh(seed: int) -> Plane:
        plane.snapshots.clear()
        return plane

    return Agency(
        name="control",
        behaviours={
            "getControlStatus": get_status,
            "resetAgencies": reset,
            "getClock": get_clock,
            "setClock": set_clock,
            "advanceClock": advance_clock,
            "listFaults": list_faults,
            "switchFault": switch_fault,
            "switchOutage": switch_outage,
            "listExchanges": list_exchanges,
            "listDeliveries": list_deliveries,
            "listDisclosures": list_disclosures,
            "listBreaches": list_breaches,
            "takeSnapshot": take_snapshot,
            "getSnapshot": get_snapshot,
            "restoreSnapshot": restore_snapshot,
            "dropSnapshot": drop_snapshot,
            "enrolNewcomers": enrol_newcomers,
            "listDeadlines": lambda call: toolbox.deadlines(),
            "addWorkingDays": lambda call: toolbox.working_days(call.body),
            "addSchoolDays": lambda call: toolbox.school_days(call.body),
            "computeDueMoment": lambda call: toolbox.due_moment(call.body),
            "signBody": sign_body,
            "rotateKey": rotate_key,
            "makeToken": make_token,
            "repeatCall": repeat_call,
        },
        fresh=fresh,
    )
