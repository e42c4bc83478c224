"""
Limits that a contract declares in words or statuses: how large a body may be, how often a caller may ask.

A limit is judged where the contract gives its size as a number; where it only says that there is one, that is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import sleep
from typing import Any

from joinedup.conformance.attempts import MOST_ATTEMPTS, logins, password_operations, unlike
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange, Text
from joinedup.conformance.expect import Expectation
from joinedup.conformance.header_fields import moment_of
from joinedup.conformance.operations import Operation
from joinedup.conformance.places import Base, caller
from joinedup.conformance.target import Target

LARGEST_BODY = 20_000_000
MOST_CALLS = 300
_UNITS: Mapping[str, int] = {
    "byte": 1,
    "bytes": 1,
    "b": 1,
    "kb": 1_000,
    "kib": 1024,
    "mb": 1_000_000,
    "mib": 1024 * 1024,
    "kilobytes": 1_000,
    "megabytes": 1_000_000,
}
_SIZE = re.compile(r"(\d[\d,_ ]*\d|\d)\s*(bytes?|[kKmM]i?[bB]|kilobytes|megabytes)\b")
_RATE = re.compile(
    r"(\d[\d,]*)\s+(?:requests?|calls?)\s+(?:(?:in|per|every|each|within)\s+)?(?:an?\s+|one\s+|1\s+)?(second|minute|hour)",
    re.IGNORECASE,
)
LONGEST_WAIT_S = 2.0
MARGIN_S = 0.05
_BINARY_IN_PRACTICE = 1.05
"""Many write kB and MB and mean 1024; a body this much over either reading is over both."""


def body_limit(target: Target, operation: Operation) -> int | None:
    """How many bytes a body may have: from the operation's 413, else from the contract's own words; None where none says."""
    response = operation.responses.get("413")
    if response is None:
        return None
    info = target.contract.document.get("info") or {}
    for text in (response.get("description"), info.get("description")):
        sizes = [size for size in _sizes(str(text or "")) if 100 <= size <= LARGEST_BODY]
        if len(sizes) == 1:
            return sizes[0]
    return None


def _sizes(text: str) -> Iterator[int]:
    for number, unit in _SIZE.findall(text):
        size = int(re.sub(r"[,_ ]", "", number)) * _UNITS[unit.lower()]
        yield (
            size if unit.lower() in ("byte", "bytes", "b", "kib", "mib") else int(size * _BINARY_IN_PRACTICE)
        )


def oversized(base: Base, limit: int) -> Suspicion | None:
    """A body over the limit that is accepted; it is the accepted body with spaces, so that only its size is wrong."""

    def taken() -> Exchange | None:
        step = base.next()
        if step is None:
            return None
        text = json.dumps(step.body, ensure_ascii=False)
        padded = text[:-1] + " " * (limit + 1 - len(text.encode())) + text[-1]
        exchange = base.sent(replace(step, body=Text(padded)))
        return exchange if exchange.ok else None

    exchange = taken()
    if exchange is None:
        return None
    return Suspicion(
        rule="body-limit-not-kept",
        requirements=("SEC-03",),
        title="A body larger than the contract allows is accepted",
        expected=f"413, because the contract allows bodies of at most {limit:,} bytes.",
        actual=f"{exchange.status} for a body that is larger.",
        exchanges=(*base.lead, exchange),
        expectation=Expectation(statuses=("4XX",)),
        cause="body size",
        again=lambda: taken() is not None,
    )


# --- how often


@dataclass(frozen=True)
class Rate:
    """How many calls a contract allows, and within how many seconds."""

    calls: int
    seconds: int


def declared_rate(target: Target) -> Rate | None:
    """The rate that a contract states in words; None where it states none, or several."""
    found = {
        Rate(int(number.replace(",", "")), {"second": 1, "minute": 60, "hour": 3600}[unit.lower()])
        for text in _words(target.contract.document)
        for number, unit in _RATE.findall(text)
    }
    return found.pop() if len(found) == 1 else None


def _words(document: Mapping[str, Any]) -> Iterator[str]:
    """What a contract says of itself, of its operations and of their 429."""
    yield str((document.get("info") or {}).get("description", ""))
    for item in (document.get("paths") or {}).values():
        for operation in item.values() if isinstance(item, dict) else ():
            if isinstance(operation, dict):
                yield str(operation.get("description", ""))
                limited = (operation.get("responses") or {}).get("429")
                yield str(limited.get("description", "")) if isinstance(limited, dict) else ""


def limited_reading(target: Target) -> Exchange | None:
    """A reading that succeeded and whose operation declares 429."""
    for operation in target.operations:
        good = target.good.get((operation.label, caller(target)))
        if (
            operation.method == "GET"
            and "429" in operation.responses
            and good is not None
            and not operation.public
        ):
            return good
    return None


def refusals_for_haste(target: Target) -> Iterator[Exchange]:
    """Every 429 that was seen so far, one for each operation."""
    yield from (e for (status, _), e in target.first.items() if status == 429 and e.response is not None)


def provoke_haste(target: Target) -> None:
    """Try wrong passwords of an account that does not exist, where the contract declares 429 for it, until that comes."""
    for login in logins(target):
        label = login.operation.label
        if "429" in login.operation.responses and (429, label) not in target.first:
            # Not the one that refusals are compared by: that one must not be limited yet.
            account = unlike(login.unknown)
            for number in range(MOST_ATTEMPTS):
                if target.client.send(login.attempt(account, f"joinedup-wrong-{number}")).status == 429:
                    break


def without_a_time(target: Target, exchange: Exchange) -> Suspicion | None:
    """A refusal for haste that does not say when to come back."""
    if not _says_no_time(exchange):
        return None

    def again() -> bool:
        second = target.client.send(exchange.step)
        return second.status == 429 and _says_no_time(second)

    return Suspicion(
        rule="haste-refused-without-a-time",
        requirements=("SEC-04",),
        title="A refusal for haste does not say when to come back",
        expected="429 with a Retry-After header.",
        actual="429 without one.",
        exchanges=(exchange,),
        expectation=Expectation(header="Retry-After"),
        cause="no Retry-After",
        again=again,
    )


def _says_no_time(exchange: Exchange) -> bool:
    return exchange.response is not None and "retry-after" not in exchange.response.headers


# --- whether it is true

LATER = (429, 503)


def time_kept(target: Target, exchange: Exchange) -> tuple[bool, Suspicion | None]:
    """
    Wait as long as a refusal for haste says, and make the same call again: whether that showed anything, and what.

    Only calls that do no harm when they are repeated, and only times of at most ``LONGEST_WAIT_S``. A server that then
    names a longer time has another limit too, which proves nothing.
    """
    refused = target.client.send(exchange.step) if _is_harmless(target, exchange) else None
    after = _after_waiting(target, refused)
    if refused is None or after is None:
        return False, None
    if after.status not in LATER:
        return after.status > 0, None
    return True, Suspicion(
        rule="haste-refused-beyond-its-time",
        requirements=("SEC-04",),
        title="A call is refused for haste although the time that Retry-After gave has passed",
        expected="Another answer than 429 or 503 to the same call once that time has passed.",
        actual=f"{after.status} again, and no other call was made meanwhile.",
        exchanges=(refused, after),
        # Only the time between the two shows it.
        expectation=Expectation(),
        cause="Retry-After too short",
        again=lambda: (last := _after_waiting(target, after)) is not None and last.status in LATER,
    )


def _is_harmless(target: Target, exchange: Exchange) -> bool:
    step = exchange.step
    return step.method in ("GET", "HEAD") or step.operation in {o.label for o in password_operations(target)}


def _after_waiting(target: Target, refused: Exchange | None) -> Exchange | None:
    """The answer to the same call after the time that a refusal states; None where it states none or a long one."""
    seconds = stated_wait(refused) if refused is not None and refused.status in LATER else None
    if refused is None or seconds is None or seconds > LONGEST_WAIT_S:
        return None
    sleep(seconds + MARGIN_S)
    return target.client.send(refused.step)


def stated_wait(exchange: Exchange) -> float | None:
    """For how many seconds a Retry-After asks a caller to wait; None where it is not there or cannot be read."""
    headers = exchange.response.headers if exchange.response else {}
    stated = headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}", stated):
        return float(stated)
    then, now = moment_of(stated), moment_of(headers.get("date", "")) or datetime.now(UTC)
    # A date names the beginning of a second, and the answer may be from its end.
    return max(0.0, (then - now).total_seconds()) + 1 if then else None


def flood(target: Target, good: Exchange, rate: Rate) -> Exchange | None:
    """Call as often as is allowed and a little more; gives the first refusal for haste, or None where there is none."""
    for _ in range(rate.calls + max(3, rate.calls // 10)):
        exchange = target.client.send(good.step)
        if exchange.status == 429:
            return exchange
        if not exchange.ok:
            return None
    return None


def rate_not_kept(target: Target, good: Exchange, rate: Rate) -> Suspicion:
    """A rate that may be exceeded."""
    return Suspicion(
        rule="rate-limit-not-kept",
        requirements=("SEC-04",),
        title="More calls are answered than the contract allows",
        expected=f"429 once more than {rate.calls} calls were made within {rate.seconds} s, as the contract says.",
        actual=f"{good.status} for every call, also beyond that number.",
        exchanges=(good,),
        expectation=Expectation(statuses=("429",)),
        cause="rate limit",
        # One more call, with all those before it still within the time.
        again=lambda: target.client.send(good.step).ok,
    )
