"""Sequences: what is saved, changed and deleted, said in header fields, sent twice, or done at the same time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import httpx
import msgspec
import pytest
from judged import Judge, found, harvested, outcome_of

from joinedup.conformance import concurrency, repetition
from joinedup.conformance.configuration import Limits
from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_sequences as suite

STYLES = ("cursor", "offset", "link")
REPEATED = partial(suite.test_happens_once, attempt=repetition.repeated)
ANOTHER_BODY = partial(suite.test_happens_once, attempt=repetition.another_body)
IN_FLIGHT = partial(suite.test_happens_once, attempt=repetition.in_flight)
STALE = partial(suite.test_keeps_two_writers_apart, attempt=concurrency.stale)
UNCONDITIONAL = partial(suite.test_keeps_two_writers_apart, attempt=concurrency.unconditional)
TOGETHER = partial(suite.test_keeps_two_writers_apart, attempt=concurrency.together)
DELETION = partial(suite.test_keeps_two_writers_apart, attempt=concurrency.deletion)
CHECKS: tuple[tuple[Judge, tuple[str, ...]], ...] = (
    (suite.test_gives_back_what_was_created, ("CON-API-13",)),
    (suite.test_lists_what_was_created, ("CON-API-13",)),
    (suite.test_keeps_changes, ("CON-API-13",)),
    (suite.test_forgets_what_was_deleted, ("CON-API-13", "CON-API-12")),
    (suite.test_says_where_a_new_object_is, ("CON-API-14",)),
    (suite.test_says_how_to_get_in, ("CON-API-14",)),
    (suite.test_marks_each_state_of_an_object, ("CON-API-14", "CCY-01")),
    (suite.test_refuses_methods_that_are_not_declared, ("CON-API-04",)),
    (suite.test_takes_no_method_in_disguise, ("CON-API-04",)),
    (suite.test_says_which_methods_are_allowed, ("CON-API-14",)),
    *((judge, ("IDM-01", "CON-API-12")) for judge in (REPEATED, ANOTHER_BODY, IN_FLIGHT)),
    *((judge, ("CCY-01",)) for judge in (STALE, UNCONDITIONAL, TOGETHER, DELETION)),
)


@pytest.mark.parametrize("style", STYLES)
def test_is_silent_on_a_clean_service_and_says_that_it_looked(style: str) -> None:
    """On a service that keeps its promises every check passes, and none is left out."""
    with harvested(style) as target:
        checks = [outcome_of(judge, target, *requirements) for judge, requirements in CHECKS]
    assert [finding.title for check in checks for finding in check.findings] == []
    assert {result.outcome for check in checks for result in check.results()} == {Outcome.PASS}


@pytest.mark.parametrize("style", ["cursor", "offset"])
@pytest.mark.parametrize(
    ("defect", "judge", "broken"),
    [
        ("new-referral-cannot-be-read", suite.test_gives_back_what_was_created, {"CON-API-13"}),
        ("list-leaves-out-new-referrals", suite.test_lists_what_was_created, {"CON-API-13"}),
        ("change-lost", suite.test_keeps_changes, {"CON-API-13"}),
        ("deleted-referral-still-readable", suite.test_forgets_what_was_deleted, {"CON-API-13"}),
        ("deleted-referral-still-listed", suite.test_forgets_what_was_deleted, {"CON-API-13"}),
        ("second-delete-crashes", suite.test_forgets_what_was_deleted, {"CON-API-12"}),
        ("location-leads-nowhere", suite.test_says_where_a_new_object_is, {"CON-API-14"}),
        ("location-leads-to-another-referral", suite.test_says_where_a_new_object_is, {"CON-API-14"}),
        ("no-challenge-with-401", suite.test_says_how_to_get_in, {"CON-API-14"}),
        ("etag-unchanged-after-change", suite.test_marks_each_state_of_an_object, {"CON-API-14", "CCY-01"}),
        ("allow-missing", suite.test_says_which_methods_are_allowed, {"CON-API-14"}),
        ("allow-names-methods-that-are-refused", suite.test_says_which_methods_are_allowed, {"CON-API-14"}),
        ("unlisted-method-answers-data", suite.test_refuses_methods_that_are_not_declared, {"CON-API-04"}),
        ("reading-can-be-turned-into-deleting", suite.test_takes_no_method_in_disguise, {"CON-API-04"}),
        ("reading-can-be-turned-into-changing", suite.test_takes_no_method_in_disguise, {"CON-API-04"}),
        ("replay-creates-twice", REPEATED, {"IDM-01"}),
        ("replay-answers-differently", REPEATED, {"IDM-01"}),
        ("key-taken-for-another-body", ANOTHER_BODY, {"IDM-01"}),
        ("used-key-crashes", ANOTHER_BODY, {"CON-API-12"}),
        ("repetition-while-under-way-crashes", IN_FLIGHT, {"CON-API-12"}),
        ("stale-change-accepted", STALE, {"CCY-01"}),
        ("stale-delete-accepted", DELETION, {"CCY-01"}),
        ("change-without-condition-accepted", UNCONDITIONAL, {"CCY-01"}),
    ],
)
def test_finds_what_is_not_kept(style: str, defect: str, judge: Judge, broken: set[str]) -> None:
    """A promise that is broken is found, confirmed and under its requirement."""
    with harvested(style, defect) as target:
        check = outcome_of(
            judge, target, "CON-API-04", "CON-API-12", "CON-API-13", "CON-API-14", "CCY-01", "IDM-01"
        )
    assert found(check) == broken


@pytest.mark.parametrize(
    ("defect", "judge", "reason"),
    [
        ("new-referral-cannot-be-read", suite.test_lists_what_was_created, "so that a list proves nothing"),
        ("etag-missing-when-read", STALE, "nothing can be put in If-Match"),
        ("etag-unchanged-after-change", STALE, "no tag is ever stale"),
        ("change-lost", STALE, "is not there when the object is read"),
        ("stale-change-accepted", TOGETHER, "takes a stale tag also from one writer at a time"),
        ("replay-creates-twice", IN_FLIGHT, "carries out a plain repetition twice"),
    ],
)
def test_says_why_it_could_not_look(defect: str, judge: Judge, reason: str) -> None:
    """Where the control of a rule fails, the rule is not exercised and says why, and no second finding comes of it."""
    with harvested("link", defect) as target:
        check = outcome_of(judge, target, "CON-API-13", "IDM-01")
    blocked = [result.reason for result in check.results() if result.outcome is Outcome.BLOCKED]
    assert check.findings == []
    assert reason in " ".join(blocked)


@pytest.mark.parametrize("defect", ["change-lost", "deleted-referral-still-listed", "replay-creates-twice"])
def test_shows_it_with_steps_that_hold_no_value_of_the_system(defect: str) -> None:
    """What a finding compares an answer with is fetched again, and no identifier of the system is written down."""
    judges = (suite.test_keeps_changes, suite.test_forgets_what_was_deleted, REPEATED)
    with harvested("cursor", defect) as target:
        checks = [outcome_of(judge, target, "CON-API-13", "CON-API-12", "IDM-01") for judge in judges]
        made = [str(exchange.json()["id"]) for exchange in target.made if "id" in (exchange.json() or {})]
    steps = str([finding.steps for check in checks for finding in check.findings])
    assert "expect" in steps
    assert [identifier for identifier in made if identifier in steps] == []


def test_deletes_and_probes_nothing_unless_it_may() -> None:
    """Without leave to destroy, no DELETE and no undeclared PUT or PATCH is sent, also not in disguise."""
    sent: list[str] = []
    with harvested("cursor") as target:
        target.configuration = msgspec.structs.replace(target.configuration, limits=Limits(destructive=False))
        target.__dict__.pop("operations", None)
        target.write = lambda event, **fields: sent.append(str(fields["method"]))
        for judge in (
            suite.test_refuses_methods_that_are_not_declared,
            suite.test_takes_no_method_in_disguise,
            suite.test_forgets_what_was_deleted,
        ):
            outcome_of(judge, target, "CON-API-04", "CON-API-13", "CON-API-12")
    assert set(sent) == {"GET", "TRACE", "POST"}


@pytest.mark.parametrize(
    ("headers", "broken"),
    [
        ({"Deprecation": "@1688169599"}, set()),
        ({"Deprecation": "@1688169599", "Sunset": "Sat, 01 Jul 2023 00:00:00 GMT"}, set()),
        ({"Deprecation": "@1688169599", "Sunset": "Wed, 01 Jan 2020 00:00:00 GMT"}, {"VER-04"}),
        ({"Deprecation": "true"}, {"VER-04"}),
        ({}, {"VER-04"}),
    ],
)
def test_reads_what_a_deprecated_operation_says(
    headers: dict[str, str], broken: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deprecated operation says since when in the form of RFC 9745, and its Sunset is not earlier."""
    with harvested("cursor") as target:
        status = next(op for op in target.operations if op.path == "/v1/status")
        monkeypatch.setattr(type(target), "operations", (replace(status, deprecated=True),))
        monkeypatch.setattr(target.client, "send", _always(200, headers))
        check = outcome_of(suite.test_says_what_is_going, target, "VER-04")
    assert found(check) == broken


def _always(status: int, headers: dict[str, str]) -> Callable[[Step], Exchange]:
    return lambda step: Exchange(step, Response(status, httpx.Headers(headers), b"{}"))


@pytest.mark.parametrize(
    ("value", "broken"),
    [
        ("120", set()),
        ("Fri, 31 Dec 2027 23:59:59 GMT", set()),
        ("soon", {"CON-API-14"}),
        ("1.5", {"CON-API-14"}),
        ("2027-12-31T23:59:59Z", {"CON-API-14"}),
    ],
)
def test_reads_when_to_come_back(value: str, broken: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry-After is a whole number of seconds or a date as HTTP writes it."""
    hasty = _always(429, {"Retry-After": value})
    with harvested("cursor") as target:
        monkeypatch.setattr(target.client, "send", hasty)
        target.observe(hasty(Step("GET", "/v1/status", identity=None, operation="GET /v1/status")))
        check = outcome_of(suite.test_says_when_to_come_back, target, "CON-API-14")
    assert found(check) == broken


@pytest.mark.parametrize(
    ("name", "description", "key"),
    [
        ("Idempotency-Key", "", "Idempotency-Key"),
        ("X-Request-ID", "Used to de-duplicate repeated requests and to trace them.", "X-Request-ID"),
        ("X-Request-ID", "For tracing.", ""),
        ("X-Correlation-ID", "The same value is echoed.", ""),
    ],
)
def test_takes_for_a_key_only_what_says_so(name: str, description: str, key: str) -> None:
    """A request id that only traces is no promise that a repetition happens once."""
    with harvested("cursor") as target:
        create = next(op for op in target.operations if op.label == "POST /v1/referrals")
        parameter = next(p for p in create.parameters if p.location == "header")
        target.contract.resolve({"$ref": parameter.pointer})["description"] = description
        renamed = replace(create, parameters=(replace(parameter, name=name),))
        assert repetition.key_of(target, renamed) == key
