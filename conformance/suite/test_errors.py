"""Refusals help the caller and give nothing away; every request can be followed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joinedup.conformance.causes import Causes
from joinedup.conformance.check import Check, blocked, not_applicable
from joinedup.conformance.disclosure import ORIGIN, leak_suspicion, leaks, lets_any_site_read, seen
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.places import bases, caller
from joinedup.conformance.problem_documents import declares_problem, faults_of
from joinedup.conformance.refusals import (
    echo_suspicion,
    nameless_suspicion,
    provoke,
    refused_values,
    repeats,
    stale_suspicions,
)
from joinedup.conformance.target import Target
from joinedup.conformance.tracing import Traced, judge_tracing


@pytest.mark.requirement("ERR-02", "PRV-04")
def test_refusals_name_the_field_and_not_its_value(harvested: Target, check: Check) -> None:
    """A value that is refused is not repeated, and the field that held it is named."""
    causes, judged, personal = Causes(), 0, 0
    for refused in refused_values(harvested):
        judged += 1
        personal += refused.is_personal
        if repeats(refused):
            causes.add(echo_suspicion(refused))
        if (suspicion := nameless_suspicion(refused)) is not None:
            causes.add(suspicion)
    for base in bases(harvested, "PUT", "PATCH"):
        for stored in stale_suspicions(base):
            personal += 1
            if stored is not None:
                causes.add(stored)
    check.report(*causes.findings(harvested))
    check.proves("ERR-02", times=judged)
    check.proves("PRV-04", times=personal)
    check.leaves_out(
        "values that are stored, in errors that no refused value and no stale change brings about", "PRV-04"
    )
    if not judged:
        check.ends(blocked("not exercised, because no value was refused with 400 or 422"), "ERR-02")
    if not personal:
        check.ends(
            not_applicable("no request takes a value that by its name is personal and is refused"), "PRV-04"
        )


@pytest.mark.requirement("SEC-07")
def test_gives_nothing_away(harvested: Target, check: Check) -> None:
    """No answer shows a stack trace, a query, a path within the system or a version, and no other web site may read."""
    provoke(harvested)
    causes, answers = Causes(), seen(harvested)
    for exchange in answers:
        for leak, header in leaks(exchange):
            causes.add(leak_suspicion(exchange, leak, header))
    for exchange in _readings_from_elsewhere(harvested):
        if lets_any_site_read(exchange):
            causes.add(_any_site_suspicion(exchange))
    check.report(*causes.findings(harvested))
    check.proves(times=len(answers))


def _readings_from_elsewhere(target: Target) -> list[Exchange]:
    """One reading, as a page of another web site would ask for it."""
    readable = [
        op for op in target.operations if op.method == "GET" and (op.label, caller(target)) in target.good
    ]
    goods = [target.good[op.label, caller(target)].step for op in readable[:2]]
    return [target.client.send(replace(step, headers={**step.headers, "Origin": ORIGIN})) for step in goods]


def _any_site_suspicion(exchange: Exchange) -> Suspicion:
    return Suspicion(
        rule="any-site-may-read",
        requirements=("SEC-07",),
        title="Any web site may read answers in the name of whoever visits it",
        expected="No Access-Control-Allow-Credentials, or an Access-Control-Allow-Origin of agreed origins only.",
        actual=f"{exchange.status} with credentials allowed for the origin {ORIGIN}, which nobody agreed.",
        exchanges=(exchange,),
        expectation=Expectation(header_unlike=("Access-Control-Allow-Credentials", "(?i)true")),
        cause="cross-origin",
    )


@pytest.mark.requirement("ERR-01")
def test_errors_are_problem_documents(harvested: Target, check: Check) -> None:
    """Where the contract declares a problem document, a refusal is a well-formed one and states its own status."""
    provoke(harvested)
    causes, judged = Causes(), 0
    for exchange in seen(harvested):
        operation = harvested.contract.operation(exchange.step.operation)
        if operation is not None and exchange.status >= 400 and declares_problem(operation, exchange.status):
            judged += 1
            for suspicion in faults_of(exchange):
                causes.add(suspicion)
    check.report(*causes.findings(harvested))
    check.proves(times=judged)
    if not judged:
        check.ends(
            not_applicable("no refusal was seen for which the contract declares application/problem+json")
        )


@pytest.mark.requirement("OBS-01", "CON-API-12")
def test_gives_request_ids_back(harvested: Target, check: Check) -> None:
    """A request, correlation or trace id comes back as it was sent, and a malformed one does no harm."""
    traced = Traced()
    for base in bases(harvested):
        judge_tracing(base, traced)
    check.report(*traced.causes.findings(harvested))
    check.proves("OBS-01", times=traced.judged)
    check.proves("CON-API-12", times=traced.harmless)
    if traced.undeclared:
        check.leaves_out("headers that the contract declares for requests and not for answers", "OBS-01")
    if not traced.judged:
        check.ends(
            not_applicable("no answer declares the request, correlation or trace header of its request")
        )
