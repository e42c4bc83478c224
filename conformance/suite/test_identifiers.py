"""Numbers that identify people: a slip of a finger is caught, a number of another kind is not taken."""

from __future__ import annotations

import pytest

from joinedup.conformance.check import Check, Ended, blocked, first_of, not_applicable
from joinedup.conformance.evidence import Suspicion, confirm
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.identifier_misses import KINDS, Identified, Kind, answered_as_numbers, holds, judge
from joinedup.conformance.places import bases, caller
from joinedup.conformance.target import Target

NHS, UPN, ULN = KINDS


@pytest.mark.requirement("IDN-01", "IDN-02")
def test_refuses_what_is_nearly_an_nhs_number(harvested: Target, check: Check) -> None:
    """A wrong check digit or length, a letter, or a number of another kind is not taken for an NHS number."""
    _judge(harvested, check, "IDN-01", NHS)


@pytest.mark.requirement("IDN-02", "IDN-01")
def test_refuses_what_is_nearly_a_pupil_or_learner_number(harvested: Target, check: Check) -> None:
    """A wrong check letter or length, or a number of another kind is not taken for a UPN or ULN."""
    _judge(harvested, check, "IDN-02", UPN, ULN)


def _judge(target: Target, check: Check, requirement: str, *kinds: Kind) -> None:
    identified = Identified()
    for base in bases(target):
        judge(base, kinds, identified)
    check.report(*identified.causes.findings(target))
    for judged, times in identified.tried.items():
        check.proves(judged, times=times)
    if identified.silent:
        check.leaves_out(f"not exercised: {first_of(identified.silent, 3)}", requirement)
    if not identified.tried:
        check.ends(_explanation(identified), requirement)
    others = [id for id in check.requirements if id != requirement]
    check.ends(not_applicable("no number of this kind could be put in the place of another"), *others)


def _explanation(identified: Identified) -> Ended:
    if identified.silent:
        return blocked(f"not exercised, because {first_of(identified.silent, 2)}")
    if identified.by_name:
        named = first_of(identified.by_name, 3)
        reason = f"the contract declares neither format nor pattern for {named}, so that nothing is promised"
        return not_applicable(reason)
    return not_applicable("no request that was accepted has a place for such a number")


@pytest.mark.requirement("IDN-01")
def test_answers_nhs_numbers_as_text(harvested: Target, check: Check) -> None:
    """An NHS number is answered as a text of ten digits and not as a number."""
    answers = [e for (_, identity), e in harvested.good.items() if identity == caller(harvested)]
    held = [exchange for exchange in answers if holds(NHS, exchange)]
    for exchange in held:
        pointers = [pointer for pointer, _ in answered_as_numbers(NHS, exchange)]
        if pointers:
            check.report(confirm(harvested, _as_number(exchange, pointers[0])))
            break
    check.proves(times=len(held))
    if not held:
        check.ends(not_applicable("no answer that was seen holds an NHS number"))


def _as_number(exchange: Exchange, pointer: str) -> Suspicion:
    return Suspicion(
        rule="identifier-answered-as-a-number",
        requirements=("IDN-01",),
        title="An NHS number is answered as a number and not as text",
        expected=f"A text of ten digits at {pointer}.",
        actual=f"{exchange.status} with a JSON number there.",
        exchanges=(exchange,),
        expectation=Expectation(text_at=(pointer, "[0-9]{10}")),
        cause="NHS number as a number",
    )
