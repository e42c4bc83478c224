"""
How each defect in answers, input, state, headers and refusals is seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime

import httpx

from service.session import ANOTHER_ID, Session
from service.sighting import MINE, Question, Sighting, child, new, raw, spelt, taken

EMOJI = "\U0001f600"


def _name_kept(name: str) -> Question:
    def ask(session: Session) -> object:
        made = session.made(child={"familyName": name})
        return session.body(session.read(made))["child"]["familyName"]

    return ask


def _crashes(question: Callable[[Session], httpx.Response]) -> Question:
    return lambda session: question(session).status_code == 500


def _untyped(session: Session) -> httpx.Response:
    """The answer to a good body that has no Content-Type."""
    return session.call("POST", "/v1/referrals", content=json.dumps(spelt(session)).encode())


def _deep(session: Session) -> httpx.Response:
    return raw(session, b'{"a":' + b"[" * 40 + b"]" * 40 + b"}")


def _bad_value(session: Session) -> httpx.Response:
    return session.create(child={"dateOfBirth": "tomorrow-or-so"})


def _young_carer(session: Session) -> object:
    made = session.made(primaryNeed="young-carer")
    return session.read(made).json()["urgency"]


def _changed_reads_back(session: Session) -> object:
    made = session.made()
    session.change(made, summary="Changed.")
    return session.read(made).json()["summary"]


def _after_delete(session: Session) -> tuple[str, bool]:
    made = session.made()
    assert session.delete(made).status_code == 204
    return made, session.read(made).is_success


def _still_listed(session: Session) -> object:
    made, _ = _after_delete(session)
    return made in session.walk(50)


def _location(session: Session) -> object:
    created = session.create()
    there = session.call("GET", created.headers["Location"])
    return there.status_code, there.is_success and there.json()["id"] == created.json()["id"]


def _refused_method(session: Session) -> httpx.Response:
    return session.call("PUT", "/v1/practitioners")


def _allow_is_true(session: Session) -> object:
    allowed = _refused_method(session).headers["Allow"].split(", ")
    return all(session.call(method, "/v1/practitioners").status_code != 405 for method in allowed)


def _tag_changes(session: Session) -> object:
    created = session.create()
    changed = session.change(created.json()["id"], tag=created.headers["ETag"], summary="Changed.")
    return changed.headers["ETag"] != created.headers["ETag"]


def _header(name: str, question: Callable[[Session], httpx.Response]) -> Question:
    return lambda session: question(session).headers.get(name)


def _echo(session: Session) -> object:
    name = session.style.correlation_header
    return session.call("GET", "/v1/referrals", headers={name: "sent-by-the-test"}).headers[name]


def _observed(text: str) -> Question:
    """Whether a time of observation comes back as the moment that it was."""

    def question(session: Session) -> object:
        answer = session.create(observedAt=text)
        came = session.body(answer)["observedAt"]
        return _moment(came) == _moment(text)

    return question


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00"))


def _errors_have(text: str, question: Callable[[Session], httpx.Response]) -> Question:
    return lambda session: text in question(session).text


def _status_in_problem(session: Session) -> object:
    return session.read(ANOTHER_ID).json()["status"]


def _nurses_needed(session: Session) -> object:
    return session.call("GET", "/v1/practitioners").is_success


def _moment_ends(session: Session) -> object:
    return bool(re.search(r"(Z|[+-]\d\d:\d\d)$", session.body(session.read(MINE))["createdAt"]))


def _null_name(session: Session) -> object:
    new = session.new()
    return taken(
        session.call("POST", "/v1/referrals", json={**new, "child": {**new["child"], "givenName": None}})
    )


def _wrong_json(session: Session) -> httpx.Response:
    return raw(session, b'{"child": ')


ANSWERS: dict[str, Sighting] = {
    # Answers
    "new-note-answered-with-202": Sighting(lambda s: s.note(MINE).status_code, 201, 202),
    "urgency-of-young-carers-as-text": Sighting(_young_carer, 2, "2"),
    "organisation-missing-when-read": Sighting(lambda s: "organisation" in s.read(MINE).json(), True, False),
    "search-answers-as-html": Sighting(
        _header("Content-Type", lambda s: s.search(familyName="Testa")), "application/json", "text/html"
    ),
    "etag-missing-when-read": Sighting(lambda s: "ETag" in s.read(MINE).headers, True, False),
    "unlisted-method-answers-data": Sighting(
        lambda s: s.call("PUT", "/v1/practitioners", params={"role": "school-nurse"}).status_code, 405, 200
    ),
    "accents-lost-in-names": Sighting(_name_kept("Siân"), "Siân", "Sian"),
    "apostrophes-lost-in-names": Sighting(_name_kept("O'Neill"), "O'Neill", "ONeill"),
    "apostrophes-turned-into-markup": Sighting(_name_kept("O'Neill"), "O'Neill", "O&#39;Neill"),
    "long-names-cut-short": Sighting(_name_kept("x" * 50), "x" * 50, "x" * 35),
    "people-with-one-name-refused": Sighting(child(givenName=None), True, False),
    "creation-time-without-offset": Sighting(_moment_ends, True, False),
    # Wrong input taken
    "overlong-summary-accepted": Sighting(new(summary="x" * 501), False, True),
    "overlong-note-accepted": Sighting(lambda s: taken(s.note(MINE, text="x" * 2001)), False, True),
    "urgency-past-its-bound-accepted": Sighting(new(urgency=6), False, True),
    "unknown-need-accepted": Sighting(new(primaryNeed="weather"), False, True),
    "unknown-properties-accepted": Sighting(new(colour="red"), False, True),
    "urgency-of-nothing-accepted": Sighting(new(urgency=0), False, True),
    "urgency-as-text-accepted": Sighting(new(urgency="high"), False, True),
    "empty-summary-accepted": Sighting(new(summary=""), False, True),
    "null-accepted-for-a-name": Sighting(_null_name, False, True),
    "malformed-postcode-accepted": Sighting(child(postcode="nowhere"), False, True),
    "observation-without-offset-accepted": Sighting(new(observedAt="2026-07-01T09:00:00"), False, True),
    "thirtieth-of-february-accepted": Sighting(child(dateOfBirth="2014-02-30"), False, True),
    "referral-without-urgency-accepted": Sighting(new(urgency=None), False, True),
    "plain-text-body-accepted": Sighting(
        lambda s: raw(s, json.dumps(spelt(s)).encode(), "text/plain").status_code, 415, 201
    ),
    "untyped-body-taken-for-none": Sighting(lambda s: _untyped(s).status_code, 415, 201),
    "practitioner-role-not-needed": Sighting(_nurses_needed, False, True),
    # Good input refused
    "longest-family-name-refused": Sighting(child(familyName="x" * 60), True, False),
    "summer-time-offset-refused": Sighting(new(observedAt="2026-07-01T09:00:00+01:00"), True, False),
    "lower-case-postcode-refused": Sighting(child(postcode="zz99 3vz"), True, False),
    # Moments that are not kept
    "offset-of-an-observation-lost": Sighting(_observed("2026-07-01T12:00:00+01:00"), True, False),
    "hour-that-summer-time-repeats-confused": Sighting(_observed("2026-10-25T01:30:00Z"), True, False),
    # Crashes
    "emoji-crashes": Sighting(_crashes(lambda s: s.note(MINE, text=EMOJI)), False, True),
    "null-character-crashes": Sighting(_crashes(lambda s: s.search(familyName="a\0")), False, True),
    "untyped-body-crashes": Sighting(_crashes(_untyped), False, True),
    "null-body-crashes": Sighting(_crashes(lambda s: raw(s, b"null")), False, True),
    "deep-nesting-crashes": Sighting(_crashes(_deep), False, True),
    "apostrophe-crashes-search": Sighting(_crashes(lambda s: s.search(familyName="z'")), False, True),
    "second-delete-crashes": Sighting(lambda s: s.delete(_after_delete(s)[0]).status_code, 404, 500),
    "huge-number-crashes": Sighting(_crashes(lambda s: s.create(urgency=10**20)), False, True),
    # State
    "change-lost": Sighting(_changed_reads_back, "Changed.", "Often away from school since May."),
    "new-referral-cannot-be-read": Sighting(lambda s: s.read(s.made()).status_code, 200, 404),
    "deleted-referral-still-readable": Sighting(lambda s: _after_delete(s)[1], False, True),
    "deleted-referral-still-listed": Sighting(_still_listed, False, True),
    "list-leaves-out-new-referrals": Sighting(lambda s: s.made() in s.walk(50), True, False),
    # Headers
    "location-leads-nowhere": Sighting(_location, (200, True), (404, False)),
    "location-leads-to-another-referral": Sighting(_location, (200, True), (200, False)),
    "allow-missing": Sighting(_header("Allow", _refused_method), "GET, HEAD", None),
    "allow-names-methods-that-are-refused": Sighting(_allow_is_true, True, False),
    "no-challenge-with-401": Sighting(
        _header("WWW-Authenticate", lambda s: s.read(MINE, who="")), 'Bearer realm="referrals"', None
    ),
    "etag-unchanged-after-change": Sighting(_tag_changes, True, False),
    "personal-answers-may-be-kept": Sighting(
        _header("Cache-Control", lambda s: s.read(MINE)), "no-store", "public, max-age=3600"
    ),
    "refusals-may-be-kept": Sighting(
        _header("Cache-Control", lambda s: s.read(ANOTHER_ID)), "no-store", "public, max-age=3600"
    ),
    "correlation-not-echoed": Sighting(lambda s: _echo(s) == "sent-by-the-test", True, False),
    "any-website-may-read-with-credentials": Sighting(
        _header("Access-Control-Allow-Credentials", lambda s: s.read(MINE)), None, "true"
    ),
    # Refusals
    "refusal-repeats-the-value-sent": Sighting(_errors_have("tomorrow-or-so", _bad_value), False, True),
    "refusal-does-not-name-the-field": Sighting(
        lambda s: any(name in _bad_value(s).text for name in ("dateOfBirth", "date_of_birth")), True, False
    ),
    "stack-trace-in-refusal": Sighting(_errors_have("Traceback", _wrong_json), False, True),
    "database-speaks-in-refusal": Sighting(_errors_have("SELECT", lambda s: s.read(ANOTHER_ID)), False, True),
    "server-version-in-refusals": Sighting(lambda s: "Server" in s.read(ANOTHER_ID).headers, False, True),
    "refusal-as-plain-text": Sighting(
        lambda s: s.read(ANOTHER_ID).headers["Content-Type"] == s.style.error_media_type, True, False
    ),
    "refusal-states-another-status": Sighting(_status_in_problem, 404, 500),
}
