"""An answer is held against its contract: status, body and every header."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from joinedup.mocks import social_care
from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import breach, compiled
from joinedup.mocks.messages import PROBLEM, Answer
from joinedup.mocks.operations import LONGEST_REMEMBERED, REMEMBERED, ReadAgain
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.social_care import FIRST_CHILD
from joinedup.mocks.store import new_id

OPERATIONS = {o.id: o for route in compiled("social-care", frozenset()) for o in route.operations.values()}
ID = "7d0c2f5e-1b8e-4a8e-9d53-1f1d5f0a9c01"
HEAD = (("X-Request-ID", ID), ("Cache-Control", "no-store"))
RETRY = (*HEAD, ("Retry-After", "30"))
BUSY = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "Still under way."}
BUSY |= {"instance": f"urn:uuid:{ID}"}


def status(**changes: Any) -> Answer:
    """The answer of getStatus, changed."""
    return Answer(**{"status": 200, "body": {"status": "available"}, "headers": HEAD, **changes})


def limited(*headers: tuple[str, str]) -> Answer:
    """A refusal whose Retry-After is a number."""
    return Answer(409, BUSY, headers, PROBLEM)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(), ""),
        (status(headers=tuple((name.upper(), value) for name, value in HEAD)), ""),
        (status(headers=(*HEAD, ("X-Undeclared", "1"))), ""),
        (status(status=418), "status 418 is not declared"),
        (status(media_type="text/plain"), "status 200 with text/plain is not declared"),
        (status(body=None), "status 200: body /: type"),
        (status(body={"status": "so so"}), "status 200: body /status: enum"),
        (status(headers=HEAD[1:]), "status 200: header X-Request-ID is missing"),
        (
            status(headers=(("X-Request-ID", "1"), HEAD[1])),
            "status 200: header X-Request-ID is not as declared",
        ),
    ],
)
def test_what_breaks_the_contract_is_said(answer: Answer, said: str) -> None:
    """In one sentence, whatever part of the answer it is; names of headers may be in any case."""
    assert breach(OPERATIONS["getStatus"], answer) == said


@pytest.mark.parametrize(
    ("answer", "is_good"), [(limited(*RETRY), True), (limited(*HEAD, ("Retry-After", "-1")), False)]
)
def test_a_header_that_is_a_number_is_read_as_one(answer: Answer, is_good: bool) -> None:
    """Retry-After is declared as an integer, and comes as text."""
    assert (breach(OPERATIONS["raiseContact"], answer) == "") is is_good


def test_new_ids_are_random_uuids() -> None:
    """Version 4, as the standard library makes them of the same bits (RFC 9562, 5.4)."""
    ours, theirs = random.Random(1), random.Random(1)
    for _ in range(50):
        assert new_id(ours) == str(uuid.UUID(int=theirs.getrandbits(128), version=4))


@pytest.mark.parametrize("hours", [None, 0, 1, -5])
def test_a_time_is_written_in_utc_to_the_second(hours: int | None) -> None:
    """From whatever offset it was read."""
    zone = UTC if hours is None else timezone(timedelta(hours=hours))
    moment = datetime(2026, 3, 29, 1, 30, 0, 999_999, UTC).astimezone(zone)
    assert stamp(moment) == "2026-03-29T01:30:00Z"


CHILD = social_care.AGENCY.fresh(1).children.find(FIRST_CHILD, COUNCILS[0])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, ""),
        ({"body": {**CHILD, "restricted": 0}}, "body /restricted: type"),
        ({"body": {**CHILD, "version": 1.5}}, "body /version: type"),
        ({"body": {**CHILD, "nhsNumber": "9990001007"}}, "body /nhsNumber: format"),
        ({"headers": (*HEAD, ("ETag", "none"))}, "header ETag is not as declared"),
    ],
)
def test_what_was_found_good_once_hides_nothing_that_is_not(change: dict[str, Any], found: str) -> None:
    """Where a body is remembered as good, one that Python holds equal to it is looked at, and so is every header."""
    good: dict[str, Any] = {"status": 200, "body": CHILD, "headers": (*HEAD, ("ETag", '"1"'))}
    assert breach(OPERATIONS["getChild"], Answer(**good)) == ""
    for _ in range(2):
        said = breach(OPERATIONS["getChild"], Answer(**{**good, **change}))
        assert said == (f"status 200: {found}" if found else "")


def test_no_more_bodies_are_remembered_than_there_is_room_for() -> None:
    """However many records are read, few are remembered, and a long one never."""
    form = ReadAgain(Draft202012Validator(True), Draft202012Validator({"type": "string"}))
    known = form.known
    for number in range(3 * REMEMBERED):
        assert form(Answer(200, str(number)))
        assert b'"%d"' % number in known
        assert len(known) <= REMEMBERED
    assert form(Answer(200, "x" * LONGEST_REMEMBERED))
    assert max(map(len, known)) < LONGEST_REMEMBERED
