"""Personal data stays where it belongs: out of addresses, caches, error messages and other people's answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from joinedup.conformance.causes import Causes
from joinedup.conformance.check import Check, not_applicable
from joinedup.conformance.disclosure import (
    holds_personal_data,
    invites_storing,
    leads_away,
    link_suspicion,
    links_in,
    may_be_stored,
    personal_parameters,
    property_suspicion,
    redirect_suspicion,
    secrets_in,
    seen,
    storing_suspicion,
    undeclared,
)
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.operations import Operation
from joinedup.conformance.refusals import provoke
from joinedup.conformance.target import Target


def _successes(target: Target) -> Iterator[tuple[Operation, Exchange]]:
    """Answers that succeeded, those that only read first: they are the simplest to see again."""
    found = [e for e in seen(target) if e.ok]
    for exchange in sorted(found, key=lambda e: e.step.method != "GET"):
        operation = target.contract.operation(exchange.step.operation)
        if operation is not None:
            yield operation, exchange


@pytest.mark.requirement("PRV-01")
def test_returns_no_link_with_personal_data(harvested: Target, check: Check) -> None:
    """No link in any answer carries personal data in its query."""
    causes, judged = Causes(), 0
    for exchange in seen(harvested):
        for address in links_in(exchange):
            judged += 1
            if names := personal_parameters(address):
                causes.add(link_suspicion(exchange, names))
    check.report(*causes.findings(harvested))
    check.proves(times=judged)
    if not judged:
        check.ends(not_applicable("no answer that was seen has a link"))


@pytest.mark.requirement("PRV-03")
def test_forbids_storing_personal_data(harvested: Target, check: Check) -> None:
    """Answers with personal data, and refusals of operations on it, may not be stored on the way."""
    provoke(harvested)
    causes, personal = Causes(), set()
    for operation, exchange in _successes(harvested):
        if holds_personal_data(operation, exchange.json()):
            personal.add(operation.path)
            if may_be_stored(exchange):
                causes.add(storing_suspicion(exchange, refusal=False))
            check.proves()
    for exchange in seen(harvested):
        called = harvested.contract.operation(exchange.step.operation)
        if called is not None and called.path in personal and exchange.status >= 400:
            check.proves()
            holds = holds_personal_data(called, exchange.json()) and may_be_stored(exchange)
            if holds or invites_storing(exchange):
                causes.add(storing_suspicion(exchange, refusal=True))
    check.report(*causes.findings(harvested))
    if not personal:
        check.ends(not_applicable("no answer that was seen has a property that by its name is personal"))


@pytest.mark.requirement("PRV-05")
def test_redirects_nowhere_else(harvested: Target, check: Check) -> None:
    """No request is redirected to another origin or to plain HTTP."""
    provoke(harvested)
    causes, answers = Causes(), seen(harvested)
    for exchange in answers:
        if where := leads_away(harvested.client.base_url, exchange):
            causes.add(redirect_suspicion(exchange, where))
    check.report(*causes.findings(harvested))
    check.proves(times=len(answers))


@pytest.mark.requirement("SEC-02")
def test_answers_nothing_personal_that_is_undeclared(harvested: Target, check: Check) -> None:
    """Answers hold no personal data that the contract does not declare, nothing write-only, and no secret."""
    causes, judged = Causes(), 0
    for operation, exchange in _successes(harvested):
        judged += 1
        for pointer, why in undeclared(harvested.contract, operation, exchange):
            causes.add(property_suspicion(exchange, pointer, why))
        if operation.method == "GET":
            for pointer in secrets_in(exchange.json()):
                causes.add(property_suspicion(exchange, pointer, "which by its name is a secret"))
    check.report(*causes.findings(harvested))
    check.proves(times=judged)
