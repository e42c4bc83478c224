"""What the contract rules out is refused, what it allows is accepted, and nothing breaks the server."""

from __future__ import annotations

import pytest

from joinedup.conformance.causes import Causes
from joinedup.conformance.check import Check, blocked, first_of, not_applicable
from joinedup.conformance.dates import Seen, date_suspicion, dates_in
from joinedup.conformance.disclosure import seen
from joinedup.conformance.evidence import confirm
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.features import is_create
from joinedup.conformance.fidelity import Compared, compare, one_name_places, refuses_one_name
from joinedup.conformance.hostility import attack, untyped
from joinedup.conformance.injection import judge as judge_injection
from joinedup.conformance.moments import judge as judge_moments
from joinedup.conformance.narrowing import Allowed
from joinedup.conformance.narrowing import judge as judge_variants
from joinedup.conformance.places import bases, kept_from
from joinedup.conformance.slow_patterns import judge as judge_slowness
from joinedup.conformance.slow_patterns import slow_places
from joinedup.conformance.strictness import Judged, judge
from joinedup.conformance.target import Target


def _is_kept_from(target: Target, check: Check, what: str) -> bool:
    """Whether all that takes input may end a credential; then the check does not apply, and says what is not tested."""
    kept = kept_from(target)
    if kept:
        check.leaves_out(
            f"{what} at {', '.join(kept)}, which may end a credential: only generated requests go there"
        )
        check.ends(not_applicable("only operations that may end a credential take input"))
    return bool(kept)


@pytest.mark.requirement("CON-API-10", "CON-API-12", "SEC-03")
def test_refuses_near_misses(harvested: Target, check: Check) -> None:
    """A value that is wrong in exactly one way is refused, in a request that is otherwise accepted."""
    judged = Judged()
    for base in bases(harvested):
        judge(base, judged)
    check.report(*judged.causes.findings(harvested))
    tried = judged.tried
    check.proves("CON-API-10", "CON-API-12", times=tried)
    check.proves("SEC-03", times=judged.limits)
    check.ends(not_applicable("no limit on length or number could be passed by one"), "SEC-03")
    if not tried and _is_kept_from(harvested, check, "values that are wrong in exactly one way"):
        return
    if not tried:
        unready = f" ({first_of(judged.unready)})" if judged.unready else ""
        check.ends(
            blocked(
                f"not exercised, because no request was accepted beside which a near miss could be judged{unready}"
            )
        )


@pytest.mark.requirement("CON-API-10")
def test_makes_nothing_of_a_body_that_it_does_not_see(harvested: Target, check: Check) -> None:
    """A body without a Content-Type is refused or read, and nothing is made without it."""
    causes, tested = Causes(), 0
    for base in bases(harvested, "POST"):
        if isinstance(base.step.body, dict) and is_create(harvested.contract, base.operation):
            shown, suspicion = untyped(base)
            tested += shown
            if suspicion is not None:
                causes.add(suspicion)
    check.report(*causes.findings(harvested))
    check.proves(times=tested)
    if not tested:
        check.ends(not_applicable("no create gives back what was sent and refuses an empty object"))


@pytest.mark.requirement("CON-API-08")
def test_gives_text_back_as_it_was_sent(harvested: Target, check: Check) -> None:
    """Accents, apostrophes, letters of other alphabets and long names come back as they were sent."""
    compared = Compared()
    for base in bases(harvested, "POST", "PUT", "PATCH"):
        compare(base, compared)
    check.report(*compared.causes.findings(harvested))
    check.proves(times=compared.kept)
    if not compared.kept and not compared.causes:
        unread = first_of(compared.unread)
        check.ends(
            blocked(f"not exercised, because nothing gives back the texts that are sent to {unread}")
            if unread
            else not_applicable("no request that was accepted has a place for a text of any letters")
        )


@pytest.mark.requirement("CON-API-08", "CON-API-11")
def test_takes_people_with_one_name(harvested: Target, check: Check) -> None:
    """A given name that the contract lets a caller leave out may be left out."""
    tried = 0
    for base in bases(harvested, "POST"):
        for place in one_name_places(base):
            tried += 1
            suspicion = refuses_one_name(base, place)
            if suspicion is not None:
                check.report(confirm(harvested, suspicion))
    check.proves(times=tried)
    if not tried:
        check.ends(not_applicable("the contract has no given name that may be left out"))


@pytest.mark.requirement("CON-API-11", "CON-API-12")
def test_takes_what_the_contract_allows(harvested: Target, check: Check) -> None:
    """Another value that the contract allows is accepted, in a request that is otherwise accepted."""
    allowed = Allowed()
    for base in bases(harvested):
        judge_variants(base, allowed)
    check.report(*allowed.causes.findings(harvested))
    check.proves(times=allowed.accepted)
    if not allowed.accepted and not check.findings:
        check.ends(
            not_applicable("no request that was accepted has a place for another value that stands alone")
        )


@pytest.mark.requirement("CON-API-12")
def test_survives_hostile_input(harvested: Target, check: Check) -> None:
    """Nothing that breaks servers breaks this one: NUL, half a character, deep nesting, huge numbers and texts."""
    causes, answered = Causes(), 0
    for base in bases(harvested):
        answered += attack(base, causes)
        for place in slow_places(base):
            if (suspicion := judge_slowness(base, place)) is not None:
                causes.add(suspicion)
    check.report(*causes.findings(harvested))
    check.proves(times=answered)
    if not answered and not causes and _is_kept_from(harvested, check, "hostile input"):
        return
    if not answered and not causes:
        check.ends(
            blocked("not exercised, because no request was accepted that could have carried such input")
        )


@pytest.mark.requirement("SEC-08", "CON-API-12")
def test_treats_characters_as_data(harvested: Target, check: Check) -> None:
    """A quote breaks nothing, and neither a quote nor a wildcard changes what a search finds."""
    causes = Causes()
    tested = sum(judge_injection(base, causes) for base in bases(harvested))
    check.report(*causes.findings(harvested))
    check.proves(times=tested)
    if not tested:
        check.ends(not_applicable("no request that was accepted has a place for a text of any letters"))


@pytest.mark.requirement("CON-API-09")
def test_keeps_moments(harvested: Target, check: Check) -> None:
    """A date-time comes back as the moment that was sent, also in the hours that summer time skips and repeats."""
    compared = Compared()
    for base in bases(harvested, "POST", "PUT", "PATCH"):
        judge_moments(base, compared)
    check.report(*compared.causes.findings(harvested))
    check.proves(times=compared.kept)
    if not compared.kept and not compared.causes:
        check.ends(not_applicable("no date-time that was sent comes back, or none can be sent"))


@pytest.mark.requirement("CON-API-09")
def test_writes_dates_as_rfc_3339(harvested: Target, check: Check) -> None:
    """A date in an answer is year, month and day; a date-time has Z or an offset."""
    wrong: dict[str, list[tuple[Exchange, Seen]]] = {}
    judged = 0
    for exchange in sorted(seen(harvested), key=lambda answer: answer.step.method != "GET"):
        operation = harvested.contract.operation(exchange.step.operation)
        for date in dates_in(harvested.contract, operation, exchange) if operation else ():
            judged += 1
            if date.expected:
                wrong.setdefault(date.expected, []).append((exchange, date))
    causes = Causes()
    for found in wrong.values():
        names = [date.name for _, date in found]
        for exchange, date in found:
            causes.add(date_suspicion(exchange, date, names))
    check.report(*causes.findings(harvested))
    check.proves(times=judged)
    if not judged:
        check.ends(not_applicable("no answer that was seen holds a date"))
