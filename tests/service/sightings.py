"""
How each defect is seen: one question to the service, what the clean one answers, and what the defective one does.

Every defect of the table has its line here, and shows itself by nothing but what a user could see.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from service.session import ANOTHER_ID, OTHER, OWN, READER, Session
from service.store import ORGANISATIONS, seeded
from service.tokens import AUDIENCE

Question = Callable[[Session], object]
EMOJI = "\U0001f600"
SEEDED = list(seeded().referrals)
MINE, THEIRS = SEEDED[0], SEEDED[7]


@dataclass(frozen=True)
class Sighting:
    """A question, its answer from the clean service, and its answer with the defect."""

    question: Question
    clean: object
    defective: object


def _taken(response: httpx.Response) -> bool:
    return response.is_success


def _name_kept(name: str) -> Question:
    def ask(session: Session) -> object:
        made = session.made(child={"familyName": name})
        return session.body(session.read(made))["child"]["familyName"]

    return ask


def _new(**changes: Any) -> Question:
    return lambda session: _taken(session.create(**changes))


def _crashes(question: Callable[[Session], httpx.Response]) -> Question:
    return lambda session: question(session).status_code == 500


def _raw(session: Session, content: bytes, media_type: str = "application/json") -> httpx.Response:
    return session.call("POST", "/v1/referrals", content=content, headers={"Content-Type": media_type})


def _untyped(session: Session) -> httpx.Response:
    """The answer to a good body that has no Content-Type."""
    return session.call("POST", "/v1/referrals", content=json.dumps(_spelt(session)).encode())


def _deep(session: Session) -> httpx.Response:
    return _raw(session, b'{"a":' + b"[" * 40 + b"]" * 40 + b"}")


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


def _altered(session: Session, **claims: object) -> str:
    """The parts of a token with some claims altered, and its signature as it was."""
    head, payload, signature = session.tokens[OWN].split(".")
    held = json.loads(base64.urlsafe_b64decode(payload + "=="))
    written = base64.urlsafe_b64encode(json.dumps({**held, **claims}).encode()).rstrip(b"=").decode()
    return f"{head}.{written}.{signature}"


def _unsigned(session: Session) -> object:
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    token = f"{head}.{session.tokens[OWN].split('.')[1]}."
    return session.read(MINE, who=token).status_code


def _forged(session: Session) -> object:
    return session.read(THEIRS, who=_altered(session, organisation=ORGANISATIONS[1])).status_code


def _guessed_secret(session: Session) -> object:
    head, payload, signature = session.tokens[OWN].split(".")
    guess = hmac.new(b"secret", f"{head}.{payload}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(guess).rstrip(b"=").decode() == signature


def _token_with(**claims: object) -> Question:
    return lambda session: session.read(MINE, who=session.service.token(OWN, **claims)).status_code


def _foreign(question: Callable[[Session], httpx.Response]) -> Question:
    """Whether another organisation's object is refused as the style says, else what the answer is."""

    def ask(session: Session) -> object:
        status = question(session).status_code
        return "refused" if status == session.style.foreign else status

    return ask


def _closure_of_mine(session: Session) -> httpx.Response:
    closed = session.close(MINE)
    return session.call("GET", closed.headers["Location"], who=OTHER)


def _owner(session: Session) -> object:
    """Whose list a referral is in that names another organisation in its body."""
    answer = session.call("POST", "/v1/referrals", json=session.new(organisation=ORGANISATIONS[1]))
    return answer.is_success and answer.json()["organisation"] == ORGANISATIONS[1]


def _creator(session: Session) -> object:
    answer = session.call("POST", "/v1/referrals", json=session.new(createdBy="someone-else"))
    return answer.is_success and session.body(answer)["createdBy"] == "someone-else"


def _observed(text: str) -> Question:
    """Whether a time of observation comes back as the moment that it was."""

    def question(session: Session) -> object:
        answer = session.create(observedAt=text)
        came = session.body(answer)["observedAt"]
        return _moment(came) == _moment(text)

    return question


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00"))


def _restricted_when_made(session: Session) -> object:
    answer = session.call("POST", "/v1/referrals", json=session.new(restricted=True))
    return answer.is_success and answer.json()["restricted"]


def _restricted_by_change(session: Session) -> object:
    answer = session.change(MINE, extra={"restricted": True})
    return answer.is_success and session.read(MINE).json()["restricted"]


def _large_body(session: Session) -> object:
    return _raw(session, json.dumps(_spelt(session)).encode() + b" " * 70_000).status_code


def _spelt(session: Session) -> object:
    return json.loads(session.call("POST", "/v1/referrals", json=session.new()).request.content)


def _guesses(session: Session) -> list[httpx.Response]:
    return [session.token_answer(OWN, "wrong") for _ in range(25)]


def _requests(session: Session) -> list[int]:
    return [session.read(MINE).status_code for _ in range(8)]


def _told_apart(session: Session) -> object:
    known, unknown = session.token_answer(OWN, "wrong"), session.token_answer("nobody", "wrong")
    return (known.status_code, known.content) != (unknown.status_code, unknown.content)


def _replayed(session: Session) -> tuple[httpx.Response, httpx.Response]:
    key = {session.style.replay_header: "one-and-the-same-key"}
    return session.create(headers=key), session.create(headers=key)


def _same_again(session: Session) -> object:
    first, second = _replayed(session)
    return (first.status_code, first.json()) == (second.status_code, second.json())


def _made_by_replay(session: Session) -> object:
    before = len(session.walk(50))
    _replayed(session)
    return len(session.walk(50)) - before


def _key_again(session: Session) -> object:
    key = {session.style.replay_header: "one-and-the-same-key"}
    session.create(headers=key)
    return _taken(session.create(headers=key, urgency=5))


def _met_under_way(session: Session) -> object:
    """The status of a repetition that comes before the first answer is on its way."""
    session.answered = False
    return _replayed(session)[1].status_code


def _used_key(session: Session) -> object:
    key = {session.style.replay_header: "one-and-the-same-key"}
    session.create(headers=key)
    return session.create(headers=key, urgency=5).status_code == 500


def _stale(session: Session) -> object:
    old = session.tag(MINE)
    session.change(MINE, tag=old, summary="Newer.")
    return _taken(session.change(MINE, tag=old, summary="Older."))


def _stale_delete(session: Session) -> object:
    old = session.tag(MINE)
    session.change(MINE, tag=old, summary="Newer.")
    return _taken(session.call("DELETE", f"/v1/referrals/{MINE}", headers={"If-Match": old}))


def _walked(session: Session) -> tuple[int, int]:
    """Duplicates in, and losses from, the list read in pages of two."""
    seen = session.walk(2)
    return len(seen) - len(set(seen)), len(set(SEEDED[:7]) - set(seen))


def _during_arrival(session: Session) -> object:
    """How many items are on two neighbouring pages when a referral arrives between them."""
    first = session.page(2)
    session.create()
    position = session.onward(first, 2)
    second = session.page(2, position)
    return len(set(session.ids(first)) & set(session.ids(second)))


def _past_the_end(session: Session) -> object:
    position = {"offset": "500"} if session.style.paging == "offset" else {"page": "500"}
    return session.page(2, position).status_code


def _bad_cursor(session: Session) -> object:
    return session.page(2, {"cursor": "bm90LW91ci1jdXJzb3I"}).status_code


def _errors_have(text: str, question: Callable[[Session], httpx.Response]) -> Question:
    return lambda session: text in question(session).text


def _practitioners(session: Session) -> httpx.Response:
    return session.call("GET", "/v1/practitioners", who="", params={"role": "school-nurse"})


def _as_other_by_header(session: Session) -> object:
    headers = {"X-Organisation-Id": ORGANISATIONS[1]}
    return session.call("GET", f"/v1/referrals/{THEIRS}", headers=headers).is_success


def _status_in_problem(session: Session) -> object:
    return session.read(ANOTHER_ID).json()["status"]


def _nurses_needed(session: Session) -> object:
    return session.call("GET", "/v1/practitioners").is_success


def _undeclared_in_list(session: Session) -> object:
    known = {"id", "status", "organisation", "createdAt", "primaryNeed", "urgency"}
    return sorted(set(session.body(session.page(5))["items"][0]) - known)


def _found(name: str) -> Question:
    return lambda session: len(session.ids(session.search(familyName=name)))


def _moment_ends(session: Session) -> object:
    return bool(re.search(r"(Z|[+-]\d\d:\d\d)$", session.body(session.read(MINE))["createdAt"]))


def _null_name(session: Session) -> object:
    new = session.new()
    return _taken(
        session.call("POST", "/v1/referrals", json={**new, "child": {**new["child"], "givenName": None}})
    )


def _deleted_by_reading(session: Session) -> object:
    headers = {"X-HTTP-Method-Override": "DELETE"}
    session.call("GET", f"/v1/referrals/{MINE}", who=READER, headers=headers)
    return session.read(MINE).status_code == 404


def _changed_by_reading(session: Session) -> object:
    headers = {"X-HTTP-Method-Override": session.style.update, "If-Match": session.tag(MINE)}
    headers["Content-Type"] = session.style.update_media_type
    body = (
        {"summary": "By reading."} if session.style.update == "PATCH" else session.new(summary="By reading.")
    )
    session.call("GET", f"/v1/referrals/{MINE}", who=READER, headers=headers, json=body)
    return session.read(MINE).json()["summary"] == "By reading."


def _child(**child: object) -> Question:
    return _new(child=child)


def _wrong_json(session: Session) -> httpx.Response:
    return _raw(session, b'{"child": ')


SIGHTINGS: dict[str, Sighting] = {
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
    "people-with-one-name-refused": Sighting(_child(givenName=None), True, False),
    "creation-time-without-offset": Sighting(_moment_ends, True, False),
    # Wrong input taken
    "overlong-summary-accepted": Sighting(_new(summary="x" * 501), False, True),
    "overlong-note-accepted": Sighting(lambda s: _taken(s.note(MINE, text="x" * 2001)), False, True),
    "urgency-past-its-bound-accepted": Sighting(_new(urgency=6), False, True),
    "unknown-need-accepted": Sighting(_new(primaryNeed="weather"), False, True),
    "unknown-properties-accepted": Sighting(_new(colour="red"), False, True),
    "urgency-of-nothing-accepted": Sighting(_new(urgency=0), False, True),
    "urgency-as-text-accepted": Sighting(_new(urgency="high"), False, True),
    "empty-summary-accepted": Sighting(_new(summary=""), False, True),
    "null-accepted-for-a-name": Sighting(_null_name, False, True),
    "malformed-postcode-accepted": Sighting(_child(postcode="nowhere"), False, True),
    "observation-without-offset-accepted": Sighting(_new(observedAt="2026-07-01T09:00:00"), False, True),
    "thirtieth-of-february-accepted": Sighting(_child(dateOfBirth="2014-02-30"), False, True),
    "referral-without-urgency-accepted": Sighting(_new(urgency=None), False, True),
    "plain-text-body-accepted": Sighting(
        lambda s: _raw(s, json.dumps(_spelt(s)).encode(), "text/plain").status_code, 415, 201
    ),
    "untyped-body-taken-for-none": Sighting(lambda s: _untyped(s).status_code, 415, 201),
    "practitioner-role-not-needed": Sighting(_nurses_needed, False, True),
    # Good input refused
    "longest-family-name-refused": Sighting(_child(familyName="x" * 60), True, False),
    "summer-time-offset-refused": Sighting(_new(observedAt="2026-07-01T09:00:00+01:00"), True, False),
    "lower-case-postcode-refused": Sighting(_child(postcode="zz99 3vz"), True, False),
    # Moments that are not kept
    "offset-of-an-observation-lost": Sighting(_observed("2026-07-01T12:00:00+01:00"), True, False),
    "hour-that-summer-time-repeats-confused": Sighting(_observed("2026-10-25T01:30:00Z"), True, False),
    # Crashes
    "emoji-crashes": Sighting(_crashes(lambda s: s.note(MINE, text=EMOJI)), False, True),
    "null-character-crashes": Sighting(_crashes(lambda s: s.search(familyName="a\0")), False, True),
    "untyped-body-crashes": Sighting(_crashes(_untyped), False, True),
    "null-body-crashes": Sighting(_crashes(lambda s: _raw(s, b"null")), False, True),
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
    # Access
    "practitioners-open-to-everyone": Sighting(lambda s: _practitioners(s).status_code, 401, 200),
    "any-token-is-good-enough": Sighting(lambda s: s.read(MINE, who="any-text").status_code, 401, 200),
    "unsigned-token-accepted": Sighting(_unsigned, 401, 200),
    "signature-not-checked": Sighting(_forged, 401, 200),
    "signing-secret-can-be-guessed": Sighting(_guessed_secret, False, True),
    "expired-token-accepted": Sighting(_token_with(exp=1), 401, 200),
    "token-not-yet-valid-accepted": Sighting(_token_with(nbf=32503680000), 401, 200),
    "token-for-another-service-accepted": Sighting(_token_with(aud=f"{AUDIENCE}/other"), 401, 200),
    "token-of-another-issuer-accepted": Sighting(_token_with(iss="https://other.example"), 401, 200),
    "closing-needs-no-permission": Sighting(lambda s: s.close(THEIRS, who=OTHER).status_code, 403, 201),
    "deleting-needs-no-permission": Sighting(lambda s: s.delete(MINE, who=READER).status_code, 403, 204),
    "reading-permission-is-enough-to-write": Sighting(lambda s: s.create(who=READER).status_code, 403, 201),
    "reading-can-be-turned-into-deleting": Sighting(_deleted_by_reading, False, True),
    "reading-can-be-turned-into-changing": Sighting(_changed_by_reading, False, True),
    "referral-of-others-can-be-read": Sighting(_foreign(lambda s: s.read(MINE, who=OTHER)), "refused", 200),
    "referral-of-others-can-be-changed": Sighting(
        _foreign(lambda s: s.change(MINE, who=OTHER, summary="Theirs.")), "refused", 200
    ),
    "referral-of-others-can-be-deleted": Sighting(
        _foreign(lambda s: s.delete(MINE, who=OTHER)), "refused", 204
    ),
    "notes-of-others-can-be-read": Sighting(
        _foreign(lambda s: s.call("GET", f"/v1/referrals/{MINE}/notes", who=OTHER)), "refused", 200
    ),
    "notes-can-be-added-for-others": Sighting(_foreign(lambda s: s.note(MINE, who=OTHER)), "refused", 201),
    "closure-of-others-can-be-read": Sighting(_foreign(_closure_of_mine), "refused", 200),
    "list-shows-everyone": Sighting(lambda s: THEIRS in s.walk(50), False, True),
    "search-finds-everyone": Sighting(lambda s: len(s.ids(s.search(familyName="Testa"))), 1, 2),
    "organisation-taken-from-a-header": Sighting(_as_other_by_header, False, True),
    "organisation-can-be-chosen-in-the-body": Sighting(_owner, False, True),
    "creator-can-be-chosen": Sighting(_creator, False, True),
    "restriction-can-be-set-by-anyone": Sighting(_restricted_when_made, False, True),
    "restriction-can-be-changed-by-anyone": Sighting(_restricted_by_change, False, True),
    "list-shows-home-address": Sighting(_undeclared_in_list, [], ["homeAddress"]),
    # Limits
    "page-size-limit-ignored": Sighting(lambda s: s.page(51).is_success, False, True),
    "body-limit-not-enforced": Sighting(_large_body, 413, 201),
    "haste-refused-without-a-time": Sighting(lambda s: "Retry-After" in _guesses(s)[-1].headers, True, False),
    "haste-refused-beyond-its-time": Sighting(lambda s: _guesses(s)[-1].headers["Retry-After"], "60", "1"),
    "quota-not-enforced": Sighting(lambda s: 429 in _requests(s), True, False),
    "token-guesses-never-limited": Sighting(lambda s: _guesses(s)[-1].status_code, 429, 401),
    "unknown-client-told-apart": Sighting(_told_apart, False, True),
    # Repetition
    "replay-creates-twice": Sighting(_made_by_replay, 1, 2),
    "key-taken-for-another-body": Sighting(_key_again, False, True),
    "replay-answers-differently": Sighting(_same_again, True, False),
    "repetition-while-under-way-crashes": Sighting(_met_under_way, 201, 500),
    "used-key-crashes": Sighting(_used_key, False, True),
    "stale-change-accepted": Sighting(_stale, False, True),
    "stale-delete-accepted": Sighting(_stale_delete, False, True),
    "change-without-condition-accepted": Sighting(
        lambda s: _taken(s.change(MINE, tag="", summary="Unconditional.")), False, True
    ),
    # Pages
    "item-repeated-between-pages": Sighting(lambda s: _walked(s) == (0, 0), True, False),
    "item-lost-between-pages": Sighting(lambda s: _walked(s)[1] == 0, True, False),
    "bad-cursor-starts-again": Sighting(_bad_cursor, 400, 200),
    "bad-cursor-crashes": Sighting(_bad_cursor, 400, 500),
    "beyond-the-last-page-crashes": Sighting(_past_the_end, 200, 500),
    "page-longer-than-asked": Sighting(lambda s: len(s.ids(s.page(2))), 2, 3),
    "order-changes-between-calls": Sighting(lambda s: s.ids(s.page(5)) == s.ids(s.page(5)), True, False),
    "pages-never-end": Sighting(lambda s: s.onward(s.page(50), 50) is None, True, False),
    "total-is-too-high": Sighting(lambda s: s.page(50).json()["total"], 7, 8),
    "arrivals-shift-the-pages": Sighting(_during_arrival, 0, 1),
    # Identifiers and searches
    "nhs-check-digit-not-checked": Sighting(_child(nhsNumber="9990001007"), False, True),
    "nhs-number-answered-as-number": Sighting(
        lambda s: s.body(s.read(s.made()))["child"]["nhsNumber"], "9990001073", 9990001073
    ),
    "pupil-number-letter-not-checked": Sighting(_child(upn="A001000025001"), False, True),
    "learner-number-taken-for-nhs-number": Sighting(_child(nhsNumber="9900000012"), False, True),
    "apostrophe-finds-everything": Sighting(_found("' or '1'='1"), 0, 7),
    "percent-sign-finds-everything": Sighting(_found("%"), 0, 7),
}
