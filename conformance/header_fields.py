"""
The header fields of an answer say the truth: Location, WWW-Authenticate, ETag, Retry-After, Deprecation (CON-API-14, VER-04).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from joinedup.conformance.changes import change_of, condition_of, tag_of
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.harvest import RISKY
from joinedup.conformance.knowledge import context_of
from joinedup.conformance.lists import identifier_in
from joinedup.conformance.objects import Subject, fresh, identifier_of, location_path, subject_of
from joinedup.conformance.operations import Operation
from joinedup.conformance.sequences import Tried, settled
from joinedup.conformance.target import OWN, Target

THIS = ("CON-API-14",)
GONE = ("404", "410")
_MONTH = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# RFC 9110, 5.6.7 and 10.2.3: a number of seconds, or a date in the preferred or an obsolete form.
RETRY_AFTER = (
    rf"\d+|[A-Z][a-z]{{2}}, \d\d {_MONTH} \d{{4}} \d\d:\d\d:\d\d GMT"
    rf"|[A-Z][a-z]+day, \d\d-{_MONTH}-\d\d \d\d:\d\d:\d\d GMT|[A-Z][a-z]{{2}} {_MONTH} [ \d]\d \d\d:\d\d:\d\d \d{{4}}"
)
# RFC 9745, 2.1: a Date of RFC 9651, with any parameters.
DEPRECATION = r"@-?\d{1,15}(\s*;.*)?"


def _suspicion(
    rule: str,
    sentences: tuple[str, str, str],
    exchanges: tuple[Exchange, ...],
    expectation: Expectation,
    requirements: tuple[str, ...] = THIS,
) -> Suspicion:
    title, expected, actual = sentences
    label = exchanges[-1].step.operation
    return Suspicion(
        rule=rule,
        requirements=requirements,
        title=title,
        expected=expected,
        actual=actual,
        exchanges=exchanges,
        expectation=expectation,
        cause=label,
        operations=(label,),
    )


# --- Location


def location_leads_to_it(target: Target, create: Operation, tried: Tried) -> Iterator[Suspicion]:
    """Follow the Location of a 201: it leads to the object that was made."""
    made = fresh(target, create)
    subject = subject_of(target, create, made) if made is not None else None
    step = subject.step(target, "GET") if subject else None
    if made is None or subject is None or step is None:
        tried.lacks(f"{create.label} did not make another object that can be read")
        return
    step_there = _step_to_location(target, made, step)
    if made.status != 201 or step_there is None:
        return
    if not settled(target, step, lambda answer: answer.ok).ok:
        tried.lacks(f"what {create.label} makes cannot be read, so that its Location proves nothing")
        return
    there = target.client.send(step_there)
    wanted = identifier_of(target, made)
    found = (
        identifier_in(there.json(), context_of(create.path), *subject_parameters(subject))
        if there.ok
        else MISSING
    )
    if str(there.status) in GONE:
        sentences = (
            "The Location of a new object leads to nothing",
            "The object, which can be read elsewhere.",
            f"{there.status} to a request for the address in Location.",
        )
        expectation = Expectation(never=GONE)
    elif found is not MISSING and str(found) != str(wanted):
        sentences = (
            "The Location of a new object leads to another object",
            "The object that was just made.",
            f"{there.status} with an object of another identifier.",
        )
        expectation = Expectation(holds=wanted)
    else:
        tried.proved += there.ok
        if not there.ok:
            tried.lacks(f"the Location that {create.label} gives answered {there.status or 'nothing'}")
        return
    suspicion = _suspicion("location-untrue", sentences, (made, there), expectation)
    yield replace(suspicion, where=create.label, cause=create.label, operations=(create.label,))


def subject_parameters(subject: Subject) -> tuple[str, ...]:
    """The name of the parameter that identifies an object, if its path has one."""
    return tuple(re.findall(r"\{([^{}]+)\}/?$", next(iter(subject.operations.values())).path))


def _step_to_location(target: Target, made: Exchange, reader: Step) -> Step | None:
    """The request that reads the object, sent to where Location leads; its last segment is a parameter, so that a reproduction can fetch it."""
    path, _, query = location_path(target, made).partition("?")
    if not path or query:
        return None
    before, _, last = path.rstrip("/").rpartition("/")
    template = before.replace("{", "%7B") + "/{location}"
    return replace(reader, path=template, path_parameters={"location": last}, operation="")


# --- WWW-Authenticate


def challenges(target: Target, tried: Tried) -> Iterator[Suspicion]:
    """Send a request of each operation without its credential: each 401 says how to get in."""
    for operation in target.operations:
        good = target.good.get((operation.label, OWN))
        if good is None or target.is_declared_public(operation) or operation.method == "DELETE":
            continue
        refused = target.first.get((401, operation.label))
        if refused is None or refused.step.identity is not None:
            refused = target.client.send(replace(good.step, identity=None))
        if refused.status != 401 or refused.response is None:
            continue
        tried.proved += 1
        if "www-authenticate" not in refused.response.headers:
            sentences = (
                "A 401 does not say how to get in",
                "WWW-Authenticate with every 401.",
                "401 without WWW-Authenticate.",
            )
            found = _suspicion(
                "challenge-missing", sentences, (refused,), Expectation(header="WWW-Authenticate")
            )
            # One place refuses whoever has no credential.
            yield replace(found, cause="401")


# --- ETag


def etag_follows_object(
    target: Target, maker: Callable[[], Subject | None], tried: Tried
) -> Iterator[Suspicion]:
    """Read an object twice, change it and read it again: its ETag changes when it does, and only then."""
    subject = maker()
    step = subject.step(target, "GET") if subject else None
    if subject is None or step is None:
        tried.lacks("no object could be made or read")
        return
    first, second = target.client.send(step), target.client.send(step)
    if not tag_of(first) or not second.ok:
        return
    if _body(first) == _body(second) and tag_of(first) != tag_of(second):
        sentences = (
            "The ETag of an object changes although the object does not",
            "The same ETag for the same answer, or no condition on it ever holds.",
            "The same answer with another ETag.",
        )
        expectation = Expectation(header="ETag", header_is=tag_of(first))
        yield _suspicion("etag-changes-alone", sentences, (*subject.origin, first, second), expectation)
        return
    tried.proved += _body(first) == _body(second)
    yield from _etag_after_change(target, subject, second, tried)


def _body(exchange: Exchange) -> bytes:
    return exchange.response.body if exchange.response else b""


def _etag_after_change(
    target: Target, subject: Subject, before: Exchange, tried: Tried
) -> Iterator[Suspicion]:
    change = change_of(target, subject, before) if subject.change else None
    changed = target.client.send(change.step) if change else None
    if change is None or changed is None or not changed.ok or subject.change is None:
        return
    after = settled(target, before.step, lambda answer: change.reads_as(answer) == change.new)
    if subject.made is None and (back := change_of(target, subject, after, change.old)) is not None:
        target.client.send(back.step)
    if change.reads_as(after) != change.new:
        return
    if tag_of(after) != tag_of(before):
        tried.proved += 1
        return
    sentences = (
        "The ETag of an object stays the same when the object changes",
        "Another ETag, because what is read is not the same any more.",
        "The ETag from before the change.",
    )
    expectation = Expectation(header="ETag", header_not=tag_of(before))
    both = ("CON-API-14", *(["CCY-01"] if condition_of(subject.change) else []))
    exchanges = (*subject.origin, before, changed, after)
    yield _suspicion("etag-stays", sentences, exchanges, expectation, both)


# --- Retry-After


def retry_times(target: Target, tried: Tried) -> Iterator[Suspicion]:
    """Look at every Retry-After that was seen with a 429 or a 503."""
    for (status, _), exchange in target.first.items():
        sent = exchange.response.headers.get("retry-after") if exchange.response else None
        if status not in (429, 503) or sent is None:
            continue
        suspicion = unreadable_time(exchange)
        tried.proved += suspicion is None
        if suspicion is not None:
            yield suspicion


def unreadable_time(exchange: Exchange) -> Suspicion | None:
    """A Retry-After that is neither a number of seconds nor a date."""
    sent = exchange.response.headers.get("retry-after") if exchange.response else None
    if sent is None or re.fullmatch(RETRY_AFTER, sent):
        return None
    sentences = (
        "Retry-After is neither a number of seconds nor a date",
        "A whole number of seconds, or a date as HTTP writes it.",
        f"{exchange.status} with a Retry-After that is neither.",
    )
    expectation = Expectation(header="Retry-After", matches=RETRY_AFTER)
    found = _suspicion("retry-after-unreadable", sentences, (exchange,), expectation)
    return replace(found, cause=str(exchange.status))


# --- Deprecation and Sunset


def deprecation(target: Target, operation: Operation, tried: Tried) -> Iterator[Suspicion]:
    """Look at the header fields of a successful answer of an operation that is going to go."""
    good = target.good.get((operation.label, OWN))
    if good is None or good.response is None:
        tried.lacks(f"{operation.label} never succeeded")
        return
    if operation.method in ("GET", "HEAD"):
        good = target.client.send(good.step)
    headers = good.response.headers if good.response else {}
    stated = headers.get("deprecation", "")
    if not re.fullmatch(DEPRECATION, stated):
        sentences = (
            "A deprecated operation does not say so in its answers",
            "A Deprecation header with the date since when, such as @1688169599 (RFC 9745).",
            f"{good.status} with {'a Deprecation header of another form' if stated else 'no Deprecation header'}.",
        )
        expectation = Expectation(header="Deprecation", matches=DEPRECATION)
        yield _suspicion("deprecation-unsaid", sentences, (good,), expectation, ("VER-04",))
    elif (end := moment_of(headers.get("sunset", ""))) and end.timestamp() < _seconds(stated):
        sentences = (
            "An operation goes before it is deprecated",
            "A Sunset that is not earlier than the date in Deprecation (RFC 9745, 4).",
            f"{good.status} with a Sunset that is earlier.",
        )
        yield _suspicion("sunset-too-early", sentences, (good,), Expectation(), ("VER-04",))
    else:
        tried.proved += 1


def _seconds(stated: str) -> int:
    return int(stated.partition(";")[0].strip()[1:])


def moment_of(text: str) -> datetime | None:
    """The moment that a date as HTTP writes it names; None where it names none."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def deprecated(target: Target) -> list[Operation]:
    """The operations that are going to go and can be called without harm."""
    return [op for op in target.operations if op.deprecated and not RISKY.search(op.path)]
