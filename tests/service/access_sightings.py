"""
How each defect in access, limits, repetition, pages and identifiers is seen.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import httpx

from service.session import OTHER, OWN, READER, Session
from service.sighting import MINE, SEEDED, THEIRS, Question, Sighting, child, raw, spelt, taken
from service.store import ORGANISATIONS
from service.tokens import AUDIENCE


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


def _restricted_when_made(session: Session) -> object:
    answer = session.call("POST", "/v1/referrals", json=session.new(restricted=True))
    return answer.is_success and answer.json()["restricted"]


def _restricted_by_change(session: Session) -> object:
    answer = session.change(MINE, extra={"restricted": True})
    return answer.is_success and session.read(MINE).json()["restricted"]


def _large_body(session: Session) -> object:
    return raw(session, json.dumps(spelt(session)).encode() + b" " * 70_000).status_code


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
    return taken(session.create(headers=key, urgency=5))


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
    return taken(session.change(MINE, tag=old, summary="Older."))


def _stale_delete(session: Session) -> object:
    old = session.tag(MINE)
    session.change(MINE, tag=old, summary="Newer.")
    return taken(session.call("DELETE", f"/v1/referrals/{MINE}", headers={"If-Match": old}))


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


def _practitioners(session: Session) -> httpx.Response:
    return session.call("GET", "/v1/practitioners", who="", params={"role": "school-nurse"})


def _as_other_by_header(session: Session) -> object:
    headers = {"X-Organisation-Id": ORGANISATIONS[1]}
    return session.call("GET", f"/v1/referrals/{THEIRS}", headers=headers).is_success


def _undeclared_in_list(session: Session) -> object:
    known = {"id", "status", "organisation", "createdAt", "primaryNeed", "urgency"}
    return sorted(set(session.body(session.page(5))["items"][0]) - known)


def _found(name: str) -> Question:
    return lambda session: len(session.ids(session.search(familyName=name)))


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


ACCESS: dict[str, Sighting] = {
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
        lambda s: taken(s.change(MINE, tag="", summary="Unconditional.")), False, True
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
    "nhs-check-digit-not-checked": Sighting(child(nhsNumber="9990001007"), False, True),
    "nhs-number-answered-as-number": Sighting(
        lambda s: s.body(s.read(s.made()))["child"]["nhsNumber"], "9990001073", 9990001073
    ),
    "pupil-number-letter-not-checked": Sighting(child(upn="A001000025001"), False, True),
    "learner-number-taken-for-nhs-number": Sighting(child(nhsNumber="9900000012"), False, True),
    "apostrophe-finds-everything": Sighting(_found("' or '1'='1"), 0, 7),
    "percent-sign-finds-everything": Sighting(_found("%"), 0, 7),
}
