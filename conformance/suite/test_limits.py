"""Limits that the contract states are kept. This runs last, for it may leave a caller waiting."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from joinedup.conformance.causes import Causes
from joinedup.conformance.check import Check, blocked, not_applicable
from joinedup.conformance.declared_limits import (
    LONGEST_WAIT_S,
    MOST_CALLS,
    body_limit,
    declared_rate,
    flood,
    limited_reading,
    oversized,
    provoke_haste,
    rate_not_kept,
    refusals_for_haste,
    time_kept,
    without_a_time,
)
from joinedup.conformance.evidence import confirm
from joinedup.conformance.header_fields import unreadable_time
from joinedup.conformance.places import bases
from joinedup.conformance.target import Target

MOST_WAITS = 2


@pytest.mark.requirement("SEC-03")
def test_keeps_the_size_of_bodies(harvested: Target, check: Check) -> None:
    """A body larger than the contract allows is refused."""
    causes, judged, unsaid = Causes(), 0, 0
    for base in bases(harvested, "POST", "PUT", "PATCH"):
        if "413" not in base.operation.responses or not isinstance(base.step.body, dict):
            continue
        limit = body_limit(harvested, base.operation)
        if limit is None:
            unsaid += 1
            continue
        judged += 1
        if (suspicion := oversized(base, limit)) is not None:
            causes.add(suspicion)
    check.report(*causes.findings(harvested))
    check.proves(times=judged)
    if unsaid:
        check.leaves_out(
            "the size of bodies where the contract declares 413 and does not say from which size on"
        )
    if not judged:
        check.ends(not_applicable("no operation that was called declares 413 with a size"))


@pytest.mark.requirement("SEC-04")
def test_keeps_the_rate_of_calls(harvested: Target, check: Check) -> None:
    """More calls than the contract allows are refused with 429, and the refusal says when to come back."""
    if harvested.destructive:
        _judge_rate(harvested, check)
        provoke_haste(harvested)
    else:
        check.leaves_out(
            "calling more often than is allowed, which a live system meets only when limits.destructive is true"
        )
    causes, waited = Causes(), 0
    for exchange in refusals_for_haste(harvested):
        check.proves()
        if (suspicion := without_a_time(harvested, exchange)) is not None:
            causes.add(suspicion)
        elif (unreadable := unreadable_time(exchange)) is not None:
            causes.add(replace(unreadable, requirements=("SEC-04",)))
        elif waited < MOST_WAITS:
            shown, untrue = time_kept(harvested, exchange)
            waited += shown
            if untrue is not None:
                causes.add(untrue)
    check.report(*causes.findings(harvested))
    if not waited:
        check.leaves_out(
            f"the call that succeeds once Retry-After has passed, where that is longer than {LONGEST_WAIT_S:g} s or the call could do harm"
        )
    check.ends(not_applicable("the contract states no rate as a number, and no call was refused for haste"))


def _judge_rate(target: Target, check: Check) -> None:
    rate, good = declared_rate(target), limited_reading(target)
    if rate is None:
        check.leaves_out("the rate itself, which the contract does not state as a number of calls in a time")
        return
    if any(status == 429 and label.startswith("GET ") for status, label in target.first):
        check.proves()
        return
    if good is None or rate.calls > MOST_CALLS:
        why = (
            f"it would take more than {MOST_CALLS} calls"
            if good
            else "no reading that declares 429 succeeded"
        )
        check.ends(blocked(f"not exercised, because {why}"))
        return
    started = time.monotonic()
    refused = flood(target, good, rate)
    if refused is None and time.monotonic() - started < rate.seconds:
        check.report(confirm(target, rate_not_kept(target, good, rate)))
    check.proves()
