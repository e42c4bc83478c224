"""What is done stays done, is said truly, happens once, and is not undone unnoticed."""

from collections.abc import Callable, Iterable
from functools import partial

import pytest

from joinedup.conformance import concurrency, header_fields, lifecycle, methods, repetition
from joinedup.conformance.check import Check, blocked, not_applicable
from joinedup.conformance.disguise import MEANT
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.features import is_create
from joinedup.conformance.objects import (
    Subject,
    creates_of,
    existing_subjects,
    fresh_subject,
    item_operations,
    same,
)
from joinedup.conformance.operations import Operation
from joinedup.conformance.sequences import Tried, conclude, run
from joinedup.conformance.target import OWN, Target

MOST_KINDS = 2


def _creates(target: Target, tried: Tried, *methods: str) -> list[Operation]:
    """The creates whose objects have operations of these methods; those that never succeeded are noted."""
    for operation in target.operations:
        if is_create(target.contract, operation) and (operation.label, OWN) not in target.good:
            tried.lacks(f"{operation.label} never succeeded")
    return [c for c in creates_of(target) if set(methods) <= set(item_operations(target, c))]


def _made_at_once(target: Target, tried: Tried) -> list[Operation]:
    """Those whose objects can be read, without those that answer 202: what these make may come at any time."""
    return [c for c in _creates(target, tried, "GET") if target.good[(c.label, OWN)].status != 202]


def _changeable(target: Target, tried: Tried) -> list[Callable[[], Subject | None]]:
    """What gives objects that can be read and changed: made anew where they can be, else those that were there."""
    makers = [
        partial(fresh_subject, target, create)
        for create in _creates(target, tried, "GET")
        if {"PUT", "PATCH"} & set(item_operations(target, create))
    ]
    there = [partial(same, subject) for subject in existing_subjects(target) if subject.change]
    return [*makers, *there]


def _report_each(
    target: Target,
    check: Check,
    tried: Tried,
    attempt: Callable[..., Iterable[Suspicion]],
    subjects: Iterable[object],
) -> None:
    """Do a sequence with each of some creates, or of what gives objects to change, and report what looked wrong."""
    for subject in subjects:
        check.report(*run(target, partial(attempt, target, subject), tried))


@pytest.mark.requirement("CON-API-13")
def test_gives_back_what_was_created(harvested: Target, check: Check) -> None:
    """What was created can be read."""
    tried = Tried()
    _report_each(harvested, check, tried, lifecycle.created_is_read, _made_at_once(harvested, tried))
    conclude(check, tried, not_applicable("nothing is made at once that can be read on its own"))


@pytest.mark.requirement("CON-API-13")
def test_lists_what_was_created(harvested: Target, check: Check) -> None:
    """What was created is in the list that it was created in."""
    tried = Tried()
    _report_each(harvested, check, tried, lifecycle.created_is_listed, _made_at_once(harvested, tried))
    conclude(
        check, tried, not_applicable("nothing is made at once at the address of a list that can be read")
    )


@pytest.mark.requirement("CON-API-13")
def test_keeps_changes(harvested: Target, check: Check) -> None:
    """What was changed reads as changed."""
    tried = Tried()
    _report_each(harvested, check, tried, lifecycle.change_is_read, _changeable(harvested, tried))
    conclude(check, tried, not_applicable("the contract has no object that can be read and changed"))


@pytest.mark.requirement("CON-API-13", "CON-API-12")
def test_forgets_what_was_deleted(harvested: Target, check: Check) -> None:
    """What was deleted is gone, and deleting it again does no harm."""
    tried = Tried()
    _report_each(
        harvested, check, tried, lifecycle.deleted_is_gone, _creates(harvested, tried, "GET", "DELETE")
    )
    conclude(check, tried, not_applicable("nothing that can be made here may be deleted"))


@pytest.mark.requirement("IDM-01", "CON-API-12")
@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(repetition.repeated, id="repeated"),
        pytest.param(repetition.another_body, id="another-body"),
        pytest.param(repetition.in_flight, id="in-flight"),
    ],
)
def test_happens_once(harvested: Target, check: Check, attempt: repetition.Attempt) -> None:
    """A create with a key happens once, however often it is sent, and its key is good for no other."""
    tried = Tried()
    _report_each(harvested, check, tried, attempt, repetition.repeatable(harvested, tried))
    keyless = not_applicable("no create has a header whose name or description makes it a key")
    conclude(check, tried, keyless, "IDM-01")
    check.proves("CON-API-12", times=tried.proved)
    check.ends(not_applicable("no request was sent twice with one key"), "CON-API-12")


@pytest.mark.requirement("CCY-01")
@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(concurrency.stale, id="stale"),
        pytest.param(concurrency.unconditional, id="unconditional"),
        pytest.param(concurrency.together, id="together"),
        pytest.param(concurrency.deletion, id="deletion"),
    ],
)
def test_keeps_two_writers_apart(harvested: Target, check: Check, attempt: concurrency.Attempt) -> None:
    """A change is taken only on the reading that it was made on."""
    tried = Tried()
    _report_each(harvested, check, tried, attempt, _changeable(harvested, tried))
    conclude(check, tried, not_applicable("nothing that could be changed here takes If-Match in this way"))


@pytest.mark.requirement("CON-API-14")
def test_says_where_a_new_object_is(harvested: Target, check: Check) -> None:
    """Location leads to the object that was made."""
    tried = Tried()
    _report_each(
        harvested, check, tried, header_fields.location_leads_to_it, _creates(harvested, tried, "GET")
    )
    conclude(
        check, tried, not_applicable("no create whose object can be read gives a Location of this system")
    )


@pytest.mark.requirement("CON-API-14")
def test_says_how_to_get_in(harvested: Target, check: Check) -> None:
    """Every 401 has WWW-Authenticate."""
    tried = Tried()
    check.report(*run(harvested, partial(header_fields.challenges, harvested), tried))
    conclude(check, tried, not_applicable("no request without a credential is refused with 401"))


@pytest.mark.requirement("CON-API-14", "CCY-01")
def test_marks_each_state_of_an_object(harvested: Target, check: Check) -> None:
    """An ETag changes when its object does, and only then."""
    tried = Tried()
    _report_each(harvested, check, tried, header_fields.etag_follows_object, _changeable(harvested, tried))
    conclude(check, tried, not_applicable("no object that can be changed here has an ETag"))


@pytest.mark.requirement("CON-API-14")
def test_says_when_to_come_back(harvested: Target, check: Check) -> None:
    """Retry-After is a number of seconds or a date."""
    tried = Tried()
    check.report(*run(harvested, partial(header_fields.retry_times, harvested), tried))
    if not tried.proved and not check.findings:
        check.leaves_out("Retry-After, where no request of the run was refused with 429 or 503 and given one")
    conclude(check, tried, not_applicable("no answer of the run had a Retry-After"))


@pytest.mark.requirement("VER-04")
def test_says_what_is_going(harvested: Target, check: Check) -> None:
    """A deprecated operation says since when, and does not go before that."""
    tried = Tried()
    _report_each(harvested, check, tried, header_fields.deprecation, header_fields.deprecated(harvested))
    conclude(check, tried, not_applicable("no operation is marked as deprecated"))


@pytest.mark.requirement("CON-API-04")
def test_refuses_methods_that_are_not_declared(harvested: Target, check: Check) -> None:
    """A method that the contract does not declare for a path is not answered with success."""
    tried = Tried()
    if not harvested.destructive:
        check.leaves_out(
            "PUT, POST, PATCH and DELETE where they are not declared, which need limits.destructive"
        )
    check.report(*run(harvested, partial(methods.undeclared_methods, harvested), tried))
    conclude(check, tried, blocked("no path has a method that the contract leaves out and that may be sent"))


@pytest.mark.requirement("CON-API-04")
def test_takes_no_method_in_disguise(harvested: Target, check: Check) -> None:
    """No header or parameter turns a request into a change or a deletion."""
    tried = Tried()
    if not harvested.destructive:
        check.leaves_out("methods in disguise, which need limits.destructive")
    elif not methods.declares_override(harvested):
        for create in _creates(harvested, tried, "GET")[:MOST_KINDS]:
            for meant in MEANT:
                check.report(*run(harvested, partial(methods.disguised, harvested, create, meant), tried))
    conclude(
        check, tried, not_applicable("nothing that can be made and read here could be changed in disguise")
    )


@pytest.mark.requirement("CON-API-14")
def test_says_which_methods_are_allowed(harvested: Target, check: Check) -> None:
    """A 405 has an Allow header, and it is right."""
    tried = Tried()
    check.report(*methods.allow_is_true(harvested, tried))
    conclude(check, tried, not_applicable("no request of the run was refused with 405"))
